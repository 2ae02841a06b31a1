package pipelines

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// job is a workflow with one job, of these lines.
func workflowOf(lines string) string {
	return "on: push\njobs:\n  ship:\n    runs-on: ubuntu-latest\n" + lines
}

const (
	guarded = "    concurrency: dev\n    permissions: {id-token: write}\n"
	deploys = "    steps:\n      - run: slipway deploy --stage dev\n"
)

// TestR121 holds workflows against a release whose stage dev takes 16 minutes: 5 to deliver, 11 to execute.
func TestR121(t *testing.T) {
	t.Parallel()
	p := planned(t, oneStage)
	for name, tt := range map[string]struct {
		workflow string
		want     []string // file:line:column and code
	}{
		"nothing wrong":              {workflowOf(guarded + "    timeout-minutes: 16\n" + deploys), nil},
		"GitHub's default is enough": {workflowOf(guarded + deploys), nil},
		"job below":                  {workflowOf(guarded + "    timeout-minutes: 15\n" + deploys), []string{"w.yml:7:22: SLW121"}},
		"step below":                 {workflowOf(guarded + "    steps:\n      - timeout-minutes: 15.5\n        run: slipway deploy\n"), []string{"w.yml:8:26: SLW121"}},
		"an expression":              {workflowOf(guarded + "    timeout-minutes: ${{ fromJSON('5') }}\n" + deploys), []string{"w.yml:7:22: SLW121"}},
		"two deploys in one job": {workflowOf(guarded + "    timeout-minutes: 20\n    steps:\n      - run: slipway deploy\n      - run: slipway deploy --stage=dev\n"),
			[]string{"w.yml:7:22: SLW121"}},
		"the action":               {workflowOf(guarded + "    timeout-minutes: 5\n    steps:\n      - uses: slipway-cd/slipway@v1\n        with: {stage: dev}\n"), []string{"w.yml:7:22: SLW121"}},
		"the action, prove":        {workflowOf("    timeout-minutes: 5\n    steps:\n      - uses: slipway-cd/slipway@v1\n        with: {command: prove}\n"), nil},
		"resume watches too":       {workflowOf(guarded + "    timeout-minutes: 5\n    steps:\n      - run: slipway resume $ID --stage dev\n"), []string{"w.yml:7:22: SLW121"}},
		"detached":                 {workflowOf(guarded + "    timeout-minutes: 5\n    steps:\n      - run: slipway deploy --detach\n"), nil},
		"a local AWS":              {workflowOf("    timeout-minutes: 5\n    steps:\n      - run: slipway deploy --local\n"), nil},
		"nobody's script":          {workflowOf("    timeout-minutes: 5\n    steps:\n      - run: echo slipway deploy; if\n"), nil},
		"no concurrency, no token": {workflowOf(deploys), []string{"w.yml:3:3: SLW109", "w.yml:3:3: SLW110"}},
		"cancelled by newer runs": {workflowOf("    concurrency: {group: dev, cancel-in-progress: true}\n    permissions: write-all\n" + deploys),
			[]string{"w.yml:5:5: SLW110"}},
		"of the whole workflow":   {"concurrency: dev\npermissions: {id-token: write}\n" + workflowOf(deploys), nil},
		"a profile has its keys":  {workflowOf("    concurrency: dev\n    steps:\n      - run: slipway deploy --profile p\n"), nil},
		"token for configure-aws": {workflowOf("    permissions: {contents: read}\n    steps:\n      - uses: aws-actions/configure-aws-credentials@v4\n        with: {role-to-assume: r, aws-region: r}\n"), []string{"w.yml:5:5: SLW109"}},
		"keys of configure-aws":   {workflowOf("    steps:\n      - uses: aws-actions/configure-aws-credentials@v4\n        with: {aws-access-key-id: k, aws-secret-access-key: s, role-to-assume: r, aws-region: r}\n"), nil},
		"not a workflow":          {"on: push\n", []string{"w.yml:1:1: SLW100"}},
	} {
		var got []string
		for _, f := range codesOnly("w.yml", []byte(tt.workflow), Against{Plan: p}) {
			place, _, _ := strings.Cut(f.String(), " SLW")
			got = append(got, place+" "+string(f.Code))
			if f.Fix == "" || f.Message == "" {
				t.Errorf("%s: a finding without words: %+v", name, f)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestR121SendCommand: the AWS CLI's own sends, whose defaults are an hour to deliver and an hour to run.
func TestR121SendCommand(t *testing.T) {
	t.Parallel()
	const (
		send = "    concurrency: dev\n    timeout-minutes: 5\n    steps:\n      - run: |\n          id=$(aws ssm send-command --query Command.CommandId --output text --instance-ids i-1 "
		read = "$(aws ssm get-command-invocation --command-id \"$id\" --instance-id i-1 --query Status --output text)"
		poll = ")\n          until [ " + read + " = Success ]; do sleep 5; done\n"
		wait = ")\n          aws ssm wait command-executed --command-id \"$id\" --instance-id i-1\n"
		long = ")\n          for i in $(seq 1 180); do\n            [ " + read + " = Success ] && exit 0\n            sleep 10\n          done\n          exit 1\n"
		date = ")\n          end=$(( $(date +%s) + 240 ))\n          while [ $(date +%s) -lt $end ]; do\n            [ " + read + " = Success ] && exit 0\n            sleep 10\n          done\n          exit 1\n"
	)
	for name, tt := range map[string]struct{ workflow, want string }{
		"defaults":                      {send + "--document-name AWS-RunShellScript" + poll, "may take 2h"},
		"short-hand":                    {send + `--timeout-seconds 60 --parameters 'commands=["date"],executionTimeout=["300"]'` + poll, "may take 6m"},
		"JSON":                          {send + `--timeout-seconds=60 --parameters '{"commands":["date"],"executionTimeout":["300"]}'` + poll, "may take 6m"},
		"enough":                        {send + `--timeout-seconds 60 --parameters executionTimeout=240` + poll, ""},
		"an expression":                 {send + `--timeout-seconds 60 --parameters executionTimeout=${{ inputs.limit }}` + poll, ""},
		"from a file":                   {send + `--timeout-seconds 60 --parameters file://p.json` + poll, ""},
		"put together":                  {send + `--timeout-seconds 60 --parameters "$P"` + poll, ""},
		"filled into the commands":      {send + `--document-name AWS-RunShellScript --parameters 'commands=["deploy ${{ secrets.TOKEN }}"]'` + poll, "may take 2h"},
		"filled into all":               {send + `--document-name AWS-RunShellScript --timeout-seconds 60 --parameters "commands=$1"` + poll, ""},
		"filled in behind the commands": {send + `--document-name AWS-RunShellScript --timeout-seconds 60 --parameters 'commands=["date"],${{ inputs.more }}'` + poll, ""},
		"a script from elsewhere":       {send + `--document-name AWS-RunRemoteScript --timeout-seconds 60 --parameters sourceType=S3,commandLine=a` + poll, "may take 1h1m"},
		"filled into the document":      {send + `--document-name AWS-RunShellScript-${{ inputs.kind }} --timeout-seconds 60` + poll, ""},
		"all of it in JSON":             {send + `--cli-input-json '{"TimeoutSeconds": 60}'` + poll, ""},
		"nobody watches":                {send + "--document-name AWS-RunShellScript)\n", ""},
		// Of a document of one's own the limit stands in the document.
		"own document": {send + "--document-name shop-release" + poll, "may take 1h"},
		// A script that gives up by itself ends before the command has to (SLW103 is about that).
		"the waiter":      {send + "--document-name AWS-RunShellScript" + wait, ""},
		"a loop":          {send + "--document-name AWS-RunShellScript" + long, "its scripts wait up to 30m for what they send"},
		"a deadline":      {send + "--document-name AWS-RunShellScript" + date, ""},
		"a shorter limit": {send + `--timeout-seconds 60 --parameters executionTimeout=240` + long, ""},
		"two at once": {send + `--timeout-seconds 60 --parameters executionTimeout=180` +
			strings.Replace(poll, "until", "id=$(aws ssm send-command --timeout-seconds 60 --parameters executionTimeout=180 --query Command.CommandId --output text)\n          until", 1), ""},
	} {
		findings := codesOnly("w.yml", []byte(workflowOf(tt.workflow)), Against{})
		if tt.want == "" && len(findings) != 0 || tt.want != "" && (len(findings) != 1 || !strings.Contains(findings[0].Message, tt.want)) {
			t.Errorf("%s: got %v, want %q", name, findings, tt.want)
		}
	}
}

// TestR121TheTrap: D0's own workflow.
func TestR121TheTrap(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../../../examples/two-roles-trap/workflow.yml")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range codesOnly("workflow.yml", content, Against{}) {
		place, _, _ := strings.Cut(f.String(), " SLW")
		got = append(got, place+" "+string(f.Code))
	}
	if diff := cmp.Diff([]string{"workflow.yml:8:3: SLW110", "workflow.yml:19:26: SLW121"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestR121Steps: a job with several steps that ship says which of them takes how long.
func TestR121Steps(t *testing.T) {
	t.Parallel()
	p := planned(t, oneStage)
	const (
		deploy = "      - run: slipway deploy\n"
		send   = "      - run: |\n          id=$(aws ssm send-command --timeout-seconds 60 --parameters executionTimeout=240 --query Command.CommandId --output text)\n" +
			"          until aws ssm list-commands --command-id \"$id\" --query 'Commands[0].Status' --output text | grep Success; do sleep 1; done\n"
	)
	for name, tt := range map[string]struct{ steps, want string }{
		"two programs": {send + deploy, "the job ends after 5m, and what it ships may take 21m for delivery and execution " +
			"(aws ssm send-command in the step of line 9 up to 5m, slipway deploy in the step of line 12 up to 16m): what was shipped would go on unwatched"},
		"one":                    {deploy, "the job ends after 5m, and slipway deploy may take 16m for delivery and execution: what was shipped would go on unwatched"},
		"only one of them takes": {"      - run: slipway deploy --detach\n" + deploy, "the job ends after 5m, and slipway deploy may take 16m for delivery and execution: what was shipped would go on unwatched"},
	} {
		findings := codesOnly("w.yml", []byte(workflowOf(guarded+"    timeout-minutes: 5\n    steps:\n"+tt.steps)), Against{Plan: p})
		if len(findings) != 1 || findings[0].Message != tt.want {
			t.Errorf("%s: got %v, want %q", name, findings, tt.want)
		}
	}
}

// TestR121InAnAction: a step of another file is named with its file.
func TestR121InAnAction(t *testing.T) {
	t.Parallel()
	action := "runs:\n  using: composite\n  steps:\n    - shell: bash\n      run: |\n        id=$(aws ssm send-command --document-name AWS-RunShellScript --query Command.CommandId --output text)\n" +
		"        until [ \"$(aws ssm get-command-invocation --command-id \"$id\" --instance-id i-1 --query Status --output text)\" = Success ]; do sleep 5; done\n"
	files := fstest.MapFS{"ship/action.yml": &fstest.MapFile{Data: []byte(action)}}
	var got []string
	for _, f := range Check("w.yml", []byte(workflowOf("    timeout-minutes: 90\n    steps:\n      - uses: ./ship\n")), Against{}, files) {
		if f.Code == "SLW121" {
			got = append(got, f.Message)
		}
	}
	want := []string{"the job ends after 1h30m, and what it ships may take 2h for delivery and execution (aws ssm send-command in the step of line 4 of " +
		"ship/action.yml up to 2h): what was shipped would go on unwatched"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestW10GroupOfAMatrix: jobs of a matrix that share a group end each other.
func TestW10GroupOfAMatrix(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ lines, want string }{
		"none":             {"", "concurrency: {group: deploy-ship, cancel-in-progress: false}"},
		"a key":            {"    strategy: {matrix: {env: [dev, prod]}}\n", `concurrency: {group: "deploy-ship-${{ matrix.env }}", cancel-in-progress: false}`},
		"two and more":     {"    strategy: {matrix: {env: [dev, prod], region: [a, b], include: [{env: x, region: y}]}}\n", `concurrency: {group: "deploy-ship-${{ matrix.env }}-${{ matrix.region }}", cancel-in-progress: false}`},
		"of what it lists": {"    strategy: {matrix: {include: [{env: x}]}}\n", `concurrency: {group: "deploy-ship-${{ strategy.job-index }}", cancel-in-progress: false}`},
		"of a run":         {"    strategy: {matrix: \"${{ fromJSON(needs.a.outputs.m) }}\"}\n", `concurrency: {group: "deploy-ship-${{ strategy.job-index }}", cancel-in-progress: false}`},
	} {
		var got []string
		for _, f := range codesOnly("w.yml", []byte(workflowOf(tt.lines+"    steps:\n      - run: aws ssm send-command --document-name d\n")), Against{}) {
			if f.Code == "SLW110" {
				got = append(got, f.Fix)
			}
		}
		if diff := cmp.Diff([]string{tt.want}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestSyntaxSaysWhatToWrite: SLW100 says what is to be written, where the parser knows it.
func TestSyntaxSaysWhatToWrite(t *testing.T) {
	t.Parallel()
	for workflow, want := range map[string]string{
		"jobs: {a: {runs-on: x, steps: [{run: date}]}}\n":                      "on: …",
		"on: push\njobs: {a: {runs-on: x, step: [{run: date}]}}\n":             `"steps"`,
		"on: push\njobs: {a: {runs-on: x, steps: [{run: date, uses: a@b}]}}\n": "",
		"on: push\n\tjobs:\n": "no tabs",
	} {
		found := codesOnly("w.yml", []byte(workflow), Against{})
		if len(found) == 0 {
			t.Errorf("%q: nothing found", workflow)
		}
		said := false
		for _, f := range found {
			said = said || f.Fix != "" && strings.Contains(f.Fix, want)
		}
		if !said {
			t.Errorf("%q: %v, want %q", workflow, found, want)
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add([]byte(workflowOf(deploys)))
	f.Add([]byte("on: push\njobs: {a: {runs-on: x, steps: [{run: \"a $(b ${{ c }}\"}]}}"))
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, finding := range codesOnly("w.yml", content, Against{}) {
			if finding.Code == "" || finding.Message == "" {
				t.Errorf("a finding without words: %+v", finding)
			}
		}
	})
}
