package iam_test

import (
	"testing"

	"github.com/slipway-cd/slipway/iam"
)

const (
	oidcPage   = guide + "id_roles_create_for-idp_oidc.html"
	samlPage   = guide + "id_roles_create_for-idp_saml.html"
	githubPage = "https://docs.github.com/en/actions/reference/security/oidc"
)

// The examples of [oidcPage] and [githubPage].
const (
	githubTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
		"Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
		"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{
			"token.actions.githubusercontent.com:aud":"sts.amazonaws.com",
			"token.actions.githubusercontent.com:sub":"repo:GitHubOrg/GitHubRepo:ref:refs/heads/GitHubBranch"}}}]}`
	githubRepoTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
		"Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
		"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringLike":{
			"token.actions.githubusercontent.com:aud":"sts.amazonaws.com",
			"token.actions.githubusercontent.com:sub":"repo:GitHubOrg/GitHubRepo:*"}}}]}`
	githubOwnerTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
		"Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
		"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringLike":{
			"token.actions.githubusercontent.com:aud":"sts.amazonaws.com",
			"token.actions.githubusercontent.com:sub":"repo:GitHubOrg/*"}}}]}`
	githubOpenTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
		"Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
		"Action":"sts:AssumeRoleWithWebIdentity"}]}`
	githubImmutableTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
		"Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
		"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{
			"token.actions.githubusercontent.com:aud":"sts.amazonaws.com",
			"token.actions.githubusercontent.com:sub":"repo:octo-org@123456/octo-repo@456789:ref:refs/heads/main"}}}]}`
	githubBothTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
		"Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
		"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{
			"token.actions.githubusercontent.com:aud":"sts.amazonaws.com",
			"token.actions.githubusercontent.com:sub":["repo:octo-org/octo-repo:ref:refs/heads/main",
				"repo:octo-org@123456/octo-repo@456789:ref:refs/heads/main"]}}}]}`
	githubEnvironmentTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
		"Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
		"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{
			"token.actions.githubusercontent.com:aud":"sts.amazonaws.com",
			"token.actions.githubusercontent.com:sub":"repo:octo-org/octo-repo:environment:Production%3AV1"}}}]}`
)

// githubToken are the keys of a token for AWS with the subject.
func githubToken(subject string) map[string][]string {
	return map[string][]string{
		"token.actions.githubusercontent.com:aud": {"sts.amazonaws.com"},
		"token.actions.githubusercontent.com:sub": {subject},
	}
}

var (
	google = iam.Principal{Kind: iam.PrincipalFederated, ARN: "accounts.google.com"}
	saml   = iam.Principal{Kind: iam.PrincipalFederated, ARN: "arn:aws:iam::111122223333:saml-provider/ADFS", Account: home}
)

// webIdentityRules are the rules of sts:AssumeRoleWithWebIdentity.
var webIdentityRules = []rule{
	{
		name: "GitHub: the branch", page: oidcPage,
		quote: "The following example trust policy limits access to the defined GitHub organization, repository, and branch.",
		set:   layerTexts{trust: githubTrust},
		who:   github, do: "sts:AssumeRoleWithWebIdentity", on: target, with: githubToken("repo:GitHubOrg/GitHubRepo:ref:refs/heads/GitHubBranch"),
		want: iam.Allowed,
	}, {
		name: "GitHub: another branch", page: oidcPage,
		quote: "The following example trust policy limits access to the defined GitHub organization, repository, and branch.",
		set:   layerTexts{trust: githubTrust},
		who:   github, do: "sts:AssumeRoleWithWebIdentity", on: target, with: githubToken("repo:GitHubOrg/GitHubRepo:ref:refs/heads/Another"),
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "GitHub: a pull request", page: githubPage,
		quote: "The subject claim includes the pull_request string when the workflow is triggered by a pull request event, but only if the job doesn't reference an environment.",
		set:   layerTexts{trust: githubTrust},
		who:   github, do: "sts:AssumeRoleWithWebIdentity", on: target, with: githubToken("repo:GitHubOrg/GitHubRepo:pull_request"),
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "GitHub: another audience", page: githubPage,
		quote: "Audience and subject claims are typically used in combination while setting conditions on the cloud role/resources to scope its access to the GitHub workflows.",
		set:   layerTexts{trust: githubTrust},
		who:   github, do: "sts:AssumeRoleWithWebIdentity", on: target,
		with: map[string][]string{
			"token.actions.githubusercontent.com:aud": {"https://github.com/GitHubOrg"},
			"token.actions.githubusercontent.com:sub": {"repo:GitHubOrg/GitHubRepo:ref:refs/heads/GitHubBranch"},
		},
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "GitHub: any branch of the repository", page: oidcPage,
		quote: "The following example condition limits access to the defined GitHub organization and repository, but grants access to any branch within the repository.",
		set:   layerTexts{trust: githubRepoTrust},
		who:   github, do: "sts:AssumeRoleWithWebIdentity", on: target, with: githubToken("repo:GitHubOrg/GitHubRepo:ref:refs/heads/Another"),
		want: iam.Allowed,
	}, {
		name: "GitHub: a repository of a longer name", page: oidcPage,
		quote: "The following example condition limits access to the defined GitHub organization and repository, but grants access to any branch within the repository.",
		set:   layerTexts{trust: githubRepoTrust},
		who:   github, do: "sts:AssumeRoleWithWebIdentity", on: target, with: githubToken("repo:GitHubOrg/GitHubRepo2:ref:refs/heads/GitHubBranch"),
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "GitHub: any repository of the organization", page: oidcPage,
		quote: "The following example condition limits access to any repository or branch within the defined GitHub organization.",
		set:   layerTexts{trust: githubOwnerTrust},
		who:   github, do: "sts:AssumeRoleWithWebIdentity", on: target, with: githubToken("repo:GitHubOrg/Another:pull_request"),
		want: iam.Allowed,
	}, {
		name: "GitHub: another organization", page: oidcPage,
		quote: "The following example condition limits access to any repository or branch within the defined GitHub organization.",
		set:   layerTexts{trust: githubOwnerTrust},
		who:   github, do: "sts:AssumeRoleWithWebIdentity", on: target, with: githubToken("repo:GitHubOrganic/GitHubRepo:ref:refs/heads/GitHubBranch"),
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "GitHub: without conditions everybody", page: oidcPage,
		quote: "If you do not include this condition, then GitHub Actions from organizations or repositories outside of your control are able to assume roles associated with the GitHub IAM IdP in your AWS account.",
		set:   layerTexts{trust: githubOpenTrust},
		who:   github, do: "sts:AssumeRoleWithWebIdentity", on: target, with: githubToken("repo:Stranger/Danger:pull_request"),
		want: iam.Allowed,
	}, {
		name: "GitHub: a branch has no environment", page: githubPage,
		quote: "The subject claim includes the environment name when the job references an environment.",
		set:   layerTexts{trust: githubEnvironmentTrust},
		who:   github, do: "sts:AssumeRoleWithWebIdentity", on: target, with: githubToken("repo:octo-org/octo-repo:ref:refs/heads/main"),
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "GitHub: an environment with a colon", page: githubPage,
		quote: "Any : within the metadata values will be replaced with %3A in the subject claim.",
		set:   layerTexts{trust: githubEnvironmentTrust},
		who:   github, do: "sts:AssumeRoleWithWebIdentity", on: target, with: githubToken("repo:octo-org/octo-repo:environment:Production%3AV1"),
		want: iam.Allowed,
	}, {
		name: "GitHub: the immutable form", page: githubPage,
		quote: "For repositories created after July 15, 2026, or that have opted in to immutable subject claims, the sub claim includes owner_id and repo_id as shown in the immutable examples.",
		set:   layerTexts{trust: githubImmutableTrust},
		who:   github, do: "sts:AssumeRoleWithWebIdentity", on: target, with: githubToken("repo:octo-org@123456/octo-repo@456789:ref:refs/heads/main"),
		want: iam.Allowed,
	}, {
		name: "GitHub: the immutable form, for a trust policy in the old form", page: githubPage,
		quote: "Update your trust policies to match the format your repository uses.",
		set:   layerTexts{trust: githubRepoTrust},
		who:   github, do: "sts:AssumeRoleWithWebIdentity", on: target, with: githubToken("repo:GitHubOrg@123456/GitHubRepo@456789:ref:refs/heads/main"),
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "GitHub: the old form, for a trust policy in the immutable form", page: githubPage,
		quote: "Repositories created before July 15, 2026 keep the previous format unless you opt in to immutable subject claims.",
		set:   layerTexts{trust: githubImmutableTrust},
		who:   github, do: "sts:AssumeRoleWithWebIdentity", on: target, with: githubToken("repo:octo-org/octo-repo:ref:refs/heads/main"),
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "GitHub: the same names, recycled", page: githubPage,
		quote: "If a namespace was recycled, a different owner could create the same subject value.",
		set:   layerTexts{trust: githubImmutableTrust},
		who:   github, do: "sts:AssumeRoleWithWebIdentity", on: target, with: githubToken("repo:octo-org@999999/octo-repo@888888:ref:refs/heads/main"),
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "GitHub: a trust policy of both forms, the old", page: githubPage,
		quote: "Repository renames and transfers after July 15, 2026 also move to the immutable subject format.",
		set:   layerTexts{trust: githubBothTrust},
		who:   github, do: "sts:AssumeRoleWithWebIdentity", on: target, with: githubToken("repo:octo-org/octo-repo:ref:refs/heads/main"),
		want: iam.Allowed,
	}, {
		name: "GitHub: a trust policy of both forms, the immutable", page: githubPage,
		quote: "Repository renames and transfers after July 15, 2026 also move to the immutable subject format.",
		set:   layerTexts{trust: githubBothTrust},
		who:   github, do: "sts:AssumeRoleWithWebIdentity", on: target, with: githubToken("repo:octo-org@123456/octo-repo@456789:ref:refs/heads/main"),
		want: iam.Allowed,
	}, {
		name: "GitHub: by sts:AssumeRole", page: principalPage,
		quote: "Similar to AssumeRoleWithWebIdentity, AssumeRoleWithSAML doesn't require AWS credentials for authentication.",
		set:   layerTexts{trust: githubOpenTrust},
		who:   github, do: "sts:AssumeRole", on: target, with: githubToken("repo:GitHubOrg/GitHubRepo:ref:refs/heads/GitHubBranch"),
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "GitHub: the provider of another account", page: principalPage,
		quote: "Use this principal type in your role trust policy to allow or deny permissions to call AssumeRoleWIthWebIdentity using an OIDC IDP that exists in your AWS account, or one of the four built in IDPs.",
		set:   layerTexts{trust: githubOpenTrust},
		who:   iam.Principal{Kind: iam.PrincipalFederated, ARN: "arn:aws:iam::444455556666:oidc-provider/token.actions.githubusercontent.com"},
		do:    "sts:AssumeRoleWithWebIdentity", on: target, with: githubToken("repo:GitHubOrg/GitHubRepo:ref:refs/heads/GitHubBranch"),
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "GitHub: the account is named", page: principalPage,
		quote: "When using a OIDC provider you add to your account, such as GitHub, you specify the provider's ARN in your role's trust policy.",
		set:   layerTexts{trust: `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:*"}`},
		who:   github, do: "sts:AssumeRoleWithWebIdentity", on: target, with: githubToken("repo:GitHubOrg/GitHubRepo:ref:refs/heads/GitHubBranch"),
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "GitHub: everyone is no web identity", page: principalPage,
		quote: "When using a OIDC provider you add to your account, such as GitHub, you specify the provider's ARN in your role's trust policy.",
		set:   layerTexts{trust: trustsAnyone},
		who:   github, do: "sts:AssumeRoleWithWebIdentity", on: target, with: githubToken("repo:GitHubOrg/GitHubRepo:ref:refs/heads/GitHubBranch"),
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "GitHub: denied to everyone", page: logicPage,
		quote: "An explicit deny overrides an explicit allow.",
		set: layerTexts{trust: `{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
			"Action":"sts:AssumeRoleWithWebIdentity"},{"Effect":"Deny","Principal":"*","Action":"sts:*"}`},
		who: github, do: "sts:AssumeRoleWithWebIdentity", on: target, with: githubToken("repo:GitHubOrg/GitHubRepo:ref:refs/heads/GitHubBranch"),
		want: iam.ExplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "GitHub: a web identity has no policies of its own", page: principalPage,
		quote: "OIDC federated principals are not supported in policy types other than role trust policies.",
		set:   layerTexts{identity: []string{allowAll}, trust: trustsAccount},
		who:   github, do: "sts:AssumeRoleWithWebIdentity", on: target, with: githubToken("repo:GitHubOrg/GitHubRepo:ref:refs/heads/GitHubBranch"),
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "web identity: a built-in provider", page: principalPage,
		quote: "An OIDC federated principal can represent an OIDC IDP in your AWS account, or the 4 built in identity providers: Login with Amazon, Google, Facebook, and Amazon Cognito.",
		set:   layerTexts{trust: googleTrust},
		who:   google, do: "sts:AssumeRoleWithWebIdentity", on: target, with: map[string][]string{"accounts.google.com:aud": {"66677788899900pro0"}},
		want: iam.Allowed,
	}, {
		name: "web identity: another built-in provider", page: principalPage,
		quote: "An OIDC federated principal can represent an OIDC IDP in your AWS account, or the 4 built in identity providers: Login with Amazon, Google, Facebook, and Amazon Cognito.",
		set:   layerTexts{trust: googleTrust},
		who:   iam.Principal{Kind: iam.PrincipalFederated, ARN: "graph.facebook.com"}, do: "sts:AssumeRoleWithWebIdentity", on: target,
		with: map[string][]string{"accounts.google.com:aud": {"66677788899900pro0"}},
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "web identity: a source identity that the trust policy does not allow", page: sourceIdentityPage,
		quote: "The AssumeRole* operation will fail for any role connected to an IdP without this permission.",
		set:   layerTexts{trust: githubOpenTrust},
		who:   github, do: "sts:SetSourceIdentity", on: target, with: map[string][]string{"sts:SourceIdentity": {"Saanvi"}},
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "web identity: session tags that the trust policy does not allow", page: sessionTagsPage,
		quote: "When using session tags, the role trust policies for all roles connected to an identity provider (IdP) must have the sts:TagSession permission.",
		set:   layerTexts{trust: githubOpenTrust},
		who:   github, do: "sts:TagSession", on: target, with: map[string][]string{"aws:RequestTag/Project": {"web"}},
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "SAML: the right audience", page: samlPage,
		quote: "For the Condition element, use a StringEquals condition to test that the saml:aud attribute from the SAML response matches the SAML federation endpoint for AWS.",
		set:   layerTexts{trust: samlTrust},
		who:   saml, do: "sts:AssumeRoleWithSAML", on: target, with: map[string][]string{"saml:aud": {"https://signin.aws.amazon.com/saml"}},
		want: iam.Allowed,
	}, {
		name: "SAML: another audience", page: samlPage,
		quote: "That condition explicitly ensures that the SAML audience (SAML:aud attribute) is set to the AWS sign-in endpoint for SAML (https://signin.aws.amazon.com/saml).",
		set:   layerTexts{trust: samlTrust},
		who:   saml, do: "sts:AssumeRoleWithSAML", on: target, with: map[string][]string{"saml:aud": {"https://example.com/saml"}},
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "SAML: another provider", page: samlPage,
		quote: "For the Principal element, use the string {\"Federated\":ARNofIdentityProvider}.",
		set:   layerTexts{trust: samlTrust},
		who:   iam.Principal{Kind: iam.PrincipalFederated, ARN: "arn:aws:iam::111122223333:saml-provider/Other", Account: home},
		do:    "sts:AssumeRoleWithSAML", on: target, with: map[string][]string{"saml:aud": {"https://signin.aws.amazon.com/saml"}},
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "SAML: another action", page: samlPage,
		quote: "For the Action element, use the sts:AssumeRoleWithSAML action.",
		set:   layerTexts{trust: samlTrust},
		who:   saml, do: "sts:AssumeRoleWithWebIdentity", on: target, with: map[string][]string{"saml:aud": {"https://signin.aws.amazon.com/saml"}},
		want: iam.ImplicitlyDenied, by: iam.LayerTrust,
	}, {
		name: "SAML: a source identity", page: sourceIdentityPage,
		quote: "The trust policy contains a condition for sts:SourceIdentity that requires a source identity of Saanvi or Diego to assume the critical role.",
		set: layerTexts{trust: samlTrust + `,{"Sid":"SetSourceIdentitySrEngs","Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:saml-provider/ADFS"},
			"Action":"sts:SetSourceIdentity","Condition":{"StringLike":{"sts:SourceIdentity":["Saanvi","Diego"]}}}`},
		who: saml, do: "sts:SetSourceIdentity", on: target, with: map[string][]string{"sts:SourceIdentity": {"Diego"}},
		want: iam.Allowed,
	},
}

const (
	googleTrust = `{"Effect":"Allow","Principal":{"Federated":"accounts.google.com"},"Action":"sts:AssumeRoleWithWebIdentity",
		"Condition":{"StringEquals":{"accounts.google.com:aud":"66677788899900pro0"}}}`
	samlTrust = `{"Effect":"Allow","Action":"sts:AssumeRoleWithSAML","Principal":{"Federated":"arn:aws:iam::111122223333:saml-provider/ADFS"},
		"Condition":{"StringEquals":{"SAML:aud":"https://signin.aws.amazon.com/saml"}}}`
)

func TestFederationRules(t *testing.T) {
	t.Parallel()
	runRules(t, webIdentityRules)
}
