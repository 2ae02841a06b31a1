package release

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// expression is a regular expression that is compiled when it is first used: a run uses few of those that there are, and
// every run of slipway would wait for them.
type expression struct {
	text    string
	matches func() func(string) bool
}

// expressions are all of them, for a test that compiles each.
var expressions []*expression

// expr makes an expression, at start-up only. One that does not compile panics when it is first used.
func expr(text string) *expression {
	e := &expression{text: text, matches: sync.OnceValue(func() func(string) bool { return matcherOf(text) })}
	expressions = append(expressions, e)
	return e
}

// MatchString says whether the expression matches.
func (e *expression) MatchString(s string) bool { return e.matches()(s) }

// String is the expression as it is written.
func (e *expression) String() string { return e.text }

// matcherOf compiles an expression. Of ^[class]{min,max}$ the length is counted and the class compiled once: repeated up to
// max times, a class of all letters takes ten milliseconds to compile.
func matcherOf(text string) func(string) bool {
	class, least, most, ok := counted(text)
	if !ok {
		return regexp.MustCompile(text).MatchString
	}
	re := regexp.MustCompile("^" + class + "*$")
	return func(s string) bool {
		n := utf8.RuneCountInString(s)
		return n >= least && n <= most && re.MatchString(s)
	}
}

// counted takes ^[class]{min,max}$ apart.
func counted(text string) (class string, least, most int, ok bool) {
	inner, begins := strings.CutPrefix(text, "^[")
	inner, ends := strings.CutSuffix(inner, "}$")
	class, count, cut := strings.Cut(inner, "]{")
	from, to, two := strings.Cut(count, ",")
	if !begins || !ends || !cut || !two || strings.ContainsAny(class, "[]") {
		return "", 0, 0, false
	}
	least, err := strconv.Atoi(from)
	most, other := strconv.Atoi(to)
	return "[" + class + "]", least, most, err == nil && other == nil
}
