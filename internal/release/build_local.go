package release

import (
	"fmt"
	"slices"
)

func (b *builder) local(stages []Stage) Local {
	l := b.file.local.value
	local := Local{Allow: values(l.allow.value), Stubs: values(l.stubs.value)}
	b.unique(l.allow.value, "allow")
	b.unique(l.stubs.value, "stubs")
	for _, program := range l.stubs.value {
		if slices.Contains(local.Allow, program.value) {
			b.errorf(program.node, "keep one of them", "%q is under both allow and stubs: it is run, or it is recorded",
				program.value)
		}
	}
	for _, cache := range l.caches.value {
		if local.Caches == nil {
			local.Caches = map[string]string{}
		}
		local.Caches[cache.key.value] = cache.value.value
	}
	for _, nodes := range l.nodes.value {
		if local.Nodes == nil {
			local.Nodes = map[string]int{}
		}
		local.Nodes[nodes.key.value] = nodes.value.value
		b.nodes(nodes, stages)
	}
	return local
}

// nodes: of a stage that there is, as many as its targets want.
func (b *builder) nodes(nodes entry[int], stages []Stage) {
	var names []string
	for i, stage := range stages {
		names = append(names, stage.Name)
		targets := b.file.stages.value[i].value.targets
		if stage.Name != nodes.key.value || !targets.ok() {
			continue
		}
		count, written := nodes.value.value, targets.value.instances
		switch {
		case written.ok() && count != len(written.node.Content):
			b.errorf(nodes.value.node, "leave it out: there is one node for each instance",
				"stage %q names %d instances, and local.nodes says %d", stage.Name, len(written.node.Content), count)
		case count < stage.Targets.Min:
			b.errorf(nodes.value.node, fmt.Sprintf("at least %d", stage.Targets.Min),
				"stage %q wants at least %d nodes, and local.nodes says %d", stage.Name, stage.Targets.Min, count)
		}
	}
	if slices.Contains(names, nodes.key.value) || len(names) == 0 {
		return
	}
	hint := didYouMean(nodes.key.value, names)
	if hint == "" {
		hint = "the stages are " + listed(names)
	}
	b.errorf(nodes.key.node, hint, "local.nodes: %q is no stage", nodes.key.value)
}
