package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/rehearse"
	"github.com/slipway-cd/slipway/internal/ship"
)

type resumeCommand struct {
	ID string `arg:"" name:"command-id" help:"The command id that the deploy printed."`
	releaseFlags
	outputFlag
	placeFlags
}

// Help shows examples under `slipway resume --help`.
func (resumeCommand) Help() string {
	return `Reads what became of a command that was sent before, waits for its end if it still runs, and gives the verdict
that the deploy would have given. Nothing is sent. With --local the roles stay as they are in the --data DIR, so that
what an operator added there counts, unless --policies gives others.

Exit codes: as deploy's; 3 when the outcome still cannot be read.

Examples:
  slipway resume 0831e1a8-a1ac-4257-a1fd-c831b48c4107
  slipway resume 0831e1a8-a1ac-4257-a1fd-c831b48c4107 --stage prod
  slipway resume 0831e1a8-a1ac-4257-a1fd-c831b48c4107 --local --data DIR`
}

// Run resumes. Of a release with several stages --stage says which one sent the command.
func (c *resumeCommand) Run(ctx context.Context, process *Process) error {
	if err := c.check(); err != nil {
		return err
	}
	if err := ship.CheckCommandID(c.ID); err != nil {
		return err
	}
	if c.Local && c.Data == "" {
		return usage(errors.New("a local AWS without --data is gone when its deploy ends"), "name the --data DIR of the deploy")
	}
	l, err := c.load()
	if err != nil {
		return err
	}
	if len(l.plan.Stages) != 1 {
		return usage(errors.New("the release has several stages"), "say which one sent the command with --stage NAME")
	}
	set, err := l.rolesFor(c.Policies)
	if err != nil {
		return err
	}
	proved, err := l.prove(set)
	if err != nil {
		return err
	}
	terminal, end := shippingUI(ctx, process, c.outputFlag, l, "what was sent goes on")
	defer end()
	// Without --policies the roles of a local AWS stay as they are: what an operator added there counts.
	seed := func(ctx context.Context, aws *localaws.AWS) error {
		if c.Policies == "" {
			return nil
		}
		return rehearse.Roles(ctx, aws, set)
	}
	place, err := openPlace(ctx, process, c.placeFlags, l, true, seed)
	if err != nil {
		return &failure{code: exitUnknown, err: err}
	}
	config, err := shipConfig(ctx, terminal, place, l, &l.plan.Stages[0], proved)
	if err != nil {
		return errors.Join(err, place.close(ctx, terminal))
	}
	code := exitUnknown
	result, err := ship.Resume(ctx, config, c.ID)
	if err == nil {
		code = result.Exit()
		terminal.Result(result)
		err = terminal.Err()
	}
	// Applications that the earlier deploy kept are not this command's to stop.
	if err := errors.Join(err, place.close(ctx, terminal)); err != nil {
		return &failure{code: max(code, exitFailed), err: fmt.Errorf("resume %s: %w", c.ID, err)}
	}
	return ended(code)
}
