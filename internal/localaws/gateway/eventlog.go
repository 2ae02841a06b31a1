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

// EventLog keeps events in SQLite, in the order in which they were recorded. It is safe for concurrent use: what is
// recorded while events are being written is written together.
type EventLog struct {
	db *store.DB

	mu      sync.Mutex
	waiting []entry
	// writing is held for reading by whoever writes events, and for writing by who wants all to be written.
	writing sync.RWMutex
}

// entry is an event as it is stored.
type entry struct {
	time                        int64
	source, name, account, body string
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
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	l.writing.RLock()
	defer l.writing.RUnlock()
	l.mu.Lock()
	batch := append(l.waiting, entry{e.EventTime.UnixMilli(), e.EventSource, e.EventName, e.RecipientAccountID, string(body)})
	if isPoll(e) && len(batch) < pollBatch {
		l.waiting, batch = batch, nil
	} else {
		l.waiting = nil // this caller writes them
	}
	l.mu.Unlock()
	return l.write(ctx, batch)
}

func isPoll(e Event) bool {
	return e.ErrorCode == "" && e.EventName == "GetMessages" && e.EventSource == "ec2messages.amazonaws.com"
}

// Flush returns when all that was recorded is written.
func (l *EventLog) Flush(ctx context.Context) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.mu.Lock()
	batch := l.waiting
	l.waiting = nil
	l.mu.Unlock()
	return l.write(ctx, batch)
}

// Close writes what waits in memory. The database stays open.
func (l *EventLog) Close() error { return l.Flush(context.Background()) }

// write writes events that nobody else has. They wait again when that fails.
func (l *EventLog) write(ctx context.Context, batch []entry) error {
	if len(batch) == 0 {
		return nil
	}
	if err := l.insert(ctx, batch); err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.waiting = append(batch, l.waiting...) // the next one tries again
		return fmt.Errorf("write events: %w", err)
	}
	return nil
}

func (l *EventLog) insert(ctx context.Context, batch []entry) error {
	return l.db.Tx(ctx, func(tx *store.Tx) error {
		for _, e := range batch {
			if _, err := tx.ExecContext(ctx, `INSERT INTO events (time, source, name, account, body) VALUES (?, ?, ?, ?, ?)`,
				e.time, e.source, e.name, e.account, e.body); err != nil {
				return err
			}
		}
		return nil
	})
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
