package documents

import (
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/slipway-cd/slipway/internal/release"
	"github.com/slipway-cd/slipway/internal/runbook"
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

// compile reads the pattern of a parameter. Those of runbooks only Systems Manager matches, which counts further than Go does.
func (c *check) compile(text string) *pattern {
	p := compile(text)
	if p == nil && c.doc.Type == runbook.Automation {
		p = compile(shortened(text))
	}
	return p
}

// longRepeat is a number of repetitions that Go does not count to, and Java does.
var longRepeat = regexp.MustCompile(`\{[0-9]*,?[0-9]{4,}\}`)

// shortened is a pattern with the most repetitions that Go counts to: what passes it differs in nothing but its length.
func shortened(text string) string {
	return longRepeat.ReplaceAllStringFunc(text, func(bounds string) string {
		least, most, both := strings.Cut(strings.Trim(bounds, "{}"), ",")
		limit := func(n string) string {
			if len(n) > 3 {
				return "1000"
			}
			return n
		}
		if !both {
			return "{" + limit(least) + "}"
		}
		return "{" + limit(least) + "," + limit(most) + "}"
	})
}

// matchesAnything says whether texts pass that have nothing in common, be it up to some length.
func (p *pattern) matchesAnything() bool {
	for _, text := range append([]string{"a", "Ω ~#%", "z9 Z9"}, attacks[:3]...) {
		if !p.re.MatchString(text) {
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
		if !release.Anchored(p.tree) {
			return "…" + a, true // a match, with anything around it
		}
		for _, before := range []string{"", sample, "a", "1", "v1", "/", "arn:aws:", "i-0123456789abcdef0"} {
			if p.re.MatchString(before + a) {
				return before + a, true
			}
		}
	}
	if r, found := release.Admits(p.tree, context); found {
		return string(r), true
	}
	return "", false
}
