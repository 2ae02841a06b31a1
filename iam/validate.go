package iam

import "strings"

// PolicyKind says what a policy is attached to, and with that which elements it needs and which quotas it has.
type PolicyKind uint8

// The kinds of policy.
const (
	IdentityPolicy        PolicyKind = iota // of an identity, whichever of those below (so without a quota); also boundaries and session policies
	TrustPolicy                             // what a role is assumed by
	ResourcePolicy                          // attached to a resource other than a role
	ManagedPolicy                           // a policy of its own, attached to identities; also boundaries
	RolePolicy                              // inline in a role
	UserPolicy                              // inline in a user
	GroupPolicy                             // inline in a group
	SessionPolicy                           // passed when a role is assumed
	ServiceControlPolicy                    // of an organization, for its principals
	ResourceControlPolicy                   // of an organization, for its resources
	BucketPolicy                            // attached to an S3 bucket
	EndpointPolicy                          // attached to a VPC endpoint
)

// hasPrincipal says whether policies of the kind say whom they are for: the others are attached to those.
func (k PolicyKind) hasPrincipal() bool {
	switch k {
	case TrustPolicy, ResourcePolicy, ResourceControlPolicy, BucketPolicy, EndpointPolicy:
		return true
	}
	return false
}

// plainSid says whether a Sid may only have letters and digits, as in all that IAM itself stores
// (reference_policies_elements_sid.html).
func (k PolicyKind) plainSid() bool {
	return k == TrustPolicy || !k.hasPrincipal() && k != ServiceControlPolicy
}

// Validate finds what AWS refuses in a policy of this kind when it is stored, and [Parse] cannot know.
// Every error is a [*SyntaxError]; what [Compile] finds is among them, and a policy that is too long.
// Values that only CloudFormation knows ([Intrinsic]) are passed over, and a document that has one is not compiled.
func (d *Document) Validate(kind PolicyKind) []error {
	var errs []error
	if _, _, found := d.firstIntrinsic(); !found {
		if _, err := Compile(d); err != nil {
			errs = append(errs, err)
		}
	}
	if kind == ResourceControlPolicy && d.Version != Version2012 && !isMarked(d.Version) {
		errs = append(errs, syntaxErrorf(d.Name, Position{}, "a resource control policy must have the Version %s", Version2012))
	}
	seen := map[string]bool{}
	for i := range d.Statements {
		st := &d.Statements[i]
		if st.Intrinsic != "" {
			continue
		}
		report := func(format string, args ...any) {
			errs = append(errs, syntaxErrorf(d.Name, st.Pos, format, args...))
		}
		if !isMarked(st.Sid) {
			validateSid(kind, st.Sid, seen, report)
		}
		validateActions(st, report)
		validateResources(kind, st, report)
		validatePrincipals(kind, st, report)
		if kind == ResourceControlPolicy {
			validateResourceControl(st, report)
		}
	}
	for _, finding := range d.checkSize(kind) {
		errs = append(errs, finding)
	}
	return errs
}

func isMarked(s string) bool {
	_, marked := IntrinsicJSON(s)
	return marked
}

type reporter func(format string, args ...any)

func validateSid(kind PolicyKind, sid string, seen map[string]bool, report reporter) {
	if sid != "" && seen[sid] {
		report("Sid %q is not unique in the policy", sid)
	}
	seen[sid] = true
	if kind.plainSid() && strings.IndexFunc(sid, notAlphanumeric) >= 0 {
		report("Sid %q may only have letters and digits", sid)
	}
}

func notAlphanumeric(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
}

func validateActions(st *Statement, report reporter) {
	for _, list := range [][]string{st.Actions, st.NotActions} {
		for _, a := range list {
			if a != "*" && strings.Count(a, ":") != 1 && !isMarked(a) {
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
			if r != "*" && !strings.HasPrefix(r, "arn:") && !isMarked(r) {
				report("resource %q must be * or an ARN", r)
			}
		}
	}
}

func validatePrincipals(kind PolicyKind, st *Statement, report reporter) {
	has := len(st.Principals)+len(st.NotPrincipals) > 0
	if !kind.hasPrincipal() {
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
		if isMarked(v) {
			continue
		}
		if v != AnyPrincipal && strings.ContainsAny(v, "*?") {
			report("principal %q: a wildcard cannot be part of a principal", v)
		}
		if p.Kind == KindAWS && v != AnyPrincipal && !isAccountID(v) && !strings.HasPrefix(v, "arn:") {
			report("principal %q must be *, an account id or an ARN", v)
		}
	}
}

// validateResourceControl checks what the organizations user guide has for resource control policies
// (orgs_manage_policies_rcps_syntax.html): "The effect of Allow is only supported for the RCPFullAWSAccess policy",
// which is AWS's own and never stored; its table of elements has neither NotAction nor NotPrincipal.
func validateResourceControl(st *Statement, report reporter) {
	if st.Effect == Allow {
		report("a resource control policy can only deny: the effect Allow is that of RCPFullAWSAccess alone")
	}
	if len(st.NotActions) > 0 {
		report("a resource control policy cannot have a NotAction")
	}
	if len(st.NotPrincipals) > 0 {
		report("a resource control policy cannot have a NotPrincipal")
	}
}
