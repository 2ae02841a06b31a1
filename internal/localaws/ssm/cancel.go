package ssm

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

type cancelInput struct {
	CommandId   string
	InstanceIds []string
}

func cancelAccess(_ context.Context, _ *gateway.Call, in *cancelInput) ([]gateway.Access, error) {
	v := &validation{}
	v.required("commandId", in.CommandId)
	v.commandID("commandId", in.CommandId)
	v.ids("instanceIds", in.InstanceIds)
	return []gateway.Access{{}}, v.err()
}

// cancelCommand cancels what has not reached its node, and asks the nodes that have it to stop. There is no
// guarantee: a node may finish first. To cancel a command that has ended changes nothing.
func (s *Service) cancelCommand(ctx context.Context, c *gateway.Call, in *cancelInput) (*struct{}, error) {
	for i, id := range in.InstanceIds {
		if slices.Contains(in.InstanceIds[:i], id) {
			return nil, fault("DuplicateInstanceId", "Instance ID %s is specified more than once.", id)
		}
	}
	if !uuidForm.MatchString(in.CommandId) {
		return nil, badCommandID()
	}
	err := s.update(ctx, func(w *work) error {
		cmd, err := loadCommand(ctx, w, c.Caller.Account, c.Region, in.CommandId)
		if errors.Is(err, errNoCommand) {
			return badCommandID()
		}
		if err != nil {
			return err
		}
		rows, err := w.QueryContext(ctx, `SELECT `+invocationColumns+` FROM ssm_invocation i
			WHERE i.command = ? ORDER BY i.seq`, cmd.seq)
		if err != nil {
			return err
		}
		all, err := collect(rows, func(r *sql.Rows) (*invocation, error) { return scanInvocation(r) })
		if err != nil {
			return err
		}
		mine, err := pick(all, in.InstanceIds)
		if err != nil {
			return err
		}
		return s.cancelAll(ctx, w, cmd, mine, len(in.InstanceIds) == 0)
	})
	return &struct{}{}, err
}

func badCommandID() error {
	return fault("InvalidCommandId", "The specified command ID isn't valid. Verify the ID and try again.")
}

// pick takes the invocations on the given nodes; none given means all.
func pick(all []*invocation, ids []string) ([]*invocation, error) {
	if len(ids) == 0 {
		return all, nil
	}
	var mine []*invocation
	for _, id := range ids {
		i := slices.IndexFunc(all, func(inv *invocation) bool { return inv.instance == id })
		if i < 0 {
			return nil, fault("InvalidInstanceId", "Instance %s has no invocation of this command.", id)
		}
		mine = append(mine, all[i])
	}
	return mine, nil
}

// cancelAll cancels the waiting invocations first, so that advance does not begin one of them.
func (s *Service) cancelAll(ctx context.Context, w *work, cmd *command, invocations []*invocation, whole bool) error {
	live := slices.DeleteFunc(slices.Clone(invocations), func(i *invocation) bool { return i.phase == phaseDone })
	if len(live) == 0 {
		return nil
	}
	cmd.cancelled = cmd.cancelled || whole
	slices.SortStableFunc(live, func(a, b *invocation) int { return int(a.phase) - int(b.phase) })
	for _, inv := range live {
		if inv.phase <= phaseQueued {
			inv.status, inv.details = "Cancelled", "Cancelled"
			if err := w.finish(ctx, cmd, inv); err != nil {
				return err
			}
			continue
		}
		if inv.status == "Cancelling" {
			continue
		}
		if err := s.askToStop(ctx, w, cmd, inv); err != nil {
			return err
		}
	}
	return w.advance(ctx, cmd)
}

// askToStop sends the node a cancel message, which has an id of its own.
func (s *Service) askToStop(ctx context.Context, w *work, cmd *command, inv *invocation) error {
	inv.status, inv.details = "Cancelling", "Cancelling"
	if err := w.save(ctx, inv); err != nil {
		return err
	}
	id, err := s.newUUID()
	if err != nil {
		return err
	}
	return w.queue(ctx, cmd, inv.instance, messageID(id, inv.instance), messageID(cmd.id, inv.instance))
}
