package rehearse_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/ship"
)

var faultRuns = flag.String("faults", "", "all: every API call of a deploy with every fault, in place of a sample")

// A sample of the faults takes seconds; all of them take minutes.
const (
	faultSample = 48
	faultSeed   = 5
	// faultsAtOnce is more than there are processors: most of the time is waiting.
	faultsAtOnce = 12
)

const faultStage = header + `stages:
  - name: dev
    account: dev
    targets: {tags: {App: shop, Environment: dev}, min: 3}
    steps:
      - command: {name: migrate, script: migrate.sh, timeout: 1m}
      - command: {name: release, script: release.sh, parameters: {Version: v1}, timeout: 1m, validate: {script: validate.sh, timeout: 1m}}
`

var faultScripts = map[string]string{"migrate.sh": "echo migrating\n", "release.sh": "echo installing $Version\n", "validate.sh": "echo healthy\n"}

// faultCase is one way in which a deploy goes wrong: the n-th call of an operation fails, once or from then on.
type faultCase struct {
	operation string
	n         int
	fault     fault
	always    bool
}

func (c faultCase) String() string {
	how := "once"
	if c.always {
		how = "from then on"
	}
	return fmt.Sprintf("%s %d %s %s", c.operation, c.n, c.fault, how)
}

func (c faultCase) rule(operation string, n int) fault {
	if operation == c.operation && (n == c.n || c.always && n > c.n) {
		return c.fault
	}
	return noFault
}

// passes tells that the fault is of a kind that a deploy bears when it happens once. A command of which nobody knows
// whether it was sent, and which was not, is not: it cannot be found, and is not sent again.
func (c faultCase) passes() bool {
	if c.always || c.fault == denied {
		return false
	}
	if c.operation == "sts:AssumeRoleWithWebIdentity" && (c.fault == hang || c.fault == hangServed) {
		return false // it is given up after seconds, which is longer than the patience of these tests
	}
	return c.operation != "ssm:SendCommand" || c.fault.served() || c.fault == throttled || c.fault == expired
}

// TestFaultsOfEachCall makes every API call of a deploy fail in turn, in every way there is, and holds what the deploy says
// against what the nodes did. Every fault is one of an AWS of its own.
func TestFaultsOfEachCall(t *testing.T) {
	t.Parallel()
	all := faultCases(t)
	cases := all
	if *faultRuns != "all" {
		r := rand.New(rand.NewPCG(faultSeed, 0))
		cases = nil
		for _, i := range r.Perm(len(all))[:min(faultSample, len(all))] {
			cases = append(cases, all[i])
		}
	}
	t.Logf("%d of %d faults", len(cases), len(all))
	verdicts := make(chan ship.Verdict, len(cases))
	var running sync.WaitGroup
	todo := make(chan faultCase)
	for range faultsAtOnce {
		running.Go(func() {
			for c := range todo {
				t.Run(c.String(), func(t *testing.T) { verdicts <- runFault(t, c) })
			}
		})
	}
	for _, c := range cases {
		todo <- c
	}
	close(todo)
	running.Wait()
	close(verdicts)
	counts := map[ship.Verdict]int{}
	for v := range verdicts {
		counts[v]++
	}
	t.Logf("verdicts: %v", counts)
	// The sample must hold faults of every outcome, or it shows nothing.
	for _, v := range []ship.Verdict{ship.Succeeded, ship.Refused, ship.Unknown} {
		if counts[v] == 0 {
			t.Errorf("no deploy ended as %s", v)
		}
	}
}

// faultCases are the faults of each call that a deploy makes when nothing fails.
func faultCases(t *testing.T) []faultCase {
	t.Helper()
	f := startFleet(t, localaws.Config{}, faultStage, faultScripts, nil)
	p := newProxy(t, f.aws.Endpoint(), nil)
	result, err := ship.Deploy(t.Context(), f.configAt(t.Context(), t, "clean", p.URL))
	if err != nil {
		t.Fatal(err)
	}
	if result.Verdict != ship.Succeeded {
		t.Fatalf("without a fault: %+v", result)
	}
	calls, _ := p.made()
	counts := map[string]int{}
	var cases []faultCase
	for _, operation := range calls {
		counts[operation]++
		if polled := map[string]bool{"ssm:ListCommandInvocations": true}; polled[operation] && counts[operation] > 3 {
			continue // how often it is asked is a matter of time
		}
		for _, kind := range faults {
			cases = append(cases, faultCase{operation, counts[operation], kind, false}, faultCase{operation, counts[operation], kind, true})
		}
	}
	return cases
}

// runFault deploys with a fault, judges what the deploy says, and then asks once more when all is well again.
func runFault(t *testing.T, c faultCase) ship.Verdict {
	t.Helper()
	f := startFleet(t, localaws.Config{}, faultStage, faultScripts, nil)
	p := newProxy(t, f.aws.Endpoint(), c.rule)
	config := f.configAt(t.Context(), t, "run-1", p.URL)
	if c.fault == hang || c.fault == hangServed {
		config.Timing.PerCall = time.Second
	}
	var events []string
	config.Events = func(e ship.Event) { events = append(events, fmt.Sprintf("%s %s %s", e.Kind, e.Step, e.Message)) }
	result, err := ship.Deploy(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if t.Failed() {
			t.Logf("%+v\n%s", result, strings.Join(events, "\n"))
		}
	}()
	if _, hit := p.made(); hit == 0 {
		t.Errorf("the call to fail was never made")
	}
	if running, err := f.aws.Drain(t.Context(), 10*time.Second); err != nil || running != 0 {
		t.Fatalf("%d still run, %v", running, err)
	}
	f.wantTrue(t, result)
	f.wantAllTold(t, result)
	f.wantNoneTwice(t)
	if c.passes() && result.Verdict != ship.Succeeded {
		t.Errorf("verdict %s (%+v), want succeeded: the fault passes", result.Verdict, result.Problem)
	}
	f.wantResumed(t, result)
	return result.Verdict
}

// wantTrue holds every verdict against what the nodes really did.
func (f *fleet) wantTrue(t *testing.T, result *ship.Result) {
	t.Helper()
	sends := f.served(t, "SendCommand")
	wantExit := map[ship.Verdict]int{ship.Succeeded: 0, ship.Failed: 1, ship.Unknown: 3, ship.Refused: 4}[result.Verdict]
	if result.Exit() != wantExit {
		t.Errorf("%s is exit %d, want %d", result.Verdict, result.Exit(), wantExit)
	}
	switch {
	case result.Verdict == ship.Refused && len(sends) != 0:
		t.Errorf("refused, which says that nothing was sent: %d were", len(sends))
	case result.Verdict == ship.Unknown && result.Problem == nil:
		t.Error("unknown, without a reason")
	}
	for _, step := range result.Steps {
		if step.Verdict == ship.Succeeded && len(step.Nodes) != len(f.ids) {
			t.Errorf("%s succeeded with %d nodes of %d", step.Name, len(step.Nodes), len(f.ids))
		}
		for _, n := range step.Nodes {
			f.wantTrueNode(t, step, n)
		}
	}
}

// wantAllTold wants a deploy that knows its outcome to speak of every command that a node took.
func (f *fleet) wantAllTold(t *testing.T, result *ship.Result) {
	t.Helper()
	if result.Verdict == ship.Unknown {
		return
	}
	said := map[string]bool{}
	for _, step := range result.Steps {
		said[step.CommandID] = true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, all := range f.taken {
		for _, one := range all {
			if !said[one.command] {
				t.Errorf("%s took command %s, of which the %s deploy says nothing", id, one.command, result.Verdict)
			}
		}
	}
}

// wantTrueNode holds one verdict against what the node did with the command.
func (f *fleet) wantTrueNode(t *testing.T, step ship.StepResult, n ship.NodeResult) {
	t.Helper()
	status, took := f.did(n.InstanceID, step.CommandID)
	switch n.Verdict {
	case ship.Succeeded:
		if status != "Success" {
			t.Errorf("%s on %s: succeeded, and the node did %q", step.Name, n.InstanceID, status)
		}
	case ship.NotStarted:
		if took {
			t.Errorf("%s on %s: not started, and the node did %q", step.Name, n.InstanceID, status)
		}
	case ship.Failed:
		if status == "Success" {
			t.Errorf("%s on %s: failed, and the node did %q", step.Name, n.InstanceID, status)
		}
	}
}

// served are the events of an operation that was served.
func (f *fleet) served(t *testing.T, name string) []gateway.Event {
	t.Helper()
	events, err := f.aws.Events().List(t.Context(), gateway.Filter{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(events, func(e gateway.Event) bool { return e.ErrorCode != "" })
}

// wantNoneTwice wants no command to have been sent twice: neither by its comment, nor to a node.
func (f *fleet) wantNoneTwice(t *testing.T) {
	t.Helper()
	comments := map[string]bool{}
	for _, e := range f.served(t, "SendCommand") {
		comment := commentOf(e)
		if comment == "" || comments[comment] {
			t.Errorf("sent twice, or without a comment: %q", comment)
		}
		comments[comment] = true
	}
}

// commentOf is the comment of a command that was sent.
func commentOf(e gateway.Event) string {
	var request struct {
		Comment string `json:"comment"`
	}
	if err := json.Unmarshal(e.RequestParameters, &request); err != nil {
		return ""
	}
	return request.Comment
}

// wantResumed asks for what was unknown once more, now that nothing fails: the truth must be told, and nothing sent.
func (f *fleet) wantResumed(t *testing.T, result *ship.Result) {
	t.Helper()
	sends := len(f.served(t, "SendCommand"))
	for _, step := range result.Steps {
		if step.Verdict != ship.Unknown || step.CommandID == "" {
			continue
		}
		again, err := ship.Resume(t.Context(), f.configAt(context.WithoutCancel(t.Context()), t, "run-2", f.aws.Endpoint()), step.CommandID)
		if err != nil {
			t.Error(err)
			continue
		}
		if again.Verdict != ship.Succeeded {
			t.Errorf("resumed, %s is %s: %+v", step.Name, again.Verdict, again)
		}
		f.wantTrue(t, again)
	}
	if got := len(f.served(t, "SendCommand")); got != sends {
		t.Errorf("%d more were sent by resume", got-sends)
	}
}
