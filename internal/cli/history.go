package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/record"
)

type historyCommand struct {
	ID string `arg:"" optional:"" name:"deploy" help:"Show this deploy, with its sends and its nodes: its id, or its run id."`
	deskFlags
	Limit int `default:"20" placeholder:"N" help:"At most so many deploys of a stage (default: 20)."`
}

// Help shows examples under `slipway history --help`.
func (historyCommand) Help() string {
	return `Lists the deploys of the stages, the newest first; with a deploy's id, or its run id, all that its record holds.

Examples:
  slipway history --stage prod --limit 5
  slipway history 20261128T120000Z-0a1b2c3d4e5f
  slipway history -o json | jq -r '.deploys[] | select(.verdict != "succeeded").id'`
}

// historyOutput is the JSON document of `slipway history`; that of one deploy is the deploy's object in the bucket.
type historyOutput struct {
	Deploys []*record.Summary `json:"deploys"`
}

// Run lists deploys, or shows one.
func (c *historyCommand) Run(ctx context.Context, process *Process) error {
	if c.Limit < 1 {
		return usage(fmt.Errorf("--limit %d: at least 1", c.Limit), "")
	}
	return c.at(ctx, process, func(d *desk) (int, error) {
		if c.ID != "" {
			return d.showDeploy(ctx, c.ID)
		}
		return d.history(ctx, c.Limit)
	})
}

// history lists the deploys of all stages.
func (d *desk) history(ctx context.Context, limit int) (int, error) {
	out := historyOutput{Deploys: []*record.Summary{}}
	unread := d.eachStage(func(stage *plan.Stage) error {
		book, err := d.book(ctx, stage, false)
		if err != nil {
			return err
		}
		deploys, err := book.History(ctx, limit)
		if err != nil {
			return d.explained(book, stage, err)
		}
		for _, deploy := range deploys {
			out.Deploys = append(out.Deploys, deploy.Summary())
		}
		return nil
	})
	slices.SortStableFunc(out.Deploys, func(a, b *record.Summary) int { return b.Began.Compare(a.Began) })
	switch {
	case d.flags.json():
		return exitOK, errors.Join(unread, d.terminal.JSON(out))
	case len(out.Deploys) > 0:
		d.terminal.History(out.Deploys)
	case unread == nil:
		d.terminal.Note("nothing was deployed yet")
	}
	return exitOK, unread
}

// showDeploy shows one deploy, of whichever stage.
func (d *desk) showDeploy(ctx context.Context, id string) (int, error) {
	for i := range d.loaded.plan.Stages {
		stage := &d.loaded.plan.Stages[i]
		book, err := d.book(ctx, stage, false)
		if err != nil {
			return exitUnknown, err
		}
		deploy, err := book.Find(ctx, id)
		switch {
		case errors.Is(err, record.ErrNotFound):
			continue
		case err != nil:
			return exitUnknown, d.explained(book, stage, err)
		case d.flags.json():
			return exitOK, d.terminal.JSON(deploy)
		}
		d.terminal.Deploy(deploy)
		return exitOK, nil
	}
	return exitUsage, usage(fmt.Errorf("no deploy %s is recorded", id), d.line("history", &d.loaded.plan.Stages[0])+" lists them")
}
