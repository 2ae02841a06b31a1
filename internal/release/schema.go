package release

import (
	"go.yaml.in/yaml/v4"
)

// A typ is a type of value that the release file can have: how it looks (for documentation and the JSON Schema), and
// how a node becomes a V. decode reports what is wrong and says whether the value can be used.
//
// Every mapping of the file is a table of fields (see the tables*.go files); the tables drive the decoding, the
// suggestions, the JSON Schema and the documentation.
type typ[V any] struct {
	shape  *shape
	decode func(w *walker, n *yaml.Node, what string) (V, bool)
}

// shapeKind is a JSON type.
type shapeKind string

const (
	textShape    shapeKind = "string"
	numberShape  shapeKind = "integer"
	booleanShape shapeKind = "boolean"
	listShape    shapeKind = "array"
	mappingShape shapeKind = "object"
)

// shape describes a typ to people and to editors.
type shape struct {
	kind    shapeKind
	is      string // in words, for messages: "a duration from 5s to 48h"
	example string // as one would write it on the right of the colon
	pattern string // regular expression of a text
	enum    []string
	// min and max bound a number, or the length of a list or mapping; max 0 is no bound.
	min, max int
	item     *shape   // of a list, or the values of a mapping with free keys
	keys     string   // regular expression of free keys
	fields   []Key    // of a mapping with fixed keys
	or       *shape   // the other form that the value may have
	shapes   []*shape // of fields, in the same order
}

// located is a value and where it is; node is nil when the file does not have it, or has it wrong.
type located[V any] struct {
	value V
	node  *yaml.Node
}

func (l located[V]) ok() bool { return l.node != nil }

// entry is a key and its value in a mapping with free keys.
type entry[V any] struct {
	key   located[string]
	value located[V]
}

// field is one key of a mapping.
type field[T any] struct {
	key    Key
	shape  *shape
	decode func(w *walker, n *yaml.Node, what string, into *T)
}

// Key documents one key of the release file.
type Key struct {
	// Path from the top of the file: stages[].steps[].command.timeout; <name> stands for a key that the user chooses.
	Path string
	// Name is the last part of Path.
	Name string
	// Type in words.
	Type     string
	Required bool
	// Default in words; empty when there is none.
	Default string
	// Doc is one or more sentences for the user.
	Doc string
	// Example is a value, as one would write it.
	Example string
}

// optional is a field that may be missing; byDefault says in words what holds then.
func optional[T, V any](name string, t typ[V], at func(*T) *located[V], byDefault, doc string) field[T] {
	return field[T]{
		key:   Key{Name: name, Type: t.shape.is, Default: byDefault, Doc: doc, Example: t.shape.example},
		shape: t.shape,
		decode: func(w *walker, n *yaml.Node, what string, into *T) {
			if value, ok := t.decode(w, n, what); ok {
				*at(into) = located[V]{value, n}
			}
		},
	}
}

// required is a field that must be there.
func required[T, V any](name string, t typ[V], at func(*T) *located[V], doc string) field[T] {
	f := optional(name, t, at, "", doc)
	f.key.Required = true
	return f
}

// mapping is the type of a mapping with fixed keys. What it is called is label, with the value of its key nameKey, if
// that is not empty: stage "dev". Later lists keys that are planned and not there yet.
type mapping[T any] struct {
	label, nameKey string
	// top is the whole file: its keys need no label in messages.
	top     bool
	later   []string
	example string // of the whole, where its first required key would not do
	fields  []field[T]
}

// typ is the mapping as a type.
func (m mapping[T]) typ() typ[T] {
	s := &shape{kind: mappingShape, is: "a mapping", example: m.example}
	for _, f := range m.fields {
		s.fields = append(s.fields, f.key)
		s.shapes = append(s.shapes, f.shape)
		if f.key.Required && s.example == "" {
			s.example = "{" + f.key.Name + ": " + f.key.Example + "}"
		}
	}
	return typ[T]{shape: s, decode: m.decode}
}

// names are the keys that the mapping knows.
func (m mapping[T]) names() []string {
	names := make([]string, len(m.fields))
	for i, f := range m.fields {
		names[i] = f.key.Name
	}
	return names
}
