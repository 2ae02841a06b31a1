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
	Ref StatementRef // the statement that allows it
	// Action and Resource are patterns of the statement, as they are written. For NotAction and NotResource it is the word
	// not and all of them. Resource is empty when the statement has neither.
	Action, Resource string
	// Request is one that the evaluator allows with the new policies and denies with the old ones.
	//
	// When policies name principals, they are evaluated as the resource's policy, or as its trust policy when none has
	// a Resource element. Users and roles of the resource's account (Request.Account) then have no policies of their
	// own, and those of other accounts have policies that allow everything. When none names a principal, they are
	// evaluated as identity policies of somebody in the resource's account, and a role's trust policy or a key's policy
	// leaves the decision to them.
	Request Request
}

// Unclear is access of which neither could be shown: that it is added, or that it is not.
type Unclear struct {
	Ref StatementRef
	// Action and Resource are as in [Addition]; both are empty when the whole statement is meant.
	Action, Resource string
	Why              string // as a sentence
}

// Compare finds out what new policies allow that old ones do not. Both are all policies of one principal, or one policy
// each of a resource or of a role's trust. There is at most one addition for each Allow statement of the new
// policies, action pattern and resource pattern.
//
// Actions, resources, principals and conditions on strings, ARNs, Booleans, numbers, dates and addresses are compared
// exactly, with their wildcards and with absent and multiple values. Policy variables, and keys that are compared both
// as text and as number, date or address, can make the answer unclear. So can policies that take more than the given steps.
// An answer is never guessed: every addition was put to [PolicySet.Evaluate].
//
// What a permissions boundary or a session policy would take away again, and that naming a session in a resource's policy
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
	// added are the Allow statements of the new policies that the old ones do not have.
	added []*sourceStatement
	// lifted are the Deny statements of the old policies that the new ones do not have.
	lifted []*box
	allows []*box // of the old policies
	denies []*box // of the new policies
	// blockers are both: what keeps a new statement from adding something.
	blockers []*box
	pending  int // statements that are still to be compared

	additions []Addition
	unclear   []Unclear
}

func newComparison(old, new []*Policy, o CompareOptions) *comparison {
	steps := o.Steps
	if steps <= 0 {
		steps = defaultSteps
	}
	c := &comparison{model: newModel(&budget{steps}, nil), oldPolicies: withoutNil(old), newPolicies: withoutNil(new)}
	c.names = o.Actions
	for _, a := range o.Actions {
		c.actions = append(c.actions, strings.ToLower(a))
	}
	before, after := sourceStatements(c.oldPolicies), sourceStatements(c.newPolicies)
	all := append(slices.Clone(before), after...)
	c.callers = callersFor(all)
	c.trust = len(c.callers) > 0 && !slices.ContainsFunc(all, (*sourceStatement).hasResource)
	c.sort(before, after)
	return c
}

func withoutNil(policies []*Policy) []*Policy {
	return slices.DeleteFunc(slices.Clone(policies), func(p *Policy) bool { return p == nil })
}

func (st *sourceStatement) hasResource() bool { return len(st.Resources)+len(st.NotResources) > 0 }

// sort makes the boxes. What both sides say adds nothing, and is put aside.
func (c *comparison) sort(before, after []*sourceStatement) {
	known := map[string]bool{}
	for _, st := range after {
		if st.Effect == Deny {
			c.denies = append(c.denies, c.box(st))
			known[c.denies[len(c.denies)-1].key] = true
		}
	}
	same := map[string]bool{}
	for _, st := range before {
		switch b := c.box(st); {
		case st.Effect == Deny && !known[b.key]:
			c.lifted = append(c.lifted, b)
		case st.Effect == Allow && c.counts(st):
			c.allows = append(c.allows, b)
			same[b.key] = true
		}
	}
	c.blockers = append(slices.Clone(c.allows), c.denies...)
	for _, st := range after {
		// A request that the same old statement allows is only added when an old denial of it is lifted.
		if st.Effect == Allow && c.counts(st) && (len(c.lifted) > 0 || !same[c.box(st).key]) {
			c.added = append(c.added, st)
		}
	}
}

// counts says whether an Allow can allow anything: an identity policy's must name resources.
func (c *comparison) counts(st *sourceStatement) bool { return len(c.callers) > 0 || st.hasResource() }

// piece is a statement, or the part of one with a single action or resource pattern.
type piece struct {
	*sourceStatement
	action, resource string
}

// statement compares one new statement: as a whole, by its action patterns, and at last pattern by pattern, so that
// nothing is taken apart that adds nothing.
func (c *comparison) statement(st *sourceStatement) {
	if c.left <= 0 {
		c.unclear = append(c.unclear, Unclear{Ref: st.ref, Why: tooLarge})
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
				c.unclear = append(c.unclear, Unclear{Ref: st.ref, Why: tooLarge})
				return
			}
			c.settle(p)
		}
	}
}

const tooLarge = "the policies are too large to compare within the bounds that were set"

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
	enough := c.sharing(func() {
		for found := range c.leaves(c.box(p.sourceStatement)) {
			var none bool
			if request, none = c.shown(p, found); request != nil {
				return
			}
			if !none {
				why = c.reason(found)
			}
		}
	})
	if request == nil && !enough {
		request = c.obvious(p)
	}
	switch {
	case request != nil:
		c.additions = append(c.additions, Addition{Ref: p.ref, Action: p.action, Resource: p.resource, Request: *request})
	case !enough:
		c.unclear = append(c.unclear, Unclear{p.ref, p.action, p.resource, tooLarge})
	case why != "":
		c.unclear = append(c.unclear, Unclear{p.ref, p.action, p.resource, why})
	}
}

// byAction divides a statement by its action patterns.
func (p piece) byAction() (out []piece) {
	if len(p.NotActions) > 0 {
		p.action = not(p.NotActions)
		return []piece{p}
	}
	for _, pattern := range unique(p.Actions) {
		part := *p.Statement
		part.Actions = []string{pattern}
		out = append(out, piece{&sourceStatement{&part, p.ref, p.variables}, pattern, ""})
	}
	return out
}

func (p piece) byResource() (out []piece) {
	if len(p.Resources) == 0 {
		if len(p.NotResources) > 0 {
			p.resource = not(p.NotResources)
		}
		return []piece{p}
	}
	for _, pattern := range unique(p.Resources) {
		part := *p.Statement
		part.Resources = []string{pattern}
		out = append(out, piece{&sourceStatement{&part, p.ref, p.variables}, p.action, pattern})
	}
	return out
}

func not(patterns []string) string { return "not " + strings.Join(patterns, ", ") }

// unique drops repetitions.
func unique(patterns []string) (out []string) {
	seen := map[string]bool{}
	for _, p := range patterns {
		if !seen[p] {
			seen[p] = true
			out = append(out, p)
		}
	}
	return out
}

// reason says why a difference that cannot be ruled out was not shown either.
func (c *comparison) reason(l leaf) string {
	if names := c.vague(l.boxes); len(names) > 0 {
		return fmt.Sprintf("it depends on %s: no value that was tried shows a difference, and none can be ruled out",
			strings.Join(names, ", "))
	}
	return "the evaluator does not confirm the request that seems to be added"
}
