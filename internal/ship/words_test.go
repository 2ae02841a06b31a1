package ship

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/slipway-cd/slipway/internal/plan"
)

// TestAnAlarmThatCannotBeReadDidNotGoOff: which of the two it was, the command's TriggeredAlarms says; and the nodes that Run
// Command did not reach any more name the alarm, for none of them failed.
func TestAnAlarmThatCannotBeReadDidNotGoOff(t *testing.T) {
	t.Parallel()
	for state, want := range map[types.ExternalAlarmState]string{
		types.ExternalAlarmStateUnknown: "alarm cpu could not be read while batch 1 was shipped: it does not exist, or Systems Manager may not read it",
		types.ExternalAlarmStateAlarm:   "alarm cpu went off while batch 1 was shipped",
	} {
		w := &watch{step: &plan.Step{Name: "release"}, nodes: map[string]*NodeResult{"i-1": {InstanceID: "i-1", Verdict: NotStarted,
			Status: "Cancelled", StatusDetails: "Terminated", Why: detailVerdicts["Terminated"].Why}}}
		w.noteAlarm(&types.Command{TriggeredAlarms: []types.AlarmStateInformation{{Name: aws.String("cpu"), State: state}}})
		s := &send{batch: 1, result: w.result("", "")}
		if got := alarmed(s).why; got != want {
			t.Errorf("%s: %q, want %q", state, got, want)
		}
		if why := s.result.Nodes[0].Why; !strings.Contains(why, "because of alarm cpu") || strings.Contains(why, "failed") {
			t.Errorf("%s: the node says %q", state, why)
		}
	}
}

// TestMaxFailuresCountsWhatFailed: nodes that Run Command did not begin are none that failed.
func TestMaxFailuresCountsWhatFailed(t *testing.T) {
	t.Parallel()
	s := &send{batch: 1, nodes: names(6), result: &StepResult{Verdict: Failed}}
	for i, id := range s.nodes {
		v := NotStarted
		if i < 2 {
			v = Failed
		}
		s.result.Nodes = append(s.result.Nodes, NodeResult{InstanceID: id, Verdict: v})
	}
	for most, want := range map[string]string{
		"1": "2 nodes did not succeed, max-failures allows 1",
		"2": "2 nodes did not succeed, and 4 more could not be reached, max-failures allows 2",
	} {
		m := next(&plan.Step{Rollout: plan.Rollout{Batches: []string{"100%"}, MaxFailures: most}, Check: &plan.Step{}}, names(6), 6, []*send{s})
		if m.code != CodeMaxFailures || m.why != want {
			t.Errorf("max-failures %s: %s %q, want %q", most, m.code, m.why, want)
		}
	}
}

// TestAScriptThatRanTooLongSaysSo, also where the node as a whole is Failed.
func TestAScriptThatRanTooLongSaysSo(t *testing.T) {
	t.Parallel()
	w := &watch{step: &plan.Step{ExecutionTimeout: 6}}
	n := &NodeResult{Status: "Failed", StatusDetails: "Failed", Steps: []ScriptStepResult{{Name: "release", Status: "TimedOut",
		StatusDetails: "ExecutionTimedOut", ExitCode: 137, Elapsed: 6e9}}}
	n.Steps[0].understand(w.step)
	if got, want := w.failureWhy(detailVerdicts["Failed"], n), "step release: the script ran longer than its timeout of 6s and was killed"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
