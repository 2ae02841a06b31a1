package plan

import (
	"slices"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/catalog"
)

// NodeTag begins the condition keys for tags of the nodes that a command is sent to.
const NodeTag = "ssm:resourceTag/"

// TakesNodeTags says whether AWS gives the nodes' tags to an action. A condition on them makes a statement about any
// other action match nothing.
func TakesNodeTags(action string) bool {
	const key = NodeTag + "${TagKey}"
	a, _ := catalog.Lookup(action)
	return slices.Contains(a.ConditionKeys, key) || slices.ContainsFunc(a.Resources, func(r catalog.ActionResource) bool {
		return slices.Contains(r.ConditionKeys, key)
	})
}

// Permission is the statement of an identity policy that allows actions on resources that carry the tags.
func Permission(sid string, actions, resources []string, tags []Tag) iam.Statement {
	st := iam.Statement{Sid: sid, Effect: iam.Allow, Actions: actions, Resources: resources}
	for _, t := range tags {
		st.Conditions = append(st.Conditions, iam.Condition{
			Operator: "StringEquals", Key: NodeTag + t.Key, Values: slices.Clone(t.Values),
		})
	}
	return st
}

// Enters says whether callers of a kind are no role of the plan, and assume one.
func (k RoleKind) Enters() bool { return k == KindGitHub || k == KindEC2 || k == KindSSM }

// Entry is the statement of a trust policy that lets such callers assume the role, with the reason; the Sid is empty
// for kinds that do not enter.
func (r Role) Entry(by RoleKind, actions []string) (st iam.Statement, why string) {
	if !by.Enters() || len(actions) == 0 {
		return iam.Statement{}, ""
	}
	st = iam.Statement{Effect: iam.Allow, Actions: actions}
	st.Sid, why = Purpose(actions[0], false)
	switch by {
	case KindGitHub:
		st.Principals = []iam.PrincipalPattern{{Kind: iam.KindFederated, Values: []string{Provider(r.Account)}}}
		st.Conditions = []iam.Condition{
			{Operator: "StringEquals", Key: Issuer + ":aud", Values: []string{Audience}},
			{Operator: "StringEquals", Key: Issuer + ":sub", Values: slices.Clone(r.Subjects)},
		}
		return st, why
	case KindSSM:
		st.Sid, why = managedNodes.sid, managedNodes.why
	}
	st.Principals = []iam.PrincipalPattern{{Kind: iam.KindService, Values: []string{by.Service()}}}
	return st, why
}

// Service is the service that hands a role to nodes; empty for other kinds.
func (k RoleKind) Service() string {
	switch k {
	case KindEC2:
		return "ec2.amazonaws.com"
	case KindSSM:
		return "ssm.amazonaws.com"
	}
	return ""
}

// Provider is the ARN of GitHub Actions' OIDC provider in an account.
func Provider(account string) string { return "arn:aws:iam::" + account + ":oidc-provider/" + Issuer }
