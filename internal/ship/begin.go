package ship

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/slipway-cd/slipway/internal/record"
	"github.com/slipway-cd/slipway/internal/release"
)

// openStore is the record of the stage as a may reach it.
func (r *runner) openStore(a *api) (*record.Store, error) {
	tokens := 0
	return record.NewStore(record.Config{
		Bucket: steady{r: r, a: a, bucket: r.cfg.Bucket}, App: r.plan.App, Stage: r.stage.Name, Now: r.cfg.Now, Redact: release.Redact,
		NewToken: func() string {
			tokens++
			return r.cfg.RunID + "/" + strconv.Itoa(tokens)
		},
	})
}

// leaseTime is how long the lock outlives this process.
func (r *runner) leaseTime() time.Duration {
	lease := release.DefaultLease
	if r.plan.Record != nil && r.plan.Record.Lease > 0 {
		lease = time.Duration(r.plan.Record.Lease) * time.Second
	}
	if r.cfg.Detach { // nobody is there to renew it while the command runs
		step := &r.stage.Steps[0]
		lease = max(lease, total(step, max(len(r.stage.Targets.Instances), r.stage.Targets.Min))+2*r.t.Grace)
	}
	return lease
}

func (r *runner) owner(deploy string) record.Owner {
	return record.Owner{Deploy: deploy, Actor: r.cfg.About.Actor, Host: r.cfg.About.Host, Reason: r.cfg.About.Reason}
}

// lockStage takes the stage's lock, before anything is read that could change until the send.
func (r *runner) lockStage(ctx context.Context, kind record.Kind) error {
	if r.cfg.Bucket == nil {
		return nil
	}
	store, err := r.openStore(r.sender)
	if err != nil {
		return err
	}
	d := r.newDeploy(kind, r.cfg.Now())
	lease, err := store.Await(ctx, r.owner(d.ID), r.leaseTime(), r.waiting())
	if err != nil {
		return r.notLocked(err)
	}
	r.ledger = &ledger{r: r, store: store, lease: lease, deploy: d, tried: map[string]map[string]NodeResult{}}
	r.ledger.holding()
	r.event(Event{Kind: EventLock, Message: "lock taken for deploy " + d.ID})
	return nil
}

func (r *runner) waiting() record.Waiting {
	limit := r.cfg.WaitForLock
	if limit < 0 {
		limit = math.MaxInt64 / 2 // the clock's own limit is far away
	}
	return record.Waiting{Limit: limit, Each: r.cfg.WaitEach, Sleep: r.cfg.Sleep, Tell: r.waitsForLock}
}

func (r *runner) waitsForLock(held *record.HeldError) {
	r.event(Event{Kind: EventLock, Until: r.cfg.Now().Add(held.Left), Message: "waiting: " + held.Error()})
}

// notLocked explains why the lock was not taken.
func (r *runner) notLocked(err error) error {
	var held *record.HeldError
	if !errors.As(err, &held) {
		return fmt.Errorf("lock: %w", err)
	}
	hint := "--wait waits for it; `slipway lock status` says who has it"
	if r.cfg.WaitForLock > 0 {
		hint = "a longer --wait waits on for it; `slipway lock status` says who has it"
	}
	if held.Lock.Owner.Deploy != "" {
		hint += "; where that slipway was killed, `slipway resume` ends its deploy"
	}
	return &refusal{problem: Problem{Code: CodeLockHeld, Message: held.Error(), Hint: hint}}
}

// openRecord writes down that the deploy begins. From here on it has a record, whatever becomes of it.
func (r *runner) openRecord(ctx context.Context) error {
	l := r.ledger
	if l == nil {
		return nil
	}
	state, err := l.store.State(ctx)
	if err != nil {
		return err
	}
	if err := l.lastKnown(ctx, &state); err != nil {
		return err
	}
	d := l.deploy
	d.Previous, d.Targets, d.Steps = state.Current, r.nodes, r.recordedSteps()
	d.Chosen, d.Others, d.Tests = len(r.cfg.Nodes) > 0, r.others, plannedTests(r.stage)
	d.Nodes = l.nodes()
	if err := l.store.Create(ctx, d); err != nil {
		return err
	}
	r.journal = l
	l.opened = true
	state.Latest = d.ID
	if err := l.store.SetState(ctx, state); err != nil {
		return err
	}
	r.event(Event{Kind: EventRecord, Version: versionOf(d), Message: "recorded as " + d.ID})
	return nil
}

// lastKnown takes over what the record knows of the nodes: the last deploy carried on what it did not touch. One that
// succeeded is current, also where its slipway died before it could say so.
func (l *ledger) lastKnown(ctx context.Context, state *record.State) error {
	if state.Latest == "" {
		return nil
	}
	last, err := l.store.Load(ctx, state.Latest)
	if err != nil {
		return err
	}
	if last.Verdict == string(Succeeded) {
		state.Current = last.ID
	}
	l.before = last.Nodes
	return nil
}

// finishState writes down what the stage runs, where the slipway that knew died before it could.
func (l *ledger) finishState(ctx context.Context) error {
	state, err := l.store.State(ctx)
	if err != nil {
		return err
	}
	was := state
	if err := l.lastKnown(ctx, &state); err != nil || state == was {
		return err
	}
	return l.store.SetState(ctx, state)
}

// closeRecord ends the deploy's record and gives the lock back. What was shipped was shipped: an error here is told
// beside the verdict.
func (r *runner) closeRecord(ctx context.Context) {
	l := r.ledger
	if l == nil {
		return
	}
	ctx = outlive(ctx)
	var problems []error
	if l.opened {
		problems = append(problems, l.end(ctx))
	}
	if !l.detached && !l.lost {
		if err := l.lease.Release(ctx); err != nil {
			problems = append(problems, fmt.Errorf("the lock could not be released: %w", err))
		} else {
			l.told("", time.Time{})
			r.event(Event{Kind: EventLock, Message: "lock released"})
		}
	}
	if err := errors.Join(problems...); err != nil {
		if r.res.Record != nil {
			r.res.Record.Problem = err.Error()
		}
		r.event(Event{Kind: EventWarning, Message: "the record is not complete: " + err.Error()})
	}
}

// end writes down how the deploy ended; with success, it is what the stage runs.
func (l *ledger) end(ctx context.Context) error {
	d, res := l.deploy, l.r.res
	res.Record = &Recorded{ID: d.ID, Kind: d.Kind, Version: versionOf(d), Previous: d.Previous, Target: d.Target}
	switch {
	case l.lost:
		return l.broken
	case l.detached:
		return l.unwritten
	}
	l.ending = true
	d.Ended, d.Verdict, d.Why = l.r.cfg.Now().UTC(), string(res.Verdict), whyOf(res)
	for i := range d.Steps {
		if i < len(res.Steps) {
			d.Steps[i].Verdict = string(res.Steps[i].Verdict)
		}
	}
	d.Nodes = l.nodes()
	if err := l.save(ctx); err != nil {
		return fmt.Errorf("its end could not be written down: %w; `slipway resume` does it", err)
	}
	l.r.event(Event{Kind: EventRecord, Verdict: res.Verdict, Message: "deploy " + d.ID + " " + string(res.Verdict)})
	if res.Verdict != Succeeded {
		return nil
	}
	// Over the state as this slipway knows it: where another has the lock by now, it has written there, and this fails.
	return l.store.SetState(ctx, record.State{Current: d.ID, Latest: d.ID})
}

// whyOf is the reason for a result that is no success.
func whyOf(res *Result) string {
	for _, s := range res.Steps {
		if s.Verdict != Succeeded && s.Why != "" {
			return s.Why
		}
	}
	for _, t := range res.Tests {
		if t.Verdict != Succeeded && t.Why != "" {
			return t.Why
		}
	}
	if res.Problem != nil {
		return res.Problem.Message
	}
	return ""
}
