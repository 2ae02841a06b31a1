package release

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"
)

func (b *builder) command(l located[commandFile], stage Stage) *Command {
	c := l.value
	command := &Command{
		Name: c.name.value, Document: c.document.value, Commands: values(c.commands.value),
		Timeout: durationOr(c.timeout, DefaultTimeout), Parameters: b.parameters(c.parameters.value),
		Once: c.once.value, MaxConcurrency: c.maxConcurrency.value, MaxErrors: c.maxErrors.value,
	}
	b.scriptOrDocument(l.node)
	if c.script.ok() {
		command.Script = b.script(scriptFile{script: c.script}, c, command.Timeout)
	}
	command.Stop = b.optionalScript(c.stop, c, command.Timeout)
	command.Install = b.optionalScript(c.install, c, command.Timeout)
	command.Start = b.optionalScript(c.start, c, command.Timeout)
	command.Validate = b.optionalScript(c.validate, c, DefaultTimeout)
	command.Rollout = b.rollout(l)
	command.Output = b.output(c.output)
	b.commandsSize(c.commands)
	b.documentName(c, stage)
	return command
}

// documentName: app, stage and step together must fit into SSM's bound, with what is added for a rollout's validation.
func (b *builder) documentName(c commandFile, stage Stage) {
	name := b.file.app.value + "-" + stage.Name + "-" + c.name.value
	if c.rollout.value.validate.ok() {
		name += CheckSuffix
	}
	if c.name.ok() && len(name) > maxDocumentName {
		b.errorf(c.name.node, "shorten app, or the stage's or the step's name",
			"the document %s would have %d characters: SSM takes at most %d", name, len(name), maxDocumentName)
	}
}

// phases take the place of script.
var phases = []string{"stop", "install", "start"}

// scriptOrDocument: exactly one of them, and only what goes with it.
func (b *builder) scriptOrDocument(n *yaml.Node) {
	has := func(key string) bool { return b.hasKey(n, key) }
	label := commandTable.named(n)
	phased := slices.ContainsFunc(phases, has)
	switch {
	case has("script") && has("document"):
		b.errorf(n, "keep one of them", "%s has both script and document", label)
	case has("script") && phased:
		b.errorf(n, "make the script one of them, or leave them out", "%s has both script and %s", label,
			listed(slices.DeleteFunc(slices.Clone(phases), func(key string) bool { return !has(key) })))
	case has("document"):
		b.onlyDocument(n, label)
	case has("commands") && (has("script") || phased):
		b.errorf(keyNode(n, "commands"), "put the commands into the script",
			"commands goes with document, not with script, in %s", label)
	case has("commands"):
		b.errorf(n, "add document: "+sharedDocument+", or put the commands into a script",
			"%s has commands without document", label)
	case !has("script") && !phased:
		b.errorf(n, "for example script: release.sh", "%s has neither script nor document", label)
	}
}

// onlyDocument: a shared document runs commands, and nothing that needs a document of the release's own.
func (b *builder) onlyDocument(n *yaml.Node, label string) {
	if !b.hasKey(n, "commands") {
		b.errorf(n, "for example commands: [systemctl restart web]", "%s has document without commands", label)
	}
	for _, key := range append([]string{"parameters", "validate", "run-as", "working-directory"}, phases...) {
		if b.hasKey(n, key) {
			b.errorf(keyNode(n, key), "use script: instead of document:",
				"%s goes with script, not with document, in %s", key, label)
		}
	}
}

// commandsSize: SSM bounds document and parameters together (64 KB); the shared document is small.
func (b *builder) commandsSize(commands located[[]located[string]]) {
	size := 0
	for _, line := range commands.value {
		size += len(line.value) + 1
	}
	if size > maxCommands {
		b.errorf(commands.node, "put them into a program on the node, and run that",
			"the commands have %d bytes: at most %d can be sent", size, maxCommands)
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
			for _, name := range b.documentsOf(stage, step) {
				made := document{stage.AccountID, stage.Region, name}
				other, taken := owner[made]
				here := fmt.Sprintf("stage %q, step %q", stage.Name, step.Name())
				if taken && other != here { // two steps of one name are reported elsewhere
					at := b.file.stages.value[i].value.steps.value[j]
					node := at.node
					if name := at.value.nameOf(); name.ok() {
						node = name.node
					}
					b.errorf(node, "rename one of the two steps", "%s and %s would both make the document %s", other, here, name)
				}
				owner[made] = here
			}
		}
	}
}

// documentsOf names the documents that a step makes.
func (b *builder) documentsOf(stage Stage, step Step) []string {
	if step.Automation != nil {
		return []string{b.file.app.value + "-" + stage.Name + "-" + step.Automation.Name}
	}
	if step.Command == nil || step.Command.Document != "" {
		return nil
	}
	name := b.file.app.value + "-" + stage.Name + "-" + step.Command.Name
	if step.Command.Rollout != nil && step.Command.Rollout.Validate != nil {
		return []string{name, name + CheckSuffix}
	}
	return []string{name}
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

// optionalScript reads a script that may be missing; nil then.
func (b *builder) optionalScript(l located[scriptFile], c commandFile, limit time.Duration) *Script {
	if !l.ok() || !l.value.script.ok() {
		return nil
	}
	return b.script(l.value, c, limit)
}

// script reads a script, and reports what is wrong with it. What it does not say itself, the command says.
func (b *builder) script(s scriptFile, c commandFile, limit time.Duration) *Script {
	written := s.script
	content, problem, hint := readScript(b.files, written.value)
	if problem == "" && len(content) > MaxInline && !b.hasKey(nil, "record") {
		problem = fmt.Sprintf("is larger than %d kB: an SSM document takes 64 kB in all, and there is no record to keep "+
			"it in", MaxInline/1000)
		hint = "add record: {bucket: …}, through which it can travel; or let the script fetch what is large on the node"
	}
	if problem != "" {
		b.errorf(written.node, hint, "script %s %s", quote(written.value), problem)
		return nil
	}
	return &Script{
		Path: written.value, Content: content, Timeout: durationOr(s.timeout, limit),
		RunAs: cmp.Or(s.runAs.value, c.runAs.value), WorkingDirectory: cmp.Or(s.workingDirectory.value, c.workingDirectory.value),
	}
}
