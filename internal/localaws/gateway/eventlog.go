package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// pollBatch is how many agent polls wait in memory for one write. They are the bulk of all requests, and a lost
// poll says nothing; every other event is written before its request is answered.
const pollBatch = 64

// EventLog keeps events in SQLite, in the order in which they were recorded. It is safe for concurrent use.
type EventLog struct {
	db *store.DB

	mu      sync.Mutex
	waiting []Event
}

// NewEventLog opens the event log in db, and makes its table when it is not there.
func NewEventLog(db *store.DB) (*EventLog, error) {
	err := db.Migrate(context.Background(), "events",
		`CREATE TABLE IF NOT EXISTS events (
			id INTEGER PRIMARY KEY, time INTEGER NOT NULL, source TEXT NOT NULL, name TEXT NOT NULL,
			account TEXT NOT NULL, body TEXT NOT NULL)`,
		`CREATE INDEX IF NOT EXISTS events_time ON events (time)`,
		`CREATE INDEX IF NOT EXISTS events_name ON events (name, time)`,
	)
	if err != nil {
		return nil, err
	}
	return &EventLog{db: db}, nil
}

// Record adds an event. A poll may stay in memory until the next other event, [EventLog.List] or [EventLog.Close].
func (l *EventLog) Record(ctx context.Context, e Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, e)
	if isPoll(e) && len(l.waiting) < pollBatch {
		return nil
	}
	return l.flush(ctx)
}

func isPoll(e Event) bool {
	return e.ErrorCode == "" && e.EventName == "GetMessages" && e.EventSource == "ec2messages.amazonaws.com"
}

// Flush writes what waits in memory.
func (l *EventLog) Flush(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.flush(ctx)
}

// Close writes what waits in memory. The database stays open.
func (l *EventLog) Close() error { return l.Flush(context.Background()) }

// flush writes the waiting events; they keep waiting when that fails. l.mu is held.
func (l *EventLog) flush(ctx context.Context) error {
	if len(l.waiting) == 0 {
		return nil
	}
	err := l.db.Tx(ctx, func(tx *store.Tx) error {
		for _, e := range l.waiting {
			body, err := json.Marshal(e)
			if err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, `INSERT INTO events (time, source, name, account, body) VALUES (?, ?, ?, ?, ?)`,
				e.EventTime.UnixMilli(), e.EventSource, e.EventName, e.RecipientAccountID, string(body))
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	l.waiting = l.waiting[:0]
	return nil
}

// Filter chooses events. Its zero value chooses all.
type Filter struct {
	Name    string // the operation
	Source  string // ssm.amazonaws.com
	Account string // of the caller
	Since   time.Time
	Until   time.Time // exclusive
	After   int64     // only what was recorded after the event with this [Event.Seq]
	Limit   int       // the newest that many; 0 means all
	// Match chooses among what all the others chose; nil chooses all. Limit counts before it.
	Match func(*Event) bool
}

// List gives the events that f chooses, oldest first, including those that wait in memory.
func (l *EventLog) List(ctx context.Context, f Filter) ([]Event, error) {
	if err := l.Flush(ctx); err != nil {
		return nil, err
	}
	where, args := f.where()
	query := "SELECT id, body FROM (SELECT id, body FROM events" + where + " ORDER BY id DESC"
	if f.Limit > 0 {
		query, args = query+" LIMIT ?", append(args, f.Limit)
	}
	rows, err := l.db.QueryContext(ctx, query+") ORDER BY id", args...)
	if err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var events []Event
	for rows.Next() {
		var seq int64
		var body string
		if err := rows.Scan(&seq, &body); err != nil {
			return nil, fmt.Errorf("list events: %w", err)
		}
		e := Event{Seq: seq}
		if err := json.Unmarshal([]byte(body), &e); err != nil {
			return nil, fmt.Errorf("list events: %w", err)
		}
		if f.Match == nil || f.Match(&e) {
			events = append(events, e)
		}
	}
	return events, rows.Err()
}

func (f Filter) where() (string, []any) {
	var terms []string
	var args []any
	add := func(term string, arg any) {
		terms, args = append(terms, term), append(args, arg)
	}
	if f.Name != "" {
		add("name = ?", f.Name)
	}
	if f.Source != "" {
		add("source = ?", f.Source)
	}
	if f.Account != "" {
		add("account = ?", f.Account)
	}
	if f.After > 0 {
		add("id > ?", f.After)
	}
	if !f.Since.IsZero() {
		add("time >= ?", f.Since.UnixMilli())
	}
	if !f.Until.IsZero() {
		add("time < ?", f.Until.UnixMilli())
	}
	if len(terms) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(terms, " AND "), args
}
