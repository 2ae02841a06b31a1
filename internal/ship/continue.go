package ship

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/record"
)

// Continuing says how a deploy that was left is taken up.
type Continuing struct {
	// NoWait refuses while the deploy's own slipway may still live, in place of waiting until its lock expires.
	NoWait bool
	// ReportOnly sends nothing more: what is out is watched to its end, and the deploy ends where it is.
	ReportOnly bool
	// cancel stops what is out, as slipway cancel does; deploy is the one that is meant, empty for whichever is open.
	cancel bool
	deploy string
}

// errReportOnly keeps a deploy that is only reported on from sending.
var errReportOnly = errors.New("nothing more is sent: this is only the report on what was")

// Continue takes up the deploy of the stage that has not ended: one whose slipway was killed, or went away by itself
// (Durability.Detach). Its lock and its record are taken over, what is out is watched, and the rest is shipped as it was
// recorded; nothing is sent twice. Of a stage whose last deploy has ended it tells that deploy's end.
func Continue(ctx context.Context, cfg Config, how Continuing) (*Result, error) {
	r, err := newRunner(cfg)
	if err != nil {
		return nil, err
	}
	if err := r.takeUp(ctx, how); err != nil {
		r.cannotTakeUp(ctx, err)
	}
	return r.res, nil
}

// cannotTakeUp ends a resume that did nothing.
func (r *runner) cannotTakeUp(ctx context.Context, err error) {
	r.problem(err, "")
	r.res.Interrupted = ctx.Err() != nil
	r.res.Verdict = Unknown
	var no *refusal
	if errors.As(err, &no) {
		r.res.Verdict = Refused
	}
}

// left is what is known of a stage's last deploy, and of its lock.
type left struct {
	// last is the deploy that is open, or the last one; nil when the stage was never deployed.
	last *record.Deploy
	open bool
	lock record.Status
}

// takeUp waits until the deploy is nobody's, and goes on with it.
func (r *runner) takeUp(ctx context.Context, how Continuing) error {
	if r.cfg.Bucket == nil {
		return noRecord("to find the deploy without a command id")
	}
	if err := r.identifyAs(ctx, r.watcher); err != nil {
		return err
	}
	store, err := r.openStore(r.watcher)
	if err != nil {
		return err
	}
	for first := true; ; first = false {
		found, err := lookAround(ctx, store)
		if err != nil {
			return err
		}
		if err := r.cancelOpen(ctx, store, found, how, first); err != nil {
			return err
		}
		if done, err := r.take(ctx, store, found, how); done || err != nil {
			return err
		}
		if err := r.awaitLock(ctx, found.lock); err != nil {
			return err
		}
	}
}

// cancelOpen cancels the deploy that is open, where that is what was asked for.
func (r *runner) cancelOpen(ctx context.Context, store *record.Store, found left, how Continuing, first bool) error {
	if !how.cancel {
		return nil
	}
	inProgress := found.open && found.last.Ended.IsZero()
	if first && (!inProgress || how.deploy != "" && how.deploy != found.last.ID) {
		what := "no deploy of stage " + r.stage.Name + " is in progress"
		if inProgress {
			what = fmt.Sprintf("deploy %s is not in progress, %s is", how.deploy, found.last.ID)
		}
		return &refusal{problem: Problem{Code: CodeNoDeploy, Message: what + ": nothing was cancelled", Hint: "`slipway history` lists the deploys; a command is cancelled by its id"}}
	}
	if !inProgress {
		return nil
	}
	return r.cancelRecorded(ctx, store, found.last)
}

// lookAround finds the deploy that is not known to have ended, or else the last one.
func lookAround(ctx context.Context, store *record.Store) (left, error) {
	lock, err := store.Lock(ctx)
	if err != nil {
		return left{}, err
	}
	state, err := store.State(ctx)
	if err != nil {
		return left{}, err
	}
	found := left{lock: lock}
	owner := ""
	if lock.Held {
		owner = lock.Owner.Deploy
	}
	ids := mayBeOpen(state.Latest, owner)
	for _, id := range ids {
		if id == "" {
			continue
		}
		d, err := store.Load(ctx, id)
		if errors.Is(err, record.ErrNotFound) && id != state.Latest {
			continue // it was killed before it wrote anything: nothing was sent
		}
		if err != nil {
			return left{}, err
		}
		found.last, found.open = d, isOpen(d)
		if found.open {
			return found, nil
		}
	}
	return found, nil
}

// mayBeOpen are the ids of the deploys that may have no end: the last one, the one that holds the lock where it was killed
// before it was the last one, and the rollback that follows each by itself.
func mayBeOpen(latest, owner string) []string {
	ids := []string{latest}
	if owner != latest {
		ids = append(ids, owner)
	}
	for _, id := range ids {
		if id != "" && !strings.HasSuffix(id, backSuffix) {
			ids = append(ids, id+backSuffix)
		}
	}
	return ids
}

// backSuffix ends the id, and the run id, of the rollback that follows a deploy by itself: by it the rollback is found. The
// name of its object sorts after that of the deploy.
const backSuffix = "_r"

// isOpen tells of a deploy that its end is not known.
func isOpen(d *record.Deploy) bool { return d.Ended.IsZero() || d.Verdict == string(Unknown) }

// take does what there is to do, if the lock allows it. done is false while somebody else holds it.
func (r *runner) take(ctx context.Context, store *record.Store, found left, how Continuing) (done bool, err error) {
	if !found.open && (!found.lock.Held || found.lock.Owner.Deploy == "") {
		return true, r.tellLast(found.last)
	}
	lease, d, err := r.adopt(ctx, store, found)
	var held *record.HeldError
	switch {
	case errors.As(err, &held) && how.NoWait:
		return true, &refusal{problem: Problem{Code: CodeLockHeld, Message: held.Error(), Hint: "without --no-wait, resume waits until it expires"}}
	case errors.As(err, &held):
		return false, nil
	case err != nil:
		return true, err
	}
	r.ledger = &ledger{r: r, store: store, lease: lease, deploy: d, tried: map[string]map[string]NodeResult{}}
	r.ledger.holding()
	r.event(Event{Kind: EventLock, Message: "lock taken over: " + r.ledger.lease.Lock().Owner.String()})
	if d == nil {
		err := errors.Join(r.ledger.finishState(ctx), r.tellLast(found.last))
		r.closeRecord(ctx)
		return true, err
	}
	r.goOn(ctx, how)
	return true, nil
}

// adopt takes the lock over, and the deploy where one is open; d is nil where there is nothing but a lock left.
func (r *runner) adopt(ctx context.Context, store *record.Store, found left) (*record.Lease, *record.Deploy, error) {
	if !found.open {
		lease, err := store.Acquire(ctx, r.owner(found.lock.Owner.Deploy), r.leaseTime())
		return lease, nil, err
	}
	o := r.owner(found.last.ID)
	if found.last.Detached && found.lock.Owner.Deploy == found.last.ID {
		o.Token = found.lock.Owner.Token // its slipway has gone, and left the lock to whoever comes back for it
	}
	return store.Adopt(ctx, found.last.ID, o, r.leaseTime())
}

// awaitLock says who holds the lock, and waits for a moment.
func (r *runner) awaitLock(ctx context.Context, lock record.Status) error {
	each := r.cfg.WaitEach
	if each <= 0 {
		each = 5 * time.Second
	}
	r.event(Event{Kind: EventLock, Until: r.cfg.Now().Add(lock.Left), Message: fmt.Sprintf(
		"waiting: %s has the lock, and loses it in %s unless that slipway lives", lock.Owner, lock.Left.Round(time.Second))})
	if err := r.cfg.Sleep(ctx, max(min(each, lock.Left), firstPause)); err != nil {
		return &refusal{problem: Problem{Code: CodeLockHeld, Message: "interrupted while waiting for the lock; nothing was done"}}
	}
	return nil
}

// tellLast is the result of a stage whose last deploy has ended.
func (r *runner) tellLast(d *record.Deploy) error {
	if d == nil {
		return &refusal{problem: Problem{Code: CodeNoDeploy, Message: fmt.Sprintf("no deploy of stage %s is recorded: nothing was sent", r.stage.Name)}}
	}
	r.event(Event{Kind: EventRecord, Version: versionOf(d), Verdict: Verdict(d.Verdict), Message: fmt.Sprintf("the last deploy, %s, has ended: %s", d.ID, d.Verdict)})
	told := told(d)
	told.Stage = r.stage.Name
	*r.res = *told
	return nil
}

// goOn carries the deploy that was taken over to its end.
func (r *runner) goOn(ctx context.Context, how Continuing) {
	l := r.ledger
	if !l.deploy.Ended.IsZero() {
		how.ReportOnly = true // it had ended: only what became of it was not known
	}
	if err := r.pick(ctx, l.deploy, how); err != nil {
		_ = l.stop(err) // what is out is watched all the same; every step says why nothing follows
	}
	if how.cancel {
		if err := r.cancelFound(ctx); err != nil {
			r.event(Event{Kind: EventWarning, Message: "a command could not be cancelled and goes on: " + err.Error()})
		}
	}
	r.event(Event{Kind: EventRecord, Version: versionOf(l.deploy), Message: fmt.Sprintf("taking up deploy %s, begun %s", l.deploy.ID, l.deploy.Began.Format("2006-01-02 15:04:05 UTC"))})
	r.shipAll(ctx)
	r.conclude()
	if r.res.Interrupted && how.ReportOnly {
		l.opened = false // nothing new is known of its end
	}
	if !how.ReportOnly {
		r.rollBack(ctx)
	}
	r.closeRecord(ctx)
}

// pick makes the runner the one that the deploy had: its run id, its steps, its nodes, its sends.
func (r *runner) pick(ctx context.Context, d *record.Deploy, how Continuing) error {
	l := r.ledger
	r.journal = l // whatever goes wrong here: nothing is sent that it does not know of
	again, err := r.plan.Again(r.stage.Name, plannedSteps(d))
	if err != nil {
		return err
	}
	r.plan, r.stage, r.nodes, r.others, r.cfg.RunID = again, &again.Stages[0], d.Targets, d.Others, d.RunID
	r.stage.Tests = testsOf(r.stage, d)
	if d.Chosen {
		r.cfg.Nodes = d.Targets
	}
	l.opened, l.before = true, d.Nodes
	r.reportOnly = how.ReportOnly
	d.Detached = false
	l.first = r.mayShipAgain
	if l.broken = cancelledAs(d); l.broken == nil && how.ReportOnly {
		l.broken = errReportOnly
	}
	return r.findSends(ctx, d)
}

// mayShipAgain is asked before the first command that a resume sends.
func (r *runner) mayShipAgain(ctx context.Context) error {
	if r.watcher != r.sender {
		if err := r.identifyAs(ctx, r.sender); err != nil {
			return err
		}
	}
	if err := shippable(r.ledger.deploy); err != nil {
		return err
	}
	for _, step := range r.commands() {
		if err := r.publish(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

// shippable refuses a deploy whose record does not hold all that was sent.
func shippable(d *record.Deploy) error {
	for _, s := range d.Steps {
		if s.Redacted || (s.Check != nil && s.Check.Redacted) {
			return &refusal{problem: Problem{Code: CodeNotRepeatable, Message: fmt.Sprintf("step %s of deploy %s cannot be shipped again: a parameter looked like "+
				"a secret and was not recorded", s.Name, d.ID), Hint: "deploy that version of the release anew"}}
		}
	}
	return nil
}
