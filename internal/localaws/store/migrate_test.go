package store_test

import (
	"errors"
	"testing"

	"github.com/slipway-cd/slipway/internal/localaws/store"
)

func open(t *testing.T, dir string) *store.DB {
	t.Helper()
	db, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func number(t *testing.T, db *store.DB, query string) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestStepsAreAppliedOnce: a step that is not idempotent shows that none is repeated, nor one in the middle left out.
func TestStepsAreAppliedOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const table, row, other = `CREATE TABLE t (x)`, `INSERT INTO t VALUES (1)`, `INSERT INTO t VALUES (2)`
	for _, steps := range [][]string{{table, row}, {table, row}, {table, other, row}, {"CREATE\n\tTABLE t (x)", other, row}} {
		db := open(t, dir)
		if err := db.Migrate(t.Context(), "test", steps...); err != nil {
			t.Fatal(err)
		}
		if err := db.CheckServices(); err != nil {
			t.Fatal(err)
		}
		if got, want := number(t, db, `SELECT count(*) FROM t`), len(steps)-1; got != want {
			t.Errorf("%d rows, want %d", got, want)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFailedStep: a migration that fails changes nothing, and is tried again.
func TestFailedStep(t *testing.T) {
	t.Parallel()
	db := open(t, "")
	for range 2 {
		if err := db.Migrate(t.Context(), "test", `CREATE TABLE t (x)`, `INSERT INTO missing VALUES (1)`); err == nil {
			t.Fatal("a step on a missing table passed")
		}
	}
	if err := db.Migrate(t.Context(), "test", `CREATE TABLE t (x)`, `INSERT INTO t VALUES (1)`); err != nil {
		t.Fatal(err)
	}
}

// TestNewerState: what a newer version wrote is refused, and not touched.
func TestNewerState(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	newer := open(t, dir)
	for _, service := range []string{"test", "later"} {
		if err := newer.Migrate(t.Context(), service, `CREATE TABLE IF NOT EXISTS t (x)`, `ALTER TABLE t ADD COLUMN y`); err != nil {
			t.Fatal(err)
		}
	}
	if err := newer.Close(); err != nil {
		t.Fatal(err)
	}
	db := open(t, dir)
	if err := db.Migrate(t.Context(), "test", `CREATE TABLE IF NOT EXISTS t (x)`); !errors.Is(err, store.ErrNewer) {
		t.Errorf("an unknown step: %v", err)
	}
	if err := db.Migrate(t.Context(), "test", `CREATE TABLE IF NOT EXISTS t (x)`, `ALTER TABLE t ADD COLUMN y`); err != nil {
		t.Error(err)
	}
	if err := db.CheckServices(); !errors.Is(err, store.ErrNewer) {
		t.Errorf("an unknown service: %v", err)
	}
}

// TestColumnThatIsThere: a file from before steps were remembered may have the column already.
func TestColumnThatIsThere(t *testing.T) {
	t.Parallel()
	db := open(t, "")
	if _, err := db.ExecContext(t.Context(), `CREATE TABLE t (x, y TEXT NOT NULL DEFAULT 'old')`); err != nil {
		t.Fatal(err)
	}
	err := db.Migrate(t.Context(), "test", `CREATE TABLE IF NOT EXISTS t (x)`, `ALTER TABLE t ADD COLUMN y TEXT NOT NULL DEFAULT ''`,
		`alter table t add z INTEGER NOT NULL DEFAULT 3`, `INSERT INTO t (x) VALUES (1)`)
	if err != nil {
		t.Fatal(err)
	}
	if got := number(t, db, `SELECT count(*) FROM t WHERE y = 'old' AND z = 3`); got != 1 {
		t.Errorf("%d rows", got)
	}
}
