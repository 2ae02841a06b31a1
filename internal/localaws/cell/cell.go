// Package cell is a node of the local AWS that holds the genuine amazon-ssm-agent, unmodified and without any
// configuration: it believes to be on an EC2 instance.
//
// A cell is an enclosure of package node, with a network that leads nowhere. Its few sockets are answered by this process:
// AWS's host names, over TLS with a certificate of the data directory's own [Authority], by the local AWS's gateway; the
// instance metadata address by the node's metadata service; and a name server. Whatever runs in a cell, the agent and the
// commands that it starts, talks to the local AWS or to nobody. The package knows no protocol of the agent: that is the
// gateway's services'.
package cell

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/node"
)

// LogFile is what the agent writes, in the node's directory.
const LogFile = "agent.log"

// agentPlace is where a cell has the agent.
const agentPlace = "/run/amazon-ssm-agent"

// How long to wait before an agent that ended is started again.
const (
	firstPause = time.Second
	lastPause  = time.Minute
)

// Config describes a cell. Everything but Logf must be there.
type Config struct {
	InstanceID string // i-…
	Region     string
	HostName   string // ip-10-0-0-1
	Address    string // 10.0.0.1
	Dir        string // the node's own directory
	AgentDir   string // has the agent's programs, from [Install]
	Sandbox    node.Sandbox
	Authority  *Authority
	AWS        http.Handler // the local AWS
	Metadata   http.Handler // the instance metadata service of this node
	Logf       func(format string, args ...any)
}

// Cell is a node that is to run. Make one with [New].
type Cell struct {
	cfg       Config
	enclosure *node.Enclosure
	front     *front
	log       *os.File
	limits    string
}

// openLog opens what the agent writes. The directory may have come from elsewhere: a link in it leads nowhere else.
func openLog(dir string) (*os.File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	log, err := root.OpenFile(LogFile, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	return log, errors.Join(err, root.Close())
}

// New makes a cell and starts the agent in it. The error is [node.ErrNoEnclosure] where the system forbids cells.
func New(cfg Config) (*Cell, error) {
	if cfg.Logf == nil {
		cfg.Logf = func(string, ...any) {}
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make cell %s: %w", cfg.InstanceID, err)
	}
	log, err := openLog(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("make cell %s: %w", cfg.InstanceID, err)
	}
	c := &Cell{cfg: cfg, log: log}
	if err := c.start(); err != nil {
		return nil, errors.Join(fmt.Errorf("make cell %s: %w", cfg.InstanceID, err), log.Close())
	}
	return c, nil
}

// Limits says in one line what the cell cannot do on this system; it is empty where nothing is missing.
func (c *Cell) Limits() string { return c.limits }

// Run keeps the agent running until ctx is done. Then it kills everything in the cell, and returns when that is gone.
func (c *Cell) Run(ctx context.Context) error {
	pause := firstPause
	for {
		begun := time.Now()
		if err := c.watch(ctx); err != nil || ctx.Err() != nil {
			return err
		}
		if time.Since(begun) > lastPause {
			pause = firstPause
		}
		for started := false; !started; pause = min(2*pause, lastPause) {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(pause):
			}
			err := c.start()
			if started = err == nil; !started {
				c.cfg.Logf("the agent cannot be started again now: %v", err)
			}
		}
	}
}

// watch returns when the agent has ended or ctx is done, and nothing is left in the cell.
func (c *Cell) watch(ctx context.Context) error {
	enclosure, ended := c.enclosure, make(chan error, 1)
	go func() { ended <- enclosure.Wait() }()
	select {
	case <-ctx.Done():
	case err := <-ended:
		c.cfg.Logf("the agent ended, see %s: %v", c.log.Name(), err)
	}
	return c.stop()
}

// Close kills what Run may have left, and frees what the cell holds.
func (c *Cell) Close() error { return errors.Join(c.stop(), c.log.Close()) }

func (c *Cell) start() error {
	enclosure, err := node.Enclose(c.enclosureConfig())
	if err != nil {
		return err
	}
	front, err := serve(&c.cfg, enclosure.Ports)
	if err != nil {
		return errors.Join(err, enclosure.Close())
	}
	c.enclosure, c.front, c.limits = enclosure, front, enclosure.Limits()
	return nil
}

// stop may be called again.
func (c *Cell) stop() error {
	if c.enclosure == nil {
		return nil
	}
	err := c.enclosure.Close()
	c.front.close()
	c.enclosure, c.front = nil, nil
	return err
}

// bundles are where distributions keep the certificates of those whom they trust; the first is made where there is none.
var bundles = []string{
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
	"/etc/ssl/ca-bundle.pem",
	"/etc/ssl/cert.pem",
}

// enclosureConfig is the machine that the agent finds.
func (c *Cell) enclosureConfig() node.EnclosureConfig {
	machine := sha256.Sum256([]byte(c.cfg.InstanceID))
	e := node.EnclosureConfig{
		InstanceID: c.cfg.InstanceID, Dir: c.cfg.Dir, Sandbox: c.cfg.Sandbox, HostName: c.cfg.HostName, Address: c.cfg.Address,
		Files: map[string]string{
			"/etc/resolv.conf": "nameserver " + awsAddress + "\n",
			"/etc/hosts":       "127.0.0.1 localhost\n" + c.cfg.Address + " " + c.cfg.HostName + "." + c.cfg.Region + ".compute.internal " + c.cfg.HostName + "\n",
			"/etc/hostname":    c.cfg.HostName + "\n",
			"/etc/machine-id":  hex.EncodeToString(machine[:16]) + "\n",
			"/usr/local/share/ca-certificates/slipway-local-aws.crt": c.cfg.Authority.PEM,
		},
		Append: map[string]string{},
		Absent: []string{"/etc/amazon", "/var/lib/amazon", "/var/log/amazon"},
		Mounts: [][2]string{{c.cfg.AgentDir, agentPlace}},
		Ports:  ports,
		Argv:   []string{agentPlace + "/" + binaries[0]},
		Log:    c.log,
	}
	bundle := ""
	for _, path := range bundles {
		if _, err := os.Stat(path); err == nil {
			e.Append[path] = c.cfg.Authority.PEM
			if bundle == "" {
				bundle = path
			}
		}
	}
	if bundle == "" {
		bundle = bundles[0]
		e.Files[bundle] = c.cfg.Authority.PEM
	}
	// Clients that bring certificates of their own, the AWS CLI for one, are told of the machine's; the agent hands its
	// environment on to commands.
	e.Env = []string{"AWS_CA_BUNDLE=" + bundle, "REQUESTS_CA_BUNDLE=" + bundle, "NODE_EXTRA_CA_CERTS=" + bundle}
	return e
}
