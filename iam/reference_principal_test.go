package iam_test

import (
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// principal says what the Principal or NotPrincipal of a statement is worth to who makes the request.
func (f *reference) principal(st *iam.Statement) int {
	deny := st.Effect == iam.Deny
	switch {
	case len(st.NotPrincipals) == 0:
		if deny && f.partial(st.Principals) {
			return worthEveryone
		}
		return f.worth(st.Principals, f.isEveryone(st.Principals))
	case deny && f.spared(st.NotPrincipals):
		return worthNothing
	case !deny && f.worth(st.NotPrincipals, f.isEveryone(st.NotPrincipals) || f.mentionsEveryone(st.NotPrincipals)) > worthNothing:
		return worthNothing
	case !deny:
		return worthRole // "all principals except the one named"; whether past a boundary AWS does not say
	}
	return worthEveryone
}

// partial says whether a value has a wildcard and is not one: AWS refuses such a policy.
func (f *reference) partial(list []iam.PrincipalPattern) bool {
	return slices.ContainsFunc(list, func(p iam.PrincipalPattern) bool {
		return slices.ContainsFunc(p.Values, func(v string) bool { return v != "*" && strings.ContainsAny(v, "*?") })
	})
}

// spared says whether a Deny with NotPrincipal leaves the caller alone: "when you use NotPrincipal with Deny, you must
// also specify the account ARN of the not-denied principal", for a session its role and the session, and a
// principal with a permissions boundary is always denied (reference_policies_elements_notprincipal.html).
func (f *reference) spared(list []iam.PrincipalPattern) bool {
	p := f.request.Principal
	_, boundary := f.documents[iam.LayerBoundary]
	everyone := f.isEveryone(list)
	self := everyone || f.lists(list, p.ARN) || p.ARN == f.root() && f.lists(list, f.account())
	account := everyone || p.Kind != iam.PrincipalAWS || f.lists(list, f.account()) || f.lists(list, f.root())
	role := everyone || p.RoleARN == "" || f.listsRole(list)
	return !boundary && self && account && role
}

func (f *reference) root() string { return "arn:aws:iam::" + f.account() + ":root" }

// isEveryone says whether the list has "*", or for principals of AWS and for who is anonymous {"AWS": "*"}; whether that
// means neither services nor web identities (reference_sts_vpc_endpoint_policies.html).
func (f *reference) isEveryone(list []iam.PrincipalPattern) bool {
	kind := f.request.Principal.Kind
	if kind == iam.PrincipalAWS || kind == iam.PrincipalAnonymous {
		return f.mentionsEveryone(list)
	}
	return slices.ContainsFunc(list, func(p iam.PrincipalPattern) bool { return p.Kind == "*" })
}

func (f *reference) mentionsEveryone(list []iam.PrincipalPattern) bool {
	return slices.ContainsFunc(list, func(p iam.PrincipalPattern) bool {
		return p.Kind == "*" || p.Kind == "AWS" && slices.Contains(p.Values, "*")
	})
}

// lists says whether the value itself is listed, for principals of the caller's kind.
func (f *reference) lists(list []iam.PrincipalPattern, value string) bool {
	return value != "" && slices.ContainsFunc(list, func(p iam.PrincipalPattern) bool {
		return p.Kind == f.kind() && slices.Contains(p.Values, value)
	})
}

func (f *reference) kind() string {
	return map[iam.PrincipalKind]string{
		iam.PrincipalAWS: "AWS", iam.PrincipalFederated: "Federated", iam.PrincipalService: "Service",
	}[f.request.Principal.Kind]
}

// listsRole says whether the role of the session is listed, with or, where the request does not know it, without its path:
// "role names must be unique within an account" whatever their paths.
func (f *reference) listsRole(list []iam.PrincipalPattern) bool {
	role := f.request.Principal.RoleARN
	m := regexp.MustCompile(`^arn:([^:]*):iam::(\d{12}):role/([^/]*)$`).FindStringSubmatch(role)
	if m == nil {
		return f.lists(list, role)
	}
	anyPath := regexp.MustCompile(`^arn:` + m[1] + `:iam:[^:]*:` + m[2] + `:role/(.*/)?` + regexp.QuoteMeta(m[3]) + `$`)
	return slices.ContainsFunc(list, func(p iam.PrincipalPattern) bool {
		return p.Kind == f.kind() && slices.ContainsFunc(p.Values, anyPath.MatchString)
	})
}

// worth follows "how resource-based policies affect implicit denies" for the different types of principals
// (reference_policies_evaluation-logic_policy-eval-denyallow.html): the session or user itself is worth most, then
// everyone, then its role (or, for a federated user, the IAM user behind), then the account.
func (f *reference) worth(list []iam.PrincipalPattern, everyone bool) int {
	p := f.request.Principal
	switch {
	case f.lists(list, p.ARN) && !f.isRole():
		return worthSelf
	case p.Kind == iam.PrincipalAWS && p.ARN == f.root() && (f.lists(list, f.account()) || f.canonical(list)):
		return worthSelf // "the account ARN and the shortened account ID behave the same way"
	case everyone:
		return worthEveryone
	case f.listsRole(list), f.lists(list, p.ARN):
		return worthRole
	case p.Kind == iam.PrincipalAWS && (f.lists(list, f.account()) || f.lists(list, f.root()) || f.canonical(list)):
		return worthAccount
	}
	return worthNothing
}

// isRole says whether the caller is given as a role and not as one of its sessions.
func (f *reference) isRole() bool {
	p := f.request.Principal
	return p.RoleARN == "" && strings.Contains(p.ARN, ":role/")
}

// canonical says whether the caller's account is named by its canonical user id, which in an S3 bucket policy stands
// for the account (reference_policies_elements_principal.html).
func (f *reference) canonical(list []iam.PrincipalPattern) bool {
	id := f.request.Principal.CanonicalID
	return id != "" && slices.ContainsFunc(list, func(p iam.PrincipalPattern) bool {
		return p.Kind == "CanonicalUser" && slices.Contains(p.Values, id)
	})
}
