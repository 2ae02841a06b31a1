package ship

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/plan"
)

// Every Status with every StatusDetails ends the first node of a rollout: only a success lets the others be begun.
func TestR012EveryStatusInABatch(t *testing.T) {
	t.Parallel()
	for _, s := range statuses {
		for _, d := range details {
			v := wanted(s, d)
			if v == "wait" {
				continue // below
			}
			t.Run(s+"/"+d, func(t *testing.T) {
				t.Parallel()
				w := newFleet(newFake(t, names(3)...))
				w.becomes = func(_ *order, id string) string {
					if id == "i-00000001" {
						return s + "/" + d
					}
					return ""
				}
				res := w.deploy(rolling(plan.Rollout{Batches: []string{"1", "100%"}}))
				first, rest := res.Steps[0].Nodes[0], res.Steps[0].Nodes[1:]
				if string(first.Verdict) != v {
					t.Fatalf("%s, want %s: %s", first.Verdict, v, first.Why)
				}
				begun, after := 1, NotStarted
				exit := map[string]int{"succeeded": 0, "failed": 1, "unknown": 3, "not started": 1}[v]
				if v == "succeeded" {
					begun, after = 2, Succeeded
				}
				if len(w.commands) != begun || res.Exit() != exit || rest[0].Verdict != after || rest[1].Verdict != after {
					t.Errorf("exit %d, %d commands, then %s and %s", res.Exit(), len(w.commands), rest[0].Verdict, rest[1].Verdict)
				}
			})
		}
	}
}

// A node that stays where it cannot stay ends the rollout as unknown, and says why.
func TestR100StuckInABatch(t *testing.T) {
	t.Parallel()
	for status, part := range map[string]string{"Pending": "agent is not running", "InProgress": "stopped answering", "Delayed": "agent is not running"} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			w := newFleet(newFake(t, names(120)...))
			w.becomes = func(_ *order, id string) string {
				if id == "i-00000060" { // in the second command of the batch
					return status
				}
				return ""
			}
			res := w.deploy(rolling(plan.Rollout{Batches: []string{"100"}}))
			want(t, res, 3, Unknown)
			if diff := cmp.Diff(map[Verdict]int{Succeeded: 99, Unknown: 1, NotStarted: 20}, verdicts(res.Steps[0])); diff != "" {
				t.Error(diff)
			}
			warnings := w.eventsOf(EventWarning)
			if len(warnings) != 1 || !strings.Contains(warnings[0].Message, part) || warnings[0].Instance != "i-00000060" {
				t.Errorf("warnings = %+v", warnings)
			}
			if res.Problem.Code != CodeTimeout || res.Steps[0].CommandID != w.commands[1].id || !strings.Contains(res.Steps[0].Resume, w.commands[1].id) {
				t.Errorf("%+v, %s", res.Problem, res.Steps[0].Resume)
			}
		})
	}
}

// Whatever the mix in a batch, and whatever the command says of itself, only two successes let the next begin.
func TestR110EveryMixInABatch(t *testing.T) {
	t.Parallel()
	ends := []string{"Success", "Failed/Undeliverable", "Failed/AccessDenied", "Failed/InvalidPlatform", "Cancelled/Terminated", "TimedOut/DeliveryTimedOut"}
	for a := range ends {
		for b := range ends {
			t.Run(fmt.Sprint(ends[a], "+", ends[b]), func(t *testing.T) {
				t.Parallel()
				w := newFleet(newFake(t, names(4)...))
				w.becomes = func(_ *order, id string) string {
					return map[string]string{"i-00000001": ends[a], "i-00000002": ends[b]}[id]
				}
				res := w.deploy(rolling(plan.Rollout{Batches: []string{"2"}}))
				good := a == 0 && b == 0
				if (res.Exit() == 0) != good || (len(w.commands) == 2) != good {
					t.Errorf("exit %d, %d commands", res.Exit(), len(w.commands))
				}
				if unknown := a == len(ends)-1 || b == len(ends)-1; (res.Exit() == 3) != unknown {
					t.Errorf("exit %d, unknown %t", res.Exit(), unknown)
				}
			})
		}
	}
}
