package given

import (
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// substitute evaluates Fn::Sub. Variables that are not known stay in the text.
func (r *resolver) substitute(n, argument *iam.Node) iam.Node {
	pattern, own := argument, (*iam.Node)(nil)
	if argument.Kind == iam.ListNode && len(argument.Items) == 2 {
		pattern, own = &argument.Items[0], &argument.Items[1]
	}
	if pattern.Kind != iam.StringNode || own != nil && own.Kind != iam.ObjectNode {
		return *n
	}
	s := substitution{resolver: r}
	if own != nil {
		s.own = map[string]iam.Node{}
		for _, f := range own.Fields {
			s.own[f.Name] = r.value(&f.Value)
		}
	}
	s.text(pattern.Text)
	switch {
	case r.left < 0:
		return *n
	case s.open:
		return called("Fn::Sub", s.argument(), n.Pos)
	}
	return text(s.out.String())
}

// substitution is one Fn::Sub under evaluation: as text while everything is known, and as the text of a Sub from then on.
type substitution struct {
	*resolver
	own  map[string]iam.Node // the variables of the call itself
	used []string            // those of them that stay
	out  strings.Builder
	open bool // something is not known
}

func (s *substitution) text(pattern string) {
	for {
		before, rest, found := strings.Cut(pattern, "${")
		s.literal(before)
		if !found {
			return
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			s.literal("${" + rest)
			return
		}
		s.variable(strings.TrimSpace(name))
		pattern = after
	}
}

// variable puts in the value of ${name}. ${!name} is the text ${name}.
func (s *substitution) variable(name string) {
	if escaped, ok := strings.CutPrefix(name, "!"); ok {
		s.literal("${" + escaped + "}")
		return
	}
	value, own := s.own[name]
	known := own
	if !own {
		value, known = s.named(name)
	}
	switch {
	case known && isText(&value) && !strings.Contains(value.Text, "{{resolve:") && s.left >= 0:
		s.literal(value.Text)
		return
	case own:
		s.used = append(s.used, name)
	}
	s.leave()
	s.out.WriteString("${" + name + "}")
}

// named is the value of a variable that is a parameter, a resource, or an attribute of one.
func (s *substitution) named(name string) (iam.Node, bool) {
	if resource, attribute, ok := strings.Cut(name, "."); ok {
		return s.template.attribute(s.resolver, resource, attribute)
	}
	return s.reference(name)
}

// literal puts in text as it is.
func (s *substitution) literal(t string) {
	if strings.Contains(t, "{{resolve:") {
		s.leave()
	}
	if s.open {
		t = escape(t)
	}
	s.left -= len(t)
	if s.left >= 0 {
		s.out.WriteString(t)
	}
}

// leave notes that the text stays one of a Sub: what was literal before is written as Sub reads it.
func (s *substitution) leave() {
	if s.open {
		return
	}
	s.open = true
	before := s.out.String()
	s.out.Reset()
	s.out.WriteString(escape(before))
}

// escape writes text as Fn::Sub reads it.
func escape(t string) string { return strings.ReplaceAll(t, "${", "${!") }

func (s *substitution) argument() iam.Node {
	pattern := text(s.out.String())
	if len(s.used) == 0 {
		return pattern
	}
	own := iam.Node{Kind: iam.ObjectNode}
	for i, name := range s.used {
		if !contains(s.used[:i], name) {
			own.Fields = append(own.Fields, iam.Field{Name: name, Value: s.own[name]})
		}
	}
	return list(pattern, own)
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}
