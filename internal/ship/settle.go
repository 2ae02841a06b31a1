package ship

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/slipway-cd/slipway/internal/record"
)

// settleRecord ends what the record has open, before anything else is sent: a deploy whose slipway was killed, or one
// whose outcome could not be read. Where it still is not known, the new deploy is refused (R120).
func (r *runner) settleRecord(ctx context.Context) error {
	l := r.ledger
	if l == nil {
		return nil
	}
	state, err := l.store.State(ctx)
	if err != nil {
		return err
	}
	owner := ""
	if was := l.lease.TookOver(); was != nil {
		owner = was.Owner.Deploy
	}
	for _, id := range mayBeOpen(state.Latest, owner) {
		if id == "" {
			continue
		}
		d, err := l.store.Load(ctx, id)
		if errors.Is(err, record.ErrNotFound) && id != state.Latest {
			continue // it was killed before it wrote anything: nothing was sent
		}
		if err != nil {
			return err
		}
		if isOpen(d) {
			if err := r.settleDeploy(ctx, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// settleDeploy finds out what became of a deploy that was left, as a resume would that sends nothing, and writes it down.
func (r *runner) settleDeploy(ctx context.Context, d *record.Deploy) error {
	earlier, err := r.another(func(e Event) bool { return e.Kind == EventNotYet || e.Kind == EventLost })
	if err != nil {
		return err
	}
	l := &ledger{r: earlier, store: r.ledger.store, lease: r.ledger.lease, deploy: d, tried: map[string]map[string]NodeResult{}}
	earlier.ledger = l
	wasEnded := !d.Ended.IsZero()
	if err := earlier.pick(ctx, d, Continuing{ReportOnly: true}); err != nil {
		_ = l.stop(err) // its commands are read all the same; the verdict shows what was not known
	}
	earlier.shipAll(ctx)
	earlier.conclude()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if res := earlier.res; res.Verdict == Unknown {
		if !r.accepts(d) {
			return r.earlierUnknown(d, res)
		}
		r.event(Event{Kind: EventWarning, Message: "what deploy " + d.ID + " did is not known, and accepted as such"})
		if wasEnded {
			return nil
		}
	}
	if err := l.end(ctx); err != nil {
		return err
	}
	r.event(Event{Kind: EventEarlier, Verdict: earlier.res.Verdict, Message: fmt.Sprintf("deploy %s was left without an end: it %s", d.ID, earlier.res.Verdict)})
	return nil
}

// another is a runner of the same stage, with the same principals, whose events are told where tell says so.
func (r *runner) another(tell func(Event) bool) (*runner, error) {
	cfg := r.cfg
	cfg.journal, cfg.progress, cfg.Nodes, cfg.Detach = nil, nil, nil, false
	cfg.Events = func(e Event) {
		if tell == nil || tell(e) {
			r.cfg.Events(e)
		}
	}
	other, err := newRunner(cfg)
	if err != nil {
		return nil, err
	}
	other.sender, other.watcher = r.sender, r.watcher
	return other, nil
}

// accepts tells whether the user said that this deploy's outcome may stay unknown.
func (r *runner) accepts(d *record.Deploy) bool {
	id := r.cfg.AcceptUnknown
	return id != "" && (id == d.ID || slices.ContainsFunc(d.Sends, func(s record.Send) bool { return s.CommandID == id }))
}

func (r *runner) earlierUnknown(d *record.Deploy, res *Result) error {
	hint := "find out what runs on the nodes; `slipway resume` shows what can be read; then deploy with --accept-unknown " + d.ID
	if d.Ended.IsZero() && slices.ContainsFunc(res.Tests, func(t TestResult) bool { return t.Verdict == Unknown }) {
		hint = "`slipway resume` runs the test again, and ends that deploy; or deploy with --accept-unknown " + d.ID
	}
	return &refusal{problem: Problem{Code: CodeEarlierUnknown, Message: fmt.Sprintf("what deploy %s, which was left without an end, did is not known: %s",
		d.ID, whyOf(res)), Hint: hint}}
}
