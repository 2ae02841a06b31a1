package proof

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/escalation"
	"github.com/slipway-cd/slipway/internal/plan"
)

const startRunbook = "ssm:StartAutomationExecution"

// handedTo are the roles that a role of the stage hands to its runbooks: who writes a runbook and starts it holds its role,
// as who sends a command holds the node's.
func handedTo(stage *plan.Stage, role *plan.Role) (arns []string) {
	for i := range stage.Calls {
		c := &stage.Calls[i]
		if c.Role != role.Kind || c.Action != "iam:PassRole" || c.PassedTo != plan.KindSSM.Service() {
			continue
		}
		for _, r := range c.Resources {
			arns = append(arns, r.ARN)
		}
	}
	return arns
}

// startsOwn says whether a path is no more than that its role starts a runbook of its own. Such a runbook can have no role but
// one that is handed over; one of somebody else may have any. It is said only where the given policies name what is started
// exactly as the plan does.
func startsOwn(stage *plan.Stage, role *plan.Role, s *subject, p *escalation.Path) bool {
	if len(p.Edges) != 1 || p.Edges[0].Technique != "use-"+startRunbook || s == nil {
		return false
	}
	var planned []string
	for _, c := range stage.Calls {
		if c.Role != role.Kind || c.Action != startRunbook {
			continue
		}
		for _, r := range c.Resources {
			planned = append(planned, r.ARN)
		}
	}
	return !slices.ContainsFunc(s.role.Policies, func(d *iam.Document) bool {
		return slices.ContainsFunc(d.Statements, func(st iam.Statement) bool { return startsMore(st, planned) })
	})
}

// startsMore says whether a statement may allow to start anything that is not planned.
func startsMore(st iam.Statement, planned []string) bool {
	if st.Effect != iam.Allow {
		return false
	}
	starts := len(st.NotActions) > 0
	for _, a := range st.Actions {
		service, _, _ := strings.Cut(strings.ToLower(a), ":")
		pattern := strings.ContainsAny(a, "*?") && (service == "ssm" || strings.ContainsAny(service, "*?"))
		starts = starts || pattern || strings.EqualFold(a, startRunbook)
	}
	return starts && (len(st.Resources) == 0 || slices.ContainsFunc(st.Resources, func(r string) bool { return !slices.Contains(planned, r) }))
}
