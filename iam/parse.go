package iam

import "strings"

// Parse reads a policy document in JSON. It is strict where AWS is (unknown elements, wrong types, a missing
// Effect or Action) and stricter where AWS would silently take the last of two duplicate keys.
// A missing Resource or Principal is no error here, since that depends on the kind of policy:
// see [Document.Validate]. Every error is a [*SyntaxError].
func Parse(name string, src []byte) (*Document, error) {
	s := newScanner(name, src)
	if len(src) > maxSource {
		return nil, s.errorf(0, "policy is longer than %d bytes", maxSource)
	}
	root, err := s.document()
	if err != nil {
		return nil, err
	}
	p := parser{s}
	return p.document(root)
}

// parser turns JSON values into a [Document].
type parser struct{ *scanner }

var (
	documentElements  = []string{"Version", "Id", "Statement"}
	statementElements = []string{"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction",
		"Resource", "NotResource", "Condition"}
)

func (p parser) document(n node) (*Document, error) {
	if n.kind != nodeObject {
		return nil, p.errorf(n.offset, "a policy must be an object, found %s", n.kind)
	}
	d := &Document{Name: p.file}
	hasStatement := false
	for _, f := range n.fields {
		var err error
		switch f.name {
		case "Version":
			d.Version, err = p.oneOf(f, Version2012, Version2008)
		case "Id":
			d.ID, err = p.text(f)
		case "Statement":
			hasStatement = true
			d.Statements, err = p.statements(f)
		default:
			err = p.unknown(f, "policy", documentElements)
		}
		if err != nil {
			return nil, err
		}
	}
	if !hasStatement {
		return nil, p.errorf(n.offset, "policy has no Statement")
	}
	return d, nil
}

func (p parser) statements(f field) ([]Statement, error) {
	items := f.value.items
	switch f.value.kind {
	case nodeObject:
		items = []node{f.value}
	case nodeArray:
	default:
		return nil, p.errorf(f.value.offset, "Statement must be an object or a list of objects, found %s", f.value.kind)
	}
	statements := make([]Statement, 0, len(items))
	for _, item := range items {
		st, err := p.statement(item)
		if err != nil {
			return nil, err
		}
		statements = append(statements, st)
	}
	return statements, nil
}

func (p parser) statement(n node) (Statement, error) {
	if n.kind != nodeObject {
		return Statement{}, p.errorf(n.offset, "a statement must be an object, found %s", n.kind)
	}
	st := Statement{Pos: p.position(n.offset)}
	has := map[string]bool{}
	for _, f := range n.fields {
		has[f.name] = true
		if err := p.element(&st, f); err != nil {
			return Statement{}, err
		}
	}
	for _, name := range []string{"Principal", "Action", "Resource"} {
		if has[name] && has["Not"+name] {
			return Statement{}, p.errorf(n.offset, "statement has both %s and Not%s", name, name)
		}
	}
	if !has["Effect"] {
		return Statement{}, p.errorf(n.offset, "statement has no Effect")
	}
	if !has["Action"] && !has["NotAction"] {
		return Statement{}, p.errorf(n.offset, "statement has neither Action nor NotAction")
	}
	return st, nil
}

func (p parser) element(st *Statement, f field) (err error) {
	switch f.name {
	case "Sid":
		st.Sid, err = p.text(f)
	case "Effect":
		var effect string
		effect, err = p.oneOf(f, string(Allow), string(Deny))
		st.Effect = Effect(effect)
	case "Principal":
		st.Principals, err = p.principals(f)
	case "NotPrincipal":
		st.NotPrincipals, err = p.principals(f)
	case "Action":
		st.Actions, err = p.texts(f)
	case "NotAction":
		st.NotActions, err = p.texts(f)
	case "Resource":
		st.Resources, err = p.texts(f)
	case "NotResource":
		st.NotResources, err = p.texts(f)
	case "Condition":
		st.Conditions, err = p.conditions(f)
	default:
		err = p.unknown(f, "statement", statementElements)
	}
	return err
}

var principalKinds = []string{KindAWS, KindFederated, KindService, KindCanonicalUser}

func (p parser) principals(f field) ([]PrincipalPattern, error) {
	v := f.value
	if v.kind == nodeString && v.text == AnyPrincipal {
		return []PrincipalPattern{{Kind: AnyPrincipal}}, nil
	}
	if v.kind != nodeObject {
		return nil, p.errorf(v.offset, "%s must be \"*\" or an object such as {\"AWS\": …}, found %s", f.name, describe(v))
	}
	if len(v.fields) == 0 {
		return nil, p.errorf(v.offset, "%s names nobody", f.name)
	}
	var patterns []PrincipalPattern
	for _, kind := range v.fields {
		if !contains(principalKinds, kind.name) {
			return nil, p.unknown(kind, f.name, principalKinds)
		}
		values, err := p.texts(kind)
		if err != nil {
			return nil, err
		}
		patterns = append(patterns, PrincipalPattern{Kind: kind.name, Values: values})
	}
	return patterns, nil
}

func (p parser) conditions(f field) ([]Condition, error) {
	if f.value.kind != nodeObject {
		return nil, p.errorf(f.value.offset, "Condition must be an object, found %s", f.value.kind)
	}
	var conditions []Condition
	for _, operator := range f.value.fields {
		if operator.value.kind != nodeObject {
			return nil, p.errorf(operator.value.offset, "%s must be an object of keys and values, found %s",
				operator.name, operator.value.kind)
		}
		for _, key := range operator.value.fields {
			values, err := p.scalars(key)
			if err != nil {
				return nil, err
			}
			conditions = append(conditions, Condition{
				Operator: operator.name, Key: key.name, Values: values, Pos: p.position(key.offset),
			})
		}
	}
	return conditions, nil
}

func (p parser) text(f field) (string, error) {
	if f.value.kind != nodeString {
		return "", p.errorf(f.value.offset, "%s must be a string, found %s", f.name, f.value.kind)
	}
	return f.value.text, nil
}

func (p parser) oneOf(f field, allowed ...string) (string, error) {
	text, err := p.text(f)
	if err == nil && !contains(allowed, text) {
		err = p.errorf(f.value.offset, "%s must be %s, found %q", f.name, strings.Join(allowed, " or "), text)
	}
	return text, err
}

// texts reads a string or a list of strings, with at least one and none empty.
func (p parser) texts(f field) ([]string, error) {
	items := f.value.items
	if f.value.kind != nodeArray {
		items = []node{f.value}
	}
	if len(items) == 0 {
		return nil, p.errorf(f.value.offset, "%s is an empty list", f.name)
	}
	values := make([]string, 0, len(items))
	for _, item := range items {
		if item.kind != nodeString {
			return nil, p.errorf(item.offset, "%s must be a string or a list of strings, found %s", f.name, item.kind)
		}
		if item.text == "" {
			return nil, p.errorf(item.offset, "%s has an empty string", f.name)
		}
		values = append(values, item.text)
	}
	return values, nil
}

// scalars reads a condition's values: AWS takes numbers and booleans without quotes as well.
func (p parser) scalars(f field) ([]string, error) {
	items := f.value.items
	if f.value.kind != nodeArray {
		items = []node{f.value}
	}
	var values []string
	for _, item := range items {
		switch item.kind {
		case nodeString, nodeNumber, nodeBool:
			values = append(values, item.text)
		default:
			return nil, p.errorf(item.offset, "the value of %s must be a string, a number or a boolean, found %s",
				f.name, item.kind)
		}
	}
	return values, nil
}

// unknown is the error for an element that the policy language does not have.
func (p parser) unknown(f field, where string, known []string) error {
	for _, name := range known {
		if similar(f.name, name) {
			return p.errorf(f.offset, "unknown element %q in a %s: did you mean %q?", f.name, where, name)
		}
	}
	return p.errorf(f.offset, "unknown element %q in a %s: expected %s", f.name, where, strings.Join(known, ", "))
}

// similar says whether a is b in the wrong case or in the wrong number.
func similar(a, b string) bool {
	return strings.EqualFold(a, b) || strings.EqualFold(strings.TrimSuffix(a, "s"), b)
}

func describe(n node) string {
	if n.kind == nodeString {
		return "\"" + n.text + "\""
	}
	return n.kind.String()
}

func contains(list []string, s string) bool {
	for _, item := range list {
		if item == s {
			return true
		}
	}
	return false
}
