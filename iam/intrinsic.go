package iam

import "strings"

// intrinsicMark is the first character of a string that stands for a value that only CloudFormation knows. No reader lets
// it into a string that was written as such.
const intrinsicMark = "\x00"

// Intrinsic gives the string that stands in a [Document] for a value that only CloudFormation knows when it
// deploys: one of its intrinsic functions, as JSON (AWS CloudFormation user guide, "Intrinsic function
// reference"), for example {"Ref": "AWS::Partition"}. Readers give the canonical form, which is this function's
// too: without white space, with the keys in the order in which they were written.
// A document that has one can be printed, but not compiled.
func Intrinsic(json string) string {
	if n, err := scanJSON("", json); err == nil {
		return intrinsicMark + string(appendCompact(nil, &n))
	}
	return intrinsicMark + json
}

// IntrinsicJSON gives the JSON of a string that [Intrinsic] made; ok is false for every other string.
func IntrinsicJSON(s string) (json string, ok bool) { return strings.CutPrefix(s, intrinsicMark) }

// isFunction says whether a key is the name of one of CloudFormation's functions. They are not listed: macros and
// language extensions add to them (Fn::ForEach::Name).
func isFunction(key string) bool { return key == "Ref" || strings.HasPrefix(key, "Fn::") }

// functionOf gives the function that a value calls: an object whose only key names one. Condition refers to a
// condition of the template by its name, and is told from the element of that name by its value.
func functionOf(n *Node) (name string, ok bool) {
	if n.Kind != ObjectNode || len(n.Fields) != 1 {
		return "", false
	}
	f := &n.Fields[0]
	switch f.Name {
	case "Ref", "Condition":
		ok = f.Value.Kind == StringNode
	default:
		ok = isFunction(f.Name)
	}
	return f.Name, ok
}

// intrinsic reads a call of one of CloudFormation's functions; ok is false if the value is none. Where they are
// not wanted it is reported.
func (p *parser) intrinsic(n *Node) (marked string, ok bool) {
	name, ok := functionOf(n)
	if !ok {
		return "", false
	}
	if !p.options.Intrinsics {
		p.hard(n.Pos, CodeIntrinsic, "%s is CloudFormation's and is only known at deploy time; "+
			"give the policy as it is deployed", name)
		return "", true
	}
	clean := p.clean(n, 0)
	return intrinsicMark + string(appendCompact(nil, &clean)), true
}

// maxCallDepth is how deep a function call may be nested. Printed where it can stand deepest, among the values of
// a condition, which is six deep, it must not exceed maxDepth: else it could not be read back.
const maxCallDepth = maxDepth - 8

// intrinsicObject is like intrinsic where an object is wanted: there, an only key Condition is an element, an
// operator or a context key, since the template's conditions are true or false and never objects.
func (p *parser) intrinsicObject(n *Node) (marked string, ok bool) {
	if len(n.Fields) == 1 && n.Fields[0].Name == "Condition" {
		return "", false
	}
	return p.intrinsic(n)
}

// clean copies a value within a function call, and reports duplicate keys and NUL characters in it.
func (p *parser) clean(n *Node, depth int) Node {
	c := *n
	if depth > maxCallDepth {
		p.hard(n.Pos, CodeTooLarge, "function nested more than %d deep", maxCallDepth)
		return c
	}
	p.noNul(n.Text, n.Pos)
	if len(n.Items) > 0 {
		c.Items = make([]Node, len(n.Items))
		for i := range n.Items {
			c.Items[i] = p.clean(&n.Items[i], depth+1)
		}
	}
	if len(n.Fields) > 0 {
		fields := p.fields(n)
		c.Fields = make([]Field, len(fields))
		for i := range fields {
			p.noNul(fields[i].Name, fields[i].Pos)
			c.Fields[i] = Field{Name: fields[i].Name, Pos: fields[i].Pos, Value: p.clean(&fields[i].Value, depth+1)}
		}
	}
	return c
}

// stringNode is the node of a string of a document, which may be marked.
func stringNode(s string) Node {
	if json, marked := IntrinsicJSON(s); marked {
		if n, err := scanJSON("", json); err == nil {
			return n
		}
	}
	return Node{Text: s}
}

// HasIntrinsics says whether the document has a value that only CloudFormation knows: it cannot be compiled then.
func (d *Document) HasIntrinsics() bool {
	_, _, found := d.firstIntrinsic()
	return found
}

// firstIntrinsic finds a value that only CloudFormation knows: its JSON, and the place of the condition or
// statement that has it (zero if it is in neither).
func (d *Document) firstIntrinsic() (json string, pos Position, found bool) {
	for _, s := range [...]string{d.Intrinsic, d.Version, d.ID, d.StatementIntrinsic} {
		if json, found = IntrinsicJSON(s); found {
			return json, Position{}, true
		}
	}
	for i := range d.Statements {
		if json, pos, found = d.Statements[i].firstIntrinsic(); found {
			return json, pos, true
		}
	}
	return "", Position{}, false
}

func (st *Statement) firstIntrinsic() (json string, pos Position, found bool) {
	for _, s := range [...]string{st.Intrinsic, st.Sid, string(st.Effect)} {
		if json, found = IntrinsicJSON(s); found {
			return json, st.Pos, true
		}
	}
	for _, list := range [...][]string{st.Actions, st.NotActions, st.Resources, st.NotResources} {
		if json, found = firstMarked(list); found {
			return json, st.Pos, true
		}
	}
	for _, list := range [...][]PrincipalPattern{st.Principals, st.NotPrincipals} {
		for _, p := range list {
			if json, found = firstMarked(p.Values, p.Kind); found {
				return json, st.Pos, true
			}
		}
	}
	for i := range st.Conditions {
		c := &st.Conditions[i]
		if json, found = firstMarked(c.Values, c.Operator, c.Key); found {
			if c.Pos == (Position{}) {
				return json, st.Pos, true
			}
			return json, c.Pos, true
		}
	}
	return "", Position{}, false
}

// firstMarked gives the JSON of the first marked string.
func firstMarked(list []string, before ...string) (json string, found bool) {
	for _, strs := range [...][]string{before, list} {
		for _, s := range strs {
			if json, found = IntrinsicJSON(s); found {
				return json, true
			}
		}
	}
	return "", false
}

// IntrinsicPattern gives the pattern of a policy that matches whatever an [Intrinsic] can become: the texts of Sub and
// Join, with a * for each value in them that is not known.
func IntrinsicPattern(s string) string {
	json, ok := IntrinsicJSON(s)
	if !ok {
		return s
	}
	n, err := scanJSON("", json)
	if err != nil || n.Kind != ObjectNode || len(n.Fields) != 1 {
		return "*"
	}
	argument := &n.Fields[0].Value
	switch {
	case n.Fields[0].Name == "Fn::Sub" && argument.Kind == StringNode:
		return subPattern(argument.Text)
	case n.Fields[0].Name == "Fn::Sub" && argument.Kind == ListNode && len(argument.Items) == 2 && argument.Items[0].Kind == StringNode:
		return subPattern(argument.Items[0].Text)
	case n.Fields[0].Name == "Fn::Join" && argument.Kind == ListNode && len(argument.Items) == 2:
		return joinPattern(&argument.Items[0], &argument.Items[1])
	}
	return "*"
}

// subPattern puts a * in the place of each variable of Fn::Sub.
func subPattern(text string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		b.WriteString(before)
		if !found {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		switch {
		case !closed:
			b.WriteByte('*')
		case strings.HasPrefix(name, "!"):
			b.WriteString("${" + name[1:] + "}")
		default:
			b.WriteByte('*')
		}
		text = after
	}
	return starReferences(b.String())
}

func joinPattern(separator, parts *Node) string {
	if separator.Kind != StringNode || parts.Kind != ListNode {
		return "*"
	}
	texts := make([]string, len(parts.Items))
	for i := range parts.Items {
		texts[i] = "*"
		if parts.Items[i].Kind == StringNode {
			texts[i] = parts.Items[i].Text
		}
	}
	return starReferences(strings.Join(texts, separator.Text))
}

// starReferences puts a * in the place of dynamic references, {{resolve:…}}, which are replaced at deploy time.
func starReferences(text string) string {
	for {
		before, rest, found := strings.Cut(text, "{{resolve:")
		if !found {
			return text
		}
		_, after, closed := strings.Cut(rest, "}}")
		if !closed {
			return before + "*"
		}
		text = before + "*" + after
	}
}
