package iam

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	engine "github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/catalog"
)

var decisions = map[engine.Outcome]string{
	engine.Allowed: "allowed", engine.ExplicitlyDenied: "explicitDeny", engine.ImplicitlyDenied: "implicitDeny",
}

// action evaluates one action on all resources. uncertain: how AWS sums up several resources; here all must be allowed.
func (sim *simulation) action(action string, resources []string) evaluationResult {
	out := evaluationResult{EvalActionName: action, MatchedStatements: []matchedStatement{}, MissingContextValues: []string{}}
	worst, allowed := engine.Allowed, true
	for _, r := range resources {
		result, decision := sim.resource(action, r)
		if decision.Outcome != engine.Allowed && worst != engine.ExplicitlyDenied {
			worst = decision.Outcome
		}
		allowed = allowed && (sim.set.SCPs == nil || sim.without(func(s *engine.PolicySet) { s.SCPs = sim.set.SCPs }, action, r))
		out.ResourceSpecificResults = append(out.ResourceSpecificResults, result)
	}
	out.EvalDecision = decisions[worst]
	if sim.set.SCPs != nil {
		out.OrganizationsDecisionDetail = &organizationsDetail{allowed}
	}
	if len(resources) > 1 {
		out.EvalResourceName = templateOf(action, resources[0])
		out.EvalDecisionDetails = map[string]string{}
		return out
	}
	only := out.ResourceSpecificResults[0]
	out.EvalResourceName, out.MatchedStatements, out.MissingContextValues = only.EvalResourceName, only.MatchedStatements, only.MissingContextValues
	out.PermissionsBoundaryDecisionDetail, out.EvalDecisionDetails = only.PermissionsBoundaryDecisionDetail, only.EvalDecisionDetails
	if resources[0] == "*" {
		out.ResourceSpecificResults, out.EvalDecisionDetails = nil, nil
	}
	return out
}

var placeholder = regexp.MustCompile(`\\\$\\\{\w+\\\}`)

// templateOf is the ARN pattern that stands for several resources: that of the resource type which one of them is.
func templateOf(action, resource string) string {
	a, _ := catalog.Lookup(action)
	for _, of := range a.Resources {
		r, _ := catalog.ResourceType(a.Service, of.Type)
		for _, pattern := range r.ARNs {
			pattern = strings.Replace(pattern, "${Partition}", "aws", 1)
			if ok, err := regexp.MatchString("^"+placeholder.ReplaceAllString(regexp.QuoteMeta(pattern), ".*")+"$", resource); err == nil && ok {
				return pattern
			}
		}
	}
	return "*"
}

func (sim *simulation) request(action, resource string) *engine.Request {
	account := ""
	if parts := strings.SplitN(resource, ":", 6); len(parts) < 6 || parts[4] == "" {
		account = sim.owner
	}
	return &engine.Request{Principal: sim.caller, Action: action, Resource: resource, Account: account, Context: sim.context}
}

// without says whether the request would be allowed if the identity policies allowed everything and nothing limited them
// but what limit sets.
func (sim *simulation) without(limit func(*engine.PolicySet), action, resource string) bool {
	set := engine.PolicySet{Identity: []*engine.Policy{engine.AllowAll("everything")}}
	limit(&set)
	request := sim.request(action, resource)
	request.Account = sim.caller.Account // across accounts the resource's policy would be asked too
	return set.Allowed(request)
}

// resource evaluates one action on one resource.
func (sim *simulation) resource(action, resource string) (resourceResult, engine.Decision) {
	request := sim.request(action, resource)
	decision := sim.set.Evaluate(request)
	out := resourceResult{
		EvalResourceName: resource, EvalResourceDecision: decisions[decision.Outcome],
		MatchedStatements: sim.matched(decision), MissingContextValues: sim.missing(action, resource),
		EvalDecisionDetails: sim.details(request),
	}
	if sim.set.Boundary != nil {
		out.PermissionsBoundaryDecisionDetail = &boundaryDetail{sim.without(func(s *engine.PolicySet) { s.Boundary = sim.set.Boundary }, action, resource)}
	}
	return out, decision
}

// details says how each kind of policy judges across accounts; within one account AWS answers an empty map.
// uncertain: AWS's names of the kinds.
func (sim *simulation) details(request *engine.Request) map[string]string {
	account := request.Account
	if account == "" {
		account = strings.SplitN(request.Resource, ":", 6)[4]
	}
	if account == sim.caller.Account || sim.set.Resource == nil {
		return map[string]string{}
	}
	own, resources := sim.set, engine.PolicySet{Identity: []*engine.Policy{engine.AllowAll("everything")}, Resource: sim.set.Resource}
	own.Resource = nil
	alone := *request
	alone.Account = sim.caller.Account
	return map[string]string{
		"IAM Policy":      decisions[own.Evaluate(&alone).Outcome],
		"Resource Policy": decisions[resources.Evaluate(request).Outcome],
	}
}

// matched are the statements that decided, of the policies that the simulation was given: service control policies are
// not told.
func (sim *simulation) matched(d engine.Decision) []matchedStatement {
	out := []matchedStatement{}
	for _, ref := range d.Decisive {
		from, ok := sim.sources[ref.Policy]
		if !ok {
			continue
		}
		start, end := statementAt(from.text, ref.Index)
		out = append(out, matchedStatement{from.id, from.kind, start, end})
	}
	return out
}

// missing are the context keys of the statements about the action and the resource that the request did not give.
func (sim *simulation) missing(action, resource string) []string {
	missing := []string{}
	seen := map[string]bool{}
	for _, doc := range sim.documents {
		for i := range doc.Statements {
			st := &doc.Statements[i]
			if !sim.concerns(st, action, resource) {
				continue
			}
			for _, key := range statementKeys(st) {
				if folded := strings.ToLower(key); !seen[folded] && len(sim.context.Get(key)) == 0 {
					seen[folded] = true
					missing = append(missing, key)
				}
			}
		}
	}
	return missing
}

// concerns says whether a statement is about an action and a resource, whatever its conditions and principals say. A
// resource with a variable may be any.
func (sim *simulation) concerns(st *engine.Statement, action, resource string) bool {
	probe := engine.Statement{Effect: engine.Allow, Actions: st.Actions, NotActions: st.NotActions, Resources: st.Resources, NotResources: st.NotResources}
	if len(probe.Resources)+len(probe.NotResources) == 0 || hasVariable(st) {
		probe.Resources, probe.NotResources = []string{"*"}, nil
	}
	p, err := engine.Compile(&engine.Document{Version: engine.Version2012, Statements: []engine.Statement{probe}})
	if err != nil {
		return true
	}
	set := engine.PolicySet{Identity: []*engine.Policy{p}}
	return set.Allowed(&engine.Request{Principal: sim.caller, Action: action, Resource: resource, Account: sim.caller.Account})
}

func hasVariable(st *engine.Statement) bool {
	return slices.ContainsFunc(slices.Concat(st.Resources, st.NotResources), func(r string) bool { return len(variables(r)) > 0 })
}

// contextInput takes in the context entries, and what follows from the caller. uncertain: which keys AWS fills in by
// itself.
func (sim *simulation) contextInput(entries []contextEntry) error {
	if userPattern.MatchString(sim.caller.ARN) {
		sim.given["aws:username"] = []string{nameOf(sim.caller.ARN)}
		sim.given["aws:PrincipalType"] = []string{"User"}
	}
	if sim.caller.RoleARN != "" {
		sim.given["aws:PrincipalType"] = []string{"AssumedRole"}
		sim.given["aws:PrincipalArn"] = []string{sim.caller.RoleARN}
	} else {
		sim.given["aws:PrincipalArn"] = []string{sim.caller.ARN}
	}
	sim.given["aws:PrincipalAccount"] = []string{sim.caller.Account}
	for _, e := range entries {
		if err := e.check(); err != nil {
			return err
		}
		maps.DeleteFunc(sim.given, func(key string, _ []string) bool { return strings.EqualFold(key, e.ContextKeyName) })
		sim.given[e.ContextKeyName] = e.ContextKeyValues
	}
	sim.context = engine.NewContext(sim.given)
	return nil
}
