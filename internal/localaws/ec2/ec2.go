// Package ec2 is the part of EC2 that a release touches: which machines there are, with which tags.
//
// The local AWS registers its nodes with [Service.Launch]; DescribeInstances shows them, and Run Command reads
// tags and states through [Service.Instances]. The package starts no machine: internal/localaws/node does.
package ec2

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// The instance states, as DescribeInstances names them.
const (
	Pending      = "pending"
	Running      = "running"
	ShuttingDown = "shutting-down"
	Terminated   = "terminated"
	Stopping     = "stopping"
	Stopped      = "stopped"
)

// stateCodes are the low bytes of instanceState/code.
var stateCodes = map[string]int{
	Pending: 0, Running: 16, ShuttingDown: 32, Terminated: 48, Stopping: 64, Stopped: 80,
}

// idPattern is the form of an instance id: 8 hexadecimal digits in old accounts, 17 since 2016.
var idPattern = regexp.MustCompile(`^i-([0-9a-f]{8}|[0-9a-f]{17})$`)

// ErrNotFound says that an account has no such instance in a region.
var ErrNotFound = errors.New("instance does not exist")

// Instance is one machine.
type Instance struct {
	ID      string            `json:"id"`
	Account string            `json:"account"`
	Region  string            `json:"region"`
	Tags    map[string]string `json:"tags"`
	// ProfileARN is the instance profile, arn:aws:iam::A:instance-profile/…; empty when there is none.
	ProfileARN string `json:"profile,omitempty"`
	PrivateIP  string `json:"ip,omitempty"`
	State      string `json:"state"` // Running when empty
	// ImageID and Type are shown by DescribeInstances; both have a default.
	ImageID string `json:"image,omitempty"`
	Type    string `json:"type,omitempty"`
	// Launched is set by Launch when zero.
	Launched time.Time `json:"launched"`
	// Boot counts the starts after the first one: a machine of an earlier boot is to be replaced.
	Boot int `json:"boot,omitempty"`
	// Changed is when the state last changed, and Reason why, for StateReason: Client.UserInitiatedShutdown.
	Changed time.Time `json:"changed,omitzero"`
	Reason  Reason    `json:"reason,omitzero"`
}

// Reason is why an instance has the state that it has.
type Reason struct {
	Code    string `json:"code" xml:"code"`
	Message string `json:"message" xml:"message"`
}

// ARN is the instance's ARN.
func (i Instance) ARN() string {
	return "arn:aws:ec2:" + i.Region + ":" + i.Account + ":instance/" + i.ID
}

// Service is EC2. It is safe for concurrent use.
type Service struct {
	db       *store.DB
	now      func() time.Time
	onChange func(Instance)
}

// New makes the service and its table. A nil now means the real clock.
func New(db *store.DB, now func() time.Time) (*Service, error) {
	if now == nil {
		now = time.Now
	}
	err := db.Migrate(context.Background(), "ec2", `CREATE TABLE IF NOT EXISTS ec2_instance (
		account TEXT NOT NULL, region TEXT NOT NULL, id TEXT NOT NULL, instance TEXT NOT NULL,
		PRIMARY KEY (account, region, id)) WITHOUT ROWID`)
	if err != nil {
		return nil, err
	}
	return &Service{db: db, now: now}, nil
}

// API is the service behind the gateway.
func (s *Service) API() gateway.Service {
	return gateway.Service{
		Name:      "ec2",
		Protocol:  gateway.EC2Query,
		Version:   "2016-11-15",
		Namespace: "http://ec2.amazonaws.com/doc/2016-11-15/",
		Operations: []gateway.Operation{
			gateway.Op("DescribeInstances", describeAccess, s.describeInstances),
		},
	}
}

// Launch creates the instance, or replaces what is known of it. A zero launch time keeps the earlier one.
func (s *Service) Launch(ctx context.Context, i Instance) error {
	if !idPattern.MatchString(i.ID) {
		return fmt.Errorf("launch instance: invalid id %q", i.ID)
	}
	if i.State == "" {
		i.State = Running
	}
	if _, ok := stateCodes[i.State]; !ok {
		return fmt.Errorf("launch instance %s: unknown state %q", i.ID, i.State)
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		if i.Launched.IsZero() {
			i.Launched = s.now()
			old, err := load(ctx, tx, i.Account, i.Region, i.ID)
			if err == nil {
				i.Launched = old.Launched
			} else if !errors.Is(err, ErrNotFound) {
				return err
			}
		}
		return save(ctx, tx, i)
	})
}

// Instances lists the instances of an account in a region, terminated ones included, ordered by id.
func (s *Service) Instances(ctx context.Context, account, region string) ([]Instance, error) {
	rows, err := s.db.QueryContext(ctx,
		`SELECT instance FROM ec2_instance WHERE account = ? AND region = ? ORDER BY id`, account, region)
	if err != nil {
		return nil, fmt.Errorf("list instances: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var found []Instance
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, fmt.Errorf("list instances: %w", err)
		}
		i, err := decode(text)
		if err != nil {
			return nil, err
		}
		found = append(found, i)
	}
	return found, rows.Err()
}

// Instance finds one instance; the error is [ErrNotFound] when there is none.
func (s *Service) Instance(ctx context.Context, account, region, id string) (Instance, error) {
	return load(ctx, s.db, account, region, id)
}

// querier is what sql.DB and sql.Tx have in common.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func load(ctx context.Context, q querier, account, region, id string) (Instance, error) {
	var text string
	err := q.QueryRowContext(ctx,
		`SELECT instance FROM ec2_instance WHERE account = ? AND region = ? AND id = ?`, account, region, id).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return Instance{}, fmt.Errorf("%s: %w", id, ErrNotFound)
	}
	if err != nil {
		return Instance{}, fmt.Errorf("read instance %s: %w", id, err)
	}
	return decode(text)
}

func decode(text string) (Instance, error) {
	var i Instance
	if err := json.Unmarshal([]byte(text), &i); err != nil {
		return Instance{}, fmt.Errorf("read stored instance: %w", err)
	}
	return i, nil
}
