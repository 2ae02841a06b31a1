package policies

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/roles"
)

const managedReference = "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/"

// managedRules are about AWS's managed policies on roles that they are not for.
var managedRules = []finding.Rule{wrongManagedRule, nodeFullAccessRule, coreRule, administratorRule, pushLogsRule}

var (
	wrongManagedRule = finding.Rule{
		Code: "SLW032", Name: "managed-policy-of-another-role", Severity: finding.Warning, Subject: finding.Role,
		Title:  "A managed policy of AWS is attached to a role that it is not for.",
		Why:    "It was written for another kind of role, and gives this one what it never uses.",
		Source: "https://docs.aws.amazon.com/systems-manager/latest/userguide/security-iam-awsmanpol.html",
		Fix:    "a policy with what the role does: slipway roles render", Requirements: []string{"R32"},
	}
	nodeFullAccessRule = finding.Rule{
		Code: "SLW036", Name: "full-access-on-node", Severity: finding.Warning, Subject: finding.Role,
		Title:  "A node or a runbook has all of Systems Manager.",
		Why:    "Whoever can run something there can run commands as root on every node, and read every parameter.",
		Source: "https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-instance-permissions.html",
		Fix:    "AmazonSSMManagedEC2InstanceDefaultPolicy, or a policy with what the node does", Requirements: []string{"R36"},
	}
	coreRule = finding.Rule{
		Code: "SLW038", Name: "core-policy-reads-parameters", Severity: finding.Info, Subject: finding.Role,
		Title:  "AmazonSSMManagedInstanceCore holds more than a node needs.",
		Why:    "Among it are ssm:GetParameter and ssm:GetParameters on every parameter of the account, inventory and compliance reports, and sessions.",
		Source: managedReference + "AmazonSSMManagedInstanceCore.html",
		Fix:    "AmazonSSMManagedEC2InstanceDefaultPolicy, which reads no parameters, or a policy with what the node does", Requirements: []string{"R38"},
	}
	administratorRule = finding.Rule{
		Code: "SLW056", Name: "administrator", Severity: finding.Warning, Subject: finding.Role,
		Title:  "A role of a pipeline, a node or a runbook is an administrator.",
		Why:    "Whoever gets hold of it, by a workflow, a command or a machine, has the account.",
		Source: leastPrivilege, Fix: "a policy with what the role does: slipway roles render", Requirements: []string{"R32", "R56"},
	}
	pushLogsRule = finding.Rule{
		Code: "SLW079", Name: "push-logs-on-deploy-role", Severity: finding.Info, Subject: finding.Role,
		Title:  "AmazonAPIGatewayPushToCloudWatchLogs is attached to a role that API Gateway does not assume.",
		Why:    "The policy is for the role that API Gateway itself writes its logs with; a deploy only needs to pass that one.",
		Source: "https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html",
		Fix:    "attach it to the role in the account settings of API Gateway, and not to this one", Requirements: []string{"R79"},
	}
)

// nodePolicies are those of AWS's managed policies that are for nodes.
var nodePolicies = []string{"AmazonSSMManagedInstanceCore", "AmazonSSMManagedEC2InstanceDefaultPolicy", "AmazonEC2RoleforSSM", "AmazonSSMPatchAssociation"}

// administrators hold the account, or nearly.
var administrators = []string{"AdministratorAccess", "PowerUserAccess", "IAMFullAccess"}

// managed looks at the managed policies of AWS that somebody has.
func (l *linter) managed(h *holder) {
	if h.kind == operator {
		return
	}
	for _, a := range h.attached {
		if ofAWS(a.ARN) {
			l.managedPolicy(h, a, policyName(a.ARN))
		}
	}
}

func (l *linter) managedPolicy(h *holder, a roles.Attached, name string) {
	at := func(r *finding.Rule, format string, args ...any) {
		place := a.Place
		if place.Line == 0 {
			place = h.place
		}
		f := r.At(place.File, place.Line, place.Column, "", "role "+h.role+": "+format, args...)
		f.Role = h.role
		l.found = append(l.found, f)
	}
	pipeline := slices.Contains([]kind{deploy, build, execution, automation, user}, h.kind)
	switch {
	case name == "AmazonSSMFullAccess" && (h.kind == node || h.kind == automation):
		at(&nodeFullAccessRule, "%s on a role for a %s", name, h.kind)
	case name == "AmazonSSMFullAccess" && pipeline:
		at(&wrongManagedRule, "%s is for administrators, and this role is for %s", name, h.kind)
	case name == "AmazonEC2RoleforSSM" && h.kind == node:
		at(&wrongManagedRule, "%s is deprecated, and reads and writes every bucket", name)
	case slices.Contains(nodePolicies, name) && pipeline:
		at(&wrongManagedRule, "%s is for nodes, and this role is for %s", name, h.kind)
	case name == "AmazonSSMManagedInstanceCore":
		at(&coreRule, "%s reads every parameter of the account", name)
	case strings.HasSuffix(name, "ReadOnlyAccess") && slices.Contains([]kind{node, execution, automation}, h.kind):
		at(&wrongManagedRule, "%s is for people who look, and this role is for %s", name, h.kind)
	case name == "AmazonSSMAutomationRole" && h.kind != automation && h.kind != unknownKind:
		at(&wrongManagedRule, "%s is for runbooks, and this role is for %s", name, h.kind)
	case slices.Contains(administrators, name):
		at(&administratorRule, "%s", name)
	case strings.HasSuffix(name, "FullAccess") && (pipeline || h.kind == node):
		at(&administratorRule, "%s holds all of a service", name)
	case name == "AmazonAPIGatewayPushToCloudWatchLogs" && h.given != nil && !h.trusts("apigateway"):
		at(&pushLogsRule, "%s on a role for %s", name, h.kind)
	}
}

// trusts says whether a role's trust policy names a service.
func (h *holder) trusts(service string) bool {
	if h.given == nil || h.given.Trust == nil {
		return false
	}
	services, _ := trusted(h.given.Trust)
	return slices.Contains(services, service)
}
