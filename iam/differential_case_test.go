package iam_test

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// simCase is one question for both judges: who wants to do what, and every policy that applies.
type simCase struct {
	Principal string // as iam.ParsePrincipal reads it
	RoleARN   string // who is behind a session: the role, with its path, or the user of a federated user
	Action    string
	Resource  string
	Account   string // owns the resource
	Context   map[string][]string

	Identity   []simPolicy
	Boundary   *simPolicy
	Session    *simPolicy
	Attached   *simPolicy // the resource's own policy; the trust policy where the action is sts:AssumeRole*
	SCPs, RCPs [][]simPolicy
	Endpoint   *simPolicy
}

// simPolicy is a policy document.
type simPolicy struct {
	Version   string         `json:"Version,omitempty"`
	Statement []simStatement `json:"Statement"`
}

type simStatement struct {
	Sid          string                        `json:"Sid,omitempty"`
	Effect       string                        `json:"Effect"`
	Principal    simPrincipals                 `json:"Principal,omitempty"`
	NotPrincipal simPrincipals                 `json:"NotPrincipal,omitempty"`
	Action       simList                       `json:"Action,omitempty"`
	NotAction    simList                       `json:"NotAction,omitempty"`
	Resource     simList                       `json:"Resource,omitempty"`
	NotResource  simList                       `json:"NotResource,omitempty"`
	Condition    map[string]map[string]simList `json:"Condition,omitempty"`
}

// simList is written as a string when it has one element.
type simList []string

// MarshalJSON writes a string or a list.
func (l simList) MarshalJSON() ([]byte, error) {
	if len(l) == 1 {
		return json.Marshal(l[0])
	}
	return json.Marshal([]string(l))
}

// simPrincipals lists principals by kind; the kind * stands for everyone.
type simPrincipals map[string]simList

// MarshalJSON writes "*" or an object.
func (p simPrincipals) MarshalJSON() ([]byte, error) {
	if _, everyone := p[iam.AnyPrincipal]; everyone {
		return json.Marshal(iam.AnyPrincipal)
	}
	return json.Marshal(map[string]simList(p))
}

// assumes says whether the call assumes a role, so that the attached policy is a trust policy.
func (c *simCase) assumes() bool { return strings.HasPrefix(c.Action, "sts:AssumeRole") }

// String prints the case as the simulator reads it, on one line.
func (c *simCase) String() string {
	text, err := json.Marshal(c.simulation())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// simulation is the case in the words of iam-simulate.
func (c *simCase) simulation() map[string]any {
	var principal any = c.Principal
	if c.Principal == iam.AnyPrincipal {
		principal = map[string]string{"type": "Anonymous"}
	}
	context := c.Context
	if context == nil {
		context = map[string][]string{}
	}
	out := map[string]any{
		"request": map[string]any{
			"principal": principal, "action": c.Action, "contextVariables": context,
			"resource": map[string]string{"resource": c.Resource, "accountId": c.Account},
		},
		"identityPolicies":        named("identity", c.Identity),
		"serviceControlPolicies":  levels("scp", c.SCPs),
		"resourceControlPolicies": levels("rcp", c.RCPs),
	}
	if c.Session != nil {
		out["sessionPolicy"] = c.Session
	}
	if c.Attached != nil {
		out["resourcePolicy"] = c.Attached
	}
	if c.Boundary != nil {
		out["permissionBoundaryPolicies"] = named("boundary", []simPolicy{*c.Boundary})
	}
	if c.Endpoint != nil {
		out["vpcEndpointPolicies"] = named("endpoint", []simPolicy{*c.Endpoint})
	}
	return out
}

func named(name string, policies []simPolicy) []any {
	list := []any{}
	for i := range policies {
		list = append(list, map[string]any{"name": fmt.Sprint(name, i), "policy": &policies[i]})
	}
	return list
}

func levels(name string, tree [][]simPolicy) []any {
	list := []any{}
	for i, level := range tree {
		id := fmt.Sprint(name, i)
		list = append(list, map[string]any{"orgIdentifier": id, "policies": named(id+"-", level)})
	}
	return list
}

// decide asks our engine.
func (c *simCase) decide() (iam.Decision, error) {
	set, err := c.policySet()
	if err != nil {
		return iam.Decision{}, err
	}
	principal, err := iam.ParsePrincipal(c.Principal)
	if err != nil {
		return iam.Decision{}, err
	}
	if c.RoleARN != "" {
		principal.RoleARN = c.RoleARN
	}
	return set.Evaluate(&iam.Request{
		Principal: principal, Action: c.Action, Resource: c.Resource, Account: c.Account,
		Context: iam.NewContext(c.Context),
	}), nil
}

func (c *simCase) policySet() (*iam.PolicySet, error) {
	var firstErr error
	compile := func(name string, p *simPolicy) *iam.Policy {
		if p == nil {
			return nil
		}
		src, err := json.Marshal(p)
		if err == nil {
			var compiled *iam.Policy
			if compiled, err = iam.ParsePolicy(name, src); err == nil {
				return compiled
			}
		}
		if firstErr == nil {
			firstErr = err
		}
		return nil
	}
	tree := func(name string, levels [][]simPolicy, first ...*iam.Policy) (out [][]*iam.Policy) {
		for _, level := range levels {
			list := append([]*iam.Policy{}, first...)
			for i := range level {
				list = append(list, compile(name, &level[i]))
			}
			out = append(out, list)
		}
		return out
	}
	set := &iam.PolicySet{
		Boundary: compile("boundary", c.Boundary),
		Endpoint: compile("endpoint", c.Endpoint),
		SCPs:     tree("scp", c.SCPs),
		// AWS attaches it to every level, and the simulator adds it by itself.
		RCPs: tree("rcp", c.RCPs, iam.AllowEveryone("RCPFullAWSAccess")),
	}
	for i := range c.Identity {
		set.Identity = append(set.Identity, compile("identity", &c.Identity[i]))
	}
	if c.Session != nil {
		set.Session = []*iam.Policy{compile("session", c.Session)}
	}
	attached := compile("attached", c.Attached)
	if c.assumes() {
		set.Trust = attached
	} else {
		set.Resource = attached
	}
	return set, firstErr
}
