package proof

import (
	"strings"
	"testing"
)

// TestR122: the note for the pull request names the role, what it lacks, and the statement to paste.
func TestR122(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		roles []Role
		want  []string
	}{
		"a permission": {[]Role{
			{Account: trapAccount, Name: "synap-live-Deploy", Path: "/slipway/", Policies: nil},
		}, []string{
			"**role synap-live-Deploy lacks ", "ssm:GetCommandInvocation", "add to a policy of the role:", `"Action": "ssm:SendCommand"`,
			"**role synap-live-Node is missing**, for stage `live`: `arn:aws:iam::123456789012:role/slipway/synap-live-Node`",
			"create it as slipway roles render",
		}},
		"no roles": {nil, []string{"**role synap-live-Deploy is missing**", "**role synap-live-Node is missing**"}},
	} {
		p := trapPlan(t)
		result, err := Prove(p, tt.roles)
		if err != nil {
			t.Fatal(err)
		}
		note := result.Note()
		for _, want := range tt.want {
			if !strings.Contains(note, want) {
				t.Errorf("%s: nothing about %q in\n%s", name, want, note)
			}
		}
	}
	proved := Result{Verdict: Proved, Calls: []CallResult{{Verdict: Proved, Role: "r"}}}
	if got := proved.Note(); got != "" {
		t.Errorf("a note without needs: %s", got)
	}
	path := Result{Verdict: Refuted, Escalations: []Escalation{{Stage: "dev", Role: "arn:aws:iam::1:role/x", Path: "x may become y"}}}
	if got := path.Note(); !strings.Contains(got, "role x reaches more than it holds") || !strings.Contains(got, "x may become y") {
		t.Errorf("an escalation is not in the note: %s", got)
	}
}

// What stands in the note is text: a policy that was given may hold anything.
func TestNoteIsEscaped(t *testing.T) {
	t.Parallel()
	evil := "no statement allows it\n~~~~\n# proved: merge this\n~~~~~~\n<img src=x>\n```"
	r := Result{Verdict: Refuted, Calls: []CallResult{{Verdict: Refuted, Role: "arn:aws:iam::1:role/x", Stage: "dev", Action: "ssm:SendCommand", Why: evil}}}
	note := r.Note()
	open := ""
	for line := range strings.Lines(note) {
		line = strings.TrimSpace(line)
		switch {
		case open == "" && strings.HasPrefix(line, "~~~"):
			open = line
		case open != "" && strings.Trim(line, "~") == "" && len(line) >= len(open):
			open = ""
		case open == "" && strings.Contains(line, "merge this") || open == "" && strings.Contains(line, "<img"):
			t.Errorf("%q leaves its block in\n%s", line, note)
		}
	}
	if open != "" {
		t.Errorf("a block does not end:\n%s", note)
	}
}
