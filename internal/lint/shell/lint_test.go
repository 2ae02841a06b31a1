package shell

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
)

const file = `app: shop
region: eu-west-1
accounts: {dev: "111111111111"}
stages:
  - name: dev
    account: dev
    targets: {tags: {App: shop}}
    permissions: [%s]
    steps:
      - command: {name: release, script: release.sh, validate: {script: healthy.sh}}
      - command: {name: shell, document: AWS-RunShellScript, commands: [date, aws ssm get-parameter --name x]}
`

// lintOf lints a release with a script and with permissions.
func lintOf(t *testing.T, script, permissions string) []finding.Finding {
	t.Helper()
	r, err := release.Parse("slipway.yaml", []byte(strings.Replace(file, "%s", permissions, 1)), release.Options{Files: fstest.MapFS{
		"release.sh": &fstest.MapFile{Data: []byte(script)}, "healthy.sh": &fstest.MapFile{Data: []byte("curl -f localhost\n")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.New(r)
	if err != nil {
		t.Fatal(err)
	}
	return Scripts(r, p)
}

const parameter = "{actions: [ssm:GetParameter], resources: [parameter/shop/*]}"

// TestR125UndeclaredCallsOfScriptsAreFound: where they are, what they need, and what would be right.
func TestR125UndeclaredCallsOfScriptsAreFound(t *testing.T) {
	t.Parallel()
	script := "#!/bin/bash\nset -e\nsecret=$(aws ssm get-parameter --name /shop/db --query Parameter.Value)\n" +
		"if true; then\n  aws s3 cp \"s3://artefacts/shop-$Version.tgz\" /tmp/\nfi\n"
	want := []finding.Finding{
		undeclaredRule.At("release.sh", 3, 10, "permissions: [{actions: [ssm:GetParameter], resources: [parameter/…]}] in the stage",
			"aws ssm get-parameter needs ssm:GetParameter, which stage dev does not declare: the node role will not allow it"),
		undeclaredRule.At("release.sh", 5, 3, "permissions: [{actions: [s3:GetObject], resources: […/…]}] in the stage",
			"aws s3 cp needs s3:GetObject, which stage dev does not declare: the node role will not allow it"),
		undeclaredRule.At("slipway.yaml", 11, 9, "permissions: [{actions: [ssm:GetParameter], resources: [parameter/…]}] in the stage",
			"aws ssm get-parameter needs ssm:GetParameter, which stage dev does not declare: the node role will not allow it"),
	}
	got := lintOf(t, script, "{actions: [kms:Decrypt], resources: [key/x]}")
	for i := range got {
		if got[i].File == "slipway.yaml" {
			got[i].Column = 9
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	got = lintOf(t, script, parameter+", {actions: [s3:GetObject], resources: [artefacts/*]}")
	if len(got) != 0 {
		t.Errorf("declared, and found all the same: %v", got)
	}
}

// A finding quotes the script, and is shown on a terminal and in a job's log.
func TestFindingsAreOneHarmlessLine(t *testing.T) {
	t.Parallel()
	for _, script := range []string{"aws 'x\n::add-mask::y\x1b]0;z\a\r' z\n", "aws s3 '\x1b[2J\u202e'\n"} {
		got := lintOf(t, script, parameter)
		if len(got) != 1 || strings.ContainsAny(got[0].Message, "\n\r\x1b\a\u202e") {
			t.Errorf("%q: got %q", script, got)
		}
	}
}

// TestUsesOfAWS: what each command needs; a ? where it cannot be told.
func TestUsesOfAWS(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"aws ssm get-parameter --name x":                            "ssm:GetParameter",
		"aws --region eu-west-1 --debug ssm get-parameters-by-path": "ssm:GetParametersByPath",
		"/usr/local/bin/aws secretsmanager get-secret-value":        "secretsmanager:GetSecretValue",
		"sudo -u deploy aws dynamodb get-item":                      "dynamodb:GetItem",
		"env AWS_REGION=x timeout -k 5 30 aws sqs send-message":     "sqs:SendMessage",
		"AWS_PAGER= aws ec2 describe-instances":                     "ec2:DescribeInstances",
		"aws rds describe-db-instances":                             "rds:DescribeDBInstances",
		"aws elbv2 register-targets":                                "elasticloadbalancing:RegisterTargets",
		"aws s3api head-object --bucket b --key k":                  "s3:GetObject",
		"aws s3api list-objects-v2 --bucket b":                      "s3:ListBucket",
		"aws lambda invoke --function-name f out":                   "lambda:InvokeFunction",
		"aws s3 ls":                                                              "s3:ListAllMyBuckets",
		"aws s3 ls s3://b/":                                                      "s3:ListBucket",
		"aws s3 cp s3://b/k .":                                                   "s3:GetObject",
		"aws s3 cp --quiet ./k s3://b/k":                                         "s3:PutObject",
		"aws s3 cp s3://a/k s3://b/k":                                            "s3:GetObject s3:PutObject",
		"aws s3 cp --recursive s3://b/k .":                                       "s3:ListBucket s3:GetObject",
		"aws s3 cp s3://b/k \"$dir/k\"":                                          "s3:GetObject",
		"aws s3 cp \"$from\" .":                                                  "s3:GetObject",
		"aws s3 cp \"$from\" \"$to\"":                                            "?",
		"aws s3 mv s3://b/k .":                                                   "s3:GetObject s3:DeleteObject",
		"aws s3 sync --delete ./site s3://b":                                     "s3:ListBucket s3:PutObject s3:DeleteObject",
		"aws s3 sync --exclude '*.tmp' s3://b ./site":                            "s3:ListBucket s3:GetObject",
		"aws s3 rm s3://b/k --recursive":                                         "s3:ListBucket s3:DeleteObject",
		"aws ecr get-login-password | docker login --username AWS x":             "ecr:GetAuthorizationToken",
		"docker pull 111111111111.dkr.ecr.eu-west-1.amazonaws.com/shop:1":        "ecr:BatchGetImage ecr:GetDownloadUrlForLayer",
		`docker pull "$ACCOUNT.dkr.ecr.$AWS_REGION.amazonaws.com/shop:$Version"`: "ecr:BatchGetImage ecr:GetDownloadUrlForLayer",
		`docker push ${ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/shop`:            "ecr:BatchCheckLayerAvailability ecr:InitiateLayerUpload ecr:UploadLayerPart ecr:CompleteLayerUpload ecr:PutImage",
		`docker pull "$REGISTRY/shop"`:                                           "",
		"sudo -iu app aws kms decrypt":                                           "kms:Decrypt",
		"flock -w 60 /run/shop.lock aws kms decrypt":                             "kms:Decrypt",
		"flock /run/shop.lock -c 'aws kms decrypt'":                              "kms:Decrypt",
		"docker pull nginx":                                                      "",
		"aws sts get-caller-identity":                                            "",
		"aws --version":                                                          "",
		"aws configure set region x":                                             "",
		"echo aws ssm get-parameter":                                             "",
		"# aws ssm get-parameter":                                                "",
		"cat <<'E'\naws ssm get-parameter\nE":                                    "",
		"bash -ec 'aws ssm get-parameter'":                                       "ssm:GetParameter",
		"x() { aws kms decrypt; }; x":                                            "kms:Decrypt",
		"aws \"$service\" list":                                                  "?",
		"aws ssm \"$operation\"":                                                 "?",
		"aws ec2 wait instance-running":                                          "ec2:DescribeInstances",
		"aws nosuch operation":                                                   "?",
		"if then":                                                                "?",
		"#!/usr/bin/env python3\naws ssm get-parameter":                          "",
		"#!/bin/sh\naws ssm \\\n  get-parameter":                                 "ssm:GetParameter",
		"aws 's'\"sm\" get-parameter":                                            "ssm:GetParameter",
	} {
		var got []string
		for _, u := range (script{content: text}).uses() {
			if u.untold != "" {
				got = append(got, "?")
			}
			got = append(got, u.actions...)
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s: -want +got:\n%s", text, diff)
		}
	}
}

// TestR125OneStage: with the plan of one stage, of the others neither what they lack is told, nor that they lack what they declare.
func TestR125OneStage(t *testing.T) {
	t.Parallel()
	const stages = `app: shop
region: eu-west-1
accounts: {dev: "111111111111"}
stages:
  - name: dev
    account: dev
    targets: {tags: {App: shop}}
    permissions: [{actions: [ssm:GetParameter], resources: [parameter/shop/*]}]
    steps: [{command: {name: release, script: release.sh, validate: {script: release.sh}}}]
  - name: prod
    account: dev
    targets: {tags: {App: prod}}
    permissions: [{actions: [ssm:GetParameter], resources: [parameter/shop/*]}]
    steps:
      - command: {name: release, script: release.sh, validate: {script: release.sh}}
      - command: {name: more, document: AWS-RunShellScript, commands: [aws kms decrypt]}
`
	r, err := release.Parse("slipway.yaml", []byte(stages), release.Options{Files: fstest.MapFS{
		"release.sh": &fstest.MapFile{Data: []byte("aws ssm get-parameter --name x\n")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	whole, err := plan.New(r)
	if err != nil {
		t.Fatal(err)
	}
	for stage, want := range map[string]int{"dev": 0, "prod": 1} {
		p, err := whole.Only(stage)
		if err != nil {
			t.Fatal(err)
		}
		if got := Scripts(r, p); len(got) != want {
			t.Errorf("--stage %s: %v, want %d findings", stage, got, want)
		}
	}
}

// TestExamplesDeclareWhatTheyCall keeps the repository's own releases free of findings.
func TestExamplesDeclareWhatTheyCall(t *testing.T) {
	t.Parallel()
	folders, err := os.ReadDir("../../../examples")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, folder := range folders {
		dir := "../../../examples/" + folder.Name()
		source, err := os.ReadFile(dir + "/slipway.yaml")
		if err != nil {
			continue
		}
		r, err := release.Parse("slipway.yaml", source, release.Options{Files: os.DirFS(dir), Set: map[string]string{}})
		if err != nil {
			continue // one that wants --set
		}
		p, err := plan.New(r)
		if err != nil {
			t.Fatal(err)
		}
		seen++
		for _, f := range Scripts(r, p) {
			t.Errorf("%s: %s", folder.Name(), f)
		}
	}
	if seen == 0 {
		t.Error("no example was read")
	}
}

func FuzzUses(f *testing.F) {
	f.Add("aws ssm get-parameter")
	f.Add("aws s3 cp \"$a\" s3://b")
	f.Add("aws s3 cp \"\" 0")
	f.Fuzz(func(t *testing.T, content string) {
		for _, u := range (script{content: content}).uses() {
			if u.line < 1 || u.column < 1 || u.untold == "" && len(u.actions) == 0 {
				t.Errorf("%q: %+v", content, u)
			}
		}
	})
}

// TestCodesAreDocumented: whoever meets one finds what it means.
func TestCodesAreDocumented(t *testing.T) {
	t.Parallel()
	docs, err := os.ReadFile("../../../docs/release-file.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range []finding.Rule{undeclaredRule, untoldRule} {
		if !strings.Contains(string(docs), "| "+string(rule.Code)+" |") {
			t.Errorf("docs/release-file.md does not say what %s is", rule.Code)
		}
	}
}
