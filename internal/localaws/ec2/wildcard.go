package ec2

import (
	"slices"
	"strings"
)

func anyMatch(have, patterns []string) bool {
	return slices.ContainsFunc(have, func(v string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return wildcard(p, v) })
	})
}

// wildcard matches EC2's filter values: * is any run of characters, ? is one, \ makes the next one literal.
// It is linear in practice and never exponential: only the last star is ever revisited.
func wildcard(pattern, value string) bool {
	p, v, star, mark := 0, 0, -1, 0
	for v < len(value) {
		literal, width := false, 1
		if p+1 < len(pattern) && pattern[p] == '\\' {
			literal, width = true, 2
		}
		switch {
		case p < len(pattern) && !literal && pattern[p] == '*':
			star, mark = p, v
			p++
		case p < len(pattern) && ((!literal && pattern[p] == '?') || pattern[p+width-1] == value[v]):
			p += width
			v++
		case star >= 0:
			mark++
			p, v = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
