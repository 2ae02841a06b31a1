package iam

import (
	"hash/maphash"
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
	hashes    map[*Policy]uint64
	byAddress map[policyPlace]int32
	byContent map[contentPlace][]int32
	stacks    map[string]int32
}

type policyPlace struct {
	policy *Policy
	layer  Layer
}

type contentPlace struct {
	hash  uint64
	layer Layer
}

func newInterner(w *who, differing map[string]bool) *interner {
	in := &interner{
		who: w, differing: differing, hashes: map[*Policy]uint64{},
		byAddress: map[policyPlace]int32{}, byContent: map[contentPlace][]int32{}, stacks: map[string]int32{},
	}
	in.hash()
	return in
}

// hash hashes every policy that a subject has, each once.
func (in *interner) hash() {
	var distinct []*Policy
	note := func(list ...*Policy) {
		for _, p := range list {
			if _, known := in.hashes[p]; !known && p != nil {
				in.hashes[p] = 0
				distinct = append(distinct, p)
			}
		}
	}
	for i := range in.who.subjects {
		if set := in.who.subjects[i].Policies; set != nil {
			note(set.Identity...)
			note(set.Session...)
			note(set.Boundary)
			for _, level := range set.SCPs {
				note(level...)
			}
		}
	}
	seed, sums := maphash.MakeSeed(), make([]uint64, len(distinct))
	parallel(len(distinct), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			sums[i] = hashDocument(seed, distinct[i].document)
		}
	})
	for i, p := range distinct {
		in.hashes[p] = sums[i]
	}
}

// subject fills in the indexes of a subject's policies.
func (in *interner) subject(m *whoSubject) {
	if m.Policies == nil {
		return
	}
	m.set = *m.Policies
	m.set.Resource, m.set.Trust = nil, nil
	m.identity = in.list(LayerIdentity, m.set.Identity)
	m.session = in.list(LayerSession, m.set.Session)
	m.boundary = in.list(LayerBoundary, []*Policy{m.set.Boundary})
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

func (in *interner) list(l Layer, policies []*Policy) []int32 {
	if len(policies) == 0 {
		return nil
	}
	out := make([]int32, 0, len(policies))
	for _, p := range policies {
		if p != nil {
			out = append(out, in.policy(l, p))
		}
	}
	return out
}

func (in *interner) policy(l Layer, p *Policy) int32 {
	at := policyPlace{p, l}
	if id, ok := in.byAddress[at]; ok {
		return id
	}
	content := contentPlace{in.hashes[p], l}
	for _, id := range in.byContent[content] {
		if equalDocuments(in.who.policies[id].document, p.document) {
			in.byAddress[at] = id
			return id
		}
	}
	id := int32(len(in.who.policies))
	in.who.policies = append(in.who.policies, in.divide(l, p))
	in.byAddress[at] = id
	in.byContent[content] = append(in.byContent[content], id)
	return id
}

func (in *interner) stack(levels [][]*Policy) int32 {
	var s stack
	var name []byte
	for _, level := range levels {
		ids := in.list(LayerSCP, level)
		s.levels = append(s.levels, ids)
		for _, id := range ids {
			s.whole = s.whole || allows(in.who.policies[id].personal)
			name = append(name, byte(id), byte(id>>8), byte(id>>16), byte(id>>24))
		}
		name = append(name, 0xff, 0xff, 0xff, 0xff) // no index
	}
	if id, ok := in.stacks[string(name)]; ok {
		return id
	}
	id := int32(len(in.who.stacks))
	in.who.stacks = append(in.who.stacks, s)
	in.stacks[string(name)] = id
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
	return a == b || a.Version == b.Version && slices.EqualFunc(a.Statements, b.Statements, equalStatements)
}

func equalStatements(a, b Statement) bool {
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
