package pipelines

import (
	"fmt"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/slipway-cd/slipway/internal/finding"
)

// found are the places of one code in the file w.yml of an archive, or in a text that is that file.
func found(text string, code finding.Code) []string {
	archive := txtar.Parse([]byte(text))
	files := fstest.MapFS{}
	for _, f := range archive.Files {
		files[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	if len(archive.Files) == 0 {
		files["w.yml"] = &fstest.MapFile{Data: []byte(text)}
	}
	var list []string
	for _, f := range Check("w.yml", files["w.yml"].Data, Against{}, files) {
		if f.Code == code {
			list = append(list, fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column))
		}
	}
	return list
}

// twins is a rule, a text that has what it looks for, and one that has not.
type twins struct {
	code      finding.Code
	bad, good string
	want      []string
}

func (tw twins) check(t *testing.T) {
	t.Helper()
	if diff := cmp.Diff(tw.want, found(tw.bad, tw.code)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", tw.code, diff)
	}
	if got := found(tw.good, tw.code); len(got) > 0 {
		t.Errorf("%s: the near twin has it too: %v", tw.code, got)
	}
}

func steps(lines string) string { return workflowOf("    steps:\n" + lines) }

// TestR017DocumentOfItsOwn and R28: a pipeline that sends AWS-RunShellScript is told to send a document of its own.
func TestR017DocumentOfItsOwn(t *testing.T) {
	t.Parallel()
	twins{
		"SLW140", steps("      - run: aws ssm send-command --document-name AWS-RunShellScript\n"),
		steps("      - run: aws ssm send-command --document-name shop-release\n"), []string{"w.yml:6:14"},
	}.check(t)
}

// TestR028WhateverItIsSent: every document that runs what it is sent, by name, by ARN, by a variable, as an input.
func TestR028WhateverItIsSent(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"AWS-RunShellScript", "AWS-RunPowerShellScript", "AWS-RunRemoteScript", "AWS-RunDocument", "arn:aws:ssm:eu-west-1::document/AWS-RunShellScript"} {
		twins{
			"SLW140", steps("      - env: {DOC: " + name + "}\n        run: aws ssm send-command --document-name \"$DOC\"\n"),
			steps("      - env: {DOC: " + name + "}\n        run: DOC=shop-release; aws ssm send-command --document-name \"$DOC\"\n"), []string{"w.yml:7:14"},
		}.check(t)
	}
	if !slices.Contains(openDocumentRule.Requirements, "R28") {
		t.Error("the rule does not say what it rests on")
	}
}

// TestR033KeysOfUsers: a key that stands in a secret, or in the file.
func TestR033KeysOfUsers(t *testing.T) {
	t.Parallel()
	twins{
		"SLW129", steps("      - uses: somebody/deploy@v1\n        with: {aws_access_key_id: '${{ secrets.KEY }}'}\n"),
		steps("      - uses: somebody/deploy@v1\n        with: {aws_access_key_id: '${{ secrets.KEY }}', endpoint: 'https://s3.example'}\n"), []string{"w.yml:7:16"},
	}.check(t)
	twins{
		"SLW146", steps("      - run: aws configure set aws_access_key_id AKIAQWERTZUIOPASDFGH\n"),
		steps("      - run: aws configure set aws_access_key_id AKIAIOSFODNN7EXAMPLE\n"), []string{"w.yml:6:50"},
	}.check(t)
}

// TestR089KeysInSecrets: through a reusable workflow, where the secret has another name.
func TestR089KeysInSecrets(t *testing.T) {
	t.Parallel()
	const called = "-- .github/workflows/ship.yml --\non:\n  workflow_call:\n    secrets: {key: {}}\n    inputs: {id: {type: string}}\njobs:\n  ship:\n    runs-on: x\n    steps:\n" +
		"      - uses: aws-actions/configure-aws-credentials@v4\n        with: {aws-access-key-id: '%s', aws-region: r}\n"
	const caller = "-- w.yml --\non: push\njobs:\n  ship:\n    uses: ./.github/workflows/ship.yml\n    secrets: {key: '${{ secrets.PROD_KEY }}'}\n    with: {id: '%s'}\n"
	twins{
		"SLW129", fmt.Sprintf(caller, "x") + fmt.Sprintf(called, "${{ secrets.key }}"),
		fmt.Sprintf(caller, "x") + fmt.Sprintf(called, "${{ inputs.id }}"), []string{".github/workflows/ship.yml:10:16"},
	}.check(t)
	twins{
		"SLW129", fmt.Sprintf(caller, "${{ secrets.PROD_KEY }}") + fmt.Sprintf(called, "${{ inputs.id }}"),
		fmt.Sprintf(caller, "${{ secrets.PROD_KEY != '' }}") + fmt.Sprintf(called, "${{ inputs.id }}"), []string{".github/workflows/ship.yml:10:16"},
	}.check(t)
}

// TestR058OutputIsKept: by a log group or a bucket.
func TestR058OutputIsKept(t *testing.T) {
	t.Parallel()
	twins{
		"SLW145", steps("      - run: aws ssm send-command --document-name d\n"),
		steps("      - run: aws ssm send-command --document-name d --cloud-watch-output-config CloudWatchOutputEnabled=true\n"), []string{"w.yml:6:14"},
	}.check(t)
}

// TestR090StagesInOrder: a later stage waits for an earlier one, directly or through tests.
func TestR090StagesInOrder(t *testing.T) {
	t.Parallel()
	jobs := func(needs string) string {
		return "on: push\njobs:\n  deploy-dev: {runs-on: x, steps: [{run: slipway deploy --stage dev}]}\n  test: {runs-on: x, needs: deploy-dev, steps: [{run: make test}]}\n" +
			"  deploy-prod: {runs-on: x, " + needs + "steps: [{run: slipway deploy --stage prod}]}\n"
	}
	twins{"SLW141", jobs(""), jobs("needs: [test], "), []string{"w.yml:5:3"}}.check(t)
}

// TestR091CredentialsOfOneStage: keys are not there for steps and jobs that they are not for.
func TestR091CredentialsOfOneStage(t *testing.T) {
	t.Parallel()
	twins{
		"SLW142", "on: push\nenv: {AWS_SECRET_ACCESS_KEY: '${{ secrets.S }}'}\njobs:\n  a: {runs-on: x, steps: [{run: date}]}\n",
		"on: push\njobs:\n  a: {runs-on: x, steps: [{run: date, env: {AWS_SECRET_ACCESS_KEY: '${{ secrets.S }}'}}]}\n", []string{"w.yml:2:7"},
	}.check(t)
}

// TestR093ExecutionRoleIsPassed: cdk has one by its bootstrap, and serverless may have it in its file.
func TestR093ExecutionRoleIsPassed(t *testing.T) {
	t.Parallel()
	twins{
		"SLW143", steps("      - run: aws cloudformation deploy --stack-name s --template-file t\n"),
		steps("      - run: aws cloudformation deploy --stack-name s --template-file t --role-arn $R\n      - run: npx cdk deploy\n"), []string{"w.yml:6:14"},
	}.check(t)
	const sls = "-- w.yml --\non: push\njobs:\n  a: {runs-on: x, steps: [{run: sls deploy}]}\n-- serverless.yml --\nservice: shop\n"
	twins{"SLW143", sls, sls + "provider: {iam: {deploymentRole: x}}\n", []string{"w.yml:3:33"}}.check(t)
}

// TestR098OfCalledWorkflows: permission and concurrency may stand with the caller, and are asked for there.
func TestR098OfCalledWorkflows(t *testing.T) {
	t.Parallel()
	const called = "-- .github/workflows/ship.yml --\non: workflow_call\njobs:\n  ship:\n    runs-on: x\n    steps:\n      - uses: aws-actions/configure-aws-credentials@v4\n" +
		"        with: {role-to-assume: r, aws-region: r}\n      - run: aws ssm send-command --document-name d\n"
	const caller = "-- w.yml --\non: push\n%sjobs:\n  ship: {uses: ./.github/workflows/ship.yml}\n"
	twins{"SLW109", fmt.Sprintf(caller, "") + called, fmt.Sprintf(caller, "permissions: {id-token: write}\n") + called, []string{"w.yml:3:3"}}.check(t)
	twins{"SLW110", fmt.Sprintf(caller, "") + called, fmt.Sprintf(caller, "concurrency: ship\n") + called, []string{".github/workflows/ship.yml:3:3"}}.check(t)
	alone := txtar.Parse([]byte(called)).Files[0].Data
	for _, f := range Check("ship.yml", alone, Against{}, nil) {
		if f.Code == "SLW109" || f.Code == "SLW110" {
			t.Errorf("nobody knows its callers: %v", f)
		}
	}
}

// TestAnchors: GitHub takes them, and what they stand for is read.
func TestAnchors(t *testing.T) {
	t.Parallel()
	text := "on: push\njobs:\n  a: &job\n    runs-on: x\n    steps:\n      - run: aws ssm send-command --document-name AWS-RunShellScript\n  b: *job\n"
	if got := found(text, "SLW100"); len(got) > 0 {
		t.Errorf("anchors are refused: %v", got)
	}
	if got := found(text, "SLW140"); len(got) != 1 {
		t.Errorf("found %v, want one place once", got)
	}
}

// TestHostileWorkflows are large, or refer to themselves, and are done with all the same.
func TestHostileWorkflows(t *testing.T) {
	t.Parallel()
	many := "on: push\njobs:\n  a: &a\n    steps: &s\n"
	for range 3000 {
		many += "      - {run: x}\n"
	}
	for i := range 400 {
		many += fmt.Sprintf("  j%d: {steps: *s}\n", i)
	}
	if got := found(many, "SLW100"); len(got) != 1 {
		t.Errorf("too many steps: %v", got)
	}
	found("on: push\njobs:\n  a: &a {env: &e {X: *e}, steps: [*a], needs: *a}\n", "SLW100")
}

// TestR020CommandsThatGoOn: a list of commands is one script of sh without errexit; what && joins ends with the first that
// fails.
func TestR020CommandsThatGoOn(t *testing.T) {
	t.Parallel()
	const send = "      - run: |\n          aws ssm send-command --document-name AWS-RunShellScript --parameters 'commands=%s'\n"
	twins{
		"SLW112", steps(fmt.Sprintf(send, `["cd /opt/app","docker compose pull","docker compose up -d"]`)),
		steps(fmt.Sprintf(send, `["cd /opt/app && docker compose pull && docker compose up -d"]`)), []string{"w.yml:7:67"},
	}.check(t)
}

// TestSLW100KnowsQueues: GitHub takes queue in concurrency, of a workflow and of a job, and no other key there.
func TestSLW100KnowsQueues(t *testing.T) {
	t.Parallel()
	const workflow = `on: push
concurrency: {group: ship, %s: max}
jobs:
  build:
    runs-on: ubuntu-latest
    concurrency:
      group: build
      %s: max
    steps:
      - run: make
`
	if got := found(fmt.Sprintf(workflow, "queue", "queue"), "SLW100"); len(got) != 0 {
		t.Errorf("queue: %v", got)
	}
	if got := found(fmt.Sprintf(workflow, "queues", "queue-max"), "SLW100"); len(got) != 2 {
		t.Errorf("keys that there are not: %v", got)
	}
}
