package ec2

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// OnChange registers the host of the machines: f is called, after the change is stored, for every instance that was
// told to start, stop, reboot or go, or has another instance profile. The host does that to the machine and then calls
// [Service.Settle]. Without a host there are no machines, and a transition ends as soon as it has begun.
// It comes before the first request.
func (s *Service) OnChange(f func(Instance)) { s.onChange = f }

// settled is the state that follows a transition.
var settled = map[string]string{Pending: Running, Stopping: Stopped, ShuttingDown: Terminated}

// Settle ends the transition that i, as the host knows it, is in. An instance that has another state by now keeps it.
func (s *Service) Settle(ctx context.Context, i Instance) error {
	next, ok := settled[i.State]
	if !ok {
		return nil
	}
	_, err := s.change(ctx, i, func(now *Instance) bool {
		if now.State != i.State || now.Boot != i.Boot {
			return false
		}
		now.State, now.Changed = next, s.now()
		return true
	})
	return ignoreNotFound(err)
}

// Fail ends a start whose machine could not be made: a new instance is terminated, one that has run before is stopped.
func (s *Service) Fail(ctx context.Context, i Instance, code, message string) error {
	_, err := s.change(ctx, i, func(now *Instance) bool {
		if now.State != Pending || now.Boot != i.Boot {
			return false
		}
		now.State, now.Changed, now.Reason = Stopped, s.now(), Reason{code, message}
		if now.Boot == 0 {
			now.State = Terminated
		}
		return true
	})
	return ignoreNotFound(err)
}

func ignoreNotFound(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// change applies f to a stored instance, and stores it again if f says so.
func (s *Service) change(ctx context.Context, i Instance, f func(*Instance) bool) (now Instance, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if now, err = load(ctx, tx, i.Account, i.Region, i.ID); err != nil || !f(&now) {
			return err
		}
		return save(ctx, tx, now)
	})
	return now, err
}

func save(ctx context.Context, tx *store.Tx, i Instance) error {
	text, err := json.Marshal(i)
	if err != nil {
		return fmt.Errorf("write instance %s: %w", i.ID, err)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO ec2_instance (account, region, id, instance) VALUES (?,?,?,?)
		ON CONFLICT DO UPDATE SET instance = excluded.instance`, i.Account, i.Region, i.ID, string(text))
	if err != nil {
		return fmt.Errorf("write instance %s: %w", i.ID, err)
	}
	return nil
}
