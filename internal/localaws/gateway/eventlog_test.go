package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

func TestEventLogKeepsOrderAndSurvives(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	log, err := gateway.NewEventLog(db)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range 200 {
		e := gateway.Event{EventName: "GetMessages", EventSource: "ec2messages.amazonaws.com", EventTime: now, EventID: fmt.Sprint(i)}
		if i%7 == 0 {
			e.EventName = "SendReply"
		}
		if err := log.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		want = append(want, e.EventID)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if db, err = store.Open(dir); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if log, err = gateway.NewEventLog(db); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, ids(t, log, gateway.Filter{})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"189", "196"}, ids(t, log, gateway.Filter{Name: "SendReply", Limit: 2})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"196", "197", "198", "199"}, ids(t, log, gateway.Filter{After: 196})); diff != "" {
		t.Error(diff)
	}
	odd := func(e *gateway.Event) bool { return e.EventID == "3" || e.EventName == "SendReply" && e.Seq > 190 }
	if diff := cmp.Diff([]string{"3", "196"}, ids(t, log, gateway.Filter{Match: odd})); diff != "" {
		t.Error(diff)
	}
	if got := ids(t, log, gateway.Filter{Since: now.Add(time.Second)}); len(got) != 0 {
		t.Errorf("later events: %v", got)
	}
}

func TestListSeesWaitingPolls(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allowAll(t))
	e := gateway.Event{EventName: "GetMessages", EventSource: "ec2messages.amazonaws.com", EventTime: now, EventID: "1"}
	if err := w.log.Record(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"1"}, ids(t, w.log, gateway.Filter{Name: "GetMessages"})); diff != "" {
		t.Error(diff)
	}
}

func ids(t *testing.T, log *gateway.EventLog, f gateway.Filter) []string {
	t.Helper()
	events, err := log.List(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range events {
		out = append(out, e.EventID)
	}
	return out
}

// TestDecide shows that decisions of many goroutines are recorded with their request, and late ones by themselves.
func TestDecide(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allowAll(t))
	var call *gateway.Call
	decide := func(ctx context.Context, c *gateway.Call, node string) {
		if _, err := c.Decide(ctx, gateway.Access{Resource: "arn:aws:ec2:eu-west-1:" + account + ":instance/" + node}); err != nil {
			t.Error(err)
		}
	}
	err := w.gw.Register(gateway.Service{Name: "late", Protocol: gateway.JSON11, Target: "Late", Operations: []gateway.Operation{
		gateway.Op("Decide", nil, func(ctx context.Context, c *gateway.Call, _ *pingIn) (*pingOut, error) {
			call = c
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() { decide(ctx, c, fmt.Sprint("i-", i)) })
			}
			wg.Wait()
			return &pingOut{}, nil
		}),
	}})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/", nil)
	r.Header.Set("X-Amz-Target", "Late.Decide")
	signAndServe(w, r, "late")
	decide(t.Context(), call, "i-late")
	events, err := w.log.List(t.Context(), gateway.Filter{Name: "Decide"})
	if err != nil {
		t.Fatal(err)
	}
	if len(events) != 2 || len(events[0].Slipway.Checks) != 8 || len(events[1].Slipway.Checks) != 1 {
		t.Fatalf("events %+v", events)
	}
	if events[0].RequestID != events[1].RequestID || events[1].EventType != "AwsServiceEvent" {
		t.Errorf("late event %+v", events[1])
	}
}

// TestRecordedIsWritten: an event that is no poll is in the database when Record returns, with all before it.
func TestRecordedIsWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	log, err := gateway.NewEventLog(db)
	if err != nil {
		t.Fatal(err)
	}
	other, err := store.Open(dir) // as another process would
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	var wg sync.WaitGroup
	for who := range 8 {
		wg.Go(func() {
			for i := range 50 {
				id := fmt.Sprintf("%d-%d", who, i)
				e := gateway.Event{EventName: "GetMessages", EventSource: "ec2messages.amazonaws.com", EventTime: now, EventID: id}
				if i%5 == 4 {
					e.EventName = "SendReply"
				}
				if err := log.Record(t.Context(), e); err != nil {
					t.Error(err)
				}
				var n int
				err := other.QueryRowContext(t.Context(), `SELECT count(*) FROM events WHERE body LIKE ?`, `%"eventID":"`+id+`"%`).Scan(&n)
				if err != nil || i%5 == 4 && n != 1 {
					t.Errorf("event %s is there %d times, %v", id, n, err)
				}
			}
		})
	}
	wg.Wait()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if got := len(ids(t, log, gateway.Filter{})); got != 400 {
		t.Errorf("%d events, want 400", got)
	}
}

// TestFailedWriteIsRepeated: events whose write failed are written with the next one.
func TestFailedWriteIsRepeated(t *testing.T) {
	t.Parallel()
	db, err := store.Open("")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	log, err := gateway.NewEventLog(db)
	if err != nil {
		t.Fatal(err)
	}
	rename := func(from, to string) {
		if _, err := db.ExecContext(t.Context(), `ALTER TABLE `+from+` RENAME TO `+to); err != nil {
			t.Fatal(err)
		}
	}
	rename("events", "broken")
	if err := log.Record(t.Context(), gateway.Event{EventName: "SendReply", EventTime: now, EventID: "1"}); err == nil {
		t.Fatal("an event without a table was recorded")
	}
	rename("broken", "events")
	if err := log.Record(t.Context(), gateway.Event{EventName: "SendReply", EventTime: now, EventID: "2"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"1", "2"}, ids(t, log, gateway.Filter{})); diff != "" {
		t.Error(diff)
	}
}
