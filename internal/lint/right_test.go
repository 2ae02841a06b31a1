package lint

import (
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/slipway-cd/slipway/internal/finding"
)

// TestRightPoliciesCarryNothing: deploy roles, nodes, runbooks, boundaries, policies of organizations, keys, buckets, endpoints
// and trust policies as AWS's documentation has them carry no error and no warning.
func TestRightPoliciesCarryNothing(t *testing.T) {
	t.Parallel()
	archive, err := txtar.ParseFile("testdata/right.txtar")
	if err != nil || len(archive.Files) < 100 {
		t.Fatalf("%d files, %v", len(archive.Files), err)
	}
	for _, f := range archive.Files {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			file := File{Name: f.Name, Content: f.Data}
			if kind := KindOf(file); kind != KindPolicy && kind != KindTemplate {
				t.Fatalf("it is taken for %q", kind)
			}
			for _, found := range Run(Input{Files: []File{file}}).Findings {
				if found.Severity != finding.Info {
					t.Error(found)
				}
			}
		})
	}
}
