package s3

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// bucket is one bucket.
type bucket struct {
	id                    int64
	name, account, region string
	created               time.Time
	settings              settings
}

// settings are what can be configured of a bucket.
type settings struct {
	Versioning   string        `json:"versioning,omitempty"` // Enabled, Suspended, or never set
	Policy       string        `json:"policy,omitempty"`
	Tags         []tag         `json:"tags,omitempty"`
	PublicAccess *publicAccess `json:"publicAccess,omitempty"`
	Ownership    string        `json:"ownership,omitempty"`
	BucketKey    bool          `json:"bucketKey,omitempty"`
}

const (
	enabled   = "Enabled"
	suspended = "Suspended"
	enforced  = "BucketOwnerEnforced"
)

// newSettings are those of every new bucket since April 2023.
func newSettings() settings {
	return settings{Ownership: enforced, PublicAccess: &publicAccess{true, true, true, true}}
}

var errNoBucket = errors.New("no such bucket")

// querier is the database, or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

const bucketColumns = `id, name, account, region, created, settings`

func findBucket(ctx context.Context, q querier, name string) (*bucket, error) {
	b, err := scanBucket(q.QueryRowContext(ctx, `SELECT `+bucketColumns+` FROM s3_bucket WHERE name = ?`, name))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errNoBucket
	}
	return b, err
}

func scanBucket(row interface{ Scan(...any) error }) (*bucket, error) {
	b := &bucket{}
	var created int64
	var encoded string
	if err := row.Scan(&b.id, &b.name, &b.account, &b.region, &created, &encoded); err != nil {
		return nil, err
	}
	b.created = time.Unix(0, created).UTC()
	if err := json.Unmarshal([]byte(encoded), &b.settings); err != nil {
		return nil, fmt.Errorf("bucket %s: %w", b.name, err)
	}
	return b, nil
}

func (s *Service) makeBucket(ctx context.Context, tx *store.Tx, b *bucket) error {
	encoded, err := json.Marshal(b.settings)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO s3_bucket (name, account, region, created, settings) VALUES (?, ?, ?, ?, ?)`,
		b.name, b.account, b.region, s.now().UnixNano(), string(encoded))
	return err
}

// again reads the bucket anew inside of a transaction: it may be another one by now, or gone.
func (b *bucket) again(ctx context.Context, tx *store.Tx) (*bucket, error) {
	now, err := findBucket(ctx, tx, b.name)
	if errors.Is(err, errNoBucket) || err == nil && now.id != b.id {
		return nil, fail("NoSuchBucket", detail("BucketName", b.name))
	}
	return now, err
}

// configure changes the settings of a bucket.
func (s *Service) configure(ctx context.Context, b *bucket, change func(*settings) error) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		now, err := b.again(ctx, tx)
		if err != nil {
			return err
		}
		if err := change(&now.settings); err != nil {
			return err
		}
		encoded, err := json.Marshal(now.settings)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE s3_bucket SET settings = ? WHERE id = ?`, string(encoded), b.id)
		return err
	})
}
