package iam

import (
	"fmt"
	"strings"
)

// principalPattern is one compiled value of a Principal element.
type principalPattern struct {
	kind PrincipalKind
	any  bool // "*", or {"AWS": "*"}
	// aws is set for {"AWS": "*"}, which "allows any root user, IAM user, assumed-role session, or federated user in any
	// account in the same partition", and anonymous users: not services
	// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-bucket-user-policy-specifying-principal-intro.html), and
	// "federated callers (SAML and OIDC) are not AWS principals and are not matched by this Principal element"
	// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sts_vpc_endpoint_policies.html).
	aws bool
	// canonical is set when the value is the canonical user id of an account.
	canonical bool
	value     string // an ARN, a service, a provider
	partial   bool   // the value has a wildcard
	// account is set when the value names a whole account: its id, or its root user's ARN.
	account string
}

// grant says how much a principal's mention in a policy is worth, in rising order
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html).
type grant uint8

const (
	grantNone grant = iota
	// grantAccount: the account is named. It may pass the permission on, by its own identity policies.
	grantAccount
	// grantRole: the role is named, or the user behind a federated session. Boundary and session policies still limit it.
	grantRole
	// grantEveryone: "*", or whoever a NotPrincipal does not list.
	grantEveryone
	// grantDirect: the user, session, service or provider itself is named.
	grantDirect
)

func compilePrincipal(p PrincipalPattern) ([]principalPattern, error) {
	if p.Kind == AnyPrincipal {
		return []principalPattern{{any: true}}, nil
	}
	kind := PrincipalAWS
	switch p.Kind {
	case KindAWS, KindCanonicalUser:
	case KindFederated:
		kind = PrincipalFederated
	case KindService:
		kind = PrincipalService
	default:
		return nil, fmt.Errorf("unknown kind of principal %q", p.Kind)
	}
	var out []principalPattern
	for _, v := range p.Values {
		if v == AnyPrincipal {
			if p.Kind != KindAWS {
				return nil, fmt.Errorf("principal %q: a wildcard can only be used with AWS", p.Kind)
			}
			out = append(out, principalPattern{any: true, aws: true})
			continue
		}
		// A wildcard cannot be part of a name or ARN: AWS refuses such a value. It names nobody, and in a Deny everybody.
		out = append(out, principalPattern{
			kind: kind, value: v,
			canonical: p.Kind == KindCanonicalUser, partial: strings.ContainsAny(v, "*?"), account: namedAccount(p.Kind, v),
		})
	}
	return out, nil
}

// namedAccount returns the account that a principal value names as a whole.
func namedAccount(kind, value string) string {
	if kind != KindAWS {
		return ""
	}
	if isAccountID(value) {
		return value
	}
	if id := arnAccount(value); id != "" && strings.HasPrefix(value, "arn:") && strings.HasSuffix(value, ":iam::"+id+":root") {
		return id
	}
	return ""
}

// account is the principal's account, taken from its ARN when it is not given.
func (p *Principal) account() string {
	if p.Account != "" {
		return p.Account
	}
	return arnAccount(p.ARN)
}

// grants says what one value of a Principal element is worth to a principal.
func (pp *principalPattern) grants(p *Principal) grant {
	switch {
	case pp.any:
		return grantEveryone
	case pp.kind != p.Kind:
		return grantNone
	case pp.canonical:
		if p.CanonicalID != "" && pp.value == p.CanonicalID {
			return pp.ofAccount(p)
		}
	case pp.value == p.ARN:
		if p.isRole() {
			return grantRole
		}
		return grantDirect
	case p.Kind != PrincipalAWS:
		return grantNone
	case p.RoleARN != "" && pp.names(p.RoleARN):
		return grantRole
	case pp.account != "" && pp.account == p.account():
		return pp.ofAccount(p)
	}
	return grantNone
}

// ofAccount is what naming the principal's account is worth: the account's ARN "and the shortened account ID behave the
// same way", and the former is the root user's.
func (pp *principalPattern) ofAccount(p *Principal) grant {
	if p.isRoot() {
		return grantDirect
	}
	return grantAccount
}

// names says whether the value is the ARN of the role behind a session. A role's name is unique in its account whatever
// its path, and the ARN of a session does not tell the path: a role without one is compared by name.
func (pp *principalPattern) names(role string) bool {
	if pp.value == role {
		return true
	}
	name, ok := strings.CutPrefix(arnResource(role), "role/")
	if !ok || strings.Contains(name, "/") {
		return false
	}
	path := strings.TrimSuffix(pp.value, "/"+name)
	return path != pp.value && arnField(pp.value, arnPartition) == arnField(role, arnPartition) && arnField(pp.value, arnService) == "iam" &&
		arnField(pp.value, arnOwner) == arnField(role, arnOwner) && strings.HasPrefix(arnResource(pp.value), "role/")
}

// principal says what a statement's Principal or NotPrincipal is worth to the principal of the request.
func (st *statement) principal(e *evaluation) grant {
	p := &e.request.Principal
	if st.notPrincipal {
		return st.notPrincipals(p, e.set.Boundary != nil)
	}
	best := grantNone
	for i := range st.principals {
		pp := &st.principals[i]
		if pp.aws && !p.mayBeAWS() {
			continue
		}
		if st.deny && pp.partial {
			return grantEveryone
		}
		best = max(best, pp.grants(p))
	}
	return best
}

// mayBeAWS says whether {"AWS": "*"} means the principal.
func (p *Principal) mayBeAWS() bool { return p.Kind == PrincipalAWS || p.Kind == PrincipalAnonymous }

// notPrincipals evaluates NotPrincipal
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html).
//
// With Deny, AWS may compare account, role and session one after the other, so a principal is only spared when
// all of them are listed, and one that has a permissions boundary is never spared. With Allow, any one of
// them that is listed excludes the principal.
func (st *statement) notPrincipals(p *Principal, boundary bool) grant {
	account, role, self := p.Kind != PrincipalAWS, p.RoleARN == "", false
	listed := false
	for i := range st.principals {
		pp := &st.principals[i]
		everyone := pp.any && (!pp.aws || p.mayBeAWS())
		self = self || everyone || pp.kind == p.Kind && pp.value == p.ARN || pp.account != "" && pp.account == p.account() && p.isRoot()
		role = role || everyone || pp.names(p.RoleARN)
		account = account || everyone || pp.account != "" && pp.account == p.account()
		listed = listed || pp.grants(p) != grantNone
	}
	if st.deny {
		if account && role && self && !boundary {
			return grantNone
		}
		return grantEveryone
	}
	if listed {
		return grantNone
	}
	// "Doing so allows all principals except the one named".
	// uncertain: whether boundary and session policies limit that, as they do not limit what is granted to "*"; taken to.
	return grantRole
}
