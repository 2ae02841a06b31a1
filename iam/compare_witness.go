package iam

import (
	"iter"
	"slices"
)

// leaf is a situation in which the new policies seem to allow what the old ones do not.
type leaf struct {
	situation situation
	scope     scope
	inside    []*box // that cover it; the first is an Allow of the new policies
	outside   []*box // that do not
	boxes     []*box // both
}

// leaves finds situations that a box adds, in every scope. There is none when that is proven.
func (c *comparison) leaves(b *box) iter.Seq[leaf] {
	return func(yield func(leaf) bool) {
		for _, part := range c.scopes {
			if b.source.Effect == Deny {
				for l := range c.lifts(part, b) {
					if !yield(l) {
						return
					}
				}
			} else if l, ok := c.leaf(part, []*box{b}, c.blockers); ok && !yield(l) {
				return
			}
		}
	}
}

// lifts finds situations that an old denial denied and an Allow of the new policies allows: one for each Allow.
func (c *comparison) lifts(part scope, denied *box) iter.Seq[leaf] {
	return func(yield func(leaf) bool) {
		for _, grant := range c.grants {
			if !c.spend(1) {
				return
			}
			if grant.beginsApart(denied) {
				continue
			}
			if l, ok := c.leaf(part, []*box{grant, denied}, c.denies); ok && !yield(l) {
				return
			}
		}
	}
}

// leaf finds a situation of a scope inside of all and outside of all others of the boxes.
func (m *model) leaf(part scope, inside, outside []*box) (leaf, bool) {
	s, ok := m.inside(part, inside...)
	if !ok {
		return leaf{}, false
	}
	near := m.apart(s, inside, outside)
	if m.empty() {
		return leaf{}, false
	}
	found, ok := m.outside(s, near)
	return leaf{found, part, inside, near, append(slices.Clone(inside), near...)}, ok && !m.empty()
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
		inside, outside := m.boxes(l.inside), m.boxes(l.outside)
		again, ok := m.leaf(l.scope, inside, outside)
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

// obvious returns the first request that comes to mind for a piece, if that is added, and the statement that allows it. It
// is for pieces for which the budget does not suffice, and has a small one of its own.
func (c *comparison) obvious(p piece) (*Request, StatementRef) {
	saved := c.left
	defer func() { c.left = saved }()
	c.left = obviousSteps
	b := c.box(p.sourceStatement)
	tries := [][]*box{{b}}
	if p.Effect == Deny {
		tries = nil
		for _, grant := range c.grants[:min(len(c.grants), obviousTries)] {
			tries = append(tries, []*box{grant, b})
		}
	}
	for _, boxes := range tries {
		for _, part := range c.scopes {
			s, ok := c.inside(part, boxes...)
			if !ok {
				continue
			}
			if r := c.confirmed(c.model, p, s); r != nil {
				return r, boxes[0].source.ref
			}
		}
	}
	return nil, p.ref
}

const obviousTries = 8

const obviousSteps = 1 << 16

// boxes makes the boxes of another model anew.
func (m *model) boxes(list []*box) (out []*box) {
	for _, b := range list {
		out = append(out, m.box(b.source))
	}
	return out
}

// confirmed spells a situation out and puts it to the evaluator, preferring a request that needs no more than the policies.
func (c *comparison) confirmed(m *model, p piece, s situation) *Request {
	context, ok := m.exampleContext(s)
	if !ok {
		return nil
	}
	for who := range m.candidates(s, context) {
		r := c.confirmedFor(m, p, s, &who, contextOf(&who, context, m.mentioned))
		if r == nil {
			continue
		}
		short := *r // without what makes no difference
		short.Context = contextOf(&who, context, slices.DeleteFunc(slices.Clone(m.mentioned), func(key string) bool { return len(context[key]) == 0 }))
		if c.allowed(c.newPolicies, &short) && !c.allowed(c.oldPolicies, &short) {
			r = &short
		}
		return c.dressed(r)
	}
	return nil
}

// confirmedFor does so for one caller.
func (c *comparison) confirmedFor(m *model, p piece, s situation, who *caller, context Context) (found *Request) {
	for action, resource := range c.examples(m, p, s, who.account) {
		r := who.request(action, resource)
		r.Context = context
		if !c.allowed(c.newPolicies, &r) || c.allowed(c.oldPolicies, &r) {
			return found // the others only differ in how they look
		}
		if len(c.callers) > 0 || (&PolicySet{Identity: c.newPolicies}).Allowed(&r) {
			return &r
		}
		if found == nil {
			found = &r
		}
	}
	return found
}

// gate is a policy that leaves every decision to the identity policies of an account, as a key's default policy does.
func gate(account string) *Policy {
	return everything("gate", []PrincipalPattern{{Kind: KindAWS, Values: []string{account}}})
}

// allowed puts a request to the evaluator, see [Addition].
func (c *comparison) allowed(policies []*Policy, r *Request) bool {
	if len(c.callers) == 0 {
		return (&PolicySet{Identity: policies, Resource: gate(r.Principal.Account)}).Allowed(r)
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
