// Package runbook reads the documents of Systems Manager: Command documents, Automation runbooks and the preferences of
// sessions, in YAML and JSON, with the place of every value; and says which permissions a runbook's steps need.
//
// A runbook runs with a role, and the role should allow what its steps do and nothing else (R43). What a step needs is
// known from what it names, a service's operation for example; where it is not known the answer says so, and is never
// empty instead. The package is pure.
package runbook

import (
	"regexp"
	"strings"
)

// Type is what a document is for.
type Type string

// The types of documents, by their schema versions. A document of another schema, or of none, is Other.
const (
	Command    Type = "Command"
	Automation Type = "Automation"
	Session    Type = "Session"
	Other      Type = "other"
)

// Document is an SSM document.
type Document struct {
	Type   Type
	Schema string // "0.3", "1.0", "1.2", "2.2"
	Root   *Node
	// AssumeRole of a runbook; nil where it names none.
	AssumeRole *Node
	Parameters []Parameter
	// Steps at the top, in order; those of loops are in their Inner.
	Steps []Step
}

// Parameter that a document takes.
type Parameter struct {
	Name string
	// Key is where it is named, Body what is said of it.
	Key, Body *Node
	// Type as it is written: String, StringList, AWS::EC2::Instance::Id …
	Type string
	// Default is nil where there is none; then a value must be given.
	Default *Node
	// Pattern is allowedPattern; nil where there is none. Values are allowedValues.
	Pattern *Node
	Values  []*Node
	// EnvironmentVariable is true where interpolationType is ENV_VAR: the value reaches scripts as $SSM_name.
	EnvironmentVariable bool
	// Open is true where a template leaves part of it to a deploy.
	Open bool
}

// Step of a document: of mainSteps, or a plugin of runtimeConfig.
type Step struct {
	Name, Action string
	// Body is all of it, Inputs what its action is told; Inputs may be nil.
	Body, Inputs *Node
	// At is where its action is written.
	At *Node
	// Inner are the steps of a loop.
	Inner []Step
}

// Parse reads a document. The error is a [*SyntaxError].
func Parse(content []byte) (*Document, error) {
	root, err := read(content)
	if err != nil {
		return nil, err
	}
	d, err := of(root)
	if err != nil {
		return nil, err
	}
	return d, nil
}

func of(root *Node) (*Document, *SyntaxError) {
	if root.Kind != Map {
		return nil, wrong(root.Line, root.Column, "a document is a mapping")
	}
	d := &Document{Root: root, Schema: root.Value("schemaVersion"), AssumeRole: root.Get("assumeRole")}
	d.Type = typeOf(root, d.Schema)
	d.Parameters = parametersOf(root.Get("parameters"))
	if d.Type == Session && root.Get("parameters") == nil {
		return d, nil
	}
	d.Steps = append(stepsOf(root.Get("mainSteps"), 0), pluginsOf(root.Get("runtimeConfig"))...)
	return d, nil
}

func typeOf(root *Node, schema string) Type {
	switch {
	case root.Get("sessionType") != nil:
		return Session
	case schema == "0.3":
		return Automation
	case strings.HasPrefix(schema, "1.") || strings.HasPrefix(schema, "2."):
		return Command
	}
	return Other
}

func parametersOf(n *Node) []Parameter {
	if n == nil {
		return nil
	}
	list := make([]Parameter, 0, len(n.Fields))
	for _, f := range n.Fields {
		p := Parameter{
			Name: f.Key.Text, Key: f.Key, Body: f.Value, Type: f.Value.Value("type"), Default: f.Value.Get("default"),
			Pattern: f.Value.Get("allowedPattern"), EnvironmentVariable: f.Value.Value("interpolationType") == "ENV_VAR",
		}
		p.Values = f.Value.Get("allowedValues").Texts()
		list = append(list, p)
	}
	return list
}

// stepsOf are the steps of a list. Loops hold others, and may not hold loops.
func stepsOf(n *Node, depth int) []Step {
	if n == nil || depth > 4 {
		return nil
	}
	var list []Step
	for _, item := range n.Items {
		s := Step{Name: item.Value("name"), Action: item.Value("action"), Body: item, Inputs: item.Get("inputs"), At: item.Get("action")}
		if s.At == nil {
			s.At = item
		}
		if s.Action == "aws:loop" {
			s.Inner = stepsOf(s.Inputs.Get("Steps"), depth+1)
		}
		list = append(list, s)
	}
	return list
}

// pluginsOf are the steps of schema 1.2, where the plugin is the key.
func pluginsOf(n *Node) []Step {
	if n == nil {
		return nil
	}
	var list []Step
	for _, f := range n.Fields {
		properties := f.Value.Get("properties")
		bodies := []*Node{properties}
		if properties != nil && properties.Kind == List {
			bodies = properties.Items
		}
		for _, body := range bodies {
			list = append(list, Step{Name: body.Value("id"), Action: f.Key.Text, Body: f.Value, Inputs: body, At: f.Key})
		}
	}
	return list
}

// All are the steps, those of loops after the loop.
func (d *Document) All() []Step { return flat(d.Steps) }

func flat(steps []Step) []Step {
	var list []Step
	for _, s := range steps {
		list = append(list, s)
		list = append(list, flat(s.Inner)...)
	}
	return list
}

// Parameter finds a parameter by its name; nil where there is none.
func (d *Document) Parameter(name string) *Parameter {
	for i := range d.Parameters {
		if d.Parameters[i].Name == name {
			return &d.Parameters[i]
		}
	}
	return nil
}

// reference is how a text names a parameter, or the output of a step.
var reference = regexp.MustCompile(`\{\{\s*([A-Za-z0-9_.:\-]+)\s*\}\}`)

// References are the names between double braces in a text.
func References(text string) []string {
	var names []string
	for _, m := range reference.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	return names
}
