package given_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/roles/given"
)

// planText is the shape of terraform show -json: a role with a known name, its policies known or not, in a module.
const planText = `{
  "format_version": "1.2",
  "planned_values": {"root_module": {
    "resources": [
      {"address": "aws_iam_role.deploy", "mode": "managed", "type": "aws_iam_role", "name": "deploy", "values": {
        "name": "web-dev-Deploy", "path": "/slipway/",
        "assume_role_policy": "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::111122223333:root\"},\"Action\":\"sts:AssumeRole\"}]}",
        "inline_policy": [{"name": "inline", "policy": "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"ssm:ListCommands\",\"Resource\":\"*\"}]}"}],
        "managed_policy_arns": ["arn:aws:iam::aws:policy/AmazonSSMReadOnlyAccess"]}},
      {"address": "aws_iam_role_policy.own", "mode": "managed", "type": "aws_iam_role_policy", "name": "own", "values": {"name": "own",
        "policy": "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"ssm:SendCommand\",\"Resource\":\"*\"}]}"}},
      {"address": "aws_iam_policy.shared", "mode": "managed", "type": "aws_iam_policy", "name": "shared", "values": {"name": "shared", "path": "/",
        "policy": "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\",\"Resource\":\"*\"}]}"}},
      {"address": "aws_iam_role_policy_attachment.shared", "mode": "managed", "type": "aws_iam_role_policy_attachment", "name": "shared", "values": {"role": "web-dev-Deploy"}},
      {"address": "aws_iam_role_policy_attachment.later", "mode": "managed", "type": "aws_iam_role_policy_attachment", "name": "later", "values": {"role": "web-dev-Deploy"}},
      {"address": "data.aws_iam_role.other", "mode": "data", "type": "aws_iam_role", "name": "other", "values": {"name": "other"}}
    ],
    "child_modules": [{"address": "module.nodes[\"a\"]", "resources": [
      {"address": "module.nodes[\"a\"].aws_iam_role.node", "mode": "managed", "type": "aws_iam_role", "name": "node", "values": {
        "name": "web-dev-Node", "assume_role_policy": "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"ec2.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"}]}"}},
      {"address": "module.nodes[\"a\"].aws_iam_instance_profile.node", "mode": "managed", "type": "aws_iam_instance_profile", "name": "node", "values": {"name": "n"}},
      {"address": "module.nodes[\"a\"].aws_iam_role_policy.node", "mode": "managed", "type": "aws_iam_role_policy", "name": "node", "values": {"name": "late"}}
    ]}]
  }},
  "resource_changes": [
    {"address": "aws_iam_role_policy.own", "change": {"actions": ["create"], "after_unknown": {"role": true, "id": true}}},
    {"address": "aws_iam_role_policy_attachment.shared", "change": {"after_unknown": {"policy_arn": true}}},
    {"address": "aws_iam_role_policy_attachment.later", "change": {"after_unknown": {"policy_arn": true}}},
    {"address": "module.nodes[\"a\"].aws_iam_instance_profile.node", "change": {"after_unknown": {"role": true}}},
    {"address": "module.nodes[\"a\"].aws_iam_role_policy.node", "change": {"after_unknown": {"role": true, "policy": true}}}
  ],
  "configuration": {"root_module": {
    "resources": [
      {"address": "aws_iam_role_policy.own", "expressions": {"role": {"references": ["aws_iam_role.deploy.id", "aws_iam_role.deploy"]}}},
      {"address": "aws_iam_role_policy_attachment.shared", "expressions": {"policy_arn": {"references": ["aws_iam_policy.shared.arn", "aws_iam_policy.shared"]}}},
      {"address": "aws_iam_role_policy_attachment.later", "expressions": {"policy_arn": {"references": ["module.other.arn", "module.other"]}}}
    ],
    "module_calls": {"nodes": {"module": {"resources": [
      {"address": "aws_iam_instance_profile.node", "expressions": {"role": {"references": ["aws_iam_role.node.name", "aws_iam_role.node"]}}},
      {"address": "aws_iam_role_policy.node", "expressions": {"role": {"references": ["aws_iam_role.node.id", "aws_iam_role.node"]}}}
    ]}}}
  }}
}`

func TestTerraformPlanIsRead(t *testing.T) {
	t.Parallel()
	set, findings := given.Read("plan.json", []byte(planText), given.Options{Account: "111122223333"})
	if err := given.Error(findings); err != nil {
		t.Fatal(err)
	}
	if len(set.Roles) != 2 {
		t.Fatalf("got %d roles", len(set.Roles))
	}
	deploy, node := set.Roles[0], set.Roles[1]
	var policies []string
	for _, p := range deploy.Policies {
		policies = append(policies, p.Name+" "+p.Document.Statements[0].Actions[0])
	}
	if diff := cmp.Diff([]string{"inline ssm:ListCommands", "own ssm:SendCommand"}, policies); diff != "" {
		t.Error(diff)
	}
	known := map[string]bool{}
	for _, a := range deploy.Attached {
		known[given.Shown(a.ARN)] = a.Document != nil
	}
	want := map[string]bool{
		"arn:aws:iam::aws:policy/AmazonSSMReadOnlyAccess": true, "arn:aws:iam::111122223333:policy/shared": true,
		`{"Ref":"aws_iam_role_policy_attachment.later.policy_arn"}`: false,
	}
	if diff := cmp.Diff(want, known); diff != "" {
		t.Error(diff)
	}
	if len(deploy.Doubts) > 0 || deploy.Account != "111122223333" || deploy.Path != "/slipway/" {
		t.Errorf("deploy: %+v", deploy)
	}
	if !node.InstanceProfile || node.Trust == nil {
		t.Errorf("node: %+v", node)
	}
	if diff := cmp.Diff([]string{`the text of module.nodes["a"].aws_iam_role_policy.node is known after apply`}, node.Doubts); diff != "" {
		t.Error(diff)
	}
}

// TestRolesWithoutInlinePolicies: of a new role that has no block inline_policy, Terraform says that they are unknown.
func TestRolesWithoutInlinePolicies(t *testing.T) {
	t.Parallel()
	for name, written := range map[string]string{"": "", "its inline policies are known after apply": `, "inline_policy": [{"policy": {}}]`} {
		text := strings.Replace(planText, `"resource_changes": [`, `"resource_changes": [
    {"address": "aws_iam_role.deploy", "change": {"actions": ["create"], "after_unknown": {"arn": true, "inline_policy": true}}},`, 1)
		text = strings.Replace(text, `"configuration": {"root_module": {
    "resources": [`, `"configuration": {"root_module": {
    "resources": [
      {"address": "aws_iam_role.deploy", "expressions": {"name": {"constant_value": "web-dev-Deploy"}`+written+`}},`, 1)
		set, findings := given.Read("plan.json", []byte(text), given.Options{Account: "111122223333"})
		if err := given.Error(findings); err != nil {
			t.Fatal(err)
		}
		if got := slices.Contains(set.Roles[0].Doubts, "its inline policies are known after apply"); got != (name != "") {
			t.Errorf("written: %q: doubts %q", written, set.Roles[0].Doubts)
		}
	}
}
