package shell

import "github.com/slipway-cd/slipway/internal/finding"

// Rules are what is looked for.
var Rules = []finding.Rule{
	undeclaredRule, untoldRule,
	unreadRule, unwatchedRule, uncheckedRule, waiterRule, swallowedRule, endlessRule, statusesRule,
	shorthandRule, secretRule, limitRule, strictRule,
	earlyRule, dialectRule, printedRule, leakedRule, assumeRule, cancelRule, syntaxRule, unlookedRule,
}

const (
	pageStatuses   = "https://docs.aws.amazon.com/systems-manager/latest/userguide/monitor-commands.html"
	pageInvocation = "https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetCommandInvocation.html"
	pageWaiter     = "https://docs.aws.amazon.com/cli/latest/reference/ssm/wait/command-executed.html"
	pageSend       = "https://docs.aws.amazon.com/cli/latest/reference/ssm/send-command.html"
	pageDocument   = "https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-command-ssm-plugin-reference.html"
	pageAssume     = "https://docs.aws.amazon.com/cli/latest/reference/sts/assume-role.html"
	pageMask       = "https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands"
	pageExit       = "https://docs.aws.amazon.com/systems-manager/latest/userguide/run-command-handle-exit-status.html"
)

var (
	unreadRule = finding.Rule{
		Code: "SLW101", Name: "send-never-read", Severity: finding.Error, Subject: finding.Script,
		Title: "A command is sent, and nothing asks what became of it.", Why: "SendCommand answers before anything ran, so the job is green whatever happens on the node.",
		Source: pageStatuses, Fix: "keep the command id, ask aws ssm get-command-invocation until the status is final, and fail unless it is Success",
		Requirements: []string{"R98", "W1"},
	}
	unwatchedRule = finding.Rule{
		Code: "SLW131", Name: "automation-never-read", Severity: finding.Error, Subject: finding.Script,
		Title: "An automation is started, and nothing asks what became of it.", Why: "StartAutomationExecution answers when the runbook begins, so the job is green whatever its steps do.",
		Source: "https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_StartAutomationExecution.html",
		Fix:    "keep the execution id, ask aws ssm get-automation-execution for AutomationExecution.AutomationExecutionStatus until it is final, and fail unless it is Success", Requirements: []string{"R98", "W1"},
	}
	uncheckedRule = finding.Rule{
		Code: "SLW102", Name: "status-never-checked", Severity: finding.Error, Subject: finding.Script,
		Title: "The result of a command is read, and a failed command does not fail the job.", Why: "Reading a result succeeds when the command failed, so the job is green all the same.",
		Source: pageInvocation, Fix: `compare the status, and leave with 1 unless it is Success`, Requirements: []string{"R98", "W2"},
	}
	waiterRule = finding.Rule{
		Code: "SLW103", Name: "waiter-gives-up", Severity: finding.Warning, Subject: finding.Script,
		Title: "The CLI's waiter gives up after 100 seconds, before the command has to end.", Why: "It asks 20 times, every 5 seconds; what it reports then is not how the command ended.",
		Source: pageWaiter, Fix: "ask in a loop until executionTimeout has passed, or let slipway wait", Requirements: []string{"R98", "W3"},
	}
	swallowedRule = finding.Rule{
		Code: "SLW104", Name: "poll-error-swallowed", Severity: finding.Error, Subject: finding.Script,
		Title: "An error of AWS is taken for a status.", Why: "A role that may not send, or not read the status, gets AccessDeniedException for ever: nothing is deployed, or it failed, and nobody is told.",
		Source: pageInvocation, Fix: "tolerate InvocationDoesNotExist alone, print any other error, and leave with 1", Requirements: []string{"R98", "W4", "R12"},
	}
	endlessRule = finding.Rule{
		Code: "SLW105", Name: "poll-without-bound", Severity: finding.Warning, Subject: finding.Script,
		Title: "A loop asks for a status until it is final, however long that takes.", Why: "A node that stops answering stays InProgress until its limit has passed, and the job runs until GitHub ends it.",
		Source: pageStatuses, Fix: "end the loop at a deadline: delivery timeout and executionTimeout together", Requirements: []string{"R98", "W5"},
	}
	statusesRule = finding.Rule{
		Code: "SLW106", Name: "statuses-missing", Severity: finding.Error, Subject: finding.Script,
		Title: "A status is not handled, or one is that there never is.", Why: "Status is one of Pending, InProgress, Delayed, Success, Cancelled, TimedOut, Failed, Cancelling; what tells more is StatusDetails.",
		Source: pageStatuses, Fix: "Success is success; Failed, TimedOut and Cancelled are failures; wait for Pending, InProgress, Delayed and Cancelling", Requirements: []string{"R98", "W6"},
	}
	shorthandRule = finding.Rule{
		Code: "SLW107", Name: "commands-in-shorthand", Severity: finding.Warning, Subject: finding.Script,
		Title: "Commands are put into --parameters in shorthand, with what the shorthand or its quotes may take apart.", Why: "The CLI reads quotes, commas and line ends of commands=[…] itself, so the node may be sent other commands than those written.",
		Source: "https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-shorthand.html", Fix: "build the parameters as JSON with jq, and give them as file://parameters.json", Requirements: []string{"R98", "W7"},
	}
	secretRule = finding.Rule{
		Code: "SLW108", Name: "secret-in-parameters", Severity: finding.Error, Subject: finding.Script,
		Title: "A secret is written into the parameters of a command.", Why: "Parameters are kept in the history of Run Command, in CloudTrail and in the agent's files, in clear text.",
		Source: "https://docs.aws.amazon.com/systems-manager/latest/userguide/security-best-practices.html", Fix: "let the node read it from Parameter Store or Secrets Manager", Requirements: []string{"R98", "W8"},
	}
	limitRule = finding.Rule{
		Code: "SLW111", Name: "no-execution-timeout", Severity: finding.Warning, Subject: finding.Script,
		Title: "Nothing limits how long a command runs.", Why: "--timeout-seconds is how long delivery may take; the run's limit is the document's parameter executionTimeout, which is an hour unless it is set.",
		Source: pageDocument, Fix: `add executionTimeout to the parameters: "executionTimeout": ["600"]`, Requirements: []string{"R98", "W11"},
	}
	strictRule = finding.Rule{
		Code: "SLW112", Name: "commands-go-on", Severity: finding.Warning, Subject: finding.Script,
		Title: "Several commands are sent, and one that fails does not end them.", Why: "The agent runs them as one script of sh, whose exit code is that of the last command alone.",
		Source: pageExit, Fix: "begin with set -e, or join the commands with &&", Requirements: []string{"R98", "W12"},
	}
	earlyRule = finding.Rule{
		Code: "SLW130", Name: "read-too-early", Severity: finding.Info, Subject: finding.Script,
		Title: "A command's status is asked for right after it was sent, and an answer that there is none yet fails the job.", Why: "GetCommandInvocation answers InvocationDoesNotExist until the command has reached all of Run Command.",
		Source: pageInvocation, Fix: "wait some seconds before the first read, or tolerate InvocationDoesNotExist for half a minute", Requirements: []string{"R98"},
	}
	dialectRule = finding.Rule{
		Code: "SLW132", Name: "bash-sent-to-sh", Severity: finding.Info, Subject: finding.Script,
		Title: "Commands of bash are sent, and sh runs them on the node.", Why: "The agent gives the commands to sh, which is dash on Debian and Ubuntu: it ends at set -o pipefail where it does not know that, and has no [[.",
		Source: pageDocument, Fix: "make #!/bin/bash the first of the commands, or keep to what sh knows", Requirements: []string{"R98", "W12"},
	}
	printedRule = finding.Rule{
		Code: "SLW133", Name: "credentials-printed", Severity: finding.Error, Subject: finding.Script,
		Title: "Credentials come into the job's log.", Why: "GitHub hides only what it knows to be secret, and everybody who may read the run reads the log.",
		Source: pageMask, Fix: `echo "::add-mask::$SECRET" before anything can print it, and do not print it`, Requirements: []string{"R91"},
	}
	leakedRule = finding.Rule{
		Code: "SLW134", Name: "credentials-in-environment", Severity: finding.Warning, Subject: finding.Script,
		Title: "Credentials of a role are put into $GITHUB_ENV.", Why: "Every later step has them, whichever stage and account it is about, and actions of others as well.",
		Source: pageMask, Fix: "let aws-actions/configure-aws-credentials assume the role, or use the credentials in the step alone", Requirements: []string{"R91"},
	}
	assumeRule = finding.Rule{
		Code: "SLW135", Name: "assume-role-unseen", Severity: finding.Error, Subject: finding.Script,
		Title: "AssumeRole can fail, and the script goes on.", Why: "What comes after it then runs with empty credentials, or with those of the role before.",
		Source: pageAssume, Fix: "assign the answer by itself, without export or local, in a shell with set -e", Requirements: []string{"R92"},
	}
	cancelRule = finding.Rule{
		Code: "SLW136", Name: "never-cancelled", Severity: finding.Info, Subject: finding.Script,
		Title: "A script stops waiting for a command, and leaves it running.", Why: "The job is red, and the command may still change the node.",
		Source: "https://docs.aws.amazon.com/systems-manager/latest/userguide/cancel-run-command.html", Fix: `aws ssm cancel-command --command-id "$id" at the deadline and when the job is interrupted, and then read the status`, Requirements: []string{"R98", "R101"},
	}
)
