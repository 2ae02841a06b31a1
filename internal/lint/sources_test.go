package lint

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sources has the policies, roles and workflows of the four documents that the requirements rest on (REQUIREMENTS, "Source documents").
const sources = "testdata/sources"

// sendLine is where D0's workflows send their command.
const sendLine = `COMMAND_ID=$(aws ssm send-command --instance-ids "$INSTANCE_ID" --document-name AWS-RunShellScript \`

// expected is what is found in them, and nothing else: the list was made by hand, statement by statement, from the rules and
// from the requirements' last table, before anything was run. A line says in which file, which code, what stands on the line
// that it points to, and why.
var expected = []struct{ file, code, line, why string }{
	// D0, the workflow as it was first, with the errors swallowed, and as it was mended. The table: only the swallowing one hangs;
	// a first poll that comes too early ends all three, but the one that hangs. None of them has an end of its own (W5). The
	// list of the mended one lacks Cancelling, whose * branch is acceptable: nothing is said of it.
	{"D0/.github/workflows/trap.yml", "SLW104", `STATUS=$(aws ssm get-command-invocation --command-id "$COMMAND_ID" --instance-id "$INSTANCE_ID" --query Status --output text 2>/dev/null || echo InProgress)`, "table: the hang comes from the swallowing form (W4)"},
	{"D0/.github/workflows/first.yml", "SLW130", `STATUS=$(aws ssm get-command-invocation --command-id "$COMMAND_ID" --instance-id "$INSTANCE_ID" --query Status --output text)`, "table: InvocationDoesNotExist at the first poll"},
	{"D0/.github/workflows/fixed.yml", "SLW130", `STATUS=$(aws ssm get-command-invocation --command-id "$COMMAND_ID" --instance-id "$INSTANCE_ID" --query Status --output text)`, "table: InvocationDoesNotExist at the first poll"},
	{"D0/.github/workflows/first.yml", "SLW105", `while true; do`, "W5: no end of its own"},
	{"D0/.github/workflows/first.yml", "SLW111", sendLine, "W11: no executionTimeout"},
	{"D0/.github/workflows/first.yml", "SLW140", sendLine, "R28: AWS-RunShellScript"},
	{"D0/.github/workflows/first.yml", "SLW145", sendLine, "R58, R112: the output is kept nowhere"},
	{"D0/.github/workflows/trap.yml", "SLW105", `while true; do`, "W5: no end of its own"},
	{"D0/.github/workflows/trap.yml", "SLW111", sendLine, "W11: no executionTimeout"},
	{"D0/.github/workflows/trap.yml", "SLW140", sendLine, "R28: AWS-RunShellScript"},
	{"D0/.github/workflows/trap.yml", "SLW145", sendLine, "R58, R112: the output is kept nowhere"},
	{"D0/.github/workflows/fixed.yml", "SLW105", `while true; do`, "W5: no end of its own"},
	{"D0/.github/workflows/fixed.yml", "SLW111", sendLine, "W11: no executionTimeout"},
	{"D0/.github/workflows/fixed.yml", "SLW140", sendLine, "R28: AWS-RunShellScript"},
	{"D0/.github/workflows/fixed.yml", "SLW145", sendLine, "R58, R112: the output is kept nowhere"},
	// D0, the policy. QueueDeployCommand names AWS-RunShellScript for a role of CI.
	{"D0/policy.json", "SLW028", `"arn:aws:ssm:us-east-1::document/AWS-RunShellScript",`, "R28"},
	// PollDeployStatus has * and nothing to be said about it: R2, R4.

	// D1, the role for instances.
	{"D1/111122223333/RunCommandInstance/policy-RunCommandInstance.json", "SLW023", `{`, "table: only ec2messages (R23)"},
	{"D1/111122223333/RunCommandInstance/policy-RunCommandInstance.json", "SLW224", `"ssm:DescribeAssociation",`, "R24: only where State Manager is used"},
	{"D1/111122223333/RunCommandInstance/policy-RunCommandInstance.json", "SLW004", `"Resource": "*"`, "R4: UpdateAssociationStatus and UpdateInstanceInformation can be narrowed"},
	// The statement with ec2messages has no resource types: no finding (R4).
	{"D1/111122223333/RunCommandInstance/policy-RunCommandInstance.json", "SLW224", `"cloudwatch:PutMetricData"`, "R25: an optional extra"},
	{"D1/111122223333/RunCommandInstance/policy-RunCommandInstance.json", "SLW224", `"ec2:DescribeInstanceStatus"`, "R25: an optional extra"},
	{"D1/111122223333/RunCommandInstance/policy-RunCommandInstance.json", "SLW025", `"ds:CreateComputer",`, "R25: unless aws:domainJoin is used"},
	{"D1/111122223333/RunCommandInstance/policy-RunCommandInstance.json", "SLW004", `"Resource": "*"`, "R26: the log group can be named"},
	{"D1/111122223333/RunCommandInstance/policy-RunCommandInstance.json", "SLW027", `"Resource": "*"`, "R27: objects of every bucket"},
	{"D1/111122223333/RunCommandInstance/policy-RunCommandInstance.json", "SLW225", `"s3:PutObject",`, "R107: what the agent calls before it writes is missing"},
	// D1, the user for commands.
	{"D1/111122223333/user-RunCommandUser/policy-RunCommandUser.json", "SLW031", `"ssm:*",`, "table: ssm:* contradicts least privilege (R31)"},
	{"D1/111122223333/user-RunCommandUser/policy-RunCommandUser.json", "SLW033", `{`, "R33: a user with keys sends commands"},
	// D1, the managed policies. Full access for administrators and read only for readers are as R32 has them.
	{"D1/111122223333/ManagedInstance/attached.json", "SLW032", `[`, "table: AmazonEC2RoleforSSM is deprecated (R32)"},

	// D2, the instance profile of item 1, with the logging of item 4 and the parameters of item 3.
	{"D2/111122223333/Instance/policy-instance.json", "SLW047", `"ssmmessages:*",`, "table: list the actions (R47)"},
	{"D2/111122223333/Instance/policy-instance.json", "SLW047", `"ec2messages:*"`, "table: list the actions (R47)"},
	{"D2/111122223333/Instance/policy-instance.json", "SLW004", `"Resource": "*"`, "R4: UpdateInstanceInformation can be narrowed"},
	{"D2/111122223333/Instance/policy-instance.json", "SLW225", `"logs:PutLogEvents"`, "R107: without DescribeLogStreams"},
	// D2, the automation role of items 6, 7 and 9. Its trust policy has no conditions yet: item 6 adds them.
	{"D2/111122223333/Automation/trust.json", "SLW045", `"Principal": {`, "R45"},
	{"D2/111122223333/Automation/policy-automation.json", "SLW207", `"ssm:resourceTag": "Dev",`, "table: needs /TagKey (R51)"},
	// D2, the automation role with the condition of item 6 as it is said there, on the ARNs of documents.
	{"D2/111122223333/AutomationOfDocuments/trust.json", "SLW046", `"ArnEquals": { "aws:SourceArn": "arn:aws:ssm:eu-west-1:111122223333:document/RestartInstances" }`, "table: use the automation-execution ARN (R46)"},
	// D2, what it says to avoid.
	{"D2/111122223333/InstanceWithFullAccess/attached.json", "SLW036", `[`, "R36"},
	{"D2/111122223333/InstanceWithCore/attached.json", "SLW038", `[`, "R38"},
	{"D2/111122223333/InstanceWithCore/attached.json", "SLW041", `[`, "R41: it holds OpenDataChannel, and no log"},
	{"D2/111122223333/AutomationWithEverything/attached.json", "SLW056", `[`, "R56"},
	{"D2/111122223333/AutomationWithEverything/policy-wildcards.json", "SLW059", `"Action": "*",`, "R47, R59"},
	{"D2/111122223333/AutomationWithEverything/trust.json", "SLW045", `"Principal": {`, "R45"},
	{"D2/111122223333/ManyServices/policy-restart.json", "SLW042", `{`, "R42"},
	{"D2/111122223333/ManyServices/trust.json", "SLW045", `"Principal": {`, "R45"},

	// D3, DeployerRole.
	{"D3/roles.yaml", "SLW208", "- iam:PassRole", "R65: without iam:PassedToService"},
	{"D3/roles.yaml", "SLW093", "- cloudformation:CreateChangeSet", "R93: no condition on cloudformation:RoleArn"},
	{"D3/roles.yaml", "SLW204", "- '*'", "R4, R69: lambda:Get* and lambda:List* can be narrowed"},
	{"D3/roles.yaml", "SLW204", "Resource: '*'", "R4, R69: s3:List* can be narrowed"},
	// ValidateTemplate on * and the bucket's pattern, which covers its objects too, are right: R67, R70.

	{"D3/roles.yaml", "SLW088", "Action: sts:AssumeRole", "R88: the user's sessions are tagged, and the trust does not let them"},

	// D3, CloudFormationExecutionRole.
	{"D3/roles.yaml", "SLW249", "Service: cloudformation.amazonaws.com", "R64: aws:SourceAccount is suggested"},
	{"D3/roles.yaml", "SLW079", "- arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs", "R79"},
	{"D3/roles.yaml", "SLW218", "- lambda:CreateFunction", "table: listed twice"},
	{"D3/roles.yaml", "SLW218", "- lambda:DeleteFunction", "table: listed twice"},
	{"D3/roles.yaml", "SLW097", "- lambda:InvokeFunction", "R97"},
	{"D3/roles.yaml", "SLW097", "- logs:Get*", "R97: GetLogEvents"},
	{"D3/roles.yaml", "SLW220", "- logs:Describe*", "R74: 14 of 19 have no resource types"},
	{"D3/roles.yaml", "SLW220", "- logs:List*", "R74: 10 of 14 have no resource types"},
	{"D3/roles.yaml", "SLW074", "- logs:PutResourcePolicy", "table: no resource type, ineffective"},
	{"D3/roles.yaml", "SLW074", "- logs:DeleteResourcePolicy", "table: no resource type, ineffective"},
	{"D3/roles.yaml", "SLW220", "- logs:Describe*", "R74: the second statement, on log-group:*"},
	{"D3/roles.yaml", "SLW076", "- logs:CreateLogDelivery", "table: without UpdateLogDelivery"},
	{"D3/roles.yaml", "SLW204", "Resource: '*'", "R4: s3:ListBucket can be narrowed"},
	{"D3/roles.yaml", "SLW097", "- s3:Get*", "R97: objects of the application"},
	{"D3/roles.yaml", "SLW220", "- cloudfront:List*", "table: most List* have no resource type"},
	{"D3/roles.yaml", "SLW074", "- cloudfront:CreateDistribution", "table: creation denied"},
	{"D3/roles.yaml", "SLW075", "Resource: '*'", "R75: origin access identities have dynamic ARNs"},
	{"D3/roles.yaml", "SLW208", "- iam:PassRole", "R65: without iam:PassedToService"},
	{"D3/roles.yaml", "SLW076", "- iam:CreateRole", "table: without UpdateRole, UpdateAssumeRolePolicy"},
	{"D3/roles.yaml", "SLW076", "- iam:AttachRolePolicy", "table: without DetachRolePolicy"},
	{"D3/roles.yaml", "SLW096", "- !Sub 'arn:aws:iam::${AWS::AccountId}:role/${AppId}-*'", "table: escalation (R96)"},
	{"D3/roles.yaml", "SLW205", "- events:Get*", "R74: GetResourcePolicy is all that it stands for, and it is not about buses or rules of this form"},
	{"D3/roles.yaml", "SLW220", "- events:List*", "R74: 11 of 15 have no resource types"},
	{"D3/roles.yaml", "SLW076", "- events:CreateEventBus", "table: without UpdateEventBus"},
	{"D3/roles.yaml", "SLW220", "- sns:Get*", "R74: 4 of 7 have no resource types"},
	{"D3/roles.yaml", "SLW201", "- sns:Describe*", "table: matches no action"},
	{"D3/roles.yaml", "SLW076", "- sns:TagResource", "table: without UntagResource"},
	// sns:Unsubscribe: the data of the year has an optional topic, so nothing is said (table).
	{"D3/roles.yaml", "SLW200", "- dynamodb:DeleteGlobalTable", "table: no such action"},
	{"D3/roles.yaml", "SLW220", "- dynamodb:List*", "R74: 5 of 8 have no resource types"},
	{"D3/roles.yaml", "SLW097", "- dynamodb:Get*", "R97: GetItem via Get*"},
	{"D3/roles.yaml", "SLW074", "- ssm:DescribeParameters", "table: ineffective, needs *"},

	// D3, the workflow: the keys of a user. Of the versions of actions, which the table calls outdated, no linter says anything.
	{"D3/.github/workflows/main.yml", "SLW129", "aws-access-key-id: ${{ secrets.AWS_ACCESS_KEY_ID }}", "table: stored keys (R89)"},

	// D3, the tools account. The policy that lists three roles, and the trust of CodeBuild, are right: R84, R85.
	{"D3/tools.yaml", "SLW089", "GitHubActionsUser:", "table: a user with stored keys (R89)"},
	{"D3/tools.yaml", "SLW004", "Resource: '*'", "table: sts:TagSession can be narrowed to roles"},
}

// TestSources: the policies of the source documents have what the requirements say of them, and no more.
func TestSources(t *testing.T) {
	t.Parallel()
	var want, got []string
	for _, e := range expected {
		want = append(want, e.file+" "+e.code+" "+e.line)
	}
	report := Run(Input{Files: sourceFiles(t)})
	lines := map[string][]string{}
	for _, f := range sourceFiles(t) {
		lines[f.Name] = strings.Split(string(f.Content), "\n")
	}
	for _, f := range report.Findings {
		got = append(got, f.File+" "+string(f.Code)+" "+strings.TrimSpace(lines[f.File][f.Line-1]))
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func sourceFiles(t *testing.T) []File {
	t.Helper()
	var files []File
	root := os.DirFS(sources)
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(root, name)
		files = append(files, File{Name: name, Content: content})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
