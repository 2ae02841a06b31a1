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
	if t := reflect.TypeOf(into); !sameNames(body, t) {
		body = ownMembers(body, t)
	}
	d := json.NewDecoder(bytes.NewReader(body))
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
