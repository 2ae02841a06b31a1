package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/cell"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/node"
	"github.com/slipway-cd/slipway/internal/localaws/ssm"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/rehearse"
	"github.com/slipway-cd/slipway/internal/release"
)

type upCommand struct {
	dataFlag
	File     string            `short:"f" placeholder:"FILE" help:"Make this release's accounts, roles and nodes (default: slipway.yaml where there is one)."`
	Set      map[string]string `placeholder:"NAME=VALUE" help:"Give a variable of the release file a value. Repeatable."`
	Policies string            `placeholder:"DIR" help:"Put these roles in place of the rendered ones."`
	Listen   string            `default:"127.0.0.1:4510" placeholder:"HOST:PORT" help:"Where to listen (default: 127.0.0.1:4510)."`
	Throttle map[string]string `placeholder:"ACTION=RATE" help:"Answer an action with AWS's throttling error when it is called more often than RATE a second. Repeatable."`
	Nodes    *int              `help:"Without a release file, in a new data directory: how many nodes, tagged App=sandpit (default: 1)."`
	Agent    string            `default:"builtin" placeholder:"KIND" help:"What nodes are: builtin, or cell, which holds the genuine amazon-ssm-agent in Linux namespaces (default: builtin)."`
	AgentDir string            `placeholder:"DIR" help:"Where the programs of amazon-ssm-agent are (default: PATH, /usr/bin)."`
	// ConsistencyDelay and PendingInvocations are for tests of what waits.
	ConsistencyDelay   time.Duration `placeholder:"DURATION" help:"How long reads do not see a new command, and a new document is not active, such as 2s (default: 0)."`
	PendingInvocations int           `placeholder:"N" help:"How many invocations an account may have waiting or running; a command over it ends as RateExceeded (default: no limit)."`
}

// Help shows examples under `slipway local up --help`.
func (upCommand) Help() string {
	return `Signatures are verified and every request is authorised; commands really run, on nodes in DIR/nodes. It serves
iam, sts, organizations, ec2, ssm, ec2messages, ssmmessages, logs, monitoring, s3 and cloudtrail, as far as releases need them;
docs/local-aws.md lists the operations. Without a release file it goes on with what DIR holds, or makes an account with
nodes to play with.

Examples:
  slipway local up -f examples/web/slipway.yaml
  eval "$(slipway local env)"                       # in another terminal: the first account's administrator
  eval "$(slipway local env --role web-dev-Deploy)" # or the deploy role
  aws ssm describe-instance-information
  slipway local up --nodes 3 --agent cell           # nodes that hold the genuine amazon-ssm-agent, if it is installed
  slipway local up --throttle ssm:GetCommandInvocation=0.5   # one read in two seconds, then ThrottlingException`
}

// content is what a local AWS is to be filled with.
type content struct {
	name   string
	loaded *loaded // nil when the data directory holds everything already
	seed   func(context.Context, *localaws.AWS) error
	nodes  localaws.NodePolicy
}

// Run serves until the context ends. Nothing is put into the state before all that the user can have got wrong was looked
// at, the port included: another try would find a state to go on with.
func (c *upCommand) Run(ctx context.Context, process *Process) error {
	if err := c.check(); err != nil {
		return err
	}
	throttles, err := rates(c.Throttle)
	if err != nil {
		return err
	}
	agentDir, err := c.agent(process)
	if err != nil {
		return err
	}
	l, err := c.release()
	if err != nil {
		return err
	}
	listener, err := c.listen()
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // closed before, where it was served on
	aws, err := openLocal(ctx, process, localaws.Config{Dir: c.Data, ConsistencyDelay: c.ConsistencyDelay, Quotas: ssm.Quotas{Pending: c.PendingInvocations}})
	if err != nil {
		return c.inUse(err)
	}
	for action, limit := range throttles {
		if err := aws.Throttle(action, limit); err != nil {
			return closeLocal(ctx, aws, usage(err, "docs/local-aws.md lists the operations, such as ssm:SendCommand"))
		}
	}
	what, err := c.content(ctx, process, aws, l)
	if err == nil {
		what.nodes.AgentDir = agentDir
		aws.UseNodes(what.nodes)
		err = c.serve(ctx, process, aws, listener, what)
	}
	if err != nil {
		return closeLocal(ctx, aws, err)
	}
	<-ctx.Done()
	return closeLocal(ctx, aws, finish(ctx, process, aws))
}

// check refuses flags that cannot be meant.
func (c *upCommand) check() error {
	_, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return usage(fmt.Errorf("--listen: %w", err), "for example 127.0.0.1:4510")
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return usage(fmt.Errorf("--listen %s: want a port of 0 to 65535", c.Listen), "for example 127.0.0.1:4510; port 0 is any that is free")
	}
	if c.ConsistencyDelay < 0 || c.ConsistencyDelay > time.Minute || c.PendingInvocations < 0 {
		return usage(errors.New("--consistency-delay is 0 to 1m, --pending-invocations 0 or more"), "")
	}
	if c.Nodes != nil && (*c.Nodes < 0 || *c.Nodes > 50) {
		return usage(fmt.Errorf("--nodes %d: want 0 to 50", *c.Nodes), "")
	}
	return nil
}

// listen opens the port.
func (c *upCommand) listen() (net.Listener, error) {
	listener, err := net.Listen("tcp", c.Listen)
	if err == nil {
		return listener, nil
	}
	err = fmt.Errorf("local AWS: %w", err)
	if !errors.Is(err, syscall.EADDRINUSE) {
		return nil, err
	}
	if _, runs := localaws.ReadControl(c.Data); runs == nil {
		return nil, c.inUse(fmt.Errorf("local AWS in %s: %w", c.Data, localaws.ErrInUse))
	}
	return nil, &failure{code: exitFailed, err: err, hint: "--listen HOST:PORT takes another port, --listen 127.0.0.1:0 any that is free"}
}

// inUse tells how to reach the local AWS that has the data directory.
func (c *upCommand) inUse(err error) error {
	if !errors.Is(err, localaws.ErrInUse) {
		return err
	}
	control, readErr := localaws.ReadControl(c.Data)
	if readErr != nil {
		return unused(err)
	}
	return &failure{code: exitFailed, err: err,
		hint: fmt.Sprintf("it is at %s: slipway local env --data %s prints how to reach it; or name another directory with --data DIR", control.Endpoint, c.Data)}
}

// rates reads --throttle.
func rates(flags map[string]string) (map[string]gateway.Throttle, error) {
	out := map[string]gateway.Throttle{}
	for action, text := range flags {
		rate, err := strconv.ParseFloat(text, 64)
		if err != nil || rate < 0 || rate > 1e6 {
			return nil, usage(fmt.Errorf("--throttle %s=%s: want a number of calls a second", action, text), "for example --throttle ssm:GetCommandInvocation=0.5")
		}
		if service, name, ok := strings.Cut(action, ":"); !ok || service == "" || name == "" {
			return nil, usage(fmt.Errorf("--throttle %s: not an action", action), "for example --throttle ssm:GetCommandInvocation=0.5")
		}
		out[action] = gateway.Throttle{PerSecond: rate}
	}
	return out, nil
}

// noCells is the way out where the system forbids cells.
const noCells = "cells take unprivileged user namespaces with overlay mounts and veth interfaces in them (Linux 5.11 or later; sysctl user.max_user_namespaces and " +
	"kernel.apparmor_restrict_unprivileged_userns; in a container, its seccomp profile); --agent builtin does without"

// agent gives the directory of the genuine agent, if nodes are to hold it.
func (c *upCommand) agent(process *Process) (string, error) {
	switch c.Agent {
	case "builtin":
		if c.AgentDir != "" {
			return "", usage(errors.New("--agent-dir is of --agent cell"), "")
		}
		return "", nil
	case "cell":
	default:
		return "", usage(fmt.Errorf("--agent %q: want builtin or cell", c.Agent), "")
	}
	dir, err := cell.Find(c.AgentDir, process.Getenv("PATH"))
	if err != nil && c.AgentDir != "" {
		return "", usage(fmt.Errorf("--agent-dir: %w", err), "")
	}
	return dir, err
}

// release loads the release that -f names, or slipway.yaml where there is one; nil without either.
func (c *upCommand) release() (*loaded, error) {
	if c.File == "" {
		if _, err := os.Stat(defaultReleaseFile); err == nil {
			c.File = defaultReleaseFile
		}
	}
	if c.File == "" && len(c.Set) > 0 {
		return nil, usage(errors.New("--set gives a variable of a release file a value, and there is no release file"), "name it with -f FILE")
	}
	if c.File == "" {
		return nil, nil
	}
	if c.Nodes != nil {
		return nil, usage(fmt.Errorf("--nodes is for a local AWS without a release, and %s names its nodes", c.File), "leave out --nodes")
	}
	return releaseFlags{File: c.File, Set: c.Set}.load()
}

// content takes the release; without one, what the data directory holds; and where that is nothing, a sandpit.
func (c *upCommand) content(ctx context.Context, process *Process, aws *localaws.AWS, l *loaded) (content, error) {
	if l != nil {
		return c.filled(process, l)
	}
	held, err := aws.Holdings(ctx)
	if err != nil {
		return content{}, err
	}
	if len(held) > 0 {
		return c.kept(process, aws)
	}
	nodes := 1
	if c.Nodes != nil {
		nodes = *c.Nodes
	}
	r := rehearse.Sandpit(nodes)
	p, err := plan.New(r)
	if err != nil {
		return content{}, err
	}
	return c.filled(process, &loaded{release: r, plan: p})
}

// kept goes on with what the data directory holds, and refuses flags that would change it.
func (c *upCommand) kept(process *Process, aws *localaws.AWS) (content, error) {
	fresh := "name a new directory with --data DIR, or empty this one with slipway local reset --data " + c.Data
	if c.Nodes != nil {
		return content{}, usage(fmt.Errorf("--nodes is for a new data directory, and %s has a state with its nodes", c.Data), fresh)
	}
	if c.Policies != "" {
		return content{}, usage(fmt.Errorf("--policies is for a release or a new data directory, and %s has a state with its roles", c.Data), "name the release with -f FILE; or "+fresh)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		home = "" // then there is nothing in it to hide
	}
	nodes, known, err := aws.KeptNodes(localaws.NodePolicy{Path: process.Getenv("PATH"), Guards: release.GuardedPrograms, Hide: private(home)})
	if !known && err == nil {
		_, _ = fmt.Fprintf(process.Stderr, "note: what a release says in local.caches, allow and stubs is not known in %s; -f FILE brings it\n", c.Data)
	}
	return content{name: "the kept state", seed: func(context.Context, *localaws.AWS) error { return nil }, nodes: nodes}, err
}

func (c *upCommand) filled(process *Process, l *loaded) (content, error) {
	set, err := l.rolesFor(c.Policies)
	if err != nil {
		return content{}, err
	}
	nodes, err := nodePolicy(l, process)
	return content{name: l.release.File, loaded: l, seed: seedAll(l, set), nodes: nodes}, err
}

// serve fills the local AWS, answers on its port and prints how to reach it.
func (c *upCommand) serve(ctx context.Context, process *Process, aws *localaws.AWS, listener net.Listener, what content) error {
	if err := what.seed(ctx, aws); err != nil {
		return err
	}
	if what.loaded != nil {
		if err := aws.KeepNodes(); err != nil {
			return err
		}
	}
	preferSpeed(process)
	if err := aws.ServeOn(listener); err != nil {
		return err
	}
	if host, _, err := net.SplitHostPort(c.Listen); err == nil && host != "localhost" && !net.ParseIP(host).IsLoopback() {
		_, _ = fmt.Fprintf(process.Stderr, "warning: %s is not loopback: whoever holds a key can run commands on this machine\n", c.Listen)
	}
	if err := aws.StartNodes(ctx); errors.Is(err, node.ErrNoEnclosure) {
		return &failure{code: exitFailed, err: err, hint: noCells}
	} else if err != nil {
		return err
	}
	region := ""
	if what.loaded != nil {
		region = what.loaded.plan.Stages[0].Region
	}
	control, err := aws.WriteControl(ctx, region)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(process.Stderr, "local AWS with %s at %s, state in %s; Ctrl-C stops it\n", what.name, aws.Endpoint(), aws.Dir())
	if err := describe(ctx, process.Stderr, aws, what.loaded); err != nil {
		return err
	}
	first := control.Accounts[0]
	_, err = io.WriteString(process.Stdout, exports(control, first.AccessKeyID, first.SecretAccessKey, ""))
	return err
}
