package cloudwatch

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

type setInput struct{ AlarmName, StateValue, StateReason, StateReasonData string }

func setAccess(_ context.Context, c *gateway.Call, in *setInput) ([]gateway.Access, error) {
	v := &validation{}
	v.required("alarmName", in.AlarmName)
	v.length("alarmName", in.AlarmName, 255)
	v.required("stateValue", in.StateValue)
	v.oneOf("stateValue", in.StateValue, "OK", "ALARM", "INSUFFICIENT_DATA")
	v.length("stateReason", in.StateReason, 1023)
	v.length("stateReasonData", in.StateReasonData, 4000)
	if err := v.err(); err != nil {
		return nil, err
	}
	return []gateway.Access{access(c, in.AlarmName)}, nil
}

// setState is the only thing that changes the state of an alarm.
func (s *Service) setState(ctx context.Context, c *gateway.Call, in *setInput) (*empty, error) {
	if in.StateReasonData != "" && !json.Valid([]byte(in.StateReasonData)) {
		return nil, &gateway.Error{Code: "InvalidFormat", Message: "StateReasonData is not valid JSON."}
	}
	now := s.now().UnixMilli()
	result, err := s.db.ExecContext(ctx, `UPDATE cloudwatch_alarm SET reason = ?, data = ?, updated = ?,
		transitioned = CASE state WHEN ? THEN transitioned ELSE ? END, state = ? WHERE account = ? AND region = ? AND name = ?`,
		in.StateReason, in.StateReasonData, now, in.StateValue, now, in.StateValue, c.Caller.Account, c.Region, in.AlarmName)
	if err != nil {
		return nil, fmt.Errorf("set state of alarm: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n > 0 {
		return &empty{}, err
	}
	return nil, notFound()
}

type deleteInput struct{ AlarmNames []string }

func deleteAccess(_ context.Context, c *gateway.Call, in *deleteInput) ([]gateway.Access, error) {
	v := &validation{}
	if in.AlarmNames == nil {
		v.required("alarmNames", "")
	}
	v.names(in.AlarmNames)
	if err := v.err(); err != nil {
		return nil, err
	}
	var needs []gateway.Access
	for _, name := range in.AlarmNames {
		needs = append(needs, access(c, name))
	}
	return needs, nil
}

// delete deletes all or none: "if you specify even one incorrect alarm name, the other alarms are not deleted" (API reference).
func (s *Service) delete(ctx context.Context, c *gateway.Call, in *deleteInput) (*empty, error) {
	return &empty{}, s.db.Tx(ctx, func(tx *store.Tx) error {
		for i, name := range in.AlarmNames {
			if slices.Contains(in.AlarmNames[:i], name) {
				continue
			}
			result, err := tx.ExecContext(ctx, `DELETE FROM cloudwatch_alarm WHERE account = ? AND region = ? AND name = ?`,
				c.Caller.Account, c.Region, name)
			if err != nil {
				return fmt.Errorf("delete alarm: %w", err)
			}
			if n, err := result.RowsAffected(); err != nil {
				return err
			} else if n == 0 {
				return notFound()
			}
		}
		return nil
	})
}

func notFound() error {
	return &gateway.Error{Code: "ResourceNotFound", Message: "There is no alarm with this name.", Status: http.StatusNotFound}
}
