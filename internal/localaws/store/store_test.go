package store_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// TestOddDirectories: what is special in a URI is not in a path.
func TestOddDirectories(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"what?", "#1", "100%", "a%20b", "a b&_pragma=x", "ünïcode", "back\\slash"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parent := t.TempDir()
			dir := filepath.Join(parent, name)
			db, err := store.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = db.Close() }()
			if err := db.Migrate(t.Context(), "test", `CREATE TABLE t (x)`); err != nil {
				t.Fatal(err)
			}
			var path, mode string
			if err := db.QueryRowContext(context.Background(), `SELECT file FROM pragma_database_list`).Scan(&path); err != nil {
				t.Fatal(err)
			}
			if want := filepath.Join(dir, "state.db"); path != want {
				t.Errorf("the database is %s, want %s", path, want)
			}
			if err := db.QueryRowContext(context.Background(), `PRAGMA journal_mode`).Scan(&mode); err != nil || mode != "wal" {
				t.Errorf("journal mode %s, %v, want wal", mode, err)
			}
			entries, err := os.ReadDir(parent)
			if err != nil || len(entries) != 1 {
				t.Errorf("beside the directory there is %v, %v", entries, err)
			}
		})
	}
}

// TestStateIsTheOwners: the state holds secret keys; nobody else may read it, also when an earlier version let them.
func TestStateIsTheOwners(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	modes := func() {
		t.Helper()
		db, err := store.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		if err := db.Migrate(t.Context(), "test", `CREATE TABLE IF NOT EXISTS t (x)`); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"state.db", "state.db-wal", "state.db-shm"} {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if got := info.Mode().Perm(); got != 0o600 {
				t.Errorf("%s has mode %o, want 600", name, got)
			}
		}
	}
	modes()
	if err := os.Chmod(filepath.Join(dir, "state.db"), 0o644); err != nil {
		t.Fatal(err)
	}
	modes()
}

// TestOpenInOpen: preparing the file must not take the locks of a connection that this process has already.
func TestOpenInOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = first.Close() }()
	second, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = second.Close() }()
	if err := first.Migrate(t.Context(), "test", `CREATE TABLE t (x)`, `INSERT INTO t VALUES (1)`); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := second.QueryRowContext(context.Background(), `SELECT count(*) FROM t`).Scan(&n); err != nil || n != 1 {
		t.Errorf("%d rows, %v", n, err)
	}
}
