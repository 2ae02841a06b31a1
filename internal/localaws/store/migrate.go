package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// ErrNewer says that the state was written by a version of slipway that knows steps which this one does not.
var ErrNewer = errors.New("the state was written by a newer version of slipway")

// schema is which steps of which services a file has had.
type schema struct {
	mu      sync.Mutex
	applied map[string][]string // by service: the steps' keys, in the order in which they were applied
	known   map[string]bool     // services that have migrated since the file was opened
}

// loadSchema reads what was applied to the file, and nothing more: a file that is up to date is not written to.
func (db *DB) loadSchema(ctx context.Context) error {
	db.schema.applied, db.schema.known = map[string][]string{}, map[string]bool{}
	var n int
	err := db.conn.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema WHERE name = 'store_migration'`).Scan(&n)
	if err != nil || n == 0 {
		return err
	}
	rows, err := db.conn.QueryContext(ctx, `SELECT service, step FROM store_migration ORDER BY seq`)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var service, step string
		if err := rows.Scan(&service, &step); err != nil {
			return err
		}
		db.schema.applied[service] = append(db.schema.applied[service], step)
	}
	return rows.Err()
}

// Migrate brings the tables of a service up to date: of the ordered steps, each is applied to a file once, and the file
// remembers which it has had. A step that was released is never changed; what comes later is a new step.
//
// Files from before steps were remembered have had some of them, so the first steps of a service say IF NOT EXISTS, and
// ALTER TABLE … ADD COLUMN passes over a column that is there. The error is [ErrNewer] for a file that has had a step
// that is not among steps.
func (db *DB) Migrate(ctx context.Context, service string, steps ...string) error {
	s := &db.schema
	s.mu.Lock()
	defer s.mu.Unlock()
	keys := make([]string, len(steps))
	for i, step := range steps {
		keys[i] = stepKey(step)
	}
	applied := s.applied[service]
	for n, key := range applied {
		if !slices.Contains(keys, key) {
			return fmt.Errorf("migrate %s: step %d of the file in %s is not known here: %w", service, n+1, db.dir, ErrNewer)
		}
	}
	s.known[service] = true
	if len(applied) == len(keys) {
		return nil
	}
	err := db.Tx(ctx, func(tx *Tx) error {
		if _, err := tx.ExecContext(ctx, migrationTable); err != nil {
			return err
		}
		for i, step := range steps {
			if slices.Contains(applied, keys[i]) {
				continue
			}
			if err := tx.step(ctx, service, step, keys[i]); err != nil {
				return err
			}
			applied = append(applied, keys[i])
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("migrate %s: %w", service, err)
	}
	s.applied[service] = applied
	return nil
}

const migrationTable = `CREATE TABLE IF NOT EXISTS store_migration (
	seq INTEGER PRIMARY KEY, service TEXT NOT NULL, step TEXT NOT NULL, UNIQUE (service, step))`

// CheckServices fails with [ErrNewer] when the file holds tables of a service that has not migrated: one that only a
// newer version has. It comes after the last Migrate.
func (db *DB) CheckServices() error {
	s := &db.schema
	s.mu.Lock()
	defer s.mu.Unlock()
	for service := range s.applied {
		if !s.known[service] {
			return fmt.Errorf("the file in %s holds the service %s, which is not known here: %w", db.dir, service, ErrNewer)
		}
	}
	return nil
}

// stepKey names a step by its text; how it is broken into lines says nothing.
func stepKey(step string) string {
	sum := sha256.Sum256([]byte(strings.Join(strings.Fields(step), " ")))
	return hex.EncodeToString(sum[:12])
}

var addColumn = regexp.MustCompile(`(?is)^\s*ALTER\s+TABLE\s+(\w+)\s+ADD\s+(?:COLUMN\s+)?(\w+)\b`)

// step applies one step and remembers it.
func (tx *Tx) step(ctx context.Context, service, step, key string) error {
	there, err := tx.hasColumn(ctx, step)
	if err == nil && !there {
		_, err = tx.ExecContext(ctx, step)
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, `INSERT INTO store_migration (service, step) VALUES (?, ?) ON CONFLICT DO NOTHING`, service, key)
	}
	return err
}

// hasColumn says that a step adds a column which is there already.
func (tx *Tx) hasColumn(ctx context.Context, step string) (bool, error) {
	m := addColumn.FindStringSubmatch(step)
	if m == nil {
		return false, nil
	}
	var n int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM pragma_table_info(?) WHERE name = ?`, m[1], m[2]).Scan(&n)
	return n > 0, err
}
