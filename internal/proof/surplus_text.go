package proof

import (
	"fmt"
	"slices"
	"strings"
)

// unseen lists what AWS would ask too and the proof was not given.
func unseen(given []Role) (list []string) {
	if !slices.ContainsFunc(given, func(r Role) bool { return r.SCPs != nil }) {
		list = append(list, "service control policies (prove --scp FILE gives them)")
	}
	return append(list, "resource control policies", "policies of VPC endpoints", "session policies")
}

// SurplusText tells people what the roles hold that no call needs, and what the proof did not look at. exact says that
// nothing of that may be.
func (r *Result) SurplusText(exact bool) string {
	var b strings.Builder
	if len(r.Surplus) > 0 {
		r.surplusHead(&b, exact)
	}
	role, policy, statement := "", "", ""
	for i := range r.Surplus {
		s := &r.Surplus[i]
		if s.Role != role {
			role, policy, statement = s.Role, "", ""
			fmt.Fprintf(&b, "\n%s\n", role)
		}
		if s.Policy != policy {
			policy, statement = s.Policy, ""
			wrapped(&b, "  ", "", "in "+policy)
		}
		if s.Statement != statement {
			statement = s.Statement
			wrapped(&b, "    ", "", s.where())
		}
		wrapped(&b, "      ", "", s.Text)
	}
	if r.Verdict != Refuted && len(r.Unseen) > 0 {
		if len(r.Surplus) > 0 {
			b.WriteByte('\n')
		}
		wrapped(&b, "", "not looked at: ", strings.Join(r.Unseen, ", "))
	}
	return b.String()
}

func (s *Surplus) where() string {
	if s.Line > 0 {
		return fmt.Sprintf("statement %s at %d:%d", s.Statement, s.Line, s.Column)
	}
	return "statement " + s.Statement
}

func (r *Result) surplusHead(b *strings.Builder, exact bool) {
	roles, statements, unknown, unbounded := map[string]bool{}, map[[3]string]bool{}, 0, 0
	for i := range r.Surplus {
		s := &r.Surplus[i]
		if s.Kind == SurplusUnknown {
			unknown++
			continue
		}
		if s.Kind == SurplusBoundary {
			unbounded++
			continue
		}
		roles[s.Role] = true
		statements[[3]string{s.Role, s.Policy, s.Statement}] = true
	}
	var parts []string
	if n := len(statements); n > 0 {
		parts = append(parts, fmt.Sprintf("%d %s of %d %s %s what no call of the plan needs",
			n, plural("statement", n), len(roles), plural("role", len(roles)), verb("allow", n)))
	}
	if unbounded > 0 {
		parts = append(parts, fmt.Sprintf("%d %s the permissions boundary of the release", unbounded, plural("role", unbounded)+" "+verb("lack", unbounded)))
	}
	if unknown > 0 {
		parts = append(parts, fmt.Sprintf("%d cannot be told", unknown))
	}
	hint := ""
	if !exact {
		hint = " (a warning; with --exact it fails)"
	}
	fmt.Fprintf(b, "\nsurplus: %s%s\n", strings.Join(parts, ", and "), hint)
}

func verb(word string, n int) string {
	if n == 1 {
		return word + "s"
	}
	return word
}
