package ship

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestR101AnInterruptIsRemembered kills a deploy right after its first interrupt, before it could cancel anything: the
// record knows that it was stopped, and a resume only reports.
func TestR101AnInterruptIsRemembered(t *testing.T) {
	t.Parallel()
	d := newDurable(t, 7)
	ctx, interrupt := context.WithCancel(context.Background())
	defer interrupt()
	killed := d.run(func() (*Result, error) {
		return Deploy(ctx, d.process(inBatches, func(c *Config) {
			tell := c.Events
			c.Events = func(e Event) {
				tell(e)
				if e.Kind == EventWaiting && ctx.Err() == nil {
					interrupt()
					d.at = d.calls + 2 // the first is the record's, the second would cancel the command
				}
			}
		}))
	})
	if killed != nil {
		t.Fatalf("it was not killed: %+v", killed)
	}
	d.at = 0
	got := d.deploys()[0]
	if got.CancelRequested.IsZero() || got.CancelReason != "interrupted" || got.CancelledBy != "alice on laptop" || !got.Ended.IsZero() {
		t.Fatalf("record = %+v", got)
	}
	res := d.resume(Continuing{})
	want(t, res, 1, Failed)
	if res.Problem == nil || res.Problem.Code != CodeCancelled || res.Steps[0].Code != CodeCancelled {
		t.Errorf("problem = %+v, step code %q", res.Problem, res.Steps[0].Code)
	}
	if diff := cmp.Diff(map[Verdict]int{Succeeded: 1, NotStarted: 6}, verdicts(res.Steps[0])); diff != "" || len(d.commands) != 1 {
		t.Errorf("%d commands\n%s", len(d.commands), diff)
	}
	d.settled()
}

// TestCancelSaysWhoAndWhy: the nodes whose command was cancelled are no failure of the release: the result, the record and
// what cancel says name who cancelled it.
func TestCancelSaysWhoAndWhy(t *testing.T) {
	t.Parallel()
	d := newDurable(t, 7)
	d.takes = time.Hour
	d.dieAt(t, 2)
	res := d.run(func() (*Result, error) {
		return Cancel(context.Background(), d.process(func(c *Config) { c.About.Actor, c.About.Reason = "ann", "wrong build" }), "")
	})
	want(t, res, 1, Failed)
	if s := res.Steps[0]; s.Code != CodeCancelled || res.Problem == nil || res.Problem.Code != CodeCancelled {
		t.Errorf("step code %q, problem %+v", s.Code, res.Problem)
	}
	for _, text := range []string{res.Steps[0].Why, d.deploys()[0].Why} {
		if !strings.Contains(text, "cancelled by ann on laptop at ") || !strings.HasSuffix(text, ": wrong build") {
			t.Errorf("it says %q", text)
		}
	}
	d.settled()
}
