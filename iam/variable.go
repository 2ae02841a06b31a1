package iam

import (
	"errors"
	"fmt"
	"strings"
)

// splitParts divides a pattern into text, wildcards and policy variables
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html). An escape such as ${*} is a text
// of its own; stars in a row are one.
func splitParts(pattern string, how syntax) ([]part, error) {
	var few [8]part // on the stack: most patterns have less
	parts := few[:0]
	for pattern != "" {
		text := how.firstSpecial(pattern)
		if text > 0 {
			parts = append(parts, part{kind: partText, text: pattern[:text]})
			pattern = pattern[text:]
			continue
		}
		used := 1
		switch pattern[0] {
		case '*':
			if n := len(parts); n == 0 || parts[n-1].kind != partStar { // two stars are one
				parts = append(parts, part{kind: partStar})
			}
		case '?':
			parts = append(parts, part{kind: partAny})
		default:
			p, n, err := parseVariable(pattern)
			if err != nil {
				return nil, err
			}
			used = n
			parts = append(parts, p)
		}
		pattern = pattern[used:]
	}
	return append(make([]part, 0, len(parts)), parts...), nil
}

// parseVariable reads the ${…} at the beginning of s and returns it with its length.
func parseVariable(s string) (part, int, error) {
	n := VariableLength(s)
	if n == 0 {
		return part{}, 0, fmt.Errorf("policy variable is not closed: %q", s)
	}
	inner := s[2 : n-1]
	if inner == "*" || inner == "?" || inner == "$" {
		return part{kind: partText, text: inner}, n, nil
	}
	name, fallback, hasDefault := strings.Cut(inner, ",")
	name = strings.TrimSpace(name)
	if name == "" || strings.ContainsAny(name, "${*?'") {
		return part{}, 0, fmt.Errorf("policy variable has no usable name: %q", s[:n])
	}
	if hasDefault {
		var err error
		if fallback, err = unquoteDefault(fallback); err != nil {
			return part{}, 0, fmt.Errorf("policy variable %q: %w", s[:n], err)
		}
	}
	return part{kind: partVariable, text: strings.ToLower(name), fallback: fallback, hasDefault: hasDefault}, n, nil
}

// VariableLength is the length in bytes of the policy variable ${…} at the beginning of s, and 0 when it is not closed.
// A brace in a quoted default does not close it
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html).
func VariableLength(s string) int {
	quoted := false
	for i := 2; i < len(s); i++ {
		switch {
		case s[i] == '\'':
			quoted = !quoted
		case s[i] == '}' && !quoted:
			return i + 1
		}
	}
	return 0
}

var errDefault = errors.New("the default value must be in single quotes")

func unquoteDefault(s string) (string, error) {
	s = strings.TrimSpace(s)
	if len(s) < 2 || s[0] != '\'' || s[len(s)-1] != '\'' || strings.Contains(s[1:len(s)-1], "'") {
		return "", errDefault
	}
	return s[1 : len(s)-1], nil
}
