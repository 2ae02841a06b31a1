package iam

import (
	"slices"
	"strings"
)

// parser turns nodes into a [Document] and collects what is wrong with them, in the order in which it meets it.
type parser struct {
	file     string
	options  ReadOptions
	findings []*SyntaxError
	failed   bool     // a finding has no sensible reading
	spare    []string // memory for lists of strings, of which a policy has many short ones
	size     int      // how many strings the last such memory had
}

var (
	documentElements  = []string{"Version", "Id", "Statement"}
	statementElements = []string{"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction",
		"Resource", "NotResource", "Condition"}
)

func (p *parser) document(n *Node) *Document {
	d := &Document{Name: p.file}
	if mark, ok := p.intrinsicObject(n); ok {
		d.Intrinsic = mark
		return d
	}
	if n.Kind != ObjectNode {
		p.hard(n.Pos, CodeWrongType, "a policy must be an object, found %s", n.Kind)
		return d
	}
	if isTemplate(n) {
		p.hard(n.Pos, CodeWrongType, "this is a whole CloudFormation template: give one policy of it, such as a PolicyDocument")
		return d
	}
	hasStatement := false
	fields := p.fields(n)
	for i := range fields {
		f := &fields[i]
		switch f.Name {
		case "Version":
			d.Version = p.oneOf(f, Version2012, Version2008)
		case "Id":
			d.ID = p.text(f)
		case "Statement":
			hasStatement = true
			p.statements(d, f)
		default:
			hasStatement = p.unknown(f, "policy", documentElements) == "Statement" || hasStatement
		}
	}
	if !hasStatement {
		p.hard(n.Pos, CodeMissingElement, "policy has no Statement")
	}
	return d
}

// isTemplate says whether an object is a template of CloudFormation rather than a policy.
func isTemplate(n *Node) bool {
	return slices.ContainsFunc(n.Fields, func(f Field) bool {
		return f.Name == "AWSTemplateFormatVersion" || f.Name == "Resources" && f.Value.Kind == ObjectNode
	}) && !slices.ContainsFunc(n.Fields, func(f Field) bool { return f.Name == "Statement" })
}

func (p *parser) statements(d *Document, f *Field) {
	if mark, ok := p.intrinsicObject(&f.Value); ok {
		d.StatementIntrinsic = mark
		return
	}
	if f.Value.Kind != ObjectNode && f.Value.Kind != ListNode {
		p.hard(f.Value.Pos, CodeWrongType, "Statement must be an object or a list of objects, found %s", f.Value.Kind)
		return
	}
	d.Statements = make([]Statement, f.Value.count())
	for i := range d.Statements {
		p.statement(&d.Statements[i], f.Value.at(i))
	}
}

func (p *parser) statement(st *Statement, n *Node) {
	st.Pos = n.Pos
	if mark, ok := p.intrinsicObject(n); ok {
		st.Intrinsic = mark
		return
	}
	if n.Kind != ObjectNode {
		p.hard(n.Pos, CodeWrongType, "a statement must be an object, found %s", n.Kind)
		return
	}
	var has elements
	fields := p.fields(n)
	for i := range fields {
		has.add(p.element(st, &fields[i]))
	}
	for _, name := range [...]string{"Principal", "Action", "Resource"} {
		if has.has(name) && has.has("Not"+name) {
			p.hard(n.Pos, CodeConflict, "statement has both %s and Not%s", name, name)
		}
	}
	if !has.has("Effect") {
		p.hard(n.Pos, CodeMissingElement, "statement has no Effect")
	}
	if !has.has("Action") && !has.has("NotAction") {
		p.hard(n.Pos, CodeMissingElement, "statement has neither Action nor NotAction")
	}
}

// elements is a set of the elements of a statement.
type elements uint16

func (e *elements) add(name string) {
	if i := slices.Index(statementElements, name); i >= 0 {
		*e |= 1 << i
	}
}

func (e elements) has(name string) bool {
	return e&(1<<slices.Index(statementElements, name)) != 0
}

// element reads one element of a statement and gives its name, or the name of what it is a misspelling of.
func (p *parser) element(st *Statement, f *Field) string {
	if p.options.Places {
		st.Places.add(f)
	}
	switch f.Name {
	case "Sid":
		st.Sid = p.text(f)
	case "Effect":
		st.Effect = Effect(p.oneOf(f, string(Allow), string(Deny)))
	case "Principal":
		st.Principals = p.principals(f)
	case "NotPrincipal":
		st.NotPrincipals = p.principals(f)
	case "Action":
		st.Actions = p.texts(f)
	case "NotAction":
		st.NotActions = p.texts(f)
	case "Resource":
		st.Resources = p.texts(f)
	case "NotResource":
		st.NotResources = p.texts(f)
	case "Condition":
		st.Conditions = p.conditions(f)
	default:
		// Whatever it was to say: without it the statement may allow more. There is no sensible reading.
		meant := p.unknown(f, "statement", statementElements)
		p.failed = true
		return meant
	}
	return f.Name
}

// add keeps the place of an element.
func (p *Places) add(f *Field) {
	switch strings.TrimPrefix(f.Name, "Not") {
	case "Sid":
		p.Sid = f.Value.Pos
	case "Effect":
		p.Effect = f.Value.Pos
	case "Principal":
		p.Principal = f.Value.Pos
	case "Action":
		p.Action, p.Actions = f.Value.Pos, f.Value.places()
	case "Resource":
		p.Resource, p.Resources = f.Value.Pos, f.Value.places()
	}
}

// places are those of a list's items, or of the only value.
func (n *Node) places() []Position {
	list := make([]Position, n.count())
	for i := range list {
		list[i] = n.at(i).Pos
	}
	return list
}

var principalKinds = []string{KindAWS, KindFederated, KindService, KindCanonicalUser}

func (p *parser) principals(f *Field) []PrincipalPattern {
	v := &f.Value
	if v.Kind == StringNode && v.Text == AnyPrincipal {
		return []PrincipalPattern{{Kind: AnyPrincipal}}
	}
	if mark, ok := p.intrinsicObject(v); ok {
		return []PrincipalPattern{{Kind: mark}}
	}
	if v.Kind != ObjectNode {
		p.hard(v.Pos, CodeWrongType, "%s must be \"*\" or an object such as {\"AWS\": …}, found %s", f.Name, describe(v))
		return nil
	}
	if len(v.Fields) == 0 {
		p.hard(v.Pos, CodeEmpty, "%s names nobody", f.Name)
		return nil
	}
	fields := p.fields(v)
	patterns := make([]PrincipalPattern, 0, len(fields))
	for i := range fields {
		kind := &fields[i]
		if !slices.Contains(principalKinds, kind.Name) {
			// Ignoring it would leave a Principal that names fewer, or nobody: no sensible reading.
			p.unknown(kind, f.Name, principalKinds)
			p.failed = true
			continue
		}
		patterns = append(patterns, PrincipalPattern{Kind: kind.Name, Values: p.texts(kind)})
	}
	return patterns
}

func (p *parser) conditions(f *Field) []Condition {
	if mark, ok := p.intrinsicObject(&f.Value); ok {
		return []Condition{{Operator: mark, Pos: f.Value.Pos}}
	}
	if f.Value.Kind != ObjectNode {
		p.hard(f.Value.Pos, CodeWrongType, "Condition must be an object, found %s", f.Value.Kind)
		return nil
	}
	var conditions []Condition
	fields := p.fields(&f.Value)
	for i := range fields {
		conditions = p.block(conditions, &fields[i])
	}
	return conditions
}

// block reads one operator of a Condition with its keys.
func (p *parser) block(conditions []Condition, operator *Field) []Condition {
	p.noNul(operator.Name, operator.Pos)
	if mark, ok := p.intrinsicObject(&operator.Value); ok {
		return append(conditions, Condition{Operator: operator.Name, Key: mark, Pos: operator.Value.Pos})
	}
	if operator.Value.Kind != ObjectNode {
		p.hard(operator.Value.Pos, CodeWrongType, "%s must be an object of keys and values, found %s",
			operator.Name, operator.Value.Kind)
		return conditions
	}
	keys := p.fields(&operator.Value)
	conditions = slices.Grow(conditions, len(keys))
	for i := range keys {
		key := &keys[i]
		p.noNul(key.Name, key.Pos)
		conditions = append(conditions, Condition{
			Operator: operator.Name, Key: key.Name, Values: p.scalars(key), Pos: key.Pos,
		})
	}
	return conditions
}

// fields gives an object's fields. Duplicate keys are reported, and of each only the last is left.
func (p *parser) fields(n *Node) []Field {
	if !hasDuplicate(n.Fields) {
		return n.Fields
	}
	kept := make([]Field, 0, len(n.Fields))
	index := make(map[string]int, len(n.Fields))
	first := make(map[string]Position, len(n.Fields))
	for _, f := range n.Fields {
		i, twice := index[f.Name]
		if !twice {
			index[f.Name], first[f.Name] = len(kept), f.Pos
			kept = append(kept, f)
			continue
		}
		p.soft(f.Pos, CodeDuplicateKey, "duplicate key %q: already given at line %d, column %d",
			f.Name, first[f.Name].Line, first[f.Name].Column)
		kept[i] = f
	}
	return kept
}

// unknown reports an element that the policy language does not have, and gives the one that was probably meant.
// A misspelt element has no sensible reading: without a Condition or a Resource a statement allows more.
func (p *parser) unknown(f *Field, where string, known []string) (meant string) {
	if name, near := nearest(f.Name, known); near {
		p.hard(f.Pos, CodeUnknownElement, "unknown element %q in a %s: did you mean %q?", f.Name, where, name)
		return name
	}
	if isFunction(f.Name) {
		p.hard(f.Pos, CodeIntrinsic, "%s must stand alone: found beside other elements of a %s", f.Name, where)
		return ""
	}
	p.soft(f.Pos, CodeUnknownElement, "unknown element %q in a %s: expected %s", f.Name, where, strings.Join(known, ", "))
	return ""
}

func describe(n *Node) string {
	if n.Kind == StringNode {
		return "\"" + n.Text + "\""
	}
	return n.Kind.String()
}
