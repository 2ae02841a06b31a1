package iam

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"
)

// The bounds on what is read. AWS's own largest policies are far smaller (a bucket policy may have 20 KB).
const (
	maxSource = 1 << 20
	maxDepth  = 32
)

// bounds are those of one text, and what it is called.
type bounds struct {
	what                string
	size, depth, values int // bytes, levels, and fields and items
}

// A policy's size bounds its values.
var policyBounds = bounds{what: "policy", size: maxSource, depth: maxDepth, values: maxSource}

// byteOrderMark may begin a text: "implementations that parse JSON texts MAY ignore the presence of a byte order mark
// rather than treating it as an error" (RFC 8259, section 8.1). Columns do not count it.
const byteOrderMark = "\ufeff"

// scanner reads one JSON text (RFC 8259), strictly. encoding/json is not used for it because that keeps neither
// places nor duplicate keys. Strings without escapes share the memory of the source.
type scanner struct {
	file      string
	src       string
	at        int
	line      int // of the current place, from 1
	bounds    bounds
	lineStart int // offset of that line's first byte
	// The fields and items of the objects and lists that are not closed yet: a stack. When one is closed, its part
	// of the stack moves to those that are done, and stays there.
	fields, doneFields []Field
	items, doneItems   []Node
}

// scanners are kept for the memory of their trees, which is more than half of what reading a policy takes.
var scanners = sync.Pool{New: func() any { return new(scanner) }}

// maxKept is how many fields and items a scanner may have to be kept: a policy of AWS's sizes has fewer.
const maxKept = 2048

// withJSON reads the whole text as one value and hands it to use. Of the value's nodes, none may be kept.
func withJSON(file, src string, use func(*Node)) *SyntaxError {
	s := scanners.Get().(*scanner)
	root, err := s.scan(file, src)
	if err == nil {
		use(&root)
	}
	s.release()
	return err
}

// release gives the scanner back, without anything of the text that it read.
func (s *scanner) release() {
	if max(cap(s.fields), cap(s.doneFields), cap(s.items), cap(s.doneItems)) > maxKept {
		return
	}
	// All that was ever on a stack has been moved, or is still there.
	clear(s.fields[:min(cap(s.fields), len(s.fields)+len(s.doneFields))])
	clear(s.items[:min(cap(s.items), len(s.items)+len(s.doneItems))])
	clear(s.doneFields)
	clear(s.doneItems)
	*s = scanner{
		fields: s.fields[:0], doneFields: s.doneFields[:0],
		items: s.items[:0], doneItems: s.doneItems[:0],
	}
	scanners.Put(s)
}

// scanJSON reads the whole text as one value, which may be kept.
func scanJSON(file, src string) (Node, *SyntaxError) {
	var s scanner
	return s.scan(file, src)
}

func (s *scanner) scan(file, src string) (root Node, err *SyntaxError) {
	src = strings.TrimPrefix(src, byteOrderMark)
	s.file, s.src, s.line = file, src, 1
	if s.bounds == (bounds{}) {
		s.bounds = policyBounds
	}
	if len(src) > s.bounds.size {
		return Node{}, s.errorf(CodeTooLarge, 0, "%s is longer than %d bytes", s.bounds.what, s.bounds.size)
	}
	if err := s.value(&root, 0); err != nil {
		return Node{}, err
	}
	s.space()
	if s.at < len(s.src) {
		return Node{}, s.errorf(CodeNotJSON, s.at, "%s after the end of the %s", s.found(), s.bounds.what)
	}
	return root, nil
}

// position turns an offset in the current line into line and column. No token spans lines.
func (s *scanner) position(offset int) Position {
	return Position{Line: s.line, Column: offset - s.lineStart + 1}
}

func (s *scanner) errorf(code Code, offset int, format string, args ...any) *SyntaxError {
	return newFinding(s.file, s.position(offset), code, format, args...)
}

func (s *scanner) space() {
	for s.at < len(s.src) {
		switch s.src[s.at] {
		case ' ', '\t', '\r':
			s.at++
		case '\n':
			s.at++
			s.line++
			s.lineStart = s.at
		default:
			return
		}
	}
}

// found describes what stands at the current place, for messages.
func (s *scanner) found() string {
	if s.at >= len(s.src) {
		return "end of file"
	}
	r, _ := utf8.DecodeRuneInString(s.src[s.at:])
	return fmt.Sprintf("%q", r)
}

func (s *scanner) next() byte {
	if s.at < len(s.src) {
		return s.src[s.at]
	}
	return 0
}

// value reads the value at the current place into n, which is zero.
func (s *scanner) value(n *Node, depth int) (err *SyntaxError) {
	s.space()
	if depth > s.bounds.depth {
		return s.errorf(CodeTooLarge, s.at, "nested more than %d deep", s.bounds.depth)
	}
	if len(s.fields)+len(s.doneFields)+len(s.items)+len(s.doneItems) > s.bounds.values {
		return s.errorf(CodeTooLarge, s.at, "more than %d values", s.bounds.values)
	}
	n.Pos = s.position(s.at)
	switch c := s.next(); {
	case c == '"':
		n.Text, err = s.quoted()
	case c == '{':
		n.Kind = ObjectNode
		n.Fields, err = s.object(depth)
	case c == '[':
		n.Kind = ListNode
		n.Items, err = s.array(depth)
	case c == '-' || c >= '0' && c <= '9':
		n.Kind = NumberNode
		n.Text, err = s.number()
	default:
		n.Kind, n.Text, err = s.word()
	}
	return err
}

func (s *scanner) object(depth int) ([]Field, *SyntaxError) {
	base := len(s.fields)
	for s.at++; ; s.at++ {
		s.space()
		if s.next() == '}' && len(s.fields) == base {
			break
		}
		var f Field
		if err := s.member(&f, depth); err != nil {
			return nil, err
		}
		s.fields = append(s.fields, f)
		s.space()
		if s.next() == '}' {
			break
		}
		if s.next() != ',' {
			return nil, s.errorf(CodeNotJSON, s.at, "expected ',' or '}' in an object, found %s", s.found())
		}
	}
	s.at++
	start := len(s.doneFields)
	s.doneFields = append(s.doneFields, s.fields[base:]...)
	s.fields = s.fields[:base]
	return s.doneFields[start:len(s.doneFields):len(s.doneFields)], nil
}

func (s *scanner) member(f *Field, depth int) (err *SyntaxError) {
	f.Pos = s.position(s.at)
	if s.next() != '"' {
		return s.errorf(CodeNotJSON, s.at, "expected a key in double quotes, found %s", s.found())
	}
	if f.Name, err = s.quoted(); err != nil {
		return err
	}
	s.space()
	if s.next() != ':' {
		return s.errorf(CodeNotJSON, s.at, "expected ':' after %q, found %s", f.Name, s.found())
	}
	s.at++
	return s.value(&f.Value, depth+1)
}

func (s *scanner) array(depth int) ([]Node, *SyntaxError) {
	base := len(s.items)
	for s.at++; ; s.at++ {
		s.space()
		if s.next() == ']' && len(s.items) == base {
			break
		}
		var item Node
		if err := s.value(&item, depth+1); err != nil {
			return nil, err
		}
		s.items = append(s.items, item)
		s.space()
		if s.next() == ']' {
			break
		}
		if s.next() != ',' {
			return nil, s.errorf(CodeNotJSON, s.at, "expected ',' or ']' in a list, found %s", s.found())
		}
	}
	s.at++
	start := len(s.doneItems)
	s.doneItems = append(s.doneItems, s.items[base:]...)
	s.items = s.items[:base]
	return s.doneItems[start:len(s.doneItems):len(s.doneItems)], nil
}

// quoted reads a string. The extent is found here, escapes are left to encoding/json.
func (s *scanner) quoted() (string, *SyntaxError) {
	start := s.at
	escaped, ascii := false, true
	for i := start + 1; i < len(s.src); i++ {
		switch c := s.src[i]; {
		case c == '"':
			s.at = i + 1
			return s.unquote(start, escaped, ascii)
		case c == '\\':
			escaped = true
			i++
		case c < 0x20:
			s.at = i
			return "", s.errorf(CodeNotJSON, i, "control character %#02x in a string", c)
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	s.at = len(s.src)
	return "", s.errorf(CodeNotJSON, start, "string is not closed")
}

func (s *scanner) unquote(start int, escaped, ascii bool) (string, *SyntaxError) {
	raw := s.src[start:s.at]
	if (escaped || !ascii) && !utf8.ValidString(raw) {
		return "", s.errorf(CodeNotJSON, start, "string is not valid UTF-8")
	}
	if !escaped {
		return raw[1 : len(raw)-1], nil
	}
	var text string
	if err := json.Unmarshal([]byte(raw), &text); err != nil {
		return "", s.errorf(CodeNotJSON, start, "bad escape in a string")
	}
	if at := loneSurrogate(raw); at >= 0 {
		return "", s.errorf(CodeNotJSON, start+at, "%s is half a character: it needs the other half of its surrogate pair", raw[at:at+escapeLength])
	}
	return text, nil
}

// escapeLength is that of \uXXXX.
const escapeLength = 6

// loneSurrogate is the offset of the first escape that is one half of a surrogate pair without the other, which
// encoding/json replaces by U+FFFD; -1 if there is none. The string's escapes are correct otherwise.
func loneSurrogate(raw string) int {
	for at := 0; at < len(raw); {
		if raw[at] != '\\' {
			at++
			continue
		}
		first := codeUnit(raw[at:])
		switch {
		case !utf16.IsSurrogate(first):
			at += 2 // what is left of \uXXXX has no backslash
		case utf16.DecodeRune(first, codeUnit(raw[at+escapeLength:])) == utf8.RuneError:
			return at
		default:
			at += 2 * escapeLength
		}
	}
	return -1
}

// codeUnit gives the UTF-16 code unit of the escape \uXXXX at the beginning of s, and 0 where there is none.
func codeUnit(s string) rune {
	if len(s) < escapeLength || s[0] != '\\' || s[1] != 'u' {
		return 0
	}
	unit, err := strconv.ParseUint(s[2:escapeLength], 16, 16)
	if err != nil {
		return 0
	}
	return rune(unit)
}

func (s *scanner) number() (string, *SyntaxError) {
	start := s.at
	for s.at < len(s.src) && isNumberByte(s.src[s.at]) {
		s.at++
	}
	raw := s.src[start:s.at]
	if !json.Valid([]byte(raw)) {
		return "", s.errorf(CodeNotJSON, start, "bad number %q", raw)
	}
	return raw, nil
}

func isNumberByte(c byte) bool {
	return c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

// word reads true, false or null; everything else is an error.
func (s *scanner) word() (NodeKind, string, *SyntaxError) {
	for _, w := range [...]struct {
		text string
		kind NodeKind
	}{{"true", BoolNode}, {"false", BoolNode}, {"null", NullNode}} {
		if rest, found := strings.CutPrefix(s.src[s.at:], w.text); found && !startsWithLetter(rest) {
			s.at += len(w.text)
			return w.kind, w.text, nil
		}
	}
	return NullNode, "", s.errorf(CodeNotJSON, s.at, "expected a JSON value, found %s", s.found())
}

func startsWithLetter(s string) bool { return s != "" && s[0] >= 'a' && s[0] <= 'z' }
