package iam_test

import (
	"testing"

	"github.com/slipway-cd/slipway/iam"
)

// The pages of the guide that the rules of one account come from.
const (
	logicPage        = guide + "reference_policies_evaluation-logic_policy-eval-denyallow.html"
	basicsPage       = guide + "reference_policies_evaluation-logic_policy-eval-basics.html"
	interplayPage    = guide + "reference_policies_evaluation-logic_AccessPolicyLanguage_Interplay.html"
	boundariesPage   = guide + "access_policies_boundaries.html"
	sessionsPage     = guide + "access_policies.html"
	notPrincipalPage = guide + "reference_policies_elements_notprincipal.html"
	resourcePage     = guide + "reference_policies_elements_resource.html"
	arnsPage         = guide + "reference-arns.html"
	federationPage   = "https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html"
)

// object belongs to the account of the principal, unless the rule says otherwise.
const object = "arn:aws:s3:::amzn-s3-demo-bucket/key"

// What resource policies say of the principals of account 111122223333.
const (
	toUser    = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/ann"},"Action":"s3:*","Resource":"*"}`
	toRole    = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/ci/Deploy"},"Action":"s3:*","Resource":"*"}`
	toSession = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:sts::111122223333:assumed-role/Deploy/run"},"Action":"s3:*","Resource":"*"}`
	toAccount = `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:*","Resource":"*"}`
	toRoot    = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"s3:*","Resource":"*"}`
	toAnyone  = `{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}`
	denyS3    = `{"Effect":"Deny","Action":"s3:*","Resource":"*"}`
	denyToAll = `{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}`
)

var (
	accountRoot = iam.Principal{ARN: "arn:aws:iam::111122223333:root", Account: home}
	// federated is the session that the user ann made with GetFederationToken, with the name bob.
	federated = iam.Principal{ARN: "arn:aws:sts::111122223333:federated-user/bob", RoleARN: userARN, Account: home}
	anonymous = iam.Principal{Kind: iam.PrincipalAnonymous}
)

var identityRules = []rule{
	{
		name: "nothing is allowed by default", page: logicPage,
		quote: "By default, all requests are implicitly denied with the exception of the AWS account root user, which has full access.",
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "the root user has full access", page: logicPage,
		quote: "By default, all requests are implicitly denied with the exception of the AWS account root user, which has full access.",
		set:   layerTexts{identity: []string{allowAll}},
		who:   accountRoot, do: "iam:CreateUser", on: "arn:aws:iam::111122223333:user/new",
		want: iam.Allowed,
	}, {
		name: "a policy allows", page: logicPage,
		quote: "Requests must be explicitly allowed by a policy or set of policies following the evaluation logic below to be allowed.",
		set:   layerTexts{identity: []string{`{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::amzn-s3-demo-bucket/*"}`}},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "no statement allows the action", page: logicPage,
		quote: "If there are no identity-based policies or no statements in identity-based policies that allow the requested action, then the request is implicitly denied and the enforcement code returns a final decision of Deny.",
		set:   layerTexts{identity: []string{allowSQS}},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "the policy of a group allows", page: logicPage,
		quote: "For an IAM user, these include user policies and policies from groups to which the user belongs.",
		set:   layerTexts{identity: []string{allowSQS, allowS3}},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "any statement of any policy is enough", page: logicPage,
		quote: "If any statement in any applicable identity-based policies allows the requested action, the code evaluation continues.",
		set:   layerTexts{identity: []string{allowS3, allowSQS + `,{"Effect":"Allow","Action":"ssm:SendCommand","Resource":"*"}`}},
		who:   session, do: "ssm:SendCommand", on: "arn:aws:ssm:us-east-1::document/AWS-RunShellScript",
		want: iam.Allowed,
	}, {
		name: "the policy of a group denies", page: logicPage,
		quote: "If the enforcement code finds even one explicit deny that applies, the enforcement code returns a final decision of Deny.",
		set:   layerTexts{identity: []string{allowAll, denyGet}},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ExplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "a deny that does not apply", page: logicPage,
		quote: "If there is no explicit deny, the enforcement code evaluation continues.",
		set:   layerTexts{identity: []string{allowAll, denyGet}},
		who:   user, do: "s3:PutObject", on: object,
		want: iam.Allowed,
	}, {
		name: "deny and allow in one policy", page: logicPage,
		quote: "An explicit deny overrides an explicit allow.",
		set:   layerTexts{identity: []string{denyS3 + "," + allowS3}},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ExplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "allowed by a prefix", page: interplayPage,
		quote: "The AllowGetList statement allows read-only access to IAM actions that begin with the prefixes Get and List.",
		set:   layerTexts{identity: []string{reportsPolicy}},
		who:   user, do: "iam:GetUser", on: userARN,
		want: iam.Allowed,
	}, {
		name: "neither allowed nor denied", page: interplayPage,
		quote: "All other actions in IAM, such as iam:CreatePolicy are implicitly denied.",
		set:   layerTexts{identity: []string{reportsPolicy}},
		who:   user, do: "iam:CreatePolicy", on: "arn:aws:iam::111122223333:policy/p",
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "denied by a suffix", page: interplayPage,
		quote: "The DenyReports statement explicitly denies access to IAM reports by denying access to actions that include the Report suffix, such as iam:GetOrganizationsAccessReport.",
		set:   layerTexts{identity: []string{reportsPolicy}},
		who:   user, do: "iam:GetOrganizationsAccessReport",
		want: iam.ExplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "a policy added later does not lift the deny", page: interplayPage,
		quote: "If someone adds another policy to this principal to grant them access to IAM reports, such as iam:GenerateCredentialReport, report-related requests are still denied because of this explicit deny.",
		set:   layerTexts{identity: []string{reportsPolicy, `{"Effect":"Allow","Action":"iam:GenerateCredentialReport","Resource":"*"}`}},
		who:   user, do: "iam:GenerateCredentialReport",
		want: iam.ExplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "an identity policy with a principal gives nothing", page: principalPage,
		quote: "You cannot use the Principal element in an identity-based policy.",
		set:   layerTexts{identity: []string{toAnyone}},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "an identity policy without a resource gives nothing", page: resourcePage,
		quote: "Statements must include either a Resource or a NotResource element.",
		set:   layerTexts{identity: []string{`{"Effect":"Allow","Action":"s3:*"}`}},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "an action without resource types, a star", page: resourcePage,
		quote: "In these cases, you use the wildcard * in the Resource element.",
		set:   layerTexts{identity: []string{`{"Effect":"Allow","Action":"ec2:DescribeInstances","Resource":"*"}`}},
		who:   user, do: "ec2:DescribeInstances",
		want: iam.Allowed,
	}, {
		name: "an action without resource types, an ARN", page: resourcePage,
		quote: "Some services do not let you specify actions for individual resources; instead, any actions that you list in the Action or NotAction element apply to all resources in that service.",
		set:   layerTexts{identity: []string{`{"Effect":"Allow","Action":"ec2:DescribeInstances","Resource":"arn:aws:ec2:*:*:instance/*"}`}},
		who:   user, do: "ec2:DescribeInstances",
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "an incomplete ARN in an identity policy", page: arnsPage,
		quote: "When you specify an incomplete ARN (one with fewer than the standard six fields) in an identity-based policy, AWS automatically completes the ARN by adding wildcard characters (*) to all missing fields.",
		set:   layerTexts{identity: []string{`{"Effect":"Allow","Action":"sqs:*","Resource":"arn:aws:sqs"}`}},
		who:   user, do: "sqs:SendMessage", on: "arn:aws:sqs:us-east-1:111122223333:queue",
		want: iam.Allowed,
	}, {
		name: "an incomplete ARN is still of its service", page: arnsPage,
		quote: "For example, specifying arn:aws:sqs is equivalent to arn:aws:sqs:*:*:*, which grants access to all Amazon Amazon SQS resources across all regions and accounts.",
		set:   layerTexts{identity: []string{`{"Effect":"Allow","Action":"*","Resource":"arn:aws:sqs"}`}},
		who:   user, do: "sns:Publish", on: "arn:aws:sns:us-east-1:111122223333:topic",
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "an incomplete ARN in a session policy", page: arnsPage,
		quote: "However, session policies passed to AWS STS AssumeRole, AssumeRoleWithWebIdentity, and AssumeRoleWithSAML requests, do not support incomplete ARNs.",
		set: layerTexts{
			identity: []string{allowAll},
			session:  []string{`{"Effect":"Allow","Action":"sqs:*","Resource":"arn:aws:sqs"}`},
		},
		who: session, do: "sqs:SendMessage", on: "arn:aws:sqs:us-east-1:111122223333:queue",
		want: iam.ImplicitlyDenied, by: iam.LayerSession,
	},
}

// reportsPolicy is the example of [interplayPage].
const reportsPolicy = `{"Version":"2012-10-17","Statement":[
	{"Sid":"AllowGetList","Effect":"Allow","Action":["iam:Get*","iam:List*"],"Resource":"*"},
	{"Sid":"DenyReports","Effect":"Deny","Action":"iam:*Report","Resource":"*"}]}`

func TestIdentityRules(t *testing.T) {
	t.Parallel()
	runRules(t, identityRules)
}
