package gateway

import (
	"encoding"
	"encoding/base64"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxParameters and maxDepth bound what a form may make the decoder build.
const (
	maxParameters = 5000
	maxDepth      = 12
	maxList       = 5000
)

// node is a form as a tree: Filter.1.Name=x is the node Filter with a child 1 with a child Name with the value x.
type node struct {
	value    string
	set      bool
	children map[string]*node
}

// decodeForm reads a Query or EC2Query form into a struct.
func decodeForm(form url.Values, p Protocol, into any) error {
	root, err := buildTree(form, p)
	if err != nil {
		return err
	}
	d := formDecoder{strict: p == EC2Query, protocol: p}
	return d.value(root, reflect.ValueOf(into).Elem(), "")
}

func buildTree(form url.Values, p Protocol) (*node, error) {
	if len(form) > maxParameters {
		return nil, malformed(p, "There are too many parameters.")
	}
	root := &node{}
	for key, values := range form {
		if key == "Action" || key == "Version" || len(values) == 0 {
			continue
		}
		parts := strings.Split(key, ".")
		if len(parts) > maxDepth || slices.Contains(parts, "") {
			return nil, malformed(p, "The parameter "+printable(key)+" cannot be read.")
		}
		at := root
		for _, part := range parts {
			if at.children == nil {
				at.children = map[string]*node{}
			}
			if at.children[part] == nil {
				at.children[part] = &node{}
			}
			at = at.children[part]
		}
		at.value, at.set = values[0], true
	}
	return root, nil
}

// formDecoder decodes one form. EC2 refuses parameters it does not know; the other services ignore them.
type formDecoder struct {
	strict   bool
	protocol Protocol
}

var textType = reflect.TypeFor[encoding.TextUnmarshaler]()

func (d formDecoder) value(n *node, v reflect.Value, path string) error {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		return d.value(n, v.Elem(), path)
	}
	if v.Type() == timeType || v.CanAddr() && v.Addr().Type().Implements(textType) {
		return d.text(n, v, path)
	}
	switch v.Kind() {
	case reflect.Struct:
		return d.structure(n, v, path)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return d.bytes(n, v, path)
		}
		return d.list(n, v, path)
	case reflect.Map:
		return d.entries(n, v, path)
	}
	if !n.set || n.children != nil {
		return d.bad(path)
	}
	return d.scalar(n.value, v, path)
}

func (d formDecoder) structure(n *node, v reflect.Value, path string) error {
	known := map[string]bool{}
	if err := d.fields(n, v, path, known); err != nil {
		return err
	}
	if !d.strict {
		return nil
	}
	for name := range n.children {
		if !known[name] {
			return &Error{Code: "UnknownParameter", Message: "The parameter " + printable(join(path, name)) + " is not recognized: AWS does not have it, or the local AWS does not honour it"}
		}
	}
	return nil
}

func (d formDecoder) fields(n *node, v reflect.Value, path string, known map[string]bool) error {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			if err := d.fields(n, v.Field(i), path, known); err != nil {
				return err
			}
			continue
		}
		name, _, skip := fieldName(f, "xml", "json")
		if skip {
			continue
		}
		known[name] = true
		child := n.children[name]
		if child == nil {
			continue
		}
		if err := d.value(child, v.Field(i), join(path, name)); err != nil {
			return err
		}
	}
	return nil
}

// list reads Name.member.N, or Name.N. An empty value (Name=) is an empty list.
func (d formDecoder) list(n *node, v reflect.Value, path string) error {
	items := n
	if m := n.children["member"]; m != nil && len(n.children) == 1 {
		items = m
	}
	indexes, err := d.indexes(items, path)
	if err != nil {
		return err
	}
	out := reflect.MakeSlice(v.Type(), len(indexes), len(indexes))
	for i, index := range indexes {
		name := strconv.Itoa(index)
		if err := d.value(items.children[name], out.Index(i), join(path, name)); err != nil {
			return err
		}
	}
	v.Set(out)
	return nil
}

// indexes gives the numbers of a list's children in order. Gaps are closed, as AWS does.
func (d formDecoder) indexes(n *node, path string) ([]int, error) {
	if n.set && n.value != "" || len(n.children) > maxList {
		return nil, d.bad(path)
	}
	indexes := make([]int, 0, len(n.children))
	for key := range n.children {
		i, err := strconv.Atoi(key)
		if err != nil || i < 0 || strconv.Itoa(i) != key {
			return nil, d.bad(join(path, key))
		}
		indexes = append(indexes, i)
	}
	slices.Sort(indexes)
	return indexes, nil
}

// entries reads a map: Name.entry.N.key and Name.entry.N.value.
func (d formDecoder) entries(n *node, v reflect.Value, path string) error {
	items := n
	if m := n.children["entry"]; m != nil {
		items = m
	}
	if v.Type().Key().Kind() != reflect.String {
		return fmt.Errorf("decode %s: a map needs strings for keys", path)
	}
	indexes, err := d.indexes(items, path)
	if err != nil {
		return err
	}
	out := reflect.MakeMap(v.Type())
	for _, index := range indexes {
		entry := items.children[strconv.Itoa(index)]
		key, value := entry.children["key"], entry.children["value"]
		if key == nil || value == nil {
			return d.bad(path)
		}
		elem := reflect.New(v.Type().Elem()).Elem()
		if err := d.value(value, elem, path); err != nil {
			return err
		}
		out.SetMapIndex(reflect.ValueOf(key.value).Convert(v.Type().Key()), elem)
	}
	v.Set(out)
	return nil
}

func (d formDecoder) text(n *node, v reflect.Value, path string) error {
	if v.Type() == timeType {
		var t Time
		if err := t.UnmarshalText([]byte(n.value)); err != nil {
			return d.bad(path)
		}
		v.Set(reflect.ValueOf(t.Time))
		return nil
	}
	if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.value)); err != nil {
		return d.bad(path)
	}
	return nil
}

func (d formDecoder) bytes(n *node, v reflect.Value, path string) error {
	b, err := base64.StdEncoding.DecodeString(n.value)
	if err != nil {
		return d.bad(path)
	}
	v.SetBytes(b)
	return nil
}

func (d formDecoder) scalar(s string, v reflect.Value, path string) error {
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Bool:
		if s != "true" && s != "false" {
			return d.bad(path)
		}
		v.SetBool(s == "true")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		i, err := strconv.ParseInt(s, 10, v.Type().Bits())
		if err != nil {
			return d.bad(path)
		}
		v.SetInt(i)
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(s, v.Type().Bits())
		if err != nil {
			return d.bad(path)
		}
		v.SetFloat(f)
	default:
		return fmt.Errorf("decode %s: no form of %s is known", path, v.Type())
	}
	return nil
}

// bad is the error for a parameter whose value does not fit.
func (d formDecoder) bad(path string) error {
	return malformed(d.protocol, "The value of the parameter "+printable(path)+" is not valid.")
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

var _ encoding.TextUnmarshaler = (*Time)(nil)

func isTime(t reflect.Type) bool { return t == timeType || t == reflect.TypeFor[Time]() }

func timeOf(v reflect.Value) time.Time {
	if t, ok := v.Interface().(Time); ok {
		return t.Time
	}
	return v.Interface().(time.Time)
}
