package ship

import (
	"context"
	"fmt"
	"slices"

	"github.com/slipway-cd/slipway/internal/awsclient"
)

// existing are the states of the instances that the targets' tags find now. ok is false where that is not to be found
// out, or the targets name their nodes.
func (r *runner) existing(ctx context.Context) (states map[string]string, ok bool) {
	if len(r.stage.Targets.Tags) == 0 || len(r.nodes) == 0 {
		return nil, false
	}
	// It is worth a short wait: what was shipped is known without it.
	until := r.deadline
	r.deadline = r.cfg.Now().Add(readyWithin)
	instances, err := r.instances(ctx, nil)
	r.deadline = until
	if err != nil {
		if ctx.Err() == nil {
			r.event(Event{Kind: EventWarning, Message: "which nodes the targets are now is not known: " + err.Error()})
		}
		return nil, false
	}
	return statesOf(instances), true
}

func statesOf(instances []awsclient.Instance) map[string]string {
	states := map[string]string{}
	for _, i := range instances {
		states[i.ID] = i.State
	}
	return states
}

// wentAway says how EC2 calls a node that will not come back; empty of every other. One that is stopped may come back,
// with the old version.
func wentAway(states map[string]string, id string) string {
	switch state, found := states[id]; {
	case !found:
		return "not found any more"
	case state == "terminated", state == "shutting-down":
		return state
	}
	return ""
}

// markGone tells nodes that went away from nodes that failed. Only what nothing ran on is told so: a node that died of
// the script is a failure.
func (r *runner) markGone(ctx context.Context, res *StepResult) {
	if !slices.ContainsFunc(res.Nodes, nothingRan) {
		return
	}
	states, ok := r.existing(ctx)
	if !ok {
		return
	}
	var rest []Verdict
	gone := 0
	for i := range res.Nodes {
		n := &res.Nodes[i]
		how := wentAway(states, n.InstanceID)
		if how == "" || !nothingRan(*n) {
			rest = append(rest, n.Verdict)
			continue
		}
		gone++
		n.Gone, n.Why = true, "the instance is "+how+": it went away before anything ran on it"
	}
	if gone > 0 && len(rest) > 0 && res.Verdict == Failed {
		res.Verdict = together(rest)
	}
}

// nothingRan tells of a node's result that the command never got there.
func nothingRan(n NodeResult) bool {
	details := normalise(n.StatusDetails)
	return details == "Undeliverable" || (n.Verdict == NotStarted && details == "")
}

// goneAmong are the nodes of a send that was refused because one of them is no instance that Run Command can reach.
func (d *drive) goneAmong(ctx context.Context, s *send, err error) []string {
	if errorCode(err) != "InvalidInstanceId" || len(s.nodes) == 0 {
		return nil
	}
	states, ok := d.r.existing(ctx)
	if !ok {
		return nil
	}
	var gone []string
	for _, id := range s.nodes {
		if how := wentAway(states, id); how != "" {
			gone = append(gone, id)
			d.gone[id] = how
		}
	}
	return gone
}

// present are the step's nodes without those that turned out to have gone before their turn.
func (d *drive) present() []string {
	if len(d.gone) == 0 {
		return d.nodes
	}
	return slices.DeleteFunc(slices.Clone(d.nodes), func(id string) bool { return d.gone[id] != "" })
}

// findJoined resolves the targets again, at the end: nodes that joined meanwhile run another version.
func (r *runner) findJoined(ctx context.Context) {
	if ctx.Err() != nil || r.res.Verdict == Refused {
		return
	}
	states, ok := r.existing(ctx)
	if !ok {
		return
	}
	for id, state := range states {
		if state == "running" && !slices.Contains(r.nodes, id) && !slices.Contains(r.others, id) {
			r.res.Joined = append(r.res.Joined, id)
		}
	}
	if len(r.res.Joined) == 0 {
		return
	}
	slices.Sort(r.res.Joined)
	run := "run"
	if len(r.res.Joined) == 1 {
		run = "runs"
	}
	r.event(Event{Kind: EventJoined, Nodes: r.res.Joined, Message: fmt.Sprintf("%s joined meanwhile and %s the old version: "+
		"slipway deploy --only-outdated brings them up", count(len(r.res.Joined), "node"), run)})
}
