package ec2

import (
	"context"
	"slices"
	"strconv"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

type statusInput struct {
	InstanceId          []string
	Filter              []filter
	MaxResults          int
	NextToken           string
	IncludeAllInstances bool
	DryRun              bool
}

type statusOutput struct {
	Statuses  []statusItem `xml:"instanceStatusSet"`
	NextToken string       `xml:"nextToken,omitempty"`
}

type statusItem struct {
	InstanceID       string    `xml:"instanceId"`
	AvailabilityZone string    `xml:"availabilityZone"`
	State            stateItem `xml:"instanceState"`
	System           summary   `xml:"systemStatus"`
	Instance         summary   `xml:"instanceStatus"`
}

type summary struct {
	Status  string         `xml:"status"`
	Details []reachability `xml:"details"`
}

type reachability struct {
	Name   string `xml:"name"`
	Status string `xml:"status"`
}

// statusOf is what the status checks say: ok as soon as the machine runs, for there is no hardware beneath it that could
// be impaired.
func statusOf(i Instance) summary {
	switch i.State {
	case Running:
		return summary{"ok", []reachability{{"reachability", "passed"}}}
	case Pending:
		return summary{"initializing", []reachability{{"reachability", "initializing"}}}
	}
	return summary{"not-applicable", nil}
}

func reached(i Instance) []string {
	if d := statusOf(i).Details; len(d) > 0 {
		return []string{d[0].Status}
	}
	return nil
}

func checked(i Instance) []string { return []string{statusOf(i).Status} }

var statusFields = map[string]func(Instance) []string{
	"availability-zone":            func(i Instance) []string { return []string{i.zone()} },
	"instance-state-name":          func(i Instance) []string { return []string{i.State} },
	"instance-state-code":          func(i Instance) []string { return []string{strconv.Itoa(stateCodes[i.State])} },
	"instance-status.status":       checked,
	"system-status.status":         checked,
	"instance-status.reachability": reached,
	"system-status.reachability":   reached,
}

// describeInstanceStatus shows the running instances, and the others if that is asked for.
func (s *Service) describeInstanceStatus(ctx context.Context, c *gateway.Call, in *statusInput) (*statusOutput, error) {
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	match, err := compileFilters(in.Filter, statusFields, nil)
	if err != nil {
		return nil, err
	}
	all, err := s.Instances(ctx, c.Caller.Account, c.Region)
	if err != nil {
		return nil, err
	}
	chosen, err := choose(all, in.InstanceId)
	if err != nil {
		return nil, err
	}
	chosen = slices.DeleteFunc(chosen, func(i Instance) bool {
		return !match(i) || i.State != Running && !in.IncludeAllInstances
	})
	chosen, next, err := page(chosen, func(i Instance) string { return i.ID }, in.MaxResults, in.NextToken, len(in.InstanceId) > 0)
	if err != nil {
		return nil, err
	}
	out := &statusOutput{Statuses: []statusItem{}, NextToken: next}
	for _, i := range chosen {
		out.Statuses = append(out.Statuses, statusItem{i.ID, i.zone(), stateOf(i.State), statusOf(i), statusOf(i)})
	}
	return out, nil
}
