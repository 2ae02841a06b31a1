package iam_test

import (
	"testing"

	"github.com/slipway-cd/slipway/iam"
)

const (
	keyPoliciesPage = "https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html"
	defaultKeyPage  = "https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html"
)

const kmsKey = "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

// What key policies say; the first is the example of [defaultKeyPage].
const (
	keyForAccount = `{"Sid":"Enable IAM policies","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"}`
	keyForUser    = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/ann"},"Action":"kms:Decrypt","Resource":"*"}`
	keyForRole    = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/ci/Deploy"},"Action":"kms:Decrypt","Resource":"*"}`
	mayDecrypt    = `{"Effect":"Allow","Action":"kms:Decrypt","Resource":"arn:aws:kms:us-west-2:111122223333:key/*"}`
)

// keyRules are the rules of KMS keys, whose policies must allow even within one account.
var keyRules = []rule{
	{
		name: "key: the identity policy alone", page: keyPoliciesPage,
		quote: "Without permission from the key policy, IAM policies that allow permissions have no effect.",
		set:   layerTexts{identity: []string{allowAll}, resource: keyForRole},
		who:   user, do: "kms:Decrypt", on: kmsKey,
		want: iam.ImplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "key: without a policy", page: defaultKeyPage,
		quote: "Without this permission, IAM policies that allow access to the key are ineffective, although IAM policies that deny access to the key are still effective.",
		set:   layerTexts{identity: []string{mayDecrypt}},
		who:   session, do: "kms:Decrypt", on: kmsKey,
		want: iam.ImplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "key: the account may delegate", page: defaultKeyPage,
		quote: "It allows the account to use IAM policies to allow access to the KMS key, in addition to the key policy.",
		set:   layerTexts{identity: []string{mayDecrypt}, resource: keyForAccount},
		who:   session, do: "kms:Decrypt", on: kmsKey,
		want: iam.Allowed,
	}, {
		name: "key: the account has not delegated", page: defaultKeyPage,
		quote: "When the principal in a key policy statement is the account principal, the policy statement doesn't give any IAM users or roles permission to use the KMS key.",
		set:   layerTexts{resource: keyForAccount},
		who:   user, do: "kms:Decrypt", on: kmsKey,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "key: the account may delegate some actions", page: defaultKeyPage,
		quote: "Instead, it allows the account to use IAM policies to delegate the permissions specified in the policy statement.",
		set: layerTexts{
			identity: []string{allowAll},
			resource: `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"kms:Describe*","Resource":"*"}`,
		},
		who: user, do: "kms:Decrypt", on: kmsKey,
		want: iam.ImplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "key: the user is named", page: keyPoliciesPage,
		quote: "The statements in the key policy determine who has permission to use the KMS key and how they can use it.",
		set:   layerTexts{resource: keyForUser},
		who:   user, do: "kms:Decrypt", on: kmsKey,
		want: iam.Allowed,
	}, {
		name: "key: the role is named, the boundary is silent", page: logicPage,
		quote: "Resource-based policies that grant permissions to an IAM role ARN are limited by an implicit deny in a permissions boundary or session policy.",
		set:   layerTexts{boundary: allowS3, resource: keyForRole},
		who:   session, do: "kms:Decrypt", on: kmsKey,
		want: iam.ImplicitlyDenied, by: iam.LayerBoundary,
	}, {
		name: "key: an identity policy denies without the key policy", page: keyPoliciesPage,
		quote: "You can use an IAM policy to deny a permission to a KMS key without permission from a key policy.",
		set:   layerTexts{identity: []string{`{"Effect":"Deny","Action":"kms:*","Resource":"*"}`}, resource: keyForUser},
		who:   user, do: "kms:Decrypt", on: kmsKey,
		want: iam.ExplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "key: the root user is not allowed either", page: keyPoliciesPage,
		quote: "No AWS principal, including the account root user or key creator, has any permissions to a KMS key unless they are explicitly allowed, and never denied, in a key policy, IAM policy, or grant.",
		set:   layerTexts{identity: []string{allowAll}, resource: keyForUser},
		who:   accountRoot, do: "kms:PutKeyPolicy", on: kmsKey,
		want: iam.ImplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "key: the root user of the account that is named", page: defaultKeyPage,
		quote: "It reduces the risk of the key becoming unmanageable by giving access control permission to the account administrators, including the account root user, which cannot be deleted.",
		set:   layerTexts{identity: []string{allowAll}, resource: keyForAccount},
		who:   accountRoot, do: "kms:PutKeyPolicy", on: kmsKey,
		want: iam.Allowed,
	}, {
		name: "key: an action on no key", page: defaultKeyPage,
		quote: "The kms:CreateKey permission is valid only in an IAM policy.",
		set:   layerTexts{identity: []string{`{"Effect":"Allow","Action":"kms:CreateKey","Resource":"*"}`}},
		who:   user, do: "kms:CreateKey",
		want: iam.Allowed,
	}, {
		name: "key: another action on no key", page: defaultKeyPage,
		quote: "The kms:ListAliases and kms:ListKeys permissions, which are required to view KMS keys in the AWS Management Console, are valid only in IAM policies.",
		set:   layerTexts{identity: []string{`{"Effect":"Allow","Action":"kms:List*","Resource":"*"}`}},
		who:   user, do: "kms:ListKeys",
		want: iam.Allowed,
	},
}

// bucketRules are the rules of Amazon S3's anonymous callers and of those who are named in its own ways.
var bucketRules = []rule{
	{
		name: "bucket: an anonymous caller", page: bucketNamesPage,
		quote: "Using \"Principal\": \"*\" with an Allow effect in a resource-based policy allows anyone, even if they're not signed in to AWS, to access your resource.",
		set:   layerTexts{resource: `{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::amzn-s3-demo-bucket/*"}`},
		who:   anonymous, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "bucket: an anonymous caller by AWS", page: bucketNamesPage,
		quote: "For anonymous users, these two methods are equivalent.",
		set:   layerTexts{resource: `{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::amzn-s3-demo-bucket/*"}`},
		who:   anonymous, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "bucket: an anonymous caller writes", page: bucketNamesPage,
		quote: "We highly recommend that you never grant any kind of anonymous write access to your S3 bucket.",
		set:   layerTexts{resource: `{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::amzn-s3-demo-bucket/*"}`},
		who:   anonymous, do: "s3:PutObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "bucket: an anonymous caller is of no account", page: bucketNamesPage,
		quote: "To grant permissions to an AWS account, identify the account using the following format.",
		set:   layerTexts{resource: toAccount},
		who:   anonymous, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "bucket: an anonymous caller without policy", page: guide + "reference_policies_evaluation-logic.html",
		quote: "This step is not necessary for a few services, such as Amazon S3, that allow some requests from anonymous users.",
		who:   anonymous, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "bucket: an anonymous caller is denied", page: logicPage,
		quote: "An explicit deny overrides an explicit allow.",
		set: layerTexts{resource: toAnyone + `,{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*",
			"Condition":{"Bool":{"aws:SecureTransport":"false"}}}`},
		who: anonymous, do: "s3:GetObject", on: object, with: map[string][]string{"aws:SecureTransport": {"false"}},
		want: iam.ExplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "bucket: the canonical id is the account", page: bucketNamesPage,
		quote: "This does not impact the policy because both of these IDs identify the same account.",
		set:   layerTexts{resource: toCanonical},
		who:   withCanonicalID, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	},
}

func TestKeyRules(t *testing.T) {
	t.Parallel()
	runRules(t, keyRules)
}

func TestBucketRules(t *testing.T) {
	t.Parallel()
	runRules(t, bucketRules)
}
