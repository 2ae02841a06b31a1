// Package cloudwatch is CloudWatch in the local AWS, as far as a release touches it: alarms that stop a rollout.
//
// There are no metrics. An alarm has the state that SetAlarmState gave it, and keeps it; nothing is evaluated and no action
// is carried out. Requests come in through the gateway ([Service.API]); Run Command asks for states with
// [Service.AlarmState].
package cloudwatch

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// Service is CloudWatch. It is safe for concurrent use.
type Service struct {
	db  *store.DB
	now func() time.Time
}

// schema: times are Unix milliseconds; settings are those of PutMetricAlarm, as JSON.
var schema = []string{
	`CREATE TABLE IF NOT EXISTS cloudwatch_alarm (
		account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, settings TEXT NOT NULL, configured INTEGER NOT NULL,
		state TEXT NOT NULL, reason TEXT NOT NULL, data TEXT NOT NULL, updated INTEGER NOT NULL, transitioned INTEGER NOT NULL,
		PRIMARY KEY (account, region, name)) WITHOUT ROWID`,
}

// New makes the service and its table. A nil now means the real clock.
func New(db *store.DB, now func() time.Time) (*Service, error) {
	if now == nil {
		now = time.Now
	}
	if err := db.Migrate(context.Background(), "cloudwatch", schema...); err != nil {
		return nil, err
	}
	return &Service{db: db, now: now}, nil
}

// API is the service behind the gateway. It answers Query and AWS JSON 1.0.
func (s *Service) API() gateway.Service {
	return gateway.Service{
		Name: "monitoring", Protocol: gateway.Query, Version: "2010-08-01", Namespace: "http://monitoring.amazonaws.com/doc/2010-08-01/",
		AlsoJSON: true, Target: "GraniteServiceVersion20100801",
		Operations: []gateway.Operation{
			gateway.Op("PutMetricAlarm", putAccess, s.put).Except(
				"there are no metrics: only SetAlarmState changes the state of an alarm, and its actions are not carried out",
				"metric math (Metrics, ThresholdMetricId), EvaluationCriteria and Tags are refused"),
			gateway.Op("DescribeAlarms", describeAccess, s.describe).Except(
				"metric alarms only: there are no composite alarms, and ChildrenOfAlarmName and ParentsOfAlarmName are refused"),
			gateway.Op("SetAlarmState", setAccess, s.setState).Except("the state stays until it is set again: nothing evaluates the alarm"),
			gateway.Op("DeleteAlarms", deleteAccess, s.delete),
		},
	}
}

// alarmARN names an alarm.
func alarmARN(c *gateway.Call, name string) string {
	return "arn:aws:cloudwatch:" + c.Region + ":" + c.Caller.Account + ":alarm:" + name
}

// access is one of this service's permissions: its prefix is not its signing name.
func access(c *gateway.Call, name string) gateway.Access {
	return gateway.Access{Action: "cloudwatch:" + c.Operation, Resource: alarmARN(c, name)}
}

// AlarmState gives the state of an alarm: OK, ALARM or INSUFFICIENT_DATA; found is false when there is no such alarm.
func (s *Service) AlarmState(ctx context.Context, account, region, name string) (state string, found bool, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT state FROM cloudwatch_alarm WHERE account = ? AND region = ? AND name = ?`,
		account, region, name).Scan(&state)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("read alarm: %w", err)
	}
	return state, true, nil
}

type empty struct{}
