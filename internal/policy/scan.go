package policy

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds how deep a line may be nested: a policy may be 32 deep, and stands a few levels down.
const maxDepth = 48

// scanner walks over one JSON text (RFC 8259) without building a tree: values are handed out as the text that they
// are written in. encoding/json is not used because it takes the last of two equal keys, and because it is several
// times slower.
type scanner struct {
	src string
	at  int
}

func (s *scanner) errorf(format string, args ...any) error {
	return fmt.Errorf("column %d: %s", s.at+1, fmt.Sprintf(format, args...))
}

func (s *scanner) space() {
	for s.at < len(s.src) && (s.src[s.at] == ' ' || s.src[s.at] == '\t' || s.src[s.at] == '\r' || s.src[s.at] == '\n') {
		s.at++
	}
}

// next is the current byte, and 0 at the end.
func (s *scanner) next() byte {
	if s.at < len(s.src) {
		return s.src[s.at]
	}
	return 0
}

// found describes what stands at the current place, for messages.
func (s *scanner) found() string {
	if s.at >= len(s.src) {
		return "the end"
	}
	r, _ := utf8.DecodeRuneInString(s.src[s.at:])
	return fmt.Sprintf("%q", r)
}

// value passes over one value and returns its text.
func (s *scanner) value(depth int) (string, error) {
	s.space()
	start := s.at
	if depth > maxDepth {
		return "", s.errorf("nested more than %d deep", maxDepth)
	}
	var err error
	switch c := s.next(); {
	case c == '"':
		err = s.quoted()
	case c == '{':
		err = s.object(depth)
	case c == '[':
		err = s.array(depth)
	case c == '-' || c >= '0' && c <= '9':
		err = s.number()
	default:
		err = s.word()
	}
	return s.src[start:s.at], err
}

func (s *scanner) object(depth int) error {
	s.at++
	for first := true; ; first = false {
		if done, err := s.separator('}', first); done || err != nil {
			return err
		}
		if err := s.key(); err != nil {
			return err
		}
		if _, err := s.value(depth + 1); err != nil {
			return err
		}
	}
}

func (s *scanner) array(depth int) error {
	s.at++
	for first := true; ; first = false {
		if done, err := s.separator(']', first); done || err != nil {
			return err
		}
		if _, err := s.value(depth + 1); err != nil {
			return err
		}
	}
}

// separator passes over what stands before an element of a list or an object: nothing before the first, a comma
// before the others. done is true when the closing bracket came in its place.
func (s *scanner) separator(closing byte, first bool) (done bool, err error) {
	s.space()
	switch c := s.next(); {
	case c == closing:
		s.at++
		return true, nil
	case first:
		return false, nil
	case c != ',':
		return false, s.errorf("expected , or %c, found %s", closing, s.found())
	}
	s.at++
	s.space()
	if s.next() == closing {
		return false, s.errorf("a comma before %c", closing)
	}
	return false, nil
}

// key passes over a member's name and the colon.
func (s *scanner) key() error {
	s.space()
	if s.next() != '"' {
		return s.errorf("expected a name in quotes, found %s", s.found())
	}
	if err := s.quoted(); err != nil {
		return err
	}
	s.space()
	if s.next() != ':' {
		return s.errorf("expected :, found %s", s.found())
	}
	s.at++
	return nil
}

// plain are the bytes that stand for themselves in a string.
var plain = func() (table [256]bool) {
	for c := range table {
		table[c] = c >= ' ' && c != '"' && c != '\\'
	}
	return table
}()

// quoted passes over a string.
func (s *scanner) quoted() error {
	for i := s.at + 1; i < len(s.src); i++ {
		if plain[s.src[i]] {
			continue
		}
		s.at = i
		switch s.src[i] {
		case '"':
			s.at++
			return nil
		case '\\':
			if err := s.escape(); err != nil {
				return err
			}
			i = s.at
		default:
			return s.errorf("a control character in a string: %s", s.found())
		}
	}
	s.at = len(s.src)
	return s.errorf("a string is not closed")
}

// escape passes over an escape but for its last byte; a character of two escapes is passed over whole.
func (s *scanner) escape() error {
	s.at++
	if c := s.next(); c != 'u' {
		if c == 0 || strings.IndexByte(`"\/bfnrt`, c) < 0 {
			return s.errorf("not an escape in JSON: \\%s", s.found())
		}
		return nil
	}
	first, err := s.hexadecimal()
	if err != nil || !utf16.IsSurrogate(first) {
		return err
	}
	// Half a character would be replaced when the string is decoded, and then be equal to any other half.
	if !strings.HasPrefix(s.src[s.at+1:], `\u`) {
		return s.errorf("half a character: \\u%04x stands alone", first)
	}
	s.at += len(`\u`)
	second, err := s.hexadecimal()
	if err == nil && utf16.DecodeRune(first, second) == utf8.RuneError {
		err = s.errorf("half a character: \\u%04x and \\u%04x are no pair", first, second)
	}
	return err
}

// hexadecimal passes over the digits of \u but for the last.
func (s *scanner) hexadecimal() (r rune, err error) {
	for range 4 {
		s.at++
		c := s.next()
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, s.errorf("\\u needs four hexadecimal digits, found %s", s.found())
		}
	}
	return r, nil
}

func (s *scanner) number() error {
	if s.next() == '-' {
		s.at++
	}
	start := s.at
	if digits := s.digits(); digits == 0 || digits > 1 && s.src[start] == '0' {
		return s.errorf("not a number in JSON")
	}
	if s.next() == '.' {
		s.at++
		if s.digits() == 0 {
			return s.errorf("not a number in JSON: no digit after the point")
		}
	}
	if s.next()|0x20 != 'e' {
		return nil
	}
	s.at++
	if c := s.next(); c == '+' || c == '-' {
		s.at++
	}
	if s.digits() == 0 {
		return s.errorf("not a number in JSON: no digit in the exponent")
	}
	return nil
}

// digits passes over digits and counts them.
func (s *scanner) digits() int {
	start := s.at
	for s.next() >= '0' && s.next() <= '9' {
		s.at++
	}
	return s.at - start
}

func (s *scanner) word() error {
	for _, w := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(s.src[s.at:], w) {
			s.at += len(w)
			return nil
		}
	}
	return s.errorf("expected a value, found %s", s.found())
}

// The functions below take texts that value has passed over: they are known to be JSON.

// kindOf names the type of a value, for messages.
func kindOf(text string) string {
	switch text[0] {
	case '"':
		return "a string"
	case '{':
		return "an object"
	case '[':
		return "a list"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

func wrongType(want, text string) error {
	return fmt.Errorf("must be %s, found %s", want, kindOf(text))
}

// unquote decodes a string. Without escapes the result is a part of the text.
func unquote(text string) (string, error) {
	if text[0] != '"' {
		return "", wrongType("a string", text)
	}
	if strings.IndexByte(text, '\\') < 0 {
		return text[1 : len(text)-1], nil
	}
	var decoded string
	err := json.Unmarshal([]byte(text), &decoded)
	return decoded, err
}
