package escalation_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/escalation"
)

const (
	account = "111122223333"
	foreign = "444455556666"
	node    = "arn:aws:ec2:eu-west-1:" + account + ":instance/i-0123456789abcdef0"
)

func policy(t *testing.T, statements ...string) *iam.Policy {
	t.Helper()
	p, err := iam.ParsePolicy("policy", []byte(`{"Version": "2012-10-17", "Statement": [`+strings.Join(statements, ",")+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// allow is a statement that allows actions, separated by spaces, on a resource.
func allow(actions, resource string, conditions ...string) string {
	st := `{"Effect": "Allow", "Action": ["` + strings.Join(strings.Fields(actions), `", "`) + `"], "Resource": "` + resource + `"`
	if len(conditions) > 0 {
		st += `, "Condition": {` + strings.Join(conditions, ",") + `}`
	}
	return st + `}`
}

func trusts(principal, conditions string) string {
	return `{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {` + principal + `}` + conditions + `}`
}

const trustsAccount = `"AWS": "arn:aws:iam::` + account + `:root"`

func roleOf(t *testing.T, name, trust string, statements ...string) escalation.Principal {
	t.Helper()
	return roleIn(t, account, name, trust, statements...)
}

func roleIn(t *testing.T, account, name, trust string, statements ...string) escalation.Principal {
	t.Helper()
	p := escalation.Principal{ARN: "arn:aws:iam::" + account + ":role/path/" + name, Policies: &iam.PolicySet{}}
	if len(statements) > 0 {
		p.Policies.Identity = []*iam.Policy{policy(t, statements...)}
	}
	if trust != "" {
		p.Trust = policy(t, trusts(trust, ""))
	}
	return p
}

func userOf(t *testing.T, name string, statements ...string) escalation.Principal {
	t.Helper()
	p := roleOf(t, name, "", statements...)
	p.ARN = "arn:aws:iam::" + account + ":user/" + name
	return p
}

func roleARN(name string) string { return "arn:aws:iam::" + account + ":role/path/" + name }

// texts finds the paths of a world, each as a line.
func texts(t *testing.T, w *escalation.World) []string {
	t.Helper()
	g, err := escalation.Find(w)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, p := range g.Paths() {
		out = append(out, p.Text)
	}
	return out
}

func service(name string) string { return `"Service": "` + name + `"` }

func TestR116Techniques(t *testing.T) {
	t.Parallel()
	passTo := func(s string) string { return `"StringEquals": {"iam:PassedToService": "` + s + `"}` }
	tests := map[string]struct {
		trust      string // of the role Admin
		statements []string
		want       []string
	}{
		"nothing": {trustsAccount, []string{allow("s3:GetObject", "*")}, []string{}},
		"assume a role": {trustsAccount, []string{allow("sts:AssumeRole", roleARN("Admin"))},
			[]string{"Deploy → sts:AssumeRole → Admin"}},
		"assume a role that trusts somebody else": {`"AWS": "` + roleARN("Other") + `"`, []string{allow("sts:AssumeRole", "*")}, []string{}},
		"a role that names this one": {`"AWS": "` + roleARN("Deploy") + `"`, []string{allow("s3:GetObject", "*")},
			[]string{"Deploy → sts:AssumeRole → Admin"}},
		"pass and run an instance": {service("ec2.amazonaws.com"), []string{allow("iam:PassRole ec2:RunInstances", "*")},
			[]string{"Deploy → iam:PassRole + ec2:RunInstances → Admin"}},
		"pass to a service that cannot have the role": {service("lambda.amazonaws.com"),
			[]string{allow("iam:PassRole ec2:RunInstances", "*")}, []string{}},
		"pass, and nothing that runs": {service("ec2.amazonaws.com"), []string{allow("iam:PassRole", "*")}, []string{}},
		"pass to another service": {service("ec2.amazonaws.com"),
			[]string{allow("iam:PassRole", "*", passTo("lambda.amazonaws.com")), allow("ec2:RunInstances", "*")}, []string{}},
		"pass to this service": {service("ec2.amazonaws.com"),
			[]string{allow("iam:PassRole", "*", passTo("ec2.amazonaws.com")), allow("ec2:RunInstances", "*")},
			[]string{"Deploy → iam:PassRole + ec2:RunInstances → Admin"}},
		"a function": {service("lambda.amazonaws.com"), []string{
			allow("iam:PassRole", roleARN("Admin")), allow("lambda:*Function", "arn:aws:lambda:eu-west-1:"+account+":function:mine-*"),
		}, []string{"Deploy → iam:PassRole + lambda:CreateFunction + lambda:InvokeFunction → Admin"}},
		"a function's code": {service("lambda.amazonaws.com"), []string{allow("lambda:UpdateFunctionCode", "*")},
			[]string{"Deploy → lambda:UpdateFunctionCode → Admin (if a function has the role)"}},
		"a stack": {service("cloudformation.amazonaws.com"), []string{allow("iam:PassRole cloudformation:CreateStack", "*")},
			[]string{"Deploy → iam:PassRole + cloudformation:CreateStack → Admin"}},
		"a change set not executed": {service("cloudformation.amazonaws.com"),
			[]string{allow("iam:PassRole cloudformation:CreateChangeSet", "*")}, []string{}},
		"an automation": {service("ssm.amazonaws.com"), []string{allow("iam:PassRole ssm:StartAutomationExecution", "*")},
			[]string{"Deploy → iam:PassRole + ssm:StartAutomationExecution → Admin"}},
		"a build": {service("codebuild.amazonaws.com"), []string{allow("iam:PassRole codebuild:CreateProject codebuild:CreateWebhook", "*")},
			[]string{"Deploy → iam:PassRole + codebuild:CreateProject + codebuild:CreateWebhook → Admin"}},
		"a task": {service("ecs-tasks.amazonaws.com"), []string{allow("iam:PassRole ecs:RegisterTaskDefinition ecs:UpdateService", "*")},
			[]string{"Deploy → iam:PassRole + ecs:RegisterTaskDefinition + ecs:UpdateService → Admin"}},
		"a job": {service("glue.amazonaws.com"), []string{allow("iam:PassRole glue:UpdateJob", "*")},
			[]string{"Deploy → iam:PassRole + glue:UpdateJob → Admin"}},
		"another's policy": {trustsAccount, []string{allow("iam:PutRolePolicy", roleARN("Admin"))},
			[]string{"Deploy → iam:PutRolePolicy → Admin"}},
		"its own policy": {trustsAccount, []string{allow("iam:PutRolePolicy", "arn:aws:iam::"+account+":role/path/Dep*")},
			[]string{"Deploy → iam:PutRolePolicy on itself → everything in account " + account}},
		"its own boundary": {trustsAccount, []string{allow("iam:DeleteRolePermissionsBoundary", roleARN("Deploy"))},
			[]string{"Deploy → iam:DeleteRolePermissionsBoundary on itself → more for itself, up to what its own policies allow (if it has a boundary)"}},
		"a trust policy": {"", []string{allow("iam:UpdateAssumeRolePolicy", roleARN("Admin"))},
			[]string{"Deploy → iam:UpdateAssumeRolePolicy → Admin"}},
		"a trust policy, and no assuming": {trustsAccount, []string{allow("iam:UpdateAssumeRolePolicy", roleARN("Admin")),
			`{"Effect": "Deny", "Action": "sts:*", "Resource": "*"}`}, []string{}},
		"on a tag": {trustsAccount, []string{allow("iam:AttachRolePolicy", "*", `"StringEquals": {"iam:ResourceTag/Team": "web"}`)}, []string{
			"Deploy → iam:AttachRolePolicy on itself → everything in account " + account + " (if iam:ResourceTag/Team)",
			"Deploy → iam:AttachRolePolicy → Admin (if iam:ResourceTag/Team)",
		}},
		"unless an address": {trustsAccount, []string{allow("sts:AssumeRole", "*"),
			`{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}`},
			[]string{"Deploy → sts:AssumeRole → Admin (if aws:SourceIp)"}},
		"denied": {trustsAccount, []string{allow("*", "*"), `{"Effect": "Deny", "Action": "*", "Resource": "*"}`}, []string{}},
		"denied to all but another": {trustsAccount, []string{allow("sts:AssumeRole", "*"),
			`{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"ArnNotEquals": {"aws:PrincipalArn": "` + roleARN("Other") + `"}}}`}, []string{}},
		"a variable": {trustsAccount, []string{allow("sts:AssumeRole", "arn:aws:iam::"+account+":role/path/${aws:PrincipalTag/Reach}")},
			[]string{"Deploy → sts:AssumeRole → Admin (if aws:PrincipalTag/Reach)"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &escalation.World{Principals: []escalation.Principal{
				roleOf(t, "Deploy", "", test.statements...), roleOf(t, "Admin", test.trust),
			}}
			if diff := cmp.Diff(test.want, texts(t, w)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestR116NodesAndChains(t *testing.T) {
	t.Parallel()
	const tagged = `"StringEquals": {"ssm:resourceTag/App": "web"}`
	send := allow("ssm:SendCommand", "arn:aws:ssm:eu-west-1:"+account+":document/web-release")
	tests := map[string]struct {
		statements []string
		node       escalation.Node
		want       []string
	}{
		"a command, then on": {[]string{send, allow("ssm:SendCommand", node)}, escalation.Node{ARN: node}, []string{
			"Deploy → ssm:SendCommand on node i-0123456789abcdef0 → Node",
			"Deploy → ssm:SendCommand on node i-0123456789abcdef0 → Node → sts:AssumeRole → Admin",
			"Deploy → ssm:SendCommand on node i-0123456789abcdef0 → Node → sts:AssumeRole → Admin → iam:CreateAccessKey → Ann",
		}},
		"no document":   {[]string{allow("ssm:SendCommand", node)}, escalation.Node{ARN: node}, nil},
		"another node":  {[]string{send, allow("ssm:SendCommand", "arn:aws:ec2:*:*:instance/i-9*")}, escalation.Node{ARN: node}, nil},
		"the tag":       {[]string{send, allow("ssm:SendCommand", "*:instance/*", tagged)}, escalation.Node{ARN: node, Tags: map[string]string{"App": "shop"}}, nil},
		"no such tag":   {[]string{send, allow("ssm:SendCommand", "arn:aws:ec2:*:*:instance/*", tagged)}, escalation.Node{ARN: node}, nil},
		"another's tag": {[]string{send, allow("ssm:SendCommand", "arn:aws:ec2:*:*:instance/*", tagged)}, escalation.Node{ARN: node, Tags: map[string]string{"App": "shop"}}, nil},
		"only a session": {[]string{allow("ssm:StartSession", "*", tagged)}, escalation.Node{ARN: node, OtherTags: true}, []string{
			"Deploy → ssm:StartSession on node i-0123456789abcdef0 → Node (if ssm:resourceTag/App)",
			"Deploy → ssm:StartSession on node i-0123456789abcdef0 → Node → sts:AssumeRole → Admin (if ssm:resourceTag/App)",
			"Deploy → ssm:StartSession on node i-0123456789abcdef0 → Node → sts:AssumeRole → Admin → iam:CreateAccessKey → Ann (if ssm:resourceTag/App)",
		}},
		"user data": {[]string{allow("ec2:ModifyInstanceAttribute ec2:StopInstances", "*")}, escalation.Node{ARN: node}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.node.Role = roleARN("Node")
			w := &escalation.World{
				Principals: []escalation.Principal{
					roleOf(t, "Deploy", "", test.statements...),
					roleOf(t, "Node", service("ec2.amazonaws.com"), allow("sts:AssumeRole", "*")),
					roleOf(t, "Admin", trustsAccount, allow("iam:CreateAccessKey", "*")),
					userOf(t, "Ann"),
				},
				Nodes: []escalation.Node{test.node},
			}
			var got []string
			for _, text := range texts(t, w) {
				if strings.HasPrefix(text, "Deploy") {
					got = append(got, text)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestR116UsersGroupsAndManagedPolicies(t *testing.T) {
	t.Parallel()
	const (
		managed = "arn:aws:iam::" + account + ":policy/shared"
		group   = "arn:aws:iam::" + account + ":group/admins"
	)
	deploy := func(actions string) escalation.Principal { return roleOf(t, "Deploy", "", allow(actions, "*")) }
	tests := map[string]struct {
		start escalation.Principal
		want  []string
	}{
		"a new version": {deploy("iam:CreatePolicyVersion"), []string{"iam:CreatePolicyVersion on " + managed + " → Admin", "iam:CreatePolicyVersion on " + managed + " → Ann"}},
		"an old version": {deploy("iam:SetDefaultPolicyVersion"), []string{
			"iam:SetDefaultPolicyVersion on " + managed + " → Admin (if another version allows more)",
			"iam:SetDefaultPolicyVersion on " + managed + " → Ann (if another version allows more)"}},
		"the group's policy":    {deploy("iam:PutGroupPolicy"), []string{"iam:PutGroupPolicy on " + group + " → Ann"}},
		"a role joins no group": {deploy("iam:AddUserToGroup"), nil},
		"a user joins":          {userOf(t, "Deploy", allow("iam:AddUserToGroup", "*")), []string{"iam:AddUserToGroup on " + group + " → more for itself, up to what the group's policies allow"}},
		"keys":                  {deploy("iam:CreateAccessKey"), []string{"iam:CreateAccessKey → Ann"}},
		"a password":            {deploy("iam:UpdateLoginProfile"), []string{"iam:UpdateLoginProfile → Ann"}},
		"a user's policy":       {deploy("iam:PutUserPolicy"), []string{"iam:PutUserPolicy → Ann"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			admin, ann := roleOf(t, "Admin", service("ec2.amazonaws.com")), userOf(t, "Ann")
			admin.Attached, ann.Attached, ann.Groups = []string{managed}, []string{managed}, []string{group}
			var want []string
			for _, w := range test.want {
				want = append(want, "Deploy → "+w)
			}
			got := texts(t, &escalation.World{Principals: []escalation.Principal{test.start, admin, ann}})
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestR116Guardrails(t *testing.T) {
	t.Parallel()
	limit := map[string]func(*iam.PolicySet){
		"boundary": func(s *iam.PolicySet) { s.Boundary = policy(t, allow("s3:*", "*")) },
		"scp": func(s *iam.PolicySet) {
			s.SCPs = [][]*iam.Policy{{iam.AllowAll("full")}, {iam.AllowAll("full"), policy(t, `{"Effect": "Deny", "Action": "sts:*", "Resource": "*"}`)}}
		},
		"session": func(s *iam.PolicySet) { s.Session = []*iam.Policy{policy(t, allow("s3:*", "*"))} },
	}
	for name, limit := range limit {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deploy, admin := roleOf(t, "Deploy", "", allow("sts:AssumeRole", "*")), roleOf(t, "Admin", trustsAccount)
			w := &escalation.World{Principals: []escalation.Principal{deploy, admin}}
			if got := texts(t, w); len(got) != 1 {
				t.Fatalf("without the limit: %q", got)
			}
			limit(deploy.Policies)
			if got := texts(t, w); len(got) != 0 {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestR116AcrossAccounts(t *testing.T) {
	t.Parallel()
	const admin = "arn:aws:iam::" + foreign + ":role/path/Admin"
	toDeploy := `"AWS": "` + roleARN("Deploy") + `"`
	tests := map[string]struct {
		trust      string
		statements []string
		want       []string
	}{
		"both sides":          {toDeploy, []string{allow("sts:AssumeRole", admin)}, []string{"Deploy → sts:AssumeRole → Admin"}},
		"the trust alone":     {toDeploy, []string{allow("s3:GetObject", "*")}, []string{}},
		"the caller alone":    {`"AWS": "` + foreign + `"`, []string{allow("sts:AssumeRole", "*")}, []string{}},
		"passed":              {service("ec2.amazonaws.com"), []string{allow("iam:PassRole ec2:RunInstances", "*")}, []string{}},
		"changed from abroad": {toDeploy, []string{allow("iam:PutRolePolicy", admin)}, []string{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := texts(t, &escalation.World{Principals: []escalation.Principal{
				roleOf(t, "Deploy", "", test.statements...), roleIn(t, foreign, "Admin", test.trust),
			}})
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestR116Outside(t *testing.T) {
	t.Parallel()
	const other = " of account " + account
	tests := map[string]struct {
		statements []string
		want       []string
	}{
		"nothing":    {[]string{allow("s3:* ec2:RunInstances", "*")}, nil},
		"any role":   {[]string{allow("sts:AssumeRole", "*")}, []string{"sts:AssumeRole → any other role" + other + " (if its trust policy allows it)"}},
		"some roles": {[]string{allow("sts:AssumeRole", "arn:aws:iam::*:role/app-*")}, []string{"sts:AssumeRole → arn:aws:iam::*:role/app-* (if its trust policy allows it)"}},
		"a role elsewhere": {[]string{allow("sts:AssumeRole", "arn:aws:iam::"+foreign+":role/Admin")},
			[]string{"sts:AssumeRole → arn:aws:iam::" + foreign + ":role/Admin (if its trust policy allows it)"}},
		"passed": {[]string{allow("iam:PassRole ec2:RunInstances", "*")},
			[]string{"iam:PassRole + ec2:RunInstances → any other role" + other + " (if ec2.amazonaws.com may assume it)"}},
		"its own node": {[]string{allow("ssm:SendCommand", "*", `"StringEquals": {"ssm:resourceTag/App": "web"}`),
			allow("ssm:SendCommand", "arn:aws:ssm:*:*:document/release")}, []string{"ssm:SendCommand on node i-0123456789abcdef0 → its role"}},
		"nodes of another": {[]string{allow("ssm:StartSession", "arn:aws:ec2:*:*:instance/*", `"StringEquals": {"ssm:resourceTag/App": ["web", "shop"]}`)}, []string{
			"ssm:StartSession on node i-0123456789abcdef0 → its role",
			"ssm:StartSession on any other instance" + other + " → its role (if it has the tags App=shop)"}},
		"a named node": {[]string{allow("ssm:StartSession", "arn:aws:ec2:eu-west-1:"+account+":instance/i-0123")},
			[]string{"ssm:StartSession on node i-0123 → its role"}},
		"all policies": {[]string{allow("iam:CreatePolicyVersion", "*")},
			[]string{"iam:CreatePolicyVersion on arn:aws:iam::" + account + ":policy/* → whoever has it"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &escalation.World{
				Principals: []escalation.Principal{roleOf(t, "Deploy", "", test.statements...)},
				Nodes:      []escalation.Node{{ARN: node, Tags: map[string]string{"App": "web"}}},
				Outside:    true,
			}
			var want []string
			for _, text := range test.want {
				want = append(want, "Deploy → "+text)
			}
			if diff := cmp.Diff(want, texts(t, w), cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
