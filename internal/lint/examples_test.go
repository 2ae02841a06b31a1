package lint

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
	"github.com/slipway-cd/slipway/internal/roles"
)

// TestRolesOfExamplesAreClean: what is rendered is not found fault with, but for what the release itself chose.
func TestRolesOfExamplesAreClean(t *testing.T) {
	t.Parallel()
	chosen := map[string][]string{
		// The example is D0's workflow, which sends AWS-RunShellScript.
		"two-roles-trap": {"SLW028"},
	}
	// Steps without a log group: what the nodes say is kept by Systems Manager only.
	const noLogGroup = "SLW058"
	releases, err := filepath.Glob("../../examples/*/slipway.yaml")
	if err != nil || len(releases) < 3 {
		t.Fatalf("%d examples: %v", len(releases), err)
	}
	for _, file := range releases {
		name := filepath.Base(filepath.Dir(file))
		var codes []string
		report := Run(Input{Files: rendered(t, file)})
		for _, f := range report.Findings {
			if f.Code != noLogGroup {
				codes = append(codes, string(f.Code))
			}
		}
		slices.Sort(codes)
		if diff := cmp.Diff(chosen[name], slices.Compact(codes)); diff != "" {
			t.Errorf("%s: -want +got:\n%s%v", name, diff, report.Findings)
		}
	}
}

// rendered are the files of a release's roles.
func rendered(t *testing.T, file string) []File {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r, err := release.Parse(file, source, release.Options{Files: os.DirFS(filepath.Dir(file))})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.New(r)
	if err != nil {
		t.Fatal(err)
	}
	set, err := roles.Render(p)
	if err != nil {
		t.Fatal(err)
	}
	contents := roles.Write(set)
	var files []File
	for _, name := range slices.Sorted(maps.Keys(contents)) {
		files = append(files, File{Name: name, Content: contents[name]})
	}
	return files
}
