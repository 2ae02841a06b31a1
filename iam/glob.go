package iam

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// glob is a compiled pattern: text, wildcards and policy variables. A variable's value is always
// literal: a star in it matches only a star.
type glob struct {
	// segments are what stands between the stars; a glob with one segment has no star. Only for the general shape.
	segments []segment
	// head is the text before the first wildcard or variable.
	head  string
	shape shape
	fold  bool // without regard to case
	// bytewise is set when only as many bytes as head has can equal it.
	bytewise  bool
	tight     bool // some star may not match a colon
	variables bool // some part is a variable
	size      int  // of the pattern, in bytes
	tail      byte // the last byte of head in lower case
}

// shape tells the patterns that need no general matching.
type shape uint8

const (
	shapeGeneral shape = iota
	shapeLiteral       // head and nothing else
	shapePrefix        // head and a star; a lone star has an empty head
	shapeNever         // nothing
)

// segment is a piece of a pattern without stars. It has one length for one text and context,
// so the leftmost place where it fits is always the best one.
type segment struct {
	parts []part
	tight bool // the star before it does not match a colon
}

type partKind uint8

const (
	partText         partKind = iota
	partAny                   // exactly one character: ?
	partAnyInSegment          // exactly one character, and no colon
	partVariable
	partStar // only while compiling
)

type part struct {
	kind       partKind
	text       string // of partText; of partVariable the key in lower case
	fallback   string // of partVariable
	hasDefault bool
	tight      bool // of partStar: it does not match a colon
}

func countStars(parts []part) (n int) {
	for i := range parts {
		if parts[i].kind == partStar {
			n++
		}
	}
	return n
}

// resourceWildcards gives the wildcards of a Resource element their meaning. They stand "within the individual segments
// of an ARN"; "if the * wildcard is the last character of a resource ARN segment, it can expand to match beyond the
// colon boundaries" (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html).
//
// uncertain: whether the colons of the resource part, the sixth, divide it into segments; taken not to.
func resourceWildcards(parts []part) []part {
	if len(parts) == 0 || parts[0].kind != partText || !strings.HasPrefix(parts[0].text, "arn:") {
		return parts
	}
	colons := 0
	for i := range parts {
		p := &parts[i]
		if p.kind == partText {
			colons += strings.Count(p.text, ":")
		}
		if colons >= arnParts-1 {
			break
		}
		switch p.kind {
		case partAny:
			p.kind = partAnyInSegment
		case partStar:
			last := i+1 == len(parts) || parts[i+1].kind == partText && parts[i+1].text[0] == ':'
			p.tight = !last
		}
	}
	return parts
}

// syntax says what is special in a pattern.
type syntax struct {
	wildcards bool
	variables bool // ${key}: only in documents of version 2012-10-17
	fold      bool
	// resource is the syntax of the Resource element, see [resourceWildcards].
	resource bool
}

// compileGlob reads a pattern into g. The error says what is wrong with a policy variable.
func compileGlob(g *glob, pattern string, how syntax) error {
	*g = glob{fold: how.fold}
	special := how.firstSpecial(pattern)
	switch {
	case special == len(pattern):
		g.shape, g.head = shapeLiteral, pattern
	case special == len(pattern)-1 && pattern[special] == '*':
		g.shape, g.head = shapePrefix, pattern[:special]
	default:
		if err := g.compile(pattern, how); err != nil {
			return err
		}
	}
	if n := len(g.head); n > 0 {
		g.tail = lower(g.head[n-1])
	}
	g.bytewise = !g.fold || isASCII(g.head)
	return nil
}

// firstSpecial returns where the first wildcard or variable of a pattern is, and its length when it has none.
func (how syntax) firstSpecial(pattern string) int {
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case how.wildcards && (c == '*' || c == '?'), how.variables && c == '$' && strings.HasPrefix(pattern[i:], "${"):
			return i
		}
	}
	return len(pattern)
}

// compile fills the glob for a pattern of any shape.
func (g *glob) compile(pattern string, how syntax) error {
	parts, err := splitParts(pattern, how)
	if err != nil {
		return err
	}
	if how.resource {
		parts = resourceWildcards(parts)
	}
	g.size = len(pattern)
	g.segments = make([]segment, 1, 1+countStars(parts))
	start := 0
	for i, p := range parts {
		if p.kind == partStar {
			g.segments[len(g.segments)-1].parts = parts[start:i:i]
			g.segments = append(g.segments, segment{tight: p.tight})
			g.tight = g.tight || p.tight
			start = i + 1
		}
		g.variables = g.variables || p.kind == partVariable
	}
	g.segments[len(g.segments)-1].parts = parts[start:]
	if parts[0].kind == partText {
		g.head = parts[0].text
	}
	return nil
}

// maxSteps bounds the work of one match, in bytes of the pattern times bytes of the text. AWS's longest policies have
// 20 kB and its longest values a few.
const maxSteps = 1 << 24

// beginsLike says whether the text begins as the pattern does before its first wildcard or variable.
func (g *glob) beginsLike(s string) bool {
	_, ok := startsWith(s, g.head, g.fold)
	return ok
}

// unclear says whether the pattern has no answer for this text: it would take too long, or a variable has no one value.
// It is for the general shape.
func (g *glob) unclear(s string, c Context) bool {
	size := g.size
	if g.variables {
		values, ok := g.valuesSize(c)
		if !ok {
			return true
		}
		size += values
	}
	return len(s) > 0 && size > maxSteps/len(s)
}

// valuesSize adds up the bytes of the variables' values. ok is false when one has neither a value nor clearly none.
func (g *glob) valuesSize(c Context) (size int, ok bool) {
	for i := range g.segments {
		for j := range g.segments[i].parts {
			p := &g.segments[i].parts[j]
			if p.kind != partVariable {
				continue
			}
			values := c.lookup(p.text)
			// uncertain: "You can't use a multivalued condition key as a variable", and whether the default stands in for an
			// empty value (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html).
			if len(values) > 1 || len(values) == 1 && values[0] == "" && p.hasDefault {
				return 0, false
			}
			if len(values) == 1 {
				size += len(values[0])
			}
		}
	}
	return size, true
}

// all says whether the pattern is a lone star.
func (g *glob) all() bool { return g.shape == shapePrefix && g.head == "" }

// match says whether the whole of s fits. It takes at most len(s) times the pattern's length steps, and when a star may
// not match a colon, at most len(s) times as many.
func (g *glob) match(s string, c Context) bool {
	if g.shape == shapeNever {
		return false
	}
	n, ok := startsWith(s, g.head, g.fold)
	if !ok || g.shape == shapePrefix {
		return ok
	}
	if g.shape == shapeLiteral {
		return n == len(s)
	}
	at, ok := g.segments[0].prefix(s, c, g.fold)
	if !ok {
		return false
	}
	if len(g.segments) == 1 {
		return at == len(s)
	}
	if g.tight {
		return g.matchTight(s, at, c)
	}
	last := len(g.segments) - 1
	for i := 1; i < last; i++ {
		if _, at, ok = g.segments[i].find(s, at, c, g.fold); !ok {
			return false
		}
	}
	return g.segments[last].suffix(s, at, c, g.fold)
}

// matchTight matches what stands after the first star when some stars do not match colons. When what follows such a star
// does not fit, the last star that may match anything takes one character more.
func (g *glob) matchTight(s string, at int, c Context) bool {
	last := len(g.segments) - 1
	loose, from := 0, 0 // the last segment after a loose star, and where to look for it next
	for i := 1; ; {
		seg := &g.segments[i]
		if i == last && seg.suffix(s, at, c, g.fold) {
			return true
		}
		start, end, ok := 0, 0, false
		if i < last {
			start, end, ok = seg.find(s, at, c, g.fold)
		}
		switch {
		case ok:
			if !seg.tight {
				loose, from = i, start+max(1, runeLength(s[start:]))
			}
			at, i = end, i+1
		case loose == 0 || loose == i || from > len(s):
			return false
		default:
			i, at = loose, from
		}
	}
}

// mayMatch looks at the length and at the last byte of head only, and says no to most of what does not match:
// the actions of one service begin alike. It is for lists of patterns.
func (g *glob) mayMatch(s string) bool {
	n := len(g.head)
	if n == 0 || !g.bytewise {
		return true
	}
	return len(s) >= n && lower(s[n-1]) == g.tail && (g.shape != shapeLiteral || len(s) == n)
}

// find returns the leftmost place at or after from where the segment fits, and its end there.
func (seg *segment) find(s string, from int, c Context, fold bool) (start, end int, ok bool) {
	if !fold && len(seg.parts) == 1 && seg.parts[0].kind == partText {
		return seg.findText(s, from)
	}
	for at := from; ; {
		if n, ok := seg.prefix(s[at:], c, fold); ok {
			return at, at + n, true
		}
		if at >= len(s) || seg.tight && s[at] == ':' {
			return 0, 0, false
		}
		at += runeLength(s[at:])
	}
}

// findText is find for a segment that is one text. It takes as many steps as s has bytes.
func (seg *segment) findText(s string, from int) (start, end int, ok bool) {
	text := seg.parts[0].text
	at := strings.Index(s[from:], text)
	if at < 0 || seg.tight && strings.IndexByte(s[from:from+at], ':') >= 0 {
		return 0, 0, false
	}
	return from + at, from + at + len(text), true
}

// suffix says whether the segment fits at the end of s, at or after from.
func (seg *segment) suffix(s string, from int, c Context, fold bool) bool {
	if len(seg.parts) == 0 {
		return true
	}
	for at := from; ; {
		if n, ok := seg.prefix(s[at:], c, fold); ok && at+n == len(s) {
			return true
		}
		if at >= len(s) || seg.tight && s[at] == ':' {
			return false
		}
		at += runeLength(s[at:])
	}
}

// prefix returns how many bytes of s the segment takes up at its beginning.
func (seg *segment) prefix(s string, c Context, fold bool) (int, bool) {
	at := 0
	for i := range seg.parts {
		n, ok := seg.parts[i].prefix(s[at:], c, fold)
		if !ok {
			return 0, false
		}
		at += n
	}
	return at, true
}

func (p *part) prefix(s string, c Context, fold bool) (int, bool) {
	text := p.text
	switch p.kind {
	case partAny:
		return runeLength(s), s != ""
	case partAnyInSegment:
		return runeLength(s), s != "" && s[0] != ':'
	case partVariable:
		var ok bool
		if text, ok = p.resolve(c); !ok {
			return 0, false
		}
	}
	return startsWith(s, text, fold)
}

// startsWith returns how many bytes of s equal the text.
func startsWith(s, text string, fold bool) (int, bool) {
	if fold {
		return foldPrefix(s, text)
	}
	return len(text), strings.HasPrefix(s, text)
}

// resolve gives a variable's value. Of a key "that has no value or is not present", "the value is effectively null. There
// is no equal or like value" (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html).
// [glob.unclear] has been asked before.
func (p *part) resolve(c Context) (string, bool) {
	switch values := c.lookup(p.text); len(values) {
	case 0:
		return p.fallback, p.hasDefault
	case 1:
		return values[0], values[0] != ""
	default:
		return "", false
	}
}

func runeLength(s string) int {
	if s == "" || s[0] < utf8.RuneSelf {
		return min(len(s), 1)
	}
	_, n := utf8.DecodeRuneInString(s)
	return n
}

// foldPrefix returns how many bytes of s equal the text without regard to case.
func foldPrefix(s, text string) (int, bool) {
	if strings.HasPrefix(s, text) { // most often written in the same case
		return len(text), true
	}
	at := 0
	for i := 0; i < len(text); {
		if at >= len(s) {
			return 0, false
		}
		a, b := s[at], text[i]
		if a < utf8.RuneSelf && b < utf8.RuneSelf {
			if lower(a) != lower(b) {
				return 0, false
			}
			at, i = at+1, i+1
			continue
		}
		ra, na := utf8.DecodeRuneInString(s[at:])
		rb, nb := utf8.DecodeRuneInString(text[i:])
		if !foldEqual(ra, rb) {
			return 0, false
		}
		at, i = at+na, i+nb
	}
	return at, true
}

// foldEqual compares two letters; one beyond ASCII never equals one of ASCII (the Kelvin sign is no k).
func foldEqual(a, b rune) bool {
	if a < utf8.RuneSelf || b < utf8.RuneSelf {
		return false
	}
	return unicode.ToLower(a) == unicode.ToLower(b)
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
