package ship

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/record"
)

// lateCancel marks the deploy as cancelled right before its end is written.
type lateCancel struct {
	killable
	over bool
}

func (s *lateCancel) Put(ctx context.Context, key string, body []byte, when record.Condition) (string, error) {
	if !s.over && strings.Contains(string(body), `"ended"`) {
		s.over = true
		store := s.d.store()
		state, err := store.State(ctx)
		if err != nil {
			s.d.t.Error(err)
		}
		if _, err := store.Update(ctx, state.Latest, func(d *record.Deploy) error { d.CancelRequested = s.d.clock.now(); return nil }); err != nil {
			s.d.t.Error(err)
		}
	}
	return s.killable.Put(ctx, key, body, when)
}

// A cancel that is found while the end of a failed deploy is written keeps it from being rolled back.
func TestACancelJustBeforeTheRollback(t *testing.T) {
	t.Parallel()
	d := newDurable(t, 3)
	want(t, d.ship(inBatches, onFailure), 0, Succeeded)
	d.breaks("run-2")
	res := d.ship(inBatches, onFailure, func(c *Config) { c.Bucket = &lateCancel{killable: c.Bucket.(killable)} })
	if res.Rollback != nil || res.Verdict != Failed {
		t.Errorf("%s, rollback %+v", res.Verdict, res.Rollback)
	}
	d.settled()
}

// outage is a bucket that answers nothing for a time.
type outage struct {
	killable
	from, to time.Time
}

func (s *outage) down() error {
	now := s.d.clock.now()
	if now.After(s.from) && now.Before(s.to) {
		return context.DeadlineExceeded
	}
	return nil
}

func (s *outage) Put(ctx context.Context, key string, body []byte, when record.Condition) (string, error) {
	if err := s.down(); err != nil {
		return "", err
	}
	return s.killable.Put(ctx, key, body, when)
}

func (s *outage) Get(ctx context.Context, key string) (record.Object, error) {
	if err := s.down(); err != nil {
		return record.Object{}, err
	}
	return s.killable.Get(ctx, key)
}

// While the bucket does not answer, the nodes are looked at all the same.
func TestOutageOfTheBucket(t *testing.T) {
	t.Parallel()
	d := newDurable(t, 3)
	d.takes = 10 * time.Minute
	start := d.clock.now()
	var looks []time.Time
	list := d.on["ListCommandInvocations"]
	d.on["ListCommandInvocations"] = func(n int, in map[string]any) (reply, bool) {
		looks = append(looks, d.clock.now())
		return list(n, in)
	}
	res := d.ship(rolling(plan.Rollout{Batches: []string{"100%"}, MinHealthy: "0"}), func(c *Config) {
		c.Bucket = &outage{killable: c.Bucket.(killable), from: start.Add(30 * time.Second), to: start.Add(9 * time.Minute)}
	})
	longest := time.Duration(0)
	for i := range looks[1:] {
		longest = max(longest, looks[i+1].Sub(looks[i]))
	}
	want(t, res, 0, Succeeded)
	if longest > time.Minute {
		t.Errorf("nobody looked for %s", longest)
	}
	d.settled()
}
