package iam

import (
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// A number, a date or an address is only ever compared with constants. Between two neighbouring constants all values are
// alike, so one value for each of them, one between any two neighbours, one beyond either end and one that is none at
// all decide what is possible: they are the points of a key.

// pointsOf returns the points of a key. Values without a special meaning come first: they make better examples.
func pointsOf(k *contextKey) []string {
	if k.points == nil {
		switch {
		case k.families[familyNumeric]:
			k.points = append(numericPoints(k.constants), "x")
		case k.families[familyDate]:
			k.points = append(datePoints(k.constants), "x")
		default:
			k.points = append(addressPoints(k.constants), "x")
		}
	}
	return k.points
}

// point finds a point of the key that meets the literals.
func (m *model) point(k *contextKey, literals []literal) (string, bool) {
	if k.points == nil && !m.spend(k.work) {
		return "", false
	}
	points := pointsOf(k)
	if !m.spend(len(points) * (1 + len(literals))) {
		return "", false
	}
next:
	for i, value := range points {
		for _, l := range literals {
			meets := m.meets(k, l)
			if m.empty() {
				return "", false
			}
			if meets[i] != l.want() {
				continue next
			}
		}
		return value, true
	}
	return "", false
}

// meets says which points meet a predicate. It is not complete when the budget is empty.
func (m *model) meets(k *contextKey, l literal) []bool {
	c, points := m.of(l).condition, pointsOf(k)
	for len(c.meets) < len(points) && m.spend(probeSteps+len(k.constants)+k.size/16) {
		value := points[len(c.meets)]
		c.meets = append(c.meets, c.probe.holds(NewContext(map[string][]string{c.key: {value}})))
	}
	return c.meets
}

// numericPoints reads what the evaluator reads: [big.Rat] knows exponents, fractions and other bases, too.
func numericPoints(constants []string) []string {
	var list []*big.Rat
	for _, c := range constants {
		if _, ok := parseNumber(c); !ok || len(c) > maxDigits {
			continue
		}
		if r, ok := new(big.Rat).SetString(c); ok {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, (*big.Rat).Cmp)
	list = slices.CompactFunc(list, func(a, b *big.Rat) bool { return a.Cmp(b) == 0 })
	if len(list) == 0 {
		return []string{"0"}
	}
	one, half := big.NewRat(1, 1), big.NewRat(1, 2)
	out := []string{decimal(list[0]), decimal(new(big.Rat).Sub(list[0], one))}
	for i, r := range list[1:] {
		between := new(big.Rat).Add(list[i], r)
		out = append(out, decimal(r), decimal(between.Mul(between, half)))
	}
	return append(out, decimal(new(big.Rat).Add(list[len(list)-1], one)))
}

// decimal writes a number exactly; its denominator has no prime factors but two and five.
func decimal(r *big.Rat) string {
	digits, _ := r.FloatPrec()
	return r.FloatString(digits)
}

func datePoints(constants []string) []string {
	var list []time.Time
	for _, c := range constants {
		if t, ok := parseDate(c); ok {
			list = append(list, t.UTC())
		}
	}
	slices.SortFunc(list, time.Time.Compare)
	list = slices.CompactFunc(list, time.Time.Equal)
	if len(list) == 0 {
		return []string{"2026-01-01T00:00:00Z"}
	}
	times := []time.Time{list[0].Add(-time.Second)}
	for i, t := range list {
		if times = append(times, t); i+1 < len(list) {
			times = append(times, t.Add(list[i+1].Sub(t)/2))
		}
	}
	times = append(times, list[len(list)-1].Add(time.Second))
	var out []string
	for _, t := range times {
		if text := t.Format(time.RFC3339Nano); readsAs(text, t) {
			out = append(out, text)
		}
	}
	return out
}

func readsAs(text string, t time.Time) bool {
	back, ok := parseDate(text)
	return ok && back.Equal(t)
}

// addressPoints returns the first address of every range, and the first after it: each set of addresses that all
// ranges treat alike begins with one of them, or with the first address there is.
func addressPoints(constants []string) []string {
	var list []netip.Addr
	for _, c := range constants {
		prefix, ok := parsePrefix(c)
		if !ok {
			continue
		}
		first := prefix.Masked().Addr()
		list = append(list, first)
		if next := lastAddress(prefix).Next(); next.IsValid() {
			list = append(list, next)
		}
	}
	list = append(list, netip.IPv4Unspecified(), netip.IPv6Unspecified())
	var out []string
	for _, a := range list {
		if text := a.String(); !strings.Contains(text, "%") {
			out = append(out, text)
		}
	}
	return unique(out)
}

func lastAddress(p netip.Prefix) netip.Addr {
	bytes := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < len(bytes)*8; bit++ {
		bytes[bit/8] |= 1 << (7 - bit%8)
	}
	last, _ := netip.AddrFromSlice(bytes)
	return last
}
