package cli

import (
	"context"
	"time"

	"github.com/slipway-cd/slipway/internal/ship"
)

type rollbackCommand struct {
	To string `placeholder:"VERSION|DEPLOY" help:"Go back to this version, or to this deploy (default: the last good one before what runs now)."`
	releaseFlags
	outputFlag
	placeFlags
	aboutFlags
	limitFlags
	Wait          waitFlag `placeholder:"DURATION" help:"Wait for the stage's lock, without end or for so long (--wait=10m), in place of refusing."`
	SkipProof     bool     `help:"Send although the roles are not proved."`
	AcceptUnknown string   `placeholder:"ID" help:"Send although the outcome of this earlier command, or deploy, cannot be known."`
}

// Help shows examples under `slipway rollback --help`.
func (rollbackCommand) Help() string {
	return `Ships again what an earlier deploy shipped that succeeded: the same versions of its documents, with the same parameters,
to all nodes at once. It is a deploy of its own, proved first, with a record of its own. Steps that run once, such as
migrations, are left out. What the record or Systems Manager no longer has is refused.

Exit codes: as deploy's.

Examples:
  slipway rollback --stage prod
  slipway rollback --stage prod --to v41 --reason "v42 loses orders"
  slipway rollback --local --data DIR`
}

// Run rolls back.
func (c *rollbackCommand) Run(ctx context.Context, process *Process) error {
	a := acting{releaseFlags: c.releaseFlags, outputFlag: c.outputFlag, placeFlags: c.placeFlags, name: "rollback",
		interrupt: "cancelling…", about: c.aboutFlags, skipProof: c.SkipProof, ships: true,
		limitFlags: c.limitFlags}
	return a.run(ctx, process, func(ctx context.Context, config ship.Config) (*ship.Result, error) {
		config.WaitForLock, config.AcceptUnknown = time.Duration(c.Wait), c.AcceptUnknown
		return ship.Rollback(ctx, config, c.To)
	})
}
