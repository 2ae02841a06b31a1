package yaml

import (
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/slipway-cd/slipway/iam"
)

// longNames are CloudFormation's functions by their short form (AWS CloudFormation user guide, "Intrinsic function
// reference").
var longNames = map[string]string{
	"!Ref": "Ref", "!Condition": "Condition",
	"!Base64": "Fn::Base64", "!Cidr": "Fn::Cidr", "!FindInMap": "Fn::FindInMap", "!GetAtt": "Fn::GetAtt",
	"!GetAZs": "Fn::GetAZs", "!ImportValue": "Fn::ImportValue", "!Join": "Fn::Join", "!Length": "Fn::Length",
	"!Select": "Fn::Select", "!Split": "Fn::Split", "!Sub": "Fn::Sub", "!ToJsonString": "Fn::ToJsonString",
	"!Transform": "Fn::Transform",
	"!And":       "Fn::And", "!Equals": "Fn::Equals", "!If": "Fn::If", "!Not": "Fn::Not", "!Or": "Fn::Or",
}

var shortNames = invert(longNames)

func invert(m map[string]string) map[string]string {
	inverse := make(map[string]string, len(m))
	for k, v := range m {
		inverse[v] = k
	}
	return inverse
}

const getAtt = "!GetAtt"

// function converts a node with a tag: the short form of a function. Its argument, if it is a scalar, is always
// text: a tag leaves nothing to guess.
func (c *converter) function(n *yaml.Node, depth int) iam.Node {
	name, known := longNames[n.Tag]
	if !known {
		c.report(n, iam.CodeYAMLTag, "the tag %s is not one of CloudFormation's short forms", n.Tag)
		return iam.Node{Pos: c.position(n)}
	}
	var argument iam.Node
	switch {
	case n.Kind != yaml.ScalarNode:
		argument = c.untagged(n, depth+1)
		if (name == "Ref" || name == "Condition") && !c.stopped {
			c.report(n, iam.CodeWrongType, "%s must be a string, found %s", name, argument.Kind)
		}
	case n.Tag == getAtt:
		argument = c.attribute(n)
	default:
		argument = iam.Node{Text: n.Value, Pos: c.position(n)}
	}
	pos := c.position(n)
	return iam.Node{Kind: iam.ObjectNode, Pos: pos, Fields: []iam.Field{{Name: name, Pos: pos, Value: argument}}}
}

// attribute converts the short form A.B to the list [A, B] of the long form: the name of a resource, which has no
// dots, and that of its attribute, which may have some.
func (c *converter) attribute(n *yaml.Node) iam.Node {
	pos := c.position(n)
	resource, attribute, found := strings.Cut(n.Value, ".")
	if !found {
		return iam.Node{Text: n.Value, Pos: pos}
	}
	return iam.Node{Kind: iam.ListNode, Pos: pos, Items: []iam.Node{{Text: resource, Pos: pos}, {Text: attribute, Pos: pos}}}
}

// call is a function call as it is printed: a short tag and the node behind it.
type call struct {
	tag      string
	argument *iam.Node
}

// shorten gives the short form of an object that calls a function; ok is false for what has none: other objects,
// and calls whose argument would need a tag of its own, or be read differently behind a tag.
func shorten(n *iam.Node) (short call, ok bool) {
	if n.Kind != iam.ObjectNode || len(n.Fields) != 1 {
		return call{}, false
	}
	tag, known := shortNames[n.Fields[0].Name]
	argument := &n.Fields[0].Value
	if !known || isTagged(argument) {
		return call{}, false
	}
	// Behind a tag every scalar is text, so null, numbers and booleans need the long form.
	switch argument.Kind {
	case iam.NullNode, iam.NumberNode, iam.BoolNode:
		return call{}, false
	case iam.ListNode, iam.ObjectNode:
		if tag == "!Ref" || tag == "!Condition" {
			return call{}, false
		}
	}
	if tag != getAtt {
		return call{tag, argument}, true
	}
	return shortenAttribute(argument)
}

// isTagged says whether a node is printed with a tag.
func isTagged(n *iam.Node) bool {
	_, ok := shorten(n)
	return ok
}

// shortenAttribute prints [A, B] as A.B. The string A.B of the long form stays there: the short form is the list.
func shortenAttribute(argument *iam.Node) (call, bool) {
	switch argument.Kind {
	case iam.StringNode:
		return call{getAtt, argument}, !strings.Contains(argument.Text, ".")
	case iam.ListNode:
		if len(argument.Items) != 2 || argument.Items[0].Kind != iam.StringNode || argument.Items[1].Kind != iam.StringNode ||
			strings.Contains(argument.Items[0].Text, ".") {
			return call{getAtt, argument}, true
		}
		return call{getAtt, &iam.Node{Text: argument.Items[0].Text + "." + argument.Items[1].Text}}, true
	}
	return call{getAtt, argument}, true
}
