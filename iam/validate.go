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

// Validate finds what AWS refuses in a policy of this kind when it is stored, and [Parse] cannot know: what [Document.Check]
// finds, which elements the kind must have and must not have, and that it is too long.
// Every error is a [*SyntaxError] with the place of the element that it is about, as far as that is known.
// Values that only CloudFormation knows ([Intrinsic]) are passed over.
func (d *Document) Validate(kind PolicyKind) []error {
	v := validator{document: d, kind: kind, errs: d.Check(), sids: map[string]bool{}}
	if kind == ResourceControlPolicy && d.Version != Version2012 && !isMarked(d.Version) {
		v.report(Position{}, "a resource control policy must have the Version %s", Version2012)
	}
	for i := range d.Statements {
		if st := &d.Statements[i]; st.Intrinsic == "" {
			v.statement(st)
		}
	}
	for _, finding := range d.checkSize(kind) {
		v.errs = append(v.errs, finding)
	}
	return v.errs
}

// validator collects what is wrong with a document.
type validator struct {
	document *Document
	kind     PolicyKind
	errs     []error
	sids     map[string]bool // of the statements so far
}

// report adds a finding; of too many, the rest is left out.
func (v *validator) report(pos Position, format string, args ...any) {
	switch {
	case len(v.errs) < maxFindings:
		v.errs = append(v.errs, syntaxErrorf(v.document.Name, pos, format, args...))
	case len(v.errs) == maxFindings:
		v.errs = append(v.errs, tooMany(v.document.Name, pos))
	}
}

// statement checks one statement.
func (v *validator) statement(st *Statement) {
	if !isMarked(st.Sid) {
		v.sid(st)
	}
	v.actions(st)
	v.resources(st)
	v.principals(st)
	if v.kind == ResourceControlPolicy {
		v.resourceControl(st)
	}
}

// or is the place if it is known, and the statement's otherwise.
func (p Position) or(statement Position) Position {
	if p == (Position{}) {
		return statement
	}
	return p
}

func isMarked(s string) bool {
	_, marked := IntrinsicJSON(s)
	return marked
}

func (v *validator) sid(st *Statement) {
	at := st.Places.Sid.or(st.Pos)
	if st.Sid != "" && v.sids[st.Sid] {
		v.report(at, "Sid %q is not unique in the policy", st.Sid)
	}
	v.sids[st.Sid] = true
	if v.kind.plainSid() && strings.IndexFunc(st.Sid, notAlphanumeric) >= 0 {
		v.report(at, "Sid %q may only have letters and digits", st.Sid)
	}
}

func notAlphanumeric(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
}

func (v *validator) actions(st *Statement) {
	for _, list := range [][]string{st.Actions, st.NotActions} {
		for _, a := range list {
			if a != "*" && strings.Count(a, ":") != 1 && !isMarked(a) {
				v.report(st.Places.Action.or(st.Pos), "action %q must be * or have the form service:Operation", a)
			}
		}
	}
}

func (v *validator) resources(st *Statement) {
	has := len(st.Resources)+len(st.NotResources) > 0
	at := st.Places.Resource.or(st.Pos)
	if v.kind == TrustPolicy {
		if has {
			v.report(at, "a trust policy must not have a Resource")
		}
		return
	}
	if !has && !(v.kind == ResourcePolicy && st.onlyAbout("ecr:")) {
		v.report(at, "statement has neither Resource nor NotResource")
	}
	for _, list := range [][]string{st.Resources, st.NotResources} {
		for _, r := range list {
			short := v.kind == ResourcePolicy && strings.HasPrefix(r, "execute-api:/") && st.onlyAbout("execute-api:")
			if r != "*" && !strings.HasPrefix(r, "arn:") && !isMarked(r) && !short {
				v.report(at, "resource %q must be * or an ARN", r)
			}
		}
	}
}

// onlyAbout says whether all of a statement's actions are those of a service, whose name is given with its colon. Two
// services have policies of a form of their own: those of repositories have no Resource
// (https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policy-examples.html), and those of REST APIs may have
// one that begins with execute-api:/ (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-resource-policies-examples.html).
func (st *Statement) onlyAbout(service string) bool {
	for _, list := range [][]string{st.Actions, st.NotActions} {
		for _, a := range list {
			if !strings.HasPrefix(strings.ToLower(a), service) {
				return false
			}
		}
	}
	return true
}

func (v *validator) principals(st *Statement) {
	has := len(st.Principals)+len(st.NotPrincipals) > 0
	at := st.Places.Principal.or(st.Pos)
	if !v.kind.hasPrincipal() {
		if has {
			v.report(at, "only a trust policy or a resource's policy may have a Principal")
		}
		return
	}
	if !has {
		v.report(at, "statement has no Principal")
	}
	for _, list := range [][]PrincipalPattern{st.Principals, st.NotPrincipals} {
		for _, p := range list {
			v.principal(p, at)
		}
	}
}

func (v *validator) principal(p PrincipalPattern, at Position) {
	for _, value := range p.Values {
		if isMarked(value) {
			continue
		}
		if value != AnyPrincipal && strings.ContainsAny(value, "*?") {
			v.report(at, "principal %q: a wildcard cannot be part of a principal", value)
		}
		if p.Kind == KindAWS && value != AnyPrincipal && !isAccountID(value) && !strings.HasPrefix(value, "arn:") {
			v.report(at, "principal %q must be *, an account id or an ARN", value)
		}
	}
}

// resourceControl checks what the organizations user guide has for resource control policies
// (orgs_manage_policies_rcps_syntax.html): "The effect of Allow is only supported for the RCPFullAWSAccess policy",
// which is AWS's own and never stored; its table of elements has neither NotAction nor NotPrincipal.
func (v *validator) resourceControl(st *Statement) {
	if st.Effect == Allow {
		v.report(st.Places.Effect.or(st.Pos), "a resource control policy can only deny: the effect Allow is that of RCPFullAWSAccess alone")
	}
	if len(st.NotActions) > 0 {
		v.report(st.Places.Action.or(st.Pos), "a resource control policy cannot have a NotAction")
	}
	if len(st.NotPrincipals) > 0 {
		v.report(st.Places.Principal.or(st.Pos), "a resource control policy cannot have a NotPrincipal")
	}
}
