package record

import (
	"fmt"
	"strings"
	"time"
)

// HeldError is a lock that somebody else holds. Its text is for people.
type HeldError struct {
	// Stage is <app>/<stage>.
	Stage string
	Lock  Lock
	// Left is for how long the lock may not be taken when it is not renewed; Now is when that was found.
	Left time.Duration
	Now  time.Time
	// Same is true when it is held for the very deploy that was to be taken over: that lives, or died a moment ago.
	Same bool
}

func (s *Store) heldBy(now *storedLock, wanted Owner) *HeldError {
	return &HeldError{Stage: s.name(), Lock: now.Lock, Left: now.left(), Now: s.c.Now(),
		Same: wanted.Deploy != "" && wanted.Deploy == now.Owner.Deploy}
}

func (e *HeldError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is locked by %s", e.Stage, e.Lock.Owner)
	fmt.Fprintf(&b, " since %s", stamp(e.Lock.Since))
	if e.Lock.Owner.Reason != "" {
		b.WriteString(": " + e.Lock.Owner.Reason)
	}
	left := e.Left.Round(time.Second)
	switch {
	case e.Same:
		fmt.Fprintf(&b, "; the deploy's own slipway is alive, or died a moment ago: unless it renews the lock, it can be taken over in %s", left)
	case e.Lock.Owner.Deploy == "":
		fmt.Fprintf(&b, "; it expires in %s, at %s", left, stamp(e.Now.Add(e.Left)))
	case e.Lock.Left:
		fmt.Fprintf(&b, "; its slipway sent, and left: nobody renews it, `slipway resume` takes it up at once, and it expires in %s otherwise", left)
	default:
		fmt.Fprintf(&b, "; it is renewed while that slipway lives, and expires in %s otherwise", left)
	}
	return b.String()
}

// LostError is a lock that was held and is no more.
type LostError struct {
	// Stage is <app>/<stage>, Lock the lock as it stands now.
	Stage string
	Lock  Lock
}

func (e *LostError) Error() string {
	if by := e.Lock.BrokenBy; by != nil {
		text := fmt.Sprintf("the lock of %s was taken away by %s at %s", e.Stage, person(by.Actor, by.Host), stamp(e.Lock.Released))
		if by.Reason != "" {
			text += ": " + by.Reason
		}
		return text
	}
	return fmt.Sprintf("the lock of %s was not renewed in time, and %s took it over at %s", e.Stage, e.Lock.Owner, stamp(e.Lock.Since))
}

// String says who it is, for people.
func (o Owner) String() string {
	who := person(o.Actor, o.Host)
	if o.Deploy != "" {
		who += " (deploy " + o.Deploy + ")"
	}
	return who
}

func person(actor, host string) string {
	if actor == "" {
		actor = "somebody"
	}
	if host == "" {
		return actor
	}
	return actor + " on " + host
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
