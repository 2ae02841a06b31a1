package ship

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/slipway-cd/slipway/internal/record"
)

// Cancel stops the deploy that is in progress: no further batch begins, what is out is cancelled, and its end is waited
// for. With a command's id it stops that command alone. The result is the truth about what was stopped.
func Cancel(ctx context.Context, cfg Config, id string) (*Result, error) {
	r, err := newRunner(cfg)
	if err != nil {
		return nil, err
	}
	if CheckCommandID(id) == nil {
		r.cancelOne(ctx, id)
		r.res.Interrupted = ctx.Err() != nil
		r.conclude()
		return r.res, nil
	}
	if err := r.takeUp(ctx, Continuing{ReportOnly: true, cancel: true, deploy: id}); err != nil {
		r.cannotTakeUp(ctx, err)
	}
	return r.res, nil
}

// cancelOne cancels one command of the stage, and tells what became of it.
func (r *runner) cancelOne(ctx context.Context, id string) {
	w, err := r.earlier(ctx, id)
	if err != nil {
		r.cannotResume(id, err)
		return
	}
	if err := r.cancelCommand(ctx, w.step.Name, id); err != nil {
		r.problem(err, id)
		r.res.Steps = []StepResult{{Name: w.step.Name, CommandID: id, Verdict: Unknown, Why: r.res.Problem.Message}}
		return
	}
	r.resume(ctx, id)
}

func (r *runner) cancelCommand(ctx context.Context, step, id string) error {
	r.event(Event{Kind: EventCancel, Step: step, CommandID: id, Message: "cancelling command " + id})
	_, err := call(ctx, r, r.watcher, "ssm:CancelCommand", nil, func(ctx context.Context) (*ssm.CancelCommandOutput, error) {
		return r.watcher.ssm.CancelCommand(ctx, &ssm.CancelCommandInput{CommandId: aws.String(id)})
	})
	return err
}

// cancelRecorded marks the deploy, so that the slipway that has it begins nothing more, and cancels what is out. It is
// repeated while that slipway lives: a command that was on its way shows a moment later.
func (r *runner) cancelRecorded(ctx context.Context, store *record.Store, d *record.Deploy) error {
	if d.Ended.IsZero() && d.CancelRequested.IsZero() {
		marked, err := store.Update(ctx, d.ID, func(d *record.Deploy) error {
			r.askToStop(d, r.cfg.About.Reason)
			return nil
		})
		if err != nil {
			return fmt.Errorf("the deploy could not be marked as cancelled: %w", err)
		}
		r.event(Event{Kind: EventCancel, Message: "deploy " + d.ID + " is to begin nothing more"})
		*d = *marked
	}
	for _, s := range d.Sends {
		if s.CommandID != "" && s.Verdict == "" {
			if err := r.cancelOnce(ctx, s.Step, s.CommandID); err != nil {
				return err
			}
		}
	}
	return nil
}

// cancelOnce cancels a command that this run has not cancelled yet.
func (r *runner) cancelOnce(ctx context.Context, step, id string) error {
	if r.cancelled[id] {
		return nil
	}
	if err := r.cancelCommand(ctx, step, id); err != nil {
		return err
	}
	if r.cancelled == nil {
		r.cancelled = map[string]bool{}
	}
	r.cancelled[id] = true
	return nil
}

// cancelFound cancels what a deploy that was taken over still has out.
func (r *runner) cancelFound(ctx context.Context) error {
	for _, s := range r.cfg.progress {
		if s.sent.id != "" && s.verdict == "" {
			if err := r.cancelOnce(ctx, s.step.Name, s.sent.id); err != nil {
				return err
			}
		}
	}
	return nil
}
