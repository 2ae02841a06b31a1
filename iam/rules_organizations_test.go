package iam_test

import (
	"testing"

	"github.com/slipway-cd/slipway/iam"
)

const (
	organizations   = "https://docs.aws.amazon.com/organizations/latest/userguide/"
	scpsPage        = organizations + "orgs_manage_policies_scps.html"
	scpLevelsPage   = organizations + "orgs_manage_policies_scps_evaluation.html"
	rcpsPage        = organizations + "orgs_manage_policies_rcps.html"
	rcpExamplesPage = organizations + "orgs_manage_policies_rcps_examples.html"
)

const (
	allowEC2 = `{"Effect":"Allow","Action":"ec2:*","Resource":"*"}`
	denyEC2  = `{"Effect":"Deny","Action":"ec2:*","Resource":"*"}`
	// rcpFullAccess is what AWS calls RCPFullAWSAccess; its service control namesake is allowAll.
	rcpFullAccess = `{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}`
	rcpDenyAll    = `{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}`
	// rcpOwnOrganization denies whoever is neither of the organization nor a service of AWS.
	rcpOwnOrganization = `{"Effect":"Deny","Principal":"*","Action":["s3:*","sts:*"],"Resource":"*","Condition":{
		"StringNotEqualsIfExists":{"aws:PrincipalOrgID":"o-own"},"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}}}`
)

var linkedRole = iam.Principal{
	ARN:     "arn:aws:sts::111122223333:assumed-role/AWSServiceRoleForAutoScaling/AutoScaling",
	RoleARN: "arn:aws:iam::111122223333:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling",
	Account: home,
}

// scpRules are the rules of service control policies. The levels are the root, a unit and the account.
var scpRules = []rule{
	{
		name: "SCP: allowed at every level", page: scpLevelsPage,
		quote: "For a permission or a service to be allowed at Account B, a SCP that allows the permission or service should be attached to Root, the Production OU, and to Account B itself.",
		set:   layerTexts{identity: []string{allowAll}, scps: [][]string{{allowAll}, {allowAll}, {allowAll}}},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "SCP: not allowed by the unit", page: scpLevelsPage,
		quote: "If an allow statement is not present in the SCPs at any of the levels such as Root, Production OU or Account B, the access is denied.",
		set:   layerTexts{identity: []string{allowAll}, scps: [][]string{{allowAll}, {allowSQS}, {allowAll}}},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerSCP,
	}, {
		name: "SCP: nothing is attached to the account", page: scpLevelsPage,
		quote: "If this policy is removed and not replaced at any level of the organization, all OUs and accounts under that level would be blocked from taking any actions.",
		set:   layerTexts{identity: []string{allowAll}, scps: [][]string{{allowAll}, {allowAll}, {}}},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerSCP,
	}, {
		name: "SCP: nothing is allowed at the root", page: scpLevelsPage,
		quote: "Missing an \"Allow\" statement at the root-level in an SCP is a critical misconfiguration that will effectively block all access to AWS services and actions for all member accounts in your organization.",
		set:   layerTexts{identity: []string{allowAll}, scps: [][]string{{}, {allowAll}, {allowAll}}},
		who:   session, do: "ssm:SendCommand",
		want: iam.ImplicitlyDenied, by: iam.LayerSCP,
	}, {
		name: "SCP: the unit denies", page: scpLevelsPage,
		quote: "As a result, both Account A and Account B will be denied access to the service as a deny policy attached to any level in the organization is evaluated for all the OUs and member accounts underneath it.",
		set:   layerTexts{identity: []string{allowAll}, scps: [][]string{{allowAll}, {allowAll, denyS3}, {allowAll}}},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ExplicitlyDenied, by: iam.LayerSCP,
	}, {
		name: "SCP: scenario 1, the unit's deny", page: scpLevelsPage,
		quote: "When the Sandbox OU has both \"Full AWS access\" and \"Deny S3 access\" policies, and Account B has a \"Deny EC2 access\" policy, the result is that Account B cannot access S3 (from the OU-level deny) and EC2 (from its account-level deny).",
		set:   layerTexts{identity: []string{allowAll}, scps: [][]string{{allowAll}, {allowAll, denyS3}, {allowAll, denyEC2}}},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ExplicitlyDenied, by: iam.LayerSCP,
	}, {
		name: "SCP: scenario 1, the account's deny", page: scpLevelsPage,
		quote: "When the Sandbox OU has both \"Full AWS access\" and \"Deny S3 access\" policies, and Account B has a \"Deny EC2 access\" policy, the result is that Account B cannot access S3 (from the OU-level deny) and EC2 (from its account-level deny).",
		set:   layerTexts{identity: []string{allowAll}, scps: [][]string{{allowAll}, {allowAll, denyS3}, {allowAll, denyEC2}}},
		who:   user, do: "ec2:DescribeInstances",
		want: iam.ExplicitlyDenied, by: iam.LayerSCP,
	}, {
		name: "SCP: scenario 2, the service that the unit allows", page: scpLevelsPage,
		quote: "Here, as the Sandbox OU has an \"Allow EC2 access\" policy, which only explicitly allows EC2 service access, Account A and B will only have EC2 access.",
		set:   layerTexts{identity: []string{allowAll}, scps: [][]string{{allowAll}, {allowEC2}, {allowAll}}},
		who:   user, do: "ec2:DescribeInstances",
		want: iam.Allowed,
	}, {
		name: "SCP: scenario 2, another service", page: scpLevelsPage,
		quote: "For a service to be accessible, there must be an explicit allow at every level from the root down to the account.",
		set:   layerTexts{identity: []string{allowAll}, scps: [][]string{{allowAll}, {allowEC2}, {allowAll}}},
		who:   user, do: "ssm:SendCommand",
		want: iam.ImplicitlyDenied, by: iam.LayerSCP,
	}, {
		name: "SCP: scenario 4, all but one service", page: scpLevelsPage,
		quote: "As a result, Account D has all service access except EC2 and Account E and F have all service access.",
		set:   layerTexts{identity: []string{allowAll}, scps: [][]string{{allowAll}, {allowAll}, {allowAll, denyEC2}, {allowAll}}},
		who:   user, do: "ssm:SendCommand",
		want: iam.Allowed,
	}, {
		name: "SCP: scenario 6, what the unit allows is denied at the root", page: scpLevelsPage,
		quote: "Even though the Test OU has an \"Allow S3 access\" policy, the root-level S3 deny takes precedence.",
		set:   layerTexts{identity: []string{allowAll}, scps: [][]string{{allowAll, denyS3}, {allowS3}, {allowAll}}},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ExplicitlyDenied, by: iam.LayerSCP,
	}, {
		name: "SCP: scenario 6, what the root allows is not allowed by the unit", page: scpLevelsPage,
		quote: "Account D has no service access because the Test OU only allows S3 access, but S3 is denied at the root-level.",
		set:   layerTexts{identity: []string{allowAll}, scps: [][]string{{allowAll, denyS3}, {allowS3}, {allowAll}}},
		who:   user, do: "ec2:DescribeInstances",
		want: iam.ImplicitlyDenied, by: iam.LayerSCP,
	}, {
		name: "SCP: any statement of a level is enough", page: scpLevelsPage,
		quote: "While writing SCPs you can make use of a combination of Allow and Deny statements to allow intended actions and services in your organization.",
		set:   layerTexts{identity: []string{allowAll}, scps: [][]string{{allowEC2, allowS3}, {denyEC2, allowS3}}},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "SCP: it gives nothing", page: scpsPage,
		quote: "A user without any IAM permission policies has no access, even if the applicable SCPs allow all services and all actions.",
		set:   layerTexts{scps: [][]string{{allowAll}, {allowAll}}},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "SCP: an administrator is limited", page: scpsPage,
		quote: "If a user or role has an IAM permission policy that grants access to an action that is either not allowed or explicitly denied by the applicable SCPs, the user or role can't perform that action.",
		set:   layerTexts{identity: []string{allowAll}, scps: [][]string{{allowEC2}}},
		who:   session, do: "iam:CreateUser", on: "arn:aws:iam::111122223333:user/new",
		want: iam.ImplicitlyDenied, by: iam.LayerSCP,
	}, {
		name: "SCP: the root user is limited", page: scpsPage,
		quote: "SCPs affect all users and roles in attached accounts, including the root user.",
		set:   layerTexts{identity: []string{allowAll}, scps: [][]string{{allowAll, denyS3}, {allowAll}}},
		who:   accountRoot, do: "s3:GetObject", on: object,
		want: iam.ExplicitlyDenied, by: iam.LayerSCP,
	}, {
		name: "SCP: the root user is limited by silence", page: scpsPage,
		quote: "An SCP restricts permissions for IAM users and roles in member accounts, including the member account's root user.",
		set:   layerTexts{identity: []string{allowAll}, scps: [][]string{{allowAll}, {allowEC2}}},
		who:   accountRoot, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerSCP,
	}, {
		name: "SCP: a service-linked role is not limited", page: scpsPage,
		quote: "SCPs do not affect any service-linked role.",
		set:   layerTexts{identity: []string{allowEC2}, scps: [][]string{{denyEC2}, {}}},
		who:   linkedRole, do: "ec2:RunInstances",
		want: iam.Allowed,
	}, {
		name: "SCP: a service is not limited", page: scpsPage,
		quote: "SCPs affect only IAM users and roles that are managed by accounts that are part of the organization.",
		set: layerTexts{
			resource: `{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"s3:*","Resource":"*"}`,
			scps:     [][]string{{denyS3}},
		},
		who: service, do: "s3:PutObject", on: object,
		want: iam.Allowed,
	}, {
		name: "SCP: an anonymous caller is not limited", page: scpsPage,
		quote: "SCPs affect only IAM users and roles that are managed by accounts that are part of the organization.",
		set:   layerTexts{resource: toAnyone, scps: [][]string{{denyS3}}},
		who:   anonymous, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "SCP: a web identity is not limited", page: scpsPage,
		quote: "SCPs affect only IAM users and roles that are managed by accounts that are part of the organization.",
		set:   layerTexts{trust: githubTrust, scps: [][]string{{`{"Effect":"Deny","Action":"sts:*","Resource":"*"}`}}},
		who:   github, do: "sts:AssumeRoleWithWebIdentity", on: target, with: githubToken("repo:GitHubOrg/GitHubRepo:ref:refs/heads/GitHubBranch"),
		want: iam.Allowed,
	}, {
		name: "SCP: what a resource policy gives directly is limited", page: logicPage,
		quote: "If the enforcement code does not find any applicable Allow statements in the SCPs, the enforcement code returns a final decision of Deny.",
		set:   layerTexts{resource: toSession, scps: [][]string{{allowAll}, {allowSQS}}},
		who:   session, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerSCP,
	}, {
		name: "SCP: what a resource policy gives to everyone is limited", page: boundariesPage,
		quote: "They limit permissions for every request made by a principal within the account.",
		set:   layerTexts{resource: toAnyone, scps: [][]string{{allowAll}, {allowAll, denyS3}}},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ExplicitlyDenied, by: iam.LayerSCP,
	}, {
		name: "SCP: with a boundary, all three allow", page: scpsPage,
		quote: "If both a permissions boundary (an advanced IAM feature) and an SCP are present, then the boundary, the SCP, and the identity-based policy must all allow the action.",
		set:   layerTexts{identity: []string{allowAll}, boundary: allowS3, scps: [][]string{{allowAll}, {allowS3}}},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "SCP: with a boundary, that is silent", page: scpsPage,
		quote: "If both a permissions boundary (an advanced IAM feature) and an SCP are present, then the boundary, the SCP, and the identity-based policy must all allow the action.",
		set:   layerTexts{identity: []string{allowAll}, boundary: allowSQS, scps: [][]string{{allowAll}, {allowS3}}},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerBoundary,
	}, {
		name: "SCP: with a boundary, the SCP is silent", page: boundariesPage,
		quote: "In this case, the request is allowed only if all three policy types allow it.",
		set:   layerTexts{identity: []string{allowAll}, boundary: allowS3, scps: [][]string{{allowAll}, {allowSQS}}},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerSCP,
	}, {
		name: "SCP: of the principal's account, for another account's resource", page: logicPage,
		quote: "SCPs apply to principals of the account where the SCPs are attached.",
		set:   layerTexts{identity: []string{allowS3}, resource: toUser, scps: [][]string{{allowSQS}}},
		who:   user, do: "s3:GetObject", on: object, account: other,
		want: iam.ImplicitlyDenied, by: iam.LayerSCP,
	},
}

func TestSCPRules(t *testing.T) {
	t.Parallel()
	runRules(t, scpRules)
}
