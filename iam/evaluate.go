package iam

import "strings"

// Evaluate answers a request. It follows
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html:
// an explicit deny in any layer wins; otherwise every layer that has a say must allow.
// It allocates when more than one statement is decisive, and when a value of the request is no date or address and is
// compared with one.
func (s *PolicySet) Evaluate(r *Request) Decision {
	e := evaluation{set: s, request: r, record: true}
	e.run()
	return e.decide()
}

// Allowed says whether a request is allowed. It does not allocate, unless a value of the request is no date or address and
// is compared with one.
func (s *PolicySet) Allowed(r *Request) bool {
	e := evaluation{set: s, request: r}
	e.run()
	return e.decide().Outcome == Allowed
}

// evaluation is the state of answering one request.
type evaluation struct {
	set     *PolicySet
	request *Request
	record  bool // keep the statements, not only the answer

	filter   filter // that the action passes
	findings [layerCount]findings
	allowed  layers // layers with a matching Allow
	denied   layers // layers with a matching Deny
	grant    grant  // the most that a statement of the gate grants
	scps     bool   // service control policies have a say
	rcps     bool   // resource control policies have a say
	waived   bool   // the call needs no permission
}

// findings are the statements that matched in one layer.
type findings struct{ allows, denies []StatementRef }

// layers is a set of layers.
type layers uint16

func layerSet(list ...Layer) (set layers) {
	for _, l := range list {
		set |= 1 << l
	}
	return set
}

func (set layers) has(l Layer) bool { return set&(1<<l) != 0 }

// first returns the layer that is reported before all others.
func (set layers) first() Layer {
	for l := LayerIdentity; l < layerCount; l++ {
		if set.has(l) {
			return l
		}
	}
	return LayerNone
}

// run evaluates every layer. None is skipped after a denial, so that no reason is lost.
func (e *evaluation) run() {
	e.filter = filterOf(e.request.Action)
	e.identity()
	e.boundary()
	e.session()
	e.trust()
	e.resource()
	e.servicePolicies()
	e.resourcePolicies()
	e.endpoint()
}

// found notes a statement that matches in a layer.
func (e *evaluation) found(l Layer, st *statement) {
	f := &e.findings[l]
	if st.deny {
		e.denied |= 1 << l
		if e.record {
			f.denies = join(f.denies, st.self)
		}
		return
	}
	e.allowed |= 1 << l
	if e.record {
		f.allows = join(f.allows, st.self)
	}
}

// join appends, without allocating for the first one. It never writes into a slice that belongs to a statement:
// those have no room.
func join(list, more []StatementRef) []StatementRef {
	if len(list) == 0 {
		return more
	}
	return append(list, more...)
}

func (e *evaluation) decide() Decision {
	if e.request.needsNoPermission() {
		e.waive()
	}
	if e.denied != 0 {
		d := Decision{Outcome: ExplicitlyDenied, Layer: e.denied.first()}
		for l := range e.findings {
			d.Decisive = join(d.Decisive, e.findings[l].denies)
		}
		return d
	}
	needed := e.needed()
	if missing := needed &^ e.allowed; missing != 0 {
		return Decision{Outcome: ImplicitlyDenied, Layer: missing.first()}
	}
	d := Decision{Outcome: Allowed}
	for l := range e.findings {
		if needed.has(Layer(l)) {
			d.Decisive = join(d.Decisive, e.findings[l].allows)
		}
	}
	return d
}

// needed returns the layers that must allow the request.
func (e *evaluation) needed() layers {
	if e.waived {
		return e.guardrails() & layerSet(LayerEndpoint)
	}
	return e.grants() | e.guardrails()
}

// guardrails returns the layers that limit a request whoever allows it. AWS checks them apart from the policies that
// grant: what those say about each other does not concern them.
func (e *evaluation) guardrails() (set layers) {
	if e.scps {
		set |= 1 << LayerSCP
	}
	if e.rcps {
		set |= 1 << LayerRCP
	}
	if e.set.Endpoint != nil {
		set |= 1 << LayerEndpoint
	}
	return set
}

// grants returns the layers that must together grant the request.
func (e *evaluation) grants() layers {
	gate := e.gate()
	if e.request.Principal.Kind != PrincipalAWS {
		return layerSet(gate) // services, web identities and anonymous callers have no policies of their own
	}
	limits := e.limits()
	own := limits | layerSet(LayerIdentity)
	if e.crossAccount() {
		return own | layerSet(gate)
	}
	switch {
	case !e.gateMustAllow() && own&^e.allowed == 0 && e.grant != grantDirect:
		return own // whatever the resource's policy says: the principal's own policies are named
	case e.grant == grantDirect || e.grant == grantEveryone:
		// "Permissions boundaries and session policies do not limit permissions granted using the aws:PrincipalArn
		// condition key with a wildcard(*) in the Principal element": nor, then, without that condition.
		return layerSet(gate)
	case e.grant == grantRole && (e.gateMustAllow() || !e.allowed.has(LayerIdentity)):
		return limits | layerSet(gate)
	case e.gateMustAllow():
		return own | layerSet(gate)
	default:
		return own
	}
}

// gate is the layer that speaks for the resource.
func (e *evaluation) gate() Layer {
	if e.set.Trust != nil {
		return LayerTrust
	}
	return LayerResource
}

// gateMustAllow says whether the resource's own policy must allow the request even within one account: "IAM role trust
// policies and KMS key policies are exceptions to this logic, because they must explicitly allow access for principals"
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html).
func (e *evaluation) gateMustAllow() bool {
	r := e.request
	switch {
	case e.set.Trust != nil:
		return true
	case ofService(r.Action, "kms"):
		return needsKeyPolicy(r)
	case ofService(r.Action, "sts"):
		return needsTrustPolicy(r)
	}
	return false
}

// needsKeyPolicy says whether a KMS key policy decides: about a key, each of which has exactly one, also when it is named by
// its alias. Some actions are about no key, and some about the alias itself, for which "the policy applies to the alias
// resource" (https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html).
func needsKeyPolicy(r *Request) bool {
	const (
		ofAliases = " kms:createalias kms:updatealias kms:deletealias "
		ofNoKey   = " kms:createkey kms:listkeys kms:listaliases kms:generaterandom kms:createcustomkeystore " +
			"kms:connectcustomkeystore kms:describecustomkeystores kms:disconnectcustomkeystore kms:updatecustomkeystore " +
			"kms:deletecustomkeystore "
	)
	if strings.HasPrefix(arnResource(r.Resource), "alias/") {
		return !hasWord(ofAliases, r.Action)
	}
	return !hasWord(ofNoKey, r.Action)
}

// needsTrustPolicy says whether a role's trust policy decides: when a role is assumed, and about what goes with it.
func needsTrustPolicy(r *Request) bool {
	const assumes = " sts:assumerole sts:assumerolewithsaml sts:assumerolewithwebidentity "
	return hasWord(assumes, r.Action) || arnField(r.Resource, arnService) == "iam" && strings.HasPrefix(arnResource(r.Resource), "role/")
}

// limits returns the layers that limit the principal without giving it anything.
func (e *evaluation) limits() (set layers) {
	if e.set.Boundary != nil {
		set |= 1 << LayerBoundary
	}
	if len(e.set.Session) > 0 || e.request.Principal.federatedUser() {
		set |= 1 << LayerSession
	}
	return set
}

// crossAccount says whether principal and resource belong to different accounts.
func (e *evaluation) crossAccount() bool {
	r := e.request
	owner := r.Account
	if owner == "" {
		owner = arnAccount(r.Resource)
	}
	return owner != "" && owner != r.Principal.account()
}

// own evaluates a policy that is attached to the principal.
func (e *evaluation) own(l Layer, p *Policy) {
	if p == nil {
		return
	}
	for i := range p.filters {
		if !p.filters[i].passes(&e.filter) {
			continue
		}
		st := &p.statements[i]
		// AWS accepts no such policy that names principals or no resources.
		// Here its Allow never counts and its Deny counts for everyone and everything.
		if wellFormed := st.hasResource && !st.hasPrincipal; (wellFormed || st.deny) && st.covers(e, l) {
			e.found(l, st)
		}
	}
}

// attached evaluates a policy that names its principals.
func (e *evaluation) attached(l Layer, p *Policy) {
	if p == nil {
		return
	}
	for i := range p.filters {
		if !p.filters[i].passes(&e.filter) {
			continue
		}
		st := &p.statements[i]
		if !st.hasResource && !st.deny && !e.resourceGoesWithout(l) || !st.covers(e, l) {
			continue
		}
		g := e.granted(l, st)
		if g == grantNone || st.deny && l == LayerResource && e.ownsBucket() {
			continue
		}
		e.found(l, st)
		if !st.deny && l == e.gate() {
			e.grant = max(e.grant, g)
		}
	}
}

// resourceGoesWithout says whether the policies of a layer need not name a resource. "Statements must include either a
// Resource or a NotResource element" (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html),
// but for trust policies, and for those of Amazon ECR's repositories, which have none.
func (e *evaluation) resourceGoesWithout(l Layer) bool {
	return l == LayerTrust || l == LayerResource && (ofService(e.request.Action, "sts") || ofService(e.request.Action, "ecr"))
}

// granted says what the statement of an attached policy is worth to the caller.
func (e *evaluation) granted(l Layer, st *statement) grant {
	if !st.hasPrincipal && st.deny {
		return grantEveryone // AWS accepts no such policy; it fails closed
	}
	g := st.principal(e)
	switch {
	case st.deny:
	case l == LayerTrust && st.notPrincipal:
		return grantNone // "You cannot use the NotPrincipal element in [...] an IAM role trust policy": AWS accepts none
	case l == LayerTrust && g == grantEveryone && e.request.Principal.Kind != PrincipalAWS:
		return grantNone // uncertain: whether everyone includes web identities and services; taken not to
	case l == LayerEndpoint && g == grantAccount && !e.endpointNamesAccounts():
		return grantNone
	}
	return g
}
