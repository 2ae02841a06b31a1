package release

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// walker turns nodes into values and reports what is wrong with them.
type walker struct {
	*report
	variables variables
}

// errorf reports an error at a node.
func (w *walker) errorf(n *yaml.Node, hint, format string, args ...any) {
	w.add(position(n), hint, fmt.Sprintf(format, args...))
}

// wrongType reports that a node is of another kind than wanted.
func (w *walker) wrongType(n *yaml.Node, what string, want *shape) {
	hint := ""
	if want.example != "" {
		hint = "for example " + nameOf(what) + want.example
	}
	if isNull(n) {
		w.errorf(n, hint, "%s has no value: want %s", what, want.is)
		return
	}
	w.errorf(n, hint, "%s must be %s, not %s", what, want.is, kindOf(n))
}

// nameOf is `key: ` for a what that begins with a quoted key.
func nameOf(what string) string {
	if rest, ok := strings.CutPrefix(what, `"`); ok {
		if name, _, ok := strings.Cut(rest, `"`); ok {
			return name + ": "
		}
	}
	return ""
}

// pairs calls each with the keys and values of a mapping, once per key; it reports duplicates and keys that are
// not text.
func (w *walker) pairs(n *yaml.Node, what string, each func(key, value *yaml.Node)) {
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch line, seen := first[key.Value]; {
		case key.Kind != yaml.ScalarNode || isNull(key):
			w.errorf(key, "a name such as null or ~ needs quotes", "a key in %s must be text, not %s", what, kindOf(key))
		case key.ShortTag() == "!!merge":
			w.errorf(key, "write the keys out", "merge keys are not used in release files")
		case seen:
			w.errorf(key, fmt.Sprintf("it is on line %d already: keep one of them", line),
				"key %s is twice in %s", quote(key.Value), what)
		default:
			first[key.Value] = key.Line
			each(key, value)
		}
	}
}

// decode fills a T from a mapping node. It is usable even when some of its fields are not: what can be checked is.
func (m mapping[T]) decode(w *walker, n *yaml.Node, what string) (T, bool) {
	var into T
	if n.Kind != yaml.MappingNode {
		w.wrongType(n, what, m.typ().shape)
		return into, false
	}
	label := m.named(n)
	values, planned := map[string]*yaml.Node{}, false
	w.pairs(n, label, func(key, value *yaml.Node) {
		if slices.Contains(m.names(), key.Value) {
			values[key.Value] = value
			return
		}
		planned = m.unknown(w, key, label) || planned
	})
	for _, f := range m.fields {
		value, ok := values[f.key.Name]
		switch {
		case ok:
			f.decode(w, value, m.what(f.key.Name, label), &into)
		case !ok && f.key.Required && !planned: // what is planned may stand for what is required
			w.missing(n, f.key, label)
		}
	}
	return into, true
}

// what a field is called in messages.
func (m mapping[T]) what(key, label string) string {
	if m.top {
		return strconv.Quote(key)
	}
	return fmt.Sprintf("%q in %s", key, label)
}

// missing reports a required key that is not there; at the mapping, for there is no better place.
func (w *walker) missing(n *yaml.Node, key Key, label string) {
	w.errorf(n, "add "+key.Name+": "+key.Example, "%s lacks %q", label, key.Name)
}

// unknown reports a key that the mapping does not know, with the nearest that it knows, and says whether it is
// planned.
func (m mapping[T]) unknown(w *walker, key *yaml.Node, label string) (planned bool) {
	if slices.Contains(m.later, key.Value) {
		w.errorf(key, "it knows "+listed(m.names()), "%q in %s is not supported by this version of slipway",
			key.Value, label)
		return true
	}
	hint := didYouMean(key.Value, m.names())
	if hint == "" {
		hint = "it knows " + listed(m.names())
	}
	w.errorf(key, hint, "unknown key %s in %s", quote(key.Value), label)
	return false
}

// named is what a mapping is called in messages: stage "dev", or only stage when it has no usable name.
func (m mapping[T]) named(n *yaml.Node) string {
	for i := 0; m.nameKey != "" && i+1 < len(n.Content); i += 2 {
		if key, value := n.Content[i], n.Content[i+1]; key.Value == m.nameKey && value.Kind == yaml.ScalarNode {
			return m.label + " " + quote(value.Value)
		}
	}
	return m.label
}
