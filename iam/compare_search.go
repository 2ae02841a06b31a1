package iam

import "slices"

// situation is what is wanted of a request so far, by dimension.
type situation []facet

// facet is what is wanted in one dimension: literals, sorted.
type facet struct {
	dimension int
	literals  []literal
}

// at returns the literals of a dimension.
func (s situation) at(dimension int) []literal {
	for i := range s {
		if s[i].dimension == dimension {
			return s[i].literals
		}
	}
	return nil
}

// narrowed adds a literal. The situation is not changed.
func (m *model) narrowed(s situation, l literal) situation {
	d := m.of(l).dimension
	m.spend(1 + len(s))
	joined := m.joined(s, l)
	for i := range s {
		if s[i].dimension == d {
			s = slices.Clone(s)
			s[i].literals = joined
			return s
		}
	}
	return append(s[:len(s):len(s)], facet{d, joined})
}

// joined returns the literals of l's dimension with l among them.
func (m *model) joined(s situation, l literal) []literal {
	old := s.at(m.of(l).dimension)
	at, found := slices.BinarySearch(old, l)
	if found {
		return old
	}
	out := make([]literal, len(old)+1)
	copy(out, old[:at])
	out[at] = l
	copy(out[at+1:], old[at:])
	return out
}

// inside returns the situation of a request of a scope that all boxes cover; ok is false when there is none.
func (m *model) inside(part scope, boxes ...*box) (s situation, ok bool) {
	for _, l := range m.scoped(part) {
		s = m.narrowed(s, l)
	}
	for _, b := range boxes {
		for _, p := range b.predicates {
			s = m.narrowed(s, newLiteral(p, true))
		}
	}
	for i := range s {
		if !m.can(s[i].dimension, s[i].literals) {
			return nil, false
		}
	}
	return s, true
}

// apart drops the boxes that have no request in common with the situation, which is inside of some others.
func (m *model) apart(s situation, inside, boxes []*box) (near []*box) {
	m.spend(len(boxes) / 8) // most are told apart by their beginnings
	for _, b := range boxes {
		if m.empty() {
			return boxes
		}
		if slices.ContainsFunc(inside, b.beginsApart) {
			continue
		}
		if !slices.ContainsFunc(b.predicates, func(p *predicate) bool { return !m.can(p.dimension, m.joined(s, newLiteral(p, true))) }) {
			near = append(near, b)
		}
	}
	return near
}

// outside narrows a situation until none of the boxes covers the request; ok is false when that cannot be. When the budget
// ends before that is known, ok is true.
//
// It is the search of a SAT solver: every box must be escaped by one of its predicates. Boxes with one way out decide
// (propagate), and where there are several ways, each is tried without the ways before it.
func (m *model) outside(s situation, boxes []*box) (situation, bool) {
	s, open, ok := m.propagate(s, boxes)
	if !ok || len(open) == 0 || m.empty() {
		return s, ok
	}
	b := slices.MinFunc(open, func(x, y way) int { return len(x.literals) - len(y.literals) })
	rest := make([]*box, 0, len(open))
	for _, w := range open {
		rest = append(rest, w.box)
	}
	for _, l := range b.literals {
		if found, ok := m.outside(m.narrowed(s, l), rest); ok {
			return found, true
		}
		if s = m.narrowed(s, l.not()); !m.can(m.of(l).dimension, s.at(m.of(l).dimension)) {
			return nil, false
		}
	}
	return nil, false
}

// way is a box and the literals that would each escape it.
type way struct {
	box      *box
	literals []literal
}

// propagate follows the only ways out until there are no more boxes with one.
func (m *model) propagate(s situation, boxes []*box) (_ situation, open []way, ok bool) {
	for {
		open = open[:0]
		changed := false
		for _, b := range boxes {
			if m.empty() {
				return s, nil, true
			}
			ways, escaped := m.ways(s, b)
			switch {
			case escaped:
			case len(ways) == 0:
				return nil, nil, false
			case len(ways) == 1:
				s, changed = m.narrowed(s, ways[0]), true
			default:
				open = append(open, way{b, ways})
			}
		}
		if !changed {
			return s, open, true
		}
		boxes = boxes[:0:0]
		for _, w := range open {
			boxes = append(boxes, w.box)
		}
	}
}

// ways returns the literals that would take the situation out of the box, unless it is out of it already.
func (m *model) ways(s situation, b *box) (ways []literal, escaped bool) {
	for _, p := range b.predicates {
		in := newLiteral(p, true)
		if slices.Contains(s.at(p.dimension), in.not()) || !m.can(p.dimension, m.joined(s, in)) {
			return nil, true
		}
		if m.can(p.dimension, m.joined(s, in.not())) {
			ways = append(ways, in.not())
		}
	}
	return ways, false
}
