package node

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// Types of parameters that a Command document may declare.
const (
	typeString     = "String"
	typeStringList = "StringList"
)

// interpolateEnv hands a parameter to the script as SSM_<name> in place of writing it into the text.
const interpolateEnv = "ENV_VAR"

// parameter is a declaration in a document.
type parameter struct {
	Type              string   `json:"type"`
	Default           any      `json:"default"`
	AllowedPattern    string   `json:"allowedPattern"`
	AllowedValues     []string `json:"allowedValues"`
	InterpolationType string   `json:"interpolationType"`
}

// values are a document's parameters after validation.
type values struct {
	text map[string]any // substituted for {{ name }}: a string or a []any of strings
	env  []string       // SSM_name=value
}

// parameterName is what the agent takes for a name; it ignores a parameter with another one, which is refused here.
var parameterName = regexp.MustCompile(`^[a-zA-Z0-9]+$`)

// unresolved finds references to Parameter Store: those that are left are of a kind that only aws:downloadContent knows, or
// malformed.
var unresolved = regexp.MustCompile(`{{\s*ssm(-secure)?:[^}]*}}`)

// resolve brings the given parameters and the defaults together and checks them as the agent does: allowedPattern is
// tried unanchored, on what a reference to Parameter Store stands for.
func resolve(declared map[string]parameter, given map[string]any, refs *references) (values, error) {
	v := values{text: make(map[string]any, len(declared))}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if _, ok := declared[name]; !ok {
			return values{}, fmt.Errorf("parameter %s: the document does not declare it", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		if !parameterName.MatchString(name) {
			return values{}, fmt.Errorf("parameter %q: the agent takes letters and digits only in a name", name)
		}
		if err := v.add(name, declared[name], given, refs); err != nil {
			return values{}, fmt.Errorf("parameter %s: %w", name, err)
		}
	}
	return v, nil
}

func (v *values) add(name string, p parameter, given map[string]any, refs *references) error {
	raw, ok := given[name]
	if !ok {
		raw = p.Default
	}
	value, err := p.typed(raw)
	if err != nil {
		return err
	}
	resolved, err := refs.resolve(value)
	if err != nil {
		return err
	}
	if err := p.check(resolved); err != nil {
		return err
	}
	switch p.InterpolationType {
	case "":
		v.text[name] = value
	case interpolateEnv:
		s, ok := resolved.(string)
		if !ok {
			// uncertain: what the agent puts into the environment for a list.
			return fmt.Errorf("interpolationType %s is for type String only", interpolateEnv)
		}
		v.env = append(v.env, "SSM_"+name+"="+s)
	default:
		return fmt.Errorf("interpolationType %q is unknown", p.InterpolationType)
	}
	return nil
}

// typed gives the value in the shape of its type: a string, or a list of strings. SendCommand has lists throughout,
// a message has strings where the document says String; both are taken.
func (p parameter) typed(raw any) (any, error) {
	list, err := stringsOf(raw)
	if err != nil {
		return nil, err
	}
	switch p.Type {
	case typeString:
		if len(list) != 1 {
			return nil, fmt.Errorf("want one value of type String, got %d", len(list))
		}
		return list[0], nil
	case typeStringList:
		out := make([]any, len(list))
		for i, s := range list {
			out[i] = s
		}
		return out, nil
	}
	return nil, fmt.Errorf("type %q is not supported on a built-in node", p.Type)
}

func (p parameter) check(value any) error {
	list, err := stringsOf(value)
	if err != nil {
		return err
	}
	var pattern *regexp.Regexp
	if p.AllowedPattern != "" {
		if pattern, err = regexp.Compile(p.AllowedPattern); err != nil {
			return fmt.Errorf("allowedPattern: %w", err)
		}
	}
	for _, s := range list {
		if pattern != nil && !pattern.MatchString(s) {
			return fmt.Errorf("the value does not match the allowed pattern %s", p.AllowedPattern)
		}
		if len(p.AllowedValues) > 0 && !slices.Contains(p.AllowedValues, s) {
			return fmt.Errorf("the value is not one of the allowed values %q", p.AllowedValues)
		}
	}
	return nil
}

// stringsOf reads a string, a number, a truth value, or a list of those.
func stringsOf(raw any) ([]string, error) {
	switch raw := raw.(type) {
	case nil:
		return nil, nil
	case []string:
		return raw, nil
	case []any:
		out := make([]string, 0, len(raw))
		for _, item := range raw {
			s, err := scalar(item)
			if err != nil {
				return nil, err
			}
			out = append(out, s)
		}
		return out, nil
	}
	s, err := scalar(raw)
	return []string{s}, err
}

func scalar(raw any) (string, error) {
	switch raw := raw.(type) {
	case string:
		return raw, nil
	case json.Number, float64, int, bool:
		return fmt.Sprint(raw), nil
	}
	return "", fmt.Errorf("want a string or a list of strings, got %T", raw)
}

// substitute replaces {{ name }} in every string of input, which is decoded JSON.
//
// As in the agent, a string that is nothing but one reference becomes the value itself, a list included. Inside a
// longer string the value is raw text (a list is its JSON), without any quoting for the shell, and it is expanded
// like the replacement of a regular expression: "$$" becomes "$", and "$name" vanishes.
func (v values) substitute(input any) any {
	switch input := input.(type) {
	case string:
		return v.substituteString(input)
	case []any:
		out := make([]any, len(input))
		for i, item := range input {
			out[i] = v.substitute(item)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(input))
		for key, item := range input {
			out[key] = v.substitute(item)
		}
		return out
	}
	return input
}

var reference = regexp.MustCompile(`{{\s*([a-zA-Z0-9]+)\s*}}`)

func (v values) substituteString(s string) any {
	if m := reference.FindStringSubmatch(s); m != nil && m[0] == s {
		if value, ok := v.text[m[1]]; ok {
			return value
		}
		return s
	}
	// One parameter after the other, in a fixed order: the agent's is random, so a value that itself holds a
	// reference has no defined result there.
	for _, name := range slices.Sorted(maps.Keys(v.text)) {
		one := regexp.MustCompile(`{{\s*` + name + `\s*}}`)
		s = one.ReplaceAllString(s, textOf(v.text[name]))
	}
	return s
}

func textOf(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	b, err := json.Marshal(value)
	if err != nil {
		return "" // cannot happen: value is a list of strings
	}
	return string(b)
}
