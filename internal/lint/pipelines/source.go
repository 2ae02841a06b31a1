package pipelines

import (
	"strings"
	"unicode/utf8"
)

// source is the text of a file, with the beginnings of its lines.
type source struct {
	name    string
	content string
	starts  []int // of each line
	// breaks are the beginnings of lines as YAML's parser counts them: it takes more characters for line ends than everybody
	// else does.
	breaks []int
}

func newSource(name string, content []byte) *source {
	s := &source{name: name, content: string(content), starts: []int{0}, breaks: []int{0}}
	for i, r := range s.content {
		switch r {
		case '\n':
			s.starts = append(s.starts, i+1)
			s.breaks = append(s.breaks, i+1)
		case '\r', '\u0085', '\u2028', '\u2029':
			if !strings.HasPrefix(s.content[i:], "\r\n") {
				s.breaks = append(s.breaks, i+utf8.RuneLen(r))
			}
		}
	}
	return s
}

// offset is where a line and a column as YAML's parser counts them, in characters, are in the text.
func (s *source) offset(line, column int) int {
	if line < 1 || line > len(s.breaks) {
		return len(s.content)
	}
	at := s.breaks[line-1]
	if line == 1 { // the parser does not count a byte order mark
		at += len(s.content) - len(strings.TrimPrefix(s.content, "\ufeff"))
	}
	for ; column > 1 && at < len(s.content) && s.content[at] != '\n'; column-- {
		_, size := utf8.DecodeRuneInString(s.content[at:])
		at += size
	}
	return at
}

// place is the line and the column, in bytes, of an offset.
func (s *source) place(offset int) (line, column int) {
	low, high := 0, len(s.starts)
	for high-low > 1 {
		if middle := (low + high) / 2; s.starts[middle] <= offset {
			low = middle
		} else {
			high = middle
		}
	}
	return low + 1, offset - s.starts[low] + 1
}

// line is the text of a line, counted from 0, without its end; ok is false behind the last.
func (s *source) line(n int) (text string, ok bool) {
	if n < 0 || n >= len(s.starts) {
		return "", false
	}
	end := len(s.content)
	if n+1 < len(s.starts) {
		end = s.starts[n+1] - 1
	}
	return strings.TrimSuffix(s.content[s.starts[n]:end], "\r"), true
}
