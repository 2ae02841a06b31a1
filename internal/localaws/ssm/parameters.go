package ssm

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

var parameterName = regexp.MustCompile(`^[a-zA-Z0-9_\-]+$`)

func (d *document) readParameters(value any) error {
	if value == nil {
		return nil
	}
	object, ok := value.(map[string]any)
	if !ok {
		return badDocument("parameters is not an object")
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if !parameterName.MatchString(name) {
			return badDocument("the parameter name %q is invalid", name)
		}
		fields, ok := object[name].(map[string]any)
		if !ok {
			return badDocument("the parameter %q is not an object", name)
		}
		p, err := readParameter(fields, "parameter "+strconv.Quote(name), d.schema)
		if err != nil {
			return err
		}
		d.parameters[name] = p
	}
	return nil
}

func readParameter(fields map[string]any, where, schema string) (parameter, error) {
	if err := known(fields, where, "type", "description", "default", "allowedValues", "allowedPattern", "minItems",
		"maxItems", "minChars", "maxChars", "displayType", "interpolationType"); err != nil {
		return parameter{}, err
	}
	if shown, given := fields["displayType"]; given && shown != "textfield" && shown != "textarea" {
		return parameter{}, badDocument("%s: displayType must be textfield or textarea", where)
	}
	p := parameter{}
	var err error
	if p.kind, err = optionalText(fields, "type", where); err != nil {
		return p, err
	}
	if p.kind != "String" && p.kind != "StringList" {
		return p, badDocument("%s: the type %q isn't supported, use String or StringList", where, p.kind)
	}
	if p.description, err = optionalText(fields, "description", where); err != nil {
		return p, err
	}
	if err := p.readLimits(fields, where); err != nil {
		return p, err
	}
	if err := p.checkInterpolation(fields, where, schema); err != nil {
		return p, err
	}
	return p, p.readDefault(fields["default"], where)
}

func (p *parameter) readLimits(fields map[string]any, where string) error {
	text, err := optionalText(fields, "allowedPattern", where)
	if err != nil {
		return err
	}
	if text != "" {
		// uncertain: the API reads Java's regular expressions. What is not also RE2 would fail on the agent.
		if p.pattern, err = regexp.Compile(text); err != nil {
			return badDocument("%s: allowedPattern is not a valid regular expression: %v", where, err)
		}
	}
	if p.allowed, err = textList(fields["allowedValues"], where+": allowedValues"); err != nil {
		return err
	}
	for key, to := range map[string]*int{"minChars": &p.minChars, "maxChars": &p.maxChars,
		"minItems": &p.minItems, "maxItems": &p.maxItems} {
		if *to, err = optionalCount(fields[key], where+": "+key); err != nil {
			return err
		}
	}
	return nil
}

func (p *parameter) checkInterpolation(fields map[string]any, where, schema string) error {
	how, err := optionalText(fields, "interpolationType", where)
	if err != nil || how == "" {
		return err
	}
	if how != "ENV_VAR" || p.kind != "String" || schema == "1.2" {
		return badDocument("%s: interpolationType must be ENV_VAR, for a String in schema version 2.2", where)
	}
	return nil
}

func (p *parameter) readDefault(value any, where string) error {
	if value == nil {
		return nil
	}
	p.hasDefault = true
	if text, ok := value.(string); ok && p.kind == "String" {
		p.fallback, p.defaultShown = []string{text}, text
	} else if p.kind == "String" {
		return badDocument("%s: the default is not a string", where)
	} else {
		list, err := textList(value, where+": default")
		if err != nil {
			return err
		}
		shown, err := shownDefault(value)
		if err != nil {
			return err
		}
		p.fallback, p.defaultShown = list, shown
	}
	if why := p.reject(p.fallback); why != "" {
		return badDocument("%s: the default %s", where, why)
	}
	return nil
}

// shownDefault is a default as DescribeDocument shows it: a string as it is, everything else as JSON.
func shownDefault(value any) (string, error) {
	if value == nil {
		return "", nil
	}
	if text, ok := value.(string); ok {
		return text, nil
	}
	shown, err := json.Marshal(value)
	return string(shown), err
}

func textList(value any, where string) ([]string, error) {
	if value == nil {
		return nil, nil
	}
	items, ok := value.([]any)
	if !ok {
		return nil, badDocument("%s is not a list", where)
	}
	list := make([]string, 0, len(items))
	for _, item := range items {
		text, ok := item.(string)
		if !ok {
			return nil, badDocument("%s has an element that is not a string", where)
		}
		list = append(list, text)
	}
	return list, nil
}

func optionalCount(value any, where string) (int, error) {
	var text string
	switch v := value.(type) {
	case nil:
		return 0, nil
	case json.Number:
		text = v.String()
	case string:
		text = v
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, badDocument("%s is not a whole number", where)
	}
	return n, nil
}

// reject says why values may not be given to the parameter; "" if they may.
func (p *parameter) reject(values []string) string {
	if p.kind == "String" && len(values) != 1 {
		return "must be one value"
	}
	if len(values) < p.minItems || (p.maxItems > 0 && len(values) > p.maxItems) {
		return "has a number of items outside minItems and maxItems"
	}
	for _, v := range values {
		n := utf8.RuneCountInString(v)
		switch {
		case n < p.minChars || (p.maxChars > 0 && n > p.maxChars):
			return "has a length outside minChars and maxChars"
		case storeReference.FindString(v) == v && v != "":
			// The agent checks the value that it becomes.
		case len(p.allowed) > 0 && !slices.Contains(p.allowed, v):
			return "is not one of the allowedValues"
		case p.pattern != nil && !p.pattern.MatchString(v):
			// Unanchored, as the agent matches it.
			return "does not match the allowedPattern " + p.pattern.String()
		}
	}
	return ""
}

// bind checks the parameters of a SendCommand and gives them the types that the agent expects.
func (d *document) bind(given map[string][]string) (map[string]any, error) {
	bound := make(map[string]any, len(given))
	for _, name := range slices.Sorted(maps.Keys(given)) {
		p, ok := d.parameters[name]
		if !ok {
			return nil, fault("InvalidParameters", "The parameter %q isn't defined in the document.", name)
		}
		values := given[name]
		if why := p.reject(values); why != "" {
			return nil, fault("InvalidParameters", "The parameter %q %s.", name, why)
		}
		if p.kind == "String" {
			bound[name] = values[0]
		} else {
			bound[name] = values
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.parameters)) {
		if _, ok := given[name]; !ok && !d.parameters[name].hasDefault {
			return nil, fault("InvalidParameters", "The parameter %q is required and has no value.", name)
		}
	}
	return bound, nil
}

// The agent's limits of executionTimeout and timeoutSeconds.
const (
	minExecution     = 5
	maxExecution     = 172800
	defaultExecution = 3600
)

// executionTimeout is how long all steps together may run. As on the agent, what is out of range or no number
// silently becomes an hour.
func (d *document) executionTimeout(given map[string][]string) time.Duration {
	var total time.Duration
	for _, s := range d.steps {
		text := reference.ReplaceAllStringFunc(s.timeout, func(ref string) string {
			name := reference.FindStringSubmatch(ref)[1]
			if values, ok := given[name]; ok {
				return strings.Join(values, "")
			}
			return strings.Join(d.parameters[name].fallback, "")
		})
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < minExecution || n > maxExecution {
			n = defaultExecution
		}
		total += time.Duration(n) * time.Second
	}
	return total
}
