package ship

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slipway-cd/slipway/internal/plan"
)

// drive carries one step out: send, watch, pause, check, until next says that it is over. It can begin with what an
// earlier process sent.
type drive struct {
	r    *runner
	step *plan.Step
	// nodes in their order; empty where Run Command finds the targets itself.
	nodes []string
	sends []*send
	// gone are nodes that went away before their turn, with EC2's word for it.
	gone map[string]string
	// why and code say what stopped it; halted is true where the steps that follow must not be sent either.
	why, code string
	halted    bool
}

// ship carries one step out, going on after those sends, and tells whether the next step may follow.
func (r *runner) ship(ctx context.Context, step *plan.Step, sends []*send) bool {
	d := &drive{r: r, step: step, nodes: r.nodesOf(step), sends: sends, gone: map[string]string{}}
	d.run(ctx)
	if d.neverSent() {
		return false
	}
	result := d.result()
	r.res.Steps = append(r.res.Steps, result)
	r.event(Event{Kind: EventStep, Step: step.Name, CommandID: result.CommandID, Verdict: result.Verdict, Message: result.Why})
	return result.Verdict == Succeeded && !d.halted
}

// nodesOf are the nodes that slipway spreads the step over; nil where Run Command finds them by the targets.
func (r *runner) nodesOf(step *plan.Step) []string {
	if driven(step) || len(r.cfg.Nodes) > 0 || len(r.others) > 0 {
		return r.nodes
	}
	return nil
}

// all is how many nodes the targets are, with those that this deploy leaves out.
func (r *runner) all() int { return len(r.nodes) + len(r.others) }

func (d *drive) run(ctx context.Context) {
	for {
		switch m := d.next(); m.kind {
		case moveWatch:
			d.watch(ctx)
		case moveDone:
			return
		case moveStop:
			if d.cancelledElsewhere(); d.why == "" {
				d.stop(m.code, m.why)
			}
			return
		default:
			d.begin(ctx, m)
		}
		if d.r.res.Interrupted && d.why == "" && d.next().kind != moveDone {
			d.stop(halted(ctx))
		}
		d.cancelledElsewhere()
		if d.why != "" {
			return
		}
	}
}

func (d *drive) next() move { return next(d.step, d.present(), d.r.all(), d.sends) }

// made are the sends that were made, or may have been.
func (d *drive) made() []*send {
	return slices.DeleteFunc(slices.Clone(d.sends), func(s *send) bool { return s.void })
}

func (d *drive) stop(code, why string) { d.code, d.why = code, why }

// halt stops the deploy because of what keeps it from going on.
func (d *drive) halt(err error) {
	p := d.r.problem(err, "")
	d.halted = true
	d.stop(p.Code, p.Message)
}

// begin makes one move: the pause before it, its sends, and the watch over all of them.
func (d *drive) begin(ctx context.Context, m move) {
	batch := d.batch(m)
	if l := d.r.ledger; l != nil && l.broken != nil {
		d.halt(l.broken) // before a pause that would be for nothing
		return
	}
	if m.pause > 0 && !d.pause(ctx, m.pause, batch) {
		return
	}
	step := d.step
	if m.kind == moveCheck {
		step = d.step.Check
	}
	if batch != nil && m.first {
		what := "batch"
		if batch.Check {
			what = "validation of batch"
		}
		d.r.event(Event{Kind: EventBatch, Step: step.Name, Batch: batch, Nodes: m.nodes,
			Message: fmt.Sprintf("%s %d: %s: %s", what, batch.Number, count(len(m.nodes), "node"), listed(m.nodes))})
	}
	groups := [][]string{nil}
	if len(m.nodes) > 0 {
		groups = slices.Collect(slices.Chunk(m.nodes, idsPerSend))
	}
	if n := len(m.nodes); m.kind == moveSend && share(cmp.Or(step.MaxConcurrency, "100%"), n, false) < n {
		groups = groups[:1] // the rest of the batch follows: several at once would be more nodes than may run it
	}
	for _, nodes := range groups {
		s := &send{step: step, batch: m.batch, check: m.kind == moveCheck, nodes: nodes}
		if !d.post(ctx, s, m.maxErrors) {
			break
		}
	}
	d.watch(ctx)
}

// batch describes the batch of a move for events; nil of a step that is not shipped in batches.
func (d *drive) batch(m move) *Batch {
	if len(d.nodes) == 0 {
		return nil
	}
	b := &Batch{Number: m.batch, Of: batches(d.step, d.nodes, d.r.all()), Total: len(d.nodes), Check: m.kind == moveCheck}
	for _, s := range d.sends {
		if !s.check && !s.void {
			b.Done += len(s.nodes)
		}
	}
	if d.step.Once {
		b.Total = 1
	}
	return b
}

// pause waits between two batches, and tells whether to go on.
func (d *drive) pause(ctx context.Context, long time.Duration, batch *Batch) bool {
	until := d.r.cfg.Now().Add(long)
	d.r.event(Event{Kind: EventPause, Step: d.step.Name, Batch: batch, Until: until, Message: "pause of " + long.String()})
	if err := d.r.sleep(ctx, long); err != nil {
		d.r.res.Interrupted = true
		d.r.rememberStop(ctx)
		code, why := halted(ctx)
		d.stop(code, why+" during the pause")
		return false
	}
	return true
}

// post sends one command and tells whether the next of the same batch may follow. What was not sent is not among the
// sends afterwards.
func (d *drive) post(ctx context.Context, s *send, maxErrors string) bool {
	d.r.sends++
	s.comment = comment(d.r.plan.App, d.r.stage.Name, s.step.Name, fmt.Sprintf("%s.%d", d.r.cfg.RunID, d.r.sends))
	s.intended = d.r.cfg.Now()
	if err := d.r.journal.intend(ctx, s); err != nil {
		d.halt(err)
		return false
	}
	got, err := d.r.sendOnce(ctx, s, maxErrors)
	if gone := d.goneAmong(ctx, s, err); len(gone) > 0 {
		s.void, s.result = true, &StepResult{Name: s.step.Name, Verdict: NotStarted, Why: err.Error()}
		d.judged(ctx, s)
		rest := slices.DeleteFunc(slices.Clone(s.nodes), func(id string) bool { return slices.Contains(gone, id) })
		return len(rest) == 0 || (d.why == "" && d.post(ctx, &send{step: s.step, batch: s.batch, check: s.check, nodes: rest}, maxErrors))
	}
	if err != nil {
		d.failed(ctx, s, err)
		return false
	}
	s.sent = got
	d.sends = append(d.sends, s)
	if err := d.r.journal.sentOff(ctx, s); err != nil {
		d.halt(err)
		return false
	}
	return true
}

// failed notes a send that nobody answered for: unknown when it may have arrived, and otherwise as if it had not been.
func (d *drive) failed(ctx context.Context, s *send, err error) {
	d.halt(err)
	var lost *lostError
	if errors.As(err, &lost) {
		s.result = &StepResult{Name: s.step.Name, Verdict: Unknown, Why: err.Error()}
		s.result.fill(s.nodes)
		d.sends = append(d.sends, s)
	} else {
		s.void = true
		s.result = &StepResult{Name: s.step.Name, Verdict: NotStarted, Why: err.Error()}
	}
	d.judged(ctx, s)
}

// watch follows all that is out to its end, together.
func (d *drive) watch(ctx context.Context) {
	var watches []*watch
	var open []*send
	for _, s := range d.sends {
		if s.result == nil && !s.void {
			watches = append(watches, d.r.watchSend(s))
			open = append(open, s)
		}
	}
	d.r.follow(ctx, watches)
	for i, s := range open {
		s.result = watches[i].done
		s.result.fill(s.nodes)
		d.r.markGone(ctx, s.result)
		d.judged(ctx, s)
	}
}

func (d *drive) judged(ctx context.Context, s *send) {
	s.verdict = s.result.Verdict
	// What is known now must be written down also when the deploy was interrupted.
	if err := d.r.journal.judged(context.WithoutCancel(ctx), s, s.result); err != nil && d.why == "" {
		d.halt(err)
	}
}

// watchSend watches a send that is out. What an earlier process sent may be past its time, and deserves a look.
func (r *runner) watchSend(s *send) *watch {
	targets := len(s.nodes)
	if targets == 0 {
		targets = max(len(r.nodes), s.sent.targets)
	}
	w := r.newWatch(s.step, s.sent, targets)
	if len(s.nodes) > 0 {
		w.wanted = s.nodes
	}
	w.cancels = !r.reportOnly
	end := w.end()
	if soonest := r.cfg.Now().Add(r.t.NotYet); end.Before(soonest) {
		end = soonest
	}
	w.setDeadline(end)
	return w
}

// neverSent records a step of which nothing was sent: refused where it was the first, not started otherwise.
func (d *drive) neverSent() bool {
	if len(d.made()) > 0 {
		return false
	}
	r := d.r
	result := StepResult{Name: d.step.Name, Verdict: NotStarted, Why: d.why}
	if len(r.res.Steps) == 0 {
		r.res.Verdict, result.Verdict = Refused, Refused
		if r.res.Problem == nil {
			r.res.Problem = &Problem{Code: d.code, Message: d.why}
		}
	} else {
		r.event(Event{Kind: EventStep, Step: d.step.Name, Verdict: result.Verdict, Message: result.Why})
	}
	r.res.Steps = append(r.res.Steps, result)
	return true
}
