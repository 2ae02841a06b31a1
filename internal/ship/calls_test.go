package ship

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/plan"
)

// ticks runs a deploy and gives, for each time between two waits after the first send, the calls that were made.
func ticks(w *fleet, change func(*Config)) (*Result, []map[string]int, []time.Duration) {
	var all []map[string]int
	var waits []time.Duration
	before := 0
	res := w.deploy(change, func(c *Config) {
		sleep := c.Sleep
		c.Sleep = func(ctx context.Context, d time.Duration) error {
			if d < 500*time.Millisecond { // the limiter's, within a tick
				return sleep(ctx, d)
			}
			w.mu.Lock()
			made := map[string]int{}
			sent := false
			for i, op := range w.calls {
				sent = sent || op == "SendCommand"
				if i >= before && sent && op != "SendCommand" {
					made[op]++
				}
			}
			before = len(w.calls)
			w.mu.Unlock()
			all, waits = append(all, made), append(waits, d)
			return sleep(ctx, d)
		}
	})
	return res, all, waits
}

// For N nodes a tick makes at most 3 + N/50 calls, however the command reaches them, and the reads of output aside.
func TestCallsByTick(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 50, 51, 120, 600, 1000} {
		for name, o := range map[string]plan.Rollout{"whole": {}, "in one batch": {Batches: []string{"1", "100%"}}} {
			t.Run(fmt.Sprint(n, " ", name), func(t *testing.T) {
				t.Parallel()
				w := newFleet(newFake(t, names(n)...))
				w.takes = 2 * time.Minute
				res, all, waits := ticks(w, rolling(o))
				want(t, res, 0, Succeeded)
				most := 3 + (n+pageSize-1)/pageSize
				for i, made := range all {
					if calls := made["ListCommandInvocations"] + made["ListCommands"] + made["DescribeInstances"]; calls > most {
						t.Errorf("tick %d: %d calls, at most %d: %v", i, calls, most, made)
					}
				}
				for i, d := range waits {
					if d > 15*time.Second {
						t.Errorf("tick %d: %s", i, d)
					}
				}
			})
		}
	}
}

// A command that is done is not listed again while another of its batch runs, and its targets are counted once.
func TestDoneCommandsAreNotListedAgain(t *testing.T) {
	t.Parallel()
	w := newFleet(newFake(t, names(100)...))
	w.takes = time.Minute
	slow := w.on["ListCommandInvocations"]
	listed := map[any]int{}
	w.on["ListCommandInvocations"] = func(n int, in map[string]any) (reply, bool) {
		if w.order(in["CommandId"]) != nil {
			listed[in["CommandId"]]++
		}
		return slow(n, in)
	}
	w.becomes = func(c *order, _ string) string {
		if c.number == 2 && w.clock.now().Sub(c.at) < 5*time.Minute {
			return "InProgress"
		}
		return ""
	}
	res, _, _ := ticks(w, rolling(plan.Rollout{Batches: []string{"100"}}))
	want(t, res, 0, Succeeded)
	if first, second := listed[w.commands[0].id], listed[w.commands[1].id]; first+10 > second {
		t.Errorf("the first was listed %d times, the second %d times", first, second)
	}
	byID := 0
	for _, op := range w.calls {
		if op == "ListCommands" {
			byID++
		}
	}
	if byID != 2+2 { // two before the send, and one for each command
		t.Errorf("ListCommands was called %d times", byID)
	}
}

// A short command is looked at closely, and a fleet in which something always moves is not asked without pause.
func TestTicksAdapt(t *testing.T) {
	t.Parallel()
	longest := func(limit int) time.Duration {
		w := newFleet(newFake(t, "i-00000001"))
		w.takes = 10 * time.Minute
		_, _, waits := ticks(w, func(c *Config) {
			c.Plan.Stages[0].Steps[0].DeliveryTimeout, c.Plan.Stages[0].Steps[0].ExecutionTimeout = 30, limit
		})
		var most time.Duration
		for _, d := range waits {
			most = max(most, d)
		}
		return most
	}
	if diff := cmp.Diff([]time.Duration{1750 * time.Millisecond, 15 * time.Second}, []time.Duration{longest(5), longest(600)}); diff != "" {
		t.Error(diff)
	}
	r := &runner{t: Timing{}.withDefaults()}
	if d := r.shortestTick([]*watch{{targets: 1000}}); d != 2500*time.Millisecond {
		t.Errorf("1,000 nodes are looked at every %s", d)
	}
}
