package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

type snapshotCommand struct {
	dataFlag
	File  string `arg:"" help:"The file to write; it must not be there yet."`
	Nodes bool   `help:"With the nodes' file systems, not only what the nodes remember of their commands."`
}

// Help shows examples under `slipway local snapshot --help`.
func (snapshotCommand) Help() string {
	return `The file holds secret keys and is made for you alone. A local AWS that runs goes on; its writes wait meanwhile, so that
what is in the file belongs together.

Examples:
  slipway local snapshot before-the-upgrade.tar.gz
  slipway local snapshot --nodes --data DIR full.tar.gz`
}

// Run writes a snapshot.
func (c *snapshotCommand) Run(ctx context.Context, process *Process) error {
	if err := c.exists(); err != nil {
		return err
	}
	err := localaws.Snapshot(ctx, c.Data, c.File, c.Nodes)
	if errors.Is(err, fs.ErrExist) {
		return usage(err, "name a file that is not there yet")
	}
	if errors.Is(err, localaws.ErrInside) {
		return usage(err, "name a file elsewhere")
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(process.Stderr, "wrote %s\n", c.File)
	return err
}

// exists wants a state in the data directory.
func (d dataFlag) exists() error {
	if _, err := os.Stat(filepath.Join(d.Data, store.File)); err != nil {
		return noLocal(d.Data, err)
	}
	return nil
}

type restoreCommand struct {
	dataFlag
	File string `arg:"" help:"A file that local snapshot wrote."`
}

// Help shows examples under `slipway local restore --help`.
func (restoreCommand) Help() string {
	return `The state that is in the data directory now is gone afterwards, with everything that its commands left running. The
snapshot is checked first: one that is damaged, or that a newer slipway wrote, changes nothing. A directory with other files
in it that never was a data directory is refused; files in a data directory that are not slipway's stay.

Examples:
  slipway local restore before-the-upgrade.tar.gz
  slipway local restore --data DIR full.tar.gz && slipway local up --data DIR`
}

// Run restores a snapshot.
func (c *restoreCommand) Run(ctx context.Context, process *Process) error {
	if _, err := os.Stat(c.File); err != nil {
		return usage(err, "name a file that slipway local snapshot wrote")
	}
	err := foreign(unused(localaws.Restore(ctx, c.Data, c.File)))
	if errors.Is(err, localaws.ErrInside) {
		return usage(err, "move it out of "+c.Data+" first, or name another directory with --data DIR")
	}
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(process.Stderr, "restored %s from %s\n", c.Data, c.File)
	return tellLeft(process, c.Data)
}

// unused tells what to do about a data directory that is in use.
func unused(err error) error {
	if errors.Is(err, localaws.ErrInUse) {
		return &failure{code: exitFailed, err: err, hint: "end that one first, with Ctrl-C"}
	}
	return err
}

// runs tells how to reach the local AWS that has the data directory, where that is why it could not be opened.
func runs(dir string, err error) error {
	if !errors.Is(err, localaws.ErrInUse) {
		return err
	}
	return &advice{err: err, hint: fmt.Sprintf(`it runs: eval "$(slipway local env --data %s)" points this shell at it, `+
		"and there the same command does without --local and --data; or end it first, with Ctrl-C", shellWord(dir))}
}

type resetCommand struct{ dataFlag }

// Help shows examples under `slipway local reset --help`.
func (resetCommand) Help() string {
	return `Accounts, roles, commands, objects, events and the nodes' file systems are deleted, and what commands left running is
stopped. Nothing is asked; slipway local snapshot keeps the state before.

Examples:
  slipway local reset --data DIR`
}

// Run empties the state.
func (c *resetCommand) Run(ctx context.Context, process *Process) error {
	if err := c.exists(); err != nil {
		return err
	}
	if err := foreign(unused(localaws.Reset(ctx, c.Data))); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(process.Stderr, "emptied %s\n", c.Data)
	return tellLeft(process, c.Data)
}
