package pipelines

import (
	"slices"
	"strings"
)

// secrets are the names of the secrets that a text of a file may hold in a run: named itself, or as what a caller hands in
// or the environment has. Whether a secret is there, or equal to something, is no secret.
func (s *scope) secretsIn(text string, depth int) []string {
	var names []string
	if depth == 0 {
		return nil
	}
	for _, e := range expressionsIn(text) {
		for _, n := range operands(e) {
			name := nameOf(n)
			context, rest, _ := strings.Cut(name, ".")
			switch context {
			case "secrets":
				if rest == "" {
					rest = "*"
				}
				names = append(names, strings.ToUpper(rest))
			case "inputs":
				if b, ok := s.inputs[rest]; ok && b.value.there() {
					names = append(names, b.scope.secretsIn(b.value.text(), depth-1)...)
				}
			case "env":
				if b, ok := s.lookup(rest); ok {
					names = append(names, b.scope.secretsIn(b.value.text(), depth-1)...)
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// fixed is a text as far as files tell it: expressions and variables of the shell that have a constant value are filled in.
// Whole is false where something else is left.
func (s *scope) fixed(text string) (value string, whole bool) {
	whole = true
	value = expression.ReplaceAllStringFunc(text, func(e string) string {
		is := s.canonical(strings.TrimSpace(e[3:len(e)-2]), maxCalls)
		if len(is) >= 2 && is[0] == '\'' && is[len(is)-1] == '\'' {
			return strings.ReplaceAll(is[1:len(is)-1], "''", "'")
		}
		whole = false
		return e
	})
	return value, whole
}

// variable is the constant value of a variable of a script's environment.
func (s *scope) variable(name string) (string, bool) {
	b, ok := s.lookup(name)
	if !ok {
		return "", false
	}
	return b.scope.fixed(b.value.text())
}
