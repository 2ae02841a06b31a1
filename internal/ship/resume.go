package ship

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// commandIDForm is the form of a command id: a UUID.
var commandIDForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// UsageError is wrong usage: nothing was asked of AWS.
type UsageError struct{ message string }

func (e *UsageError) Error() string { return e.message }

// ExitCode is that of wrong usage.
func (e *UsageError) ExitCode() int { return exitUsage }

// Hint says what would help.
func (e *UsageError) Hint() string {
	return "a command id is a UUID, as 0831e1a8-a1ac-4257-a1fd-c831b48c4107; the deploy printed it"
}

// CheckCommandID gives a [UsageError] when id cannot be a command's.
func CheckCommandID(id string) error {
	if commandIDForm.MatchString(id) {
		return nil
	}
	return &UsageError{message: fmt.Sprintf("not a command id: %q", id)}
}

// foreignError is a command that the stage did not send. Nothing is said about what became of it.
type foreignError struct{ id, stage, comment, document string }

func (e *foreignError) Error() string {
	text := fmt.Sprintf("%s is not a command of stage %s: nothing was read", e.id, e.stage)
	if e.comment != "" || e.document != "" {
		text += fmt.Sprintf(" (its document is %q, its comment %q)", e.document, e.comment)
	}
	return text
}

// resume watches a command that an earlier run sent. Whatever keeps it from reading leaves the outcome unknown.
func (r *runner) resume(ctx context.Context, id string) {
	w, err := r.earlier(ctx, id)
	if err != nil {
		r.cannotResume(id, err)
		return
	}
	// A command whose time is long over still deserves a look, and a retry where that is what it takes.
	end, soonest := w.end(), r.cfg.Now().Add(time.Second)
	if end.Before(soonest) {
		end = soonest
	}
	w.setDeadline(end)
	res := w.run(ctx)
	if w.foreign != nil {
		r.cannotResume(id, w.foreign)
		return
	}
	r.res.Steps = []StepResult{res}
	r.event(Event{Kind: EventStep, Step: res.Name, CommandID: id, Verdict: res.Verdict, Message: res.Why})
}

// cannotResume ends a resume that read nothing of the command.
func (r *runner) cannotResume(id string, err error) {
	var foreign *foreignError
	if errors.As(err, &foreign) {
		r.res.Verdict = Refused
		r.res.Problem = &Problem{Code: CodeNotFound, CommandID: id, Message: foreign.Error(),
			Hint: "check the id, and with --stage which stage sent it; `aws ssm list-commands` shows what others sent"}
		return
	}
	p := r.problem(err, id)
	r.res.Steps = []StepResult{{CommandID: id, Verdict: Unknown, Why: p.Message}}
}

// earlier finds what there is to watch: the step that a command was for, when it was sent, and for how many nodes.
func (r *runner) earlier(ctx context.Context, id string) (*watch, error) {
	c, err := r.findCommand(ctx, id)
	if step, s := r.guessCommand(err); step != nil {
		r.event(Event{Kind: EventWarning, Step: step.Name, CommandID: id, Message: "taken for a command of the stage's only step: " + err.Error()})
		s.id = id
		w := r.newWatch(step, s, len(r.nodes))
		w.guessed = true
		return w, nil
	}
	if err != nil {
		return nil, err
	}
	if text := aws.ToString(c.Comment); !r.ofStage(text) {
		return nil, &foreignError{id: id, stage: r.stage.Name, comment: text, document: aws.ToString(c.DocumentName)}
	}
	r.nodes = c.InstanceIds
	return r.watchEarlier(c), nil
}

// watchEarlier watches a command of this stage that another run sent. The document may have changed since: which
// scripts it had is asked of Run Command.
func (r *runner) watchEarlier(c *types.Command) *watch {
	s := sent{id: aws.ToString(c.CommandId), version: aws.ToString(c.DocumentVersion), at: aws.ToTime(c.RequestedDateTime)}
	w := r.newWatch(r.stepFor(c), s, int(c.TargetCount))
	w.asksScripts = true
	w.expires = aws.ToTime(c.ExpiresAfter)
	return w
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
		return nil, &refusal{final: true, problem: Problem{Code: CodeNotFound, API: "ssm:ListCommands", Principal: r.watcher.principal, CommandID: id, Message: fmt.Sprintf(
			"Run Command does not know command %s in account %s, region %s", id, r.stage.Account, r.stage.Region),
			Hint: "check the id, the stage and the region; Run Command forgets commands after about a month"}}
	}
	return c, nil
}
