package release

import (
	"time"

	"go.yaml.in/yaml/v4"
)

// The tables of the top of the file; those of a stage are in tables_stage.go.

// file is the release file as it is written, before what belongs together is checked together.
type file struct {
	app, region located[string]
	accounts    located[[]entry[string]]
	ci          located[ciFile]
	roles       located[rolesFile]
	operators   located[operatorsFile]
	variables   located[[]entry[string]]
	record      located[recordFile]
	local       located[localFile]
	stages      located[[]located[stageFile]]
}

type localFile struct {
	nodes        located[[]entry[int]]
	caches       located[[]entry[string]]
	allow, stubs located[[]located[string]]
}

// GuardedPrograms change the machine that they run on. Where the machine is the user's own, a script may run them
// only if the release file says so (local.allow), or has them recorded instead (local.stubs).
var GuardedPrograms = []string{
	"docker", "podman", "systemctl", "service", "reboot", "shutdown", "poweroff", "halt", "init", "apt", "apt-get",
	"dpkg", "yum", "dnf", "rpm", "apk", "snap", "brew", "kubectl", "mount", "umount",
}

var (
	shortName = rule{
		is: "a name of small letters, digits and dashes, at most 32, that begins with a letter", example: "dev",
		pattern: expr(`^[a-z][a-z0-9-]{0,31}$`),
	}
	appName = rule{
		is: shortName.is, example: "shop", pattern: shortName.pattern, check: notReserved,
	}
	// The regions of the partition aws, as the SDKs' partition table has it.
	regionName = rule{
		is: "a region of AWS", example: "eu-west-1", near: regions, check: likelyRegion,
		pattern: expr(`^(us|eu|ap|sa|ca|me|af|il|mx)-[a-z]+-[0-9]+$`),
	}
	accountID = rule{
		is: "an account id, 12 digits", example: `"111111111111"`, pattern: expr(`^[0-9]{12}$`),
	}
	variableKey  = rule{is: "a variable name of letters, digits, - and _", example: "version", pattern: variableName}
	variableText = rule{is: "text", example: "v1", check: constantText}
	cacheKey     = rule{
		is: "an environment variable's name", example: "GOCACHE", check: freeName,
		pattern: expr(`^[A-Za-z][A-Za-z0-9_]{0,49}$`),
	}
	cacheDirectory = rule{is: "a directory", example: "~/.cache/go-build", check: ownDirectory}
	guardedProgram = rule{is: "a guarded program", example: "docker", enum: GuardedPrograms}
)

// fileTable is the whole release file. Variables come before what uses them.
var fileTable = mapping[file]{
	label: "the release file", top: true,
	fields: []field[file]{
		required("app", text(appName), func(f *file) *located[string] { return &f.app },
			"Prefix of everything that slipway makes: roles, documents. It must not contain a stage's name."),
		optional("region", text(regionName), func(f *file) *located[string] { return &f.region },
			"none: every stage names its own", "Region of the stages that name none."),
		required("accounts", dictionary(text(shortName), text(accountID),
			"a mapping of short names to account ids", `{dev: "111111111111"}`),
			func(f *file) *located[[]entry[string]] { return &f.accounts },
			"Short names of the AWS accounts, for the stages."),
		optional("ci", ciTable.typ(), func(f *file) *located[ciFile] { return &f.ci },
			"none: the roles trust whom IAM in their own account lets assume them, and a deploy uses the credentials that it finds",
			"Where deploys run, and so whom the roles trust."),
		optional("roles", rolesTable.typ(), func(f *file) *located[rolesFile] { return &f.roles }, "",
			"What the rendered roles have in common."),
		optional("operators", operatorsTable.typ(), func(f *file) *located[operatorsFile] { return &f.operators }, "none",
			"The people who look at deploys, resume, cancel and roll back: they get a role of their own in each stage's account, "+
				"<app>-<stage>-Operator, which can make nothing new."),
		optional("variables", variablesType(),
			func(f *file) *located[[]entry[string]] { return &f.variables }, "",
			"Defaults of the variables. ${name} is filled in in parameters, commands and targets; $${ "+
				"stands for ${ itself; --set name=value overrides the default."),
		optional("record", recordTable.typ(), func(f *file) *located[recordFile] { return &f.record },
			"none: no lock, no history, no rollback",
			"The S3 bucket that keeps the stages' locks and what was deployed where, and scripts that are too large for "+
				"a document. With --local it is the local AWS's own."),
		optional("local", localTable.typ(), func(f *file) *located[localFile] { return &f.local }, "",
			"The machines of --local and of `slipway local up`. It changes nothing on AWS."),
		required("stages", list(stageTable.typ(), 50, "stages", "[{name: dev, …}]", ""),
			func(f *file) *located[[]located[stageFile]] { return &f.stages },
			"What is shipped where, in this order."),
	},
}

var localTable = mapping[localFile]{
	label: "local", example: "{nodes: {dev: 3}}",
	fields: []field[localFile]{
		optional("nodes", dictionary(text(shortName), count(1, 50, "3"),
			"a mapping of stage names to numbers of nodes", "{dev: 3}"),
			func(l *localFile) *located[[]entry[int]] { return &l.nodes },
			"the targets' min, or one for each instance", "How many nodes a stage has."),
		optional("caches", dictionary(text(cacheKey), text(cacheDirectory),
			"a mapping of environment variables to directories", "{GOCACHE: ~/.cache/go-build}"),
			func(l *localFile) *located[[]entry[string]] { return &l.caches }, "",
			"Directories of this machine that nodes may read and write, by the environment variable that names them "+
				"to the scripts. A value that the variable has already wins."),
		optional("allow", list(text(guardedProgram), len(GuardedPrograms), "guarded programs", "[docker]", ""),
			func(l *localFile) *located[[]located[string]] { return &l.allow }, "",
			"Guarded programs that scripts may really run on this machine."),
		optional("stubs", list(text(guardedProgram), len(GuardedPrograms), "guarded programs", "[docker]", ""),
			func(l *localFile) *located[[]located[string]] { return &l.stubs }, "",
			"Guarded programs that are recorded and succeed without being run."),
	},
}

// variablesType also hands the defaults to the walker, for the values that use them.
func variablesType() typ[[]entry[string]] {
	t := dictionary(text(variableKey), text(variableText),
		"a mapping of variable names to their defaults", "{version: v1}")
	decode := t.decode
	t.decode = func(w *walker, n *yaml.Node, what string) ([]entry[string], bool) {
		entries, ok := decode(w, n, what)
		for _, e := range entries {
			w.variables.defaults[e.key.value] = e.value.value
		}
		return entries, ok
	}
	return t
}

func durationOr(l located[time.Duration], otherwise time.Duration) time.Duration {
	if l.ok() {
		return l.value
	}
	return otherwise
}
