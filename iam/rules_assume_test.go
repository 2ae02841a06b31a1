package iam_test

import (
	"testing"

	"github.com/slipway-cd/slipway/iam"
)

// trustsCustomer12345 is the example of [deputyPage]: 444455556666 is Example Corp.
const trustsCustomer12345 = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"444455556666"},
	"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"12345"}}}}`

var exampleCorp = iam.Principal{ARN: "arn:aws:iam::444455556666:user/Deputy", Account: other}

// assumeExtraRules are the rules of what else sts:AssumeRole takes: external id, source identity and session tags.
// The last two are permissions of their own, so they are requests of their own.
var assumeExtraRules = []rule{
	{
		name: "external id: the right one", page: externalIDPage,
		quote: "If the request comes from someone using Example Corp's AWS account, and if the role ARN and the external ID are correct, the request succeeds.",
		set:   layerTexts{identity: []string{assumeAny}, trust: trustsCustomer12345},
		who:   exampleCorp, do: "sts:AssumeRole", on: target, with: map[string][]string{"sts:ExternalId": {"12345"}},
		want: iam.Allowed,
	}, {
		name: "external id: that of another customer", page: deputyPage,
		quote: "Because you added a condition with your own external ID (12345) to the trust policy of AWS1:ExampleRole, the AssumeRole API call fails.",
		set:   layerTexts{identity: []string{assumeAny}, trust: trustsCustomer12345},
		who:   exampleCorp, do: "sts:AssumeRole", on: target, with: map[string][]string{"sts:ExternalId": {"67890"}},
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "external id: none", page: deputyPage,
		quote: "The Condition element in this policy allows Example Corp to assume the role only when the AssumeRole API call includes the external ID value of 12345.",
		set:   layerTexts{identity: []string{assumeAny}, trust: trustsCustomer12345},
		who:   exampleCorp, do: "sts:AssumeRole", on: target,
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "external id: the right one from somebody else", page: externalIDPage,
		quote: "In other words, when a role policy includes an external ID, anyone who wants to assume the role must be a principal in the role and must include the correct external ID.",
		set:   layerTexts{identity: []string{assumeAny}, trust: trustsCustomer12345},
		who:   user, do: "sts:AssumeRole", on: target, with: map[string][]string{"sts:ExternalId": {"12345"}},
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "source identity: both policies allow it", page: sourceIdentityPage,
		quote: "It must be in the permissions policy of the principal in the originating account and in the role trust policy of the role in the target account.",
		set:   layerTexts{identity: []string{criticalPolicy}, trust: criticalTrust},
		who:   criticalRole, do: "sts:SetSourceIdentity", on: "arn:aws:iam::222222222222:role/CriticalRole_2",
		with: map[string][]string{"sts:SourceIdentity": {"Saanvi"}, "aws:SourceIdentity": {"Saanvi"}},
		want: iam.Allowed,
	}, {
		name: "source identity: the role itself", page: sourceIdentityPage,
		quote: "In addition to the action that matches the API operation, you must have the following permissions-only action in your policy:",
		set:   layerTexts{identity: []string{criticalPolicy}, trust: criticalTrust},
		who:   criticalRole, do: "sts:AssumeRole", on: "arn:aws:iam::222222222222:role/CriticalRole_2",
		with: map[string][]string{"sts:SourceIdentity": {"Saanvi"}, "aws:SourceIdentity": {"Saanvi"}},
		want: iam.Allowed,
	}, {
		name: "source identity: not in the trust policy", page: sourceIdentityPage,
		quote: "Therefore, the sts:SetSourceIdentity permission must be granted in both the permissions policy on CriticalRole and in the role trust policy on CriticalRole_2.",
		set:   layerTexts{identity: []string{criticalPolicy}, trust: `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:role/CriticalRole"},"Action":"sts:AssumeRole"}`},
		who:   criticalRole, do: "sts:SetSourceIdentity", on: "arn:aws:iam::222222222222:role/CriticalRole_2",
		with: map[string][]string{"sts:SourceIdentity": {"Saanvi"}},
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "source identity: not in the identity policy", page: sourceIdentityPage,
		quote: "To specify a source identity, principals (IAM users and roles) must have permissions to sts:SetSourceIdentity.",
		set:   layerTexts{identity: []string{assumeAny}, trust: criticalTrust},
		who:   criticalRole, do: "sts:SetSourceIdentity", on: "arn:aws:iam::222222222222:role/CriticalRole_2",
		with: map[string][]string{"sts:SourceIdentity": {"Saanvi"}},
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "source identity: the user's own name", page: sourceIdentityPage,
		quote: "But you want to allow this action only if the user has set the source identity to their IAM user name.",
		set:   layerTexts{identity: []string{devUserPolicy}, trust: developerTrust},
		who:   devUser, do: "sts:SetSourceIdentity", on: "arn:aws:iam::123456789012:role/Developer_Role",
		with: map[string][]string{"aws:username": {"DevUser"}, "sts:SourceIdentity": {"DevUser"}},
		want: iam.Allowed,
	}, {
		name: "source identity: another name", page: sourceIdentityPage,
		quote: "The sts:SourceIdentity condition key defines the acceptable source identity value.",
		set:   layerTexts{identity: []string{mayUseSTS}, trust: developerTrust},
		who:   devUser, do: "sts:SetSourceIdentity", on: "arn:aws:iam::123456789012:role/Developer_Role",
		with: map[string][]string{"aws:username": {"DevUser"}, "sts:SourceIdentity": {"Another"}},
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "session tags: the role", page: sessionTagsPage,
		quote: "The AllowIamUserAssumeRole statement allows the test-session-tags user to assume the role with the attached policy.",
		set:   layerTexts{trust: sessionTagsTrust},
		who:   tagUser, do: "sts:AssumeRole", on: "arn:aws:iam::123456789012:role/my-role-example", with: sessionTags("Engineering", "Project"),
		want: iam.Allowed,
	}, {
		name: "session tags: the tags", page: sessionTagsPage,
		quote: "The AllowPassSessionTagsAndTransitive statement allows the sts:TagSession permissions-only action.",
		set:   layerTexts{trust: sessionTagsTrust},
		who:   tagUser, do: "sts:TagSession", on: "arn:aws:iam::123456789012:role/my-role-example", with: sessionTags("Engineering", "Project", "Department"),
		want: iam.Allowed,
	}, {
		name: "session tags: another value", page: sessionTagsPage,
		quote: "The second condition block allows the user to pass only the Engineering or Marketing value for the Department session tag.",
		set:   layerTexts{identity: []string{mayUseSTS}, trust: sessionTagsTrust},
		who:   tagUser, do: "sts:TagSession", on: "arn:aws:iam::123456789012:role/my-role-example", with: sessionTags("Finance"),
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "session tags: another tag is transitive", page: sessionTagsPage,
		quote: "They cannot set additional tags as transitive.",
		set:   layerTexts{identity: []string{mayUseSTS}, trust: sessionTagsTrust},
		who:   tagUser, do: "sts:TagSession", on: "arn:aws:iam::123456789012:role/my-role-example", with: sessionTags("Engineering", "CostCenter"),
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "session tags: none is transitive", page: sessionTagsPage,
		quote: "The user can choose to set a subset or no tags as transitive.",
		set:   layerTexts{trust: sessionTagsTrust},
		who:   tagUser, do: "sts:TagSession", on: "arn:aws:iam::123456789012:role/my-role-example", with: sessionTags("Marketing"),
		want: iam.Allowed,
	}, {
		name: "session tags: without a required tag", page: sessionTagsPage,
		quote: "When that user assumes the role, they must pass the required session tags and external ID.",
		set:   layerTexts{identity: []string{mayUseSTS}, trust: sessionTagsTrust},
		who:   tagUser, do: "sts:AssumeRole", on: "arn:aws:iam::123456789012:role/my-role-example",
		with: map[string][]string{"sts:ExternalId": {"Example987"}, "aws:RequestTag/Project": {"Automation"}},
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "session tags: without their permission", page: sessionTagsPage,
		quote: "If your policy includes the first statement without the second statement, the user can't assume the role.",
		set:   layerTexts{identity: []string{mayUseSTS}, trust: `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/test-session-tags"},"Action":"sts:AssumeRole"}`},
		who:   tagUser, do: "sts:TagSession", on: "arn:aws:iam::123456789012:role/my-role-example", with: sessionTags("Engineering"),
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	},
}

// The examples of [sourceIdentityPage].
const (
	criticalPolicy = `{"Effect":"Allow","Action":["sts:AssumeRole","sts:SetSourceIdentity"],"Resource":"arn:aws:iam::222222222222:role/CriticalRole_2"}`
	criticalTrust  = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:role/CriticalRole"},"Action":["sts:AssumeRole","sts:SetSourceIdentity"],
		"Condition":{"StringLike":{"aws:SourceIdentity":["Saanvi","Diego"]}}}`
	devUserPolicy = `{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::123456789012:role/Developer_Role"},
		{"Effect":"Allow","Action":"sts:SetSourceIdentity","Resource":"arn:aws:iam::123456789012:role/Developer_Role",
		"Condition":{"StringLike":{"sts:SourceIdentity":"${aws:username}"}}}`
	developerTrust = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/DevUser"},
		"Action":["sts:AssumeRole","sts:SetSourceIdentity"],"Condition":{"StringEquals":{"sts:SourceIdentity":"DevUser"}}}`
)

// sessionTagsTrust is the example of [sessionTagsPage].
const sessionTagsTrust = `{"Version":"2012-10-17","Statement":[
	{"Sid":"AllowIamUserAssumeRole","Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::123456789012:user/test-session-tags"},
	"Condition":{"StringLike":{"aws:RequestTag/Project":"*","aws:RequestTag/CostCenter":"*","aws:RequestTag/Department":"*"},
		"StringEquals":{"sts:ExternalId":"Example987"}}},
	{"Sid":"AllowPassSessionTagsAndTransitive","Effect":"Allow","Action":"sts:TagSession","Principal":{"AWS":"arn:aws:iam::123456789012:user/test-session-tags"},
	"Condition":{"StringLike":{"aws:RequestTag/Project":"*","aws:RequestTag/CostCenter":"*"},
		"StringEquals":{"aws:RequestTag/Department":["Engineering","Marketing"]},
		"ForAllValues:StringEquals":{"sts:TransitiveTagKeys":["Project","Department"]}}}]}`

var (
	criticalRole = iam.Principal{
		ARN:     "arn:aws:sts::111111111111:assumed-role/CriticalRole/Saanvi",
		RoleARN: "arn:aws:iam::111111111111:role/CriticalRole", Account: "111111111111",
	}
	devUser = iam.Principal{ARN: "arn:aws:iam::123456789012:user/DevUser", Account: "123456789012"}
	tagUser = iam.Principal{ARN: "arn:aws:iam::123456789012:user/test-session-tags", Account: "123456789012"}
)

// sessionTags are the keys of a request with the tags that the example requires.
func sessionTags(department string, transitive ...string) map[string][]string {
	return map[string][]string{
		"sts:ExternalId": {"Example987"}, "aws:RequestTag/Project": {"Automation"}, "aws:RequestTag/CostCenter": {"12345"},
		"aws:RequestTag/Department": {department}, "sts:TransitiveTagKeys": transitive,
	}
}

func TestAssumeExtraRules(t *testing.T) {
	t.Parallel()
	runRules(t, assumeExtraRules)
}
