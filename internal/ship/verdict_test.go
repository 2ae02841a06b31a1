package ship

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The statuses of the service model, and the details of the user guide, with what each pair must give. A pair that is
// not named here is unknown: written out by hand, so that the table in verdict.go has something to be wrong against.
var (
	statuses = []string{"Pending", "InProgress", "Delayed", "Success", "Cancelled", "TimedOut", "Failed", "Cancelling", "", "Resting"}
	details  = []string{"Pending", "InProgress", "Delayed", "Success", "DeliveryTimedOut", "ExecutionTimedOut", "Failed", "Cancelled",
		"Cancelling", "Undeliverable", "Terminated", "InvalidPlatform", "AccessDenied", "Incomplete", "RateExceeded",
		"NoInstancesInTag", "LimitExceeded", "TimedOut", "", "Dreaming"}
)

func wanted(status, detail string) string {
	flying := map[string]bool{"Pending": true, "InProgress": true, "Delayed": true, "Cancelling": true}
	switch detail {
	case "":
		switch {
		case flying[status]:
			return "wait"
		case status == "Success":
			return "succeeded"
		case status == "Failed", status == "Cancelled":
			return "failed"
		}
		return "unknown"
	case "Success":
		switch {
		case flying[status]:
			return "wait"
		case status == "Success", status == "":
			return "succeeded"
		}
		return "unknown"
	case "Pending", "InProgress", "Delayed", "Cancelling":
		if flying[status] || status == "" {
			return "wait"
		}
		return "unknown"
	}
	if status == "Success" {
		return "unknown"
	}
	switch detail {
	case "Failed", "Cancelled", "ExecutionTimedOut", "Undeliverable", "AccessDenied", "InvalidPlatform":
		return "failed"
	case "Terminated":
		return "not started"
	}
	return "unknown"
}

func TestR012EveryStatusAndDetail(t *testing.T) {
	t.Parallel()
	for _, s := range statuses {
		for _, d := range details {
			j := judge(s, d)
			got := string(j.Verdict)
			if j.Wait {
				got = "wait"
			}
			if w := wanted(s, d); got != w {
				t.Errorf("judge(%q, %q) = %s, want %s", s, d, got, w)
			}
			if j.Verdict != Succeeded && !j.Wait && j.Why == "" {
				t.Errorf("judge(%q, %q) does not say why", s, d)
			}
			if j.Verdict == Unknown && d != "DeliveryTimedOut" && (!strings.Contains(j.Why, s) || !strings.Contains(j.Why, d)) {
				t.Errorf("judge(%q, %q) does not show the raw text: %s", s, d, j.Why)
			}
		}
	}
	for _, spelling := range [][2]string{{"TimedOut", "Delivery Timed Out"}, {"TimedOut", "Execution Timed Out"}, {"Canceled", "Canceled"}, {"InProgress", "In Progress"}} {
		if j := judge(spelling[0], spelling[1]); strings.Contains(j.Why, "does not know") {
			t.Errorf("%v is not known: %s", spelling, j.Why)
		}
	}
}

// The exit codes of a whole deploy, for one node that ends so.
func TestR012ExitCodes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		status, details string
		exit            int
	}{
		{"Success", "Success", 0}, {"Failed", "Failed", 1}, {"Cancelled", "Cancelled", 1}, {"TimedOut", "ExecutionTimedOut", 1},
		{"TimedOut", "Execution Timed Out", 1}, {"TimedOut", "DeliveryTimedOut", 3}, {"TimedOut", "Delivery Timed Out", 3},
		{"Failed", "Undeliverable", 1}, {"Failed", "AccessDenied", 1}, {"Failed", "InvalidPlatform", 1}, {"Cancelled", "Terminated", 1},
		{"Pending", "Pending", 3}, {"Success", "Dreaming", 3}, {"Resting", "", 3},
	}
	for _, tt := range tests {
		t.Run(tt.status+"/"+tt.details, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, "i-00000001")
			f.invocations = func(int) []inv { return f.all(tt.status, tt.details) }
			res := f.deploy()
			if res.Exit() != tt.exit {
				t.Errorf("exit %d, want %d: %+v", res.Exit(), tt.exit, res)
			}
			n := res.Steps[0].Nodes[0]
			if n.Status != tt.status || n.StatusDetails != tt.details {
				t.Errorf("raw text lost: %+v", n)
			}
		})
	}
}

func TestR099TargetCount(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		listed  int // of three nodes
		targets int
		parent  inv
		exit    int
		nodes   []Verdict
	}{
		{"all", 3, 3, inv{"", "Success", "Success"}, 0, []Verdict{Succeeded, Succeeded, Succeeded}},
		{"one is not listed", 2, 3, inv{"", "Success", "Success"}, 3, []Verdict{Succeeded, Succeeded, Unknown}},
		{"one was never a target", 2, 2, inv{"", "Success", "Success"}, 1, []Verdict{Succeeded, Succeeded, NotStarted}},
		{"more listed than targets", 3, 2, inv{"", "Success", "Success"}, 3, []Verdict{Succeeded, Succeeded, Succeeded}},
		{"no target", 0, 0, inv{"", "Success", "NoInstancesInTag"}, 1, []Verdict{NotStarted, NotStarted, NotStarted}},
		{"no target, success", 0, 0, inv{"", "Success", "Success"}, 1, []Verdict{NotStarted, NotStarted, NotStarted}},
		{"rate exceeded", 0, 3, inv{"", "Failed", "RateExceeded"}, 1, []Verdict{NotStarted, NotStarted, NotStarted}},
		{"incomplete", 0, 0, inv{"", "Failed", "Incomplete"}, 1, []Verdict{NotStarted, NotStarted, NotStarted}},
		{"nothing to be read", 0, 3, inv{"", "Success", "Success"}, 3, []Verdict{Unknown, Unknown, Unknown}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, "i-00000001", "i-00000002", "i-00000003")
			f.targetCount, f.parent = tt.targets, tt.parent
			f.invocations = func(int) []inv { return f.all("Success", "Success")[:tt.listed] }
			res := f.deploy()
			if res.Exit() != tt.exit {
				t.Errorf("exit %d, want %d: %+v", res.Exit(), tt.exit, res)
			}
			var got []Verdict
			for _, n := range res.Steps[0].Nodes {
				got = append(got, n.Verdict)
			}
			if diff := cmp.Diff(tt.nodes, got); diff != "" {
				t.Error(diff)
			}
			if tt.exit != 0 && res.Steps[0].Why == "" && got[2] == Succeeded {
				t.Error("no reason given")
			}
			if tt.name == "one is not listed" && !strings.Contains(res.Steps[0].Why, "for 3 nodes, Run Command lists 2") {
				t.Errorf("why = %s", res.Steps[0].Why)
			}
		})
	}
}

// A node that comes late is waited for.
func TestR099LateInvocation(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001", "i-00000002")
	f.invocations = func(n int) []inv { return f.all("Success", "Success")[:min(1+n/3, 2)] }
	res := f.deploy()
	want(t, res, 0, Succeeded)
	if len(res.Steps[0].Nodes) != 2 {
		t.Errorf("nodes = %+v", res.Steps[0].Nodes)
	}
}

// Whatever the mix, the parent's Success makes nothing succeed.
func TestR110ParentSuccessIsNotSuccess(t *testing.T) {
	t.Parallel()
	ends := []inv{{"", "Success", "Success"}, {"", "Failed", "Undeliverable"}, {"", "Failed", "AccessDenied"}, {"", "Failed", "InvalidPlatform"},
		{"", "Cancelled", "Terminated"}, {"", "TimedOut", "DeliveryTimedOut"}}
	for a := range ends {
		for b := range ends {
			t.Run(fmt.Sprint(ends[a].details, "+", ends[b].details), func(t *testing.T) {
				t.Parallel()
				f := newFake(t, "i-00000001", "i-00000002")
				f.invocations = func(int) []inv {
					return []inv{{"i-00000001", ends[a].status, ends[a].details}, {"i-00000002", ends[b].status, ends[b].details}}
				}
				res := f.deploy()
				if (res.Exit() == 0) != (a == 0 && b == 0) {
					t.Errorf("exit %d", res.Exit())
				}
				unknown := ends[a].details == "DeliveryTimedOut" || ends[b].details == "DeliveryTimedOut"
				if (res.Exit() == 3) != unknown {
					t.Errorf("exit %d, unknown %t", res.Exit(), unknown)
				}
			})
		}
	}
}

func TestR110SkippedSteps(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		get  map[string]any
		exit int
	}{
		{"skipped by its precondition", map[string]any{"Status": "Success", "StatusDetails": "Success", "ResponseCode": 0,
			"StandardOutputContent": "Step execution skipped due to unsatisfied preconditions: 'x'. Step name: release"}, 1},
		{"failed", map[string]any{"Status": "Failed", "StatusDetails": "Failed", "ResponseCode": 1}, 1},
		{"exit code without success", map[string]any{"Status": "Success", "StatusDetails": "Success", "ResponseCode": 2}, 3},
		{"never ran", map[string]any{"Status": "Pending", "StatusDetails": "Pending", "ResponseCode": -1}, 3},
		{"no text known", map[string]any{"Status": "Success", "StatusDetails": "Skipped", "ResponseCode": 0}, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, "i-00000001")
			f.watching("GetCommandInvocation", reply{body: tt.get})
			res := f.deploy()
			if res.Exit() != tt.exit {
				t.Errorf("exit %d, want %d", res.Exit(), tt.exit)
			}
			n := res.Steps[0].Nodes[0]
			if v := map[int]Verdict{1: Failed, 3: Unknown}[tt.exit]; n.Verdict != v || !strings.Contains(n.Why, "release") {
				t.Errorf("node is %q, want %q, because %q", n.Verdict, v, n.Why)
			}
		})
	}
}

// Exit code 137 is reported as a timeout, also after four seconds.
func TestKilledIsNotATimeout(t *testing.T) {
	t.Parallel()
	for elapsed, part := range map[string]string{"PT4.2S": "it was killed", "": "it was killed", "PT10M0.1S": "longer than its timeout"} {
		f := newFake(t, "i-00000001")
		f.invocations = func(int) []inv { return f.all("TimedOut", "ExecutionTimedOut") }
		f.watching("GetCommandInvocation", reply{body: map[string]any{"Status": "TimedOut", "StatusDetails": "Execution Timed Out",
			"ResponseCode": 137, "ExecutionElapsedTime": elapsed}})
		res := f.deploy()
		want(t, res, 1, Failed)
		if why := res.Steps[0].Nodes[0].Why; !strings.Contains(why, part) {
			t.Errorf("after %q: %s", elapsed, why)
		}
	}
}

func TestTogether(t *testing.T) {
	t.Parallel()
	tests := map[Verdict][][]Verdict{
		Succeeded: {{Succeeded}, {Succeeded, Succeeded}},
		Failed:    {{Succeeded, Failed}, {NotStarted, Succeeded}},
		Unknown:   {{}, {Unknown}, {Failed, Unknown}, {Unknown, Failed}, {Succeeded, Unknown}, {"odd"}},
	}
	for whole, cases := range tests {
		for _, parts := range cases {
			if got := together(parts); got != whole {
				t.Errorf("together(%v) = %s, want %s", parts, got, whole)
			}
		}
	}
}

func TestConfigErrors(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){
		"no plan": func(c *Config) { c.Plan = nil }, "no stage": func(c *Config) { c.Stage = "prod" },
		"no run id": func(c *Config) { c.RunID = "" }, "no steps": func(c *Config) { c.Plan.Stages[0].Steps = nil },
	} {
		cfg := newFake(t, "i-00000001").config()
		change(&cfg)
		if _, err := Deploy(context.Background(), cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzJudge(f *testing.F) {
	f.Add("Success", "Success")
	f.Add("TimedOut", "Delivery Timed Out")
	f.Add("Success", "Failed")
	f.Fuzz(func(t *testing.T, status, details string) {
		j := judge(status, details)
		if j.Wait == (j.Verdict != "") {
			t.Errorf("neither waits nor decides: %+v", j)
		}
		s, d := normalise(status), normalise(details)
		if j.Verdict == Succeeded && (s != "" && s != "Success" || d != "" && d != "Success" || s+d == "") {
			t.Errorf("judge(%q, %q) succeeded", status, details)
		}
	})
}
