// Package localaws is an AWS that fits in one process: a gateway that verifies and authorises every request, the
// services behind it, and nodes that really run commands.
//
// [Open] assembles it on a data directory, [AWS.Serve] answers on one port, and the Put… and Launch methods give it
// the accounts, roles and instances that a release needs. It imports iam and nothing above it.
package localaws

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/cloudtrail"
	"github.com/slipway-cd/slipway/internal/localaws/cloudwatch"
	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/hybrid"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
	"github.com/slipway-cd/slipway/internal/localaws/logs"
	"github.com/slipway-cd/slipway/internal/localaws/messages"
	"github.com/slipway-cd/slipway/internal/localaws/organizations"
	"github.com/slipway-cd/slipway/internal/localaws/parameters"
	"github.com/slipway-cd/slipway/internal/localaws/s3"
	"github.com/slipway-cd/slipway/internal/localaws/ssm"
	"github.com/slipway-cd/slipway/internal/localaws/ssmmessages"
	"github.com/slipway-cd/slipway/internal/localaws/store"
	"github.com/slipway-cd/slipway/internal/localaws/sts"
)

// GitHubIssuer is the issuer of GitHub Actions' tokens. Here its keys are those of the built-in issuer.
const GitHubIssuer = "https://token.actions.githubusercontent.com"

// Config is what a local AWS needs to know.
type Config struct {
	// Dir holds the state, the nodes' directories and the control file. One process at a time uses it.
	Dir string
	// Issuers reaches the OpenID Connect issuers that accounts trust, but for the built-in one; nil means the network.
	Issuers http.RoundTripper
	// Logf is told what happens on the nodes and in the server; nil is silent.
	Logf func(format string, args ...any)
	// Nodes says what scripts on built-in nodes may do on this machine.
	Nodes NodePolicy
	// ConsistencyDelay is how long a new command stays invisible to reads, as on a distributed service; 0 is off.
	ConsistencyDelay time.Duration
	// Quotas are limits of Run Command that a test may want to meet; none by default.
	Quotas ssm.Quotas
	// Clock is Systems Manager's, for tests in which hours pass; nil means the real one. Nothing else goes by it.
	Clock func() time.Time
}

// AWS is a local AWS. Make it with [Open], end it with [AWS.Close].
type AWS struct {
	config     Config
	lock       *os.File
	db         *store.DB
	gateway    *gateway.Gateway
	events     *gateway.EventLog
	iam        *iam.Service
	orgs       *organizations.Service
	sts        *sts.Service
	ec2        *ec2.Service
	logs       *logs.Service
	alarms     *cloudwatch.Service
	parameters *parameters.Service
	hybrid     *hybrid.Service
	ssm        *ssm.Service
	s3         *s3.Service
	channels   *ssmmessages.Service
	issuer     *sts.Issuer
	control    *control
	server     *http.Server
	endpoint   string
	opened     time.Time

	ctx    context.Context
	cancel context.CancelFunc
	// machines are the nodes; they end before the server does, so that they can still report.
	machines, workers sync.WaitGroup
	nodes             map[string]*running // by instance id
	transitions       keyedMutex          // of instances, by id
	limits            string              // of the nodes' sandbox
	cellParts         func() (cellParts, error)
	door              *metadataDoor // of the built-in nodes' metadata
	mu                sync.Mutex    // guards nodes and limits
}

// Open makes or reopens the local AWS in config.Dir. Nothing listens and no node runs yet. A directory that holds the files
// of others and no state is left alone: the error is [ErrForeign].
func Open(ctx context.Context, config Config) (*AWS, error) {
	if config.Logf == nil {
		config.Logf = func(string, ...any) {}
	}
	if err := mayOpen(config.Dir); err != nil {
		return nil, fmt.Errorf("local AWS: %w", err)
	}
	lock, dir, err := lockDir(config.Dir)
	if err != nil {
		return nil, err
	}
	config.Dir = dir
	if config.Clock == nil {
		config.Clock = time.Now
	}
	a := &AWS{config: config, lock: lock, nodes: map[string]*running{}, opened: time.Now()}
	a.cellParts = sync.OnceValues(a.prepareCells)
	a.ctx, a.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := errors.Join(completeRestore(dir), removePassing(dir)); err != nil { // of a process that was killed
		return nil, errors.Join(err, a.Close(ctx))
	}
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
	if a.orgs, err = organizations.New(ctx, a.db, organizations.Config{
		Now: time.Now, Rand: rand.Reader, Changed: a.iam.Forget, Accounts: accounts{a},
	}); err != nil {
		return err
	}
	a.iam.SetOrganizations(a.orgs)
	a.iam.SetEvents(a.events)
	if a.issuer, err = sts.LoadOrCreate(ctx, a.db, rand.Reader); err != nil {
		return err
	}
	a.sts = sts.New(a.iam, sts.NewRemote(map[string]sts.KeySource{GitHubIssuer: a.issuer}, a.config.Issuers, time.Now), time.Now)
	denials, err := sts.OpenDenials(ctx, a.db)
	if err != nil {
		return err
	}
	a.sts.SetDenials(denials)
	if a.ec2, err = ec2.New(a.db, time.Now); err != nil {
		return err
	}
	if a.logs, err = logs.New(a.db, time.Now); err != nil {
		return err
	}
	if a.alarms, err = cloudwatch.New(a.db, time.Now); err != nil {
		return err
	}
	a.ec2.UseProfiles(a.iam)
	a.ec2.OnChange(a.instanceChanged)
	if a.hybrid, err = hybrid.New(a.db, hybrid.Config{IAM: a.iam, STS: a.sts, Instances: a.ec2}); err != nil {
		return err
	}
	if a.parameters, err = parameters.New(a.db, time.Now, rand.Reader); err != nil {
		return err
	}
	if a.ssm, err = ssm.New(a.db, a.ec2, ssm.Config{
		Now: a.config.Clock, Rand: rand.Reader, ConsistencyDelay: a.config.ConsistencyDelay, Quotas: a.config.Quotas, Roles: a.sts,
		Alarms: a.alarms, Hybrid: a.hybrid, Parameters: a.parameters, Taggable: map[string]ssm.Taggable{"ManagedInstance": a.hybrid, "Parameter": a.parameters},
		OnError: func(err error) { a.config.Logf("Systems Manager: %v", err) },
	}); err != nil {
		return err
	}
	if a.channels, err = ssmmessages.New(a.ssm, ssmmessages.Config{
		OnError: func(err error) { a.config.Logf("local AWS: %v", err) },
	}); err != nil {
		return err
	}
	if a.s3, err = s3.New(a.db, s3.Config{OnError: func(err error) { a.config.Logf("S3: %v", err) }}); err != nil {
		return err
	}
	a.gateway = gateway.New(gateway.Config{Directory: a.iam, Machines: a.hybrid, Denials: denials, Organizations: a.orgs, Events: a.events, Now: time.Now, Rand: rand.Reader,
		OnError: func(err error) { a.config.Logf("local AWS: %v", err) }})
	for _, service := range a.Services() {
		if err := a.gateway.Register(service); err != nil {
			return err
		}
	}
	if err := a.db.CheckServices(); err != nil {
		return err
	}
	a.door = &metadataDoor{gateway: a.gateway, logf: a.config.Logf}
	a.control, err = newControl(a, rand.Reader)
	return err
}

// Services are the AWS services that are served, with their operations.
func (a *AWS) Services() []gateway.Service {
	systems := a.ssm.API()
	systems.Operations = append(systems.Operations, a.hybrid.Operations()...)
	systems.Operations = append(systems.Operations, a.parameters.Operations()...)
	return []gateway.Service{a.iam.API(), a.sts.API(), a.ec2.API(), a.logs.API(), a.alarms.API(), systems, messages.New(a.ssm, messages.DefaultHold).API(),
		a.channels.API(),
		cloudtrail.New(a.events).API(), a.orgs.API(), a.s3.API()}
}

// Serve listens on address (host:port, port 0 for any) and answers until Close. It returns when the port is open. On
// a loopback address it answers only to this machine's own name; on any other it cannot know by what name it is reached.
func (a *AWS) Serve(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("local AWS: %w", err)
	}
	return a.ServeOn(listener)
}

// ServeOn is [AWS.Serve] on a TCP port that is open already. It closes it, also when it fails.
func (a *AWS) ServeOn(listener net.Listener) error {
	host, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return errors.Join(fmt.Errorf("local AWS: %w", err), listener.Close())
	}
	ip := net.ParseIP(host)
	if !ip.IsLoopback() {
		a.gateway.AllowAnyHost()
	}
	if ip.IsUnspecified() {
		host = "127.0.0.1" // every address is listened on; this one can be connected to
	}
	a.endpoint = "http://" + net.JoinHostPort(host, port)
	a.server = a.gateway.Server()
	a.server.Handler = a.control.handler(a.server.Handler)
	a.workers.Go(func() {
		if err := a.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			a.config.Logf("local AWS: %v", err)
		}
	})
	a.workers.Go(func() { a.ssm.Run(a.ctx) })
	return nil
}

// Endpoint is the URL that AWS clients use, http://127.0.0.1:PORT; empty before Serve.
func (a *AWS) Endpoint() string { return a.endpoint }

// Dir is the data directory, absolute and without symbolic links.
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

// Throttle limits how often an action, ssm:SendCommand, may be called; see [gateway.Gateway.Throttle]. The error says that
// no such operation is served.
func (a *AWS) Throttle(action string, limit gateway.Throttle) error {
	for _, service := range a.Services() {
		for _, operation := range service.Operations {
			if service.Name+":"+operation.Name == action {
				a.gateway.Throttle(action, limit)
				return nil
			}
		}
	}
	return fmt.Errorf("throttle %s: the local AWS does not serve it", action)
}

// EnsureBucket makes a bucket of an account, if it is not there: private, without versions.
func (a *AWS) EnsureBucket(ctx context.Context, account, region, name string) error {
	return a.s3.EnsureBucket(ctx, account, region, name)
}

// EnsureAlarm makes a CloudWatch alarm that is OK, unless it exists.
func (a *AWS) EnsureAlarm(ctx context.Context, account, region, name string) error {
	return a.alarms.EnsureAlarm(ctx, account, region, name)
}

// PutBucketPolicy puts a policy on a bucket of an account.
func (a *AWS) PutBucketPolicy(ctx context.Context, account, name string, policy []byte) error {
	return a.s3.SetPolicy(ctx, account, name, policy)
}

// Events is the log of every request.
func (a *AWS) Events() *gateway.EventLog { return a.events }

// Close stops the nodes and the server and closes the state. Applications that scripts started go on.
func (a *AWS) Close(ctx context.Context) error {
	a.mu.Lock() // so that spawn adds nothing to what is waited for
	a.cancel()
	a.mu.Unlock()
	a.machines.Wait()
	var errs []error
	if a.door != nil {
		errs = append(errs, a.door.Close())
	}
	if a.channels != nil {
		a.channels.Close()
	}
	if a.server != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if err := a.server.Shutdown(ctx); err != nil {
			errs = append(errs, a.server.Close())
		}
	}
	a.workers.Wait()
	if a.control != nil {
		errs = append(errs, removeControl(a.config.Dir))
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
