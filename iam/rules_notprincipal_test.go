package iam_test

import (
	"testing"

	"github.com/slipway-cd/slipway/iam"
)

// The examples of [notPrincipalPage], for Bob and for the session cross-account-audit-app of account 444455556666.
const (
	allButBob = `{"Effect":"Deny","NotPrincipal":{"AWS":["arn:aws:iam::444455556666:user/Bob","arn:aws:iam::444455556666:root"]},
		"Action":"s3:*","Resource":"*"}`
	allButBobOnly = `{"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::444455556666:user/Bob"},"Action":"s3:*","Resource":"*"}`
	allButAudit   = `{"Effect":"Deny","NotPrincipal":{"AWS":[
		"arn:aws:sts::444455556666:assumed-role/cross-account-read-only-role/cross-account-audit-app",
		"arn:aws:iam::444455556666:role/cross-account-read-only-role","arn:aws:iam::444455556666:root"]},"Action":"s3:*","Resource":"*"}`
	allButAuditNoRole = `{"Effect":"Deny","NotPrincipal":{"AWS":[
		"arn:aws:sts::444455556666:assumed-role/cross-account-read-only-role/cross-account-audit-app",
		"arn:aws:iam::444455556666:root"]},"Action":"s3:*","Resource":"*"}`
	allButAuditNoAccount = `{"Effect":"Deny","NotPrincipal":{"AWS":[
		"arn:aws:sts::444455556666:assumed-role/cross-account-read-only-role/cross-account-audit-app",
		"arn:aws:iam::444455556666:role/cross-account-read-only-role"]},"Action":"s3:*","Resource":"*"}`
	allButAuditSessions = `{"Effect":"Deny","NotPrincipal":{"AWS":[
		"arn:aws:sts::444455556666:assumed-role/cross-account-read-only-role/*",
		"arn:aws:iam::444455556666:role/cross-account-read-only-role","arn:aws:iam::444455556666:root"]},"Action":"s3:*","Resource":"*"}`
	allowAllButUser = `{"Effect":"Allow","NotPrincipal":{"AWS":"arn:aws:iam::111122223333:user/ann"},"Action":"s3:*","Resource":"*"}`
)

var (
	bob   = iam.Principal{ARN: "arn:aws:iam::444455556666:user/Bob", Account: other}
	eve   = iam.Principal{ARN: "arn:aws:iam::444455556666:user/Eve", Account: other}
	audit = iam.Principal{
		ARN:     "arn:aws:sts::444455556666:assumed-role/cross-account-read-only-role/cross-account-audit-app",
		RoleARN: "arn:aws:iam::444455556666:role/cross-account-read-only-role", Account: other,
	}
)

// notPrincipalRules are the rules of NotPrincipal; the resource belongs to the same account where nothing else is said.
var notPrincipalRules = []rule{
	{
		name: "all but Bob are denied: Bob", page: notPrincipalPage,
		quote: "In the following example, all principals except the user named Bob in AWS account 444455556666 are explicitly denied access to a resource.",
		set:   layerTexts{identity: []string{allowS3}, resource: allButBob},
		who:   bob, do: "s3:GetObject", on: object, account: other,
		want: iam.Allowed,
	}, {
		name: "all but Bob are denied: another", page: notPrincipalPage,
		quote: "In the following example, all principals except the user named Bob in AWS account 444455556666 are explicitly denied access to a resource.",
		set:   layerTexts{identity: []string{allowS3}, resource: allButBob},
		who:   eve, do: "s3:GetObject", on: object, account: other,
		want: iam.ExplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "all but Bob are denied: another action", page: notPrincipalPage,
		quote: "When you use NotPrincipal in the same policy statement as \"Effect\": \"Deny\", the actions specified in the policy statement are explicitly denied to all principals except for the ones specified.",
		set:   layerTexts{identity: []string{allowSQS}, resource: allButBob},
		who:   eve, do: "sqs:SendMessage", on: "arn:aws:sqs:us-east-1:444455556666:queue",
		want: iam.Allowed,
	}, {
		name: "being spared gives nothing", page: notPrincipalPage,
		quote: "This example by itself does not grant access to Bob, it only omits Bob from the list of principals that are explicitly denied.",
		set:   layerTexts{resource: allButBob},
		who:   bob, do: "s3:GetObject", on: object, account: other,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "Bob without his account", page: notPrincipalPage,
		quote: "If the NotPrincipal element contained only Bob's ARN, the effect of the policy might be to explicitly deny access to the AWS account that contains the user Bob.",
		set:   layerTexts{identity: []string{allowS3}, resource: allButBobOnly},
		who:   bob, do: "s3:GetObject", on: object, account: other,
		want: iam.ExplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "all but the session are denied: the session", page: notPrincipalPage,
		quote: "As a best practice, the NotPrincipal element contains the ARN of the assumed-role user (cross-account-audit-app), the role (cross-account-read-only-role), and the AWS account that the role belongs to (444455556666).",
		set:   layerTexts{identity: []string{allowS3}, resource: allButAudit},
		who:   audit, do: "s3:GetObject", on: object, account: other,
		want: iam.Allowed,
	}, {
		name: "all but the session are denied: in another account", page: notPrincipalPage,
		quote: "To give cross-account-audit-app access to the resource, another policy statement must explicitly allow access using \"Effect\": \"Allow\".",
		set:   layerTexts{identity: []string{allowS3}, resource: allButAudit},
		who:   audit, do: "s3:GetObject", on: object, account: home,
		want: iam.ImplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "the session without its role", page: notPrincipalPage,
		quote: "If the NotPrincipal element was missing the ARN of the role, the effect of the policy might be to explicitly deny access to the role.",
		set:   layerTexts{identity: []string{allowS3}, resource: allButAuditNoRole},
		who:   audit, do: "s3:GetObject", on: object, account: other,
		want: iam.ExplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "the session without its account", page: notPrincipalPage,
		quote: "Similarly, if the NotPrincipal element was missing the ARN of the AWS account that the role belongs to, the effect of the policy might be to explicitly deny access to the AWS account and all entities in that account.",
		set:   layerTexts{identity: []string{allowS3}, resource: allButAuditNoAccount},
		who:   audit, do: "s3:GetObject", on: object, account: other,
		want: iam.ExplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "all sessions by a wildcard are not spared", page: notPrincipalPage,
		quote: "When you specify an assumed-role session in a NotPrincipal element, you cannot use a wildcard (*) to mean \"all sessions\".",
		set:   layerTexts{identity: []string{allowS3}, resource: allButAuditSessions},
		who:   audit, do: "s3:GetObject", on: object, account: other,
		want: iam.ExplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "who has a boundary is never spared", page: notPrincipalPage,
		quote: "The NotPrincipal element with a Deny effect will always deny any IAM principal that has a permissions boundary policy attached, regardless of the values specified in the NotPrincipal element.",
		set:   layerTexts{identity: []string{allowS3}, boundary: allowAll, resource: allButBob},
		who:   bob, do: "s3:GetObject", on: object, account: other,
		want: iam.ExplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "an anonymous caller is not spared", page: notPrincipalPage,
		quote: "Use this element to deny access to all principals except the one named in the NotPrincipal element.",
		set:   layerTexts{resource: toAnyone + "," + allButBob},
		who:   anonymous, do: "s3:GetObject", on: object, account: other,
		want: iam.ExplicitlyDenied, by: iam.LayerResource,
	}, {
		name: "a spared service", page: notPrincipalPage,
		quote: "Use the NotPrincipal element to specify the IAM user, federated user, IAM role, AWS account, AWS service, or other principal that is not allowed or denied access to a resource.",
		set: layerTexts{resource: `{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"s3:*","Resource":"*"},
			{"Effect":"Deny","NotPrincipal":{"Service":"ec2.amazonaws.com"},"Action":"s3:*","Resource":"*"}`},
		who: service, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "allowed to all but Ann: another", page: notPrincipalPage,
		quote: "Doing so allows all principals except the one named in the NotPrincipal element.",
		set:   layerTexts{resource: allowAllButUser},
		who:   session, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "allowed to all but Ann: Ann", page: notPrincipalPage,
		quote: "Doing so allows all principals except the one named in the NotPrincipal element.",
		set:   layerTexts{resource: allowAllButUser},
		who:   user, do: "s3:GetObject", on: object,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "allowed to all but Ann: nobody in particular", page: notPrincipalPage,
		quote: "By doing this, you might grant access to anonymous (unauthenticated) users.",
		set:   layerTexts{resource: allowAllButUser},
		who:   anonymous, do: "s3:GetObject", on: object,
		want: iam.Allowed,
	}, {
		name: "not in a trust policy", page: notPrincipalPage,
		quote: "You cannot use the NotPrincipal element in an IAM identity-based policy or in an IAM role trust policy.",
		set: layerTexts{
			identity: []string{assumeAny},
			trust:    `{"Effect":"Allow","NotPrincipal":{"AWS":"arn:aws:iam::444455556666:user/Bob"},"Action":"sts:AssumeRole"}`,
		},
		who: user, do: "sts:AssumeRole", on: roleARN,
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "the condition that AWS recommends instead", page: principalPage,
		quote: "to explicitly deny all principals except for the ones specified in the Condition element.",
		set:   layerTexts{identity: []string{allowS3}, boundary: allowAll, resource: denyUnlessARN},
		who:   bob, do: "s3:GetObject", on: object, account: other,
		with: map[string][]string{"aws:PrincipalArn": {"arn:aws:iam::444455556666:user/Bob"}},
		want: iam.Allowed,
	}, {
		name: "the condition that AWS recommends instead: another", page: principalPage,
		quote: "to explicitly deny all principals except for the ones specified in the Condition element.",
		set:   layerTexts{identity: []string{allowS3}, resource: denyUnlessARN},
		who:   eve, do: "s3:GetObject", on: object, account: other,
		with: map[string][]string{"aws:PrincipalArn": {"arn:aws:iam::444455556666:user/Eve"}},
		want: iam.ExplicitlyDenied, by: iam.LayerResource,
	},
}

const denyUnlessARN = `{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*",
	"Condition":{"ArnNotEquals":{"aws:PrincipalArn":"arn:aws:iam::444455556666:user/Bob"}}}`

func TestNotPrincipalRules(t *testing.T) {
	t.Parallel()
	runRules(t, notPrincipalRules)
}
