// Package finding is what all linters have in common: rules with stable codes, what they found and where, how it is
// mended, and what a user decided to leave as it is.
//
// A linter is a package under internal/lint that exports its Rules and functions which return findings. The package is
// pure, and imports nothing of the house.
package finding

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Code names a rule, and stays what it is. SLW001–SLW099 are rules about policies and roles whose number is that of the
// requirement they rest on; SLW1xx are about pipelines and scripts, SLW2xx further ones about policies, SLW3xx about
// Systems Manager documents, SLW9xx about slipway's own comments in files and about files that cannot be read.
type Code string

// Severity says what a finding is worth. Findings of severity Error make `slipway lint` exit with 1.
type Severity string

// The severities. Info is for what is right in many cases and worth a look.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Info    Severity = "info"
)

// rank orders severities, the worst first.
func (s Severity) rank() int { return slices.Index([]Severity{Error, Warning, Info}, s) }

// AtLeast says whether s is as bad as t, or worse.
func (s Severity) AtLeast(t Severity) bool { return s.rank() <= t.rank() }

// Subject is the kind of file that a rule is about.
type Subject string

// The subjects.
const (
	Policy   Subject = "policy"       // identity, resource and session policies, boundaries
	Trust    Subject = "trust policy" // who may assume a role
	Role     Subject = "role"         // a role with all that is attached to it, or several of them
	Workflow Subject = "workflow"     // GitHub workflows and actions
	Build    Subject = "buildspec"    // CodeBuild
	Script   Subject = "script"       // shell, in a file or inside of one of the others
	Document Subject = "document"     // Systems Manager documents
	Release  Subject = "release"      // slipway.yaml
	Any      Subject = "any"          // comments to slipway itself, and how files are written
)

// Rule is something that linters look for.
type Rule struct {
	Code Code `json:"code"`
	// Name in a few words with hyphens: poll-error-swallowed.
	Name     string   `json:"name"`
	Severity Severity `json:"severity"`
	Subject  Subject  `json:"subject"`
	// Title says what is wrong in one sentence, Why what comes of it in one more.
	Title string `json:"title"`
	Why   string `json:"why"`
	// Source is the page of AWS, GitHub or a shell's manual that Why rests on.
	Source string `json:"source"`
	// Fix says how it is mended, in general; a finding says it for its place.
	Fix string `json:"fix"`
	// Requirements that the rule carries out: R31, W4.
	Requirements []string `json:"requirements,omitempty"`
}

// Edit replaces the text between two places of a file.
type Edit struct {
	// Line and Column, both from 1 and in bytes, where the replaced text begins; EndLine and EndColumn where it ends, the
	// place after its last byte. Both the same: text is inserted.
	Line, Column, EndLine, EndColumn int
	Text                             string
}

// Finding is something wrong at one place of a file.
type Finding struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	// File is named as on the command line. Line and Column count from 1, Column in bytes.
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	// Message says what is wrong here, with names.
	Message string `json:"message"`
	// Why it matters: the rule's, unless there is more to say; and the page that this rests on.
	Why    string `json:"why,omitempty"`
	Source string `json:"source,omitempty"`
	// Fix is the text to write, or what to do.
	Fix string `json:"fix"`
	// Edits carry the fix out where that is safe: it cannot take away what works. All of them, or none.
	Edits []Edit `json:"-"`
	// Role that the finding is about, where it is about one.
	Role string `json:"role,omitempty"`
}

// At is a finding of the rule at a place.
func (r *Rule) At(file string, line, column int, fix, format string, args ...any) Finding {
	return Finding{
		Code: r.Code, Severity: r.Severity, File: file, Line: max(line, 1), Column: max(column, 1),
		Message: Printable(fmt.Sprintf(format, args...)), Why: r.Why, Source: r.Source, Fix: cmp.Or(fix, r.Fix),
	}
}

// Printable is a text that quotes a file, which may hold anything, in one line that changes nothing about a terminal.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// String is the finding in two lines for people.
func (f Finding) String() string {
	return fmt.Sprintf("%s:%d:%d: %s %s\n  fix: %s", f.File, f.Line, f.Column, f.Code, f.Message, f.Fix)
}

// Sort puts findings in the order of their places.
func Sort(findings []Finding) {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Code, b.Code))
	})
}

// Worst is the worst severity among findings; empty when there are none.
func Worst(findings []Finding) Severity {
	var worst Severity
	for _, f := range findings {
		if worst == "" || f.Severity.rank() < worst.rank() {
			worst = f.Severity
		}
	}
	return worst
}
