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
