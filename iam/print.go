package iam

import (
	"bytes"
	"encoding/json"
)

// JSON prints the document as indented JSON that ends with a line feed. Elements stand in AWS's order, a list
// of one is written as a string, conditions are grouped by operator in the order in which each first appears.
// The same document always gives the same bytes, and [Parse] reads them back.
func (d *Document) JSON() []byte {
	root := object{}
	root.text("Version", d.Version)
	root.text("Id", d.ID)
	statements := array{}
	for i := range d.Statements {
		statements = append(statements, statementJSON(&d.Statements[i]))
	}
	root.add("Statement", statements)
	var w bytes.Buffer
	root.write(&w, "\n")
	w.WriteByte('\n')
	return w.Bytes()
}

func statementJSON(st *Statement) object {
	o := object{}
	o.text("Sid", st.Sid)
	o.text("Effect", string(st.Effect))
	o.principals("Principal", st.Principals)
	o.principals("NotPrincipal", st.NotPrincipals)
	o.texts("Action", st.Actions)
	o.texts("NotAction", st.NotActions)
	o.texts("Resource", st.Resources)
	o.texts("NotResource", st.NotResources)
	o.conditions(st.Conditions)
	return o
}

// value is something that can be written as JSON; indent begins with the line feed.
type value interface {
	write(w *bytes.Buffer, indent string)
}

type (
	text   string
	array  []value
	object []member
	member struct {
		name  string
		value value
	}
)

func (t text) write(w *bytes.Buffer, _ string) {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	// Encoding a string into a buffer cannot fail; the encoder's line feed is taken back.
	_ = encoder.Encode(string(t))
	w.Truncate(w.Len() - 1)
}

func (a array) write(w *bytes.Buffer, indent string) {
	if len(a) == 0 {
		w.WriteString("[]")
		return
	}
	w.WriteByte('[')
	for i, item := range a {
		if i > 0 {
			w.WriteByte(',')
		}
		w.WriteString(indent + "  ")
		item.write(w, indent+"  ")
	}
	w.WriteString(indent + "]")
}

func (o object) write(w *bytes.Buffer, indent string) {
	if len(o) == 0 {
		w.WriteString("{}")
		return
	}
	w.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			w.WriteByte(',')
		}
		w.WriteString(indent + "  ")
		text(m.name).write(w, "")
		w.WriteString(": ")
		m.value.write(w, indent+"  ")
	}
	w.WriteString(indent + "}")
}

func (o *object) add(name string, v value) { *o = append(*o, member{name, v}) }

func (o *object) text(name, s string) {
	if s != "" {
		o.add(name, text(s))
	}
}

func (o *object) texts(name string, list []string) {
	if len(list) > 0 {
		o.add(name, oneOrList(list))
	}
}

func oneOrList(list []string) value {
	if len(list) == 1 {
		return text(list[0])
	}
	a := array{}
	for _, s := range list {
		a = append(a, text(s))
	}
	return a
}

func (o *object) principals(name string, patterns []PrincipalPattern) {
	if len(patterns) == 0 {
		return
	}
	var kinds []string
	values := map[string][]string{}
	for _, p := range patterns {
		if p.Kind == AnyPrincipal {
			o.add(name, text(AnyPrincipal))
			return
		}
		if _, seen := values[p.Kind]; !seen {
			kinds = append(kinds, p.Kind)
		}
		values[p.Kind] = append(values[p.Kind], p.Values...)
	}
	inner := object{}
	for _, kind := range kinds {
		inner.add(kind, oneOrList(values[kind]))
	}
	o.add(name, inner)
}

func (o *object) conditions(conditions []Condition) {
	if len(conditions) == 0 {
		return
	}
	var operators []string
	keys := map[string]object{}
	for _, c := range conditions {
		if _, seen := keys[c.Operator]; !seen {
			operators = append(operators, c.Operator)
		}
		keys[c.Operator] = append(keys[c.Operator], member{c.Key, oneOrList(c.Values)})
	}
	inner := object{}
	for _, operator := range operators {
		inner.add(operator, keys[operator])
	}
	o.add("Condition", inner)
}
