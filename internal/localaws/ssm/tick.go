package ssm

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/ec2"
)

// overdue is an invocation whose time is up.
type overdue struct {
	seq             int64
	account, region string
	instance        string
}

// delayedAfter is how long a message waits for its node before the invocation is Delayed. A node that is there fetches
// in milliseconds; the slowest agent takes a pause of seconds between two polls.
const delayedAfter = 10 * time.Second

// Tick ends the invocations whose deadline has passed: those that were not taken within the delivery timeout, and
// those whose node fell silent. An invocation whose node is gone or lost is Undeliverable. One that cannot be ended keeps
// none of the others. What no node has fetched for a while is Delayed. Messages that
// became visible again are pushed. Commands whose alarm went off are stopped.
func (s *Service) Tick(ctx context.Context) error {
	return errors.Join(s.pollAlarms(ctx), s.sweep(ctx), s.expireAll(ctx))
}

// sweep marks invocations as Delayed whose message was not fetched in time.
func (s *Service) sweep(ctx context.Context) error {
	since, until := s.swept.Load(), nanos(s.now().Add(-delayedAfter))
	var any bool
	err := s.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM ssm_message WHERE created > ? AND created <= ?)`, since, until).Scan(&any)
	if err == nil && any {
		err = s.updateTogether(ctx, func(w *work) error { return w.delay(ctx, since, until) })
	}
	if err != nil {
		return fmt.Errorf("find delayed invocations: %w", err)
	}
	s.swept.Store(until)
	return nil
}

// delay marks what waits for its node since a time in between.
func (w *work) delay(ctx context.Context, since, until int64) error {
	rows, err := w.QueryContext(ctx, `UPDATE ssm_invocation SET status = 'Delayed', details = 'Delayed'
		WHERE phase = ? AND status = 'Pending' AND (command, instance) IN
		(SELECT command, instance FROM ssm_message WHERE created > ? AND created <= ?) RETURNING command`,
		phaseQueued, since, until)
	if err != nil {
		return err
	}
	late, err := collect(rows, func(r *sql.Rows) (seq int64, err error) { return seq, r.Scan(&seq) })
	for _, seq := range late {
		w.later[seq] = true
	}
	return err
}

func (s *Service) expireAll(ctx context.Context) error {
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
		lost := false
		if err == nil {
			lost, err = s.lost(ctx, o)
		}
		if err == nil {
			err = s.update(ctx, func(w *work) error { return w.expire(ctx, o, gone, lost) })
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("end overdue invocation on %s: %w", o.instance, err))
		}
	}
	return errors.Join(errs...)
}

// gone says that the machine no longer exists.
func (s *Service) gone(ctx context.Context, o overdue) (bool, error) {
	if isHybrid(o.instance) {
		if s.hybrid == nil {
			return true, nil
		}
		_, found, err := s.hybrid.Node(ctx, o.account, o.region, o.instance)
		return !found, err
	}
	i, err := s.instances.Instance(ctx, o.account, o.region, o.instance)
	if errors.Is(err, ec2.ErrNotFound) {
		return true, nil
	}
	return i.State == ec2.Terminated, err
}

// lost says that the node's agent no longer reports.
func (s *Service) lost(ctx context.Context, o overdue) (bool, error) {
	var pinged int64
	err := s.db.QueryRowContext(ctx, `SELECT pinged FROM ssm_node WHERE account = ? AND region = ? AND instance = ?`,
		o.account, o.region, o.instance).Scan(&pinged)
	if errors.Is(err, sql.ErrNoRows) {
		return true, nil
	}
	return managedNode{pinged: fromNanos(pinged)}.pingStatus(s.now()) != "Online", err
}

func (w *work) expire(ctx context.Context, o overdue, gone, lost bool) error {
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
	if (gone && inv.phase < phaseAcked) || (lost && inv.phase <= phaseQueued) {
		inv.status, inv.details = "Failed", "Undeliverable"
	}
	return w.finish(ctx, cmd, inv)
}
