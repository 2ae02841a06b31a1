package release

import (
	"fmt"
	"time"

	"go.yaml.in/yaml/v4"
)

type stageFile struct {
	name, account, region located[string]
	needs                 located[[]located[string]]
	split                 located[bool]
	targets               located[targetsFile]
	steps                 located[[]located[stepFile]]
	onFailure             located[string]
	permissions           located[[]located[permissionFile]]
	hooks                 located[hooksFile]
}

type targetsFile struct {
	instances located[[]located[string]]
	tags      located[[]entry[[]located[string]]]
	group     located[string]
	nodeRole  located[string]
	min       located[int]
}

type commandFile struct {
	name, script, document    located[string]
	commands                  located[[]located[string]]
	parameters                located[[]entry[parameterFile]]
	timeout                   located[time.Duration]
	runAs, workingDirectory   located[string]
	stop, install, start      located[scriptFile]
	validate                  located[scriptFile]
	once                      located[bool]
	rollout                   located[rolloutFile]
	output                    located[outputFile]
	maxConcurrency, maxErrors located[string]
}

type scriptFile struct {
	script                  located[string]
	timeout                 located[time.Duration]
	runAs, workingDirectory located[string]
}

type parameterFile struct{ value, pattern located[string] }

// maxInstances is how many instance ids SendCommand takes (its model: InstanceIds, 0..50).
const maxInstances = 50

// Run Command's bounds of targets by tags (user guide, sending commands to multiple nodes).
const (
	maxTags      = 5
	maxTagValues = 5
)

var (
	instanceID = rule{
		is: "an instance id", example: "i-0123456789abcdef0 (EC2) or mi-0123456789abcdef0", filled: true,
		pattern: expr(`^(i-([0-9a-f]{8}|[0-9a-f]{17})|mi-[0-9a-f]{17})$`),
	}
	nodeRole = rule{
		is: "the name of a role, with its path if it has one", example: "team/WebServers",
		pattern: expr(`^(?:[A-Za-z0-9._-]{1,64}/){0,7}[A-Za-z0-9_+=,.@-]{1,64}$`), check: ownedRole,
	}
	// SendCommand's target keys; without the plus sign that tags may have, for it is not in the model's pattern.
	// EC2 takes keys of at most 127 characters.
	tagKey = rule{
		is:      "a tag key that Run Command can target: letters, digits, spaces and _ . : / = - @, at most 127",
		example: "Environment", pattern: expr(`^[\p{L}\p{Z}\p{N}_.:/=\-@]{1,127}$`),
	}
	// An empty value is legal for a tag. uncertain: whether Run Command matches it, so it is refused.
	tagValue = rule{
		is: "a tag value: letters, digits, spaces and _ . : / = + - @, from 1 to 256", example: "dev", filled: true,
		pattern: expr(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,256}$`),
	}
	// A name of at least 4 characters: GetCommandInvocation's PluginName is the step's name, and wants 4.
	stepName = rule{
		is: "a step name: small letters, digits and dashes, from 4 (Run Command reads output by it, and wants 4) to " +
			"64, that begins with a letter",
		example: "release", pattern: expr(`^[a-z][a-z0-9-]{3,63}$`), check: freeStepName,
	}
	scriptPath   = rule{is: "the path of a shell script", example: "deploy/release.sh", check: notBlank}
	documentName = rule{
		is: "a shared document that slipway can send", example: sharedDocument, enum: []string{sharedDocument},
	}
	commandLine = rule{
		is: "a shell command", example: "systemctl restart web", filled: true, shell: true, check: safeText,
	}
	parameterName = rule{
		// The agent passes over references to names with anything else in them.
		is: "a parameter name: letters and digits, at most 50, that begins with a letter", example: "Version",
		pattern: expr(`^[A-Za-z][A-Za-z0-9]{0,49}$`), check: freeName,
	}
	parameterValue   = rule{is: "text", example: `"${version}"`, filled: true, check: safeText}
	parameterPattern = rule{is: "a regular expression", example: `^v[0-9]+$`, check: safePattern}
	// SendCommand's own patterns, from its model.
	maxConcurrency = rule{
		is: "a number of nodes from 1, or a percentage from 1% to 100%", example: "50%",
		pattern: expr(`^([1-9][0-9]{0,6}|[1-9][0-9]%|[1-9]%|100%)$`),
	}
	maxErrorCount = rule{
		is: "a number of nodes from 0, or a percentage from 0% to 100%", example: `"0"`,
		pattern: expr(`^([1-9][0-9]{0,6}|[0]|[1-9][0-9]%|[0-9]%|100%)$`),
	}
)

// sharedDocument is the one document of AWS that a command can use.
const sharedDocument = "AWS-RunShellScript"

var stageTable = mapping[stageFile]{
	label: "stage", nameKey: "name",
	fields: []field[stageFile]{
		required("name", text(shortName), func(s *stageFile) *located[string] { return &s.name },
			"Name of the stage, part of its roles' and documents' names."),
		required("account", text(shortName), func(s *stageFile) *located[string] { return &s.account },
			"The account that the stage ships to: a name under accounts."),
		optional("region", text(regionName), func(s *stageFile) *located[string] { return &s.region },
			"the release's region", "Region of the stage."),
		optional("needs", list(text(shortName), 50, "stage names", "[dev]", ""),
			func(s *stageFile) *located[[]located[string]] { return &s.needs }, "none",
			"Earlier stages that must have succeeded."),
		optional("split", boolean(), func(s *stageFile) *located[bool] { return &s.split }, "false",
			"Whether the stage has two roles, Trigger that sends and Verify that reads, in place of one Deploy."),
		required("targets", targetsTable.typ(), func(s *stageFile) *located[targetsFile] { return &s.targets },
			"The nodes that the stage ships to: by tags, by instance ids, or as an Auto Scaling group."),
		required("steps", list(stepTable.typ(), 50, "steps", "[{command: {name: release, script: release.sh}}]", ""),
			func(s *stageFile) *located[[]located[stepFile]] { return &s.steps },
			"What the stage does, in this order."),
		optional("on-failure", text(onFailure), func(s *stageFile) *located[string] { return &s.onFailure }, "stop",
			"What happens when a deploy of the stage failed: stop leaves the nodes as they are, rollback ships once "+
				"more what the last good deploy shipped. Nothing is rolled back after an unknown outcome. rollback needs record."),
		optional("permissions", list(permissionTable.typ(), 50, "permissions",
			"[{actions: [ssm:GetParameter], resources: [parameter/shop/*]}]", ""),
			func(s *stageFile) *located[[]located[permissionFile]] { return &s.permissions }, "none",
			"What the scripts on the nodes themselves need of AWS. It becomes part of the node role."),
		optional("hooks", hooksTable.typ(), func(s *stageFile) *located[hooksFile] { return &s.hooks }, "none",
			"Programs of the repository that slipway runs on the machine where it runs itself; not with --local."),
	},
}

var targetsTable = mapping[targetsFile]{
	label: "targets", example: "{tags: {App: shop, Environment: dev}}",
	fields: []field[targetsFile]{
		optional("instances", list(text(instanceID), maxInstances, "instance ids", "[i-0123456789abcdef0]",
			fmt.Sprintf("Run Command takes at most %d; use tags", maxInstances)),
			func(t *targetsFile) *located[[]located[string]] { return &t.instances }, "",
			"Ids of at most 50 nodes: i-… of EC2, mi-… of others. Either this, tags or auto-scaling-group."),
		optional("tags", dictionary(text(tagKey), tagValues(),
			"a mapping of tag keys to values", "{App: shop, Environment: dev}"),
			func(t *targetsFile) *located[[]entry[[]located[string]]] { return &t.tags }, "",
			"Tags that a node must all have, at most 5; a tag may have up to 5 values, of which one must match. "+
				"Either this, instances or auto-scaling-group."),
		optional("auto-scaling-group", text(groupName), func(t *targetsFile) *located[string] { return &t.group }, "",
			"Name of an Auto Scaling group, whose members EC2 tags with aws:autoscaling:groupName. Either this, tags or "+
				"instances."),
		optional("node-role", text(nodeRole), func(t *targetsFile) *located[string] { return &t.nodeRole }, "slipway renders one",
			"The role that the nodes carry already, with its path if it has one: an instance has only one. slipway renders a policy to "+
				"attach to it, and not the role."),
		optional("min", count(1, 100_000, "3"), func(t *targetsFile) *located[int] { return &t.min },
			"1, or the number of instances", "The least number of nodes; a deploy that finds fewer is refused."),
	},
}

// tagValues is the type of a tag's value, or of several.
func tagValues() typ[[]located[string]] {
	one := as(text(tagValue), func(value string, n *yaml.Node) []located[string] {
		return []located[string]{{value, n}}
	})
	return either(one, list(text(tagValue), maxTagValues, "tag values", "[dev, test]",
		fmt.Sprintf("Run Command takes at most %d for a tag", maxTagValues)), func(n *yaml.Node) bool {
		return n.Kind == yaml.SequenceNode
	})
}

var commandTable = mapping[commandFile]{
	label: "command", nameKey: "name", example: "{name: release, script: release.sh}",
	fields: []field[commandFile]{
		required("name", text(stepName), func(c *commandFile) *located[string] { return &c.name },
			"Name of the step, unique in the stage; part of its document's name."),
		optional("script", text(scriptPath), func(c *commandFile) *located[string] { return &c.script }, "",
			"Shell script beside the release file, or in a folder below. It becomes a versioned SSM document that "+
				"takes no free-form commands. One larger than 48 kB travels through the record's bucket. Either this, or "+
				"stop, install and start, or document."),
		optional("stop", stopTable.typ(), func(c *commandFile) *located[scriptFile] { return &c.stop }, "",
			"A script that stops the application; with install and start in place of script, in this order."),
		optional("install", installTable.typ(), func(c *commandFile) *located[scriptFile] { return &c.install }, "",
			"A script that installs the new version."),
		optional("start", startTable.typ(), func(c *commandFile) *located[scriptFile] { return &c.start }, "",
			"A script that starts the application."),
		optional("parameters", dictionary(text(parameterName), parameterType(),
			"a mapping of parameter names to values", `{Version: "${version}"}`),
			func(c *commandFile) *located[[]entry[parameterFile]] { return &c.parameters }, "",
			"Values that reach the scripts as environment variables of the same name; not with document."),
		optional("document", text(documentName), func(c *commandFile) *located[string] { return &c.document }, "",
			"A shared document of AWS, AWS-RunShellScript, which is root for whoever may send it. Either this or "+
				"script."),
		optional("commands", list(text(commandLine), 1000, "shell commands", "[systemctl restart web]",
			"put them into a script"),
			func(c *commandFile) *located[[]located[string]] { return &c.commands }, "",
			"What the shared document runs; only with document, and required there."),
		optional("timeout", timeout("10m"), func(c *commandFile) *located[time.Duration] { return &c.timeout }, "10m",
			"How long the script may run on a node, from 5s to 48h; of stop, install and start, each that names none."),
		optional("run-as", text(userName), func(c *commandFile) *located[string] { return &c.runAs }, "root",
			"User that the scripts run as on the node."),
		optional("working-directory", text(nodeDirectory),
			func(c *commandFile) *located[string] { return &c.workingDirectory }, "the agent's",
			"Directory on the node that the scripts start in."),
		optional("validate", validateTable.typ(), func(c *commandFile) *located[scriptFile] { return &c.validate },
			"", "A script that runs on the node after the others succeeded, and decides; not with document."),
		optional("once", boolean(), func(c *commandFile) *located[bool] { return &c.once }, "false",
			"Whether the command runs on exactly one node, before the steps that follow: a database migration. A "+
				"rollback leaves it out."),
		optional("rollout", rolloutTable.typ(), func(c *commandFile) *located[rolloutFile] { return &c.rollout },
			"all nodes at once", "In which groups the nodes follow each other."),
		optional("output", outputTable.typ(), func(c *commandFile) *located[outputFile] { return &c.output },
			"the last of it, with the result",
			"Where the agent writes everything that the scripts print; the node role is given the right to."),
		optional("max-concurrency", text(maxConcurrency),
			func(c *commandFile) *located[string] { return &c.maxConcurrency }, "100%",
			"How many nodes run the command at once: a number, or a percentage."),
		optional("max-errors", text(maxErrorCount), func(c *commandFile) *located[string] { return &c.maxErrors }, "0",
			"How many nodes may fail before no more are begun: a number, or a percentage."),
	},
}

var parameterTable = mapping[parameterFile]{
	label: "a parameter",
	fields: []field[parameterFile]{
		required("value", text(parameterValue), func(p *parameterFile) *located[string] { return &p.value },
			"The value; it must match pattern."),
		optional("pattern", text(parameterPattern), func(p *parameterFile) *located[string] { return &p.pattern },
			DefaultPattern, "Regular expression, from ^ to $, that the node demands of every value."),
	},
}

// parameterType is the type of a parameter: its value, or a mapping with its value and pattern.
func parameterType() typ[parameterFile] {
	value := as(text(parameterValue), func(value string, n *yaml.Node) parameterFile {
		return parameterFile{value: located[string]{value, n}}
	})
	return either(value, parameterTable.typ(), func(n *yaml.Node) bool { return n.Kind == yaml.MappingNode })
}
