package release

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Names that AWS bounds.
const (
	maxRoleName     = 64  // IAM's model: roleNameType
	maxDocumentName = 128 // SSM's model: DocumentName
)

func (b *builder) stage(l located[stageFile]) Stage {
	s := l.value
	stage := Stage{
		Name: s.name.value, Account: s.account.value, AccountID: b.accountID(s.account), Region: s.region.value,
		Needs: values(s.needs.value), Split: s.split.value, Pos: position(l.node),
	}
	if stage.Region == "" {
		stage.Region = b.file.region.value
	}
	if !s.region.ok() && !b.file.region.ok() && !b.hasKey(l.node, "region") && !b.hasKey(nil, "region") {
		b.errorf(l.node, "add region: eu-west-1 here, or once at the top of the file", "stage %s has no region",
			quote(stage.Name))
	}
	b.roleName(s)
	stage.OnFailure = b.onFailure(s.onFailure)
	stage.Permissions = permissions(s.permissions.value)
	stage.Hooks = b.hooks(s.hooks)
	if s.targets.ok() {
		stage.Targets = b.targets(s.targets)
	}
	var names []located[string]
	for _, step := range s.steps.value {
		names = append(names, step.value.nameOf())
		stage.Steps = append(stage.Steps, b.step(step, stage))
	}
	b.otherSteps(s.steps, stage.Steps)
	b.unique(slices.DeleteFunc(names, func(n located[string]) bool { return !n.ok() }),
		fmt.Sprintf("stage %s: the steps' names must differ; it", quote(stage.Name)))
	return stage
}

// accountID resolves an account's short name.
func (b *builder) accountID(account located[string]) string {
	known := map[string]string{}
	for _, entry := range b.file.accounts.value {
		known[entry.key.value] = entry.value.value
	}
	id, ok := known[account.value]
	if ok || !account.ok() || len(known) == 0 || b.hasKey(b.file.accounts.node, account.value) {
		return id
	}
	names := slices.Collect(maps.Keys(known))
	hint := didYouMean(account.value, names)
	if hint == "" {
		hint = "accounts has " + listed(names)
	}
	b.errorf(account.node, hint, "account %q is not under accounts", account.value)
	return ""
}

// roleName: the longest role of a stage must fit into IAM's bound.
func (b *builder) roleName(s stageFile) {
	longest := b.file.app.value + "-" + s.name.value + "-Deploy"
	if s.split.value {
		longest = b.file.app.value + "-" + s.name.value + "-Trigger"
	}
	for _, step := range s.steps.value {
		if step.value.automation.ok() {
			longest = b.file.app.value + "-" + s.name.value + "-Automation"
		}
	}
	if s.name.ok() && len(longest) > maxRoleName {
		b.errorf(s.name.node, "shorten app or the stage's name",
			"the role %s would have %d characters: IAM takes at most %d", longest, len(longest), maxRoleName)
	}
}

// stageNames: unique, and none of them in the app's name (R72).
func (b *builder) stageNames() {
	var names []located[string]
	for _, s := range b.file.stages.value {
		name := s.value.name
		if !name.ok() {
			continue
		}
		names = append(names, name)
		app := b.file.app
		if app.ok() && strings.Contains("-"+app.value+"-", "-"+name.value+"-") {
			b.errorf(app.node, "leave the stage out: slipway adds it to every name it makes",
				"app %q contains the stage %q", app.value, name.value)
		}
	}
	b.unique(names, "stages: their names must differ; the list")
}

// needs: only stages that come earlier, so that there is no cycle.
func (b *builder) needs() {
	after := map[string][]string{} // every stage, with what it needs
	for _, s := range b.file.stages.value {
		after[s.value.name.value] = append(after[s.value.name.value], values(s.value.needs.value)...)
	}
	earlier := map[string]bool{}
	for _, s := range b.file.stages.value {
		name := s.value.name.value
		for _, need := range s.value.needs.value {
			if !earlier[need.value] {
				b.badNeed(name, need, after)
			}
		}
		b.unique(s.value.needs.value, fmt.Sprintf("needs of stage %s", quote(name)))
		earlier[name] = true
	}
}

// badNeed says why a stage cannot need what it needs.
func (b *builder) badNeed(name string, need located[string], after map[string][]string) {
	_, exists := after[need.value]
	switch {
	case need.value == name:
		b.errorf(need.node, "leave it out", "stage %q needs itself", name)
	case exists && reaches(after, need.value, name):
		b.errorf(need.node, "leave one of them out", "stages %q and %q need each other", name, need.value)
	case exists:
		b.errorf(need.node, fmt.Sprintf("move stage %q before %q", need.value, name),
			"stage %q needs %q, which comes later", name, need.value)
	default:
		names := slices.Collect(maps.Keys(after))
		hint := didYouMean(need.value, names)
		if hint == "" {
			hint = "the stages are " + listed(names)
		}
		b.errorf(need.node, hint, "stage %q needs %q, which is no stage", name, need.value)
	}
}

// reaches says whether from needs to, directly or through others.
func reaches(after map[string][]string, from, to string) bool {
	seen := map[string]bool{}
	for open := []string{from}; len(open) > 0; {
		name := open[len(open)-1]
		open = open[:len(open)-1]
		if name == to {
			return true
		}
		if !seen[name] {
			seen[name] = true
			open = append(open, after[name]...)
		}
	}
	return false
}

func (b *builder) targets(l located[targetsFile]) Targets {
	t := l.value
	targets := Targets{
		Instances: values(t.instances.value), AutoScalingGroup: t.group.value, NodeRole: t.nodeRole.value, Min: t.min.value,
		Pos: position(l.node),
	}
	var kinds []string
	for _, kind := range []string{"instances", "tags", "auto-scaling-group"} {
		if b.hasKey(l.node, kind) {
			kinds = append(kinds, kind)
		}
	}
	switch len(kinds) {
	case 0:
		b.errorf(l.node, "for example targets: {tags: {App: shop, Environment: dev}}",
			"targets has neither tags nor instances nor auto-scaling-group")
	case 2:
		b.errorf(l.node, "keep one of them", "targets has both %s and %s", kinds[0], kinds[1])
	case 3:
		b.errorf(l.node, "keep one of them", "targets has instances, tags and auto-scaling-group")
	}
	if t.instances.ok() {
		b.instances(t)
	}
	if t.tags.ok() {
		targets.Tags = b.tags(t)
	}
	if t.nodeRole.ok() {
		b.nodeRole(t.nodeRole)
	}
	if !t.min.ok() {
		targets.Min = max(1, len(targets.Instances))
	}
	return targets
}

// instances: each once, and min not more than there are.
func (b *builder) instances(t targetsFile) {
	if count := len(t.instances.node.Content); t.min.value > count {
		b.errorf(t.min.node, fmt.Sprintf("at most %d", count), "min is %d, and instances has %d", t.min.value, count)
	}
	b.unique(t.instances.value, "instances")
}

// tags: at most five (the user guide's bound for targets), each value once.
func (b *builder) tags(t targetsFile) []Tag {
	if count := len(t.tags.value); count > maxTags {
		b.errorf(t.tags.node, "give the nodes one tag that stands for all of them",
			"%d tags: Run Command takes at most %d", count, maxTags)
	}
	if len(t.tags.node.Content) == 0 {
		b.errorf(t.tags.node, "for example tags: {App: shop, Environment: dev}", "tags is empty: that would be every node")
	}
	tags := make([]Tag, 0, len(t.tags.value))
	for _, entry := range t.tags.value {
		b.unique(entry.value.value, fmt.Sprintf("tag %s", quote(entry.key.value)))
		tags = append(tags, Tag{Key: entry.key.value, Values: values(entry.value.value)})
	}
	return tags
}
