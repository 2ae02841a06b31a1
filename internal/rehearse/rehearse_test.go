package rehearse_test

import (
	"context"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/awsclient"
	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/node"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/rehearse"
	"github.com/slipway-cd/slipway/internal/release"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/ship"
)

func TestMain(m *testing.M) {
	node.MaybeInit()
	if text := os.Getenv(childEnv); text != "" {
		os.Exit(ships(text))
	}
	os.Exit(m.Run())
}

// scenario is a release in a local AWS.
type scenario struct {
	aws     *localaws.AWS
	release *release.Release
	plan    *plan.Plan
}

const header = "app: shop\nregion: eu-west-1\nci: {github: {repository: acme/shop, environments: true}}\naccounts: {dev: \"111111111111\", tools: \"999999999999\"}\n"

// start puts the release into a local AWS. change, if given, spoils the rendered roles first.
func start(t *testing.T, stage string, files map[string]string, change ...func(*roles.Set)) scenario {
	t.Helper()
	return startOn(t, "", stage, files, change...)
}

// startOn is start on nodes that hold the genuine agent of a directory; on built-in ones where that is empty.
func startOn(t *testing.T, agent, stage string, files map[string]string, change ...func(*roles.Set)) scenario {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, content := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(content), Mode: 0o755}
	}
	r, err := release.Parse("slipway.yaml", []byte(header+stage), release.Options{Files: fsys})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.New(r)
	if err != nil {
		t.Fatal(err)
	}
	set, err := roles.Render(p)
	if err != nil {
		t.Fatal(err)
	}
	await := 20 * time.Second
	for _, c := range change {
		c(set)
		await = time.Second // nodes may never come
	}
	policy := rehearse.NodePolicy(r, t.TempDir(), os.Getenv)
	policy.AgentDir = agent
	aws, err := localaws.Open(t.Context(), localaws.Config{Dir: t.TempDir(), Nodes: policy, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if err := aws.StopProcesses(ctx); err != nil {
			t.Error(err)
		}
		if err := aws.Close(ctx); err != nil {
			t.Error(err)
		}
		if err := localaws.RemoveDir(aws.Dir()); err != nil {
			t.Error(err)
		}
	})
	s := scenario{aws: aws, release: r, plan: p}
	for _, step := range []func() error{
		func() error { return rehearse.Accounts(t.Context(), aws, p) },
		func() error { return rehearse.Roles(t.Context(), aws, set) },
		func() error { return rehearse.Nodes(t.Context(), aws, r, p) },
		func() error { return aws.Serve("127.0.0.1:0") },
		func() error { return aws.StartNodes(t.Context()) },
		func() error { return aws.AwaitNodes(t.Context(), await) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// config enters the stage's roles as CI would.
func (s scenario) config(t *testing.T, runID string, events func(ship.Event)) ship.Config {
	t.Helper()
	stage := &s.plan.Stages[0]
	enter := func(kind plan.RoleKind) awsclient.Config {
		role, _ := stage.Role(kind)
		config, err := awsclient.Load(t.Context(), awsclient.Options{
			Region: stage.Region, EndpointURL: s.aws.Endpoint(), Credentials: awsclient.Nobody,
		})
		if err != nil {
			t.Fatal(err)
		}
		config, err = awsclient.EnterGitHub(t.Context(), config, rehearse.Token(s.aws, s.release, stage.Name), role.ARN(), "test")
		if err != nil {
			t.Fatal(err)
		}
		return config
	}
	send, watch := stage.Pipeline()
	sender := enter(send)
	var durable ship.Durability
	if r := s.plan.Record; r != nil {
		durable.Bucket = awsclient.NewBucket(sender, r.Region, r.Bucket, r.Account)
		durable.WaitEach = 100 * time.Millisecond
	}
	return ship.Config{
		Durability: durable, Plan: s.plan, Stage: stage.Name, RunID: runID, Send: sender, Watch: enter(watch), Events: events,
		Timing: ship.Timing{TickMin: 50 * time.Millisecond, TickMax: 200 * time.Millisecond, NotYet: 5 * time.Second},
	}
}

// wantPlanned holds everything that the local AWS recorded against the plan.
func (s scenario) wantPlanned(t *testing.T) {
	t.Helper()
	events, err := s.aws.Events().List(t.Context(), gateway.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range events {
		if event.ErrorCode == "AccessDeniedException" || event.ErrorCode == "AccessDenied" {
			t.Errorf("a rendered role was denied: %s", event.ErrorMessage)
		}
	}
	if d := s.plan.Compare(rehearse.Recorded(events), plan.Filter{}); !d.Empty() {
		t.Errorf("the calls that were made are not the calls of the plan:\n%s", d)
	}
}

// sends counts the SendCommand requests that were made.
func (s scenario) sends(t *testing.T) int {
	t.Helper()
	events, err := s.aws.Events().List(t.Context(), gateway.Filter{Name: "SendCommand"})
	if err != nil {
		t.Fatal(err)
	}
	return len(events)
}

const scriptStage = `stages:
  - name: dev
    account: dev
    targets: {tags: {App: shop, Environment: dev}, min: 2}
    steps:
      - command: {name: release, script: release.sh, parameters: {Version: v1}, timeout: 1m, validate: {script: validate.sh, timeout: 1m}}
`

// splitStage is scriptStage with two roles.
var splitStage = strings.Replace(scriptStage, "    account: dev\n", "    account: dev\n    split: true\n", 1)

// withOutput is scriptStage with the output kept.
func withOutput(where string) string {
	return strings.Replace(scriptStage, "timeout: 1m,", "timeout: 1m, output: "+where+",", 1)
}

var scripts = map[string]string{"release.sh": "echo installing $Version\n", "validate.sh": "echo healthy\n"}

// large has a script that the record's bucket holds.
var large = map[string]string{
	"release.sh": strings.Repeat("# a script that no document holds\n", 2000) + "echo installing $Version\n", "validate.sh": "echo healthy\n",
}

// TestR103TheRecordedCallsAreThePlan ships in every shape that the plan has, and wants the local AWS to have recorded
// nothing that the plan does not list, and everything that it lists as always.
func TestR103TheRecordedCallsAreThePlan(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stage string
		files map[string]string
		sends int // 0 for one a step
	}{
		"script by tags": {scriptStage, scripts, 0},
		"split":          {splitStage, scripts, 0},
		"shared document by id": {`stages:
  - name: dev
    account: dev
    targets: {instances: [i-0123456789abcdef0]}
    steps:
      - command: {name: shell, document: AWS-RunShellScript, commands: ["echo one", "echo two"]}
`, nil, 0},
		"two steps":                            {scriptStage + "      - command: {name: warm-up, script: validate.sh}\n", scripts, 0},
		"record":                               {"record: {bucket: shop-record}\n" + scriptStage, scripts, 0},
		"record of another account and region": {"record: {bucket: shop-record, account: tools, region: eu-central-1}\n" + splitStage, scripts, 0},
		"rollout": {`stages:
  - name: dev
    account: dev
    targets: {auto-scaling-group: shop-web, min: 3}
    steps:
      - command: {name: migrate, script: validate.sh, once: true}
      - command:
          name: release
          stop: {script: validate.sh, timeout: 1m}
          install: {script: validate.sh, timeout: 1m}
          start: {script: validate.sh, timeout: 1m}
          validate: {script: validate.sh, timeout: 1m}
          rollout: {batches: [1, 100%], pause: 1s, validate: {script: validate.sh, timeout: 1m}, min-healthy: 1}
`, scripts, 5},
		"large script":                      {"record: {bucket: shop-record}\n" + scriptStage, large, 0},
		"large script from another account": {"record: {bucket: shop-record, account: tools, region: eu-central-1}\n" + splitStage, large, 0},
		"output to logs":                    {withOutput("{log-group: /shop/deploy}"), scripts, 0},
		"output to a bucket":                {withOutput("{bucket: shop-output, prefix: deploys}"), scripts, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, c.stage, c.files)
			result, err := ship.Deploy(t.Context(), s.config(t, "run-1", nil))
			if err != nil {
				t.Fatal(err)
			}
			if result.Verdict != ship.Succeeded {
				t.Fatalf("verdict %s: %+v", result.Verdict, result)
			}
			if got, want := s.sends(t), max(c.sends, len(s.plan.Stages[0].Steps)); got != want {
				t.Errorf("%d SendCommand calls, want %d", got, want)
			}
			s.wantPlanned(t)
		})
	}
}

// TestR108ControlCodesAreReported wants a script's exit code that the agent would take for a control code to fail the
// node, and the reason to be said.
func TestR108ControlCodesAreReported(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"137", "168", "169", "194"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			s := start(t, scriptStage, map[string]string{"release.sh": "echo leaving\nexit " + code + "\n", "validate.sh": "echo healthy\n"})
			result, err := ship.Deploy(t.Context(), s.config(t, "run-1", nil))
			if err != nil {
				t.Fatal(err)
			}
			if result.Verdict != ship.Failed || !slices.ContainsFunc(result.Steps[0].Nodes, func(n ship.NodeResult) bool { return n.Verdict == ship.Failed }) {
				t.Fatalf("exit %s: verdict %s, want failed: %+v", code, result.Verdict, result)
			}
			for _, n := range result.Steps[0].Nodes {
				if n.Verdict == ship.NotStarted { // Run Command begins with one node, and the first error ends it
					continue
				}
				if len(n.Steps) == 0 || !containsCode(n.Steps[0].Stderr, code) || n.Steps[0].ExitCode != 1 {
					t.Errorf("exit %s on %s is not explained: %+v", code, n.InstanceID, n.Steps)
				}
			}
			s.wantPlanned(t)
		})
	}
}

// containsCode says whether an explanation names an exit code.
func containsCode(text, code string) bool {
	return slices.Contains(regexp.MustCompile(`[0-9]+`).FindAllString(text, -1), code)
}

// TestR101AnInterruptCancelsAndTellsTheTruth interrupts a deploy while its command runs.
func TestR101AnInterruptCancelsAndTellsTheTruth(t *testing.T) {
	t.Parallel()
	s := start(t, scriptStage, map[string]string{"release.sh": "echo started; sleep 60\n", "validate.sh": "echo healthy\n"})
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	config := s.config(t, "run-1", func(e ship.Event) {
		if e.Kind == ship.EventSent {
			time.AfterFunc(500*time.Millisecond, interrupt)
		}
	})
	result, err := ship.Deploy(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	if !result.Interrupted || result.Exit() != 130 {
		t.Fatalf("got exit %d, interrupted %v, want 130", result.Exit(), result.Interrupted)
	}
	verdicts := map[ship.Verdict]int{}
	for _, n := range result.Steps[0].Nodes {
		verdicts[n.Verdict]++
		if n.StatusDetails != "Cancelled" {
			t.Errorf("%s: %s, want Cancelled", n.InstanceID, n.StatusDetails)
		}
	}
	// Run Command begins with one node; the other was cancelled before it began.
	if verdicts[ship.Failed] != 1 || verdicts[ship.NotStarted] != 1 {
		t.Errorf("got %v, want one failed and one not started", verdicts)
	}
	if running, err := s.aws.Drain(t.Context(), 5*time.Second); err != nil || running != 0 {
		t.Errorf("%d commands still run, %v", running, err)
	}
	s.wantPlanned(t)
}

// TestR021ANodeRoleThatEC2MayNotAssume gives the node role a trust policy without ec2.amazonaws.com: the nodes never
// report, and the deploy says why before it sends anything.
func TestR021ANodeRoleThatEC2MayNotAssume(t *testing.T) {
	t.Parallel()
	s := start(t, scriptStage, scripts, func(set *roles.Set) {
		for i := range set.Roles {
			if set.Roles[i].Kind == plan.KindNode {
				set.Roles[i].Trust.Statements[0].Principals[0].Values = []string{"lambda.amazonaws.com"}
			}
		}
	})
	result, err := ship.Deploy(t.Context(), s.config(t, "run-1", nil))
	if err != nil {
		t.Fatal(err)
	}
	if result.Verdict != ship.Refused || result.Exit() != 4 || result.Problem == nil || !strings.Contains(result.Problem.Hint, "ec2.amazonaws.com") {
		t.Errorf("got %s, %+v, want refused and the trust policy named", result.Verdict, result.Problem)
	}
	if got := s.sends(t); got != 0 {
		t.Errorf("%d commands were sent", got)
	}
}

// TestR005EveryReadThatIsMissingIsFoundBeforeTheSend takes each permission that a deploy always needs from the deploy
// role in turn: nothing may be sent.
func TestR005EveryReadThatIsMissingIsFoundBeforeTheSend(t *testing.T) {
	t.Parallel()
	for _, action := range []string{
		"ssm:GetCommandInvocation", "ssm:ListCommandInvocations", "ssm:ListCommands", "ssm:DescribeInstanceInformation",
		"ec2:DescribeInstances", "ssm:DescribeDocument", "ssm:CreateDocument", "ssm:SendCommand",
	} {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			s := start(t, scriptStage, scripts, func(set *roles.Set) { forbid(set, action) })
			result, err := ship.Deploy(t.Context(), s.config(t, "run-1", nil))
			if err != nil {
				t.Fatal(err)
			}
			if result.Verdict != ship.Refused || result.Problem == nil || result.Problem.Action != action || result.Problem.Statement == "" {
				t.Errorf("got %s, %+v, want refused for want of %s, with the statement", result.Verdict, result.Problem, action)
			}
			events, err := s.aws.Events().List(t.Context(), gateway.Filter{Name: "SendReply"})
			if err != nil || len(events) != 0 {
				t.Errorf("%d replies of nodes, %v: something ran", len(events), err)
			}
		})
	}
}

// forbid adds an explicit deny of one action to every policy of the pipeline's roles.
func forbid(set *roles.Set, action string) {
	for i := range set.Roles {
		if set.Roles[i].Kind == plan.KindNode {
			continue
		}
		for _, policy := range set.Roles[i].Policies {
			policy.Document.Statements = append(policy.Document.Statements, iam.Statement{
				Sid: "Forbidden", Effect: iam.Deny, Actions: []string{action}, Resources: []string{"*"},
			})
		}
	}
}

// TestR120AnUnknownIsResolvedByTheNextDeploy loses the permission to read while a command runs, so that its outcome is
// unknown; the next deploy, which may read again, tells what became of it before it sends.
func TestR120AnUnknownIsResolvedByTheNextDeploy(t *testing.T) {
	t.Parallel()
	s := start(t, scriptStage, scripts)
	set, err := roles.Render(s.plan)
	if err != nil {
		t.Fatal(err)
	}
	forbid(set, "ssm:ListCommandInvocations")
	result, err := ship.Deploy(t.Context(), s.config(t, "run-1", func(e ship.Event) {
		if e.Kind == ship.EventSent {
			if err := rehearse.Roles(t.Context(), s.aws, set); err != nil {
				t.Error(err)
			}
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	if result.Verdict != ship.Unknown || result.Exit() != 3 || result.Steps[0].CommandID == "" {
		t.Fatalf("got %s, %+v, want unknown", result.Verdict, result)
	}
	if set, err = roles.Render(s.plan); err != nil {
		t.Fatal(err)
	}
	if err := rehearse.Roles(t.Context(), s.aws, set); err != nil {
		t.Fatal(err)
	}
	if running, err := s.aws.Drain(t.Context(), 20*time.Second); err != nil || running != 0 {
		t.Fatalf("%d still run, %v", running, err)
	}
	var told ship.Event
	result, err = ship.Deploy(t.Context(), s.config(t, "run-2", func(e ship.Event) {
		if e.Kind == ship.EventEarlier {
			told = e
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	if result.Verdict != ship.Succeeded || told.Verdict != ship.Succeeded {
		t.Errorf("got %s, and of the earlier send %+v", result.Verdict, told)
	}
}
