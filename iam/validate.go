package iam

import "strings"

// PolicyKind says what a policy is attached to, and with that which elements it needs.
type PolicyKind uint8

// The kinds of policy.
const (
	IdentityPolicy PolicyKind = iota // also boundaries and session policies
	TrustPolicy                      // what a role is assumed by
	ResourcePolicy                   // attached to a resource other than a role
)

// Validate finds what AWS refuses in a policy of this kind when it is stored, and [Parse] cannot know.
// Every error is a [*SyntaxError]; what [Compile] finds is among them.
func (d *Document) Validate(kind PolicyKind) []error {
	var errs []error
	if _, err := Compile(d); err != nil {
		errs = append(errs, err)
	}
	seen := map[string]bool{}
	for i := range d.Statements {
		st := &d.Statements[i]
		report := func(format string, args ...any) {
			errs = append(errs, syntaxErrorf(d.Name, st.Pos, format, args...))
		}
		if st.Sid != "" && seen[st.Sid] {
			report("Sid %q is not unique in the policy", st.Sid)
		}
		seen[st.Sid] = true
		if kind != ResourcePolicy && strings.IndexFunc(st.Sid, notAlphanumeric) >= 0 {
			report("Sid %q may only have letters and digits", st.Sid)
		}
		validateActions(st, report)
		validateResources(kind, st, report)
		validatePrincipals(kind, st, report)
	}
	return errs
}

type reporter func(format string, args ...any)

func notAlphanumeric(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
}

func validateActions(st *Statement, report reporter) {
	for _, list := range [][]string{st.Actions, st.NotActions} {
		for _, a := range list {
			if a != "*" && strings.Count(a, ":") != 1 {
				report("action %q must be * or have the form service:Operation", a)
			}
		}
	}
}

func validateResources(kind PolicyKind, st *Statement, report reporter) {
	has := len(st.Resources)+len(st.NotResources) > 0
	if kind == TrustPolicy {
		if has {
			report("a trust policy must not have a Resource")
		}
		return
	}
	if !has {
		report("statement has neither Resource nor NotResource")
	}
	for _, list := range [][]string{st.Resources, st.NotResources} {
		for _, r := range list {
			if r != "*" && !strings.HasPrefix(r, "arn:") {
				report("resource %q must be * or an ARN", r)
			}
		}
	}
}

func validatePrincipals(kind PolicyKind, st *Statement, report reporter) {
	has := len(st.Principals)+len(st.NotPrincipals) > 0
	if kind == IdentityPolicy {
		if has {
			report("only a trust policy or a resource's policy may have a Principal")
		}
		return
	}
	if !has {
		report("statement has no Principal")
	}
	for _, list := range [][]PrincipalPattern{st.Principals, st.NotPrincipals} {
		for _, p := range list {
			validatePrincipal(p, report)
		}
	}
}

func validatePrincipal(p PrincipalPattern, report reporter) {
	for _, v := range p.Values {
		if v != AnyPrincipal && strings.ContainsAny(v, "*?") {
			report("principal %q: a wildcard cannot be part of a principal", v)
		}
		if p.Kind == KindAWS && v != AnyPrincipal && !isAccountID(v) && !strings.HasPrefix(v, "arn:") {
			report("principal %q must be *, an account id or an ARN", v)
		}
	}
}
