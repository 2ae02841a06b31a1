package iam_test

import (
	"math/big"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/slipway-cd/slipway/iam"
)

// action compares actions without regard to case (reference_policies_elements_action.html).
func (f *reference) action(st *iam.Statement) bool {
	old := &iam.Document{} // a version without variables
	matches := func(list []string) bool {
		return slices.ContainsFunc(list, func(p string) bool {
			return f.like(old, strings.ToLower(p), strings.ToLower(f.request.Action), wildcards)
		})
	}
	if len(st.NotActions) > 0 {
		return !matches(st.NotActions)
	}
	return matches(st.Actions)
}

func (f *reference) resource(layer iam.Layer, d *iam.Document, st *iam.Statement) bool {
	// AWS says it of identity-based policies; elsewhere it counts where that denies.
	completes := layer == iam.LayerIdentity || layer == iam.LayerBoundary || (st.Effect == iam.Deny) != (len(st.NotResources) > 0)
	gives := (st.Effect == iam.Deny) == (len(st.NotResources) > 0)
	list := append(slices.Clone(st.Resources), st.NotResources...)
	list = slices.DeleteFunc(list, func(p string) bool { return gives && f.early(d, p) })
	matched, open := f.any(d, list)
	if completes && !matched && !open {
		for i := range list {
			list[i] = f.complete(d, list[i])
		}
		matched, open = f.any(d, list)
	}
	switch {
	case len(st.Resources)+len(st.NotResources) == 0:
		return true
	case open && !matched:
		return st.Effect == iam.Deny
	}
	return matched != (len(st.NotResources) > 0)
}

// any says whether the resource matches one of the patterns, and whether of one it cannot be said.
func (f *reference) any(d *iam.Document, patterns []string) (matched, open bool) {
	for _, p := range patterns {
		if f.open(d, p, f.request.Resource, true) {
			open = true
		} else if f.like(d, p, f.request.Resource, segments) {
			matched = true
		}
	}
	return matched, open
}

// open says whether AWS leaves it open if a pattern matches a text that begins as it does: "you can't use a multivalued
// condition key as a variable" (reference_policies_variables.html), and whether the default is used for an empty value.
func (f *reference) open(d *iam.Document, p, value string, wild bool) bool {
	if d.Version != iam.Version2012 {
		return false
	}
	head, open := -1, false
	for i := range p {
		m := variable.FindStringSubmatch(p[i:])
		if head < 0 && (m != nil || wild && (p[i] == '*' || p[i] == '?')) {
			head = i
		}
		if m == nil || len(m[1]) == 1 && strings.Contains("*?$", m[1]) {
			continue
		}
		values := f.request.Context.Get(strings.TrimSpace(m[1]))
		open = open || len(values) > 1 || len(values) == 1 && values[0] == "" && strings.Contains(m[0], ",")
	}
	return open && strings.HasPrefix(fold(value), fold(p[:head]))
}

// early says whether a pattern has a variable where "you can't use a variable to replace parts of the ARN before the fifth
// colon" (reference_policies_variables.html).
func (f *reference) early(d *iam.Document, p string) bool {
	if d.Version != iam.Version2012 || !strings.HasPrefix(p, "arn:") {
		return false
	}
	first := f.components(d, p)
	return regexp.MustCompile(`\$\{[^*?$]`).MatchString(strings.Join(first[:min(5, len(first))], ":"))
}

// complete does what AWS does with "an incomplete ARN (one with fewer than the standard six fields) in an identity-based
// policy": it "automatically completes the ARN by adding wildcard characters (*) to all missing fields" (reference-arns.html).
func (f *reference) complete(d *iam.Document, p string) string {
	for strings.HasPrefix(p, "arn:") && len(f.components(d, p)) < 6 {
		p += ":*"
	}
	return p
}

// How the stars and question marks of a pattern are read.
const (
	wildcards = iota // they match anything
	segments         // as in the Resource element: in the first five segments of an ARN they do not match colons
)

// variable is ${name} or ${name, 'default'}; the package's compiler has refused everything that only looks like it.
var variable = regexp.MustCompile(`^\$\{([^}',]*)(?:,[^'}]*'([^']*)'[^'}]*)?\}`)

// pieces divides a value of the policy into its policy variables, which are filled in, and its single characters. It is
// not ok when a variable has no value: then the whole matches nothing (reference_policies_variables.html).
func (f *reference) pieces(d *iam.Document, p string) (out []piece, ok bool) {
	for p != "" {
		m := variable.FindStringSubmatch(p)
		if m == nil || d.Version != iam.Version2012 {
			_, n := utf8.DecodeRuneInString(p)
			out, p = append(out, piece{text: p[:n]}), p[n:]
			continue
		}
		value, ok := f.variable(m[1], m[2], strings.Contains(m[0], ","))
		if !ok {
			return nil, false
		}
		out, p = append(out, piece{value, true}), p[len(m[0]):]
	}
	return out, true
}

type piece struct {
	text string
	// literal: its stars and colons stand for themselves.
	literal bool
}

// like compares with a pattern, by way of a regular expression.
func (f *reference) like(d *iam.Document, p, value string, how int) bool {
	pieces, ok := f.pieces(d, p)
	expression, colons := `(?s)^`, 0
	for i, c := range pieces {
		closed := how == segments && strings.HasPrefix(p, "arn:") && colons < 5
		// "If the * wildcard is the last character of a resource ARN segment, it can expand to match beyond the colon
		// boundaries" (reference_policies_elements_resource.html): elsewhere in the segment it cannot.
		last := i+1 == len(pieces) || pieces[i+1] == (piece{text: ":"})
		switch {
		case c == (piece{text: "*"}) && closed && !last:
			expression += `[^:]*`
		case c == (piece{text: "*"}):
			expression += `.*`
		case c == (piece{text: "?"}) && closed:
			expression += `[^:]`
		case c == (piece{text: "?"}):
			expression += `.`
		default:
			expression += regexp.QuoteMeta(c.text)
		}
		if c == (piece{text: ":"}) {
			colons++
		}
	}
	return ok && regexp.MustCompile(expression+`$`).MatchString(value)
}

// filledIn is a value without wildcards.
func (f *reference) filledIn(d *iam.Document, p string) (string, bool) {
	pieces, ok := f.pieces(d, p)
	out := ""
	for _, c := range pieces {
		out += c.text
	}
	return out, ok
}

// variable gives the value of a policy variable: where a key "has no value or is not present", "the value is effectively
// null. There is no equal or like value" (reference_policies_variables.html), unless the key is absent and there is a
// default.
func (f *reference) variable(name, fallback string, hasDefault bool) (string, bool) {
	if strings.Contains("*?$", name) && len(name) == 1 {
		return name, true
	}
	switch values := f.request.Context.Get(strings.TrimSpace(name)); {
	case len(values) == 1:
		return values[0], values[0] != ""
	case len(values) == 0 && hasDefault:
		return fallback, true
	}
	return "", false
}

func (f *reference) conditions(d *iam.Document, st *iam.Statement) bool {
	for i := range st.Conditions {
		if !f.condition(d, &st.Conditions[i], st.Effect == iam.Deny) {
			return false
		}
	}
	return true
}

// condition follows reference_policies_condition-single-vs-multi-valued-context-keys.html. deny is the answer where AWS
// gives none.
func (f *reference) condition(d *iam.Document, c *iam.Condition, deny bool) bool {
	values := f.request.Context.Get(c.Key)
	if c.Operator == "Null" {
		// "The key exists and its value is not null" is false; whether an empty string, which AWS calls null elsewhere,
		// makes it true it does not say.
		if len(values) > 0 && strings.Join(values, "") == "" {
			return deny
		}
		return strconv.FormatBool(len(values) == 0) == strings.ToLower(c.Values[0])
	}
	if len(c.Values) == 0 {
		return deny // AWS does not say what a condition without values means
	}
	op := bareOperator(c.Operator)
	all, some := strings.HasPrefix(c.Operator, "ForAllValues:"), strings.HasPrefix(c.Operator, "ForAnyValue:")
	ifExists := strings.HasSuffix(c.Operator, "IfExists")
	negated := strings.Contains(op, "Not")
	empty := len(values) == 0 || (all || some) && strings.Join(values, "") == ""
	switch {
	case empty && all:
		return true
	case empty && some:
		return ifExists && deny
	case empty:
		return ifExists || negated
	case !all && !some && len(values) > 1:
		return deny
	}
	op = strings.Replace(op, "Not", "", 1)
	for _, v := range values {
		ok := f.value(d, c, op, v, negated, deny)
		if all && !ok || some && ok {
			return ok
		}
		if !all && !some {
			return ok
		}
	}
	return all
}

// bareOperator is an operator without its set prefix and without IfExists.
func bareOperator(operator string) string {
	_, after, found := strings.Cut(operator, ":")
	if !found {
		after = operator
	}
	return strings.TrimSuffix(after, "IfExists")
}

func (f *reference) value(d *iam.Document, c *iam.Condition, op, value string, negated, deny bool) bool {
	unclear := false
	for _, want := range c.Values {
		match, ok := f.compare(d, op, want, value)
		if match {
			return !negated
		}
		unclear = unclear || !ok
	}
	if unclear {
		return deny
	}
	return negated
}

// compare follows reference_policies_elements_condition_operators.html; it is not ok when the request's value is of the
// wrong type.
func (f *reference) compare(d *iam.Document, op, want, value string) (match, ok bool) {
	switch {
	case strings.HasPrefix(op, "String") && f.open(d, want, value, op == "StringLike"):
		return false, false
	case op == "StringEquals":
		text, ok := f.filledIn(d, want)
		return ok && text == value, true
	case op == "StringEqualsIgnoreCase":
		text, ok := f.filledIn(d, want)
		return ok && fold(text) == fold(value), true
	case op == "StringLike":
		return f.like(d, want, value, wildcards), true
	case op == "Bool":
		value = strings.ToLower(value)
		return strings.ToLower(want) == value, value == "true" || value == "false"
	case op == "BinaryEquals":
		return want == value, true
	case strings.HasPrefix(op, "Arn"):
		return f.arn(d, want, value)
	case op == "IpAddress":
		return sameNetwork(want, value)
	case strings.HasPrefix(op, "Numeric"):
		a, aok := decimal(value)
		b, _ := decimal(want)
		return aok && ordered(strings.TrimPrefix(op, "Numeric"), a.Cmp(b)), aok
	default:
		a, aok := date(value)
		b, _ := date(want)
		return aok && ordered(strings.TrimPrefix(op, "Date"), a.Compare(b)), aok
	}
}

// fold makes texts that differ in case only equal; no letter beyond ASCII becomes one of ASCII.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if lower := unicode.ToLower(r); lower >= utf8.RuneSelf || r < utf8.RuneSelf {
			return lower
		}
		return r
	}, s)
}

// arn compares "each of the six colon-delimited components" by itself; a value that is no ARN matches none.
func (f *reference) arn(d *iam.Document, want, value string) (match, ok bool) {
	values := strings.SplitN(value, ":", 6)
	if len(values) != 6 {
		return false, true
	}
	wants := f.components(d, want)
	if len(wants) != 6 {
		wants, values = []string{want}, []string{value}
	}
	ok = true
	for i := range wants {
		if f.open(d, wants[i], values[i], true) {
			ok = false
		} else if !f.like(d, wants[i], values[i], wildcards) {
			return false, true
		}
	}
	return ok, ok
}

// components divides at the first five colons outside of policy variables.
func (f *reference) components(d *iam.Document, p string) []string {
	parts := []string{""}
	for p != "" {
		piece := p[:1]
		if m := variable.FindString(p); m != "" && d.Version == iam.Version2012 {
			piece = m
		}
		if p = p[len(piece):]; piece == ":" && len(parts) < 6 {
			parts = append(parts, "")
		} else {
			parts[len(parts)-1] += piece
		}
	}
	return parts
}

func sameNetwork(want, value string) (match, ok bool) {
	ip := net.ParseIP(value)
	if ip == nil {
		return false, false
	}
	address, bits, isRange := strings.Cut(want, "/")
	if !isRange {
		return net.ParseIP(want).Equal(ip), true
	}
	size, err := strconv.Atoi(bits)
	if v4 := net.ParseIP(address).To4(); v4 != nil && strings.Contains(address, ":") && size >= 96 {
		address, size = v4.String(), size-96 // an IPv4 range in IPv6's clothes is one, as addresses are
	}
	// Any other IPv6 range holds no IPv4 addresses.
	if strings.Contains(address, ":") == (ip.To4() != nil) {
		return false, true
	}
	network := net.IPNet{IP: net.ParseIP(address), Mask: net.CIDRMask(size, 128)}
	if ip.To4() != nil {
		network = net.IPNet{IP: network.IP.To4(), Mask: net.CIDRMask(size, 32)}
	}
	return err == nil && network.Contains(ip), true
}

var decimalForm = regexp.MustCompile(`^[+-]?[0-9]+(\.[0-9]+)?$`)

func decimal(s string) (*big.Rat, bool) {
	if !decimalForm.MatchString(s) {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

var secondsForm = regexp.MustCompile(`^[0-9]+$`)

// date reads "one of the W3C implementations of the ISO 8601 date formats or … epoch (UNIX) time".
func date(s string) (time.Time, bool) {
	if secondsForm.MatchString(s) && len(s) != 4 {
		seconds, err := strconv.ParseInt(s, 10, 64)
		return time.Unix(seconds, 0), err == nil
	}
	for _, layout := range []string{"2006", "2006-01", "2006-01-02", "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05Z07:00"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func ordered(op string, result int) bool {
	switch op {
	case "Equals":
		return result == 0
	case "LessThan":
		return result < 0
	case "LessThanEquals":
		return result <= 0
	case "GreaterThan":
		return result > 0
	default:
		return result >= 0
	}
}
