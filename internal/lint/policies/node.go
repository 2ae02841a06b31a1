package policies

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/plan"
)

const instancePermissions = "https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-instance-permissions.html"

// nodeRules are about the roles of nodes and of runbooks.
var nodeRules = []finding.Rule{nodeAndUserRule, channelRule, domainRule, nodeSurplusRule, sessionLogRule, nodeAndRunbookRule, noOutputRule, nodeExtrasRule, outputRule}

var (
	nodeAndUserRule = finding.Rule{
		Code: "SLW022", Name: "node-and-user", Severity: finding.Warning, Subject: finding.Role,
		Title:  "One role is for nodes and for those who command them.",
		Why:    "A node has what a pipeline may do then, and a pipeline what a node may do.",
		Source: instancePermissions, Fix: "two roles", Requirements: []string{"R22"},
	}
	channelRule = finding.Rule{
		Code: "SLW023", Name: "node-half-connected", Severity: finding.Info, Subject: finding.Role,
		Title:  "A node may fetch its commands in one of two ways only, or may not report itself.",
		Why:    "Newer agents use ssmmessages and fall back to ec2messages; with one of them a node works until AWS or the agent gives that one up.",
		Source: instancePermissions, Fix: "ssm:UpdateInstanceInformation, ssmmessages:CreateControlChannel, ssmmessages:OpenControlChannel, ec2messages:AcknowledgeMessage, ec2messages:FailMessage, ec2messages:GetMessages, ec2messages:SendReply",
		Requirements: []string{"R23"},
	}
	domainRule = finding.Rule{
		Code: "SLW025", Name: "node-joins-domains", Severity: finding.Warning, Subject: finding.Role,
		Title:  "A node may make computers in directories.",
		Why:    "Only aws:domainJoin needs it, and a computer account is a way into the domain.",
		Source: "https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-command-ssm-plugin-reference.html",
		Fix:    "remove it, unless the node joins a domain", Requirements: []string{"R25"},
	}
	nodeSurplusRule = finding.Rule{
		Code: "SLW037", Name: "node-commands-others", Severity: finding.Warning, Subject: finding.Role,
		Title:  "A node may do what deploys do.",
		Why:    "Whoever runs something on the node can go on from there to others.",
		Source: instancePermissions, Fix: "remove it: a node fetches its own commands and answers", Requirements: []string{"R37"},
	}
	sessionLogRule = finding.Rule{
		Code: "SLW041", Name: "sessions-without-log", Severity: finding.Info, Subject: finding.Role,
		Title:  "A node takes sessions, and may write no log of them.",
		Why:    "What was done in a session is then recorded nowhere, also where the session preferences name a destination.",
		Source: "https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-logging.html",
		Fix:    "logs:CreateLogStream and logs:PutLogEvents on the log group, or s3:PutObject on the bucket; without sessions, no ssmmessages:OpenDataChannel", Requirements: []string{"R41"},
	}
	nodeAndRunbookRule = finding.Rule{
		Code: "SLW042", Name: "node-and-runbook", Severity: finding.Warning, Subject: finding.Role,
		Title:  "One role is for nodes and for runbooks.",
		Why:    "A node can do then what runbooks do to all others.",
		Source: "https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-setup-iam.html",
		Fix:    "two roles", Requirements: []string{"R42"},
	}
	noOutputRule = finding.Rule{
		Code: "SLW058", Name: "node-without-output", Severity: finding.Info, Subject: finding.Role,
		Title:  "A node may write the output of its commands nowhere.",
		Why:    "Systems Manager keeps the first 24,000 characters for a while, and the error is at the end.",
		Source: "https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-rc-setting-up-cwlogs.html",
		Fix:    "logs:CreateLogStream, logs:DescribeLogStreams and logs:PutLogEvents on a log group", Requirements: []string{"R58"},
	}
	nodeExtrasRule = finding.Rule{
		Code: "SLW224", Name: "node-extras", Severity: finding.Info, Subject: finding.Role,
		Title:  "A node may do what Run Command does not need.",
		Why:    "It is for State Manager, inventory, patching, sessions or metrics: where those are not used, it is surplus.",
		Source: instancePermissions, Fix: "remove what is not used", Requirements: []string{"R24", "R25", "R37"},
	}
	outputRule = finding.Rule{
		Code: "SLW225", Name: "output-gets-lost", Severity: finding.Info, Subject: finding.Role,
		Title:  "A node may write output, and lacks what the agent calls before it does.",
		Why:    "The command still ends with Success, and its output is not there.",
		Source: instancePermissions, Fix: "add what is missing, on the same log group or bucket", Requirements: []string{"R107"},
	}
)

// extras are actions of agents that have nothing to do with commands.
var extras = []string{
	"ssm:DescribeAssociation", "ssm:GetDocument", "ssm:ListAssociations", "ssm:UpdateAssociationStatus",
	"ssm:PutInventory", "ssm:PutComplianceItems", "ssm:PutConfigurePackageResult", "ssm:GetManifest",
	"ssm:GetDeployablePatchSnapshotForInstance", "ssm:DescribeDocument",
	"ssmmessages:CreateDataChannel", "ssmmessages:OpenDataChannel", "cloudwatch:PutMetricData", "ec2:DescribeInstanceStatus",
}

// commands are actions by which one goes on from a node to others.
var commands = []string{
	"ssm:SendCommand", "ssm:StartSession", "ssm:StartAutomationExecution", "ssm:CreateAssociation", "ssm:UpdateAssociation",
	"ssm:CreateDocument", "ssm:UpdateDocument", "ssm:UpdateDocumentDefaultVersion", "ssm:PutParameter", "iam:PassRole",
	"iam:AttachRolePolicy", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:CreateRole", "iam:CreateAccessKey",
	"ec2:RunInstances", "cloudformation:CreateStack", "cloudformation:UpdateStack", "cloudformation:ExecuteChangeSet",
}

// node looks at what a node has.
func (l *linter) node(h *holder) {
	if h.kind != node {
		return
	}
	l.nodeTrust(h)
	for s := range h.own() {
		s.node()
	}
	l.channels(h)
	l.output(h)
}

// channels looks at how a node fetches its commands. A role with none of it is for machines that Systems Manager does not
// manage.
func (l *linter) channels(h *holder) {
	old, current, reports := h.holds("ec2messages:GetMessages"), h.holds("ssmmessages:OpenControlChannel"), h.holds("ssm:UpdateInstanceInformation")
	switch {
	case h.doubtful:
	case old && !current:
		l.atRole(&channelRule, h, "add ssmmessages:CreateControlChannel, ssmmessages:OpenControlChannel", "ec2messages without ssmmessages")
	case (old || current) && !reports:
		l.atRole(&channelRule, h, "add ssm:UpdateInstanceInformation", "messages without ssm:UpdateInstanceInformation").Severity = finding.Warning
	}
}

// nodeTrust looks for a role that others enter as well.
func (l *linter) nodeTrust(h *holder) {
	if h.given.Trust == nil {
		return
	}
	services, people := trusted(h.given.Trust)
	if people {
		l.atRole(&nodeAndUserRule, h, "", "EC2 carries it, and somebody else may assume it")
	}
	if slices.Contains(services, "ec2") && slices.Contains(services, "ssm") && !slices.ContainsFunc(h.policies, (*policy).onlyNode) {
		l.atRole(&nodeAndRunbookRule, h, "", "its trust policy names ec2.amazonaws.com and ssm.amazonaws.com")
	}
}

// onlyNode says whether a policy makes its holder a machine: one role may well be for machines in EC2 and outside of it.
func (p *policy) onlyNode() bool {
	if slices.Contains(nodePolicies, p.name) {
		return true
	}
	return slices.ContainsFunc(p.statements, func(s *statement) bool { return s.allows() && slices.ContainsFunc(s.Actions, fetchesMessages) })
}

// node looks for what a node never needs.
func (s *statement) node() {
	at := func(names []string) int {
		return slices.IndexFunc(s.actions, func(a action) bool { return slices.ContainsFunc(names, a.has) })
	}
	var directory []string
	for c := range s.each() {
		if c.Service == "ds" {
			directory = append(directory, c.String())
		}
	}
	if len(directory) > 0 {
		s.claim(directory)
		s.report(&domainRule, s.actionAt(at(directory)), "", "%s", list(directory))
	}
	if found := s.present(commands); len(found) > 0 {
		s.report(&nodeSurplusRule, s.actionAt(at(found)), "", "%s", list(found))
	}
	if found := s.present(extras); len(found) > 0 {
		s.report(&nodeExtrasRule, s.actionAt(at(found)), "", "%s", list(found))
	}
}

// output looks at where a node may write what its commands say.
func (l *linter) output(h *holder) {
	logs, bucket := h.holds("logs:PutLogEvents"), h.holds("s3:PutObject")
	switch sessions := h.holds("ssmmessages:OpenDataChannel"); {
	case h.doubtful, !h.holds("ssm:UpdateInstanceInformation"):
	case logs || bucket:
		l.lost(h, "logs:PutLogEvents", "logs:CreateLogStream", "logs:DescribeLogStreams")
		l.lost(h, "s3:PutObject", "s3:GetEncryptionConfiguration", "s3:ListBucket", "s3:PutObjectAcl")
	case sessions:
		l.atRole(&sessionLogRule, h, "", "ssmmessages:OpenDataChannel, and neither logs:PutLogEvents nor s3:PutObject")
	case h.rendered():
	default:
		l.atRole(&noOutputRule, h, "", "neither logs:PutLogEvents nor s3:PutObject")
	}
}

// rendered says whether a node's role is slipway's own: what its agent calls is in the statements that slipway renders, and in
// no others. The release says where output goes then, and slipway keeps the end of what a command wrote where that is nowhere.
func (h *holder) rendered() bool {
	for sid, actions := range plan.AgentStatements() {
		for _, action := range actions {
			by := slices.DeleteFunc(slices.Clone(h.about(action)), func(s *statement) bool { return !s.allows() })
			other := func(s *statement) bool {
				return s.Sid != sid || !slices.Equal(slices.Sorted(slices.Values(s.Actions)), actions)
			}
			if len(by) == 0 || slices.ContainsFunc(by, other) {
				return false
			}
		}
	}
	return true
}

// lost reports what is missing beside an action that writes output.
func (l *linter) lost(h *holder, writes string, wants ...string) {
	if !h.holds(writes) {
		return
	}
	missing := slices.DeleteFunc(wants, h.holds)
	if len(missing) == 0 {
		return
	}
	for _, s := range h.about(writes) {
		if i := slices.IndexFunc(s.actions, func(a action) bool { return a.has(writes) }); s.allows() && !s.policy.foreign && i >= 0 {
			s.report(&outputRule, s.actionAt(i), "add "+strings.Join(missing, ", "), "%s without %s", writes, strings.Join(missing, ", "))
			return
		}
	}
}
