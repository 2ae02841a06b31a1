package rehearse_test

import (
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/awsclient"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/ship"
)

// durable is a configuration with the record, as the role that sends or the one that watches reaches it.
func (s scenario) durable(t *testing.T, run string, config awsclient.Config) ship.Config {
	t.Helper()
	cfg := s.config(t, run, nil)
	p := *s.plan
	lease := *p.Record
	lease.Lease = 2
	p.Record = &lease
	cfg.Plan, cfg.About, cfg.WaitEach = &p, ship.About{Version: run, Actor: run}, 200*time.Millisecond
	if config.Credentials == nil {
		config = cfg.Send
	}
	cfg.Bucket = awsclient.NewBucket(config, p.Record.Region, p.Record.Bucket, p.Record.Account)
	cfg.Prove = func(*plan.Plan) error { return nil }
	return cfg
}

// wantUnlocked wants one record of a run, ended with a verdict, and no lock.
func (s scenario) wantUnlocked(t *testing.T, run string, verdict ship.Verdict) {
	t.Helper()
	deploys, lock := s.recorded(t, run)
	if lock.Held || len(deploys) != 1 || deploys[0].Ended.IsZero() || deploys[0].Verdict != string(verdict) {
		t.Errorf("lock %+v, %d records", lock, len(deploys))
		for _, d := range deploys {
			t.Errorf("%s ended %s: %s (%s)", d.ID, d.Ended, d.Verdict, d.Why)
		}
	}
}

const cancelledStage = `record: {bucket: shop-record}
stages:
  - name: dev
    account: dev
    targets: {tags: {App: shop, Environment: dev}, min: 3}
    steps:
      - command: {name: release, script: release.sh, timeout: 2m, rollout: {batches: [1, 100%]}}
`

// TestR101CancelFromElsewhere stops a deploy that lives, with the rendered roles: its commands are cancelled, it begins
// no further batch, and both say the same.
func TestR101CancelFromElsewhere(t *testing.T) {
	t.Parallel()
	s := start(t, cancelledStage, map[string]string{"release.sh": "echo started; sleep 100\n"})
	running := make(chan struct{})
	cfg := s.durable(t, "run-1", awsclient.Config{})
	cfg.Events = func(e ship.Event) {
		if e.Kind == ship.EventNode && e.Status == "InProgress" && running != nil {
			close(running)
			running = nil
		}
	}
	began := running
	done := make(chan *ship.Result, 1)
	go func() {
		result, err := ship.Deploy(t.Context(), cfg)
		if err != nil {
			t.Error(err)
		}
		done <- result
	}()
	<-began
	cancelled, err := ship.Cancel(t.Context(), s.durable(t, "cancel", awsclient.Config{}), "")
	if err != nil {
		t.Fatal(err)
	}
	deployed := <-done
	if deployed.Verdict != ship.Failed || cancelled.Verdict != ship.Failed || cancelled.Record == nil || cancelled.Record.ID != deployed.Record.ID {
		t.Errorf("the deploy %s, the cancel %s, %+v", deployed.Verdict, cancelled.Verdict, cancelled.Problem)
	}
	if n := s.sends(t); n != 1 {
		t.Errorf("%d commands, want that of the first batch", n)
	}
	s.wantUnlocked(t, "run-1", ship.Failed)
	s.wantNothingElse(t)
}

// TestR016DetachUsesTheTriggerAlone: in a split stage one job sends with the Trigger role, another finds out with the Verify
// role. Neither has the other's credentials.
func TestR016DetachUsesTheTriggerAlone(t *testing.T) {
	t.Parallel()
	stage := `record: {bucket: shop-record}
stages:
  - name: dev
    account: dev
    split: true
    targets: {tags: {App: shop, Environment: dev}, min: 2}
    steps: [{command: {name: release, script: release.sh, timeout: 1m}}]
`
	s := start(t, stage, map[string]string{"release.sh": "echo shipped\n"})
	trigger := s.durable(t, "run-1", awsclient.Config{})
	verify := s.durable(t, "run-2", trigger.Watch)
	trigger.Detach, trigger.Watch.Credentials = true, awsclient.Nobody
	sent, err := ship.Deploy(t.Context(), trigger)
	if err != nil {
		t.Fatal(err)
	}
	if !sent.Detached || sent.Exit() != 0 || sent.Verdict != ship.Unknown {
		t.Fatalf("exit %d, %s: %+v", sent.Exit(), sent.Verdict, sent.Problem)
	}
	verify.Send.Credentials = awsclient.Nobody
	told, err := ship.Continue(t.Context(), verify, ship.Continuing{})
	if err != nil {
		t.Fatal(err)
	}
	if told.Verdict != ship.Succeeded || told.Exit() != 0 || s.sends(t) != 1 {
		t.Errorf("exit %d, %s, %d commands: %+v", told.Exit(), told.Verdict, s.sends(t), told.Problem)
	}
	s.wantUnlocked(t, "run-1", ship.Succeeded)
	s.wantNothingElse(t)
}
