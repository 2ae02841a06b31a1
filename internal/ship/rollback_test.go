package ship

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/record"
)

// breaks makes a run's commands fail on every node.
func (d *durable) breaks(runs ...string) {
	d.becomes = func(c *order, _ string) string {
		if slices.Contains(runs, runOf(c.comment)) {
			return "Failed"
		}
		return ""
	}
}

func onFailure(c *Config) { c.Plan.Stages[0].OnFailure = "rollback" }

// history is every record as kind, version, verdict and where it goes back to, the oldest first.
func (d *durable) history() []string {
	d.t.Helper()
	var list []string
	byID := map[string]string{}
	for _, r := range d.deploys() {
		byID[r.ID] = r.RunID
		text := r.RunID + " " + string(r.Kind) + " " + r.Version + " " + r.Verdict
		if r.Target != "" {
			text += " to " + byID[r.Target]
		}
		list = append(list, text)
	}
	return list
}

func TestR105AFailedDeployIsRolledBack(t *testing.T) {
	t.Parallel()
	d := newDurable(t, 7)
	want(t, d.ship(inBatches, onFailure), 0, Succeeded)
	d.clock.t = d.clock.t.Add(time.Minute)
	d.breaks("run-2")
	var proved *plan.Plan
	res := d.ship(inBatches, onFailure, func(c *Config) { c.Prove = func(p *plan.Plan) error { proved = p; return nil } })
	want(t, res, 1, Failed)
	if res.Rollback == nil || res.Rollback.Verdict != Succeeded || proved == nil {
		t.Fatalf("rollback = %+v, proved %v", res.Rollback, proved != nil)
	}
	if joined := res.Rollback.Joined; len(joined) > 0 {
		t.Errorf("nodes that the deploy did not reach are told as joined: %v", joined)
	}
	for _, c := range proved.Stages[0].Calls {
		if c.Action == "ssm:CreateDocument" || c.Action == "ssm:UpdateDocument" {
			t.Errorf("the rollback's plan makes a document: %s", c.ID)
		}
	}
	d.settled()
	wantHistory := []string{"run-1 deploy v1 succeeded", "run-2 deploy v2 failed", "run-2_r rollback v1 succeeded to run-1"}
	if diff := cmp.Diff(wantHistory, d.history()); diff != "" {
		t.Error(diff)
	}
	all := d.deploys()
	if all[1].RolledBackBy != all[2].ID || d.state().Current != all[2].ID {
		t.Errorf("rolled back by %q, state %+v", all[1].RolledBackBy, d.state())
	}
	// Only the first batch, one node, had the new version.
	if diff := cmp.Diff(map[string]int{d.nodes[0]: 1}, d.shipped("run-2_r")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"v1": 7}, versions(all[2])); diff != "" {
		t.Error(diff)
	}
	last := d.sends[len(d.sends)-1]
	if last["DocumentVersion"] != "3" || last["DocumentHash"] != testHash || last["Parameters"].(map[string]any)["Version"].([]any)[0] != "v1" {
		t.Errorf("the rollback sent %+v", last)
	}
}

// TestR105WhatIsNotRolledBack: whatever is not known to have failed is for people to decide about.
func TestR105WhatIsNotRolledBack(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		becomes string
		change  func(*Config)
		verdict Verdict
		said    string
	}{
		{"unknown", "DeliveryTimedOut", nil, Unknown, ""},
		{"no rollback wanted", "Failed", func(c *Config) { c.NoRollback = true }, Failed, ""},
		{"on-failure: stop", "Failed", func(c *Config) { c.Plan.Stages[0].OnFailure = "stop" }, Failed, ""},
		{"a command cancelled by somebody", "Cancelled", nil, Failed, "somebody cancelled the command on"},
		{"nothing was reached", "Undeliverable", func(c *Config) {
			c.Plan.Stages[0].Steps[0].Once = true
		}, Failed, "nothing to roll back"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newDurable(t, 3)
			want(t, d.ship(inBatches), 0, Succeeded)
			d.becomes = func(c *order, _ string) string { return map[string]string{"run-2": tt.becomes}[runOf(c.comment)] }
			change := tt.change
			if change == nil {
				change = func(*Config) {}
			}
			res := d.ship(inBatches, onFailure, change)
			if res.Verdict != tt.verdict || res.Rollback != nil {
				t.Errorf("%s, rollback %+v", res.Verdict, res.Rollback)
			}
			told := d.eventsOf(EventRollback)
			if tt.said != "" && (len(told) != 1 || !strings.Contains(told[0].Message, tt.said)) || tt.said == "" && len(told) > 0 {
				t.Errorf("said %+v", told)
			}
			if len(d.deploys()) != 2 {
				t.Errorf("records: %v", d.history())
			}
			d.settled()
		})
	}
}

func TestR105ARollbackThatCannotBeOrFails(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		first  bool // a good deploy comes before
		change func(*durable, *Config)
		// back is the rollback's verdict, exit the whole's; said is in its problem.
		back Verdict
		exit int
		said string
		// nodes by their version in the last record.
		nodes map[string]int
	}{
		{"nothing before", false, nil, Refused, 1, "nothing to go back to", map[string]int{"": 3}},
		{"not proved", true, func(_ *durable, c *Config) {
			c.Prove = func(*plan.Plan) error { return errors.New("refuted: ssm:SendCommand") }
		}, Refused, 1, "refuted: ssm:SendCommand", map[string]int{"v1": 2, "": 1}},
		{"the version is gone", true, func(d *durable, c *Config) {
			d.on["DescribeDocument"] = func(_ int, in map[string]any) (reply, bool) {
				return fails("InvalidDocumentVersion"), in["DocumentVersion"] != latest
			}
		}, Refused, 1, "not there any more", map[string]int{"v1": 2, "": 1}},
		{"it was changed", true, func(d *durable, c *Config) {
			d.on["DescribeDocument"] = func(_ int, in map[string]any) (reply, bool) {
				return reply{body: map[string]any{"Document": document("3", "bb22", "Active")}}, in["DocumentVersion"] != latest
			}
		}, Refused, 1, "has the hash bb22", map[string]int{"v1": 2, "": 1}},
		{"it fails", true, func(d *durable, _ *Config) { d.breaks("run-2", "run-2_r") }, Failed, 1, "", map[string]int{"v1": 2, "": 1}},
		{"it is unknown", true, func(d *durable, _ *Config) {
			d.becomes = func(c *order, _ string) string {
				return map[string]string{"run-2": "Failed", "run-2_r": "DeliveryTimedOut"}[runOf(c.comment)]
			}
		}, Unknown, 3, "", map[string]int{"v1": 2, "": 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newDurable(t, 3)
			d.runs = 1
			if tt.first {
				d.runs = 0
				want(t, d.ship(inBatches), 0, Succeeded)
			}
			d.breaks("run-2")
			if !tt.first {
				d.becomes = func(*order, string) string { return "Failed" }
				d.nodes = d.nodes[:3]
			}
			batches := inBatches
			if !tt.first {
				batches = rolling(plan.Rollout{})
			}
			res := d.ship(batches, onFailure, func(c *Config) {
				if tt.change != nil {
					tt.change(d, c)
				}
			})
			if res.Exit() != tt.exit || res.Verdict != Failed || res.Rollback == nil || res.Rollback.Verdict != tt.back {
				t.Fatalf("exit %d, %s, rollback %+v", res.Exit(), res.Verdict, res.Rollback)
			}
			if tt.said != "" && !strings.Contains(res.Rollback.Problem.Message, tt.said) {
				t.Errorf("said %q", res.Rollback.Problem.Message)
			}
			all := d.deploys()
			if diff := cmp.Diff(tt.nodes, versions(all[len(all)-1])); diff != "" {
				t.Error(diff)
			}
			d.settled()
		})
	}
}

func (d *durable) back(to string, change ...func(*Config)) *Result {
	d.t.Helper()
	d.clock.t = d.clock.t.Add(time.Minute)
	return d.run(func() (*Result, error) { return Rollback(context.Background(), d.process(change...), to) })
}

// TestR105RollbackByHand goes back step by step, and to versions by name.
func TestR105RollbackByHand(t *testing.T) {
	t.Parallel()
	d := newDurable(t, 3)
	for range 3 {
		d.clock.t = d.clock.t.Add(time.Minute)
		want(t, d.ship(inBatches), 0, Succeeded)
	}
	steps := []struct {
		to, says string
		exit     int
	}{
		{"", "run-4 rollback v2 succeeded to run-2", 0},
		{"", "run-5 rollback v1 succeeded to run-1", 0},
		{"", "", 4}, // nothing came before v1
		{"v3", "run-7 rollback v3 succeeded to run-3", 0},
		{d.deploys()[0].ID, "run-8 rollback v1 succeeded to run-1", 0},
		{"v9", "", 4},
	}
	for _, s := range steps {
		res := d.back(s.to)
		h := d.history()
		if res.Exit() != s.exit || s.says != "" && h[len(h)-1] != s.says {
			t.Errorf("rollback %q: exit %d, %v, want %d, %s: %+v", s.to, res.Exit(), h[len(h)-1], s.exit, s.says, res.Problem)
		}
		if s.exit == 4 && (res.Problem == nil || !strings.Contains(res.Problem.Hint, "history")) {
			t.Errorf("problem = %+v", res.Problem)
		}
	}
	d.breaks("run-10")
	d.clock.t = d.clock.t.Add(time.Minute)
	want(t, d.ship(inBatches), 1, Failed)
	if res := d.back(""); res.Exit() != 0 || d.deploys()[len(d.deploys())-1].Version != "v1" {
		t.Errorf("after a failed deploy it goes back to what was current: %v", d.history())
	}
	// What is gone back to is the deploy, not the rollback that went back to it before: one more goes further back.
	for range 2 {
		d.clock.t = d.clock.t.Add(time.Minute)
		want(t, d.ship(inBatches), 0, Succeeded)
	}
	d.breaks("run-14")
	d.clock.t = d.clock.t.Add(time.Minute)
	want(t, d.ship(inBatches, onFailure), 1, Failed)
	for i, version := range []string{"v12", "v1"} {
		if res := d.back(""); res.Exit() != 0 || d.deploys()[len(d.deploys())-1].Version != version {
			t.Errorf("rollback %d: want %s: %v", i+1, version, d.history())
		}
	}
	if res := d.back("v10"); res.Exit() != 4 || !strings.Contains(res.Problem.Message, "failed") {
		t.Errorf("a deploy that failed is nothing to go back to: %+v", res.Problem)
	}
	d.settled()
}

// TestR105ARollbackLeavesOutWhatRunsOnce: a migration is not undone by being run again.
func TestR105ARollbackLeavesOutWhatRunsOnce(t *testing.T) {
	t.Parallel()
	d := newDurable(t, 3)
	migrating := func(c *Config) {
		inBatches(c)
		once := c.Plan.Stages[0].Steps[0]
		once.Name, once.Once, once.Rollout = "migrate", true, plan.Rollout{}
		c.Plan.Stages[0].Steps = []plan.Step{once, c.Plan.Stages[0].Steps[0]}
	}
	for range 2 {
		d.clock.t = d.clock.t.Add(time.Minute)
		want(t, d.ship(migrating), 0, Succeeded)
	}
	want(t, d.back("", migrating), 0, Succeeded)
	for _, c := range d.commands {
		if runOf(c.comment) == "run-3" && strings.Contains(c.comment, "migrate") {
			t.Errorf("the rollback sent %s", c.comment)
		}
	}
	if told := d.eventsOf(EventRollback); len(told) != 1 || !strings.Contains(told[0].Message, "migrate") || told[0].Version != "v1" {
		t.Errorf("said %+v", told)
	}
	if diff := cmp.Diff(map[string]int{"v1": 3}, versions(d.deploys()[2])); diff != "" {
		t.Error(diff)
	}
}

// TestR105WithoutARecordNothingGoesBack: what takes a record says so.
func TestR105WithoutARecordNothingGoesBack(t *testing.T) {
	t.Parallel()
	d := newDurable(t, 1)
	none := func(c *Config) { c.Bucket = nil }
	for name, res := range map[string]*Result{"rollback": d.back("", none), "resume": d.resume(Continuing{}, none),
		"cancel": d.run(func() (*Result, error) { return Cancel(context.Background(), d.process(none), "") })} {
		want(t, res, 4, Refused)
		if !strings.Contains(res.Problem.Hint, "record:") {
			t.Errorf("%s: %+v", name, res.Problem)
		}
	}
	d.breaks("run-4")
	res := d.ship(onFailure, none)
	want(t, res, 1, Failed)
	if warned := d.eventsOf(EventWarning); !slices.ContainsFunc(warned, func(e Event) bool { return strings.Contains(e.Message, "not rolled back") }) {
		t.Errorf("warned %+v", warned)
	}
}

// TestR105KilledWhileItRollsBack kills a deploy that fails and is rolled back before and after each of its calls. The
// resume ends what there is: the failed deploy is rolled back, or, where it was killed between the two, said to have
// failed, with the node that has the new version named.
func TestR105KilledWhileItRollsBack(t *testing.T) {
	t.Parallel()
	begun := func(t *testing.T) *durable {
		d := newDurable(t, 4)
		want(t, d.ship(inBatches, onFailure), 0, Succeeded)
		d.clock.t = d.clock.t.Add(time.Minute)
		d.breaks("run-2")
		return d
	}
	whole := begun(t)
	want(t, whole.ship(inBatches, onFailure), 1, Failed)
	for at := 1; at <= whole.calls; at++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprint(at, after), func(t *testing.T) {
				t.Parallel()
				d := begun(t)
				d.at, d.after = at, after
				if res := d.ship(inBatches, onFailure); res != nil {
					t.Fatal("it was not killed")
				}
				d.at = 0
				res := d.resume(Continuing{}, inBatches, onFailure)
				d.settled()
				if len(res.Joined) > 0 {
					t.Errorf("joined: %v", res.Joined)
				}
				for _, run := range []string{"run-2", "run-2_r"} {
					for id, n := range d.shipped(run) {
						if n > 1 {
							t.Errorf("%s was shipped to %d times by %s", id, n, run)
						}
					}
				}
				all := d.deploys()
				last := all[len(all)-1]
				switch rolledBack := len(d.shipped("run-2_r")) > 0; {
				case len(d.shipped("run-2")) == 0:
					if last.RunID != "run-1" && last.Verdict != string(Failed) && last.Verdict != string(Refused) {
						t.Errorf("%v, %s", d.history(), res.Verdict)
					}
				case rolledBack && (last.Kind != record.KindRollback || last.Verdict != string(Succeeded) || versions(last)["v1"] != 4):
					t.Errorf("%v, %v", d.history(), versions(last))
				case !rolledBack && (last.Verdict != string(Failed) || versions(last)[""] != 1 || res.Verdict != Failed):
					t.Errorf("%v, %v, %s", d.history(), versions(last), res.Verdict)
				}
			})
		}
	}
}

// TestRollbackPassesOverTheSame: what runs already is nothing to go back to.
func TestRollbackPassesOverTheSame(t *testing.T) {
	t.Parallel()
	d := newDurable(t, 3)
	next := func(version string, change ...func(*Config)) {
		t.Helper()
		d.clock.t = d.clock.t.Add(time.Minute)
		want(t, d.ship(append(change, inBatches, func(c *Config) {
			c.About.Version = version
			c.Plan.Stages[0].Steps[0].Parameters = map[string][]string{"Version": {version}}
		})...), 0, Succeeded)
	}
	next("v1")
	next("v2")
	d.fake.nodes = names(4)
	next("v2", func(c *Config) { c.OnlyOutdated = true })
	d.clock.t = d.clock.t.Add(time.Minute)
	res := d.back("")
	want(t, res, 0, Succeeded)
	if res.Record.Version != "v1" {
		t.Errorf("back to %s", res.Record.Version)
	}
}

// TestRollbackKeepsTheBatches: nodes that still serve are not taken out all at once on the way back (R105).
func TestRollbackKeepsTheBatches(t *testing.T) {
	t.Parallel()
	step := plan.Step{Name: "release", MaxConcurrency: "50%", MaxErrors: "0", Check: &plan.Step{Name: "release-check"},
		Rollout: plan.Rollout{Batches: []string{"1", "25%"}, Pause: 30, MaxFailures: "0", MinHealthy: "75%", Alarm: "errors"}}
	got := backwards(step)
	want := plan.Step{Name: "release", MaxConcurrency: "50%", MaxErrors: "100%", Rollout: plan.Rollout{Batches: []string{"1", "25%"}, MaxFailures: "100%"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if whole := backwards(plan.Step{Name: "release"}); driven(&whole) {
		t.Errorf("a step without batches is driven: %+v", whole.Rollout)
	}
}

// TestTheRecordForgetsNodesThatAreLongGone: each deploy carries on what ran on nodes that are stopped now, and not those
// of years.
func TestTheRecordForgetsNodesThatAreLongGone(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	id := func(days int) string { return began.AddDate(0, 0, -days).Format(record.IDTime) + "-ab" }
	l := &ledger{r: &runner{others: []string{"i-other"}}, deploy: &record.Deploy{ID: id(0), Began: began, Targets: []string{"i-here"}},
		before: map[string]record.Node{"i-here": {Version: "v1", Deploy: id(90)}, "i-other": {Version: "v1", Deploy: id(90)},
			"i-stopped": {Version: "v1", Deploy: id(29)}, "i-gone": {Version: "v1", Deploy: id(31)}, "i-never": {}}}
	got := slices.Sorted(maps.Keys(l.nodes()))
	if diff := cmp.Diff([]string{"i-here", "i-other", "i-stopped"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestStatusDuringARollback: while a failed deploy is rolled back, under the lock that it took, that is what is in progress.
func TestStatusDuringARollback(t *testing.T) {
	t.Parallel()
	d := newDurable(t, 3)
	want(t, d.ship(inBatches, onFailure), 0, Succeeded)
	d.breaks("run-2")
	looked := 0
	want(t, d.ship(inBatches, onFailure, func(c *Config) {
		tell := c.Events
		c.Events = func(e Event) {
			tell(e)
			if e.Kind != EventSent || len(d.commands) < 4 {
				return
			}
			looked++
			v, err := d.store().Survey(t.Context(), nil, false)
			if err != nil {
				t.Error(err)
			} else if v.Latest.Kind != record.KindRollback || v.UnderWay != record.InProgress {
				t.Errorf("the last is the %s %s, %q; standing %s", v.Latest.Kind, v.Latest.ID, v.UnderWay, v.Standing)
			}
		}
	}), 1, Failed)
	if looked != 1 {
		t.Errorf("looked %d times", looked)
	}
}

// TestRollbackLeavesOutWhatNothingRanOn: a node that the command never reached still runs the old version. It is recorded so, and
// is no node to roll back.
func TestRollbackLeavesOutWhatNothingRanOn(t *testing.T) {
	t.Parallel()
	for _, details := range []string{"Undeliverable", "AccessDenied", "InvalidPlatform"} {
		d := newDurable(t, 3)
		all := rolling(plan.Rollout{Batches: []string{"100%"}, MinHealthy: "0"})
		want(t, d.ship(all, onFailure), 0, Succeeded)
		d.becomes = func(c *order, id string) string {
			if id == "i-00000002" {
				return details
			}
			return ""
		}
		d.clock.t = d.clock.t.Add(time.Minute)
		res := d.ship(all, onFailure)
		want(t, res, 1, Failed)
		if res.Rollback == nil || res.Rollback.Verdict != Succeeded {
			t.Errorf("%s: rollback %+v", details, res.Rollback)
		}
		if n := d.shipped("run-2_r")["i-00000002"]; n != 0 {
			t.Errorf("%s: rolled back although nothing ran on it", details)
		}
		records := d.deploys()
		if got := versions(records[1]); got["v1"] != 1 || got["v2"] != 2 {
			t.Errorf("%s: %v", details, got)
		}
		if got := versions(records[2]); got["v1"] != 3 {
			t.Errorf("%s: after the rollback %v", details, got)
		}
	}
}
