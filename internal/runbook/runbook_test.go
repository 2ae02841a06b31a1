package runbook

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam/catalog"
)

// step makes a runbook of one step.
func step(t *testing.T, action, inputs string) *Document {
	t.Helper()
	d, err := Parse([]byte("schemaVersion: '0.3'\nmainSteps:\n  - name: only\n    action: " + action + "\n    inputs: " + inputs + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestR043WhatAStepNeeds: the needs of every action, and what is not known is said.
func TestR043WhatAStepNeeds(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		action, inputs string
		needed         []string // Needed and Useful
		undecided      string
	}{
		"an operation":      {"aws:executeAwsApi", "{Service: ec2, Api: DescribeInstances}", []string{"ec2:DescribeInstances"}, ""},
		"another prefix":    {"aws:executeAwsApi", "{Service: elbv2, Api: DescribeTargetHealth}", []string{"elasticloadbalancing:DescribeTargetHealth"}, ""},
		"another name":      {"aws:executeAwsApi", "{Service: s3, Api: ListObjectsV2}", []string{"s3:ListBucket"}, ""},
		"as Python has it":  {"aws:executeAwsApi", "{Service: rds, Api: describe_db_instances}", []string{"rds:DescribeDBInstances"}, ""},
		"no such operation": {"aws:executeAwsApi", "{Service: ec2, Api: DescribeInstance}", nil, "no action of IAM is known"},
		"filled in":         {"aws:executeAwsApi", "{Service: ec2, Api: '{{ Api }}'}", nil, "decided while it runs"},
		"waits":             {"aws:waitForAwsResourceProperty", "{Service: rds, Api: DescribeDBInstances}", []string{"rds:DescribeDBInstances"}, ""},
		"asserts":           {"aws:assertAwsResourceProperty", "{Service: ec2, Api: DescribeInstances}", []string{"ec2:DescribeInstances"}, ""},
		"a command":         {"aws:runCommand", "{DocumentName: AWS-RunShellScript}", []string{"ssm:SendCommand", "ssm:ListCommands", "ssm:ListCommandInvocations", "ssm:GetCommandInvocation"}, ""},
		"starts":            {"aws:changeInstanceState", "{DesiredState: running}", []string{"ec2:DescribeInstanceStatus", "ec2:StartInstances"}, ""},
		"stops":             {"aws:changeInstanceState", "{DesiredState: stopped}", []string{"ec2:DescribeInstanceStatus", "ec2:StopInstances"}, ""},
		"terminates":        {"aws:changeInstanceState", "{DesiredState: terminated}", []string{"ec2:DescribeInstanceStatus", "ec2:TerminateInstances"}, ""},
		"only looks":        {"aws:changeInstanceState", "{DesiredState: running, CheckStateOnly: true}", []string{"ec2:DescribeInstanceStatus"}, ""},
		"either":            {"aws:changeInstanceState", "{DesiredState: '{{ State }}'}", []string{"ec2:DescribeInstanceStatus"}, "which state"},
		"a stack":           {"aws:createStack", "{StackName: x, RoleARN: r}", []string{"cloudformation:CreateStack", "cloudformation:DescribeStacks", "cloudformation:DescribeStackEvents", "iam:PassRole"}, ""},
		"a bare stack":      {"aws:createStack", "{StackName: x}", []string{"cloudformation:CreateStack", "cloudformation:DescribeStacks", "cloudformation:DescribeStackEvents"}, "no RoleARN"},
		"no stack":          {"aws:deleteStack", "{StackName: x, RoleARN: r}", []string{"cloudformation:DeleteStack", "cloudformation:DescribeStacks", "cloudformation:DescribeStackEvents", "iam:PassRole"}, ""},
		"tags":              {"aws:createTags", "{ResourceIds: [i-1]}", []string{"ec2:CreateTags"}, ""},
		"tags of a node":    {"aws:createTags", "{ResourceType: ManagedInstance}", []string{"ssm:AddTagsToResource"}, ""},
		"an image":          {"aws:createImage", "{InstanceId: i-1}", []string{"ec2:CreateImage", "ec2:DescribeImages"}, ""},
		"a copy":            {"aws:copyImage", "{SourceImageId: ami-1}", []string{"ec2:CopyImage", "ec2:DescribeImages"}, ""},
		"no image":          {"aws:deleteImage", "{ImageId: ami-1}", []string{"ec2:DeregisterImage", "ec2:DescribeImages", "ec2:DeleteSnapshot"}, ""},
		"instances":         {"aws:runInstances", "{ImageId: ami-1, IamInstanceProfileName: web}", []string{"ec2:RunInstances", "ec2:DescribeInstanceStatus", "iam:PassRole"}, ""},
		"another runbook":   {"aws:executeAutomation", "{DocumentName: other}", []string{"ssm:StartAutomationExecution", "ssm:GetAutomationExecution"}, "other needs"},
		"a function":        {"aws:invokeLambdaFunction", "{FunctionName: warm}", []string{"lambda:InvokeFunction"}, ""},
		"a state machine":   {"aws:executeStateMachine", "{stateMachineArn: a}", []string{"states:StartExecution", "states:DescribeExecution"}, ""},
		"approved":          {"aws:approve", "{NotificationArn: a, Approvers: [b]}", []string{"sns:Publish"}, ""},
		"approved silently": {"aws:approve", "{Approvers: [b]}", nil, ""},
		"a script":          {"aws:executeScript", "{Runtime: python3.11}", nil, "not known from the document"},
		"sleeps":            {"aws:sleep", "{Duration: PT1M}", nil, ""},
		"something new":     {"aws:teleport", "{}", nil, "no action that is known here"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needs := step(t, tt.action, tt.inputs).Needs()
			var got []string
			for _, n := range needs.List {
				if n.Sure != Possible {
					got = append(got, n.Action)
				}
				if !strings.HasPrefix(n.Source, "https://docs.aws.amazon.com/") {
					t.Errorf("%s rests on no page", n.Action)
				}
			}
			if diff := cmp.Diff(tt.needed, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			why := ""
			for _, u := range needs.Undecided {
				why += u.Why
			}
			if (tt.undecided == "") != (why == "") || !strings.Contains(why, tt.undecided) {
				t.Errorf("undecided: %q, want %q", why, tt.undecided)
			}
		})
	}
}

// TestNeedsAreActions: what is said to be needed exists, whatever the inputs.
func TestNeedsAreActions(t *testing.T) {
	t.Parallel()
	for _, name := range ActionNames() {
		for _, inputs := range []string{"{}", "{RoleARN: a, ServiceRoleArn: b, NotificationArn: c, TagSpecifications: [], IamInstanceProfileArn: d}"} {
			for _, n := range step(t, name, inputs).Needs().List {
				if a, ok := catalog.Lookup(n.Action); !ok || a.String() != n.Action {
					t.Errorf("%s needs %s, which is no action", name, n.Action)
				}
			}
		}
	}
	for operation, list := range operations {
		for _, name := range list {
			if a, ok := catalog.Lookup(name); !ok || a.String() != name {
				t.Errorf("%s: %s is no action", operation, name)
			}
		}
	}
	for service, prefix := range prefixes {
		if !slices.Contains(catalog.Services(), prefix) {
			t.Errorf("%s: %s is no prefix", service, prefix)
		}
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"yaml": "schemaVersion: '0.3'\nassumeRole: r\nparameters:\n  Ä: {type: String, default: é}\nmainSteps:\n  - {name: ü, action: 'aws:sleep'}\n",
		"json": "{\"schemaVersion\": \"0.3\",\n\"assumeRole\": \"r\", \"parameters\": {\n\t\"Ä\": {\"type\": \"String\", \"default\": \"é\"}},\n\"mainSteps\": [{\"name\": \"ü\", \"action\": \"aws:sleep\"}]}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := Parse([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(text, "\n")
			for _, n := range []*Node{d.AssumeRole, d.Parameters[0].Key, d.Parameters[0].Default, d.Steps[0].At} {
				rest := strings.TrimLeft(lines[n.Line-1][n.Column-1:], `'"`)
				if !strings.HasPrefix(rest, n.Text) {
					t.Errorf("%q is said to be at %d:%d, where %q is", n.Text, n.Line, n.Column, rest)
				}
			}
		})
	}
}

func TestWhatIsNoDocument(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty":   "",
		"a list":  "- a",
		"two":     "schemaVersion: '0.3'\n---\na: b\n",
		"itself":  "schemaVersion: &a [*a]",
		"laughs":  "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]",
		"deep":    strings.Repeat("[", 200),
		"large":   "a: " + strings.Repeat("x", maxSource),
		"latin 1": "a: \xe9",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d, err := Parse([]byte(text)); err == nil {
				t.Errorf("read as %+v", d)
			}
		})
	}
}

// FuzzParse: no text breaks the reader, and places lie in the text.
func FuzzParse(f *testing.F) {
	f.Add("schemaVersion: '0.3'\nmainSteps:\n  - {name: a, action: 'aws:loop', inputs: {Steps: [{name: b, action: 'aws:sleep'}]}}\n")
	f.Add(`{"schemaVersion":"1.2","runtimeConfig":{"aws:runShellScript":{"properties":[{"id":"a","runCommand":["x"]}]}}}`)
	f.Add("a: &a {b: *a}")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := Parse([]byte(text))
		if err != nil {
			return
		}
		lines := strings.Count(text, "\n") + strings.Count(text, "\r") + strings.Count(text, "\u2028") + strings.Count(text, "\u2029") + strings.Count(text, "\u0085") + 1
		count := 0
		d.Root.Walk(func(n *Node) {
			if count++; n.Line < 1 || n.Line > lines || n.Column < 1 {
				t.Errorf("%q at %d:%d of %d lines", n.Text, n.Line, n.Column, lines)
			}
		})
		if count > 2*maxNodes {
			t.Errorf("%d nodes", count)
		}
		d.Needs()
	})
}
