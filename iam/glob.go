package iam

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// glob is a compiled pattern: text, wildcards and policy variables. A variable's value is always
// literal: a star in it matches only a star.
type glob struct {
	// segments are what stands between the stars; a glob with one segment has no star.
	segments []segment
	// head is the text before the first wildcard or variable.
	head  string
	shape shape
	fold  bool // without regard to case
	// bytewise is set when only as many bytes as head has can equal it.
	bytewise bool
	tail     byte // the last byte of head in lower case
}

// shape tells the patterns that need no general matching.
type shape uint8

const (
	shapeGeneral shape = iota
	shapeLiteral       // head and nothing else
	shapePrefix        // head and a star; a lone star has an empty head
)

// segment is a piece of a pattern without stars. It has one length for one text and context,
// so the leftmost place where it fits is always the best one, and no backtracking is needed.
type segment []part

type partKind uint8

const (
	partText partKind = iota
	partAny           // exactly one character: ?
	partVariable
	partStar // only while compiling
)

type part struct {
	kind       partKind
	text       string // of partText; of partVariable the key in lower case
	fallback   string // of partVariable
	hasDefault bool
}

// syntax says what is special in a pattern.
type syntax struct {
	wildcards bool
	variables bool // ${key}: only in documents of version 2012-10-17
	fold      bool
}

// compileGlob reads a pattern. The error says what is wrong with a policy variable.
func compileGlob(pattern string, how syntax) (glob, error) {
	parts, err := splitParts(pattern, how)
	if err != nil {
		return glob{}, err
	}
	g := glob{fold: how.fold, segments: []segment{nil}}
	for i, p := range parts {
		if p.kind != partStar {
			last := len(g.segments) - 1
			g.segments[last] = append(g.segments[last], p)
		} else if i == 0 || parts[i-1].kind != partStar { // two stars are one
			g.segments = append(g.segments, nil)
		}
	}
	rest := parts
	if len(parts) > 0 && parts[0].kind == partText {
		g.head, rest = parts[0].text, parts[1:]
		g.tail = lower(g.head[len(g.head)-1])
	}
	g.bytewise = !g.fold || isASCII(g.head)
	switch {
	case len(rest) == 0:
		g.shape = shapeLiteral
	case len(g.segments) == 2 && rest[0].kind == partStar && len(g.segments[1]) == 0:
		g.shape = shapePrefix
	}
	return g, nil
}

// all says whether the pattern is a lone star.
func (g *glob) all() bool { return g.shape == shapePrefix && g.head == "" }

// match says whether the whole of s fits. It takes at most len(s) times the pattern's length steps.
func (g *glob) match(s string, c Context) bool {
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
	last := len(g.segments) - 1
	if last == 0 {
		return at == len(s)
	}
	for _, seg := range g.segments[1:last] {
		if at, ok = seg.find(s, at, c, g.fold); !ok {
			return false
		}
	}
	return g.segments[last].suffix(s, at, c, g.fold)
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

// find returns the end of the leftmost place at or after from where the segment fits.
func (seg segment) find(s string, from int, c Context, fold bool) (int, bool) {
	for at := from; ; {
		if n, ok := seg.prefix(s[at:], c, fold); ok {
			return at + n, true
		}
		if at >= len(s) {
			return 0, false
		}
		at += runeLength(s[at:])
	}
}

// suffix says whether the segment fits at the end of s, at or after from.
func (seg segment) suffix(s string, from int, c Context, fold bool) bool {
	if len(seg) == 0 {
		return true
	}
	for at := from; ; {
		if n, ok := seg.prefix(s[at:], c, fold); ok && at+n == len(s) {
			return true
		}
		if at >= len(s) {
			return false
		}
		at += runeLength(s[at:])
	}
}

// prefix returns how many bytes of s the segment takes up at its beginning.
func (seg segment) prefix(s string, c Context, fold bool) (int, bool) {
	at := 0
	for i := range seg {
		n, ok := seg[i].prefix(s[at:], c, fold)
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

// resolve gives a variable's value. A key with several values cannot be a variable
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html): it counts as absent,
// uncertain: and then even its default is not used.
func (p *part) resolve(c Context) (string, bool) {
	switch values := c.lookup(p.text); len(values) {
	case 0:
		return p.fallback, p.hasDefault
	case 1:
		return values[0], true
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
