package pipelines

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// node is a part of a YAML file. One that is not there has no Node, and all that is asked of it is empty.
type node struct {
	source *source
	*yaml.Node
}

// read parses a file; the error is YAML's.
func read(name string, content []byte) (node, error) {
	s := newSource(name, content)
	var root yaml.Node
	if err := yaml.Unmarshal(content, &root); err != nil {
		return node{source: s}, err
	}
	if root.Kind != yaml.DocumentNode || len(root.Content) == 0 {
		return node{source: s}, nil
	}
	return node{s, root.Content[0]}.followed(), nil
}

// followed is what an alias stands for.
func (n node) followed() node {
	if n.Node != nil && n.Kind == yaml.AliasNode {
		return node{n.source, n.Alias}
	}
	return n
}

func (n node) there() bool { return n.Node != nil }

// isMap says whether it has keys.
func (n node) isMap() bool { return n.there() && n.Kind == yaml.MappingNode }

// entry gives a key of a mapping, with its value.
func (n node) entry(name string) (key, value node) {
	if !n.isMap() {
		return node{source: n.source}, node{source: n.source}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return node{n.source, n.Content[i]}, node{n.source, n.Content[i+1]}.followed()
		}
	}
	return node{source: n.source}, node{source: n.source}
}

// get goes down by keys.
func (n node) get(names ...string) node {
	for _, name := range names {
		_, n = n.entry(name)
	}
	return n
}

// each goes through the keys of a mapping in their order.
func (n node) each(do func(key, value node)) {
	if !n.isMap() {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		do(node{n.source, n.Content[i]}, node{n.source, n.Content[i+1]}.followed())
	}
}

// items are the elements of a list; one value is a list of itself, as GitHub takes it.
func (n node) items() []node {
	switch {
	case !n.there():
		return nil
	case n.Kind == yaml.SequenceNode:
		list := make([]node, len(n.Content))
		for i, c := range n.Content {
			list[i] = node{n.source, c}.followed()
		}
		return list
	case n.Kind == yaml.ScalarNode && n.Tag != "!!null":
		return []node{n}
	}
	return nil
}

// text is the value of a scalar; empty for all else.
func (n node) text() string {
	if n.there() && n.Kind == yaml.ScalarNode && n.Tag != "!!null" {
		return n.Value
	}
	return ""
}

// scalar is the value with its places.
func (n node) scalar() scalar {
	if !n.there() || n.Kind != yaml.ScalarNode {
		return scalar{source: n.source}
	}
	return newScalar(n.source, n.Value, n.Line, n.Column)
}

// place is where it begins, as a finding says it.
func (n node) place() Place {
	if n.source == nil || !n.there() {
		return Place{Line: 1, Column: 1}
	}
	line, column := n.source.place(n.source.offset(n.Line, n.Column))
	return Place{n.source.name, line, column}
}

// yes says whether a value is true.
func (n node) yes() bool { return strings.EqualFold(n.text(), "true") }

// Place is where a file has something, with the column in bytes.
type Place struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

// hasAliases says whether a file uses anchors anywhere.
func hasAliases(n *yaml.Node) bool {
	if n == nil {
		return false
	}
	if n.Kind == yaml.AliasNode {
		return true
	}
	for _, c := range n.Content {
		if hasAliases(c) {
			return true
		}
	}
	return false
}

// number reads a number that is written out.
func number(text string) (float64, bool) {
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil && n > 0 && n < 1e9
}
