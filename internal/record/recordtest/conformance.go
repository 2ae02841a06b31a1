package recordtest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/record"
)

// Conforms tests that an empty bucket is what record.Bucket says.
func Conforms(t *testing.T, b record.Bucket) {
	t.Helper()
	ctx := t.Context()
	if _, err := b.Get(ctx, "conforms/a.json"); !errors.Is(err, record.ErrNotFound) {
		t.Fatalf("get of what is not there: %v, want %v", err, record.ErrNotFound)
	}
	first := write(t, b, "conforms/a.json", "one", record.Condition{Absent: true})
	refuse(t, b, "conforms/a.json", record.Condition{Absent: true})
	second := write(t, b, "conforms/a.json", "two", record.Condition{ETag: first})
	if first == second {
		t.Errorf("two contents have one ETag %s", first)
	}
	for _, etag := range []string{first, `"00000000000000000000000000000000"`} {
		refuse(t, b, "conforms/a.json", record.Condition{ETag: etag})
	}
	refuse(t, b, "conforms/absent.json", record.Condition{ETag: first})
	o, err := b.Get(ctx, "conforms/a.json")
	if err != nil || string(o.Body) != "two" || o.ETag != second {
		t.Fatalf("get: %q with ETag %s, %v; want two with %s", o.Body, o.ETag, err, second)
	}
	if o.Age < 0 || o.Age > time.Minute {
		t.Errorf("an object of a moment ago is %s old", o.Age)
	}
	conformsList(t, b)
}

func conformsList(t *testing.T, b record.Bucket) {
	t.Helper()
	var want []string
	for i := range 5 {
		key := fmt.Sprintf("conforms/list/%d.json", i)
		write(t, b, key, "{}", record.Condition{})
		want = append(want, key)
	}
	write(t, b, "conforms/listed-elsewhere", "{}", record.Condition{})
	for _, c := range []struct {
		after string
		limit int
		want  []string
	}{{"", 10, want}, {"", 2, want[:2]}, {want[1], 10, want[2:]}, {"conforms/list/1", 2, want[1:3]}, {want[4], 10, nil}} {
		got, err := b.List(t.Context(), "conforms/list/", c.after, c.limit)
		if err != nil {
			t.Fatalf("list after %q: %v", c.after, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("list after %q, at most %d (-want +got):\n%s", c.after, c.limit, diff)
		}
	}
}

func write(t *testing.T, b record.Bucket, key, body string, when record.Condition) string {
	t.Helper()
	etag, err := b.Put(t.Context(), key, []byte(body), when)
	if err != nil || etag == "" {
		t.Fatalf("put %s under %+v: ETag %q, %v", key, when, etag, err)
	}
	return etag
}

func refuse(t *testing.T, b record.Bucket, key string, when record.Condition) {
	t.Helper()
	if _, err := b.Put(t.Context(), key, []byte("never"), when); !errors.Is(err, record.ErrConflict) {
		t.Errorf("put %s under %+v: %v, want %v", key, when, err, record.ErrConflict)
	}
}

// Ages tests that an object's age grows by the bucket's own clock, and that a lock in it expires by that. sleep lets the
// bucket's time pass.
func Ages(t *testing.T, b record.Bucket, sleep func(time.Duration)) {
	t.Helper()
	tokens := 0
	store := func(clock time.Time) *record.Store {
		s, err := record.NewStore(record.Config{Bucket: b, App: "ages", Stage: "prod", Now: func() time.Time { return clock },
			NewToken: func() string { tokens++; return fmt.Sprint(tokens) }, Redact: func(s string) string { return s }})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	ctx := context.WithoutCancel(t.Context())
	// Clocks that could not be more wrong: only the bucket's counts.
	early, late := store(time.Unix(0, 0)), store(time.Now().AddDate(10, 0, 0))
	if _, err := early.Acquire(ctx, record.Owner{Actor: "early"}, record.MinLease); err != nil {
		t.Fatal(err)
	}
	var held *record.HeldError
	if _, err := late.Acquire(ctx, record.Owner{Actor: "late"}, record.MinLease); !errors.As(err, &held) {
		t.Fatalf("a lock of a moment ago: %v, want held", err)
	}
	sleep(held.Left + time.Second)
	if _, err := late.Acquire(ctx, record.Owner{Actor: "late"}, record.MinLease); err != nil {
		t.Errorf("%s later: %v", held.Left+time.Second, err)
	}
}
