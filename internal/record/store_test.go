package record_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-cd/slipway/internal/record"
	"github.com/slipway-cd/slipway/internal/record/recordtest"
	"github.com/slipway-cd/slipway/internal/release"
)

// world is a bucket and the true time.
type world struct {
	t      testing.TB
	time   time.Time
	bucket *recordtest.Bucket
	tokens int
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, time: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)}
	w.bucket = &recordtest.Bucket{Now: func() time.Time { return w.time }}
	return w
}

// store is the record as a machine sees it whose clock is wrong by skew.
func (w *world) store(skew time.Duration) *record.Store {
	s, err := record.NewStore(record.Config{Bucket: w.bucket, App: "shop", Stage: "prod",
		Now:      func() time.Time { return w.time.Add(skew) },
		NewToken: func() string { w.tokens++; return fmt.Sprint("token-", w.tokens) },
		Redact:   release.Redact})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

var (
	alice   = record.Owner{Actor: "alice", Host: "laptop", Reason: "a freeze"}
	bob     = record.Owner{Actor: "bob", Host: "runner", Deploy: "20261128T120000Z-b0b"}
	same    = cmpopts.IgnoreUnexported(record.Deploy{})
	errLost = errors.New("the connection broke")
)

const lease = time.Minute

func TestLockHasOneHolderUntilItExpires(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{0, time.Hour, -time.Hour} {
		w, ctx := newWorld(t), context.Background()
		held, err := w.store(0).Acquire(ctx, alice, lease)
		if err != nil {
			t.Fatal(err)
		}
		other := w.store(skew)
		w.time = w.time.Add(lease)
		var refused *record.HeldError
		if _, err := other.Acquire(ctx, bob, lease); !errors.As(err, &refused) || refused.Lock.Owner.Actor != "alice" {
			t.Fatalf("skew %s: got %v, want held by alice", skew, err)
		}
		if held.Valid(w.time) {
			t.Error("the lease is over and still valid")
		}
		w.time = w.time.Add(refused.Left)
		taken, err := other.Acquire(ctx, bob, lease)
		if err != nil {
			t.Fatalf("skew %s: after %s: %v", skew, refused.Left, err)
		}
		if taken.TookOver() == nil || taken.TookOver().Owner.Actor != "alice" {
			t.Errorf("took over %+v, want alice's", taken.TookOver())
		}
		var gone *record.LostError
		if err := held.Renew(ctx); !errors.As(err, &gone) || !strings.Contains(err.Error(), "bob on runner") {
			t.Errorf("renew after it was taken over: %v", err)
		}
		if err := held.Release(ctx); !errors.As(err, &gone) {
			t.Errorf("release after it was taken over: %v", err)
		}
		if err := taken.Renew(ctx); err != nil {
			t.Errorf("the new holder cannot renew: %v", err)
		}
	}
}

func TestDeployIsSavedOverLostAnswersAndCancelRequests(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	s := w.store(0)
	d := &record.Deploy{ID: record.NewID(w.time, "abc"), RunID: "abc", App: "shop", Stage: "prod", Began: w.time}
	loseAnswers := func(c recordtest.Call) recordtest.Fault {
		return recordtest.Fault{Err: map[string]error{"Put": errLost}[c.Op], Acts: true}
	}
	w.bucket.Fault = loseAnswers
	if err := s.Create(ctx, d); err != nil {
		t.Fatalf("create: %v", err)
	}
	d.Sends = []record.Send{{Step: "release", Comment: "slipway shop/prod/release abc.1"}}
	if err := s.Save(ctx, d); err != nil {
		t.Fatalf("save: %v", err)
	}
	w.bucket.Fault = nil
	at := w.time.Add(time.Second)
	if _, err := w.store(0).Update(ctx, d.ID, func(d *record.Deploy) error { d.CancelRequested = at; return nil }); err != nil {
		t.Fatalf("cancel: %v", err)
	}
	d.Why = "because"
	if err := s.Save(ctx, d); err != nil {
		t.Fatalf("save after a cancel: %v", err)
	}
	if !d.CancelRequested.Equal(at) {
		t.Errorf("the request to cancel was not taken over: %v", d.CancelRequested)
	}
	stored, err := w.store(0).Load(ctx, d.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d, stored, same, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("stored is not what was saved (-saved +stored):\n%s", diff)
	}
}

func TestAdoptedDeployIsWrittenByOneOnly(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	first := w.store(0)
	d := &record.Deploy{ID: record.NewID(w.time, "abc"), RunID: "abc"}
	if err := first.Create(ctx, d); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Acquire(ctx, record.Owner{Deploy: d.ID, Actor: "ci"}, lease); err != nil {
		t.Fatal(err)
	}
	second := w.store(0)
	var held *record.HeldError
	if _, _, err := second.Adopt(ctx, d.ID, alice, lease); !errors.As(err, &held) || !held.Same {
		t.Fatalf("adopt while it lives: %v", err)
	}
	w.time = w.time.Add(lease + held.Left)
	_, adopted, err := second.Adopt(ctx, d.ID, alice, lease)
	if err != nil {
		t.Fatal(err)
	}
	d.Why = "the first one lives after all"
	if err := first.Save(ctx, d); !errors.Is(err, record.ErrConflict) || !strings.Contains(err.Error(), "resumed by alice") {
		t.Errorf("the first slipway still writes: %v", err)
	}
	if err := second.Save(ctx, adopted); err != nil {
		t.Error(err)
	}
}

func TestCreateNeverOverwrites(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	d := record.Deploy{ID: record.NewID(w.time, "abc"), RunID: "abc", Actor: "alice"}
	first, second := d, d
	second.Actor = "bob"
	if err := w.store(0).Create(ctx, &first); err != nil {
		t.Fatal(err)
	}
	if err := w.store(0).Create(ctx, &second); !errors.Is(err, record.ErrConflict) {
		t.Errorf("a second deploy of the same id: %v", err)
	}
	if err := w.store(0).Save(ctx, &record.Deploy{ID: d.ID}); err == nil {
		t.Error("a deploy that was neither created nor loaded was saved")
	}
}

func TestStateNamesOnlyWhatExists(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	s := w.store(0)
	if err := s.SetState(ctx, record.State{}); err == nil {
		t.Error("a state that was never read was written")
	}
	if state, err := s.State(ctx); err != nil || state != (record.State{}) {
		t.Fatalf("before the first deploy: %+v, %v", state, err)
	}
	if err := s.SetState(ctx, record.State{Latest: "20261128T120000Z-abc"}); !errors.Is(err, record.ErrNotFound) {
		t.Errorf("a deploy that does not exist: %v", err)
	}
	d := &record.Deploy{ID: "20261128T120000Z-abc", RunID: "abc"}
	if err := w.store(0).Create(ctx, d); err != nil {
		t.Fatal(err)
	}
	if err := s.SetState(ctx, record.State{Latest: d.ID}); err != nil {
		t.Fatal(err)
	}
	other := w.store(0)
	if state, err := other.State(ctx); err != nil || state.Latest != d.ID {
		t.Fatalf("%+v, %v", state, err)
	}
	if err := other.SetState(ctx, record.State{Latest: d.ID, Current: d.ID}); err != nil {
		t.Fatal(err)
	}
	if err := s.SetState(ctx, record.State{Latest: d.ID}); !errors.Is(err, record.ErrConflict) {
		t.Errorf("a state that somebody else wrote meanwhile was overwritten: %v", err)
	}
}

func TestHistoryIsTheNewestFirst(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	now := w.time
	var want []string
	for i := range 1203 { // from three years ago on: more than a page, more than one look back
		began := now.AddDate(-3, 0, 0).Add(time.Duration(i) * 21 * time.Hour)
		d := &record.Deploy{ID: record.NewID(began, "run"), RunID: "run", Began: began}
		if err := w.store(0).Create(ctx, d); err != nil {
			t.Fatal(err)
		}
		want = append([]string{d.ID}, want...)
	}
	for _, n := range []int{0, 1, 20, 1100, 5000} {
		before := len(w.bucket.Calls())
		got, err := w.store(0).History(ctx, n)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, d := range got {
			ids = append(ids, d.ID)
		}
		if diff := cmp.Diff(want[:min(n, len(want))], ids, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("the newest %d (-want +got):\n%s", n, diff)
		}
		if calls := len(w.bucket.Calls()) - before; n == 1 && calls > 4 {
			t.Errorf("%d calls for the newest deploy", calls)
		}
	}
}

// TestR119RecordsHoldNoSecrets: whatever field it is in (R119).
func TestR119RecordsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	const (
		key   = "AKIAIOSFODNN7EXAMPLE"
		token = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
	)
	s := w.store(0)
	d := &record.Deploy{
		ID: "20261128T120000Z-abc", RunID: "abc", Reason: "with " + token, Commit: "0123456789abcdef0123456789abcdef01234567",
		Steps: []record.Step{{Name: "release", Parameters: map[string][]string{"Version": {"v1"}, "Key": {"v2", key}}},
			{Name: "plain", Parameters: map[string][]string{"Version": {"v1"}}, Check: &record.Step{Parameters: map[string][]string{"K": {token}}}}},
		Sends: []record.Send{{Step: "release", Comment: "slipway " + key}},
		Nodes: map[string]record.Node{"i-1": {Why: "at line 3:\nexport AWS=" + key + " failed"}},
	}
	if err := s.Create(ctx, d); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Acquire(ctx, record.Owner{Actor: "alice", Reason: token}, lease); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Break(ctx, record.Owner{Actor: "bob", Reason: "has " + key}); err != nil {
		t.Fatal(err)
	}
	for _, c := range w.bucket.Calls() {
		if strings.Contains(string(c.Body), key) || strings.Contains(string(c.Body), token) {
			t.Errorf("%s holds a secret:\n%s", c.Key, c.Body)
		}
	}
	got, err := w.store(0).Load(ctx, d.ID)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Steps[0].Redacted || got.Steps[1].Redacted || !got.Steps[1].Check.Redacted {
		t.Errorf("steps are not marked as redacted: %+v", got.Steps)
	}
	if got.Commit != d.Commit || got.Steps[0].Parameters["Version"][0] != "v1" {
		t.Errorf("what is no secret was changed: %+v", got)
	}
	if err := s.Save(ctx, d); err != nil {
		t.Errorf("save after redaction: %v", err)
	}
}

func TestObjectsThatCannotBeReadAreErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, want string }{
		"no JSON":      {"<html>", "is damaged"},
		"no format":    {`{"current":"x"}`, "has format 0 and this slipway knows 1"},
		"newer format": {`{"format":2,"current":"x"}`, "has format 2 and this slipway knows 1"},
		"other shape":  {`{"format":1,"current":5}`, "is damaged"},
	} {
		w, ctx := newWorld(t), context.Background()
		if _, err := w.bucket.Put(ctx, "shop/prod/state.json", []byte(c.body), record.Condition{}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.store(0).State(ctx); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}
