// Package iam is the identity store of the local AWS: accounts, users, groups, access keys, roles, managed policies,
// instance profiles and OpenID Connect providers, and the sessions that STS makes.
//
// It answers the gateway's questions ([gateway.Directory]: who has this key, which policies apply) and serves the IAM
// Query API of 2010-05-08. Its state is in SQLite; credentials and compiled policies are kept in memory until the
// next change. An account sees nothing of another account. The package decides nothing itself: the policy language
// is package iam of this module, imported as engine.
package iam

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// Service is the identity store. It is safe for concurrent use.
type Service struct {
	db  *store.DB
	now func() time.Time

	randMu sync.Mutex
	rand   io.Reader

	cache         cache
	organizations gateway.Organizations
	events        EventLog
	foldMu        sync.Mutex // one reads the log at a time
}

// New opens the identity store in db, and makes its tables when they are not there. now and rand make dates and ids.
func New(db *store.DB, now func() time.Time, rand io.Reader) (*Service, error) {
	if err := db.Migrate(context.Background(), "iam", schema...); err != nil {
		return nil, err
	}
	return &Service{db: db, now: now, rand: rand}, nil
}

// API is the IAM service for [gateway.Gateway.Register].
func (s *Service) API() gateway.Service {
	var operations []gateway.Operation
	for _, group := range [][]gateway.Operation{
		s.roleOperations(), s.rolePolicyOperations(), s.policyOperations(), s.userOperations(),
		s.userPolicyOperations(), s.keyOperations(), s.profileOperations(), s.providerOperations(),
		s.groupOperations(), s.groupPolicyOperations(), s.tagOperations(), s.policyVersionOperations(), s.accountOperations(),
		s.linkedOperations(), s.simulateOperations(), s.contextKeyOperations(),
		s.lastAccessOperations(), s.authDetailsOperations(),
	} {
		operations = append(operations, group...)
	}
	return gateway.Service{
		Name:       "iam",
		Protocol:   gateway.Query,
		Version:    "2010-05-08",
		Namespace:  "https://iam.amazonaws.com/doc/2010-05-08/",
		Global:     true,
		Operations: operations,
	}
}

// schema: names are unique whatever their case, but found only in their own case, so that a policy on one spelling
// cannot be passed by with another.
var schema = []string{
	`CREATE TABLE IF NOT EXISTS iam_accounts (id TEXT PRIMARY KEY)`,
	`CREATE TABLE IF NOT EXISTS iam_users (
		account TEXT NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL, id TEXT NOT NULL, created INTEGER NOT NULL,
		boundary TEXT NOT NULL DEFAULT '')`,
	`CREATE UNIQUE INDEX IF NOT EXISTS iam_users_name ON iam_users (account, name COLLATE NOCASE)`,
	`CREATE TABLE IF NOT EXISTS iam_keys (
		id TEXT PRIMARY KEY, account TEXT NOT NULL, user TEXT NOT NULL, secret TEXT NOT NULL,
		active INTEGER NOT NULL, created INTEGER NOT NULL)`,
	`CREATE TABLE IF NOT EXISTS iam_roles (
		account TEXT NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL, id TEXT NOT NULL, created INTEGER NOT NULL,
		boundary TEXT NOT NULL DEFAULT '', trust TEXT NOT NULL, description TEXT NOT NULL, max_session INTEGER NOT NULL,
		tags TEXT NOT NULL)`,
	`CREATE UNIQUE INDEX IF NOT EXISTS iam_roles_name ON iam_roles (account, name COLLATE NOCASE)`,
	`CREATE TABLE IF NOT EXISTS iam_inline (
		account TEXT NOT NULL, kind TEXT NOT NULL, owner TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL,
		PRIMARY KEY (account, kind, owner, name))`,
	`CREATE TABLE IF NOT EXISTS iam_attached (
		account TEXT NOT NULL, kind TEXT NOT NULL, owner TEXT NOT NULL, arn TEXT NOT NULL,
		PRIMARY KEY (account, kind, owner, arn))`,
	`CREATE TABLE IF NOT EXISTS iam_policies (
		arn TEXT PRIMARY KEY, account TEXT NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL, id TEXT NOT NULL,
		created INTEGER NOT NULL, updated INTEGER NOT NULL, description TEXT NOT NULL, version INTEGER NOT NULL)`,
	`CREATE UNIQUE INDEX IF NOT EXISTS iam_policies_name ON iam_policies (account, name COLLATE NOCASE)`,
	`CREATE TABLE IF NOT EXISTS iam_policy_versions (
		arn TEXT NOT NULL, version INTEGER NOT NULL, document TEXT NOT NULL, created INTEGER NOT NULL,
		PRIMARY KEY (arn, version))`,
	`CREATE TABLE IF NOT EXISTS iam_profiles (
		account TEXT NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL, id TEXT NOT NULL, created INTEGER NOT NULL,
		role TEXT NOT NULL)`,
	`CREATE UNIQUE INDEX IF NOT EXISTS iam_profiles_name ON iam_profiles (account, name COLLATE NOCASE)`,
	`CREATE TABLE IF NOT EXISTS iam_providers (
		arn TEXT PRIMARY KEY, account TEXT NOT NULL, url TEXT NOT NULL, clients TEXT NOT NULL, thumbprints TEXT NOT NULL,
		created INTEGER NOT NULL)`,
	`CREATE TABLE IF NOT EXISTS iam_sessions (
		id TEXT PRIMARY KEY, secret TEXT NOT NULL, token TEXT NOT NULL, account TEXT NOT NULL, role TEXT NOT NULL,
		role_id TEXT NOT NULL, name TEXT NOT NULL, policies TEXT NOT NULL, tags TEXT NOT NULL, source TEXT NOT NULL,
		expires INTEGER NOT NULL)`,
	`ALTER TABLE iam_sessions ADD COLUMN instance TEXT NOT NULL DEFAULT ''`,
	`CREATE TABLE IF NOT EXISTS iam_groups (
		account TEXT NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL, id TEXT NOT NULL, created INTEGER NOT NULL)`,
	`CREATE UNIQUE INDEX IF NOT EXISTS iam_groups_name ON iam_groups (account, name COLLATE NOCASE)`,
	`CREATE TABLE IF NOT EXISTS iam_members (
		account TEXT NOT NULL, groupname TEXT NOT NULL, user TEXT NOT NULL, PRIMARY KEY (account, user, groupname))`,
	`CREATE TABLE IF NOT EXISTS iam_aliases (account TEXT PRIMARY KEY, alias TEXT NOT NULL UNIQUE)`,
	`CREATE TABLE IF NOT EXISTS iam_deletions (account TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (account, id))`,
	`ALTER TABLE iam_users ADD COLUMN tags TEXT NOT NULL DEFAULT ''`,
	`ALTER TABLE iam_policies ADD COLUMN tags TEXT NOT NULL DEFAULT ''`,
	`ALTER TABLE iam_profiles ADD COLUMN tags TEXT NOT NULL DEFAULT ''`,
	`ALTER TABLE iam_providers ADD COLUMN tags TEXT NOT NULL DEFAULT ''`,
	`ALTER TABLE iam_sessions ADD COLUMN transitive TEXT NOT NULL DEFAULT 'null'`,
	`CREATE INDEX IF NOT EXISTS iam_sessions_expires ON iam_sessions (expires)`,
	`CREATE TABLE IF NOT EXISTS iam_used (
		account TEXT NOT NULL, entity TEXT NOT NULL, key TEXT NOT NULL, service TEXT NOT NULL, region TEXT NOT NULL,
		milli INTEGER NOT NULL, PRIMARY KEY (account, entity, key, service))`,
	`CREATE TABLE IF NOT EXISTS iam_used_mark (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL)`,
	`CREATE TABLE IF NOT EXISTS iam_jobs (id TEXT PRIMARY KEY, account TEXT NOT NULL, created INTEGER NOT NULL, body TEXT NOT NULL)`,
	`ALTER TABLE iam_sessions ADD COLUMN issued INTEGER NOT NULL DEFAULT 0`,
	`ALTER TABLE iam_accounts ADD COLUMN made INTEGER NOT NULL DEFAULT 0`, // the order in which accounts were made
	`UPDATE iam_accounts SET made = rowid`,
}

// querier is a transaction, or the database outside of one.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// write runs f in a transaction, and forgets what was kept in memory when it changed something.
func (s *Service) write(ctx context.Context, f func(q querier) error) error {
	err := s.db.Tx(ctx, func(tx *store.Tx) error { return f(tx) })
	if err == nil {
		s.cache.clear()
	}
	return err
}

// exec runs a statement and gives the number of rows it changed.
func exec(ctx context.Context, q querier, query string, args ...any) (int64, error) {
	result, err := q.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, fmt.Errorf("iam store: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("iam store: %w", err)
	}
	return n, nil
}

// execAll runs statements that all take the same arguments.
func execAll(ctx context.Context, q querier, args []any, queries ...string) error {
	for _, query := range queries {
		if _, err := exec(ctx, q, query, args...); err != nil {
			return err
		}
	}
	return nil
}

// one reads one row; found is false when there is none.
func one(ctx context.Context, q querier, query string, args, into []any) (found bool, err error) {
	err = q.QueryRowContext(ctx, query, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("iam store: %w", err)
	}
	return true, nil
}

// many reads rows of the same shape; scan makes a value of each.
func many[T any](ctx context.Context, q querier, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("iam store: %w", err)
	}
	defer func() { _ = rows.Close() }()
	out := []T{}
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("iam store: %w", err)
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

func scanText(rows *sql.Rows) (s string, err error) {
	err = rows.Scan(&s)
	return s, err
}

// count reads one number.
func count(ctx context.Context, q querier, query string, args ...any) (n int, err error) {
	_, err = one(ctx, q, query, args, []any{&n})
	return n, err
}
