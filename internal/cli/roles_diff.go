package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/difference"
)

type rolesDiffCommand struct {
	releaseFlags
	outputFlag
	givenFlags
}

// Help shows examples under `slipway roles diff --help`.
func (rolesDiffCommand) Help() string {
	return `Compares what the roles that there are mean with what the release's roles mean: what a role may do in one and not in the
other, with a request that shows it; who may assume it; its boundary and path. The texts may differ as they like.
Of the roles that the release does not have, those under its path whose names begin with the release's are told.

Exit codes: 0 the same; 1 different; 3 it cannot be told, and why; 2 wrong usage or a wrong file.

Examples:
  slipway roles diff --policies roles
  aws iam get-account-authorization-details > account.json && slipway roles diff --policies account.json
  slipway roles diff --policies roles.yaml --parameter AppId=shop
  slipway roles diff --live
  slipway roles diff --policies account.json -o json | jq '.roles[] | select(.verdict != "same")'`
}

// Run compares and prints.
func (c *rolesDiffCommand) Run(ctx context.Context, process *Process) error {
	if err := c.check(); err != nil {
		return err
	}
	if !c.any() {
		return usage(errors.New("nothing to compare with"), "give --policies PATH, or --live")
	}
	l, err := c.load()
	if err != nil {
		return err
	}
	want, err := roles.Render(l.plan)
	if err != nil {
		return err
	}
	have, err := l.givenRoles(ctx, process, &c.givenFlags)
	if err != nil {
		return err
	}
	found, err := difference.Compare(want, have, difference.Options{
		Want: l.flags.File, Have: c.names(), Extra: l.extra, NoUsers: c.Live,
	})
	if err != nil {
		return usage(fmt.Errorf("compare: %w", err), "")
	}
	if c.json() {
		err = writeJSON(process.Stdout, found)
	} else {
		_, err = io.WriteString(process.Stdout, found.Text())
	}
	if err != nil {
		return err
	}
	return ended(found.Exit())
}

// extra says whether a role looks like one of the release, which does not have it: under its path and with its name. With
// one stage only, those of the others are none of it.
func (l *loaded) extra(r *roles.Role) bool {
	if r.Path != cmp.Or(l.release.Roles.Path, plan.RolePath) || l.flags.Stage != "" {
		return false
	}
	return strings.HasPrefix(r.Name, l.release.App+"-")
}
