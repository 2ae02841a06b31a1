package ship

import (
	"cmp"
	"slices"
)

// fill gives the nodes that a command was for, and that it has no invocation of, the command's own verdict.
func (s *StepResult) fill(nodes []string) {
	for _, id := range nodes {
		if slices.ContainsFunc(s.Nodes, func(n NodeResult) bool { return n.InstanceID == id }) {
			continue
		}
		v := s.Verdict
		if v == Succeeded || v == "" {
			v = Unknown // a success is read, never concluded
		}
		s.Nodes = append(s.Nodes, NodeResult{InstanceID: id, Verdict: v, Why: s.Why})
	}
}

// result joins what became of the step's sends.
func (d *drive) result() StepResult {
	if len(d.nodes) == 0 {
		res := *d.made()[0].result
		if d.why != "" {
			res.Code, res.Why = d.code, cmp.Or(res.Why, d.why)
		}
		return d.alarmed(res)
	}
	res := StepResult{Name: d.step.Name, Stopped: d.why, Code: d.code}
	nodes := map[string]*NodeResult{}
	for _, s := range d.made() {
		res.Sends = append(res.Sends, SendResult{CommandID: s.sent.id, Batch: s.batch, Check: s.check, Nodes: s.nodes,
			Verdict: s.result.Verdict, Why: s.result.Why})
		res.Batches = max(res.Batches, s.batch)
		res.DocumentVersion = cmp.Or(res.DocumentVersion, s.sent.version)
		for _, n := range s.result.Nodes {
			mergeNode(nodes, n, s)
		}
	}
	d.addNotBegun(nodes)
	for _, id := range sortedKeys(nodes) {
		res.Nodes = append(res.Nodes, *nodes[id])
	}
	d.summarise(&res)
	return d.alarmed(res)
}

// mergeNode adds what one send did on a node. A validation that did not succeed takes the node's success away.
func mergeNode(nodes map[string]*NodeResult, n NodeResult, s *send) {
	n.CommandID = s.sent.id
	had := nodes[n.InstanceID]
	if had == nil {
		nodes[n.InstanceID] = &n
		return
	}
	had.Steps = append(slices.Clone(had.Steps), n.Steps...)
	had.CommandID = n.CommandID
	if n.Verdict == Succeeded {
		return
	}
	had.Status, had.StatusDetails = n.Status, n.StatusDetails
	had.Verdict, had.Why = n.Verdict, "validation after the pause: "+n.Why
	if n.Verdict == NotStarted {
		had.Verdict = Failed // the command itself did run
	}
}

// addNotBegun lists the nodes whose turn never came.
func (d *drive) addNotBegun(nodes map[string]*NodeResult) {
	if d.step.Once {
		return // its other nodes are none of its targets
	}
	for _, id := range d.nodes {
		if how := d.gone[id]; how != "" && nodes[id] == nil {
			nodes[id] = &NodeResult{InstanceID: id, Verdict: NotStarted, Gone: true,
				Why: "the instance is " + how + ": it went away before its turn"}
		}
		if nodes[id] == nil {
			nodes[id] = &NodeResult{InstanceID: id, Verdict: NotStarted, Why: "its batch never began: still on the old version"}
		}
	}
}

// summarise makes the step's verdict from its nodes', and names the command that a reader should look at.
func (d *drive) summarise(res *StepResult) {
	verdicts := make([]Verdict, 0, len(res.Nodes))
	for _, n := range res.Nodes {
		if !n.Gone {
			verdicts = append(verdicts, n.Verdict)
		}
	}
	for _, s := range res.Sends {
		if s.Verdict == Unknown {
			verdicts = append(verdicts, Unknown)
		}
		if s.Verdict != Succeeded {
			res.Why = cmp.Or(res.Why, s.Why)
		}
	}
	res.Verdict = together(verdicts)
	res.Why = cmp.Or(d.why, res.Why)
	for _, s := range res.Sends {
		if res.CommandID == "" || s.Verdict == Unknown {
			res.CommandID = s.CommandID
		}
		if s.Verdict == Unknown {
			return
		}
	}
}

// alarmed takes a success away when the rollout's alarm went off: it was to be stopped.
func (d *drive) alarmed(res StepResult) StepResult {
	if d.code == CodeAlarm && res.Verdict == Succeeded {
		res.Verdict, res.Why = Failed, d.why
	}
	return res
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
