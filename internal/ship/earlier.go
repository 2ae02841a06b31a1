package ship

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// checkEarlier finds the commands that this stage sent before, and refuses while one of them still runs or may have
// shipped something that nobody knows of (R120).
func (r *runner) checkEarlier(ctx context.Context) error {
	commands, err := r.earlierCommands(ctx)
	if r.cfg.SkipPreflight && isDenied(err) {
		r.event(Event{Kind: EventWarning, Message: "whether an earlier deploy still runs is not known: " + err.Error()})
		return nil
	}
	if err != nil {
		return err
	}
	return r.settle(ctx, commands)
}

// settle looks at a stage's earlier commands, newest first: none may be running, and of those that the newest run of
// each step sent it must be known what they did. An older one that is unknown was followed by one that is known.
func (r *runner) settle(ctx context.Context, commands []types.Command) error {
	judged := map[string]string{} // the newest run, by step
	newestRun := ""
	for i := range commands {
		c := &commands[i]
		text := aws.ToString(c.Comment)
		if newestRun == "" {
			newestRun = runOf(text)
		}
		step := r.stepName(text)
		if judged[step] == "" {
			judged[step] = runOf(text)
		}
		newest := judged[step] == runOf(text)
		// A step that the plan has no more was settled by the run that came after it, before that one sent.
		if r.stepOf(text) == nil && runOf(text) != newestRun {
			newest = false
		}
		if !newest && !r.running(c) {
			continue
		}
		if err := r.settleOne(ctx, c, step); err != nil {
			return err
		}
	}
	return nil
}

// running tells whether the command is not at its end by its own account, and not past the time at which Run Command
// gives it up.
func (r *runner) running(c *types.Command) bool {
	if !inFlight[normalise(string(c.Status))] {
		return false
	}
	return c.ExpiresAfter == nil || r.cfg.Now().Before(*c.ExpiresAfter)
}

// settleOne judges one earlier command as the deploy that sent it would have.
func (r *runner) settleOne(ctx context.Context, c *types.Command, step string) error {
	id := aws.ToString(c.CommandId)
	invocations, err := r.invocations(ctx, id)
	if err != nil && r.running(c) {
		return r.stillRunning(id, step, "; its nodes cannot be read: "+err.Error())
	}
	if err != nil {
		return r.unsettled(id, step, err.Error(), err)
	}
	waiting := 0
	for _, inv := range invocations {
		if judge(string(inv.Status), aws.ToString(inv.StatusDetails)).Wait {
			waiting++
		}
	}
	complete := waiting == 0 && len(invocations) > 0 && len(invocations) >= int(c.TargetCount)
	switch {
	case !complete && r.running(c):
		return r.stillRunning(id, step, "")
	case waiting > 0:
		return r.unsettled(id, step, "it is past its end and not done on every node", nil)
	}
	verdict, why, err := r.judgeEarlier(ctx, c, invocations)
	if err != nil {
		return r.unsettled(id, step, err.Error(), err)
	}
	if verdict != Succeeded && verdict != Failed {
		return r.unsettled(id, step, why, nil)
	}
	r.event(Event{Kind: EventEarlier, Step: step, CommandID: id, Verdict: verdict,
		Message: "the earlier command " + id + " of this step " + string(verdict)})
	return nil
}

// stillRunning refuses because of a command that is not at its end; that nobody can accept.
func (r *runner) stillRunning(id, step, note string) error {
	return &refusal{problem: Problem{Code: CodeEarlierRunning, CommandID: id, Message: fmt.Sprintf(
		"an earlier command of this stage, %s (step %s), is still running%s", id, step, note),
		Hint: r.resumeOr(id, "wait until it has ended", " waits for it") + "; then deploy again"}}
}

// judgeEarlier reads what every node's scripts said, and weighs it against the node's status.
func (r *runner) judgeEarlier(ctx context.Context, c *types.Command, invocations []types.CommandInvocation) (Verdict, string, error) {
	if len(invocations) == 0 {
		j := judgeParent(string(c.Status), aws.ToString(c.StatusDetails), int(c.TargetCount))
		return j.Verdict, j.Why, nil
	}
	if int(c.TargetCount) > len(invocations) {
		return Unknown, fmt.Sprintf("it had %d targets, %d can be read", c.TargetCount, len(invocations)), nil
	}
	w := r.watchEarlier(c)
	if _, err := w.take(ctx, invocations); err != nil {
		return Unknown, "", err
	}
	res := w.result("", "")
	for _, n := range res.Nodes {
		if n.Verdict == Unknown {
			return Unknown, n.InstanceID + ": " + n.Why, nil
		}
	}
	return res.Verdict, "", nil
}

// unsettled refuses because of a command whose outcome is not known, unless that was accepted.
func (r *runner) unsettled(id, step, why string, err error) error {
	if id == r.cfg.AcceptUnknown {
		r.event(Event{Kind: EventWarning, Step: step, CommandID: id, Message: "what the earlier command did is not known, and accepted as such"})
		return nil
	}
	p := Problem{}
	if err != nil {
		p = r.explain(err)
	}
	p.Code, p.CommandID = CodeEarlierUnknown, id
	p.Message = fmt.Sprintf("what an earlier command of this stage, %s (step %s), did is not known: %s", id, step, why)
	p.Hint = "find out what runs on the nodes; " + r.resumeOr(id, "read what can be read", " shows what can be read") +
		"; then deploy with --accept-unknown " + id
	return &refusal{problem: p}
}

// invocations lists a command's invocations, one for each node.
func (r *runner) invocations(ctx context.Context, commandID string) ([]types.CommandInvocation, error) {
	return r.listInvocations(ctx, &ssm.ListCommandInvocationsInput{CommandId: aws.String(commandID), Details: true})
}

func (r *runner) listInvocations(ctx context.Context, in *ssm.ListCommandInvocationsInput) ([]types.CommandInvocation, error) {
	in.MaxResults = aws.Int32(pageSize)
	return pages(ctx, r, r.watcher, "ssm:ListCommandInvocations", func(ctx context.Context, token *string) ([]types.CommandInvocation, *string, error) {
		in.NextToken = token
		out, err := r.watcher.ssm.ListCommandInvocations(ctx, in)
		if err != nil {
			return nil, nil, err
		}
		return out.CommandInvocations, out.NextToken, nil
	})
}

// command reads a command by its id; nil when Run Command does not know it.
func (r *runner) command(ctx context.Context, id string) (*types.Command, error) {
	out, err := call(ctx, r, r.watcher, "ssm:ListCommands", nil, func(ctx context.Context) (*ssm.ListCommandsOutput, error) {
		return r.watcher.ssm.ListCommands(ctx, &ssm.ListCommandsInput{CommandId: aws.String(id)})
	})
	if err != nil {
		return nil, err
	}
	for i := range out.Commands {
		if aws.ToString(out.Commands[i].CommandId) == id {
			return &out.Commands[i], nil
		}
	}
	return nil, nil
}

// commandTime is when Run Command took a command; the zero time, which is before all others, when it does not say.
func commandTime(c types.Command) time.Time { return aws.ToTime(c.RequestedDateTime) }
