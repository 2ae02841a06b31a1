package release

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// Keys documents every key of the release file, in the order of the tables, for docs/.
func Keys() []Key { return keysOf("", fileTable.typ().shape) }

func keysOf(path string, s *shape) []Key {
	var keys []Key
	for i, key := range s.fields {
		key.Path = strings.TrimPrefix(path+"."+key.Name, ".")
		keys = append(keys, key)
		keys = append(keys, keysBelow(key.Path, s.shapes[i])...)
	}
	return keys
}

// keysBelow finds the keys within a value: those of a mapping, of a list's items, of a mapping's values.
func keysBelow(path string, s *shape) []Key {
	keys := keysOf(path, s)
	switch {
	case s.item == nil:
	case s.kind == listShape:
		keys = append(keys, keysBelow(path+"[]", s.item)...)
	default:
		keys = append(keys, keysBelow(path+".<name>", s.item)...)
	}
	if s.or != nil {
		keys = append(keys, keysBelow(path, s.or)...)
	}
	return keys
}

// Schema is the JSON Schema of the release file, for editors. It comes from the tables that Parse reads the file with;
// what depends on more than one place of the file is only in Parse.
func Schema() ([]byte, error) {
	schema := schemaOf(fileTable.typ().shape)
	schema.Schema = "https://json-schema.org/draft/2020-12/schema"
	schema.Title = "slipway.yaml"
	schema.Description = "A release: what is shipped where, and by whom."
	data, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("print the release file's schema: %w", err)
	}
	return append(data, '\n'), nil
}

func schemaOf(s *shape) *jsonschema.Schema {
	var schema *jsonschema.Schema
	switch s.kind {
	case textShape:
		schema = textSchema(s)
	case numberShape:
		least, most := float64(s.min), float64(s.max)
		schema = &jsonschema.Schema{Type: string(numberShape), Minimum: &least, Maximum: &most}
	case listShape:
		schema = &jsonschema.Schema{Type: string(listShape), Items: schemaOf(s.item), MinItems: &s.min}
		if s.max > 0 {
			schema.MaxItems = &s.max
		}
	case mappingShape:
		schema = mappingSchema(s)
	default:
		schema = &jsonschema.Schema{Type: string(s.kind)}
	}
	if s.or != nil {
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{schema, schemaOf(s.or)}}
	}
	return schema
}

// textSchema lets numbers and booleans through too, for Parse takes them as the text that they are written as; a
// pattern holds for those in quotes only.
func textSchema(s *shape) *jsonschema.Schema {
	schema := &jsonschema.Schema{Types: []string{"string", "number", "boolean"}, Pattern: s.pattern}
	for _, value := range s.enum {
		schema.Enum = append(schema.Enum, value)
	}
	return schema
}

func mappingSchema(s *shape) *jsonschema.Schema {
	schema := &jsonschema.Schema{Type: string(mappingShape)}
	if s.item != nil {
		schema.AdditionalProperties = schemaOf(s.item)
		schema.PropertyNames = &jsonschema.Schema{Pattern: s.keys}
		return schema
	}
	schema.AdditionalProperties = &jsonschema.Schema{Not: &jsonschema.Schema{}}
	schema.Properties = map[string]*jsonschema.Schema{}
	for i, key := range s.fields {
		property := schemaOf(s.shapes[i])
		property.Description = key.Doc
		if key.Default != "" {
			property.Description += " Default: " + key.Default + "."
		}
		schema.Properties[key.Name] = property
		schema.PropertyOrder = append(schema.PropertyOrder, key.Name)
		if key.Required {
			schema.Required = append(schema.Required, key.Name)
		}
	}
	return schema
}
