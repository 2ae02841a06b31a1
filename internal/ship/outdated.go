package ship

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/slipway-cd/slipway/internal/plan"
)

// errUpToDate ends a deploy that has nothing to ship.
var errUpToDate = errors.New("every node runs this already")

// keepOutdated leaves out the nodes that run, by the record, what would be shipped: the same version, with the same
// documents and parameters. What the record does not know of a node is outdated.
func (r *runner) keepOutdated(ctx context.Context) error {
	if !r.cfg.OnlyOutdated {
		return nil
	}
	if r.ledger == nil {
		return noRecord("--only-outdated")
	}
	if len(r.nodes) == 0 {
		return &refusal{problem: Problem{Code: CodeNoTargets, Message: "which nodes the targets are is not known, and so not which of them are outdated"}}
	}
	current, err := r.upToDate(ctx)
	if err != nil {
		return err
	}
	var outdated []string
	for _, id := range r.nodes {
		if current[id] {
			r.others = append(r.others, id)
		} else {
			outdated = append(outdated, id)
		}
	}
	if r.nodes = outdated; len(outdated) == 0 {
		r.event(Event{Kind: EventTargets, Message: "no node is outdated: " + listed(r.others) + ": nothing to ship"})
		return errUpToDate
	}
	if len(r.others) > 0 {
		r.event(Event{Kind: EventTargets, Nodes: outdated, Message: fmt.Sprintf("%s outdated: %s", count(len(outdated), "node"), listed(outdated))})
	}
	return nil
}

// upToDate are the nodes on which, by the record, runs what would be shipped.
func (r *runner) upToDate(ctx context.Context) (map[string]bool, error) {
	store, current := r.ledger.store, map[string]bool{}
	state, err := store.State(ctx)
	if err != nil || state.Latest == "" {
		return current, err
	}
	last, err := store.Load(ctx, state.Latest)
	if err != nil {
		return nil, err
	}
	want, same := fingerprint(r.stage.Steps), map[string]bool{}
	for _, id := range r.nodes {
		n, known := last.Nodes[id]
		if !known || n.Version == "" || n.Deploy == "" {
			continue
		}
		if _, read := same[n.Deploy]; !read {
			d := last
			if n.Deploy != last.ID {
				if d, err = store.Load(ctx, n.Deploy); err != nil {
					return nil, err
				}
			}
			same[n.Deploy] = d.Version == r.ledger.deploy.Version && fingerprint(plannedSteps(d)) == want && shippable(d) == nil
		}
		current[id] = same[n.Deploy]
	}
	return current, nil
}

// fingerprint is what tells two deploys' steps apart on a node: the documents and what is handed to them, in order. What
// runs on one node only is none of it.
func fingerprint(steps []plan.Step) string {
	type shipped struct {
		Name, Document, Hash string
		Parameters           map[string][]string
	}
	var all []shipped
	for i := range steps {
		s := &steps[i]
		if s.Once {
			continue
		}
		one := shipped{Name: s.Name, Document: documentName(s), Parameters: s.Parameters}
		if s.Own != nil {
			one.Hash = s.Own.Hash
		}
		all = append(all, one)
	}
	text, err := json.Marshal(all)
	if err != nil {
		return "" // strings always marshal
	}
	return string(text)
}

// leaveOutOnce takes out the steps for one node where others run this version already: so they were done.
func (r *runner) leaveOutOnce() {
	if len(r.others) == 0 {
		return
	}
	stage := *r.stage
	stage.Steps = slices.DeleteFunc(slices.Clone(stage.Steps), func(s plan.Step) bool {
		if s.Once {
			r.event(Event{Kind: EventWarning, Step: s.Name, Message: "left out: it ran once, before the nodes that are up to date were shipped to"})
		}
		return s.Once
	})
	r.stage = &stage
}
