package yaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/slipway-cd/slipway/iam"
)

// The bounds on what is read. AWS's own largest policies have 20 kB.
const (
	maxSource = 1 << 20
	maxDepth  = 32
	maxMarks  = 200_000 // characters that can begin a YAML node, which takes some hundred bytes
	maxNodes  = 200_000 // after aliases are followed
)

// byteOrderMark may begin a text; columns do not count it.
const byteOrderMark = "\ufeff"

// source is a YAML text, for findings.
type source struct {
	name  string
	text  []byte
	ascii bool
	// For a text that is not ASCII, made when the first place in it is needed: the offset of every character, and the
	// number of the first character of every line. Walking along the line for every place would take a text of one long
	// line the square of its length.
	characters []int32
	lines      []int32
}

// load turns the text into the tree of its only document. The findings are those that leave no tree.
func load(name string, text []byte) (*iam.Node, []*iam.SyntaxError) {
	text = bytes.TrimPrefix(text, []byte(byteOrderMark))
	s := &source{name: name, text: text, ascii: isASCII(text)}
	root, fault := s.compose()
	if fault != nil {
		return nil, []*iam.SyntaxError{fault}
	}
	c := converter{source: s}
	n := c.node(root, 0)
	iam.SortFindings(c.findings)
	return &n, c.findings
}

// compose reads the only document.
func (s *source) compose() (*yaml.Node, *iam.SyntaxError) {
	top := iam.Position{Line: 1, Column: 1}
	switch {
	case len(s.text) > maxSource:
		return nil, s.finding(top, iam.CodeTooLarge, "policy is longer than %d bytes", maxSource)
	case !utf8.Valid(s.text):
		return nil, s.finding(s.placeOf(invalidUTF8(s.text)), iam.CodeNotYAML, "text is not valid UTF-8")
	case marks(s.text) > maxMarks:
		return nil, s.finding(top, iam.CodeTooLarge, "policy has more than %d values", maxMarks)
	}
	documents, err := s.documents()
	switch {
	case err != nil:
		return nil, s.syntax(err)
	case len(documents) == 0 || len(documents[0].Content) == 0:
		return nil, s.finding(top, iam.CodeNotYAML, "expected a policy, found end of file")
	case len(documents) > 1:
		return nil, s.finding(s.position(documents[1]), iam.CodeNotYAML, "a second document begins here: a policy is one")
	}
	return documents[0].Content[0], nil
}

// limits are the library's own bounds.
type limits struct{}

var errTooDeep = fmt.Errorf("nested more than %d deep", maxDepth)

// CheckDepth implements [yaml.LoaderLimitsPlugin].
func (limits) CheckDepth(depth int, _ *yaml.DepthContext) error {
	if depth > maxDepth {
		return errTooDeep
	}
	return nil
}

// CheckAlias implements [yaml.LoaderLimitsPlugin]. Nodes keep their aliases: the converter counts what they add.
func (limits) CheckAlias(int, int) error { return nil }

// documents reads at most two documents: the second is only needed to say that there is one.
func (s *source) documents() ([]*yaml.Node, error) {
	loader, err := yaml.NewLoader(bytes.NewReader(s.text), yaml.WithPlugin(limits{}))
	if err != nil {
		return nil, fmt.Errorf("start the YAML reader: %w", err)
	}
	var documents []*yaml.Node
	for len(documents) < 2 {
		node := new(yaml.Node)
		switch err := loader.Load(node); {
		case errors.Is(err, io.EOF):
			return documents, nil
		case err != nil:
			return nil, err
		}
		documents = append(documents, node)
	}
	return documents, nil
}

// syntax is the finding for an error of the YAML library.
func (s *source) syntax(err error) *iam.SyntaxError {
	var load *yaml.LoadError
	if !errors.As(err, &load) {
		return s.finding(iam.Position{Line: 1, Column: 1}, iam.CodeNotYAML, "not YAML: %v", err)
	}
	pos := s.at(load.Mark.Line, load.Mark.Column)
	if load.Message == errTooDeep.Error() { // the library keeps the text of a plugin's error, not the error
		return s.finding(pos, iam.CodeTooLarge, "%s", load.Message)
	}
	message := load.Message
	if load.ContextMsg != "" {
		message += " (" + load.ContextMsg + ")"
	}
	// The library has no codes: these are the two errors that an unquoted star leads to.
	if load.ContextMsg == "while scanning an alias" || strings.HasPrefix(load.Message, "unknown anchor ") {
		message += ": a star at the beginning of a text needs quotes around it, as in '*'"
	}
	return s.finding(pos, iam.CodeNotYAML, "not YAML: %s", message)
}

func (s *source) finding(pos iam.Position, code iam.Code, format string, args ...any) *iam.SyntaxError {
	return &iam.SyntaxError{File: s.name, Line: pos.Line, Column: pos.Column, Code: code, Message: fmt.Sprintf(format, args...)}
}

func (s *source) position(n *yaml.Node) iam.Position { return s.at(n.Line, n.Column) }

// at turns the library's place, whose columns count characters, into one whose columns count bytes.
func (s *source) at(line, column int) iam.Position {
	line, column = max(line, 1), max(column, 1)
	if s.ascii {
		return iam.Position{Line: line, Column: column}
	}
	if s.lines == nil {
		s.index()
	}
	if line > len(s.lines) {
		return iam.Position{Line: line, Column: column}
	}
	first := int(s.lines[line-1])
	at := min(first+column-1, len(s.characters)-1)
	return iam.Position{Line: line, Column: int(s.characters[at]-s.characters[first]) + 1}
}

// index finds where characters and lines begin. Lines end where the library says so.
func (s *source) index() {
	s.characters = make([]int32, 0, len(s.text)+1)
	s.lines = append(s.lines, 0)
	for offset := 0; offset < len(s.text); {
		r, size := utf8.DecodeRune(s.text[offset:])
		s.characters = append(s.characters, int32(offset))
		offset += size
		if isBreak(r) && (r != '\r' || offset == len(s.text) || s.text[offset] != '\n') {
			s.lines = append(s.lines, int32(len(s.characters)))
		}
	}
	s.characters = append(s.characters, int32(len(s.text)))
}

// isBreak says whether the library ends a line at a character: as YAML 1.1 does.
func isBreak(r rune) bool {
	switch r {
	case '\n', '\r', '\u0085', '\u2028', '\u2029':
		return true
	}
	return false
}

// placeOf turns an offset into a place.
func (s *source) placeOf(offset int) iam.Position {
	before := s.text[:offset]
	return iam.Position{
		Line:   1 + bytes.Count(before, []byte("\n")),
		Column: offset - bytes.LastIndexByte(before, '\n'),
	}
}

// marks counts the characters that separate or begin nodes, without parsing.
func marks(text []byte) int {
	n := 0
	for _, c := range text {
		switch c {
		case ',', '[', '{', ':', '-', '?', '\n', '\r':
			n++
		}
	}
	return n
}

// invalidUTF8 is the offset of the first byte that is not UTF-8.
func invalidUTF8(text []byte) int {
	for offset := 0; offset < len(text); {
		r, size := utf8.DecodeRune(text[offset:])
		if r == utf8.RuneError && size <= 1 {
			return offset
		}
		offset += size
	}
	return len(text)
}

func isASCII(text []byte) bool {
	for _, c := range text {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
