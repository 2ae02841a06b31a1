package iam

import "strings"

// Remedy is a statement that a layer lacks.
type Remedy struct {
	Layer Layer
	// Level is the level of the organization that lacks it, counted from the root, 0; 0 for layers without levels.
	Level     int
	Statement Statement
}

// remedies returns the smallest statements that would together allow the request, given the layers that do not.
// None of them can be left out.
func (e *evaluation) remedies(missing layers) (out []Remedy) {
	if gate := e.gate(); missing.has(gate) && e.gateAlone() {
		// The resource's policy can name the caller, who then needs no identity policy.
		missing &^= layerSet(LayerIdentity)
		if e.request.Principal.RoleARN == "" && !e.request.Principal.isRole() {
			missing &^= e.limits()
		}
	}
	if missing.has(LayerTrust) && e.request.Principal.Kind == PrincipalAnonymous {
		return nil // nobody assumes a role without saying who they are
	}
	for l := LayerIdentity; l < layerCount; l++ {
		if !missing.has(l) {
			continue
		}
		if l == e.gate() && !e.identified() {
			return nil
		}
		levels := []int{0}
		if l == LayerSCP || l == LayerRCP {
			levels = e.closedLevels(l)
		}
		for _, level := range levels {
			out = append(out, Remedy{Layer: l, Level: level, Statement: e.smallest(l)})
		}
	}
	return out
}

// gateAlone says whether a statement in the resource's policy that names the caller would grant the request.
func (e *evaluation) gateAlone() bool {
	return e.request.Principal.Kind == PrincipalAWS && !e.crossAccount()
}

// smallest is the statement that allows this request, and as little else as a policy of the layer can say.
func (e *evaluation) smallest(l Layer) Statement {
	r := e.request
	if l == LayerRCP {
		// "The effect of Allow is only supported for the RCPFullAWSAccess policy"
		// (https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_syntax.html).
		return AllowEveryone("RCPFullAWSAccess").Document().Statements[0]
	}
	st := Statement{Effect: Allow, Actions: []string{r.Action}}
	if l != LayerTrust {
		st.Resources = []string{literalResource(r.Resource)}
	}
	if l.namesPrincipals() {
		st.Principals = []PrincipalPattern{r.Principal.pattern(l)}
	}
	if l == e.gate() {
		st.Conditions = e.identifying()
	}
	return st
}

// identifying returns the conditions that tell a web identity or a service's errand from all others: without them the
// statement would let in everybody with an account at the identity provider, or every customer of the service
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html and confused-deputy.html).
func (e *evaluation) identifying() (conditions []Condition) {
	for _, key := range e.identifyingKeys() {
		if values := e.request.Context.Get(key); len(values) == 1 {
			conditions = append(conditions, Condition{Operator: "StringEquals", Key: key, Values: []string{escaped(values[0])}})
		}
	}
	return conditions
}

// identified says whether the request has what tells its caller from all others. There is no small statement that
// allows a web identity of which nothing is known.
func (e *evaluation) identified() bool {
	return e.request.Principal.Kind != PrincipalFederated || len(e.identifying()) == len(e.identifyingKeys())
}

func (e *evaluation) identifyingKeys() []string {
	p := &e.request.Principal
	switch {
	case p.Kind == PrincipalService:
		return []string{"aws:SourceAccount", "aws:SourceArn"}
	case p.Kind != PrincipalFederated:
		return nil
	case strings.HasPrefix(arnResource(p.ARN), "saml-provider/"):
		return []string{"SAML:aud"}
	}
	provider := p.ARN
	if url, ok := strings.CutPrefix(arnResource(p.ARN), "oidc-provider/"); ok {
		provider = url
	}
	return []string{provider + ":aud", provider + ":sub"}
}

// literalResource writes a resource as a pattern.
func literalResource(resource string) string {
	if resource == "" {
		return "*"
	}
	return escaped(resource)
}

// escaped writes a text so that no part of it is taken for a policy variable.
func escaped(text string) string { return strings.ReplaceAll(text, "${", "${$}{") }

// pattern names the principal as a policy of the layer would: RCPs can only name everyone.
func (p *Principal) pattern(l Layer) PrincipalPattern {
	switch {
	case l == LayerRCP || p.Kind == PrincipalAnonymous:
		return PrincipalPattern{Kind: AnyPrincipal}
	case p.Kind == PrincipalService:
		return PrincipalPattern{Kind: KindService, Values: []string{p.ARN}}
	case p.Kind == PrincipalFederated:
		return PrincipalPattern{Kind: KindFederated, Values: []string{p.ARN}}
	case p.RoleARN != "":
		return PrincipalPattern{Kind: KindAWS, Values: []string{p.RoleARN}}
	}
	return PrincipalPattern{Kind: KindAWS, Values: []string{p.ARN}}
}

// namesPrincipals says whether the policies of a layer have a Principal element.
func (l Layer) namesPrincipals() bool {
	return l == LayerTrust || l == LayerResource || l == LayerRCP || l == LayerEndpoint
}

// isRole says whether the principal is a role itself, which stands for any of its sessions.
func (p *Principal) isRole() bool {
	return p.Kind == PrincipalAWS && p.RoleARN == "" && strings.HasPrefix(arnResource(p.ARN), "role/")
}
