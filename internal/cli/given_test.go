package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/roles"
)

// run runs a command line of slipway in this process.
func run(t *testing.T, args ...string) (code int, output string) {
	t.Helper()
	var out bytes.Buffer
	code = Main(context.Background(), Process{
		Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, Getenv: func(string) string { return "" },
	})
	return code, out.String()
}

func example(name string) string {
	return filepath.Join("..", "..", "examples", name, "slipway.yaml")
}

// changed renders the roles of an example as CloudFormation, and changes a text in the template of an account.
func changed(t *testing.T, name, account, old, new string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	if code, out := run(t, "roles", "render", "-f", example(name), "--format", "cloudformation", "--out", folder); code != exitOK {
		t.Fatal(out)
	}
	file := filepath.Join(folder, account+".yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("the template has no %q", old)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), old, new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

const webAccount = "111111111111"

// TestR035WhatATemplateLeavesOpen: a template in which something is another, or unknown, is never proved.
func TestR035WhatATemplateLeavesOpen(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		old, new string
		args     []string
		code     int
		text     string
	}{
		"as it is rendered": {"Path: /slipway/", "Path: /slipway/", nil, exitOK, "proved"},
		"another path":      {"Path: /slipway/", "Path: /", nil, 1, "has the path / and should have /slipway/"},
		"an unknown path":   {"Path: /slipway/", "Path: !ImportValue x", nil, 3, `its path, and with it its ARN, is only known when it is deployed: {"Fn::ImportValue":"x"}`},
		"a macro in the properties": {"      Policies:\n",
			"      Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://x/y}}\n      Policies:\n", nil, 3, "are changed at deploy time by Fn::Transform"},
		"a loop in the properties":                    {"      Policies:\n", "      Fn::ForEach::X: [A, [b], {'${A}': !Ref A}]\n      Policies:\n", nil, 3, "are changed at deploy time by Fn::ForEach::X"},
		"a denial under an unknown condition":         {"Resources:\n", denial("AWS::IAM::Policy", "PolicyName"), nil, 3, "of its policy Perhaps, whether it exists depends on the condition Nope"},
		"a managed denial under an unknown condition": {"Resources:\n", denial("AWS::IAM::ManagedPolicy", "ManagedPolicyName"), nil, 3, "of its policy Perhaps, whether it exists depends on the condition Nope"},
		"a denial for sure":                           {"Resources:\n", strings.Replace(denial("AWS::IAM::Policy", "PolicyName"), "    Condition: Nope\n", "", 1), nil, 1, "denies it"},
		"a misspelt property": {"      Policies:\n", "      PermissionBoundary: arn:aws:iam::aws:policy/ReadOnlyAccess\n      Policies:\n", nil, exitUsage,
			"AWS::IAM::Role has no property PermissionBoundary: did you mean PermissionsBoundary"},
		"a parameter that is not declared": {"Resources:\n", "Parameters: {A: {Type: String}}\nResources:\n", []string{"--parameter", "B=x"}, exitUsage,
			"--parameter B: no template declares it"},
		"no parameter is declared":             {"Resources:\n", "Resources:\n", []string{"--parameter", "B=x"}, exitUsage, "nothing that is given declares parameters"},
		"an unknown boundary, and all allowed": {"      Policies:\n", "      PermissionsBoundary: !ImportValue x\n      Policies:\n", nil, 3, "its permissions boundary"},
		"a parameter of every template":        {"Resources:\n", "Resources:\n", []string{"--parameter", "AWS::StackName=x"}, exitOK, "proved"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := changed(t, "web", webAccount, test.old, test.new)
			code, out := run(t, append([]string{"prove", "-f", example("web"), "--policies", folder}, test.args...)...)
			if code != test.code || !strings.Contains(strings.Join(strings.Fields(out), " "), test.text) {
				t.Errorf("exit code %d, want %d with %q:\n%s", code, test.code, test.text, out)
			}
		})
	}
}

// denial puts a policy with a denial, which exists under a condition that nobody decides, first among the resources.
func denial(kind, name string) string {
	return `Parameters: {C: {Type: String}}
Conditions: {Nope: !Equals [!Ref C, "yes"]}
Resources:
  Perhaps:
    Type: ` + kind + `
    Condition: Nope
    Properties:
      ` + name + `: x
      Roles: [web-dev-Deploy]
      PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Deny, Action: "ssm:*", Resource: "*"}]}
`
}

// TestR130BucketPoliciesThatMayNotExist: what a bucket of another account gives under a condition is not proved.
func TestR130BucketPoliciesThatMayNotExist(t *testing.T) {
	t.Parallel()
	const account = "111111111111"
	for name, test := range map[string]struct{ old, new, text string }{
		"a condition": {"    Type: AWS::S3::BucketPolicy\n", "    Type: AWS::S3::BucketPolicy\n    Condition: HasIt\n",
			"whether it exists depends on the condition HasIt"},
		"a macro":           {"Resources:\n", "Transform: [Own]\nResources:\n", "the template is changed at deploy time by Own"},
		"an unknown bucket": {"      Bucket: ", "      Bucket: !ImportValue x # ", `is for {"Fn::ImportValue":"x"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out := run(t, "prove", "-f", example("pipeline"), "--policies", changed(t, "pipeline", account, test.old, test.new))
			if code != 3 || !strings.Contains(strings.Join(strings.Fields(out), " "), test.text) {
				t.Errorf("exit code %d, want 3 with %q:\n%s", code, test.text, out)
			}
		})
	}
}

// TestR035RolesThatNobodyNames: an unnamed role may be the planned one only if it lets in whom that lets in, and no parameter names it.
func TestR035RolesThatNobodyNames(t *testing.T) {
	t.Parallel()
	code, out := run(t, "prove", "-f", example("web"), "--policies", changed(t, "web", webAccount, "      RoleName: web-dev-Deploy\n", ""))
	told := strings.Join(strings.Fields(out), " ")
	if code != 3 || !strings.Contains(told, "name it web-dev-Deploy in the file") || strings.Contains(told, "--parameter") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	trust := func(service string) *iam.Document {
		return &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{{Effect: iam.Allow, Actions: []string{"sts:AssumeRole"},
			Principals: []iam.PrincipalPattern{{Kind: iam.KindService, Values: []string{service}}}}}}
	}
	for _, test := range []struct {
		service string
		kind    plan.RoleKind
		want    bool
	}{{"ec2.amazonaws.com", plan.KindDeploy, true}, {"ec2.amazonaws.com", plan.KindNode, false}, {"codebuild.amazonaws.com", plan.KindCodeBuild, false}} {
		if got := otherTrust(trust(test.service), test.kind); got != test.want {
			t.Errorf("a role of %s as %s: %v", test.service, test.kind, got)
		}
	}
}

// TestWrongFilesOfRoles: what cannot be proved for want of a right file ends with 2, and says what to give.
func TestWrongFilesOfRoles(t *testing.T) {
	t.Parallel()
	twice := changed(t, "web", webAccount, "Resources:\n", "Resources:\n  Second:\n    Type: AWS::IAM::Role\n    Properties:\n"+
		"      RoleName: web-dev-Deploy\n      AssumeRolePolicyDocument: {Version: \"2012-10-17\", Statement: []}\n")
	terraform := t.TempDir()
	if code, out := run(t, "roles", "render", "-f", example("web"), "--format", "terraform", "--out", terraform); code != exitOK {
		t.Fatal(out)
	}
	for folder, want := range map[string]string{twice: "given twice", terraform: "terraform show -json plan"} {
		for _, command := range [][]string{{"prove"}, {"roles", "diff"}} {
			code, out := run(t, append(command, "-f", example("web"), "--policies", folder)...)
			if code != exitUsage || !strings.Contains(out, want) {
				t.Errorf("%v: exit code %d, want 2 with %q:\n%s", command, code, want, out)
			}
		}
	}
}

// TestAnUnknownBoundaryGivesNothing: what no policy allows is refuted whatever the boundary says, and who may enter it does not touch.
func TestAnUnknownBoundaryGivesNothing(t *testing.T) {
	t.Parallel()
	role := proofRole(&roles.Role{Name: "r", Doubts: []string{"the text of its permissions boundary x is not given"}})
	if len(role.Unknown) != 1 || role.Unknown[0].Layer != iam.LayerBoundary {
		t.Errorf("got %+v", role.Unknown)
	}
}

// TestWhatDoesNotCountIsRefused: a flag that says more of one that is not there must not leave the rendered roles proved in its place.
func TestWhatDoesNotCountIsRefused(t *testing.T) {
	t.Parallel()
	for flags, want := range map[string]string{
		"--profile x":                       "add --live",
		"--endpoint-url http://127.0.0.1:1": "add --live",
		"--profile x --policies roles":      "add --live",
		"--account abc":                     "give --policies PATH",
		"--account 111111111111":            "give --policies PATH",
		"--parameter A=b":                   "give --policies PATH",
		"--parameter A=b --live":            "give --policies PATH",
		"--account 111111111111 --live":     "give --policies PATH",
	} {
		for _, command := range [][]string{{"prove"}, {"roles", "diff"}} {
			args := append(append(command, "-f", example("web")), strings.Fields(flags)...)
			code, out := run(t, args...)
			if code != exitUsage || !strings.Contains(out, want) {
				t.Errorf("%v: exit code %d, want 2 with %q:\n%s", args, code, want, out)
			}
		}
	}
}

// TestWhoseRolesWereProved: the first line of a proof of given roles says where they are from.
func TestWhoseRolesWereProved(t *testing.T) {
	t.Parallel()
	folder := changed(t, "web", webAccount, "Path: /slipway/", "Path: /slipway/")
	code, out := run(t, "prove", "-f", example("web"), "--policies", folder)
	if code != exitOK || !strings.HasPrefix(out, "roles: those in "+folder+"\nproved: ") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	if code, out := run(t, "prove", "-f", example("web")); code != exitOK || !strings.HasPrefix(out, "proved: ") {
		t.Errorf("rendered: exit code %d:\n%s", code, out)
	}
	both := givenFlags{fileFlags: fileFlags{Policies: []string{"roles.yaml"}}, liveFlags: liveFlags{Live: true}}
	if got := both.origin(); got != "roles: those in roles.yaml, and the others as AWS has them\n" {
		t.Error(got)
	}
}

// TestWhatRolesAreReadFrom: a mistake in [ACCOUNT=]PATH is told for what it is, and what a path may be.
func TestWhatRolesAreReadFrom(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(folder, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	plan := write("tfplan", "PK\x03\x04binaryplan")
	for source, want := range map[string][]string{
		"12=" + folder:                         {`"12" before = is no account: an account is 12 digits`, "hint: [ACCOUNT=]PATH"},
		"=x":                                   {`"" before = is no account`},
		filepath.Join(folder, "nosuch"):        {"no such file", "hint: PATH is a folder", "terraform show -json", "a CloudFormation template"},
		"111111111111=nosuch":                  {"nosuch: no such file", "hint: PATH is a folder"},
		filepath.Join(folder, "a=b", "nosuch"): {"no such file", "hint: PATH is a folder"},
		plan:                                   {"an archive, as Terraform's binary plans are", "hint: terraform show -json " + plan + " > plan.json"},
		write("empty.json", ""):                {"end of file", "hint: PATH is a folder"},
	} {
		for _, command := range [][]string{{"prove", "-f", example("web"), "--policies"}, {"policy", "escalation"}} {
			code, out := run(t, append(command, source)...)
			for _, w := range want {
				if code != exitUsage || !strings.Contains(out, w) {
					t.Errorf("%v %s: exit code %d, want 2 with %q:\n%s", command, source, code, w, out)
				}
			}
		}
	}
	if code, out := run(t, "lint", plan); code != exitUsage || !strings.Contains(out, "terraform show -json "+plan) {
		t.Errorf("lint: exit code %d:\n%s", code, out)
	}
}
