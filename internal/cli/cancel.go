package cli

import (
	"context"

	"github.com/slipway-cd/slipway/internal/ship"
)

type cancelCommand struct {
	ID string `arg:"" optional:"" name:"id" help:"A command id, or the deploy's id (default: the deploy that is in progress)."`
	releaseFlags
	outputFlag
	placeFlags
	aboutFlags
}

// Help shows examples under `slipway cancel --help`.
func (cancelCommand) Help() string {
	return `Stops the deploy of the stage that is in progress: no further batch begins, the commands that are out are cancelled, and
their end is waited for. The verdict is the truth about what was stopped. With a command id, only that command is
cancelled. A release without a record can only be cancelled by command id.

Exit codes: as deploy's, for the deploy that was stopped; 4 when nothing was in progress.

Examples:
  slipway cancel --stage prod
  slipway cancel 0831e1a8-a1ac-4257-a1fd-c831b48c4107 --stage prod`
}

// Run cancels.
func (c *cancelCommand) Run(ctx context.Context, process *Process) error {
	a := acting{releaseFlags: c.releaseFlags, outputFlag: c.outputFlag, placeFlags: c.placeFlags, name: "cancel",
		interrupt: "the commands stay cancelled", watches: true, about: c.aboutFlags}
	return a.run(ctx, process, func(ctx context.Context, config ship.Config) (*ship.Result, error) {
		return ship.Cancel(ctx, config, c.ID)
	})
}
