package plan

import (
	"slices"
	"strings"
)

// purpose is what a group of permissions is for.
type purpose struct{ sid, why string }

var (
	queueCommand = purpose{"QueueDeployCommand",
		"Queues the deploy command: this document, on these nodes, and nothing else."}
	queueTagged = purpose{"QueueDeployCommandToTaggedNodes",
		"Queues the deploy command on the nodes that carry the stage's tags, and on no others."}
	pollStatus = purpose{"PollDeployStatus",
		"Reads what became of the command on one node; being allowed to send it does not include this."}
	watchNodes = purpose{"WatchDeployNodes",
		"Reads the state of all nodes in one call a tick."}
	findSends = purpose{"FindEarlierSends",
		"Finds an earlier send whose outcome is unknown, so that nothing is sent twice."}
	stopOnInterrupt = purpose{"StopDeployOnInterrupt",
		"Cancels the command when the deploy is interrupted or cancelled."}
	findTargets = purpose{"FindTargets",
		"Finds the nodes, and tells why one cannot be reached, before anything is sent."}
	publishDocument = purpose{"PublishDeployDocument",
		"Publishes the release's script as a versioned SSM document without free-form commands."}
	reportNode = purpose{"ReportToSystemsManager",
		"Lets the agent register the node with Systems Manager and report that it is alive."}
	receiveCommands = purpose{"ReceiveCommands",
		"Lets the agent fetch commands and answer them over ec2messages."}
	receiveOverChannel = purpose{"ReceiveCommandsOverControlChannel",
		"Lets the agent fetch commands over the control channel, which it prefers where it is served."}
	keepRecord = purpose{"KeepDeployRecord",
		"Keeps the stage's lock, and the record of what was deployed where; nothing is ever deleted."}
	findRecords = purpose{"FindDeployRecords",
		"Lists the stage's deploys, and lets S3 say that an object does not exist."}
	keepScripts = purpose{"KeepLargeScripts",
		"Puts scripts that are too large for an SSM document where the nodes fetch them, each named by its content."}
	fetchScripts = purpose{"FetchLargeScripts",
		"Fetches scripts that are too large for an SSM document; each is checked against its name before it runs."}
	needScripts = purpose{"NeededByScripts",
		"What the release's own scripts call AWS for on the nodes, as the release declares it."}
	needRunbook = purpose{"NeededByRunbook",
		"What the steps of the release's runbooks do."}
	needTests = purpose{"NeededByTests",
		"What the release's tests call AWS for, as the release declares it; nothing else."}
	readOutput = purpose{"ReadDeployOutput",
		"Reads everything that the scripts printed."}
	writeLogs = purpose{"WriteOutputToLogs",
		"Lets the agent write everything that the scripts print to the release's log group."}
	writeBucket = purpose{"WriteOutputToBucket",
		"Lets the agent write everything that the scripts print to the release's bucket."}
	writeBuildLog = purpose{"WriteBuildLog",
		"Lets CodeBuild write the log of the project's builds; without it a build ends before its first command."}
	assumeStages = purpose{"AssumeDeployRoles",
		"Lets the pipeline enter the stages' roles, and no others."}
	managedNodes = purpose{"ManagedNodes",
		"Lets Systems Manager hand the role to the machines outside EC2 that are registered with it."}
)

// purposes groups every action of a plan by what it is for. One group is one statement of a policy.
var purposes = map[string]purpose{
	"iam:CreateServiceLinkedRole": {"AttachAlarm",
		"Lets an alarm stop the command: Systems Manager reads it with its service-linked role, and no other role can be made."},

	"ssm:SendCommand":            queueCommand,
	"ssm:GetCommandInvocation":   pollStatus,
	"ssm:ListCommandInvocations": watchNodes,
	"ssm:ListCommands":           findSends,
	"ssm:CancelCommand":          stopOnInterrupt,

	"ec2:DescribeInstances":           findTargets,
	"ssm:DescribeInstanceInformation": findTargets,

	"ssm:DescribeDocument":     publishDocument,
	"ssm:CreateDocument":       publishDocument,
	"ssm:UpdateDocument":       publishDocument,
	"ssm:ListDocumentVersions": publishDocument,

	"ssm:UpdateInstanceInformation": reportNode,
	"ssm:ListInstanceAssociations":  reportNode,

	"ec2messages:AcknowledgeMessage": receiveCommands,
	"ec2messages:DeleteMessage":      receiveCommands,
	"ec2messages:FailMessage":        receiveCommands,
	"ec2messages:GetEndpoint":        receiveCommands,
	"ec2messages:GetMessages":        receiveCommands,
	"ec2messages:SendReply":          receiveCommands,

	"ssmmessages:CreateControlChannel": receiveOverChannel,
	"ssmmessages:OpenControlChannel":   receiveOverChannel,

	"ssm:StartAutomationExecution": {"StartRunbook", "Starts the release's runbook, and no other."},
	"iam:PassRole": {"PassRunbookRole",
		"Hands the runbook its own role, and only to Systems Manager; without it the runbook would run with the deploy's permissions."},
	"ssm:GetAutomationExecution":           {"WatchRunbook", "Reads what became of the runbook."},
	"ssm:DescribeAutomationStepExecutions": {"WatchRunbook", "Reads what became of the runbook."},
	"ssm:StopAutomationExecution": {"StopRunbookOnInterrupt",
		"Stops the runbook when the deploy is interrupted or cancelled."},

	"s3:GetObject":  keepRecord,
	"s3:PutObject":  keepRecord,
	"s3:ListBucket": findRecords,

	"logs:FilterLogEvents": readOutput,
	"logs:GetLogEvents":    readOutput,

	"logs:CreateLogGroup":     writeLogs,
	"logs:CreateLogStream":    writeLogs,
	"logs:DescribeLogGroups":  writeLogs,
	"logs:DescribeLogStreams": writeLogs,
	"logs:PutLogEvents":       writeLogs,

	"s3:PutObjectAcl":               writeBucket,
	"s3:GetEncryptionConfiguration": writeBucket,

	"sts:AssumeRoleWithWebIdentity": {"GitHubActions",
		"Lets this repository's workflow, and no other, enter with its GitHub token."},
	"sts:AssumeRole": assumeStages,
	"sts:TagSession": assumeStages,
}

// Purpose gives the Sid of the policy statement that grants an action, and why a role needs it, in one sentence.
// Actions with the same Sid belong in one statement. tagged says that the resource is a node found by its tags,
// which needs a condition and so a statement of its own.
//
// An action that no plan contains gets a Sid made from its name and no reason.
func Purpose(action string, tagged bool) (sid, why string) {
	p, ok := purposes[action]
	switch {
	case !ok:
		return "Allow" + alphanumeric(action), ""
	case tagged && action == "ssm:SendCommand":
		return queueTagged.sid, queueTagged.why
	}
	return p.sid, p.why
}

// AgentStatements are the statements that the role of every stage's nodes has, whatever its release: by Sid, their actions,
// sorted.
func AgentStatements() map[string][]string {
	all := map[string][]string{reportNode.sid: nil, receiveCommands.sid: nil, receiveOverChannel.sid: nil}
	for action, p := range purposes {
		if _, ok := all[p.sid]; ok {
			all[p.sid] = append(all[p.sid], action)
		}
	}
	for _, actions := range all {
		slices.Sort(actions)
	}
	return all
}

// namedPurposes are those that a call can name itself.
var namedPurposes = []purpose{keepScripts, fetchScripts, needScripts, needRunbook, needTests, readOutput, writeBucket, writeBuildLog}

// Purpose is [Purpose] of the call's action, unless the call names another: what a role writes to the record's bucket
// and what it writes as output are the same action.
func (c *Call) Purpose(tagged bool) (sid, why string) {
	for _, p := range namedPurposes {
		if p.sid == c.For {
			return p.sid, p.why
		}
	}
	return Purpose(c.Action, tagged)
}

// alphanumeric drops everything that a Sid may not contain.
func alphanumeric(s string) string {
	keep := func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}
	return strings.Map(keep, s)
}
