package ship

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/slipway-cd/slipway/internal/plan"
)

// sent is a command that Run Command has.
type sent struct {
	id, version string
	at          time.Time
	// targets is for how many nodes it is, as the answer has it; 0 when Run Command does not know yet.
	targets int
}

// lostError is a send of which nobody knows whether it arrived.
type lostError struct {
	cause, lookup error
	id            string // the run's id with the send's number
}

func (e *lostError) Error() string {
	found := "no command with that id was found"
	if e.lookup != nil {
		found = "it could not be looked up: " + e.lookup.Error()
	}
	return fmt.Sprintf("the answer to SendCommand was lost (%s); run id %s: %s; it may still have been sent, and is not sent again",
		e.cause, e.id, found)
}

func (e *lostError) Unwrap() []error { return []error{e.cause, e.lookup} }

// sendOnce sends the step's command. It is repeated only where the service itself said that it did nothing; after a
// lost answer it is looked for and never sent again.
func (r *runner) sendOnce(ctx context.Context, what *send, maxErrors string) (sent, error) {
	started, step := r.cfg.Now(), what.step
	in := r.sendInput(what, maxErrors)
	r.deadline = started.Add(r.t.NotYet)
	p := patience{r: r, since: started, api: "ssm:SendCommand"}
	refreshed := false
	for {
		if err := r.admit(ctx, p.api); err != nil {
			return sent{}, err
		}
		if err := r.journal.holds(ctx); err != nil {
			return sent{}, err
		}
		at := r.cfg.Now() // the limits count from the attempt that is taken
		out, err := once(ctx, r, func(ctx context.Context) (*ssm.SendCommandOutput, error) { return r.sender.ssm.SendCommand(ctx, in) })
		r.heard(p.api, err)
		if err == nil && out.Command != nil && aws.ToString(out.Command.CommandId) != "" {
			s := sent{id: *out.Command.CommandId, version: aws.ToString(in.DocumentVersion), at: at, targets: int(out.Command.TargetCount)}
			r.event(Event{Kind: EventSent, Step: step.Name, CommandID: s.id, Message: "command " + s.id})
			return s, nil
		}
		if err == nil {
			return r.findLost(ctx, step, in, at, errors.New("the answer holds no command id"))
		}
		failed := &callError{api: "ssm:SendCommand", principal: r.sender.principal, err: err}
		if !certainlyNotSent(err) {
			return r.findLost(ctx, step, in, at, failed)
		}
		switch kind := classify(err); {
		case kind == expired && !refreshed:
			r.sender.creds.Invalidate()
			refreshed = true
			continue
		case kind != throttled:
			return sent{}, r.explainSend(failed)
		}
		if failed.note = p.spent(err); failed.note != "" {
			return sent{}, failed
		}
		r.event(Event{Kind: EventNotYet, Step: step.Name, Message: failed.Error()})
		if err := p.wait(ctx); err != nil {
			return sent{}, err
		}
	}
}

// explainSend widens errors that mean several things.
func (r *runner) explainSend(failed *callError) error {
	if errorCode(failed.err) != "InvalidInstanceId" {
		return failed
	}
	p := r.explain(failed)
	p.Code = CodeUnreachable
	p.Message += ": no permission, agent not running, not registered, in a bad state, or another account or region"
	p.Hint = "deploy with preflight says which node and why"
	return &refusal{problem: p, cause: failed}
}

// documentName is the document that the step sends.
func documentName(step *plan.Step) string {
	if step.Own != nil {
		return step.Own.Name
	}
	return step.DocumentName
}

func (r *runner) sendInput(what *send, maxErrors string) *ssm.SendCommandInput {
	step := what.step
	in := &ssm.SendCommandInput{
		DocumentName: aws.String(documentName(step)), Parameters: step.Parameters,
		Comment:        aws.String(what.comment),
		TimeoutSeconds: aws.Int32(int32(step.DeliveryTimeout)), //nolint:gosec // plan keeps it within 30..2592000
	}
	if step.Own != nil {
		in.DocumentVersion = aws.String(r.documents[step.Name])
		in.DocumentHash, in.DocumentHashType = aws.String(step.Own.Hash), types.DocumentHashTypeSha256
	}
	if step.MaxConcurrency != "" {
		in.MaxConcurrency = aws.String(step.MaxConcurrency)
	}
	if maxErrors != "" {
		in.MaxErrors = aws.String(maxErrors)
	}
	if alarm := step.Rollout.Alarm; alarm != "" {
		in.AlarmConfiguration = &types.AlarmConfiguration{Alarms: []types.Alarm{{Name: aws.String(alarm)}}}
	}
	writeOutput(in, step.Output)
	if len(what.nodes) > 0 {
		in.InstanceIds = what.nodes
		return in
	}
	if len(r.stage.Targets.Instances) > 0 {
		in.InstanceIds = r.stage.Targets.Instances
		return in
	}
	for _, t := range r.stage.Targets.Tags {
		in.Targets = append(in.Targets, types.Target{Key: aws.String("tag:" + t.Key), Values: t.Values})
	}
	return in
}

// findLost looks a send up by its run id, for a bounded time. It goes on when the deploy is interrupted: a command
// that is out must be found to be cancelled.
func (r *runner) findLost(ctx context.Context, step *plan.Step, in *ssm.SendCommandInput, at time.Time, cause error) (sent, error) {
	ctx = context.WithoutCancel(ctx)
	r.event(Event{Kind: EventLost, Step: step.Name, Message: "the answer to SendCommand was lost, looking for run id " + idOf(aws.ToString(in.Comment))})
	p := patience{r: r, since: r.cfg.Now()}
	r.deadline = p.since.Add(r.t.NotYet)
	for {
		found, err := r.lookUp(ctx, in, at)
		if found != nil {
			s := sent{id: aws.ToString(found.CommandId), version: aws.ToString(in.DocumentVersion), at: at, targets: int(found.TargetCount)}
			r.event(Event{Kind: EventSent, Step: step.Name, CommandID: s.id, Message: "command " + s.id + ", found by its run id"})
			return s, nil
		}
		if err != nil || p.spent(nil) != "" {
			return sent{}, &lostError{cause: cause, lookup: err, id: idOf(aws.ToString(in.Comment))}
		}
		if err := p.wait(ctx); err != nil {
			return sent{}, &lostError{cause: cause, lookup: err, id: idOf(aws.ToString(in.Comment))}
		}
	}
}

// lookUp finds the command with the comment of in, which is that of no other send. nil when there is none.
func (r *runner) lookUp(ctx context.Context, in *ssm.SendCommandInput, at time.Time) (*types.Command, error) {
	mine := func(all []types.Command) int {
		return slices.IndexFunc(all, func(c types.Command) bool {
			return aws.ToString(c.Comment) == aws.ToString(in.Comment)
		})
	}
	all, err := r.listCommands(ctx, query{document: aws.ToString(in.DocumentName), after: at.Add(-skew),
		enough: func(all []types.Command, _ int) bool { return mine(all) >= 0 }})
	if i := mine(all); i >= 0 {
		return &all[i], nil
	}
	return nil, err
}
