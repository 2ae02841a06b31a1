package runbook

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// The bounds on what is read. Systems Manager takes documents of 64 KB.
const (
	maxSource = 256 << 10
	maxDepth  = 64
	maxNodes  = 50_000 // after aliases are followed
)

// Kind is what a node is.
type Kind int

// The kinds of nodes. Text is every scalar but null: SSM writes its numbers as text, and takes both.
const (
	Null Kind = iota
	Text
	List
	Map
)

// Node is a value of a document, with its place.
type Node struct {
	Kind Kind
	// Text of a scalar, as it is written.
	Text   string
	Items  []*Node
	Fields []Field
	// Line and Column where it begins, from 1; Column counts bytes.
	Line, Column int
	// Literal is true for the text of a block (|), whose first line is the one after Line.
	Literal bool
	// Open is true where a template of CloudFormation leaves a value, or part of it, to a deploy. See [InTemplate].
	Open bool
}

// Field is a key of a mapping with its value.
type Field struct {
	Key   *Node
	Value *Node
}

// Get is the value of a key; nil where there is none, or n is no mapping. Key is looked up as SSM does, by its exact name.
func (n *Node) Get(key string) *Node {
	if n == nil {
		return nil
	}
	for _, f := range n.Fields {
		if f.Key.Text == key {
			return f.Value
		}
	}
	return nil
}

// Key is where a key is written; nil where it is not.
func (n *Node) Key(key string) *Node {
	if n == nil {
		return nil
	}
	for _, f := range n.Fields {
		if f.Key.Text == key {
			return f.Key
		}
	}
	return nil
}

// Value is the text of a scalar under a key; empty where there is none.
func (n *Node) Value(key string) string {
	if v := n.Get(key); v != nil {
		return v.Text
	}
	return ""
}

// Texts are the scalars in a node, each with its place: itself, or those of a list.
func (n *Node) Texts() []*Node {
	switch {
	case n == nil:
		return nil
	case n.Kind == Text:
		return []*Node{n}
	}
	var list []*Node
	for _, item := range n.Items {
		if item.Kind == Text {
			list = append(list, item)
		}
	}
	return list
}

// Walk calls visit with every node below n, and n.
func (n *Node) Walk(visit func(*Node)) {
	if n == nil {
		return
	}
	visit(n)
	for _, item := range n.Items {
		item.Walk(visit)
	}
	for _, f := range n.Fields {
		f.Value.Walk(visit)
	}
}

// reader turns a text into nodes. Aliases share the node that they name; their size is counted as if they did not.
type reader struct {
	lines [][]byte
	// starts has the offsets of a line's characters, of the lines that were asked for.
	starts map[int][]int
	made   map[*yaml.Node]*Node
	sizes  map[*Node]int
	open   map[*yaml.Node]bool
	// template is true where CloudFormation's functions are to be seen; most is how many values there may be.
	template bool
	most     int
}

// SyntaxError says where a text is no document.
type SyntaxError struct {
	Line, Column int
	Message      string
	// TooLarge says that the text was not read for its size: it may be right.
	TooLarge bool
}

func (e *SyntaxError) Error() string { return e.Message }

func wrong(line, column int, format string, args ...any) *SyntaxError {
	return &SyntaxError{Line: max(line, 1), Column: max(column, 1), Message: fmt.Sprintf(format, args...)}
}

func tooLarge(line, column int, format string, args ...any) *SyntaxError {
	err := wrong(line, column, format, args...)
	err.TooLarge = true
	return err
}

// read makes the tree of a text's only document.
func read(content []byte) (*Node, *SyntaxError) {
	switch {
	case len(content) > maxSource:
		return nil, wrong(1, 1, "more than %d bytes, and SSM takes 65536", maxSource)
	case !utf8.Valid(content):
		return nil, wrong(1, 1, "not UTF-8")
	}
	return tree(content, false, maxNodes)
}

func tree(content []byte, template bool, most int) (*Node, *SyntaxError) {
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	// JSON may be indented with tabs, YAML not. In JSON's texts there is none.
	if bytes.HasPrefix(bytes.TrimSpace(content), []byte("{")) {
		content = bytes.ReplaceAll(content, []byte("\t"), []byte(" "))
	}
	root, err := compose(content)
	if err != nil {
		return nil, err
	}
	r := reader{
		lines: bytes.Split(content, []byte("\n")), starts: map[int][]int{}, made: map[*yaml.Node]*Node{}, sizes: map[*Node]int{},
		open: map[*yaml.Node]bool{}, template: template, most: most,
	}
	return r.node(root)
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

// CheckAlias implements [yaml.LoaderLimitsPlugin]: the reader counts what aliases add.
func (limits) CheckAlias(int, int) error { return nil }

func compose(content []byte) (*yaml.Node, *SyntaxError) {
	loader, err := yaml.NewLoader(bytes.NewReader(content), yaml.WithPlugin(limits{}))
	if err != nil {
		return nil, wrong(1, 1, "start the YAML reader: %v", err)
	}
	var root, second yaml.Node
	if err := loader.Load(&root); err != nil {
		return nil, syntax(content, err)
	}
	if root.Kind != yaml.DocumentNode || len(root.Content) != 1 {
		return nil, wrong(1, 1, "the document is empty")
	}
	switch err := loader.Load(&second); {
	case errors.Is(err, io.EOF):
		return root.Content[0], nil
	case err != nil:
		return nil, syntax(content, err)
	}
	return nil, wrong(second.Line, second.Column, "a second document begins here, and SSM takes one")
}

// syntax is an error of the library. A text that ends too early is wrong in its last line, not behind it.
func syntax(content []byte, err error) *SyntaxError {
	var load *yaml.LoadError
	switch {
	case errors.Is(err, io.EOF):
		return wrong(1, 1, "the document is empty")
	case errors.As(err, &load):
		line, column := load.Mark.Line, load.Mark.Column
		if last := bytes.Count(bytes.TrimRight(content, "\n"), []byte("\n")) + 1; line > last {
			line, column = last, 1
		}
		return wrong(line, column, "not YAML or JSON: %s", strings.TrimSpace(load.ContextMsg+" "+load.Message))
	}
	return wrong(1, 1, "not YAML or JSON: %v", err)
}

func (r *reader) node(n *yaml.Node) (*Node, *SyntaxError) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if r.open[n] {
		return nil, wrong(n.Line, n.Column, "an alias contains itself")
	}
	if made := r.made[n]; made != nil {
		return made, nil
	}
	r.open[n] = true
	defer delete(r.open, n)
	out := &Node{Line: max(1, min(n.Line, len(r.lines))), Column: r.bytes(n.Line, n.Column), Literal: n.Style&yaml.LiteralStyle != 0}
	if err := r.fill(out, n); err != nil {
		return nil, err
	}
	if r.template {
		out.leaveOpen(n.Tag)
	}
	size := 1
	for _, item := range out.Items {
		size += r.sizes[item]
	}
	for _, f := range out.Fields {
		size += 1 + r.sizes[f.Value]
	}
	if size > r.most {
		return nil, tooLarge(n.Line, n.Column, "more than %d values", r.most)
	}
	r.made[n], r.sizes[out] = out, size
	return out, nil
}

func (r *reader) fill(out *Node, n *yaml.Node) *SyntaxError {
	switch n.Kind {
	case yaml.MappingNode:
		out.Kind = Map
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, err := r.node(n.Content[i])
			if err != nil {
				return err
			}
			value, err := r.node(n.Content[i+1])
			if err != nil {
				return err
			}
			out.Fields = append(out.Fields, Field{key, value})
		}
	case yaml.SequenceNode:
		out.Kind = List
		for _, item := range n.Content {
			value, err := r.node(item)
			if err != nil {
				return err
			}
			out.Items = append(out.Items, value)
		}
	default:
		if n.ShortTag() != "!!null" {
			out.Kind, out.Text = Text, n.Value
		}
	}
	return nil
}

// bytes turns a column that counts characters into one that counts bytes.
func (r *reader) bytes(line, column int) int {
	if line < 1 || line > len(r.lines) || column < 2 {
		return max(column, 1)
	}
	starts, ok := r.starts[line]
	if !ok {
		for at := range string(r.lines[line-1]) {
			starts = append(starts, at)
		}
		r.starts[line] = starts
	}
	if column > len(starts) {
		return len(r.lines[line-1]) + 1
	}
	return starts[column-1] + 1
}
