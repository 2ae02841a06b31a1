package policy

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// Condition is a condition of a statement and what the request has for it.
type Condition struct {
	Operator string   `json:"operator"`
	Key      string   `json:"key"`
	Values   []string `json:"values"`
	Has      []string `json:"has,omitempty"` // the request's values; none when it does not have the key
}

// conditionsOf lists those conditions of a statement that hold, or those that do not. Statements are found by their
// policy's name and their place; where two of one name stand at one place, the first that has such conditions counts.
func conditionsOf(c *Case, layers []iam.Layer, ref iam.StatementRef, hold bool) (list []Condition) {
	policies := policiesOf(c.Policies)
	for _, l := range layers {
		for _, p := range policies[l] {
			d := p.Document()
			if d.Name != ref.Policy || ref.Index >= len(d.Statements) || d.Statements[ref.Index].Pos != ref.Pos {
				continue
			}
			st := &d.Statements[ref.Index]
			for _, condition := range st.Conditions {
				if holds(d.Version, condition, st.Effect, c.Request.Context) == hold {
					has := c.Request.Context.Get(condition.Key)
					list = append(list, Condition{condition.Operator, condition.Key, condition.Values, has})
				}
			}
			if len(list) > 0 {
				return list
			}
		}
	}
	return nil
}

// holds asks the engine for one condition, by a policy that has nothing else. The effect counts: where it is uncertain
// whether a condition holds, it does for a Deny and does not for an Allow.
func holds(version string, condition iam.Condition, effect iam.Effect, context iam.Context) bool {
	const account = "111122223333"
	p, err := iam.Compile(&iam.Document{Version: version, Statements: []iam.Statement{{
		Effect: effect, Actions: []string{"*"}, Resources: []string{"*"}, Conditions: []iam.Condition{condition},
	}}})
	if err != nil {
		return false // cannot be: it was compiled with the rest of its statement
	}
	caller := iam.Principal{ARN: "arn:aws:iam::" + account + ":user/u", Account: account}
	request := iam.Request{Principal: caller, Action: "sqs:SendMessage", Resource: "*", Context: context}
	set := iam.PolicySet{Identity: []*iam.Policy{p}}
	if effect == iam.Allow {
		return set.Allowed(&request)
	}
	return set.Evaluate(&request).Outcome == iam.ExplicitlyDenied
}

// allLayers are the layers that may deny explicitly.
var allLayers = []iam.Layer{
	iam.LayerIdentity, iam.LayerBoundary, iam.LayerSession, iam.LayerTrust, iam.LayerResource,
	iam.LayerSCP, iam.LayerRCP, iam.LayerEndpoint,
}

// withoutDenials is the set without its Deny statements: what it answers, it answers but for those.
func withoutDenials(s *iam.PolicySet) (*iam.PolicySet, error) {
	var failed error
	strip := func(p *iam.Policy) *iam.Policy {
		if p == nil {
			return nil
		}
		d := *p.Document()
		d.Statements = slices.DeleteFunc(slices.Clone(d.Statements), func(st iam.Statement) bool { return st.Effect == iam.Deny })
		stripped, err := iam.Compile(&d)
		if err != nil {
			failed = err
		}
		return stripped
	}
	each := func(list []*iam.Policy) (out []*iam.Policy) {
		for _, p := range list {
			out = append(out, strip(p))
		}
		return out
	}
	tree := func(levels [][]*iam.Policy) (out [][]*iam.Policy) {
		for _, level := range levels {
			out = append(out, each(level))
		}
		return out
	}
	return &iam.PolicySet{
		Identity: each(s.Identity), Boundary: strip(s.Boundary), Session: each(s.Session), Trust: strip(s.Trust),
		Resource: strip(s.Resource), SCPs: tree(s.SCPs), RCPs: tree(s.RCPs), Endpoint: strip(s.Endpoint),
	}, failed
}

// reads says whether any policy of a set reads a context key, in a condition or as a policy variable.
func reads(s *iam.PolicySet, key string) bool {
	variable := "${" + strings.ToLower(key)
	mentions := func(text string) bool { return strings.Contains(strings.ToLower(text), variable) }
	for _, list := range policiesOf(s) {
		for _, p := range list {
			for _, st := range p.Document().Statements {
				if slices.ContainsFunc(st.Resources, mentions) || slices.ContainsFunc(st.NotResources, mentions) {
					return true
				}
				for _, c := range st.Conditions {
					if strings.EqualFold(c.Key, key) || slices.ContainsFunc(c.Values, mentions) {
						return true
					}
				}
			}
		}
	}
	return false
}
