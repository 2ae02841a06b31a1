package release

import (
	"time"
)

type stepFile struct {
	command    located[commandFile]
	automation located[automationFile]
	test       located[testFile]
}

type automationFile struct {
	name, document located[string]
	parameters     located[[]entry[located[string]]]
	role           located[automationRoleFile]
	timeout        located[time.Duration]
}

type automationRoleFile struct {
	allow located[[]located[allowFile]]
}

type testFile struct {
	name, run located[string]
	allow     located[[]located[allowFile]]
	timeout   located[time.Duration]
}

type allowFile struct{ action, resource located[string] }

// Names of steps that are not sent to nodes: default automation and test.
var (
	otherStepName = rule{
		is: "a step name: small letters, digits and dashes, from 4 to 64, that begins with a letter", example: "warm",
		pattern: expr(`^[a-z][a-z0-9-]{3,63}$`),
	}
	runbookPath = rule{is: "the path of an Automation runbook", example: "runbooks/warm.yaml", check: notBlank}
	testPath    = rule{is: "the path of an executable script", example: "./smoke.sh", check: notBlank}
	// StartAutomationExecution's own bound on values, from its model.
	automationValue = rule{
		is: "text of at most 512 characters", example: `"${version}"`, filled: true, check: safeText,
		pattern: expr(`^[\s\S]{0,512}$`),
	}
)

var stepTable = mapping[stepFile]{
	label: "a step", example: "{command: {name: release, script: release.sh}}", later: []string{"stack"},
	fields: []field[stepFile]{
		optional("command", commandTable.typ(), func(s *stepFile) *located[commandFile] { return &s.command }, "",
			"Runs a script, or commands, on every target with Run Command. A stage has at least one."),
		optional("automation", automationTable.typ(), func(s *stepFile) *located[automationFile] { return &s.automation }, "",
			"Starts an Automation runbook of the repository, with a role of its own. It is planned and proved, and not carried "+
				"out yet: a deploy of its stage is refused."),
		optional("test", testTable.typ(), func(s *stepFile) *located[testFile] { return &s.test }, "",
			"Runs a program where slipway runs, after the steps before it, with a role of its own. Its exit code decides."),
	},
}

var automationTable = mapping[automationFile]{
	label: "automation", nameKey: "name", example: "{document: runbooks/warm.yaml}",
	fields: []field[automationFile]{
		optional("name", text(otherStepName), func(a *automationFile) *located[string] { return &a.name }, "automation",
			"Name of the step, unique in the stage; part of its document's name."),
		required("document", text(runbookPath), func(a *automationFile) *located[string] { return &a.document },
			"An Automation runbook, schema 0.3 in YAML or JSON, beside the release file or in a folder below."),
		optional("parameters", dictionary(text(parameterName), as(text(automationValue), locate),
			"a mapping of parameter names to values", `{Bucket: shop-assets}`),
			func(a *automationFile) *located[[]entry[located[string]]] { return &a.parameters }, "none",
			"Values of the runbook's parameters. The one that names its role is given by slipway."),
		optional("role", automationRoleTable.typ(), func(a *automationFile) *located[automationRoleFile] { return &a.role }, "none",
			"What the runbook's role allows beyond what its steps tell."),
		optional("timeout", testTimeout("30m"), func(a *automationFile) *located[time.Duration] { return &a.timeout }, "30m",
			"How long the runbook may run."),
	},
}

var automationRoleTable = mapping[automationRoleFile]{
	label: "role", example: "{allow: [{action: lambda:InvokeFunction, resource: function:shop-warm}]}",
	fields: []field[automationRoleFile]{
		optional("allow", list(allowTable.typ(), 50, "permissions", "[{action: lambda:InvokeFunction, resource: function:shop-warm}]", ""),
			func(r *automationRoleFile) *located[[]located[allowFile]] { return &r.allow }, "nothing",
			"On which resources the steps act, where the plan cannot tell that itself; and what a step does whose needs are in a "+
				"script. An action that no step needs is an error."),
	},
}

var testTable = mapping[testFile]{
	label: "test", nameKey: "name", example: "{run: ./smoke.sh}",
	fields: []field[testFile]{
		optional("name", text(otherStepName), func(t *testFile) *located[string] { return &t.name }, "test",
			"Name of the step, unique in the stage."),
		required("run", text(testPath), func(t *testFile) *located[string] { return &t.run },
			"An executable script with a #! line, beside the release file or in a folder below. It gets the credentials of the "+
				"stage's Test role, and no others. Exit code 0 is success."),
		optional("allow", list(allowTable.typ(), 50, "permissions", "[{action: dynamodb:GetItem, resource: table/shop-*}]", ""),
			func(t *testFile) *located[[]located[allowFile]] { return &t.allow }, "nothing",
			"What the test calls AWS for: all that the Test role allows. What deploys, or changes permissions, is refused."),
		optional("timeout", testTimeout("10m"), func(t *testFile) *located[time.Duration] { return &t.timeout }, "10m",
			"How long the test may run, up to 1h."),
	},
}

var allowTable = mapping[allowFile]{
	label: "a permission",
	fields: []field[allowFile]{
		required("action", text(actionName), func(a *allowFile) *located[string] { return &a.action },
			"An action of AWS, service:Operation, written out."),
		required("resource", text(resourceName), func(a *allowFile) *located[string] { return &a.resource },
			`An ARN, or what follows the account in it; "*" only for actions that AWS defines no resource for. What would let it write the `+
				`record, below the app's name in its bucket, is refused.`),
	},
}

// testTimeout is the type of a time limit that slipway keeps itself. A role's session has an hour.
func testTimeout(example string) typ[time.Duration] {
	return duration(time.Second, time.Hour, "1s to 1h", example, "a time limit has 1s to 1h, not ")
}
