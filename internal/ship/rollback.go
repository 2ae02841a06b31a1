package ship

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/record"
)

// Rollback ships again what an earlier deploy shipped, as a deploy of its own: to is a version or a deploy's id; empty
// for the last good one before what runs now. What that deploy's record does not hold, or Systems Manager no longer has,
// is refused.
func Rollback(ctx context.Context, cfg Config, to string) (*Result, error) {
	r, err := newRunner(cfg)
	if err != nil {
		return nil, err
	}
	if err := checkRunID(cfg.RunID); err != nil {
		return nil, err
	}
	if cfg.Bucket == nil {
		return r.refuse(ctx, noRecord("a rollback")), nil
	}
	r.rollbackTo = to
	r.deploy(ctx, record.KindRollback)
	return r.res, nil
}

// aim finds what a rollback goes back to, once it is known what the stage runs.
func (r *runner) aim(ctx context.Context) error {
	if err := r.checkEarlier(ctx); err != nil {
		return err
	}
	if err := r.settleRecord(ctx); err != nil {
		return err
	}
	target, err := r.target(ctx)
	if err != nil {
		return err
	}
	return r.aimAt(target)
}

// target is the deploy to go back to.
func (r *runner) target(ctx context.Context) (*record.Deploy, error) {
	store := r.ledger.store
	if r.rollbackTo != "" {
		return r.named(ctx, r.rollbackTo)
	}
	state, err := store.State(ctx)
	if err != nil {
		return nil, err
	}
	if state.Current == "" {
		return nil, nothingBefore(r.stage.Name)
	}
	current, err := r.ledger.origin(ctx, state.Current)
	if err != nil || state.Latest != state.Current {
		return current, err // the last deploy did not succeed: back to what did
	}
	for previous := current.Previous; previous != ""; {
		d, err := r.ledger.origin(ctx, previous)
		if err != nil || !sameShipped(d, current) {
			return d, err
		}
		previous = d.Previous // the same was shipped twice: that runs now, and is no way back
	}
	return nil, nothingBefore(r.stage.Name)
}

// sameShipped tells of two deploys that the one shipped what the other did.
func sameShipped(a, b *record.Deploy) bool {
	return a.Version == b.Version && fingerprint(plannedSteps(a)) == fingerprint(plannedSteps(b)) && shippable(a) == nil && shippable(b) == nil
}

// origin is the deploy that first shipped what this one did: of a rollback, that which it went back to.
func (l *ledger) origin(ctx context.Context, id string) (*record.Deploy, error) {
	for {
		d, err := l.store.Load(ctx, id)
		if err != nil || d.Kind != record.KindRollback || d.Target == "" || d.Target == id {
			return d, err
		}
		id = d.Target
	}
}

func nothingBefore(stage string) error {
	return &refusal{problem: Problem{Code: CodeNoDeploy, Message: fmt.Sprintf("there is nothing to go back to: no earlier deploy of stage %s succeeded", stage),
		Hint: "`slipway history` lists what was deployed"}}
}

// historyDepth is how many deploys are looked through for a version.
const historyDepth = 200

// named finds a good deploy by its id, or the newest one of a version.
func (r *runner) named(ctx context.Context, to string) (*record.Deploy, error) {
	store := r.ledger.store
	var found []*record.Deploy
	if looksLikeID(to) {
		d, err := store.Load(ctx, to)
		if err != nil && !errors.Is(err, record.ErrNotFound) {
			return nil, err
		}
		if err == nil {
			found = append(found, d)
		}
	}
	if len(found) == 0 {
		all, err := store.History(ctx, historyDepth)
		if err != nil {
			return nil, err
		}
		found = all
	}
	bad := ""
	for _, d := range found {
		if d.ID != to && d.Version != to {
			continue
		}
		if d.Verdict == string(Succeeded) {
			return r.ledger.origin(ctx, d.ID)
		}
		if bad == "" {
			bad = fmt.Sprintf("deploy %s of it %s", d.ID, d.Verdict)
		}
	}
	message := fmt.Sprintf("there is no good deploy of %q to go back to", to)
	if bad != "" {
		message += ": " + bad
	}
	return nil, &refusal{problem: Problem{Code: CodeNoDeploy, Message: message, Hint: "`slipway history` lists what was deployed"}}
}

// looksLikeID tells a deploy's id, which could be a part of a key, from a version.
func looksLikeID(to string) bool { return !strings.ContainsAny(to, "/ \t\n") }

// backwards is a step as a rollback ships it: in the same batches, since the nodes that still serve are not to be taken
// out all at once, but without pauses and validations between them, and whatever happens to single nodes.
func backwards(s plan.Step) plan.Step {
	sizes := s.Rollout.Batches
	if len(sizes) == 0 {
		sizes = []string{"100%"}
	}
	s.Rollout, s.Check = plan.Rollout{Batches: sizes, MaxFailures: "100%"}, nil
	s.MaxErrors = "100%"
	return s
}

// aimAt makes the runner ship what the target shipped, on as many nodes as possible. Steps that run once are left out: a
// migration is not undone by being run again.
func (r *runner) aimAt(target *record.Deploy) error {
	if err := shippable(target); err != nil {
		return err
	}
	var steps []plan.Step
	var once []string
	for _, s := range plannedSteps(target) {
		if s.Once {
			once = append(once, s.Name)
			continue
		}
		steps = append(steps, backwards(s))
	}
	if len(steps) == 0 {
		return &refusal{problem: Problem{Code: CodeNotRepeatable, Message: fmt.Sprintf("deploy %s has no step that can be shipped again", target.ID)}}
	}
	again, err := r.plan.Again(r.stage.Name, steps)
	if err != nil {
		return err
	}
	if err := r.proved(again); err != nil {
		return err
	}
	r.plan, r.stage = again, &again.Stages[0]
	r.stage.Tests = nil // they are of the version that is taken back
	d := r.ledger.deploy
	d.Target, d.Version, d.Commit = target.ID, target.Version, target.Commit
	message := fmt.Sprintf("back to %s (deploy %s)", versionOf(target), target.ID)
	if len(once) > 0 {
		message += "; not undone, as they run once: " + strings.Join(once, ", ")
	}
	r.event(Event{Kind: EventRollback, Version: versionOf(target), Message: message})
	return nil
}

// proved proves the plan of a rollback: what the roles allowed then they need not allow now.
func (r *runner) proved(p *plan.Plan) error {
	if r.cfg.Prove == nil {
		return &refusal{problem: Problem{Code: CodeNotProved, Message: "the rollback is not proved: nobody said against which roles"}}
	}
	if err := r.cfg.Prove(p); err != nil {
		return &refusal{problem: Problem{Code: CodeNotProved, Message: "the roles are not proved to allow the rollback: " + err.Error(),
			Hint: "add what is missing to the roles, then `slipway rollback`"}}
	}
	return nil
}

// cancelledNode is a node whose command was cancelled by somebody, and not by an alarm; empty when there is none.
func (r *runner) cancelledNode() string {
	for _, s := range r.res.Steps {
		for _, n := range s.Nodes {
			if s.Code != CodeAlarm && n.Verdict == Failed && normalise(shown(n.Status, n.StatusDetails)) == "Cancelled" {
				return n.InstanceID
			}
		}
	}
	return ""
}

// rollBack goes back to what was current, where the stage wants that of a deploy that failed. An outcome that is not
// known, an interrupt and a cancel are for people to decide about.
func (r *runner) rollBack(ctx context.Context) {
	l := r.ledger
	if r.stage.OnFailure != onFailureRollback || r.cfg.NoRollback || r.res.Verdict != Failed || r.res.Interrupted {
		return
	}
	if l == nil {
		r.event(Event{Kind: EventWarning, Message: "not rolled back: that takes a record, and the release file names none"})
		return
	}
	if !l.opened || l.lost || l.deploy.Kind != record.KindDeploy || !l.deploy.CancelRequested.IsZero() {
		return
	}
	if id := r.cancelledNode(); id != "" {
		r.event(Event{Kind: EventRollback, Message: "not rolled back: somebody cancelled the command on " + id + ", and may want it as it is"})
		return
	}
	touched := l.touched()
	if len(touched) == 0 {
		r.event(Event{Kind: EventRollback, Message: "nothing to roll back: the new version reached no node"})
		return
	}
	if err := l.end(outlive(ctx)); err != nil {
		r.event(Event{Kind: EventWarning, Message: "not rolled back: " + err.Error()})
		return
	}
	l.opened = false // its end is written
	if !l.deploy.CancelRequested.IsZero() {
		return // that came just now, and was found while the end was written
	}
	r.res.Rollback = r.rolledBack(ctx, touched)
	if r.res.Rollback.Verdict != Succeeded || r.res.Rollback.Record == nil {
		return
	}
	by := r.res.Rollback.Record.ID
	_, err := l.store.Update(outlive(ctx), l.deploy.ID, func(d *record.Deploy) error { d.RolledBackBy = by; return nil })
	if err != nil {
		r.res.Record.Problem = "that it was rolled back could not be written down: " + err.Error()
	}
}

// onFailureRollback is the stage's on-failure that rolls back.
const onFailureRollback = "rollback"

// rolledBack ships the rollback of the nodes that this deploy touched, under the lock that is held.
func (r *runner) rolledBack(ctx context.Context, touched []string) *Result {
	back, err := r.another(nil)
	if err != nil {
		return &Result{Stage: r.stage.Name, Verdict: Refused, Problem: &Problem{Code: codeOf(err), Message: err.Error()}}
	}
	back.cfg.RunID += backSuffix
	back.cfg.Nodes, back.nodes, back.deadline = touched, touched, r.deadline
	back.others = slices.DeleteFunc(slices.Concat(r.nodes, r.others), func(id string) bool { return slices.Contains(touched, id) })
	back.ledger = &ledger{r: back, store: r.ledger.store, lease: r.ledger.lease, tried: map[string]map[string]NodeResult{}}
	back.ledger.deploy = back.newDeploy(record.KindRollback, r.cfg.Now())
	back.ledger.deploy.ID = r.ledger.deploy.ID + backSuffix
	back.ledger.deploy.Reason = "deploy " + r.ledger.deploy.ID + " failed"
	if err := back.prepareBack(ctx, r.ledger.deploy.Previous); err != nil {
		back.refuse(ctx, err)
		back.event(Event{Kind: EventRollback, Verdict: Refused, Message: "not rolled back: " + err.Error()})
		return back.res
	}
	back.shipAll(ctx)
	back.conclude()
	if err := back.ledger.end(outlive(ctx)); err != nil {
		back.event(Event{Kind: EventWarning, Message: "the record of the rollback is not complete: " + err.Error()})
	}
	return back.res
}

// prepareBack is prepare for a rollback that follows a deploy: lock, nodes and permissions were found good.
func (r *runner) prepareBack(ctx context.Context, previous string) error {
	if previous == "" {
		return nothingBefore(r.stage.Name)
	}
	target, err := r.ledger.origin(ctx, previous)
	if err != nil {
		return err
	}
	if err := r.aimAt(target); err != nil {
		return err
	}
	for _, step := range r.commands() {
		if err := r.publish(ctx, step); err != nil {
			return err
		}
	}
	return r.openRecord(ctx)
}

// touched are the nodes on which something of this deploy that is for all nodes ran, or may have.
func (l *ledger) touched() []string {
	var ids []string
	for _, id := range sortedKeys(l.tried) {
		for _, step := range l.deploy.Steps {
			if n, was := l.tried[id][step.Name]; was && !step.Once && !neverReached(n) {
				ids = append(ids, id)
				break
			}
		}
	}
	return ids
}
