package difference

import (
	"fmt"
	"strings"

	"github.com/slipway-cd/slipway/internal/policy"
)

// most is how many differences of one kind are told of a role; JSON has all.
const most = 20

// Text tells the differences, role by role. Roles that are the same are counted only.
func (r *Result) Text() string {
	var b strings.Builder
	for i := range r.Roles {
		if r.Roles[i].Verdict != Same {
			r.Roles[i].text(&b, r)
		}
	}
	b.WriteString(r.summary())
	return b.String()
}

// summary counts what the verdict is about.
func (r *Result) summary() string {
	count, what := map[Verdict]int{}, "roles"
	for i := range r.Roles {
		count[r.Roles[i].Verdict]++
		if r.Roles[i].Kind != "" {
			what = "roles, users and policies of buckets"
		}
	}
	told := map[Verdict]string{Same: "are the same", Different: "are not the same", Undecided: "cannot be told to be the same"}
	text := fmt.Sprintf("%s: %d of %d %s %s in %s and %s", r.Verdict, count[r.Verdict], len(r.Roles), what, told[r.Verdict], r.Want, r.Have)
	if n := count[Undecided]; n > 0 && r.Verdict == Different {
		text += fmt.Sprintf(", and %d cannot be told", n)
	}
	return text + "\n"
}

func (role *Role) text(b *strings.Builder, r *Result) {
	if role.Kind == kindBucket {
		b.WriteString("the policy of ")
	}
	if role.Kind != "" {
		b.WriteString(role.Kind + " ")
	}
	fmt.Fprintf(b, "%s in account %s", role.Name, role.Account)
	if role.Place != "" {
		fmt.Fprintf(b, " (%s)", role.Place)
	}
	b.WriteByte('\n')
	switch {
	case role.Missing:
		fmt.Fprintf(b, "  missing: only %s has it\n", r.Want)
	case role.Extra:
		fmt.Fprintf(b, "  extra: only %s has it\n", r.Have)
	}
	for _, text := range role.Other {
		b.WriteString("  " + text + "\n")
	}
	wanted := ", as " + r.Want + " has it" // which is not among the given files
	accesses(b, role.More, "may, and should not", "", wanted)
	accesses(b, role.Less, "should, and may not", wanted, "")
	for _, text := range role.Unclear {
		b.WriteString("  cannot be told: " + text + "\n")
	}
	b.WriteByte('\n')
}

var verbs = map[string]string{"policies": "", "trust": "be assumed by others: ", "boundary": "within its boundary ", kindBucket: "let others do "}

// accesses lists differences. Whose says from where their statements are, others from where those are that deny them.
func accesses(b *strings.Builder, list []Access, what, whose, others string) {
	for i, a := range list {
		if i == most {
			fmt.Fprintf(b, "  %s: %d more, which --output json lists\n", what, len(list)-most)
			return
		}
		text := a.Text
		if a.Denied != nil {
			text = fmt.Sprintf("what %s%s takes away of %s", statementText(*a.Denied, others), others, a.Text)
		}
		fmt.Fprintf(b, "  %s: %s%s\n", what, verbs[a.Kind], text)
		example := a.Request
		if a.Kind != "trust" && a.Kind != kindBucket { // the same for whoever has the policies
			example.Principal, example.Account = "", ""
		}
		fmt.Fprintf(b, "    for example %s\n    by %s%s\n", example, statementText(a.Statement, whose), whose)
		if a.Bounded {
			b.WriteString("    which its permissions boundary takes away all the same\n")
		}
	}
}

// statementText names a statement. One of the release is in no file: its name is told, and not the file that it would be in.
func statementText(p policy.Place, whose string) string {
	if whose != "" {
		return fmt.Sprintf("statement %s (%s)", p.Statement, p.Effect)
	}
	return p.String()
}
