package record

import (
	"context"
	"errors"
	"fmt"
)

// stateVersion is what a store knows of the state's object.
type stateVersion struct {
	etag     string // empty: there was none
	revision int
}

func (s *Store) stateKey() string { return s.key("state.json") }

// State gives what the stage runs. It is zero before the first deploy.
func (s *Store) State(ctx context.Context) (State, error) {
	var state State
	o, e, err := s.get(ctx, s.stateKey(), &state)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return State{}, err
	}
	s.state = &stateVersion{etag: o.ETag, revision: e.Revision}
	return state, nil
}

// SetState writes what the stage runs, over what [Store.State] gave last or SetState itself wrote. It is for the holder
// of the lock; [ErrConflict] says that somebody else holds it by now. The deploys that it names must exist.
func (s *Store) SetState(ctx context.Context, state State) error {
	if s.state == nil {
		return errors.New("record: the state is to be written and was never read")
	}
	for _, id := range []string{state.Current, state.Latest} {
		if id == "" || s.exist[id] {
			continue
		}
		if _, err := s.Load(ctx, id); err != nil {
			return fmt.Errorf("state: %w", err)
		}
	}
	next := stateVersion{revision: s.state.revision + 1}
	body, err := encode(envelope{Format: format, Revision: next.revision}, &state)
	if err != nil {
		return err
	}
	next.etag, _, err = s.put(ctx, s.stateKey(), body, over(s.state.etag))
	if err != nil {
		return err
	}
	s.state = &next
	return nil
}

// over is the condition that an object is still the one with an ETag, or still absent.
func over(etag string) Condition { return Condition{Absent: etag == "", ETag: etag} }
