package proof

import (
	"fmt"
	"slices"
	"strings"
)

// Need is what must be done by hand about one role before a deploy can work.
type Need struct {
	Role string
	// Stage, and Step where only one step needs it.
	Stage, Step string
	// Title is the need in a few words, and Text what is to be done.
	Title, Text string
	// Undecided is true where it may not be needed: files alone do not tell.
	Undecided bool
}

// Needs lists what the roles lack, and what they have too much of, in the order of the plan; empty when all is proved.
func (r *Result) Needs() []Need {
	var needs []Need
	for _, role := range r.lacking() {
		n := Need{Role: role, Undecided: true}
		steps := map[string]bool{}
		var actions, why []string
		for i := range r.Calls {
			c := &r.Calls[i]
			if c.Role != role || c.Verdict == Proved {
				continue
			}
			if n.Stage == "" {
				n.Stage = c.Stage
			}
			n.Step, n.Undecided = c.Step, n.Undecided && c.Verdict == Undecided
			steps[c.Step] = true
			if !slices.Contains(actions, c.Action) {
				actions, why = append(actions, c.Action), append(why, c.Action+": "+c.Why)
			}
		}
		if len(steps) > 1 {
			n.Step = ""
		}
		n.Title = "role " + roleName(role) + " lacks " + strings.Join(actions, ", ")
		n.Text = strings.Join(why, "\n") + r.remedy(role, &n)
		needs = append(needs, n)
	}
	for _, e := range r.Escalations {
		needs = append(needs, Need{Role: e.Role, Stage: e.Stage, Title: "role " + roleName(e.Role) + " reaches more than it holds", Text: e.Path})
	}
	return needs
}

// remedy is what to add to a role. A role that is not there at all has another title.
func (r *Result) remedy(role string, n *Need) string {
	i := slices.IndexFunc(r.Roles, func(l Lack) bool { return l.Role == role })
	if i < 0 {
		return ""
	}
	lack := r.Roles[i]
	if lack.Missing {
		n.Title = "role " + roleName(role) + " is missing"
		if lack.theirs {
			return "\n\nit is yours, and slipway does not render it. " + giveTheirs
		}
		return "\n\ncreate it as slipway roles render --format json --out DIR writes it"
	}
	return statementsText("add to a policy of the role:", lack.Add) + statementsText("add to the role's trust policy:", lack.Trust)
}

func statementsText(title string, statements []Statement) string {
	if len(statements) == 0 {
		return ""
	}
	texts := make([]string, len(statements))
	for i, s := range statements {
		texts[i] = s.JSON
	}
	return "\n\n" + title + "\n" + strings.Join(texts, ",\n")
}

// Note is the needs as Markdown, for the pull request that brings them about (R122); empty when there are none.
func (r *Result) Note() string {
	needs := r.Needs()
	if len(needs) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("### Before this can be deployed, an operator must change\n")
	for _, n := range needs {
		doubt := ""
		if n.Undecided {
			doubt = " (undecided: the files alone do not tell)"
		}
		fence := fenceOf(n.Text)
		fmt.Fprintf(&b, "\n**%s**%s, for stage `%s`: `%s`\n\n%s\n%s\n%[5]s\n", n.Title, doubt, n.Stage, n.Role, fence, n.Text)
	}
	return b.String()
}

// fenceOf is what begins and ends a block with a text that quotes policies, and may hold anything: longer than what is in it.
func fenceOf(text string) string {
	fence := "~~~~"
	for strings.Contains(text, fence) {
		fence += "~"
	}
	return fence
}
