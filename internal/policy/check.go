package policy

import (
	"slices"

	"github.com/slipway-cd/slipway/iam"
)

// layerOf is the layer of a kind of policy as eval's lines name it, and LayerNone for a name that is none.
func layerOf(name string) iam.Layer {
	for l := iam.LayerIdentity; l.String() != iam.LayerNone.String(); l++ {
		if l.String() == name {
			return l
		}
	}
	return iam.LayerNone
}

// checkPrincipals finds a Principal where there can be none, and none where AWS wants one: "You cannot use the Principal
// element in an identity-based policy … You must use the Principal element in resource-based policies"
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html). Errors are
// [*iam.SyntaxError]s with the statement's place.
func checkPrincipals(p *iam.Policy, layer iam.Layer) error {
	if p == nil {
		return nil
	}
	statements := p.Document().Statements
	for i := range statements {
		st := &statements[i]
		names := len(st.Principals)+len(st.NotPrincipals) > 0
		switch layer {
		case iam.LayerIdentity, iam.LayerBoundary, iam.LayerSession, iam.LayerSCP:
			if names {
				return finding(p, st, cannotName(layer))
			}
		case iam.LayerTrust, iam.LayerRCP, iam.LayerEndpoint:
			if !names {
				return finding(p, st, "the statement has no Principal, and in the "+kindOfPolicy(layer.String())+" must have one")
			}
		case iam.LayerResource:
			// The policies of services differ; one that names nobody at all is a policy of another kind.
			if names {
				return nil
			}
		}
	}
	if layer == iam.LayerResource && len(statements) > 0 {
		return finding(p, &statements[0], "no statement has a Principal, and the resource's policy must say whom it is for")
	}
	return nil
}

func cannotName(layer iam.Layer) string {
	if layer == iam.LayerBoundary {
		return "a permissions boundary cannot have a Principal: it is for whom it is attached to"
	}
	return kindOfPolicy(layer.String()) + " cannot have a Principal: they are for whom they are attached to"
}

func finding(p *iam.Policy, st *iam.Statement, message string) error {
	return &iam.SyntaxError{
		File: p.Name, Line: st.Pos.Line, Column: st.Pos.Column, Code: iam.CodeInvalid, Message: message,
	}
}

// checkSet checks all policies of a set, in the order of the layers.
func checkSet(s *iam.PolicySet) error {
	for l, list := range policiesOf(s) {
		for _, p := range list {
			if err := checkPrincipals(p, iam.Layer(l)); err != nil {
				return err
			}
		}
	}
	return nil
}

// policiesOf lists the policies of a set by layer; the index is the [iam.Layer].
func policiesOf(s *iam.PolicySet) [iam.LayerEndpoint + 1][]*iam.Policy {
	one := func(p *iam.Policy) []*iam.Policy {
		if p == nil {
			return nil
		}
		return []*iam.Policy{p}
	}
	return [...][]*iam.Policy{
		iam.LayerIdentity: s.Identity, iam.LayerBoundary: one(s.Boundary), iam.LayerSession: s.Session,
		iam.LayerTrust: one(s.Trust), iam.LayerResource: one(s.Resource),
		iam.LayerSCP: slices.Concat(s.SCPs...), iam.LayerRCP: slices.Concat(s.RCPs...), iam.LayerEndpoint: one(s.Endpoint),
	}
}
