package record

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// MinLease is the shortest lease: the times by which an expiry is judged are whole seconds.
const MinLease = 2 * time.Second

// margin is how long after its lease a lock is left alone still. Whether it has expired is told by the bucket's clock,
// which gives whole seconds; the holder counts from before its request. So the two need not agree on the time, however
// wrong the clock of either machine is: the margin only covers the rounding, the clocks of a service of many machines,
// and a command that the holder sends in its last moment.
func margin(lease time.Duration) time.Duration {
	return min(max(lease/4, 2*time.Second), 10*time.Second)
}

// storedLock is the lock's object. The zero storedLock is that there is none.
type storedLock struct {
	Lock
	etag     string
	revision int
	age      time.Duration
}

func (s *Store) lockKey() string { return s.key("lock.json") }

func (s *Store) readLock(ctx context.Context) (storedLock, error) {
	var l storedLock
	o, e, err := s.get(ctx, s.lockKey(), &l.Lock)
	if errors.Is(err, ErrNotFound) {
		return storedLock{}, nil
	}
	if err != nil {
		return storedLock{}, err
	}
	l.etag, l.revision, l.age = o.ETag, e.Revision, o.Age
	return l, nil
}

func (s *Store) decodeLock(o *Object) (storedLock, error) {
	l := storedLock{etag: o.ETag, age: o.Age}
	e, err := decode(s.lockKey(), o.Body, &l.Lock)
	l.revision = e.Revision
	return l, err
}

// given tells that nobody holds the lock.
func (l *storedLock) given() bool { return l.etag == "" || !l.Released.IsZero() }

// left is for how long the lock may not be taken, when it is not renewed.
func (l *storedLock) left() time.Duration {
	lease := l.Expires.Sub(l.Renewed)
	return lease + margin(lease) - l.age
}

// free tells that everybody may take the lock.
func (l *storedLock) free() bool { return l.given() || l.left() <= 0 }

// Status is the lock as a look at it found it.
type Status struct {
	Lock
	// Held is true while somebody has it who has not given it back, Expired when everybody may take it all the same.
	Held, Expired bool
	// Left is for how long it may not be taken, when it is not renewed.
	Left time.Duration
}

// Lock looks at the lock.
func (s *Store) Lock(ctx context.Context) (Status, error) {
	l, err := s.readLock(ctx)
	if err != nil {
		return Status{}, err
	}
	st := Status{Lock: l.Lock, Held: !l.given()}
	if st.Held {
		st.Left = max(l.left(), 0)
		st.Expired = l.free()
	}
	return st, nil
}

// Acquire takes the lock for lease. One that its holder neither gave back nor renewed in time is taken over;
// [Lease.TookOver] tells. One that is held is a [*HeldError]. A token of the owner's is made when it has none.
func (s *Store) Acquire(ctx context.Context, o Owner, lease time.Duration) (*Lease, error) {
	if lease < MinLease {
		return nil, fmt.Errorf("a lease of %s is too short: at least %s", lease, MinLease)
	}
	if o.Token == "" {
		o.Token = s.c.NewToken()
	}
	for range attempts {
		now, err := s.readLock(ctx)
		if err != nil {
			return nil, err
		}
		if !now.free() && now.Owner.Token != o.Token {
			return nil, s.heldBy(&now, o)
		}
		if err := s.probe(ctx); err != nil {
			return nil, err
		}
		l, err := s.take(ctx, o, lease, &now)
		if err == nil || !errors.Is(err, ErrConflict) {
			return l, err
		}
	}
	return nil, fmt.Errorf("the lock of %s: %w, %d times in a row", s.name(), ErrConflict, attempts)
}

// take writes the lock over what was found free.
func (s *Store) take(ctx context.Context, o Owner, lease time.Duration, now *storedLock) (*Lease, error) {
	at := s.c.Now()
	o.Reason, o.Actor, o.Host = s.c.Redact(o.Reason), s.c.Redact(o.Actor), s.c.Redact(o.Host)
	l := &Lease{store: s, lease: lease, etag: now.etag, revision: now.revision}
	if !now.given() && now.Owner.Token != o.Token {
		old := now.Lock
		l.tookOver = &old
	}
	if _, err := l.write(ctx, Lock{Owner: o, Since: at, Renewed: at, Expires: at.Add(lease)}); err != nil {
		return nil, err
	}
	return l, nil
}

// Adopt takes a deploy over that died: its lock, once that has expired, and its record, so that the slipway that had
// it can write there no more, should it live after all. The lock is o's, for the deploy. While the deploy's own slipway
// still renews it, or somebody else has it, it is a [*HeldError].
func (s *Store) Adopt(ctx context.Context, id string, o Owner, lease time.Duration) (*Lease, *Deploy, error) {
	o.Deploy = id
	l, err := s.Acquire(ctx, o, lease)
	if err != nil {
		return nil, nil, err
	}
	d, err := s.Update(ctx, id, func(d *Deploy) error {
		d.Detached = false // it is somebody's again: the next one waits
		d.Resumed = append(d.Resumed, Resumption{At: s.c.Now(), Actor: o.Actor, Host: o.Host})
		return nil
	})
	if err != nil {
		return nil, nil, errors.Join(err, l.Release(context.WithoutCancel(ctx)))
	}
	return l, d, nil
}

// ErrNotHeld is a lock to be released that nobody holds.
var ErrNotHeld = errors.New("nobody holds the lock")

// Break takes the lock away from whoever holds it, and tells who that was. The holder finds it lost when it renews it
// next, which is before its next batch.
func (s *Store) Break(ctx context.Context, by Owner) (was Lock, err error) {
	return s.giveBack(ctx, &by, func(*storedLock) error { return nil })
}

// ReleaseOwn releases a lock that a person holds, in another run of the program: it must have the token, or be the same
// person on the same host. One of somebody else's, or of a deploy, is a [*HeldError].
func (s *Store) ReleaseOwn(ctx context.Context, o Owner) (was Lock, err error) {
	return s.giveBack(ctx, nil, func(now *storedLock) error {
		same := now.Owner.Deploy == "" && o.Actor != "" && now.Owner.Actor == s.c.Redact(o.Actor) && now.Owner.Host == s.c.Redact(o.Host)
		if same || o.Token != "" && now.Owner.Token == o.Token {
			return nil
		}
		return s.heldBy(now, o)
	})
}

// giveBack writes that the lock is released, when may has no objection.
func (s *Store) giveBack(ctx context.Context, by *Owner, may func(*storedLock) error) (Lock, error) {
	if err := s.probe(ctx); err != nil {
		return Lock{}, err
	}
	for range attempts {
		now, err := s.readLock(ctx)
		if err != nil {
			return Lock{}, err
		}
		if now.given() {
			return Lock{}, fmt.Errorf("%s: %w", s.name(), ErrNotHeld)
		}
		if err := may(&now); err != nil {
			return Lock{}, err
		}
		next := now.Lock
		next.Released = s.c.Now()
		if by != nil {
			who := *by
			who.Reason, who.Actor, who.Host = s.c.Redact(who.Reason), s.c.Redact(who.Actor), s.c.Redact(who.Host)
			next.BrokenBy = &who
		}
		l := &Lease{store: s, etag: now.etag, revision: now.revision}
		if _, err = l.write(ctx, next); err == nil {
			return now.Lock, nil
		}
		if !errors.Is(err, ErrConflict) {
			return Lock{}, err
		}
	}
	return Lock{}, fmt.Errorf("the lock of %s: %w, %d times in a row", s.name(), ErrConflict, attempts)
}
