package plan

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Changes tells where a plan differs from one that was reviewed, a place a line; empty when a deploy would do exactly what
// was reviewed.
func (p *Plan) Changes(reviewed *Plan) ([]string, error) {
	was, err := tree(reviewed)
	if err != nil {
		return nil, err
	}
	is, err := tree(p)
	if err != nil {
		return nil, err
	}
	var c changes
	c.compare("", was, is)
	return c, nil
}

// tree is a plan as its JSON has it.
func tree(p *Plan) (any, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	var v any
	return v, json.Unmarshal(text, &v)
}

type changes []string

func (c *changes) add(place, format string, args ...any) {
	*c = append(*c, place+": "+fmt.Sprintf(format, args...))
}

func (c *changes) compare(place string, was, is any) {
	switch w := was.(type) {
	case map[string]any:
		if i, ok := is.(map[string]any); ok {
			c.mappings(place, w, i)
			return
		}
	case []any:
		if i, ok := is.([]any); ok {
			c.mappings(place, labelled(w), labelled(i))
			return
		}
	}
	if before, after := short(was), short(is); before != after {
		c.add(place, "%s was reviewed, and now it is %s", before, after)
	} else if was != is {
		c.add(place, "another text")
	}
}

func (c *changes) mappings(place string, was, is map[string]any) {
	keys := maps.Clone(was)
	maps.Copy(keys, is)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		inner := key
		if place != "" {
			inner = place + "." + key
		}
		w, before := was[key]
		i, after := is[key]
		switch {
		case !before:
			c.add(inner, "is new")
		case !after:
			c.add(inner, "was reviewed, and is gone")
		default:
			c.compare(inner, w, i)
		}
	}
}

// labelled is a list with its elements by what they are called, so that one that is new does not change all after it. A
// reordered list differs in nothing but its order, which is compared too.
func labelled(list []any) map[string]any {
	byName := map[string]any{}
	order := ""
	for i, element := range list {
		name := strconv.Itoa(i)
		if object, ok := element.(map[string]any); ok {
			for _, key := range []string{"id", "name", "key", "kind"} {
				if text, ok := object[key].(string); ok && text != "" {
					name = text
					break
				}
			}
		}
		if _, taken := byName[name]; taken {
			name += " (" + strconv.Itoa(i) + ")"
		}
		byName[name] = element
		order += name + "\n"
	}
	byName["(order)"] = order
	return byName
}

// short is a value in a few words.
func short(v any) string {
	const most = 60
	text, err := json.Marshal(v)
	if err != nil {
		return "?"
	}
	if utf8.RuneCount(text) <= most {
		return string(text)
	}
	return string([]rune(string(text))[:most]) + "…"
}
