package release

import (
	"fmt"
	"regexp"
	"time"

	"go.yaml.in/yaml/v4"
)

func (b *builder) step(l located[stepFile], stage Stage) Step {
	step := Step{Pos: position(l.node)}
	if l.value.command.ok() {
		step.Command = b.command(l.value.command, stage)
	}
	return step
}

func (b *builder) command(l located[commandFile], stage Stage) *Command {
	c := l.value
	command := &Command{
		Name: c.name.value, Document: c.document.value, Commands: values(c.commands.value),
		Timeout: durationOr(c.timeout, DefaultTimeout), Parameters: b.parameters(c.parameters.value),
		MaxConcurrency: c.maxConcurrency.value, MaxErrors: c.maxErrors.value,
	}
	b.scriptOrDocument(l.node)
	if c.script.ok() {
		command.Script = b.script(c.script, command.Timeout)
	}
	if c.validate.ok() && c.validate.value.script.ok() {
		command.Validate = b.script(c.validate.value.script, durationOr(c.validate.value.timeout, DefaultTimeout))
	}
	b.commandsSize(c.commands)
	name := b.file.app.value + "-" + stage.Name + "-" + c.name.value
	if c.name.ok() && len(name) > maxDocumentName {
		b.errorf(c.name.node, "shorten app, or the stage's or the step's name",
			"the document %s would have %d characters: SSM takes at most %d", name, len(name), maxDocumentName)
	}
	return command
}

// scriptOrDocument: exactly one of them, and only what goes with it.
func (b *builder) scriptOrDocument(n *yaml.Node) {
	has := func(key string) bool { return b.hasKey(n, key) }
	label := commandTable.named(n)
	switch {
	case has("script") && has("document"):
		b.errorf(n, "keep one of them", "%s has both script and document", label)
	case !has("script") && !has("document") && has("commands"):
		b.errorf(n, "add document: "+sharedDocument+", or put the commands into a script",
			"%s has commands without document", label)
	case !has("script") && !has("document"):
		b.errorf(n, "for example script: release.sh", "%s has neither script nor document", label)
	case has("document"):
		if !has("commands") {
			b.errorf(n, "for example commands: [systemctl restart web]", "%s has document without commands", label)
		}
		for _, key := range []string{"parameters", "validate"} {
			if has(key) {
				b.errorf(keyNode(n, key), "use script: instead of document:",
					"%s goes with script, not with document, in %s", key, label)
			}
		}
	case has("commands"):
		b.errorf(keyNode(n, "commands"), "put the commands into the script",
			"commands goes with document, not with script, in %s", label)
	}
}

// commandsSize: SSM bounds document and parameters together (64 KB); the shared document is small.
func (b *builder) commandsSize(commands located[[]located[string]]) {
	size := 0
	for _, line := range commands.value {
		size += len(line.value) + 1
	}
	if size > maxScript {
		b.errorf(commands.node, "put them into a program on the node, and run that",
			"the commands have %d bytes: at most %d can be sent", size, maxScript)
	}
}

// parameters checks each value against its pattern.
func (b *builder) parameters(entries []entry[parameterFile]) []Parameter {
	var parameters []Parameter
	for _, entry := range entries {
		p := entry.value.value
		parameter := Parameter{
			Name: entry.key.value, Value: p.value.value, Pattern: DefaultPattern, Pos: position(entry.key.node),
		}
		if p.pattern.ok() {
			parameter.Pattern = p.pattern.value
		}
		b.parameterValue(parameter, entry.value)
		parameters = append(parameters, parameter)
	}
	return parameters
}

func (b *builder) parameterValue(p Parameter, written located[parameterFile]) {
	value := written.value.value
	pattern, err := regexp.Compile(p.Pattern)
	if err != nil || !value.ok() || written.value.pattern.node == nil && b.hasKey(written.node, "pattern") {
		return // reported where it was read
	}
	if pattern.MatchString(p.Value) {
		return
	}
	hint := "change the value, or the pattern"
	if !written.value.pattern.ok() {
		hint = fmt.Sprintf("a parameter may be given a pattern of its own: %s: {value: …, pattern: ^…$}", p.Name)
	}
	b.errorf(value.node, hint, "parameter %q: the value %s does not match %s", p.Name, quote(p.Value), p.Pattern)
}

// documentNames: two steps must not make one document, as step c of stage a-b and step b-c of stage a would.
func (b *builder) documentNames(stages []Stage) {
	type document struct{ account, region, name string }
	owner := map[document]string{}
	for i, stage := range stages {
		for j, step := range stage.Steps {
			if step.Command == nil || step.Command.Script == nil {
				continue
			}
			name := document{stage.AccountID, stage.Region, b.file.app.value + "-" + stage.Name + "-" + step.Command.Name}
			other, taken := owner[name]
			if taken && other != stage.Name {
				at := b.file.stages.value[i].value.steps.value[j].value.command.value.name
				b.errorf(at.node, "rename one of the two steps", "stages %q and %q would both make the document %s",
					other, stage.Name, name.name)
			}
			owner[name] = stage.Name
		}
	}
}

// hasKey says whether a mapping has a key at all, right or wrong; nil is the release file itself.
func (b *builder) hasKey(n *yaml.Node, key string) bool {
	if n == nil {
		n = b.root
	}
	return keyNode(n, key) != nil
}

// keyNode finds a key in a mapping.
func keyNode(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i]
		}
	}
	return nil
}

// script reads a script, and reports what is wrong with it.
func (b *builder) script(written located[string], timeout time.Duration) *Script {
	content, problem, hint := readScript(b.files, written.value)
	if problem != "" {
		b.errorf(written.node, hint, "script %s %s", quote(written.value), problem)
		return nil
	}
	return &Script{Path: written.value, Content: content, Timeout: timeout}
}
