package record

import (
	"context"
	"errors"
	"fmt"
)

// probeBody is what the probe's object always holds.
const probeBody = `{"format": 1, "about": "slipway tries here whether this bucket serves conditional writes"}`

// nobodysETag is an ETag that no object has.
const nobodysETag = `"00000000000000000000000000000000"`

// probe finds out, once, whether the bucket keeps conditions, with two writes that must fail: one that an object
// must not exist which does, and one over a version that never was. A bucket that carries one of them out would let
// two deploys hold one lock.
func (s *Store) probe(ctx context.Context) error {
	if s.probed {
		return nil
	}
	key := s.key("probe.json")
	err := s.probeWrite(ctx, key, Condition{Absent: true})
	if err == nil { // the first time here: now it exists
		err = s.probeWrite(ctx, key, Condition{Absent: true})
	}
	if err := mustConflict(err, "If-None-Match"); err != nil {
		return err
	}
	if err := mustConflict(s.probeWrite(ctx, key, Condition{ETag: nobodysETag}), "If-Match"); err != nil {
		return err
	}
	s.probed = true
	return nil
}

func (s *Store) probeWrite(ctx context.Context, key string, when Condition) error {
	if _, err := s.c.Bucket.Put(ctx, key, []byte(probeBody), when); err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	return nil
}

func mustConflict(err error, header string) error {
	switch {
	case errors.Is(err, ErrConflict):
		return nil
	case err == nil:
		return fmt.Errorf("%w: it wrote although the condition %s did not hold; a lock in it would be none", ErrNoConditions, header)
	}
	return err
}
