// Package store opens the SQLite database that holds the state of a local AWS.
//
// Each service owns its tables and creates them with [DB.Migrate]. An acknowledged write survives kill -9 of the
// process; power loss is not promised, so nothing waits for the disk.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the database/sql driver, pure Go
)

// DB is the database of one local AWS. The embedded pool is safe for concurrent use.
type DB struct{ *sql.DB }

// Open opens, or makes, the database in dir. An empty dir gives a database in memory that is gone with Close.
func Open(dir string) (*DB, error) {
	name := "file::memory:"
	if dir != "" {
		var err error
		if name, err = prepare(dir); err != nil {
			return nil, fmt.Errorf("open local AWS state: %w", err)
		}
	}
	pragmas := "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=foreign_keys(1)&_txlock=immediate"
	db, err := sql.Open("sqlite", name+pragmas)
	if err != nil {
		return nil, fmt.Errorf("open local AWS state: %w", err)
	}
	// One connection: SQLite has one writer anyway, and an in-memory database lives in its connection.
	db.SetMaxOpenConns(1)
	if err := db.Ping(); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("open local AWS state in %s: %w", dir, err)
	}
	return &DB{db}, nil
}

// prepare makes dir and the database file in it and gives the file as SQLite's URI. The file holds secret keys: it is
// for its owner alone, and SQLite gives the files that it makes beside it (-wal, -shm) the same mode.
func prepare(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "state.db")
	// A file that is there is not opened here: closing it would take the locks of a connection in this process away.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err == nil {
		err = file.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Chmod(path+suffix, 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	// Path, unlike Opaque, is escaped: a directory may be named what?.
	return (&url.URL{Scheme: "file", Path: path}).String(), nil
}

// Migrate runs a service's CREATE TABLE IF NOT EXISTS statements in one transaction.
func (db *DB) Migrate(ctx context.Context, service string, statements ...string) error {
	return db.Tx(ctx, func(tx *Tx) error {
		for _, s := range statements {
			if _, err := tx.ExecContext(ctx, s); err != nil {
				return fmt.Errorf("migrate %s: %w", service, err)
			}
		}
		return nil
	})
}

// AddColumn adds a column to a table that an earlier version made without it.
func (db *DB) AddColumn(ctx context.Context, table, column, declaration string) error {
	return db.Tx(ctx, func(tx *Tx) error {
		var n int
		err := tx.QueryRowContext(ctx, `SELECT count(*) FROM pragma_table_info(?) WHERE name = ?`, table, column).Scan(&n)
		if err == nil && n == 0 {
			_, err = tx.ExecContext(ctx, `ALTER TABLE `+table+` ADD COLUMN `+column+` `+declaration)
		}
		if err != nil {
			return fmt.Errorf("migrate %s: %w", table, err)
		}
		return nil
	})
}

// Tx is a transaction of a [DB].
type Tx struct{ *sql.Tx }

// Tx runs f in a transaction: committed when f returns nil, rolled back otherwise. f must use tx only:
// there is one connection, so a query on the DB inside f would wait for itself.
func (db *DB) Tx(ctx context.Context, f func(tx *Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := f(&Tx{tx}); err != nil {
		return err
	}
	return tx.Commit()
}
