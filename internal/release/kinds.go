package release

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// rule says what a text must be.
type rule struct {
	is      string      // in words: "an account id, 12 digits"
	example string      // as one would write it
	pattern *expression // that it matches; nil for any
	enum    []string    // that it is one of; nil for any
	near    []string    // likely texts, for suggestions only
	// check says what else is wrong with a text, and what would be right; an empty problem is none.
	check func(text string) (problem, hint string)
	// filled texts may contain variables, ${name}. Shell text may contain only harmless values of them.
	filled, shell bool
}

// text is the type of a text. Numbers and dates without quotes are the text that they are written as: 0123456789
// and 2012-10-17 stay as they are.
func text(rule rule) typ[string] {
	s := &shape{kind: textShape, is: rule.is, example: rule.example, enum: rule.enum}
	if rule.pattern != nil && !rule.filled {
		s.pattern = rule.pattern.String()
	}
	return typ[string]{shape: s, decode: func(w *walker, n *yaml.Node, what string) (string, bool) {
		if n.Kind != yaml.ScalarNode || isNull(n) {
			w.wrongType(n, what, s)
			return "", false
		}
		value := n.Value
		if rule.filled {
			var ok bool
			if value, ok = w.fill(n, rule.shell); !ok {
				return "", false
			}
		}
		return value, w.follows(n, what, value, rule)
	}}
}

// follows checks a text against its rule.
func (w *walker) follows(n *yaml.Node, what, value string, rule rule) bool {
	hint := ""
	if rule.example != "" {
		hint = "for example " + rule.example
	}
	switch {
	case rule.pattern != nil && !rule.pattern.MatchString(value):
		if better := didYouMean(value, rule.near); better != "" {
			hint = better
		}
		if !rule.filled && hasVariable(value) {
			hint = "variables are filled in only in parameters, commands and targets"
		}
	case rule.enum != nil && !slices.Contains(rule.enum, value):
		hint = didYouMean(value, rule.enum)
		if hint == "" {
			hint = "one of " + listed(rule.enum)
		}
	case rule.check != nil:
		problem, better := rule.check(value)
		if problem != "" {
			w.errorf(n, better, "%s: %s", what, problem)
		}
		return problem == ""
	default:
		return true
	}
	w.errorf(n, hint, "%s: %s is not %s", what, quote(value), rule.is)
	return false
}

// boolean is the type of true and false.
func boolean() typ[bool] {
	s := &shape{kind: booleanShape, is: "true or false", example: "true"}
	return typ[bool]{shape: s, decode: func(w *walker, n *yaml.Node, what string) (bool, bool) {
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
			w.wrongType(n, what, s)
			return false, false
		}
		return strings.EqualFold(n.Value, "true"), true // YAML's booleans are true, True, TRUE and the same of false
	}}
}

// count is the type of a whole number.
func count(least, most int, example string) typ[int] {
	s := &shape{kind: numberShape, min: least, max: most, example: example}
	s.is = fmt.Sprintf("a whole number from %d to %d", least, most)
	return typ[int]{shape: s, decode: func(w *walker, n *yaml.Node, what string) (int, bool) {
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" {
			w.wrongType(n, what, s)
			return 0, false
		}
		value, err := strconv.Atoi(n.Value)
		if err != nil || value < least || value > most || strconv.Itoa(value) != n.Value { // 010 is 8 to some, 10 to others
			w.errorf(n, "", "%s: %s is not %s", what, n.Value, s.is)
			return 0, false
		}
		return value, true
	}}
}

// R109: the bounds of a script's execution timeout.
const (
	minTimeout = 5 * time.Second
	maxTimeout = 172800 * time.Second
)

// timeout is the type of an execution timeout.
func timeout(example string) typ[time.Duration] {
	return duration(minTimeout, maxTimeout, "5s to 48h", example,
		"Run Command takes 5s to 172800s (48h) and silently makes 3600s of anything else, such as ")
}

// duration is the type of a duration within bounds, in whole seconds. bounds are they in words, and
// outside is what is said before a duration beyond them.
func duration(least, most time.Duration, bounds, example, outside string) typ[time.Duration] {
	s := &shape{
		kind: textShape, is: "a duration from " + bounds, example: example,
		pattern: `^([0-9]+(\.[0-9]+)?(h|m|s))+$`,
	}
	return typ[time.Duration]{shape: s, decode: func(w *walker, n *yaml.Node, what string) (time.Duration, bool) {
		if n.Kind != yaml.ScalarNode || isNull(n) {
			w.wrongType(n, what, s)
			return 0, false
		}
		value, err := time.ParseDuration(n.Value)
		switch {
		case err != nil:
			hint := "for example " + example
			if _, err := strconv.Atoi(n.Value); err == nil {
				hint = fmt.Sprintf("a duration has a unit: did you mean %ss?", n.Value)
			}
			w.errorf(n, hint, "%s: %s is not %s", what, quote(n.Value), s.is)
		case value < least || value > most:
			w.errorf(n, "choose one from "+bounds, "%s: %s%s", what, outside, n.Value)
		case value%time.Second != 0:
			w.errorf(n, "for example "+value.Round(time.Second).String(),
				"%s: whole seconds are counted, not %s", what, n.Value)
		default:
			return value, true
		}
		return 0, false
	}}
}
