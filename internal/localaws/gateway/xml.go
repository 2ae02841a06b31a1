package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// xmlWriter writes values as XML; item is the element of a list: member, or item for EC2.
type xmlWriter struct {
	buf  bytes.Buffer
	item string
}

func (w *xmlWriter) text(s string) {
	// EscapeText cannot fail: a bytes.Buffer takes everything.
	_ = xml.EscapeText(&w.buf, []byte(s))
}

func (w *xmlWriter) element(name, text string) {
	w.buf.WriteString("<" + name + ">")
	w.text(text)
	w.buf.WriteString("</" + name + ">")
}

// result writes an operation's output; one that has no members has no element either.
func (w *xmlWriter) result(name string, v reflect.Value) error {
	if v.Kind() == reflect.Pointer && v.Type().Elem().Kind() == reflect.Struct && v.Type().Elem().NumField() == 0 {
		return nil
	}
	w.buf.WriteString("<" + name + ">")
	if err := w.fields(v); err != nil {
		return err
	}
	w.buf.WriteString("</" + name + ">")
	return nil
}

// fields writes a struct's fields as elements.
func (w *xmlWriter) fields(v reflect.Value) error {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return fmt.Errorf("write XML: %s is not a struct", v.Kind())
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct && !isTime(f.Type) {
			if err := w.fields(v.Field(i)); err != nil {
				return err
			}
			continue
		}
		name, omitEmpty, skip := fieldName(f, "xml", "json")
		if skip || isNil(v.Field(i)) || omitEmpty && isEmpty(v.Field(i)) {
			continue
		}
		w.buf.WriteString("<" + name + ">")
		if err := w.value(v.Field(i)); err != nil {
			return err
		}
		w.buf.WriteString("</" + name + ">")
	}
	return nil
}

func (w *xmlWriter) value(v reflect.Value) error {
	if isTime(v.Type()) {
		w.text(iso(timeOf(v)))
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return w.value(v.Elem())
	case reflect.Struct:
		return w.fields(v)
	case reflect.Map:
		return w.entries(v)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			w.text(base64.StdEncoding.EncodeToString(v.Bytes()))
			return nil
		}
		for i := range v.Len() {
			w.buf.WriteString("<" + w.item + ">")
			if err := w.value(v.Index(i)); err != nil {
				return err
			}
			w.buf.WriteString("</" + w.item + ">")
		}
		return nil
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Float32, reflect.Float64, reflect.Uint, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		w.text(fmt.Sprint(v.Interface()))
		return nil
	}
	return fmt.Errorf("write XML: no form of %s is known", v.Type())
}

func (w *xmlWriter) entries(v reflect.Value) error {
	for _, key := range sortedKeys(v) {
		w.buf.WriteString("<entry>")
		w.element("key", key.String())
		w.buf.WriteString("<value>")
		if err := w.value(v.MapIndex(key)); err != nil {
			return err
		}
		w.buf.WriteString("</value></entry>")
	}
	return nil
}

func sortedKeys(m reflect.Value) []reflect.Value {
	keys := m.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	return keys
}
