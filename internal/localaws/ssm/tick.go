package ssm

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/slipway-cd/slipway/internal/localaws/ec2"
)

// overdue is an invocation whose time is up.
type overdue struct {
	seq             int64
	account, region string
	instance        string
}

// Tick ends the invocations whose deadline has passed: those that were not taken within the delivery timeout, and
// those whose node fell silent. An invocation whose instance is gone is Undeliverable. One that cannot be ended keeps
// none of the others. Messages that became visible again are pushed.
func (s *Service) Tick(ctx context.Context) error {
	rows, err := s.db.QueryContext(ctx, `SELECT seq, account, region, instance FROM ssm_invocation
		WHERE phase < 4 AND due BETWEEN 1 AND ? ORDER BY due`, nanos(s.now()))
	if err != nil {
		return fmt.Errorf("find overdue invocations: %w", err)
	}
	due, err := collect(rows, func(r *sql.Rows) (overdue, error) {
		var o overdue
		return o, r.Scan(&o.seq, &o.account, &o.region, &o.instance)
	})
	if err != nil {
		return fmt.Errorf("find overdue invocations: %w", err)
	}
	errs := []error{s.redeliver(ctx)}
	for _, o := range due {
		gone, err := s.gone(ctx, o)
		if err == nil {
			err = s.update(ctx, func(w *work) error { return w.expire(ctx, o, gone) })
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("end overdue invocation on %s: %w", o.instance, err))
		}
	}
	return errors.Join(errs...)
}

// gone says that the machine no longer exists.
func (s *Service) gone(ctx context.Context, o overdue) (bool, error) {
	i, err := s.instances.Instance(ctx, o.account, o.region, o.instance)
	if errors.Is(err, ec2.ErrNotFound) {
		return !isHybrid(o.instance), nil
	}
	return i.State == ec2.Terminated, err
}

func (w *work) expire(ctx context.Context, o overdue, gone bool) error {
	inv, err := scanInvocation(w.QueryRowContext(ctx, `SELECT `+invocationColumns+` FROM ssm_invocation i WHERE i.seq = ?`, o.seq))
	if err != nil {
		return err
	}
	if inv.phase == phaseDone || inv.due == 0 || inv.due > nanos(w.now) {
		return nil // a reply came first
	}
	cmd, err := loadCommandSeq(ctx, w, inv.command)
	if err != nil {
		return err
	}
	inv.status, inv.details = "TimedOut", "DeliveryTimedOut"
	if gone && inv.phase < phaseAcked {
		inv.status, inv.details = "Failed", "Undeliverable" // uncertain: the Status it is shown under
	}
	return w.finish(ctx, cmd, inv)
}
