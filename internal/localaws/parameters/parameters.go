// Package parameters is Parameter Store: the part of Systems Manager that keeps configuration and secrets, with their
// versions, labels and paths.
//
// It is a part of the service ssm: [Service.Operations] go into that service's list, and [Service] keeps the tags of the
// resource type Parameter. A SecureString is encrypted in the state with a key of its account and region, the local
// alias/aws/ssm; there are no other keys.
package parameters

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// Service is Parameter Store. It is safe for concurrent use.
type Service struct {
	db   *store.DB
	now  func() time.Time
	rand io.Reader
}

var schema = []string{
	`CREATE TABLE IF NOT EXISTS parameters_name (
		account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, tags TEXT NOT NULL DEFAULT '{}',
		PRIMARY KEY (account, region, name)) WITHOUT ROWID`,
	`CREATE TABLE IF NOT EXISTS parameters_version (
		account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, content TEXT NOT NULL,
		PRIMARY KEY (account, region, name, version)) WITHOUT ROWID`,
	`CREATE TABLE IF NOT EXISTS parameters_key (
		account TEXT NOT NULL, region TEXT NOT NULL, secret BLOB NOT NULL, PRIMARY KEY (account, region)) WITHOUT ROWID`,
}

// New makes the service and its tables. A nil now means the real clock, a nil random crypto/rand.
func New(db *store.DB, now func() time.Time, random io.Reader) (*Service, error) {
	if now == nil {
		now = time.Now
	}
	if random == nil {
		random = rand.Reader
	}
	if err := db.Migrate(context.Background(), "parameters", schema...); err != nil {
		return nil, err
	}
	return &Service{db: db, now: now, rand: random}, nil
}

// Operations are those of Parameter Store, for the list of the service ssm.
func (s *Service) Operations() []gateway.Operation {
	const noPublic = "public parameters (/aws/…) are not there"
	return []gateway.Operation{
		gateway.Op("PutParameter", s.putAccess, s.put).Except(
			"KeyId: only alias/aws/ssm; there are no customer keys", "Policies is refused",
			"DataType: only text", "AllowedPattern: expressions that Go's regexp cannot read are refused"),
		gateway.Op("GetParameter", s.getAccess, s.get).Except(noPublic, "parameters that another account shares are not there"),
		gateway.Op("GetParameters", s.getManyAccess, s.getMany).Except(noPublic, "parameters that another account shares are not there"),
		gateway.Op("GetParametersByPath", s.byPathAccess, s.byPath).Except(noPublic),
		gateway.Op("GetParameterHistory", s.historyAccess, s.history),
		gateway.Op("DescribeParameters", describeAccess, s.describe).Except("Shared is refused: nothing is shared"),
		gateway.Op("DeleteParameter", s.deleteAccess, s.delete),
		gateway.Op("DeleteParameters", s.deleteManyAccess, s.deleteMany),
		gateway.Op("LabelParameterVersion", s.labelAccess, s.label),
		gateway.Op("UnlabelParameterVersion", s.labelAccess, s.unlabel),
	}
}

// version is one version of a parameter, as it is stored.
type version struct {
	Name     string `json:"name"`
	Version  int64  `json:"version"`
	Type     string `json:"type"`
	Value    string `json:"value"` // of a SecureString: the ciphertext in base64
	KeyID    string `json:"key,omitempty"`
	About    string `json:"about,omitempty"` // its description
	Pattern  string `json:"pattern,omitempty"`
	Tier     string `json:"tier"`
	DataType string `json:"dataType"`
	User     string `json:"user"`
	Modified int64  `json:"modified"` // milliseconds since 1970
	// Labels are sorted.
	Labels []string `json:"labels,omitempty"`
}

func (v version) modified() time.Time { return time.UnixMilli(v.Modified).UTC() }

// space is where an account's parameters of a region are.
type space struct{ account, region string }

func spaceOf(c *gateway.Call) space { return space{c.Caller.Account, c.Region} }

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// errNone says that there is no such parameter or version.
var errNone = errors.New("does not exist")

// latest gives the newest version of a parameter, and its tags.
func latest(ctx context.Context, q querier, at space, name string) (v version, tags map[string]string, err error) {
	var content, text string
	err = q.QueryRowContext(ctx, `SELECT v.content, n.tags FROM parameters_name n JOIN parameters_version v USING (account, region, name, version)
		WHERE n.account = ? AND n.region = ? AND n.name = ?`, at.account, at.region, name).Scan(&content, &text)
	if errors.Is(err, sql.ErrNoRows) {
		return version{}, nil, errNone
	}
	if err == nil {
		err = errors.Join(json.Unmarshal([]byte(content), &v), json.Unmarshal([]byte(text), &tags))
	}
	if err != nil {
		return version{}, nil, fmt.Errorf("read parameter: %w", err)
	}
	return v, tags, nil
}

// versions lists those of a parameter, the oldest first.
func versions(ctx context.Context, q querier, at space, name string) ([]version, error) {
	rows, err := q.QueryContext(ctx, `SELECT content FROM parameters_version WHERE account = ? AND region = ? AND name = ? ORDER BY version`,
		at.account, at.region, name)
	return scan(rows, err)
}

func scan(rows *sql.Rows, err error) ([]version, error) {
	if err != nil {
		return nil, fmt.Errorf("read parameters: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []version
	for rows.Next() {
		var content string
		var v version
		if err := rows.Scan(&content); err != nil {
			return nil, fmt.Errorf("read parameters: %w", err)
		}
		if err := json.Unmarshal([]byte(content), &v); err != nil {
			return nil, fmt.Errorf("read parameters: %w", err)
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// save writes a version in the place of what it was.
func save(ctx context.Context, tx *store.Tx, at space, v version) error {
	text, err := json.Marshal(v)
	if err == nil {
		_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO parameters_version (account, region, name, version, content) VALUES (?,?,?,?,?)`,
			at.account, at.region, v.Name, v.Version, string(text))
	}
	if err != nil {
		return fmt.Errorf("write parameter: %w", err)
	}
	return nil
}

// access is the permission on a parameter, with the tags that it has and the keys that the request adds.
func (s *Service) access(ctx context.Context, c *gateway.Call, name string, keys map[string][]string) (gateway.Access, error) {
	_, tags, err := latest(ctx, s.db, spaceOf(c), name)
	if err != nil && !errors.Is(err, errNone) {
		return gateway.Access{}, err
	}
	all := map[string][]string{}
	for k, v := range keys {
		all[k] = v
	}
	for k, v := range tags {
		all["aws:ResourceTag/"+k] = []string{v}
		all["ssm:resourceTag/"+k] = []string{v}
	}
	return gateway.Access{Resource: arn(spaceOf(c), name), Context: all}, nil
}
