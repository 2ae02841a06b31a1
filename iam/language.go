package iam

import (
	"encoding/binary"
	"slices"
	"strings"
	"unicode"
)

// language is the set of strings that at least one of several patterns matches. It is a nondeterministic automaton:
// a position for every character that the patterns want, and one at the end of each. The deterministic automaton is
// never built; [budget.word] walks as much of it as it needs.
type language struct {
	positions []position
	starts    []int32
}

// position waits for one character. With a loop, it first takes any number of others: the star before it.
type position struct {
	takes taker
	loop  taker
	r     rune   // that takeRune takes
	fold  []rune // what it takes besides
	// covers is the first position of the run before this one that it makes superfluous: whatever is matched from there
	// is matched from here, because the loop swallows the way.
	covers int32
}

// taker says which characters a position takes.
type taker uint8

const (
	takeNothing taker = iota // as a position: the end of a pattern
	takeRune
	takeNoColon
	takeAny
)

// wide says what wildcards take. A symbol, which is beyond all characters, stands for text of any kind: only what takes all
// takes it, too.
func (t taker) wide(r rune) bool {
	return t == takeAny || t == takeNoColon && r != ':' && r <= unicode.MaxRune
}

func (p *position) accepts(r rune) bool {
	return p.takes.wide(r) && r <= unicode.MaxRune || p.takes == takeRune && (p.r == r || slices.Contains(p.fold, r))
}

// folding gives the other characters that a pattern's character equals.
type folding func(r rune) []rune

// foldLetters is how case is ignored in patterns, see [foldEqual].
func foldLetters(r rune) []rune {
	if r < unicode.MaxASCII {
		if other := unicode.SimpleFold(r); unicode.IsLetter(r) {
			for ; other != r; other = unicode.SimpleFold(other) {
				if other <= unicode.MaxASCII {
					return []rune{other}
				}
			}
		}
		return nil
	}
	return slices.DeleteFunc(foldAll(r), func(other rune) bool { return !foldEqual(r, other) })
}

// foldAll is how [strings.EqualFold] ignores case.
func foldAll(r rune) (out []rune) {
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		out = append(out, other)
	}
	return out
}

// add adds a pattern. A policy variable stands for any text: the language is then larger than what matches.
func (l *language) add(parts []part, fold folding) { l.addSymbols(parts, fold, nil) }

// addSymbols adds a pattern. With symbols, a policy variable is a character of its own: equal variables are equal ones.
func (l *language) addSymbols(parts []part, fold folding, symbol func(part) rune) {
	first := int32(len(l.positions))
	l.starts = append(l.starts, first)
	loop := takeNothing
	put := func(p position) {
		p.loop, loop = loop, takeNothing
		l.positions = append(l.positions, p)
		l.cover(first)
	}
	for i := range parts {
		switch p := &parts[i]; p.kind {
		case partText:
			for _, r := range p.text {
				c := position{takes: takeRune, r: r}
				if fold != nil {
					c.fold = fold(r)
				}
				put(c)
			}
		case partAny:
			put(position{takes: takeAny})
		case partAnyInSegment:
			put(position{takes: takeNoColon})
		case partStar:
			if p.tight {
				loop = max(loop, takeNoColon)
				continue
			}
			loop = takeAny
		default:
			if symbol != nil {
				put(position{takes: takeRune, r: symbol(*p)})
				continue
			}
			loop = takeAny
		}
	}
	put(position{})
}

// cover works out what the last position makes superfluous.
func (l *language) cover(first int32) {
	at := int32(len(l.positions)) - 1
	p := &l.positions[at]
	switch p.covers = at; p.loop {
	case takeAny:
		p.covers = first
	case takeNoColon:
		for p.covers > first {
			if q := &l.positions[p.covers-1]; q.accepts(':') || q.loop == takeAny || q.takes == takeRune && q.r > unicode.MaxRune {
				break
			}
			p.covers--
		}
	}
}

// generous is the language without the strings for which a star stands for nothing: they make poor examples.
func (l *language) generous() *language {
	out := &language{}
	first := int32(0)
	for i := range l.positions {
		if slices.Contains(l.starts, int32(i)) {
			first = int32(len(out.positions))
			out.starts = append(out.starts, first)
		}
		p := l.positions[i]
		if p.loop != takeNothing {
			out.positions = append(out.positions, position{takes: p.loop})
			out.cover(first)
		}
		out.positions = append(out.positions, p)
		out.cover(first)
	}
	return out
}

// words lists the strings of a language that is finite, because it has no wildcards and is not without regard to case.
func (l *language) words() (out []string, finite bool) {
	var word []rune
	for i := range l.positions {
		switch p := &l.positions[i]; {
		case p.loop != takeNothing || p.takes > takeRune || p.fold != nil:
			return nil, false
		case p.takes == takeNothing:
			out, word = append(out, string(word)), nil
		default:
			word = append(word, p.r)
		}
	}
	return out, true
}

// has says whether a string is in the language.
func (l *language) has(s string) bool {
	state, next := l.begin(nil, 0), []int32(nil)
	for _, r := range s {
		next = next[:0]
		for _, at := range state {
			next = l.advance(next, at, 0, 0, r)
		}
		if state, next = next, state; len(state) == 0 {
			return false
		}
	}
	return l.final(state, 0)
}

// begin appends the positions before the first character. They are counted from base, as in all that follows:
// several languages are walked at once.
func (l *language) begin(state []int32, base int32) []int32 {
	for _, at := range l.starts {
		state = append(state, base+at)
	}
	return state
}

// advance appends where a character leads from one position. low is the length of the state when this language's
// positions begin. Positions come in rising order, so a repeated or a covered one is at the end.
func (l *language) advance(state []int32, at, base int32, low int, r rune) []int32 {
	p := &l.positions[at-base]
	if p.loop.wide(r) {
		state = l.push(state, at, base, low)
	}
	if p.accepts(r) {
		state = l.push(state, at+1, base, low)
	}
	return state
}

func (l *language) push(state []int32, at, base int32, low int) []int32 {
	covers := base + l.positions[at-base].covers
	for len(state) > low && state[len(state)-1] >= covers {
		state = state[:len(state)-1]
	}
	return append(state, at)
}

func (l *language) final(state []int32, base int32) bool {
	for _, at := range state {
		if l.positions[at-base].takes == takeNothing {
			return true
		}
	}
	return false
}

// forever says whether every longer string is in the language, too.
func (l *language) forever(state []int32, base int32) bool {
	for _, at := range state {
		if p := &l.positions[at-base]; p.takes == takeNothing && p.loop == takeAny {
			return true
		}
	}
	return false
}

// requirement wants a string to be in a language, or not to be.
type requirement struct {
	language *language
	want     bool
}

// budget bounds work. A step is about one position of an automaton looked at.
type budget struct{ left int }

func (b *budget) spend(steps int) bool {
	b.left -= steps
	return b.left >= 0
}

func (b *budget) empty() bool { return b.left < 0 }

// walk looks for the shortest string that meets all requirements, breadth first.
type walk struct {
	*budget
	requirements []requirement
	bases        []int32
	nodes        []walkNode
	states       []int32 // of all nodes, one after the other
	seen         map[string]bool
	runes        []rune // these are only kept to be used again
	folded       []rune
	scratch      []int32
	key          []byte
}

// nodeSteps is what one state costs beside its characters: it is kept until the walk ends.
const nodeSteps = 16

// walkNode is a state that was reached, by one character from its parent.
type walkNode struct {
	from, to int // in walk.states
	parent   int
	r        rune
}

func (w *walk) state(at int) []int32 { return w.states[w.nodes[at].from:w.nodes[at].to] }

// word returns a shortest string that meets all requirements. When the budget ends before an answer is found,
// it says that there is none: the caller looks at the budget.
func (b *budget) word(requirements []requirement) (string, bool) {
	w := walk{budget: b, requirements: requirements}
	base := int32(0)
	var start []int32
	for _, q := range requirements {
		w.bases = append(w.bases, base)
		low := len(start)
		if start = q.language.begin(start, base); q.want && len(start) == low {
			return "", false
		}
		base += int32(len(q.language.positions))
	}
	w.bases = append(w.bases, base)
	w.visit(start, -1, 0)
	for at := 0; at < len(w.nodes); at++ {
		if w.accepted(w.state(at)) {
			return w.spell(at), true
		}
		runes := w.choices(w.state(at))
		if !w.spend(nodeSteps + len(runes)*(1+len(w.state(at)))) {
			return "", false
		}
		for _, r := range runes {
			// The only way on need not be remembered: where ways part again is.
			if next, alive := w.next(w.state(at), r); alive && (len(runes) == 1 || w.remember(next)) {
				w.visit(next, at, r)
			}
		}
	}
	return "", false
}

// visit queues a state.
func (w *walk) visit(state []int32, parent int, r rune) {
	from := len(w.states)
	w.states = append(w.states, state...)
	w.nodes = append(w.nodes, walkNode{from, len(w.states), parent, r})
}

// remember says whether a state is new.
func (w *walk) remember(state []int32) bool {
	w.key = w.key[:0]
	for _, at := range state {
		w.key = binary.LittleEndian.AppendUint32(w.key, uint32(at))
	}
	if w.seen[string(w.key)] {
		return false
	}
	if w.seen == nil {
		w.seen = map[string]bool{}
	}
	w.seen[string(w.key)] = true
	return true
}

// of cuts from a state what belongs to requirement i and returns the rest.
func (w *walk) of(state []int32, i int) (own, rest []int32) {
	n := 0
	for n < len(state) && state[n] < w.bases[i+1] {
		n++
	}
	return state[:n], state[n:]
}

// next returns the state after one more character. It is not alive when no longer string can meet the requirements.
func (w *walk) next(state []int32, r rune) ([]int32, bool) {
	out := w.scratch[:0]
	for i := range w.requirements {
		q, base, low := &w.requirements[i], w.bases[i], len(out)
		own, rest := w.of(state, i)
		for _, at := range own {
			out = q.language.advance(out, at, base, low, r)
		}
		if q.want && len(out) == low || !q.want && q.language.forever(out[low:], base) {
			return nil, false
		}
		state = rest
	}
	w.scratch = out
	return out, true
}

func (w *walk) accepted(state []int32) bool {
	for i, q := range w.requirements {
		own, rest := w.of(state, i)
		if q.language.final(own, w.bases[i]) != q.want {
			return false
		}
		state = rest
	}
	return true
}

// freshRunes are tried in this order for a character that no pattern mentions.
const freshRunes = "xyzabcdefghijklmnopqrstuvw0123456789_-XYZé"

// choices returns the characters that lead to different states: those that a position waits for, the colon, and one that
// stands for all others. Where a language that is wanted waits for certain characters only, those are enough.
func (w *walk) choices(state []int32) []rune {
	w.runes, w.folded = w.runes[:0], w.folded[:0]
	for i, q := range w.requirements {
		own, rest := w.of(state, i)
		low, lowFolded, wide := len(w.runes), len(w.folded), false
		for _, at := range own {
			p := &q.language.positions[at-w.bases[i]]
			if p.takes == takeRune {
				w.runes = append(w.runes, p.r)
				w.folded = append(w.folded, p.fold...)
			}
			wide = wide || p.loop != takeNothing || p.takes > takeRune
		}
		if q.want && !wide {
			return distinct(w.runes[low:], w.folded[lowFolded:])
		}
		state = rest
	}
	all := distinct(append(w.runes, ':'), w.folded)
	return append([]rune{fresh(all)}, all...)
}

// distinct joins two lists, without repetitions. The first comes first: examples are spelled as the pattern is.
func distinct(first, second []rune) []rune {
	slices.Sort(first)
	out := slices.Compact(first)
	n := len(out)
	slices.Sort(second)
	for _, r := range slices.Compact(second) {
		if _, found := slices.BinarySearch(out[:n], r); !found {
			out = append(out, r)
		}
	}
	return out
}

// fresh returns a character that is not in the list.
func fresh(used []rune) rune {
	for _, r := range freshRunes {
		if !slices.Contains(used, r) {
			return r
		}
	}
	r := rune('à')
	for slices.Contains(used, r) {
		r++
	}
	return r
}

// spell returns the string that led to a node.
func (w *walk) spell(at int) string {
	var runes []rune
	for ; w.nodes[at].parent >= 0; at = w.nodes[at].parent {
		runes = append(runes, w.nodes[at].r)
	}
	slices.Reverse(runes)
	var s strings.Builder
	for _, r := range runes {
		s.WriteRune(r)
	}
	return s.String()
}
