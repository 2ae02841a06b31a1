package ssm

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// maxYAMLDepth bounds the nesting that is followed.
const maxYAMLDepth = 100

// jsonNumber is the number syntax that JSON and YAML share; other YAML numbers (0x1f, 1_000, .5) stay text.
var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

// yamlTree decodes YAML to JSON values. Scalars are taken as they are written: a plain 0123456789 or 2012-10-17
// stays text, only true, false, null and JSON numbers are not.
func yamlTree(content string) (any, error) {
	var root yaml.Node
	if err := yaml.Load([]byte(content), &root); err != nil {
		return nil, err
	}
	if root.Kind != yaml.DocumentNode {
		return yamlValue(&root, 0)
	}
	if len(root.Content) != 1 {
		return nil, errors.New("the document is empty")
	}
	return yamlValue(root.Content[0], 0)
}

func yamlValue(n *yaml.Node, depth int) (any, error) {
	if depth > maxYAMLDepth {
		return nil, fmt.Errorf("line %d: nested too deeply", n.Line)
	}
	switch n.Kind {
	case yaml.ScalarNode:
		return yamlScalar(n), nil
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for _, c := range n.Content {
			v, err := yamlValue(c, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case yaml.MappingNode:
		object := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Kind != yaml.ScalarNode {
				return nil, fmt.Errorf("line %d: a key is not text", key.Line)
			}
			if _, twice := object[key.Value]; twice {
				return nil, fmt.Errorf("line %d: the key %q is used twice", key.Line, key.Value)
			}
			v, err := yamlValue(n.Content[i+1], depth+1)
			if err != nil {
				return nil, err
			}
			object[key.Value] = v
		}
		return object, nil
	default:
		return nil, fmt.Errorf("line %d: anchors and aliases are not supported", n.Line)
	}
}

// quotedStyles are the styles in which a scalar is always text.
const quotedStyles = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle

func yamlScalar(n *yaml.Node) any {
	if n.Style&quotedStyles != 0 {
		return n.Value
	}
	switch n.Value {
	case "true", "True", "TRUE":
		return true
	case "false", "False", "FALSE":
		return false
	case "null", "Null", "NULL", "~", "":
		return nil
	}
	if jsonNumber.MatchString(n.Value) {
		return json.Number(n.Value)
	}
	return n.Value
}

// yamlText writes JSON values as YAML that [yamlTree] reads as the same values.
func yamlText(tree any) (string, error) {
	text, err := yaml.Dump(yamlNode(tree))
	return string(text), err
}

// yamlNode makes every string quoted or literal, so that none can be taken for a number, a date or a truth value.
func yamlNode(value any) *yaml.Node {
	switch v := value.(type) {
	case map[string]any:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			n.Content = append(n.Content, yamlString(key), yamlNode(v[key]))
		}
		return n
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for _, item := range v {
			n.Content = append(n.Content, yamlNode(item))
		}
		return n
	case string:
		return yamlString(v)
	case nil:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(v)}
	default: // a json.Number: an int or a float as it was written
		return &yaml.Node{Kind: yaml.ScalarNode, Value: fmt.Sprint(v)}
	}
}

// plainText is what can stand without quotes and is nothing but text in every version of YAML.
var plainText = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{3,}(:[A-Za-z][A-Za-z0-9_-]*)?$`)

func yamlString(text string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text, Style: yaml.DoubleQuotedStyle}
	if plainText.MatchString(text) {
		if lower := strings.ToLower(text); lower != "true" && lower != "null" && lower != "false" {
			n.Style = 0
		}
	}
	return n
}
