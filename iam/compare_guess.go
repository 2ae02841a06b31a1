package iam

import (
	"iter"
	"slices"
	"strings"
)

// maxGuesses bounds how many ways to fill in what is vague are tried.
const maxGuesses = 64

// vague names what the boxes depend on that is not decided by languages: policy variables, and keys that are compared
// both as text and as something else.
func (m *model) vague(boxes []*box) (names []string) {
	for _, key := range m.vagueKeys(boxes) {
		if d, ok := m.dimensions[key]; ok && m.mixed(d) {
			names = append(names, m.keys[d-firstKey].name)
		} else {
			names = append(names, "${"+key+"}")
		}
	}
	return names
}

// vagueKeys are the keys whose values would settle all that is vague.
func (m *model) vagueKeys(boxes []*box) (keys []string) {
	for _, b := range boxes {
		st := b.source
		for _, list := range [][]string{st.Resources, st.NotResources} {
			keys = append(keys, m.variables(list, st.variables)...)
		}
		for i := range st.Conditions {
			keys = append(keys, m.variables(st.Conditions[i].Values, st.variables)...)
		}
		for _, p := range b.predicates {
			if p.dimension >= firstKey && m.mixed(p.dimension) {
				keys = append(keys, strings.ToLower(m.keys[p.dimension-firstKey].name))
			}
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// mixed says whether a key is compared in several ways, or with numbers that are too long for points.
func (m *model) mixed(dimension int) bool {
	families := 0
	for _, used := range m.keys[dimension-firstKey].families {
		families += order01(used)
	}
	return families > 1 || m.keys[dimension-firstKey].long
}

// guesses are values for the keys that are vague. all says that there are no others: the statement itself lists them.
// Otherwise all keys take their first value at first, then all their second and so on, and then every combination.
func (m *model) guesses(l leaf) (guesses iter.Seq[map[string][]string], all bool) {
	keys := m.vagueKeys(l.boxes)
	values := make([][][]string, len(keys))
	all, number, longest := len(keys) > 0, 1, 0
	for i, key := range keys {
		listed, only := m.listed(l.inside, key)
		if !only {
			listed = m.guessesFor(key, i)
		}
		all = all && only
		values[i] = listed
		longest = max(longest, len(listed))
		if number <= maxGuesses {
			number *= len(listed)
		}
	}
	if all = all && number+longest < maxGuesses; len(keys) == 0 {
		return func(func(map[string][]string) bool) {}, false
	}
	return func(yield func(map[string][]string) bool) {
		at := make([]int, len(keys))
		for n := range maxGuesses {
			if n < longest {
				for i := range at {
					at[i] = min(n, len(values[i])-1)
				}
			} else if n == longest {
				clear(at)
			} else if !count(at, values) {
				return
			}
			pins := map[string][]string{}
			for i, key := range keys {
				pins[key] = values[i][at[i]]
			}
			if !yield(pins) {
				return
			}
		}
	}, all
}

// listed returns the values of a key that a statement of an Allow lists: no request with another one is in its box.
func (m *model) listed(inside []*box, key string) (values [][]string, only bool) {
	for _, p := range inside[0].predicates {
		c := p.condition
		if c == nil || c.key != key || c.set != setNone || c.known[shapeAbsent] != answerNo || p.strings == nil || p.negated {
			continue
		}
		words, finite := p.strings.upper.words()
		if !p.strings.exact() || !finite || len(words) == 0 {
			continue
		}
		for _, w := range words {
			values = append(values, []string{w})
		}
		return values, true
	}
	return nil, false
}

// count goes to the next combination; false when there is none.
func count(at []int, values [][][]string) bool {
	for i := range at {
		if at[i]++; at[i] < len(values[i]) {
			return true
		}
		at[i] = 0
	}
	return false
}

// guessesFor are values of one key: one that nothing mentions, those that conditions compare it with, and none.
func (m *model) guessesFor(key string, index int) [][]string {
	out := [][]string{{string(freshRunes[index%len(freshRunes)])}, {"x"}}
	if d, ok := m.dimensions[key]; ok {
		k := m.keys[d-firstKey]
		for _, c := range k.constants {
			if !strings.Contains(c, "${") {
				out = append(out, []string{strings.NewReplacer("*", "x", "?", "x").Replace(c)})
			}
		}
		if !m.spend(k.work) {
			return [][]string{nil}
		}
		for _, points := range k.allPoints() {
			for _, p := range points {
				out = append(out, []string{p})
			}
		}
	}
	out = append(out, nil)
	const most = maxGuesses / 4
	if len(out) > most {
		out = append(out[:most-1], nil)
	}
	return out
}

// allPoints returns the points of every family that a key is compared in.
func (k *contextKey) allPoints() (out [][]string) {
	if k.families[familyNumeric] {
		out = append(out, numericPoints(k.constants))
	}
	if k.families[familyDate] {
		out = append(out, datePoints(k.constants))
	}
	if k.families[familyAddress] {
		out = append(out, addressPoints(k.constants))
	}
	return out
}
