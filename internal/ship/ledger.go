package ship

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slipway-cd/slipway/internal/record"
)

// ledger is the journal of a release with a record. It holds the stage's lock, and writes the deploy's record before
// and after everything that the deploy does.
type ledger struct {
	r      *runner
	store  *record.Store
	lease  *record.Lease
	deploy *record.Deploy
	// before is what the record knew of the nodes before this deploy.
	before map[string]record.Node
	// tried is what became of every node at each step.
	tried map[string]map[string]NodeResult
	// opened is true once the record is written, ending when it is written for the last time.
	opened, ending bool
	// detached is true when the lock is to outlive this process.
	detached bool
	// first is asked before the first command is sent; nil for nothing.
	first func(context.Context) error
	// broken is why nothing more may be sent; lost is true when the lock and the record are somebody else's by now, so
	// that nothing more may be written either.
	broken error
	lost   bool
	// notBefore is when a renewal that came to nothing may be tried again, during a wait.
	notBefore time.Time
	// unwritten is the first thing that could not be written down after it was done.
	unwritten error
}

// intend writes down what is about to be sent.
func (l *ledger) intend(ctx context.Context, s *send) error {
	if l.broken == nil && l.first != nil {
		if err := l.first(ctx); err != nil {
			return l.stop(err)
		}
		l.first = nil
	}
	note := func() {
		s.intended = l.r.cfg.Now().UTC()
		l.note(s)
	}
	return l.ahead(ctx, "what was to be sent", note, func() { l.forget(s) })
}

// ahead writes down what is about to be done, before it is: it renews the lease, which finds out whether the lock is still held,
// and notes it, or forgets it again where it is not to be done.
func (l *ledger) ahead(ctx context.Context, what string, note, forget func()) error {
	if l.broken != nil {
		return l.broken
	}
	if err := l.renew(ctx); err != nil {
		return l.stop(fmt.Errorf("the lock could not be renewed: %w", err))
	}
	note()
	if err := l.save(ctx); err != nil {
		forget()
		return l.stop(fmt.Errorf("%s could not be written down: %w", what, err))
	}
	if err := cancelledAs(l.deploy); err != nil {
		forget()
		return l.stop(err)
	}
	return nil
}

// renew renews the lease.
func (l *ledger) renew(ctx context.Context) error {
	err := l.lease.Renew(ctx)
	if err == nil {
		l.holding()
	}
	return err
}

// holding tells until when the lock is held.
func (l *ledger) holding() { l.told(l.lease.Lock().Owner.Deploy, l.lease.Lock().Expires) }

func (l *ledger) told(deploy string, until time.Time) {
	if l.r.cfg.Holds != nil {
		l.r.cfg.Holds(deploy, until)
	}
}

// holds finds out whether the lock is this deploy's still, and stays so while a call is made: an attempt may have waited for its
// turn, or for throttling to end, or the machine may have slept.
func (l *ledger) holds(ctx context.Context) error {
	if l.broken != nil {
		return l.broken
	}
	if l.lease.Valid(l.r.cfg.Now().Add(l.r.t.PerCall)) {
		return nil
	}
	if err := l.renew(ctx); err != nil {
		return l.stop(fmt.Errorf("the lock could not be renewed: %w", err))
	}
	if !l.lease.Valid(l.r.cfg.Now()) {
		return l.stop(errors.New("the lock ran out while it was renewed"))
	}
	return nil
}

// sentOff writes down that a command is out.
func (l *ledger) sentOff(ctx context.Context, s *send) error {
	l.note(s)
	return l.afterwards(ctx)
}

// judged writes down what became of a command.
func (l *ledger) judged(ctx context.Context, s *send, result *StepResult) error {
	s.verdict = result.Verdict
	l.note(s)
	for _, n := range result.Nodes {
		if l.tried[n.InstanceID] == nil {
			l.tried[n.InstanceID] = map[string]NodeResult{}
		}
		if n.CommandID = s.sent.id; !s.check || n.Verdict != Succeeded {
			l.tried[n.InstanceID][s.step.Name] = n
		}
	}
	l.deploy.Nodes = l.nodes()
	return l.afterwards(ctx)
}

// alive renews the lease well before its end.
func (l *ledger) alive(ctx context.Context) {
	if l.lost || l.detached {
		return
	}
	lock := l.lease.Lock()
	now := l.r.cfg.Now()
	if now.Sub(lock.Renewed) < lock.Expires.Sub(lock.Renewed)/3 || now.Before(l.notBefore) {
		return
	}
	// One try: there will be another, and the nodes are to be looked at meanwhile.
	ctx, cancel := context.WithTimeout(context.WithValue(outlive(ctx), oneTry{}, true), l.r.t.PerCall)
	err := l.renew(ctx)
	cancel()
	var lost *record.LostError
	if errors.As(err, &lost) {
		_ = l.stop(err) // the error is kept, and said; the next intend returns it
	} else if err != nil {
		l.notBefore = l.r.cfg.Now().Add(min(l.r.t.TickMax, lock.Expires.Sub(lock.Renewed)/6))
		l.r.event(Event{Kind: EventWarning, Message: "the lock could not be renewed: " + err.Error()})
	}
}

// stop keeps anything more from being sent, and tells why.
func (l *ledger) stop(err error) error {
	var lost *record.LostError
	if errors.As(err, &lost) || errors.Is(err, record.ErrConflict) {
		l.lost = true
		l.r.event(Event{Kind: EventLock, Message: "lost: " + err.Error() + "; nothing more is sent"})
		err = &refusal{problem: Problem{Code: CodeLockLost, Message: "the lock is lost: " + err.Error(),
			Hint: "`slipway status` and `slipway history` say what became of the deploy since"}}
	}
	l.broken = err
	return err
}

// afterwards writes down what was done. It is done: an error is told, and keeps the next command from being sent.
func (l *ledger) afterwards(ctx context.Context) error {
	if l.lost {
		return l.broken
	}
	err := l.save(outlive(ctx))
	if err == nil {
		return nil
	}
	err = fmt.Errorf("what was done could not be written down: %w", err)
	if l.unwritten == nil {
		l.unwritten = err
		l.r.event(Event{Kind: EventWarning, Message: err.Error()})
	}
	if l.broken == nil {
		return l.stop(err)
	}
	return err
}

func (l *ledger) save(ctx context.Context) error {
	err := l.store.Save(ctx, l.deploy)
	if err == nil {
		l.unwritten = nil // the whole is written each time
	}
	return err
}

// note writes a send into the record as it stands.
func (l *ledger) note(s *send) {
	entry := record.Send{Step: s.step.Name, Batch: s.batch, Check: s.check, Comment: s.comment, Nodes: s.nodes,
		Intended: s.intended, CommandID: s.sent.id, Verdict: string(s.verdict)}
	if s.sent.id != "" {
		entry.Sent = s.sent.at.UTC()
	}
	for i := range l.deploy.Sends {
		if l.deploy.Sends[i].Comment == s.comment {
			l.deploy.Sends[i] = entry
			return
		}
	}
	l.deploy.Sends = append(l.deploy.Sends, entry)
}

// forget takes a send out of the record that was not made.
func (l *ledger) forget(s *send) {
	for i := range l.deploy.Sends {
		if l.deploy.Sends[i].Comment == s.comment && l.deploy.Sends[i].CommandID == "" {
			l.deploy.Sends = append(l.deploy.Sends[:i:i], l.deploy.Sends[i+1:]...)
			return
		}
	}
}

// remembered is how long the record carries a node on that the targets do not have any more. It may be stopped, and come
// back; the instances that ever were in an Auto Scaling group must not pile up.
const remembered = 30 * 24 * time.Hour

// nodes is the truth about every node, as far as it is known now.
func (l *ledger) nodes() map[string]record.Node {
	all := map[string]record.Node{}
	oldest := l.deploy.Began.Add(-remembered).UTC().Format(record.IDTime) // ids sort by time
	for id, n := range l.before {
		if n.Deploy >= oldest || slices.Contains(l.r.others, id) {
			all[id] = record.Node{Verdict: string(NotStarted), Version: n.Version, Deploy: n.Deploy}
		}
	}
	for _, id := range l.deploy.Targets {
		all[id] = record.Node{Verdict: string(NotStarted), Version: l.before[id].Version, Deploy: l.before[id].Deploy}
	}
	for id := range l.tried {
		all[id] = l.node(id)
	}
	return all
}

// node is what became of one node at all steps: it runs the new version when every step succeeded that is for all
// nodes, the old one when none was begun, and anything between is not known.
func (l *ledger) node(id string) record.Node {
	n := record.Node{Verdict: string(NotStarted)}
	var verdicts []Verdict
	begun, whole := false, true
	for _, step := range l.deploy.Steps {
		tried, was := l.tried[id][step.Name]
		if !was {
			whole = whole && step.Once
			continue
		}
		if tried.Verdict == NotStarted {
			whole = false
			continue
		}
		begun = begun || !step.Once && !neverReached(tried)
		whole = whole && (tried.Verdict == Succeeded || step.Once)
		last := tried
		if step.Check != nil {
			if check, failed := l.tried[id][step.Check.Name]; failed {
				last = check
			}
		}
		verdicts = append(verdicts, last.Verdict)
		n.Step, n.Status, n.CommandID, n.Why = step.Name, shown(last.Status, last.StatusDetails), last.CommandID, last.Why
		n.ExitCode = lastExit(last)
	}
	if len(verdicts) > 0 {
		n.Verdict = string(together(verdicts))
	}
	n.Deploy = l.deploy.ID
	switch {
	case begun && whole:
		n.Version = versionOf(l.deploy)
	case !begun:
		n.Version, n.Deploy = l.before[id].Version, l.before[id].Deploy
	case l.ending && n.Verdict == string(Succeeded):
		n.Verdict, n.Why = string(Failed), "not every step came to it: what runs on it is neither the old version nor the new one"
	}
	return n
}

// lastExit is the exit code of the last script that ran on a node; 0 where none did.
func lastExit(n NodeResult) int {
	for i := len(n.Steps) - 1; i >= 0; i-- {
		if n.Steps[i].ExitCode >= 0 {
			return n.Steps[i].ExitCode
		}
	}
	return 0
}
