package gateway

import (
	"bytes"
	"encoding/json"
	"reflect"
)

// ownMembers drops the members of a document that encoding/json would take for a field of another case: AWS knows a
// member by its exact name only. A document without such members, or that cannot be read, comes back as it is.
func ownMembers(body []byte, t reflect.Type) []byte {
	var doc any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if d.Decode(&doc) != nil || !dropMisnamed(doc, t) {
		return body
	}
	exact, err := json.Marshal(doc)
	if err != nil {
		return body
	}
	return append(exact, body[d.InputOffset():]...) // what comes after the document is for the decoder to refuse
}

var unmarshalerType = reflect.TypeFor[json.Unmarshaler]()

// dropMisnamed deletes what is no member of t and says whether there was anything.
func dropMisnamed(doc any, t reflect.Type) (dropped bool) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(unmarshalerType) {
		return false
	}
	switch v := doc.(type) {
	case []any:
		if t.Kind() != reflect.Slice && t.Kind() != reflect.Array {
			return false
		}
		for _, item := range v {
			dropped = dropMisnamed(item, t.Elem()) || dropped
		}
	case map[string]any:
		var members map[string]reflect.Type
		if t.Kind() == reflect.Struct {
			members = membersOf(t, map[string]reflect.Type{})
		} else if t.Kind() != reflect.Map {
			return false
		}
		for name, item := range v {
			member, ok := members[name]
			switch {
			case t.Kind() == reflect.Map:
				dropped = dropMisnamed(item, t.Elem()) || dropped
			case ok:
				dropped = dropMisnamed(item, member) || dropped
			default:
				delete(v, name)
				dropped = true
			}
		}
	}
	return dropped
}

// membersOf adds a struct's members by their names on the wire.
func membersOf(t reflect.Type, members map[string]reflect.Type) map[string]reflect.Type {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct && f.Tag.Get("json") == "" {
			membersOf(f.Type, members)
			continue
		}
		if name, _, skip := fieldName(f, "json"); !skip {
			members[name] = f.Type
		}
	}
	return members
}
