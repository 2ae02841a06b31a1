package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// runner is a connection, or a pool of them.
type runner interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// statements runs statements and keeps them prepared, by their text. SQLite itself prepares one anew when the schema
// has changed.
//
// They run without the caller's context: one that can end costs a goroutine a statement, and would interrupt what
// others have in the same transaction. Statements are short.
type statements struct {
	on runner

	mu       sync.RWMutex
	prepared map[string]*sql.Stmt
}

// maxPrepared bounds what is kept: texts are few, but for lists of placeholders of any length.
const maxPrepared = 512

// get gives the prepared statement; nil when it is to be run unprepared.
func (s *statements) get(query string) *sql.Stmt {
	s.mu.RLock()
	statement, full := s.prepared[query], len(s.prepared) >= maxPrepared
	s.mu.RUnlock()
	if statement != nil || full {
		return statement
	}
	statement, err := s.on.PrepareContext(context.Background(), query)
	if err != nil {
		return nil // running it gives the error
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if first := s.prepared[query]; first != nil {
		_ = statement.Close() // somebody was faster
		return first
	}
	if s.prepared == nil {
		s.prepared = map[string]*sql.Stmt{}
	}
	s.prepared[query] = statement
	return statement
}

func (s *statements) exec(query string, args []any) (sql.Result, error) {
	if statement := s.get(query); statement != nil {
		return statement.ExecContext(context.Background(), args...)
	}
	return s.on.ExecContext(context.Background(), query, args...)
}

func (s *statements) query(query string, args []any) (*sql.Rows, error) {
	if statement := s.get(query); statement != nil {
		return statement.QueryContext(context.Background(), args...)
	}
	return s.on.QueryContext(context.Background(), query, args...)
}

func (s *statements) queryRow(query string, args []any) *sql.Row {
	if statement := s.get(query); statement != nil {
		return statement.QueryRowContext(context.Background(), args...)
	}
	return s.on.QueryRowContext(context.Background(), query, args...)
}

func (s *statements) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, statement := range s.prepared {
		errs = append(errs, statement.Close())
	}
	s.prepared = nil
	return errors.Join(errs...)
}
