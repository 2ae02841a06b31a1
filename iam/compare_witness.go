package iam

import (
	"iter"
	"slices"
	"strings"
)

// leaf is a situation in which the new policies seem to allow what the old ones do not.
type leaf struct {
	situation situation
	inside    []*box // that cover it
	outside   []*box // that do not
	boxes     []*box // both
}

// leaves finds situations that a box adds: one that none of the old policies allows, and one for each old denial that is
// lifted. There is none when that is proven.
func (c *comparison) leaves(b *box) iter.Seq[leaf] {
	return func(yield func(leaf) bool) {
		if l, ok := c.leaf([]*box{b}, c.blockers); ok && !yield(l) {
			return
		}
		for _, denied := range c.lifted {
			if c.empty() {
				return
			}
			if l, ok := c.leaf([]*box{b, denied}, c.denies); ok && !yield(l) {
				return
			}
		}
	}
}

// leaf finds a situation inside of all and outside of all others of the boxes.
func (m *model) leaf(inside, outside []*box) (leaf, bool) {
	s, ok := m.inside(inside...)
	if !ok {
		return leaf{}, false
	}
	near := m.apart(s, inside, outside)
	if m.empty() {
		return leaf{}, false
	}
	found, ok := m.outside(s, near)
	return leaf{found, inside, near, append(slices.Clone(inside), near...)}, ok && !m.empty()
}

// shown returns a request of the leaf that the evaluator confirms. When none is, values are tried for what is vague.
// none is true when that proves that there is no such request.
func (c *comparison) shown(p piece, l leaf) (request *Request, none bool) {
	if r := c.confirmed(c.model, p, l.situation); r != nil {
		return r, false
	}
	guesses, all := c.guesses(l)
	for pins := range guesses {
		m := c.with(pins)
		again, ok := m.leaf(m.boxes(l.inside), m.boxes(l.outside))
		if c.empty() {
			return nil, false
		}
		if !ok {
			continue
		}
		if r := c.confirmed(m, p, again.situation); r != nil {
			return r, false
		}
		all = false
	}
	return nil, all
}

// obvious returns the first request that comes to mind for a piece, if that is added. It is for pieces for which the
// budget does not suffice, and has a small one of its own.
func (c *comparison) obvious(p piece) *Request {
	saved := c.left
	defer func() { c.left = saved }()
	c.left = obviousSteps
	s, ok := c.inside(c.box(p.sourceStatement))
	if !ok {
		return nil
	}
	return c.confirmed(c.model, p, s)
}

const obviousSteps = 1 << 16

// boxes makes the boxes of another model anew.
func (m *model) boxes(list []*box) (out []*box) {
	for _, b := range list {
		out = append(out, m.box(b.source))
	}
	return out
}

// confirmed spells a situation out and puts it to the evaluator, preferring a request that needs no more than the policies.
func (c *comparison) confirmed(m *model, p piece, s situation) (found *Request) {
	for r := range m.requests(p, s) {
		if !c.allowed(c.newPolicies, r) || c.allowed(c.oldPolicies, r) {
			return found // the others only differ in how they look
		}
		if len(c.callers) > 0 || (&PolicySet{Identity: c.newPolicies}).Allowed(r) {
			return r
		}
		if found == nil {
			found = r
		}
	}
	return found
}

const exampleAccount = "123456789012"

var exampleUser = Principal{ARN: "arn:aws:iam::" + exampleAccount + ":user/x", Account: exampleAccount}

// gatePolicy leaves every decision to the identity policies, as a key's default policy does.
var gatePolicy = everything("gate", []PrincipalPattern{{Kind: KindAWS, Values: []string{exampleAccount}}})

// allowed puts a request to the evaluator, see [Addition].
func (c *comparison) allowed(policies []*Policy, r *Request) bool {
	if len(c.callers) == 0 {
		return (&PolicySet{Identity: policies, Resource: gatePolicy}).Allowed(r)
	}
	allowed := false
	for _, p := range policies {
		switch c.policySet(p, r).Evaluate(r).Outcome {
		case ExplicitlyDenied:
			return false
		case Allowed:
			allowed = true
		}
	}
	return allowed
}

// requests spells a situation out, the most readable requests first.
func (m *model) requests(p piece, s situation) iter.Seq[*Request] {
	return func(yield func(*Request) bool) {
		action, ok := m.exampleAction(p, s.at(dimensionAction))
		if !ok {
			return
		}
		context, ok := m.exampleContext(s)
		if !ok {
			return
		}
		base := Request{Principal: exampleUser, Account: exampleAccount}
		if len(m.callers) > 0 {
			i, ok := m.member(s.at(dimensionCaller), len(m.callers))
			if !ok {
				return
			}
			base = m.callers[i].request("", "")
		}
		for resource := range m.exampleResources(action, s.at(dimensionResource)) {
			r := base
			r.Action, r.Resource, r.Context = action, resource, context
			if !yield(&r) {
				return
			}
		}
	}
}

// readable is text in which stars stand for something if possible.
func (m *model) readable(literals []literal, extra ...requirement) (string, bool) {
	m.generous = true
	defer func() { m.generous = false }()
	return m.text(literals, extra...)
}

func (m *model) exampleAction(p piece, literals []literal) (string, bool) {
	if len(m.actions) > 0 {
		i, ok := m.member(literals, len(m.actions))
		if !ok {
			return "", false
		}
		return m.names[i], true
	}
	action, ok := m.readable(literals, twoParts)
	if !ok {
		if action, ok = m.text(literals, notEmpty); !ok {
			return "", false
		}
	}
	return likeWritten(action, p.action), true
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

// Where the names of a service's resources do not have a region, or not even an account. It only concerns how an example
// looks.
var arnShapes = map[string]string{
	"s3":  "arn:aws:s3:::?*",
	"iam": "arn:aws:iam::" + exampleAccount + ":?*",
}

// exampleResources returns resources, the one that looks most like the action's first.
func (m *model) exampleResources(action string, literals []literal) iter.Seq[string] {
	service, _, _ := strings.Cut(strings.ToLower(action), ":")
	own := arnShapes[service]
	if own == "" {
		own = "arn:aws:" + service + ":us-east-1:" + exampleAccount + ":?*"
	}
	patterns := []string{own, "arn:*:*:us-east-1:" + exampleAccount + ":?*", "arn:*:*:*:*:?*"}
	return func(yield func(string) bool) {
		for _, pattern := range patterns {
			if r, ok := m.readable(literals, requirement{patternLanguage(pattern), true}); ok && !yield(r) {
				return
			}
		}
		star := &language{}
		star.add([]part{{kind: partText, text: "*"}}, nil)
		for _, last := range []requirement{{star, true}, notEmpty} {
			if r, ok := m.text(literals, last); ok && !yield(r) {
				return
			}
		}
	}
}

// exampleContext returns the context keys that a situation needs.
func (m *model) exampleContext(s situation) (Context, bool) {
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
			return Context{}, false
		}
		name := m.keys[f.dimension-firstKey].name
		delete(context, strings.ToLower(name))
		context[name] = values
	}
	for key, values := range context {
		if len(values) == 0 {
			delete(context, key)
		}
	}
	return NewContext(context), true
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
