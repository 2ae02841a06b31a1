package iam

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// box is a statement as the comparison sees it: the requests that meet all of its predicates. No two of them speak
// of the same thing but for conditions on one key.
type box struct {
	source     *sourceStatement
	predicates []*predicate
	key        string // equal for equal boxes
	// heads are what all of the statement's actions and resources begin with.
	heads [firstKey]string
}

// sourceStatement is a statement with what its document says about it.
type sourceStatement struct {
	*Statement
	ref       StatementRef
	variables bool // the document's version knows policy variables
	exempt    bool // no policy's: see [comparison.exempt]
}

func sourceStatements(policies []*Policy) (out []*sourceStatement) {
	for _, p := range policies {
		if p == nil {
			continue
		}
		d := p.Document()
		for i := range d.Statements {
			out = append(out, &sourceStatement{&d.Statements[i], newRef(d, i), d.Version == Version2012, false})
		}
	}
	return out
}

// predicate is a test of one thing about a request: its action, resource, caller or one context key. Predicates that
// say the same in the same words are one.
type predicate struct {
	id        int
	dimension int
	// strings are the values that are met (with negated: that are not met) by a request that has one.
	strings *stringSet
	negated bool
	// condition is set for conditions.
	condition *conditionPredicate
	// members are the places in a finite dimension that meet the predicate, once they are worked out.
	members bitset
	caller  *sourceStatement // whose Principal or NotPrincipal this is
}

// The dimensions that all comparisons have. Those from firstKey on are context keys.
const (
	dimensionAction = iota
	dimensionResource
	dimensionCaller
	firstKey
)

// stringSet is a set of strings of which two bounds are known: lower is part of it, and it is part of upper.
// They are one language unless policy variables are involved.
type stringSet struct {
	lower, upper *language
	// patterns are the patterns as they are written. Two sets of the same patterns are equal, whatever their variables
	// stand for.
	patterns []string
	head     string // what all strings begin with
	// symbolic are the patterns with a character for each variable; nil where some cannot be read that way.
	symbolic *language
}

func (s *stringSet) exact() bool { return s.lower == s.upper }

// within says whether the set is part of another one by the mere look of it.
func (s *stringSet) within(other *stringSet) bool {
	for _, p := range s.patterns {
		if !slices.Contains(other.patterns, p) {
			return false
		}
	}
	return true
}

// model turns statements into boxes. Context keys that are pinned have a known value.
type model struct {
	*budget
	actions    []string        // those that exist, in lower case; empty when every string is one
	names      []string        // the same as they are written
	callers    []caller        // empty for policies that name no principals
	trust      bool            // the policies name principals and no resources
	callerKeys map[string]bool // see callerKeys
	mentioned  []string        // the derived keys that the policies use
	home       string          // the account of whom no policy names
	typed      bitset          // the actions that have resource types; see [CompareOptions]
	pins       map[string][]string
	pinned     Context
	interned   map[string]*predicate
	predicates []*predicate
	sets       map[string]*stringSet
	dimensions map[string]int // of context keys
	keys       []*contextKey  // by dimension, from firstKey on
	possible   map[string]bool
	symbols    map[string]rune // of policy variables
	scratch    []byte
	// generous asks for examples in which stars stand for something. It is only set when something possible is spelled out.
	generous bool
}

func newModel(b *budget, pins map[string][]string) *model {
	return &model{
		budget: b, pins: pins, pinned: NewContext(pins), interned: map[string]*predicate{}, sets: map[string]*stringSet{},
		dimensions: map[string]int{}, possible: map[string]bool{}, symbols: map[string]rune{},
	}
}

// with returns a model of the same world that knows the values of some context keys.
func (m *model) with(pins map[string][]string) *model {
	out := newModel(m.budget, pins)
	out.actions, out.names, out.callers, out.trust = m.actions, m.names, m.callers, m.trust
	out.callerKeys, out.mentioned, out.home, out.typed = m.callerKeys, m.mentioned, m.home, m.typed
	return out
}

// box builds the box of a statement.
func (m *model) box(st *sourceStatement) *box {
	b := &box{source: st}
	how := syntax{wildcards: true, fold: true}
	if len(st.NotActions) > 0 {
		b.add(m.element(dimensionAction, "action", st.NotActions, how, true))
	} else {
		b.add(m.element(dimensionAction, "action", st.Actions, how, false))
	}
	how = syntax{wildcards: true, variables: st.variables, resource: true}
	switch {
	case len(st.NotResources) > 0:
		b.add(m.element(dimensionResource, "resource", m.resources(st, st.NotResources, true), how, true))
	case len(st.Resources) > 0:
		b.add(m.element(dimensionResource, "resource", m.resources(st, st.Resources, false), how, false))
	}
	switch {
	case len(m.callers) == 0:
	case st.exempt:
		b.add(m.signers())
	default:
		b.add(m.callerPredicate(st))
	}
	for i := range st.Conditions {
		if c := &st.Conditions[i]; m.callerKeys[strings.ToLower(c.Key)] {
			b.add(m.callerCondition(c, st))
		} else {
			b.add(m.conditionPredicate(c, st))
		}
	}
	return b.seal()
}

// resources returns the patterns that the evaluator makes of a Resource or NotResource element: incomplete ARNs count as
// completed, too, and some with variables match nothing; see [compiler.resources] and [statement.completes].
func (m *model) resources(st *sourceStatement, patterns []string, negated bool) (out []string) {
	deny := st.Effect == Deny
	for _, pattern := range patterns {
		if st.variables && deny == negated && variableBeforeResource(pattern) {
			continue
		}
		out = append(out, pattern)
		if whole, incomplete := completeARN(pattern, st.variables); incomplete && (len(m.callers) == 0 || deny != negated) {
			out = append(out, whole)
		}
	}
	return out
}

func (b *box) add(p *predicate) { b.predicates = append(b.predicates, p) }

// seal puts the predicates in order and names the box after them.
func (b *box) seal() *box {
	slices.SortFunc(b.predicates, func(x, y *predicate) int {
		if x.dimension != y.dimension {
			return x.dimension - y.dimension
		}
		return x.id - y.id
	})
	b.predicates = slices.Compact(b.predicates)
	var key []byte
	for _, p := range b.predicates {
		if p.dimension < firstKey && p.strings != nil && !p.negated {
			b.heads[p.dimension] = p.strings.head
		}
		key = append(strconv.AppendInt(key, int64(p.id), 36), ' ')
	}
	b.key = string(key)
	return b
}

// beginsApart says whether actions or resources begin so differently that no request is in both boxes.
func (b *box) beginsApart(other *box) bool {
	for d := range b.heads {
		x, y := b.heads[d], other.heads[d]
		if n := min(len(x), len(y)); x[:n] != y[:n] {
			return true
		}
	}
	return false
}

// element is the predicate of an Action or Resource element, or of one of their negations.
func (m *model) element(dimension int, kind string, patterns []string, how syntax, negated bool) *predicate {
	return m.intern(dimension, nameOf(kind, negated, how.variables, patterns), func(p *predicate) {
		p.strings, p.negated = m.stringSet(kind, patterns, how), negated
	})
}

// nameOf names a predicate; the order of patterns and their repetition do not matter.
func nameOf(kind string, negated, variables bool, patterns []string) string {
	sorted := slices.Clone(patterns)
	slices.Sort(sorted)
	var name strings.Builder
	name.WriteString(kind)
	name.WriteString(strconv.FormatBool(negated))
	name.WriteString(strconv.FormatBool(variables))
	for _, p := range slices.Compact(sorted) {
		name.WriteString(strconv.Quote(p))
	}
	return name.String()
}

// intern returns the predicate of that name, which fill completes when it is new.
func (m *model) intern(dimension int, name string, fill func(*predicate)) *predicate {
	name = strconv.Itoa(dimension) + name
	if p := m.interned[name]; p != nil {
		return p
	}
	p := &predicate{id: len(m.predicates), dimension: dimension}
	m.interned[name] = p
	m.predicates = append(m.predicates, p)
	m.spend(1 + len(name)/16)
	fill(p)
	return p
}

// stringSet reads patterns. kind tells patterns apart that are read in different ways.
func (m *model) stringSet(kind string, patterns []string, how syntax) *stringSet {
	name := nameOf(kind, false, how.variables, patterns)
	if s := m.sets[name]; s != nil {
		return s
	}
	var fold folding
	if how.fold && kind != "action" {
		fold = foldLetters
	}
	s := &stringSet{lower: &language{}}
	vague := false
	unread := false
	var upper, symbolic language
	for _, pattern := range patterns {
		s.patterns = append(s.patterns, nameOf(kind, false, how.variables, []string{pattern}))
		if kind == "action" {
			pattern = strings.ToLower(pattern)
		}
		parts, certain := m.parts(pattern, how, kind == "arn")
		if parts == nil {
			continue
		}
		upper.add(parts, fold)
		if certain || utf8.ValidString(pattern) && slices.ContainsFunc(parts, func(p part) bool { return p.kind == partVariable }) {
			symbolic.addSymbols(parts, fold, m.symbol)
		} else {
			unread = true
		}
		if head := headOf(parts); len(upper.starts) == 1 {
			s.head = head
		} else {
			s.head = commonHead(s.head, head)
		}
		if vague = vague || !certain; certain {
			s.lower.add(parts, fold)
		}
	}
	if s.upper = s.lower; vague {
		s.upper = &upper
	}
	if !unread {
		s.symbolic = &symbolic
	}
	m.spend(len(upper.positions) / 4)
	m.sets[name] = s
	return s
}

// symbol is the character that stands for a variable.
func (m *model) symbol(p part) rune {
	name := strconv.Quote(p.text) + strconv.Quote(p.fallback) + strconv.FormatBool(p.hasDefault)
	r, ok := m.symbols[name]
	if !ok {
		r = unicode.MaxRune + 1 + rune(len(m.symbols))
		m.symbols[name] = r
	}
	return r
}

// headOf is the text that a pattern begins with.
func headOf(parts []part) string {
	if len(parts) == 0 || parts[0].kind != partText {
		return ""
	}
	return parts[0].text
}

func commonHead(a, b string) string {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return a[:n]
}

var anything = []part{{kind: partStar}}

// parts reads one pattern, with pinned variables replaced. It is not certain when the parts match more than the pattern;
// nil parts match nothing.
func (m *model) parts(pattern string, how syntax, arn bool) (parts []part, certain bool) {
	if arn {
		return m.arnParts(pattern, how)
	}
	parts, err := splitParts(pattern, how)
	if err != nil || !utf8.ValidString(pattern) {
		return anything, false // compiled policies have no such pattern, or it is not text
	}
	if how.resource {
		parts = resourceWildcards(parts)
	}
	return m.resolve(parts)
}

// resolve replaces variables whose keys are pinned. A variable without a value matches nothing.
func (m *model) resolve(parts []part) ([]part, bool) {
	certain := true
	out := make([]part, 0, len(parts))
	for _, p := range parts {
		if p.kind == partVariable {
			if _, pinned := m.pins[p.text]; !pinned {
				certain = false
			} else {
				value, ok := p.resolve(m.pinned)
				if !ok {
					return nil, true
				}
				p = part{kind: partText, text: value}
			}
		}
		out = append(out, p)
	}
	return out, certain
}

// arnParts reads the pattern of an ARN operator: no wildcard reaches over the first five colons.
func (m *model) arnParts(pattern string, how syntax) (out []part, certain bool) {
	texts, hasVariable := splitARNPattern(pattern, how.variables)
	if len(texts) < arnParts {
		if pattern != "*" || hasVariable {
			return anything, false
		}
		texts = []string{"*", "*", "*", "*", "*", "*"}
	}
	certain = true
	for i, text := range texts {
		parts, sure := m.parts(text, how, false)
		if parts == nil {
			return nil, true
		}
		certain = certain && sure
		if i > 0 {
			out = append(out, part{kind: partText, text: ":"})
		}
		for _, p := range parts {
			if p = withinSegment(p, i < arnParts-1); p.kind == partText && i < arnParts-1 && strings.Contains(p.text, ":") {
				return nil, true // a variable's value that no segment can hold
			}
			out = append(out, p)
		}
	}
	return out, certain
}

// withinSegment keeps wildcards from matching the colons that end one of the first five segments.
func withinSegment(p part, first bool) part {
	if first && p.kind == partAny {
		p.kind = partAnyInSegment
	}
	if first && p.kind == partStar {
		p.tight = true
	}
	return p
}

// bitset is a set of places in a finite dimension.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) set(i int) { b[i/64] |= 1 << (i % 64) }
