package needs

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/roles"
)

const trap = "../../../examples/two-roles-trap"

// TestR005TheTrapFromItsWorkflow: the workflow of "The two-IAM-roles trap" reads a status that its role may not read, at
// the line where it reads it; nothing else is missing. R15: from files alone.
func TestR005TheTrapFromItsWorkflow(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(trap + "/workflow.yml")
	if err != nil {
		t.Fatal(err)
	}
	n, err := Of("workflow.yml", content, nil)
	if err != nil {
		t.Fatal(err)
	}
	set, err := roles.Read(os.DirFS(trap + "/policies"))
	if err != nil {
		t.Fatal(err)
	}
	found := n.Prove(set, "")
	if len(found) != 1 {
		t.Fatalf("found %v, want one", found)
	}
	f := found[0]
	got := fmt.Sprintf("%s:%d:%d %s %s %s", f.File, f.Line, f.Column, f.Code, f.Severity, f.Message)
	const want = "workflow.yml:27:22 SLW147 error aws ssm get-command-invocation needs ssm:GetCommandInvocation on *, and role synap-live-Deploy may not: no policy of it allows that"
	if got != want || f.Fix != `{"Effect": "Allow", "Action": "ssm:GetCommandInvocation", "Resource": "*"}` {
		t.Errorf("got  %s\nwant %s\nfix %s", got, want, f.Fix)
	}
	if found := n.Prove(&roles.Set{}, ""); len(found) != 1 || found[0].Code != "SLW148" || !strings.Contains(found[0].Message, "synap-live-Deploy of account 123456789012, is not given") {
		t.Errorf("a role that is not given: %v", found)
	}
}

// TestR015TheTrapMended: with the statement that the finding gives, nothing is left.
func TestR015TheTrapMended(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(trap + "/workflow.yml")
	if err != nil {
		t.Fatal(err)
	}
	n, err := Of("workflow.yml", content, nil)
	if err != nil {
		t.Fatal(err)
	}
	set, err := roles.Read(fstest.MapFS{"123456789012/synap-live-Deploy/policy-all.json": &fstest.MapFile{
		Data: n.Policy("arn:aws:iam::123456789012:role/slipway/synap-live-Deploy").JSON()}})
	if err != nil {
		t.Fatal(err)
	}
	if found := n.Prove(set, ""); len(found) > 0 {
		t.Errorf("the policy that was computed does not do: %v", found)
	}
}

// step is a workflow with one script.
func step(script string) string {
	return "on: push\njobs:\n  ship:\n    runs-on: x\n    env: {AWS_REGION: eu-west-1, NAME: shop}\n    steps:\n" +
		"      - uses: aws-actions/configure-aws-credentials@v4\n        with: {role-to-assume: 'arn:aws:iam::111122223333:role/shop-dev-Deploy', aws-region: eu-west-1}\n" +
		"      - run: |\n          " + strings.ReplaceAll(script, "\n", "\n          ") + "\n"
}

// lines are the needs of a script, and what is not known.
func lines(t *testing.T, workflow string) []string {
	t.Helper()
	n, err := Of("w.yml", []byte(workflow), fstest.MapFS{"deploy.sh": &fstest.MapFile{Data: []byte("aws ecs wait services-stable --cluster live --services web\n")}})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, need := range n.Needs {
		exact := ""
		if !need.Exact {
			exact = " ?"
		}
		list = append(list, need.Action+" "+strings.Join(need.Resources, ",")+exact)
	}
	for _, u := range n.Unknown {
		list = append(list, u.Command+" unknown")
	}
	return list
}

// TestResources: what a command line names becomes the resource; what it does not is left open.
func TestResources(t *testing.T) {
	t.Parallel()
	const at = ":eu-west-1:111122223333:"
	for script, want := range map[string][]string{
		"aws ssm send-command --document-name shop-release --instance-ids i-0123456789abcdef0 mi-0123456789abcdef0": {
			"ssm:SendCommand arn:aws:ssm" + at + "document/shop-release",
			"ssm:SendCommand arn:aws:ec2" + at + "instance/i-0123456789abcdef0,arn:aws:ssm" + at + "managed-instance/mi-0123456789abcdef0",
		},
		"aws ssm send-command --document-name AWS-RunShellScript --targets Key=tag:App,Values=shop": {
			"ssm:SendCommand arn:aws:ssm:eu-west-1::document/AWS-RunShellScript", "ssm:SendCommand arn:aws:ec2" + at + "instance/* ?",
		},
		"aws ssm get-parameter --name /shop/key":                       {"ssm:GetParameter arn:aws:ssm" + at + "parameter/shop/key"},
		"aws ssm get-parameter --name /$NAME":                          {"ssm:GetParameter arn:aws:ssm" + at + "parameter/shop"},
		"NAME=x; aws ssm get-parameter --name /$NAME":                  {"ssm:GetParameter arn:aws:ssm" + at + "parameter/* ?"},
		"for NAME in a b; do aws ssm get-parameter --name $NAME; done": {"ssm:GetParameter arn:aws:ssm" + at + "parameter/* ?"},
		"aws ssm get-parameter --name $NAME --region eu-west-2":        {"ssm:GetParameter arn:aws:ssm:eu-west-2:111122223333:parameter/shop"},
		"aws ssm wait command-executed --command-id $ID":               {"ssm:GetCommandInvocation *"},
		"aws lambda update-function-code --function-name api":          {"lambda:UpdateFunctionCode arn:aws:lambda" + at + "function:api"},
		"aws s3 sync dist s3://site/app --delete": {
			"s3:DeleteObject arn:aws:s3:::site/app/*", "s3:ListBucket arn:aws:s3:::site", "s3:PutObject arn:aws:s3:::site/app/*",
		},
		"aws s3 cp dist s3://site/app --recursive":                     {"s3:PutObject arn:aws:s3:::site/app/*"},
		"aws s3 cp s3://site/app dist --recursive":                     {"s3:GetObject arn:aws:s3:::site/app/*", "s3:ListBucket arn:aws:s3:::site"},
		"aws s3 cp x.zip s3://site/x.zip":                              {"s3:PutObject arn:aws:s3:::site/x.zip"},
		"aws s3 cp s3://a/x.zip s3://b/y/":                             {"s3:GetObject arn:aws:s3:::a/x.zip", "s3:PutObject arn:aws:s3:::b/y/*"},
		"aws ecr get-login-password | docker login --password-stdin x": {"ecr:GetAuthorizationToken *"},
		"./deploy.sh": {"ecs:DescribeServices arn:aws:ecs" + at + "service/live/web"},
		"aws cloudformation deploy --stack-name shop-api --template-file t --role-arn arn:aws:iam::111122223333:role/exec": {
			"cloudformation:CreateChangeSet arn:aws:cloudformation" + at + "stack/shop-api/* ?",
			"cloudformation:DescribeChangeSet arn:aws:cloudformation" + at + "stack/shop-api/* ?",
			"cloudformation:DescribeStacks arn:aws:cloudformation" + at + "stack/shop-api/* ?",
			"cloudformation:ExecuteChangeSet arn:aws:cloudformation" + at + "stack/shop-api/* ?",
			"iam:PassRole arn:aws:iam::111122223333:role/exec",
		},
		"terraform apply -auto-approve": {"terraform apply unknown"},
		"terraform fmt -check":          nil,
		"npx cdk deploy": {
			"sts:AssumeRole arn:aws:iam::111122223333:role/cdk-*-deploy-role-111122223333-eu-west-1 ?",
			"sts:AssumeRole arn:aws:iam::111122223333:role/cdk-*-file-publishing-role-111122223333-eu-west-1 ?",
			"sts:AssumeRole arn:aws:iam::111122223333:role/cdk-*-image-publishing-role-111122223333-eu-west-1 ?",
			"sts:AssumeRole arn:aws:iam::111122223333:role/cdk-*-lookup-role-111122223333-eu-west-1 ?",
		},
		"slipway deploy":              {"slipway deploy unknown"},
		"aws $SERVICE list":           {"aws unknown"},
		"aws sts get-caller-identity": nil,
		"echo aws ssm send-command":   nil,
	} {
		if diff := cmp.Diff(want, lines(t, step(script))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", script, diff)
		}
	}
}

// TestActions: what known actions need, and what is said of the others.
func TestActions(t *testing.T) {
	t.Parallel()
	uses := func(text string) string {
		return "on: push\njobs:\n  ship:\n    runs-on: x\n    steps:\n      - " + text + "\n"
	}
	for name, want := range map[string][]string{
		"uses: aws-actions/amazon-ecr-login@v2": {"ecr:GetAuthorizationToken *"},
		"{uses: aws-actions/configure-aws-credentials@v4, with: {role-to-assume: 'arn:aws:iam::111122223333:role/x', aws-region: r}}": nil,
		"{uses: aws-actions/configure-aws-credentials@v4, with: {role-to-assume: 'arn:aws:iam::111122223333:role/x', aws-region: r, role-chaining: true}}": {
			"sts:AssumeRole arn:aws:iam::111122223333:role/x", "sts:TagSession arn:aws:iam::111122223333:role/x"},
		"uses: actions/checkout@v5":             nil,
		"uses: somebody/aws-thing@v1":           {"somebody/aws-thing unknown"},
		"{uses: a/b@v1, with: {aws-region: r}}": {"a/b unknown"},
	} {
		if diff := cmp.Diff(want, lines(t, uses(name))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestProve: what is certain is an error, what depends on something else is told as that, and what is allowed is not told.
func TestProve(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		script, policy string
		want           []string
	}{
		"allowed":                            {"aws ssm get-parameter --name /shop/key", `{"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "arn:aws:ssm:*:*:parameter/shop/*"}`, nil},
		"another name":                       {"aws ssm get-parameter --name /other", `{"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "arn:aws:ssm:*:*:parameter/shop/*"}`, []string{"SLW147"}},
		"a run decides, and all are allowed": {"aws ssm get-parameter --name /shop/$X", `{"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}`, nil},
		"a run decides":                      {"aws ssm get-parameter --name $X", `{"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "arn:aws:ssm:*:*:parameter/shop/*"}`, []string{"SLW148"}},
		"a run decides, and none is allowed": {"aws ssm get-parameter --name $X", `{"Effect": "Allow", "Action": "ssm:PutParameter", "Resource": "*"}`, []string{"SLW147"}},
		"denied":                             {"aws ssm list-commands", `{"Effect": "Allow", "Action": "*", "Resource": "*"}, {"Effect": "Deny", "Action": "ssm:List*", "Resource": "*"}`, []string{"SLW147"}},
		"a condition":                        {"aws ssm list-commands", `{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}`, []string{"SLW148"}},
		"the region is known":                {"aws ssm list-commands", `{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}}`, nil},
		"another region":                     {"aws ssm list-commands", `{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}}`, []string{"SLW147"}},
		"a bucket's own policy may allow it": {"aws s3 cp x s3://b/x", `{"Effect": "Allow", "Action": "ssm:*", "Resource": "*"}`, []string{"SLW148"}},
		"nodes by tags":                      {"aws ssm send-command --document-name d --targets Key=tag:App,Values=shop", `{"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": ["arn:aws:ssm:*:*:document/d", "arn:aws:ec2:*:*:instance/*"]}`, nil},
	} {
		n, err := Of("w.yml", []byte(step(tt.script)), nil)
		if err != nil {
			t.Fatal(err)
		}
		set, err := roles.Read(fstest.MapFS{"111122223333/shop-dev-Deploy/policy-x.json": &fstest.MapFile{Data: []byte(`{"Version": "2012-10-17", "Statement": [` + tt.policy + `]}`)}})
		if err != nil {
			t.Fatal(err)
		}
		found := n.Prove(set, "shop-dev-Deploy")
		var got []string
		for _, f := range found {
			got = append(got, string(f.Code))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s\n%v", name, diff, found)
		}
	}
}

func FuzzOf(f *testing.F) {
	f.Add(step("aws s3 sync . s3://b/$X; aws ssm send-command --instance-ids= x"))
	f.Add("version: 0.2\nphases: {build: {commands: [aws s3 cp s3://a b]}}")
	f.Fuzz(func(t *testing.T, content string) {
		n, err := Of("w.yml", []byte(content), nil)
		if err != nil {
			return
		}
		for _, role := range n.Roles() {
			n.Policy(role)
		}
	})
}
