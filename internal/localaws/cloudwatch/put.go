package cloudwatch

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// settings are what PutMetricAlarm keeps and DescribeAlarms shows.
type settings struct {
	AlarmName                        string
	AlarmDescription                 string      `json:",omitempty" xml:",omitempty"`
	ActionsEnabled                   *bool       `json:",omitempty" xml:",omitempty"`
	OKActions                        []string    `json:",omitempty" xml:",omitempty"`
	AlarmActions                     []string    `json:",omitempty" xml:",omitempty"`
	InsufficientDataActions          []string    `json:",omitempty" xml:",omitempty"`
	MetricName                       string      `json:",omitempty" xml:",omitempty"`
	Namespace                        string      `json:",omitempty" xml:",omitempty"`
	Statistic                        string      `json:",omitempty" xml:",omitempty"`
	ExtendedStatistic                string      `json:",omitempty" xml:",omitempty"`
	Dimensions                       []dimension `json:",omitempty" xml:",omitempty"`
	Period                           *int        `json:",omitempty" xml:",omitempty"`
	Unit                             string      `json:",omitempty" xml:",omitempty"`
	EvaluationPeriods                *int        `json:",omitempty" xml:",omitempty"`
	DatapointsToAlarm                *int        `json:",omitempty" xml:",omitempty"`
	Threshold                        *float64    `json:",omitempty" xml:",omitempty"`
	ComparisonOperator               string      `json:",omitempty" xml:",omitempty"`
	TreatMissingData                 string      `json:",omitempty" xml:",omitempty"`
	EvaluateLowSampleCountPercentile string      `json:",omitempty" xml:",omitempty"`
}

type dimension struct{ Name, Value string }

// putInput is PutMetricAlarmInput. What is refused is there to be recognised.
type putInput struct {
	settings
	Metrics            []struct{ Id string }
	ThresholdMetricId  string
	EvaluationCriteria *struct{}
	EvaluationInterval *int
	Tags               []struct{ Key, Value string }
}

func putAccess(_ context.Context, c *gateway.Call, in *putInput) ([]gateway.Access, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	a := access(c, in.AlarmName)
	if actions := slices.Concat(in.AlarmActions, in.OKActions, in.InsufficientDataActions); len(actions) > 0 {
		a.Context = map[string][]string{"cloudwatch:AlarmActions": actions}
	}
	return []gateway.Access{a}, nil
}

// check applies the service model's constraints, and refuses what is not served.
func (in *putInput) check() error {
	v := &validation{}
	v.required("alarmName", in.AlarmName)
	v.length("alarmName", in.AlarmName, 255)
	v.length("alarmDescription", in.AlarmDescription, 1024)
	v.length("metricName", in.MetricName, 255)
	v.length("namespace", in.Namespace, 255)
	v.oneOf("statistic", in.Statistic, "SampleCount", "Average", "Sum", "Minimum", "Maximum")
	v.oneOf("comparisonOperator", in.ComparisonOperator, "GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold",
		"LessThanOrEqualToThreshold", "LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold")
	v.positive("period", in.Period)
	v.positive("evaluationPeriods", in.EvaluationPeriods)
	v.positive("datapointsToAlarm", in.DatapointsToAlarm)
	for name, list := range map[string][]string{"okActions": in.OKActions, "alarmActions": in.AlarmActions, "insufficientDataActions": in.InsufficientDataActions} {
		v.atMost(name, len(list), 5)
	}
	v.atMost("dimensions", len(in.Dimensions), 30)
	if err := v.err(); err != nil {
		return err
	}
	return in.checkMetric()
}

// checkMetric wants one metric with all that an alarm on it takes.
func (in *putInput) checkMetric() error {
	switch {
	case len(in.Metrics) > 0 || in.ThresholdMetricId != "" || in.EvaluationCriteria != nil || in.EvaluationInterval != nil:
		return invalid("The local AWS has no metrics: an alarm names one with MetricName, Namespace, Statistic and Period.")
	case len(in.Tags) > 0:
		return invalid("The local AWS does not serve tags of alarms.")
	case in.MetricName == "" || in.Namespace == "" || in.Period == nil || in.EvaluationPeriods == nil || in.Threshold == nil ||
		in.ComparisonOperator == "" || (in.Statistic == "") == (in.ExtendedStatistic == ""):
		return invalid("MetricName, Namespace, Period, EvaluationPeriods, Threshold, ComparisonOperator and either Statistic or ExtendedStatistic are required.")
	}
	return nil
}

// put makes an alarm, or changes one and leaves its state.
func (s *Service) put(ctx context.Context, c *gateway.Call, in *putInput) (*empty, error) {
	if in.ActionsEnabled == nil {
		yes := true
		in.ActionsEnabled = &yes
	}
	text, err := json.Marshal(in.settings)
	if err != nil {
		return nil, err
	}
	now := s.now().UnixMilli()
	_, err = s.db.ExecContext(ctx, `INSERT INTO cloudwatch_alarm
		(account, region, name, settings, configured, state, reason, data, updated, transitioned) VALUES (?,?,?,?,?,?,?,'',?,?)
		ON CONFLICT DO UPDATE SET settings = excluded.settings, configured = excluded.configured`,
		c.Caller.Account, c.Region, in.AlarmName, string(text), now, "INSUFFICIENT_DATA", "Unchecked: Initial alarm creation", now, now)
	if err != nil {
		return nil, fmt.Errorf("write alarm: %w", err)
	}
	return &empty{}, nil
}

// EnsureAlarm makes an alarm that is OK, for a release that names one. One that exists stays as it is, with its state.
func (s *Service) EnsureAlarm(ctx context.Context, account, region, name string) error {
	one, threshold, yes := 1, 0.0, true
	text, err := json.Marshal(settings{AlarmName: name, AlarmDescription: "made for a release that names it; SetAlarmState changes its state",
		ActionsEnabled: &yes, MetricName: "none", Namespace: "slipway", Statistic: "Sum", Period: &one, EvaluationPeriods: &one,
		Threshold: &threshold, ComparisonOperator: "GreaterThanThreshold"})
	if err != nil {
		return err
	}
	now := s.now().UnixMilli()
	_, err = s.db.ExecContext(ctx, `INSERT INTO cloudwatch_alarm
		(account, region, name, settings, configured, state, reason, data, updated, transitioned) VALUES (?,?,?,?,?,?,?,'',?,?)
		ON CONFLICT DO NOTHING`, account, region, name, string(text), now, "OK", "made with the release", now, now)
	if err != nil {
		return fmt.Errorf("write alarm: %w", err)
	}
	return nil
}
