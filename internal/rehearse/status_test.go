package rehearse_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
	"github.com/slipway-cd/slipway/internal/localaws/ssm"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/rehearse"
	"github.com/slipway-cd/slipway/internal/release"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/ship"
)

// statusCase makes something of Run Command happen, as it happens in life, to a deploy over three nodes.
type statusCase struct {
	options string // of the command: max-errors: 1
	nodes   nature
	quotas  ssm.Quotas
	denied  int // on how many nodes the sender may not run the command
	skip    bool
	// on is called with each event, and may change the world.
	on func(w *statusWorld, e ship.Event)

	// want counts the nodes by verdict and StatusDetails; verdict is the stage's.
	want    map[string]int
	verdict ship.Verdict
	// parent is the StatusDetails of the command itself, where that is another thing than the verdict.
	parent string
}

const inBatches = "rollout: {batches: [1, 100%]}"

// batchCases are those that can happen to a node that is named, in a rollout: the batch after it never begins.
var batchCases = map[string]statusCase{
	"Success in batches": {want: map[string]int{"succeeded Success": 3}, verdict: ship.Succeeded},
	"Failed in a batch": {nodes: nature{answer: always("Failed", 1)},
		want: map[string]int{"failed Failed": 1, "not started": 2}, verdict: ship.Failed},
	"Failed in the last batch": {nodes: nature{answer: oneFails},
		want: map[string]int{"failed Failed": 1, "succeeded Success": 2}, verdict: ship.Failed},
	"ExecutionTimedOut in a batch": {nodes: nature{answer: always("TimedOut", 137)},
		want: map[string]int{"failed ExecutionTimedOut": 1, "not started": 2}, verdict: ship.Failed},
	"DeliveryTimedOut in a batch": {nodes: nature{deaf: everybody}, on: later(31 * time.Second),
		want: map[string]int{"unknown DeliveryTimedOut": 1, "not started": 2}, verdict: ship.Unknown},
	"Undeliverable in a batch": {nodes: nature{deaf: everybody}, on: later(2 * time.Hour),
		want: map[string]int{"failed Undeliverable": 1, "not started": 2}, verdict: ship.Failed},
	"Cancelled in a batch": {nodes: nature{deaf: everybody}, on: when("Pending", cancel),
		want: map[string]int{"not started Cancelled": 1, "not started": 2}, verdict: ship.Failed},
	"AccessDenied in the last batch": {denied: 1, want: map[string]int{"succeeded Success": 1, "not started": 2}, verdict: ship.Failed},
	"RateExceeded in the last batch": {quotas: ssm.Quotas{Pending: 1},
		want: map[string]int{"succeeded Success": 1, "not started": 2}, verdict: ship.Failed, parent: "RateExceeded"},
}

// statusWorld is what a case may change.
type statusWorld struct {
	*fleet
	t     *testing.T
	ahead *atomic.Int64 // how far Systems Manager's clock is
	once  sync.Once
	last  time.Time // when the clock was last moved
	// seen are the statuses that the deploy met.
	seen map[string]bool
}

func always(status string, code int) func(string, int) (string, int) {
	return func(string, int) (string, int) { return status, code }
}

func everybody(string) bool { return true }

// threeNodes are the ids of the nodes of the stage.
func threeNodes() []string {
	stage := plan.Stage{Name: "dev", Account: "111111111111", Targets: plan.Targets{Min: 3}}
	return slices.Sorted(slices.Values(rehearse.InstanceIDs(&release.Release{}, "shop", stage)))
}

// oneFails is a node's failure among others.
func oneFails(id string, _ int) (string, int) {
	if id == slices.Max(threeNodes()) {
		return "Failed", 1
	}
	return "Success", 0
}

// when calls f, once, when a node is first seen with a status, or when the command is out.
func when(status string, f func(w *statusWorld, e ship.Event)) func(*statusWorld, ship.Event) {
	return func(w *statusWorld, e ship.Event) {
		if e.Kind == ship.EventNode && e.Status == status || status == "" && e.Kind == ship.EventSent {
			w.once.Do(func() { f(w, e) })
		}
	}
}

func ahead(d time.Duration) func(*statusWorld, ship.Event) {
	return func(w *statusWorld, _ ship.Event) { w.ahead.Add(int64(d)) }
}

// later lets time pass, again and again: nodes follow each other, and each begins only when another is done. Systems Manager
// is given the time to notice.
func later(d time.Duration) func(*statusWorld, ship.Event) {
	return func(w *statusWorld, e ship.Event) {
		if e.Kind == ship.EventWaiting && time.Since(w.last) > time.Second {
			w.last = time.Now()
			w.ahead.Add(int64(d))
		}
	}
}

func cancel(w *statusWorld, e ship.Event) {
	w.admin(w.t, "ssm", "AmazonSSM.CancelCommand", `{"CommandId":"`+e.CommandID+`"}`)
}

// statusCases are every StatusDetails that ends a node or a command, and those that end none, each with its cause.
var statusCases = map[string]statusCase{
	"Success": {want: map[string]int{"succeeded Success": 3}, verdict: ship.Succeeded},
	"Failed": {options: "max-errors: 100%", nodes: nature{answer: always("Failed", 1)},
		want: map[string]int{"failed Failed": 3}, verdict: ship.Failed},
	"ExecutionTimedOut": {options: "max-errors: 100%", nodes: nature{answer: always("TimedOut", 137)},
		want: map[string]int{"failed ExecutionTimedOut": 3}, verdict: ship.Failed},
	"DeliveryTimedOut after the node took it": {nodes: nature{answer: always("", 0)}, on: later(2 * time.Hour),
		want: map[string]int{"unknown DeliveryTimedOut": 3}, verdict: ship.Unknown},
	"DeliveryTimedOut before": {nodes: nature{deaf: everybody}, on: later(31 * time.Second),
		want: map[string]int{"unknown DeliveryTimedOut": 3}, verdict: ship.Unknown},
	"Undeliverable": {nodes: nature{deaf: everybody}, on: later(2 * time.Hour),
		want: map[string]int{"failed Undeliverable": 3}, verdict: ship.Failed},
	"Terminated": {options: "max-concurrency: 1", nodes: nature{answer: always("Failed", 1)},
		want: map[string]int{"failed Failed": 1, "not started Terminated": 2}, verdict: ship.Failed},
	"AccessDenied": {denied: 1, want: map[string]int{"succeeded Success": 2, "failed AccessDenied": 1}, verdict: ship.Failed, parent: "Success"},
	"one Success among AccessDenied": {denied: 2, want: map[string]int{"succeeded Success": 1, "failed AccessDenied": 2},
		verdict: ship.Failed, parent: "Success"},
	"AccessDenied everywhere": {denied: 3, want: map[string]int{"failed AccessDenied": 3}, verdict: ship.Failed, parent: "AccessDenied"},
	"InvalidPlatform":         {skip: true, nodes: nature{platform: "Windows"}, want: map[string]int{"failed InvalidPlatform": 3}, verdict: ship.Failed},
	"Cancelled": {nodes: nature{deaf: everybody}, on: when("Pending", cancel),
		want: map[string]int{"not started Cancelled": 3}, verdict: ship.Failed},
	"Incomplete": {options: "max-errors: 1", nodes: nature{answer: oneFails},
		want: map[string]int{"succeeded Success": 2, "failed Failed": 1}, verdict: ship.Failed, parent: "Incomplete"},
	"RateExceeded": {quotas: ssm.Quotas{Pending: 2}, want: map[string]int{"not started": 3}, verdict: ship.Failed, parent: "RateExceeded"},
	// Which limit that is, AWS does not say, nor that nothing ran.
	"LimitExceeded":    {quotas: ssm.Quotas{Targets: 2}, want: map[string]int{"unknown": 3}, verdict: ship.Unknown, parent: "LimitExceeded"},
	"NoInstancesInTag": {skip: true, nodes: nature{mute: true}, want: map[string]int{"not started": 3}, verdict: ship.Failed, parent: "NoInstancesInTag"},
	"Cancelling": {nodes: nature{answer: always("", 0)}, on: func(w *statusWorld, e ship.Event) {
		when("InProgress", cancel)(w, e)
		if e.Kind == ship.EventNode && e.Status == "Cancelling" && w.ahead.Load() == 0 {
			w.ahead.Add(int64(2 * time.Hour))
		}
	}, want: map[string]int{"unknown DeliveryTimedOut": 1, "not started Cancelled": 2}, verdict: ship.Unknown},
	"Delayed": {nodes: nature{deaf: everybody}, on: func(w *statusWorld, e ship.Event) {
		when("", ahead(11*time.Second))(w, e)
		if e.Kind == ship.EventNode && e.Status == "Delayed" && w.deaf != nil {
			w.deaf = nil
			w.fleet.nodes.Close()
			if err := w.connect(w.t.Context()); err != nil {
				w.t.Error(err)
			}
		}
	}, want: map[string]int{"succeeded Success": 3}, verdict: ship.Succeeded},
}

// TestR012EveryStatusInTheLocalAWS has the local AWS produce every status for real, and wants the verdict on every node to
// be the one that is wanted, and to be what the node did.
func TestR012EveryStatusInTheLocalAWS(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]bool{}
	var running sync.WaitGroup
	cases := maps.Clone(statusCases)
	for name, c := range batchCases {
		c.options = inBatches
		cases[name] = c
	}
	for name, c := range cases {
		running.Go(func() {
			t.Run(name, func(t *testing.T) {
				met := c.try(t)
				mu.Lock()
				defer mu.Unlock()
				maps.Copy(seen, met)
			})
		})
	}
	running.Wait()
	for _, want := range strings.Fields("Pending InProgress Delayed Success Failed ExecutionTimedOut DeliveryTimedOut Undeliverable Terminated AccessDenied " +
		"InvalidPlatform Cancelled Cancelling Incomplete RateExceeded LimitExceeded NoInstancesInTag") {
		if !seen[want] {
			t.Errorf("no deploy met %s", want)
		}
	}
}

// try ships, and gives the statuses that were met.
func (c statusCase) try(t *testing.T) map[string]bool {
	t.Helper()
	stage := header + `stages:
  - name: dev
    account: dev
    targets: {tags: {App: shop, Environment: dev}, min: 3}
    steps:
      - command: {name: release, script: release.sh, parameters: {Version: v1}, timeout: 1m` + comma(c.options) + "}\n"
	w := &statusWorld{t: t, ahead: &atomic.Int64{}, seen: map[string]bool{}}
	w.fleet = &fleet{nature: c.nodes}
	clock := func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }
	w.start(t, localaws.Config{Quotas: c.quotas, Clock: clock}, stage, faultScripts, func(set *roles.Set) { denyNodes(set, threeNodes()[3-c.denied:]) })
	w.plan.Stages[0].Steps[0].DeliveryTimeout = 30
	config := w.configAt(t.Context(), t, "run-1", w.aws.Endpoint())
	config.SkipPreflight = c.skip
	config.Timing.PerCall = 20 * time.Second
	var events []string
	config.Events = func(e ship.Event) {
		if e.Status != "" {
			w.seen[e.Status] = true
		}
		events = append(events, fmt.Sprintf("%s %s %s %s", e.Kind, e.Instance, e.Status, e.Message))
		if c.on != nil {
			c.on(w, e)
		}
	}
	result, err := ship.Deploy(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, n := range result.Steps[0].Nodes {
		got[strings.TrimSpace(string(n.Verdict)+" "+n.StatusDetails)]++
	}
	if diff := cmp.Diff(c.want, got); diff != "" && len(c.want)+len(got) > 0 {
		t.Errorf("nodes: -want +got\n%s%+v\n%s", diff, result, strings.Join(events, "\n"))
	}
	if result.Verdict != c.verdict {
		t.Errorf("verdict %s, want %s: %+v\n%s", result.Verdict, c.verdict, result, strings.Join(events, "\n"))
	}
	w.wantTrue(t, "deploy", result)
	w.wantNoneTwice(t)
	parent := w.admin(t, "ssm", "AmazonSSM.ListCommands", "{}")
	if c.parent != "" && !strings.Contains(parent, `"StatusDetails":"`+c.parent+`"`) {
		t.Errorf("the command itself is not %s: %s", c.parent, parent)
	}
	if c.parent != "" {
		w.seen[c.parent] = true
	}
	return w.seen
}

func comma(options string) string {
	if options == "" {
		return ""
	}
	return ", " + options
}

// denyNodes takes the right to send to some nodes from the pipeline's roles.
func denyNodes(set *roles.Set, ids []string) {
	if len(ids) == 0 {
		return
	}
	var arns []string
	for _, id := range ids {
		arns = append(arns, "arn:aws:ec2:eu-west-1:111111111111:instance/"+id)
	}
	for i := range set.Roles {
		for _, policy := range set.Roles[i].Policies {
			policy.Document.Statements = append(policy.Document.Statements, iam.Statement{
				Sid: "NotThese", Effect: iam.Deny, Actions: []string{"ssm:SendCommand"}, Resources: arns})
		}
	}
}

// admin has the account's administrator call a JSON service.
func (f *fleet) admin(t *testing.T, service, operation, body string) string {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	stage := f.plan.Stages[0]
	keys, err := f.aws.EnsureAccount(ctx, stage.Account)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, f.aws.Endpoint()+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", operation)
	sigv4.Sign(r, []byte(body), sigv4.Credentials{AccessKeyID: keys.AccessKeyID, SecretAccessKey: keys.SecretAccessKey}, stage.Region, service, time.Now())
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("%s: %s %s, %v", operation, answer.Status, text, err)
	}
	return string(text)
}

// TestNothingThereYet: right after a send the local AWS knows nothing of the command, as a distributed service does.
func TestNothingThereYet(t *testing.T) {
	t.Parallel()
	for name, stage := range map[string]string{"one send": oneSendStage, "rollout": rollingStage} {
		t.Run(name, func(t *testing.T) {
			f := startFleet(t, localaws.Config{ConsistencyDelay: 700 * time.Millisecond}, stage, faultScripts, nil)
			p := newProxy(t, f.aws.Endpoint(), func(operation string, n int) fault {
				if operation == "ssm:SendCommand" && n == 2 {
					return lost // it is found although it is not there at first
				}
				return noFault
			})
			result, err := ship.Deploy(t.Context(), f.configAt(t.Context(), t, "run-1", p.URL))
			if err != nil {
				t.Fatal(err)
			}
			if result.Verdict != ship.Succeeded {
				t.Errorf("%+v", result)
			}
			f.wantTrue(t, "deploy", result)
			f.wantAllTold(t, result)
			f.wantNoneTwice(t)
		})
	}
}

// TestAlarmStopsARolloutInTheLocalAWS: the alarm goes off between two batches. The second is sent, and reaches nobody.
func TestAlarmStopsARolloutInTheLocalAWS(t *testing.T) {
	t.Parallel()
	stage := strings.Replace(oneSendStage, "validate: {script: validate.sh, timeout: 1m}}", "rollout: {batches: [1, 100%], alarm: shop-errors}}", 1)
	f := startFleet(t, localaws.Config{}, stage, faultScripts, nil)
	cloudwatch := func(operation, body string) {
		t.Helper()
		f.admin(t, "monitoring", "GraniteServiceVersion20100801."+operation, body)
	}
	cloudwatch("PutMetricAlarm", `{"AlarmName":"shop-errors","MetricName":"Errors","Namespace":"shop","Statistic":"Sum","Period":60,"EvaluationPeriods":1,"Threshold":1,"ComparisonOperator":"GreaterThanThreshold"}`)
	config := f.configAt(t.Context(), t, "run-1", f.aws.Endpoint())
	config.Events = func(e ship.Event) {
		if e.Kind == ship.EventBatch && e.Batch.Number == 2 {
			cloudwatch("SetAlarmState", `{"AlarmName":"shop-errors","StateValue":"ALARM","StateReason":"too many"}`)
		}
	}
	result, err := ship.Deploy(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	last := result.Steps[len(result.Steps)-1]
	got := map[string]int{}
	for _, n := range last.Nodes {
		got[string(n.Verdict)+" "+n.StatusDetails]++
	}
	if diff := cmp.Diff(map[string]int{"succeeded Success": 1, "not started Terminated": 2}, got); diff != "" {
		t.Error(diff)
	}
	if result.Verdict != ship.Failed || last.Code != ship.CodeAlarm || !strings.Contains(last.Stopped, "shop-errors") {
		t.Errorf("%s, %s %q", result.Verdict, last.Code, last.Stopped)
	}
	f.wantTrue(t, "deploy", result)
	f.wantAllTold(t, result)
	f.wantPlanned(t)
}
