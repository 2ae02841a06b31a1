package iam_test

import (
	"testing"

	"github.com/slipway-cd/slipway/iam"
)

const (
	rolesTroublePage   = guide + "troubleshoot_roles.html"
	switchPage         = guide + "id_roles_use_permissions-to-switch.html"
	roleForUserPage    = guide + "id_roles_create_for-user.html"
	roleChainingPage   = guide + "id_roles.html"
	externalIDPage     = guide + "id_roles_create_for-user_externalid.html"
	deputyPage         = guide + "confused-deputy.html"
	sourceIdentityPage = guide + "id_credentials_temp_control-access_monitor.html"
	sessionTagsPage    = guide + "id_session-tags.html"
)

// target is the role that is assumed; its account is the principal's, unless the rule says otherwise.
const target = "arn:aws:iam::111122223333:role/Target"

// What trust policies say of the principals of account 111122223333.
const (
	trustsUser    = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/ann"},"Action":"sts:AssumeRole"}`
	trustsRole    = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/ci/Deploy"},"Action":"sts:AssumeRole"}`
	trustsSession = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:sts::111122223333:assumed-role/Deploy/run"},"Action":"sts:AssumeRole"}`
	trustsAccount = `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}`
	trustsAnyone  = `{"Effect":"Allow","Principal":"*","Action":["sts:AssumeRole","sts:AssumeRoleWithWebIdentity"]}`
	trustsEC2     = `{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`
	mayUseSTS     = `{"Effect":"Allow","Action":"sts:*","Resource":"*"}`
	mayAssume     = `{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::111122223333:role/Target"}`
)

// trustRules are the rules of sts:AssumeRole.
var trustRules = []rule{
	{
		name: "trust: the identity policy alone", page: logicPage,
		quote: "IAM role trust policies and KMS key policies are exceptions to this logic, because they must explicitly allow access for principals.",
		set:   layerTexts{identity: []string{mayAssume}, trust: trustsEC2},
		who:   user, do: "sts:AssumeRole", on: target,
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "trust: an administrator is not trusted", page: rolesTroublePage,
		quote: "It does not matter what permissions are granted to you in access policies.",
		set:   layerTexts{identity: []string{allowAll}, trust: `{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"sts:AssumeRole"}`},
		who:   user, do: "sts:AssumeRole", on: target,
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "trust: the user is named", page: logicPage,
		quote: "If a resource-based policy grants permission directly to the IAM user or the session principal that is making the request, then an implicit deny in an identity-based policy, a permissions boundary, or a session policy does not impact the final decision.",
		set:   layerTexts{trust: trustsUser},
		who:   user, do: "sts:AssumeRole", on: target,
		want: iam.Allowed,
	}, {
		name: "trust: the session is named, its session policy is silent", page: logicPage,
		quote: "Permissions granted directly to a session are not limited by an implicit deny in an identity-based policy, a permissions boundary, or session policy.",
		set:   layerTexts{session: []string{allowS3}, trust: trustsSession},
		who:   session, do: "sts:AssumeRole", on: target,
		want: iam.Allowed,
	}, {
		name: "trust: the role is named, its boundary is silent", page: logicPage,
		quote: "Resource-based policies that grant permissions to an IAM role ARN are limited by an implicit deny in a permissions boundary or session policy.",
		set:   layerTexts{boundary: allowS3, trust: trustsRole},
		who:   session, do: "sts:AssumeRole", on: target,
		want: iam.ImplicitlyDenied, by: iam.LayerBoundary,
	}, {
		name: "trust: the account is named, without identity policy", page: switchPage,
		quote: "That potentially allows any user in the trusted account to assume the role.",
		set:   layerTexts{trust: trustsAccount},
		who:   user, do: "sts:AssumeRole", on: target,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "trust: the account is named, with identity policy", page: roleForUserPage,
		quote: "To do this, the administrator attaches a policy to the user or a group that grants permission for the sts:AssumeRole action.",
		set:   layerTexts{identity: []string{mayAssume}, trust: trustsAccount},
		who:   user, do: "sts:AssumeRole", on: target,
		want: iam.Allowed,
	}, {
		name: "trust: the identity policy is for another role", page: rolesTroublePage,
		quote: "In addition, the Resource element of your IAM policy must specify the role that you want to assume.",
		set:   layerTexts{identity: []string{mayAssume}, trust: trustsAccount},
		who:   user, do: "sts:AssumeRole", on: "arn:aws:iam::111122223333:role/Another",
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "trust: the identity policy is for every role", page: switchPage,
		quote: "If Resource is set to *, the user can assume any role in any account that trusts the user's account.",
		set:   layerTexts{identity: []string{assumeAny}, trust: trustsAccount},
		who:   user, do: "sts:AssumeRole", on: "arn:aws:iam::444455556666:role/Target",
		want: iam.Allowed,
	}, {
		name: "trust: the identity policy denies", page: logicPage,
		quote: "An explicit deny overrides an explicit allow.",
		set:   layerTexts{identity: []string{`{"Effect":"Deny","Action":"sts:*","Resource":"*"}`}, trust: trustsUser},
		who:   user, do: "sts:AssumeRole", on: target,
		want: iam.ExplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "trust: it denies", page: logicPage,
		quote: "An explicit deny overrides an explicit allow.",
		set:   layerTexts{identity: []string{mayAssume}, trust: trustsUser + `,{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}`},
		who:   user, do: "sts:AssumeRole", on: target,
		want: iam.ExplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "trust: another account's role, the trust policy alone", page: roleForUserPage,
		quote: "You must also give individual users in the trusted account permissions to switch to the role in the console, or assume the role programmatically.",
		set:   layerTexts{trust: trustsUser},
		who:   user, do: "sts:AssumeRole", on: "arn:aws:iam::444455556666:role/Target",
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "trust: another account's role, the identity policy alone", page: rolesTroublePage,
		quote: "If your account number is not listed in the Principal element of the role's trust policy, then you cannot assume the role.",
		set:   layerTexts{identity: []string{assumeAny}, trust: `{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"sts:AssumeRole"}`},
		who:   user, do: "sts:AssumeRole", on: "arn:aws:iam::444455556666:role/Target",
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "trust: role chaining", page: roleChainingPage,
		quote: "Role chaining is when you use a role to assume a second role through the AWS CLI or API.",
		set:   layerTexts{identity: []string{assumeAny}, trust: trustsRole},
		who:   session, do: "sts:AssumeRole", on: "arn:aws:iam::444455556666:role/Target",
		want: iam.Allowed,
	}, {
		name: "trust: role chaining, the session policy is silent", page: sessionsPage,
		quote: "Session policies limit the permissions that the role or user's identity-based policies grant to the session.",
		set:   layerTexts{identity: []string{assumeAny}, session: []string{allowS3}, trust: trustsAccount},
		who:   session, do: "sts:AssumeRole", on: target,
		want: iam.ImplicitlyDenied, by: iam.LayerSession,
	}, {
		name: "trust: a role does not trust itself", page: rolesTroublePage,
		quote: "To allow users to assume the current role again within a role session, specify the role ARN or AWS account ARN as a principal in the role trust policy.",
		set:   layerTexts{identity: []string{assumeAny}, trust: trustsEC2},
		who:   session, do: "sts:AssumeRole", on: roleARN,
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "trust: a role that names itself", page: rolesTroublePage,
		quote: "To allow users to assume the current role again within a role session, specify the role ARN or AWS account ARN as a principal in the role trust policy.",
		set:   layerTexts{identity: []string{assumeAny}, trust: trustsEC2 + "," + trustsRole},
		who:   session, do: "sts:AssumeRole", on: roleARN,
		want: iam.Allowed,
	}, {
		name: "trust: everyone, in the account", page: principalPage,
		quote: "For IAM users and role principals within your account, no other permissions are required.",
		set:   layerTexts{trust: trustsAnyone},
		who:   user, do: "sts:AssumeRole", on: target,
		want: iam.Allowed,
	}, {
		name: "trust: everyone, from another account without identity policy", page: principalPage,
		quote: "For principals in other accounts, they must also have identity-based permissions in their account that allow them to access your resource.",
		set:   layerTexts{trust: trustsAnyone},
		who:   user, do: "sts:AssumeRole", on: "arn:aws:iam::444455556666:role/Target",
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "trust: everyone, from another account with identity policy", page: principalPage,
		quote: "After you create the role, you can change the account to \"*\" to allow everyone to assume the role.",
		set:   layerTexts{identity: []string{assumeAny}, trust: trustsAnyone},
		who:   user, do: "sts:AssumeRole", on: "arn:aws:iam::444455556666:role/Target",
		want: iam.Allowed,
	}, {
		name: "trust: everyone is no service", page: deputyPage,
		quote: "When a service assumes a role on your behalf, the service principal must be allowed to perform the sts:AssumeRole action in the role trust policy.",
		set:   layerTexts{trust: trustsAnyone},
		who:   service, do: "sts:AssumeRole", on: target,
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "trust: no other resource policy counts", page: deputyPage,
		quote: "A role trust policy is the only type of resource-based policy in IAM.",
		set: layerTexts{
			trust:    trustsAccount,
			resource: `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/ann"},"Action":"*","Resource":"*"}`,
		},
		who: user, do: "sts:AssumeRole", on: target,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "trust: the user is named, the SCP is silent", page: logicPage,
		quote: "If the enforcement code does not find any applicable Allow statements in the SCPs, the enforcement code returns a final decision of Deny.",
		set:   layerTexts{trust: trustsUser, scps: [][]string{{allowAll}, {allowS3}}},
		who:   user, do: "sts:AssumeRole", on: target,
		want: iam.ImplicitlyDenied, by: iam.LayerSCP,
	}, {
		name: "trust: before the date", page: rolesTroublePage,
		quote: "Verify that you meet all the conditions that are specified in the role's trust policy.",
		set:   layerTexts{identity: []string{mayAssume}, trust: trustsUntil2016},
		who:   user, do: "sts:AssumeRole", on: target, with: map[string][]string{"aws:CurrentTime": {"2016-04-30T00:00:00Z"}},
		want: iam.Allowed,
	}, {
		name: "trust: after the date", page: rolesTroublePage,
		quote: "If the current date is any time after the specified date, then the policy never matches and cannot grant you the permission to assume the role.",
		set:   layerTexts{identity: []string{mayAssume}, trust: trustsUntil2016},
		who:   user, do: "sts:AssumeRole", on: target, with: map[string][]string{"aws:CurrentTime": {"2016-05-02T00:00:00Z"}},
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "trust: with MFA", page: roleForUserPage,
		quote: "This adds a condition to the role's trust policy that checks for an MFA sign-in.",
		set:   layerTexts{identity: []string{mayAssume}, trust: trustsWithMFA},
		who:   user, do: "sts:AssumeRole", on: target, with: map[string][]string{"aws:MultiFactorAuthPresent": {"true"}},
		want: iam.Allowed,
	}, {
		name: "trust: without MFA", page: roleForUserPage,
		quote: "Users without MFA authentication cannot assume the role.",
		set:   layerTexts{identity: []string{mayAssume}, trust: trustsWithMFA},
		who:   user, do: "sts:AssumeRole", on: target,
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	},
}

const (
	trustsUntil2016 = `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole",
		"Condition":{"DateLessThan":{"aws:CurrentTime":"2016-05-01T12:00:00Z"}}}`
	trustsWithMFA = `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole",
		"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}`
)

func TestTrustRules(t *testing.T) {
	t.Parallel()
	runRules(t, trustRules)
}
