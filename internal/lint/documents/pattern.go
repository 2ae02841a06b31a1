package documents

import (
	"regexp"
	"regexp/syntax"
	"strings"
)

// Contexts in which a value lies in a line, with the characters that end it there or begin something of their own.
const (
	bare     = ";|&$`\n<>"
	doubled  = "\"$`"
	single   = "'"
	comment  = "\n"
	anywhere = bare + doubled + single
)

// attacks are values that run a command of somebody else where they become part of a line.
var attacks = []string{"; id", "$(id)", "`id`", "\nid", "| id", "&& id", "\"; id; \"", "'; id; '"}

// maxPattern bounds what is compiled: a pattern of a document has less.
const maxPattern = 4096

// javaDiffers finds what Java reads differently: classes in classes, named classes, intersections, Python's names of
// groups, \C and the flag U.
var javaDiffers = regexp.MustCompile(`\[\^?\[|\[:|&&|\(\?P|\\C|\(\?[a-z]*U`)

// pattern is a parameter's allowedPattern.
type pattern struct {
	text string
	tree *syntax.Regexp
	re   *regexp.Regexp
}

// compile reads a pattern; nil where Go, and so the agent, does not.
func compile(text string) *pattern {
	if len(text) > maxPattern {
		return nil
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil
	}
	return &pattern{text: text, tree: tree, re: re}
}

// anchored says whether a match can only be the whole text. Each alternative may have anchors of its own: ^a$|^b$.
func anchored(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpCapture:
		return anchored(re.Sub[0])
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			if !anchored(sub) {
				return false
			}
		}
		return true
	case syntax.OpConcat:
		return begins(re) && ends(re)
	}
	return false
}

func begins(re *syntax.Regexp) bool { return at(re, 0, syntax.OpBeginText) }
func ends(re *syntax.Regexp) bool   { return at(re, -1, syntax.OpEndText) }

// at says whether a match begins, or ends, with an anchor. Go factors ^a$|^b$ into ^(?:a$|b$).
func at(re *syntax.Regexp, place int, anchor syntax.Op) bool {
	switch re.Op {
	case anchor:
		return true
	case syntax.OpCapture:
		return at(re.Sub[0], place, anchor)
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			if !at(sub, place, anchor) {
				return false
			}
		}
		return true
	case syntax.OpConcat:
		if place < 0 {
			return at(re.Sub[len(re.Sub)-1], place, anchor)
		}
		return at(re.Sub[0], place, anchor)
	}
	return false
}

// matchesAnything says whether texts pass that have nothing in common.
func (p *pattern) matchesAnything() bool {
	for _, text := range append([]string{"", "a", "Ω ~#%", strings.Repeat("z9 ", 50)}, attacks[:3]...) {
		if text != "" && !p.re.MatchString(text) {
			return false
		}
	}
	return true
}

// attack gives a value that passes and does harm in a context. The values are tried with what the pattern wants before them;
// where none passes, a character that it lets through and that does not stay data there.
func (p *pattern) attack(sample, context string) (value string, passes bool) {
	for _, a := range attacks {
		if !strings.ContainsAny(a, context) {
			continue
		}
		if !anchored(p.tree) {
			return "…" + a, true // a match, with anything around it
		}
		for _, before := range []string{"", sample, "a", "1", "v1", "/", "arn:aws:", "i-0123456789abcdef0"} {
			if p.re.MatchString(before + a) {
				return before + a, true
			}
		}
	}
	if r, found := admits(p.tree, context); found {
		return string(r), true
	}
	return "", false
}

// admits finds one of the characters in what a pattern can match.
func admits(re *syntax.Regexp, characters string) (rune, bool) {
	for _, c := range characters {
		if canMatch(re, c) {
			return c, true
		}
	}
	for _, sub := range re.Sub {
		if c, found := admits(sub, characters); found {
			return c, true
		}
	}
	return 0, false
}

func canMatch(re *syntax.Regexp, c rune) bool {
	switch re.Op {
	case syntax.OpAnyChar:
		return true
	case syntax.OpAnyCharNotNL:
		return c != '\n'
	case syntax.OpLiteral:
		return strings.ContainsRune(string(re.Rune), c)
	case syntax.OpCharClass:
		for i := 0; i+1 < len(re.Rune); i += 2 {
			if re.Rune[i] <= c && c <= re.Rune[i+1] {
				return true
			}
		}
	}
	return false
}
