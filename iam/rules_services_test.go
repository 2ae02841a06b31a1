package iam_test

import (
	"testing"

	"github.com/slipway-cd/slipway/iam"
)

const (
	globalKeysPage    = guide + "reference_policies_condition-keys.html"
	serviceLinkedPage = guide + "using-service-linked-roles.html"
	passRolePage      = guide + "id_roles_use_passrole.html"
	iamKeysPage       = guide + "reference_policies_iam-condition-keys.html"
	bucketNamesPage   = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-bucket-user-policy-specifying-principal-intro.html"
)

const (
	topic    = "arn:aws:sns:us-east-1:111122223333:topic"
	incident = "arn:aws:ssm-incidents:us-east-1:111122223333:incident-record/myresponseplan/1234"
)

// The examples of [deputyPage] and [globalKeysPage].
const (
	incidentTrust = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ssm-incidents.amazonaws.com"},
		"Action":"sts:AssumeRole","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:ssm-incidents:*:111122223333:incident-record/myresponseplan/*"}}}}`
	topicForBucket = `{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"sns:Publish","Resource":"arn:aws:sns:us-east-1:111122223333:topic",
		"Condition":{"StringEquals":{"aws:SourceAccount":"111122223333"},"ArnLike":{"aws:SourceArn":"arn:aws:s3:::amzn-s3-demo-bucket"}}}`
	topicGuard = `{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"sns:Publish","Resource":"*"},
		{"Effect":"Deny","Principal":{"Service":"s3.amazonaws.com"},"Action":"sns:Publish","Resource":"*",
		"Condition":{"StringNotEquals":{"aws:SourceAccount":"111122223333"}}}`
	topicForOptInRegion = `{"Effect":"Allow","Principal":{"Service":"s3.ap-east-1.amazonaws.com"},"Action":"sns:Publish","Resource":"*"}`
)

var (
	incidents = iam.Principal{Kind: iam.PrincipalService, ARN: "ssm-incidents.amazonaws.com"}
	s3Service = iam.Principal{Kind: iam.PrincipalService, ARN: "s3.amazonaws.com"}
)

// serviceRules are the rules of service principals and of service-linked roles.
var serviceRules = []rule{
	{
		name: "service: it is trusted", page: deputyPage,
		quote: "When a service assumes a role on your behalf, the service principal must be allowed to perform the sts:AssumeRole action in the role trust policy.",
		set:   layerTexts{trust: trustsEC2},
		who:   service, do: "sts:AssumeRole", on: target,
		want: iam.Allowed,
	}, {
		name: "service: one of two", page: principalPage,
		quote: "Instead, you use an array of multiple service principals as the value of a single Service element.",
		set:   layerTexts{trust: `{"Effect":"Allow","Principal":{"Service":["ecs.amazonaws.com","ec2.amazonaws.com"]},"Action":"sts:AssumeRole"}`},
		who:   service, do: "sts:AssumeRole", on: target,
		want: iam.Allowed,
	}, {
		name: "service: another", page: principalPage,
		quote: "A service principal is an identifier for a service.",
		set:   layerTexts{trust: `{"Effect":"Allow","Principal":{"Service":"ssm.amazonaws.com"},"Action":"sts:AssumeRole"}`},
		who:   service, do: "sts:AssumeRole", on: target,
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "service: its name in another case", page: serviceLinkedPage,
		quote: "Do not try to guess the service principal, because it is case sensitive and the format can vary across AWS services.",
		set:   layerTexts{trust: `{"Effect":"Allow","Principal":{"Service":"EC2.amazonaws.com"},"Action":"sts:AssumeRole"}`},
		who:   service, do: "sts:AssumeRole", on: target,
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "service: it is denied", page: logicPage,
		quote: "An explicit deny overrides an explicit allow.",
		set:   layerTexts{trust: trustsEC2 + `,{"Effect":"Deny","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`},
		who:   service, do: "sts:AssumeRole", on: target,
		want: iam.ExplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "service: a user is none", page: principalPage,
		quote: "A service principal is an identifier for a service.",
		set:   layerTexts{identity: []string{mayAssume}, trust: `{"Effect":"Allow","Principal":{"Service":"arn:aws:iam::111122223333:user/ann"},"Action":"sts:AssumeRole"}`},
		who:   user, do: "sts:AssumeRole", on: target,
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "service: everyone by AWS is none", page: bucketNamesPage,
		quote: "Using \"Principal\" : { \"AWS\" : \"*\" } with an Allow effect in a resource-based policy allows any root user, IAM user, assumed-role session, or federated user in any account in the same partition to access your resource.",
		set:   layerTexts{resource: `{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"s3:*","Resource":"*"}`},
		who:   service, do: "s3:PutObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "service: the opt-in Region is named", page: principalPage,
		quote: "After you specify the regionalized service principal name, if the bucket makes an sns:Publish request to the SNS topic located in another Region, the request will be successful.",
		set:   layerTexts{resource: topicForOptInRegion},
		who:   iam.Principal{Kind: iam.PrincipalService, ARN: "s3.ap-east-1.amazonaws.com"}, do: "sns:Publish", on: topic,
		want: iam.Allowed,
	}, {
		name: "service: the opt-in Region is not named", page: principalPage,
		quote: "If you specify the non-regionalized version of the S3 service principal, s3.amazonaws.com, in the topic access policy, the sns:Publish request from the bucket to the topic will fail.",
		set:   layerTexts{resource: `{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"sns:Publish","Resource":"*"}`},
		who:   iam.Principal{Kind: iam.PrincipalService, ARN: "s3.ap-east-1.amazonaws.com"}, do: "sns:Publish", on: topic,
		want: iam.ImplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "service: from the source", page: deputyPage,
		quote: "Only incident records that are created from the response plan resource myresponseplan are able to use this role.",
		set:   layerTexts{trust: incidentTrust},
		who:   incidents, do: "sts:AssumeRole", on: target, with: map[string][]string{"aws:SourceArn": {incident}},
		want: iam.Allowed,
	}, {
		name: "service: from another account's source", page: deputyPage,
		quote: "When a service assumes a role in your account, you can include the aws:SourceAccount and aws:SourceArn global condition context keys in your role trust policy to limit access to the role to only requests that are generated by expected resources.",
		set:   layerTexts{trust: incidentTrust},
		who:   incidents, do: "sts:AssumeRole", on: target,
		with: map[string][]string{"aws:SourceArn": {"arn:aws:ssm-incidents:us-east-1:444455556666:incident-record/myresponseplan/1234"}},
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "service: without source", page: globalKeysPage,
		quote: "This key is included in the request context only if accessing a resource triggers an AWS service to call another service on behalf of the resource owner.",
		set:   layerTexts{trust: incidentTrust},
		who:   incidents, do: "sts:AssumeRole", on: target,
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "service: from the account and the bucket", page: deputyPage,
		quote: "If the aws:SourceArn value does not contain the account ID, such as an Amazon S3 bucket ARN, you must use both global condition context keys to limit permissions.",
		set:   layerTexts{resource: topicForBucket},
		who:   s3Service, do: "sns:Publish", on: topic,
		with: map[string][]string{"aws:SourceAccount": {home}, "aws:SourceArn": {"arn:aws:s3:::amzn-s3-demo-bucket"}},
		want: iam.Allowed,
	}, {
		name: "service: from a bucket of this name in another account", page: deputyPage,
		quote: "If the aws:SourceArn value does not contain the account ID, such as an Amazon S3 bucket ARN, you must use both global condition context keys to limit permissions.",
		set:   layerTexts{resource: topicForBucket},
		who:   s3Service, do: "sns:Publish", on: topic,
		with: map[string][]string{"aws:SourceAccount": {other}, "aws:SourceArn": {"arn:aws:s3:::amzn-s3-demo-bucket"}},
		want: iam.ImplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "service: another account's is denied", page: globalKeysPage,
		quote: "Set the value of this condition key to the account of the resource in the request.",
		set:   layerTexts{resource: topicGuard},
		who:   s3Service, do: "sns:Publish", on: topic, with: map[string][]string{"aws:SourceAccount": {other}},
		want: iam.ExplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "service: the account's own is not denied", page: globalKeysPage,
		quote: "Set the value of this condition key to the account of the resource in the request.",
		set:   layerTexts{resource: topicGuard},
		who:   s3Service, do: "sns:Publish", on: topic, with: map[string][]string{"aws:SourceAccount": {home}},
		want: iam.Allowed,
	}, {
		name: "service-linked role: what its policy gives", page: serviceLinkedPage,
		quote: "Service-linked roles are predefined by the service and include all the permissions that the service requires to call other AWS services on your behalf.",
		set:   layerTexts{identity: []string{allowEC2}},
		who:   linkedRole, do: "ec2:RunInstances",
		want: iam.Allowed,
	}, {
		name: "service-linked role: what its policy does not give", page: serviceLinkedPage,
		quote: "The linked service defines the permissions of its service-linked roles, and unless defined otherwise, only that service can assume the roles.",
		set:   layerTexts{identity: []string{allowEC2}},
		who:   linkedRole, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "service-linked role: an administrator cannot assume it", page: serviceLinkedPage,
		quote: "The linked service defines the permissions of its service-linked roles, and unless defined otherwise, only that service can assume the roles.",
		set: layerTexts{
			identity: []string{allowAll},
			trust:    `{"Effect":"Allow","Principal":{"Service":"autoscaling.amazonaws.com"},"Action":"sts:AssumeRole"}`,
		},
		who: user, do: "sts:AssumeRole", on: linkedRole.RoleARN,
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "service-linked role: a user may make one of a service", page: iamKeysPage,
		quote: "In this example, you allow an entity to create a service-linked role if the service name is access-analyzer.amazonaws.com.",
		set:   layerTexts{identity: []string{mayMakeAnalyzerRole}},
		who:   user, do: "iam:CreateServiceLinkedRole",
		on:   "arn:aws:iam::111122223333:role/aws-service-role/access-analyzer.amazonaws.com/AWSServiceRoleForAccessAnalyzer",
		with: map[string][]string{"iam:AWSServiceName": {"access-analyzer.amazonaws.com"}},
		want: iam.Allowed,
	}, {
		name: "service-linked role: a user may not make one of another service", page: iamKeysPage,
		quote: "In this example, you allow an entity to create a service-linked role if the service name is access-analyzer.amazonaws.com.",
		set:   layerTexts{identity: []string{mayMakeAnalyzerRole}},
		who:   user, do: "iam:CreateServiceLinkedRole", on: linkedRole.RoleARN,
		with: map[string][]string{"iam:AWSServiceName": {"autoscaling.amazonaws.com"}},
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	},
}

const mayMakeAnalyzerRole = `{"Effect":"Allow","Action":"iam:CreateServiceLinkedRole","Resource":"*",
	"Condition":{"StringLike":{"iam:AWSServiceName":"access-analyzer.amazonaws.com"}}}`

// The examples of [passRolePage] and [iamKeysPage].
const (
	mayPassXYZ        = `{"Effect":"Allow","Action":["iam:GetRole","iam:PassRole"],"Resource":"arn:aws:iam::111122223333:role/EC2-roles-for-XYZ-*"}`
	mayPassToInstance = `{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{
		"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"},
		"ArnLike":{"iam:AssociatedResourceARN":["arn:aws:ec2:us-east-1:111122223333:instance/*","arn:aws:ec2:us-west-1:111122223333:instance/*"]}}}`
)

// passing are the keys of iam:PassRole.
func passing(service, resource string) map[string][]string {
	return map[string][]string{"iam:PassedToService": {service}, "iam:AssociatedResourceArn": {resource}}
}

// passRoleRules are the rules of iam:PassRole.
var passRoleRules = []rule{
	{
		name: "pass role: one of those", page: passRolePage,
		quote: "In this example, the user can pass only roles that exist in the specified account with names beginning with EC2-roles-for-XYZ-:",
		set:   layerTexts{identity: []string{mayPassXYZ}},
		who:   user, do: "iam:PassRole", on: "arn:aws:iam::111122223333:role/EC2-roles-for-XYZ-web",
		want: iam.Allowed,
	}, {
		name: "pass role: another", page: passRolePage,
		quote: "To limit the user to passing only approved roles, you can filter the iam:PassRole permission with the Resources element of the IAM policy statement.",
		set:   layerTexts{identity: []string{mayPassXYZ}},
		who:   user, do: "iam:PassRole", on: "arn:aws:iam::111122223333:role/Admin",
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "pass role: the service's permission is not enough", page: passRolePage,
		quote: "To allow a user to pass a role to an AWS service, you must grant the PassRole permission to the user's IAM user, role, or group.",
		set:   layerTexts{identity: []string{allowEC2}},
		who:   user, do: "iam:PassRole", on: "arn:aws:iam::111122223333:role/EC2-roles-for-XYZ-web", with: passing("ec2.amazonaws.com", "arn:aws:ec2:us-east-1:111122223333:instance/i-1"),
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "pass role: another account's", page: passRolePage,
		quote: "You cannot use the PassRole permission to pass a cross-account role.",
		set:   layerTexts{identity: []string{allowAll}},
		who:   user, do: "iam:PassRole", on: "arn:aws:iam::444455556666:role/EC2-roles-for-XYZ-web",
		want: iam.ImplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "pass role: a service-linked role needs it too", page: passRolePage,
		quote: "When you specify a service-linked role, you must also have permission to pass that role to the service.",
		set:   layerTexts{identity: []string{mayPassXYZ}},
		who:   user, do: "iam:PassRole", on: linkedRole.RoleARN,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "pass role: to the service, for the resource", page: iamKeysPage,
		quote: "For example, you can allow an IAM user or role to pass any role to the Amazon EC2 service to be used with instances in the Region us-east-1 or us-west-1.",
		set:   layerTexts{identity: []string{mayPassToInstance}},
		who:   user, do: "iam:PassRole", on: target, with: passing("ec2.amazonaws.com", "arn:aws:ec2:us-west-1:111122223333:instance/i-1"),
		want: iam.Allowed,
	}, {
		name: "pass role: to another service", page: iamKeysPage,
		quote: "The IAM user or role would not be allowed to pass roles to other services.",
		set:   layerTexts{identity: []string{mayPassToInstance}},
		who:   user, do: "iam:PassRole", on: target, with: passing("lambda.amazonaws.com", "arn:aws:ec2:us-west-1:111122223333:instance/i-1"),
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "pass role: in another Region", page: iamKeysPage,
		quote: "In addition, it doesn't allow Amazon EC2 to use the role with instances in other Regions.",
		set:   layerTexts{identity: []string{mayPassToInstance}},
		who:   user, do: "iam:PassRole", on: target, with: passing("ec2.amazonaws.com", "arn:aws:ec2:eu-west-1:111122223333:instance/i-1"),
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "pass role: the key is of this action only", page: iamKeysPage,
		quote: "This condition key applies to only the PassRole action in a policy.",
		set: layerTexts{identity: []string{`{"Effect":"Allow","Action":"ec2:RunInstances","Resource":"*",
			"Condition":{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}}`}},
		who: user, do: "ec2:RunInstances",
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "pass role: the boundary is silent", page: boundariesPage,
		quote: "The effective permissions are the intersection of both policy types.",
		set:   layerTexts{identity: []string{mayPassXYZ}, boundary: allowEC2},
		who:   user, do: "iam:PassRole", on: "arn:aws:iam::111122223333:role/EC2-roles-for-XYZ-web",
		want: iam.ImplicitlyDenied, by: iam.LayerBoundary,
	},
}

func TestServiceRules(t *testing.T) {
	t.Parallel()
	runRules(t, serviceRules)
}

func TestPassRoleRules(t *testing.T) {
	t.Parallel()
	runRules(t, passRoleRules)
}

// TestNoServiceByWildcard follows [principalPage]: "The service principal in an IAM policy can't be "Service": "*"."
func TestNoServiceByWildcard(t *testing.T) {
	t.Parallel()
	_, err := iam.ParsePolicy("trust", []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"*"},"Action":"sts:AssumeRole"}}`))
	if err == nil {
		t.Error("it compiles")
	}
}
