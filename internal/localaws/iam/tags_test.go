package iam_test

import (
	"fmt"
	"testing"
)

func TestTags(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(one, "CreateRole", "RoleName", "r", "AssumeRolePolicyDocument", trust)
	w.do(one, "CreateUser", "UserName", "u")
	w.do(one, "CreateInstanceProfile", "InstanceProfileName", "i")
	policy := between(w.do(one, "CreatePolicy", "PolicyName", "p", "PolicyDocument", read), "Arn")
	provider := between(w.do(one, "CreateOpenIDConnectProvider", "Url", "https://example.com", "ClientIDList.member.1", "a"), "OpenIDConnectProviderArn")
	for _, tc := range []struct{ kind, field, key, get, missing string }{
		{"Role", "RoleName", "r", "GetRole", "none"},
		{"User", "UserName", "u", "GetUser", "none"},
		{"InstanceProfile", "InstanceProfileName", "i", "GetInstanceProfile", "none"},
		{"Policy", "PolicyArn", policy, "GetPolicy", policy + "x"},
		{"OpenIDConnectProvider", "OpenIDConnectProviderArn", provider, "GetOpenIDConnectProvider", provider + "x"},
	} {
		on := func(more ...string) []string { return append([]string{tc.field, tc.key}, more...) }
		w.walk([]step{
			{action: "Tag" + tc.kind, args: on("Tags.member.1.Key", "App", "Tags.member.1.Value", "web", "Tags.member.2.Key", "Env", "Tags.member.2.Value", "")},
			{action: "List" + tc.kind + "Tags", args: on("MaxItems", "1"), has: "<IsTruncated>true</IsTruncated>"},
			{action: tc.get, args: on(), has: "<Key>App</Key><Value>web</Value>"},
			{action: "Tag" + tc.kind, args: on("Tags.member.1.Key", "app", "Tags.member.1.Value", "api")},
			{action: "List" + tc.kind + "Tags", args: on(), has: "<Key>app</Key><Value>api</Value>", hasNot: "<Key>App</Key>"},
			{action: "Untag" + tc.kind, args: on("TagKeys.member.1", "APP")},
			{action: "List" + tc.kind + "Tags", args: on(), has: "<Key>Env</Key>", hasNot: "<Key>app</Key>"},
			{action: "Tag" + tc.kind, args: on("Tags.member.1.Key", "aws:x", "Tags.member.1.Value", "y"), code: "InvalidInput"},
			{action: "Tag" + tc.kind, args: on("Tags.member.1.Key", "a", "Tags.member.1.Value", "", "Tags.member.2.Key", "A", "Tags.member.2.Value", ""), code: "InvalidInput"},
			{action: "Tag" + tc.kind, args: on("Tags.member.1.Key", "a!", "Tags.member.1.Value", ""), code: "ValidationError"},
			{action: "Tag" + tc.kind, args: []string{tc.field, tc.missing, "Tags.member.1.Key", "a", "Tags.member.1.Value", ""}, code: "NoSuchEntity"},
			{action: "Untag" + tc.kind, args: []string{tc.field, tc.missing, "TagKeys.member.1", "a"}, code: "NoSuchEntity"},
			{action: "List" + tc.kind + "Tags", args: []string{tc.field, tc.missing}, code: "NoSuchEntity"},
		})
		many := on()
		for i := range 50 {
			many = append(many, fmt.Sprintf("Tags.member.%d.Key", i+1), fmt.Sprint("k", i), fmt.Sprintf("Tags.member.%d.Value", i+1), "")
		}
		w.refused(one, "LimitExceeded", "Tag"+tc.kind, many...) // one is there already
	}
	w.refused(one, "AccessDenied", "TagPolicy", "PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess", "Tags.member.1.Key", "a", "Tags.member.1.Value", "b")
}

// TestTagConditions: what the tags of a request, of an entity and of the caller decide.
func TestTagConditions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(one, "CreateRole", "RoleName", "mine", "AssumeRolePolicyDocument", trust, "Tags.member.1.Key", "Team", "Tags.member.1.Value", "a")
	w.do(one, "CreateRole", "RoleName", "yours", "AssumeRolePolicyDocument", trust, "Tags.member.1.Key", "Team", "Tags.member.1.Value", "b")
	for i, tc := range []struct {
		name, actions, condition string
		yes, no                  []string
	}{
		{"aws:ResourceTag", "iam:*", `{"StringEquals":{"aws:ResourceTag/Team":"a"}}`, []string{"GetRole", "RoleName", "mine"}, []string{"GetRole", "RoleName", "yours"}},
		{"iam:ResourceTag", "iam:*", `{"StringEquals":{"iam:ResourceTag/Team":"a"}}`, []string{"GetRole", "RoleName", "mine"}, []string{"GetRole", "RoleName", "yours"}},
		{"aws:RequestTag", "iam:*", `{"StringEquals":{"aws:RequestTag/Team":"a"}}`,
			[]string{"CreateUser", "UserName", "x", "Tags.member.1.Key", "Team", "Tags.member.1.Value", "a"},
			[]string{"CreateUser", "UserName", "y", "Tags.member.1.Key", "Team", "Tags.member.1.Value", "b"}},
		{"creating with tags needs tagging", "iam:CreatePolicy", `{}`,
			[]string{"CreatePolicy", "PolicyName", "x", "PolicyDocument", read},
			[]string{"CreatePolicy", "PolicyName", "y", "PolicyDocument", read, "Tags.member.1.Key", "Team", "Tags.member.1.Value", "b"}},
		{"aws:TagKeys", "iam:*", `{"ForAllValues:StringEquals":{"aws:TagKeys":["Team"]},"Null":{"aws:TagKeys":"false"}}`,
			[]string{"TagRole", "RoleName", "mine", "Tags.member.1.Key", "Team", "Tags.member.1.Value", "a"},
			[]string{"UntagRole", "RoleName", "mine", "TagKeys.member.1", "Other"}},
		{"aws:PrincipalTag of a user", "iam:GetRole", `{"StringEquals":{"iam:ResourceTag/Team":"${aws:PrincipalTag/Team}"}}`,
			[]string{"GetRole", "RoleName", "mine"}, []string{"GetRole", "RoleName", "yours"}},
		{"iam:AWSServiceName", "iam:CreateServiceLinkedRole", `{"StringEquals":{"iam:AWSServiceName":"ssm.amazonaws.com"}}`,
			[]string{"CreateServiceLinkedRole", "AWSServiceName", "ssm.amazonaws.com"}, []string{"CreateServiceLinkedRole", "AWSServiceName", "ecs.amazonaws.com"}},
		{"a boundary is demanded of new users", "iam:CreateUser", `{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::aws:policy/AmazonSSMReadOnlyAccess"}}`,
			[]string{"CreateUser", "UserName", "b", "PermissionsBoundary", "arn:aws:iam::aws:policy/AmazonSSMReadOnlyAccess"}, []string{"CreateUser", "UserName", "c"}},
	} {
		user := fmt.Sprint("u", i)
		keys := w.user(one, user)
		w.do(one, "TagUser", "UserName", user, "Tags.member.1.Key", "Team", "Tags.member.1.Value", "a")
		w.do(one, "PutUserPolicy", "UserName", user, "PolicyName", "p", "PolicyDocument",
			`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"`+tc.actions+`","Resource":"*","Condition":`+tc.condition+`}}`)
		if status, body := w.ask(keys, tc.yes[0], tc.yes[1:]...); status != 200 {
			t.Errorf("%s: %v: %d %s", tc.name, tc.yes, status, body)
		}
		if status, body := w.ask(keys, tc.no[0], tc.no[1:]...); status != 403 {
			t.Errorf("%s: %v: %d %s", tc.name, tc.no, status, body)
		}
	}
}

func TestChangesOfRolesAndProviders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(one, "CreateRole", "RoleName", "r", "AssumeRolePolicyDocument", trust)
	provider := between(w.do(one, "CreateOpenIDConnectProvider", "Url", "https://example.com", "ClientIDList.member.1", "a"), "OpenIDConnectProviderArn")
	policy := between(w.do(one, "CreatePolicy", "PolicyName", "p", "PolicyDocument", read), "Arn")
	w.do(one, "CreatePolicyVersion", "PolicyArn", policy, "PolicyDocument", read)
	w.do(one, "CreateInstanceProfile", "InstanceProfileName", "i")
	w.do(one, "AddRoleToInstanceProfile", "InstanceProfileName", "i", "RoleName", "r")
	const managed = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
	w.walk([]step{
		{action: "UpdateRole", args: []string{"RoleName", "r", "MaxSessionDuration", "7200"}, has: "<UpdateRoleResult></UpdateRoleResult>"},
		{action: "UpdateRole", args: []string{"RoleName", "r", "MaxSessionDuration", "60"}, code: "ValidationError"},
		{action: "UpdateRole", args: []string{"RoleName", "none"}, code: "NoSuchEntity"},
		{action: "UpdateRoleDescription", args: []string{"RoleName", "r", "Description", "for nodes"}, has: "for nodes"},
		{action: "GetRole", args: []string{"RoleName", "r"}, has: "<MaxSessionDuration>7200</MaxSessionDuration>"},
		{action: "ListInstanceProfilesForRole", args: []string{"RoleName", "r"}, has: "<InstanceProfileName>i</InstanceProfileName>"},
		{action: "ListInstanceProfilesForRole", args: []string{"RoleName", "none"}, code: "NoSuchEntity"},

		{action: "AddClientIDToOpenIDConnectProvider", args: []string{"OpenIDConnectProviderArn", provider, "ClientID", "b"}},
		{action: "GetOpenIDConnectProvider", args: []string{"OpenIDConnectProviderArn", provider}, has: "<member>a</member><member>b</member>"},
		{action: "RemoveClientIDFromOpenIDConnectProvider", args: []string{"OpenIDConnectProviderArn", provider, "ClientID", "a"}},
		{action: "GetOpenIDConnectProvider", args: []string{"OpenIDConnectProviderArn", provider}, hasNot: "<member>a</member>"},
		{action: "AddClientIDToOpenIDConnectProvider", args: []string{"OpenIDConnectProviderArn", provider + "x", "ClientID", "b"}, code: "NoSuchEntity"},
		{action: "UpdateOpenIDConnectProviderThumbprint", args: []string{"OpenIDConnectProviderArn", provider, "ThumbprintList.member.1", "6938fd4d98bab03faadb97b34396831e3780aea1"}},
		{action: "GetOpenIDConnectProvider", args: []string{"OpenIDConnectProviderArn", provider}, has: "6938fd4d"},
		{action: "UpdateOpenIDConnectProviderThumbprint", args: []string{"OpenIDConnectProviderArn", provider, "ThumbprintList.member.1", "short"}, code: "ValidationError"},

		{action: "ListPolicyVersions", args: []string{"PolicyArn", policy}, has: "<VersionId>v2</VersionId><IsDefaultVersion>false"},
		{action: "ListPolicyVersions", args: []string{"PolicyArn", policy, "MaxItems", "1"}, hasNot: "<VersionId>v1"},
		{action: "SetDefaultPolicyVersion", args: []string{"PolicyArn", policy, "VersionId", "v2"}},
		{action: "GetPolicy", args: []string{"PolicyArn", policy}, has: "<DefaultVersionId>v2"},
		{action: "SetDefaultPolicyVersion", args: []string{"PolicyArn", policy, "VersionId", "v9"}, code: "NoSuchEntity"},
		{action: "SetDefaultPolicyVersion", args: []string{"PolicyArn", managed, "VersionId", "v2"}, code: "AccessDenied"},
		{action: "ListPolicyVersions", args: []string{"PolicyArn", managed}, has: "<VersionId>v2</VersionId><IsDefaultVersion>true"},
		{action: "GetPolicyVersion", args: []string{"PolicyArn", managed, "VersionId", "v2"}, has: "ssmmessages"},
		{action: "GetPolicyVersion", args: []string{"PolicyArn", managed, "VersionId", "v1"}, code: "NoSuchEntity"},
		{action: "DeletePolicy", args: []string{"PolicyArn", managed}, code: "AccessDenied"},
		{action: "ListPolicies", args: []string{"Scope", "AWS"}, has: managed, hasNot: policy},
		{action: "ListPolicies", args: []string{"Scope", "Local"}, has: policy, hasNot: managed},
		{action: "ListPolicies", args: []string{"Scope", "Mine"}, code: "ValidationError"},
		{action: "ListPolicies", args: []string{"OnlyAttached", "true"}, hasNot: managed},
		{action: "GetPolicy", args: []string{"PolicyArn", "not an ARN"}, code: "InvalidInput"},

		{action: "CreateRole", args: []string{"RoleName", "s", "Path", "/aws-service-role/ssm.amazonaws.com/", "AssumeRolePolicyDocument", trust}, code: "ValidationError"},
		{action: "CreateServiceLinkedRole", args: []string{"AWSServiceName", "ssm.amazonaws.com"}, has: "role/aws-service-role/ssm.amazonaws.com/AWSServiceRoleForAmazonSSM"},
		{action: "CreateServiceLinkedRole", args: []string{"AWSServiceName", "ssm.amazonaws.com"}, code: "InvalidInput"},
		{action: "CreateServiceLinkedRole", args: []string{"AWSServiceName", "none.amazonaws.com"}, code: "InvalidInput"},
		{action: "PutRolePolicy", args: []string{"RoleName", "AWSServiceRoleForAmazonSSM", "PolicyName", "p", "PolicyDocument", read}, code: "UnmodifiableEntity"},
		{action: "AttachRolePolicy", args: []string{"RoleName", "AWSServiceRoleForAmazonSSM", "PolicyArn", managed}, code: "UnmodifiableEntity"},
		{action: "UpdateAssumeRolePolicy", args: []string{"RoleName", "AWSServiceRoleForAmazonSSM", "PolicyDocument", trust}, code: "UnmodifiableEntity"},
		{action: "PutRolePermissionsBoundary", args: []string{"RoleName", "AWSServiceRoleForAmazonSSM", "PermissionsBoundary", managed}, code: "UnmodifiableEntity"},
		{action: "DeleteRole", args: []string{"RoleName", "AWSServiceRoleForAmazonSSM"}, code: "UnmodifiableEntity"},
		{action: "DeleteServiceLinkedRole", args: []string{"RoleName", "r"}, code: "InvalidInput"},
	})
	task := between(w.do(one, "DeleteServiceLinkedRole", "RoleName", "AWSServiceRoleForAmazonSSM"), "DeletionTaskId")
	w.walk([]step{
		{action: "GetServiceLinkedRoleDeletionStatus", args: []string{"DeletionTaskId", task}, has: "<Status>SUCCEEDED</Status>"},
		{action: "GetServiceLinkedRoleDeletionStatus", args: []string{"DeletionTaskId", task + "x"}, code: "NoSuchEntity"},
		{action: "GetRole", args: []string{"RoleName", "AWSServiceRoleForAmazonSSM"}, code: "NoSuchEntity"},
	})
	w.refused(two, "NoSuchEntity", "GetServiceLinkedRoleDeletionStatus", "DeletionTaskId", task)
}

func TestAccountAsAWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.walk([]step{
		{action: "ListAccountAliases", hasNot: "<member>"},
		{action: "CreateAccountAlias", args: []string{"AccountAlias", "slipway-dev"}},
		{action: "CreateAccountAlias", args: []string{"AccountAlias", "Slipway"}, code: "ValidationError"},
		{action: "CreateAccountAlias", args: []string{"AccountAlias", "a--b"}, code: "ValidationError"},
		{action: "ListAccountAliases", has: "<member>slipway-dev</member>"},
		{action: "CreateAccountAlias", args: []string{"AccountAlias", "slipway-test"}},
		{action: "ListAccountAliases", has: "<member>slipway-test</member>", hasNot: "slipway-dev"},
		{action: "GetAccountSummary", has: "<key>Users</key><value>1</value>"},
		{action: "GetAccountSummary", has: "<key>RolePolicySizeQuota</key><value>10240</value>"},
	})
	w.refused(two, "EntityAlreadyExists", "CreateAccountAlias", "AccountAlias", "slipway-test")
	w.refused(two, "NoSuchEntity", "DeleteAccountAlias", "AccountAlias", "slipway-test")
	w.do(one, "DeleteAccountAlias", "AccountAlias", "slipway-test")
	w.do(two, "CreateAccountAlias", "AccountAlias", "slipway-test")
}
