package runbook

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// The bounds on a template that documents are looked for in: CloudFormation takes 1 MB.
const (
	maxTemplate      = 1 << 20
	maxTemplateNodes = 200_000
)

// Embedded is a document in a template of CloudFormation.
type Embedded struct {
	// ID is the resource's logical id.
	ID string
	// Document is nil where Err says why the content is none.
	Document *Document
	Err      *SyntaxError
}

// InTemplate reads the documents of a template: the resources AWS::SSM::Document, whose Content is a mapping, or text in JSON or YAML.
// Places are those in the template. What a function of CloudFormation decides is [Node.Open], and so is what it is part of, up to
// a parameter or a step; content that is one such value is left out. The error says why the text is no template.
//
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ssm-document.html
func InTemplate(content []byte) ([]Embedded, error) {
	switch {
	case !bytes.Contains(content, []byte("AWS::SSM::Document")):
		return nil, nil
	case len(content) > maxTemplate:
		return nil, tooLarge(1, 1, "more than %d bytes, and CloudFormation takes no more", maxTemplate)
	case !utf8.Valid(content):
		return nil, wrong(1, 1, "not UTF-8")
	}
	root, err := tree(content, true, maxTemplateNodes)
	if err != nil {
		return nil, err
	}
	var found []Embedded
	resources := root.Get("Resources")
	if resources == nil {
		return nil, nil
	}
	for _, f := range resources.Fields {
		if f.Value.Value("Type") != "AWS::SSM::Document" {
			continue
		}
		if n := f.Value.Get("Properties").Get("Content"); n != nil && n.Kind != Null {
			found = append(found, embedded(f.Key.Text, n, bytes.Split(content, []byte("\n"))))
		}
	}
	return found, nil
}

func embedded(id string, n *Node, lines [][]byte) Embedded {
	if n.Kind == Text {
		inner, err := tree([]byte(n.Text), false, maxNodes)
		if err != nil {
			err.Line, err.Column = within(n, err.Line, err.Column, lines)
			return Embedded{ID: id, Err: err}
		}
		inner.place(n, lines, map[*Node]bool{})
		n = inner
	}
	n.spread()
	d, err := of(n)
	if err != nil {
		return Embedded{ID: id, Err: err}
	}
	for i := range d.Parameters {
		d.Parameters[i].Open = d.Parameters[i].Body.Open
	}
	return Embedded{ID: id, Document: d}
}

// place gives the nodes of a text the places that they have in the template. Only a block keeps its lines.
func (n *Node) place(text *Node, lines [][]byte, placed map[*Node]bool) {
	if placed[n] {
		return
	}
	placed[n] = true
	n.Line, n.Column = within(text, n.Line, n.Column, lines)
	n.Literal = n.Literal && text.Literal
	n.Open = n.Kind == Text && putIn.MatchString(n.Text)
	for _, item := range n.Items {
		item.place(text, lines, placed)
	}
	for _, f := range n.Fields {
		f.Key.place(text, lines, placed)
		f.Value.place(text, lines, placed)
	}
}

func within(text *Node, line, column int, lines [][]byte) (int, int) {
	if !text.Literal {
		return text.Line, text.Column
	}
	at, indent := text.Line+line, 0
	for _, row := range lines[min(text.Line, len(lines)):] { // the block is as far in as its first line that is not empty
		if plain := bytes.TrimLeft(row, " "); len(bytes.TrimSpace(plain)) > 0 {
			indent = len(row) - len(plain)
			break
		}
	}
	return at, indent + column
}

// filled is what stands in a text for a value that CloudFormation puts there, as long as its name was; putIn finds it.
const filled = "Q9"

var (
	putIn = regexp.MustCompile(`Q9{3,}`)
	// substituted is what Fn::Sub replaces; ${!Name} is ${Name} in the end.
	substituted = regexp.MustCompile(`\$\{([^{}]*)\}`)
)

// leaveOpen makes of a function of CloudFormation, in its short form or as a mapping, a value that nobody knows. The text of
// Sub stays, but for what is put into it.
func (n *Node) leaveOpen(tag string) {
	short := strings.HasPrefix(tag, "!") && !strings.HasPrefix(tag, "!!") && tag != "!"
	if !short {
		if n.Kind != Map || len(n.Fields) != 1 {
			return
		}
		tag = n.Fields[0].Key.Text
		if tag != "Ref" && !strings.HasPrefix(tag, "Fn::") {
			return
		}
	}
	if text := n.sub(tag); text != nil {
		literal, line, column := text.Literal, text.Line, text.Column
		*n = Node{Kind: Text, Text: substitute(text.Text), Line: line, Column: column, Literal: literal}
		n.Open = putIn.MatchString(n.Text)
		return
	}
	*n = Node{Line: n.Line, Column: n.Column, Open: true}
}

// sub is the text of Fn::Sub, with or without values of its own; nil for any other function.
func (n *Node) sub(tag string) *Node {
	switch tag {
	case "Fn::Sub":
		n = n.Fields[0].Value
	case "!Sub":
	default:
		return nil
	}
	if n.Kind == List && len(n.Items) > 0 {
		n = n.Items[0]
	}
	if n.Kind != Text {
		return nil
	}
	return n
}

func substitute(text string) string {
	return substituted.ReplaceAllStringFunc(text, func(m string) string {
		if name := m[2 : len(m)-1]; strings.HasPrefix(name, "!") {
			return "${" + name[1:] + "}"
		}
		return filled + strings.Repeat("9", max(len(m)-len(filled), 2))
	})
}

// lines of scripts, in which a value of CloudFormation's is a word like any other.
var scripts = []string{"runCommand", "commands", "Script"}

// spread marks what an open value is part of, but for the lists of parameters and of steps.
func (n *Node) spread() {
	for i := range n.Fields {
		f := &n.Fields[i]
		switch f.Key.Text {
		case "parameters", "runtimeConfig":
			for j := range f.Value.Fields {
				inner := &f.Value.Fields[j]
				inner.Key.Open = inner.Value.opened("")
			}
		case "mainSteps":
			for _, step := range f.Value.Items {
				step.opened("")
			}
		default:
			f.Key.Open = f.Value.opened(f.Key.Text)
		}
	}
}

// opened says whether something in a value is open, and marks all that this is part of.
func (n *Node) opened(key string) bool {
	if n.Kind == Text && slices.Contains(scripts, key) {
		n.Open = false
	}
	for _, item := range n.Items {
		if item.opened(key) {
			n.Open = true
		}
	}
	for _, f := range n.Fields {
		f.Key.Open = f.Value.opened(f.Key.Text)
		if f.Key.Open {
			n.Open = true
		}
	}
	return n.Open
}
