package iam

import (
	"slices"
	"strconv"
	"strings"
)

// conditionPredicate is what a condition says, by what the request has for its key.
type conditionPredicate struct {
	key    string // in lower case
	set    setOperator
	isNull bool
	family family
	probe  probe
	// known is what the condition says when nothing but the number and emptiness of the values matters.
	known [shapeCount]answer
	// constant is set when the key is pinned.
	constant answer
	// meets says which of the key's points meet the condition, as far as it was asked.
	meets []bool
}

// probe asks the evaluator about one condition: it is a policy that says nothing else.
type probe struct {
	policies PolicySet
	effect   Effect
	// broken is set when there is no such policy. Compiled policies have no such condition.
	broken bool
}

func newProbe(src *Condition, st *sourceStatement) probe {
	version := Version2008
	if st.variables {
		version = Version2012
	}
	all := []string{"*"}
	policy, err := Compile(&Document{Name: "condition", Version: version, Statements: []Statement{
		{Effect: st.Effect, Actions: all, Resources: all, Conditions: []Condition{*src}},
	}})
	return probe{PolicySet{Identity: []*Policy{policy}}, st.Effect, err != nil}
}

// probing is who asks: conditions do not look at it.
var probing = memberOf(exampleAccounts[0])

func (p *probe) holds(c Context) bool {
	r := Request{Principal: probing, Account: probing.Account, Action: "x:x", Resource: "*", Context: c}
	applies := Allowed
	if p.effect == Deny {
		applies = ExplicitlyDenied
	}
	return p.policies.Evaluate(&r).Outcome == applies
}

// answer is the truth of a predicate, when it is known.
type answer uint8

const (
	answerUnknown answer = iota
	answerNo
	answerYes
)

func answerOf(b bool) answer {
	if b {
		return answerYes
	}
	return answerNo
}

// valueShape is what a request can have for a context key, as far as conditions tell it apart.
type valueShape uint8

const (
	shapeAbsent  valueShape = iota
	shapeOne                // one value, not empty
	shapeEmpty              // one empty value
	shapeSeveral            // several values, not all empty
	shapeEmpties            // several values, all empty

	shapeCount
)

// A value of each shape for the conditions that look at nothing else.
var shapeExamples = [shapeCount][]string{nil, {"x"}, {""}, {"x", "y"}, {"", ""}}

// family is how an operator reads values.
type family uint8

const (
	familyText    family = iota // strings, ARNs, Booleans, binaries: sets of strings
	familyNumeric               // these are decided by finitely many values, see points
	familyDate
	familyAddress

	familyCount
)

// contextKey collects what the statements say about one key.
type contextKey struct {
	name      string // as a statement writes it
	families  [familyCount]bool
	constants []string // the values that conditions compare it with
	size      int      // of all constants, in bytes
	work      int      // steps that making points of them takes
	long      bool     // there is a number that is too long to make points of
	points    []string // see pointsOf
}

// maxDigits is how long a number may be to be a point. The evaluator compares longer ones, too; nobody writes them.
const maxDigits = 1000

// learn adds what a condition compares a key with. What was found out without it counts no more.
func (m *model) learn(k *contextKey, dimension int, f family, values []string) {
	if k.points != nil || len(m.possible) > 0 {
		k.points = nil
		clear(m.possible)
		for _, p := range m.predicates {
			if p.dimension == dimension && p.condition != nil {
				p.condition.meets = nil
			}
		}
	}
	k.families[f] = true
	k.constants = append(k.constants, values...)
	for _, v := range values {
		k.size += len(v)
		if f == familyNumeric && len(v) > maxDigits {
			k.long = true
			continue
		}
		k.work += 1 + len(v)*len(v)/64 // arithmetic with n digits
	}
}

// finite says whether the points are enough to decide what is possible, and not too hard to work out.
func (k *contextKey) finite() bool {
	n := 0
	for f := familyText; f < familyCount; f++ {
		if k.families[f] {
			n++
		}
	}
	return n == 1 && !k.families[familyText] && !k.long
}

func familyOf(base string) family {
	switch {
	case strings.HasPrefix(base, "Numeric"):
		return familyNumeric
	case strings.HasPrefix(base, "Date"):
		return familyDate
	case strings.Contains(base, "IpAddress"):
		return familyAddress
	}
	return familyText
}

// key returns the dimension of a context key.
func (m *model) key(name string) int {
	lower := strings.ToLower(name)
	if d, ok := m.dimensions[lower]; ok {
		return d
	}
	d := firstKey + len(m.keys)
	m.dimensions[lower] = d
	m.keys = append(m.keys, &contextKey{name: name})
	return d
}

// conditionPredicate is the predicate of a condition. A value that an operator cannot read is answered differently in an
// Allow and in a Deny, so the effect is part of it.
func (m *model) conditionPredicate(src *Condition, st *sourceStatement) *predicate {
	deny := st.Effect == Deny
	name := nameOf(src.Operator, deny, st.variables, src.Values)
	return m.intern(m.key(src.Key), name, func(p *predicate) {
		operator, set := cutSet(src.Operator)
		base := strings.TrimSuffix(operator, "IfExists")
		c := &conditionPredicate{key: strings.ToLower(src.Key), set: set, isNull: base == "Null", family: familyOf(base)}
		p.condition = c
		k := m.keys[p.dimension-firstKey]
		if c.probe = newProbe(src, st); c.probe.broken {
			return // nothing is known about it
		}
		m.spend(compileSteps)
		c.fill()
		if !c.isNull {
			m.learn(k, p.dimension, c.family, src.Values)
			m.readValues(p, base, src, st)
		}
		if _, pinned := m.pins[c.key]; pinned && len(m.variables(src.Values, st.variables)) == 0 {
			c.constant = answerOf(c.probe.holds(m.pinned))
		}
	})
}

// What asking the evaluator costs, and making the policy for it.
const (
	probeSteps   = 8
	compileSteps = 64
)

// fill asks the evaluator about everything that does not depend on the text of values.
func (c *conditionPredicate) fill() {
	for shape, example := range shapeExamples {
		if !c.byText(valueShape(shape)) {
			c.known[shape] = answerOf(c.probe.holds(NewContext(map[string][]string{c.key: example})))
		}
	}
}

// byText says whether the text of the values matters.
func (c *conditionPredicate) byText(shape valueShape) bool {
	switch {
	case c.isNull:
		return false
	case shape == shapeEmpty:
		return c.set == setNone && c.family == familyText
	case shape == shapeSeveral:
		return c.set != setNone
	}
	return shape == shapeOne
}

// readValues reads the values of a condition.
func (m *model) readValues(p *predicate, base string, src *Condition, st *sourceStatement) {
	c := p.condition
	if c.family != familyText {
		return
	}
	values, kind, how := src.Values, "text", syntax{variables: st.variables}
	p.negated = strings.Contains(base, "Not")
	switch {
	case base == "Bool":
		values, p.negated = boolWords(src.Values, st.Effect == Deny)
		kind, how = "bool", syntax{}
	case strings.HasPrefix(base, "Arn"):
		kind, how.wildcards = "arn", true
	case strings.HasSuffix(base, "IgnoreCase"):
		kind, how.fold = "folded", true
	case strings.HasSuffix(base, "Like"):
		kind, how.wildcards = "like", true
	case strings.HasPrefix(base, "Binary"):
		how.variables = false
	}
	if p.strings = m.boolSet(values); base != "Bool" {
		p.strings = m.stringSet(kind, values, how)
	}
	if e, ok := m.emptyAnswer(p); ok && c.set == setNone {
		c.known[shapeEmpty] = e
	}
}

// emptyAnswer is what the condition says about an empty value, when that does not depend on variables.
func (m *model) emptyAnswer(p *predicate) (answer, bool) {
	in, may := p.strings.lower.has(""), p.strings.upper.has("")
	return answerOf(in != p.negated), in == may
}

// boolWords returns the words that a Bool condition is about. A value that is neither true nor false does not meet an
// Allow's condition, and meets a Deny's: there it is the word that is not wanted that does not.
func boolWords(values []string, deny bool) (words []string, negated bool) {
	wants := map[bool]bool{}
	for _, v := range values {
		if b, err := parseBool(v); err == nil {
			wants[b] = true
		}
	}
	for _, b := range []bool{true, false} {
		if wants[b] != (deny && len(values) > 0) {
			words = append(words, strconv.FormatBool(b))
		}
	}
	return words, deny && len(values) > 0
}

func (m *model) boolSet(words []string) *stringSet {
	s := &stringSet{lower: &language{}}
	for _, w := range words {
		s.patterns = append(s.patterns, "bool"+w)
		s.lower.add([]part{{kind: partText, text: w}}, foldAll)
	}
	s.upper = s.lower
	return s
}

// variables lists the keys of the policy variables in patterns, in lower case, that are not pinned.
func (m *model) variables(patterns []string, known bool) (out []string) {
	if !known {
		return nil
	}
	for _, pattern := range patterns {
		parts, err := splitParts(pattern, syntax{variables: true})
		if err != nil {
			continue
		}
		for _, p := range parts {
			if _, pinned := m.pins[p.text]; p.kind == partVariable && !pinned {
				out = append(out, p.text)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
