package ship

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/plan"
)

// names are the ids of n nodes.
func names(n int) []string {
	var ids []string
	for i := range n {
		ids = append(ids, fmt.Sprintf("i-%08d", i+1))
	}
	return ids
}

// went is a send of the nodes from..to (counting from 1) of which these did not succeed.
func went(batch, from, to int, bad ...int) *send {
	s := &send{batch: batch, result: &StepResult{Verdict: Succeeded}}
	for i := from; i <= to; i++ {
		id, v := fmt.Sprintf("i-%08d", i), Succeeded
		if slices.Contains(bad, i) {
			v, s.result.Verdict = Failed, Failed
		}
		s.nodes = append(s.nodes, id)
		s.result.Nodes = append(s.result.Nodes, NodeResult{InstanceID: id, Verdict: v})
	}
	return s
}

func checked(s *send) *send {
	s.check = true
	return s
}

func TestNext(t *testing.T) {
	t.Parallel()
	ro := func(max, healthy string, sizes ...string) plan.Rollout {
		return plan.Rollout{Batches: sizes, MaxFailures: max, MinHealthy: healthy, Pause: 30}
	}
	unread := went(1, 1, 1, 1)
	unread.result.unread = true
	alarm := went(1, 1, 1)
	alarm.result.alarm = "cpu"
	void := went(1, 1, 1)
	void.void = true
	out := went(2, 2, 3)
	out.result = nil
	tests := []struct {
		name  string
		step  plan.Step
		nodes int
		sends []*send
		want  string
	}{
		{"the first node alone first", plan.Step{Rollout: ro("", "", "1", "25%", "100%")}, 8, nil, "batch 1: 1-1, MaxErrors 0"},
		{"then a quarter of all", plan.Step{Rollout: ro("", "", "1", "25%", "100%")}, 8, []*send{went(1, 1, 1)}, "pause, batch 2: 2-3, MaxErrors 0"},
		{"then the rest", plan.Step{Rollout: ro("", "", "1", "25%", "100%")}, 8, []*send{went(1, 1, 1), went(2, 2, 3)}, "pause, batch 3: 4-8, MaxErrors 0"},
		{"and then no more", plan.Step{Rollout: ro("", "", "1", "25%", "100%")}, 8, []*send{went(1, 1, 1), went(2, 2, 3), went(3, 4, 8)}, "done"},
		{"the last size is repeated", plan.Step{Rollout: ro("", "", "1", "2")}, 8, []*send{went(1, 1, 1), went(2, 2, 3), went(3, 4, 5)}, "pause, batch 4: 6-7, MaxErrors 0"},
		{"a percentage is at least one", plan.Step{Rollout: ro("", "", "10%")}, 3, nil, "batch 1: 1-1, MaxErrors 0"},
		{"a percentage is rounded down", plan.Step{Rollout: ro("", "", "50%")}, 5, nil, "batch 1: 1-2, MaxErrors 0"},
		{"a failure stops", plan.Step{Rollout: ro("", "", "1", "100%")}, 8, []*send{went(1, 1, 1, 1)}, "stop MAX_FAILURES"},
		{"so many may fail", plan.Step{Rollout: ro("2", "", "2")}, 8, []*send{went(1, 1, 2, 1)}, "pause, batch 2: 3-4, MaxErrors 1"},
		{"and no more", plan.Step{Rollout: ro("2", "", "2")}, 8, []*send{went(1, 1, 2, 1), went(2, 3, 4, 3, 4)}, "stop MAX_FAILURES"},
		{"a percentage of them", plan.Step{Rollout: ro("25%", "", "2")}, 8, []*send{went(1, 1, 2, 1, 2)}, "pause, batch 2: 3-4, MaxErrors 0"},
		{"max-errors where max-failures is not given", plan.Step{MaxErrors: "1", Rollout: ro("", "", "2")}, 8, []*send{went(1, 1, 2, 1)}, "pause, batch 2: 3-4, MaxErrors 0"},
		{"min-healthy bounds a batch", plan.Step{Rollout: ro("", "6", "100%")}, 8, nil, "batch 1: 1-2, MaxErrors 0"},
		{"min-healthy without batches", plan.Step{Rollout: ro("", "75%")}, 8, []*send{went(1, 1, 2)}, "pause, batch 2: 3-4, MaxErrors 0"},
		{"min-healthy is rounded up", plan.Step{Rollout: ro("", "50%")}, 5, nil, "batch 1: 1-2, MaxErrors 0"},
		{"failed nodes are not healthy", plan.Step{Rollout: ro("3", "6")}, 8, []*send{went(1, 1, 2, 1)}, "pause, batch 2: 3-3, MaxErrors 2"},
		{"min-healthy with no room left", plan.Step{Rollout: ro("3", "6")}, 8, []*send{went(1, 1, 2, 1, 2)}, "stop HEALTH_CONSTRAINT"},
		{"min-healthy that lets none go", plan.Step{Rollout: ro("", "100%")}, 8, nil, "stop HEALTH_CONSTRAINT"},
		{"once", plan.Step{Once: true}, 8, nil, "batch 1: 1-1, MaxErrors 0"},
		{"once is once", plan.Step{Once: true}, 8, []*send{went(1, 1, 1)}, "done"},
		{"a broken off batch goes on", plan.Step{Rollout: ro("", "", "1", "100%")}, 120, []*send{went(1, 1, 1), went(2, 2, 51)}, "batch 2: 52-120, MaxErrors 0"},
		{"and not after a failure", plan.Step{Rollout: ro("", "", "1", "100%")}, 120, []*send{went(1, 1, 1), went(2, 2, 51, 9)}, "stop MAX_FAILURES"},
		{"what is out is watched first", plan.Step{Rollout: ro("", "", "1", "2")}, 8, []*send{went(1, 1, 1), out}, "watch"},
		{"what was never sent is sent", plan.Step{Rollout: ro("", "", "1", "2")}, 8, []*send{void}, "batch 1: 1-1, MaxErrors 0"},
		{"the batch is validated after the pause", plan.Step{Check: &plan.Step{}, Rollout: ro("", "", "2")}, 8, []*send{went(1, 1, 2)}, "pause, check 1: 1-2, MaxErrors 0"},
		{"then without a pause the next", plan.Step{Check: &plan.Step{}, Rollout: ro("", "", "2")}, 8, []*send{went(1, 1, 2), checked(went(1, 1, 2))}, "batch 2: 3-4, MaxErrors 0"},
		{"a failed validation stops", plan.Step{Check: &plan.Step{}, Rollout: ro("3", "", "2")}, 8, []*send{went(1, 1, 2), checked(went(1, 1, 2, 2))}, "stop VALIDATION_FAILED"},
		{"only what succeeded is validated", plan.Step{Check: &plan.Step{}, Rollout: ro("3", "", "2")}, 8, []*send{went(1, 1, 2, 1)}, "pause, check 1: 2-2, MaxErrors 0"},
		{"the last batch is validated too", plan.Step{Check: &plan.Step{}}, 2, []*send{went(1, 1, 2)}, "check 1: 1-2, MaxErrors 0"},
		{"an alarm stops", plan.Step{Rollout: ro("", "", "1")}, 8, []*send{alarm}, "stop ALARM"},
		{"what cannot be read stops", plan.Step{Rollout: ro("5", "", "1")}, 8, []*send{unread}, "stop RESULT_UNREADABLE"},
		{"a whole command", plan.Step{MaxErrors: "3"}, 0, nil, "batch 1: all, MaxErrors 3"},
		{"max-failures of a whole command", plan.Step{MaxErrors: "0", Rollout: ro("10%", "", "100%")}, 0, nil, "batch 1: all, MaxErrors 10%"},
		{"a whole command is one", plan.Step{}, 0, []*send{went(1, 1, 0)}, "done"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, shownMove(next(&tt.step, names(tt.nodes), tt.nodes, tt.sends))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// shownMove is a move as the table has it.
func shownMove(m move) string {
	var text string
	switch m.kind {
	case moveDone:
		return "done"
	case moveWatch:
		return "watch"
	case moveStop:
		return "stop " + m.code
	case moveCheck:
		text = "check"
	case moveSend:
		text = "batch"
	}
	nodes := "all"
	if n := len(m.nodes); n > 0 {
		var first, last int
		_, _ = fmt.Sscanf(m.nodes[0], "i-%d", &first)
		_, _ = fmt.Sscanf(m.nodes[n-1], "i-%d", &last)
		nodes = fmt.Sprintf("%d-%d", first, last)
	}
	text = fmt.Sprintf("%s %d: %s, MaxErrors %s", text, m.batch, nodes, m.maxErrors)
	if m.pause == 30*time.Second {
		text = "pause, " + text
	}
	return text
}

// Whatever happened so far, a rollout comes to its end, never ships to a node twice, and never has more nodes out of
// service than it may.
func TestNextAlwaysEnds(t *testing.T) {
	t.Parallel()
	for seed := range 2000 {
		n := seed%23 + 1
		step := plan.Step{Rollout: plan.Rollout{
			Batches:     [][]string{nil, {"1"}, {"1", "25%", "100%"}, {"3"}, {"40%"}}[seed%5],
			MaxFailures: []string{"", "1", "20%", "100%"}[seed/5%4],
			MinHealthy:  []string{"", "1", "50%"}[seed/20%3],
		}}
		if seed/60%2 == 1 {
			step.Check = &plan.Step{}
		}
		nodes, had := names(n), map[string]bool{}
		var sends []*send
		failed := 0
		for moves := 0; ; moves++ {
			m := next(&step, nodes, n, sends)
			if m.kind == moveDone || m.kind == moveStop {
				if m.kind == moveDone && len(had) != n && (driven(&step)) {
					t.Fatalf("%d: done with %d of %d nodes", seed, len(had), n)
				}
				break
			}
			if moves > 3*n+3 {
				t.Fatalf("%d: it does not end: %+v", seed, m)
			}
			if healthy := share(step.Rollout.MinHealthy, n, true); m.kind == moveSend && step.Rollout.MinHealthy != "" && len(m.nodes)+failed > n-healthy {
				t.Fatalf("%d: %d nodes at once and %d failed of %d, %d must stay", seed, len(m.nodes), failed, n, healthy)
			}
			s := &send{batch: m.batch, check: m.kind == moveCheck, nodes: m.nodes, result: &StepResult{Verdict: Succeeded}}
			for i, id := range m.nodes {
				if !s.check && had[id] {
					t.Fatalf("%d: %s is shipped to twice", seed, id)
				}
				had[id] = true
				v := Succeeded
				if (seed*7+i*3+moves*5)%11 == 0 && !s.check {
					v = Failed
					failed++
				}
				s.result.Nodes = append(s.result.Nodes, NodeResult{InstanceID: id, Verdict: v})
			}
			sends = append(sends, s)
		}
	}
}
