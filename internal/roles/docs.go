package roles

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// Docs is the table for reviewers, in Markdown: per account and role who may enter, what it may do, for which step and in
// which circumstances, and why each star is one. It begins with the two permissions that are easily taken for one (R18).
func Docs(app string, s *Set) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Roles of %s\n\n`slipway roles docs` writes this file from the release; it is not edited by hand.\n", cell(app))
	b.WriteString(`
## Sending a command and reading what became of it are two permissions

Granting one never grants the other, and they are limited differently. ` + "`ssm:SendCommand`" + ` is limited to the documents and the
nodes of the release. ` + "`ssm:GetCommandInvocation`" + ` has no resource that it could be limited to: ` + "`*`" + ` is all that IAM takes there.
A role that has the first only ships, and its pipeline cannot see it: a loop that swallows the AccessDenied waits until its
timeout, the job goes red, and somebody ships again or rolls back what worked.

`)
	s.pairs(&b)
	for _, account := range s.accounts() {
		fmt.Fprintf(&b, "\n## Account %s\n", account)
		in := s.In(account)
		for i := range in.Roles {
			in.Roles[i].docs(&b)
		}
		for i := range in.Users {
			in.Users[i].docs(&b)
		}
		for _, bucket := range in.Buckets {
			fmt.Fprintf(&b, "\n### Policy of the bucket %s\n", bucket.Name)
			permissionsTable(&b, []permission{{document: bucket.Policy, notes: bucket.Notes}}, true)
		}
	}
	return b.String()
}

// accounts are those of the set, sorted.
func (s *Set) accounts() []string {
	var out []string
	for _, r := range s.Roles {
		out = add(out, r.Account)
	}
	for _, u := range s.Users {
		out = add(out, u.Account)
	}
	for _, b := range s.Buckets {
		out = add(out, b.Account)
	}
	slices.Sort(out)
	return out
}

// permission is a policy of a role or user, whichever way it has it.
type permission struct {
	document *iam.Document
	notes    []Note
}

func (h held) permissions() []permission {
	var out []permission
	for _, p := range h.policies {
		out = append(out, permission{p.Document, p.Notes})
	}
	for _, a := range h.attached {
		if a.Document != nil && !ofAWS(a.ARN) {
			out = append(out, permission{a.Document, a.Notes})
		}
	}
	return out
}

// pairs are the two permissions of each role that has one of them.
func (s *Set) pairs(b *strings.Builder) {
	table(b, "Account", "Role", "`ssm:SendCommand` on", "`ssm:GetCommandInvocation` on")
	roles := slices.Clone(s.Roles)
	slices.SortStableFunc(roles, func(a, b Role) int { return cmp.Compare(a.Account, b.Account) })
	for _, r := range roles {
		list := held{r.Policies, r.Attached, nil}.permissions()
		send, read := resourcesOf(list, "ssm:SendCommand"), resourcesOf(list, "ssm:GetCommandInvocation")
		if len(send)+len(read) > 0 {
			tableRow(b, r.Account, r.Name, orNothing(code(send)), orNothing(code(read)))
		}
	}
}

func orNothing(s string) string {
	if s == "" {
		return "nothing: another role has it"
	}
	return s
}

// resourcesOf are those on which statements name an action.
func resourcesOf(list []permission, action string) []string {
	var out []string
	for _, p := range list {
		for i := range p.document.Statements {
			st := &p.document.Statements[i]
			if !slices.Contains(st.Actions, action) {
				continue
			}
			for _, r := range st.Resources {
				if len(st.Conditions) > 0 {
					r += " if " + strings.Join(conditions(st.Conditions), " and ")
				}
				out = append(out, r)
			}
		}
	}
	return out
}

func (r *Role) docs(b *strings.Builder) {
	fmt.Fprintf(b, "\n### %s\n", cell(r.Path+r.Name))
	if r.Purpose != "" {
		fmt.Fprintf(b, "\n%s\n", cell(r.Purpose))
	}
	switch {
	case r.Adds:
		b.WriteString("\nWho may assume it is its owner's. Attach to it:\n")
		for _, a := range r.Attached {
			fmt.Fprintf(b, "\n- %s\n", code([]string{a.ARN}))
		}
	case r.Trust == nil:
		b.WriteString("\nNobody can assume it: it has no trust policy.\n")
	default:
		b.WriteString("\nWho may assume it:\n\n")
		table(b, "Who", "By", "Only if", "When", "Why")
		for i := range r.Trust.Statements {
			st := &r.Trust.Statements[i]
			n := NoteOf(r.TrustNotes, st.Sid)
			tableRow(b, effect(st)+code(principals(st.Principals)), code(st.Actions), code(conditions(st.Conditions)), joinWhen(n.When), cell(n.Reason))
		}
	}
	held{r.Policies, r.Attached, r.Boundary}.docs(b)
	if r.InstanceProfile {
		b.WriteString("\nInstances carry it by an instance profile of the same name.\n")
	}
}

func (u *User) docs(b *strings.Builder) {
	fmt.Fprintf(b, "\n### User %s\n", cell(u.Path+u.Name))
	if u.Purpose != "" {
		fmt.Fprintf(b, "\n%s\n", cell(u.Purpose))
	}
	held{u.Policies, u.Attached, u.Boundary}.docs(b)
}

func (h held) docs(b *strings.Builder) {
	if list := h.permissions(); len(list) > 0 {
		permissionsTable(b, list, false)
	} else {
		b.WriteString("\nIt has no policy of its own.\n")
	}
	for _, a := range h.attached {
		if a.Document == nil || ofAWS(a.ARN) {
			fmt.Fprintf(b, "\nBesides, it has the managed policy %s.\n", code([]string{a.ARN}))
		}
	}
	if h.boundary != nil {
		b.WriteString("\nIt can never do more than its permissions boundary says:\n")
		permissionsTable(b, []permission{{document: h.boundary}}, false)
	}
}

// permissionsTable has a row a statement. who says that the statements name principals.
func permissionsTable(b *strings.Builder, list []permission, who bool) {
	b.WriteString("\nWhat it allows:\n\n")
	if who {
		table(b, "To", "Action", "On", "Only if", "Step", "When", "Why", "Why `*`")
	} else {
		table(b, "Action", "On", "Only if", "Step", "When", "Why", "Why `*`")
	}
	for _, p := range list {
		for i := range p.document.Statements {
			st := &p.document.Statements[i]
			n := NoteOf(p.notes, st.Sid)
			cells := []string{
				effect(st) + but(st.NotActions) + code(append(slices.Clone(st.Actions), st.NotActions...)),
				but(st.NotResources) + code(append(slices.Clone(st.Resources), st.NotResources...)),
				code(conditions(st.Conditions)), cell(strings.Join(n.Steps, ", ")), joinWhen(n.When), cell(n.Reason), cell(n.Star),
			}
			if who {
				cells = append([]string{code(principals(st.Principals))}, cells...)
			}
			tableRow(b, cells...)
		}
	}
}

// effect says what is not the rule.
func effect(st *iam.Statement) string {
	if st.Effect == iam.Deny {
		return "**never** "
	}
	return ""
}

func but(list []string) string {
	if len(list) > 0 {
		return "all but "
	}
	return ""
}

func table(b *strings.Builder, heads ...string) {
	tableRow(b, heads...)
	b.WriteString(strings.Repeat("|---", len(heads)) + "|\n")
}

func tableRow(b *strings.Builder, cells ...string) {
	for i, c := range cells {
		if c == "" {
			cells[i] = " "
		}
	}
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

// escapes keep text from being Markdown or HTML.
var escapes = strings.NewReplacer("|", `\|`, "*", `\*`, "_", `\_`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "`", "\\`", "[", `\[`, "]", `\]`)

// cell is text in a cell of a table.
func cell(s string) string {
	return escapes.Replace(strings.Join(Wrap(s, 1<<20), " "))
}

// code is a list of things that are no prose, one a line.
func code(list []string) string {
	parts := make([]string, len(list))
	for i, s := range list {
		s = strings.Join(Wrap(s, 1<<20), " ")
		if strings.Contains(s, "`") {
			parts[i] = escapes.Replace(s)
			continue
		}
		parts[i] = "`" + strings.ReplaceAll(s, "|", `\|`) + "`"
	}
	return strings.Join(parts, "<br>")
}
