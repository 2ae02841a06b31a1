package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"sync"
)

// Tx is a transaction of a [DB].
type Tx struct{ db *DB }

// ExecContext runs a statement in the transaction.
func (tx *Tx) ExecContext(_ context.Context, query string, args ...any) (sql.Result, error) {
	return tx.db.writes.exec(query, args)
}

// QueryContext reads in the transaction. The rows must be closed before the same query is asked again.
func (tx *Tx) QueryContext(_ context.Context, query string, args ...any) (*sql.Rows, error) {
	return tx.db.writes.query(query, args)
}

// QueryRowContext is [Tx.QueryContext] for one row.
func (tx *Tx) QueryRowContext(_ context.Context, query string, args ...any) *sql.Row {
	return tx.db.writes.queryRow(query, args)
}

// Tx runs f in a transaction: committed when f returns nil, rolled back otherwise. f must use tx only: a query on the
// DB inside f does not see what f has written, and another Tx waits for itself.
//
// Transactions that wait for their turn are carried out and committed together with the one that runs. Each is rolled
// back by itself when it fails, and no Tx returns nil before the commit that holds it. f may run on another goroutine.
func (db *DB) Tx(ctx context.Context, f func(tx *Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m := &member{do: f}
	if db.turns.take(m) {
		db.lead(m)
	}
	if m.panicked != nil {
		panic(m.panicked)
	}
	return m.err
}

// member is a transaction that is carried out with others.
type member struct {
	do       func(tx *Tx) error
	err      error
	panicked any
	// turn says that it is carried out (false), or that it is its turn to lead (true).
	turn chan bool
}

// run carries the member out and says whether it has succeeded. A panic is the caller's, not the leader's.
func (m *member) run(tx *Tx) bool {
	defer func() {
		if p := recover(); p != nil {
			m.panicked, m.err = p, fmt.Errorf("panic in a transaction: %v", p)
		}
	}()
	m.err = m.do(tx)
	return m.err == nil
}

// turns orders the transactions. The one that finds nobody leading leads.
type turns struct {
	mu      sync.Mutex
	leading bool
	waiting []*member
}

// take waits for m's turn; lead is false when m was carried out by another leader meanwhile.
func (t *turns) take(m *member) (lead bool) {
	t.mu.Lock()
	if !t.leading {
		t.leading = true
		t.mu.Unlock()
		return true
	}
	m.turn = make(chan bool, 1)
	t.waiting = append(t.waiting, m)
	t.mu.Unlock()
	return <-m.turn
}

// next takes the one that waits longest; nil when nobody does, and then the lead ends if resign is set.
func (t *turns) next(resign bool) *member {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) == 0 {
		t.leading = t.leading && !resign
		return nil
	}
	m := t.waiting[0]
	t.waiting[0] = nil
	t.waiting = t.waiting[1:]
	return m
}

// maxGroup bounds how long the first member of a group waits for the commit.
const maxGroup = 64

// lead carries out first and those that wait, then hands the lead to the next one.
func (db *DB) lead(first *member) {
	group := db.carryOut(first)
	next := db.turns.next(true)
	for _, m := range group[1:] {
		m.turn <- false
	}
	if next != nil {
		next.turn <- true
	}
}

// carryOut runs a group of members in one transaction of SQLite.
func (db *DB) carryOut(first *member) []*member {
	group := []*member{first}
	tx := &Tx{db}
	if first.err = db.begin.run(begin); first.err != nil {
		return group
	}
	if !first.run(tx) {
		return db.undo(group)
	}
	for len(group) < maxGroup {
		m := db.turns.next(false)
		if m == nil {
			// A commit costs more than a transaction: whoever is about to have one may still join.
			runtime.Gosched()
			if m = db.turns.next(false); m == nil {
				break
			}
		}
		group = append(group, m)
		if err := db.join(tx, m); err != nil {
			return db.lose(group, err)
		}
	}
	if err := db.begin.run(commit); err != nil {
		return db.lose(group, err)
	}
	return group
}

// join carries a member out inside of the transaction of others. An error means that the transaction is lost.
func (db *DB) join(tx *Tx, m *member) error {
	if err := db.begin.run(savepoint); err != nil {
		return err
	}
	if !m.run(tx) {
		if err := db.begin.run(rollbackTo); err != nil {
			return err
		}
	}
	return db.begin.run(release)
}

// undo rolls the transaction back after its only member failed.
func (db *DB) undo(group []*member) []*member {
	if err := db.begin.run(rollback); err != nil {
		group[0].err = errors.Join(group[0].err, err)
	}
	return group
}

// lose gives every member the error that the transaction ended with.
func (db *DB) lose(group []*member, err error) []*member {
	err = fmt.Errorf("commit: %w", err)
	if undo := db.begin.run(rollback); undo != nil {
		err = errors.Join(err, undo) // SQLite may have rolled back by itself: then this one fails
	}
	for _, m := range group {
		if m.err == nil {
			m.err = err
		}
	}
	return group
}

// transaction holds the statements that begin and end transactions, prepared.
type transaction [len(control)]*sql.Stmt

const (
	begin = iota
	commit
	rollback
	savepoint
	rollbackTo
	release
)

var control = [...]string{
	begin: "BEGIN IMMEDIATE", commit: "COMMIT", rollback: "ROLLBACK",
	savepoint: "SAVEPOINT member", rollbackTo: "ROLLBACK TO member", release: "RELEASE member",
}

func newTransaction(ctx context.Context, conn *sql.Conn) (t transaction, err error) {
	for i, text := range control {
		if t[i], err = conn.PrepareContext(ctx, text); err != nil {
			return t, err
		}
	}
	return t, nil
}

func (t *transaction) run(what int) error {
	_, err := t[what].ExecContext(context.Background())
	return err
}

func (t *transaction) close() error {
	var errs []error
	for _, statement := range t {
		if statement != nil {
			errs = append(errs, statement.Close())
		}
	}
	return errors.Join(errs...)
}
