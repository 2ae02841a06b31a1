package pipelines

import (
	"strings"
	"unicode/utf8"
)

// scalar is a value of a YAML file, with the place in the file of each of its bytes.
type scalar struct {
	source *source
	value  string
	// at is where the value begins: its quote, the indicator of its block, or its first character.
	at int
	// bytes holds an offset for each byte of the value, and one for its end. Empty where the file writes the value in a way
	// that is not followed here; everything is at its beginning then.
	bytes []int
}

// newScalar finds the bytes of a value whose beginning the parser told. YAML's parsers tell no more than that, and a
// finding in line 30 of a script is not to be looked for.
func newScalar(s *source, value string, line, column int) scalar {
	sc := scalar{source: s, value: value, at: s.properties(s.offset(line, column))}
	if sc.at >= len(s.content) || len(s.breaks) != len(s.starts) { // line ends of old are not followed
		return sc
	}
	switch s.content[sc.at] {
	case '|':
		sc.bytes = s.literal(value, sc.at)
	case '>':
		sc.bytes = s.folded(value, sc.at)
	default:
		sc.bytes = s.flow(value, sc.at)
	}
	if len(sc.bytes) != len(value)+1 {
		sc.bytes = nil
	}
	return sc
}

// place is where a byte of the value is.
func (sc scalar) place(offset int) (line, column int) {
	if sc.source == nil {
		return 1, 1
	}
	if len(sc.bytes) == 0 {
		return sc.source.place(sc.at)
	}
	return sc.source.place(sc.bytes[max(0, min(offset, len(sc.value)))])
}

// properties skips an anchor and a tag in front of a value.
func (s *source) properties(at int) int {
	for at < len(s.content) && (s.content[at] == '&' || s.content[at] == '!') {
		end := strings.IndexAny(s.content[at:], " \t\n")
		if end < 0 {
			return at
		}
		rest := s.content[at+end:]
		at += end + len(rest) - len(strings.TrimLeft(rest, " \t\r\n"))
	}
	return at
}

// literal follows a | block: each line of the value is the end of a line of the file.
func (s *source) literal(value string, at int) []int {
	line, _ := s.place(at)
	offsets := make([]int, 0, len(value)+1)
	for n, text := range strings.Split(value, "\n") {
		written, ok := s.line(line + n) // line counts from 1, so this is the one behind the indicator's
		if !ok {
			if text == "" {
				break // the end of the last line
			}
			return nil
		}
		if text != "" && !strings.HasSuffix(written, text) {
			return nil
		}
		begin := s.starts[line+n] + max(0, len(written)-len(text))
		for i := range len(text) + 1 { // with the line's end
			offsets = append(offsets, begin+i)
		}
	}
	if len(offsets) > len(value)+1 {
		offsets = offsets[:len(value)+1]
	}
	for len(offsets) < len(value)+1 {
		offsets = append(offsets, len(s.content))
	}
	return offsets
}

// folded follows a > block: what stands between two lines of the file is a space or line ends in the value.
func (s *source) folded(value string, at int) []int {
	line, _ := s.place(at)
	indent := s.indentOf(value, line)
	offsets := make([]int, 0, len(value)+1)
	for n := line; len(offsets) < len(value); n++ {
		written, ok := s.line(n)
		if !ok {
			break
		}
		text := written[min(indent, len(written)):]
		if strings.TrimSpace(text) == "" && !strings.HasPrefix(value[len(offsets):], text+"\n") {
			continue
		}
		begin := s.starts[n] + min(indent, len(written))
		offsets = s.joint(value, text, offsets, begin)
		if !strings.HasPrefix(value[len(offsets):], text) {
			return nil
		}
		for i := range len(text) {
			offsets = append(offsets, begin+i)
		}
	}
	for len(offsets) < len(value)+1 { // line ends that are kept
		offsets = append(offsets, min(len(s.content), lastOf(offsets, at)+1))
	}
	return offsets
}

// joint passes what a value has between the last line and text.
func (s *source) joint(value, text string, offsets []int, begin int) []int {
	for len(offsets) < len(value) && value[len(offsets)] == '\n' {
		offsets = append(offsets, begin)
	}
	if rest := value[len(offsets):]; len(offsets) > 0 && !strings.HasPrefix(rest, text) && strings.HasPrefix(rest, " ") {
		offsets = append(offsets, begin)
	}
	return offsets
}

func lastOf(offsets []int, otherwise int) int {
	if len(offsets) == 0 {
		return otherwise
	}
	return offsets[len(offsets)-1]
}

// indentOf is by how much the lines of a block are indented: as the first that is not empty, or less where the indicator
// names a number and the value begins with spaces.
func (s *source) indentOf(value string, line int) int {
	for n := line; ; n++ {
		written, ok := s.line(n)
		if !ok {
			return 0
		}
		if strings.TrimSpace(written) == "" {
			continue
		}
		spaces := len(written) - len(strings.TrimLeft(written, " "))
		text := strings.TrimLeft(value, "\n")
		return max(0, spaces-(len(text)-len(strings.TrimLeft(text, " "))))
	}
}

// flow follows a plain or quoted value, over as many lines as it has.
func (s *source) flow(value string, at int) []int {
	quote := byte(0)
	if c := s.content[at]; c == '"' || c == '\'' {
		quote = c
		at++
	}
	offsets := make([]int, 0, len(value)+1)
	for len(offsets) < len(value) && at < len(s.content) {
		if breaks, next := s.fold(at); next > at {
			offsets = space(offsets, breaks, at, next)
			at = next
			continue
		}
		text, size := s.character(at, quote)
		if !strings.HasPrefix(value[min(len(offsets), len(value)):], text) {
			return nil
		}
		for range len(text) {
			offsets = append(offsets, at)
		}
		at += size
	}
	return append(offsets, at)
}

// space adds what the space between two words is in a value: itself within a line, a space for a line end, and the line ends
// but for the first where there are several.
func space(offsets []int, breaks, at, next int) []int {
	count, step := max(1, breaks-1), 0
	if breaks == 0 {
		count, step = next-at, 1
	}
	for i := range count {
		offsets = append(offsets, at+i*step)
	}
	return offsets
}

// fold says how many line ends follow here, with the space around them, and where the text goes on.
func (s *source) fold(at int) (breaks, next int) {
	for next = at; next < len(s.content); next++ {
		switch s.content[next] {
		case '\n':
			breaks++
		case ' ', '\t', '\r':
		default:
			return breaks, next
		}
	}
	return breaks, next
}

// escapes are those of one letter in double quotes (YAML 1.2, 5.7).
var escapes = map[byte]string{
	'0': "\x00", 'a': "\a", 'b': "\b", 't': "\t", '\t': "\t", 'n': "\n", 'v': "\v", 'f': "\f", 'r': "\r", 'e': "\x1b",
	' ': " ", '"': `"`, '/': "/", '\\': `\`, 'N': "\u0085", '_': "\u00a0", 'L': "\u2028", 'P': "\u2029",
}

// character is what one character of a value means, and how many bytes it is written with.
func (s *source) character(at int, quote byte) (text string, size int) {
	rest := s.content[at:]
	switch {
	case quote == '\'' && strings.HasPrefix(rest, "''"):
		return "'", 2
	case quote == '"' && rest[0] == '\\' && len(rest) > 1:
		return s.escaped(at, rest)
	}
	_, size = utf8.DecodeRuneInString(rest)
	return rest[:size], size
}

func (s *source) escaped(at int, rest string) (text string, size int) {
	if text, ok := escapes[rest[1]]; ok {
		return text, 2
	}
	if digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[rest[1]]; digits > 0 && len(rest) >= 2+digits {
		code := rune(0)
		for _, c := range rest[2 : 2+digits] {
			code = code<<4 | rune(max(0, strings.IndexRune("0123456789abcdef", c|0x20)))
		}
		return string(code), 2 + digits
	}
	if breaks, next := s.fold(at + 1); breaks > 0 { // an escaped line end is nothing
		return "", next - at
	}
	return rest[:1], 1
}
