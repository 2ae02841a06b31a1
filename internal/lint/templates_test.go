package lint

import (
	"fmt"
	"path/filepath"
	"slices"
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

// TestDocumentsThatAreNotLookedAt: a template that is too large for its documents to be read is not told to be clean.
func TestDocumentsThatAreNotLookedAt(t *testing.T) {
	t.Parallel()
	const document = "Resources:\n  Doc: {Type: AWS::SSM::Document, Properties: {Content: {schemaVersion: '2.2'}}}\n"
	for name, more := range map[string]string{
		"bytes":  "# " + strings.Repeat("x", 1<<20) + "\n",
		"values": "Metadata: [" + strings.Repeat("1,", 250_000) + "1]\n",
	} {
		found := Run(Input{Files: []File{{Name: "t.yaml", Content: []byte(document + more)}}}).Findings
		if !slices.ContainsFunc(found, func(f finding.Finding) bool {
			return f.Code == "SLW300" && strings.Contains(f.Message, "were not looked at")
		}) {
			t.Errorf("%s: %v", name, found)
		}
	}
}
