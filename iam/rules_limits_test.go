package iam_test

import (
	"testing"

	"github.com/slipway-cd/slipway/iam"
)

// shirleyBoundary is the example of [boundariesPage].
const shirleyBoundary = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*","cloudwatch:*","ec2:*"],"Resource":"*"}]}`

// limitRules are the rules of boundaries, session policies and federated user sessions.
var limitRules = []rule{
	{
		name: "a boundary gives nothing", page: boundariesPage,
		quote: "When you use a policy to set the permissions boundary for a user, it limits the user's permissions but does not provide permissions on its own.",
		set:   layerTexts{boundary: shirleyBoundary},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "outside of the boundary", page: boundariesPage,
		quote: "It fails because the permissions boundary does not allow the iam:CreateUser operation.",
		set:   layerTexts{identity: []string{`{"Effect":"Allow","Action":"iam:CreateUser","Resource":"*"}`}, boundary: shirleyBoundary},
		who:   user, do: "iam:CreateUser", on: "arn:aws:iam::111122223333:user/new",
		want: iam.ImplicitlyDenied, by: iam.LayerBoundary,
	}, {
		name: "inside of the boundary, not in the policy", page: boundariesPage,
		quote: "Given these two policies, Shirley does not have permission to perform any operations in AWS.",
		set:   layerTexts{identity: []string{`{"Effect":"Allow","Action":"iam:CreateUser","Resource":"*"}`}, boundary: shirleyBoundary},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "inside of the boundary and in the policy", page: boundariesPage,
		quote: "The effective permissions are the intersection of both policy types.",
		set:   layerTexts{identity: []string{allowAll}, boundary: shirleyBoundary},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "the boundary denies", page: boundariesPage,
		quote: "An explicit deny in either of these policies overrides the allow.",
		set:   layerTexts{identity: []string{allowAll}, boundary: allowAll + "," + denyGet},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ExplicitlyDenied, by: iam.LayerBoundary,
	}, {
		name: "the boundary of a role limits its session", page: sessionsPage,
		quote: "In that case, the resulting session's permissions are the intersection of the session policy, the permissions boundary, and the identity-based policy.",
		set:   layerTexts{identity: []string{allowAll}, boundary: allowSQS, session: []string{allowS3}},
		who:   session, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerBoundary,
	}, {
		name: "all three allow", page: boundariesPage,
		quote: "The effective permissions for this set of policy types are the intersection of all three policy types.",
		set:   layerTexts{identity: []string{allowAll}, boundary: allowAll, session: []string{allowS3}},
		who:   session, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "a session policy limits", page: sessionsPage,
		quote: "Session policies limit the permissions that the role or user's identity-based policies grant to the session.",
		set:   layerTexts{identity: []string{allowAll}, session: []string{allowSQS}},
		who:   session, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerSession,
	}, {
		name: "a session policy gives nothing", page: sessionsPage,
		quote: "Session policies limit permissions for a created session, but do not grant permissions.",
		set:   layerTexts{identity: []string{allowSQS}, session: []string{allowAll}},
		who:   session, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "session policy and identity policy", page: sessionsPage,
		quote: "The permissions for a session are the intersection of the identity-based policies for the IAM entity (user or role) used to create the session and the session policies.",
		set:   layerTexts{identity: []string{allowAll}, session: []string{allowS3}},
		who:   session, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "one of several session policies", page: sessionsPage,
		quote: "You can use the PolicyArns parameter to specify up to 10 managed session policies.",
		set:   layerTexts{identity: []string{allowAll}, session: []string{allowSQS, allowS3}},
		who:   session, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "a session policy denies", page: sessionsPage,
		quote: "An explicit deny in any of these policies overrides the allow.",
		set:   layerTexts{identity: []string{allowAll}, session: []string{allowAll, denyGet}},
		who:   session, do: "s3:GetObject", on: object,
		want: iam.ExplicitlyDenied, by: iam.LayerSession,
	}, {
		name: "a role session without session policy", page: logicPage,
		quote: "If you didn't pass a session policy, a default session policy is created and the enforcement code returns a final decision of Allow.",
		set:   layerTexts{identity: []string{allowS3}},
		who:   session, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "a federated user without session policy", page: federationPage,
		quote: "Though the session policy parameters are optional, if you do not pass a policy, then the resulting federated user session has no permissions.",
		set:   layerTexts{identity: []string{allowAll}},
		who:   federated, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerSession,
	}, {
		name: "a federated user whose user is not known, without session policy", page: federationPage,
		quote: "This parameter is optional. However, if you do not pass any session policies, then the resulting federated user session has no permissions.",
		set:   layerTexts{identity: []string{allowAll}},
		who:   iam.Principal{ARN: "arn:aws:sts::111122223333:federated-user/bob", Account: home}, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerSession,
	}, {
		name: "a federated user with session policy", page: federationPage,
		quote: "When you pass session policies, the session permissions are the intersection of the IAM user policies and the session policies that you pass.",
		set:   layerTexts{identity: []string{allowAll}, session: []string{allowS3}},
		who:   federated, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "a federated user beyond the user's policies", page: federationPage,
		quote: "You cannot use session policies to grant more permissions than those that are defined in the permissions policy of the IAM user.",
		set:   layerTexts{identity: []string{allowSQS}, session: []string{allowAll}},
		who:   federated, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "a federated user is named, without session policy", page: federationPage,
		quote: "If that policy specifically references the federated user session in the Principal element of the policy, the session has the permissions allowed by the policy.",
		set:   layerTexts{resource: toFederated},
		who:   federated, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "a federated user is named, all others are silent", page: logicPage,
		quote: "Within the same account, resource-based policies that grant permissions to a federated user ARN grant permissions directly to the session.",
		set:   layerTexts{boundary: allowSQS, session: []string{allowSQS}, resource: toFederated},
		who:   federated, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "the user behind the federated user is named, the session policy is silent", page: logicPage,
		quote: "However, if a resource-based policy grants permission to the ARN of the IAM user who federated, then requests made by the federated user during the session are limited by an implicit deny in a permission boundary or session policy.",
		set:   layerTexts{session: []string{allowSQS}, resource: toUser},
		who:   federated, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerSession,
	}, {
		name: "the user behind the federated user is named, the boundary is silent", page: boundariesPage,
		quote: "However, if a resource-based policy grants permission to the ARN of the IAM user who federated, then requests made by the federated user during the session are limited by an implicit deny in a permission boundary or session policy.",
		set:   layerTexts{boundary: allowSQS, session: []string{allowS3}, resource: toUser},
		who:   federated, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerBoundary,
	}, {
		name: "the user behind the federated user is named, the session policy allows", page: sessionsPage,
		quote: "In that case, the permissions from the resource-based policy are added to the role or user's identity-based policy before the session is created.",
		set:   layerTexts{session: []string{allowS3}, resource: toUser},
		who:   federated, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "a user of the federated user's name is somebody else", page: federationPage,
		quote: "The name is used as an identifier for the temporary security credentials (such as Bob).",
		set:   layerTexts{session: []string{allowAll}, resource: `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/bob"},"Action":"s3:*","Resource":"*"}`},
		who:   federated, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	},
}

const toFederated = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:sts::111122223333:federated-user/bob"},"Action":"s3:*","Resource":"*"}`

func TestLimitRules(t *testing.T) {
	t.Parallel()
	runRules(t, limitRules)
}
