// Package node is a built-in node of the local AWS: a machine that Run Command reaches, and that really runs what it
// is sent.
//
// A [Node] speaks what the amazon-ssm-agent speaks: it obtains the credentials of its role, reports with
// ssm:UpdateInstanceInformation, opens a control channel of ssmmessages and, for as long as it has none, asks
// ec2messages; it runs the documents of its messages with [Run] and replies step by step. Every request is signed, so the node's role is enforced. Its commands run on the real machine, inside the
// node's own directory, and inside a [Sandbox] as far as the system allows one. The behaviour follows version 3.3 of
// the agent: what it does, its surprises included, is done here; what it would do to the machine (a reboot, a
// plug-in that installs software) fails with an explanation.
package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Credentials are those of the node's role. A zero Expires means never.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
	Expires                                    time.Time
}

// Config describes a node. InstanceID, Region, Endpoint, Dir and Credentials must be there.
type Config struct {
	InstanceID string // i-… or mi-…
	Region     string
	Endpoint   string // of the local AWS, http://127.0.0.1:4510
	Dir        string // the node's own directory; it survives the node, and Remove deletes it
	// Credentials gives those of the node's role, as the instance metadata service does.
	Credentials func(ctx context.Context) (Credentials, error)
	Sandbox     Sandbox
	// Environment is given to scripts beyond what they have anyway, NAME=value; a later value of a name counts.
	Environment []string

	PlatformName, PlatformVersion string // "Amazon Linux", "2023" if empty
	IPAddress, ComputerName       string // made up if empty

	Now  func() time.Time                 // time.Now if nil
	Rand io.Reader                        // makes request ids; crypto/rand if nil
	HTTP *http.Client                     // must not have a Timeout under 20 s: GetMessages waits
	Logf func(format string, args ...any) // hears of this node's troubles, which do not end Run; may be nil
	// Drain is how long Run, told to end, lets running commands go on; 30 s if zero, not at all if negative.
	Drain time.Duration
	// ChannelRetry is the first pause before another try to open a control channel, which then doubles; 5 s if zero.
	ChannelRetry time.Duration
	// PollGrace is how long a node that has a control channel goes on asking ec2messages; 1 minute if zero.
	PollGrace time.Duration
}

// Node is a machine that runs commands. Make one with New.
type Node struct {
	cfg     Config
	machine *machine
	client  *client
	journal *journal
	jobs    *jobs
	link    *link
	taking  sync.Mutex    // one command after the other is taken
	wake    chan struct{} // a reply was queued
	randMu  sync.Mutex
}

// New prepares a node's directory and its sandbox. The node does nothing before Run.
func New(cfg Config) (*Node, error) {
	if err := cfg.complete(); err != nil {
		return nil, fmt.Errorf("make node %s: %w", cfg.InstanceID, err)
	}
	m, err := newMachine(&cfg)
	if err != nil {
		return nil, fmt.Errorf("make node %s: %w", cfg.InstanceID, err)
	}
	return &Node{
		cfg:     cfg,
		machine: m,
		client:  newClient(&cfg),
		journal: &journal{dir: cfg.Dir},
		jobs:    newJobs(),
		link:    newLink(),
		wake:    make(chan struct{}, 1),
	}, nil
}

// Limits says in one line what the sandbox cannot do on this system; it is empty where nothing is missing.
func (n *Node) Limits() string { return n.machine.limits }

// Close ends the sandbox. It kills scripts that still run, and the applications that they started unless the sandbox
// keeps them or there is none: then they go on, see Stop.
func (n *Node) Close() error { return n.machine.close() }

func (c *Config) complete() error {
	if c.InstanceID == "" || strings.ContainsAny(c.InstanceID, "/ \x00") {
		return fmt.Errorf("instance id %q is not one", c.InstanceID)
	}
	if c.Region == "" || c.Endpoint == "" || c.Credentials == nil {
		return errors.New("region, endpoint and credentials must be given")
	}
	if c.Dir == "" {
		return errors.New("a directory must be given")
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return err
	}
	c.Dir = dir
	c.fillIn()
	return nil
}

func (c *Config) fillIn() {
	setDefault(&c.PlatformName, "Amazon Linux")
	setDefault(&c.PlatformVersion, "2023")
	setDefault(&c.IPAddress, "127.0.0.1")
	setDefault(&c.ComputerName, c.InstanceID+"."+c.Region+".compute.internal")
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.HTTP == nil {
		c.HTTP = &http.Client{}
	}
	if c.Logf == nil {
		c.Logf = func(string, ...any) {}
	}
	if c.Drain == 0 {
		c.Drain = 30 * time.Second
	}
	if c.ChannelRetry == 0 {
		c.ChannelRetry = channelRetry
	}
	if c.PollGrace == 0 {
		c.PollGrace = pollGrace
	}
}

func setDefault(s *string, value string) {
	if *s == "" {
		*s = value
	}
}

// RunDocument runs a document on the node's machine without any messages. The complete output stays in the node's
// directory.
func (n *Node) RunDocument(ctx context.Context, job Job, report func(StepResult)) Result {
	return n.runDocument(ctx, job, nil, func(s *StepResult) {
		if report != nil {
			report(*s)
		}
	})
}

func (n *Node) runDocument(ctx context.Context, job Job, output func(context.Context, Output) func(), report func(*StepResult)) Result {
	if job.CommandID == "" || directoryName(job.CommandID) != job.CommandID {
		return Result{Status: Failed, Trace: fmt.Sprintf("command id %q is not one", job.CommandID)}
	}
	return Run(ctx, job, Env{
		Dir:      filepath.Join(n.cfg.Dir, "commands", job.CommandID),
		WorkDir:  filepath.Join(n.cfg.Dir, "work"),
		Platform: "Linux",

		PowerShell: hasPowerShell(),

		Now:    n.cfg.Now,
		Exec:   n.machine.exec,
		Output: output,

		Fetch:      n.fetchObject,
		Parameters: n.parameters,
	}, func(s StepResult) { report(&s) })
}

// hasPowerShell looks where the agent does.
func hasPowerShell() bool {
	for _, path := range []string{"/usr/bin/powershell", "/usr/bin/pwsh"} {
		if _, err := os.Stat(path); err == nil {
			return true
		}
	}
	return false
}
