package ship

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/record"
)

// findSends takes over what the record says was sent. A send without a command id may or may not have been made: it is
// looked for, until it must have shown.
func (r *runner) findSends(ctx context.Context, d *record.Deploy) error {
	r.sends = 0
	var firstErr error
	for _, entry := range append([]record.Send(nil), d.Sends...) {
		s, err := r.recordedSend(entry)
		if err != nil {
			return err
		}
		r.sends = max(r.sends, numberOf(s.comment))
		r.cfg.progress = append(r.cfg.progress, s)
		if s.void || s.sent.id != "" {
			continue
		}
		if err := r.findSend(ctx, s); err != nil && firstErr == nil {
			firstErr = err
		}
	}
	return firstErr
}

// recordedSend is a send as the record has it. That it was not made was written down where Run Command said so.
func (r *runner) recordedSend(entry record.Send) (*send, error) {
	step := r.stepNamed(entry)
	if step == nil {
		return nil, fmt.Errorf("the record has a command of step %s, and no such step", entry.Step)
	}
	s := &send{step: step, batch: entry.Batch, check: entry.Check, nodes: entry.Nodes, comment: entry.Comment, intended: entry.Intended,
		verdict: Verdict(entry.Verdict)}
	s.sent = sent{id: entry.CommandID, at: entry.Sent, targets: len(entry.Nodes)}
	if step.Own != nil {
		s.sent.version = step.Own.Version
	}
	if s.sent.id == "" && s.verdict == NotStarted {
		s.void, s.result = true, &StepResult{Name: step.Name, Verdict: NotStarted}
	}
	return s, nil
}

func (r *runner) stepNamed(entry record.Send) *plan.Step {
	for i := range r.stage.Steps {
		step := &r.stage.Steps[i]
		switch {
		case !entry.Check && step.Name == entry.Step:
			return step
		case entry.Check && step.Check != nil && step.Check.Name == entry.Step:
			return step.Check
		}
	}
	return nil
}

// findSend looks for a command that was meant to be sent, by its comment. The last attempt to send it was made within
// NotYet of the intent, and a command shows within NotYet: what is not there after both was never sent.
func (r *runner) findSend(ctx context.Context, s *send) error {
	until := s.intended.Add(2 * r.t.NotYet)
	in := &ssm.SendCommandInput{Comment: aws.String(s.comment), DocumentName: aws.String(documentName(s.step))}
	r.event(Event{Kind: EventLost, Step: s.step.Name, Message: "whether " + idOf(s.comment) + " was sent is not recorded: looking for it", Until: until})
	r.deadline = r.cfg.Now().Add(r.t.NotYet)
	for {
		last := !r.cfg.Now().Before(until)
		found, err := r.lookUp(ctx, in, s.intended)
		if err != nil {
			s.result = &StepResult{Name: s.step.Name, Verdict: Unknown, Why: "whether it was sent could not be looked up: " + err.Error()}
			s.result.fill(s.nodes)
			return fmt.Errorf("whether %s was sent is not known: %w", idOf(s.comment), err)
		}
		if found != nil {
			s.sent.id, s.sent.at, s.sent.targets = aws.ToString(found.CommandId), aws.ToTime(found.RequestedDateTime), int(found.TargetCount)
			r.event(Event{Kind: EventSent, Step: s.step.Name, CommandID: s.sent.id, Message: "command " + s.sent.id + ", found by its run id"})
			return r.ledger.sentOff(ctx, s)
		}
		if last {
			s.void, s.result = true, &StepResult{Name: s.step.Name, Verdict: NotStarted, Why: "it was never sent"}
			s.verdict = NotStarted
			r.ledger.note(s)
			return nil
		}
		r.ledger.alive(ctx)
		if err := r.cfg.Sleep(ctx, min(r.t.TickMax, max(until.Sub(r.cfg.Now()), firstPause))); err != nil {
			s.result = &StepResult{Name: s.step.Name, Verdict: Unknown, Why: "interrupted while it was looked for"}
			s.result.fill(s.nodes)
			return err
		}
	}
}

// told is the result of a deploy as its record has it.
func told(d *record.Deploy) *Result {
	res := &Result{Verdict: Verdict(d.Verdict), Record: &Recorded{ID: d.ID, Kind: d.Kind, Version: versionOf(d), Previous: d.Previous, Target: d.Target}}
	whole := true
	for _, s := range d.Steps {
		step := toldStep(d, s)
		// Nodes that were never begun are of no step: they belong to the one that the deploy stopped in.
		if whole && step.Verdict != Succeeded {
			step.Nodes = append(step.Nodes, toldNodes(d, "")...)
			whole = false
		}
		res.Steps = append(res.Steps, step)
	}
	for _, t := range d.Tests {
		res.Tests = append(res.Tests, toldTest(t))
	}
	if res.Verdict != Succeeded && d.Why != "" {
		res.Problem = &Problem{Message: d.Why}
	}
	return res
}

func toldStep(d *record.Deploy, s record.Step) StepResult {
	step := StepResult{Name: s.Name, DocumentVersion: s.DocumentVersion, Verdict: Verdict(s.Verdict), Nodes: toldNodes(d, s.Name)}
	for _, entry := range d.Sends {
		if entry.Step != s.Name && (s.Check == nil || entry.Step != s.Check.Name) || entry.CommandID == "" {
			continue
		}
		step.Sends = append(step.Sends, SendResult{CommandID: entry.CommandID, Batch: entry.Batch, Check: entry.Check, Nodes: entry.Nodes,
			Verdict: Verdict(entry.Verdict)})
		if step.CommandID == "" {
			step.CommandID = entry.CommandID
		}
	}
	return step
}

// toldNodes are the nodes on which a step was the last that was tried; of "", those on which none was.
func toldNodes(d *record.Deploy, step string) (nodes []NodeResult) {
	for _, id := range sortedKeys(d.Nodes) {
		if n := d.Nodes[id]; n.Step == step {
			nodes = append(nodes, NodeResult{InstanceID: id, Verdict: Verdict(n.Verdict), Status: n.Status, CommandID: n.CommandID, Why: n.Why})
		}
	}
	return nodes
}
