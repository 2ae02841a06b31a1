package release

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// What a release file may be at most. A real one has some hundred lines; these bounds make sure that a hostile one
// is refused before it costs time or memory.
const (
	maxFile  = 1_000_000 // bytes
	maxDepth = 32        // levels of nesting; the deepest that the schema has is 9
	maxMarks = 50_000    // characters that can begin a node, see tooManyNodes
)

// load turns the text into the node of its top-level mapping, or reports why it cannot.
func load(r *report, src []byte) *yaml.Node {
	top := Position{1, 1}
	switch {
	case len(src) > maxFile:
		r.lines = nil // a line of such a file is nothing to show
		r.add(top, "", fmt.Sprintf("the file has %d bytes: a release file has at most %d", len(src), maxFile))
		return nil
	case !utf8.Valid(src):
		r.add(placeOf(src, invalidUTF8(src)), "save the file as UTF-8", "the file is not valid UTF-8")
		return nil
	case bytes.IndexFunc(src, isControl) >= 0:
		r.add(placeOf(src, bytes.IndexFunc(src, isControl)), "leave it out", "the file has a control character")
		return nil
	case tooManyNodes(src):
		r.add(top, "", fmt.Sprintf("the file has more than %d values: that is no release file", maxMarks))
		return nil
	}
	documents, err := compose(src)
	if err != nil {
		r.addSyntax(err)
		return nil
	}
	return r.single(documents)
}

// single is the mapping of the only document.
func (r *report) single(documents []*yaml.Node) *yaml.Node {
	const example = "begin with app:, accounts: and stages:"
	if len(documents) == 0 || len(documents[0].Content) == 0 || isNull(documents[0].Content[0]) {
		r.add(Position{1, 1}, example, "the file is empty: it describes no release")
		return nil
	}
	if len(documents) > 1 {
		r.add(position(documents[1]), "one file is one release: put the other into a file of its own",
			"a second document begins here")
		return nil
	}
	root := documents[0].Content[0]
	if root.Kind != yaml.MappingNode {
		r.add(position(root), example, "a release file is a mapping, not "+kindOf(root))
		return nil
	}
	if !r.plain(root) {
		return nil
	}
	return root
}

// plain refuses what no value of a release file may be: an alias, or a value with a tag. Aliases are not followed.
func (r *report) plain(n *yaml.Node) bool {
	switch {
	case n.Kind == yaml.AliasNode:
		r.add(position(n), "write the value out; one that occurs often can be a variable: variables: {name: value}, "+
			"then ${name}", "aliases are not used in release files")
		return false
	case n.Style&yaml.TaggedStyle != 0:
		r.add(position(n), "leave the tag out", fmt.Sprintf("tags such as %s are not used in release files", quote(n.Tag)))
		return false
	}
	ok := true
	for _, child := range n.Content {
		ok = r.plain(child) && ok
	}
	return ok
}

// compose reads at most two documents: the second is only needed to say that there is one.
func compose(src []byte) ([]*yaml.Node, error) {
	limits := loaderlimits.New(loaderlimits.DepthValue(maxDepth))
	loader, err := yaml.NewLoader(bytes.NewReader(src), yaml.WithPlugin(limits))
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

// tooManyNodes says whether the text could hold so many nodes that composing them would cost much memory (a node
// takes some hundred bytes). It counts the characters that separate or begin nodes, without parsing.
func tooManyNodes(src []byte) bool {
	marks := 0
	for _, c := range src {
		switch c {
		case ',', '[', '{', ':', '-', '?', '\n', '\r':
			marks++
		}
	}
	return marks > maxMarks
}

// addSyntax reports an error of the YAML library at its place.
func (r *report) addSyntax(err error) {
	var load *yaml.LoadError
	if !errors.As(err, &load) {
		r.add(Position{1, 1}, "", "not YAML: "+err.Error())
		return
	}
	at := Position{max(load.Mark.Line, 1), max(load.Mark.Column, 1)}
	if r.pastEnd(at) {
		at = r.lastPlace(at)
	}
	message := "not YAML: " + load.Message
	if load.ContextMsg != "" {
		message += " (" + load.ContextMsg + ")"
	}
	r.add(at, syntaxHint(r, at, load.Message), message)
}

// pastEnd says whether nothing is at a place or after it.
func (r *report) pastEnd(at Position) bool {
	for i := at.Line - 1; i < len(r.lines); i++ {
		text := []rune(r.lines[i])
		if i == at.Line-1 {
			text = text[min(at.Column-1, len(text)):]
		}
		if strings.TrimSpace(string(text)) != "" {
			return false
		}
	}
	return true
}

// lastPlace is just behind the last text before a place.
func (r *report) lastPlace(at Position) Position {
	for line := min(at.Line, len(r.lines)); line > 0; line-- {
		if text := strings.TrimRight(r.lines[line-1], " \t"); text != "" {
			return Position{line, utf8.RuneCountInString(text) + 1}
		}
	}
	return at
}

// syntaxHint says what is usually behind an error of the YAML library.
func syntaxHint(r *report, at Position, message string) string {
	line := ""
	if at.Line <= len(r.lines) {
		line = r.lines[at.Line-1]
	}
	indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	switch {
	case strings.Contains(indent, "\t") || strings.Contains(message, "tab"):
		return "YAML is indented with spaces, not with tabs"
	case strings.Contains(message, "mapping values are not allowed"):
		return "a value that contains \": \" needs quotes; otherwise look at the indentation"
	case strings.Contains(message, "cannot start any token"):
		return "a value that begins with @, ` or % needs quotes"
	case strings.Contains(message, "did not find expected") && r.pastEnd(at),
		strings.Contains(message, "unexpected end of stream"):
		return "a [, { or quote is never closed"
	case strings.Contains(message, "expected ',' or"):
		return "a comma is missing, or a [ or { before it is not closed"
	case strings.Contains(message, "depth"):
		return "a release file is nested far less deep"
	}
	return ""
}

// isControl finds what no text file has.
func isControl(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f }

// invalidUTF8 is the offset of the first byte that is not UTF-8.
func invalidUTF8(src []byte) int {
	for offset := 0; ; {
		r, size := utf8.DecodeRune(src[offset:])
		if r == utf8.RuneError && size <= 1 {
			return offset
		}
		offset += size
	}
}

// placeOf turns an offset into a place.
func placeOf(src []byte, offset int) Position {
	before := src[:offset]
	start := bytes.LastIndexByte(before, '\n') + 1
	return Position{1 + bytes.Count(before, []byte("\n")), 1 + utf8.RuneCount(before[start:])}
}

func position(n *yaml.Node) Position { return Position{max(n.Line, 1), max(n.Column, 1)} }

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// kindOf names what a node is, for people.
func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(n):
		return "empty"
	case n.ShortTag() == "!!bool":
		return "true or false"
	case n.ShortTag() == "!!int" || n.ShortTag() == "!!float":
		return "a number"
	}
	return "text"
}
