package policies

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam/managed"
	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/plan"
)

const ec2 = "ec2.amazonaws.com"

// nodeWith is a node's role with further statements.
func nodeWith(statements ...string) map[string]string {
	return map[string]string{"web-Node/trust": trustIn(ec2), "web-Node/policy-x": policyOf(append([]string{messages}, statements...)...)}
}

func TestR005R016SendsWithoutReading(t *testing.T) {
	t.Parallel()
	send, poll, trust := policyOf(allow("ssm:SendCommand", document+","+oneNode)), policyOf(allow("ssm:ListCommandInvocations", "*")), trustIn("", deployer)
	f := find(t, "SLW005", folder(map[string]string{"ship/trust": trust, "ship/policy-x": send}))
	if f.Severity != finding.Warning || f.Line != 1 {
		t.Errorf("%s %v", f.Severity, f)
	}
	// By another policy of its own; through a node; in another account; by a role that is there for it.
	without(t, "SLW005", folder(map[string]string{"ship/trust": trust, "ship/policy-x": send, "ship/policy-y": poll}))
	other := map[string]string{"ship/trust": trust, "ship/policy-x": send, "web-Node/trust": trustIn(ec2), "web-Node/policy-x": poll,
		"000022223333/look/trust": trust, "000022223333/look/policy-x": poll}
	if f := find(t, "SLW005", folder(other)); f.Severity != finding.Warning {
		t.Errorf("a node's own role, and one of another account, are no reason: %s", f.Severity)
	}
	other["look/trust"], other["look/policy-x"] = trust, poll
	if f := find(t, "SLW005", folder(other)); f.Severity != finding.Info || !strings.Contains(f.Message, "look") {
		t.Errorf("%s %v", f.Severity, f)
	}
	split := map[string]string{"shop-dev-Trigger/trust": trust, "shop-dev-Trigger/policy-x": send, "shop-dev-Verify/trust": trust, "shop-dev-Verify/policy-x": poll}
	without(t, "SLW005", folder(split))
	delete(split, "shop-dev-Verify/policy-x")
	find(t, "SLW005", folder(split))
	// What is not known may have it; a runbook's role has what its steps need (R43); a policy alone may be one of several.
	without(t, "SLW005", folder(map[string]string{"ship/trust": trust, "ship/policy-x": send, "ship/attached": `["arn:aws:iam::111122223333:policy/more"]`}))
	without(t, "SLW005", folder(map[string]string{"runs/trust": trustIn("ssm.amazonaws.com"), "runs/policy-x": send}))
	if f := has(t, "SLW005", send); f.Severity != finding.Info {
		t.Errorf("a policy alone: %s", f.Severity)
	}
	lacks(t, "SLW005", poll)
	lacks(t, "SLW005", policyOf(allow("ssm:*", "*")))
	without(t, "SLW005", File("scp.json", []byte(policyOf(allow("ssm:SendCommand", "*")))))
}

func TestR022OneRoleForNodesAndUsers(t *testing.T) {
	t.Parallel()
	files := nodeWith(logs)
	without(t, "SLW022", folder(files))
	files["web-Node/trust"] = trustIn(ec2, "arn:aws:iam::111122223333:user/RunCommandUser")
	find(t, "SLW022", folder(files))
}

func TestR023MessagesOfBothKinds(t *testing.T) {
	t.Parallel()
	if found := folder(nodeWith(logs)); len(found) > 0 {
		t.Errorf("a node that has what it needs: %v", found)
	}
	one := map[string]string{"n/trust": trustIn(ec2), "n/policy-x": policyOf(allow("ec2messages:GetMessages", "*"), allow("ssm:UpdateInstanceInformation", everyNode), logs)}
	if f := find(t, "SLW023", folder(one)); f.Severity != finding.Info {
		t.Errorf("it works as it is: %s", f.Severity)
	}
	one["n/policy-x"] = policyOf(allow("ec2messages:GetMessages,ssmmessages:OpenControlChannel", "*"), logs)
	if f := find(t, "SLW023", folder(one)); f.Severity != finding.Warning {
		t.Errorf("it never reports itself: %s", f.Severity)
	}
}

func TestR024R037SurplusOfNodes(t *testing.T) {
	t.Parallel()
	f := find(t, "SLW224", folder(nodeWith(logs, allow("ssm:ListAssociations,ssm:UpdateAssociationStatus", "*"))))
	if !strings.Contains(f.Message, "ssm:ListAssociations, ssm:UpdateAssociationStatus") {
		t.Error(f.Message)
	}
	find(t, "SLW037", folder(nodeWith(logs, allow("ssm:SendCommand", document+","+oneNode))))
	without(t, "SLW037", folder(nodeWith(logs, allow("ecr:GetAuthorizationToken", "*"), allow("ssm:GetParameter", "arn:aws:ssm:eu-west-1:111122223333:parameter/shop/*"))))
}

func TestR025DomainsAndMetrics(t *testing.T) {
	t.Parallel()
	found := folder(nodeWith(logs, allow("ds:CreateComputer,ds:DescribeDirectories", "*"), allow("cloudwatch:PutMetricData", "*")))
	if diff := cmp.Diff([]string{"SLW025", "SLW224"}, codesFound(found)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestR032R036R038R056ManagedPolicies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ role, trust, policy, code string }{
		{"Instance", ec2, "AmazonSSMFullAccess", "SLW036"},
		{"Instance", ec2, "AmazonSSMManagedInstanceCore", "SLW038"},
		{"Instance", ec2, "service-role/AmazonEC2RoleforSSM", "SLW032"},
		{"Instance", ec2, "AmazonSSMReadOnlyAccess", "SLW032"},
		{"Instance", ec2, "AdministratorAccess", "SLW056"},
		{"Instance", ec2, "AmazonS3FullAccess", "SLW056"},
		{"Runbook", "ssm.amazonaws.com", "AdministratorAccess", "SLW056"},
		{"Runbook", "ssm.amazonaws.com", "AmazonSSMFullAccess", "SLW036"},
		{"Pipeline", "", "AmazonSSMFullAccess", "SLW032"},
		{"Pipeline", "", "AmazonSSMManagedInstanceCore", "SLW032"},
		{"Pipeline", "", "PowerUserAccess", "SLW056"},
		{"shop-CloudFormationExecutionRole", "cloudformation.amazonaws.com", "AdministratorAccess", "SLW056"},
	} {
		files := map[string]string{c.role + "/trust": trustIn(c.trust, deployer), c.role + "/attached": attachedOf(c.policy)}
		if c.trust != "" {
			files[c.role+"/trust"] = trustIn(c.trust)
		}
		find(t, c.code, folder(files))
	}
	for role, policy := range map[string]string{"Administrators": "AmazonSSMFullAccess", "AccountAdmin": "AdministratorAccess", "Readers": "AmazonSSMReadOnlyAccess"} {
		files := map[string]string{role + "/trust": trustIn("", deployer), role + "/attached": attachedOf(policy)}
		if found := folder(files); len(found) > 0 {
			t.Errorf("%s with %s: %v", role, policy, found)
		}
	}
}

func TestR033R089LongLivedKeys(t *testing.T) {
	t.Parallel()
	find(t, "SLW033", folder(map[string]string{"user-RunCommandUser/policy-x": policyOf(allow("ssm:SendCommand", document+","+oneNode))}))
	find(t, "SLW089", folder(map[string]string{"user-ci/policy-x": policyOf(allow("sts:AssumeRole", "arn:aws:iam::444455556666:role/shop-DeployerRole"))}))
	if found := folder(map[string]string{"user-reader/policy-x": policyOf(allow("ssm:GetDocument", document))}); len(found) > 0 {
		t.Errorf("a reader: %v", found)
	}
	template := "Resources:\n  Key:\n    Type: AWS::IAM::AccessKey\n    Properties: {UserName: ci}\n"
	find(t, "SLW033", Given("keys.yaml", []byte(template)))
}

func TestR041R058R107WhereOutputGoes(t *testing.T) {
	t.Parallel()
	sessions := allow("ssmmessages:CreateDataChannel,ssmmessages:OpenDataChannel", "*")
	find(t, "SLW041", folder(nodeWith(sessions)))
	without(t, "SLW041", folder(nodeWith(sessions, logs)))
	find(t, "SLW058", folder(nodeWith()))
	without(t, "SLW058", folder(nodeWith(logs)))
	// Of the role that slipway renders the release says where output goes; two names of it do not make another that.
	rendered := func(more ...string) map[string]string {
		for sid, actions := range plan.AgentStatements() {
			more = append(more, allow(strings.Join(actions, ","), "*", `"Sid": "`+sid+`"`))
		}
		return map[string]string{"web-Node/trust": trustIn(ec2), "web-Node/policy-x": policyOf(more...)}
	}
	without(t, "SLW058", folder(rendered()))
	without(t, "SLW058", folder(rendered(allow("s3:GetObject", "arn:aws:s3:::shop-artefacts/*"))))
	find(t, "SLW058", folder(rendered(allow("ec2messages:*", "*"))))
	named := func(sid, actions string) string { return allow(actions, "*", `"Sid": "`+sid+`"`) }
	find(t, "SLW058", folder(map[string]string{"web-Node/trust": trustIn(ec2), "web-Node/policy-x": policyOf(
		named("ReportToSystemsManager", "ssm:UpdateInstanceInformation"), named("ReceiveCommands", "ec2messages:*,ssmmessages:*Control*"))}))
	f := find(t, "SLW225", folder(nodeWith(allow("s3:PutObject", "arn:aws:s3:::shop-output/*"))))
	if !strings.Contains(f.Message, "s3:GetEncryptionConfiguration, s3:ListBucket, s3:PutObjectAcl") {
		t.Error(f.Message)
	}
	without(t, "SLW225", folder(nodeWith(logs)))
}

func TestR042OneRoleForNodesAndRunbooks(t *testing.T) {
	t.Parallel()
	both := trustIn(ec2 + ",ssm.amazonaws.com")
	find(t, "SLW042", folder(map[string]string{"both/trust": both, "both/policy-x": policyOf(allow("ec2:StopInstances", oneNode))}))
	machines := nodeWith(logs) // in EC2 and outside of it
	machines["web-Node/trust"] = both
	without(t, "SLW042", folder(machines))
}

// pair is the two roles of an application, with further statements in each.
func pair(deploy, execution []string) map[string]string {
	role := "arn:aws:iam::111122223333:role/slipway/shop-CloudFormationExecutionRole"
	return map[string]string{
		"shop-DeployerRole/trust": trustIn("", deployer),
		"shop-DeployerRole/policy-x": policyOf(append(deploy,
			allow("iam:PassRole", role, `"Condition": {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}`),
			allow("cloudformation:CreateChangeSet,cloudformation:UpdateStack", "arn:aws:cloudformation:eu-west-1:111122223333:stack/shop-*/*", `"Condition": {"ArnEquals": {"cloudformation:RoleArn": "`+role+`"}}`))...),
		"shop-CloudFormationExecutionRole/trust": trustIn("cloudformation.amazonaws.com"),
		"shop-CloudFormationExecutionRole/policy-x": policyOf(append(execution,
			allow("dynamodb:CreateTable,dynamodb:UpdateTable,dynamodb:DeleteTable", "arn:aws:dynamodb:eu-west-1:111122223333:table/shop-*"))...),
	}
}

func TestR061DeployersNeedAnExecutionRole(t *testing.T) {
	t.Parallel()
	without(t, "SLW061", folder(pair(nil, nil)))
	alone := map[string]string{"shop-DeployerRole/trust": trustIn("", deployer), "shop-DeployerRole/policy-x": policyOf(allow("cloudformation:CreateStack", "arn:aws:cloudformation:eu-west-1:111122223333:stack/shop-*/*"))}
	find(t, "SLW061", folder(alone))
}

func TestR062R095EveryAccountHasTheSameRoles(t *testing.T) {
	t.Parallel()
	files := pair(nil, nil)
	for name, text := range pair(nil, nil) {
		files["044455556666/"+name] = strings.ReplaceAll(text, account, "044455556666")
	}
	without(t, "SLW062", folder(files))
	without(t, "SLW095", folder(files))
	files["044455556666/shop-CloudFormationExecutionRole/policy-x"] = policyOf(allow("dynamodb:DeleteTable", "arn:aws:dynamodb:eu-west-1:044455556666:table/shop-*"))
	find(t, "SLW095", folder(files))
	delete(files, "044455556666/shop-CloudFormationExecutionRole/policy-x")
	delete(files, "044455556666/shop-CloudFormationExecutionRole/trust")
	find(t, "SLW062", folder(files))
}

func TestR063RolesInTheStackThatTheyDeploy(t *testing.T) {
	t.Parallel()
	role := `{"Type": "AWS::IAM::Role", "Properties": {"RoleName": "shop-CloudFormationExecutionRole", "AssumeRolePolicyDocument": ` + trustIn("cloudformation.amazonaws.com") + `}}`
	find(t, "SLW063", Given("app.json", []byte(`{"Resources": {"Role": `+role+`, "Orders": {"Type": "AWS::DynamoDB::Table"}}}`)))
	without(t, "SLW063", Given("roles.json", []byte(`{"Resources": {"Role": `+role+`}}`)))
}

func TestR068DeployersDoNotAct(t *testing.T) {
	t.Parallel()
	without(t, "SLW068", folder(pair([]string{allow("lambda:Get*", "arn:aws:lambda:eu-west-1:111122223333:function:shop-*"), allow("s3:PutObject", "arn:aws:s3:::shop-*")}, nil)))
	find(t, "SLW068", folder(pair([]string{allow("dynamodb:DeleteTable", "arn:aws:dynamodb:eu-west-1:111122223333:table/shop-*")}, nil)))
}

func TestR071R072R073Names(t *testing.T) {
	t.Parallel()
	rename := func(name string) map[string]string {
		out := map[string]string{}
		for file, text := range pair(nil, nil) {
			out[strings.Replace(file, "shop", name, 1)] = strings.ReplaceAll(text, "shop-", name+"-")
		}
		return out
	}
	for _, name := range []string{"shop-dev", "prod-shop", "shop-staging-api"} {
		find(t, "SLW072", folder(rename(name)))
	}
	for _, name := range []string{"shop", "developer", "product-shop", "testimony"} {
		without(t, "SLW072", folder(rename(name)))
	}
	two := rename("shop")
	for file, text := range rename("shop-two") {
		two[file] = text
	}
	find(t, "SLW073", folder(two))
	find(t, "SLW071", folder(pair(nil, []string{allow("sqs:CreateQueue,sqs:SetQueueAttributes,sqs:DeleteQueue", "arn:aws:sqs:eu-west-1:111122223333:shop*")})))
	without(t, "SLW071", folder(pair(nil, nil)))
}

func TestR076Counterparts(t *testing.T) {
	t.Parallel()
	function := "arn:aws:lambda:eu-west-1:111122223333:function:shop-*"
	for have, missing := range map[string]string{
		"lambda:CreateFunction":      "lambda:UpdateFunctionCode, lambda:UpdateFunctionConfiguration, lambda:DeleteFunction",
		"lambda:AddPermission":       "lambda:RemovePermission",
		"lambda:TagResource":         "lambda:UntagResource",
		"lambda:PutFunctionEvent*":   "lambda:DeleteFunctionEventInvokeConfig",
		"lambda:CreateAlias":         "lambda:UpdateAlias, lambda:DeleteAlias",
		"lambda:PutProvisionedConc*": "lambda:DeleteProvisionedConcurrencyConfig",
	} {
		f := find(t, "SLW076", folder(pair(nil, []string{allow(have, function)})))
		if f.Fix != "add "+missing {
			t.Errorf("%s: fix %q, want %q", have, f.Fix, missing)
		}
		without(t, "SLW076", folder(pair(nil, []string{allow(have+","+strings.ReplaceAll(missing, " ", ""), function)})))
	}
	// What AWS does not have cannot be missing, and only CloudFormation has to undo what it did.
	without(t, "SLW076", folder(pair(nil, []string{allow("lambda:PublishVersion", function), allow("s3:PutEncryptionConfiguration", "arn:aws:s3:::shop-*")})))
	without(t, "SLW076", folder(nodeWith(logs)))
}

func TestR079PushToCloudWatchLogs(t *testing.T) {
	t.Parallel()
	files := pair(nil, nil)
	files["shop-CloudFormationExecutionRole/attached"] = attachedOf("service-role/AmazonAPIGatewayPushToCloudWatchLogs")
	if f := find(t, "SLW079", folder(files)); f.Severity != finding.Info {
		t.Errorf("got %s", f.Severity)
	}
}

func TestR082R086TheToolsAccountIsNoTarget(t *testing.T) {
	t.Parallel()
	assume := policyOf(allow("sts:AssumeRole", "arn:aws:iam::111122223333:role/slipway/shop-DeployerRole"))
	files := pair(nil, nil)
	files["user-ci/policy-x"], files["builder/trust"], files["builder/policy-x"] = assume, trustIn("codebuild.amazonaws.com"), assume
	found := folder(files)
	find(t, "SLW086", found)
	find(t, "SLW082", found)
	files = pair(nil, nil)
	files["099900001111/user-ci/policy-x"], files["099900001111/builder/trust"] = assume, trustIn("codebuild.amazonaws.com")
	files["099900001111/builder/policy-x"] = assume
	found = folder(files)
	without(t, "SLW086", found)
	without(t, "SLW082", found)
}

func TestR093StacksWithoutTheExecutionRole(t *testing.T) {
	t.Parallel()
	without(t, "SLW093", folder(pair(nil, nil)))
	find(t, "SLW093", folder(pair([]string{allow("cloudformation:DeleteStack", "arn:aws:cloudformation:eu-west-1:111122223333:stack/shop-*/*")}, nil)))
}

func TestR096ThePipelinesOwnRoles(t *testing.T) {
	t.Parallel()
	const change = "iam:CreateRole,iam:UpdateRole,iam:UpdateAssumeRolePolicy,iam:DeleteRole,iam:PutRolePolicy,iam:DeleteRolePolicy"
	own := "arn:aws:iam::111122223333:role/slipway/shop-*"
	f := find(t, "SLW096", folder(pair(nil, []string{allow(change, own)})))
	if f.Severity != finding.Error || !strings.Contains(f.Message, "shop-DeployerRole") || !strings.Contains(f.Message, "shop-CloudFormationExecutionRole") {
		t.Errorf("%s: %s", f.Severity, f.Message)
	}
	find(t, "SLW096", folder(pair(nil, []string{allow("iam:PassRole", own)})))
	for name, statement := range map[string]string{
		"another path": allow(change, "arn:aws:iam::111122223333:role/apps/shop-*"),
		"a boundary":   allow(change, own, `"Condition": {"StringEquals": {"iam:PermissionsBoundary": "arn:aws:iam::111122223333:policy/app"}}`),
		"a denial":     allow(change, own) + "," + statementOf("Deny", "iam:*", "arn:aws:iam::111122223333:role/slipway/*"),
		"only reading": allow("iam:GetRole", own),
	} {
		found := folder(pair(nil, []string{statement}))
		for _, f := range found {
			if f.Code == "SLW096" {
				t.Errorf("%s: %v", name, f)
			}
		}
	}
}

func TestR096IsToldOfTemplatesWithParameters(t *testing.T) {
	t.Parallel()
	const template = `Parameters: {AppId: {Type: String}}
Resources:
  Execution:
    Type: AWS::IAM::Role
    Properties:
      RoleName: !Sub '${AppId}-CloudFormationExecutionRole'
      Path: %PATH%
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement: {Effect: Allow, Principal: {Service: cloudformation.amazonaws.com}, Action: sts:AssumeRole}
      Policies:
        - PolicyName: Roles
          PolicyDocument:
            Version: '2012-10-17'
            Statement:
              Effect: Allow
              Action: iam:PutRolePolicy
              Resource: !Sub 'arn:aws:iam::${AWS::AccountId}:role/${AppId}-*'
`
	find(t, "SLW096", Given("roles.yaml", []byte(strings.Replace(template, "%PATH%", "/", 1))))
	without(t, "SLW096", Given("roles.yaml", []byte(strings.Replace(template, "%PATH%", "/slipway/", 1))))
	// Another parameter may have another value: that is not told.
	other := strings.Replace(template, "role/${AppId}-*", "role/${Other}-*", 1)
	without(t, "SLW096", Given("roles.yaml", []byte(strings.Replace(other, "%PATH%", "/", 1))))
}

func TestR097DataInTheExecutionRole(t *testing.T) {
	t.Parallel()
	without(t, "SLW097", folder(pair(nil, nil)))
	find(t, "SLW097", folder(pair(nil, []string{allow("dynamodb:Get*", "arn:aws:dynamodb:eu-west-1:111122223333:table/shop-*")})))
}

// TestManagedPoliciesOfAWS: what is said about AWS's own policies is true. All of it was looked at.
func TestManagedPoliciesOfAWS(t *testing.T) {
	t.Parallel()
	want := map[string][]string{
		"AWSLambdaBasicExecutionRole": {"SLW004"}, "AdministratorAccess": {"SLW059"}, "AmazonAPIGatewayPushToCloudWatchLogs": {"SLW004"},
		"AmazonEC2RoleforSSM": {"SLW004", "SLW027", "SLW040"}, "AmazonS3ReadOnlyAccess": {"SLW069"},
		"AmazonSSMAutomationRole": {"SLW004", "SLW031", "SLW066"}, "AmazonSSMDirectoryServiceAccess": {"SLW004"},
		"AmazonSSMFullAccess": {"SLW004", "SLW031", "SLW047", "SLW059"}, "AmazonSSMMaintenanceWindowRole": {"SLW017", "SLW039", "SLW040"},
		"AmazonSSMManagedEC2InstanceDefaultPolicy": {"SLW004"}, "AmazonSSMManagedInstanceCore": {"SLW004", "SLW040"},
		"AmazonSSMReadOnlyAccess": {"SLW040"}, "CloudWatchAgentServerPolicy": {"SLW004"}, "IAMFullAccess": {"SLW059"},
		"PowerUserAccess": {"SLW004", "SLW215"},
	}
	for _, p := range managed.All() {
		var loud []finding.Finding
		for _, f := range File(p.Name+".json", p.Text) {
			if f.Severity != finding.Info {
				loud = append(loud, f)
			}
		}
		if diff := cmp.Diff(want[p.Name], codesFound(loud)); diff != "" {
			t.Errorf("%s: -want +got:\n%s%v", p.Name, diff, loud)
		}
	}
}

// TestPlansAndAccounts: what is wrong with a role is found wherever it was read from, at its place where the file has one.
func TestPlansAndAccounts(t *testing.T) {
	t.Parallel()
	policy := policyOf(allow("ssm:GetCommandInvocation", oneNode))
	quoted := strings.ReplaceAll(strings.ReplaceAll(policy, "\n", " "), `"`, `\"`)
	trust := strings.ReplaceAll(strings.ReplaceAll(trustIn("", deployer), "\n", " "), `"`, `\"`)
	plan := `{"format_version": "1.2", "terraform_version": "1.9.0", "planned_values": {"root_module": {"resources": [
{"address": "aws_iam_role.deploy", "mode": "managed", "type": "aws_iam_role", "name": "deploy", "values": {"name": "deploy", "path": "/", "assume_role_policy": "` + trust + `"}},
{"address": "aws_iam_role_policy.send", "mode": "managed", "type": "aws_iam_role_policy", "name": "send", "values": {"name": "send", "role": "deploy", "policy": "` + quoted + `"}}]}},
"resource_changes": [
{"address": "aws_iam_role.deploy", "mode": "managed", "type": "aws_iam_role", "name": "deploy", "change": {"actions": ["create"], "after": {"name": "deploy", "path": "/", "assume_role_policy": "` + trust + `"}, "after_unknown": {}}},
{"address": "aws_iam_role_policy.send", "mode": "managed", "type": "aws_iam_role_policy", "name": "send", "change": {"actions": ["create"], "after": {"name": "send", "role": "deploy", "policy": "` + quoted + `"}, "after_unknown": {}}}]}`
	dump := `{"RoleDetailList": [{"RoleName": "deploy", "Path": "/", "Arn": "arn:aws:iam::111122223333:role/deploy", "AssumeRolePolicyDocument": ` + trustIn("", deployer) + `,
"RolePolicyList": [{"PolicyName": "send", "PolicyDocument": ` + policy + `}], "AttachedManagedPolicies": [{"PolicyName": "AmazonS3FullAccess", "PolicyArn": "arn:aws:iam::aws:policy/AmazonS3FullAccess"}], "InstanceProfileList": []}],
"UserDetailList": [], "GroupDetailList": [], "Policies": []}`
	for name, text := range map[string]string{"plan.json": plan, "account.json": dump} {
		f := find(t, "SLW002", Given(name, []byte(text)))
		if f.File != name || f.Role != "deploy" {
			t.Errorf("%s: in %q, of %q", name, f.File, f.Role)
		}
	}
	find(t, "SLW056", Given("account.json", []byte(dump)))
}
