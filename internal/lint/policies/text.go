package policies

import (
	"encoding/json"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// text is a string of a policy as Fn::Sub would have it: what only CloudFormation or a request knows stands as ${Name}. Such
// a symbol is some text, the same one wherever the name is the same.
type text string

// textOf reads a string of a document.
func textOf(s string) text {
	marked, ok := iam.IntrinsicJSON(s)
	if !ok {
		return text(s)
	}
	var value any
	if json.Unmarshal([]byte(marked), &value) != nil {
		return "${?}"
	}
	return text(substitute(value, 0))
}

// substitute writes a call of one of CloudFormation's functions the way that Fn::Sub would write it.
func substitute(value any, depth int) string {
	if plain, ok := value.(string); ok {
		return plain
	}
	call, ok := value.(map[string]any)
	if !ok || len(call) != 1 || depth > 8 {
		return "${?}"
	}
	for name, argument := range call {
		return function(name, argument, depth)
	}
	return "${?}"
}

func function(name string, argument any, depth int) string {
	list, _ := argument.([]any)
	word, isWord := argument.(string)
	switch {
	case name == "Ref" && isWord:
		return "${" + word + "}"
	case name == "Fn::Sub" && isWord:
		return strings.ReplaceAll(word, "${!", "${")
	case name == "Fn::Sub" && len(list) == 2:
		return substituteWith(list, depth)
	case name == "Fn::GetAtt" && isWord:
		return "${" + word + "}"
	case name == "Fn::GetAtt" && len(list) == 2:
		return "${" + substitute(list[0], depth+1) + "." + substitute(list[1], depth+1) + "}"
	case name == "Fn::Join" && len(list) == 2:
		return join(list, depth)
	}
	return "${" + name + "}"
}

// substituteWith is Fn::Sub with variables of its own.
func substituteWith(list []any, depth int) string {
	template, isText := list[0].(string)
	variables, isMap := list[1].(map[string]any)
	if !isText || !isMap {
		return "${Fn::Sub}"
	}
	var pairs []string
	for name, value := range variables {
		pairs = append(pairs, "${"+name+"}", substitute(value, depth+1))
	}
	return strings.ReplaceAll(strings.NewReplacer(pairs...).Replace(template), "${!", "${")
}

func join(list []any, depth int) string {
	by, isText := list[0].(string)
	items, isList := list[1].([]any)
	if !isText || !isList {
		return "${Fn::Join}"
	}
	words := make([]string, len(items))
	for i, item := range items {
		words[i] = substitute(item, depth+1)
	}
	return strings.Join(words, by)
}

// known says whether nothing in the text is a symbol.
func (t text) known() bool { return !strings.Contains(string(t), "${") }

// opaque says that the text is one symbol and nothing else.
func (t text) opaque() bool {
	return strings.HasPrefix(string(t), "${") && strings.IndexByte(string(t), '}') == len(t)-1
}

// arn divides an ARN at its first five colons, those of symbols not counted; ok is false for what is no whole ARN.
func (t text) arn() (parts [6]text, ok bool) {
	if !strings.HasPrefix(string(t), "arn:") && !strings.HasPrefix(string(t), "${AWS::Partition}") {
		return parts, false
	}
	n, start, symbol := 0, 0, false
	for i := 0; i < len(t); i++ {
		switch {
		case t[i] == '$' && i+1 < len(t) && t[i+1] == '{':
			symbol = true
		case t[i] == '}':
			symbol = false
		case t[i] == ':' && !symbol:
			parts[n] = t[start:i]
			start = i + 1
			if n++; n == 5 {
				parts[n] = t[start:]
				return parts, true
			}
		}
	}
	return parts, false
}

// The parts of an ARN.
const (
	arnPartition = 1
	arnService   = 2
	arnRegion    = 3
	arnAccount   = 4
	arnResource  = 5
)
