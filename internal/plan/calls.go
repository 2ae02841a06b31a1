package plan

import (
	"cmp"
	"strings"
)

// builder collects the calls of one stage.
type builder struct {
	app    string
	stage  *Stage
	record *Record // nil when the release keeps none
	calls  []Call
}

// newCalls lists every call of a stage, in the order in which a deploy makes them first. declared are the calls of the
// release's scripts.
func newCalls(app string, s *Stage, record *Record, declared []Call) []Call {
	b := &builder{app: app, stage: s, record: record}
	trigger, verify := KindDeploy, KindDeploy
	if s.role(KindTrigger) != nil {
		trigger, verify = KindTrigger, KindVerify
	}
	b.enter()
	b.preflight(verify)
	b.keepRecord(trigger, verify)
	for i := range s.Steps {
		step := &s.Steps[i]
		b.send(trigger, verify, step, step.Name)
		b.watch(verify, step, step.Name)
		b.readOutput(verify, step)
		if step.Check != nil {
			b.send(trigger, verify, step.Check, step.Name)
			b.watch(verify, step.Check, step.Name)
		}
	}
	b.automations(trigger, verify)
	b.tests()
	b.operate(trigger, verify)
	b.launchNodes()
	b.serveNodes()
	b.serveScripts()
	b.calls = append(b.calls, declared...)
	b.number()
	return b.calls
}

// role finds a role of the stage by its kind; nil when there is none.
func (s *Stage) role(kind RoleKind) *Role {
	for i := range s.Roles {
		if s.Roles[i].Kind == kind {
			return &s.Roles[i]
		}
	}
	return nil
}

func (b *builder) add(c Call) {
	if c.Resources == nil {
		c.Resources = []Resource{{ARN: "*"}}
	}
	if c.When == Always {
		c.Least = max(c.Least, 1)
	}
	b.calls = append(b.calls, c)
}

// addTo adds a call of a step, or of the check of one: the call's ID tells which.
func (b *builder) addTo(step *Step, c Call) {
	c.ID = step.Name
	b.add(c)
}

// preflight adds what is read, once, before anything is sent.
func (b *builder) preflight(verify RoleKind) {
	if b.stage.Targets.ec2() {
		b.add(Call{
			Role: verify, Action: "ec2:DescribeInstances",
			When: Always, Often: "once per page of instances, before and after", BeforeSend: 1,
			Reason: "Resolves the targets, tells why a node is missing, and which nodes joined meanwhile.",
		})
	}
	b.add(Call{
		Role: verify, Action: "ssm:DescribeInstanceInformation",
		When: Always, Often: "once per page of nodes", BeforeSend: 1,
		Reason: "Finds nodes that Systems Manager does not manage or has lost, before anything is sent.",
	})
	b.add(Call{
		Role: verify, Action: "ssm:GetCommandInvocation",
		When: Always, Often: "once", BeforeSend: 1, OnResume: true,
		Reason: "Reads an invocation that cannot exist: a role that may not read results is found before the send.",
	})
	b.add(Call{
		Role: verify, Action: "ssm:ListCommandInvocations",
		When: Always, Often: "once", BeforeSend: 1, OnResume: true,
		Reason: "Lists an invocation that cannot exist: a role that may not watch is found before the send.",
	})
	b.add(Call{
		Role: verify, Action: "ssm:ListCommands",
		When: Always, Often: "once per page of commands", BeforeSend: 1,
		Reason: "Finds an earlier send of the stage that still runs or is unknown, before anything is sent.",
	})
}

// send adds the calls that publish a step's document and queue its command.
// of is the step of the release: the step itself, or the one that it checks.
func (b *builder) send(trigger, verify RoleKind, step *Step, of string) {
	if step.Own != nil {
		b.publish(trigger, step, of)
	}
	b.addTo(step, Call{
		Step: of, Role: trigger, Action: "ssm:SendCommand",
		Resources: append([]Resource{b.stage.document(step)}, b.stage.nodes()...),
		When:      Always, Often: step.oftenSent(step.Name != of),
		Reason: "Queues the step's command on the nodes.",
	})
	if step.Rollout.Alarm != "" {
		b.addTo(step, Call{
			Step: of, Role: trigger, Action: "iam:CreateServiceLinkedRole", Resources: []Resource{b.stage.linkedRole()},
			When: Always, Often: "with every send",
			Reason: "Systems Manager reads the alarm with its service-linked role, and asks whoever attaches an alarm for the right to make that role.",
		})
	}
	b.addTo(step, Call{
		Step: of, Role: verify, Action: "ssm:ListCommands",
		When: OnLost, Often: "until found, at most a minute",
		Reason: "Looks for the command by the run id in its comment when the answer to the send was lost.",
	})
}

// publish adds the calls on the step's own document.
func (b *builder) publish(trigger RoleKind, step *Step, of string) {
	document := []Resource{b.stage.document(step)}
	b.addTo(step, Call{
		Step: of, Role: trigger, Action: "ssm:DescribeDocument", Resources: document,
		When: Always, Often: "once per step; more while a new version becomes active", BeforeSend: 1,
		Reason: "Compares the published script with the release's, and learns the version to send.",
	})
	if step.Own.Version != "" {
		return // it was published by the deploy that is shipped again
	}
	b.addTo(step, Call{
		Step: of, Role: trigger, Action: "ssm:CreateDocument", Resources: document,
		When: FirstTime, Often: "once",
		Reason: "Publishes the script as an SSM document.",
	})
	b.addTo(step, Call{
		Step: of, Role: trigger, Action: "ssm:UpdateDocument", Resources: document,
		When: OnChange, Often: "once",
		Reason: "Publishes the changed script as a new version of its document.",
	})
	b.addTo(step, Call{
		Step: of, Role: trigger, Action: "ssm:ListDocumentVersions", Resources: document,
		When: OnChange, Often: "once per page of versions",
		Reason: "Finds the version that already holds this script, when an earlier one is shipped again.",
	})
}

// watch adds the calls that follow a command to its end, or end it.
func (b *builder) watch(verify RoleKind, step *Step, of string) {
	b.addTo(step, Call{
		Step: of, Role: verify, Action: "ssm:ListCommandInvocations",
		When: Tick, Often: "once per tick and page of 50 nodes", Least: 1, OnResume: true,
		Reason: "Reads the state of all nodes at once while the command runs.",
	})
	b.addTo(step, Call{
		Step: of, Role: verify, Action: "ssm:GetCommandInvocation",
		When: OnFinish, Often: "once per node that did not succeed, and per script of the first that did", Least: 1, OnResume: true,
		Reason: "Reads what the scripts printed, of the nodes that matter; the verdict is made per node, from the list.",
	})
	if len(b.stage.Targets.Instances) > 0 && len(step.ScriptSteps) == 1 {
		b.addTo(step, Call{
			Step: of, Role: verify, Action: "ssm:GetCommandInvocation",
			When: OnResume, Often: "once per tick and node", OnResume: true,
			Reason: "Asks each named node by itself where the role may read results and not list them.",
		})
	}
	b.addTo(step, Call{
		Step: of, Role: verify, Action: "ssm:ListCommands",
		When: Always, Often: "once per step", OnResume: true,
		Reason: "Counts the targets of the command after its end: a node that is missing from the list is found.",
	})
	b.addTo(step, Call{
		Step: of, Role: verify, Action: "ssm:CancelCommand",
		When: OnInterrupt, Often: "once per command that is out",
		Reason: "Stops the command when the deploy is interrupted or cancelled, so that no node is left half shipped unseen.",
	})
}

// launchNodes adds the assumption of the node role by the service that hands it to the nodes (R21).
func (b *builder) launchNodes() {
	node := b.stage.role(KindNode)
	if node == nil {
		return
	}
	assume := func(kind RoleKind, reason string) {
		b.add(Call{
			Role: kind, Action: "sts:AssumeRole", Resources: []Resource{{ARN: node.ARN(), Type: "role"}},
			When: OnLaunch, Often: "at launch and at each renewal", Reason: reason,
		})
	}
	if b.stage.Targets.ec2() {
		assume(KindEC2, "EC2 assumes the node role for the instances that carry it; its trust policy decides.")
	}
	if b.stage.Targets.managed() {
		assume(KindSSM, "Systems Manager assumes the node role for managed nodes; its trust policy decides.")
	}
}

// serveNodes adds what the agent on each node calls to receive a command and to answer it.
func (b *builder) serveNodes() {
	node := func(action string, resources []Resource, when When, often, reason string) {
		b.add(Call{Role: KindNode, Action: action, Resources: resources, When: when, Often: often, Reason: reason})
	}
	node("ssm:UpdateInstanceInformation", b.stage.nodes(), Always, "at start and every 5 minutes",
		"The agent registers the node and reports that it is alive.")
	node("ssm:ListInstanceAssociations", b.stage.nodes(), Fallback, "every 10 minutes",
		"The agent polls for State Manager associations; a deploy uses none.")
	node("ssmmessages:CreateControlChannel", nil, Always, "at start and after each break",
		"The agent prefers the control channel where it is allowed one.")
	node("ssmmessages:OpenControlChannel", nil, Always, "at start and after each break",
		"The agent receives commands and answers them over the channel it made.")
	node("ec2messages:GetMessages", nil, Fallback, "long poll", "The agent fetches commands, at start and while it has no channel.")
	node("ec2messages:AcknowledgeMessage", nil, Fallback, "once per command", "The agent accepts a command that it fetched.")
	node("ec2messages:SendReply", nil, Fallback, "per script step and at the end",
		"The agent reports progress and results of a command that it fetched.")
	node("ec2messages:FailMessage", nil, OnFailure, "once per refused command",
		"The agent refuses a command that it cannot read.")
	node("ec2messages:DeleteMessage", nil, Fallback, "once per command", "Older agents delete a command they have run.")
	node("ec2messages:GetEndpoint", nil, Fallback, "at start", "Older agents ask where their messages are.")
}

// number gives every call its ID. The circumstance is part of it only where it has to tell two apart.
func (b *builder) number() {
	count := make(map[string]int, len(b.calls))
	for i := range b.calls {
		c := &b.calls[i]
		step := cmp.Or(c.ID, "-") // of a step's calls, its name: see addTo
		c.ID = strings.Join([]string{b.stage.Name, step, string(c.Role), c.Action}, "/")
		if b.enters(c) && b.stage.role(KindTrigger) != nil {
			c.ID += "/" + c.Resources[0].ARN[strings.LastIndex(c.Resources[0].ARN, "-")+1:]
		}
		count[c.ID]++
	}
	for i := range b.calls {
		c := &b.calls[i]
		if count[c.ID] > 1 {
			c.ID += "/" + strings.ReplaceAll(string(c.When), " ", "-")
		}
	}
}
