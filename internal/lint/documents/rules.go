package documents

import "github.com/slipway-cd/slipway/internal/finding"

// The pages that the rules rest on.
const (
	guide      = "https://docs.aws.amazon.com/systems-manager/latest/userguide/"
	dataPage   = guide + "documents-syntax-data-elements-parameters.html"
	pluginPage = guide + "documents-command-ssm-plugin-reference.html"
	actionPage = guide + "automation-actions.html"
	rolePage   = guide + "automation-setup.html"
)

// Rules are what is looked for.
var Rules = []finding.Rule{
	unreadable, freeParameter, unanchored, anything, unportable, roleParameter, wrongDefault, injection, freeCommands, goesOn,
	hidesFailure, notCritical, skipsSilently, neverHolds, timeoutRange, secretText, secretDefault, secureReference, callersRole,
	noSuchStep, fallsThrough, unknownAction, repeated, unlogged, stopsNowhere, notBash, oldSchema, roleLacks, roleHasMore,
}

var (
	unreadable = finding.Rule{
		Code: "SLW300", Name: "document-unreadable", Severity: finding.Error, Subject: finding.Document,
		Title:  "The document cannot be read.",
		Why:    "Systems Manager refuses a document that is not one mapping in YAML or JSON.",
		Source: dataPage, Fix: "correct the syntax",
		Requirements: []string{"R30"},
	}
	freeParameter = finding.Rule{
		Code: "SLW301", Name: "document-parameter-free", Severity: finding.Warning, Subject: finding.Document,
		Title:  "A parameter of a runbook takes any text.",
		Why:    "Whoever may start the runbook decides what its steps do with the role of the runbook.",
		Source: dataPage, Fix: "add allowedPattern, from ^ to $, or allowedValues",
		Requirements: []string{"R49", "R60"},
	}
	unanchored = finding.Rule{
		Code: "SLW302", Name: "document-pattern-unanchored", Severity: finding.Warning, Subject: finding.Document,
		Title:  "The pattern of a parameter is not anchored.",
		Why:    "The agent looks for the pattern anywhere in the value, so that anything passes that contains a match.",
		Source: dataPage, Fix: "begin the pattern with ^ and end it with $: ^(…)$",
		Requirements: []string{"R49"},
	}
	anything = finding.Rule{
		Code: "SLW303", Name: "document-pattern-matches-anything", Severity: finding.Warning, Subject: finding.Document,
		Title:  "The pattern of a parameter matches anything.",
		Why:    "A parameter that is checked against such a pattern is not checked.",
		Source: dataPage, Fix: "write what the value may be, such as ^[A-Za-z0-9._-]{1,64}$",
		Requirements: []string{"R49"},
	}
	unportable = finding.Rule{
		Code: "SLW304", Name: "document-pattern-not-portable", Severity: finding.Warning, Subject: finding.Document,
		Title:  "The pattern of a parameter means something else to one of those who check it.",
		Why:    "Systems Manager matches as Java does and the agent as Go does, and one of the two refuses the pattern or reads it differently.",
		Source: dataPage, Fix: "use plain classes and groups, without look-around, back-references and possessive repetition",
		Requirements: []string{"R49"},
	}
	roleParameter = finding.Rule{
		Code: "SLW305", Name: "document-role-parameter-free", Severity: finding.Warning, Subject: finding.Document,
		Title:  "The parameter that names the runbook's role takes what is no ARN of a role.",
		Why:    "The role decides what the runbook may do; a pattern keeps out an empty one, with which it runs as its caller.",
		Source: rolePage, Fix: `allowedPattern: ^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$`,
		Requirements: []string{"R49"},
	}
	wrongDefault = finding.Rule{
		Code: "SLW306", Name: "document-default-not-allowed", Severity: finding.Error, Subject: finding.Document,
		Title:  "The default of a parameter is not a value that the parameter allows.",
		Why:    "Whoever leaves the parameter out is refused.",
		Source: dataPage, Fix: "correct the default, or the pattern",
		Requirements: []string{"R49"},
	}
	injection = finding.Rule{
		Code: "SLW310", Name: "document-parameter-in-shell", Severity: finding.Error, Subject: finding.Document,
		Title:  "A parameter becomes part of a script's text, and its value may be a command.",
		Why:    "{{ name }} is replaced by the value as it is, before a shell reads the line: whoever may send the document runs commands of their own, as root.",
		Source: dataPage, Fix: `set interpolationType: ENV_VAR and write "$SSM_name", with an allowedPattern from ^ to $`,
		Requirements: []string{"R29", "R50"},
	}
	freeCommands = finding.Rule{
		Code: "SLW311", Name: "document-free-commands", Severity: finding.Warning, Subject: finding.Document,
		Title:  "The document runs whatever its parameter says.",
		Why:    "Whoever may send it is root on the nodes; only a document without free commands can be delegated.",
		Source: guide + "run-command-setting-up.html", Fix: "write the commands into the document, and take values by parameters with a pattern",
		Requirements: []string{"R28", "R29"},
	}
	goesOn = finding.Rule{
		Code: "SLW312", Name: "document-goes-on-after-failure", Severity: finding.Warning, Subject: finding.Document,
		Title:  "A step has no onFailure, and others follow it.",
		Why:    "The agent goes on with the next step after one that failed.",
		Source: pluginPage, Fix: "onFailure: exit, in the step's inputs",
	}
	hidesFailure = finding.Rule{
		Code: "SLW313", Name: "document-success-and-exit", Severity: finding.Error, Subject: finding.Document,
		Title:  "A step turns its own failure into success.",
		Why:    "With onFailure: successAndExit the command is reported as Success where the step failed.",
		Source: pluginPage, Fix: "onFailure: exit",
	}
	notCritical = finding.Rule{
		Code: "SLW314", Name: "document-failure-not-critical", Severity: finding.Warning, Subject: finding.Document,
		Title:  "A step may fail, and the runbook is reported as a success.",
		Why:    "With onFailure: Continue, isCritical is false unless it is set, and a failure of the step does not fail the automation.",
		Source: actionPage, Fix: "isCritical: true",
	}
	skipsSilently = finding.Rule{
		Code: "SLW315", Name: "document-skips-platform", Severity: finding.Info, Subject: finding.Document,
		Title:  "On some nodes the document does nothing, and says Success.",
		Why:    "A step whose precondition does not hold is skipped, and a skipped step is no failure.",
		Source: guide + "documents-schemas-features.html", Fix: "send it to nodes of this platform only, and count skipped steps; or add a step for the others that fails",
	}
	neverHolds = finding.Rule{
		Code: "SLW316", Name: "document-precondition-never-holds", Severity: finding.Error, Subject: finding.Document,
		Title:  "A step's precondition holds nowhere.",
		Why:    "Preconditions know StringEquals, and platformType is Linux, Windows or MacOS: the step is skipped on every node, without a failure.",
		Source: guide + "documents-schemas-features.html", Fix: "precondition: {StringEquals: [platformType, Linux]}",
	}
	timeoutRange = finding.Rule{
		Code: "SLW317", Name: "document-timeout-out-of-range", Severity: finding.Error, Subject: finding.Document,
		Title:  "A step's time limit is not one that counts.",
		Why:    "The agent takes 5 to 172800 seconds, and silently makes 3600 of everything else.",
		Source: pluginPage, Fix: `timeoutSeconds: "600"`,
		Requirements: []string{"R109"},
	}
	secretText = finding.Rule{
		Code: "SLW318", Name: "document-secret", Severity: finding.Error, Subject: finding.Document,
		Title:  "A secret stands in the document.",
		Why:    "Everybody who may read the document reads it, in every version that there was.",
		Source: guide + "security-best-practices.html", Fix: "take it out, make it invalid, and let the node read it from a store with its role",
		Requirements: []string{"R119"},
	}
	secretDefault = finding.Rule{
		Code: "SLW319", Name: "document-secret-default", Severity: finding.Warning, Subject: finding.Document,
		Title:  "The default of a parameter for a secret is written out.",
		Why:    "Parameters and their defaults are shown to everybody who may read the document or its commands.",
		Source: guide + "security-best-practices.html", Fix: "take the parameter out, and let the script read the secret with the node role",
		Requirements: []string{"R119"},
	}
	secureReference = finding.Rule{
		Code: "SLW320", Name: "document-secure-reference", Severity: finding.Warning, Subject: finding.Document,
		Title:  "The document refers to a SecureString where none is filled in.",
		Why:    "ssm-secure is known to aws:downloadContent only; everywhere else the text stays what it is.",
		Source: guide + "sysman-paramstore-securestring.html", Fix: "read it in the script: aws ssm get-parameter --with-decryption, with the node role",
	}
	callersRole = finding.Rule{
		Code: "SLW321", Name: "document-runs-as-caller", Severity: finding.Warning, Subject: finding.Document,
		Title:  "The runbook runs with the permissions of whoever starts it.",
		Why:    "Without a role, or with an empty one, Automation uses the caller's own permissions.",
		Source: rolePage, Fix: `assumeRole: "{{ AutomationAssumeRole }}", with a parameter that has a pattern and no empty default`,
		Requirements: []string{"R42", "R43"},
	}
	noSuchStep = finding.Rule{
		Code: "SLW323", Name: "document-no-such-step", Severity: finding.Error, Subject: finding.Document,
		Title:  "A runbook goes on with a step that it does not have.",
		Why:    "Systems Manager refuses the document, or the automation ends there.",
		Source: actionPage, Fix: "name a step of the runbook",
	}
	fallsThrough = finding.Rule{
		Code: "SLW324", Name: "document-branch-falls-through", Severity: finding.Warning, Subject: finding.Document,
		Title:  "A branch's step is followed by the step of another choice.",
		Why:    "A step without nextStep and isEnd goes on with the one that is written after it, also where a branch led to it.",
		Source: guide + "automation-branch-condition.html", Fix: "isEnd: true, or nextStep",
	}
	unknownAction = finding.Rule{
		Code: "SLW325", Name: "document-unknown-action", Severity: finding.Warning, Subject: finding.Document,
		Title:  "A step's action is none that Systems Manager lists.",
		Why:    "A document with an action that does not exist is refused, or the step fails.",
		Source: actionPage, Fix: "correct the action",
	}
	repeated = finding.Rule{
		Code: "SLW326", Name: "document-repeats-command", Severity: finding.Info, Subject: finding.Document,
		Title:  "A step that changes something is repeated after a failure.",
		Why:    "With maxAttempts a command or a launch that failed halfway, or too late, is made a second time.",
		Source: actionPage, Fix: "leave maxAttempts out, unless everything that the step does may be done twice",
	}
	unlogged = finding.Rule{
		Code: "SLW327", Name: "session-not-logged", Severity: finding.Warning, Subject: finding.Document,
		Title:  "Sessions are written to no log.",
		Why:    "What somebody did in a session on a node cannot be told afterwards.",
		Source: guide + "session-manager-logging.html", Fix: "cloudWatchLogGroupName, or s3BucketName, in inputs",
		Requirements: []string{"R41", "R58"},
	}
	stopsNowhere = finding.Rule{
		Code: "SLW329", Name: "document-script-goes-on", Severity: finding.Warning, Subject: finding.Document,
		Title:  "A script of several commands does not stop at one that failed.",
		Why:    "The lines become one script of sh, whose last command alone decides whether the step succeeded.",
		Source: pluginPage, Fix: "set -e as the first line",
		Requirements: []string{"R20", "W12"},
	}
	notBash = finding.Rule{
		Code: "SLW330", Name: "document-script-not-bash", Severity: finding.Warning, Subject: finding.Document,
		Title:  "A script uses pipefail and does not ask for bash.",
		Why:    "Without a #! in its first line a script is run by sh, which is dash on Debian and Ubuntu, where set -o pipefail ends the script.",
		Source: pluginPage, Fix: "#!/bin/bash as the first line",
		Requirements: []string{"W12"},
	}
	oldSchema = finding.Rule{
		Code: "SLW331", Name: "document-schema-old", Severity: finding.Info, Subject: finding.Document,
		Title:  "The document has schema 1.2.",
		Why:    "AWS recommends 2.2 or later for Command documents; 1.2 has one plugin, no preconditions and no onFailure.",
		Source: dataPage, Fix: `schemaVersion: "2.2" with mainSteps`,
	}
	roleLacks = finding.Rule{
		Code: "SLW340", Name: "automation-role-lacks", Severity: finding.Error, Subject: finding.Document,
		Title:  "The role of a runbook does not allow what a step needs.",
		Why:    "The step fails with AccessDenied when the runbook comes to it, after the steps before it did their work.",
		Source: rolePage, Fix: "allow it in the role",
		Requirements: []string{"R43"},
	}
	roleHasMore = finding.Rule{
		Code: "SLW341", Name: "automation-role-surplus", Severity: finding.Warning, Subject: finding.Document,
		Title:  "The role of a runbook allows what no step needs.",
		Why:    "Whoever may start the runbook, or change it, has the use of it.",
		Source: rolePage, Fix: "take it out of the role",
		Requirements: []string{"R43", "R47"},
	}
)
