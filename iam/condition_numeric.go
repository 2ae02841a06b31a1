package iam

import (
	"fmt"
	"strings"
)

// number is a decimal number, held exactly: 64-bit floats would make 9007199254740993 equal its neighbour.
type number struct {
	negative          bool
	integer, fraction string // without leading or trailing zeros, respectively
}

// parseNumber reads an optional sign, digits, and optionally a point and digits.
// uncertain: whether AWS reads exponents; they are refused.
func parseNumber(s string) (number, bool) {
	n := number{}
	if s != "" && (s[0] == '-' || s[0] == '+') {
		n.negative, s = s[0] == '-', s[1:]
	}
	var point bool
	n.integer, n.fraction, point = strings.Cut(s, ".")
	if !isDigits(n.integer) || point && !isDigits(n.fraction) {
		return number{}, false
	}
	n.integer = strings.TrimLeft(n.integer, "0")
	n.fraction = strings.TrimRight(n.fraction, "0")
	if n.integer == "" && n.fraction == "" {
		n.negative = false
	}
	return n, true
}

func isDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func (n number) compare(m number) int {
	if n.negative != m.negative {
		if n.negative {
			return -1
		}
		return 1
	}
	result := len(n.integer) - len(m.integer)
	if result == 0 {
		result = strings.Compare(n.integer, m.integer)
	}
	if result == 0 {
		result = strings.Compare(n.fraction, m.fraction)
	}
	if n.negative {
		return -result
	}
	return result
}

type numericComparer struct {
	want    number
	accepts order
}

func numericOperator(accepts order) func(string, bool) (comparer, error) {
	return func(value string, _ bool) (comparer, error) {
		n, ok := parseNumber(value)
		if !ok {
			return nil, fmt.Errorf("%q is not a number", value)
		}
		return &numericComparer{n, accepts}, nil
	}
}

func (n *numericComparer) compare(value string, _ Context) (bool, bool) {
	got, ok := parseNumber(value)
	return ok && n.accepts.accepts(got.compare(n.want)), ok
}
