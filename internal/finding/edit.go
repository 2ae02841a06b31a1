package finding

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
)

// Fix carries out the edits of findings in a file's text. Of findings whose edits overlap the first in the order of places
// is carried out, so that fixing again may do more. It gives the new text and the findings that were mended.
func Fix(content []byte, findings []Finding) (fixed []byte, mended []Finding, err error) {
	type span struct {
		from, to int
		text     string
	}
	starts := lineStarts(content)
	var taken []span
	for _, f := range findings {
		spans := make([]span, 0, len(f.Edits))
		free := len(f.Edits) > 0
		for _, e := range f.Edits {
			from, ok1 := offset(content, starts, e.Line, e.Column)
			to, ok2 := offset(content, starts, e.EndLine, e.EndColumn)
			if !ok1 || !ok2 || to < from {
				return nil, nil, fmt.Errorf("fix of %s at %s:%d: %d:%d to %d:%d is not in the file", f.Code, f.File, f.Line, e.Line, e.Column, e.EndLine, e.EndColumn)
			}
			spans = append(spans, span{from, to, e.Text})
			free = free && !slices.ContainsFunc(taken, func(s span) bool { return from < s.to && s.from < to || from == s.from })
		}
		if free {
			taken = append(taken, spans...)
			mended = append(mended, f)
		}
	}
	slices.SortFunc(taken, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var out bytes.Buffer
	at := 0
	for _, s := range taken {
		out.Write(content[at:s.from])
		out.WriteString(s.text)
		at = s.to
	}
	out.Write(content[at:])
	return out.Bytes(), mended, nil
}

func lineStarts(content []byte) []int {
	starts := []int{0}
	for i, c := range content {
		if c == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}

func offset(content []byte, starts []int, line, column int) (int, bool) {
	if line < 1 || line > len(starts) || column < 1 {
		return 0, false
	}
	at := starts[line-1] + column - 1
	end := len(content)
	if line < len(starts) {
		end = starts[line]
	}
	return at, at <= end
}
