package shell

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/slipway-cd/slipway/internal/finding"
)

var (
	syntaxRule = finding.Rule{
		Code: "SLW137", Name: "script-syntax", Severity: finding.Error, Subject: finding.Script,
		Title:  "A shell would not take the script.",
		Why:    "A shell ends at an error of syntax, half-way through, and nothing else that is wrong with the script is told here.",
		Source: "https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html",
		Fix:    "close what is open: a quote, a bracket, an if with fi, a loop with done; bash -n FILE says whether it is read", Requirements: []string{"R98"},
	}
	unlookedRule = finding.Rule{
		Code: "SLW138", Name: "script-not-looked-at", Severity: finding.Warning, Subject: finding.Script,
		Title:  "A script is more than what is looked at.",
		Why:    "That nothing is found in it says nothing.",
		Source: "https://github.com/slipway-cd/slipway/blob/main/docs/lint.md",
		Fix:    "keep what ships in a script of its own, apart from data", Requirements: []string{"R98"},
	}
)

// Unread is a script that was not read.
type Unread struct {
	File         string
	Line, Column int
	Why          string

	rule     *finding.Rule
	severity finding.Severity
}

func (u *Unread) finding() finding.Finding {
	f := u.rule.At(u.File, u.Line, u.Column, "", "%s", u.Why)
	f.Severity = u.severity
	return f
}

// parseAs reads a text as one shell does.
func parseAs(text string, variant syntax.LangVariant) (*syntax.File, error) {
	file, err := syntax.NewParser(syntax.Variant(variant)).Parse(strings.NewReader(text), "")
	if err == nil && len(text) > maxParts && patched(file) {
		return nil, errPatched
	}
	return file, err
}

// maxParts is of how many parts, "a"$b'c', a word may be put together.
const maxParts = 2000

var errPatched = fmt.Errorf("a word in it has more than %d parts", maxParts)

func patched(file *syntax.File) bool {
	found := false
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Word:
			found = found || len(n.Parts) > maxParts
		case *syntax.DblQuoted:
			found = found || len(n.Parts) > maxParts
		}
		return !found
	})
	return found
}

// parse reads a text as a shell does; as bash does, which knows most, where that shell does not take it: foreign says why.
func parse(text string, variant syntax.LangVariant) (file *syntax.File, foreign, err error) {
	if file, err = parseAs(text, variant); err == nil || variant == syntax.LangBash {
		return file, nil, err
	}
	file, bash := parseAs(text, syntax.LangBash)
	return file, err, bash
}

// certain are what the parser says of structure, which no shell takes. Of arithmetic, indices and expansions shells take
// more than it does.
var certain = regexp.MustCompile("can only be used |can only immediately follow |must end with |must be followed by |^reached EOF without closing quote |" +
	"^reached EOF without matching `(\\$?\\(|\\{|\\$\\{)` ")

// wrong says where a shell would not take a text, and why.
func (r *reader) wrong(err error) Unread {
	u := Unread{File: r.file, Line: 1, Column: 1, Why: err.Error(), rule: &syntaxRule, severity: finding.Warning}
	var syntaxError syntax.ParseError
	var unknown syntax.LangError
	switch {
	case errors.As(err, &syntaxError):
		u.Line, u.Column, u.Why = int(syntaxError.Pos.Line()), int(syntaxError.Pos.Col()), syntaxError.Text
		if certain.MatchString(u.Why) {
			u.severity = finding.Error
		}
	case errors.As(err, &unknown):
		u.Line, u.Column, u.Why = int(unknown.Pos.Line()), int(unknown.Pos.Col()), unknown.Feature
	}
	return r.placed(u)
}

// Syntax says where no shell would take a text; none where one does, and where it is of another language.
func Syntax(text string) []Unread {
	variant, ok := variantOf("", text)
	if !ok {
		return nil
	}
	if _, _, err := parse(text, variant); err != nil {
		return []Unread{(&reader{}).wrong(err).told()}
	}
	return nil
}

// told says it as a finding does.
func (u Unread) told() Unread {
	if u.severity == finding.Error {
		u.Why = "it cannot be read as a shell would: " + u.Why
	} else {
		u.Why = "it could not be read, and nothing in it was looked at: " + u.Why
	}
	return u
}

// In is what is found, at a place of a file.
func (u *Unread) In(file string, line, column int) finding.Finding {
	at := *u
	at.File, at.Line, at.Column = file, line, column
	return at.finding()
}

// placed puts a place of the text into its file.
func (r *reader) placed(u Unread) Unread {
	switch {
	case r.fixed != nil:
		u.File, u.Line, u.Column = r.fixed.File, r.fixed.Line, r.fixed.Column
	case r.place != nil:
		u.Line, u.Column = r.place(u.Line, u.Column)
	}
	return u
}

// unread notes a text that no shell takes, or that may be one for all that is known.
func (p *Program) unread(r *reader, err error) {
	p.Unread = append(p.Unread, r.wrong(err).told())
}

// large notes a text of which nothing is looked at.
func (p *Program) large(r *reader, format string, args ...any) {
	u := Unread{File: r.file, Line: 1, Column: 1, Why: fmt.Sprintf(format, args...), rule: &unlookedRule, severity: unlookedRule.Severity}
	p.Unread = append(p.Unread, r.placed(u))
}

// foreign notes what bash takes and sh does not, wherever it is another shell than bash.
func (p *Program) foreign(r *reader, err error) {
	u := r.wrong(err)
	u.severity = finding.Info
	u.Why = "bash takes this, and sh does not where it is another shell, as on Debian and Ubuntu: " + u.Why
	p.found = append(p.found, u.finding())
}

// unfollowed says where a run could not be followed: nothing is found then that follows from what a script does.
func (p *prober) unfollowed() []finding.Finding {
	for _, c := range []*scenario{allWell, fails, unending, refuses} {
		if len(p.runs(c)) > 0 {
			continue
		}
		i := slices.IndexFunc(p.program.Calls, func(c Call) bool { return c.Service == "ssm" && c.Operation == "send-command" })
		if i < 0 {
			return nil
		}
		call := &p.program.Calls[i]
		f := unlookedRule.At(call.File, call.Line, call.Column, "",
			"what becomes of this was not followed to the end: the scripts around it do more than is followed")
		f.Severity = finding.Info
		return []finding.Finding{f}
	}
	return nil
}
