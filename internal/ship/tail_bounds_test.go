package ship

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/plan"
)

// busyTail is the tail of a command of one node.
func busyTail(t *testing.T, f *fake) *tailer {
	t.Helper()
	cfg := f.config()
	cfg.Plan.Stages[0].Steps[0].Output.LogGroup = "group"
	r, err := newRunner(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := r.newWatch(&r.stage.Steps[0], sent{id: testCommand, at: f.clock.now()}, 1)
	w.setDeadline(f.clock.now().Add(time.Hour))
	return w.tail
}

// A tail that never catches up does not remember all that it showed.
func TestTailForgetsWhatItShowed(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	start, shown := f.clock.now(), 0
	f.on["FilterLogEvents"] = func(n int, in map[string]any) (reply, bool) {
		var events []map[string]any
		for i := range 100 {
			events = append(events, map[string]any{"eventId": fmt.Sprint(n, "-", i), "message": "x", "logStreamName": testCommand + "/i-00000001/release/stdout",
				"timestamp": start.Add(time.Duration(n)*time.Second + time.Duration(i)*10*time.Millisecond).UnixMilli()})
		}
		return reply{body: map[string]any{"events": events, "nextToken": fmt.Sprint(n)}}, true
	}
	tail := busyTail(t, f)
	for range 100 {
		tail.look(context.Background())
		f.clock.t = f.clock.t.Add(time.Minute) // whatever answer is lost on a busy machine: the next look asks again
	}
	for _, e := range f.events {
		if e.Kind == EventOutput {
			shown++
		}
	}
	if shown < 80*100 || len(tail.seen) > 2000 {
		t.Errorf("%d lines shown, %d remembered", shown, len(tail.seen))
	}
}

// A log service that does not answer is left alone for a while: the nodes are watched meanwhile.
func TestTailLeavesABrokenServiceAlone(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	f.always("FilterLogEvents", reply{drop: true})
	tail := busyTail(t, f)
	for range 60 {
		tail.look(context.Background())
		f.clock.t = f.clock.t.Add(time.Second)
	}
	if n := f.count("FilterLogEvents"); n < 2 || n > 6 {
		t.Errorf("asked %d times in a minute", n)
	}
}

// Commands that cannot be cancelled keep an interrupted deploy for a short time, not each for that time.
func TestR101InterruptWhereNothingCanBeCancelled(t *testing.T) {
	t.Parallel()
	w := newFleet(newFake(t, names(500)...))
	w.takes = time.Hour
	w.always("CancelCommand", fails("ThrottlingException"))
	ctx, cancel := context.WithCancel(t.Context())
	var at time.Time
	cfg := w.config()
	rolling(plan.Rollout{MinHealthy: "0"})(&cfg)
	tell := cfg.Events
	cfg.Events = func(e Event) {
		tell(e)
		if e.Kind == EventWaiting && at.IsZero() {
			at = w.clock.now()
			cancel()
		}
	}
	res, err := Deploy(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	want(t, res, 130, Unknown)
	if took := w.clock.now().Sub(at); took > 2*time.Minute {
		t.Errorf("took %s", took)
	}
}
