package escalation

import "slices"

// combine adds an edge for whoever can decide what a role or user may do, and act as it as well: it has everything
// that the other one could be given.
func (f *finder) combine() error {
	graph := &Graph{Edges: f.edges}
	from := graph.byStart()
	for _, p := range f.people {
		var ways []Path
		for _, change := range from[p.ARN] {
			other := f.byARN[change.To]
			if change.Kind != Change || other == nil || other == p || change.Limit != "" {
				continue
			}
			if ways == nil {
				ways = graph.from(p.ARN, from)
			}
			i := slices.IndexFunc(ways, func(w Path) bool { return w.To == other.ARN && !w.Changes() })
			if i < 0 {
				continue
			}
			if err := f.combined(change, &ways[i], other); err != nil {
				return err
			}
		}
	}
	return nil
}

// combined adds the edge of one change and one way, unless something limits what the other one can be given.
func (f *finder) combined(change *Edge, way *Path, other *person) error {
	limit, conditions, err := f.limits(other, gainOf(change.Technique), f.groups[change.Via])
	if err != nil || limit != "" {
		return err
	}
	e := *change
	e.To, e.Via, e.Technique = rootOf(other.account), other.ARN, change.Technique+"+"+way.Edges[len(way.Edges)-1].Technique
	e.Calls, e.If = slices.Clone(change.Calls), slices.Clone(change.If)
	for i := range way.Edges {
		e.Calls = append(e.Calls, way.Edges[i].Calls...)
	}
	e.need(way.If()...)
	e.need(conditions...)
	f.edges = append(f.edges, e)
	return nil
}

func rootOf(account string) string { return "arn:aws:iam::" + account + ":root" }

// gainOf finds what a technique of the table gives.
func gainOf(name string) gain {
	for i := range techniques {
		if techniques[i].name == name {
			return techniques[i].gain
		}
	}
	return gainAny
}
