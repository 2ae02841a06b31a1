package localaws

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/node"
)

// NodePolicy bounds what scripts on built-in nodes do to the machine they really run on.
type NodePolicy struct {
	// Path is the PATH that scripts get; empty means a usual one.
	Path string
	// Caches are host directories that scripts may write, by the environment variable that names them.
	Caches map[string]string
	// Guards are programs that are refused, because they would act on the machine; Allow lists those that scripts may
	// really run all the same, and Stubs those that are recorded in place of run.
	Guards, Allow, Stubs []string
	// Hide are files and directories of this machine that scripts must not see, by absolute paths. The data directory
	// always is one of them.
	Hide []string
	// Keep lets the applications that scripts start go on after this local AWS.
	Keep bool
	// AgentDir has the programs of the genuine amazon-ssm-agent, see [cell.Find]: nodes are then cells that hold it. Where
	// it is empty they are built-in ones. Applications in cells end with them, whatever Keep says.
	AgentDir string
}

// UseNodes bounds nodes by policy in place of the one of [Config]. It comes before [AWS.StartNodes].
func (a *AWS) UseNodes(policy NodePolicy) { a.config.Nodes = policy }

// StartNodes starts a built-in node for every running instance that has none yet, and ends what an earlier process left
// half done. Serve comes first.
func (a *AWS) StartNodes(ctx context.Context) error {
	instances, err := a.ec2.All(ctx)
	if err != nil {
		return err
	}
	for _, instance := range instances {
		if err := a.reconcile(ctx, instance); err != nil {
			return fmt.Errorf("start node %s: %w", instance.ID, err)
		}
	}
	return nil
}

// sandbox bounds what scripts do to this machine, on any kind of node.
func (a *AWS) sandbox() node.Sandbox {
	n := a.config.Nodes
	return node.Sandbox{
		Path: n.Path, Marker: marker(a.config.Dir), Caches: n.Caches, Guards: n.Guards, Allow: n.Allow, Stubs: n.Stubs,
		Hide: append(slices.Clone(n.Hide), a.config.Dir), Keep: n.Keep,
	}
}

// newMachine makes what an instance runs on.
func (a *AWS) newMachine(instance ec2.Instance) (machine, error) {
	if a.config.Nodes.AgentDir != "" {
		return a.newCell(instance)
	}
	metadata, err := a.newMetadata(instance)
	if err != nil {
		return nil, err
	}
	environment, leave, err := a.door.admit(metadata)
	if err != nil {
		return nil, err
	}
	n, err := node.New(node.Config{
		InstanceID: instance.ID, Region: instance.Region, Endpoint: a.endpoint, IPAddress: instance.PrivateIP,
		Dir: a.nodeDir(instance.ID), Sandbox: a.sandbox(), Environment: environment,
		Credentials: func(ctx context.Context) (node.Credentials, error) { return a.instanceCredentials(ctx, instance) },
		Logf:        a.nodeLog(instance.ID),
		Drain:       time.Second, // AWS.Drain is the patient one
	})
	if err != nil {
		leave()
		return nil, err
	}
	return &builtIn{n, leave}, nil
}

// nodeLog tells what happens on a node; what it says again and again, as a node without a role does, is told once.
func (a *AWS) nodeLog(id string) func(format string, args ...any) {
	var mu sync.Mutex
	last := ""
	return func(format string, args ...any) {
		text := "node " + id + ": " + fmt.Sprintf(format, args...)
		mu.Lock()
		again := text == last
		last = text
		mu.Unlock()
		if !again {
			a.config.Logf("%s", text)
		}
	}
}

// builtIn is a built-in node with what it has of this process.
type builtIn struct {
	*node.Node
	leave func()
}

// Close ends the node's sandbox and takes its metadata away.
func (b *builtIn) Close() error {
	b.leave()
	return b.Node.Close()
}

// instanceCredentials gives a node the session of its instance profile's role, if the role trusts EC2 (R21). The profile
// is the one that the instance has now.
func (a *AWS) instanceCredentials(ctx context.Context, instance ec2.Instance) (node.Credentials, error) {
	instance, err := a.ec2.Instance(ctx, instance.Account, instance.Region, instance.ID)
	if err != nil {
		return node.Credentials{}, err
	}
	if instance.Complete().Metadata.HTTPEndpoint == "disabled" {
		return node.Credentials{}, fmt.Errorf("instance %s: %w", instance.ID, errNoMetadata)
	}
	if instance.ProfileARN == "" {
		return node.Credentials{}, fmt.Errorf("instance %s has no instance profile", instance.ID)
	}
	role, err := a.iam.ProfileRole(ctx, instance.Account, path.Base(instance.ProfileARN))
	if err != nil {
		return node.Credentials{}, err
	}
	c, decision, err := a.sts.IssueForService(ctx, role.ARN(), ec2Service, instance.ARN())
	if recordErr := a.recordService(ctx, ec2Service, instance.Region, instance.Account, role.ARN(), decision, err); recordErr != nil {
		return node.Credentials{}, recordErr
	}
	if err != nil {
		return node.Credentials{}, err
	}
	return node.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken, Expires: c.Expires}, nil
}

// errNoMetadata says that nobody on an instance can ask for credentials.
// InstanceCredentials are what EC2 gives to the machine of an instance: for a node that is simulated, without a machine.
func (a *AWS) InstanceCredentials(ctx context.Context, instance ec2.Instance) (node.Credentials, error) {
	return a.instanceCredentials(ctx, instance)
}

var errNoMetadata = errors.New("its instance metadata service is switched off")

const ec2Service = "ec2.amazonaws.com"

// marker is in the environment of everything that the nodes of a data directory start. It has no slash in it. dir is
// as [lockDir] gives it, so that a directory has one marker whatever path leads to it.
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

// Limits says, once nodes were started, what their sandbox cannot keep scripts from on this machine; empty when nothing.
func (a *AWS) Limits() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.limits
}

// StubCalls gives the command lines of the stubs that were called since this local AWS was opened.
func (a *AWS) StubCalls(ctx context.Context) ([]string, error) {
	instances, err := a.ec2.All(ctx)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, instance := range instances {
		calls, err := node.StubCalls(a.nodeDir(instance.ID), a.opened)
		if err != nil {
			return nil, err
		}
		all = append(all, calls...)
	}
	return all, nil
}

// nodeDir is a node's own directory.
func (a *AWS) nodeDir(instance string) string { return filepath.Join(a.config.Dir, "nodes", instance) }

// StopKept ends what an earlier local AWS on dir kept running, says how many processes that were, and removes dir, as
// [RemoveDir] does, if that is wanted. A local AWS that is still running there keeps everything: the error is [ErrInUse].
// One that is no data directory is left alone: [ErrForeign].
func StopKept(ctx context.Context, dir string, remove bool) (int, error) {
	if err := mayReplace(dir); err != nil {
		return 0, err
	}
	lock, resolved, err := lockDir(dir)
	if err != nil {
		return 0, err
	}
	defer func() { _ = lock.Close() }()
	processes, err := node.Processes(marker(resolved))
	if err != nil {
		return 0, err
	}
	err = node.Stop(ctx, marker(resolved), stopGrace)
	if err == nil && remove {
		err = RemoveDir(dir)
	}
	return len(processes), err
}
