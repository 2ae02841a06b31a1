package ec2

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// idsInput is the request of the operations that change states.
type idsInput struct {
	InstanceId []string
	DryRun     bool
	// Force is of StopInstances and TerminateInstances. A machine here ends its commands within a second anyway.
	Force bool
}

type stateChange struct {
	InstanceID string    `xml:"instanceId"`
	Current    stateItem `xml:"currentState"`
	Previous   stateItem `xml:"previousState"`
}

type changesOutput struct {
	Instances []stateChange `xml:"instancesSet"`
}

type returnOutput struct {
	Return bool `xml:"return"`
}

func (s *Service) idsAccess(ctx context.Context, c *gateway.Call, in *idsInput) ([]gateway.Access, error) {
	return s.onInstances(ctx, c, in.InstanceId, nil)
}

// transition is what an operation makes of the state of an instance.
type transition struct {
	verb string // for the error: started
	// from gives the next state for each that the operation is possible in. The same state again changes nothing.
	from   map[string]string
	reason Reason
	change func(*Instance)
}

var userShutdown = Reason{"Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown"}

var (
	starting = transition{"started", map[string]string{Stopped: Pending, Pending: Pending, Running: Running}, Reason{"pending", "pending"},
		func(i *Instance) { i.Boot++ }}
	// uncertain: whether a pending instance may be stopped; the documentation speaks of running ones.
	stopping    = transition{"stopped", map[string]string{Running: Stopping, Stopping: Stopping, Stopped: Stopped}, userShutdown, nil}
	terminating = transition{"terminated", map[string]string{Pending: ShuttingDown, Running: ShuttingDown, Stopping: ShuttingDown,
		Stopped: Terminated, ShuttingDown: ShuttingDown, Terminated: Terminated}, userShutdown, nil}
	rebooting = transition{"rebooted", map[string]string{Running: Running}, Reason{}, nil}
)

func (s *Service) startInstances(ctx context.Context, c *gateway.Call, in *idsInput) (*changesOutput, error) {
	return s.transit(ctx, c, in, starting)
}

func (s *Service) stopInstances(ctx context.Context, c *gateway.Call, in *idsInput) (*changesOutput, error) {
	return s.transit(ctx, c, in, stopping)
}

func (s *Service) terminateInstances(ctx context.Context, c *gateway.Call, in *idsInput) (*changesOutput, error) {
	return s.transit(ctx, c, in, terminating)
}

// rebootInstances gives the instances another machine of the next boot. Their state stays what it is.
func (s *Service) rebootInstances(ctx context.Context, c *gateway.Call, in *idsInput) (*returnOutput, error) {
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	changed, _, err := s.applyAll(ctx, c, in.InstanceId, func(i *Instance) error {
		if rebooting.from[i.State] == "" {
			return rebooting.refusal(i.ID)
		}
		i.Boot++
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &returnOutput{true}, s.tell(ctx, changed)
}

func (t transition) refusal(id string) error {
	return fault("IncorrectInstanceState", fmt.Sprintf("The instance '%s' is not in a state from which it can be %s.", id, t.verb))
}

// transit takes all the instances into the next state, or none.
func (s *Service) transit(ctx context.Context, c *gateway.Call, in *idsInput, t transition) (*changesOutput, error) {
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	changed, before, err := s.applyAll(ctx, c, in.InstanceId, func(i *Instance) error { return s.step(i, t) })
	if err != nil {
		return nil, err
	}
	out := &changesOutput{Instances: []stateChange{}}
	var moved []Instance
	for n, i := range changed {
		out.Instances = append(out.Instances, stateChange{i.ID, stateOf(i.State), stateOf(before[n])})
		if i.State != before[n] {
			moved = append(moved, i)
		}
	}
	return out, s.tell(ctx, moved)
}

func (s *Service) step(i *Instance, t transition) error {
	next, ok := t.from[i.State]
	if !ok {
		return t.refusal(i.ID)
	}
	if next == i.State {
		return nil
	}
	if t.verb == "terminated" && i.Protected {
		return fault("OperationNotPermitted", fmt.Sprintf(
			"The instance '%s' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.", i.ID))
	}
	i.State, i.Changed, i.Reason = next, s.now(), t.reason
	if t.change != nil {
		t.change(i)
	}
	if next == Pending {
		i.Launched = s.now() // the launch time is that of the last start
	}
	return nil
}

func stateOf(name string) stateItem { return stateItem{stateCodes[name], name} }

// applyAll applies f to the instances with these ids in one transaction, and gives them with their earlier states.
func (s *Service) applyAll(ctx context.Context, c *gateway.Call, ids []string, f func(*Instance) error) (now []Instance, before []string, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		now, before = nil, nil
		found, err := s.loadAll(ctx, tx, c, unique(ids))
		if err != nil {
			return err
		}
		for _, i := range found {
			before = append(before, i.State)
			if err := f(&i); err != nil {
				return err
			}
			if err := save(ctx, tx, i); err != nil {
				return err
			}
			now = append(now, i)
		}
		return nil
	})
	return now, before, err
}

// loadAll finds the instances, or says which are missing.
func (s *Service) loadAll(ctx context.Context, q querier, c *gateway.Call, ids []string) ([]Instance, error) {
	var found []Instance
	var absent []string
	for _, id := range ids {
		i, err := load(ctx, q, c.Caller.Account, c.Region, id)
		if errors.Is(err, ErrNotFound) || err == nil && s.forgotten(i) {
			absent = append(absent, id)
			continue
		}
		if err != nil {
			return nil, err
		}
		found = append(found, i)
	}
	return found, absence(absent)
}

// absence is the error for instances that are not there; nil when there are none.
func absence(ids []string) error {
	switch len(ids) {
	case 0:
		return nil
	case 1:
		return fault("InvalidInstanceID.NotFound", "The instance ID '"+ids[0]+"' does not exist")
	default:
		return fault("InvalidInstanceID.NotFound", "The instance IDs '"+strings.Join(ids, ", ")+"' do not exist")
	}
}

// tell has the host act on changed instances. Without a host their transitions end here.
func (s *Service) tell(ctx context.Context, changed []Instance) error {
	for _, i := range changed {
		if s.onChange != nil {
			s.onChange(i)
		} else if err := s.Settle(ctx, i); err != nil {
			return err
		}
	}
	return nil
}
