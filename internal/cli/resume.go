package cli

import (
	"context"
	"errors"

	"github.com/slipway-cd/slipway/internal/ship"
)

type resumeCommand struct {
	ID string `arg:"" optional:"" name:"command-id" help:"A command id that a deploy printed. Without one, the record says which deploy has not ended."`
	releaseFlags
	outputFlag
	placeFlags
	NoWait     bool `name:"no-wait" help:"Without a command id: refuse while the deploy's own slipway may still live, in place of waiting for its lock to expire."`
	ReportOnly bool `name:"report-only" help:"Without a command id: send nothing more; the deploy ends where it is."`
}

// Help shows examples under `slipway resume --help`.
func (resumeCommand) Help() string {
	return `Without a command id, and with a record: picks up the deploy that has not ended, because its slipway was killed or was run
with --detach. It waits until that slipway has lost its lock, watches what is out, ships the rest as it was recorded, and
ends the record. Nothing is sent twice. Where the last deploy has ended, it tells that deploy's verdict.

With a command id: reads what became of that command, waits for its end if it still runs, and gives the verdict that the
deploy would have given. Nothing is sent. With --local the roles stay as they are in the --data DIR, so that what an
operator added there counts, unless --policies gives others.

Exit codes: as deploy's; 3 when the outcome still cannot be read.

Examples:
  slipway resume --stage prod
  slipway resume --stage prod --report-only
  slipway resume 0831e1a8-a1ac-4257-a1fd-c831b48c4107 --stage prod
  slipway resume 0831e1a8-a1ac-4257-a1fd-c831b48c4107 --local --data DIR`
}

// Run resumes. Of a release with several stages --stage says which one sent the command.
func (c *resumeCommand) Run(ctx context.Context, process *Process) error {
	if c.ID != "" {
		if err := ship.CheckCommandID(c.ID); err != nil {
			return err
		}
		if c.NoWait || c.ReportOnly {
			return usage(errors.New("--no-wait and --report-only are about a deploy, and a command id is given"), "leave them out: a command is only read")
		}
	}
	a := acting{releaseFlags: c.releaseFlags, outputFlag: c.outputFlag, placeFlags: c.placeFlags, name: "resume " + c.ID,
		interrupt: "what was sent goes on", watches: true}
	if c.ID == "" {
		a.name, a.interrupt, a.ships = "resume", "cancelling…", !c.ReportOnly
		if c.ReportOnly {
			a.interrupt = "what was sent goes on"
		}
	}
	return a.run(ctx, process, func(ctx context.Context, config ship.Config) (*ship.Result, error) {
		if c.ID != "" {
			return ship.Resume(ctx, config, c.ID)
		}
		return ship.Continue(ctx, config, ship.Continuing{NoWait: c.NoWait, ReportOnly: c.ReportOnly})
	})
}
