// Package localaws is an AWS that fits in one process: a gateway that verifies and authorises every request, the
// services behind it, and nodes that really run commands.
//
// [Open] assembles it on a data directory, [AWS.Serve] answers on one port, and the Put… and Launch methods give it
// the accounts, roles and instances that a release needs. It imports iam and nothing above it.
package localaws

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"sync"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
	"github.com/slipway-cd/slipway/internal/localaws/messages"
	"github.com/slipway-cd/slipway/internal/localaws/node"
	"github.com/slipway-cd/slipway/internal/localaws/ssm"
	"github.com/slipway-cd/slipway/internal/localaws/store"
	"github.com/slipway-cd/slipway/internal/localaws/sts"
)

// GitHubIssuer is the issuer of GitHub Actions' tokens. Here its keys are those of the built-in issuer.
const GitHubIssuer = "https://token.actions.githubusercontent.com"

// Config is what a local AWS needs to know.
type Config struct {
	// Dir holds the state, the nodes' directories and the control file. One process at a time uses it.
	Dir string
	// Logf is told what happens on the nodes and in the server; nil is silent.
	Logf func(format string, args ...any)
	// Nodes says what scripts on built-in nodes may do on this machine.
	Nodes NodePolicy
	// ConsistencyDelay is how long a new command stays invisible to reads, as on a distributed service; 0 is off.
	ConsistencyDelay time.Duration
}

// NodePolicy bounds what scripts on built-in nodes do to the machine they really run on.
type NodePolicy struct {
	// Path is the PATH that scripts get; empty means a usual one.
	Path string
	// Caches are host directories that scripts may write, by the environment variable that names them.
	Caches map[string]string
	// Guards are programs that are refused, because they would act on the machine; Allow lists those that scripts may
	// really run all the same, and Stubs those that are recorded in place of run.
	Guards, Allow, Stubs []string
}

// AWS is a local AWS. Make it with [Open], end it with [AWS.Close].
type AWS struct {
	config   Config
	lock     *os.File
	db       *store.DB
	gateway  *gateway.Gateway
	events   *gateway.EventLog
	iam      *iam.Service
	sts      *sts.Service
	ec2      *ec2.Service
	ssm      *ssm.Service
	issuer   *sts.Issuer
	control  *control
	server   *http.Server
	endpoint string
	opened   time.Time

	ctx    context.Context
	cancel context.CancelFunc
	// machines are the nodes; they end before the server does, so that they can still report.
	machines, workers sync.WaitGroup
	nodes             map[string]bool // instance ids with a running node
	mu                sync.Mutex      // guards nodes
}

// Open makes or reopens the local AWS in config.Dir. Nothing listens and no node runs yet.
func Open(ctx context.Context, config Config) (*AWS, error) {
	if config.Logf == nil {
		config.Logf = func(string, ...any) {}
	}
	dir, err := filepath.Abs(config.Dir)
	if err != nil {
		return nil, fmt.Errorf("local AWS: %w", err)
	}
	config.Dir = dir
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	a := &AWS{config: config, lock: lock, nodes: map[string]bool{}, opened: time.Now()}
	a.ctx, a.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := a.assemble(ctx); err != nil {
		return nil, errors.Join(err, a.Close(ctx))
	}
	return a, nil
}

func (a *AWS) assemble(ctx context.Context) (err error) {
	if a.db, err = store.Open(a.config.Dir); err != nil {
		return err
	}
	if a.events, err = gateway.NewEventLog(a.db); err != nil {
		return err
	}
	if a.iam, err = iam.New(a.db, time.Now, rand.Reader); err != nil {
		return err
	}
	if a.issuer, err = sts.LoadOrCreate(ctx, a.db, rand.Reader); err != nil {
		return err
	}
	a.sts = sts.New(a.iam, a.issuer, time.Now)
	if a.ec2, err = ec2.New(a.db, time.Now); err != nil {
		return err
	}
	if a.ssm, err = ssm.New(a.db, a.ec2, ssm.Config{Now: time.Now, Rand: rand.Reader, ConsistencyDelay: a.config.ConsistencyDelay}); err != nil {
		return err
	}
	a.gateway = gateway.New(gateway.Config{Directory: a.iam, Events: a.events, Now: time.Now, Rand: rand.Reader,
		OnError: func(err error) { a.config.Logf("local AWS: %v", err) }})
	for _, service := range []gateway.Service{a.iam.API(), a.sts.API(), a.ec2.API(), a.ssm.API(), messages.New(a.ssm, messages.DefaultHold).API()} {
		if err := a.gateway.Register(service); err != nil {
			return err
		}
	}
	a.control, err = newControl(a, rand.Reader)
	return err
}

// Serve listens on address (host:port, port 0 for any) and answers until Close. It returns when the port is open.
func (a *AWS) Serve(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("local AWS: %w", err)
	}
	a.endpoint = "http://" + listener.Addr().String()
	a.server = a.gateway.Server()
	a.server.Handler = a.control.handler(a.server.Handler)
	a.workers.Go(func() {
		if err := a.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			a.config.Logf("local AWS: %v", err)
		}
	})
	a.workers.Go(func() {
		if err := a.ssm.Run(a.ctx); err != nil && a.ctx.Err() == nil {
			a.config.Logf("Systems Manager: %v", err)
		}
	})
	return nil
}

// Endpoint is the URL that AWS clients use, http://127.0.0.1:PORT; empty before Serve.
func (a *AWS) Endpoint() string { return a.endpoint }

// Dir is the data directory, absolute.
func (a *AWS) Dir() string { return a.config.Dir }

// EnsureAccount makes an account with an administrator, if it is not there, and gives the administrator's keys.
func (a *AWS) EnsureAccount(ctx context.Context, id string) (iam.Keys, error) {
	keys, err := a.iam.EnsureAccount(ctx, id)
	if err != nil {
		return iam.Keys{}, err
	}
	a.control.addAccount(id, keys)
	return keys, nil
}

// PutRole makes a role with exactly the policies in spec, in place of what it had.
func (a *AWS) PutRole(ctx context.Context, spec iam.RoleSpec) error { return a.iam.PutRole(ctx, spec) }

// TrustGitHub registers GitHub's OIDC provider in an account.
func (a *AWS) TrustGitHub(ctx context.Context, account string) error {
	return a.iam.PutOIDCProvider(ctx, account, GitHubIssuer, []string{"sts.amazonaws.com"})
}

// MintGitHubToken gives the token that GitHub would give to a workflow run with these claims.
func (a *AWS) MintGitHubToken(claims sts.Claims) (string, error) {
	claims.Now = time.Now()
	return a.issuer.Mint(claims)
}

// Launch makes an instance known to EC2. [AWS.StartNodes] gives it a machine.
func (a *AWS) Launch(ctx context.Context, instance ec2.Instance) error {
	return a.ec2.Launch(ctx, instance)
}

// Events is the log of every request.
func (a *AWS) Events() *gateway.EventLog { return a.events }

// StartNodes starts a built-in node for every running instance that has none yet. Serve comes first.
func (a *AWS) StartNodes(ctx context.Context) error {
	instances, err := a.ec2.All(ctx)
	if err != nil {
		return err
	}
	for _, instance := range instances {
		if err := a.startNode(instance); err != nil {
			return fmt.Errorf("start node %s: %w", instance.ID, err)
		}
	}
	return nil
}

func (a *AWS) startNode(instance ec2.Instance) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.nodes[instance.ID] || instance.State != "running" {
		return nil
	}
	n, err := node.New(node.Config{
		InstanceID: instance.ID, Region: instance.Region, Endpoint: a.endpoint, IPAddress: instance.PrivateIP,
		Dir: filepath.Join(a.config.Dir, "nodes", instance.ID),
		Sandbox: node.Sandbox{
			Path: a.config.Nodes.Path, Marker: marker(a.config.Dir), Caches: a.config.Nodes.Caches,
			Guards: a.config.Nodes.Guards, Allow: a.config.Nodes.Allow, Stubs: a.config.Nodes.Stubs,
		},
		Credentials: func(ctx context.Context) (node.Credentials, error) { return a.instanceCredentials(ctx, instance) },
		Logf:        func(format string, args ...any) { a.config.Logf("node "+instance.ID+": "+format, args...) },
		Drain:       time.Second, // AWS.Drain is the patient one
	})
	if err != nil {
		return err
	}
	if len(a.nodes) == 0 && n.Limits() != "" {
		a.config.Logf("%s", n.Limits())
	}
	a.nodes[instance.ID] = true
	a.machines.Go(func() {
		if err := n.Run(a.ctx); err != nil {
			a.config.Logf("node %s: %v", instance.ID, err)
		}
		if err := n.Close(); err != nil {
			a.config.Logf("node %s: %v", instance.ID, err)
		}
	})
	return nil
}

// instanceCredentials gives a node the session of its instance profile's role, if the role trusts EC2 (R21).
func (a *AWS) instanceCredentials(ctx context.Context, instance ec2.Instance) (node.Credentials, error) {
	role, err := a.iam.ProfileRole(ctx, instance.Account, path.Base(instance.ProfileARN))
	if err != nil {
		return node.Credentials{}, err
	}
	c, err := a.sts.IssueForService(ctx, role.ARN(), "ec2.amazonaws.com", instance.ID)
	if err != nil {
		return node.Credentials{}, err
	}
	return node.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken, Expires: c.Expires}, nil
}

// marker is in the environment of everything that the nodes of a data directory start. It has no slash in it.
func marker(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return hex.EncodeToString(sum[:12])
}

// Processes lists what scripts started on the nodes and left running.
func (a *AWS) Processes() ([]node.Process, error) { return node.Processes(marker(a.config.Dir)) }

// AwaitNodes waits until every node has reported to Systems Manager, or limit has passed: a node whose role lets it
// report nothing never will, and whoever ships to it finds that out.
func (a *AWS) AwaitNodes(ctx context.Context, limit time.Duration) error {
	a.mu.Lock()
	want := len(a.nodes)
	a.mu.Unlock()
	deadline := time.Now().Add(limit)
	for time.Now().Before(deadline) {
		online, err := a.ssm.Reported(ctx, a.opened)
		if err != nil || online >= want {
			return err
		}
		select {
		case <-ctx.Done():
			return nil // the deploy that follows says that it was interrupted
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// Drain waits until no command is running on any node, at most for limit, and says how many still were.
func (a *AWS) Drain(ctx context.Context, limit time.Duration) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		running, err := a.ssm.Running(context.WithoutCancel(ctx))
		if running == 0 || err != nil {
			return running, err
		}
		select {
		case <-ctx.Done():
			return running, nil
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// StopProcesses ends what scripts left running: first asked, then made to.
func (a *AWS) StopProcesses(ctx context.Context) error {
	return ignoreUnsupported(node.Stop(ctx, marker(a.config.Dir), stopGrace))
}

// stopGrace is how long a process that is asked to end may take before it is made to.
const stopGrace = 2 * time.Second

// ignoreUnsupported lets a system pass on which the processes that scripts leave behind cannot be found.
func ignoreUnsupported(err error) error {
	if errors.Is(err, node.ErrUnsupported) {
		return nil
	}
	return err
}

// StopKept ends what an earlier local AWS on dir kept running, and says how many processes that were.
func StopKept(ctx context.Context, dir string) (int, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return 0, err
	}
	processes, err := node.Processes(marker(dir))
	if err != nil {
		return 0, err
	}
	return len(processes), node.Stop(ctx, marker(dir), stopGrace)
}

// RemoveDir deletes a data directory with its nodes' file systems.
func RemoveDir(dir string) error { return node.Remove(dir) }

// Close stops the nodes and the server and closes the state. Applications that scripts started go on.
func (a *AWS) Close(ctx context.Context) error {
	a.cancel()
	a.machines.Wait()
	var errs []error
	if a.server != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if err := a.server.Shutdown(ctx); err != nil {
			errs = append(errs, a.server.Close())
		}
	}
	a.workers.Wait()
	if a.control != nil {
		errs = append(errs, a.control.remove())
	}
	if a.events != nil {
		errs = append(errs, a.events.Close())
	}
	if a.db != nil {
		errs = append(errs, a.db.Close())
	}
	errs = append(errs, a.lock.Close())
	return errors.Join(errs...)
}
