package record

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Lease is the lock while it is held. It is safe for concurrent use.
type Lease struct {
	store *Store
	lease time.Duration
	// tookOver is the lock that its holder had let expire.
	tookOver *Lock

	mu       sync.Mutex
	lock     Lock
	etag     string
	revision int
	// ended is why there is nothing more to renew: it was lost, or released.
	ended error
}

// Lock is the lock as this lease last wrote it.
func (l *Lease) Lock() Lock {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lock
}

// FreeAt is when others may take the lock, should it not be renewed, by the clock of this machine.
func (l *Lease) FreeAt() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lock.Expires.Add(margin(l.lease))
}

// TookOver is the lock that somebody else had let expire, nil when it was free: what its holder began may be unfinished.
func (l *Lease) TookOver() *Lock { return l.tookOver }

// Valid tells whether the lock is still held for certain: nobody else can have taken it before now. A machine that
// slept finds its lease over, whichever of its clocks went on.
func (l *Lease) Valid(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	since := max(now.Sub(l.lock.Renewed), now.Round(0).Sub(l.lock.Renewed.Round(0)))
	return l.ended == nil && since < l.lease
}

// Renew makes the lease begin anew. A [*LostError] is final: somebody else took the lock, or it was broken. Any other
// error leaves the lease as it was, valid until it expires; renewing may be tried again.
func (l *Lease) Renew(ctx context.Context) error {
	return l.change(ctx, func(lock *Lock, at time.Time) { lock.Renewed, lock.Expires = at, at.Add(l.lease) })
}

// Leave says in the lock that its holder goes: it stays held until it expires, and nobody renews it.
func (l *Lease) Leave(ctx context.Context) error {
	return l.change(ctx, func(lock *Lock, _ time.Time) { lock.Left = true })
}

// Release gives the lock back. A lock that was released already stays so; one that was lost is a [*LostError].
func (l *Lease) Release(ctx context.Context) error {
	err := l.change(ctx, func(lock *Lock, at time.Time) { lock.Released = at })
	if errors.Is(err, errReleased) {
		return nil
	}
	if err == nil {
		l.mu.Lock()
		l.ended = errReleased
		l.mu.Unlock()
	}
	return err
}

// errReleased is a lease that was given back by its holder.
var errReleased = errors.New("the lock was released")

// change writes the lock anew, for as long as what is there is this lease's own.
func (l *Lease) change(ctx context.Context, edit func(*Lock, time.Time)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	for range attempts {
		if l.ended != nil {
			return l.ended
		}
		next := l.lock
		edit(&next, l.store.c.Now())
		var now *storedLock
		if now, err = l.write(ctx, next); err == nil {
			return nil
		}
		if now == nil || !errors.Is(err, ErrConflict) && now.etag == l.etag {
			return err
		}
		l.accept(now)
	}
	return err
}

// accept takes over what is found in the bucket: an own write whose answer was lost, or that the lock is lost.
func (l *Lease) accept(now *storedLock) {
	switch {
	case now.Owner.Token != l.lock.Owner.Token || now.BrokenBy != nil:
		l.ended = &LostError{Stage: l.store.name(), Lock: now.Lock}
	case !now.Released.IsZero():
		l.ended = errReleased
	default:
		l.lock, l.etag, l.revision = now.Lock, now.etag, now.revision
	}
}

// write writes the lock over the version that the lease knows. After an error, now is the lock as it stands where that
// is known.
func (l *Lease) write(ctx context.Context, next Lock) (now *storedLock, err error) {
	body, err := encode(envelope{Format: format, Revision: l.revision + 1}, &next)
	if err != nil {
		return nil, err
	}
	etag, found, err := l.store.put(ctx, l.store.lockKey(), body, over(l.etag))
	if err == nil {
		l.lock, l.etag = next, etag
		l.revision++
		return nil, nil
	}
	if found == nil {
		return nil, err
	}
	stands, broken := l.store.decodeLock(found)
	if broken != nil {
		return nil, errors.Join(err, broken)
	}
	return &stands, err
}
