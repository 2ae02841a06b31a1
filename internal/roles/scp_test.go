package roles

import (
	"testing"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
)

// beneath evaluates one request of a principal that may do everything, as far as the policies above it let it.
func beneath(t *testing.T, scps []Policy, principal, action, resource string, context map[string][]string) bool {
	t.Helper()
	everything := compile(t, &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{{Effect: iam.Allow, Actions: []string{"*"}, Resources: []string{"*"}}}})
	level := []*iam.Policy{everything}
	for _, p := range scps {
		level = append(level, compile(t, p.Document))
	}
	set := iam.PolicySet{Identity: []*iam.Policy{everything}, SCPs: [][]*iam.Policy{level}}
	keys := map[string][]string{"aws:PrincipalArn": {principal}, "aws:RequestedRegion": {region}}
	for k, v := range context {
		keys[k] = v
	}
	return set.Allowed(&iam.Request{
		Principal: iam.Principal{Kind: iam.PrincipalAWS, ARN: principal, Account: account}, Action: action, Resource: resource, Account: account,
		Context: iam.NewContext(keys),
	})
}

const (
	admin     = "arn:aws:iam::111111111111:role/OrganizationAccountAccessRole"
	developer = "arn:aws:iam::111111111111:role/developer"
	deployer  = "arn:aws:iam::111111111111:role/slipway/web-dev-Deploy"
	nodeRole  = "arn:aws:iam::111111111111:role/slipway/web-dev-Node"
)

// R53: the sample keeps the roles, keys, PassRole and root commands from everybody but those who need them.
func TestR053SampleSCP(t *testing.T) {
	t.Parallel()
	set := mustRender(t, shape{tags: true})
	scps, err := ServiceControlPolicies(set, []string{region}, nil)
	if err != nil {
		t.Fatal(err)
	}
	passTo := func(service string) map[string][]string { return map[string][]string{"iam:PassedToService": {service}} }
	tests := []struct {
		principal, action, resource string
		context                     map[string][]string
		want                        bool
	}{
		{developer, "iam:PutRolePolicy", deployer, nil, false},
		{deployer, "iam:PutRolePolicy", deployer, nil, false},
		{deployer, "iam:UpdateAssumeRolePolicy", deployer, nil, false},
		{deployer, "iam:CreatePolicyVersion", "arn:aws:iam::111111111111:policy/slipway/web-dev-Deploy-ssm", nil, false},
		{developer, "iam:AddRoleToInstanceProfile", "arn:aws:iam::111111111111:instance-profile/slipway/web-dev-Node", nil, false},
		{admin, "iam:PutRolePolicy", deployer, nil, true},
		{"arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_AdministratorAccess_0123456789abcdef", "iam:DeleteRole", deployer, nil, true},
		{"arn:aws:iam::111111111111:role/stacksets-exec-0123456789abcdef0123456789abcdef", "iam:CreateRole", deployer, nil, true},
		{developer, "iam:PutRolePolicy", "arn:aws:iam::111111111111:role/their-own", nil, true},
		{developer, "iam:GetRole", deployer, nil, true},
		// PassRole with CreateFunction, RunInstances or CreateStack.
		{developer, "iam:PassRole", deployer, passTo("lambda.amazonaws.com"), false},
		{developer, "iam:PassRole", nodeRole, passTo("lambda.amazonaws.com"), false},
		{developer, "iam:PassRole", nodeRole, nil, false},
		{developer, "iam:PassRole", nodeRole, passTo("ec2.amazonaws.com"), true},
		{developer, "iam:PassRole", "arn:aws:iam::111111111111:role/their-own", passTo("lambda.amazonaws.com"), true},
		{developer, "iam:CreateAccessKey", "arn:aws:iam::111111111111:user/someone", nil, false},
		{admin, "iam:CreateAccessKey", "arn:aws:iam::111111111111:user/someone", nil, true},
		{developer, "ssm:SendCommand", shellDoc, nil, false},
		{developer, "ssm:SendCommand", "arn:aws:ssm:eu-west-1::document/AWS-RunDocument", nil, false},
		{deployer, "ssm:SendCommand", shellDoc, nil, true},
		{admin, "ssm:SendCommand", shellDoc, nil, true},
		{developer, "ssm:SendCommand", ownDoc, nil, true},
		{developer, "ssm:SendCommand", ec2ARN + nodeID, nil, true},
	}
	for _, test := range tests {
		if got := beneath(t, scps, test.principal, test.action, test.resource, test.context); got != test.want {
			t.Errorf("%s %s on %s %v: allowed %t, want %t", test.principal, test.action, test.resource, test.context, got, test.want)
		}
	}
}

// R53: beneath the sample every call of the plan is still allowed.
func TestR053SampleSCPLetsThePlanThrough(t *testing.T) {
	t.Parallel()
	for name, p := range everyPlan(t) {
		set, err := Render(p)
		if err != nil {
			t.Fatal(err)
		}
		scps, err := ServiceControlPolicies(set, []string{region}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range p.Stages {
			for _, c := range p.Stages[i].Calls {
				r := set.named(p.Stages[i].Account, p.App+"-"+p.Stages[i].Name+"-"+string(c.Role))
				if r == nil || c.NoPermission {
					continue
				}
				for _, res := range c.Resources {
					if !beneath(t, scps, r.ARN(), c.Action, res.ARN, nil) {
						t.Errorf("%s: call %s on %s is denied", name, c.ID, res.ARN)
					}
				}
			}
		}
	}
}

// R52: nothing in another region, but for the services that have one endpoint for all.
func TestR052OtherRegionsAreDenied(t *testing.T) {
	t.Parallel()
	scps, err := ServiceControlPolicies(mustRender(t, shape{}), []string{region, "us-west-2"}, []string{"arn:aws:iam::*:role/boss"})
	if err != nil {
		t.Fatal(err)
	}
	in := func(r string) map[string][]string { return map[string][]string{"aws:RequestedRegion": {r}} }
	const boss = "arn:aws:iam::111111111111:role/boss"
	tests := []struct {
		principal, action, resource, region string
		want                                bool
	}{
		{developer, "ec2:RunInstances", "arn:aws:ec2:us-east-1:111111111111:instance/*", "us-east-1", false},
		{developer, "ec2:RunInstances", "arn:aws:ec2:eu-west-1:111111111111:instance/*", region, true},
		{developer, "ec2:RunInstances", "arn:aws:ec2:us-west-2:111111111111:instance/*", "us-west-2", true},
		{deployer, "ssm:SendCommand", "arn:aws:ssm:us-east-1:111111111111:document/web-dev-release", "us-east-1", false},
		{developer, "iam:ListRoles", "*", "us-east-1", true},
		{developer, "sts:DecodeAuthorizationMessage", "*", "us-east-1", true},
		{developer, "cloudfront:ListDistributions", "*", "us-east-1", true},
		{boss, "ec2:RunInstances", "arn:aws:ec2:us-east-1:111111111111:instance/*", "us-east-1", true},
		{admin, "ec2:RunInstances", "arn:aws:ec2:us-east-1:111111111111:instance/*", "us-east-1", false},
	}
	for _, test := range tests {
		if got := beneath(t, scps, test.principal, test.action, test.resource, in(test.region)); got != test.want {
			t.Errorf("%s %s in %s: allowed %t, want %t", test.principal, test.action, test.region, got, test.want)
		}
	}
}

// Each statement has its reason, and the files are read as they were written.
func TestR053SampleIsExplainedAndReadBack(t *testing.T) {
	t.Parallel()
	set := mustRender(t, shape{})
	scps, err := ServiceControlPolicies(set, []string{region}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range scps {
		for _, st := range p.Document.Statements {
			if NoteOf(p.Notes, st.Sid).Reason == "" || st.Effect != iam.Deny {
				t.Errorf("%s: %s has no reason, or allows something", p.Name, st.Sid)
			}
		}
	}
	set.SCPs = scps
	content := map[string]string{}
	for name, data := range Write(set) {
		content[name] = string(data)
	}
	back, err := Read(files(content))
	if err != nil || len(back.SCPs) != 2 || string(back.SCPs[0].Document.JSON()) != string(scps[0].Document.JSON()) {
		t.Errorf("read back: %+v, %v", back, err)
	}
}

// R123: a role that others made stays theirs to change; the policy that is attached to it does not.
func TestR123SampleSCPLeavesRolesOfOthersAlone(t *testing.T) {
	t.Parallel()
	set := mustRender(t, shape{tags: true})
	for i := range set.Roles {
		if r := &set.Roles[i]; r.Kind == plan.KindNode {
			r.Adds, r.Path, r.Name = true, "/team/", "WebServers"
		}
	}
	scps, err := ServiceControlPolicies(set, []string{region}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for resource, want := range map[string]bool{
		"arn:aws:iam::111111111111:role/team/WebServers":        true,
		"arn:aws:iam::111111111111:role/slipway/web-dev-Deploy": false,
	} {
		if got := beneath(t, scps, developer, "iam:PutRolePolicy", resource, nil); got != want {
			t.Errorf("iam:PutRolePolicy on %s: allowed %v, want %v", resource, got, want)
		}
	}
	if beneath(t, scps, developer, "iam:CreatePolicyVersion", "arn:aws:iam::111111111111:policy/slipway/web-dev-Node", nil) {
		t.Error("a developer may change the policy that is attached")
	}
}
