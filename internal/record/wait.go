package record

import (
	"context"
	"errors"
	"time"
)

// Waiting says how to wait for a lock.
type Waiting struct {
	// Limit is how long; with 0 there is one try.
	Limit time.Duration
	// Each is the pause between two looks; 0 means 5 s.
	Each time.Duration
	// Sleep returns early, with the context's error, when that ends.
	Sleep func(ctx context.Context, d time.Duration) error
	// Tell is called before every pause; nil for nobody.
	Tell func(held *HeldError)
}

// Await acquires the lock, and waits for it while somebody else holds it. Who waits longest need not be the next.
func (s *Store) Await(ctx context.Context, o Owner, lease time.Duration, w Waiting) (*Lease, error) {
	if o.Token == "" {
		o.Token = s.c.NewToken() // one for all tries: a write whose answer was lost is known again
	}
	until := s.c.Now().Add(w.Limit)
	if w.Each <= 0 {
		w.Each = 5 * time.Second
	}
	for {
		l, err := s.Acquire(ctx, o, lease)
		var held *HeldError
		if err == nil || !errors.As(err, &held) {
			return l, err
		}
		left := until.Sub(s.c.Now())
		if left <= 0 {
			return nil, err
		}
		if w.Tell != nil {
			w.Tell(held)
		}
		if err := w.Sleep(ctx, min(w.Each, left)); err != nil {
			return nil, err
		}
	}
}
