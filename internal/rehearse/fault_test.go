package rehearse_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/rehearse"
	"github.com/slipway-cd/slipway/internal/release"
	"github.com/slipway-cd/slipway/internal/ship"
)

var (
	faultRuns = flag.Int("faults", 16, "how many faults TestFaultsOfEachCall tries of each release; 0 is all, which takes half an hour")
	faultSeed = flag.Uint64("fault-seed", 5, "which faults TestFaultsOfEachCall tries")
)

const (
	// faultsAtOnce is more than there are processors: most of the time is waiting.
	faultsAtOnce = 24
	// outcomesFrom is how many faults meet every outcome, however fast the machine is; CI tries more.
	outcomesFrom = 60
)

// faultShape is a release whose calls are made to fail.
type faultShape struct {
	name, stage string
	// answer is how a node ends a command; see [fleet]. verdict is the deploy's without a fault.
	answer  func(id string, n int) (status string, code int)
	verdict ship.Verdict
}

const (
	oneSendStage = header + `stages:
  - name: dev
    account: dev
    targets: {tags: {App: shop, Environment: dev}, min: 3}
    steps:
      - command: {name: migrate, script: migrate.sh, timeout: 1m}
      - command: {name: release, script: release.sh, parameters: {Version: v1}, timeout: 1m, validate: {script: validate.sh, timeout: 1m}}
`
	rollingStage = header + `record: {bucket: shop-record}
stages:
  - name: dev
    account: dev
    targets: {tags: {App: shop, Environment: dev}, min: 4}
    steps:
      - command: {name: migrate, script: migrate.sh, timeout: 1m, once: true}
      - command: {name: release, script: release.sh, parameters: {Version: v1}, timeout: 1m, rollout: {batches: [1, 2, 100%], validate: {script: validate.sh, timeout: 1m}}}
`
)

var faultShapes = []faultShape{
	{"one send", oneSendStage, nil, ship.Succeeded},
	{"rollout", rollingStage, nil, ship.Succeeded},
	{"rollout that fails", rollingStage, failsLate, ship.Failed},
}

// failsLate has the node fail that a rollout comes to last.
func failsLate(id string, _ int) (string, int) {
	stage := plan.Stage{Name: "dev", Account: "111111111111", Targets: plan.Targets{Min: 4}}
	if id == slices.Max(rehearse.InstanceIDs(&release.Release{}, "shop", stage)) {
		return "Failed", 1
	}
	return "Success", 0
}

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
//
//	go test ./internal/rehearse -run '^TestFaultsOfEachCall$' -faults 0 -timeout 60m
func TestFaultsOfEachCall(t *testing.T) {
	t.Parallel()
	for _, shape := range faultShapes {
		t.Run(shape.name, func(t *testing.T) {
			t.Parallel()
			shape.tryAll(t)
		})
	}
}

func (s faultShape) tryAll(t *testing.T) {
	all := s.cases(t)
	cases := all
	if *faultRuns > 0 {
		r := rand.New(rand.NewPCG(*faultSeed, 0))
		cases = nil
		for _, i := range r.Perm(len(all))[:min(*faultRuns, len(all))] {
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
				t.Run(c.String(), func(t *testing.T) { verdicts <- s.try(t, c) })
			}
		})
	}
	for _, c := range cases {
		todo <- c
	}
	close(todo)
	running.Wait()
	close(verdicts)
	counts, tried := map[ship.Verdict]int{}, 0
	for v := range verdicts {
		counts[v]++
		tried++
	}
	t.Logf("verdicts: %v", counts)
	if tried < len(cases) || tried < outcomesFrom {
		return // -run chose some, or there are too few to have met everything
	}
	// The sample must hold faults of every outcome, or it shows nothing.
	for _, v := range []ship.Verdict{s.verdict, ship.Refused, ship.Unknown} {
		if counts[v] == 0 {
			t.Errorf("no deploy ended as %s", v)
		}
	}
}

// cases are the faults of each call that a deploy makes when nothing fails.
func (s faultShape) cases(t *testing.T) []faultCase {
	t.Helper()
	f := startFleet(t, localaws.Config{}, s.stage, faultScripts, s.answer)
	p := newProxy(t, f.aws.Endpoint(), nil)
	result, err := ship.Deploy(t.Context(), f.configAt(t.Context(), t, "clean", p.URL))
	if err != nil {
		t.Fatal(err)
	}
	if result.Verdict != s.verdict {
		t.Fatalf("without a fault: %+v", result)
	}
	calls, _ := p.made()
	counts := map[string]int{}
	var cases []faultCase
	for _, operation := range calls {
		counts[operation]++
		if operation == "ssm:ListCommandInvocations" && counts[operation] > 4 {
			continue // how often it is asked is a matter of time
		}
		for _, kind := range faults {
			cases = append(cases, faultCase{operation, counts[operation], kind, false}, faultCase{operation, counts[operation], kind, true})
		}
	}
	return cases
}

// try deploys with a fault, judges what the deploy says, and then asks once more when all is well again.
func (s faultShape) try(t *testing.T, c faultCase) ship.Verdict {
	t.Helper()
	f := startFleet(t, localaws.Config{}, s.stage, faultScripts, s.answer)
	p := newProxy(t, f.aws.Endpoint(), c.rule)
	config := f.configAt(t.Context(), t, "run-1", p.URL)
	config.Timing.PerCall = 10 * time.Second
	if c.fault == hang || c.fault == hangServed {
		config.Timing.PerCall = time.Second
	}
	// What passes is waited for, on however slow a machine; what does not is known soon.
	if config.Timing.NotYet = 3 * time.Second; c.passes() {
		config.Timing.NotYet = 15 * time.Second
	}
	var events []string
	config.Events = func(e ship.Event) {
		events = append(events, fmt.Sprintf("%s %s %s %s %s", e.Kind, e.Step, e.Instance, e.CommandID, e.Message))
	}
	result, err := ship.Deploy(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if t.Failed() {
			text, _ := json.MarshalIndent(result, "", " ")
			t.Logf("%s\n%s", text, strings.Join(events, "\n"))
		}
	}()
	if running, err := f.aws.Drain(t.Context(), 10*time.Second); err != nil || running != 0 {
		t.Fatalf("%d still run, %v", running, err)
	}
	f.wantTrue(t, "deploy", result)
	f.wantAllTold(t, result)
	f.wantNoneTwice(t)
	if _, hit := p.made(); hit > 0 && c.passes() && result.Verdict != s.verdict {
		t.Errorf("verdict %s (%+v), want %s: the fault passes", result.Verdict, result.Problem, s.verdict)
	}
	f.wantResumed(t, s, result)
	return result.Verdict
}

// wantTrue holds every verdict against what the nodes really did.
func (f *fleet) wantTrue(t *testing.T, what string, result *ship.Result) {
	t.Helper()
	before := t.Failed()
	defer func() {
		if t.Failed() && !before {
			text, _ := json.MarshalIndent(result, "", " ")
			t.Logf("what the %s said: %s", what, text)
		}
	}()
	wantExit := map[ship.Verdict]int{ship.Succeeded: 0, ship.Failed: 1, ship.Unknown: 3, ship.Refused: 4}[result.Verdict]
	if result.Exit() != wantExit {
		t.Errorf("%s is exit %d, want %d", result.Verdict, result.Exit(), wantExit)
	}
	if result.Verdict == ship.Unknown && result.Problem == nil && !slices.ContainsFunc(result.Steps, explained) {
		t.Error("unknown, without a reason")
	}
	if result.Verdict == ship.Failed && !slices.ContainsFunc(result.Steps, notWhole) {
		t.Error("failed, and every node succeeded with every step")
	}
	for _, step := range result.Steps {
		once := step.Name == "migrate" && f.plan.Record != nil
		if step.Verdict == ship.Succeeded && len(step.Nodes) != len(f.ids) && !once {
			t.Errorf("%s succeeded with %d nodes of %d", step.Name, len(step.Nodes), len(f.ids))
		}
		for _, n := range step.Nodes {
			f.wantTrueNode(t, step, n)
		}
	}
}

// notWhole tells that a step was not reached, or that a node failed it or was not reached.
func notWhole(step ship.StepResult) bool {
	return step.Verdict == ship.NotStarted || slices.ContainsFunc(step.Nodes, func(n ship.NodeResult) bool {
		return n.Verdict == ship.Failed || n.Verdict == ship.NotStarted
	})
}

// explained tells that a step, or a node of it, says why its outcome is not known.
func explained(step ship.StepResult) bool {
	return step.Verdict == ship.Unknown && (step.Why != "" ||
		slices.ContainsFunc(step.Nodes, func(n ship.NodeResult) bool { return n.Verdict == ship.Unknown && n.Why != "" }))
}

// wantAllTold wants a deploy to speak of every command that a node took, and one that was refused to have sent none. Of a
// send whose answer was lost nothing is known but that: the verdict is unknown then.
func (f *fleet) wantAllTold(t *testing.T, result *ship.Result) {
	t.Helper()
	if n := len(f.served(t, "SendCommand")); result.Verdict == ship.Refused && n != 0 {
		t.Errorf("refused, which says that nothing was sent: %d were", n)
	}
	if result.Verdict == ship.Unknown {
		return
	}
	said := map[string]bool{}
	for _, step := range result.Steps {
		for _, id := range commandsOf(step) {
			said[id] = true
		}
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

// commandsOf are the commands that a step was.
func commandsOf(step ship.StepResult) []string {
	ids := map[string]bool{step.CommandID: true}
	for _, s := range step.Sends {
		ids[s.CommandID] = true
	}
	delete(ids, "")
	return slices.Collect(maps.Keys(ids))
}

// wantTrueNode holds one verdict against what the node did with the step's commands.
func (f *fleet) wantTrueNode(t *testing.T, step ship.StepResult, n ship.NodeResult) {
	t.Helper()
	var did []string
	for _, id := range commandsOf(step) {
		if status, took := f.did(n.InstanceID, id); took {
			did = append(did, status)
		}
	}
	good := len(did) > 0 && !slices.ContainsFunc(did, func(status string) bool { return status != "Success" })
	switch n.Verdict {
	case ship.Succeeded:
		if !good {
			t.Errorf("%s on %s: succeeded, and the node did %q", step.Name, n.InstanceID, did)
		}
	case ship.NotStarted:
		if len(did) > 0 {
			t.Errorf("%s on %s: not started, and the node did %q", step.Name, n.InstanceID, did)
		}
	case ship.Failed:
		if good {
			t.Errorf("%s on %s: failed, and the node did %q", step.Name, n.InstanceID, did)
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

// wantResumed asks once more, now that nothing fails: the truth must be told, and nothing sent twice.
func (f *fleet) wantResumed(t *testing.T, s faultShape, result *ship.Result) {
	t.Helper()
	if f.plan.Record != nil {
		f.wantContinued(t, s, result)
		return
	}
	sends := len(f.served(t, "SendCommand"))
	for _, step := range result.Steps {
		if step.Verdict != ship.Unknown || step.CommandID == "" {
			continue
		}
		again, err := ship.Resume(t.Context(), f.configAt(t.Context(), t, "run-2", f.aws.Endpoint()), step.CommandID)
		if err != nil {
			t.Error(err)
			continue
		}
		if again.Verdict != s.verdict {
			t.Errorf("resumed, %s is %s: %+v", step.Name, again.Verdict, again)
		}
		f.wantTrue(t, "resume", again)
	}
	if got := len(f.served(t, "SendCommand")); got != sends {
		t.Errorf("%d more were sent by resume", got-sends)
	}
}

// wantContinued resumes a deploy from its record, whatever its end was, and then deploys again: neither may send anything of
// the first twice, nor find a lock that does not expire.
func (f *fleet) wantContinued(t *testing.T, s faultShape, result *ship.Result) {
	t.Helper()
	again, err := ship.Continue(t.Context(), f.configAt(t.Context(), t, "run-2", f.aws.Endpoint()), ship.Continuing{})
	if err != nil {
		t.Fatal(err)
	}
	recorded := again.Record != nil
	f.wantNoneTwice(t)
	if recorded {
		f.wantTrue(t, "resume", again)
		f.wantRecorded(t, again)
		nothing := again.Verdict == ship.Refused && len(f.served(t, "SendCommand")) == 0 // by now it is known
		if again.Verdict != s.verdict && again.Verdict != ship.Failed && !nothing {
			t.Errorf("resumed, the %s deploy is %s: %+v", result.Verdict, again.Verdict, again.Problem)
		}
	} else if n := len(f.served(t, "SendCommand")); n != 0 {
		t.Errorf("%d commands were sent, and there is no record: %+v", n, again.Problem)
	}
	config := f.configAt(t.Context(), t, "run-3", f.aws.Endpoint())
	config.WaitForLock = 20 * time.Second
	next, err := ship.Deploy(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if _, lock := f.recorded(t, "run-3"); lock.Held {
		t.Errorf("the lock is left: %+v", lock)
	}
	if next.Verdict != s.verdict {
		t.Errorf("the next deploy is %s: %+v", next.Verdict, next.Problem)
	}
	f.wantTrue(t, "next deploy", next)
	f.wantNoneTwice(t)
}

// wantRecorded wants one record of the first deploy, which says what was said last, and of no node more than it did.
func (f *fleet) wantRecorded(t *testing.T, said *ship.Result) {
	t.Helper()
	deploys, _ := f.recorded(t, "run-1")
	if len(deploys) != 1 {
		t.Fatalf("%d records of the deploy", len(deploys))
	}
	d := deploys[0]
	if d.Ended.IsZero() || d.Verdict != string(said.Verdict) {
		t.Errorf("recorded as %q, ended %s; told as %s", d.Verdict, d.Ended, said.Verdict)
	}
	for id, n := range d.Nodes {
		good := false
		for _, s := range d.Sends {
			status, _ := f.did(id, s.CommandID)
			good = good || s.Step == "release" && status == "Success"
		}
		if n.Verdict == string(ship.Succeeded) && n.Step == "release" && !good {
			t.Errorf("%s is recorded as succeeded, and never did: %+v", id, n)
		}
	}
}
