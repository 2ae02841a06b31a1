package ship

import (
	"strings"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/plan"
)

// talkative is a fleet whose commands fail on each of its 200 nodes with more output than Run Command keeps.
func talkative(t *testing.T) *fleet {
	w := newFleet(newFake(t, names(200)...))
	w.becomes = func(*order, string) string { return "Failed" }
	get := w.on["GetCommandInvocation"]
	w.on["GetCommandInvocation"] = func(n int, in map[string]any) (reply, bool) {
		r, ok := get(n, in)
		if body, is := r.body.(map[string]any); is {
			body["StandardOutputContent"] = strings.Repeat("x", stdoutLimit)
		}
		return r, ok
	}
	w.always("FilterLogEvents", fails("ResourceNotFoundException"))
	return w
}

// TestOutputThatIsNotThereHoldsNothingUp: nodes whose whole output was never written are waited for once, not each.
func TestOutputThatIsNotThereHoldsNothingUp(t *testing.T) {
	t.Parallel()
	w := talkative(t)
	w.always("GetLogEvents", fails("ResourceNotFoundException"))
	start := w.clock.now()
	res := w.deploy(rolling(plan.Rollout{MinHealthy: "0"}), func(c *Config) { c.Plan.Stages[0].Steps[0].Output.LogGroup = "group" })
	want(t, res, 1, Failed)
	if took := w.clock.now().Sub(start); took > time.Minute {
		t.Errorf("took %s, of which the command 10 s", took)
	}
}

// TestWholeOutputsAreBounded: however many nodes fail in however many commands, few whole outputs are kept.
func TestWholeOutputsAreBounded(t *testing.T) {
	t.Parallel()
	w := talkative(t)
	w.on["GetLogEvents"] = func(int, map[string]any) (reply, bool) {
		return reply{body: map[string]any{"events": []map[string]any{{"message": strings.Repeat("x", 1<<20)}}, "nextForwardToken": "t"}}, true
	}
	res := w.deploy(rolling(plan.Rollout{MinHealthy: "0"}), func(c *Config) { c.Plan.Stages[0].Steps[0].Output.LogGroup = "group" })
	want(t, res, 1, Failed)
	kept := 0
	for _, n := range res.Steps[0].Nodes {
		for _, s := range n.Steps {
			kept += len(s.Stdout)
		}
	}
	if kept > 64<<20 {
		t.Errorf("%d MB of output are kept", kept>>20)
	}
}
