package record

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Summary is a deploy on one line.
type Summary struct {
	ID      string    `json:"id"`
	App     string    `json:"app"`
	Stage   string    `json:"stage"`
	Kind    Kind      `json:"kind"`
	Version string    `json:"version"`
	Commit  string    `json:"commit,omitempty"`
	Actor   string    `json:"actor,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Began   time.Time `json:"began"`
	Ended   time.Time `json:"ended,omitzero"`
	Verdict string    `json:"verdict,omitempty"`
	Why     string    `json:"why,omitempty"`
	// UnderWay is InProgress or Died of a deploy that has not ended, where that was found out.
	UnderWay     string `json:"underWay,omitempty"`
	Target       string `json:"target,omitempty"`
	RolledBackBy string `json:"rolledBackBy,omitempty"`
	// Nodes counts the deploy's nodes by verdict.
	Nodes map[string]int `json:"nodes,omitempty"`
}

// Summary is the deploy on one line.
func (d *Deploy) Summary() *Summary {
	s := &Summary{ID: d.ID, App: d.App, Stage: d.Stage, Kind: d.Kind, Version: d.Name(), Commit: d.Commit, Actor: d.Actor, Reason: d.Reason,
		Began: d.Began, Ended: d.Ended, Verdict: d.Verdict, Why: d.Why, Target: d.Target, RolledBackBy: d.RolledBackBy, Nodes: map[string]int{}}
	ids := d.Targets
	if len(ids) == 0 {
		ids = slices.Collect(maps.Keys(d.Nodes))
	}
	for _, id := range ids {
		s.Nodes[cmp.Or(d.Nodes[id].Verdict, "not started")]++
	}
	return s
}

// Name is what people call what the deploy shipped: its version, or its id where it has none.
func (d *Deploy) Name() string { return cmp.Or(d.Version, d.ID) }

// idTime is the time in a deploy's id; zero where there is none.
func idTime(id string) time.Time {
	if len(id) < len(IDTime) {
		return time.Time{}
	}
	t, err := time.Parse(IDTime, id[:len(IDTime)])
	if err != nil {
		return time.Time{}
	}
	return t
}
