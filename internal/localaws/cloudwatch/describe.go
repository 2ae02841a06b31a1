package cloudwatch

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

type describeInput struct {
	AlarmNames          []string
	AlarmNamePrefix     string
	AlarmTypes          []string
	ChildrenOfAlarmName string
	ParentsOfAlarmName  string
	StateValue          string
	ActionPrefix        string
	MaxRecords          *int
	NextToken           string
}

// metricAlarm is MetricAlarm.
type metricAlarm struct {
	settings
	AlarmArn                           string
	AlarmConfigurationUpdatedTimestamp time.Time
	StateValue                         string
	StateReason                        string
	StateReasonData                    string `json:",omitempty" xml:",omitempty"`
	StateUpdatedTimestamp              time.Time
	StateTransitionedTimestamp         time.Time
}

type describeOutput struct {
	CompositeAlarms []empty
	MetricAlarms    []metricAlarm
	NextToken       string `json:",omitempty" xml:",omitempty"`
}

// describeAccess demands the permission on all alarms, whatever is asked for.
// uncertain: whether one on the alarms that are named would do.
func describeAccess(_ context.Context, c *gateway.Call, in *describeInput) ([]gateway.Access, error) {
	v := &validation{}
	v.names(in.AlarmNames)
	v.oneOf("stateValue", in.StateValue, "OK", "ALARM", "INSUFFICIENT_DATA")
	for _, kind := range in.AlarmTypes {
		v.oneOf("alarmTypes", kind, "CompositeAlarm", "MetricAlarm")
	}
	v.length("alarmNamePrefix", in.AlarmNamePrefix, 255)
	v.length("actionPrefix", in.ActionPrefix, 1024)
	v.positive("maxRecords", in.MaxRecords)
	if in.MaxRecords != nil {
		v.atMost("maxRecords", *in.MaxRecords, 100)
	}
	if err := v.err(); err != nil {
		return nil, err
	}
	switch {
	case in.AlarmNamePrefix != "" && len(in.AlarmNames) > 0:
		return nil, invalid("AlarmNames and AlarmNamePrefix cannot be given together.")
	case in.ChildrenOfAlarmName != "" || in.ParentsOfAlarmName != "":
		return nil, invalid("The local AWS has no composite alarms.")
	}
	return []gateway.Access{access(c, "*")}, nil
}

// describe lists alarms in the order of their names.
func (s *Service) describe(ctx context.Context, c *gateway.Call, in *describeInput) (*describeOutput, error) {
	after, err := base64.RawURLEncoding.DecodeString(in.NextToken)
	if err != nil {
		return nil, &gateway.Error{Code: "InvalidNextToken", Message: "The next token is not valid."}
	}
	most := 50
	if in.MaxRecords != nil {
		most = *in.MaxRecords
	}
	out := &describeOutput{CompositeAlarms: []empty{}, MetricAlarms: []metricAlarm{}}
	if len(in.AlarmTypes) > 0 && !slices.Contains(in.AlarmTypes, "MetricAlarm") {
		return out, nil
	}
	rows, err := s.db.QueryContext(ctx, `SELECT name, settings, configured, state, reason, data, updated, transitioned FROM cloudwatch_alarm
		WHERE account = ? AND region = ? AND name > ? ORDER BY name`, c.Caller.Account, c.Region, string(after))
	if err != nil {
		return nil, fmt.Errorf("list alarms: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		a, err := scanAlarm(c, rows)
		if err != nil {
			return nil, fmt.Errorf("list alarms: %w", err)
		}
		if !in.wants(a) {
			continue
		}
		if len(out.MetricAlarms) == most {
			last := out.MetricAlarms[most-1].AlarmName
			out.NextToken = base64.RawURLEncoding.EncodeToString([]byte(last))
			break
		}
		out.MetricAlarms = append(out.MetricAlarms, a)
	}
	return out, rows.Err()
}

func scanAlarm(c *gateway.Call, row interface{ Scan(...any) error }) (a metricAlarm, err error) {
	var text string
	var configured, updated, transitioned int64
	if err := row.Scan(&a.AlarmName, &text, &configured, &a.StateValue, &a.StateReason, &a.StateReasonData, &updated, &transitioned); err != nil {
		return a, err
	}
	if err := json.Unmarshal([]byte(text), &a.settings); err != nil {
		return a, err
	}
	a.AlarmArn = alarmARN(c, a.AlarmName)
	a.AlarmConfigurationUpdatedTimestamp = time.UnixMilli(configured)
	a.StateUpdatedTimestamp, a.StateTransitionedTimestamp = time.UnixMilli(updated), time.UnixMilli(transitioned)
	return a, nil
}

// wants tells whether a request asks for an alarm.
func (in *describeInput) wants(a metricAlarm) bool {
	return (len(in.AlarmNames) == 0 || slices.Contains(in.AlarmNames, a.AlarmName)) &&
		strings.HasPrefix(a.AlarmName, in.AlarmNamePrefix) &&
		(in.StateValue == "" || in.StateValue == a.StateValue) &&
		(in.ActionPrefix == "" || slices.ContainsFunc(a.AlarmActions, func(action string) bool { return strings.HasPrefix(action, in.ActionPrefix) }))
}
