package ui

import (
	"reflect"

	"github.com/slipway-cd/slipway/internal/release"
	"github.com/slipway-cd/slipway/internal/ship"
)

// redacted is an event without what is certainly a secret (R119). The event itself stays as it is.
func (u *UI) redacted(e ship.Event) ship.Event {
	if e.Kind != ship.EventOutput {
		return withoutSecrets(e)
	}
	keys := u.keys[e.Instance] // it comes in parts, and a private key may go over several
	if keys == nil {
		keys = &release.LineRedactor{}
		u.keys[e.Instance] = keys
	}
	e.Message = keys.Redact(e.Message)
	return e
}

// Redacted is a result without what is certainly a secret, as it may be shown or written to a file (R119). The result
// itself stays as it is.
func Redacted(r *ship.Result) *ship.Result { return withoutSecrets(r) }

// withoutSecrets is a copy of v with every text in it redacted: those of fields that are added one day as well.
func withoutSecrets[T any](v T) T {
	copied := reflect.ValueOf(&v).Elem()
	redactValue(copied)
	return v
}

// redactValue redacts a value in its place; what it points at is copied before, where it holds text.
func redactValue(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if text := v.String(); text != "" {
			v.SetString(release.RedactOutput(text))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			fresh := reflect.New(v.Type().Elem())
			fresh.Elem().Set(v.Elem())
			redactValue(fresh.Elem())
			v.Set(fresh)
		}
	case reflect.Slice:
		if v.Len() > 0 && holdsText(v.Type().Elem()) {
			fresh := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			reflect.Copy(fresh, v)
			for i := range fresh.Len() {
				redactValue(fresh.Index(i))
			}
			v.Set(fresh)
		}
	case reflect.Map:
		redactMap(v)
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Field(i); field.CanSet() {
				redactValue(field)
			}
		}
	}
}

func redactMap(v reflect.Value) {
	if v.Len() == 0 || !holdsText(v.Type().Elem()) {
		return
	}
	fresh := reflect.MakeMapWithSize(v.Type(), v.Len())
	for entry := v.MapRange(); entry.Next(); {
		value := reflect.New(v.Type().Elem()).Elem()
		value.Set(entry.Value())
		redactValue(value)
		fresh.SetMapIndex(entry.Key(), value)
	}
	v.Set(fresh)
}

func holdsText(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String, reflect.Struct, reflect.Pointer, reflect.Slice, reflect.Map:
		return true
	}
	return false
}
