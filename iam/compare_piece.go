package iam

import "strings"

// piece is a statement, or the part of one with a single action or resource pattern.
type piece struct {
	*sourceStatement
	action, resource string
}

// byAction divides a statement by its action patterns.
func (p piece) byAction() (out []piece) {
	if len(p.NotActions) > 0 {
		p.action = not(p.NotActions)
		return []piece{p}
	}
	for _, pattern := range unique(p.Actions) {
		part := *p.Statement
		part.Actions = []string{pattern}
		out = append(out, piece{&sourceStatement{&part, p.ref, p.variables, false}, pattern, ""})
	}
	return out
}

func (p piece) byResource() (out []piece) {
	if len(p.Resources) == 0 {
		if len(p.NotResources) > 0 {
			p.resource = not(p.NotResources)
		}
		return []piece{p}
	}
	for _, pattern := range unique(p.Resources) {
		part := *p.Statement
		part.Resources = []string{pattern}
		out = append(out, piece{&sourceStatement{&part, p.ref, p.variables, false}, p.action, pattern})
	}
	return out
}

func not(patterns []string) string { return "not " + strings.Join(patterns, ", ") }

// unique drops repetitions.
func unique(patterns []string) (out []string) {
	seen := map[string]bool{}
	for _, p := range patterns {
		if !seen[p] {
			seen[p] = true
			out = append(out, p)
		}
	}
	return out
}
