package ship

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slipway-cd/slipway/internal/record"
)

// steady is the record's bucket as a deploy uses it: throttling, 5xx and broken connections are borne for a bounded
// time. A write that is repeated meets its own first attempt where only the answer was lost; the record knows that. It
// has a patience of its own: the lock must be renewed also when the watch of a command is at its end.
type steady struct {
	r      *runner
	a      *api
	bucket record.Bucket
}

// Get reads an object.
func (b steady) Get(ctx context.Context, key string) (record.Object, error) {
	return bear(ctx, b, "s3:GetObject", func(ctx context.Context) (record.Object, error) { return b.bucket.Get(ctx, key) })
}

// Put writes an object.
func (b steady) Put(ctx context.Context, key string, body []byte, when record.Condition) (etag string, err error) {
	return bear(ctx, b, "s3:PutObject", func(ctx context.Context) (string, error) { return b.bucket.Put(ctx, key, body, when) })
}

// List lists keys.
func (b steady) List(ctx context.Context, prefix, after string, limit int) ([]string, error) {
	return bear(ctx, b, "s3:ListBucket", func(ctx context.Context) ([]string, error) { return b.bucket.List(ctx, prefix, after, limit) })
}

// oneTry marks a context in which the bucket is asked once: another time will come.
type oneTry struct{}

// bear makes a call until it is answered.
func bear[T any](ctx context.Context, b steady, name string, do func(ctx context.Context) (T, error)) (T, error) {
	var zero T
	since, pause, refreshed := b.r.cfg.Now(), firstPause, false
	for {
		out, err := once(ctx, b.r, do)
		if err == nil || answers(err) {
			return out, err
		}
		if ctx.Err() != nil {
			return zero, ctx.Err()
		}
		failed := &callError{api: name, principal: b.a.principal, err: err}
		switch kind := classify(err); {
		case kind == expired && !refreshed && b.a.creds != nil:
			b.a.creds.Invalidate()
			refreshed = true
			continue
		case kind != throttled && kind != broken:
			return zero, failed
		}
		if waited := b.r.cfg.Now().Sub(since); waited >= b.patience() || ctx.Value(oneTry{}) != nil {
			failed.note = fmt.Sprintf("for %s", waited.Round(time.Second))
			return zero, failed
		}
		b.r.event(Event{Kind: EventNotYet, Message: failed.Error()})
		if err := b.r.cfg.Sleep(ctx, pause); err != nil {
			return zero, err
		}
		pause = min(2*pause, b.r.t.TickMax)
	}
}

// answers are the errors by which a bucket answers.
func answers(err error) bool {
	return errors.Is(err, record.ErrNotFound) || errors.Is(err, record.ErrConflict) || errors.Is(err, record.ErrNoConditions)
}

// patience is shorter before anything was sent: nothing is lost by refusing.
func (b steady) patience() time.Duration {
	if b.r.deadline.IsZero() {
		return min(b.r.t.NotYet, readyWithin)
	}
	return b.r.t.NotYet
}
