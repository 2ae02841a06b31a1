package finding

import (
	"fmt"
	"strings"
)

// Text tells findings to people: what and where, how it is mended, and, with the first of each rule, why it matters and
// the page that says so.
func Text(findings []Finding) string {
	var b strings.Builder
	told := map[Code]bool{}
	for _, f := range findings {
		fmt.Fprintf(&b, "%s:%d:%d: %s %s %s\n", Printable(f.File), f.Line, f.Column, f.Severity, f.Code, f.Message)
		if f.Role != "" {
			fmt.Fprintf(&b, "  role: %s\n", Printable(f.Role))
		}
		if !told[f.Code] && f.Why != "" {
			fmt.Fprintf(&b, "  why: %s %s\n", f.Why, f.Source)
		}
		told[f.Code] = true
		fmt.Fprintf(&b, "  fix: %s\n", strings.ReplaceAll(f.Fix, "\n", "\n       "))
	}
	return b.String()
}

// Explain tells one rule.
func (r *Rule) Explain() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s (%s, %s)\n\n%s %s\n\n", r.Code, r.Name, r.Severity, r.Subject, r.Title, r.Why)
	fmt.Fprintf(&b, "fix:  %s\npage: %s\n", r.Fix, r.Source)
	if len(r.Requirements) > 0 {
		fmt.Fprintf(&b, "rule: %s\n", strings.Join(r.Requirements, ", "))
	}
	fmt.Fprintf(&b, "\nWhere it is meant to be so, a comment above the line or behind it says why:\n\n  # slipway:ignore %s the reason\n", r.Code)
	return b.String()
}

// Markdown is the page of all rules.
func Markdown(rules []Rule) string {
	var b strings.Builder
	b.WriteString("| code | severity | about | what |\n| --- | --- | --- | --- |\n")
	for _, r := range rules {
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s | %s |\n", r.Code, strings.ToLower(string(r.Code)), r.Severity, r.Subject, cell(r.Title))
	}
	for _, r := range rules {
		fmt.Fprintf(&b, "\n## %s\n\n`%s` · %s · %s", r.Code, r.Name, r.Severity, r.Subject)
		if len(r.Requirements) > 0 {
			fmt.Fprintf(&b, " · %s", strings.Join(r.Requirements, ", "))
		}
		fmt.Fprintf(&b, "\n\n%s %s\n\nFix: %s\n\n<%s>\n", r.Title, r.Why, code(r.Fix), r.Source)
	}
	return b.String()
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// code keeps Markdown from taking the text of a fix for its own.
func code(text string) string {
	if strings.ContainsAny(text, "*_<{`") {
		return "`` " + strings.ReplaceAll(text, "\n", " ") + " ``"
	}
	return text
}
