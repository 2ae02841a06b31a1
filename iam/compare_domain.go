package iam

import (
	"encoding/binary"
	"iter"
	"slices"
	"strings"
)

// literal is a predicate that a request meets (wanted) or does not meet.
type literal int

func newLiteral(p *predicate, want bool) literal {
	l := literal(p.id) << 1
	if !want {
		l++
	}
	return l
}

func (l literal) not() literal { return l ^ 1 }
func (l literal) want() bool   { return l&1 == 0 }

func (m *model) of(l literal) *predicate { return m.predicates[l>>1] }

// can says whether some request meets the literals, which are sorted and of one dimension. It may say yes where policy
// variables, several kinds of values for one key or an empty budget keep it from knowing; no is proven.
func (m *model) can(dimension int, literals []literal) bool {
	if !m.spend(1 + len(literals)) {
		return true
	}
	for i := 1; i < len(literals); i++ {
		if literals[i] == literals[i-1].not() {
			return false
		}
	}
	m.scratch = binary.AppendUvarint(m.scratch[:0], uint64(dimension))
	for _, l := range literals {
		m.scratch = binary.AppendUvarint(m.scratch, uint64(l))
	}
	if known, ok := m.possible[string(m.scratch)]; ok {
		return known
	}
	key := string(m.scratch)
	yes := m.decide(dimension, literals)
	if m.empty() {
		return true
	}
	m.spend(nodeSteps + len(key))
	m.possible[key] = yes
	return yes
}

func (m *model) decide(dimension int, literals []literal) bool {
	switch {
	case dimension == dimensionCaller:
		_, ok := m.member(literals, len(m.callers))
		return ok
	case dimension == dimensionAction && len(m.actions) > 0:
		_, ok := m.member(literals, len(m.actions))
		return ok
	case dimension < firstKey:
		_, ok := m.text(literals, notEmpty)
		return ok
	}
	for shape := range shapeCount {
		if _, ok := m.values(dimension, shape, literals); ok {
			return true
		}
	}
	return false
}

// member returns the first place of a finite dimension that meets the literals.
func (m *model) member(literals []literal, n int) (int, bool) {
	for i := range m.membersAll(literals, n) {
		return i, true
	}
	return 0, false
}

// membersAll returns the places of a finite dimension that meet the literals; none when the budget is empty.
func (m *model) membersAll(literals []literal, n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for word := range (n + 63) / 64 {
			rest := ^uint64(0)
			for _, l := range literals {
				set := m.membersOf(m.of(l))
				if set == nil {
					return
				}
				if l.want() {
					rest &= set[word]
				} else {
					rest &^= set[word]
				}
			}
			for i := word * 64; i < min(n, word*64+64) && rest != 0; i++ {
				if rest&(1<<(i%64)) != 0 && !yield(i) {
					return
				}
			}
		}
	}
}

// membersOf returns the places that meet a predicate; nil when the budget is empty.
func (m *model) membersOf(p *predicate) bitset {
	if p.members != nil {
		return p.members
	}
	if p.dimension == dimensionCaller {
		return m.callersOf(p)
	}
	set := newBitset(len(m.actions))
	for i, action := range m.actions {
		if !m.spend(4) {
			return nil
		}
		if p.strings.lower.has(action) != p.negated {
			set.set(i)
		}
	}
	p.members = set
	return set
}

// Languages that are used besides those of the policies.
var (
	notEmpty = requirement{patternLanguage("?*"), true}
	twoParts = requirement{patternLanguage("?*:?*"), true}
)

// patternLanguage is the language of a pattern that has wildcards and nothing to get wrong.
func patternLanguage(pattern string) *language {
	parts, err := splitParts(pattern, syntax{wildcards: true})
	l := &language{}
	if err == nil {
		l.add(parts, nil)
	}
	return l
}

// text returns a shortest string that meets the literals and the extra requirements.
func (m *model) text(literals []literal, extra ...requirement) (string, bool) {
	requirements := make([]requirement, 0, len(literals)+len(extra))
	for i, l := range literals {
		p := m.of(l)
		if p.strings == nil {
			continue // not known: it may be met
		}
		if m.contradicted(l, literals[i+1:]) {
			return "", false
		}
		if l.want() != p.negated {
			requirements = append(requirements, requirement{m.example(p.strings), true})
		} else if len(p.strings.lower.starts) > 0 {
			requirements = append(requirements, requirement{p.strings.lower, false})
		}
	}
	if m.covered(literals) {
		return "", false
	}
	// Those that must match come first: they end the search soonest.
	requirements = append(requirements, extra...)
	slices.SortStableFunc(requirements, func(a, b requirement) int { return order01(b.want) - order01(a.want) })
	return m.word(requirements)
}

// example is the language in which a string of the set is looked for.
func (m *model) example(s *stringSet) *language {
	if m.generous && s.exact() {
		return s.upper.generous()
	}
	return s.upper
}

func order01(b bool) int {
	if b {
		return 1
	}
	return 0
}

// contradicted says whether one literal wants a string in a set and another one wants it not to be in a larger one,
// by the mere look of them. Only where variables are involved is there anything that languages do not say better.
func (m *model) contradicted(l literal, others []literal) bool {
	p := m.of(l)
	if p.strings.exact() {
		return false
	}
	for _, other := range others {
		q := m.of(other)
		if q.strings == nil || q.strings.exact() {
			continue
		}
		in, out := l.want() != p.negated, other.want() != q.negated
		if in && !out && p.strings.within(q.strings) || out && !in && q.strings.within(p.strings) {
			return true
		}
	}
	return false
}

// covered says whether one literal wants a string in a set with variables that others do not leave, whatever the
// variables stand for: every string of it with a symbol for each variable is in a set that is not wanted. What a symbol
// stands for is in such a set, too, because only the same variable or a wildcard for everything takes a symbol.
func (m *model) covered(literals []literal) bool {
	var not []requirement
	vague := false
	for _, l := range literals {
		if p := m.of(l); p.strings != nil && p.strings.symbolic != nil && l.want() == p.negated {
			not = append(not, requirement{p.strings.symbolic, false})
			vague = vague || !p.strings.exact()
		}
	}
	if !vague {
		return false // languages decide
	}
	for _, l := range literals {
		p := m.of(l)
		if p.strings == nil || p.strings.symbolic == nil || p.strings.exact() || l.want() == p.negated {
			continue
		}
		if _, ok := m.word(append([]requirement{{p.strings.symbolic, true}}, not...)); !ok && !m.empty() {
			return true
		}
	}
	return false
}

// values returns what a request can have for a context key so that it meets the literals.
func (m *model) values(dimension int, shape valueShape, literals []literal) ([]string, bool) {
	k := m.keys[dimension-firstKey]
	if pin, pinned := m.pins[strings.ToLower(k.name)]; pinned {
		return pin, m.constants(literals, func(c *conditionPredicate) answer { return c.constant })
	}
	if !m.constants(literals, func(c *conditionPredicate) answer { return c.known[shape] }) {
		return nil, false
	}
	switch shape {
	case shapeOne:
		value, ok := m.value(k, literals, true)
		return []string{value}, ok
	case shapeSeveral:
		return m.several(k, literals)
	default:
		return shapeExamples[shape], true
	}
}

// constants says whether what is known agrees with the literals.
func (m *model) constants(literals []literal, known func(*conditionPredicate) answer) bool {
	for _, l := range literals {
		if a := known(m.of(l).condition); a != answerUnknown && a != answerOf(l.want()) {
			return false
		}
	}
	return true
}

// several finds a list of values: what a set operator says of all values holds for each, and for what it says of some
// value there is one.
func (m *model) several(k *contextKey, literals []literal) ([]string, bool) {
	var all, some []literal
	for _, l := range literals {
		c := m.of(l).condition
		switch {
		case c.isNull || c.set == setNone:
		case (c.set == setAll) == l.want():
			all = append(all, l)
		default:
			some = append(some, l)
		}
	}
	value, ok := m.value(k, all, true) // not all are empty
	if !ok {
		return nil, false
	}
	values := []string{value}
	for _, l := range some {
		with := append(slices.Clone(all), l)
		slices.Sort(with)
		if value, ok = m.value(k, with, false); !ok {
			return nil, false
		}
		if !slices.Contains(values, value) {
			values = append(values, value)
		}
	}
	if len(values) == 1 {
		values = append(values, m.another(k, all, values[0]))
	}
	return values, true
}

// another returns a second value if there is one, and the same otherwise.
func (m *model) another(k *contextKey, literals []literal, value string) string {
	if k.finite() {
		return value
	}
	same := &language{}
	same.add([]part{{kind: partText, text: value}}, nil)
	if other, ok := m.text(m.textual(literals), requirement{same, false}); ok {
		return other
	}
	return value
}

// value finds one value that meets the literals.
func (m *model) value(k *contextKey, literals []literal, nonempty bool) (string, bool) {
	textual := m.textual(literals)
	if k.finite() {
		return m.point(k, textual)
	}
	if nonempty {
		return m.text(textual, notEmpty)
	}
	return m.text(textual)
}

// textual leaves the literals that are about the text of values.
func (m *model) textual(literals []literal) (out []literal) {
	for _, l := range literals {
		if c := m.of(l).condition; !c.isNull {
			out = append(out, l)
		}
	}
	return out
}
