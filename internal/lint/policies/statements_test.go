package policies

import (
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/finding"
)

func TestR002ReadingAResultIsAllowedOnEverythingOnly(t *testing.T) {
	t.Parallel()
	for _, resource := range []string{oneNode, document} {
		f := has(t, "SLW002", policyOf(allow("ssm:GetCommandInvocation", resource)))
		if f.Severity != finding.Error || !strings.Contains(f.Message, "IAM only supports * here") {
			t.Errorf("got %s %s", f.Severity, f.Message)
		}
	}
	silent(t, policyOf(allow("ssm:GetCommandInvocation", "*")))
	if f := has(t, "SLW203", policyOf(allow("ssm:GetCommandInvocation", "arn:aws:ssm:eu-west-1:111122223333:*"))); f.Severity != finding.Info {
		t.Errorf("what AWS's denials name is %s", f.Severity)
	}
}

// TestPoliciesOfRepositoriesAndAPIs: two services have policies of a form of their own.
func TestPoliciesOfRepositoriesAndAPIs(t *testing.T) {
	t.Parallel()
	silent(t, policyOf(`{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999900001111:root"}, "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]}`))
	silent(t, policyOf(`{"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"}`))
	silent(t, policyOf(allow("s3:ListAllMyBuckets,s3:GetBucketLocation", "arn:aws:s3:::*")))
	has(t, "SLW030", policyOf(`{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}`))
	has(t, "SLW074", policyOf(allow("s3:ListAllMyBuckets", "arn:aws:s3:::shop")))
}

func TestR004StarsThatCouldBeNarrowed(t *testing.T) {
	t.Parallel()
	f := has(t, "SLW004", policyOf(allow("ssm:DeleteDocument,ssm:GetCommandInvocation", "*")))
	if strings.Contains(f.Message, "GetCommandInvocation") || !strings.Contains(f.Fix, "arn:aws:ssm:<region>:<account>:document/<document-name>") {
		t.Errorf("got %s; fix %s", f.Message, f.Fix)
	}
	for _, unscopable := range []string{"ssm:GetCommandInvocation", "ssm:CancelCommand", "cloudformation:ValidateTemplate", "ec2:DescribeInstances", "s3:ListAllMyBuckets"} {
		silent(t, policyOf(allow(unscopable, "*")))
	}
	lacks(t, "SLW004", policyOf(allow("ec2:StopInstances", "*", `"Condition": {"StringEquals": {"aws:ResourceTag/App": "shop"}}`)))
	has(t, "SLW004", policyOf(allow("ec2:StopInstances", "*", `"Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}`)))
	silent(t, policyOf(statementOf("Deny", "ec2:StopInstances", "*")))
}

func TestR007OwnersOfDocuments(t *testing.T) {
	t.Parallel()
	f := has(t, "SLW007", policyOf(allow("ssm:SendCommand", "arn:aws:ssm:us-east-1:111122223333:document/AWS-RunPatchBaseline")))
	if len(f.Edits) != 1 || f.Edits[0].Text != "arn:aws:ssm:us-east-1::document/AWS-RunPatchBaseline" {
		t.Errorf("edits %+v", f.Edits)
	}
	if f := has(t, "SLW007", policyOf(allow("ssm:SendCommand", "arn:aws:ssm:us-east-1:111122223333:document/AWS-RunShellScript"))); len(f.Edits) != 0 {
		t.Errorf("nobody is given root on nodes by a fix: %+v", f.Edits)
	}
	if f := has(t, "SLW007", policyOf(allow("ssm:SendCommand", "arn:aws:ssm:us-east-1::document/shop"))); len(f.Edits) != 0 {
		t.Errorf("nobody knows the account: %+v", f.Edits)
	}
	for _, right := range []string{"arn:aws:ssm:us-east-1::document/AWS-RunPatchBaseline", document, "arn:aws:ssm:*:*:document/AWS-RunPatchBaseline", "arn:aws:ssm:us-east-1::document/AmazonCloudWatch-ManageAgent"} {
		lacks(t, "SLW007", policyOf(allow("ssm:SendCommand", right)))
	}
}

func TestR008InstanceARNs(t *testing.T) {
	t.Parallel()
	for wrong, right := range map[string]string{
		"arn:aws:ssm:eu-west-1:111122223333:instance/i-1234567890abcdef0":          oneNode,
		"arn:aws:ec2:eu-west-1:111122223333:instance/mi-1234567890abcdef0":         "arn:aws:ssm:eu-west-1:111122223333:managed-instance/mi-1234567890abcdef0",
		"arn:aws:ssm:eu-west-1:111122223333:managed-instance/i-1234567890abcdef0":  oneNode,
		"arn:aws:ec2:eu-west-1:111122223333:managed-instance/mi-1234567890abcdef0": "arn:aws:ssm:eu-west-1:111122223333:managed-instance/mi-1234567890abcdef0",
	} {
		if f := has(t, "SLW008", policyOf(allow("ssm:SendCommand", wrong))); len(f.Edits) != 1 || f.Edits[0].Text != right || f.Severity != finding.Error {
			t.Errorf("%s: %s, edits %+v", wrong, f.Severity, f.Edits)
		}
		lacks(t, "SLW008", policyOf(allow("ssm:SendCommand", right)))
	}
}

// TestFixesMendWhatTheyAreFor: the edits write what is right, in both notations, and nothing else changes.
func TestFixesMendWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	wrong, right := "arn:aws:ssm:eu-west-1:111122223333:instance/i-1234567890abcdef0", oneNode
	for name, text := range map[string]string{
		"policy.json": policyOf(allow("ssm:SendCommand", document+","+wrong)),
		"policy.yaml": "Version: '2012-10-17'\nStatement:\n  - Effect: Allow\n    Action: ssm:SendCommand\n    Resource: [" + document + ", \"" + wrong + "\"] # both\n",
		"crlf.json":   strings.ReplaceAll(policyOf(allow("ssm:SendCommand", document+","+wrong)), "\n", "\r\n") + "\r\n",
		"crlf.yaml":   "# é\r\nVersion: '2012-10-17' # of the language\r\nStatement:\r\n  # one\r\n  - Effect: Allow\r\n    Action: ssm:SendCommand\r\n    Resource: [" + document + ", '" + wrong + "'] # é\r\n\r\n",
		"plain.yaml":  "Version: '2012-10-17'\nStatement:\n  Effect: Allow\n  Action: ssm:SendCommand\n  Resource: " + wrong + "\n",
	} {
		fixed, mended, err := finding.Fix([]byte(text), File(name, []byte(text)))
		if err != nil || len(mended) != 1 || string(fixed) != strings.Replace(text, wrong, right, 1) {
			t.Errorf("%s: %v, mended %v:\n%s", name, err, mended, fixed)
		}
		without(t, "SLW008", File(name, fixed))
	}
}

func TestR030SaysWhatToWrite(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string]string{
		`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow" "Action": "s3:GetObject", "Resource": "*"}]}`:                     "a comma between two values",
		`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Actions": "s3:GetObject", "Action": "s3:x", "Resource": "*"}]}`: "one of Sid, Effect",
		`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": 5, "Resource": "*"}]}`:                                 "a text in double quotes",
		`{"Version": "2012-10-17", "Statement": [{"Action": "s3:GetObject", "Resource": "*"}]}`:                                       `"Effect": "Allow"`,
		`{"Version": "2012-10-17", "Statement": [{"Effect": "Maybe", "Action": "s3:GetObject", "Resource": "*"}]}`:                    "grammar",
	} {
		if f := has(t, "SLW030", policy); !strings.Contains(f.Fix, want) {
			t.Errorf("%s: %s", f.Message, f.Fix)
		}
	}
}

// TestNoDenyIsMendedByItself: what comes to be denied takes away what works, and what comes to be denied no more opens what
// was closed.
func TestNoDenyIsMendedByItself(t *testing.T) {
	t.Parallel()
	const wrong = "arn:aws:ssm:eu-west-1:111122223333:instance/i-1234567890abcdef0"
	for _, statement := range []string{
		statementOf("Deny", "ssm:SendCommand", wrong),
		`{"Effect": "Deny", "Action": "ssm:SendCommand", "NotResource": "` + wrong + `"}`,
		`{"Effect": "Allow", "Action": "ssm:SendCommand", "NotResource": "` + wrong + `"}`,
	} {
		if f := has(t, "SLW008", policyOf(statement)); len(f.Edits) != 0 || f.Fix != oneNode {
			t.Errorf("%s: fix %s, edits %v", statement, f.Fix, f.Edits)
		}
	}
}

func TestR017SendsToAnyNode(t *testing.T) {
	t.Parallel()
	has(t, "SLW017", policyOf(allow("ssm:SendCommand", "*")))
	has(t, "SLW017", policyOf(allow("ssm:Send*", document+","+everyNode)))
	has(t, "SLW017", policyOf(allow("ssm:SendCommand", "arn:aws:ssm:*:*:managed-instance/*")))
	has(t, "SLW039", policyOf(allow("ssm:SendCommand", "arn:aws:ssm:*:*:document/*")))
	poll := allow("ssm:GetCommandInvocation", "*")
	silent(t, policyOf(poll, allow("ssm:SendCommand", document), allow("ssm:SendCommand", everyNode, `"Condition": {"StringEquals": {"ssm:resourceTag/App": "shop"}}`)))
	silent(t, policyOf(poll, allow("ssm:SendCommand", document+","+oneNode)))
}

func TestR026LogsOfEveryGroup(t *testing.T) {
	t.Parallel()
	f := has(t, "SLW004", policyOf(allow("logs:CreateLogGroup,logs:CreateLogStream,logs:DescribeLogGroups,logs:DescribeLogStreams,logs:PutLogEvents", "*")))
	if strings.Contains(f.Message, "DescribeLogGroups") {
		t.Errorf("DescribeLogGroups is on * only: %s", f.Message)
	}
	silent(t, policyOf(logs, allow("logs:DescribeLogGroups", "*")))
}

func TestR027ObjectsOfEveryBucket(t *testing.T) {
	t.Parallel()
	has(t, "SLW027", policyOf(allow("s3:PutObject,s3:GetObject", "*")))
	has(t, "SLW027", policyOf(allow("s3:PutObject", "arn:aws:s3:::*/*")))
	// ListBucketMultipartUploads needs the bucket's ARN.
	has(t, "SLW205", policyOf(allow("s3:PutObject,s3:ListBucketMultipartUploads", "arn:aws:s3:::AnS3Bucket/*")))
	silent(t, policyOf(allow("s3:PutObject", "arn:aws:s3:::AnS3Bucket/*"), allow("s3:ListBucketMultipartUploads", "arn:aws:s3:::AnS3Bucket")))
}

func TestR028FreeCommands(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"AWS-RunShellScript", "AWS-RunPowerShellScript", "AWS-RunRemoteScript", "AWS-RunDocument", "AWS-*"} {
		has(t, "SLW028", policyOf(allow("ssm:SendCommand", "arn:aws:ssm:eu-west-1::document/"+name)))
	}
	lacks(t, "SLW028", policyOf(allow("ssm:SendCommand", "arn:aws:ssm:eu-west-1::document/AWS-ConfigureAWSPackage")))
	send := policyOf(allow("ssm:SendCommand", "arn:aws:ssm:eu-west-1::document/AWS-RunShellScript,"+oneNode))
	find(t, "SLW028", folder(map[string]string{"Pipeline/trust": trustIn("", deployer), "Pipeline/policy-x": send}))
	without(t, "SLW028", folder(map[string]string{"Administrators/trust": trustIn("", deployer), "Administrators/policy-x": send}))
}

func TestR030Syntax(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"an open brace":     `{"Version": "2012-10-17", "Statement": [`,
		"no such element":   policyOf(`{"Effect": "Allow", "Actions": "ssm:GetDocument", "Resource": "*"}`),
		"no such effect":    policyOf(`{"Effect": "allow", "Action": "ssm:GetDocument", "Resource": "*"}`),
		"no resource":       policyOf(`{"Effect": "Allow", "Action": "ssm:GetDocument"}`),
		"no such operator":  policyOf(allow("ssm:GetDocument", document, `"Condition": {"StringEqual": {"aws:RequestedRegion": "eu-west-1"}}`)),
		"a Bool of no bool": policyOf(allow("ssm:GetDocument", document, `"Condition": {"Bool": {"aws:SecureTransport": "yes"}}`)),
		"a space in a Sid":  policyOf(allow("ssm:GetDocument", document, `"Sid": "read it"`)),
	} {
		if f := has(t, "SLW030", text); f.Severity != finding.Error {
			t.Errorf("%s: %s", name, f.Severity)
		}
	}
	silent(t, policyOf(allow("ssm:GetDocument", document)))
}

func TestR031AllOfSystemsManager(t *testing.T) {
	t.Parallel()
	has(t, "SLW031", policyOf(allow("ssm:*,ec2:DescribeInstanceStatus", "*")))
	lacks(t, "SLW031", policyOf(allow("ssm:Describe*", "*")))
}

func TestR039AnyDocument(t *testing.T) {
	t.Parallel()
	has(t, "SLW039", policyOf(allow("ssm:StartAutomationExecution", "arn:aws:ssm:eu-west-1:111122223333:document/*")))
	lacks(t, "SLW039", policyOf(allow("ssm:StartAutomationExecution", "arn:aws:ssm:eu-west-1:111122223333:document/shop-*")))
	// A runbook has two forms of ARN, and * stands for both.
	for _, wide := range []string{
		"*", "arn:aws:ssm:*:*:*", "arn:aws:ssm:*:*:automation-definition/*", "arn:aws:ssm:*:*:automation-definition/*:*", "arn:aws:ssm:*:*:automation-definition/*:$DEFAULT",
		"arn:aws:ssm:*:*:document/*,arn:aws:ssm:*:*:automation-definition/*:*",
	} {
		for _, action := range []string{"ssm:StartAutomationExecution", "ssm:startautomation*", "ssm:StartAutomationExecution,ssm:GetAutomationExecution"} {
			policy := policyOf(allow(action, wide))
			f := has(t, "SLW039", policy)
			if !strings.Contains(f.Fix, ":document/<runbook>") || !strings.Contains(f.Fix, ":automation-execution/*") {
				t.Errorf("%s on %s: fix %s", action, wide, f.Fix)
			}
			lacks(t, "SLW004", policy)
			if n := strings.Count(strings.Join(everyCode(policy), " "), "SLW039"); n != 1 {
				t.Errorf("%s on %s: told %d times", action, wide, n)
			}
		}
	}
	// A send to every node is told as such, and a runbook beside it is still one.
	if f := has(t, "SLW039", policyOf(allow("ssm:SendCommand,ssm:StartAutomationExecution", "*"))); strings.Contains(f.Message, "SendCommand") {
		t.Errorf("told twice: %s", f.Message)
	}
	const account = "arn:aws:ssm:eu-west-1:111122223333:"
	for _, right := range []string{account + "automation-definition/Restart:*", account + "document/Restart," + account + "automation-execution/*"} {
		silent(t, policyOf(allow("ssm:StartAutomationExecution", right)))
	}
	silent(t, policyOf(allow("ssm:StartAutomationExecution", "*", `"Condition": {"StringEquals": {"aws:ResourceTag/App": "shop"}}`)))
	lacks(t, "SLW039", policyOf(allow("ssm:SendCommand", "arn:aws:ssm:eu-west-1:111122223333:document/*", `"Condition": {"StringEquals": {"aws:ResourceTag/App": "shop"}}`)))
	lacks(t, "SLW039", policyOf(allow("ssm:DescribeDocument", "arn:aws:ssm:eu-west-1:111122223333:document/*")))
}

func TestR040Parameters(t *testing.T) {
	t.Parallel()
	const parameter = "arn:aws:ssm:eu-west-1:111122223333:parameter"
	for _, wide := range []string{"*", parameter + "/*", parameter + "*", "arn:aws:ssm:*:*:*"} {
		has(t, "SLW040", policyOf(allow("ssm:GetParameter*", wide)))
	}
	silent(t, policyOf(allow("ssm:GetParameter*", parameter+"/production/app/*")))
	f := has(t, "SLW206", policyOf(allow("ssm:GetParameter", parameter+"//production/app/*")))
	for _, other := range []string{parameter + "/*", parameter + "/*/app/*", parameter + "//*"} { // told once
		lacks(t, "SLW219", policyOf(allow("ssm:GetParameter", parameter+"//production/app/*"), allow("ssm:GetParameter", other)))
	}
	has(t, "SLW219", policyOf(allow("ssm:GetParameter", parameter+"/production/app/*"), allow("ssm:GetParameter", parameter+"/production/*")))
	if len(f.Edits) != 1 || f.Edits[0].Text != parameter+"/production/app/*" {
		t.Errorf("edits %+v", f.Edits)
	}
}

func TestR047AllActions(t *testing.T) {
	t.Parallel()
	has(t, "SLW047", policyOf(allow("ec2:*", oneNode)))
	has(t, "SLW047", policyOf(allow("ec2messages:*", "*")))
	has(t, "SLW059", policyOf(allow("*", "*")))
	silent(t, policyOf(allow("ec2:StartInstances,ec2:StopInstances", oneNode)))
	lacks(t, "SLW047", policyOf(statementOf("Deny", "iam:*", "arn:aws:iam::111122223333:role/x")))
}

func TestR048StartAndStopAnyInstance(t *testing.T) {
	t.Parallel()
	has(t, "SLW004", policyOf(allow("ec2:StartInstances,ec2:StopInstances", "*")))
	silent(t, policyOf(allow("ec2:StartInstances,ec2:StopInstances", everyNode, `"Condition": {"StringEquals": {"aws:ResourceTag/Environment": "Dev"}}`)))
}

func TestR051TagsOfDocuments(t *testing.T) {
	t.Parallel()
	tagged := `"Condition": {"StringEquals": {"ssm:resourceTag/Environment": "Dev"}}`
	if f := has(t, "SLW051", policyOf(allow("ssm:SendCommand", "arn:aws:ssm:eu-west-1::document/AWS-RunPatchBaseline,"+everyNode, tagged))); f.Severity != finding.Error {
		t.Errorf("AWS's documents have no tags: %s", f.Severity)
	}
	if f := has(t, "SLW051", policyOf(allow("ssm:SendCommand", document+","+everyNode, tagged))); f.Severity != finding.Warning {
		t.Errorf("one's own may have: %s", f.Severity)
	}
	lacks(t, "SLW051", policyOf(allow("ssm:SendCommand", document), allow("ssm:SendCommand", everyNode, tagged)))
	star := map[string]string{"Pipeline/trust": trustIn("", deployer), "Pipeline/policy-x": policyOf(allow("ssm:SendCommand", "*", tagged))}
	find(t, "SLW051", folder(star))
	star["Pipeline/policy-y"] = policyOf(allow("ssm:SendCommand", document))
	without(t, "SLW051", folder(star))
	has(t, "SLW207", policyOf(allow("ssm:SendCommand", everyNode, `"Condition": {"StringEquals": {"ssm:resourceTag": "Dev"}}`)))
	has(t, "SLW210", policyOf(allow("ssm:GetCommandInvocation", "*", tagged)))
}

func TestR059EverythingOnEverything(t *testing.T) {
	t.Parallel()
	has(t, "SLW059", policyOf(allow("lambda:*", "*")))
	lacks(t, "SLW059", policyOf(allow("lambda:*", "arn:aws:lambda:eu-west-1:111122223333:function:shop")))
}

func TestR065PassRole(t *testing.T) {
	t.Parallel()
	const role = "arn:aws:iam::111122223333:role/shop-CloudFormationExecutionRole"
	to := `"Condition": {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}`
	has(t, "SLW065", policyOf(allow("iam:PassRole", "*", to)))
	has(t, "SLW065", policyOf(allow("iam:Pass*", "arn:aws:iam::111122223333:role/*")))
	has(t, "SLW208", policyOf(allow("iam:PassRole", role)))
	silent(t, policyOf(allow("iam:PassRole", role, to)))
}

func TestR066EveryStack(t *testing.T) {
	t.Parallel()
	has(t, "SLW066", policyOf(allow("cloudformation:DeleteStack", "arn:aws:cloudformation:eu-west-1:111122223333:stack/*")))
	lacks(t, "SLW066", policyOf(allow("cloudformation:DeleteStack", "arn:aws:cloudformation:eu-west-1:111122223333:stack/shop-*/*")))
}

func TestR067ValidateTemplate(t *testing.T) {
	t.Parallel()
	silent(t, policyOf(allow("cloudformation:ValidateTemplate", "*")))
	has(t, "SLW074", policyOf(allow("cloudformation:ValidateTemplate", "arn:aws:cloudformation:eu-west-1:111122223333:stack/shop-*/*")))
}

func TestR069ReadsOfADeployTool(t *testing.T) {
	t.Parallel()
	if f := has(t, "SLW204", policyOf(allow("lambda:Get*,lambda:List*", "*"))); f.Severity != finding.Info {
		t.Errorf("got %s", f.Severity)
	}
	has(t, "SLW069", policyOf(allow("s3:GetObject", "*")))
	lacks(t, "SLW069", policyOf(allow("s3:List*", "*")))
}

func TestR070ObjectsNeedAPatternOfTheirOwn(t *testing.T) {
	t.Parallel()
	// A prefix covers the objects too, since a star goes over slashes; the name of one bucket does not.
	has(t, "SLW205", policyOf(allow("s3:CreateBucket,s3:PutObject", "arn:aws:s3:::shop-bucket")))
	silent(t, policyOf(allow("s3:CreateBucket,s3:PutObject", "arn:aws:s3:::shop-*")))
}

func TestR074ResourcelessActions(t *testing.T) {
	t.Parallel()
	if f := has(t, "SLW074", policyOf(allow("cloudfront:CreateDistribution", "arn:aws:cloudfront::111122223333:*/*"))); f.Severity != finding.Error {
		t.Errorf("creation is denied: %s", f.Severity)
	}
	if f := has(t, "SLW074", policyOf(allow("ssm:DescribeParameters,ssm:GetParameter", "arn:aws:ssm:eu-west-1:111122223333:parameter/shop/*"))); f.Severity != finding.Warning {
		t.Errorf("got %s", f.Severity)
	}
	// Another statement has it on *: nothing is missing.
	lacks(t, "SLW074", policyOf(allow("ssm:DescribeParameters,ssm:GetParameter", "arn:aws:ssm:eu-west-1:111122223333:parameter/shop/*"), allow("ssm:DescribeParameters", "*")))
	has(t, "SLW220", policyOf(allow("cloudfront:List*", "arn:aws:cloudfront::111122223333:distribution/*")))
	// uncertain what AWS makes of these, so nothing, or no more than info, is said.
	lacks(t, "SLW074", policyOf(allow("logs:DescribeLogGroups", "arn:aws:logs:eu-west-1:111122223333:log-group:*")))
	lacks(t, "SLW074", policyOf(allow("ssmmessages:OpenDataChannel", "arn:aws:ssm:*:*:session/*")))
}

func TestR075DynamicARNs(t *testing.T) {
	t.Parallel()
	if f := has(t, "SLW075", policyOf(allow("cloudfront:UpdateDistribution", "*"))); f.Severity != finding.Info {
		t.Errorf("got %s", f.Severity)
	}
	lacks(t, "SLW004", policyOf(allow("cloudfront:UpdateDistribution", "*")))
}

func TestR080RolesOfOthers(t *testing.T) {
	t.Parallel()
	has(t, "SLW080", policyOf(allow("iam:CreateRole,iam:PutRolePolicy", "*")))
	lacks(t, "SLW080", policyOf(allow("iam:CreateRole,iam:PutRolePolicy", "arn:aws:iam::111122223333:role/shop-*")))
}

func TestR081ParametersOfOthers(t *testing.T) {
	t.Parallel()
	has(t, "SLW081", policyOf(allow("ssm:PutParameter", "arn:aws:ssm:eu-west-1:111122223333:parameter/*")))
	silent(t, policyOf(allow("ssm:PutParameter", "arn:aws:ssm:eu-west-1:111122223333:parameter/shop,arn:aws:ssm:eu-west-1:111122223333:parameter/shop/*")))
}

func TestR084AssumesAnyRole(t *testing.T) {
	t.Parallel()
	has(t, "SLW084", policyOf(allow("sts:AssumeRole", "arn:aws:iam::111122223333:role/*")))
	silent(t, policyOf(allow("sts:AssumeRole", "arn:aws:iam::111122223333:role/shop-DeployerRole,arn:aws:iam::444455556666:role/shop-DeployerRole")))
}

func TestR117DuplicateKeysAreAnError(t *testing.T) {
	t.Parallel()
	twice := strings.Replace(policyOf(allow("ssm:GetDocument", document)), `"Effect": "Allow"`, `"Effect": "Deny", "Effect": "Allow"`, 1)
	if f := has(t, "SLW221", twice); f.Severity != finding.Error {
		t.Errorf("got %s", f.Severity)
	}
	yaml := "Version: '2012-10-17'\nStatement:\n  - Effect: Deny\n    Effect: Allow\n    Action: ssm:GetDocument\n    Resource: " + document + "\n"
	find(t, "SLW221", File("policy.yaml", []byte(yaml)))
}

func TestR118Quotas(t *testing.T) {
	t.Parallel()
	of := func(n int) string {
		var list []string
		for i := range n {
			list = append(list, "arn:aws:ssm:eu-west-1:111122223333:parameter/shop/"+string(rune('a'+i%26))+strings.Repeat("x", 40))
		}
		return policyOf(allow("ssm:GetParameter", strings.Join(list, ",")))
	}
	lacks(t, "SLW222", of(50))
	if f := has(t, "SLW222", of(80)); f.Severity != finding.Warning {
		t.Errorf("it may be an inline policy: %s", f.Severity)
	}
	if f := has(t, "SLW222", of(120)); f.Severity != finding.Error {
		t.Errorf("no policy may be so long: %s", f.Severity)
	}
	var lots []string
	for range 8 {
		lots = append(lots, allow("ssm:GetParameter", strings.Repeat("arn:aws:ssm:eu-west-1:111122223333:parameter/shop/x,", 30)+oneNode))
	}
	files := map[string]string{"Shop/trust": trustIn("lambda.amazonaws.com"), "Shop/policy-a": policyOf(lots[:3]...), "Shop/policy-b": policyOf(lots[3:]...)}
	if f := find(t, "SLW222", folder(files)); !strings.Contains(f.Message, "all inline policies of a role") {
		t.Error(f.Message)
	}
	without(t, "SLW222", folder(map[string]string{"Shop/trust": trustIn("lambda.amazonaws.com"), "Shop/policy-b": policyOf(lots[3:]...)}))
	many := make([]string, 11)
	for i := range many {
		many[i] = "Policy" + string(rune('a'+i))
	}
	find(t, "SLW222", folder(map[string]string{"Shop/trust": trustIn("lambda.amazonaws.com"), "Shop/attached": attachedOf(many...)}))
}
