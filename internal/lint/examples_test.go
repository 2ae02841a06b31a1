package lint

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/ci"
	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/render"
)

// chosen are findings of what a release itself chose: to send AWS-RunShellScript, as D0's workflow does, and a user with keys.
var chosen = map[string][]string{
	"two-roles-trap": {"SLW028"}, "full": {"SLW028"}, "rollout": {"SLW028"}, "ci-users": {"SLW089"},
}

// TestWhatIsRenderedIsClean: in nothing that slipway renders does it find fault, in whatever language, but with what the
// release itself chose. Infos are left: that a release without ci is entered by whom its accounts' administrators let in is
// worth a look.
func TestWhatIsRenderedIsClean(t *testing.T) {
	t.Parallel()
	examples, err := filepath.Glob("../../examples/*/slipway.yaml")
	if err != nil || len(examples) < 5 {
		t.Fatalf("%d examples: %v", len(examples), err)
	}
	for _, file := range examples {
		name := filepath.Base(filepath.Dir(file))
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clean(t, name, file, os.DirFS(filepath.Dir(file)))
		})
	}
	more, err := filepath.Glob("../release/testdata/good/*.yaml")
	if err != nil || len(more) < 9 {
		t.Fatalf("%d releases: %v", len(more), err)
	}
	for _, file := range more {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clean(t, name, file, scriptsOf(t, file))
		})
	}
}

// clean lints what is rendered of a release.
func clean(t *testing.T, name, file string, files fs.FS) {
	t.Helper()
	r, p := planned(t, file, files)
	whole := written(t, r, p)
	for _, what := range slices.Sorted(maps.Keys(whole)) {
		var in []File
		for _, name := range slices.Sorted(maps.Keys(whole[what])) {
			f := File{Name: name, Content: whole[what][name]}
			if KindOf(f) == KindNone {
				t.Errorf("%s: %s is no file that lint knows", what, name)
			}
			in = append(in, f)
		}
		var codes []string
		report := Run(Input{Files: in})
		for _, f := range report.Findings {
			if f.Severity != finding.Info {
				codes = append(codes, string(f.Code))
			}
			if f.Code == "SLW058" {
				t.Errorf("%s: where output goes is the release's to say: %v", what, f)
			}
		}
		slices.Sort(codes)
		codes = slices.Compact(codes)
		var want []string
		if what == "json" || what == "cloudformation" || what == "stack set" { // the roles
			want = chosen[name]
		}
		if diff := cmp.Diff(want, codes); diff != "" {
			t.Errorf("%s: -want +got:\n%s%v", what, diff, report.Findings)
		}
	}
}

// written is everything that is rendered of a release, by what it is.
func written(t *testing.T, r *release.Release, p *plan.Plan) map[string]map[string][]byte {
	t.Helper()
	set, err := roles.Render(p)
	if err != nil {
		t.Fatal(err)
	}
	if set.SCPs, err = roles.ServiceControlPolicies(set, []string{p.Stages[0].Region}, nil); err != nil {
		t.Fatal(err)
	}
	whole := map[string]map[string][]byte{"json": roles.Write(set)}
	for what, write := range map[string]func(*roles.Set, render.Options) (map[string][]byte, error){
		"cloudformation": render.CloudFormation, "stack set": render.StackSet, "monitoring": render.Monitoring, "organization": render.Organization,
	} {
		files, err := write(set, render.Options{App: r.App, Providers: true})
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		whole[what] = files
	}
	if text, err := ci.GitHub(r, p, ci.Options{File: "slipway.yaml"}); err == nil {
		whole["pipeline of GitHub"] = map[string][]byte{".github/workflows/deploy.yml": []byte(text)}
	}
	if specs, err := ci.CodeBuild(r, p, ci.Options{File: "slipway.yaml"}); err == nil {
		whole["pipeline of CodeBuild"] = map[string][]byte{}
		for _, f := range specs {
			whole["pipeline of CodeBuild"][f.Name] = []byte(f.Content)
		}
	}
	return whole
}

// planned is a release file, and its plan.
func planned(t *testing.T, file string, files fs.FS) (*release.Release, *plan.Plan) {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r, err := release.Parse(file, source, release.Options{Files: files})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.New(r)
	if err != nil {
		t.Fatal(err)
	}
	return r, p
}

const runbook = `schemaVersion: "0.3"
assumeRole: "{{ AutomationAssumeRole }}"
parameters:
  AutomationAssumeRole: {type: "AWS::IAM::Role::Arn"}
  Bucket: {type: String}
mainSteps:
  - {name: warm, action: "aws:invokeLambdaFunction", inputs: {FunctionName: web-warm}}
`

// scriptsOf are the scripts and runbooks that a release file names, each of which does nothing.
func scriptsOf(t *testing.T, file string) fs.FS {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	for word := range strings.FieldsFuncSeq(string(source), func(r rune) bool { return strings.ContainsRune(" \n\t,{}[]\"'", r) }) {
		if name := filepath.ToSlash(filepath.Clean(word)); strings.HasSuffix(name, ".sh") {
			files[name] = &fstest.MapFile{Data: []byte("#!/bin/bash\ntrue\n"), Mode: 0o755}
		} else if strings.HasPrefix(name, "runbooks/") {
			files[name] = &fstest.MapFile{Data: []byte(runbook)}
		}
	}
	return files
}
