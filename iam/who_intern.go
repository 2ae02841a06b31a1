package iam

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"slices"
	"strings"
)

// sharedPolicy is a policy in one layer, for everybody who has it or one with the same content there.
type sharedPolicy struct {
	document *Document
	layer    Layer
	// common are the statements that answer everybody alike, personal those that read what subjects differ in;
	// nil when there are none.
	common, personal *Policy
}

// stack is a tree of service control policies, each level as indexes of policies.
type stack struct {
	levels [][]int32
	// whole says that a statement which allows reads what subjects differ in: the levels must be evaluated together.
	whole bool
}

// interner gives equal policies the same index. Policies are found by their address, then by a hash of their content,
// and are compared in full, so that the hash decides nothing.
type interner struct {
	who       *who
	differing map[string]bool
	places    map[*Policy]int32 // in found
	found     []foundPolicy
	byContent map[contentPlace][]int32
	stacks    map[string]int32
	last      [][]*Policy // the tree of which the stack was asked last, and its index: most subjects are under the same
	lastStack int32
}

// foundPolicy is a policy that some subject has.
type foundPolicy struct {
	policy *Policy
	hash   uint64
	ids    [layerCount]int32 // its index in each layer, from 1
}

type contentPlace struct {
	hash  uint64
	layer Layer
}

func newInterner(w *who, differing map[string]bool) *interner {
	in := &interner{
		who: w, differing: differing, places: make(map[*Policy]int32, len(w.subjects)),
		byContent: map[contentPlace][]int32{}, stacks: map[string]int32{},
	}
	for i := range w.subjects {
		in.find(&w.subjects[i])
	}
	seed := maphash.MakeSeed()
	parallel(len(in.found), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			in.found[i].hash = hashDocument(seed, in.found[i].policy.document)
		}
	})
	return in
}

// find notes where the policies of a subject are in found, except for its service control policies.
func (in *interner) find(m *whoSubject) {
	if m.Policies == nil {
		return
	}
	m.set = *m.Policies
	m.set.Resource, m.set.Trust = nil, nil
	m.identity = in.note(m.set.Identity...)
	m.session = in.note(m.set.Session...)
	m.boundary = in.note(m.set.Boundary)
	if !in.sameTree(m.set.SCPs) {
		in.last = m.set.SCPs
		for _, level := range m.set.SCPs {
			in.note(level...)
		}
	}
}

// note returns the places of policies in found.
func (in *interner) note(policies ...*Policy) (places []int32) {
	for _, p := range policies {
		if p == nil {
			continue
		}
		place, known := in.places[p]
		if !known {
			place = int32(len(in.found))
			in.found = append(in.found, foundPolicy{policy: p})
			in.places[p] = place
		}
		places = append(places, place)
	}
	return places
}

// sameTree says whether the tree is the one that was seen last.
func (in *interner) sameTree(levels [][]*Policy) bool {
	return len(levels) > 0 && len(levels) == len(in.last) && &levels[0] == &in.last[0]
}

// subject turns the places of a subject's policies into their indexes.
func (in *interner) subject(m *whoSubject) {
	in.index(LayerIdentity, m.identity)
	in.index(LayerSession, m.session)
	in.index(LayerBoundary, m.boundary)
	if m.set.SCPs != nil {
		m.stack = in.stack(m.set.SCPs)
	}
	m.personal = in.personal(m.set.Endpoint)
	for _, level := range m.set.RCPs {
		for _, p := range level {
			m.personal = m.personal || in.personal(p)
		}
	}
}

func (in *interner) index(l Layer, places []int32) []int32 {
	for i, place := range places {
		places[i] = in.policy(l, &in.found[place])
	}
	return places
}

func (in *interner) policy(l Layer, p *foundPolicy) int32 {
	if id := p.ids[l]; id > 0 {
		return id - 1
	}
	content := contentPlace{p.hash, l}
	for _, id := range in.byContent[content] {
		if equalDocuments(in.who.policies[id].document, p.policy.document) {
			p.ids[l] = id + 1
			return id
		}
	}
	id := int32(len(in.who.policies))
	in.who.policies = append(in.who.policies, in.divide(l, p.policy))
	p.ids[l] = id + 1
	in.byContent[content] = append(in.byContent[content], id)
	return id
}

func (in *interner) stack(levels [][]*Policy) int32 {
	if len(in.who.stacks) > 0 && in.sameTree(levels) {
		return in.lastStack
	}
	var s stack
	var name []byte
	for _, level := range levels {
		ids := in.index(LayerSCP, in.note(level...))
		s.levels = append(s.levels, ids)
		for _, id := range ids {
			s.whole = s.whole || allows(in.who.policies[id].personal)
			name = binary.LittleEndian.AppendUint32(name, uint32(id))
		}
		name = binary.LittleEndian.AppendUint32(name, math.MaxUint32) // no index
	}
	id, known := in.stacks[string(name)]
	if !known {
		id = int32(len(in.who.stacks))
		in.who.stacks = append(in.who.stacks, s)
		in.stacks[string(name)] = id
	}
	in.last, in.lastStack = levels, id
	return id
}

// divide divides a policy's statements into the common and the personal ones.
func (in *interner) divide(l Layer, p *Policy) sharedPolicy {
	out := sharedPolicy{document: p.document, layer: l, common: p}
	if !in.personal(p) {
		return out
	}
	out.common, out.personal = &Policy{}, &Policy{}
	for i := range p.statements {
		part := out.common
		if in.reads(&p.document.Statements[i]) {
			part = out.personal
		}
		part.add(p, i)
	}
	return out
}

// allows says whether any statement of a policy allows.
func allows(p *Policy) bool {
	return p != nil && slices.ContainsFunc(p.statements, func(st statement) bool { return !st.deny })
}

// personal says whether a policy reads a key in which subjects differ.
func (in *interner) personal(p *Policy) bool {
	if p == nil || len(in.differing) == 0 {
		return false
	}
	for i := range p.document.Statements {
		if in.reads(&p.document.Statements[i]) {
			return true
		}
	}
	return false
}

func (in *interner) reads(st *Statement) bool {
	for i := range st.Conditions {
		c := &st.Conditions[i]
		if in.differing[strings.ToLower(c.Key)] || slices.ContainsFunc(c.Values, in.mentions) {
			return true
		}
	}
	return slices.ContainsFunc(st.Resources, in.mentions) || slices.ContainsFunc(st.NotResources, in.mentions)
}

// mentions says whether a text has a policy variable in which subjects differ. In a document without variables it is
// no variable, and the policy is evaluated once too often.
func (in *interner) mentions(text string) bool {
	for {
		at := strings.Index(text, "${")
		if at < 0 {
			return false
		}
		text = text[at+2:]
		end := strings.IndexAny(text, ",}")
		if end < 0 {
			return false
		}
		if in.differing[strings.ToLower(strings.TrimSpace(text[:end]))] {
			return true
		}
	}
}

// hashDocument hashes what decides about a request.
func hashDocument(seed maphash.Seed, d *Document) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	text := func(s string) {
		// Errors of a maphash.Hash are always nil.
		_, _ = h.WriteString(s)
		_ = h.WriteByte(0)
	}
	list := func(list []string) {
		for _, s := range list {
			text(s)
		}
		_ = h.WriteByte(1)
	}
	text(d.Version)
	for i := range d.Statements {
		st := &d.Statements[i]
		text(string(st.Effect))
		for _, strings := range [][]string{st.Actions, st.NotActions, st.Resources, st.NotResources} {
			list(strings)
		}
		for j := range st.Conditions {
			text(st.Conditions[j].Operator)
			text(st.Conditions[j].Key)
			list(st.Conditions[j].Values)
		}
	}
	return h.Sum64()
}

// equalDocuments says whether two documents are the same to every request.
func equalDocuments(a, b *Document) bool {
	if a == b {
		return true
	}
	if a.Version != b.Version || len(a.Statements) != len(b.Statements) {
		return false
	}
	for i := range a.Statements {
		if !equalStatements(&a.Statements[i], &b.Statements[i]) {
			return false
		}
	}
	return true
}

func equalStatements(a, b *Statement) bool {
	return a.Effect == b.Effect &&
		slices.Equal(a.Actions, b.Actions) && slices.Equal(a.NotActions, b.NotActions) &&
		slices.Equal(a.Resources, b.Resources) && slices.Equal(a.NotResources, b.NotResources) &&
		slices.EqualFunc(a.Principals, b.Principals, equalPrincipals) &&
		slices.EqualFunc(a.NotPrincipals, b.NotPrincipals, equalPrincipals) &&
		slices.EqualFunc(a.Conditions, b.Conditions, func(x, y Condition) bool {
			return x.Operator == y.Operator && x.Key == y.Key && slices.Equal(x.Values, y.Values)
		})
}

func equalPrincipals(a, b PrincipalPattern) bool {
	return a.Kind == b.Kind && slices.Equal(a.Values, b.Values)
}
