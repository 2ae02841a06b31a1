package record

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
)

// redacted is a copy of a deploy without secrets, as it is written.
func (s *Store) redacted(d *Deploy) (*Deploy, error) {
	text, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	c := new(Deploy)
	if err := json.Unmarshal(text, c); err != nil {
		return nil, err
	}
	redactTexts(reflect.ValueOf(c).Elem(), s.c.Redact)
	for i := range c.Steps {
		markRedacted(&c.Steps[i], &d.Steps[i])
	}
	return c, nil
}

// redactTexts puts every text that v holds through redact: also those of fields that are yet to be thought of.
func redactTexts(v reflect.Value, redact func(string) string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(redact(v.String()))
	case reflect.Pointer:
		if !v.IsNil() {
			redactTexts(v.Elem(), redact)
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			if field.CanSet() {
				redactTexts(field, redact)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			redactTexts(v.Index(i), redact)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			value := reflect.New(v.Type().Elem()).Elem()
			value.Set(v.MapIndex(key))
			redactTexts(value, redact)
			v.SetMapIndex(key, value)
		}
	}
}

// markRedacted notes that a step lost a parameter.
func markRedacted(written, meant *Step) {
	if !maps.EqualFunc(written.Parameters, meant.Parameters, slices.Equal) {
		written.Redacted = true
	}
	if written.Check != nil {
		markRedacted(written.Check, meant.Check)
	}
}
