// Package hybrid is what Systems Manager knows of machines outside of EC2 in the local AWS: activations, the nodes that
// registered with one (mi-…), and the credentials that these get, from their key to a session of the activation's role.
//
// A node proves who it is with an RSA key. It shows the public half when it registers, with the activation's code, and
// signs its requests for credentials with the private half (see sigv4's VerifyRSA); the gateway asks [Service.Machine] for
// the key. An EC2 instance without a usable instance profile gets a session of the account's default host management
// role in the same way. The operations belong to the service ssm; everything else about nodes is internal/localaws/ssm.
package hybrid

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
	"github.com/slipway-cd/slipway/internal/localaws/store"
	"github.com/slipway-cd/slipway/internal/localaws/sts"
)

// Instances knows the EC2 instances. [ec2.Service] does.
type Instances interface {
	Instance(ctx context.Context, account, region, id string) (ec2.Instance, error)
}

// Config is what a [Service] needs.
type Config struct {
	IAM       *iam.Service
	STS       *sts.Service
	Instances Instances
	// Now is the clock; nil means the real one.
	Now func() time.Time
	// Rand gives the bytes of ids and codes; nil means crypto/rand.
	Rand io.Reader
}

// Service keeps activations and hybrid nodes. It is safe for concurrent use.
type Service struct {
	db        *store.DB
	iam       *iam.Service
	sts       *sts.Service
	instances Instances
	now       func() time.Time
	rand      io.Reader
}

var _ gateway.Machines = (*Service)(nil)

// schema: times are Unix seconds. An EC2 instance that registered a key is a row of hybrid_node without an activation.
var schema = []string{
	`CREATE TABLE IF NOT EXISTS hybrid_activation (
		id TEXT PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, code BLOB NOT NULL, description TEXT NOT NULL,
		name TEXT NOT NULL, role TEXT NOT NULL, registration_limit INTEGER NOT NULL, registrations INTEGER NOT NULL DEFAULT 0,
		expires INTEGER NOT NULL, created INTEGER NOT NULL, tags TEXT NOT NULL) WITHOUT ROWID`,
	`CREATE INDEX IF NOT EXISTS hybrid_activation_owner ON hybrid_activation (account, region, id)`,
	`CREATE TABLE IF NOT EXISTS hybrid_node (
		account TEXT NOT NULL, region TEXT NOT NULL, id TEXT NOT NULL, activation TEXT NOT NULL, role TEXT NOT NULL,
		name TEXT NOT NULL, fingerprint TEXT NOT NULL, key TEXT NOT NULL, registered INTEGER NOT NULL, tags TEXT NOT NULL,
		PRIMARY KEY (account, region, id)) WITHOUT ROWID`,
	`CREATE INDEX IF NOT EXISTS hybrid_node_id ON hybrid_node (id)`,
	`CREATE TABLE IF NOT EXISTS hybrid_setting (
		account TEXT NOT NULL, region TEXT NOT NULL, id TEXT NOT NULL, value TEXT NOT NULL, modified INTEGER NOT NULL,
		modifier TEXT NOT NULL, PRIMARY KEY (account, region, id)) WITHOUT ROWID`,
}

// New makes the service and its tables.
func New(db *store.DB, cfg Config) (*Service, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if err := db.Migrate(context.Background(), "hybrid", schema...); err != nil {
		return nil, err
	}
	return &Service{db: db, iam: cfg.IAM, sts: cfg.STS, instances: cfg.Instances, now: cfg.Now, rand: cfg.Rand}, nil
}

// Operations are this package's part of the service ssm.
func (s *Service) Operations() []gateway.Operation {
	register := gateway.Op("RegisterManagedInstance", registerAccess, s.register).
		Except("IamRole is refused: without an activation only EC2 instances register")
	register.OrUnsigned = true
	token := gateway.Op("RequestManagedInstanceRoleToken", nil, s.roleToken)
	token.OrMachine = true
	key := gateway.Op("UpdateManagedInstancePublicKey", nil, s.updateKey)
	key.OrMachine = true
	onlyDefaultHost := "SettingId: only " + defaultHostSetting
	return []gateway.Operation{
		gateway.Op("CreateActivation", s.createActivationAccess, s.createActivation).Except("RegistrationMetadata is refused"),
		gateway.Op("DescribeActivations", describeActivationsAccess, s.describeActivations),
		gateway.Op("DeleteActivation", deleteActivationAccess, s.deleteActivation),
		gateway.Op("DeregisterManagedInstance", s.onNode, s.deregister),
		gateway.Op("UpdateManagedInstanceRole", s.updateRoleAccess, s.updateRole),
		register, token, key,
		gateway.Op("GetServiceSetting", settingAccess, s.getSetting).Except(onlyDefaultHost),
		gateway.Op("UpdateServiceSetting", s.updateSettingAccess, s.updateSetting).Except(onlyDefaultHost),
		gateway.Op("ResetServiceSetting", settingAccess, s.resetSetting).Except(onlyDefaultHost),
	}
}

// querier is what the database and a transaction of it have in common.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// change runs a statement and tells whether it changed a row.
func change(ctx context.Context, q querier, query string, args ...any) (bool, error) {
	result, err := q.ExecContext(ctx, query, args...)
	if err != nil {
		return false, fmt.Errorf("hybrid store: %w", err)
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// list reads rows.
func list[T any](ctx context.Context, q querier, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("hybrid store: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("hybrid store: %w", err)
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// first reads one row; found is false when there is none.
func first[T any](ctx context.Context, q querier, scan func(scanner) (T, error), query string, args ...any) (v T, found bool, err error) {
	v, err = scan(q.QueryRowContext(ctx, query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return v, false, nil
	}
	if err != nil {
		return v, false, fmt.Errorf("hybrid store: %w", err)
	}
	return v, true, nil
}

type scanner interface{ Scan(...any) error }

// random gives n random bytes.
func (s *Service) random(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.rand, b); err != nil {
		return nil, fmt.Errorf("make an id: %w", err)
	}
	return b, nil
}

func encode(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

func fault(code, format string, args ...any) error {
	return &gateway.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// violated is how AWS's front end says that a member is not as the service model wants it.
func violated(value any, path, constraint string) error {
	text := "null"
	if value != nil {
		text = fmt.Sprintf("'%v'", value)
	}
	return fault("ValidationException", "1 validation error detected: Value %s at '%s' failed to satisfy constraint: %s", text, path, constraint)
}
