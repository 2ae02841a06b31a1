package shell

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCallsAreFollowed: into scripts that are called or sourced, sh -c, functions, pipes and substitutions; an expression
// takes no place away.
func TestCallsAreFollowed(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"ci/deploy.sh": "#!/bin/bash\nsource ./ci/lib.sh\n\ndeploy() {\n  aws ssm send-command --document-name x\n}\ndeploy\n",
		"ci/lib.sh":    "id=`aws sts assume-role`\n",
		"loop.sh":      "./loop.sh\n",
	}
	p := Analyze(Sequence{Read: func(path string) ([]byte, bool) { text, ok := files[path]; return []byte(text), ok }, Scripts: []Script{{
		File:  "w.yml",
		Text:  "bash ci/deploy.sh\necho ${{ inputs.x }} | aws ssm get-command-invocation --command-id '${{ steps.a.outputs.id }}'\nsh -c 'aws s3 ls'\n./loop.sh\n",
		Place: func(line, column int) (int, int) { return line + 10, column + 4 },
	}}})
	var got []string
	for _, c := range p.Calls {
		if c.Service != "" {
			got = append(got, fmt.Sprintf("%s:%d:%d %s %s", c.File, c.Line, c.Column, c.Service, c.Operation))
		}
	}
	want := []string{"ci/lib.sh:1:5 sts assume-role", "ci/deploy.sh:5:3 ssm send-command", "w.yml:12:28 ssm get-command-invocation", "w.yml:13:5 s3 ls"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, c := range p.Calls {
		if id, ok := c.Flag("--command-id"); ok && (id.Whole || id.Written != "${{ steps.a.outputs.id }}") {
			t.Errorf("got %+v", id)
		}
	}
}

func TestUnreadScripts(t *testing.T) {
	t.Parallel()
	p := Analyze(Sequence{Scripts: []Script{{File: "a", Text: "date\nif then"}, {File: "b", Interpreter: "python", Text: "if then"}}})
	if len(p.Unread) != 1 || p.Unread[0].File != "a" || p.Unread[0].Line != 2 || !strings.Contains(p.Unread[0].Why, "if") {
		t.Errorf("got %+v", p.Unread)
	}
}

// Scripts that call each other many times are not read for ever.
func TestCirclesOfScripts(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("./x.sh\nbash -c './x.sh; aws ssm list-commands'\n", 30)
	p := Analyze(Sequence{Scripts: []Script{{File: "x.sh", Text: text}}, Read: func(string) ([]byte, bool) { return []byte(text), true }})
	if n := len(p.Calls); n < 60 || n > 60*maxTexts {
		t.Errorf("got %d calls", n)
	}
}
