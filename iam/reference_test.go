package iam_test

import (
	"math/big"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/iam"
)

// reference is the slow and obvious evaluator that the compiled one is compared with. It works on documents, with
// regular expressions, and shares no code with the package.
type reference struct {
	set     map[iam.Layer][]*iam.Document
	limited map[iam.Layer]bool // layers that exist for this principal
	request *iam.Request
}

func (f *reference) outcome() iam.Outcome {
	allows := map[iam.Layer]bool{}
	best := 0
	for layer, docs := range f.set {
		for _, d := range docs {
			for i := range d.Statements {
				st := &d.Statements[i]
				worth := f.statement(layer, d, st)
				if worth == 0 {
					continue
				}
				if st.Effect == iam.Deny {
					return iam.ExplicitlyDenied
				}
				allows[layer] = true
				if layer == iam.LayerTrust || layer == iam.LayerResource && !f.limited[iam.LayerTrust] {
					best = max(best, worth)
				}
			}
		}
	}
	if f.allowed(allows, best) {
		return iam.Allowed
	}
	return iam.ImplicitlyDenied
}

// The worth of being named, as in AWS's "policy evaluation logic".
const (
	worthAccount = iota + 1
	worthEveryone
	worthRole
	worthSelf
)

func (f *reference) allowed(allows map[iam.Layer]bool, best int) bool {
	p := f.request.Principal
	gate, trusted := iam.LayerResource, f.limited[iam.LayerTrust]
	if trusted {
		gate = iam.LayerTrust
	}
	if p.Kind != iam.PrincipalAWS {
		return allows[gate]
	}
	limits := (!f.limited[iam.LayerBoundary] || allows[iam.LayerBoundary]) &&
		(!f.limited[iam.LayerSession] || allows[iam.LayerSession])
	identity := allows[iam.LayerIdentity] && limits
	if f.request.Account != "" && f.request.Account != p.Account {
		return identity && allows[gate]
	}
	switch {
	case best == worthSelf:
		return true
	case best == worthRole, best == worthEveryone && !trusted:
		return limits
	case trusted:
		return identity && allows[gate]
	}
	return identity
}

func (f *reference) statement(layer iam.Layer, d *iam.Document, st *iam.Statement) int {
	if !f.action(st) || !f.resource(d, st) || !f.conditions(d, st) {
		return 0
	}
	if layer != iam.LayerTrust && layer != iam.LayerResource {
		return 1
	}
	worth := f.principal(st)
	if layer == iam.LayerTrust && f.request.Principal.Kind != iam.PrincipalAWS && worth == worthEveryone && st.Effect == iam.Allow {
		return 0
	}
	return worth
}

func (f *reference) action(st *iam.Statement) bool {
	matches := func(list []string) bool {
		return slices.ContainsFunc(list, func(p string) bool { return wild(strings.ToLower(p), strings.ToLower(f.request.Action)) })
	}
	if len(st.NotActions) > 0 {
		return !matches(st.NotActions)
	}
	return matches(st.Actions)
}

func (f *reference) resource(d *iam.Document, st *iam.Statement) bool {
	matches := func(list []string) bool {
		return slices.ContainsFunc(list, func(p string) bool {
			re, ok := f.pattern(d, p, true)
			return ok && re.MatchString(f.request.Resource)
		})
	}
	if len(st.NotResources) > 0 {
		return !matches(st.NotResources)
	}
	return len(st.Resources) == 0 || matches(st.Resources)
}

func wild(pattern, s string) bool {
	return regexp.MustCompile(`(?s)^` + wildcards(pattern) + `$`).MatchString(s)
}

func wildcards(pattern string) string {
	return strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(pattern))
}

var variable = regexp.MustCompile(`\$\{([^},]+)(?:, *'([^']*)')?\}`)

// pattern turns a value of the policy into a regular expression, with the policy variables filled in.
func (f *reference) pattern(d *iam.Document, p string, wildcard bool) (*regexp.Regexp, bool) {
	quote := regexp.QuoteMeta
	if wildcard {
		quote = wildcards
	}
	if d.Version != iam.Version2012 {
		return regexp.MustCompile(`(?s)^` + quote(p) + `$`), true
	}
	out, end := `(?s)^`, 0
	for _, m := range variable.FindAllStringSubmatchIndex(p, -1) {
		out += quote(p[end:m[0]])
		end = m[1]
		name := p[m[2]:m[3]]
		values := f.request.Context.Get(name)
		switch {
		case strings.Contains("*?$", name):
			out += regexp.QuoteMeta(name)
		case len(values) == 1:
			out += regexp.QuoteMeta(values[0])
		case len(values) == 0 && m[4] >= 0:
			out += regexp.QuoteMeta(p[m[4]:m[5]])
		default:
			return nil, false
		}
	}
	return regexp.MustCompile(out + quote(p[end:]) + `$`), true
}

func (f *reference) principal(st *iam.Statement) int {
	if len(st.NotPrincipals) == 0 {
		return f.worth(st.Principals)
	}
	if st.Effect == iam.Allow {
		if f.worth(st.NotPrincipals) > 0 {
			return 0
		}
		return worthEveryone
	}
	p := f.request.Principal
	spared := !f.limited[iam.LayerBoundary] && f.names(st.NotPrincipals, p.ARN)
	if p.Kind == iam.PrincipalAWS {
		spared = spared && (f.names(st.NotPrincipals, p.Account) || f.names(st.NotPrincipals, "arn:aws:iam::"+p.Account+":root"))
	}
	if p.RoleARN != "" {
		spared = spared && f.names(st.NotPrincipals, p.RoleARN)
	}
	if spared {
		return 0
	}
	return worthEveryone
}

var kindNames = map[iam.PrincipalKind]string{
	iam.PrincipalAWS: "AWS", iam.PrincipalFederated: "Federated", iam.PrincipalService: "Service",
}

func (f *reference) names(list []iam.PrincipalPattern, value string) bool {
	for _, p := range list {
		if p.Kind == "*" || p.Kind == "AWS" && slices.Contains(p.Values, "*") {
			return true
		}
		if p.Kind == kindNames[f.request.Principal.Kind] && slices.Contains(p.Values, value) {
			return true
		}
	}
	return false
}

func (f *reference) worth(list []iam.PrincipalPattern) int {
	p := f.request.Principal
	everyone := f.names(list, "no such value")
	switch {
	case f.names(list, p.ARN) && !everyone, f.only(list, p.ARN):
		return worthSelf
	case p.RoleARN != "" && (f.names(list, p.RoleARN) && !everyone || f.only(list, p.RoleARN)):
		return worthRole
	case everyone:
		return worthEveryone
	case p.Kind == iam.PrincipalAWS && (f.names(list, p.Account) || f.names(list, "arn:aws:iam::"+p.Account+":root")):
		return worthAccount
	}
	return 0
}

// only says whether the value itself is listed, stars aside.
func (f *reference) only(list []iam.PrincipalPattern, value string) bool {
	return slices.ContainsFunc(list, func(p iam.PrincipalPattern) bool {
		return p.Kind == kindNames[f.request.Principal.Kind] && slices.Contains(p.Values, value)
	})
}

func (f *reference) conditions(d *iam.Document, st *iam.Statement) bool {
	for i := range st.Conditions {
		if !f.condition(d, &st.Conditions[i], st.Effect == iam.Deny) {
			return false
		}
	}
	return true
}

func (f *reference) condition(d *iam.Document, c *iam.Condition, deny bool) bool {
	values := f.request.Context.Get(c.Key)
	if c.Operator == "Null" {
		return strconv.FormatBool(len(values) == 0) == c.Values[0]
	}
	op, all := strings.CutPrefix(c.Operator, "ForAllValues:")
	op, some := strings.CutPrefix(op, "ForAnyValue:")
	op, ifExists := strings.CutSuffix(op, "IfExists")
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

func (f *reference) value(d *iam.Document, c *iam.Condition, op, value string, negated, deny bool) bool {
	for _, want := range c.Values {
		match, ok := f.compare(d, op, want, value)
		if !ok {
			return deny
		}
		if match {
			return !negated
		}
	}
	return negated
}

func (f *reference) compare(d *iam.Document, op, want, value string) (match, ok bool) {
	switch {
	case op == "StringEquals":
		re, ok := f.pattern(d, want, false)
		return ok && re.MatchString(value), true
	case op == "StringEqualsIgnoreCase":
		re, ok := f.pattern(d, want, false)
		return ok && regexp.MustCompile(`(?i)`+re.String()).MatchString(value), true
	case op == "StringLike":
		re, ok := f.pattern(d, want, true)
		return ok && re.MatchString(value), true
	case op == "Bool":
		return want == value, value == "true" || value == "false"
	case strings.HasPrefix(op, "Arn"):
		return f.arn(d, want, value), true
	case op == "IpAddress":
		return sameNetwork(want, value)
	case strings.HasPrefix(op, "Numeric"):
		a, aok := new(big.Rat).SetString(value)
		b, _ := new(big.Rat).SetString(want)
		return aok && ordered(strings.TrimPrefix(op, "Numeric"), a.Cmp(b)), aok
	default:
		a, aok := date(value)
		b, _ := date(want)
		return aok && ordered(strings.TrimPrefix(op, "Date"), a.Compare(b)), aok
	}
}

func (f *reference) arn(d *iam.Document, want, value string) bool {
	wants, values := strings.SplitN(want, ":", 6), strings.SplitN(value, ":", 6)
	if len(wants) != 6 || len(values) != 6 {
		return want == "*" && len(values) == 6
	}
	for i := range wants {
		if re, ok := f.pattern(d, wants[i], true); !ok || !re.MatchString(values[i]) {
			return false
		}
	}
	return true
}

func sameNetwork(want, value string) (match, ok bool) {
	ip := net.ParseIP(value)
	if ip == nil {
		return false, false
	}
	if _, network, err := net.ParseCIDR(want); err == nil {
		return network.Contains(ip), true
	}
	return net.ParseIP(want).Equal(ip), true
}

func date(s string) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, true
	}
	seconds, err := strconv.ParseUint(s, 10, 63)
	return time.Unix(int64(seconds), 0), err == nil
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
