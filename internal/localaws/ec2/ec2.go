// Package ec2 is the part of EC2 that a release touches: which machines there are, with which tags and states, and what
// starts, stops, reboots and ends them.
//
// The package starts no machine itself. It keeps the states, and tells the host of the machines ([Service.OnChange])
// what is to be done; the host says when it is done ([Service.Settle]). Run Command reads tags and states through
// [Service.Instances]. Of a VPC there is what an instance shows: one default subnet a zone and one security group.
package ec2

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// terminatedShown is how long a terminated instance is listed: about an hour, says the EC2 user guide.
const terminatedShown = time.Hour

// idPattern is the form of an instance id: 8 hexadecimal digits in old accounts, 17 since 2016.
var idPattern = regexp.MustCompile(`^i-([0-9a-f]{8}|[0-9a-f]{17})$`)

// ErrNotFound says that an account has no such instance in a region.
var ErrNotFound = errors.New("instance does not exist")

// Service is EC2. It is safe for concurrent use.
type Service struct {
	db       *store.DB
	now      func() time.Time
	rand     io.Reader
	profiles Profiles
	onChange func(Instance)
}

// New makes the service and its tables. A nil now means the real clock.
func New(db *store.DB, now func() time.Time) (*Service, error) {
	if now == nil {
		now = time.Now
	}
	err := db.Migrate(context.Background(), "ec2",
		`CREATE TABLE IF NOT EXISTS ec2_instance (
			account TEXT NOT NULL, region TEXT NOT NULL, id TEXT NOT NULL, instance TEXT NOT NULL,
			PRIMARY KEY (account, region, id)) WITHOUT ROWID`,
		`CREATE TABLE IF NOT EXISTS ec2_token (
			account TEXT NOT NULL, region TEXT NOT NULL, token TEXT NOT NULL, request TEXT NOT NULL, reservation TEXT NOT NULL,
			PRIMARY KEY (account, region, token)) WITHOUT ROWID`,
		`CREATE INDEX IF NOT EXISTS ec2_instance_id ON ec2_instance (id)`)
	if err != nil {
		return nil, err
	}
	return &Service{db: db, now: now, rand: rand.Reader}, nil
}

// UseProfiles tells who knows the instance profiles; without, there are none. It comes before the first request.
func (s *Service) UseProfiles(p Profiles) { s.profiles = p }

// API is the service behind the gateway.
func (s *Service) API() gateway.Service {
	return gateway.Service{
		Name:       "ec2",
		Protocol:   gateway.EC2Query,
		Version:    "2016-11-15",
		Namespace:  "http://ec2.amazonaws.com/doc/2016-11-15/",
		Operations: append(s.lifecycleOperations(), s.otherOperations()...),
	}
}

func (s *Service) lifecycleOperations() []gateway.Operation {
	return []gateway.Operation{
		gateway.Op("RunInstances", s.runAccess, s.runInstances).Except(
			"UserData is shown, also in the instance metadata, and not run",
			"MetadataOptions: HttpPutResponseHopLimit is kept and shown, and bounds nothing",
			"SubnetId and SecurityGroupId are those of the default VPC, which DescribeInstances shows",
			"TagSpecification: only the resource type instance",
			"every other option (BlockDeviceMapping, KeyName, LaunchTemplate, NetworkInterface, …) is refused with UnknownParameter"),
		gateway.Op("StartInstances", s.idsAccess, s.startInstances),
		gateway.Op("StopInstances", s.idsAccess, s.stopInstances).Except(
			"Force changes nothing: commands get a second to end either way", "Hibernate is refused"),
		gateway.Op("RebootInstances", s.idsAccess, s.rebootInstances),
		gateway.Op("TerminateInstances", s.idsAccess, s.terminateInstances),
		gateway.Op("ModifyInstanceAttribute", s.modifyAccess, s.modifyAttribute).Except("only DisableApiTermination"),
		gateway.Op("AssociateIamInstanceProfile", s.associateAccess, s.associate),
		gateway.Op("ReplaceIamInstanceProfileAssociation", s.associationAccess, s.replaceAssociation),
		gateway.Op("DisassociateIamInstanceProfile", s.associationAccess, s.disassociate),
		gateway.Op("CreateTags", s.tagsAccess, s.createTags).Except("only instances have tags"),
		gateway.Op("DeleteTags", s.tagsAccess, s.deleteTags).Except("only instances have tags"),
	}
}

func (s *Service) otherOperations() []gateway.Operation {
	return []gateway.Operation{
		gateway.Op("DescribeInstances", anything[describeInput], s.describeInstances).Except(
			"Filter: those on what an instance here has; others are refused"),
		gateway.Op("DescribeInstanceStatus", anything[statusInput], s.describeInstanceStatus).Except(
			"status checks always pass on a running instance", "Filter: no event.*"),
		gateway.Op("DescribeInstanceAttribute", s.attributeAccess, s.describeAttribute).Except(
			"Attribute: only disableApiTermination, instanceType, userData"),
		gateway.Op("DescribeTags", anything[describeTagsInput], s.describeTags),
		gateway.Op("DescribeIamInstanceProfileAssociations", anything[describeAssociationsInput], s.describeAssociations).Except(
			"what has been disassociated is not listed"),
		gateway.Op("DescribeRegions", anything[regionsInput], describeRegions).Except("only regions that need no opt-in"),
		gateway.Op("DescribeAvailabilityZones", anything[zonesInput], describeZones).Except("three zones a region"),
	}
}

// Launch creates the instance, or replaces what is known of it. A zero launch time keeps the earlier one. An id that an
// instance of another account or region has is refused: it names a machine.
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
		var elsewhere bool
		err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM ec2_instance WHERE id = ? AND (account <> ? OR region <> ?))`,
			i.ID, i.Account, i.Region).Scan(&elsewhere)
		if err == nil && elsewhere {
			err = errors.New("another account or region has an instance with this id")
		}
		if err != nil {
			return fmt.Errorf("launch instance %s: %w", i.ID, err)
		}
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

// Instances lists the instances of an account in a region, ordered by id, the lately terminated ones included.
func (s *Service) Instances(ctx context.Context, account, region string) ([]Instance, error) {
	return s.list(ctx, `SELECT instance FROM ec2_instance WHERE account = ? AND region = ? ORDER BY id`, account, region)
}

// All lists the instances of all accounts and regions: the machines that the local AWS has to run.
func (s *Service) All(ctx context.Context) ([]Instance, error) {
	return s.list(ctx, `SELECT instance FROM ec2_instance ORDER BY account, region, id`)
}

func (s *Service) list(ctx context.Context, query string, args ...any) ([]Instance, error) {
	rows, err := s.db.QueryContext(ctx, query, args...)
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
		if !s.forgotten(i) {
			found = append(found, i)
		}
	}
	return found, rows.Err()
}

// forgotten says that an instance was terminated so long ago that it is not listed any more.
func (s *Service) forgotten(i Instance) bool {
	return i.State == Terminated && !i.Changed.IsZero() && s.now().Sub(i.Changed) > terminatedShown
}

// Instance finds one instance; [ErrNotFound] when the account has none with this id in the region.
func (s *Service) Instance(ctx context.Context, account, region, id string) (Instance, error) {
	i, err := load(ctx, s.db, account, region, id)
	if err == nil && s.forgotten(i) {
		err = fmt.Errorf("%s: %w", id, ErrNotFound)
	}
	return i, err
}

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
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

// newID makes an id of 17 hexadecimal digits, the first of which is 0 like those of AWS.
func (s *Service) newID(prefix string) (string, error) {
	b := make([]byte, 8)
	if _, err := io.ReadFull(s.rand, b); err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	return prefix + "0" + hex.EncodeToString(b), nil
}
