package ship

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/record"
	"github.com/slipway-cd/slipway/internal/record/recordtest"
)

func (d *durable) cancel(id string) *Result {
	d.t.Helper()
	return d.run(func() (*Result, error) { return Cancel(context.Background(), d.process(), id) })
}

// TestCancelStopsALivingDeploy cancels from another process while the second batch runs: that one ends, as it was
// cancelled, nothing more is begun, and nothing is rolled back.
func TestCancelStopsALivingDeploy(t *testing.T) {
	t.Parallel()
	d := newDurable(t, 7)
	var marked *record.Deploy
	cancelling := func(c *Config) {
		tell := c.Events
		c.Events = func(e Event) {
			tell(e)
			if e.Kind != EventWaiting || len(d.commands) != 2 || marked != nil {
				return
			}
			other, err := newRunner(d.process())
			if err == nil {
				var store *record.Store
				if store, err = other.openStore(other.watcher); err == nil {
					var found left
					if found, err = lookAround(context.Background(), store); err == nil {
						marked = found.last
						err = other.cancelRecorded(context.Background(), store, found.last)
					}
				}
			}
			if err != nil {
				t.Error(err)
			}
		}
	}
	res := d.ship(rolling(plan.Rollout{Batches: []string{"1", "2", "100%"}, MaxFailures: "100%"}), onFailure, cancelling)
	want(t, res, 1, Failed)
	if len(d.commands) != 2 || res.Rollback != nil || res.Problem == nil || res.Problem.Code != CodeCancelled {
		t.Errorf("%d commands, rollback %+v, problem %+v", len(d.commands), res.Rollback, res.Problem)
	}
	if s := res.Steps[0]; s.Code != CodeCancelled || !strings.HasPrefix(s.Why, "the deploy was cancelled by alice on laptop at ") {
		t.Errorf("step = %s: %s", s.Code, s.Why)
	}
	if diff := cmp.Diff(map[Verdict]int{Succeeded: 1, Failed: 2, NotStarted: 4}, verdicts(res.Steps[0])); diff != "" {
		t.Error(diff)
	}
	d.settled()
	if got := d.deploys()[0]; got.CancelRequested.IsZero() || got.Verdict != "failed" {
		t.Errorf("record = %+v", got)
	}
	if res := d.cancel(""); res.Exit() != 4 || !strings.Contains(res.Problem.Message, "in progress") {
		t.Errorf("nothing is in progress any more: %+v", res.Problem)
	}
}

// TestCancelEndsADeadDeploy cancels what a slipway that was killed has out.
func TestCancelEndsADeadDeploy(t *testing.T) {
	t.Parallel()
	d := newDurable(t, 7)
	d.takes = time.Hour
	d.dieAt(t, 2)
	res := d.cancel("")
	want(t, res, 1, Failed)
	if diff := cmp.Diff(map[Verdict]int{Failed: 1, NotStarted: 6}, verdicts(res.Steps[0])); diff != "" {
		t.Error(diff)
	}
	if len(d.commands) != 1 || d.commands[0].cancelled.IsZero() {
		t.Errorf("%d commands, the first was cancelled at %s", len(d.commands), d.commands[0].cancelled)
	}
	d.settled()
}

// dieAt kills a deploy in the watch of its first batch, some ticks after it was sent.
func (d *durable) dieAt(t *testing.T, ticks int) {
	t.Helper()
	res := d.ship(inBatches, func(c *Config) {
		tell := c.Events
		c.Events = func(e Event) {
			tell(e)
			if e.Kind == EventWaiting {
				if ticks--; ticks == 0 {
					d.at = d.calls + 1
				}
			}
		}
	})
	if res != nil {
		t.Fatal("it was not killed")
	}
	d.at = 0
}

func TestCancelOneCommand(t *testing.T) {
	t.Parallel()
	d := newDurable(t, 3)
	d.takes = time.Hour
	d.dieAt(t, 2)
	want(t, d.cancel(d.commands[0].id), 1, Failed)
	if d.commands[0].cancelled.IsZero() {
		t.Error("it was not cancelled")
	}
	if res := d.cancel("99999999-0000-0000-0000-000000000000"); res.Exit() != 3 {
		t.Errorf("a command that nobody knows: exit %d", res.Exit())
	}
}

// TestR011ResumeWaitsForTheLock: the deploy's own slipway may live; --no-wait refuses, naming who and until when.
func TestR011ResumeWaitsForTheLock(t *testing.T) {
	t.Parallel()
	d := newDurable(t, 7)
	d.dieAt(t, 1)
	res := d.resume(Continuing{NoWait: true})
	want(t, res, 4, Refused)
	if res.Problem.Code != CodeLockHeld || !strings.Contains(res.Problem.Message, "alice on laptop") || strings.Contains(res.Problem.Hint, "--wait ") {
		t.Errorf("problem = %+v", res.Problem)
	}
	began := d.clock.now()
	want(t, d.resume(Continuing{}), 0, Succeeded)
	if waited := d.clock.now().Sub(began); waited < time.Minute/2 {
		t.Errorf("it waited for %s only", waited)
	}
	d.settled()
	// A second resume tells the end that is recorded, and sends nothing.
	sent := len(d.commands)
	want(t, d.resume(Continuing{}), 0, Succeeded)
	if len(d.commands) != sent {
		t.Error("it sent something")
	}
}

// TestR011ReportOnlySendsNothing: the deploy ends where it is, with the nodes that were not reached.
func TestR011ReportOnlySendsNothing(t *testing.T) {
	t.Parallel()
	d := newDurable(t, 7)
	d.dieAt(t, 1)
	res := d.resume(Continuing{ReportOnly: true})
	want(t, res, 1, Failed)
	if diff := cmp.Diff(map[Verdict]int{Succeeded: 1, NotStarted: 6}, verdicts(res.Steps[0])); diff != "" || len(d.commands) != 1 {
		t.Errorf("%d commands\n%s", len(d.commands), diff)
	}
	d.settled()
	if diff := cmp.Diff(map[string]int{"v1": 1, "": 6}, versions(d.deploys()[0])); diff != "" {
		t.Error(diff)
	}
}

// TestR011AnUnknownDeployIsToldLater: what could not be read is read by a resume without an id, and nothing is sent.
func TestR011AnUnknownDeployIsToldLater(t *testing.T) {
	t.Parallel()
	d := newDurable(t, 2)
	list := d.on["ListCommandInvocations"]
	d.on["ListCommandInvocations"] = func(n int, in map[string]any) (reply, bool) {
		if real(in) {
			return deniedFor("ssm:ListCommandInvocations"), true
		}
		return list(n, in)
	}
	res := d.ship(rolling(plan.Rollout{}))
	want(t, res, 3, Unknown)
	if res.Steps[0].Resume != "slipway resume" {
		t.Errorf("resume = %q", res.Steps[0].Resume)
	}
	d.on["ListCommandInvocations"] = list
	want(t, d.resume(Continuing{}), 0, Succeeded)
	if got := d.deploys(); len(got) != 1 || got[0].Verdict != "succeeded" || d.state().Current != got[0].ID || len(d.commands) != 1 {
		t.Errorf("%d commands, %v", len(d.commands), d.history())
	}
	d.settled()
}

// TestR120TheNextDeploySettlesWhatWasLeft: a deploy that was killed has its end written by the one that follows.
func TestR120TheNextDeploySettlesWhatWasLeft(t *testing.T) {
	t.Parallel()
	d := newDurable(t, 7)
	d.dieAt(t, 1)
	res := d.ship(inBatches) // the lock
	want(t, res, 4, Refused)
	if res.Problem.Code != CodeLockHeld || !strings.Contains(res.Problem.Hint, "slipway resume") {
		t.Errorf("problem = %+v", res.Problem)
	}
	d.clock.t = d.clock.t.Add(2 * time.Minute)
	want(t, d.ship(inBatches), 0, Succeeded)
	if diff := cmp.Diff([]string{"run-1 deploy v1 failed", "run-3 deploy v3 succeeded"}, d.history()); diff != "" {
		t.Error(diff)
	}
	d.settled()
}

// TestR120AnUnknownDeployRefusesTheNext, unless that is accepted.
func TestR120AnUnknownDeployRefusesTheNext(t *testing.T) {
	t.Parallel()
	d := newDurable(t, 2)
	d.becomes = func(c *order, _ string) string {
		return map[string]string{"run-1": "DeliveryTimedOut"}[runOf(c.comment)]
	}
	want(t, d.ship(inBatches), 3, Unknown)
	res := d.ship(inBatches)
	want(t, res, 4, Refused)
	if res.Problem.Code != CodeEarlierUnknown {
		t.Errorf("problem = %+v", res.Problem)
	}
	d.settled()
	want(t, d.ship(inBatches, func(c *Config) { c.AcceptUnknown = d.commands[0].id }), 0, Succeeded)
	if len(d.deploys()) != 2 {
		t.Errorf("%v", d.history())
	}
}

// TestR101AnInterruptedBatchIsCancelledAndRecorded: every command of the batch is cancelled, its end waited for, the
// record written and the lock given back.
func TestR101AnInterruptedBatchIsCancelledAndRecorded(t *testing.T) {
	t.Parallel()
	d := newDurable(t, 120)
	d.takes = time.Hour
	ctx, interrupt := context.WithCancel(context.Background())
	cfg := d.process(rolling(plan.Rollout{Batches: []string{"110", "100%"}}), onFailure)
	tell := cfg.Events
	cfg.Events = func(e Event) {
		tell(e)
		if e.Kind == EventWaiting {
			interrupt()
		}
	}
	res, err := Deploy(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if res.Exit() != 130 || res.Rollback != nil {
		t.Errorf("exit %d, rollback %+v", res.Exit(), res.Rollback)
	}
	if diff := cmp.Diff(map[Verdict]int{Failed: 110, NotStarted: 10}, verdicts(res.Steps[0])); diff != "" {
		t.Error(diff)
	}
	if len(d.commands) != 3 {
		t.Errorf("%d commands, want three of at most 50 nodes", len(d.commands))
	}
	for _, c := range d.commands {
		if c.cancelled.IsZero() {
			t.Errorf("%s was not cancelled", c.comment)
		}
	}
	d.settled()
}

// TestDetachLeavesTheRestToAResume: the only command is sent, and the deploy ends with success.
func TestDetachLeavesTheRestToAResume(t *testing.T) {
	t.Parallel()
	d := newDurable(t, 3)
	detach := func(c *Config) { c.Detach = true }
	if res := d.ship(inBatches, detach); res.Exit() != 4 || len(d.commands) != 0 {
		t.Errorf("batches take somebody to send them: exit %d", res.Exit())
	}
	whole := rolling(plan.Rollout{})
	res := d.ship(whole, detach)
	if res.Exit() != 0 || !res.Detached || res.Verdict != Unknown || len(d.commands) != 1 || d.fake.count("CancelCommand") != 0 {
		t.Fatalf("exit %d, %+v", res.Exit(), res)
	}
	if res := d.ship(whole); res.Exit() != 4 || res.Problem.Code != CodeLockHeld {
		t.Errorf("the stage is to be locked: %+v", res.Problem)
	}
	v, err := d.store().Survey(t.Context(), []record.LiveNode{{ID: d.nodes[0]}}, false)
	if err != nil {
		t.Fatal(err)
	}
	if n := v.Nodes[0]; !v.Lock.Left || n.Standing != record.StandingUnknown || !strings.HasSuffix(n.Why, "is out") {
		t.Errorf("lock %+v, node %+v: nobody renews the lock, and the command is out", v.Lock, n)
	}
	began := d.clock.now()
	want(t, d.resume(Continuing{}, whole), 0, Succeeded)
	if waited := d.clock.now().Sub(began); waited > 30*time.Second {
		t.Errorf("it waited for %s: the lock was left for it", waited)
	}
	if len(d.commands) != 1 || len(d.deploys()) != 1 {
		t.Errorf("%d commands, %v", len(d.commands), d.history())
	}
	d.settled()
}

// TestDetachedAndForgotten: the lock covers the command's own time, and then the next deploy settles it.
func TestDetachedAndForgotten(t *testing.T) {
	t.Parallel()
	d := newDurable(t, 3)
	whole := rolling(plan.Rollout{})
	d.ship(whole, func(c *Config) { c.Detach = true })
	d.clock.t = d.clock.t.Add(14 * time.Minute) // 5 to deliver, 10 to run
	if res := d.ship(whole); res.Exit() != 4 {
		t.Errorf("exit %d while the command may run", res.Exit())
	}
	d.clock.t = d.clock.t.Add(5 * time.Minute)
	want(t, d.ship(whole), 0, Succeeded)
	if diff := cmp.Diff([]string{"run-1 deploy v1 succeeded", "run-3 deploy v3 succeeded"}, d.history()); diff != "" {
		t.Error(diff)
	}
	d.settled()
}

// TestR105EveryFaultOfTheBucket makes each call of the bucket fail in turn, in every way. What is said about the nodes is
// true, nothing is sent twice, and a resume leaves no lock.
func TestR105EveryFaultOfTheBucket(t *testing.T) {
	t.Parallel()
	whole := newDurable(t, 4)
	want(t, whole.ship(inBatches), 0, Succeeded)
	calls := len(whole.bucket.Calls())
	faults := map[string]func(int) recordtest.Fault{
		"denied for good": func(int) recordtest.Fault { return recordtest.Fault{Err: errors.New("AccessDenied")} },
		"once": func(n int) recordtest.Fault {
			return recordtest.Fault{Err: map[bool]error{true: errors.New("broken")}[n == 0]}
		},
		"answer lost": func(n int) recordtest.Fault {
			return recordtest.Fault{Err: map[bool]error{true: context.DeadlineExceeded}[n == 0], Acts: true}
		},
	}
	for name, fault := range faults {
		for at := range calls {
			t.Run(fmt.Sprint(name, at), func(t *testing.T) {
				t.Parallel()
				d := newDurable(t, 4)
				n := 0
				d.bucket.Fault = func(recordtest.Call) recordtest.Fault {
					if n++; n > at {
						return fault(n - at - 1)
					}
					return recordtest.Fault{}
				}
				res := d.ship(inBatches)
				ran := d.shipped("run-1")
				succeeded := 0
				for _, s := range res.Steps {
					succeeded += verdicts(s)[Succeeded]
				}
				if succeeded != len(ran) || (res.Verdict == Succeeded) != (len(ran) == 4) || res.Verdict == Refused && len(ran) > 0 {
					t.Errorf("%s with %d of %d nodes that succeeded: %+v", res.Verdict, succeeded, len(ran), res.Problem)
				}
				d.bucket.Fault = nil
				if res = d.resume(Continuing{}); len(ran) > 0 {
					want(t, res, res.Exit(), map[bool]Verdict{true: Succeeded, false: res.Verdict}[len(ran) == 4])
				}
				for id, n := range d.shipped("run-1") {
					if n != 1 {
						t.Errorf("%s was shipped to %d times", id, n)
					}
				}
				d.settled()
			})
		}
	}
}

// TestDetachedIsTakenUpOnce: a deploy that was left is nobody's until the first resume has it; the second finds it taken.
func TestDetachedIsTakenUpOnce(t *testing.T) {
	t.Parallel()
	d := newDurable(t, 3)
	want(t, d.ship(func(c *Config) { c.Detach = true }), 0, Unknown) // sent, and left
	var second *Result
	first := d.process(func(c *Config) {
		tell := c.Events
		c.Events = func(e Event) {
			tell(e)
			if e.Kind != EventWaiting || second != nil {
				return
			}
			var err error
			if second, err = Continue(t.Context(), d.process(), Continuing{NoWait: true}); err != nil {
				t.Error(err)
			}
		}
	})
	res, err := Continue(t.Context(), first, Continuing{})
	if err != nil {
		t.Fatal(err)
	}
	want(t, second, 4, Refused)
	want(t, res, 0, Succeeded)
	if res.Record.Problem != "" {
		t.Error(res.Record.Problem)
	}
	d.settled()
}
