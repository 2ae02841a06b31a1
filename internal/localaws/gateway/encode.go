package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// encoder writes values as JSON the way AWS does: nil is left out, times are seconds.
type encoder struct {
	buf bytes.Buffer
	// event has the members written as CloudTrail spells them, and in place of those that hide names a note.
	event bool
	hide  func(name string) bool
}

func encodeJSON(v any) ([]byte, error) {
	var e encoder
	if err := e.value(reflect.ValueOf(v)); err != nil {
		return nil, err
	}
	return e.buf.Bytes(), nil
}

var (
	timeType      = reflect.TypeFor[time.Time]()
	marshalerType = reflect.TypeFor[json.Marshaler]()
)

func (e *encoder) value(v reflect.Value) error {
	switch {
	case !v.IsValid():
		e.buf.WriteString("null")
		return nil
	case v.Type() == timeType:
		e.buf.Write(epoch(v.Interface().(time.Time)))
		return nil
	case v.Type().Implements(marshalerType):
		return e.leaf(v)
	}
	switch v.Kind() {
	case reflect.String:
		return e.text(v.String())
	case reflect.Bool:
		e.buf.Write(strconv.AppendBool(e.buf.AvailableBuffer(), v.Bool()))
		return nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		e.buf.Write(strconv.AppendInt(e.buf.AvailableBuffer(), v.Int(), 10))
		return nil
	case reflect.Pointer, reflect.Interface:
		return e.value(v.Elem())
	case reflect.Struct:
		return e.structure(v)
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return e.leaf(v)
		}
		return e.list(v)
	case reflect.Map:
		return e.object(v)
	default:
		return e.leaf(v)
	}
}

// leaf leaves a value to encoding/json.
func (e *encoder) leaf(v reflect.Value) error {
	b, err := json.Marshal(v.Interface())
	if err == nil && e.hide != nil && (b[0] == '{' || b[0] == '[') {
		b, err = e.hidden(b)
	}
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	e.buf.Write(b)
	return nil
}

// hidden hides what a text that somebody else has written may show.
func (e *encoder) hidden(text []byte) ([]byte, error) {
	var doc any
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	hide(doc, e.hide)
	return json.Marshal(doc)
}

// text writes a string. Most have nothing in them that needs to be escaped.
func (e *encoder) text(s string) error {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return e.leaf(reflect.ValueOf(s))
		}
	}
	e.buf.WriteByte('"')
	e.buf.WriteString(s)
	e.buf.WriteByte('"')
	return nil
}

// field is a member of a structure. Those of embedded structures are members of the outer one.
type field struct {
	index      []int
	name, note string // as it is, and as an event spells it
	omitEmpty  bool
}

var fieldsOf sync.Map // []field by reflect.Type

// fields lists the members of a type, once.
func fields(t reflect.Type) []field {
	if known, ok := fieldsOf.Load(t); ok {
		return known.([]field)
	}
	var all []field
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct && !f.Type.Implements(marshalerType) {
			for _, inner := range fields(f.Type) {
				inner.index = append([]int{i}, inner.index...)
				all = append(all, inner)
			}
			continue
		}
		if name, omitEmpty, skip := fieldName(f, "json"); !skip {
			all = append(all, field{[]int{i}, name, lowerFirst(name), omitEmpty})
		}
	}
	fieldsOf.Store(t, all)
	return all
}

func (e *encoder) structure(v reflect.Value) error {
	first := true
	e.buf.WriteByte('{')
	for _, f := range fields(v.Type()) {
		member := v.FieldByIndex(f.index)
		if isNil(member) || f.omitEmpty && isEmpty(member) {
			continue
		}
		if !first {
			e.buf.WriteByte(',')
		}
		first = false
		name := f.name
		if e.event {
			name = f.note
		}
		if err := e.member(name, member); err != nil {
			return err
		}
	}
	e.buf.WriteByte('}')
	return nil
}

func (e *encoder) member(name string, v reflect.Value) error {
	if err := e.text(name); err != nil {
		return err
	}
	e.buf.WriteByte(':')
	if e.hide != nil && e.hide(name) {
		return e.text(hidden)
	}
	return e.value(v)
}

func (e *encoder) list(v reflect.Value) error {
	e.buf.WriteByte('[')
	for i := range v.Len() {
		if i > 0 {
			e.buf.WriteByte(',')
		}
		if err := e.value(v.Index(i)); err != nil {
			return err
		}
	}
	e.buf.WriteByte(']')
	return nil
}

func (e *encoder) object(v reflect.Value) error {
	e.buf.WriteByte('{')
	for i, key := range sortedKeys(v) {
		if i > 0 {
			e.buf.WriteByte(',')
		}
		if key.Kind() == reflect.String {
			if err := e.member(key.String(), v.MapIndex(key)); err != nil {
				return err
			}
			continue
		}
		return fmt.Errorf("write JSON: a map needs strings for keys, not %s", key.Type())
	}
	e.buf.WriteByte('}')
	return nil
}

// sameNames says that a document has no member that a field of another case could be taken for, as encoding/json does.
// It looks at every name that any structure of t has; false means that it has to be looked at more closely.
func sameNames(body []byte, t reflect.Type) bool {
	names := namesOf(t)
	if names == nil {
		return false
	}
	for i := 0; i < len(body); i++ {
		if body[i] != '"' {
			continue
		}
		end := i + 1
		for end < len(body) && body[end] != '"' {
			if body[end] == '\\' {
				end++
			}
			end++
		}
		if end >= len(body) {
			return false
		}
		text := body[i+1 : end]
		i = end
		if isMember(body[end+1:]) && !names.has(text) {
			return false
		}
	}
	return true
}

// isMember says that a string was a member's name: a colon follows.
func isMember(rest []byte) bool {
	rest = bytes.TrimLeft(rest, " \t\r\n")
	return len(rest) > 0 && rest[0] == ':'
}

// names are those of all structures of a type, and in lower case.
type names struct{ exact, folded map[string]bool }

func (n *names) has(text []byte) bool {
	if n.exact[string(text)] {
		return true
	}
	return !bytes.ContainsRune(text, '\\') && isASCII(text) && !n.folded[strings.ToLower(string(text))]
}

func isASCII(text []byte) bool {
	return !slices.ContainsFunc(text, func(c byte) bool { return c >= utf8.RuneSelf })
}

var namesByType sync.Map // *names by reflect.Type; nil when two names differ in case only

func namesOf(t reflect.Type) *names {
	if known, ok := namesByType.Load(t); ok {
		return known.(*names)
	}
	n := &names{map[string]bool{}, map[string]bool{}}
	n.collect(t, map[reflect.Type]bool{})
	if len(n.exact) != len(n.folded) {
		n = nil
	}
	namesByType.Store(t, n)
	return n
}

func (n *names) collect(t reflect.Type, seen map[reflect.Type]bool) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Array || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || seen[t] {
		return
	}
	seen[t] = true
	for name, member := range membersOf(t, map[string]reflect.Type{}) {
		n.exact[name], n.folded[strings.ToLower(name)] = true, true
		n.collect(member, seen)
	}
}
