package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
)

func TestEntryIsForThoseWhoEnter(t *testing.T) {
	t.Parallel()
	role := Role{Account: "111111111111", Name: "web-dev-Deploy", Path: RolePath, Subjects: []string{"repo:acme/web:environment:dev"}}
	service := func(name string) []iam.PrincipalPattern {
		return []iam.PrincipalPattern{{Kind: iam.KindService, Values: []string{name}}}
	}
	tests := map[RoleKind]struct {
		action string
		want   iam.Statement
	}{
		KindGitHub: {"sts:AssumeRoleWithWebIdentity", iam.Statement{
			Sid: "GitHubActions", Effect: iam.Allow, Actions: []string{"sts:AssumeRoleWithWebIdentity"},
			Principals: []iam.PrincipalPattern{{Kind: iam.KindFederated,
				Values: []string{"arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com"}}},
			Conditions: []iam.Condition{
				{Operator: "StringEquals", Key: "token.actions.githubusercontent.com:aud", Values: []string{"sts.amazonaws.com"}},
				{Operator: "StringEquals", Key: "token.actions.githubusercontent.com:sub", Values: []string{"repo:acme/web:environment:dev"}},
			}}},
		KindEC2: {"sts:AssumeRole", iam.Statement{Sid: "Ec2Instances", Effect: iam.Allow, Actions: []string{"sts:AssumeRole"},
			Principals: service("ec2.amazonaws.com")}},
		KindSSM: {"sts:AssumeRole", iam.Statement{Sid: "ManagedNodes", Effect: iam.Allow, Actions: []string{"sts:AssumeRole"},
			Principals: service("ssm.amazonaws.com")}},
		KindDeploy: {"sts:AssumeRole", iam.Statement{}},
		KindNode:   {"sts:AssumeRole", iam.Statement{}},
	}
	// What is registered outside of EC2 says for whom; EC2 does not.
	hybrid := role
	hybrid.Kind, hybrid.Source = KindNode, "arn:aws:ssm:eu-west-1:111111111111:*"
	want := tests[KindSSM].want
	want.Conditions = []iam.Condition{
		{Operator: "StringEquals", Key: "aws:SourceAccount", Values: []string{"111111111111"}},
		{Operator: "ArnLike", Key: "aws:SourceArn", Values: []string{"arn:aws:ssm:eu-west-1:111111111111:*"}},
	}
	for kind, want := range map[RoleKind]iam.Statement{KindSSM: want, KindEC2: tests[KindEC2].want} {
		if got, _ := hybrid.Entry(kind, []string{"sts:AssumeRole"}); !cmp.Equal(want, got) {
			t.Errorf("%s: -want +got:\n%s", kind, cmp.Diff(want, got))
		}
	}
	for kind, test := range tests {
		got, why := role.Entry(kind, []string{test.action})
		if diff := cmp.Diff(test.want, got); diff != "" || (why == "") != (test.want.Sid == "") {
			t.Errorf("%s: %q, -want +got:\n%s", kind, why, diff)
		}
	}
}

func TestOnlyActionsThatHaveTheKeyTakeNodeTags(t *testing.T) {
	t.Parallel()
	for action, want := range map[string]bool{
		"ssm:SendCommand": true, "ssm:UpdateInstanceInformation": false, "ssm:GetCommandInvocation": false, "ssm:NoSuchAction": false,
	} {
		if got := TakesNodeTags(action); got != want {
			t.Errorf("%s: got %v", action, got)
		}
	}
}
