package iam

import (
	"fmt"
	"sort"
	"strings"
)

// Explanation is a decision with what came closest to another one.
type Explanation struct {
	Decision Decision
	// Missing lists the layers that had to allow the request and did not.
	Missing []Layer
	// Near lists Allow statements of those layers that nearly matched, the closest first, at most five.
	Near []Near
	// Remedies lists the smallest statements that would together allow the request. It is empty when an explicit denial
	// stands in the way: nothing that is added overrides one.
	Remedies []Remedy
}

// Near is a statement that would have allowed the request but for the mismatch.
type Near struct {
	Ref      StatementRef
	Layer    Layer
	Mismatch string   // the first of action, resource, principal, condition that does not match
	Wanted   string   // what the request has
	Has      []string // what the statement says
	Detail   string   // the same as a sentence
}

// The values of [Near.Mismatch].
const (
	MismatchAction    = "action"
	MismatchResource  = "resource"
	MismatchPrincipal = "principal"
	MismatchCondition = "condition"
)

const maxNear = 5

// Explain answers a request as [PolicySet.Evaluate] does, and says what was missing.
// An explicit denial needs no more than its decisive statements.
func (s *PolicySet) Explain(r *Request) Explanation {
	e := evaluation{set: s, request: r, record: true}
	e.run()
	x := Explanation{Decision: e.decide()}
	if x.Decision.Outcome != ImplicitlyDenied {
		return x
	}
	missing := e.needed() &^ e.allowed
	var candidates []candidate
	for l := LayerIdentity; l < layerCount; l++ {
		if missing.has(l) {
			x.Missing = append(x.Missing, l)
		} else if l != e.gate() || e.allowed.has(l) || !missing.has(LayerIdentity) {
			continue // within one account the resource's policy might have allowed it as well
		}
		for _, p := range e.lacking(l) {
			candidates = append(candidates, e.candidates(l, p)...)
		}
	}
	sort.SliceStable(candidates, func(i, j int) bool { return candidates[i].before(candidates[j]) })
	for _, c := range candidates[:min(maxNear, len(candidates))] {
		x.Near = append(x.Near, c.near)
	}
	x.Remedies = e.remedies(missing)
	return x
}

// lacking returns the policies of a layer that should have allowed the request; nil policies are left out.
func (e *evaluation) lacking(l Layer) (out []*Policy) {
	s := e.set
	var list []*Policy
	switch l {
	case LayerIdentity:
		list = s.Identity
	case LayerBoundary:
		list = []*Policy{s.Boundary}
	case LayerSession:
		list = s.Session
	case LayerTrust:
		list = []*Policy{s.Trust}
	case LayerResource:
		list = []*Policy{s.Resource}
	case LayerEndpoint:
		list = []*Policy{s.Endpoint}
	case LayerSCP, LayerRCP:
		for _, level := range e.closedLevels(l) {
			list = append(list, e.tree(l)[level]...)
		}
	}
	for _, p := range list {
		if p != nil {
			out = append(out, p)
		}
	}
	return out
}

// candidate is a statement with its distance from the request.
type candidate struct {
	near  Near
	rank  int // smaller is closer
	words int // how many words of the operation's name it shares with the request's
}

func (c candidate) before(d candidate) bool {
	if c.rank != d.rank {
		return c.rank < d.rank
	}
	return c.words > d.words
}

// The ranks, the closest first.
const (
	rankCondition   = iota // only a condition is in the way
	rankPrincipal          // only the principal (and perhaps a condition)
	rankResource           // the action is there, for another resource
	rankSameService        // the resource is there, for another action of the service
	rankService            // another action of the service, on another resource
	rankOther              // the resource is there, for another service
	rankFar
)

func (e *evaluation) candidates(l Layer, p *Policy) []candidate {
	var out []candidate
	for i := range p.statements {
		st := &p.statements[i]
		if st.deny {
			continue
		}
		if c := e.candidate(l, st, &p.document.Statements[i]); c.rank < rankFar {
			out = append(out, c)
		}
	}
	return out
}

func (e *evaluation) candidate(l Layer, st *statement, src *Statement) candidate {
	c := candidate{near: Near{Ref: st.self[0], Layer: l}}
	attached := l.namesPrincipals()
	action, resource := st.action(e), st.resource(e, l) && (st.hasResource || attached)
	principal := attached && e.granted(l, st) != grantNone || !attached && !st.hasPrincipal
	switch {
	case !action:
		c.rank, c.words = e.actionRank(st, src, resource)
		c.near.action(e.request, src)
	case !resource:
		c.rank = rankResource
		c.near.resource(e.request, src)
	case !principal:
		c.rank = rankPrincipal
		c.near.principal(e.request, src)
	case !st.condition(e):
		c.rank = rankCondition
		c.near.condition(e.request, st, src)
	default:
		c.rank = rankFar // it matches, and yet the layer is missing: cannot be
	}
	return c
}

// actionRank ranks a statement whose actions do not match.
func (e *evaluation) actionRank(st *statement, src *Statement, resource bool) (rank, words int) {
	service, operation, _ := strings.Cut(e.request.Action, ":")
	same := false
	for _, a := range src.Actions {
		if s, op, _ := strings.Cut(a, ":"); strings.EqualFold(s, service) {
			same = true
			words = max(words, sharedWords(op, operation))
		}
	}
	switch {
	case same && resource:
		return rankSameService, words
	case same:
		return rankService, words
	case resource && st.namesResource():
		return rankOther, words
	}
	return rankFar, 0
}

// namesResource says whether a statement is about particular resources: that another service's action
// is allowed on everything brings nobody closer.
func (st *statement) namesResource() bool {
	for i := range st.resources {
		if !st.resources[i].all() {
			return true
		}
	}
	return false
}

// sharedWords counts the words that two operation names in camel case have in common.
func sharedWords(a, b string) int {
	words := map[string]bool{}
	for _, w := range camelWords(a) {
		words[w] = true
	}
	n := 0
	for _, w := range camelWords(b) {
		if words[w] {
			n++
		}
	}
	return n
}

// camelWords divides GetCommandInvocation into its three words; a plural counts as the singular.
func camelWords(s string) (words []string) {
	start := 0
	for i := 1; i <= len(s); i++ {
		if i == len(s) || 'A' <= s[i] && s[i] <= 'Z' {
			words = append(words, strings.TrimSuffix(strings.ToLower(s[start:i]), "s"))
			start = i
		}
	}
	return words
}

func (n *Near) action(r *Request, src *Statement) {
	n.Mismatch, n.Wanted = MismatchAction, r.Action
	n.Has = src.Actions
	verb := "allows"
	if len(src.NotActions) > 0 {
		n.Has, verb = src.NotActions, "allows everything except"
	}
	n.Detail = fmt.Sprintf("%s %s, the request is %s", verb, joinShort(n.Has), r.Action)
}

func (n *Near) resource(r *Request, src *Statement) {
	n.Mismatch, n.Wanted = MismatchResource, r.Resource
	n.Has = src.Resources
	what := "only on"
	if len(src.NotResources) > 0 {
		n.Has, what = src.NotResources, "except on"
	}
	n.Detail = fmt.Sprintf("allows %s %s %s, the request is for %s", r.Action, what, joinShort(n.Has), r.Resource)
	if len(n.Has) == 0 {
		n.Detail = "has no Resource element, so it allows nothing"
	}
}

func (n *Near) principal(r *Request, src *Statement) {
	n.Mismatch, n.Wanted = MismatchPrincipal, r.Principal.ARN
	n.Has = principalValues(src.Principals)
	what := "only to"
	if len(src.NotPrincipals) > 0 {
		n.Has, what = principalValues(src.NotPrincipals), "except to"
	}
	n.Detail = fmt.Sprintf("allows %s %s %s, the caller is %s", r.Action, what, joinShort(n.Has), r.Principal.ARN)
	if len(n.Has) == 0 {
		n.Detail = "names no principal, so it allows nobody"
	}
}

func principalValues(patterns []PrincipalPattern) (out []string) {
	for _, p := range patterns {
		if p.Kind == AnyPrincipal {
			out = append(out, AnyPrincipal)
		}
		out = append(out, p.Values...)
	}
	return out
}

// condition describes the first condition that fails.
func (n *Near) condition(r *Request, st *statement, src *Statement) {
	n.Mismatch = MismatchCondition
	for i := range st.conditions {
		if st.conditions[i].holds(r.Context) {
			continue
		}
		c := &src.Conditions[i]
		values := r.Context.Get(c.Key)
		n.Wanted = c.Key + "=" + strings.Join(values, ",")
		n.Has = c.Values
		has := "has " + joinShort(values)
		if len(values) == 0 {
			n.Wanted, has = c.Key, "does not have the key"
		}
		n.Detail = fmt.Sprintf("allows %s on condition that %s %s %s, the request %s",
			r.Action, c.Key, c.Operator, joinShort(c.Values), has)
		return
	}
}

// joinShort lists a few values and counts the rest.
func joinShort(list []string) string {
	const most = 3
	if len(list) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
	}
	return strings.Join(list, ", ")
}
