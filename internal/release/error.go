package release

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// maxErrors is how many errors are shown at once: more would push the first ones off the screen.
const maxErrors = 10

// maxSource is the longest part of a source line, in characters, that an error shows.
const maxSource = 160

// Error is one thing that is wrong in a release file, where, and what would be right.
type Error struct {
	// File is the release file's name, or the flag ("--set name") when Line is 0.
	File string
	// Line and Column count from 1; Line is 0 for what is not wrong at a place in the file.
	Line, Column int
	Message      string
	// Hint says what would be right; it may be empty.
	Hint string
	// Source is the offending line, shortened around Column when it is very long. Secrets in it are masked.
	Source string
	// Unset is the variable that has no value, where that is all that is wrong.
	Unset string
	// caret is the column of the caret in Source when that is not Column.
	caret int
}

// Error shows the position, the message, the offending line with a caret, and the hint.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
	}
	b.WriteString(": " + e.Message)
	if e.Line > 0 && e.Source != "" {
		number := fmt.Sprintf("%4d", e.Line)
		fmt.Fprintf(&b, "\n%s | %s\n%s | %s^", number, e.Source, strings.Repeat(" ", len(number)), e.indent())
	}
	if e.Hint != "" {
		b.WriteString("\n  " + e.Hint)
	}
	return b.String()
}

// indent is the white space that puts the caret under its column; tabs stay tabs, so that it lines up.
func (e *Error) indent() string {
	column := e.caret
	if column == 0 {
		column = e.Column
	}
	var b strings.Builder
	for i, r := range []rune(e.Source) {
		if i >= column-1 {
			break
		}
		if r != '\t' {
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Errors is everything that was found wrong, in the order of the file, at most ten.
type Errors []*Error

// Error shows all of them.
func (e Errors) Error() string {
	texts := make([]string, len(e))
	for i, err := range e {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "\n")
}

// Unwrap gives each error to errors.As.
func (e Errors) Unwrap() []error {
	list := make([]error, len(e))
	for i, err := range e {
		list[i] = err
	}
	return list
}

// lineBreak is what the YAML library counts as the end of a line.
var lineBreak = regexp.MustCompile("\r\n|[\n\r\u0085\u2028\u2029]")

// report collects errors against one source text.
type report struct {
	file   string
	lines  []string
	errors Errors
}

func newReport(file string, src []byte) *report {
	return &report{file: file, lines: lineBreak.Split(string(src), -1)}
}

// add records an error at a place of the file.
func (r *report) add(at Position, hint, message string) {
	r.errors = append(r.errors, &Error{
		File: r.file, Line: at.Line, Column: at.Column, Message: message, Hint: hint,
	})
}

// addFlag records an error of a command line flag.
func (r *report) addFlag(flag, hint, message string) {
	r.errors = append(r.errors, &Error{File: flag, Message: message, Hint: hint})
}

// err is what was found, or nil.
func (r *report) err() error {
	if len(r.errors) == 0 {
		return nil
	}
	slices.SortStableFunc(r.errors, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	shown := r.errors[:min(len(r.errors), maxErrors)]
	for _, e := range shown { // only now: a file can have one long line and very many errors in it
		e.Message, e.Hint = mask(e.Message), mask(e.Hint)
		if e.Line >= 1 && e.Line <= len(r.lines) {
			e.Source, e.caret = excerpt(r.lines[e.Line-1], e.Column)
		}
	}
	return shown
}

// excerpt is the part of a line around a column that is worth showing, and the caret's column in it. Secrets are
// masked, and characters that would move a terminal's cursor replaced.
func excerpt(line string, column int) (string, int) {
	const widest = 4 * maxSource // so that no secret is cut before it is seen
	runes := []rune(line)
	skipped := max(0, min(column, len(runes))-widest)
	runes = []rune(mask(string(runes[skipped:min(skipped+2*widest, len(runes))])))
	column -= skipped
	for i, c := range runes {
		if c != '\t' && !unicode.IsPrint(c) {
			runes[i] = unicode.ReplacementChar
		}
	}
	if len(runes) <= maxSource && skipped == 0 {
		return string(runes), column
	}
	start := max(0, min(column, len(runes))-1-maxSource/2)
	end := min(start+maxSource, len(runes))
	text, caret := string(runes[start:end]), column-start
	if start+skipped > 0 {
		text, caret = "…"+text, caret+1
	}
	if end < len(runes) {
		text += "…"
	}
	return text, caret
}

// quote shows a user's value in a message, shortened, with secrets masked.
func quote(s string) string {
	const most, widest = 60, 1000
	s = mask(s[:min(len(s), widest)])
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "…"
	}
	return strconv.Quote(s)
}
