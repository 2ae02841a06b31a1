package record_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/record"
	"github.com/slipway-cd/slipway/internal/record/recordtest"
)

// TestR104TheHolderIsToldToPeople: who, where, since when, for which deploy, why, and until when (R104).
func TestR104TheHolderIsToldToPeople(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		holder record.Owner
		wanted record.Owner
		want   string
	}{
		"a person": {alice, bob, "shop/prod is locked by alice on laptop since 2026-11-28 12:00:00 UTC: a freeze; it expires in 1m0s, at 2026-11-28 12:01:10 UTC"},
		"a deploy": {bob, alice, "shop/prod is locked by bob on runner (deploy 20261128T120000Z-b0b) since 2026-11-28 12:00:00 UTC; it is renewed while that slipway lives, and expires in 1m0s otherwise"},
		"its own deploy": {bob, record.Owner{Actor: "alice", Deploy: bob.Deploy}, "shop/prod is locked by bob on runner (deploy 20261128T120000Z-b0b) since 2026-11-28 12:00:00 UTC; " +
			"the deploy's own slipway is alive, or died a moment ago: unless it renews the lock, it can be taken over in 1m0s"},
	} {
		w, ctx := newWorld(t), context.Background()
		if _, err := w.store(0).Acquire(ctx, c.holder, lease); err != nil {
			t.Fatal(err)
		}
		w.time = w.time.Add(10 * time.Second)
		_, err := w.store(0).Acquire(ctx, c.wanted, lease)
		var held *record.HeldError
		if !errors.As(err, &held) {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, err.Error()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestLockIsReleasedByItsOwnerOrByForce(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	var held *record.HeldError
	if _, err := w.store(0).ReleaseOwn(ctx, alice); !errors.Is(err, record.ErrNotHeld) {
		t.Fatalf("release of what nobody holds: %v", err)
	}
	got, err := w.store(0).Acquire(ctx, alice, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := alice
	elsewhere.Host = "another laptop"
	for _, stranger := range []record.Owner{bob, elsewhere, {}, {Token: "guessed"}} {
		if _, err := w.store(0).ReleaseOwn(ctx, stranger); !errors.As(err, &held) {
			t.Errorf("%+v released alice's lock: %v", stranger, err)
		}
	}
	if was, err := w.store(0).ReleaseOwn(ctx, alice); err != nil || was.Owner.Token != got.Lock().Owner.Token {
		t.Fatalf("alice released %+v, %v", was, err)
	}
	deploys, err := w.store(0).Acquire(ctx, bob, lease)
	if err != nil {
		t.Fatalf("after its release: %v", err)
	}
	sameMan := record.Owner{Actor: bob.Actor, Host: bob.Host}
	if _, err := w.store(0).ReleaseOwn(ctx, sameMan); !errors.As(err, &held) {
		t.Errorf("the lock of a deploy was released as if it were its owner's: %v", err)
	}
	was, err := w.store(0).Break(ctx, record.Owner{Actor: "carol", Host: "desk", Reason: "bob is gone"})
	if err != nil || was.Owner.Actor != "bob" {
		t.Fatalf("broke %+v, %v", was, err)
	}
	var gone *record.LostError
	const want = "the lock of shop/prod was taken away by carol on desk at 2026-11-28 12:00:00 UTC: bob is gone"
	if err := deploys.Renew(ctx); !errors.As(err, &gone) || err.Error() != want {
		t.Errorf("renew of a broken lock: %v, want %s", err, want)
	}
	if st, err := w.store(0).Lock(ctx); err != nil || st.Held || st.BrokenBy == nil {
		t.Errorf("the lock stands as %+v, %v", st, err)
	}
}

func TestReleaseSurvivesLostAnswers(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	l, err := w.store(0).Acquire(ctx, alice, lease)
	if err != nil {
		t.Fatal(err)
	}
	w.bucket.Fault = func(c recordtest.Call) recordtest.Fault {
		return recordtest.Fault{Err: map[string]error{"Put": errLost}[c.Op], Acts: true}
	}
	for _, do := range []func(context.Context) error{l.Renew, l.Release, l.Release} {
		if err := do(ctx); err != nil {
			t.Error(err)
		}
	}
	if l.Valid(w.time) {
		t.Error("valid after its release")
	}
	if st, err := w.store(0).Lock(ctx); err != nil || st.Held {
		t.Errorf("held after its release: %+v, %v", st, err)
	}
}

func TestAwaitWaitsUntilTheLockIsFreeOrTheLimit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limit time.Duration
		free  bool
	}{"long enough": {2 * time.Minute, true}, "too short": {30 * time.Second, false}, "not at all": {0, false}} {
		w, ctx := newWorld(t), context.Background()
		if _, err := w.store(0).Acquire(ctx, alice, lease); err != nil {
			t.Fatal(err)
		}
		told := 0
		began := w.time
		l, err := w.store(0).Await(ctx, bob, lease, record.Waiting{Limit: c.limit, Each: 7 * time.Second,
			Sleep: func(_ context.Context, d time.Duration) error { w.time = w.time.Add(d); return nil },
			Tell:  func(*record.HeldError) { told++ }})
		var held *record.HeldError
		switch waited := w.time.Sub(began); {
		case c.free && (err != nil || l.Lock().Owner.Actor != "bob"):
			t.Errorf("%s: %v", name, err)
		case !c.free && (!errors.As(err, &held) || waited != c.limit):
			t.Errorf("%s: %v after %s, want held after %s", name, err, waited, c.limit)
		case told == 0 && c.limit > 0:
			t.Errorf("%s: nobody was told", name)
		}
	}
}

func TestAcquireRefusesALeaseThatCannotBeJudged(t *testing.T) {
	t.Parallel()
	if _, err := newWorld(t).store(0).Acquire(context.Background(), alice, time.Second); err == nil || !strings.Contains(err.Error(), "too short") {
		t.Errorf("a lease of a second: %v", err)
	}
}

// TestLockOfABucketWithoutAClockNeverExpires: unknown is not expired.
func TestLockOfABucketWithoutAClockNeverExpires(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	if _, err := w.store(0).Acquire(ctx, alice, lease); err != nil {
		t.Fatal(err)
	}
	w.time = w.time.Add(24 * time.Hour)
	s, err := record.NewStore(record.Config{Bucket: ageless{w.bucket}, App: "shop", Stage: "prod", Now: func() time.Time { return w.time },
		NewToken: func() string { return "t" }, Redact: func(s string) string { return s }})
	if err != nil {
		t.Fatal(err)
	}
	var held *record.HeldError
	if _, err := s.Acquire(ctx, bob, lease); !errors.As(err, &held) {
		t.Errorf("%v, want held", err)
	}
}

type ageless struct{ record.Bucket }

func (b ageless) Get(ctx context.Context, key string) (record.Object, error) {
	o, err := b.Bucket.Get(ctx, key)
	o.Age = 0
	return o, err
}

func TestBucketThatIgnoresConditionsIsRefused(t *testing.T) {
	t.Parallel()
	for name, ignore := range map[string]func(*recordtest.Bucket){
		"If-None-Match": func(b *recordtest.Bucket) { b.Ignore.Absent = true },
		"If-Match":      func(b *recordtest.Bucket) { b.Ignore.ETag = true },
	} {
		w := newWorld(t)
		ignore(w.bucket)
		_, err := w.store(0).Acquire(context.Background(), alice, lease)
		if !errors.Is(err, record.ErrNoConditions) || !strings.Contains(fmt.Sprint(err), name) {
			t.Errorf("%s: %v", name, err)
		}
		if w.bucket.Object("shop/prod/lock.json") != nil {
			t.Errorf("%s: a lock was written", name)
		}
	}
}
