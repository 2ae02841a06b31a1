package iam

import (
	"fmt"
	"slices"
	"strings"
)

// CompareOptions bounds a comparison.
type CompareOptions struct {
	// Actions are the actions that exist, as service:Name. What is only added for others is not reported.
	// When it is empty, every string is an action.
	Actions []string
	// Resources says on what AWS authorises an action: patterns of resources, with * for what varies. An action that is known
	// and has none is authorised on * only: what a statement says of it for other resources adds nothing. The patterns
	// themselves only make requests that look real. Resources may be nil; it is not used without Actions.
	Resources func(action string) (patterns []string, known bool)
	// Steps bounds the work; a step takes about a tenth of a microsecond. Zero is a default: five million.
	Steps int
}

const defaultSteps = 5_000_000

// Comparison is what new policies allow that old ones do not.
type Comparison struct {
	Verdict CompareVerdict
	Added   []Addition
	Unclear []Unclear
}

// CompareVerdict is the answer to whether policies are no more permissive than others.
type CompareVerdict uint8

// The verdicts. NoMorePermissive is proven; MorePermissive has a request to show for it.
const (
	CannotTell CompareVerdict = iota
	NoMorePermissive
	MorePermissive
)

// String gives the verdict in words: no more permissive, more permissive, cannot tell.
func (v CompareVerdict) String() string {
	switch v {
	case NoMorePermissive:
		return "no more permissive"
	case MorePermissive:
		return "more permissive"
	default:
		return "cannot tell"
	}
}

// Addition is access that the new policies give and the old ones do not.
type Addition struct {
	Ref StatementRef // the statement of the new policies that allows it
	// Lifted is set for what a Deny statement of the old policies no longer denies: that statement. Action and Resource
	// are its, then, and Ref is the first statement that now allows the request.
	Lifted *StatementRef
	// Action and Resource are patterns of the statement, as they are written. For NotAction and NotResource it is the word
	// not and all of them. Resource is empty when the statement has neither.
	Action, Resource string
	// NotActions and NotResources are the statement's, where Action and Resource say not.
	NotActions, NotResources []string
	// Request is one that the evaluator allows with the new policies and denies with the old ones.
	//
	// When policies name principals, they are evaluated as the resource's policy, or as its trust policy when none has
	// a Resource element. Users and roles of the resource's account (Request.Account) then have no policies of their
	// own, and those of other accounts have policies that allow everything. When none names a principal, they are
	// evaluated as identity policies of somebody in the resource's account (or, where conditions want that, outside of it),
	// and the resource's, a role's trust or a key's policy leaves the decision to them.
	//
	// Context keys that follow from the caller or from the resource's account, such as aws:PrincipalArn, agree with them.
	Request Request
}

// Unclear is access of which neither could be shown: that it is added, or that it is not.
type Unclear struct {
	Ref StatementRef // an Allow of the new policies, or a Deny of the old ones that may be lifted
	// Action and Resource are as in [Addition]; both are empty when the whole statement is meant.
	Action, Resource string
	Why              string // as a sentence
}

// Compare finds out what new policies allow that old ones do not. Both are all policies of one principal, or one policy
// each of a resource or of a role's trust. There is at most one addition for each Allow statement of the new
// policies, action pattern and resource pattern, and one likewise for each Deny statement of the old policies that the
// new ones do not have.
//
// Actions, resources, principals and conditions on strings, ARNs, Booleans, numbers, dates and addresses are compared
// exactly, with their wildcards and with absent and multiple values. Policy variables, and keys that are compared both
// as text and as number, date or address, can make the answer unclear. So can policies that take more than the given steps.
// An answer is never guessed: every addition was put to [PolicySet.Evaluate].
//
// Calls that need no permission, as sts:GetCallerIdentity, are never added. What a permissions boundary or a session policy would take away again, and that naming a session in a resource's policy
// lets it bypass them, is not looked at.
func Compare(old, new []*Policy, o CompareOptions) Comparison {
	c := newComparison(old, new, o)
	for i, st := range c.added {
		c.pending = len(c.added) - i
		c.statement(st)
	}
	out := Comparison{Added: c.additions, Unclear: c.unclear, Verdict: NoMorePermissive}
	switch {
	case len(out.Added) > 0:
		out.Verdict = MorePermissive
	case len(out.Unclear) > 0:
		out.Verdict = CannotTell
	}
	return out
}

// comparison is the state of a comparison.
type comparison struct {
	*model
	oldPolicies, newPolicies []*Policy
	// added are the Allow statements of the new policies that the old ones do not have, and lifted.
	added []*sourceStatement
	// lifted are the Deny statements of the old policies that the new ones do not have.
	lifted []*box
	allows []*box // of the old policies
	grants []*box // Allow statements of the new policies
	denies []*box // of the new policies, and what needs no permission
	// blockers are old Allows and denies: what keeps a new statement from adding something.
	blockers  []*box
	scopes    []scope
	resources func(action string) (patterns []string, known bool)
	steps     int // that were given
	pending   int // statements that are still to be compared

	additions []Addition
	unclear   []Unclear
}

func newComparison(old, new []*Policy, o CompareOptions) *comparison {
	steps := o.Steps
	if steps <= 0 {
		steps = defaultSteps
	}
	c := &comparison{model: newModel(&budget{steps}, nil), oldPolicies: withoutNil(old), newPolicies: withoutNil(new), steps: steps}
	c.choose(o)
	before, after := sourceStatements(c.oldPolicies), sourceStatements(c.newPolicies)
	all := append(slices.Clone(after), before...)
	c.home, c.mentioned = homeOf(all), mentions(all)
	c.callers, c.callerKeys = callersFor(all, c.home)
	c.trust = len(c.callers) > 0 && !slices.ContainsFunc(all, (*sourceStatement).hasResource)
	// Every statement's constants must be known before anything is asked: so all boxes are made first.
	c.sort(c.boxesOf(before), c.boxesOf(after))
	return c
}

func withoutNil(policies []*Policy) []*Policy {
	return slices.DeleteFunc(slices.Clone(policies), func(p *Policy) bool { return p == nil })
}

func (st *sourceStatement) hasResource() bool { return len(st.Resources)+len(st.NotResources) > 0 }

// boxesOf makes the boxes of statements.
func (m *model) boxesOf(statements []*sourceStatement) (out []*box) {
	for _, st := range statements {
		out = append(out, m.box(st))
	}
	return out
}

// sort tells the boxes apart. What both sides say adds nothing, and is put aside.
func (c *comparison) sort(before, after []*box) {
	known, same := map[string]bool{}, map[string]bool{}
	for _, b := range after {
		switch {
		case b.source.Effect == Deny:
			c.denies = append(c.denies, b)
			known[b.key] = true
		case c.counts(b.source):
			c.grants = append(c.grants, b)
		}
	}
	for _, b := range before {
		switch {
		case b.source.Effect == Deny && !known[b.key]:
			c.lifted = append(c.lifted, b)
		case b.source.Effect == Allow && c.counts(b.source):
			c.allows = append(c.allows, b)
			same[b.key] = true
		}
	}
	c.denies = append(c.denies, c.box(c.exempt()))
	c.blockers = append(slices.Clone(c.allows), c.denies...)
	for _, b := range c.grants {
		if !same[b.key] {
			c.added = append(c.added, b.source)
		}
	}
	for _, b := range c.lifted {
		c.added = append(c.added, b.source)
	}
}

// counts says whether an Allow can allow anything: an identity policy's must name resources.
func (c *comparison) counts(st *sourceStatement) bool { return len(c.callers) > 0 || st.hasResource() }

// statement compares one new statement: as a whole, by its action patterns, and at last pattern by pattern, so that
// nothing is taken apart that adds nothing.
func (c *comparison) statement(st *sourceStatement) {
	if c.left <= 0 {
		c.unclear = append(c.unclear, Unclear{Ref: st.ref, Why: c.tooLarge()})
		return
	}
	whole := piece{sourceStatement: st}
	actions := whole.byAction()
	if parts := actions[0].byResource(); len(actions)*len(parts) == 1 {
		c.settle(parts[0])
		return
	}
	if !c.maybe(whole) {
		return
	}
	for _, part := range actions {
		if len(actions) > 1 && !c.maybe(part) {
			continue
		}
		for _, p := range part.byResource() {
			if c.left <= 0 {
				c.unclear = append(c.unclear, Unclear{Ref: st.ref, Why: c.tooLarge()})
				return
			}
			c.settle(p)
		}
	}
}

func (c *comparison) tooLarge() string {
	return fmt.Sprintf("it was not decided within %d steps of work: allow more steps, or compare fewer statements at once", c.steps)
}

// sharing runs f with a part of the budget, so that one hard statement does not use it all. f says whether it was enough.
func (c *comparison) sharing(f func()) (enough bool) {
	all := c.left
	share := max(all/min(4, c.pending), min(all, 1<<16))
	c.left = share
	f()
	enough = !c.empty()
	c.left = all - share + max(c.left, 0)
	return enough
}

// maybe says whether a piece may add something.
func (c *comparison) maybe(p piece) (yes bool) {
	enough := c.sharing(func() {
		for range c.leaves(c.box(p.sourceStatement)) {
			yes = true
			break
		}
	})
	return yes || !enough
}

// settle finds out whether a piece adds something.
func (c *comparison) settle(p piece) {
	var request *Request
	var why string
	ref := p.ref
	enough := c.sharing(func() {
		tries := 0
		for found := range c.leaves(c.box(p.sourceStatement)) {
			shown, none := c.shown(p, found)
			switch {
			case shown != nil:
				real := c.real(shown)
				if request == nil || real {
					request, ref = shown, found.inside[0].source.ref
				}
				if tries++; real || tries == maxUnreal {
					return
				}
			case !none && request == nil:
				why = c.reason(found)
			}
		}
	})
	if request == nil && !enough {
		request, ref = c.obvious(p)
	}
	switch {
	case request != nil:
		a := Addition{Ref: ref, Action: p.action, Resource: p.resource, NotActions: p.NotActions, NotResources: p.NotResources, Request: *request}
		if p.Effect == Deny {
			a.Lifted = &p.ref
		}
		c.additions = append(c.additions, a)
	case !enough:
		c.unclear = append(c.unclear, Unclear{p.ref, p.action, p.resource, c.tooLarge()})
	case why != "":
		c.unclear = append(c.unclear, Unclear{p.ref, p.action, p.resource, why})
	}
}

// reason says why a difference that cannot be ruled out was not shown either.
func (c *comparison) reason(l leaf) string {
	if names := c.vague(l.boxes); len(names) > 0 {
		return fmt.Sprintf("it depends on %s: no value that was tried shows a difference, and none can be ruled out",
			strings.Join(names, ", "))
	}
	if names := derivedIn(l.boxes); names != "" {
		return "it depends on " + names + ", which follows from who makes the request: nobody was found for whom it makes a " +
			"difference, and nobody can be ruled out"
	}
	return "the evaluator does not confirm the request that seems to be added"
}
