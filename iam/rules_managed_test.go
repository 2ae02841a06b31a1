package iam_test

import (
	"testing"

	"github.com/slipway-cd/slipway/iam"
)

const (
	deleteBucketPolicyPage = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketPolicy.html"
	managedPolicyPages     = "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/"
	callerIdentityPage     = "https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html"
	sessionTokenPage       = guide + "id_credentials_temp_control-access_getsessiontoken.html"
	managedPage            = guide + "access_policies_managed-vs-inline.html"
)

// unaskedRules are the requests that policies do not decide, or not as others.
var unaskedRules = []rule{
	{
		name: "unasked: who am I", page: callerIdentityPage,
		quote: "No permissions are required to perform this operation.",
		who:   session, do: "sts:GetCallerIdentity",
		want: iam.Allowed, unasked: true,
	}, {
		name: "unasked: who am I, denied", page: callerIdentityPage,
		quote: "If an administrator attaches a policy to your identity that explicitly denies access to the sts:GetCallerIdentity action, you can still perform this operation.",
		set:   layerTexts{identity: []string{`{"Effect":"Deny","Action":"sts:*","Resource":"*"}`}},
		who:   user, do: "sts:GetCallerIdentity",
		want: iam.Allowed, unasked: true,
	}, {
		name: "unasked: a session token", page: sessionTokenPage,
		quote: "No permissions are required for a user to get a session token.",
		who:   user, do: "sts:GetSessionToken",
		want: iam.Allowed, unasked: true,
	}, {
		name: "unasked: a session token, denied", page: sessionTokenPage,
		quote: "You can include the GetSessionToken action in your policies, but it has no effect on a user's ability to perform the GetSessionToken operation.",
		set:   layerTexts{identity: []string{`{"Effect":"Deny","Action":"sts:*","Resource":"*"}`}},
		who:   user, do: "sts:GetSessionToken",
		want: iam.Allowed, unasked: true,
	}, {
		name: "the bucket's root user and its policy", page: deleteBucketPolicyPage,
		quote: "even if their bucket policy explicitly denies the root principal's access.",
		set:   layerTexts{identity: []string{allowAll}, resource: denyToAll},
		who:   accountRoot, do: "s3:DeleteBucketPolicy", on: "arn:aws:s3:::amzn-s3-demo-bucket",
		want: iam.Allowed,
	}, {
		name: "the bucket's root user and an SCP", page: deleteBucketPolicyPage,
		quote: "Bucket owner root principals can only be blocked from performing these API actions by VPC endpoint policies",
		set:   layerTexts{identity: []string{allowAll}, resource: denyToAll, scps: [][]string{{allowAll, denyS3}}},
		who:   accountRoot, do: "s3:PutBucketPolicy", on: "arn:aws:s3:::amzn-s3-demo-bucket",
		want: iam.ExplicitlyDenied, by: iam.LayerSCP,
	}, {
		name: "the bucket's root user and its objects", page: logicPage,
		quote: "An explicit deny overrides an explicit allow.",
		set:   layerTexts{identity: []string{allowAll}, resource: denyToAll},
		who:   accountRoot, do: "s3:GetObject", on: object,
		want: iam.ExplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "another account's root user and the bucket's policy", page: logicPage,
		quote: "An explicit deny overrides an explicit allow.",
		set:   layerTexts{identity: []string{allowAll}, resource: toRoot + "," + denyToAll},
		who:   accountRoot, do: "s3:DeleteBucketPolicy", on: "arn:aws:s3:::amzn-s3-demo-bucket", account: other,
		want: iam.ExplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "an administrator and the bucket's policy", page: logicPage,
		quote: "An explicit deny overrides an explicit allow.",
		set:   layerTexts{identity: []string{allowAll}, resource: denyToAll},
		who:   user, do: "s3:DeleteBucketPolicy", on: "arn:aws:s3:::amzn-s3-demo-bucket",
		want: iam.ExplicitlyDenied, by: iam.LayerResource,
	},
}

// AWS's own policies, word for word: PowerUserAccess v12, AmazonSSMReadOnlyAccess v1 and AdministratorAccess v1.
const (
	powerUserAccess = `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","NotAction":["iam:*","organizations:*","account:*"],"Resource":"*"},
		{"Effect":"Allow","Action":["account:GetAccountInformation","account:GetGovCloudAccountInformation","account:GetPrimaryEmail",
			"account:ListRegions","iam:CreateServiceLinkedRole","iam:DeleteServiceLinkedRole","iam:ListRoles",
			"organizations:DescribeEffectivePolicy","organizations:DescribeOrganization"],"Resource":"*"}]}`
	ssmReadOnlyAccess   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ssm:Describe*","ssm:Get*","ssm:List*"],"Resource":"*"}]}`
	administratorAccess = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
)

// managedRules are what AWS says of its own policies.
var managedRules = []rule{
	{
		name: "PowerUserAccess: a service", page: managedPolicyPages + "PowerUserAccess.html",
		quote: "Provides full access to AWS services and resources, but does not allow management of Users and groups.",
		set:   layerTexts{identity: []string{powerUserAccess}},
		who:   session, do: "ssm:SendCommand", on: "arn:aws:ssm:us-east-1::document/AWS-RunShellScript",
		want: iam.Allowed,
	}, {
		name: "PowerUserAccess: users", page: managedPolicyPages + "PowerUserAccess.html",
		quote: "Provides full access to AWS services and resources, but does not allow management of Users and groups.",
		set:   layerTexts{identity: []string{powerUserAccess}},
		who:   session, do: "iam:CreateUser", on: "arn:aws:iam::111122223333:user/new",
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "PowerUserAccess: handing over a role", page: managedPolicyPages + "PowerUserAccess.html",
		quote: "Provides full access to AWS services and resources, but does not allow management of Users and groups.",
		set:   layerTexts{identity: []string{powerUserAccess}},
		who:   session, do: "iam:PassRole", on: target, with: passing("ec2.amazonaws.com", "arn:aws:ec2:us-east-1:111122223333:instance/i-1"),
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "PowerUserAccess: an exception of the exception", page: managedPolicyPages + "PowerUserAccess.html",
		quote: "When a user or role with the policy makes a request to access an AWS resource, AWS checks the default version of the policy to determine whether to allow the request.",
		set:   layerTexts{identity: []string{powerUserAccess}},
		who:   session, do: "iam:ListRoles",
		want: iam.Allowed,
	}, {
		name: "PowerUserAccess: no deny that another policy could not lift", page: managedPage,
		quote: "You cannot change the permissions defined in AWS managed policies.",
		set:   layerTexts{identity: []string{powerUserAccess, `{"Effect":"Allow","Action":"iam:CreateUser","Resource":"*"}`}},
		who:   user, do: "iam:CreateUser", on: "arn:aws:iam::111122223333:user/new",
		want: iam.Allowed,
	}, {
		name: "AmazonSSMReadOnlyAccess: reading", page: managedPolicyPages + "AmazonSSMReadOnlyAccess.html",
		quote: "Provides read only access to Amazon SSM.",
		set:   layerTexts{identity: []string{ssmReadOnlyAccess}},
		who:   session, do: "ssm:GetCommandInvocation",
		want: iam.Allowed,
	}, {
		name: "AmazonSSMReadOnlyAccess: sending", page: managedPolicyPages + "AmazonSSMReadOnlyAccess.html",
		quote: "Provides read only access to Amazon SSM.",
		set:   layerTexts{identity: []string{ssmReadOnlyAccess}},
		who:   session, do: "ssm:SendCommand", on: "arn:aws:ssm:us-east-1::document/AWS-RunShellScript",
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "AdministratorAccess: with an SCP", page: scpsPage,
		quote: "If a permission is blocked at any level above the account, either implicitly (by not being included in an Allow policy statement) or explicitly (by being included in a Deny policy statement), a user or role in the affected account can't use that permission, even if the account administrator attaches the AdministratorAccess IAM policy with */* permissions to the user.",
		set:   layerTexts{identity: []string{administratorAccess}, scps: [][]string{{allowAll, denyEC2}}},
		who:   user, do: "ec2:RunInstances",
		want: iam.ExplicitlyDenied, by: iam.LayerSCP,
	}, {
		name: "a managed policy as a boundary", page: boundariesPage,
		quote: "You can use an AWS managed policy or a customer managed policy to set the boundary for an IAM entity (user or role).",
		set:   layerTexts{identity: []string{administratorAccess}, boundary: powerUserAccess},
		who:   user, do: "iam:CreateUser", on: "arn:aws:iam::111122223333:user/new",
		want: iam.ImplicitlyDenied, by: iam.LayerBoundary,
	}, {
		name: "a managed policy as a session policy", page: sessionsPage,
		quote: "You can use the PolicyArns parameter to specify up to 10 managed session policies.",
		set:   layerTexts{identity: []string{powerUserAccess}, session: []string{ssmReadOnlyAccess}},
		who:   session, do: "ssm:SendCommand", on: "arn:aws:ssm:us-east-1::document/AWS-RunShellScript",
		want: iam.ImplicitlyDenied, by: iam.LayerSession,
	},
}

func TestUnaskedRules(t *testing.T) {
	t.Parallel()
	runRules(t, unaskedRules)
}

func TestManagedPolicyRules(t *testing.T) {
	t.Parallel()
	runRules(t, managedRules)
}
