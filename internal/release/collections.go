package release

import (
	"fmt"

	"go.yaml.in/yaml/v4"
)

// list is the type of a list with at least one item. It keeps the items that are right. What is the list's content
// in words: "instance ids"; tooMany says why most is the bound, if there is more to say.
func list[V any](item typ[V], most int, is, example, tooMany string) typ[[]located[V]] {
	if tooMany == "" {
		tooMany = fmt.Sprintf("at most %d", most)
	}
	s := &shape{kind: listShape, is: "a list of " + is, example: example, item: item.shape, min: 1, max: most}
	return typ[[]located[V]]{shape: s, decode: func(w *walker, n *yaml.Node, what string) ([]located[V], bool) {
		if n.Kind != yaml.SequenceNode {
			w.wrongType(n, what, s)
			return nil, false
		}
		if len(n.Content) == 0 {
			w.errorf(n, "for example "+nameOf(what)+example, "%s is empty: want at least one", what)
			return nil, false
		}
		if len(n.Content) > most {
			w.errorf(n, "", "%d %s: %s", len(n.Content), is, tooMany)
			return nil, false
		}
		values := make([]located[V], 0, len(n.Content))
		for i, node := range n.Content {
			if value, ok := item.decode(w, node, fmt.Sprintf("item %d of %s", i+1, what)); ok {
				values = append(values, located[V]{value, node})
			}
		}
		return values, true
	}}
}

// dictionary is the type of a mapping whose keys the user chooses. It keeps the entries that are right.
func dictionary[V any](key typ[string], value typ[V], is, example string) typ[[]entry[V]] {
	s := &shape{kind: mappingShape, is: is, example: example, item: value.shape, keys: key.shape.pattern}
	return typ[[]entry[V]]{shape: s, decode: func(w *walker, n *yaml.Node, what string) ([]entry[V], bool) {
		if n.Kind != yaml.MappingNode {
			w.wrongType(n, what, s)
			return nil, false
		}
		var entries []entry[V]
		w.pairs(n, what, func(k, v *yaml.Node) {
			name, nameOK := key.decode(w, k, "a key of "+what)
			got, ok := value.decode(w, v, fmt.Sprintf("%s in %s", quote(k.Value), what))
			if ok && nameOK {
				entries = append(entries, entry[V]{located[string]{name, k}, located[V]{got, v}})
			}
		})
		return entries, true
	}}
}

// either is the type of a value with a short form (a text) and a long one; the node's kind decides which it is.
func either[V any](short, long typ[V], isLong func(*yaml.Node) bool) typ[V] {
	s := *short.shape
	s.or = long.shape
	s.is = short.shape.is + ", or " + long.shape.is
	return typ[V]{shape: &s, decode: func(w *walker, n *yaml.Node, what string) (V, bool) {
		if isLong(n) {
			return long.decode(w, n, what)
		}
		return short.decode(w, n, what)
	}}
}

// as turns a type's value into another's; what it says about the file stays.
func as[A, B any](t typ[A], turn func(A, *yaml.Node) B) typ[B] {
	return typ[B]{shape: t.shape, decode: func(w *walker, n *yaml.Node, what string) (B, bool) {
		value, ok := t.decode(w, n, what)
		if !ok {
			var none B
			return none, false
		}
		return turn(value, n), true
	}}
}
