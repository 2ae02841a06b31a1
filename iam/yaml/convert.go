package yaml

import (
	"encoding/json"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/slipway-cd/slipway/iam"
)

// maxFindings bounds what is reported before the policy itself is looked at.
const maxFindings = 100

// converter turns YAML nodes into policy nodes. What it finds leaves the policy without a sensible reading.
type converter struct {
	*source
	findings []*iam.SyntaxError
	nodes    int // made so far: aliases can multiply them
	stopped  bool
}

func (c *converter) report(n *yaml.Node, code iam.Code, format string, args ...any) {
	if len(c.findings) < maxFindings {
		c.findings = append(c.findings, c.finding(c.position(n), code, format, args...))
	}
}

// stop reports a finding after which nothing more is converted.
func (c *converter) stop(n *yaml.Node, code iam.Code, format string, args ...any) {
	if !c.stopped {
		c.report(n, code, format, args...)
	}
	c.stopped = true
}

// node converts a node. An alias that contains itself ends at the bound on depth.
func (c *converter) node(n *yaml.Node, depth int) iam.Node {
	if c.nodes++; c.nodes > maxNodes {
		c.stop(n, iam.CodeYAMLAlias, "aliases expand to more than %d values", maxNodes)
	}
	if depth > maxDepth {
		c.stop(n, iam.CodeTooLarge, "nested more than %d deep", maxDepth)
	}
	if c.stopped {
		return iam.Node{}
	}
	if n.Kind == yaml.AliasNode {
		out := c.node(n.Alias, depth+1)
		out.Pos = c.position(n)
		return out
	}
	if tagged(n) {
		return c.function(n, depth)
	}
	return c.untagged(n, depth)
}

// tagged says whether a tag is written. The tag without a name is not in the style.
func tagged(n *yaml.Node) bool { return n.Style&yaml.TaggedStyle != 0 || n.Tag == "!" }

// untagged converts what a node is but for its tag.
func (c *converter) untagged(n *yaml.Node, depth int) iam.Node {
	out := iam.Node{Pos: c.position(n)}
	switch n.Kind {
	case yaml.MappingNode:
		out.Kind = iam.ObjectNode
		out.Fields = c.fields(n, depth)
	case yaml.SequenceNode:
		out.Kind = iam.ListNode
		out.Items = make([]iam.Node, 0, len(n.Content))
		for _, item := range n.Content {
			if c.stopped {
				break
			}
			out.Items = append(out.Items, c.node(item, depth+1))
		}
	default:
		out.Kind, out.Text = resolve(n)
	}
	return out
}

// quotedStyles are the styles in which a scalar is always text.
const quotedStyles = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle

// resolve finds what a scalar without a tag is (YAML 1.2.2, section 10.2, "JSON Schema", with the spellings of
// true, false and null of section 10.3). What that schema refuses is text here.
func resolve(n *yaml.Node) (iam.NodeKind, string) {
	if n.Style&quotedStyles != 0 {
		return iam.StringNode, n.Value
	}
	switch n.Value {
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return iam.BoolNode, strings.ToLower(n.Value)
	case "null", "Null", "NULL", "~", "":
		return iam.NullNode, "null"
	}
	if isNumber(n.Value) {
		return iam.NumberNode, n.Value
	}
	return iam.StringNode, n.Value
}

// isNumber says whether a plain scalar is a number in JSON. YAML's other numbers (0x1f, 0o17, .5, .inf, and 017,
// which readers disagree about) are kept as they are written.
func isNumber(s string) bool {
	return s != "" && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') && json.Valid([]byte(s))
}

// fields converts a mapping. The fields of a merge key come last, and only those that the mapping does not have
// itself (YAML's "Merge Key Language-Independent Type"): they are no duplicates.
func (c *converter) fields(n *yaml.Node, depth int) []iam.Field {
	fields := make([]iam.Field, 0, len(n.Content)/2)
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content) && !c.stopped; i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if isMerge(key) {
			merged = append(merged, value)
			continue
		}
		name := c.key(key)
		fields = append(fields, iam.Field{Name: name, Pos: c.position(key), Value: c.node(value, depth+1)})
	}
	if len(merged) == 0 {
		return fields
	}
	m := merger{converter: c, fields: fields, has: make(map[string]bool, len(fields))}
	for i := range fields {
		m.has[fields[i].Name] = true
	}
	for _, value := range merged {
		m.merge(value, depth)
	}
	return m.fields
}

func isMerge(key *yaml.Node) bool {
	return key.Kind == yaml.ScalarNode && key.Value == "<<" && key.Style&quotedStyles == 0 && !tagged(key)
}

// key reads the name of a field, as it is written.
func (c *converter) key(n *yaml.Node) string {
	place := n
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch {
	case n.Kind != yaml.ScalarNode:
		c.report(place, iam.CodeWrongType, "a key must be a string")
		return ""
	case tagged(n):
		c.report(place, iam.CodeYAMLTag, "a key cannot have the tag %s", n.Tag)
	}
	return n.Value
}

// merger adds to the fields of a mapping those of merge keys.
type merger struct {
	*converter
	fields []iam.Field
	has    map[string]bool // the names of fields
}

// merge adds the fields of the mapping, or of the list of mappings, that a merge key names.
func (m *merger) merge(value *yaml.Node, depth int) {
	if depth > maxDepth {
		m.stop(value, iam.CodeTooLarge, "nested more than %d deep", maxDepth)
		return
	}
	target := value
	if target.Kind == yaml.AliasNode {
		target = target.Alias
	}
	switch {
	case tagged(target), target.Kind != yaml.MappingNode && target.Kind != yaml.SequenceNode:
		m.report(value, iam.CodeYAMLAlias, "the merge key << needs a mapping, or a list of mappings")
	case target.Kind == yaml.SequenceNode:
		for _, item := range target.Content {
			if m.stopped {
				break
			}
			m.merge(item, depth+1)
		}
	default:
		m.add(m.converter.fields(target, depth+1))
	}
}

// add adds fields but for those whose names there are already; a duplicate among the new ones stays one.
func (m *merger) add(fields []iam.Field) {
	before := len(m.fields)
	for _, f := range fields {
		if !m.has[f.Name] {
			m.fields = append(m.fields, f)
		}
	}
	for i := before; i < len(m.fields); i++ {
		m.has[m.fields[i].Name] = true
	}
}
