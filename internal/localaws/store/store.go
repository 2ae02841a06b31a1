// Package store opens the SQLite database that holds the state of a local AWS.
//
// Each service owns its tables and makes them with [DB.Migrate]. Writes go through one connection, one transaction
// after another ([DB.Tx]); reads outside of transactions have connections of their own and wait for no write. Both keep
// their statements prepared. An acknowledged write survives kill -9 of the process and is seen by every read that
// begins after it; power loss is not promised, so nothing waits for the disk.
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

// File is the name of the database in its directory.
const File = "state.db"

// DB is the database of one local AWS. It is safe for concurrent use.
type DB struct {
	dir       string
	temporary bool // dir goes with Close

	pool   *sql.DB // of the one connection that writes
	conn   *sql.Conn
	writes statements
	begin  transaction

	readers *sql.DB
	reads   statements

	schema schema
	turns  turns
}

// Open opens, or makes, the database in dir. An empty dir gives a database in a temporary directory that is gone with
// Close.
func Open(dir string) (*DB, error) {
	db := &DB{dir: dir}
	err := db.open()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open local AWS state in %s: %w", db.dir, err), db.Close())
	}
	return db, nil
}

const (
	// busy: other processes read the file (slipway local events), and hold it for a moment.
	pragmas = "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)" +
		"&_pragma=foreign_keys(1)&_pragma=temp_store(MEMORY)&_txlock=immediate"
	writePragmas = pragmas + "&_pragma=cache_size(-32000)&_pragma=wal_autocheckpoint(4000)"
	readPragmas  = pragmas + "&_pragma=cache_size(-8000)&_pragma=query_only(1)"
	// maxReaders is how many reads run at once. More than processors, because rows may be held open for a while.
	maxReaders = 8
)

func (db *DB) open() (err error) {
	if db.dir == "" {
		if db.dir, err = os.MkdirTemp("", "slipway-state-"); err != nil {
			return err
		}
		db.temporary = true
	}
	name, err := prepare(db.dir)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if db.pool, err = sql.Open("sqlite", name+writePragmas); err != nil {
		return err
	}
	db.pool.SetMaxOpenConns(1)
	if db.conn, err = db.pool.Conn(ctx); err != nil {
		return err
	}
	db.writes.on = db.conn
	if db.begin, err = newTransaction(ctx, db.conn); err != nil {
		return err
	}
	if db.readers, err = sql.Open("sqlite", name+readPragmas); err != nil {
		return err
	}
	db.readers.SetMaxOpenConns(maxReaders)
	db.readers.SetMaxIdleConns(maxReaders)
	db.reads.on = db.readers
	return db.loadSchema(ctx)
}

// Close closes the database.
func (db *DB) Close() error {
	errs := []error{db.reads.close(), db.writes.close(), db.begin.close()}
	if db.readers != nil {
		errs = append(errs, db.readers.Close())
	}
	if db.conn != nil {
		errs = append(errs, db.conn.Close())
	}
	if db.pool != nil {
		errs = append(errs, db.pool.Close())
	}
	if db.temporary {
		errs = append(errs, os.RemoveAll(db.dir))
	}
	return errors.Join(errs...)
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
	path := filepath.Join(dir, File)
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
	return uri(path), nil
}

// uri is a file as SQLite's URI. Path, unlike Opaque, is escaped: a directory may be named what?.
func uri(path string) string { return (&url.URL{Scheme: "file", Path: path}).String() }

// QueryContext reads outside of a transaction. It sees every write that was acknowledged before. A statement that
// writes fails. ctx bounds nothing once the statement runs.
func (db *DB) QueryContext(_ context.Context, query string, args ...any) (*sql.Rows, error) {
	return db.reads.query(query, args)
}

// QueryRowContext is [DB.QueryContext] for one row.
func (db *DB) QueryRowContext(_ context.Context, query string, args ...any) *sql.Row {
	return db.reads.queryRow(query, args)
}

// ExecContext runs one statement in a transaction of its own.
func (db *DB) ExecContext(ctx context.Context, query string, args ...any) (result sql.Result, err error) {
	err = db.Tx(ctx, func(tx *Tx) error {
		result, err = tx.ExecContext(ctx, query, args...)
		return err
	})
	return result, err
}

// CopyTo writes what is committed to a new database file at path, while others read and write. It may be called inside a
// [DB.Tx], to which it does not belong: then nothing else is committed meanwhile.
func (db *DB) CopyTo(ctx context.Context, path string) error {
	source, err := sql.Open("sqlite", uri(filepath.Join(db.dir, File))+pragmas)
	if err == nil {
		_, err = source.ExecContext(ctx, `VACUUM INTO ?`, path)
		err = errors.Join(err, source.Close())
	}
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		return fmt.Errorf("copy local AWS state: %w", err)
	}
	return nil
}

// Check reads the whole file, and fails when it is damaged.
func (db *DB) Check(ctx context.Context) error {
	var found string
	err := db.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&found)
	if err == nil && found != "ok" {
		err = errors.New(found)
	}
	if err != nil {
		return fmt.Errorf("check local AWS state in %s: %w", db.dir, err)
	}
	return nil
}
