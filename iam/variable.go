package iam

import (
	"errors"
	"fmt"
	"strings"
)

// splitParts divides a pattern into text, wildcards and policy variables
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html).
func splitParts(pattern string, how syntax) ([]part, error) {
	var (
		parts []part
		text  strings.Builder
	)
	add := func(p part) {
		if text.Len() > 0 {
			parts = append(parts, part{kind: partText, text: text.String()})
			text.Reset()
		}
		parts = append(parts, p)
	}
	for pattern != "" {
		used := 1
		switch {
		case how.wildcards && pattern[0] == '*':
			add(part{kind: partStar})
		case how.wildcards && pattern[0] == '?':
			add(part{kind: partAny})
		case how.variables && strings.HasPrefix(pattern, "${"):
			p, n, err := parseVariable(pattern)
			if err != nil {
				return nil, err
			}
			if used = n; p.kind == partText {
				text.WriteString(p.text)
			} else {
				add(p)
			}
		default:
			text.WriteByte(pattern[0])
		}
		pattern = pattern[used:]
	}
	if text.Len() > 0 {
		parts = append(parts, part{kind: partText, text: text.String()})
	}
	return parts, nil
}

// parseVariable reads the ${…} at the beginning of s and returns it with its length.
func parseVariable(s string) (part, int, error) {
	n := variableLength(s)
	if n == 0 {
		return part{}, 0, fmt.Errorf("policy variable is not closed: %q", s)
	}
	inner := s[2 : n-1]
	if inner == "*" || inner == "?" || inner == "$" {
		return part{kind: partText, text: inner}, n, nil
	}
	name, fallback, hasDefault := strings.Cut(inner, ",")
	name = strings.TrimSpace(name)
	if name == "" || strings.ContainsAny(name, "${*?' ") {
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

// variableLength is the length of the ${…} at the beginning of s, and 0 when it is not closed.
// A brace in a quoted default does not close it.
func variableLength(s string) int {
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
