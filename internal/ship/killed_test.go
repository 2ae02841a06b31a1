package ship

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/record"
)

// wholeByTags is a stage whose step Run Command itself spreads over the targets.
func wholeByTags(c *Config) { c.Plan.Stages[0].Targets = tagTargets(1) }

// twoSteps is wholeByTags with a second step.
func twoSteps(c *Config) {
	wholeByTags(c)
	second := c.Plan.Stages[0].Steps[0]
	second.Name = "start"
	c.Plan.Stages[0].Steps = append(c.Plan.Stages[0].Steps, second)
}

// TestR105AWholeCommandKilledAtEveryCall is TestR105KilledAtEveryCall for steps that are one command each.
func TestR105AWholeCommandKilledAtEveryCall(t *testing.T) {
	t.Parallel()
	whole := newDurable(t, 3)
	want(t, whole.ship(twoSteps), 0, Succeeded)
	for at := 1; at <= whole.calls; at++ {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			t.Parallel()
			d := newDurable(t, 3)
			d.at = at
			if res := d.ship(twoSteps); res != nil {
				t.Fatal("it was not killed")
			}
			d.at = 0
			res := d.resume(Continuing{}, twoSteps)
			if len(d.deploys()) == 0 {
				return
			}
			want(t, res, 0, Succeeded)
			for _, id := range d.nodes {
				if n := d.shipped("run-1")[id]; n != 2 {
					t.Errorf("%s was shipped to %d times", id, n)
				}
			}
			d.settled()
		})
	}
}

// TestR105SomeNodesKilledAtEveryCall kills a deploy to the nodes that are outdated. A resume ships to these, and to no other.
func TestR105SomeNodesKilledAtEveryCall(t *testing.T) {
	t.Parallel()
	begin := func(t *testing.T) *durable {
		d := newDurable(t, 3)
		d.ship(twoSteps)
		d.fake.nodes = names(60)
		return d
	}
	only := func(c *Config) { twoSteps(c); c.OnlyOutdated, c.About.Version = true, "v1" }
	whole := begin(t)
	want(t, whole.ship(only), 0, Succeeded)
	for at := 1; at <= whole.calls; at++ {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			t.Parallel()
			d := begin(t)
			d.at = at
			if res := d.ship(only); res != nil {
				t.Fatal("it was not killed")
			}
			d.at = 0
			res := d.resume(Continuing{}, twoSteps)
			if len(d.deploys()) == 1 {
				return
			}
			want(t, res, 0, Succeeded)
			for i, id := range d.nodes {
				if n := d.shipped("run-2")[id]; n != 2 && i >= 3 || n != 0 && i < 3 {
					t.Errorf("%s was shipped to %d times", id, n)
				}
			}
			if len(res.Joined) > 0 {
				t.Errorf("joined: %v", res.Joined)
			}
			d.settled()
		})
	}
}

// TestR104ALostLockStopsASendThatIsTriedAgain takes the lock away while SendCommand is throttled.
func TestR104ALostLockStopsASendThatIsTriedAgain(t *testing.T) {
	t.Parallel()
	d := newDurable(t, 3)
	send := d.on["SendCommand"]
	d.on["SendCommand"] = func(n int, in map[string]any) (reply, bool) {
		if n > 0 {
			return send(n, in)
		}
		if _, err := d.store().Break(context.Background(), record.Owner{Actor: "bob", Reason: "it hangs"}); err != nil {
			t.Error(err)
		}
		d.clock.t = d.clock.t.Add(30 * time.Second)
		return fails("ThrottlingException"), true
	}
	res := d.ship(inBatches)
	if len(d.commands) != 0 {
		t.Errorf("%d commands were sent without the lock", len(d.commands))
	}
	if res.Problem == nil || res.Problem.Code != CodeLockLost {
		t.Errorf("problem = %+v", res.Problem)
	}
}

// TestR104AMachineThatSleptSendsNothing stops the process between what it wrote down and the send, until somebody else has the lock.
func TestR104AMachineThatSleptSendsNothing(t *testing.T) {
	t.Parallel()
	d := newDurable(t, 3)
	res := d.ship(inBatches, func(c *Config) { c.Bucket = &slept{killable: c.Bucket.(killable)} })
	if len(d.commands) != 0 || res.Problem == nil || res.Problem.Code != CodeLockLost {
		t.Errorf("%d commands were sent by one that had lost its lock; problem %+v", len(d.commands), res.Problem)
	}
}

// slept is the bucket of a machine that sleeps for two hours once its first intent is written. Meanwhile somebody takes the lock.
type slept struct {
	killable
	over bool
}

func (s *slept) Put(ctx context.Context, key string, body []byte, when record.Condition) (string, error) {
	etag, err := s.killable.Put(ctx, key, body, when)
	if !s.over && strings.Contains(key, "/deploys/") && strings.Contains(string(body), `"intended"`) {
		s.over = true
		s.d.clock.t = s.d.clock.t.Add(2 * time.Hour)
		if _, err := s.d.store().Acquire(ctx, record.Owner{Actor: "bob"}, time.Hour); err != nil {
			s.d.t.Error(err)
		}
	}
	return etag, err
}
