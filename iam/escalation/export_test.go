package escalation

// Work counts the edges of a world, and what was done to find those of groups: probes and comparisons of policies.
func Work(w *World) (edges, probed, compared int, err error) {
	f, err := newFinder(w)
	if err != nil {
		return 0, 0, 0, err
	}
	err = f.find()
	return len(f.edges), f.work.probed, f.work.compared, err
}
