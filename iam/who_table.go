package iam

// whoBits are the answer of a policy, or of a stack of them, to a call.
type whoBits uint8

const (
	whoAllows   whoBits = 1 << iota // a statement allows
	whoDenies                       // a statement denies
	whoPersonal                     // it depends on the subject
)

// whoTable holds the answers of every distinct policy to some calls.
type whoTable struct {
	calls    []int // indexes in the who
	policies []whoBits
	stacks   []whoBits
}

// at is the place of a policy's or stack's answer to the i-th call of the table.
func (t *whoTable) at(id int32, i int) int { return int(id)*len(t.calls) + i }

// table evaluates every distinct policy for some of the calls, which are ordered by action.
func (w *who) table(calls []int) *whoTable {
	t := &whoTable{
		calls: calls, policies: make([]whoBits, len(w.policies)*len(calls)), stacks: make([]whoBits, len(w.stacks)*len(calls)),
	}
	parallel(len(w.policies), func(lo, hi int) {
		// One for all: what it refers to need not be allocated again and again.
		e := &evaluation{set: &PolicySet{}, request: &Request{}}
		touched := &Policy{}
		for id := lo; id < hi; id++ {
			row := t.policies[t.at(int32(id), 0):][:len(calls)]
			for from := 0; from < len(calls); {
				to := w.sameAction(calls, from)
				w.fill(e, touched, &w.policies[id], calls[from:to], row[from:to])
				from = to
			}
		}
	})
	for id := range w.stacks {
		for i := range calls {
			t.stacks[t.at(int32(id), i)] = t.stackBits(w.stacks[id].levels, i)
		}
	}
	return t
}

// sameAction returns the end of the run of calls with one action that begins at from.
func (w *who) sameAction(calls []int, from int) int {
	to := from + 1
	for to < len(calls) && w.calls[calls[to]].Action == w.calls[calls[from]].Action {
		to++
	}
	return to
}

// fill evaluates one policy for calls of one action. Only the statements that are about the action are looked at for
// each call.
func (w *who) fill(e *evaluation, touched *Policy, p *sharedPolicy, calls []int, row []whoBits) {
	first := &w.calls[calls[0]]
	e.request.Action, e.filter = first.Action, first.filter
	e.about(p.common, touched)
	if len(touched.statements) > 0 {
		for i, at := range calls {
			c := &w.calls[at]
			e.request.Resource, e.request.Account, e.request.Context = c.Resource, c.account, c.shared
			e.allowed, e.denied = 0, 0
			e.own(p.layer, touched)
			row[i] = bitsOf(e.allowed != 0, e.denied != 0)
		}
	}
	if p.personal == nil {
		return
	}
	if e.about(p.personal, touched); len(touched.statements) > 0 {
		for i := range row {
			row[i] |= whoPersonal
		}
	}
}

// about makes a policy of those statements of another whose actions match the request's.
func (e *evaluation) about(p, touched *Policy) {
	touched.filters, touched.statements = touched.filters[:0], touched.statements[:0]
	for i := range p.statements {
		if p.filters[i].passes(&e.filter) && p.statements[i].action(e) {
			touched.add(p, i)
		}
	}
}

// add appends the i-th statement of another policy.
func (p *Policy) add(from *Policy, i int) {
	p.filters, p.statements = append(p.filters, from.filters[i]), append(p.statements, from.statements[i])
}

func bitsOf(allows, denies bool) (bits whoBits) {
	if allows {
		bits |= whoAllows
	}
	if denies {
		bits |= whoDenies
	}
	return bits
}

// stackBits joins the answers of a tree of policies as [evaluation.levels] does: every level must allow.
func (t *whoTable) stackBits(levels [][]int32, i int) whoBits {
	bits := whoAllows
	for _, level := range levels {
		any := t.anyOf(level, i)
		bits = (bits | any&^whoAllows) &^ (whoAllows &^ any)
	}
	return bits
}

// anyOf joins the answers of policies of which any may allow.
func (t *whoTable) anyOf(ids []int32, i int) (bits whoBits) {
	for _, id := range ids {
		bits |= t.policies[t.at(id, i)]
	}
	return bits
}

// decide answers the calls of a table for the subjects lo to hi.
func (w *who) decide(t *whoTable, lo, hi int, a *Access) {
	j := judge{who: w, table: t}
	j.set, j.request = &PolicySet{}, &Request{}
	for s := lo; s < hi; s++ {
		j.subject = &w.subjects[s]
		*j.set = j.subject.set
		j.request.Principal = j.subject.Principal
		j.request.Principal.Account = j.subject.Principal.account()
		j.scps = j.limitedBySCPs()
		for i, at := range t.calls {
			a.outcomes[at*a.subjects+s] = j.call(&w.calls[at], i)
		}
	}
}

// judge answers calls of one subject after the other.
type judge struct {
	evaluation
	who     *who
	table   *whoTable
	subject *whoSubject
}

// call answers the table's i-th call. It does what run and decide do, with the answers that are known already; the
// policies that name principals are evaluated for each subject.
func (j *judge) call(c *whoCall, i int) Outcome {
	r := j.request
	r.Action, r.Resource, r.Account, r.Context = c.Action, c.Resource, c.account, c.shared
	j.set.Resource, j.set.Trust = c.ResourcePolicy, c.Trust
	j.filter, j.allowed, j.denied, j.grant, j.waived = c.filter, 0, 0, grantNone, false
	personal := j.known(LayerIdentity, j.table.anyOf(j.subject.identity, i)) |
		j.known(LayerSession, j.table.anyOf(j.subject.session, i)) |
		j.known(LayerBoundary, j.table.anyOf(j.subject.boundary, i))
	if j.scps {
		personal |= j.known(LayerSCP, j.table.stacks[j.table.at(j.subject.stack, i)])
	}
	if j.denied != 0 && !r.needsNoPermission() {
		return ExplicitlyDenied
	}
	if personal != 0 || c.personal || j.subject.personal {
		r.Context = c.given.over(j.subject.context)
	}
	if personal != 0 {
		j.personal(personal, i)
	}
	j.trust()
	j.resource()
	j.resourcePolicies()
	j.endpoint()
	return j.outcome()
}

// known notes the answer of a layer, and returns the layer when the answer also depends on the subject.
func (j *judge) known(l Layer, bits whoBits) layers {
	if bits&whoAllows != 0 {
		j.allowed |= 1 << l
	}
	if bits&whoDenies != 0 {
		j.denied |= 1 << l
	}
	if bits&whoPersonal != 0 {
		return 1 << l
	}
	return 0
}

// personal evaluates the statements that depend on the subject.
func (j *judge) personal(of layers, i int) {
	j.evaluate(j.subject.identity, i)
	j.evaluate(j.subject.session, i)
	j.evaluate(j.subject.boundary, i)
	if !of.has(LayerSCP) {
		return
	}
	s := &j.who.stacks[j.subject.stack]
	if s.whole {
		j.allowed &^= 1 << LayerSCP // only all levels together allow
		j.levels(LayerSCP, j.set.SCPs)
		return
	}
	for _, ids := range s.levels {
		j.evaluate(ids, i)
	}
}

// evaluate evaluates the statements of policies that depend on the subject and are about the table's i-th call.
func (j *judge) evaluate(ids []int32, i int) {
	for _, id := range ids {
		if j.table.policies[j.table.at(id, i)]&whoPersonal != 0 {
			j.own(j.who.policies[id].layer, j.who.policies[id].personal)
		}
	}
}

// outcome is decide without its reasons. Most calls of most subjects end in one of the first two cases, which are cheap.
func (e *evaluation) outcome() Outcome {
	attached := e.set.Resource != nil || e.set.Trust != nil
	switch {
	case e.request.needsNoPermission():
	case e.denied != 0:
		return ExplicitlyDenied
	case !attached && !e.allowed.has(LayerIdentity):
		return ImplicitlyDenied // nobody grants it
	}
	return e.decide().Outcome
}
