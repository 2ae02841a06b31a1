package ssm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// maxDocumentSize is the limit on a document, at run time together with its parameters.
const maxDocumentSize = 64 << 10

// The types of document that are served.
const (
	typeCommand    = "Command"
	typeAutomation = "Automation"
)

// document is a parsed document of either type.
type document struct {
	kind        string
	schema      string
	description string
	parameters  map[string]parameter
	steps       []step
	// tree is the whole document as JSON values, and text the JSON of it: what the agent is given.
	tree map[string]any
	text json.RawMessage
}

// parameter is one declared parameter.
type parameter struct {
	kind         string // String or StringList
	description  string
	fallback     []string // the default
	hasDefault   bool
	allowed      []string
	pattern      *regexp.Regexp
	minChars     int
	maxChars     int // 0: no limit
	minItems     int
	maxItems     int // 0: no limit
	defaultShown string
}

// step is one plugin invocation. In schema 1.2 a step's name is its plugin's.
type step struct {
	name, action string
	timeout      string // timeoutSeconds as written, perhaps {{ parameter }}
	finally      bool   // runs last, whatever happened before
	// folder is where, below the plugin's own folder, the agent puts the output.
	folder string
}

// plugins are the plugins of the agent, with the platforms that they run on.
var plugins = map[string][]string{
	"aws:runShellScript":      {"Linux", "MacOS"},
	"aws:runPowerShellScript": {"Windows", "Linux", "MacOS"},
	"aws:downloadContent":     {"Windows", "Linux", "MacOS"},
	"aws:runDocument":         {"Windows", "Linux", "MacOS"},
	"aws:configurePackage":    {"Windows", "Linux", "MacOS"},
	"aws:softwareInventory":   {"Windows", "Linux", "MacOS"},
	"aws:updateSsmAgent":      {"Windows", "Linux", "MacOS"},
	"aws:refreshAssociation":  {"Windows", "Linux", "MacOS"},
	"aws:runDockerAction":     {"Windows", "Linux"},
	"aws:configureDocker":     {"Windows", "Linux"},
	"aws:domainJoin":          {"Windows", "Linux"},
	"aws:applications":        {"Windows"},
	"aws:psModule":            {"Windows"},
	"aws:cloudWatch":          {"Windows"},
}

// badDocument is what every fault of a document's content is reported as.
func badDocument(format string, args ...any) error {
	return fault("InvalidDocumentContent", format, args...)
}

// parseDocument reads and validates a document. Its errors go to the client as they are.
func parseDocument(kind, content, format string) (*document, error) {
	if len(content) > maxDocumentSize {
		return nil, fault("MaxDocumentSizeExceeded", "The size of the document exceeds the maximum of 64 KB.")
	}
	tree, err := parseTree(content, format)
	if err != nil {
		return nil, err
	}
	d := &document{kind: kind, tree: tree, parameters: map[string]parameter{}}
	var ok bool
	if d.schema, ok = tree["schemaVersion"].(string); !ok {
		return nil, badDocument("schemaVersion is missing or is not a string")
	}
	if !slices.Contains(schemas[kind], d.schema) {
		return nil, fault("InvalidDocumentSchemaVersion", "The schema version %q isn't supported for a document of type %s.", d.schema, kind)
	}
	if d.description, err = optionalText(tree, "description", "document"); err != nil {
		return nil, err
	}
	read := d.readCommand
	if kind == typeAutomation {
		read = d.readAutomation
	}
	if err := read(); err != nil {
		return nil, err
	}
	return d, d.encode()
}

// schemas are the schema versions of each type of document.
var schemas = map[string][]string{typeCommand: {"1.2", "2.0", "2.2"}, typeAutomation: {"0.3"}}

func (d *document) readCommand() error {
	if err := d.readParameters(d.tree["parameters"]); err != nil {
		return err
	}
	if err := d.readSteps(); err != nil {
		return err
	}
	return d.checkReferences(d.body())
}

// parseTree decodes JSON or YAML to plain JSON values.
func parseTree(content, format string) (map[string]any, error) {
	var tree any
	switch format {
	case "JSON", "":
		dec := json.NewDecoder(strings.NewReader(content))
		dec.UseNumber()
		if err := dec.Decode(&tree); err != nil {
			return nil, badDocument("JSON not well-formed: %v", err)
		}
		if _, err := dec.Token(); err != io.EOF {
			return nil, badDocument("JSON not well-formed: text after the document")
		}
	case "YAML":
		var err error
		if tree, err = yamlTree(content); err != nil {
			return nil, badDocument("YAML not well-formed: %v", err)
		}
	default:
		return nil, badDocument("the document format %s isn't supported for documents of type Command and Automation", format)
	}
	object, ok := tree.(map[string]any)
	if !ok {
		return nil, badDocument("the document is not an object")
	}
	return object, nil
}

// known refuses keys that the schema does not have.
func known(object map[string]any, where string, keys ...string) error {
	for _, k := range slices.Sorted(maps.Keys(object)) {
		if !slices.Contains(keys, k) {
			return badDocument("%s has the unknown property %q", where, k)
		}
	}
	return nil
}

func optionalText(object map[string]any, key, where string) (string, error) {
	switch v := object[key].(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	default:
		return "", badDocument("%s: %s is not a string", where, key)
	}
}

// body is the part of the document that parameters are substituted in.
func (d *document) body() any {
	if d.schema == "1.2" {
		return d.tree["runtimeConfig"]
	}
	return d.tree["mainSteps"]
}

// reference is {{ name }} as the agent substitutes it; {{ssm:name}} and other prefixes are not parameters.
var reference = regexp.MustCompile(`\{\{\s*([\w-]+)\s*\}\}`)

// checkReferences refuses a reference to a parameter that is not declared.
// uncertain: whether AWS refuses it at creation for every position; it would stay in the script as it is.
func (d *document) checkReferences(value any) error {
	switch v := value.(type) {
	case string:
		for _, m := range reference.FindAllStringSubmatch(v, -1) {
			if _, ok := d.parameters[m[1]]; !ok && m[1] != "platformType" {
				return badDocument("the parameter %q is referenced but not defined", m[1])
			}
		}
	case []any:
		for _, x := range v {
			if err := d.checkReferences(x); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if err := d.checkReferences(v[k]); err != nil {
				return err
			}
		}
	}
	return nil
}

// platforms is where at least one step can run; an automation runs on none of them, and is listed for all.
func (d *document) platforms() []string {
	everywhere := []string{"Windows", "Linux", "MacOS"}
	if d.kind == typeAutomation {
		return everywhere
	}
	var all []string
	for _, p := range everywhere {
		if slices.ContainsFunc(d.steps, func(s step) bool { return slices.Contains(plugins[s.action], p) }) {
			all = append(all, p)
		}
	}
	return all
}

// encode writes the document as the agent gets it.
func (d *document) encode() error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(d.tree); err != nil {
		return fmt.Errorf("encode document: %w", err)
	}
	d.text = bytes.TrimSpace(b.Bytes())
	return nil
}
