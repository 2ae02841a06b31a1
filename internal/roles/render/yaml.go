package render

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/slipway-cd/slipway/iam"
)

// commentWidth is where comments wrap.
const commentWidth = 96

// plain are strings that every reader of YAML takes for strings without quotes.
var plain = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9_/.+=@-]*(:[A-Za-z0-9_/.+=@*-]+|::[A-Za-z0-9_/.+=@*-]+)*( [A-Za-z0-9_/.+=@(,-]+)*$`)

func text(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	switch strings.ToLower(s) {
	case "true", "false", "yes", "no", "on", "off", "y", "n", "null":
		n.Style = yaml.SingleQuotedStyle
		return n
	}
	if !plain.MatchString(s) {
		n.Style = yaml.SingleQuotedStyle
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

func texts(list []string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	for _, s := range list {
		n.Content = append(n.Content, text(s))
	}
	return n
}

func sequence(items ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: items}
}

// object makes a mapping of keys, each a string, and values, each a node.
func object(pairs ...any) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for i := 0; i+1 < len(pairs); i += 2 {
		add(n, pairs[i].(string), pairs[i+1].(*yaml.Node))
	}
	return n
}

func add(n *yaml.Node, key string, value *yaml.Node) {
	n.Content = append(n.Content, text(key), value)
}

// tagged is a call of one of CloudFormation's functions in its short form.
func tagged(tag string, n *yaml.Node) *yaml.Node {
	n.Tag = tag
	n.Style |= yaml.TaggedStyle
	if n.Kind == yaml.SequenceNode {
		n.Style |= yaml.FlowStyle
	}
	return n
}

func comment(n *yaml.Node, lines []string) {
	for i, l := range lines {
		lines[i] = strings.TrimRight("# "+l, " ")
	}
	n.HeadComment = strings.Join(lines, "\n")
}

// fromIAM takes over a policy. What only CloudFormation knows stays a call of its function, in the long form.
func fromIAM(n *iam.Node) *yaml.Node {
	switch n.Kind {
	case iam.ObjectNode:
		out := object()
		for i := range n.Fields {
			add(out, n.Fields[i].Name, fromIAM(&n.Fields[i].Value))
		}
		return out
	case iam.ListNode:
		out := sequence()
		for i := range n.Items {
			out.Content = append(out.Content, fromIAM(&n.Items[i]))
		}
		return out
	case iam.StringNode:
		return text(n.Text)
	case iam.BoolNode:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: n.Text}
	case iam.NullNode:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: n.Text}
}

// dump prints a document with a comment at its top.
func dump(head []string, n *yaml.Node) ([]byte, error) {
	var b bytes.Buffer
	for _, l := range head {
		b.WriteString(strings.TrimRight("# "+l, " ") + "\n")
	}
	b.WriteString("\n")
	body, err := yaml.Dump(n, yaml.WithIndent(2), yaml.WithCompactSeqIndent(false), yaml.WithLineWidth(-1), yaml.WithUnicode(false))
	if err != nil {
		return nil, fmt.Errorf("print YAML: %w", err)
	}
	b.Write(body)
	return b.Bytes(), nil
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}
