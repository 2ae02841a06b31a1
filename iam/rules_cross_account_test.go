package iam_test

import (
	"testing"

	"github.com/slipway-cd/slipway/iam"
)

const (
	crossPage      = guide + "reference_policies_evaluation-logic-cross-account.html"
	keySharingPage = "https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html"
)

// The example of [crossPage]: Carlos of account 111111111111 and the bucket Production of account 222222222222.
const (
	carlosCrossPolicy = `{"Version":"2012-10-17","Statement":[
		{"Sid":"AllowS3ListRead","Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"},
		{"Sid":"AllowS3ProductionObjectActions","Effect":"Allow","Action":"s3:*Object*","Resource":"arn:aws:s3:::Production/*"},
		{"Sid":"DenyS3Logs","Effect":"Deny","Action":"s3:*","Resource":["arn:aws:s3:::*log*","arn:aws:s3:::*log*/*"]}]}`
	productionBucket = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
		"Action":["s3:GetObject*","s3:PutObject*","s3:ReplicateObject","s3:RestoreObject"],
		"Principal":{"AWS":"arn:aws:iam::111111111111:user/carlossalazar"},"Resource":"arn:aws:s3:::Production/*"}]}`
	productionOwner = "222222222222"
)

var crossCarlos = iam.Principal{ARN: "arn:aws:iam::111111111111:user/carlossalazar", Account: "111111111111"}

// crossRules are the rules of requests to the resources of another account.
var crossRules = []rule{
	{
		name: "other account: the identity policy alone", page: crossPage,
		quote: "Additionally, the resource-based policy in AccountB must allow the requester in AccountA to access the resource.",
		set:   layerTexts{identity: []string{allowAll}},
		who:   user, do: "s3:GetObject", on: object, account: other,
		want: iam.ImplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "other account: the resource policy alone", page: crossPage,
		quote: "For cross-account requests, the requester in the trusted AccountA must have an identity-based policy.",
		set:   layerTexts{resource: toUser},
		who:   user, do: "s3:GetObject", on: object, account: other,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "other account: both policies", page: crossPage,
		quote: "The request is allowed only if both evaluations return a decision of Allow.",
		set:   layerTexts{identity: []string{allowS3}, resource: toUser},
		who:   user, do: "s3:GetObject", on: object, account: other,
		want: iam.Allowed,
	}, {
		name: "other account: neither policy", page: crossPage,
		quote: "AWS allows the request only if both account policy evaluations allow the request.",
		who:   user, do: "s3:GetObject", on: object, account: other,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "other account: the whole account is named", page: crossPage,
		quote: "You can specify the entire account or its IAM users, federated users, IAM roles, or assumed-role sessions.",
		set:   layerTexts{identity: []string{allowS3}, resource: toAccount},
		who:   user, do: "s3:GetObject", on: object, account: other,
		want: iam.Allowed,
	}, {
		name: "other account: the account is named, without identity policy", page: principalPage,
		quote: "When you allow access to a different account, an administrator in that account must then grant access to an identity (IAM user or role) in that account.",
		set:   layerTexts{resource: toRoot},
		who:   user, do: "s3:GetObject", on: object, account: other,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "other account: the root's ARN names all of it", page: principalPage,
		quote: "Both delegate permissions to the account.",
		set:   layerTexts{identity: []string{allowS3}, resource: toRoot},
		who:   session, do: "s3:GetObject", on: object, account: other,
		want: iam.Allowed,
	}, {
		name: "other account: the owner names itself only", page: crossPage,
		quote: "The resource-based policy in the trusting account must specify the principal of the trusted account that will have access to the resource.",
		set: layerTexts{
			identity: []string{allowS3},
			resource: `{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"s3:*","Resource":"*"}`,
		},
		who: user, do: "s3:GetObject", on: object, account: other,
		want: iam.ImplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "other account: the role is named", page: crossPage,
		quote: "You can specify the entire account or its IAM users, federated users, IAM roles, or assumed-role sessions.",
		set:   layerTexts{identity: []string{allowS3}, resource: toRole},
		who:   session, do: "s3:GetObject", on: object, account: other,
		want: iam.Allowed,
	}, {
		name: "other account: the session is named, without identity policy", page: crossPage,
		quote: "You must also attach an identity-based policy to the identity that acts as the principal in the request.",
		set:   layerTexts{resource: toSession},
		who:   session, do: "s3:GetObject", on: object, account: other,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "other account: the session is named, the boundary is silent", page: crossPage,
		quote: "When AWS evaluates this account, it checks the identity-based policy and any policies that can limit an identity-based policy.",
		set:   layerTexts{identity: []string{allowS3}, boundary: allowSQS, resource: toSession},
		who:   session, do: "s3:GetObject", on: object, account: other,
		want: iam.ImplicitlyDenied, by: iam.LayerBoundary,
	}, {
		name: "other account: the session is named, the session policy is silent", page: crossPage,
		quote: "When AWS evaluates this account, it checks the identity-based policy and any policies that can limit an identity-based policy.",
		set:   layerTexts{identity: []string{allowS3}, session: []string{allowSQS}, resource: toSession},
		who:   session, do: "s3:GetObject", on: object, account: other,
		want: iam.ImplicitlyDenied, by: iam.LayerSession,
	}, {
		name: "other account: the user is named, the boundary is silent", page: crossPage,
		quote: "When AWS evaluates this account, it checks the identity-based policy and any policies that can limit an identity-based policy.",
		set:   layerTexts{identity: []string{allowS3}, boundary: allowSQS, resource: toUser},
		who:   user, do: "s3:GetObject", on: object, account: other,
		want: iam.ImplicitlyDenied, by: iam.LayerBoundary,
	}, {
		name: "other account: everyone is named, without identity policy", page: principalPage,
		quote: "For principals in other accounts, they must also have identity-based permissions in their account that allow them to access your resource.",
		set:   layerTexts{resource: toAnyone},
		who:   user, do: "s3:GetObject", on: object, account: other,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "other account: everyone is named, with identity policy", page: principalPage,
		quote: "For principals in other accounts, they must also have identity-based permissions in their account that allow them to access your resource.",
		set:   layerTexts{identity: []string{allowS3}, resource: toAnyone},
		who:   user, do: "s3:GetObject", on: object, account: other,
		want: iam.Allowed,
	}, {
		name: "other account: a federated user, named and with session policy", page: crossPage,
		quote: "You can specify the entire account or its IAM users, federated users, IAM roles, or assumed-role sessions.",
		set:   layerTexts{identity: []string{allowAll}, session: []string{allowS3}, resource: toFederated},
		who:   federated, do: "s3:GetObject", on: object, account: other,
		want: iam.Allowed,
	}, {
		name: "other account: a federated user, named, without session policy", page: federationPage,
		quote: "Though the session policy parameters are optional, if you do not pass a policy, then the resulting federated user session has no permissions.",
		set:   layerTexts{identity: []string{allowAll}, resource: toFederated},
		who:   federated, do: "s3:GetObject", on: object, account: other,
		want: iam.ImplicitlyDenied, by: iam.LayerSession,
	}, {
		name: "other account: its resource policy denies", page: crossPage,
		quote: "Because the request is explicitly denied within one of the accounts, the final decision is to deny the request.",
		set:   layerTexts{identity: []string{allowAll}, resource: toUser + "," + denyToAll},
		who:   user, do: "s3:GetObject", on: object, account: other,
		want: iam.ExplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "other account: Carlos saves to the logs", page: crossPage,
		quote: "This is because the DenyS3Logs statement in the identity-based policy explicitly denies access to any log buckets.",
		set:   layerTexts{identity: []string{carlosCrossPolicy}},
		who:   crossCarlos, do: "s3:PutObject", on: "arn:aws:s3:::Production-logs/file", account: productionOwner,
		want: iam.ExplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "other account: Carlos saves to Production", page: crossPage,
		quote: "Because both accounts allow the request, the final decision is to allow the request.",
		set:   layerTexts{identity: []string{carlosCrossPolicy}, resource: productionBucket},
		who:   crossCarlos, do: "s3:PutObject", on: "arn:aws:s3:::Production/file", account: productionOwner,
		want: iam.Allowed,
	}, {
		name: "other account: Carlos deletes from Production", page: crossPage,
		quote: "He can create and edit, but not delete the objects in the bucket.",
		set:   layerTexts{identity: []string{carlosCrossPolicy}, resource: productionBucket},
		who:   crossCarlos, do: "s3:DeleteObject", on: "arn:aws:s3:::Production/file", account: productionOwner,
		want: iam.ImplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "other account: Carlos manages the bucket", page: crossPage,
		quote: "He can't manage the bucket itself.",
		set:   layerTexts{identity: []string{carlosCrossPolicy}, resource: productionBucket},
		who:   crossCarlos, do: "s3:PutBucketPolicy", on: "arn:aws:s3:::Production", account: productionOwner,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "the ARN tells that the account is another", page: crossPage,
		quote: "When a principal in one account makes a request to access a resource in another account, this is a cross-account request.",
		set:   layerTexts{identity: []string{allowSQS}},
		who:   user, do: "sqs:SendMessage", on: "arn:aws:sqs:us-east-1:444455556666:queue",
		want: iam.ImplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "the ARN tells that the account is the principal's", page: crossPage,
		quote: "When a principal in one account makes a request to access a resource in another account, this is a cross-account request.",
		set:   layerTexts{identity: []string{allowSQS}},
		who:   user, do: "sqs:SendMessage", on: "arn:aws:sqs:us-east-1:111122223333:queue",
		want: iam.Allowed,
	}, {
		name: "an account by its canonical id", page: principalPage,
		quote: "Some AWS services support additional options for specifying an account principal.",
		set:   layerTexts{identity: []string{allowS3}, resource: toCanonical},
		who:   withCanonicalID, do: "s3:GetObject", on: object, account: other,
		want: iam.Allowed,
	}, {
		name: "an account by its canonical id, without identity policy", page: principalPage,
		quote: "For example, Amazon S3 lets you specify a canonical user ID using the following format:",
		set:   layerTexts{resource: toCanonical},
		who:   withCanonicalID, do: "s3:GetObject", on: object, account: other,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "an account without this canonical id", page: principalPage,
		quote: "For example, Amazon S3 lets you specify a canonical user ID using the following format:",
		set:   layerTexts{identity: []string{allowS3}, resource: toCanonical},
		who:   user, do: "s3:GetObject", on: object, account: other,
		want: iam.ImplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "another account's key: the account is named and delegates", page: keySharingPage,
		quote: "IAM policies in the external account must delegate the key policy permissions to its users and roles.",
		set: layerTexts{
			identity: []string{`{"Effect":"Allow","Action":"kms:Decrypt","Resource":"arn:aws:kms:us-west-2:444455556666:key/1234abcd"}`},
			resource: `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:Decrypt","Resource":"*"}`,
		},
		who: session, do: "kms:Decrypt", on: "arn:aws:kms:us-west-2:444455556666:key/1234abcd",
		want: iam.Allowed,
	}, {
		name: "another account's key: without key policy", page: keySharingPage,
		quote: "The key policy for the KMS key must give the external account (or users and roles in the external account) permission to use the KMS key.",
		set:   layerTexts{identity: []string{allowAll}},
		who:   session, do: "kms:Decrypt", on: "arn:aws:kms:us-west-2:444455556666:key/1234abcd",
		want: iam.ImplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "another account's key: nothing is delegated", page: keySharingPage,
		quote: "These policies are set in the external account and give permissions to users and roles in that account.",
		set:   layerTexts{resource: `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/ci/Deploy"},"Action":"kms:Decrypt","Resource":"*"}`},
		who:   session, do: "kms:Decrypt", on: "arn:aws:kms:us-west-2:444455556666:key/1234abcd",
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	},
}

const toCanonical = `{"Effect":"Allow","Principal":{"CanonicalUser":"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"},
	"Action":"s3:*","Resource":"*"}`

var withCanonicalID = iam.Principal{
	ARN: userARN, Account: home, CanonicalID: "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be",
}

func TestCrossAccountRules(t *testing.T) {
	t.Parallel()
	runRules(t, crossRules)
}
