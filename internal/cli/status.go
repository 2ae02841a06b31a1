package cli

import (
	"context"
	"errors"

	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/record"
)

type statusCommand struct{ deskFlags }

// Help shows examples under `slipway status --help`.
func (statusCommand) Help() string {
	return `Says what each node of each stage runs, by the record and by the nodes that EC2 lists now: the version, since when, what
the last deploy made of it; nodes that joined, run another version, or are gone; a deploy in progress, or one whose slipway
died; and who holds the lock. Nothing is sent to a node.

Exit codes: 0 all nodes run the stage's version; 1 some do not, or the last deploy failed, or nothing was deployed yet;
3 it is not known, or a deploy is in progress.

Examples:
  slipway status
  slipway status --stage prod
  slipway status -o json | jq -r '.stages[] | select(.standing != "current").stage'
  slipway status --local --data DIR`
}

// statusOutput is the JSON document of `slipway status`.
type statusOutput struct {
	Stages []*record.Survey `json:"stages"`
	Exit   int              `json:"exit"`
}

// Run looks at every stage.
func (c *statusCommand) Run(ctx context.Context, process *Process) error {
	return c.at(ctx, process, func(d *desk) (int, error) {
		out := statusOutput{Stages: []*record.Survey{}}
		err := d.eachStage(func(stage *plan.Stage) error {
			v, err := d.survey(ctx, stage)
			if err != nil {
				v = &record.Survey{App: d.loaded.plan.App, Stage: stage.Name, Standing: record.StandingUnknown, Why: []string{err.Error()}, Nodes: []record.NodeView{}}
			}
			out.Stages = append(out.Stages, v)
			out.Exit = max(out.Exit, standingExit(v.Standing))
			return err
		})
		if c.json() {
			err = errors.Join(err, d.terminal.JSON(out))
		}
		return out.Exit, err
	})
}

// survey looks at one stage, and draws it.
func (d *desk) survey(ctx context.Context, stage *plan.Stage) (*record.Survey, error) {
	book, err := d.book(ctx, stage, false)
	if err != nil {
		return nil, err
	}
	live, err := book.LiveNodes(ctx)
	if err != nil {
		return nil, d.explained(book, stage, err)
	}
	v, err := book.Survey(ctx, live, book.Named())
	if err != nil {
		return nil, d.explained(book, stage, err)
	}
	if d.flags.json() {
		return v, nil
	}
	d.terminal.Survey(v)
	if v.UnderWay == record.Died {
		d.terminal.Note("hint: %s finishes that deploy, or says what became of it", d.line("resume", stage))
	}
	return v, nil
}

// standingExit is the exit code of a standing. 3 is more than 1: what is not known may be worse.
func standingExit(s record.Standing) int {
	switch s {
	case record.StandingCurrent:
		return exitOK
	case record.StandingDrift, record.StandingFailed, record.StandingNothing:
		return exitFailed
	}
	return exitUnknown
}
