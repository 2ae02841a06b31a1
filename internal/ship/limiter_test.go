package ship

import (
	"context"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/plan"
)

// The pace is halved by throttling, once for answers that come together, and comes back slowly.
func TestLimiterAdapts(t *testing.T) {
	t.Parallel()
	const api = "ssm:ListCommandInvocations"
	at := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	var l Limiter
	for i := range int(burst) {
		if wait := l.take(api, at); wait != 0 {
			t.Fatalf("call %d waits %s", i, wait)
		}
	}
	if wait := l.take(api, at); wait != 50*time.Millisecond {
		t.Errorf("after the burst: %s, want a twentieth of a second", wait)
	}
	if wait := l.take("ssm:SendCommand", at); wait != 0 {
		t.Errorf("another API waits %s", wait)
	}
	at = at.Add(10 * time.Second)
	for range 3 {
		l.throttled(api, at)
	}
	if wait := l.take(api, at); wait != 100*time.Millisecond {
		t.Errorf("throttled: %s, want a tenth of a second", wait)
	}
	for range 20 {
		at = at.Add(2 * time.Second)
		l.throttled(api, at)
	}
	if wait := l.take(api, at); wait > time.Duration(float64(time.Second)/leastPace) {
		t.Errorf("throttled for long: %s", wait)
	}
	at = at.Add(5 * time.Minute)
	for range int(burst) + 1 {
		l.take(api, at)
	}
	if wait := l.take(api, at); wait != 100*time.Millisecond {
		t.Errorf("recovered: %s", wait)
	}
}

// throttles makes an operation refuse what comes faster than that many times a second, in virtual time.
func throttles(f *fake, op string, perSecond float64) *int {
	refused := 0
	inner := f.on[op]
	var tokens = perSecond
	at := f.clock.now()
	f.on[op] = func(n int, in map[string]any) (reply, bool) {
		now := f.clock.now()
		tokens, at = min(tokens+now.Sub(at).Seconds()*perSecond, perSecond), now
		if tokens < 1 {
			refused++
			return fails("ThrottlingException"), true
		}
		tokens--
		if inner == nil {
			return reply{}, false
		}
		return inner(n, in)
	}
	return &refused
}

// A deploy that is throttled waits, and ends with the truth.
func TestThrottledDeployEndsWithTheTruth(t *testing.T) {
	t.Parallel()
	for name, becomes := range map[string]string{"succeeded": "", "failed": "Failed"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newFleet(newFake(t, names(600)...))
			w.becomes = func(*order, string) string { return becomes }
			var refused []*int
			for _, op := range []string{"GetCommandInvocation", "ListCommandInvocations", "ListCommands", "SendCommand", "DescribeInstances", "DescribeInstanceInformation"} {
				refused = append(refused, throttles(w.fake, op, 5))
			}
			exit, verdict := 0, Succeeded
			if becomes != "" {
				exit, verdict = 1, Failed
			}
			res := w.deploy(rolling(plan.Rollout{Batches: []string{"1", "100%"}, MaxFailures: "100%"}))
			want(t, res, exit, verdict)
			all := 0
			for _, n := range refused {
				all += *n
			}
			if all == 0 || len(res.Steps[0].Nodes) != 600 {
				t.Errorf("%d calls were throttled, %d nodes", all, len(res.Steps[0].Nodes))
			}
			if seen := map[string]bool{}; true {
				for _, c := range w.commands {
					for _, id := range c.nodes {
						if seen[id] {
							t.Fatalf("%s was sent to twice", id)
						}
						seen[id] = true
					}
				}
			}
		})
	}
}

// An API that serves others is waited for longer than one that serves nobody.
func TestThrottlingIsBorneWhileOthersAreServed(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	shared := &Limiter{}
	throttledFor := 3 * time.Minute
	start := f.clock.now()
	f.on["ListCommandInvocations"] = func(_ int, in map[string]any) (reply, bool) {
		if !real(in) || f.clock.now().Sub(start) > throttledFor {
			return reply{}, false
		}
		return fails("ThrottlingException"), true
	}
	others := true
	deploy := func() *Result {
		return f.deploy(func(c *Config) {
			c.Limiter = shared
			sleep := c.Sleep
			c.Sleep = func(ctx context.Context, d time.Duration) error {
				if others { // another stage of the same process
					shared.answered(testAccount+"/eu-west-1/ssm:ListCommandInvocations", f.clock.now())
				}
				return sleep(ctx, d)
			}
		})
	}
	want(t, deploy(), 0, Succeeded)
	others, start = false, f.clock.now()
	res := deploy()
	want(t, res, 3, Unknown)
	if res.Problem.Code != CodeThrottled {
		t.Errorf("problem = %+v", res.Problem)
	}
}
