package ship

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/plan"
)

// verdicts counts a step's nodes by verdict.
func verdicts(s StepResult) map[Verdict]int {
	counts := map[Verdict]int{}
	for _, n := range s.Nodes {
		counts[n.Verdict]++
	}
	return counts
}

func TestRolloutInBatches(t *testing.T) {
	t.Parallel()
	w := newFleet(newFake(t, names(8)...))
	start := w.clock.now()
	res := w.deploy(rolling(plan.Rollout{Batches: []string{"1", "25%", "100%"}, Pause: 30}))
	want(t, res, 0, Succeeded)
	if diff := cmp.Diff([]string{"run-1.1: 1-1", "run-1.2: 2-3", "run-1.3: 4-8"}, w.orders()); diff != "" {
		t.Error(diff)
	}
	s := res.Steps[0]
	if diff := cmp.Diff(map[Verdict]int{Succeeded: 8}, verdicts(s)); diff != "" || s.Batches != 3 || len(s.Sends) != 3 || s.Stopped != "" {
		t.Errorf("%s\n%+v", diff, s)
	}
	if n := s.Nodes[7]; n.CommandID != w.commands[2].id {
		t.Errorf("node = %+v", n)
	}
	if gone := w.clock.now().Sub(start); gone < 90*time.Second || gone > 110*time.Second {
		t.Errorf("took %s: three times 10 s, and two pauses of 30 s", gone)
	}
	if n := len(w.eventsOf(EventBatch)); n != 3 {
		t.Errorf("%d batch events", n)
	}
	if e := w.eventsOf(EventBatch)[1]; e.Batch.Number != 2 || e.Batch.Of != 3 || e.Batch.Done != 1 || e.Batch.Total != 8 || len(e.Nodes) != 2 {
		t.Errorf("batch event = %+v %+v", e, e.Batch)
	}
	if n := len(w.eventsOf(EventPause)); n != 2 {
		t.Errorf("%d pauses", n)
	}
}

// The nodes of batches that never began are on the old version, and listed.
func TestR099RolloutStops(t *testing.T) {
	t.Parallel()
	fails := func(status string, nodes ...string) func(*order, string) string {
		return func(_ *order, id string) string {
			if slices.Contains(nodes, id) {
				return status
			}
			return ""
		}
	}
	tests := []struct {
		name    string
		o       plan.Rollout
		becomes func(*order, string) string
		exit    int
		verdict Verdict
		orders  int
		nodes   map[Verdict]int
		why     string
	}{
		{"the first fails", plan.Rollout{Batches: []string{"1", "100%"}}, fails("Failed", "i-00000001"), 1, Failed, 1,
			map[Verdict]int{Failed: 1, NotStarted: 7}, "1 node did not succeed, max-failures allows 0"},
		{"the first is unknown", plan.Rollout{Batches: []string{"1", "100%"}}, fails("DeliveryTimedOut", "i-00000001"), 3, Unknown, 1,
			map[Verdict]int{Unknown: 1, NotStarted: 7}, "1 node did not succeed, max-failures allows 0"},
		{"one may fail", plan.Rollout{Batches: []string{"2"}, MaxFailures: "1"}, fails("Failed", "i-00000001", "i-00000003", "i-00000004"), 1, Failed, 2,
			map[Verdict]int{Failed: 3, Succeeded: 1, NotStarted: 4}, "3 nodes did not succeed, max-failures allows 1"},
		{"one fails, and one may", plan.Rollout{Batches: []string{"2"}, MaxFailures: "1"}, fails("Failed", "i-00000001"), 1, Failed, 4,
			map[Verdict]int{Failed: 1, Succeeded: 7}, ""},
		{"no room left", plan.Rollout{Batches: []string{"2"}, MaxFailures: "4", MinHealthy: "6"}, fails("Failed", "i-00000001", "i-00000002"), 1, Failed, 1,
			map[Verdict]int{Failed: 2, NotStarted: 6}, "min-healthy wants 6 of 8 nodes in service and 2 did not succeed: none may be taken out"},
		{"R110 undeliverable", plan.Rollout{Batches: []string{"50%"}}, fails("Undeliverable", "i-00000002"), 1, Failed, 1,
			map[Verdict]int{Failed: 1, Succeeded: 3, NotStarted: 4}, "1 node did not succeed"},
		{"R012 a status that nobody knows", plan.Rollout{Batches: []string{"50%"}}, fails("Exploded", "i-00000002"), 3, Unknown, 1,
			map[Verdict]int{Unknown: 1, Succeeded: 3, NotStarted: 4}, "1 node did not succeed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newFleet(newFake(t, names(8)...))
			w.becomes = tt.becomes
			res := w.deploy(rolling(tt.o), func(c *Config) {
				after := c.Plan.Stages[0].Steps[0]
				after.Name = "after"
				c.Plan.Stages[0].Steps = append(c.Plan.Stages[0].Steps, after)
			})
			want(t, res, tt.exit, tt.verdict)
			if diff := cmp.Diff(tt.nodes, verdicts(res.Steps[0])); diff != "" {
				t.Error(diff)
			}
			if len(w.commands) != tt.orders || res.Steps[1].Verdict != NotStarted {
				t.Errorf("orders %v, then %s", w.orders(), res.Steps[1].Verdict)
			}
			if !strings.Contains(res.Steps[0].Stopped, tt.why) || (tt.why == "") != (res.Steps[0].Stopped == "") {
				t.Errorf("stopped: %q", res.Steps[0].Stopped)
			}
		})
	}
}

func TestMinHealthy(t *testing.T) {
	t.Parallel()
	w := newFleet(newFake(t, names(8)...))
	want(t, w.deploy(rolling(plan.Rollout{MinHealthy: "75%"})), 0, Succeeded)
	if w.most != 2 || len(w.commands) != 4 {
		t.Errorf("%d nodes at once, %d commands", w.most, len(w.commands))
	}
	w = newFleet(newFake(t, names(8)...))
	res := w.deploy(rolling(plan.Rollout{MinHealthy: "100%"}))
	want(t, res, 4, Refused)
	if res.Problem.Code != CodeHealth || len(w.commands) != 0 || !strings.Contains(res.Problem.Message, "none may be taken out") {
		t.Errorf("problem = %+v", res.Problem)
	}
}

func TestOnceIsOneNode(t *testing.T) {
	t.Parallel()
	w := newFleet(newFake(t, "i-00000003", "i-00000001", "i-00000002"))
	res := w.deploy(rolling(plan.Rollout{}), func(c *Config) {
		first := c.Plan.Stages[0].Steps[0]
		first.Name, first.Once = "migrate", true
		c.Plan.Stages[0].Steps = append([]plan.Step{first}, c.Plan.Stages[0].Steps...)
	})
	want(t, res, 0, Succeeded)
	if diff := cmp.Diff([]string{"i-00000001"}, w.commands[0].nodes); diff != "" || len(w.commands) != 2 || len(w.commands[1].nodes) != 3 {
		t.Errorf("%s %v", diff, w.orders())
	}
	if n := len(res.Steps[0].Nodes); n != 1 {
		t.Errorf("%d nodes: the others are none of its targets", n)
	}
}

func TestValidationAfterThePause(t *testing.T) {
	t.Parallel()
	o := plan.Rollout{Batches: []string{"2"}, Pause: 60}
	w := newFleet(newFake(t, names(4)...))
	want(t, w.deploy(rolling(o), checking), 0, Succeeded)
	if diff := cmp.Diff([]string{"run-1.1: 1-2", "run-1.2: 1-2", "run-1.3: 3-4", "run-1.4: 3-4"}, w.orders()); diff != "" {
		t.Error(diff)
	}
	if waited := w.commands[1].at.Sub(w.commands[0].at); waited < 70*time.Second {
		t.Errorf("validated after %s", waited)
	}
	w = newFleet(newFake(t, names(4)...))
	w.becomes = func(c *order, id string) string {
		if c.number == 2 && id == "i-00000002" {
			return "Failed"
		}
		return ""
	}
	res := w.deploy(rolling(o), checking)
	want(t, res, 1, Failed)
	if diff := cmp.Diff(map[Verdict]int{Succeeded: 1, Failed: 1, NotStarted: 2}, verdicts(res.Steps[0])); diff != "" {
		t.Error(diff)
	}
	if n := res.Steps[0].Nodes[1]; !strings.HasPrefix(n.Why, "validation after the pause: ") || n.CommandID != w.commands[1].id || len(n.Steps) != 2 {
		t.Errorf("node = %+v", n)
	}
}

// A batch of more nodes than a send takes is several sends at once, watched together.
func TestLargeBatchIsWatchedTogether(t *testing.T) {
	t.Parallel()
	w := newFleet(newFake(t, names(120)...))
	w.takes = time.Minute
	start := w.clock.now()
	res := w.deploy(rolling(plan.Rollout{Batches: []string{"1", "100%"}}))
	want(t, res, 0, Succeeded)
	if diff := cmp.Diff([]string{"run-1.1: 1-1", "run-1.2: 2-51", "run-1.3: 52-101", "run-1.4: 102-120"}, w.orders()); diff != "" {
		t.Error(diff)
	}
	if gone := w.clock.now().Sub(start); w.most != 119 || gone > 160*time.Second {
		t.Errorf("%d nodes at once, it took %s", w.most, gone)
	}
}

func TestAlarmStopsARollout(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]plan.Rollout{"batches": {Batches: []string{"1", "100%"}, Alarm: "web-5xx"}, "whole": {Alarm: "web-5xx"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newFleet(newFake(t, names(4)...))
			w.alarm[1] = "web-5xx"
			res := w.deploy(rolling(o))
			want(t, res, 1, Failed)
			if len(w.commands) != 1 || !strings.Contains(res.Steps[0].Why, "alarm web-5xx went off") {
				t.Errorf("%d commands: %s", len(w.commands), res.Steps[0].Why)
			}
			alarm := map[string]any{"Alarms": []any{map[string]any{"Name": "web-5xx"}}}
			if diff := cmp.Diff(alarm, w.commands[0].alarmRequest); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// An interrupt cancels all that is out, and begins nothing more.
func TestR101InterruptOfARollout(t *testing.T) {
	t.Parallel()
	for _, kind := range []EventKind{EventWaiting, EventPause} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newFleet(newFake(t, names(120)...))
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			cfg := w.config()
			rolling(plan.Rollout{Batches: []string{"60"}, Pause: 30})(&cfg)
			cfg.Events = func(e Event) {
				if e.Kind == kind {
					cancel()
				}
			}
			res, err := Deploy(ctx, cfg)
			if err != nil {
				t.Fatal(err)
			}
			nodes := map[Verdict]int{Failed: 60, NotStarted: 60}
			cancels := 2
			if kind == EventPause {
				nodes, cancels = map[Verdict]int{Succeeded: 60, NotStarted: 60}, 0
			}
			want(t, res, 130, Failed)
			if diff := cmp.Diff(nodes, verdicts(res.Steps[0])); diff != "" || w.count("CancelCommand") != cancels || len(w.commands) != 2 {
				t.Errorf("%s%d cancels, %v", diff, w.count("CancelCommand"), w.orders())
			}
		})
	}
}

// A send in the middle of a batch that is refused, or lost, ends the rollout; what is out is told truly.
func TestSendFailsInTheMiddleOfABatch(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		r       reply
		exit    int
		verdict Verdict
		nodes   map[Verdict]int
		code    string
	}{
		"denied": {deniedFor("ssm:SendCommand"), 1, Failed, map[Verdict]int{Succeeded: 50, NotStarted: 70}, CodeAccessDenied},
		"lost":   {reply{drop: true}, 3, Unknown, map[Verdict]int{Succeeded: 50, Unknown: 50, NotStarted: 20}, CodeLostAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newFleet(newFake(t, names(120)...))
			take := w.on["SendCommand"]
			w.on["SendCommand"] = func(n int, in map[string]any) (reply, bool) {
				if n == 1 {
					return tt.r, true
				}
				return take(n, in)
			}
			res := w.deploy(rolling(plan.Rollout{Batches: []string{"110"}}))
			want(t, res, tt.exit, tt.verdict)
			if diff := cmp.Diff(tt.nodes, verdicts(res.Steps[0])); diff != "" || len(w.commands) != 1 || w.count("SendCommand") != 2 {
				t.Errorf("%s%v", diff, w.orders())
			}
			if res.Problem == nil || res.Problem.Code != tt.code {
				t.Errorf("problem = %+v", res.Problem)
			}
		})
	}
}

// spy is a journal that writes down what it is told, and may object.
type spy struct {
	told    []string
	refuses map[string]error
	lived   int
}

func (j *spy) say(what string, s *send) error {
	j.told = append(j.told, fmt.Sprintf("%s %s", what, idOf(s.comment)))
	return j.refuses[what+" "+idOf(s.comment)]
}

func (j *spy) intend(_ context.Context, s *send) error  { return j.say("intend", s) }
func (j *spy) holds(context.Context) error              { return nil }
func (j *spy) sentOff(_ context.Context, s *send) error { return j.say("sent", s) }
func (j *spy) judged(_ context.Context, s *send, _ *StepResult) error {
	return j.say("judged", s)
}
func (j *spy) alive(context.Context) { j.lived++ }

func TestJournal(t *testing.T) {
	t.Parallel()
	lost := &refusal{problem: Problem{Code: CodeLockLost, Message: "the lock was lost"}}
	all := []string{"intend run-1.1", "sent run-1.1", "judged run-1.1", "intend run-1.2", "sent run-1.2", "judged run-1.2"}
	tests := []struct {
		name    string
		refuses map[string]error
		told    []string
		exit    int
		code    string
	}{
		{"all is well", nil, all, 0, ""},
		{"the lock is lost before the first", map[string]error{"intend run-1.1": lost}, all[:1], 4, CodeLockLost},
		{"the lock is lost before the second", map[string]error{"intend run-1.2": lost}, all[:4], 1, CodeLockLost},
		{"what was sent cannot be written", map[string]error{"sent run-1.1": errors.New("s3 is gone")}, all[:3], 1, ""},
		{"what became of it cannot be written", map[string]error{"judged run-1.1": errors.New("s3 is gone")}, all[:3], 1, ""},
		{"the last cannot be written", map[string]error{"judged run-1.2": errors.New("s3 is gone")}, all, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newFleet(newFake(t, names(4)...))
			j := &spy{refuses: tt.refuses}
			res := w.deploy(rolling(plan.Rollout{Batches: []string{"2"}, Pause: 100}), func(c *Config) { c.journal = j })
			if diff := cmp.Diff(tt.told, j.told); diff != "" || res.Exit() != tt.exit {
				t.Errorf("exit %d\n%s", res.Exit(), diff)
			}
			if tt.refuses != nil && (res.Problem == nil || (tt.code != "" && res.Problem.Code != tt.code)) {
				t.Errorf("problem = %+v", res.Problem)
			}
			if tt.refuses == nil && j.lived < 7+2 {
				t.Errorf("alive %d times: a pause of 100 s has seven parts", j.lived)
			}
		})
	}
}

// A deploy that was killed goes on from what it had written down, and sends nothing twice.
func TestGoesOnFromWhatWasSent(t *testing.T) {
	t.Parallel()
	for sent := range 5 {
		t.Run(fmt.Sprint(sent), func(t *testing.T) {
			t.Parallel()
			w := newFleet(newFake(t, names(120)...))
			ctx, kill := context.WithCancel(context.Background())
			defer kill()
			j := &spy{refuses: map[string]error{fmt.Sprintf("intend run-1.%d", sent+1): errors.New("killed")}}
			var progress []*send
			o := plan.Rollout{Batches: []string{"1", "99", "100%"}}
			cfg := w.config()
			rolling(o)(&cfg)
			cfg.journal = &recorder{spy: j, sends: &progress}
			if _, err := Deploy(ctx, cfg); err != nil {
				t.Fatal(err)
			}
			if len(w.commands) != min(sent, 4) {
				t.Fatalf("%d were sent before it was killed", len(w.commands))
			}
			res := w.deploy(func(c *Config) {
				*c = cfg
				c.journal, c.progress = nil, progress
			})
			want(t, res, 0, Succeeded)
			if diff := cmp.Diff([]string{"run-1.1: 1-1", "run-1.2: 2-51", "run-1.3: 52-100", "run-1.4: 101-120"}, w.orders()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(map[Verdict]int{Succeeded: 120}, verdicts(res.Steps[0])); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// recorder keeps the sends as a record does: without their results.
type recorder struct {
	*spy
	sends *[]*send
}

func (r *recorder) sentOff(ctx context.Context, s *send) error {
	kept := *s
	kept.result = nil
	*r.sends = append(*r.sends, &kept)
	return r.spy.sentOff(ctx, s)
}

// Nodes that joined while the deploy ran are told; those that went away are told apart from failures.
func TestNodesJoinAndGoAway(t *testing.T) {
	t.Parallel()
	change := func(w *fleet, gone string, joined ...string) { // once the first command is out
		described := w.on["DescribeInstances"]
		w.on["DescribeInstances"] = func(n int, in map[string]any) (reply, bool) {
			if len(w.commands) == 0 {
				if described != nil {
					return described(n, in)
				}
				return reply{}, false
			}
			still := slices.DeleteFunc(slices.Clone(w.nodes), func(id string) bool { return id == gone })
			w.fake.nodes, still = slices.Concat(still, joined), w.fake.nodes
			defer func() { w.fake.nodes = still }()
			return w.describeInstances(), true
		}
	}
	for name, o := range map[string]plan.Rollout{"whole": {}, "batches": {Batches: []string{"1", "100%"}}} {
		t.Run("joined/"+name, func(t *testing.T) {
			t.Parallel()
			w := newFleet(newFake(t, names(4)...))
			change(w, "", "i-0000000b", "i-0000000a")
			res := w.deploy(rolling(o))
			want(t, res, 0, Succeeded)
			told := w.eventsOf(EventJoined)
			if diff := cmp.Diff([]string{"i-0000000a", "i-0000000b"}, res.Joined); diff != "" || len(told) != 1 ||
				told[0].Message != "2 nodes joined meanwhile and run the old version: slipway deploy --only-outdated brings them up" {
				t.Errorf("%s%+v", diff, told)
			}
		})
		t.Run("undeliverable and terminated/"+name, func(t *testing.T) {
			t.Parallel()
			w := newFleet(newFake(t, names(4)...))
			change(w, "i-00000003")
			w.becomes = func(_ *order, id string) string {
				if id == "i-00000003" {
					return "Undeliverable"
				}
				return ""
			}
			res := w.deploy(rolling(o))
			want(t, res, 0, Succeeded)
			if n := res.Steps[0].of("i-00000003"); !n.Gone || n.Verdict != Failed || !strings.Contains(n.Why, "went away") {
				t.Errorf("node = %+v", n)
			}
		})
		t.Run("failed and terminated/"+name, func(t *testing.T) {
			t.Parallel()
			w := newFleet(newFake(t, names(4)...))
			change(w, "i-00000003")
			w.becomes = func(_ *order, id string) string {
				if id == "i-00000003" {
					return "Failed"
				}
				return ""
			}
			res := w.deploy(rolling(o))
			want(t, res, 1, Failed)
			if n := res.Steps[0].of("i-00000003"); n.Gone {
				t.Errorf("a node that may have died of the script is told as gone: %+v", n)
			}
		})
	}
	t.Run("gone before its turn", func(t *testing.T) {
		t.Parallel()
		w := newFleet(newFake(t, names(4)...))
		change(w, "i-00000003")
		w.gone = []string{"i-00000003"}
		res := w.deploy(rolling(plan.Rollout{Batches: []string{"1", "100%"}}))
		want(t, res, 0, Succeeded)
		if n := res.Steps[0].of("i-00000003"); !n.Gone || n.Verdict != NotStarted {
			t.Errorf("node = %+v", n)
		}
		if diff := cmp.Diff([]string{"run-1.1: 1-1", "run-1.3: 2-4"}, w.orders()); diff != "" || len(w.commands[1].nodes) != 2 {
			t.Error(diff)
		}
	})
	t.Run("refused although it is there", func(t *testing.T) {
		t.Parallel()
		w := newFleet(newFake(t, names(4)...))
		w.gone = []string{"i-00000003"}
		res := w.deploy(rolling(plan.Rollout{Batches: []string{"1", "100%"}}))
		want(t, res, 1, Failed)
		if res.Problem == nil || res.Problem.Code != CodeUnreachable || len(w.commands) != 1 {
			t.Errorf("%v %+v", w.orders(), res.Problem)
		}
	})
}

// A send that was written down and never made is made again, under another number, and counts for nothing.
func TestGoesOnAfterASendThatWasNeverMade(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]plan.Rollout{"whole": {}, "batches": {Batches: []string{"2"}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newFleet(newFake(t, names(2)...))
			res := w.deploy(rolling(o), func(c *Config) {
				step := &c.Plan.Stages[0].Steps[0]
				c.progress = []*send{{step: step, batch: 1, comment: "slipway web/dev/release run-1.1", void: true,
					result: &StepResult{Name: step.Name, Verdict: NotStarted}}}
			})
			want(t, res, 0, Succeeded)
			if diff := cmp.Diff([]string{"run-1.2: 1-2"}, w.orders()); diff != "" || len(res.Steps[0].Nodes) != 2 {
				t.Errorf("%s%+v", diff, res.Steps[0])
			}
		})
	}
}

// Interrupted while the last batch runs, which was faster: nothing was left out, and nothing says so.
func TestInterruptedTooLate(t *testing.T) {
	t.Parallel()
	w := newFleet(newFake(t, names(2)...))
	w.on["CancelCommand"] = func(int, map[string]any) (reply, bool) { return reply{}, true }
	w.takes = time.Second
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	cfg := w.config()
	rolling(plan.Rollout{Batches: []string{"1"}})(&cfg)
	cfg.Events = func(e Event) {
		if e.Kind == EventWaiting && len(w.commands) == 2 {
			cancel()
		}
	}
	res, err := Deploy(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	want(t, res, 130, Succeeded)
	if s := res.Steps[0]; s.Stopped != "" || s.Code != "" {
		t.Errorf("stopped: %q, %q", s.Stopped, s.Code)
	}
}

// A batch of several commands has no more nodes at it than max-concurrency says of one.
func TestMaxConcurrencyHoldsForABatchOfSeveralCommands(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		concurrency string
		most        int
	}{{"100%", 120}, {"120", 120}, {"10", 50}, {"25%", 50}} {
		w := newFleet(newFake(t, names(120)...))
		want(t, w.deploy(rolling(plan.Rollout{MinHealthy: "0"}), func(c *Config) { c.Plan.Stages[0].Steps[0].MaxConcurrency = tt.concurrency }), 0, Succeeded)
		if w.most != tt.most || len(w.commands) != 3 {
			t.Errorf("%s: %d nodes had a command at once, %d commands", tt.concurrency, w.most, len(w.commands))
		}
	}
}
