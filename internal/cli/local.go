package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/rehearse"
)

type localCommand struct {
	Up     upCommand     `cmd:"" help:"Serve a local AWS until interrupted."`
	Env    envCommand    `cmd:"" help:"Print the shell exports that point any AWS client at it."`
	Events eventsCommand `cmd:"" help:"Print its event log: every request, who made it, and what was decided."`
	Stop   stopCommand   `cmd:"" help:"Stop the applications that deploy --local --keep left running."`
}

// dataFlag names the data directory; the three local commands share its default.
type dataFlag struct {
	Data string `default:".slipway/local" placeholder:"DIR" help:"Where the local AWS keeps its state (default: .slipway/local)."`
}

// drainLimit is how long running commands may still go on when a local AWS ends.
const drainLimit = 30 * time.Second

type upCommand struct {
	dataFlag
	File     string            `short:"f" placeholder:"FILE" help:"Make this release's accounts, roles and nodes."`
	Set      map[string]string `placeholder:"NAME=VALUE" help:"Give a variable of the release file a value."`
	Policies string            `placeholder:"DIR" help:"Put these roles in place of the rendered ones."`
	Listen   string            `default:"127.0.0.1:4510" placeholder:"HOST:PORT" help:"Where to listen (default: 127.0.0.1:4510)."`
	Nodes    int               `default:"1" help:"Without -f: how many nodes, tagged App=sandpit (default: 1)."`
}

// Help shows examples under `slipway local up --help`.
func (upCommand) Help() string {
	return `Signatures are verified and every request is authorised; commands really run, on nodes in DIR/nodes.

Examples:
  slipway local up -f examples/web/slipway.yaml
  eval "$(slipway local env)"                       # in another terminal: the first account's administrator
  eval "$(slipway local env --role web-dev-Deploy)" # or the deploy role
  aws ssm describe-instance-information`
}

// Run serves until the context ends.
func (c *upCommand) Run(ctx context.Context, process *Process) error {
	l, err := c.load()
	if err != nil {
		return err
	}
	set, err := l.rolesFor(c.Policies)
	if err != nil {
		return err
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return fmt.Errorf("local up: %w", err)
	}
	aws, err := openLocal(ctx, process, c.Data, rehearse.NodePolicy(l.release, home, process.Getenv))
	if err != nil {
		return err
	}
	if err := c.serve(ctx, process, aws, l, func() error { return rehearse.Roles(ctx, aws, set) }); err != nil {
		return closeLocal(ctx, aws, err)
	}
	<-ctx.Done()
	_, _ = fmt.Fprintln(process.Stderr, "stopping: letting running commands end, then stopping what they started")
	running, err := aws.Drain(context.WithoutCancel(ctx), drainLimit)
	if err == nil && running > 0 {
		err = fmt.Errorf("%d commands had not ended after %s; they are answered as failed when it starts again", running, drainLimit)
	}
	if stopErr := aws.StopProcesses(context.WithoutCancel(ctx)); err == nil {
		err = stopErr
	}
	return closeLocal(ctx, aws, err)
}

func (c *upCommand) load() (*loaded, error) {
	if c.File != "" {
		return releaseFlags{File: c.File, Set: c.Set}.load()
	}
	if c.Nodes < 0 || c.Nodes > 50 {
		return nil, usage(fmt.Errorf("--nodes %d: want 0 to 50", c.Nodes), "")
	}
	r := rehearse.Sandpit(c.Nodes)
	p, err := plan.New(r)
	if err != nil {
		return nil, err
	}
	return &loaded{release: r, plan: p}, nil
}

// serve fills the local AWS, opens its port and prints how to reach it.
func (c *upCommand) serve(ctx context.Context, process *Process, aws *localaws.AWS, l *loaded, putRoles func() error) error {
	if err := rehearse.Accounts(ctx, aws, l.plan); err != nil {
		return err
	}
	if err := putRoles(); err != nil {
		return err
	}
	if err := rehearse.Nodes(ctx, aws, l.release, l.plan); err != nil {
		return err
	}
	if err := aws.Serve(c.Listen); err != nil {
		return err
	}
	if host, _, err := net.SplitHostPort(c.Listen); err == nil && host != "localhost" && !net.ParseIP(host).IsLoopback() {
		_, _ = fmt.Fprintf(process.Stderr, "warning: %s is not loopback: whoever holds a key can run commands on this machine\n", c.Listen)
	}
	if err := aws.StartNodes(ctx); err != nil {
		return err
	}
	control, err := aws.WriteControl(l.plan.Stages[0].Region)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(process.Stderr, "local AWS at %s, state in %s; Ctrl-C stops it\n", aws.Endpoint(), aws.Dir())
	first := control.Accounts[0]
	_, err = io.WriteString(process.Stdout, exports(control, first.AccessKeyID, first.SecretAccessKey, ""))
	return err
}

func openLocal(ctx context.Context, process *Process, dir string, nodes localaws.NodePolicy) (*localaws.AWS, error) {
	return localaws.Open(ctx, localaws.Config{Dir: dir, Nodes: nodes, Logf: func(format string, args ...any) {
		_, _ = fmt.Fprintf(process.Stderr, "local: "+format+"\n", args...)
	}})
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
}

// Help shows examples under `slipway local env --help`.
func (envCommand) Help() string {
	return `The owner of the data directory may be any role: no trust policy is asked, and the event log says so.

Examples:
  eval "$(slipway local env)"
  eval "$(slipway local env --role web-dev-Deploy)"`
}

// Run prints shell exports.
func (c *envCommand) Run(ctx context.Context, process *Process) error {
	control, err := localaws.ReadControl(c.Data)
	if err != nil {
		return &failure{code: exitFailed, err: err, hint: "start one with slipway local up --data " + c.Data}
	}
	account, err := c.account(control)
	if err != nil {
		return err
	}
	key, secret, token := account.AccessKeyID, account.SecretAccessKey, ""
	if c.Role != "" {
		session, err := control.RoleCredentials(ctx, account.ID, c.Role)
		if err != nil {
			return err
		}
		key, secret, token = session.AccessKeyID, session.SecretAccessKey, session.SessionToken
	}
	_, err = io.WriteString(process.Stdout, exports(control, key, secret, token))
	return err
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

// exports are the lines that point every AWS client at the local AWS, and only there.
func exports(control localaws.Control, key, secret, token string) string {
	var b strings.Builder
	for _, v := range [][2]string{
		{"AWS_ENDPOINT_URL", control.Endpoint}, {"AWS_REGION", control.Region}, {"AWS_DEFAULT_REGION", control.Region},
		{"AWS_ACCESS_KEY_ID", key}, {"AWS_SECRET_ACCESS_KEY", secret}, {"AWS_SESSION_TOKEN", token},
	} {
		if v[1] == "" {
			fmt.Fprintf(&b, "unset %s\n", v[0])
			continue
		}
		fmt.Fprintf(&b, "export %s='%s'\n", v[0], strings.ReplaceAll(v[1], "'", `'\''`))
	}
	b.WriteString("unset AWS_PROFILE\n")
	return b.String()
}

type stopCommand struct {
	dataFlag
	Remove bool `help:"Delete the data directory as well."`
}

// Help shows examples under `slipway local stop --help`.
func (stopCommand) Help() string {
	return `Only what scripts on the nodes of this data directory started is stopped: first asked, then made to.

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
	if errors.Is(err, localaws.ErrInUse) {
		return &failure{code: exitFailed, err: err, hint: "end that one first, with Ctrl-C"}
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(process.Stderr, "stopped %d processes\n", stopped)
	return err
}

// noLocal says that a folder is not a local AWS's data directory.
func noLocal(dir string, err error) error {
	return usage(fmt.Errorf("no local AWS in %s: %w", dir, err), "name its data directory with --data DIR")
}

type eventsCommand struct {
	dataFlag
	Name    string `placeholder:"OPERATION" help:"Only this operation, for example SendCommand."`
	Account string `placeholder:"ID" help:"Only this account."`
}

// Help shows examples under `slipway local events --help`.
func (eventsCommand) Help() string {
	return `One CloudTrail record a line, oldest first; what was decided, and by which statement, is under "slipway".

Examples:
  slipway local events --name SendCommand
  slipway local events | jq -r 'select(.errorCode) | .errorMessage'`
}

// Run prints the event log, of a local AWS that runs or that ran.
func (c *eventsCommand) Run(ctx context.Context, process *Process) error {
	if _, err := os.Stat(filepath.Join(c.Data, "state.db")); err != nil {
		return noLocal(c.Data, err)
	}
	db, err := store.Open(c.Data)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	log, err := gateway.NewEventLog(db)
	if err != nil {
		return err
	}
	events, err := log.List(ctx, gateway.Filter{Name: c.Name, Account: c.Account})
	if err != nil {
		return err
	}
	e := json.NewEncoder(process.Stdout)
	e.SetEscapeHTML(false)
	for _, event := range events {
		if err := e.Encode(event); err != nil {
			return err
		}
	}
	return nil
}
