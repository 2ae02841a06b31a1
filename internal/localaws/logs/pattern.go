package logs

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// pattern is a compiled filter pattern for unstructured log events ("Filter pattern syntax", CloudWatch Logs user guide):
// ERROR "404 found" needs both, -DEBUG excludes, ?WARN ?ERROR needs one of them, %re% is a regular expression.
type pattern struct {
	all, none, any []term
}

// term is what a message has to have in it: a text, or what a regular expression matches.
// uncertain: AWS speaks of words; here a text also matches within a longer word, as in NullPointerException.
type term struct {
	text string
	re   *regexp.Regexp
}

func (t term) in(message string) bool {
	if t.re != nil {
		return t.re.MatchString(message)
	}
	return strings.Contains(message, t.text)
}

// matches says whether a message is one that the pattern is for. With other terms beside them, optional terms mean
// nothing, as the documentation warns.
func (p pattern) matches(message string) bool {
	for _, t := range p.all {
		if !t.in(message) {
			return false
		}
	}
	for _, t := range p.none {
		if t.in(message) {
			return false
		}
	}
	if len(p.any) == 0 || len(p.all)+len(p.none) > 0 {
		return true
	}
	for _, t := range p.any {
		if t.in(message) {
			return true
		}
	}
	return false
}

// maxPattern is the longest pattern, in characters.
const maxPattern = 1024

// parsePattern reads a filter pattern. Patterns for JSON and for fields are refused, not taken for text.
func parsePattern(text string) (pattern, error) {
	var p pattern
	if utf8.RuneCountInString(text) > maxPattern {
		return p, broken(text[:40]+"…", "filterPattern", "Member must have length less than or equal to 1024")
	}
	rest := strings.TrimSpace(text)
	if strings.HasPrefix(rest, "{") || strings.HasPrefix(rest, "[") {
		return p, invalid("Invalid filter pattern: the local AWS serves only patterns of terms and regular expressions.")
	}
	for rest != "" {
		list := &p.all
		switch rest[0] {
		case '-':
			list, rest = &p.none, rest[1:]
		case '?':
			list, rest = &p.any, rest[1:]
		}
		t, after, err := parseTerm(rest)
		if err != nil {
			return pattern{}, err
		}
		*list = append(*list, t)
		rest = strings.TrimLeft(after, " \t\n\r")
		if rest == after && rest != "" {
			return pattern{}, invalid("Invalid filter pattern: terms must be separated by spaces.")
		}
	}
	return p, nil
}

// parseTerm reads one term from the beginning of a text.
func parseTerm(text string) (t term, rest string, err error) {
	switch {
	case strings.HasPrefix(text, `"`):
		return parseQuoted(text[1:])
	case strings.HasPrefix(text, "%"):
		return parseRegexp(text[1:])
	}
	end := strings.IndexAny(text, " \t\n\r")
	if end < 0 {
		end = len(text)
	}
	word := text[:end]
	if word == "" {
		return term{}, "", invalid("Invalid filter pattern: a term is missing.")
	}
	for _, r := range word {
		if !plain(r) {
			return term{}, "", invalid("Invalid character(s) in term '%s'", word)
		}
	}
	return term{text: word}, text[end:], nil
}

// plain characters need no quotes in a term.
func plain(r rune) bool {
	return r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
}

// parseQuoted reads up to the closing quote; a backslash makes the next quote or backslash literal.
func parseQuoted(text string) (t term, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\'):
			i++
			b.WriteByte(text[i])
		case text[i] == '"':
			if b.Len() == 0 {
				return term{}, "", invalid("Invalid filter pattern: a term is empty.")
			}
			return term{text: b.String()}, text[i+1:], nil
		default:
			b.WriteByte(text[i])
		}
	}
	return term{}, "", invalid("Invalid filter pattern: a quotation mark is not closed.")
}

// parseRegexp reads up to the closing percent sign. Of a regular expression only what the documentation lists may be
// in it: no groups, nothing outside of ASCII.
func parseRegexp(text string) (t term, rest string, err error) {
	source, rest, ok := strings.Cut(text, "%")
	if !ok || source == "" {
		return term{}, "", invalid("Invalid filter pattern: a regular expression is not closed.")
	}
	for _, r := range source {
		if !plain(r) && !strings.ContainsRune(`:#=@/;,-^$?[]{}|\*+. `, r) {
			return term{}, "", invalid("Invalid character(s) in regular expression '%s'", source)
		}
	}
	re, err := regexp.Compile(source)
	if err != nil {
		return term{}, "", invalid("Invalid regular expression '%s'", source)
	}
	return term{re: re}, rest, nil
}
