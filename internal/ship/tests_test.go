package ship

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/record"
)

// tester runs tests in these unit tests: it counts, and says what it is told to.
type tester struct {
	ran []string
	err error
	do  func()
}

// tested is a stage whose only step is followed by the test smoke.
func (x *tester) tested(c *Config) {
	wholeByTags(c)
	c.Plan.Stages[0].Tests = []plan.Test{{Name: "smoke", After: len(c.Plan.Stages[0].Steps), Run: plan.Hook{Path: "smoke.sh"}}}
	c.RunTest = func(_ context.Context, t plan.Test) error {
		x.ran = append(x.ran, t.Name)
		if x.do != nil {
			x.do()
		}
		return x.err
	}
}

// TestR105KilledAroundATest kills a deploy at each of its calls, before it is made and after: where the test was begun and nobody
// saw its end, a resume runs it again; where it had one, that counts. Success without a test that was seen to succeed there is none.
func TestR105KilledAroundATest(t *testing.T) {
	t.Parallel()
	for _, fails := range []error{nil, errors.New("exit status 7")} {
		exit, verdict := 0, Succeeded
		if fails != nil {
			exit, verdict = 1, Failed
		}
		whole, x := newDurable(t, 3), &tester{err: fails}
		want(t, whole.ship(x.tested), exit, verdict)
		for at := 1; at <= whole.calls; at++ {
			for _, after := range []bool{false, true} {
				t.Run(fmt.Sprint(verdict, at, after), func(t *testing.T) {
					t.Parallel()
					d, x := newDurable(t, 3), &tester{err: fails}
					d.at, d.after = at, after
					if res := d.ship(x.tested); res != nil {
						t.Fatal("it was not killed")
					}
					d.at = 0
					res := d.resume(Continuing{}, x.tested)
					if len(d.deploys()) == 0 {
						return
					}
					want(t, res, exit, verdict)
					if len(res.Tests) != 1 || res.Tests[0].Verdict != verdict || len(x.ran) < 1 || len(x.ran) > 2 {
						t.Errorf("tests %+v, ran %v", res.Tests, x.ran)
					}
					d.settled()
				})
			}
		}
	}
}

// killedIn is a deploy that was killed while its test ran.
func killedIn(t *testing.T, x *tester) *durable {
	t.Helper()
	count := newDurable(t, 3)
	before := 0
	x.do = func() { before = count.calls }
	want(t, count.ship(x.tested), 0, Succeeded)
	d := newDurable(t, 3)
	x.do, x.ran = nil, nil
	d.at = before + 1 // the first call after the test: that its end is written down
	if res := d.ship(x.tested); res != nil {
		t.Fatal("it was not killed")
	}
	if all := d.deploys(); len(x.ran) != 1 || all[0].Tests[0].Began.IsZero() || all[0].Tests[0].Verdict != "" {
		t.Fatalf("ran %v, record %+v", x.ran, all[0].Tests)
	}
	d.at, x.ran = 0, nil
	d.clock.t = d.clock.t.Add(time.Hour)
	return d
}

// TestATestWhoseEndNobodySaw: whoever only looks does not know how it ended, and nothing is sent after it until somebody does.
func TestATestWhoseEndNobodySaw(t *testing.T) {
	t.Parallel()
	t.Run("report only", func(t *testing.T) {
		t.Parallel()
		x := &tester{}
		d := killedIn(t, x)
		res := d.resume(Continuing{ReportOnly: true}, x.tested)
		want(t, res, 3, Unknown)
		if len(x.ran) > 0 || res.Tests[0].Verdict != Unknown || !strings.Contains(res.Tests[0].Why, "nobody saw its end") {
			t.Errorf("ran %v, tests %+v", x.ran, res.Tests)
		}
	})
	t.Run("next deploy", func(t *testing.T) {
		t.Parallel()
		x := &tester{}
		d := killedIn(t, x)
		res := d.ship(x.tested)
		want(t, res, 4, Refused)
		if res.Problem.Code != CodeEarlierUnknown || !strings.Contains(res.Problem.Hint, "`slipway resume` runs the test again") || len(x.ran) > 0 {
			t.Errorf("ran %v, problem %+v", x.ran, res.Problem)
		}
		want(t, d.resume(Continuing{}, x.tested), 0, Succeeded)
		if len(x.ran) != 1 {
			t.Errorf("resume ran %v", x.ran)
		}
		want(t, d.ship(x.tested), 0, Succeeded)
	})
	t.Run("accepted", func(t *testing.T) {
		t.Parallel()
		x := &tester{}
		d := killedIn(t, x)
		id := d.deploys()[0].ID
		want(t, d.ship(x.tested, func(c *Config) { c.AcceptUnknown = id }), 0, Succeeded)
		if all := d.deploys(); all[0].Verdict != string(Unknown) || len(x.ran) != 1 {
			t.Errorf("ran %v, first deploy %s", x.ran, all[0].Verdict)
		}
	})
	t.Run("cancel", func(t *testing.T) {
		t.Parallel()
		x := &tester{}
		d := killedIn(t, x)
		res := d.run(func() (*Result, error) { return Cancel(context.Background(), d.process(x.tested), "") })
		want(t, res, 1, Failed)
		if len(x.ran) > 0 {
			t.Errorf("ran %v", x.ran)
		}
		want(t, d.ship(x.tested), 0, Succeeded)
	})
}

// TestAnInterruptedTest: it is ended, is no success, and nothing goes back by itself; the end is written down.
func TestAnInterruptedTest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cause error
		exit  int
		why   string
	}{
		"Ctrl-C":    {context.Canceled, 130, "ended before it was done: interrupted"},
		"--timeout": {&TimeLimit{After: time.Minute}, 1, "ended before it was done: --timeout 1m0s was over"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, x := newDurable(t, 3), &tester{}
			want(t, d.ship(x.tested, onFailure), 0, Succeeded)
			ctx, cancel := context.WithCancelCause(context.Background())
			x.do, x.err = func() { cancel(c.cause) }, errors.New("signal: terminated")
			res := d.run(func() (*Result, error) { return Deploy(ctx, d.process(x.tested, onFailure)) })
			want(t, res, c.exit, Failed)
			if res.Rollback != nil || !strings.Contains(res.Tests[0].Why, c.why) {
				t.Errorf("rollback %+v, tests %+v", res.Rollback, res.Tests)
			}
			d.settled()
			if last := d.deploys()[1]; last.Verdict != string(Failed) || last.Tests[0].Verdict != string(Failed) {
				t.Errorf("record: %s, %+v", last.Verdict, last.Tests)
			}
			x.do, x.err = nil, nil
			want(t, d.ship(x.tested, onFailure), 0, Succeeded)
		})
	}
}

// TestAFailedTestRollsBack: the nodes go back, and no test decides about what was good before.
func TestAFailedTestRollsBack(t *testing.T) {
	t.Parallel()
	d, x := newDurable(t, 3), &tester{}
	want(t, d.ship(x.tested, onFailure), 0, Succeeded)
	x.err = errors.New("exit status 7")
	res := d.ship(x.tested, onFailure)
	want(t, res, 1, Failed)
	if res.Rollback == nil || res.Rollback.Verdict != Succeeded || len(res.Rollback.Tests) > 0 || len(x.ran) != 2 {
		t.Errorf("rollback %+v, ran %v", res.Rollback, x.ran)
	}
	d.settled()
	if n := d.shipped("run-2_r"); len(n) != 3 {
		t.Errorf("back went %v", n)
	}
}

// TestATestNeedsTheLock: where it was lost, somebody else may be shipping, and no test is begun.
func TestATestNeedsTheLock(t *testing.T) {
	t.Parallel()
	d, x := newDurable(t, 3), &tester{}
	res := d.ship(x.tested, func(c *Config) {
		first := plan.Test{Name: "first", Run: plan.Hook{Path: "first.sh"}, After: 1}
		c.Plan.Stages[0].Tests = append([]plan.Test{first}, c.Plan.Stages[0].Tests...)
		run := c.RunTest
		c.RunTest = func(ctx context.Context, test plan.Test) error {
			if test.Name == "first" {
				if _, err := d.store().Break(ctx, record.Owner{Actor: "bob", Reason: "it hangs"}); err != nil {
					t.Error(err)
				}
			}
			return run(ctx, test)
		}
	})
	if res.Verdict != Failed || len(x.ran) != 1 || res.Tests[1].Verdict != NotStarted || !strings.Contains(res.Tests[1].Why, "lock") {
		t.Errorf("%s, ran %v, tests %+v", res.Verdict, x.ran, res.Tests)
	}
}
