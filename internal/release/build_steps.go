package release

import (
	"time"

	"go.yaml.in/yaml/v4"
)

// The defaults of steps that are not sent to nodes.
const (
	defaultAutomationName    = "automation"
	defaultTestName          = "test"
	defaultAutomationTimeout = 30 * time.Minute
	defaultTestTimeout       = 10 * time.Minute
)

func locate(value string, n *yaml.Node) located[string] { return located[string]{value, n} }

// stepKinds are what a step can be: exactly one of them.
var stepKinds = []string{"command", "automation", "test"}

func (b *builder) step(l located[stepFile], stage Stage) Step {
	step := Step{Pos: position(l.node)}
	var kinds []string
	for _, kind := range append([]string{"stack"}, stepKinds...) { // stack is reported where it was read
		if b.hasKey(l.node, kind) {
			kinds = append(kinds, kind)
		}
	}
	switch {
	case len(kinds) == 0:
		b.errorf(l.node, "add command: {name: release, script: release.sh}", `a step lacks "command", or automation or test in its place`)
	case len(kinds) > 1:
		b.errorf(l.node, "write them as steps of their own", "a step is one thing, and this has %s and %s", kinds[0], kinds[1])
	}
	if l.value.command.ok() {
		step.Command = b.command(l.value.command, stage)
	}
	if l.value.automation.ok() {
		step.Automation = b.automation(l.value.automation, stage)
	}
	if l.value.test.ok() {
		step.Test = b.test(l.value.test)
	}
	return step
}

// nameOf is where a step is named; not ok where it is not.
func (s stepFile) nameOf() located[string] {
	switch {
	case s.automation.ok():
		return s.automation.value.name
	case s.test.ok():
		return s.test.value.name
	}
	return s.command.value.name
}

// otherSteps: a stage ships something, and steps without a name of their own differ as well.
func (b *builder) otherSteps(written located[[]located[stepFile]], steps []Step) {
	ships, given := false, map[string]bool{}
	for i, l := range written.value {
		other := b.hasKey(l.node, "automation") || b.hasKey(l.node, "test")
		ships = ships || !other || b.hasKey(l.node, "command") || b.hasKey(l.node, "stack")
		name := steps[i].Name()
		if name != "" && given[name] && !l.value.nameOf().ok() {
			b.errorf(l.node, "give it a name", "another step of the stage is called %s", quote(name))
		}
		given[name] = true
	}
	if len(written.value) > 0 && !ships {
		b.errorf(written.node, "add command: {name: release, script: release.sh}", "the steps ship nothing: none of them is a command")
	}
}

func (b *builder) automation(l located[automationFile], stage Stage) *Automation {
	a := l.value
	automation := &Automation{
		Name: textOr(a.name, defaultAutomationName), Document: a.document.value, HasRole: b.hasKey(l.node, "role"),
		Allow: allowed(a.role.value.allow.value), Timeout: durationOr(a.timeout, defaultAutomationTimeout), Pos: position(l.node),
	}
	for _, e := range a.parameters.value {
		automation.Parameters = append(automation.Parameters, Parameter{Name: e.key.value, Value: e.value.value.value, Pos: position(e.key.node)})
	}
	if a.document.ok() {
		content, problem, hint := readScript(b.files, a.document.value)
		if problem != "" {
			b.errorf(a.document.node, hint, "runbook %s %s", quote(a.document.value), problem)
		}
		automation.Content = content
	}
	if name := b.file.app.value + "-" + stage.Name + "-" + automation.Name; len(name) > maxDocumentName {
		b.errorf(l.node, "shorten app, or the stage's or the step's name",
			"the document %s would have %d characters: SSM takes at most %d", name, len(name), maxDocumentName)
	}
	return automation
}

func (b *builder) test(l located[testFile]) *Test {
	t := l.value
	test := &Test{
		Name: textOr(t.name, defaultTestName), Allow: allowed(t.allow.value), Timeout: durationOr(t.timeout, defaultTestTimeout),
		Pos: position(l.node),
	}
	if !t.run.ok() {
		return test
	}
	content, problem, hint := readScript(b.files, t.run.value)
	if problem == "" {
		problem, hint = b.wrongWithHook(t.run.value, content)
	}
	if problem != "" {
		b.errorf(t.run.node, hint, "test %s %s", quote(t.run.value), problem)
	}
	test.Run = Hook{Path: t.run.value, Content: content}
	return test
}

func allowed(written []located[allowFile]) []Permission {
	var list []Permission
	for _, a := range written {
		list = append(list, Permission{
			Actions: []string{a.value.action.value}, Resources: []string{a.value.resource.value}, Pos: position(a.node),
		})
	}
	return list
}

func textOr(l located[string], other string) string {
	if l.ok() {
		return l.value
	}
	return other
}
