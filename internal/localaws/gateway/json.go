package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Time is a time on the wire: seconds since 1970 in JSON, ISO 8601 in XML and forms.
type Time struct{ time.Time }

// MarshalJSON writes seconds with milliseconds.
func (t Time) MarshalJSON() ([]byte, error) { return epoch(t.Time), nil }

// UnmarshalJSON reads seconds, or an ISO 8601 string.
func (t *Time) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	if len(b) > 1 && b[0] == '"' {
		return t.UnmarshalText(b[1 : len(b)-1])
	}
	seconds, err := strconv.ParseFloat(string(b), 64)
	if err != nil || math.Abs(seconds) > 1e11 {
		return fmt.Errorf("time %.40q: not seconds since 1970", b)
	}
	t.Time = time.UnixMilli(int64(math.Round(seconds * 1000))).UTC()
	return nil
}

// UnmarshalText reads ISO 8601.
func (t *Time) UnmarshalText(b []byte) error {
	v, err := time.Parse(time.RFC3339, string(b))
	if err != nil {
		return fmt.Errorf("time %.40q: not in ISO 8601", b)
	}
	t.Time = v.UTC()
	return nil
}

func epoch(t time.Time) []byte {
	return strconv.AppendFloat(nil, float64(t.UnixMilli())/1000, 'f', -1, 64)
}

// decodeJSON reads an input. An empty body is an empty input; unknown members are ignored, as AWS does.
func decodeJSON(body []byte, into any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(ownMembers(body, reflect.TypeOf(into))))
	if err := d.Decode(into); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return malformed(JSON11, fmt.Sprintf("%s can not be converted to %s at %s", upperFirst(wrong.Value), wrong.Type.Kind(), printable(wrong.Field)))
		}
		return malformed(JSON11, "The request body is not valid JSON for this operation.")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return malformed(JSON11, "There is something after the end of the JSON document.")
	}
	return nil
}

// encoder writes values as JSON the way AWS does: nil is left out, times are seconds.
type encoder struct {
	buf  bytes.Buffer
	name func(string) string // renames struct fields; nil keeps them
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
	case reflect.Pointer, reflect.Interface:
		return e.value(v.Elem())
	case reflect.Struct:
		e.buf.WriteByte('{')
		if _, err := e.fields(v, true); err != nil {
			return err
		}
		e.buf.WriteByte('}')
		return nil
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

func (e *encoder) leaf(v reflect.Value) error {
	b, err := json.Marshal(v.Interface())
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	e.buf.Write(b)
	return nil
}

// fields writes a struct's members and reports whether none has been written yet.
func (e *encoder) fields(v reflect.Value, first bool) (bool, error) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		fv := v.Field(i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct && !f.Type.Implements(marshalerType) {
			var err error
			if first, err = e.fields(fv, first); err != nil {
				return first, err
			}
			continue
		}
		name, omitEmpty, skip := fieldName(f, "json")
		if skip || isNil(fv) || omitEmpty && isEmpty(fv) {
			continue
		}
		if !first {
			e.buf.WriteByte(',')
		}
		first = false
		if e.name != nil {
			name = e.name(name)
		}
		fmt.Fprintf(&e.buf, "%q:", name)
		if err := e.value(fv); err != nil {
			return first, err
		}
	}
	return first, nil
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
		if err := e.leaf(key); err != nil {
			return err
		}
		e.buf.WriteByte(':')
		if err := e.value(v.MapIndex(key)); err != nil {
			return err
		}
	}
	e.buf.WriteByte('}')
	return nil
}

// fieldName is the name of a field on the wire.
func fieldName(f reflect.StructField, tags ...string) (name string, omitEmpty, skip bool) {
	if !f.IsExported() {
		return "", false, true
	}
	for _, tag := range tags {
		value, ok := f.Tag.Lookup(tag)
		if !ok {
			continue
		}
		if value == "-" {
			return "", false, true
		}
		renamed, options, _ := strings.Cut(value, ",")
		if renamed == "" {
			renamed = f.Name
		}
		return renamed, strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero"), false
	}
	return f.Name, false, false
}

func isNil(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return v.IsNil()
	}
	return false
}

func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	}
	return v.IsZero()
}

func upperFirst(s string) string { return mapFirst(s, unicode.ToUpper) }

func lowerFirst(s string) string { return mapFirst(s, unicode.ToLower) }

func mapFirst(s string, f func(rune) rune) string {
	for i, c := range s {
		return string(f(c)) + s[i+len(string(c)):]
	}
	return s
}
