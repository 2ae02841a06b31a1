package roles

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
)

// Text renders the roles for reviewers: what each is for, who may assume it, and every statement with its reason and
// with why a * cannot be narrower.
func Text(s *Set) string {
	var b strings.Builder
	for i := range s.Roles {
		if i > 0 {
			b.WriteString("\n")
		}
		s.Roles[i].text(&b)
	}
	for i := range s.Users {
		s.Users[i].text(&b)
	}
	for _, p := range s.SCPs {
		fmt.Fprintf(&b, "\nservice control policy %s (%d of %d characters)\n", p.Name, p.Document.Size(),
			quotaOf(iam.ServiceControlPolicy, iam.CodeQuotaSize))
		statementsText(&b, p.Document, p.Notes)
	}
	for _, bucket := range s.Buckets {
		fmt.Fprintf(&b, "\npolicy of bucket %s in account %s (%d of %d bytes)\n", bucket.Name, bucket.Account,
			len(bucket.Policy.JSON()), maxBucketPolicy)
		b.WriteString("  Put it there after the roles that it names have been made: S3 refuses names of roles that are not there.\n")
		statementsText(&b, bucket.Policy, bucket.Notes)
	}
	return b.String()
}

func (r *Role) text(b *strings.Builder) {
	fmt.Fprintf(b, "role %s in account %s\n", r.Path+r.Name, r.Account)
	if r.Purpose != "" {
		fmt.Fprintf(b, "  %s\n", r.Purpose)
	}
	if r.InstanceProfile {
		fmt.Fprintf(b, "  Instances carry it by an instance profile of the same name and path.\n")
	}
	switch {
	case r.Adds:
		b.WriteString("  Who may assume it is its owner's; attach to it:\n")
	case r.Trust == nil:
		b.WriteString("\n  nobody can assume it: there is no trust policy\n")
	default:
		fmt.Fprintf(b, "\n  who may assume it (%d of %d characters)\n", r.Trust.Size(), maxTrust)
		statementsText(b, r.Trust, r.TrustNotes)
	}
	for _, p := range r.Policies {
		fmt.Fprintf(b, "\n  policy %s (%d of %d characters)\n", p.Name, p.Document.Size(), maxInline)
		statementsText(b, p.Document, p.Notes)
	}
	for i := range r.Attached {
		r.Attached[i].text(b)
	}
	if r.Boundary != nil {
		b.WriteString("\n  permissions boundary" + strings.TrimRight(" "+r.BoundaryARN, " ") + "\n")
		statementsText(b, r.Boundary, nil)
	}
}

func (u *User) text(b *strings.Builder) {
	fmt.Fprintf(b, "\nuser %s in account %s\n", u.Path+u.Name, u.Account)
	if u.Purpose != "" {
		fmt.Fprintf(b, "  %s\n", u.Purpose)
	}
	for _, p := range u.Policies {
		fmt.Fprintf(b, "\n  policy %s\n", p.Name)
		statementsText(b, p.Document, p.Notes)
	}
	for _, a := range u.Attached {
		a.text(b)
	}
}

func (a *Attached) text(b *strings.Builder) {
	fmt.Fprintf(b, "\n  managed policy %s", a.ARN)
	if a.Document == nil {
		b.WriteString(", whose text is not known\n")
		return
	}
	fmt.Fprintf(b, " (%d of %d characters)\n", a.Document.Size(), maxManaged)
	statementsText(b, a.Document, a.Notes)
}

func statementsText(b *strings.Builder, d *iam.Document, notes []Note) {
	for i := range d.Statements {
		st := &d.Statements[i]
		fmt.Fprintf(b, "\n    %s\n", title(st, i))
		verb := "allows"
		if st.Effect == iam.Deny {
			verb = "denies"
		}
		row(b, verb, st.Actions)
		row(b, "all but", st.NotActions)
		row(b, "to", principals(st.Principals))
		row(b, "not to", principals(st.NotPrincipals))
		row(b, "on", st.Resources)
		row(b, "not on", st.NotResources)
		row(b, "if", conditions(st.Conditions))
		for _, n := range notes {
			if n.Sid == st.Sid {
				n.text(b)
			}
		}
	}
}

func title(st *iam.Statement, index int) string {
	if st.Sid != "" {
		return st.Sid
	}
	return fmt.Sprintf("statement %d", index)
}

func (n *Note) text(b *strings.Builder) {
	row(b, "why", wrap(n.Reason))
	if n.Star != "" {
		row(b, "why *", wrap(n.Star+"."))
	}
	if len(n.When) > 0 {
		row(b, "used", []string{joinWhen(n.When)})
	}
}

func joinWhen(list []plan.When) string {
	parts := make([]string, len(list))
	for i, w := range list {
		parts[i] = string(w)
	}
	return strings.Join(parts, ", ")
}

// row writes a label and its lines below each other; nothing when there are none.
func row(b *strings.Builder, label string, lines []string) {
	for _, l := range lines {
		fmt.Fprintf(b, "      %-8s%s\n", label, l)
		label = ""
	}
}

func principals(list []iam.PrincipalPattern) []string {
	var out []string
	for _, p := range list {
		if p.Kind == iam.AnyPrincipal {
			out = append(out, "everybody")
		}
		for _, v := range p.Values {
			out = append(out, p.Kind+" "+v)
		}
	}
	return out
}

func conditions(list []iam.Condition) []string {
	var out []string
	for _, c := range list {
		out = append(out, fmt.Sprintf("%s %s %s", c.Key, c.Operator, strings.Join(c.Values, " or ")))
	}
	return out
}

// textWidth is where prose wraps: with the indent, lines stay within 100 columns.
const textWidth = 86

func wrap(s string) []string { return Wrap(s, textWidth) }

// Wrap breaks text into lines of at most width bytes, between words, and in one line what has no blank. What could not be
// seen, or would end a comment, is a question mark.
func Wrap(s string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(strings.Map(visible, s)) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

func visible(r rune) rune {
	if unicode.IsPrint(r) || unicode.IsSpace(r) {
		return r
	}
	return '?'
}

// Comment says what the note does, in lines for the comment above the statement.
func (n Note) Comment(width int) []string {
	lines := Wrap(n.Reason, width)
	if n.Star != "" {
		lines = append(lines, Wrap("Why *: "+n.Star+".", width)...)
	}
	if len(n.When) > 0 {
		lines = append(lines, Wrap("Used: "+joinWhen(n.When), width)...)
	}
	return lines
}

// NoteOf gives the note of a statement, found by its Sid: the zero Note where there is none.
func NoteOf(notes []Note, sid string) Note {
	for _, n := range notes {
		if n.Sid == sid && sid != "" {
			return n
		}
	}
	return Note{}
}
