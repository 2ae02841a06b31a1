package ship

import (
	"context"
	"fmt"
)

// mayDetach refuses what could not be left alone: whatever follows the first command takes somebody to send it.
func (r *runner) mayDetach() error {
	if !r.cfg.Detach {
		return nil
	}
	step := &r.stage.Steps[0]
	if len(r.stage.Steps) == 1 && len(r.stage.Tests) == 0 && !driven(step) && len(r.cfg.Nodes) == 0 {
		return nil
	}
	return &refusal{problem: Problem{Code: CodeNotDetachable, Message: fmt.Sprintf("stage %s cannot be shipped with --detach: it is more than one command, and somebody must send the others",
		r.stage.Name), Hint: "--detach is for a stage with one step, without batches"}}
}

// sendsOnly tells that only the permissions to send are used: the trigger's half of a split stage.
func (r *runner) sendsOnly() bool { return r.cfg.Detach && r.watcher != r.sender }

// sendAndLeave sends the stage's only command, and leaves lock and record to whoever comes back for them.
func (r *runner) sendAndLeave(ctx context.Context) {
	step := &r.stage.Steps[0]
	d := &drive{r: r, step: step}
	m := next(step, nil, len(r.nodes), nil)
	s := &send{step: step, batch: m.batch}
	if !d.post(ctx, s, m.maxErrors) && s.sent.id == "" {
		if d.neverSent() {
			return
		}
		r.res.Steps = append(r.res.Steps, d.result())
		return
	}
	r.res.Steps = append(r.res.Steps, StepResult{Name: step.Name, CommandID: s.sent.id, DocumentVersion: s.sent.version, Verdict: Unknown,
		Why: "sent, and left: nobody has looked at it yet"})
	r.res.Detached = true
	if r.ledger != nil {
		r.ledger.detached, r.ledger.deploy.Detached = true, true
		_ = r.ledger.afterwards(ctx) // kept, and told with the result
		if err := r.ledger.lease.Leave(outlive(ctx)); err != nil {
			r.event(Event{Kind: EventWarning, Message: "the lock does not say that it was left: " + err.Error()})
		}
	}
	r.event(Event{Kind: EventStep, Step: step.Name, CommandID: s.sent.id, Verdict: Unknown, Message: "sent, and left"})
}
