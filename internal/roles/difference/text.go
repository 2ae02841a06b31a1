package difference

import (
	"fmt"
	"strings"
)

// most is how many differences of one kind are told of a role; JSON has all.
const most = 20

// Text tells the differences, role by role. Roles that are the same are counted only.
func (r *Result) Text() string {
	var b strings.Builder
	same := 0
	for i := range r.Roles {
		if r.Roles[i].Verdict == Same {
			same++
			continue
		}
		r.Roles[i].text(&b, r)
	}
	fmt.Fprintf(&b, "%s: %d of %d roles are the same in %s and %s\n", r.Verdict, same, len(r.Roles), r.Want, r.Have)
	return b.String()
}

func (role *Role) text(b *strings.Builder, r *Result) {
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
	accesses(b, role.More, "may, and should not")
	accesses(b, role.Less, "should, and may not")
	for _, text := range role.Unclear {
		b.WriteString("  cannot be told: " + text + "\n")
	}
	b.WriteByte('\n')
}

var verbs = map[string]string{"policies": "", "trust": "be assumed by others: ", "boundary": "within its boundary "}

func accesses(b *strings.Builder, list []Access, what string) {
	for i, a := range list {
		if i == most {
			fmt.Fprintf(b, "  %s: %d more, which --output json lists\n", what, len(list)-most)
			return
		}
		fmt.Fprintf(b, "  %s: %s%s\n", what, verbs[a.Kind], a.Text)
		example := a.Request
		if a.Kind != "trust" { // the same for whoever has the policies
			example.Principal, example.Account = "", ""
		}
		fmt.Fprintf(b, "    for example %s\n    by %s\n", example, a.Statement)
	}
}
