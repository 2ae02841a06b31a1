package ship

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// commentLimit is SendCommand's.
const commentLimit = 100

// comment marks a command as this run's: `slipway <app>/<stage>/<step> <run id>`. Where that is too long the names
// are cut, never the run id, by which a lost send is found again.
func comment(app, stage, step, runID string) string {
	room := max(commentLimit-len("slipway ")-len(" ")-len(runID), 0)
	return "slipway " + cut(app+"/"+stage+"/"+step, room) + " " + runID
}

// commentPrefix is what the comments of a stage's commands begin with.
func commentPrefix(app, stage, runID string) string {
	room := max(commentLimit-len("slipway ")-len(" ")-len(runID), 0)
	return "slipway " + cut(app+"/"+stage+"/", room)
}

func cut(s string, n int) string { return s[:min(len(s), n)] }

// checkEarlier finds the commands that this stage sent before, and refuses while one of them still runs or may have
// shipped something that nobody knows of (R120).
func (r *runner) checkEarlier(ctx context.Context) error {
	seen := map[string]bool{}
	for i := range r.stage.Steps {
		document := documentName(&r.stage.Steps[i])
		if seen[document] {
			continue
		}
		seen[document] = true
		commands, err := r.listCommands(ctx, document)
		if r.cfg.SkipPreflight && isDenied(err) {
			r.event(Event{Kind: EventWarning, Message: "whether an earlier deploy still runs is not known: " + err.Error()})
			return nil
		}
		if err != nil && !noSuchDocument(err) {
			return err
		}
		prefix := commentPrefix(r.plan.App, r.stage.Name, r.cfg.RunID)
		if err := r.settle(ctx, ours(commands, prefix)); err != nil {
			return err
		}
	}
	return nil
}

// noSuchDocument: nothing can have been sent with a document that does not exist.
func noSuchDocument(err error) bool {
	return errorCode(err) == "InvalidDocument"
}

func (r *runner) listCommands(ctx context.Context, document string) ([]types.Command, error) {
	in := &ssm.ListCommandsInput{MaxResults: aws.Int32(pageSize),
		Filters: []types.CommandFilter{{Key: types.CommandFilterKeyDocumentName, Value: aws.String(document)}}}
	return pages(ctx, r, r.watcher, "ssm:ListCommands", func(ctx context.Context, token *string) ([]types.Command, *string, error) {
		in.NextToken = token
		out, err := r.watcher.ssm.ListCommands(ctx, in)
		if err != nil {
			return nil, nil, err
		}
		return out.Commands, out.NextToken, nil
	})
}

// ours are the commands with this comment prefix, newest first.
func ours(commands []types.Command, prefix string) []types.Command {
	mine := slices.DeleteFunc(slices.Clone(commands), func(c types.Command) bool {
		return !strings.HasPrefix(aws.ToString(c.Comment), prefix)
	})
	slices.SortStableFunc(mine, func(a, b types.Command) int {
		return aws.ToTime(b.RequestedDateTime).Compare(aws.ToTime(a.RequestedDateTime))
	})
	return mine
}

// settle looks at a step's earlier commands: none may be running, and of the newest of each step it must be known
// what it did. An older one that is unknown was followed by one that is known.
func (r *runner) settle(ctx context.Context, commands []types.Command) error {
	judged := map[string]bool{}
	for _, c := range commands {
		step := stepOf(c)
		newest := !judged[step]
		judged[step] = true
		if !newest && !r.running(c) {
			continue
		}
		if err := r.settleOne(ctx, c, step); err != nil {
			return err
		}
	}
	return nil
}

// stepOf is the step's name in a command's comment.
func stepOf(c types.Command) string {
	names, _, _ := strings.Cut(strings.TrimPrefix(aws.ToString(c.Comment), "slipway "), " ")
	return names[strings.LastIndex(names, "/")+1:]
}

// running tells whether the command is not at its end by its own account, and not past the time at which Run Command
// gives it up.
func (r *runner) running(c types.Command) bool {
	if !inFlight[normalise(string(c.Status))] {
		return false
	}
	return c.ExpiresAfter == nil || r.cfg.Now().Before(*c.ExpiresAfter)
}

func (r *runner) settleOne(ctx context.Context, c types.Command, step string) error {
	id := aws.ToString(c.CommandId)
	if id == r.cfg.AcceptUnknown {
		r.event(Event{Kind: EventWarning, Step: step, CommandID: id, Message: "what the earlier command did is not known, and accepted as such"})
		return nil
	}
	invocations, err := r.invocations(ctx, id)
	if err != nil {
		return r.unsettled(id, step, err.Error(), err)
	}
	verdicts, waiting, why := tally(invocations)
	complete := waiting == 0 && len(invocations) > 0 && len(invocations) >= int(c.TargetCount)
	switch {
	case !complete && r.running(c):
		return &refusal{Problem{CommandID: id, Message: fmt.Sprintf(
			"an earlier command of this stage, %s (step %s), is still running", id, step),
			Hint: "slipway resume " + id + " waits for it; then deploy again"}}
	case waiting > 0:
		return r.unsettled(id, step, "it is past its end and not done on every node", nil)
	}
	verdict := together(verdicts)
	if len(invocations) == 0 {
		j := judgeParent(string(c.Status), aws.ToString(c.StatusDetails), int(c.TargetCount))
		verdict, why = j.Verdict, j.Why
	} else if int(c.TargetCount) > len(invocations) {
		verdict, why = Unknown, fmt.Sprintf("it had %d targets, %d can be read", c.TargetCount, len(invocations))
	}
	if verdict == Unknown || verdict == "" {
		return r.unsettled(id, step, why, nil)
	}
	r.event(Event{Kind: EventEarlier, Step: step, CommandID: id, Verdict: verdict,
		Message: "the earlier command of this step " + string(verdict)})
	return nil
}

// unsettled refuses because of a command whose outcome is not known.
func (r *runner) unsettled(id, step, why string, err error) error {
	p := Problem{}
	if err != nil {
		p = r.explain(err)
	}
	p.CommandID = id
	p.Message = fmt.Sprintf("what an earlier command of this stage, %s (step %s), did is not known: %s", id, step, why)
	p.Hint = "find out what runs on the nodes; slipway resume " + id + " shows what can be read; then deploy with " +
		"--accept-unknown " + id
	return &refusal{p}
}

// tally judges invocations: the verdicts of those that are done, how many are not, and why the first unknown is one.
func tally(invocations []types.CommandInvocation) (verdicts []Verdict, waiting int, why string) {
	for _, inv := range invocations {
		j := judge(string(inv.Status), aws.ToString(inv.StatusDetails))
		if j.Wait {
			waiting++
			continue
		}
		verdicts = append(verdicts, j.Verdict)
		if j.Verdict == Unknown && why == "" {
			why = aws.ToString(inv.InstanceId) + ": " + j.Why
		}
	}
	return verdicts, waiting, why
}

// invocations lists a command's invocations, one for each node.
func (r *runner) invocations(ctx context.Context, commandID string) ([]types.CommandInvocation, error) {
	in := &ssm.ListCommandInvocationsInput{CommandId: aws.String(commandID), MaxResults: aws.Int32(pageSize)}
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
