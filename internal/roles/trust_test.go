package roles

import (
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
)

const github = "arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com"

func TestR019OnlyThisWorkflowEnters(t *testing.T) {
	t.Parallel()
	r := mustRender(t, shape{}).role(t, plan.KindDeploy)
	tests := []struct {
		name, provider, aud, sub string
		want                     bool
	}{
		{"the workflow", github, "sts.amazonaws.com", subject, true},
		{"another environment", github, "sts.amazonaws.com", "repo:acme/web:environment:prod", false},
		{"another repository", github, "sts.amazonaws.com", "repo:acme/web2:environment:dev", false},
		{"a pull request", github, "sts.amazonaws.com", "repo:acme/web:pull_request", false},
		{"another audience", github, "https://github.com/acme", subject, false},
		{"no audience", github, "", subject, false},
		{"no subject", github, "sts.amazonaws.com", "", false},
		{"another provider", "arn:aws:iam::111111111111:oidc-provider/gitlab.com", "sts.amazonaws.com", subject, false},
		{"another account's provider", "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com", "sts.amazonaws.com", subject, false},
	}
	for _, tt := range tests {
		context := map[string][]string{}
		if tt.aud != "" {
			context["token.actions.githubusercontent.com:aud"] = []string{tt.aud}
		}
		if tt.sub != "" {
			context["token.actions.githubusercontent.com:sub"] = []string{tt.sub}
		}
		p := iam.Principal{Kind: iam.PrincipalFederated, ARN: tt.provider, Account: account}
		if got := r.enters(t, p, "sts:AssumeRoleWithWebIdentity", context); got != tt.want {
			t.Errorf("%s enters: %t, want %t", tt.name, got, tt.want)
		}
	}
}

func TestR021NodeRolesTrustTheServicesThatHandThemOut(t *testing.T) {
	t.Parallel()
	tests := []struct {
		sh      shape
		service string
		acts    string // for whom; EC2 does not say
		want    bool
	}{
		{shape{}, "ec2.amazonaws.com", "", true},
		{shape{}, "ssm.amazonaws.com", account, false},
		{shape{hybrid: true}, "ec2.amazonaws.com", "", true},
		{shape{hybrid: true}, "ssm.amazonaws.com", account, true},
		{shape{hybrid: true}, "ssm.amazonaws.com", "222222222222", false},
		{shape{hybrid: true}, "ssm.amazonaws.com", "", false},
		{shape{}, "lambda.amazonaws.com", account, false},
	}
	for _, tt := range tests {
		r := mustRender(t, tt.sh).role(t, plan.KindNode)
		p := iam.Principal{Kind: iam.PrincipalService, ARN: tt.service}
		context := map[string][]string{}
		if tt.acts != "" {
			context["aws:SourceAccount"], context["aws:SourceArn"] = []string{tt.acts}, []string{"arn:aws:ssm:eu-west-1:" + tt.acts + ":managed-instance/mi-0123456789abcdef0"}
		}
		if got := r.enters(t, p, "sts:AssumeRole", context); got != tt.want {
			t.Errorf("%+v: %s for %q enters: %t, want %t", tt.sh, tt.service, tt.acts, got, tt.want)
		}
	}
}

// R22: nothing but EC2 enters the node role, and EC2 enters no other.
func TestR022NodeAndPipelineRolesAreApart(t *testing.T) {
	t.Parallel()
	set := mustRender(t, shape{})
	node, deploy := set.role(t, plan.KindNode), set.role(t, plan.KindDeploy)
	ec2 := iam.Principal{Kind: iam.PrincipalService, ARN: "ec2.amazonaws.com"}
	if deploy.enters(t, ec2, "sts:AssumeRole", nil) {
		t.Error("EC2 enters the deploy role")
	}
	context := map[string][]string{
		"token.actions.githubusercontent.com:aud": {"sts.amazonaws.com"},
		"token.actions.githubusercontent.com:sub": {subject},
	}
	if node.enters(t, iam.Principal{Kind: iam.PrincipalFederated, ARN: github, Account: account}, "sts:AssumeRoleWithWebIdentity", context) {
		t.Error("the workflow enters the node role")
	}
	if !node.InstanceProfile || deploy.InstanceProfile {
		t.Errorf("instance profiles: node %t, deploy %t", node.InstanceProfile, deploy.InstanceProfile)
	}
}

// Without a CI the account itself is trusted, and the reviewer is told how wide that is.
func TestNoCITrustsTheAccountAndSaysSo(t *testing.T) {
	t.Parallel()
	r := mustRender(t, shape{noCI: true}).role(t, plan.KindDeploy)
	st := r.Trust.Statements[0]
	if st.Principals[0].Values[0] != "arn:aws:iam::111111111111:root" || len(r.Trust.Statements) != 1 {
		t.Errorf("trust: %+v", r.Trust.Statements)
	}
	if !strings.Contains(r.TrustNotes[0].Reason, "Anybody in account 111111111111") {
		t.Errorf("the note does not say how wide it is: %q", r.TrustNotes[0].Reason)
	}
}

// sts:TagSession is granted where the plan has it, and only there (R88).
func TestR088TagSessionOnlyWhenPlanned(t *testing.T) {
	t.Parallel()
	p := newPlan(shape{})
	s := &p.Stages[0]
	s.Calls = append(s.Calls, call(plan.KindGitHub, "sts:TagSession", plan.Always, []plan.Resource{{ARN: s.Roles[0].ARN(), Type: "role"}}))
	set, err := Render(p)
	if err != nil {
		t.Fatal(err)
	}
	with := strings.Join(set.role(t, plan.KindDeploy).Trust.Statements[0].Actions, " ")
	without := strings.Join(mustRender(t, shape{}).role(t, plan.KindDeploy).Trust.Statements[0].Actions, " ")
	if with != "sts:AssumeRoleWithWebIdentity sts:TagSession" || without != "sts:AssumeRoleWithWebIdentity" {
		t.Errorf("with: %s; without: %s", with, without)
	}
}
