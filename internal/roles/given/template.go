package given

import (
	"cmp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/roles"
)

// template is a template of CloudFormation while it is read.
type template struct {
	*book
	options    Options
	parameters map[string]iam.Node // those whose value is known
	mappings   *iam.Node
	conditions map[string]*iam.Node
	decided    map[string]*truth
	resources  []*resource
	byID       map[string]*resource
}

// truth is what is known of a condition; busy while it is found out, which a condition that contains itself meets.
type truth struct{ holds, known, busy bool }

// resource is a resource of a template.
type resource struct {
	id, kind   string
	pos        iam.Position
	properties *iam.Node // unresolved; nil when there are none
	// doubt is why it may not exist; empty for one that does.
	doubt string
	// macro is what may change its properties; empty when nothing does.
	macro string
	name  *iam.Node // resolved, once somebody asked
	busy  bool
}

// doubts are whether it exists, and what it says.
func (x *resource) doubts() (list []string) {
	for _, d := range []string{x.doubt, x.macro} {
		if d != "" {
			list = append(list, d)
		}
	}
	return list
}

// isTemplate says whether an object is a template: resources that each have a type.
func isTemplate(root *iam.Node) bool {
	list := root.Field("Resources")
	if list == nil || list.Kind != iam.ObjectNode {
		return false
	}
	return root.Field("AWSTemplateFormatVersion") != nil || slices.ContainsFunc(list.Fields, func(f iam.Field) bool {
		t := f.Value.Field("Type")
		return t != nil && t.Kind == iam.StringNode && strings.Contains(t.Text, "::")
	})
}

func readTemplate(file string, root *iam.Node, o Options) (*roles.Set, []*iam.SyntaxError) {
	o.Partition = cmp.Or(o.Partition, o.Parameters["AWS::Partition"], partitionOf(o.Region), partitionIn(root, o.Account))
	t := &template{
		book: newBook(file, o.Account), options: o, parameters: map[string]iam.Node{}, mappings: root.Field("Mappings"),
		conditions: map[string]*iam.Node{}, decided: map[string]*truth{}, byID: map[string]*resource{},
	}
	t.intrinsics = true
	t.readParameters(root)
	if list := root.Field("Conditions"); list != nil {
		for i := range list.Fields {
			t.conditions[list.Fields[i].Name] = &list.Fields[i].Value
		}
	}
	t.readResources(root)
	s := setter{template: t, resolver: &resolver{template: t, left: maxResolved}, macros: t.macros(root)}
	set := s.set()
	if s.resolver.left < 0 {
		t.report(root.Pos, CodeFile, "its functions make more than %d bytes of text", maxResolved)
	}
	return set, distinct(t.findings)
}

// readParameters takes the values that are given, and the defaults of the others.
func (t *template) readParameters(root *iam.Node) {
	for name, value := range t.options.Parameters {
		if strings.HasPrefix(name, "AWS::") {
			t.parameters[name] = text(value)
		}
	}
	declared := root.Field("Parameters")
	if declared == nil {
		return
	}
	for i := range declared.Fields {
		f := &declared.Fields[i]
		if t.options.Declared != nil {
			t.options.Declared(f.Name)
		}
		kind, def := f.Value.Field("Type"), f.Value.Field("Default")
		value, given := t.options.Parameters[f.Name]
		switch {
		case kind != nil && strings.HasPrefix(kind.Text, "AWS::SSM::"):
			// The parameter is the name of a value in the Parameter Store, which is read at deploy time.
		case given:
			t.take(f.Name, value, kind)
		case def != nil && isText(def):
			t.take(f.Name, def.Text, kind)
		}
	}
}

func (t *template) take(name, value string, kind *iam.Node) {
	switch {
	case len(value) > maxValue || strings.Contains(value, "{{resolve:"):
	case kind != nil && (kind.Text == "CommaDelimitedList" || strings.HasPrefix(kind.Text, "List<")):
		items := list()
		for _, item := range strings.Split(value, ",") {
			items.Items = append(items.Items, text(strings.TrimSpace(item)))
		}
		t.parameters[name] = items
	default:
		t.parameters[name] = text(value)
	}
}

// readResources lists the resources that there are, or may be.
func (t *template) readResources(root *iam.Node) {
	all := root.Field("Resources")
	if all.Kind != iam.ObjectNode {
		t.report(all.Pos, CodeFile, "Resources must be an object, found %s", all.Kind)
		return
	}
	for i := range all.Fields {
		f := &all.Fields[i]
		if strings.HasPrefix(f.Name, "Fn::") {
			continue // told by macros
		}
		kind := f.Value.Field("Type")
		if kind == nil || kind.Kind != iam.StringNode {
			t.report(f.Pos, CodeFile, "resource %s has no Type", f.Name)
			continue
		}
		r := &resource{id: f.Name, kind: kind.Text, pos: f.Pos, properties: f.Value.Field("Properties")}
		if c := f.Value.Field("Condition"); c != nil {
			holds, known := t.condition(&resolver{template: t, left: maxResolved}, c.Text)
			if known && !holds {
				continue
			}
			if !known {
				r.doubt = "whether it exists depends on the condition " + c.Text
			}
		}
		t.resources = append(t.resources, r)
		t.byID[r.id] = r
	}
}

// harmless are transforms that leave resources of IAM as they are written (AWS CloudFormation user guide, "Transforms reference").
var harmless = []string{"AWS::Serverless-2016-10-31", "AWS::LanguageExtensions", "AWS::SecretsManager-2020-07-23",
	"AWS::SecretsManager-2024-09-16", "AWS::CodeDeployBlueGreen", "AWS::ServiceCatalog"}

// macros says what may change every resource at deploy time; empty when nothing does.
func (t *template) macros(root *iam.Node) string {
	var names []string
	if n := root.Field("Transform"); n != nil {
		for _, item := range items(n) {
			if name := item.Text; !slices.Contains(harmless, name) {
				names = append(names, name)
			}
		}
	}
	for _, f := range root.Field("Resources").Fields {
		if strings.HasPrefix(f.Name, "Fn::") {
			names = append(names, f.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	for i, name := range names {
		if name == "" {
			names[i] = "AWS::Include or another macro with parameters"
		}
	}
	return "the template is changed at deploy time by " + strings.Join(names, ", ")
}

// condition evaluates a condition of the template by its name.
func (t *template) condition(r *resolver, name string) (holds, known bool) {
	if c := t.decided[name]; c != nil {
		return c.holds, c.known && !c.busy
	}
	c := &truth{busy: true}
	t.decided[name] = c
	if n := t.conditions[name]; n != nil {
		c.holds, c.known = t.holds(r, n, 0)
	}
	c.busy = false
	return c.holds, c.known
}

// holds evaluates a condition's functions.
func (t *template) holds(r *resolver, n *iam.Node, depth int) (holds, known bool) {
	if n.Kind == iam.BoolNode || n.Kind == iam.StringNode && (n.Text == "true" || n.Text == "false") {
		return n.Text == "true", true
	}
	if n.Kind != iam.ObjectNode || len(n.Fields) != 1 || depth > maxNesting {
		return false, false
	}
	argument := &n.Fields[0].Value
	switch n.Fields[0].Name {
	case "Condition":
		return t.condition(r, argument.Text)
	case "Fn::Equals":
		return equal(r, argument)
	case "Fn::Not":
		if argument.Kind == iam.ListNode && len(argument.Items) == 1 {
			holds, known = t.holds(r, &argument.Items[0], depth+1)
			return !holds, known
		}
	case "Fn::And":
		return t.every(r, argument, true, depth)
	case "Fn::Or":
		return t.every(r, argument, false, depth)
	}
	return false, false
}

func equal(r *resolver, argument *iam.Node) (holds, known bool) {
	if argument.Kind != iam.ListNode || len(argument.Items) != 2 {
		return false, false
	}
	a, b := r.value(&argument.Items[0]), r.value(&argument.Items[1])
	if !isText(&a) || !isText(&b) || strings.Contains(a.Text+b.Text, "{{resolve:") {
		return false, false
	}
	return a.Text == b.Text, true
}

// every evaluates And (all must hold) and Or (none may fail to): one that decides is enough.
func (t *template) every(r *resolver, argument *iam.Node, all bool, depth int) (holds, known bool) {
	if argument.Kind != iam.ListNode {
		return false, false
	}
	known = true
	for i := range argument.Items {
		h, k := t.holds(r, &argument.Items[i], depth+1)
		if k && h != all {
			return h, true
		}
		known = known && k
	}
	return all, known
}

// items are those of a list, or the value itself.
func items(n *iam.Node) []iam.Node {
	switch {
	case n == nil, n.Kind == iam.NullNode:
		return nil
	case n.Kind == iam.ListNode:
		return n.Items
	}
	return []iam.Node{*n}
}
