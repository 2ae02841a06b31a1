package iam_test

import (
	"testing"

	"github.com/slipway-cd/slipway/iam"
)

const endpointPage = "https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html"

// defaultEndpoint is the policy that AWS attaches to an endpoint without one.
const defaultEndpoint = `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`

// endpointRules are the rules of VPC endpoint policies. Amazon S3 has gateway endpoints, AWS Systems Manager has not.
var endpointRules = []rule{
	{
		name: "endpoint: the default policy", page: endpointPage,
		quote: "The default endpoint policy grants full access to the endpoint.",
		set:   layerTexts{identity: []string{allowS3}, endpoint: defaultEndpoint},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "endpoint: for another bucket", page: endpointPage,
		quote: "An endpoint policy is a resource-based policy that you attach to a VPC endpoint to control which AWS principals can use the endpoint to access an AWS service.",
		set: layerTexts{
			identity: []string{allowS3},
			endpoint: `{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::amzn-s3-demo-bucket2/*"}`,
		},
		who: user, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerEndpoint,
	}, {
		name: "endpoint: for this bucket", page: endpointPage,
		quote: "An endpoint policy is a resource-based policy that you attach to a VPC endpoint to control which AWS principals can use the endpoint to access an AWS service.",
		set: layerTexts{
			identity: []string{allowS3},
			endpoint: `{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::amzn-s3-demo-bucket/*"}`,
		},
		who: user, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "endpoint: it denies", page: endpointPage,
		quote: "You can update the endpoint policy at any time.",
		set: layerTexts{
			identity: []string{allowS3},
			endpoint: rcpFullAccess + `,{"Effect":"Deny","Principal":"*","Action":"s3:Get*","Resource":"*"}`,
		},
		who: user, do: "s3:GetObject", on: object,
		want: iam.ExplicitlyDenied, by: iam.LayerEndpoint,
	}, {
		name: "endpoint: it gives nothing", page: endpointPage,
		quote: "An endpoint policy does not override or replace identity-based policies or resource-based policies.",
		set:   layerTexts{endpoint: defaultEndpoint},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "endpoint: the resource policy still denies", page: endpointPage,
		quote: "For example, if you're using an interface endpoint to connect to Amazon S3, you can also use Amazon S3 bucket policies to control access to buckets from specific endpoints or specific VPCs.",
		set: layerTexts{
			identity: []string{allowS3}, endpoint: defaultEndpoint,
			resource: `{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-1111"}}}`,
		},
		who: user, do: "s3:GetObject", on: object, with: map[string][]string{"aws:SourceVpce": {"vpce-2222"}},
		want: iam.ExplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "endpoint: the resource policy is satisfied", page: endpointPage,
		quote: "For example, if you're using an interface endpoint to connect to Amazon S3, you can also use Amazon S3 bucket policies to control access to buckets from specific endpoints or specific VPCs.",
		set: layerTexts{
			identity: []string{allowS3}, endpoint: defaultEndpoint,
			resource: `{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-1111"}}}`,
		},
		who: user, do: "s3:GetObject", on: object, with: map[string][]string{"aws:SourceVpce": {"vpce-1111"}},
		want: iam.Allowed,
	}, {
		name: "endpoint: it limits what a resource policy gives directly", page: endpointPage,
		quote: "An endpoint policy does not override or replace identity-based policies or resource-based policies.",
		set:   layerTexts{resource: toSession, endpoint: `{"Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"*"}`},
		who:   session, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerEndpoint,
	}, {
		name: "endpoint: without a principal it gives nothing", page: endpointPage,
		quote: "It must contain a Principal element.",
		set:   layerTexts{identity: []string{allowS3}, endpoint: allowAll},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerEndpoint,
	}, {
		name: "gateway endpoint: the principal by condition", page: endpointPage,
		quote: "To specify a principal, use the aws:PrincipalArn condition key.",
		set:   layerTexts{identity: []string{allowS3}, endpoint: gatewayForUser},
		who:   user, do: "s3:GetObject", on: object, with: map[string][]string{"aws:PrincipalArn": {userARN}},
		want: iam.Allowed,
	}, {
		name: "gateway endpoint: another principal by condition", page: endpointPage,
		quote: "With gateway endpoints, the Principal element must be set to *.",
		set:   layerTexts{identity: []string{allowS3}, endpoint: gatewayForUser},
		who:   session, do: "s3:GetObject", on: object, with: map[string][]string{"aws:PrincipalArn": {roleARN}},
		want: iam.ImplicitlyDenied, by: iam.LayerEndpoint,
	}, {
		name: "gateway endpoint: an account is not its users", page: endpointPage,
		quote: "If you specify the principal in the following format, access is granted to the AWS account root user only, not all users and roles for the account.",
		set:   layerTexts{identity: []string{allowS3}, endpoint: toAccount},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerEndpoint,
	}, {
		name: "gateway endpoint: an account is its root user", page: endpointPage,
		quote: "If you specify the principal in the following format, access is granted to the AWS account root user only, not all users and roles for the account.",
		set:   layerTexts{identity: []string{allowAll}, endpoint: toAccount},
		who:   accountRoot, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "gateway endpoint: an account is not its users, for directory buckets", page: "https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-tutorial-endpoints.html",
		quote: "You must access both Zonal and Regional endpoints through a gateway virtual private cloud (VPC) endpoint.",
		set: layerTexts{
			identity: []string{allowAll},
			endpoint: `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3express:*","Resource":"*"}`,
		},
		who: user, do: "s3express:CreateSession", on: "arn:aws:s3express:us-east-1:111122223333:bucket/amzn-s3-demo-bucket--use1-az4--x-s3",
		want: iam.ImplicitlyDenied, by: iam.LayerEndpoint,
	}, {
		name: "interface endpoint: an account is its users", page: principalPage,
		quote: "Using the account ARN in the Principal element does not limit permissions to only the root user of the account.",
		set: layerTexts{
			identity: []string{allowAll},
			endpoint: `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"ssm:*","Resource":"*"}`,
		},
		who: session, do: "ssm:SendCommand",
		want: iam.Allowed,
	}, {
		name: "interface endpoint: another account", page: principalPage,
		quote: "This delegates authority to the account.",
		set: layerTexts{
			identity: []string{allowAll},
			endpoint: `{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"ssm:*","Resource":"*"}`,
		},
		who: session, do: "ssm:SendCommand",
		want: iam.ImplicitlyDenied, by: iam.LayerEndpoint,
	}, {
		name: "interface endpoint: a role", page: principalPage,
		quote: "You can specify IAM role principal ARNs in the Principal element of a resource-based policy or in condition keys that support principals.",
		set: layerTexts{
			identity: []string{allowAll},
			endpoint: `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/ci/Deploy"},"Action":"ssm:*","Resource":"*"}`,
		},
		who: session, do: "ssm:SendCommand",
		want: iam.Allowed,
	}, {
		name: "endpoint: an anonymous caller", page: principalPage,
		quote: "For anonymous users, the following elements are equivalent:",
		set:   layerTexts{resource: toAnyone, endpoint: `{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"s3:*","Resource":"*"}`},
		who:   anonymous, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	},
}

const gatewayForUser = `{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*",
	"Condition":{"StringEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:user/ann"}}}`

func TestEndpointRules(t *testing.T) {
	t.Parallel()
	runRules(t, endpointRules)
}
