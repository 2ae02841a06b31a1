package iam

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// JSON prints the document as indented JSON that ends with a line feed. Elements stand in AWS's order, a list
// of one is written as a string, conditions are grouped by operator in the order in which each first appears.
// The same document always gives the same bytes, and [Parse] reads them back.
func (d *Document) JSON() []byte {
	// Room for what a statement usually takes: growing costs more than some bytes too many.
	b := make([]byte, 0, 128+512*len(d.Statements))
	return append(appendIndented(b, d.Node(), "\n"), '\n')
}

// Compact prints the document as JSON without white space, otherwise as [Document.JSON] does.
func (d *Document) Compact() []byte { return appendCompact(nil, d.Node()) }

// JSON prints the node as indented JSON that ends with a line feed, with its keys in the order of the source.
func (n *Node) JSON() []byte { return append(appendIndented(nil, n, "\n"), '\n') }

// Compact gives the node as JSON without white space, with its keys in the order of the source.
func (n *Node) Compact() []byte { return appendCompact(nil, n) }

// Node gives the document in AWS's order of elements, as both notations print it; see [Document.JSON].
// An [Intrinsic] is the object that it was read from. Places are not kept.
func (d *Document) Node() *Node {
	if d.Intrinsic != "" {
		n := stringNode(d.Intrinsic)
		return &n
	}
	root := object(3)
	root.addText("Version", d.Version)
	root.addText("Id", d.ID)
	if d.StatementIntrinsic != "" {
		root.add("Statement", stringNode(d.StatementIntrinsic))
		return &root
	}
	statements := Node{Kind: ListNode, Items: make([]Node, len(d.Statements))}
	for i := range d.Statements {
		statements.Items[i] = d.Statements[i].node()
	}
	root.add("Statement", statements)
	return &root
}

func (st *Statement) node() Node {
	if st.Intrinsic != "" {
		return stringNode(st.Intrinsic)
	}
	o := object(6)
	o.addText("Sid", st.Sid)
	o.addText("Effect", string(st.Effect))
	o.addPrincipals("Principal", st.Principals)
	o.addPrincipals("NotPrincipal", st.NotPrincipals)
	o.addTexts("Action", st.Actions)
	o.addTexts("NotAction", st.NotActions)
	o.addTexts("Resource", st.Resources)
	o.addTexts("NotResource", st.NotResources)
	o.addConditions(st.Conditions)
	return o
}

func object(size int) Node { return Node{Kind: ObjectNode, Fields: make([]Field, 0, size)} }

func (n *Node) add(name string, v Node) { n.Fields = append(n.Fields, Field{Name: name, Value: v}) }

func (n *Node) addText(name, s string) {
	if s != "" {
		n.add(name, stringNode(s))
	}
}

func (n *Node) addTexts(name string, list []string) {
	if len(list) > 0 {
		n.add(name, oneOrList(list))
	}
}

// oneOrList is a string for a list of one: the policy language takes both for the same.
func oneOrList(list []string) Node {
	if len(list) == 1 {
		return stringNode(list[0])
	}
	n := Node{Kind: ListNode, Items: make([]Node, len(list))}
	for i, s := range list {
		n.Items[i] = stringNode(s)
	}
	return n
}

func (n *Node) addPrincipals(name string, patterns []PrincipalPattern) {
	if len(patterns) == 0 {
		return
	}
	var kinds []string
	values := map[string][]string{}
	for _, p := range patterns {
		if _, marked := IntrinsicJSON(p.Kind); marked || p.Kind == AnyPrincipal {
			n.add(name, stringNode(p.Kind))
			return
		}
		if _, seen := values[p.Kind]; !seen {
			kinds = append(kinds, p.Kind)
		}
		values[p.Kind] = append(values[p.Kind], p.Values...)
	}
	inner := object(len(kinds))
	for _, kind := range kinds {
		inner.add(kind, oneOrList(values[kind]))
	}
	n.add(name, inner)
}

func (n *Node) addConditions(conditions []Condition) {
	if len(conditions) == 0 {
		return
	}
	inner := object(1)
	place := map[string]int{}
	for _, c := range conditions {
		if _, marked := IntrinsicJSON(c.Operator); marked {
			n.add("Condition", stringNode(c.Operator))
			return
		}
		i, seen := place[c.Operator]
		if !seen {
			i = len(inner.Fields)
			place[c.Operator] = i
			inner.add(c.Operator, object(1))
		}
		block := &inner.Fields[i].Value
		if _, marked := IntrinsicJSON(c.Key); marked {
			*block = stringNode(c.Key)
			continue
		}
		block.add(c.Key, oneOrList(c.Values))
	}
	n.add("Condition", inner)
}

// appendIndented appends a value as JSON; indent begins with the line feed.
func appendIndented(b []byte, n *Node, indent string) []byte {
	deeper := indent + "  "
	switch {
	case n.Kind == ListNode && len(n.Items) > 0:
		for i := range n.Items {
			b = append(append(b, opening('[', i)), deeper...)
			b = appendIndented(b, &n.Items[i], deeper)
		}
		return append(append(b, indent...), ']')
	case n.Kind == ObjectNode && len(n.Fields) > 0:
		for i := range n.Fields {
			b = append(append(b, opening('{', i)), deeper...)
			b = append(appendQuoted(b, n.Fields[i].Name), ": "...)
			b = appendIndented(b, &n.Fields[i].Value, deeper)
		}
		return append(append(b, indent...), '}')
	}
	return appendCompact(b, n)
}

// opening is the bracket before the first and the comma before every other.
func opening(bracket byte, i int) byte {
	if i == 0 {
		return bracket
	}
	return ','
}

// appendCompact appends a value as JSON without white space.
func appendCompact(b []byte, n *Node) []byte {
	switch n.Kind {
	case StringNode:
		return appendQuoted(b, n.Text)
	case NumberNode, BoolNode:
		return append(b, n.Text...)
	case NullNode:
		return append(b, "null"...)
	case ListNode:
		if len(n.Items) == 0 {
			return append(b, "[]"...)
		}
		for i := range n.Items {
			b = appendCompact(append(b, opening('[', i)), &n.Items[i])
		}
		return append(b, ']')
	}
	if len(n.Fields) == 0 {
		return append(b, "{}"...)
	}
	for i := range n.Fields {
		b = append(appendQuoted(append(b, opening('{', i)), n.Fields[i].Name), ':')
		b = appendCompact(b, &n.Fields[i].Value)
	}
	return append(b, '}')
}

// appendQuoted appends a JSON string. The characters <, > and & stay as they are.
func appendQuoted(b []byte, s string) []byte {
	if isPlain(s) {
		return append(append(append(b, '"'), s...), '"')
	}
	w := bytes.NewBuffer(b)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil {
		return strconv.AppendQuote(b, s) // cannot be: a string is always encoded, and a buffer takes it
	}
	b = w.Bytes()
	return b[:len(b)-1] // the encoder ends with a line feed
}

// isPlain says whether a string has nothing that JSON escapes.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
