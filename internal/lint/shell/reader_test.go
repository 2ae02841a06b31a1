package shell

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/finding"
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

// TestUnlooked: SLW138 says what was not looked at, so that nothing found is not taken for nothing wrong.
func TestUnlooked(t *testing.T) {
	t.Parallel()
	send := "aws ssm send-command --document-name shop-release --instance-ids i-0123456789abcdef0 || true\n"
	circle := map[string]string{"a.sh": strings.Repeat("./b.sh\n", 20), "b.sh": strings.Repeat("./c.sh\n", 20), "c.sh": "date\n"}
	for _, test := range []struct{ name, text, want string }{
		{"large", strings.Repeat("echo a line of data that is printed\n", 40_000) + send, "a.sh:1:1 warning"},
		{"as large as is read", strings.Repeat("# "+strings.Repeat("-", 97)+"\n", 10_000) + send, ""},
		{"long", strings.Repeat("echo a\n", 70_000) + send, "a.sh:70001:1 info"},
		{"open", strings.Repeat("ls || ls\n", 2000) + send, "a.sh:2001:1 info"},
		{"many", circle["a.sh"], "c.sh:1:1 warning"},
		{"calls itself", "poll() { aws ssm get-command-invocation --command-id x --instance-id y; poll; }\n" + send + "poll", "a.sh:2:1 info"},
	} {
		p := Analyze(Sequence{Scripts: []Script{{File: "a.sh", Text: test.text}}, Read: func(name string) ([]byte, bool) { return []byte(circle[name]), circle[name] != "" }})
		var got []string
		for _, f := range p.Findings() {
			if f.Code == "SLW138" {
				got = append(got, fmt.Sprintf("%s:%d:%d %s", f.File, f.Line, f.Column, f.Severity))
			}
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: got %v, want %q", test.name, got, test.want)
		}
	}
}

// TestUnreadIsCertain: an error is what no shell takes; where shells may know more than the parser it is a warning.
func TestUnreadIsCertain(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]finding.Severity{
		"if [ x; then": finding.Error, "echo 'a": finding.Error, "echo $(date": finding.Error, "a && ; b": finding.Error, "{ date }": finding.Error,
		"done": finding.Error, "while true do date; done": finding.Error, "if true; then; fi": finding.Error, "fi": finding.Error, "date; }": finding.Error,
		"a[foo bar]=1": finding.Warning, "echo $((date); (date))": finding.Warning, "! ! date": finding.Warning, "cat <<EOF\na": finding.Warning,
		"x=1 y=(1 2) date": finding.Warning, "echo " + strings.Repeat(`"$a"`, 3000): finding.Warning,
		"cat <<EOF\na )\nEOF": "", "x=(1 2)": "", "if [ x; then date; fi": "", "#!/usr/bin/python\nif": "",
	} {
		got := finding.Severity("")
		for _, u := range Syntax(text) {
			got = u.severity
		}
		if got != want {
			t.Errorf("%.40q: %q, want %q", text, got, want)
		}
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
