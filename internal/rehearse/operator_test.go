package rehearse_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/awsclient"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	localiam "github.com/slipway-cd/slipway/internal/localaws/iam"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/rehearse"
	"github.com/slipway-cd/slipway/internal/ship"
)

const (
	person        = "alice"
	operatedStage = `operators: {users: [` + person + `]}
record: {bucket: shop-record}
variables: {version: v0}
stages:
  - name: dev
    account: dev
    targets: {tags: {App: shop, Environment: dev}, min: 2}
    steps:
      - command: {name: migrate, script: migrate.sh, once: true, timeout: 1m}
      - command:
          name: release
          script: release.sh
          parameters: {Version: "${version}"}
          timeout: 1m
          output: {log-group: /shop/deploy}
          rollout: {batches: [1, 100%]}
      - test: {name: smoke, run: smoke.sh, allow: [{action: "ssm:GetParameter", resource: parameter/shop/version}]}
`
)

var operatedFiles = map[string]string{
	"smoke.sh":   "#!/bin/sh\n",
	"migrate.sh": "echo migrated\n", "release.sh": `case "$Version" in
v1) seq 1 10000 ;; # more than Run Command shows
v3) sleep 1 ;;     # which is killed meanwhile
slow) sleep 50 ;;
esac
`,
}

// operator is somebody at work with the role of operators, and nothing else.
type operator struct {
	scenario
	own    awsclient.Config // the person's
	config awsclient.Config
}

// enterOperator makes the person, with a user's keys that may do nothing but enter the role.
func enterOperator(t *testing.T, s scenario) operator {
	t.Helper()
	stage := &s.plan.Stages[0]
	role, ok := stage.Role(plan.KindOperator)
	if !ok {
		t.Fatal("the plan has no role for operators")
	}
	keys, err := s.aws.PutUser(t.Context(), localiam.UserSpec{Account: stage.Account, Name: person, Path: "/", Policies: map[string][]byte{
		"enter": []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":["` +
			role.ARN() + `","` + strings.TrimSuffix(role.ARN(), "Operator") + `Test"]}]}`),
	}})
	if err != nil {
		t.Fatal(err)
	}
	own := awsclient.ForEndpoint(s.aws.Endpoint(), stage.Region, awsclient.Keys(keys.AccessKeyID, keys.SecretAccessKey))
	return operator{s, own, awsclient.EnterRole(t.Context(), own, role.ARN(), person)}
}

// as is the configuration of a command of the operator's.
func (o operator) as(t *testing.T, run string) ship.Config {
	t.Helper()
	cfg := o.durable(t, run, o.scenario.config(t, run, nil).Send)
	cfg.Send, cfg.Watch = o.config, o.config
	cfg.RunTest = func(ctx context.Context, _ plan.Test) error {
		role, _ := o.plan.Stages[0].Role(plan.KindTest)
		_, err := awsclient.EnterRole(ctx, o.own, role.ARN(), person).Credentials.Retrieve(ctx)
		return err
	}
	cfg.Bucket = awsclient.NewBucket(o.config, o.plan.Record.Region, o.plan.Record.Bucket, o.plan.Record.Account)
	return cfg
}

// deploy ships a version as the pipeline does.
func (o operator) deploy(t *testing.T, version string, events func(ship.Event)) *ship.Result {
	t.Helper()
	cfg := o.durable(t, version, awsclient.Config{})
	_, p, err := parse(operatedStage, operatedFiles, version)
	if err != nil {
		t.Fatal(err)
	}
	p.Record = cfg.Plan.Record
	cfg.Plan, cfg.Events = p, events
	cfg.RunTest = func(ctx context.Context, _ plan.Test) error {
		role, _ := p.Stages[0].Role(plan.KindTest)
		config := awsclient.ForEndpoint(o.aws.Endpoint(), "eu-west-1", awsclient.Nobody)
		_, err := awsclient.EnterGitHub(ctx, config, rehearse.Token(o.aws, o.release, "dev"), role.ARN(), "test")
		return err
	}
	result, err := ship.Deploy(t.Context(), cfg)
	if err != nil {
		t.Error(err)
		return &ship.Result{}
	}
	return result
}

// look does what status, history and lock status do.
func (o operator) look(t *testing.T, deploys int) {
	t.Helper()
	book, err := ship.OpenBook(t.Context(), o.as(t, "look"), false)
	if err != nil {
		t.Fatal(err)
	}
	live, err := book.LiveNodes(t.Context())
	if err != nil || len(live) != 2 {
		t.Fatalf("%d nodes: %v", len(live), err)
	}
	if _, err := book.Survey(t.Context(), live, book.Named()); err != nil {
		t.Error(err)
	}
	if found, err := book.History(t.Context(), 10); err != nil || len(found) != deploys {
		t.Errorf("%d deploys, want %d: %v", len(found), deploys, err)
	}
	if lock, err := book.Lock(t.Context()); err != nil || lock.Held {
		t.Errorf("lock %+v: %v", lock, err)
	}
}

// TestR124OperatorsWork does all that operators are there for with their role alone: they look, go back, take up a deploy that
// was killed in the midst of its rollout, find out about one command, and cancel. What they call is planned for them, and
// what is planned for them is called.
func TestR124OperatorsWork(t *testing.T) {
	t.Parallel()
	o := enterOperator(t, start(t, operatedStage, operatedFiles))
	for _, version := range []string{"v1", "v2"} {
		if r := o.deploy(t, version, nil); r.Verdict != ship.Succeeded {
			t.Fatalf("deploy of %s: %s: %+v", version, r.Verdict, r.Problem)
		}
	}
	o.look(t, 2)
	back, err := ship.Rollback(t.Context(), o.as(t, "back"), "")
	if err != nil || back.Verdict != ship.Succeeded {
		t.Fatalf("rollback: %v, %s: %+v", err, back.Verdict, back.Problem)
	}
	one, err := ship.Resume(t.Context(), o.as(t, "one"), back.Steps[len(back.Steps)-1].CommandID)
	if err != nil || one.Verdict != ship.Succeeded {
		t.Errorf("one command: %v, %s: %+v", err, one.Verdict, one.Problem)
	}

	killed := child{Stage: operatedStage, Files: operatedFiles, RunID: "killed", Version: "v3", diesAt: "sent  command"}
	cmd, _, events := killed.start(t, o.scenario)
	if err := cmd.Wait(); err == nil {
		t.Fatalf("it was not killed:\n%s", events)
	}
	before := o.sends(t)
	taken, err := ship.Continue(t.Context(), o.as(t, "taken"), ship.Continuing{})
	if err != nil || taken.Verdict != ship.Succeeded {
		t.Errorf("resume: %v, %s: %+v; killed after\n%s", err, taken.Verdict, taken.Problem, events)
	}
	if len(taken.Tests) != 1 || taken.Tests[0].Verdict != ship.Succeeded {
		t.Errorf("the test of the deploy that was taken up: %+v", taken.Tests)
	}
	if o.sends(t) == before {
		t.Errorf("the resume had nothing to send; the deploy was killed after\n%s", events)
	}

	running, done := make(chan struct{}), make(chan *ship.Result, 1)
	go func() {
		var told bool
		done <- o.deploy(t, "slow", func(e ship.Event) {
			if !told && e.Kind == ship.EventNode && e.Step == "release" && e.Status == "InProgress" {
				told = true
				close(running)
			}
		})
	}()
	<-running
	cancelled, err := ship.Cancel(t.Context(), o.as(t, "cancel"), "")
	if err != nil || cancelled.Verdict != ship.Failed {
		t.Errorf("cancel: %v, %s: %+v", err, cancelled.Verdict, cancelled.Problem)
	}
	if r := <-done; r.Verdict != ship.Failed {
		t.Errorf("the deploy that was cancelled: %s", r.Verdict)
	}
	o.look(t, 5)
	o.wantOwnCalls(t)
}

// wantOwnCalls wants what the operator called to be what is planned for operators, and no less.
func (o operator) wantOwnCalls(t *testing.T) {
	t.Helper()
	events, err := o.aws.Events().List(t.Context(), gateway.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	role, _ := o.plan.Stages[0].Role(plan.KindOperator)
	var made []plan.Recorded
	for _, call := range rehearse.Recorded(events) {
		if call.Principal == role.Name {
			made = append(made, call)
		}
	}
	for _, event := range events {
		if event.UserIdentity.UserName == person && event.EventName != "" {
			made = append(made, plan.Recorded{Account: role.Account, Principal: string(plan.KindPeople),
				Action: "sts:" + event.EventName, Resources: []string{event.Slipway.Checks[0].Resource}})
		}
		if strings.HasPrefix(event.ErrorCode, "AccessDenied") {
			t.Errorf("denied: %s", event.ErrorMessage)
		}
	}
	if d := o.plan.Compare(made, plan.Filter{}); len(d.Outside) > 0 {
		t.Errorf("operators do what is not planned for them:\n%s", plan.Difference{Outside: d.Outside})
	}
	for _, c := range o.plan.Stages[0].Calls {
		if c.Role != plan.KindOperator && c.Role != plan.KindPeople {
			continue
		}
		if !slices.ContainsFunc(made, func(m plan.Recorded) bool { return m.Action == c.Action }) {
			t.Errorf("%s is planned for operators (%s: %s), and none of their commands made it", c.Action, c.When, c.Reason)
		}
	}
	o.wantNothingElse(t)
}
