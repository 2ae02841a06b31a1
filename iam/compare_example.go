package iam

import (
	"iter"
	"strings"
)

// readable is text in which stars stand for something if possible.
func (m *model) readable(literals []literal, extra ...requirement) (string, bool) {
	m.generous = true
	defer func() { m.generous = false }()
	return m.text(literals, extra...)
}

// examples spells out action and resource of a situation for a resource of an account, what is most readable first.
func (c *comparison) examples(m *model, p piece, s situation, account string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		resource := s.at(dimensionResource)
		actions := m.exampleActions(p, s)
		for _, strict := range []bool{true, false} {
			for _, action := range actions {
				for _, pattern := range c.typesOf(action, account) {
					wanted := []requirement{{shapeLanguage(pattern), true}}
					if strict { // no name has a slash: else every object would pass for a bucket
						more := strings.Repeat("*/", strings.Count(pattern, "/")+1) + "*"
						wanted = append(wanted, requirement{patternLanguage(more), false})
					}
					if r, ok := m.readable(resource, wanted...); ok && !yield(action, r) {
						return
					}
				}
			}
		}
		for _, action := range actions[:min(1, len(actions))] {
			for r := range m.exampleResources(action, resource, account, c.trust) {
				if !yield(action, r) {
					return
				}
			}
		}
	}
}

// likeWritten gives the beginning and the end of an action the case that they have in its pattern.
func likeWritten(action, pattern string) string {
	head, tail := pattern, ""
	if i := strings.IndexAny(pattern, "*?"); i >= 0 {
		head, tail = pattern[:i], pattern[strings.LastIndexAny(pattern, "*?")+1:]
	}
	if len(head)+len(tail) > len(action) || !strings.EqualFold(action[:len(head)], head) {
		return action
	}
	middle, end := action[len(head):len(action)-len(tail)], action[len(action)-len(tail):]
	if strings.EqualFold(end, tail) {
		end = tail
	}
	return head + middle + end
}

// exampleActions returns actions of a situation, at least one if there is any: with a list of those that exist, the first
// of the service that the resource seems to belong to, and the first of all.
func (m *model) exampleActions(p piece, s situation) []string {
	literals := s.at(dimensionAction)
	if len(m.actions) == 0 {
		action, ok := m.readable(literals, twoParts)
		if !ok {
			if action, ok = m.text(literals, notEmpty); !ok {
				return nil
			}
		}
		return []string{likeWritten(action, p.action)}
	}
	resource, _ := m.text(s.at(dimensionResource), notEmpty)
	service := strings.ToLower(arnField(resource, arnService)) + ":"
	var own, others []string
	for i := range m.membersAll(literals, len(m.actions)) {
		if strings.HasPrefix(m.actions[i], service) {
			own = append(own, m.names[i])
		} else if len(others) == 0 {
			others = append(others, m.names[i])
		}
		if len(own) == maxExamples {
			break
		}
	}
	return append(own, others...)
}

// maxExamples bounds how many actions are tried for one that has a resource type that fits.
const maxExamples = 32

// typesOf are patterns of resources that an action is authorised on, those in a region and an account first.
func (c *comparison) typesOf(action, account string) (out []string) {
	if c.resources == nil {
		return nil
	}
	patterns, _ := c.resources(action)
	for _, pattern := range patterns {
		fields := strings.SplitN(pattern, ":", 6)
		if len(fields) < 6 {
			continue
		}
		fields[5] = strings.ReplaceAll(fields[5], "*", "?*")
		out = append(out, strings.Join(fields, ":"))
		for i, value := range map[int]string{1: "aws", 3: exampleRegion, 4: account} {
			if fields[i] == "*" {
				fields[i] = value
			}
		}
		out = append(out[:len(out)-1], strings.Join(fields, ":"), out[len(out)-1])
	}
	return out
}

const exampleRegion = "us-east-1"

// shapeLanguage is the language of an ARN's pattern in which no wildcard stands for a colon between the parts.
func shapeLanguage(pattern string) *language {
	l := &language{}
	var out []part
	for i, field := range strings.SplitN(pattern, ":", 6) {
		parts, err := splitParts(field, syntax{wildcards: true})
		if err != nil {
			return l
		}
		if i > 0 {
			out = append(out, part{kind: partText, text: ":"})
		}
		for _, p := range parts {
			out = append(out, withinSegment(p, i < 5))
		}
	}
	l.add(out, nil)
	return l
}

// shapes are how the resources of a service look, for whoever does not know better. Some have no region, or not even an
// account.
func shapes(service, account string, trust bool) []string {
	own := "arn:aws:" + service + ":" + exampleRegion + ":" + account + ":?*"
	switch {
	case trust:
		own = "arn:aws:iam::" + account + ":role/?*"
	case service == "s3":
		own = "arn:aws:s3:::?*"
	case service == "iam":
		own = "arn:aws:iam::" + account + ":?*"
	}
	return []string{own, "arn:*:*:" + exampleRegion + ":" + account + ":?*", "arn:*:*:*:" + account + ":?*", "arn:*:*:*:*:?*"}
}

// exampleResources returns resources, the one that looks most like the action's first.
func (m *model) exampleResources(action string, literals []literal, account string, trust bool) iter.Seq[string] {
	service, _, _ := strings.Cut(strings.ToLower(action), ":")
	return func(yield func(string) bool) {
		for _, pattern := range shapes(service, account, trust) {
			if r, ok := m.readable(literals, requirement{shapeLanguage(pattern), true}); ok && !yield(r) {
				return
			}
		}
		for _, last := range []requirement{{wordLanguage("*"), true}, notEmpty} {
			if r, ok := m.text(literals, last); ok && !yield(r) {
				return
			}
		}
	}
}

// exampleContext returns the context keys that a situation needs.
func (m *model) exampleContext(s situation) (map[string][]string, bool) {
	context := map[string][]string{}
	for key, values := range m.pins {
		context[key] = values
	}
	for _, f := range s {
		if f.dimension < firstKey {
			continue
		}
		values, ok := m.exampleValues(f.dimension, f.literals)
		if !ok {
			return nil, false
		}
		context[strings.ToLower(m.keys[f.dimension-firstKey].name)] = values
	}
	return context, true
}

func (m *model) exampleValues(d int, literals []literal) ([]string, bool) {
	for shape := range shapeCount {
		m.generous = true
		values, ok := m.values(d, shape, literals)
		if m.generous = false; !ok {
			values, ok = m.values(d, shape, literals)
		}
		if ok {
			return values, true
		}
	}
	return nil, false
}
