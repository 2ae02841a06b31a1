package record

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"
)

// IDTime is the layout of the time that a deploy's id begins with.
const IDTime = "20060102T150405Z"

// NewID gives a deploy its id.
func NewID(began time.Time, runID string) string { return began.UTC().Format(IDTime) + "-" + runID }

// version is what a slipway knows of a deploy's object: the ETag that it may write over, and the contents that are its
// own, by hash and without the fields that others write.
type version struct {
	etag string
	own  map[[sha256.Size]byte]bool
}

const deploysFolder = "deploys/"

func (s *Store) deployKey(id string) string { return s.key(deploysFolder + id + ".json") }

// Create writes the record of a deploy that begins.
func (s *Store) Create(ctx context.Context, d *Deploy) error {
	if d.ID == "" || d.RunID == "" || strings.ContainsAny(d.ID, "/ ") {
		return fmt.Errorf("record: a deploy needs an id and a run id: %q, %q", d.ID, d.RunID)
	}
	body, own, err := s.encodeDeploy(d)
	if err != nil {
		return err
	}
	etag, _, err := s.put(ctx, s.deployKey(d.ID), body, Condition{Absent: true})
	if err != nil {
		return err
	}
	d.version = &version{etag: etag, own: map[[sha256.Size]byte]bool{own: true}}
	s.exist[d.ID] = true
	return nil
}

// Load reads the record of a deploy; [ErrNotFound] when there is none.
func (s *Store) Load(ctx context.Context, id string) (*Deploy, error) {
	d := new(Deploy)
	o, _, err := s.get(ctx, s.deployKey(id), d)
	if err != nil {
		return nil, err
	}
	own, err := ownHash(d)
	if err != nil {
		return nil, err
	}
	d.version = &version{etag: o.ETag, own: map[[sha256.Size]byte]bool{own: true}}
	s.exist[id] = true
	return d, nil
}

// Save writes a deploy that was created or loaded before, over what this slipway wrote or loaded last. What others may
// write meanwhile, a request to cancel and the rollback, is taken over into d. [ErrConflict] says that another slipway
// took the deploy over: then nothing was written, and this one must send nothing more.
func (s *Store) Save(ctx context.Context, d *Deploy) error {
	if d.version == nil {
		return fmt.Errorf("record: deploy %s was neither created nor loaded", d.ID)
	}
	for range attempts {
		body, own, err := s.encodeDeploy(d)
		if err != nil {
			return err
		}
		d.version.own[own] = true
		etag, now, err := s.put(ctx, s.deployKey(d.ID), body, Condition{ETag: d.version.etag})
		if err == nil {
			d.version.etag = etag
			return nil
		}
		conflict := errors.Is(err, ErrConflict)
		if now == nil || !conflict && now.ETag == d.version.etag {
			return err
		}
		if err := s.merge(d, now); err != nil {
			return err
		}
	}
	return fmt.Errorf("deploy %s: %w, %d times in a row", d.ID, ErrConflict, attempts)
}

// merge takes over into d what others wrote, when the rest of what is stored is this slipway's own.
func (s *Store) merge(d *Deploy, now *Object) error {
	var stored Deploy
	if _, err := decode(s.deployKey(d.ID), now.Body, &stored); err != nil {
		return err
	}
	own, err := ownHash(&stored)
	if err != nil {
		return err
	}
	if !d.version.own[own] {
		return fmt.Errorf("deploy %s%s: %w", d.ID, takenOver(&stored), ErrConflict)
	}
	d.version.etag = now.ETag
	if d.CancelRequested.IsZero() {
		d.CancelRequested, d.CancelledBy, d.CancelReason = stored.CancelRequested, stored.CancelledBy, stored.CancelReason
	}
	if d.RolledBackBy == "" {
		d.RolledBackBy = stored.RolledBackBy
	}
	return nil
}

func takenOver(stored *Deploy) string {
	if len(stored.Resumed) == 0 {
		return ""
	}
	last := stored.Resumed[len(stored.Resumed)-1]
	return fmt.Sprintf(" was resumed by %s at %s", person(last.Actor, last.Host), stamp(last.At))
}

// Update changes a deploy that another slipway may be writing: it loads, changes and saves until it fits. change may be
// called several times; its error ends the update, and nothing is written.
func (s *Store) Update(ctx context.Context, id string, change func(*Deploy) error) (*Deploy, error) {
	for range attempts {
		d, err := s.Load(ctx, id)
		if err != nil {
			return nil, err
		}
		if err := change(d); err != nil {
			return nil, err
		}
		if err = s.Save(ctx, d); err == nil {
			return d, nil
		}
		if !errors.Is(err, ErrConflict) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("deploy %s: %w, %d times in a row", id, ErrConflict, attempts)
}

// encodeDeploy gives a deploy as it is written, and the hash of its own part.
func (s *Store) encodeDeploy(d *Deploy) (body []byte, own [sha256.Size]byte, err error) {
	clean, err := s.redacted(d)
	if err != nil {
		return nil, own, err
	}
	if body, err = encode(envelope{Format: format}, clean); err != nil {
		return nil, own, err
	}
	own, err = ownHash(clean)
	return body, own, err
}

// ownHash is the hash of what only the deploy's own slipway writes.
func ownHash(d *Deploy) ([sha256.Size]byte, error) {
	mine := *d
	mine.CancelRequested, mine.CancelledBy, mine.CancelReason, mine.RolledBackBy = time.Time{}, "", "", ""
	body, err := encode(envelope{Format: format}, &mine)
	return sha256.Sum256(body), err
}
