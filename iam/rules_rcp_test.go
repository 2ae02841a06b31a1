package iam_test

import (
	"testing"

	"github.com/slipway-cd/slipway/iam"
)

// rcpRules are the rules of resource control policies.
var rcpRules = []rule{
	{
		name: "RCP: the default lets everything pass", page: rcpExamplesPage,
		quote: "This default RCP allows all principals and actions access to pass through RCP evaluation.",
		set:   layerTexts{identity: []string{allowS3}, rcps: [][]string{{rcpFullAccess}, {rcpFullAccess}}},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "RCP: without the default", page: logicPage,
		quote: "If the enforcement code does not find any applicable Allow statements in the RCPs, the enforcement code returns a final decision of Deny.",
		set:   layerTexts{identity: []string{allowS3}, rcps: [][]string{{rcpFullAccess}, {}}},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerRCP,
	}, {
		name: "RCP: it gives nothing", page: rcpsPage,
		quote: "A user or role without any IAM permission policies has no access, even if an applicable RCP allows all services, all actions, and all resources.",
		set:   layerTexts{rcps: [][]string{{rcpFullAccess}}},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "RCP: the root denies", page: rcpsPage,
		quote: "Any resource in an account has only those permissions permitted by every parent above it.",
		set:   layerTexts{identity: []string{allowS3}, rcps: [][]string{{rcpFullAccess, rcpDenyAll}, {rcpFullAccess}, {rcpFullAccess}}},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ExplicitlyDenied, by: iam.LayerRCP,
	}, {
		name: "RCP: what the resource policy gives is denied", page: rcpsPage,
		quote: "If a permission is blocked at any level above the account, a resource in the affected account does not have that permission, even if the resource owner attaches a resource-based policy that allows full access to any user.",
		set:   layerTexts{resource: toSession + "," + toAnyone, rcps: [][]string{{rcpFullAccess}, {rcpFullAccess, rcpDenyAll}}},
		who:   session, do: "s3:GetObject", on: object,
		want: iam.ExplicitlyDenied, by: iam.LayerRCP,
	}, {
		name: "RCP: a user of another account", page: rcpsPage,
		quote: "That RCP applies to the S3 bucket in Account A even when accessed by users from Account B.",
		set:   layerTexts{identity: []string{allowS3}, resource: toUser, rcps: [][]string{{rcpFullAccess, rcpOwnOrganization}}},
		who:   user, do: "s3:GetObject", on: object, account: other,
		with: map[string][]string{"aws:PrincipalOrgID": {"o-another"}, "aws:PrincipalIsAWSService": {"false"}},
		want: iam.ExplicitlyDenied, by: iam.LayerRCP,
	}, {
		name: "RCP: a user of the organization", page: rcpsPage,
		quote: "When a principal makes a request to access a resource within an account that has an attached RCP (a resource with an applicable RCP), the RCP is included in the policy evaluation logic to determine whether the principal is allowed or denied access.",
		set:   layerTexts{identity: []string{allowS3}, resource: toUser, rcps: [][]string{{rcpFullAccess, rcpOwnOrganization}}},
		who:   user, do: "s3:GetObject", on: object, account: other,
		with: map[string][]string{"aws:PrincipalOrgID": {"o-own"}, "aws:PrincipalIsAWSService": {"false"}},
		want: iam.Allowed,
	}, {
		name: "RCP: the root user", page: rcpsPage,
		quote: "This includes root users.",
		set:   layerTexts{identity: []string{allowAll}, rcps: [][]string{{rcpFullAccess, rcpDenyAll}}},
		who:   accountRoot, do: "s3:GetObject", on: object,
		want: iam.ExplicitlyDenied, by: iam.LayerRCP,
	}, {
		name: "RCP: an anonymous caller", page: rcpsPage,
		quote: "RCPs impact the effective permissions of principals trying to access resources in a member account with an applicable RCP, regardless of whether the principals belong to the same organizations or not.",
		set:   layerTexts{resource: toAnyone, rcps: [][]string{{rcpFullAccess, rcpOwnOrganization}}},
		who:   anonymous, do: "s3:GetObject", on: object,
		want: iam.ExplicitlyDenied, by: iam.LayerRCP,
	}, {
		name: "RCP: a service", page: rcpsPage,
		quote: "RCPs impact the effective permissions of principals trying to access resources in a member account with an applicable RCP, regardless of whether the principals belong to the same organizations or not.",
		set: layerTexts{
			resource: `{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"s3:*","Resource":"*"}`,
			rcps:     [][]string{{rcpFullAccess, rcpDenyAll}},
		},
		who: service, do: "s3:PutObject", on: object,
		want: iam.ExplicitlyDenied, by: iam.LayerRCP,
	}, {
		name: "RCP: a service that the policy spares", page: rcpExamplesPage,
		quote: "You can make use of Deny statements to restrict access to resources in your organization.",
		set: layerTexts{
			resource: `{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"s3:*","Resource":"*"}`,
			rcps:     [][]string{{rcpFullAccess, rcpOwnOrganization}},
		},
		who: service, do: "s3:PutObject", on: object, with: map[string][]string{"aws:PrincipalIsAWSService": {"true"}},
		want: iam.Allowed,
	}, {
		name: "RCP: a web identity", page: rcpsPage,
		quote: "RCPs impact the effective permissions of principals trying to access resources in a member account with an applicable RCP, regardless of whether the principals belong to the same organizations or not.",
		set:   layerTexts{trust: githubTrust, rcps: [][]string{{rcpFullAccess, rcpOwnOrganization}}},
		who:   github, do: "sts:AssumeRoleWithWebIdentity", on: roleARN, with: githubToken("repo:GitHubOrg/GitHubRepo:ref:refs/heads/GitHubBranch"),
		want: iam.ExplicitlyDenied, by: iam.LayerRCP,
	}, {
		name: "RCP: a service-linked role is not limited", page: rcpsPage,
		quote: "The exception is when principals are service-linked roles because RCPs do not apply to calls made by service-linked roles.",
		set:   layerTexts{identity: []string{allowS3}, rcps: [][]string{{rcpDenyAll}}},
		who:   linkedRole, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "RCP: the trust policy of a service-linked role is not limited", page: rcpsPage,
		quote: "RCPs also do not impact AWS services' ability to assume a service-linked role; that is, the service-linked role's trust policy is also not impacted by RCPs.",
		set: layerTexts{
			trust: `{"Effect":"Allow","Principal":{"Service":"autoscaling.amazonaws.com"},"Action":"sts:AssumeRole"}`,
			rcps:  [][]string{{rcpFullAccess, rcpDenyAll}},
		},
		who: iam.Principal{Kind: iam.PrincipalService, ARN: "autoscaling.amazonaws.com"}, do: "sts:AssumeRole", on: linkedRole.RoleARN,
		want: iam.Allowed,
	}, {
		name: "RCP: the trust policy of another role is limited", page: rcpsPage,
		quote: "RCPs apply to the resources that are authorized as part of an operation request.",
		set: layerTexts{
			trust: `{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`,
			rcps:  [][]string{{rcpFullAccess, rcpDenyAll}},
		},
		who: service, do: "sts:AssumeRole", on: roleARN,
		want: iam.ExplicitlyDenied, by: iam.LayerRCP,
	}, {
		name: "RCP: an object whose ARN looks like a service-linked role's", page: rcpsPage,
		quote: "Service-linked roles are a unique type of IAM role that is linked directly to an AWS service and include all the permissions that the service requires to call other AWS services on your behalf.",
		set:   layerTexts{identity: []string{allowS3}, rcps: [][]string{{rcpFullAccess, rcpDenyAll}}},
		who:   user, do: "s3:GetObject", on: "arn:aws:s3:::role/aws-service-role/x",
		want: iam.ExplicitlyDenied, by: iam.LayerRCP,
	}, {
		name: "RCP: the alias of an AWS managed key", page: rcpsPage,
		quote: "RCPs do not apply to AWS managed keys for AWS Key Management Service.",
		set:   layerTexts{identity: []string{allowAll}, rcps: [][]string{{rcpFullAccess, rcpDenyAll}}},
		who:   user, do: "kms:DeleteAlias", on: "arn:aws:kms:us-west-2:111122223333:alias/aws/s3",
		want: iam.Allowed,
	}, {
		name: "RCP: a service that has none", page: rcpsPage,
		quote: "RCPs apply to resources for a subset of AWS services.",
		set:   layerTexts{identity: []string{allowAll}, rcps: [][]string{{rcpFullAccess, rcpDenyAll}}},
		who:   user, do: "sns:Publish", on: "arn:aws:sns:us-east-1:111122223333:topic",
		want: iam.Allowed,
	}, {
		name: "RCP: kms:RetireGrant", page: rcpsPage,
		quote: "RCPs do not impact the kms:RetireGrant permission.",
		set: layerTexts{
			identity: []string{allowAll}, resource: `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"kms:*","Resource":"*"}`,
			rcps: [][]string{{rcpFullAccess, rcpDenyAll}},
		},
		who: user, do: "kms:RetireGrant", on: "arn:aws:kms:us-west-2:111122223333:key/1234abcd",
		want: iam.Allowed,
	}, {
		name: "RCP: another action on a key", page: rcpsPage,
		quote: "RCPs apply to the resources that are authorized as part of an operation request.",
		set: layerTexts{
			identity: []string{allowAll}, resource: `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"kms:*","Resource":"*"}`,
			rcps: [][]string{{rcpFullAccess, rcpDenyAll}},
		},
		who: user, do: "kms:RevokeGrant", on: "arn:aws:kms:us-west-2:111122223333:key/1234abcd",
		want: iam.ExplicitlyDenied, by: iam.LayerRCP,
	},
}

func TestRCPRules(t *testing.T) {
	t.Parallel()
	runRules(t, rcpRules)
}

// TestRCPServices follows [rcpsPage]: "RCPs apply to actions for the following AWS services:", each with the prefix
// of its actions, as the page was in September 2026.
func TestRCPServices(t *testing.T) {
	t.Parallel()
	with := []string{
		"appconfig", "appstream", "aoss", "autoscaling", "autoscaling-plans", "budgets", "clouddirectory", "cloudfront",
		"cloudsearch", "cloudtrail-data", "codeartifact", "codebuild", "codecommit", "codepipeline", "cognito-identity",
		"cognito-idp", "comprehend", "comprehendmedical", "compute-optimizer", "cost-optimization-hub", "dax", "dsql",
		"dynamodb", "ecr", "ecr-public", "events", "firehose", "fis", "fms", "gamelift", "health", "inspector-scan",
		"kendra", "kinesisvideo", "kms", "logs", "memorydb", "networkmonitor", "notifications", "opensearch",
		"pca-connector-ad", "personalize", "polly", "pricing", "resource-groups", "rolesanywhere", "s3", "secretsmanager",
		"servicediscovery", "signin", "sqs", "sts", "support", "swf", "textract", "timestream-influxdb", "transcribe",
		"transfer", "translate", "wafv2", "workspaces", "xray",
	}
	without := []string{"sns", "ec2", "iam", "lambda", "ssm", "cloudformation", "es", "s3express", "s3-outposts", "elasticloadbalancing"}
	set := layerTexts{
		identity: []string{allowAll}, rcps: [][]string{{rcpFullAccess, rcpDenyAll}},
		resource: `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"*","Resource":"*"}`,
	}.compile(t)
	check := func(services []string, limited bool) {
		for _, name := range services {
			for _, action := range []string{name + ":Anything", "A" + name + ":Anything"} {
				want := iam.Allowed
				if limited && action == name+":Anything" {
					want = iam.ExplicitlyDenied
				}
				r := &iam.Request{Principal: user, Action: action, Resource: "*"}
				if got := set.Evaluate(r).Outcome; got != want {
					t.Errorf("%s: got %v, want %v", action, got, want)
				}
			}
		}
	}
	check(with, true)
	check(without, false)
}
