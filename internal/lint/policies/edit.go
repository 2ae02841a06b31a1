package policies

import (
	"bytes"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/finding"
)

// replace adds the edit that writes another ARN, where the text of the file is known and has the old one as it is.
// It can take away nothing: the old one matches nothing, and only what allows is mended. A Deny that comes to match something
// takes away what works, and one that comes to match less opens what was closed.
func (s *statement) replace(f *finding.Finding, old text, right [6]text) {
	if s.Effect != iam.Allow || len(s.resources) == 0 {
		return
	}
	line := lineOf(s.policy.source, f.Line)
	if f.Column-1 > len(line) {
		return
	}
	rest := string(line[f.Column-1:])
	quoted := 0
	if strings.HasPrefix(rest, `"`) || strings.HasPrefix(rest, "'") {
		quoted = 1
	}
	if !strings.HasPrefix(rest[quoted:], string(old)) {
		return
	}
	if after := rest[quoted+len(old):]; after != "" && !strings.ContainsAny(after[:1], "\"' ,\r]") {
		return
	}
	column := f.Column + quoted
	f.Edits = []finding.Edit{{Line: f.Line, Column: column, EndLine: f.Line, EndColumn: column + len(old), Text: joined(right)}}
}

// lineOf is a line of a text, from 1, without its end.
func lineOf(text []byte, number int) []byte {
	for line := range bytes.Lines(text) {
		if number--; number == 0 {
			return bytes.TrimRight(line, "\r\n")
		}
	}
	return nil
}
