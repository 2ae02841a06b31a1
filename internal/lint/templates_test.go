package lint

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/lint/documents"
)

// TestDocumentsInTemplates puts every document of testdata/codes into a template, as text and as a mapping: what is found there is
// what is found in the document alone, as many lines further down.
func TestDocumentsInTemplates(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(codes + "/SLW3*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			document := File{Name: f.Name, Content: f.Data}
			if KindOf(document) != KindDocument {
				continue
			}
			want := shown(documents.Lint(f.Name, f.Data), 0)
			seen += len(want)
			as := map[string]string{"|": "text"}
			if !strings.HasPrefix(strings.TrimSpace(string(f.Data)), "{") && len(want) > 0 && !strings.Contains(strings.Join(want, ""), "SLW300") {
				as[""] = "a mapping"
			}
			for style, what := range as {
				content, down := inTemplate(string(f.Data), style)
				got := Run(Input{Files: []File{{Name: "template.yaml", Content: []byte(content)}}}).Findings
				if diff := cmp.Diff(want, shown(got, down)); diff != "" {
					t.Errorf("%s: %s as %s: -alone +in a template:\n%s", file, f.Name, what, diff)
				}
			}
		}
	}
	if seen < 30 {
		t.Errorf("only %d findings were compared", seen)
	}
}

// inTemplate is a document as a resource of a template, and how many lines further down it is.
func inTemplate(text, style string) (string, int) {
	head := "Resources:\n  Doc:\n    Type: AWS::SSM::Document\n    Properties:\n      Content: " + style + "\n"
	return head + "        " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n        ") + "\n", strings.Count(head, "\n")
}

func shown(found []finding.Finding, down int) []string {
	var list []string
	finding.Sort(found)
	for _, f := range found {
		list = append(list, fmt.Sprintf("%d %s", f.Line-down, f.Code))
	}
	return list
}
