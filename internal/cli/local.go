package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws"
)

type localCommand struct {
	Up     upCommand     `cmd:"" help:"Serve a local AWS until interrupted."`
	Env    envCommand    `cmd:"" help:"Print the shell exports that point any AWS client at it."`
	Events eventsCommand `cmd:"" help:"Print its event log: every request, who made it, and what was decided."`

	Snapshot snapshotCommand `cmd:"" help:"Write its state to a file, while it runs or after."`
	Restore  restoreCommand  `cmd:"" help:"Put a snapshot in the place of its state."`
	Reset    resetCommand    `cmd:"" help:"Empty its state."`

	Stop stopCommand `cmd:"" help:"Stop the applications that deploy --local --keep left running."`
}

// dataFlag names the data directory; the three local commands share its default.
type dataFlag struct {
	Data string `default:".slipway/local" placeholder:"DIR" help:"Where the local AWS keeps its state (default: .slipway/local)."`
}

// drainLimit is how long running commands may still go on when a local AWS ends.
const drainLimit = 30 * time.Second

func openLocal(ctx context.Context, process *Process, config localaws.Config) (*localaws.AWS, error) {
	config.Logf = func(format string, args ...any) {
		_, _ = fmt.Fprintf(process.Stderr, "local: "+format+"\n", args...)
	}
	aws, err := localaws.Open(ctx, config)
	return aws, foreign(err)
}

// foreign tells what to do about a directory that holds other files.
func foreign(err error) error {
	if errors.Is(err, localaws.ErrForeign) {
		return usage(err, "name an empty directory, or one that is not there yet, with --data DIR")
	}
	return err
}

// closeLocal closes the local AWS and keeps the first error.
func closeLocal(ctx context.Context, aws *localaws.AWS, err error) error {
	if closeErr := aws.Close(ctx); err == nil {
		err = closeErr
	}
	return err
}

type envCommand struct {
	dataFlag
	Account string `placeholder:"ID" help:"The account (default: the first)."`
	Role    string `placeholder:"NAME" help:"A session of this role, in place of the account's administrator."`
	githubFlags
}

// Help shows examples under `slipway local env --help`.
func (envCommand) Help() string {
	return `The owner of the data directory may be any role: no trust policy is asked, and the event log says so.

Examples:
  eval "$(slipway local env)"
  eval "$(slipway local env --role web-dev-Deploy)"
  eval "$(slipway local env --github acme/shop --environment prod)" && act`
}

// noExports is what `local env` prints when it fails. A shell that evaluates it must not go on with the keys that it had,
// nor reach AWS with those of a profile: nobody listens on that port.
const noExports = "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN ACTIONS_ID_TOKEN_REQUEST_URL ACTIONS_ID_TOKEN_REQUEST_TOKEN\n" +
	"export AWS_ENDPOINT_URL='http://127.0.0.1:1'\nfalse\n"

// Run prints shell exports.
func (c *envCommand) Run(ctx context.Context, process *Process) error {
	err := c.print(ctx, process)
	if err != nil {
		_, writeErr := io.WriteString(process.Stdout, noExports)
		err = errors.Join(err, writeErr)
	}
	return err
}

func (c *envCommand) print(ctx context.Context, process *Process) error {
	if err := c.githubFlags.check(); err != nil {
		return err
	}
	control, err := localaws.ReadControl(c.Data)
	if errors.Is(err, fs.ErrPermission) {
		return err
	}
	if err != nil {
		return &failure{code: exitFailed, err: err, hint: "start one with slipway local up --data " + c.Data}
	}
	if c.Repository != "" {
		return c.job(ctx, process, control, c.Account+c.Role != "")
	}
	if control, err = control.Current(ctx); err != nil {
		return err
	}
	account, err := c.account(control)
	if err != nil {
		return err
	}
	key, secret, token := account.AccessKeyID, account.SecretAccessKey, ""
	if c.Role != "" {
		session, err := control.RoleCredentials(ctx, account.ID, c.Role)
		if err != nil {
			return c.noRole(ctx, control, account.ID, err)
		}
		key, secret, token = session.AccessKeyID, session.SecretAccessKey, session.SessionToken
	}
	_, err = io.WriteString(process.Stdout, exports(control, key, secret, token))
	return err
}

// noRole tells which roles there are, if the error is that there is no such one.
func (c *envCommand) noRole(ctx context.Context, control localaws.Control, account string, err error) error {
	names, listErr := control.Roles(ctx, account)
	if listErr != nil || slices.Contains(names, c.Role) {
		return errors.Join(err, listErr)
	}
	return usage(fmt.Errorf("no role %s in account %s of this local AWS", c.Role, account), "it has "+orNone(names))
}

func (c *envCommand) account(control localaws.Control) (localaws.Account, error) {
	ids := make([]string, len(control.Accounts))
	for i, account := range control.Accounts {
		if c.Account == "" || c.Account == account.ID {
			return account, nil
		}
		ids[i] = account.ID
	}
	return localaws.Account{}, usage(fmt.Errorf("no account %s in this local AWS", c.Account), "it has "+strings.Join(ids, ", "))
}

type stopCommand struct {
	dataFlag
	Remove bool `help:"Delete the data directory as well."`
}

// Help shows examples under `slipway local stop --help`.
func (stopCommand) Help() string {
	return `Only what scripts on the nodes of this data directory started is stopped: first asked, then made to. --remove deletes
what slipway made in it, and the directory itself when nothing else is in it.

Examples:
  slipway local stop --data DIR
  slipway local stop --data DIR --remove`
}

// Run stops what was kept.
func (c *stopCommand) Run(ctx context.Context, process *Process) error {
	if _, err := os.Stat(filepath.Join(c.Data, "state.db")); err != nil {
		return noLocal(c.Data, err)
	}
	stopped, err := localaws.StopKept(ctx, c.Data, c.Remove)
	if err := foreign(unused(err)); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(process.Stderr, "stopped %d processes\n", stopped)
	if c.Remove {
		return tellLeft(process, c.Data)
	}
	return nil
}

// tellLeft says which files in a data directory were left alone.
func tellLeft(process *Process, dir string) error {
	left, err := localaws.Foreign(dir)
	if err != nil || len(left) == 0 {
		return err
	}
	const most = 5
	shown := strings.Join(left[:min(most, len(left))], ", ")
	if len(left) > most {
		shown += ", …"
	}
	_, err = fmt.Fprintf(process.Stderr, "left alone in %s, not being slipway's: %s\n", dir, shown)
	return err
}

// noLocal says that a folder is not a local AWS's data directory.
func noLocal(dir string, err error) error {
	return usage(fmt.Errorf("no local AWS in %s: %w", dir, err), "name its data directory with --data DIR")
}
