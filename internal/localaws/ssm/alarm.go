package ssm

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// AlarmSource knows the CloudWatch alarms. [cloudwatch.Service] is one.
type AlarmSource interface {
	// AlarmState gives OK, ALARM or INSUFFICIENT_DATA; found is false when there is no such alarm.
	AlarmState(ctx context.Context, account, region, name string) (state string, found bool, err error)
}

// The states of an alarm that stop a command, as TriggeredAlarms shows them (ExternalAlarmState in the model).
const (
	alarmWentOff = "ALARM"
	alarmUnknown = "UNKNOWN" // it cannot be read
)

// triggeredAlarm is AlarmStateInformation.
type triggeredAlarm struct{ Name, State string }

// alarm is the name of the alarm that stops the command; empty when there is none.
func (in *sendInput) alarm() string {
	if in.AlarmConfiguration == nil || len(in.AlarmConfiguration.Alarms) == 0 {
		return ""
	}
	return in.AlarmConfiguration.Alarms[0].Name
}

// linkedRoleAccess is what a sender needs to attach an alarm: "the IAM principal that runs the command must have permission
// for the iam:createServiceLinkedRole action" (user guide, "Running commands from the console").
// uncertain: whether AWS asks for it also when the role is there already; here it always does.
func linkedRoleAccess(c *gateway.Call) gateway.Access {
	return gateway.Access{
		Action:   "iam:CreateServiceLinkedRole",
		Resource: "arn:aws:iam::" + c.Caller.Account + ":role/aws-service-role/ssm.amazonaws.com/AWSServiceRoleForAmazonSSM",
		Context:  map[string][]string{"iam:AWSServiceName": {"ssm.amazonaws.com"}},
	}
}

// alarmed gives the state of a command's alarm if it stops the command. An alarm that cannot be read does, unless
// IgnorePollAlarmFailure is set.
func (s *Service) alarmed(ctx context.Context, cmd *command) (string, error) {
	name := cmd.request.alarm()
	if name == "" {
		return "", nil
	}
	state, found := "", false
	if s.alarms != nil {
		var err error
		if state, found, err = s.alarms.AlarmState(ctx, cmd.account, cmd.region, name); err != nil {
			return "", fmt.Errorf("read alarm %s: %w", name, err)
		}
	}
	switch {
	case found && state == alarmWentOff:
		return alarmWentOff, nil
	case !found && !cmd.request.AlarmConfiguration.IgnorePollAlarmFailure:
		return alarmUnknown, nil
	}
	return "", nil
}

// pollAlarms stops the commands whose alarm went off while they were carried out.
func (s *Service) pollAlarms(ctx context.Context) error {
	rows, err := s.db.QueryContext(ctx, `SELECT `+commandColumns+` FROM ssm_command c
		WHERE c.alarm <> '' AND c.triggered = '' AND c.status IN ('Pending', 'InProgress')`)
	if err != nil {
		return fmt.Errorf("find commands with alarms: %w", err)
	}
	watched, err := collect(rows, func(r *sql.Rows) (*command, error) { return scanCommand(r) })
	if err != nil {
		return fmt.Errorf("find commands with alarms: %w", err)
	}
	var errs []error
	for _, cmd := range watched {
		state, err := s.alarmed(ctx, cmd)
		if err == nil && state != "" {
			err = s.update(ctx, func(w *work) error { return w.stop(ctx, cmd.seq, state) })
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("alarm of command %s: %w", cmd.id, err))
		}
	}
	return errors.Join(errs...)
}

// stop ends what has not reached its node: "if your alarm activates, any pending command invocations do not run" (user guide).
// uncertain: what they are shown as, which is taken to be what MaxErrors does to them; and the command's own status.
func (w *work) stop(ctx context.Context, seq int64, state string) error {
	cmd, err := loadCommandSeq(ctx, w, seq)
	if err != nil {
		return err
	}
	cmd.triggered = state
	if _, err := w.ExecContext(ctx, `UPDATE ssm_command SET triggered = ? WHERE seq = ?`, state, seq); err != nil {
		return err
	}
	rows, err := w.QueryContext(ctx, `SELECT `+invocationColumns+` FROM ssm_invocation i WHERE i.command = ? AND i.phase = ?
		ORDER BY i.seq`, seq, phaseQueued)
	if err != nil {
		return err
	}
	queued, err := collect(rows, func(r *sql.Rows) (*invocation, error) { return scanInvocation(r) })
	if err != nil {
		return err
	}
	for _, inv := range queued {
		inv.status, inv.details = "Cancelled", "Terminated"
		if err := w.finish(ctx, cmd, inv); err != nil {
			return err
		}
	}
	return w.advance(ctx, cmd)
}
