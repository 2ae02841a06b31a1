package iam_test

import (
	"testing"

	"github.com/slipway-cd/slipway/iam"
)

// carlosPolicy and carlosBucket are the example of [basicsPage].
const (
	carlosPolicy = `{"Version":"2012-10-17","Statement":[
		{"Sid":"AllowS3ListRead","Effect":"Allow","Action":["s3:GetBucketLocation","s3:ListAllMyBuckets"],"Resource":"arn:aws:s3:::*"},
		{"Sid":"AllowS3Self","Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::carlossalazar/*","arn:aws:s3:::carlossalazar"]},
		{"Sid":"DenyS3Logs","Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::*log*"}]}`
	carlosBucket = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/carlossalazar"},"Action":"s3:*",
		"Resource":["arn:aws:s3:::carlossalazar/*","arn:aws:s3:::carlossalazar"]}`
)

var carlos = iam.Principal{ARN: "arn:aws:iam::123456789012:user/carlossalazar", Account: "123456789012"}

var resourceRules = []rule{
	{
		name: "the identity policy alone", page: basicsPage,
		quote: "If either the identity-based policy or the resource-based policy within the same account allows the request and the other doesn't, the request is still allowed.",
		set:   layerTexts{identity: []string{allowS3}, resource: toSession},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "the resource policy alone", page: basicsPage,
		quote: "If either the identity-based policy or the resource-based policy within the same account allows the request and the other doesn't, the request is still allowed.",
		set:   layerTexts{identity: []string{allowSQS}, resource: toUser},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "Carlos saves to his bucket", page: basicsPage,
		quote: "Both the identity-based policy and the resource-based policy allow the request.",
		set:   layerTexts{identity: []string{carlosPolicy}, resource: carlosBucket},
		who:   carlos, do: "s3:PutObject", on: "arn:aws:s3:::carlossalazar/file",
		want: iam.Allowed,
	}, {
		name: "Carlos saves to the logs", page: basicsPage,
		quote: "The DenyS3Logs statement denies Carlos access to any S3 bucket with log in its name.",
		set:   layerTexts{identity: []string{carlosPolicy}},
		who:   carlos, do: "s3:PutObject", on: "arn:aws:s3:::carlossalazar-logs/file",
		want: iam.ExplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "the resource policy denies", page: basicsPage,
		quote: "An explicit deny in any of the policies overrides the allow.",
		set:   layerTexts{identity: []string{allowAll}, resource: denyToAll},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ExplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "the identity policy denies what the resource policy allows", page: basicsPage,
		quote: "An explicit deny in any of the policies overrides the allow.",
		set:   layerTexts{identity: []string{denyS3}, resource: toUser},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ExplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "user named, without identity policy", page: logicPage,
		quote: "If a resource-based policy grants permission directly to the IAM user or the session principal that is making the request, then an implicit deny in an identity-based policy, a permissions boundary, or a session policy does not impact the final decision.",
		set:   layerTexts{resource: toUser},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "user named, the boundary is silent", page: boundariesPage,
		quote: "Within the same account, resource-based policies that grant permissions to an IAM user ARN (that is not a federated user session) are not limited by an implicit deny in an identity-based policy or permissions boundary.",
		set:   layerTexts{boundary: allowSQS, resource: toUser},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "user named, the boundary denies", page: boundariesPage,
		quote: "An explicit deny in either of these policies overrides the allow.",
		set:   layerTexts{boundary: allowAll + "," + denyS3, resource: toUser},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ExplicitlyDenied, by: iam.LayerBoundary,
	}, {
		name: "role named, without identity policy", page: logicPage,
		quote: "For most resources, you only need an explicit Allow for the principal in either an identity-based policy or a resource-based policy to grant access.",
		set:   layerTexts{resource: toRole},
		who:   session, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "role named, the boundary is silent", page: logicPage,
		quote: "Resource-based policies that grant permissions to an IAM role ARN are limited by an implicit deny in a permissions boundary or session policy.",
		set:   layerTexts{boundary: allowSQS, resource: toRole},
		who:   session, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerBoundary,
	}, {
		name: "role named, the session policy is silent", page: logicPage,
		quote: "Resource-based policies that grant permissions to an IAM role ARN are limited by an implicit deny in a permissions boundary or session policy.",
		set:   layerTexts{session: []string{allowSQS}, resource: toRole},
		who:   session, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerSession,
	}, {
		name: "role named, boundary and session policy allow", page: sessionsPage,
		quote: "The resulting session's permissions are the intersection of the session policies and the resource-based policies plus the intersection of the session policies and identity-based policies.",
		set:   layerTexts{boundary: allowAll, session: []string{allowS3}, resource: toRole},
		who:   session, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "the role is the principal that asks", page: principalPage,
		quote: "When you specify a role principal in a resource-based policy, the effective permissions for the principal are limited by any policy types that limit permissions for the role.",
		set:   layerTexts{boundary: allowSQS, resource: toRole},
		who:   iam.Principal{ARN: roleARN, Account: home}, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerBoundary,
	}, {
		name: "session named, the boundary is silent", page: sessionsPage,
		quote: "However, a permissions boundary does not limit permissions granted by a resource-based policy that specifies the ARN of the resulting session.",
		set:   layerTexts{boundary: allowSQS, resource: toSession},
		who:   session, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "session named, the session policy is silent", page: sessionsPage,
		quote: "The resource-based policy permissions are not limited by the session policy.",
		set:   layerTexts{session: []string{allowSQS}, resource: toSession},
		who:   session, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "session named, all others are silent", page: logicPage,
		quote: "Permissions granted directly to a session are not limited by an implicit deny in an identity-based policy, a permissions boundary, or session policy.",
		set:   layerTexts{identity: []string{allowSQS}, boundary: allowSQS, session: []string{allowSQS}, resource: toSession},
		who:   session, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "session named, the session policy denies", page: sessionsPage,
		quote: "An explicit deny in any of these policies overrides the allow.",
		set:   layerTexts{session: []string{denyS3}, resource: toSession},
		who:   session, do: "s3:GetObject", on: object,
		want: iam.ExplicitlyDenied, by: iam.LayerSession,
	}, {
		name: "another session of the role named", page: principalPage,
		quote: "Principals must always name a specific session.",
		set:   layerTexts{resource: `{"Effect":"Allow","Principal":{"AWS":"arn:aws:sts::111122223333:assumed-role/Deploy/other"},"Action":"s3:*","Resource":"*"}`},
		who:   session, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "all sessions by a wildcard", page: principalPage,
		quote: "When you specify an assumed-role session in a Principal element, you cannot use a wildcard \"*\" to mean all sessions.",
		set:   layerTexts{resource: `{"Effect":"Allow","Principal":{"AWS":"arn:aws:sts::111122223333:assumed-role/Deploy/*"},"Action":"s3:*","Resource":"*"}`},
		who:   session, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "all users by a wildcard", page: principalPage,
		quote: "When you specify users in a Principal element, you cannot use a wildcard (*) to mean \"all users\".",
		set:   layerTexts{resource: `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/*"},"Action":"s3:*","Resource":"*"}`},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "a part of a name by a wildcard", page: principalPage,
		quote: "You cannot use a wildcard to match part of a principal name or ARN.",
		set:   layerTexts{resource: `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/a*"},"Action":"s3:*","Resource":"*"}`},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "a user's name in another case", page: principalPage,
		quote: "In a Principal element, the user name part of the Amazon Resource Name (ARN) is case sensitive.",
		set:   layerTexts{resource: `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/Ann"},"Action":"s3:*","Resource":"*"}`},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "a group is no principal", page: principalPage,
		quote: "You cannot identify a user group as a principal in a policy (such as a resource-based policy) because groups relate to permissions, not authentication, and principals are authenticated IAM entities.",
		set:   layerTexts{resource: `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:group/devs"},"Action":"s3:*","Resource":"*"}`},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "the id of a deleted user names nobody", page: principalPage,
		quote: "When this happens, the principal ID appears in resource-based policies because AWS can no longer map it back to a valid ARN.",
		set:   layerTexts{resource: `{"Effect":"Allow","Principal":{"AWS":"AIDACKCEVSQ6C2EXAMPLE"},"Action":"s3:*","Resource":"*"}`},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "a resource policy that names nobody gives nothing", page: principalPage,
		quote: "You must use the Principal element in resource-based policies.",
		set:   layerTexts{resource: allowS3},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "a resource policy that names nobody denies everybody", page: principalPage,
		quote: "You must use the Principal element in resource-based policies.",
		set:   layerTexts{identity: []string{allowS3}, resource: denyS3},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ExplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "one of several principals", page: principalPage,
		quote: "This is a logical OR and not a logical AND, because you authenticate as one principal at a time.",
		set:   layerTexts{resource: `{"Effect":"Allow","Principal":{"AWS":["555555555555","arn:aws:iam::111122223333:user/ann"]},"Action":"s3:*","Resource":"*"}`},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "the account is named, without identity policy", page: principalPage,
		quote: "This delegates authority to the account.",
		set:   layerTexts{resource: toAccount},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "the account's root is named, without identity policy", page: principalPage,
		quote: "The account ARN and the shortened account ID behave the same way.",
		set:   layerTexts{resource: toRoot},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "the account's root is named, with identity policy", page: principalPage,
		quote: "Using the account ARN in the Principal element does not limit permissions to only the root user of the account.",
		set:   layerTexts{identity: []string{allowS3}, resource: toRoot},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "everyone is named, without identity policy", page: principalPage,
		quote: "For IAM users and role principals within your account, no other permissions are required.",
		set:   layerTexts{resource: toAnyone},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "everyone is named by AWS, without identity policy", page: principalPage,
		quote: "For resource-based policies, using a wildcard (*) with an Allow effect grants access to all users, including anonymous users (public access).",
		set:   layerTexts{resource: `{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"s3:*","Resource":"*"}`},
		who:   session, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "everyone with the role's ARN as a condition, the boundary is silent", page: logicPage,
		quote: "Permissions boundaries and session policies do not limit permissions granted using the aws:PrincipalArn condition key with a wildcard(*) in the Principal element, unless the identity-based policies contain an explicit deny.",
		set:   layerTexts{boundary: allowSQS, resource: toPrincipalARN},
		who:   session, do: "s3:GetObject", on: object, with: map[string][]string{"aws:PrincipalArn": {roleARN}},
		want: iam.Allowed,
	}, {
		name: "everyone with the role's ARN as a condition, the session policy is silent", page: principalPage,
		quote: "Identity-based policy types, such as permissions boundaries or session policies, do not limit permissions granted using the aws:PrincipalArn condition key with a wildcard(*) in the Principal element, unless the identity-based policies contain an explicit deny.",
		set:   layerTexts{session: []string{allowSQS}, resource: toPrincipalARN},
		who:   session, do: "s3:GetObject", on: object, with: map[string][]string{"aws:PrincipalArn": {roleARN}},
		want: iam.Allowed,
	}, {
		name: "everyone with the role's ARN as a condition, the boundary denies", page: logicPage,
		quote: "Permissions boundaries and session policies do not limit permissions granted using the aws:PrincipalArn condition key with a wildcard(*) in the Principal element, unless the identity-based policies contain an explicit deny.",
		set:   layerTexts{boundary: denyS3, resource: toPrincipalARN},
		who:   session, do: "s3:GetObject", on: object, with: map[string][]string{"aws:PrincipalArn": {roleARN}},
		want: iam.ExplicitlyDenied, by: iam.LayerBoundary,
	}, {
		name: "everyone with another role's ARN as a condition", page: principalPage,
		quote: "When you use this key, the role session principal is granted the permissions based on the ARN of role that was assumed, and not the ARN of the resulting session.",
		set:   layerTexts{resource: toPrincipalARN},
		who:   session, do: "s3:GetObject", on: object, with: map[string][]string{"aws:PrincipalArn": {sessionARN}},
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	},
}

// toPrincipalARN names a role by condition, as [principalPage] recommends.
const toPrincipalARN = `{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*",
	"Condition":{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/ci/Deploy"}}}`

func TestResourceRules(t *testing.T) {
	t.Parallel()
	runRules(t, resourceRules)
}
