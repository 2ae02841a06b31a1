package iam

import (
	"encoding/json"
	"fmt"
	"sort"
	"unicode/utf8"
)

// The bounds on what is read. AWS's own largest policies are far smaller (a bucket policy may have 20 KB).
const (
	maxSource = 1 << 20
	maxDepth  = 32
)

type nodeKind uint8

const (
	nodeString nodeKind = iota
	nodeNumber
	nodeBool
	nodeNull
	nodeArray
	nodeObject
)

var nodeNames = [...]string{"a string", "a number", "a boolean", "null", "a list", "an object"}

func (k nodeKind) String() string { return nodeNames[k] }

// node is a JSON value with its place. encoding/json is not used for reading because it keeps
// neither places nor duplicate keys.
type node struct {
	kind   nodeKind
	offset int
	text   string // of a string, decoded; of a number or boolean, as written
	items  []node
	fields []field
}

type field struct {
	name   string
	offset int
	value  node
}

// scanner reads one JSON text (RFC 8259), strictly.
type scanner struct {
	file  string
	src   []byte
	at    int
	lines []int // offset of each line's first byte
}

func newScanner(file string, src []byte) *scanner {
	s := &scanner{file: file, src: src, lines: []int{0}}
	for i, c := range src {
		if c == '\n' {
			s.lines = append(s.lines, i+1)
		}
	}
	return s
}

// position turns an offset into line and column.
func (s *scanner) position(offset int) Position {
	line := sort.Search(len(s.lines), func(i int) bool { return s.lines[i] > offset })
	return Position{Line: line, Column: offset - s.lines[line-1] + 1}
}

func (s *scanner) errorf(offset int, format string, args ...any) *SyntaxError {
	return syntaxErrorf(s.file, s.position(offset), format, args...)
}

// document reads the whole text as one value.
func (s *scanner) document() (node, error) {
	n, err := s.value(0)
	if err != nil {
		return node{}, err
	}
	s.space()
	if s.at < len(s.src) {
		return node{}, s.errorf(s.at, "%s after the end of the policy", s.found())
	}
	return n, nil
}

func (s *scanner) space() {
	for s.at < len(s.src) {
		switch s.src[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
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
	r, _ := utf8.DecodeRune(s.src[s.at:])
	return fmt.Sprintf("%q", r)
}

func (s *scanner) next() byte {
	if s.at < len(s.src) {
		return s.src[s.at]
	}
	return 0
}

func (s *scanner) value(depth int) (node, error) {
	s.space()
	if depth > maxDepth {
		return node{}, s.errorf(s.at, "nested more than %d deep", maxDepth)
	}
	switch c := s.next(); {
	case c == '{':
		return s.object(depth)
	case c == '[':
		return s.array(depth)
	case c == '"':
		start := s.at
		text, err := s.quoted()
		return node{kind: nodeString, offset: start, text: text}, err
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	default:
		return s.word()
	}
}

func (s *scanner) object(depth int) (node, error) {
	n := node{kind: nodeObject, offset: s.at}
	seen := map[string]Position{}
	for s.at++; ; s.at++ {
		s.space()
		if s.next() == '}' && len(n.fields) == 0 {
			break
		}
		f, err := s.member(depth)
		if err != nil {
			return node{}, err
		}
		if first, twice := seen[f.name]; twice {
			return node{}, s.errorf(f.offset, "duplicate key %q: already given at line %d, column %d",
				f.name, first.Line, first.Column)
		}
		seen[f.name] = s.position(f.offset)
		n.fields = append(n.fields, f)
		s.space()
		if s.next() == '}' {
			break
		}
		if s.next() != ',' {
			return node{}, s.errorf(s.at, "expected ',' or '}' in an object, found %s", s.found())
		}
	}
	s.at++
	return n, nil
}

func (s *scanner) member(depth int) (field, error) {
	f := field{offset: s.at}
	if s.next() != '"' {
		return f, s.errorf(s.at, "expected a key in double quotes, found %s", s.found())
	}
	var err error
	if f.name, err = s.quoted(); err != nil {
		return f, err
	}
	s.space()
	if s.next() != ':' {
		return f, s.errorf(s.at, "expected ':' after %q, found %s", f.name, s.found())
	}
	s.at++
	f.value, err = s.value(depth + 1)
	return f, err
}

func (s *scanner) array(depth int) (node, error) {
	n := node{kind: nodeArray, offset: s.at}
	for s.at++; ; s.at++ {
		s.space()
		if s.next() == ']' && len(n.items) == 0 {
			break
		}
		item, err := s.value(depth + 1)
		if err != nil {
			return node{}, err
		}
		n.items = append(n.items, item)
		s.space()
		if s.next() == ']' {
			break
		}
		if s.next() != ',' {
			return node{}, s.errorf(s.at, "expected ',' or ']' in a list, found %s", s.found())
		}
	}
	s.at++
	return n, nil
}

// quoted reads a string. The extent is found here, the escapes are left to encoding/json.
func (s *scanner) quoted() (string, error) {
	start := s.at
	for s.at++; s.at < len(s.src); s.at++ {
		switch c := s.src[s.at]; {
		case c == '\\':
			s.at++
		case c < 0x20:
			return "", s.errorf(s.at, "control character %#02x in a string", c)
		case c == '"':
			s.at++
			return s.unquote(start, s.src[start:s.at])
		}
	}
	s.at = len(s.src)
	return "", s.errorf(start, "string is not closed")
}

func (s *scanner) unquote(start int, raw []byte) (string, error) {
	if !utf8.Valid(raw) {
		return "", s.errorf(start, "string is not valid UTF-8")
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return "", s.errorf(start, "bad escape in a string")
	}
	return text, nil
}

func (s *scanner) number() (node, error) {
	n := node{kind: nodeNumber, offset: s.at}
	for s.at < len(s.src) && isNumberByte(s.src[s.at]) {
		s.at++
	}
	raw := s.src[n.offset:s.at]
	if !json.Valid(raw) {
		return node{}, s.errorf(n.offset, "bad number %q", raw)
	}
	n.text = string(raw)
	return n, nil
}

func isNumberByte(c byte) bool {
	return c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

// word reads true, false or null; everything else is an error.
func (s *scanner) word() (node, error) {
	start := s.at
	for s.at < len(s.src) && s.src[s.at] >= 'a' && s.src[s.at] <= 'z' {
		s.at++
	}
	switch w := string(s.src[start:s.at]); w {
	case "true", "false":
		return node{kind: nodeBool, offset: start, text: w}, nil
	case "null":
		return node{kind: nodeNull, offset: start}, nil
	}
	s.at = start
	return node{}, s.errorf(start, "expected a JSON value, found %s", s.found())
}
