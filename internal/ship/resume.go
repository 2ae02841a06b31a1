package ship

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/slipway-cd/slipway/internal/plan"
)

// resume watches a command that an earlier run sent. Whatever keeps it from reading leaves the outcome unknown.
func (r *runner) resume(ctx context.Context, id string) {
	step, s, targets, err := r.earlier(ctx, id)
	if err != nil {
		p := r.problem(err, id)
		r.res.Steps = []StepResult{{CommandID: id, Verdict: Unknown, Why: p.Message}}
		return
	}
	w := r.newWatch(step, s, targets)
	w.cancels = false
	// A command whose time is long over still deserves a look, and a retry where that is what it takes.
	if soonest := r.cfg.Now().Add(time.Second); w.deadline.Before(soonest) {
		w.setDeadline(soonest)
	}
	res := w.run(ctx)
	r.res.Steps = []StepResult{res}
	r.event(Event{Kind: EventStep, Step: step.Name, CommandID: id, Verdict: res.Verdict, Message: res.Why})
}

// earlier finds the step that a command was for, when it was sent, and how many nodes it was for.
func (r *runner) earlier(ctx context.Context, id string) (*plan.Step, sent, int, error) {
	c, err := r.findCommand(ctx, id)
	if step, s := r.guessCommand(err); step != nil {
		r.event(Event{Kind: EventWarning, Step: step.Name, CommandID: id, Message: "taken for the stage's only command: " + err.Error()})
		s.id = id
		return step, s, len(r.nodes), nil
	}
	if err != nil {
		return nil, sent{}, 0, err
	}
	r.nodes = c.InstanceIds
	s := sent{id: id, version: aws.ToString(c.DocumentVersion), at: aws.ToTime(c.RequestedDateTime)}
	return r.stepFor(c), s, int(c.TargetCount), nil
}

func (r *runner) findCommand(ctx context.Context, id string) (*types.Command, error) {
	if err := r.identifyAs(ctx, r.watcher); err != nil {
		return nil, err
	}
	c, err := r.command(ctx, id)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, &refusal{Problem{API: "ssm:ListCommands", Principal: r.watcher.principal, CommandID: id, Message: fmt.Sprintf(
			"Run Command does not know command %s in account %s, region %s", id, r.stage.Account, r.stage.Region),
			Hint: "check the id, the stage and the region; Run Command forgets commands after about a month"}}
	}
	return c, nil
}

// stepFor is the step that the command was for, as the plan has it now. Of a command that the plan does not know the
// nodes' status alone is judged.
func (r *runner) stepFor(c *types.Command) *plan.Step {
	name := stepOf(*c)
	for i := range r.stage.Steps {
		s := &r.stage.Steps[i]
		if s.Name == name && documentName(s) == aws.ToString(c.DocumentName) {
			return s
		}
	}
	return &plan.Step{Name: name, DocumentName: aws.ToString(c.DocumentName), DeliveryTimeout: int(aws.ToInt32(c.TimeoutSeconds)),
		MaxConcurrency: aws.ToString(c.MaxConcurrency)}
}
