package ssm

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// batch joins what many nodes say at the same time into few transactions: a command to thousands of nodes is answered
// thousands of times, and its own status needs to be computed once a transaction only. The zero value is ready to use.
type batch struct {
	mu      sync.Mutex
	waiting []*change
	running bool
}

// change is what one caller of together waits for.
type change struct {
	f    func(w *work) error
	done chan error
	// about is the message that a change acknowledges, if it does nothing else.
	about string
	// panicked is what f panicked with: that is for whoever waits, not for the one who writes.
	panicked any
}

// run carries the change out.
func (c *change) run(w *work) (err error) {
	defer func() {
		if c.panicked = recover(); c.panicked != nil {
			err = fmt.Errorf("panic in a change: %v", c.panicked)
		}
	}()
	return c.f(w)
}

// maxChanges bounds a transaction, and with it how long everybody else waits.
const maxChanges = 256

// together runs f in a transaction, with what others have to write at this time. A lone change is written at once. f
// may be run again when another change of the same transaction failed.
func (s *Service) together(f func(w *work) error) error {
	c := &change{f: f, done: make(chan error, 1)}
	if s.batch.add(c, true) {
		s.writeAll(context.Background(), s.batch.next())
		if s.batch.more() {
			go s.write()
		}
	}
	err := <-c.done
	if c.panicked != nil {
		panic(c.panicked)
	}
	return err
}

// soon is together for a change whose end nobody waits for: it is written with the next one, or a little later by itself.
// A change about a message is not written at all when [batch.drop] comes first.
func (s *Service) soon(about string, f func(w *work) error) {
	c := &change{f: f, done: make(chan error, 1), about: about}
	s.batch.add(c, false)
	time.AfterFunc(soonest, func() {
		if s.batch.begin() {
			s.write()
		}
		if err := <-c.done; err != nil {
			s.onError(err)
		}
	})
}

// soonest is how long a change that nobody waits for may wait for others.
const soonest = 2 * time.Millisecond

// add takes a change in, and tells whether the caller has to write.
func (b *batch) add(c *change, begin bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = append(b.waiting, c)
	begin = begin && !b.running
	b.running = b.running || begin
	return begin
}

// drop forgets the acknowledgement of a message: the end of its command says more.
func (b *batch) drop(about string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = slices.DeleteFunc(b.waiting, func(c *change) bool {
		if c.about != about {
			return false
		}
		c.done <- nil
		return true
	})
}

// begin tells whether there is something to write that nobody else will.
func (b *batch) begin() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running || len(b.waiting) == 0 {
		return false
	}
	b.running = true
	return true
}

// more tells whether whoever writes has to go on; if not, it has ended.
func (b *batch) more() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running = len(b.waiting) > 0
	return b.running
}

// write writes what waits, until nothing does.
func (s *Service) write() {
	for {
		changes := s.batch.next()
		if len(changes) == 0 {
			return
		}
		s.writeAll(context.Background(), changes)
	}
}

func (b *batch) next() []*change {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(maxChanges, len(b.waiting))
	next := b.waiting[:n:n]
	b.waiting = b.waiting[n:]
	if n == 0 {
		b.waiting, b.running = nil, false
	}
	return next
}

// writeAll writes changes in one transaction; when one of them fails, each in its own.
func (s *Service) writeAll(ctx context.Context, changes []*change) {
	err := s.updateTogether(ctx, func(w *work) error {
		for _, c := range changes {
			if err := c.run(w); err != nil {
				return err
			}
		}
		return nil
	})
	for _, c := range changes {
		if err != nil && len(changes) > 1 {
			c.done <- s.update(ctx, c.run)
		} else {
			c.done <- err
		}
	}
}

// updateTogether is update for changes to many invocations: their commands are advanced once, at the end.
func (s *Service) updateTogether(ctx context.Context, f func(w *work) error) error {
	return s.update(ctx, func(w *work) error {
		w.later = map[int64]bool{}
		if err := f(w); err != nil {
			return err
		}
		commands := slices.Sorted(maps.Keys(w.later))
		w.later = nil
		for _, seq := range commands {
			cmd, err := loadCommandSeq(ctx, w, seq)
			if err != nil {
				return err
			}
			if err := w.advance(ctx, cmd); err != nil {
				return err
			}
		}
		return nil
	})
}
