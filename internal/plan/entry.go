package plan

import (
	"cmp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// Enters says whether callers of a kind are no role of the plan, and assume one.
func (k RoleKind) Enters() bool {
	return slices.Contains([]RoleKind{KindGitHub, KindGitLab, KindEC2, KindSSM, KindBuilds, KindPeople}, k)
}

// identity is the kind of web identity that enters a role.
func (r Role) identity() RoleKind {
	if r.Issuer != "" {
		return KindGitLab
	}
	return KindGitHub
}

// TokenIssuer is the host of the issuer whose tokens may assume the role: the name of the OIDC provider and of its
// condition keys.
func (r Role) TokenIssuer() string { return cmp.Or(r.Issuer, Issuer) }

// TokenAudience is the aud of the tokens that may assume the role: of GitLab's, the address of the GitLab
// (docs.gitlab.com, "Configure OpenID Connect in AWS").
func (r Role) TokenAudience() string {
	if r.Issuer != "" {
		return "https://" + r.Issuer
	}
	return Audience
}

// Provider is the ARN of the OIDC provider whose tokens may assume the role.
func (r Role) Provider() string {
	return "arn:aws:iam::" + r.Account + ":oidc-provider/" + r.TokenIssuer()
}

// Entry is the statement of a trust policy that lets such callers assume the role, with the reason; the Sid is empty
// for kinds that do not enter.
func (r Role) Entry(by RoleKind, actions []string) (st iam.Statement, why string) {
	if len(actions) == 0 || !by.Enters() && !by.Shared() {
		return iam.Statement{}, ""
	}
	p := entries[by]
	st = iam.Statement{Sid: p.sid, Effect: iam.Allow, Actions: actions}
	switch by {
	case KindGitHub, KindGitLab:
		st.Principals = []iam.PrincipalPattern{{Kind: iam.KindFederated, Values: []string{r.Provider()}}}
		st.Conditions = r.tokenConditions()
		return st, p.why
	case KindCodeBuild, KindUser:
		st.Principals = []iam.PrincipalPattern{{Kind: iam.KindAWS, Values: []string{r.From}}}
		return st, p.why
	}
	if by == KindPeople {
		st.Principals = []iam.PrincipalPattern{{Kind: iam.KindAWS, Values: []string{"arn:aws:iam::" + r.Account + ":root"}}}
		st.Conditions = []iam.Condition{{Operator: "ArnLike", Key: "aws:PrincipalArn", Values: slices.Clone(r.People)}}
		return st, p.why
	}
	if r.Kind == KindAutomation {
		p = runbooks
		st.Sid = p.sid
	}
	st.Principals = []iam.PrincipalPattern{{Kind: iam.KindService, Values: []string{by.Service()}}}
	if r.Source != "" && by != KindEC2 { // which does not say for whom it acts
		st.Conditions = []iam.Condition{
			{Operator: "StringEquals", Key: "aws:SourceAccount", Values: []string{r.Account}},
			{Operator: likeWhere("ArnEquals", "ArnLike", r.Source), Key: "aws:SourceArn", Values: []string{r.Source}},
		}
	}
	return st, p.why
}

// tokenConditions are what a token must say: for whom it is, whose it is, and of which workflow where that matters.
func (r Role) tokenConditions() []iam.Condition {
	key := func(claim string) string { return r.TokenIssuer() + ":" + claim }
	conditions := []iam.Condition{
		{Operator: "StringEquals", Key: key("aud"), Values: []string{r.TokenAudience()}},
		{Operator: likeWhere("StringEquals", "StringLike", r.Subjects...), Key: key("sub"), Values: slices.Clone(r.Subjects)},
	}
	if r.Workflow != "" {
		conditions = append(conditions, iam.Condition{
			Operator: likeWhere("StringEquals", "StringLike", r.Workflow), Key: key("job_workflow_ref"), Values: []string{r.Workflow},
		})
	}
	return conditions
}

// likeWhere is the operator that understands patterns where a value is one.
func likeWhere(equals, like string, values ...string) string {
	if slices.ContainsFunc(values, func(v string) bool { return strings.ContainsAny(v, "*?") }) {
		return like
	}
	return equals
}

// entries are the purposes of the ways into roles.
var entries = map[RoleKind]purpose{
	KindGitHub: {"GitHubActions", "Lets this repository's workflow, and no other, enter with its GitHub token."},
	KindGitLab: {"GitLabJobs", "Lets this project's jobs, and no others, enter with their GitLab token."},
	KindEC2:    {"Ec2Instances", "Lets EC2 hand the role to the instances that carry it."},
	KindSSM:    managedNodes,
	KindBuilds: {"CodeBuild", "Lets CodeBuild work with the role in builds of this project."},
	KindPeople: {"Operators", "Lets these people of the account enter, whom their own policies must allow it too, and nobody else."},
	KindCodeBuild: {"PipelineBuilds",
		"Lets the pipeline's service role in the tools account, and no other principal, enter."},
	KindUser: {"PipelineUser",
		"Lets the pipeline's user in the tools account, and no other principal, enter, with the tags that configure-aws-credentials gives its sessions."},
}

// runbooks is the way into the role of runbooks. AWS documents the executions' ARN as the source, and no document's (R46).
var runbooks = purpose{"AutomationRunbooks",
	"Lets Systems Manager work with the role in executions of runbooks of this account, and in nothing else."}

// Service is the service that hands a role to nodes or to builds; empty for other kinds.
func (k RoleKind) Service() string {
	switch k {
	case KindEC2:
		return "ec2.amazonaws.com"
	case KindSSM:
		return "ssm.amazonaws.com"
	case KindBuilds:
		return "codebuild.amazonaws.com"
	}
	return ""
}

// Provider is the ARN of GitHub Actions' OIDC provider in an account.
func Provider(account string) string { return "arn:aws:iam::" + account + ":oidc-provider/" + Issuer }
