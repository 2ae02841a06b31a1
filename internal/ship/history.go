package ship

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/slipway-cd/slipway/internal/plan"
)

const (
	// kept is how long Run Command remembers a command.
	kept = 30 * 24 * time.Hour
	// longestCommand is a script's longest limit (48 h) and time for the delivery. What is older has ended.
	longestCommand = 50 * time.Hour
	// historyPages bounds how much of an account's older history is read to find a stage's commands of any document.
	historyPages = 10
	// skew is how far this machine's clock may be ahead of AWS's; with more, AWS refuses signatures.
	skew = 15 * time.Minute
)

// query says which commands to list.
type query struct {
	document string // empty: of all documents
	after    time.Time
	before   time.Time // zero: until now
	// enough, asked after every page, ends the listing before its end.
	enough func(all []types.Command, pagesRead int) bool
}

func (q query) filters() []types.CommandFilter {
	filters := []types.CommandFilter{{Key: types.CommandFilterKeyInvokedAfter, Value: aws.String(q.after.UTC().Format(time.RFC3339))}}
	if !q.before.IsZero() {
		filters = append(filters, types.CommandFilter{Key: types.CommandFilterKeyInvokedBefore, Value: aws.String(q.before.UTC().Format(time.RFC3339))})
	}
	if q.document != "" {
		filters = append(filters, types.CommandFilter{Key: types.CommandFilterKeyDocumentName, Value: aws.String(q.document)})
	}
	return filters
}

func (r *runner) listCommands(ctx context.Context, q query) ([]types.Command, error) {
	in := &ssm.ListCommandsInput{MaxResults: aws.Int32(pageSize), Filters: q.filters()}
	return pagesUntil(ctx, r, r.watcher, "ssm:ListCommands", func(ctx context.Context, token *string) ([]types.Command, *string, error) {
		in.NextToken = token
		out, err := r.watcher.ssm.ListCommands(ctx, in)
		if err != nil {
			return nil, nil, err
		}
		return out.Commands, out.NextToken, nil
	}, q.enough)
}

// earlierCommands are the commands of this stage, newest first: all that may still run, and the newest of every step.
// They are found by their comments, for a step may have had another name or document. All that is young enough to run
// is listed; of what is older only the newest of a step matters, and that is looked for within bounds.
func (r *runner) earlierCommands(ctx context.Context) ([]types.Command, error) {
	mayRun := r.cfg.Now().Add(-r.longest())
	found, err := r.listCommands(ctx, query{after: mayRun})
	if err != nil || len(r.unseen(found)) == 0 {
		return r.ours(found), err
	}
	cut := false
	older := query{after: r.cfg.Now().Add(-kept), before: mayRun.Add(time.Minute)}
	older.enough = func(all []types.Command, pagesRead int) bool {
		seen := newestFirst(all) && len(r.unseen(slices.Concat(found, all))) == 0
		cut = !seen && pagesRead >= historyPages
		return seen || cut
	}
	more, err := r.listCommands(ctx, older)
	if err != nil {
		return nil, err
	}
	found = append(found, more...)
	if cut {
		for _, step := range r.unseen(found) {
			if more, err = r.newestOf(ctx, step, older); err != nil {
				return nil, err
			}
			found = append(found, more...)
		}
	}
	return r.ours(found), nil
}

// newestOf lists the older commands of the step's document until one of the step is among them.
func (r *runner) newestOf(ctx context.Context, step *plan.Step, older query) ([]types.Command, error) {
	cut := false
	older.document = documentName(step)
	older.enough = func(all []types.Command, pagesRead int) bool {
		seen := newestFirst(all) && !slices.Contains(r.unseen(all), step)
		cut = !seen && pagesRead >= 2*historyPages
		return seen || cut
	}
	found, err := r.listCommands(ctx, older)
	if noSuchDocument(err) {
		return nil, nil
	}
	if cut {
		r.event(Event{Kind: EventWarning, Step: step.Name, Message: fmt.Sprintf("no earlier command of this step is among the newest %d of "+
			"document %s that are older than %s: what came before was not looked at", len(found), older.document, r.longest())})
	}
	return found, err
}

// longest is how long a command of this stage may take; what is older has ended.
func (r *runner) longest() time.Duration {
	longest := longestCommand
	for i := range r.stage.Steps {
		longest = max(longest, total(&r.stage.Steps[i], len(r.nodes)))
	}
	return longest
}

// newestFirst checks what Run Command does and does not promise: the order of the list. Without it, and without the
// times, nothing is known of what comes after.
func newestFirst(all []types.Command) bool {
	for i, c := range all {
		if c.RequestedDateTime == nil || (i > 0 && commandTime(c).After(commandTime(all[i-1]))) {
			return false
		}
	}
	return true
}

// unseen are the plan's steps of which no command is among these.
func (r *runner) unseen(all []types.Command) []*plan.Step {
	seen := map[*plan.Step]bool{}
	for _, c := range all {
		seen[r.stepOf(aws.ToString(c.Comment))] = true
	}
	var steps []*plan.Step
	for i := range r.stage.Steps {
		if s := &r.stage.Steps[i]; !seen[s] {
			steps = append(steps, s)
		}
	}
	return steps
}

// ours are this stage's commands, each once, newest first.
func (r *runner) ours(commands []types.Command) []types.Command {
	had := map[string]bool{}
	mine := slices.DeleteFunc(slices.Clone(commands), func(c types.Command) bool {
		id := aws.ToString(c.CommandId)
		again := had[id]
		had[id] = true
		return again || !r.ofStage(aws.ToString(c.Comment))
	})
	slices.SortStableFunc(mine, func(a, b types.Command) int { return commandTime(b).Compare(commandTime(a)) })
	return mine
}

// noSuchDocument: nothing can have been sent with a document that does not exist.
func noSuchDocument(err error) bool {
	return errorCode(err) == "InvalidDocument"
}
