// Package ssm is Systems Manager in the local AWS: documents, Run Command and the inventory of managed nodes.
//
// Requests come in through the gateway ([Service.API]). What nodes are to do leaves through [Service.Receive], and
// what they did comes back through [Service.Acknowledge], [Service.Reply] and [Service.Fail]: the message channels
// (internal/localaws/messages) are only wire formats for these four. All state is in SQLite, so a command that was
// accepted outlives the process; waiting nodes are woken in memory.
//
// Time passes only when somebody says so: every deadline is a row with a due time, and [Service.Tick] acts on the
// due ones. [Service.Run] ticks with the real clock.
package ssm

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// InstanceSource knows the EC2 instances: their tags and states. [ec2.Service] is one.
type InstanceSource interface {
	Instances(ctx context.Context, account, region string) ([]ec2.Instance, error)
	Instance(ctx context.Context, account, region, id string) (ec2.Instance, error)
}

// Config are the settings of a [Service]; the zero value is ready to use.
type Config struct {
	// Now is the clock; nil means the real one.
	Now func() time.Time
	// Rand gives the bytes of command ids; nil means crypto/rand.
	Rand io.Reader
	// ConsistencyDelay is how long after SendCommand the command and its invocations are not found by reads, as it
	// happens in a distributed service: InvocationDoesNotExist, and empty lists. 0 is off.
	ConsistencyDelay time.Duration
	// Quotas are limits of an account that a test may want to meet.
	Quotas Quotas
	// OnError hears of what goes wrong between requests, in Run; nil is silent.
	OnError func(error)
	// Roles knows the roles that SendCommand may be handed; nil knows none.
	Roles Roles
	// Parameters knows the parameters that {{ssm:name}} may name; nil knows none.
	Parameters ParameterStore
	// Alarms knows the CloudWatch alarms that a command may be stopped by; nil knows none.
	Alarms AlarmSource
	// Hybrid knows the machines outside of EC2; nil knows none.
	Hybrid HybridSource
	// Taggable are the kinds of resources of other packages that the tag operations serve, by ResourceType.
	Taggable map[string]Taggable
}

// Quotas are limits in an account and region; 0 is no limit.
type Quotas struct {
	// Pending is how many invocations may be waiting or running. A command that would go over it ends as RateExceeded.
	Pending int
	// Targets is how many nodes a command may have. One with more ends as LimitExceeded.
	Targets int
}

// Roles knows the IAM roles. The local STS is one.
type Roles interface {
	// Trusts says whether there is a role with this ARN and its trust policy lets service assume it.
	Trusts(ctx context.Context, roleARN, service string) (bool, error)
}

// Service is Systems Manager. It is safe for concurrent use.
type Service struct {
	db        *store.DB
	instances InstanceSource
	now       func() time.Time
	rand      io.Reader
	delay     time.Duration
	quotas    Quotas
	onError   func(error)
	roles     Roles
	taggable  map[string]Taggable
	hybrid    HybridSource
	alarms    AlarmSource
	hub       hub

	parameters ParameterStore
	batch      batch
	// swept is up to when, in Unix nanoseconds, messages have been looked at that no node fetched.
	swept atomic.Int64
}

// New makes the service and its tables.
func New(db *store.DB, instances InstanceSource, cfg Config) (*Service, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.OnError == nil {
		cfg.OnError = func(error) {}
	}
	if err := db.Migrate(context.Background(), "ssm", schema...); err != nil {
		return nil, err
	}
	s := &Service{db: db, instances: instances, now: cfg.Now, rand: cfg.Rand, delay: cfg.ConsistencyDelay,
		quotas: cfg.Quotas, onError: cfg.OnError, roles: cfg.Roles, alarms: cfg.Alarms, hybrid: cfg.Hybrid, parameters: cfg.Parameters}
	s.taggable = s.kindsOf(cfg.Taggable)
	return s, nil
}

// API is the service behind the gateway.
func (s *Service) API() gateway.Service {
	return gateway.Service{
		Name:     "ssm",
		Protocol: gateway.JSON11,
		Target:   "AmazonSSM",
		Operations: append(s.tagOperations(), []gateway.Operation{
			gateway.Op("CreateDocument", createDocumentAccess, s.createDocument).Except(
				"types Command (schema 1.2, 2.0, 2.2) and Automation (0.3) only",
				"an Automation document is stored with its frame checked, not its steps, and cannot be run",
				"Attachments and Requires are refused"),
			gateway.Op("UpdateDocument", s.updateDocumentAccess, s.updateDocument).Except("Attachments are refused"),
			gateway.Op("UpdateDocumentDefaultVersion", s.defaultVersionAccess, s.updateDocumentDefaultVersion),
			gateway.Op("DescribeDocument", s.describeDocumentAccess, s.describeDocument),
			gateway.Op("GetDocument", s.getDocumentAccess, s.getDocument).Except("in another format than it was given in, a document's keys are in alphabetical order"),
			gateway.Op("ListDocuments", listDocumentsAccess, s.listDocuments).Except("of AWS's own documents only AWS-RunShellScript is there"),
			gateway.Op("ListDocumentVersions", s.listVersionsAccess, s.listDocumentVersions),
			gateway.Op("DeleteDocument", s.deleteDocumentAccess, s.deleteDocument),
			gateway.Op("ModifyDocumentPermission", s.modifyPermissionAccess, s.modifyDocumentPermission),
			gateway.Op("DescribeDocumentPermission", s.describePermissionAccess, s.describeDocumentPermission),
			gateway.Op("SendCommand", s.sendAccess, s.sendCommand).Except(
				"notifications are recorded and shown, nothing is published",
				"AlarmConfiguration: the alarm is read at the start and every half second; what has not reached its node then ends as Terminated, and what runs goes on",
				"targets by resource group are refused",
				"whether there is a bucket OutputS3BucketName is not asked; it is the node role that writes, and nothing is demanded of the sender"),
			gateway.Op("GetCommandInvocation", getInvocationAccess, s.getCommandInvocation),
			gateway.Op("ListCommands", listCommandsAccess, s.listCommands),
			gateway.Op("ListCommandInvocations", listInvocationsAccess, s.listCommandInvocations),
			gateway.Op("CancelCommand", cancelAccess, s.cancelCommand),
			gateway.Op("DescribeInstanceInformation", describeNodesAccess, s.describeInstanceInformation),
			gateway.Op("UpdateInstanceInformation", updateNodeAccess, s.updateInstanceInformation),
			gateway.Op("ListInstanceAssociations", listAssociationsAccess, s.listInstanceAssociations),
		}...),
	}
}

// Running counts the invocations that have not come to an end, in all accounts and regions.
func (s *Service) Running(ctx context.Context) (int, error) {
	var n int
	err := s.db.QueryRowContext(ctx, `SELECT count(*) FROM ssm_invocation WHERE phase < ?`, phaseDone).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count running invocations: %w", err)
	}
	return n, nil
}

// Run calls Tick until ctx ends. A Tick that fails is reported, once while it fails in the same way, and tried again:
// without it no deadline would ever pass.
func (s *Service) Run(ctx context.Context) {
	ticker := time.NewTicker(tickInterval)
	defer ticker.Stop()
	var last string
	for {
		if err := s.Tick(ctx); err == nil {
			last = ""
		} else if ctx.Err() == nil && err.Error() != last {
			last = err.Error()
			s.onError(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// tickInterval is how late a deadline may be noticed. Deadlines are whole seconds, the smallest is 30 s.
const tickInterval = 500 * time.Millisecond

// work is one transaction and the nodes to wake when it is committed.
type work struct {
	*store.Tx
	now  time.Time
	hub  *hub
	wake []nodeKey
	// handed goes to the nodes' channels when the transaction is committed.
	handed []handover
	// later, in a transaction for many, are the commands to advance at its end.
	later map[int64]bool
}

// update runs f in a transaction, then wakes the nodes that f has messages for.
func (s *Service) update(ctx context.Context, f func(w *work) error) error {
	w := &work{now: s.now(), hub: &s.hub}
	err := s.db.Tx(ctx, func(tx *store.Tx) error {
		w.Tx = tx
		return f(w)
	})
	if err != nil {
		return err
	}
	for _, h := range w.handed {
		s.give(h.key, []Message{h.message})
	}
	for _, key := range w.wake {
		s.notify(key)
	}
	return nil
}

// permits asks whether the caller may do one thing, for what AWS decides after it has answered the request.
func permits(ctx context.Context, c *gateway.Call, a gateway.Access) (bool, error) {
	d, err := c.Decide(ctx, a)
	if err != nil {
		return false, err
	}
	return d.Outcome == iam.Allowed, nil
}
