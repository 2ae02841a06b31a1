package plan

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/release"
)

const warmRunbook = `schemaVersion: "0.3"
assumeRole: "{{ Role }}"
parameters:
  Role: {type: AWS::IAM::Role::Arn}
  Node: {type: AWS::EC2::Instance::Id}
  Size: {type: String, allowedPattern: "^[a-z]+$", default: small}
mainSteps:
  - {name: start, action: "aws:changeInstanceState", inputs: {InstanceIds: ["{{ Node }}"], DesiredState: running}}
  - {name: tell, action: "aws:runCommand", inputs: {DocumentName: shop-tell, InstanceIds: ["{{ Node }}"]}}
  - {name: warm, action: "aws:invokeLambdaFunction", inputs: {FunctionName: shop-warm}}
`

// planOf plans a stage with a command and further steps, in the release file's notation.
func planOf(t *testing.T, runbook, steps string) (*Plan, error) {
	t.Helper()
	src := "app: shop\nregion: eu-west-1\nci: {github: {repository: acme/shop, environments: true}}\naccounts: {dev: \"222222222222\"}\nstages:\n" +
		"  - name: dev\n    account: dev\n    targets: {tags: {App: shop, Environment: dev}}\n    steps:\n" +
		"      - command: {name: release, script: release.sh}\n" + steps
	files := fstest.MapFS{
		"release.sh": {Data: []byte("true\n")}, "warm.yaml": {Data: []byte(runbook)},
		"smoke.sh": {Data: []byte("#!/bin/sh\ntrue\n"), Mode: 0o755},
	}
	r, err := release.Parse("slipway.yaml", []byte(src), release.Options{Files: files})
	if err != nil {
		t.Fatal(err)
	}
	return New(r)
}

const warmStep = "      - automation: {name: warm, document: warm.yaml, parameters: {Node: i-0123456789abcdef0}, " +
	"role: {allow: [{action: \"lambda:InvokeFunction\", resource: \"function:shop-warm\"}]}}\n"

// callsOf lists a role's calls on their resources.
func callsOf(s *Stage, kind RoleKind) []string {
	var list []string
	for _, c := range s.Calls {
		if c.Role != kind {
			continue
		}
		for _, r := range c.Resources {
			text := c.Action + " " + r.ARN
			for _, tag := range r.Tags {
				text += " " + tag.Key + "=" + strings.Join(tag.Values, ",")
			}
			list = append(list, text)
		}
	}
	return list
}

// TestR043RoleFromTheRunbook: the Automation role has what the steps need, on the stage's nodes (R48, R51) and on what the
// release declares; and the deploy role may start this runbook, and hand over this role.
func TestR043RoleFromTheRunbook(t *testing.T) {
	t.Parallel()
	p, err := planOf(t, warmRunbook, warmStep)
	if err != nil {
		t.Fatal(err)
	}
	s := &p.Stages[0]
	const nodes = "arn:aws:ec2:eu-west-1:222222222222:instance/* App=shop Environment=dev"
	want := []string{
		"ec2:DescribeInstanceStatus *", "ec2:StartInstances " + nodes,
		"ssm:SendCommand arn:aws:ssm:eu-west-1:222222222222:document/shop-tell", "ssm:SendCommand " + nodes,
		"ssm:ListCommands *", "ssm:ListCommandInvocations *", "ssm:GetCommandInvocation *",
		"lambda:InvokeFunction arn:aws:lambda:eu-west-1:222222222222:function:shop-warm",
	}
	if diff := cmp.Diff(want, callsOf(s, KindAutomation)); diff != "" {
		t.Errorf("Automation: -want +got:\n%s", diff)
	}
	deploy := callsOf(s, KindDeploy)
	for _, call := range []string{
		"ssm:CreateDocument arn:aws:ssm:eu-west-1:222222222222:document/shop-dev-warm",
		"ssm:StartAutomationExecution arn:aws:ssm:eu-west-1:222222222222:document/shop-dev-warm",
		"ssm:StartAutomationExecution arn:aws:ssm:eu-west-1:222222222222:automation-execution/*",
		"iam:PassRole arn:aws:iam::222222222222:role/slipway/shop-dev-Automation",
		"ssm:GetAutomationExecution arn:aws:ssm:eu-west-1:222222222222:automation-execution/*",
		"ssm:StopAutomationExecution arn:aws:ssm:eu-west-1:222222222222:automation-execution/*",
	} {
		if !slices.Contains(deploy, call) {
			t.Errorf("Deploy lacks %s", call)
		}
	}
	a := s.Automations[0]
	wanted := map[string][]string{"Role": {"arn:aws:iam::222222222222:role/slipway/shop-dev-Automation"}, "Node": {"i-0123456789abcdef0"}}
	if diff := cmp.Diff(wanted, a.Parameters); diff != "" || a.After != 1 || a.Timeout != 1800 {
		t.Errorf("%+v: -want +got:\n%s", a, diff)
	}
}

// TestRolesOfStepsAreAsTheOthers: with the path and the boundary that the release gives its roles, and each once.
func TestRolesOfStepsAreAsTheOthers(t *testing.T) {
	t.Parallel()
	src := `app: shop
region: eu-west-1
ci: {gitlab: {project: acme/shop, branch: main}}
roles: {path: /team/, boundary: {name: org/Bound, policy: bound.json}}
accounts: {dev: "222222222222"}
stages:
  - name: dev
    account: dev
    targets: {tags: {App: shop, Environment: dev}}
    steps:
      - command: {name: release, script: release.sh}
      - test: {name: one-test, run: smoke.sh}
      - test: {name: two-test, run: smoke.sh}
` + warmStep
	files := fstest.MapFS{
		"release.sh": {Data: []byte("true\n")}, "warm.yaml": {Data: []byte(warmRunbook)},
		"smoke.sh":   {Data: []byte("#!/bin/sh\ntrue\n"), Mode: 0o755},
		"bound.json": {Data: []byte(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ssm:*", "Resource": "*"}]}`)},
	}
	r, err := release.Parse("slipway.yaml", []byte(src), release.Options{Files: files})
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(r)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []RoleKind
	for _, role := range p.Stages[0].Roles {
		kinds = append(kinds, role.Kind)
		if role.Path != "/team/" || role.Boundary != "arn:aws:iam::222222222222:policy/org/Bound" {
			t.Errorf("%s: path %s, boundary %s", role.Name, role.Path, role.Boundary)
		}
		if role.Kind == KindTest && !slices.Equal(role.Subjects, []string{"project_path:acme/shop:ref_type:branch:ref:main"}) {
			t.Errorf("%s: %v", role.Name, role.Subjects)
		}
	}
	if diff := cmp.Diff([]RoleKind{KindDeploy, KindNode, KindTest, KindAutomation}, kinds); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRunbooksThatAreRefused(t *testing.T) {
	t.Parallel()
	with := func(old, new string) string { return strings.Replace(warmRunbook, old, new, 1) }
	tests := map[string]struct{ runbook, step, want string }{
		"not a document":       {"- a", warmStep, "a document is a mapping"},
		"not a runbook":        {with("0.3", "2.2"), warmStep, `it has schema "2.2", and a runbook has 0.3`},
		"the caller's role":    {with(`assumeRole: "{{ Role }}"`, "description: none"), warmStep, "its assumeRole is no parameter"},
		"a role of its own":    {with(`"{{ Role }}"`, "arn:aws:iam::222222222222:role/x"), warmStep, "its assumeRole is no parameter"},
		"no such parameter":    {with("Node: {", "Other: {"), warmStep, "it has no parameter Node"},
		"a value not allowed":  {warmRunbook, strings.Replace(warmStep, "{Node:", "{Size: A, Node:", 1), `parameter Size does not take "A"`},
		"a value not given":    {warmRunbook, strings.Replace(warmStep, "parameters: {Node: i-0123456789abcdef0}, ", "", 1), "its parameter Node has no default"},
		"a resource not told":  {warmRunbook, strings.Replace(warmStep, ", role: {allow: [{action: \"lambda:InvokeFunction\", resource: \"function:shop-warm\"}]}", "", 1), "needs lambda:InvokeFunction, and on which resource is not told"},
		"more than it needs":   {warmRunbook, strings.Replace(warmStep, "allow: [", "allow: [{action: \"s3:GetObject\", resource: \"arn:aws:s3:::shop/*\"}, ", 1), "role allows s3:GetObject, which no step of warm.yaml needs"},
		"a script":             {with("- {name: warm, action: \"aws:invokeLambdaFunction\"", "- {name: warm, action: \"aws:executeScript\""), strings.Replace(warmStep, ", role: {allow: [{action: \"lambda:InvokeFunction\", resource: \"function:shop-warm\"}]}", "", 1), "what its script calls is not known from the document"},
		"a wrong kind of name": {warmRunbook, strings.Replace(warmStep, "function:shop-warm", "table/shop", 1), "its resources have the form"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := planOf(t, tt.runbook, tt.step); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestScriptsOfRunbooksAreDeclared: what a script calls is what the release says of it, and may be nothing.
func TestScriptsOfRunbooksAreDeclared(t *testing.T) {
	t.Parallel()
	runbook := strings.Replace(warmRunbook, "action: \"aws:invokeLambdaFunction\"", "action: \"aws:executeScript\"", 1)
	for role, want := range map[string]bool{
		"role: {}": false, `role: {allow: [{action: "s3:GetObject", resource: "arn:aws:s3:::shop/*"}]}`: true,
	} {
		p, err := planOf(t, runbook, "      - automation: {name: warm, document: warm.yaml, parameters: {Node: i-0123456789abcdef0}, "+role+"}\n")
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Contains(callsOf(&p.Stages[0], KindAutomation), "s3:GetObject arn:aws:s3:::shop/*"); got != want {
			t.Errorf("%s: %v", role, callsOf(&p.Stages[0], KindAutomation))
		}
	}
}

// TestR094TestsShipNothing: the Test role has exactly what the release declares, and what would make it one more way to
// deploy is refused.
func TestR094TestsShipNothing(t *testing.T) {
	t.Parallel()
	const step = "      - test: {name: smoke, run: smoke.sh, allow: [{action: %s, resource: %s}]}\n"
	test := func(action, resource string) (*Plan, error) {
		return planOf(t, warmRunbook, strings.NewReplacer("%s, resource", `"`+action+`", resource`, "%s}", `"`+resource+`"}`).Replace(step))
	}
	p, err := test("dynamodb:GetItem", "table/shop-dev-orders")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"dynamodb:GetItem arn:aws:dynamodb:eu-west-1:222222222222:table/shop-dev-orders"}
	if diff := cmp.Diff(want, callsOf(&p.Stages[0], KindTest)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	role, ok := p.Stages[0].Role(KindTest)
	if !ok || !slices.Equal(role.Subjects, []string{"repo:acme/shop:environment:dev"}) {
		t.Errorf("%+v", role)
	}
	for action, resource := range map[string]string{
		"ssm:SendCommand": "document/shop-dev-release", "iam:PassRole": "role/slipway/shop-dev-Automation", "iam:PutRolePolicy": "role/x",
		"sts:AssumeRole": "role/x", "cloudformation:UpdateStack": "stack/shop/*", "cloudformation:DeleteStack": "stack/shop/*",
		"s3:PutBucketPolicy": "arn:aws:s3:::shop", "lambda:AddPermission": "function:shop", "lambda:UpdateFunctionCode": "function:shop",
		"ssm:UpdateDocument": "document/shop-dev-release", "dynamodb:DeleteTable": "table/shop-dev-orders",
	} {
		if resource == "role/x" || strings.HasPrefix(resource, "role/") {
			resource = "arn:aws:iam::222222222222:" + resource
		}
		if _, err := test(action, resource); err == nil || !strings.Contains(err.Error(), "and the role of a test ships nothing") {
			t.Errorf("%s: %v", action, err)
		}
	}
}
