package release

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

var variableName = expr(`^[A-Za-z][A-Za-z0-9_-]{0,63}$`)

// harmless is what a shell takes as it is; see DefaultPattern.
var harmless = expr(DefaultPattern)

// variables are the values of ${name}.
type variables struct {
	defaults map[string]string
	set      map[string]string // --set
	// used are those that occurred; mentioned also those that occurred without having a value.
	used      map[string]string
	mentioned map[string]bool
	// written is how many bytes were filled in: a large value that occurs often must not grow without bound.
	written int
}

func newVariables(set map[string]string) variables {
	return variables{
		defaults: map[string]string{}, set: set,
		used: map[string]string{}, mentioned: map[string]bool{},
	}
}

// value of a variable: what --set says, or the default.
func (v variables) value(name string) (string, bool) {
	if value, ok := v.set[name]; ok {
		return value, true
	}
	value, ok := v.defaults[name]
	return value, ok
}

// known are the names that have a value or a use, sorted.
func (v variables) known() []string {
	names := maps.Clone(v.mentioned)
	for name := range v.defaults {
		names[name] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// hasVariable says whether a text contains ${.
func hasVariable(s string) bool { return strings.Contains(s, "${") }

// fill replaces ${name} by the variable's value and $${ by ${. In shell text a value must be harmless: it becomes
// part of a command that root runs.
func (w *walker) fill(n *yaml.Node, shell bool) (string, bool) {
	var b strings.Builder
	for rest := n.Value; ; {
		at := strings.Index(rest, "${")
		if at < 0 {
			b.WriteString(rest)
			return b.String(), true
		}
		if at > 0 && rest[at-1] == '$' {
			b.WriteString(rest[:at-1] + "${")
			rest = rest[at+2:]
			continue
		}
		b.WriteString(rest[:at])
		name, after, closed := strings.Cut(rest[at+2:], "}")
		value, ok := w.variable(n, name, closed, shell)
		if ok && shell && !harmless.MatchString(value) {
			w.errorf(n, "use script: with parameters: instead, where values stay data",
				"the value of ${%s}, %s, has characters that a shell would interpret", name, quote(value))
			ok = false
		}
		if w.variables.written += len(value); ok && w.variables.written > maxFile {
			w.errorf(n, "shorten their values", "the variables fill in more than %d bytes", maxFile)
			ok = false
		}
		if !ok {
			return "", false
		}
		b.WriteString(value)
		rest = after
	}
}

// variable looks up one ${name}, and reports why it has no value.
func (w *walker) variable(n *yaml.Node, name string, closed, shell bool) (string, bool) {
	if !closed || !variableName.MatchString(name) {
		w.errorf(n, "write ${name} for a variable and $${ for the two characters themselves",
			"%s begins no variable", quote("${"+name))
		return "", false
	}
	w.variables.mentioned[name] = true
	value, ok := w.variables.value(name)
	if !ok {
		hint := didYouMean(name, slices.Collect(maps.Keys(w.variables.defaults)))
		if hint == "" {
			hint = fmt.Sprintf("give it a default under variables:, or a value with --set %s=…", name)
			if known := w.variables.defaults; len(known) > 0 {
				hint += "; known are " + listed(slices.Collect(maps.Keys(known)))
			}
		}
		if shell {
			hint += fmt.Sprintf("; the shell's own is $${%s}", name)
		}
		w.errorf(n, hint, "variable %q has no value", name)
		w.errors[len(w.errors)-1].Unset = name
		return "", false
	}
	w.variables.used[name] = value
	return value, true
}

// checkSet reports each --set of a variable that the file neither declares nor uses.
func (w *walker) checkSet() {
	known := w.variables.known()
	for _, name := range slices.Sorted(maps.Keys(w.variables.set)) {
		flag := "--set " + name
		if slices.Contains(known, name) {
			if kind := secretIn(w.variables.set[name]); kind != "" {
				w.addFlag(flag, noSecrets, "the value holds "+kind)
			}
			if w.variables.set[name] == "" {
				w.addFlag(flag, "whoever sets it to another variable's value, such as $GITHUB_SHA, means one that has a value",
					"the value is empty")
			}
			continue
		}
		hint := didYouMean(name, known)
		switch {
		case hint == "" && len(known) > 0:
			hint = "its variables are " + listed(known)
		case hint == "":
			hint = "it has no variables"
		}
		w.addFlag(flag, hint, w.file+" has no variable of that name")
	}
}
