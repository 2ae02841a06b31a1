package policies

import (
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/roles"
)

// kind says what a role is for, which decides what is too much for it.
type kind string

// The kinds of roles. What a policy that stands alone is for is not known.
const (
	unknownKind kind = ""
	node        kind = "node"
	automation  kind = "automation"
	execution   kind = "CloudFormation execution"
	build       kind = "build"
	deploy      kind = "deploy"
	operator    kind = "operator"
	user        kind = "user"
	other       kind = "other"
)

// names of people who look after accounts, as roles of theirs have them.
var operatorName = regexp.MustCompile(`(?i)operat(or|ions)|admin|break-?glass`)

// kindOfRole tells what a role is for: by the kind that slipway gave it, by whom it trusts, and by its name where there is no
// trust policy.
func kindOfRole(r *roles.Role) kind {
	switch string(r.Kind) {
	case "Node":
		return node
	case "Automation":
		return automation
	case "Operator":
		return operator
	case "Deploy", "Trigger", "Verify", "Test":
		return deploy
	}
	name := string(textOf(r.Name))
	if r.Trust == nil {
		return kindOfName(name)
	}
	services, people := trusted(r.Trust)
	has := func(service string) bool { return slices.Contains(services, service) }
	switch {
	case has("cloudformation"):
		return execution
	case has("ec2"):
		return node
	case has("ssm"):
		return kindForSystemsManager(r)
	case has("codebuild"), has("codepipeline"):
		return build
	case people && operatorName.MatchString(name):
		return operator
	case people:
		return deploy
	}
	return other
}

func kindOfName(name string) kind {
	switch {
	case strings.HasSuffix(name, executionSuffix):
		return execution
	case strings.HasSuffix(name, deployerSuffix):
		return deploy
	case operatorName.MatchString(name):
		return operator
	}
	return unknownKind
}

// The names that D3's pipelines and slipway's give the two roles of a stack, after the application's.
const (
	deployerSuffix  = "-DeployerRole"
	executionSuffix = "-CloudFormationExecutionRole"
)

// kindForSystemsManager tells a runbook's role from that of machines outside of EC2, which ssm.amazonaws.com assumes as well:
// machines fetch messages.
func kindForSystemsManager(r *roles.Role) kind {
	for _, a := range r.Attached {
		if slices.Contains(nodePolicies, policyName(a.ARN)) {
			return node
		}
	}
	for _, p := range r.Policies {
		for i := range p.Document.Statements {
			if slices.ContainsFunc(p.Document.Statements[i].Actions, fetchesMessages) {
				return node
			}
		}
	}
	return automation
}

func fetchesMessages(action string) bool {
	action = strings.ToLower(action)
	return strings.HasPrefix(action, "ec2messages:") || strings.HasPrefix(action, "ssmmessages:") ||
		action == "ssm:updateinstanceinformation"
}

// trusted gives the services that a trust policy names, without .amazonaws.com, and whether it names somebody else.
func trusted(d *iam.Document) (services []string, people bool) {
	for i := range d.Statements {
		if d.Statements[i].Effect != iam.Allow {
			continue
		}
		for _, p := range d.Statements[i].Principals {
			if p.Kind != iam.KindService {
				people = true
				continue
			}
			for _, v := range p.Values {
				name, _, _ := strings.Cut(string(textOf(v)), ".")
				services = append(services, name)
			}
		}
	}
	return services, people
}
