package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/slipway-cd/slipway/internal/localaws/store"
)

func table(t testing.TB) *store.DB {
	t.Helper()
	db, err := store.Open("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.Migrate(context.Background(), "test", `CREATE TABLE t (who INTEGER, x INTEGER UNIQUE)`); err != nil {
		t.Fatal(err)
	}
	return db
}

var errWanted = errors.New("wanted")

// TestGroups: transactions that are committed together fail by themselves, and what was acknowledged is read.
func TestGroups(t *testing.T) {
	t.Parallel()
	db := table(t)
	const writers, rounds = 8, 100
	var wg sync.WaitGroup
	for who := range writers {
		wg.Go(func() {
			for i := range rounds {
				x := who*rounds + i
				err := db.Tx(t.Context(), func(tx *store.Tx) error {
					if _, err := tx.ExecContext(t.Context(), `INSERT INTO t VALUES (?, ?)`, who, x); err != nil {
						return err
					}
					if i%3 == 1 {
						return errWanted
					}
					return nil
				})
				var n int
				if scan := db.QueryRowContext(t.Context(), `SELECT count(*) FROM t WHERE x = ?`, x).Scan(&n); scan != nil {
					t.Error(scan)
				}
				if failed := i%3 == 1; failed != errors.Is(err, errWanted) || (n == 0) != failed {
					t.Errorf("transaction %d: %v, %d rows", x, err, n)
				}
			}
		})
	}
	wg.Wait()
}

// TestStatementFails: a statement that fails takes its own transaction with it and no other.
func TestStatementFails(t *testing.T) {
	t.Parallel()
	db := table(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for who := range 50 {
		wg.Go(func() {
			err := db.Tx(t.Context(), func(tx *store.Tx) error {
				if _, err := tx.ExecContext(t.Context(), `INSERT INTO t VALUES (?, NULL)`, who); err != nil {
					return err
				}
				_, err := tx.ExecContext(t.Context(), `INSERT INTO t VALUES (?, 1)`, who)
				return err
			})
			if err == nil {
				mu.Lock()
				won++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if rows := number(t, db, `SELECT count(*) FROM t`); won != 1 || rows != 2 {
		t.Errorf("%d succeeded, %d rows", won, rows)
	}
}

// TestPanic: a transaction that panics does so where it was begun, and leaves nothing behind.
func TestPanic(t *testing.T) {
	t.Parallel()
	db := table(t)
	var wg sync.WaitGroup
	for who := range 20 {
		wg.Go(func() {
			defer func() {
				if p := recover(); p != nil && p != who {
					t.Errorf("%d got the panic of %v", who, p)
				}
			}()
			err := db.Tx(t.Context(), func(tx *store.Tx) error {
				if _, err := tx.ExecContext(t.Context(), `INSERT INTO t VALUES (?, ?)`, who, who); err != nil {
					return err
				}
				if who%2 == 0 {
					panic(who)
				}
				return nil
			})
			if err != nil || who%2 == 0 {
				t.Errorf("%d came back with %v", who, err)
			}
		})
	}
	wg.Wait()
	if rows := number(t, db, `SELECT count(*) FROM t`); rows != 10 {
		t.Errorf("%d rows, want 10", rows)
	}
}

// TestEndedContext: a request that is over begins nothing.
func TestEndedContext(t *testing.T) {
	t.Parallel()
	db := table(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := db.ExecContext(ctx, `INSERT INTO t VALUES (1, 1)`); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if rows := number(t, db, `SELECT count(*) FROM t`); rows != 0 {
		t.Errorf("%d rows", rows)
	}
}

// TestReadsDoNotWait: a read while a transaction is open sees the state before it.
func TestReadsDoNotWait(t *testing.T) {
	t.Parallel()
	db := table(t)
	err := db.Tx(t.Context(), func(tx *store.Tx) error {
		if _, err := tx.ExecContext(t.Context(), `INSERT INTO t VALUES (1, 1)`); err != nil {
			return err
		}
		if rows := number(t, db, `SELECT count(*) FROM t`); rows != 0 {
			t.Errorf("a read outside saw %d rows", rows)
		}
		var inside int
		if err := tx.QueryRowContext(t.Context(), `SELECT count(*) FROM t`).Scan(&inside); err != nil || inside != 1 {
			t.Errorf("a read inside saw %d rows, %v", inside, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if rows := number(t, db, `SELECT count(*) FROM t`); rows != 1 {
		t.Errorf("a read afterwards saw %d rows", rows)
	}
}

// TestReadersDoNotWrite: a write outside of a transaction is refused.
func TestReadersDoNotWrite(t *testing.T) {
	t.Parallel()
	db := table(t)
	var x int
	if err := db.QueryRowContext(t.Context(), `INSERT INTO t VALUES (1, 1) RETURNING x`).Scan(&x); err == nil {
		t.Error("a query wrote")
	}
}

// TestManyTexts: more texts than are kept prepared still run.
func TestManyTexts(t *testing.T) {
	t.Parallel()
	db := table(t)
	for i := range 700 {
		if got := number(t, db, fmt.Sprintf(`SELECT %d + (SELECT count(*) FROM t)`, i)); got != i {
			t.Fatalf("got %d, want %d", got, i)
		}
	}
}

func BenchmarkTx(b *testing.B) {
	db := table(b)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		if _, err := db.ExecContext(context.Background(), `INSERT INTO t VALUES (?, ?)`, 1, i); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTxParallel(b *testing.B) {
	db := table(b)
	var mu sync.Mutex
	i := 0
	b.SetParallelism(4)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			mu.Lock()
			i++
			x := i
			mu.Unlock()
			if _, err := db.ExecContext(context.Background(), `INSERT INTO t VALUES (?, ?)`, 1, x); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkRead(b *testing.B) {
	db := table(b)
	if _, err := db.ExecContext(context.Background(), `INSERT INTO t VALUES (1, 1)`); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var n int
	for b.Loop() {
		if err := db.QueryRowContext(context.Background(), `SELECT who FROM t WHERE x = ?`, 1).Scan(&n); err != nil {
			b.Fatal(err)
		}
	}
}
