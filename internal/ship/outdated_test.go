package ship

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/plan"
)

// Nodes that joined since the last deploy are brought up, and the others left alone; with none there is nothing to do.
func TestOnlyOutdated(t *testing.T) {
	t.Parallel()
	d := newDurable(t, 3)
	stage := func(c *Config) {
		rolling(plan.Rollout{MinHealthy: "50%"})(c)
		migrate := c.Plan.Stages[0].Steps[0]
		migrate.Name, migrate.Once, migrate.Rollout = "migrate", true, plan.Rollout{}
		c.Plan.Stages[0].Steps = append([]plan.Step{migrate}, c.Plan.Stages[0].Steps...)
		c.About.Version = "v1"
	}
	only := func(c *Config) { stage(c); c.OnlyOutdated = true }
	deploy := func(change func(*Config)) *Result {
		t.Helper()
		cfg := d.process(change)
		return d.run(func() (*Result, error) { return Deploy(t.Context(), cfg) })
	}
	want(t, deploy(only), 0, Succeeded) // nothing is recorded: every node is outdated
	if diff := cmp.Diff([]string{"run-1.1: 1-1", "run-1.2: 1-1", "run-1.3: 2-2", "run-1.4: 3-3"}, d.orders()); diff != "" {
		t.Error(diff)
	}
	res := deploy(only)
	want(t, res, 0, Succeeded)
	if !res.UpToDate || len(d.commands) != 4 || d.eventsOf(EventTargets) == nil {
		t.Errorf("%+v, %v", res, d.orders())
	}
	d.fake.nodes = append(d.fake.nodes, names(5)[3:]...)
	want(t, deploy(only), 0, Succeeded)
	if diff := cmp.Diff([]string{"run-3.1: 4-5"}, d.orders()[4:]); diff != "" {
		t.Errorf("the migration, or a node that is up to date, was shipped to again: %s", diff)
	}
	if res := deploy(only); !res.UpToDate {
		t.Errorf("%+v", res)
	}
	other := func(change func(*Config)) int {
		before := len(d.commands)
		want(t, deploy(func(c *Config) { only(c); change(c) }), 0, Succeeded)
		return len(d.commands) - before
	}
	if n := other(func(c *Config) { c.About.Version = "v2" }); n < 2 {
		t.Errorf("another version: %d commands", n)
	}
	if n := other(func(c *Config) {
		c.About.Version = "v2"
		c.Plan.Stages[0].Steps[1].Parameters = map[string][]string{"Version": {"v3"}}
	}); n < 2 {
		t.Errorf("other parameters: %d commands", n)
	}
	lock, err := d.store().Lock(t.Context())
	if err != nil || lock.Held {
		t.Errorf("the lock is held: %+v, %v", lock, err)
	}
}

// A node on which the last deploy failed is outdated, and one that nobody knows of.
func TestOnlyOutdatedAfterAFailure(t *testing.T) {
	t.Parallel()
	d := newDurable(t, 4)
	fails := true
	d.becomes = func(_ *order, id string) string {
		if fails && id == "i-00000002" {
			return "Failed"
		}
		return ""
	}
	deploy := func(only bool) *Result {
		t.Helper()
		cfg := d.process(rolling(plan.Rollout{Batches: []string{"3"}}), func(c *Config) { c.OnlyOutdated, c.About.Version = only, "v1" })
		return d.run(func() (*Result, error) { return Deploy(t.Context(), cfg) })
	}
	want(t, deploy(false), 1, Failed)
	fails = false
	want(t, deploy(true), 0, Succeeded)
	if diff := cmp.Diff([]string{"i-00000002", "i-00000004"}, d.commands[1].nodes); diff != "" {
		t.Error(diff)
	}
	if res := deploy(true); !res.UpToDate {
		t.Errorf("%+v", res)
	}
}

func TestOnlyOutdatedTakesARecord(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	res := f.deploy(func(c *Config) { c.OnlyOutdated = true })
	want(t, res, 4, Refused)
	if f.count("SendCommand") != 0 || res.Problem.Hint == "" {
		t.Errorf("problem = %+v", res.Problem)
	}
}
