package iam

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	engine "github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// The wire structures of simulations.
type (
	contextEntry struct {
		ContextKeyName, ContextKeyType string
		ContextKeyValues               []string
	}
	simulateIn struct {
		PolicySourceArn                                     string `xml:",omitempty" json:",omitempty"`
		PolicyInputList, PermissionsBoundaryPolicyInputList []string
		ActionNames, ResourceArns                           []string
		ResourcePolicy, ResourceOwner, CallerArn            string
		ContextEntries                                      []contextEntry
		ResourceHandlingOption                              string
		paging
	}
	position         struct{ Line, Column int }
	matchedStatement struct {
		SourcePolicyId, SourcePolicyType string
		StartPosition, EndPosition       position
	}
	organizationsDetail struct{ AllowedByOrganizations bool }
	boundaryDetail      struct{ AllowedByPermissionsBoundary bool }
	resourceResult      struct {
		EvalResourceName, EvalResourceDecision string
		MatchedStatements                      []matchedStatement
		MissingContextValues                   []string
		EvalDecisionDetails                    map[string]string
		PermissionsBoundaryDecisionDetail      *boundaryDetail
	}
	evaluationResult struct {
		EvalActionName, EvalResourceName, EvalDecision string
		MatchedStatements                              []matchedStatement
		MissingContextValues                           []string
		OrganizationsDecisionDetail                    *organizationsDetail
		PermissionsBoundaryDecisionDetail              *boundaryDetail
		EvalDecisionDetails                            map[string]string
		ResourceSpecificResults                        []resourceResult
	}
	simulateOut struct {
		EvaluationResults []evaluationResult
		listed
	}
)

func (s *Service) simulateOperations() []gateway.Operation {
	const options = "ResourceHandlingOption is refused"
	return []gateway.Operation{
		gateway.Op("SimulateCustomPolicy", func(context.Context, *gateway.Call, *simulateIn) ([]gateway.Access, error) { return everything() }, s.simulateCustom).
			Except(options),
		gateway.Op("SimulatePrincipalPolicy", func(ctx context.Context, c *gateway.Call, in *simulateIn) ([]gateway.Access, error) {
			return s.onEntity(ctx, c, in.PolicySourceArn)
		}, s.simulatePrincipal).Except(options),
	}
}

// entityPattern is the ARN of a user, a group or a role.
var entityPattern = regexp.MustCompile(`^arn:aws:iam::(\d{12}):(user|group|role)/(?:[!-~]*/)?([\w+=,.@-]+)$`)

// onEntity demands the operation's own action on a user, a group or a role.
func (s *Service) onEntity(ctx context.Context, c *gateway.Call, arn string) ([]gateway.Access, error) {
	m := entityPattern.FindStringSubmatch(arn)
	if m == nil {
		return nil, invalidInput("Invalid Entity Arn: %s does not clearly define entity type and name.", arn)
	}
	if m[1] != c.Caller.Account { // another account's entities are checked as if they were there, and then not found
		return []gateway.Access{{Resource: arn}}, nil
	}
	find := map[string]func(context.Context, *gateway.Call, string) (gateway.Access, error){"user": s.userAccess, "group": s.groupAccess, "role": s.roleAccess}
	a, err := find[m[2]](ctx, c, m[3])
	return []gateway.Access{a}, err
}

// source is a policy that takes part in a simulation.
type source struct{ id, kind, text string }

const identitySource = "IAM Policy"

// simulation is everything that the cases of one request share.
type simulation struct {
	set       engine.PolicySet
	sources   map[string]source // by the names of the compiled policies
	documents []*engine.Document
	caller    engine.Principal
	owner     string // account of resources whose ARN names none
	given     map[string][]string
	// bounded means that the request brings a boundary, in place of the one that the entity has.
	bounded bool
	context engine.Context
}

func (s *Service) simulateCustom(_ context.Context, c *gateway.Call, in *simulateIn) (*simulateOut, error) {
	if len(in.PolicyInputList) == 0 {
		return nil, invalidInput("At least one policy must be given.")
	}
	sim := newSimulation(c.Caller.Account)
	if err := sim.inputs(in); err != nil {
		return nil, err
	}
	return sim.run(in)
}

// simulatePrincipal is the simulation with what an entity has: its policies, those of its groups, its boundary and the
// service control policies above its account.
func (s *Service) simulatePrincipal(ctx context.Context, c *gateway.Call, in *simulateIn) (*simulateOut, error) {
	m := entityPattern.FindStringSubmatch(in.PolicySourceArn)
	o := owner{m[1], m[2], m[3]}
	if o.account != c.Caller.Account {
		return nil, noSuchEntity("Entity not found for %s.", in.PolicySourceArn)
	}
	if err := o.must(ctx, s.db); err != nil {
		return nil, err
	}
	sim := newSimulation(o.account)
	sim.bounded = len(in.PermissionsBoundaryPolicyInputList) > 0
	if err := s.loadEntity(ctx, sim, o); err != nil {
		return nil, err
	}
	if o.kind != "group" {
		caller, err := engine.ParsePrincipal(in.PolicySourceArn)
		if err != nil {
			return nil, invalidInput("%v", err)
		}
		sim.caller = caller
	}
	sim.set.SCPs = s.servicePolicies(o.account)
	if err := sim.inputs(in); err != nil {
		return nil, err
	}
	return sim.run(in)
}

func newSimulation(account string) *simulation {
	return &simulation{
		sources: map[string]source{}, given: map[string][]string{}, owner: account,
		caller: engine.Principal{ARN: "arn:aws:iam::" + account + ":root", Account: account},
	}
}

// loadEntity adds the policies of an entity and, of a user, those of the groups.
func (s *Service) loadEntity(ctx context.Context, sim *simulation, o owner) error {
	owners := []owner{o}
	boundary := ""
	switch o.kind {
	case "user":
		u, err := mustUser(ctx, s.db, o.account, o.name)
		if err != nil {
			return err
		}
		groups, err := groupsOf(ctx, s.db, o.account, o.name)
		if err != nil {
			return err
		}
		for _, g := range groups {
			owners = append(owners, owner{o.account, "group", g.name})
		}
		boundary = u.boundary
	case "role":
		r, err := mustRole(ctx, s.db, o.account, o.name)
		if err != nil {
			return err
		}
		boundary = r.Boundary
	}
	for _, of := range owners {
		texts, err := s.policyTexts(ctx, of)
		if err != nil {
			return err
		}
		for _, t := range texts {
			if err := sim.identity(sourceID(of, t), t.text); err != nil {
				return err
			}
		}
	}
	if boundary == "" || sim.bounded {
		return nil
	}
	text, err := s.PolicyDocument(ctx, o.account, boundary)
	if err != nil {
		return err
	}
	return sim.bound(nameOf(boundary), text)
}

// sourceID names a policy as the simulator does: a managed one by its name, an inline one with its owner.
func sourceID(o owner, t policyText) string {
	if t.managed {
		return t.name
	}
	return o.kind + "_" + o.name + "_" + t.name
}

// add compiles a policy of the simulation.
func (sim *simulation) add(id, kind, text string, as engine.PolicyKind) (*engine.Policy, error) {
	name := fmt.Sprint(len(sim.documents)) // unique, whatever the policies are called
	doc, err := engine.Parse(name, []byte(text))
	if err != nil {
		return nil, invalidInput("Syntax error in policy %s. (%v)", id, err)
	}
	if errs := doc.Validate(as); len(errs) > 0 {
		return nil, invalidInput("Syntax error in policy %s. (%v)", id, errs[0])
	}
	p, err := engine.Compile(doc)
	if err != nil {
		return nil, invalidInput("Syntax error in policy %s. (%v)", id, err)
	}
	sim.sources[name] = source{id, kind, text}
	sim.documents = append(sim.documents, doc)
	return p, nil
}

func (sim *simulation) identity(id, text string) error {
	p, err := sim.add(id, identitySource, text, engine.IdentityPolicy)
	if err == nil {
		sim.set.Identity = append(sim.set.Identity, p)
	}
	return err
}

func (sim *simulation) bound(id, text string) (err error) {
	sim.set.Boundary, err = sim.add(id, identitySource, text, engine.IdentityPolicy)
	return err
}

// userPattern is what CallerArn may be: "You can specify only the ARN of an IAM user".
var userPattern = regexp.MustCompile(`^arn:aws:iam::\d{12}:user/`)

// inputs takes in what the request says beside actions and resources.
func (sim *simulation) inputs(in *simulateIn) error {
	if in.ResourceHandlingOption != "" {
		return invalidInput("ResourceHandlingOption is not supported by the local AWS.")
	}
	for i, text := range in.PolicyInputList {
		if err := sim.identity(fmt.Sprintf("PolicyInputList.%d", i+1), text); err != nil {
			return err
		}
	}
	if len(in.PermissionsBoundaryPolicyInputList) > 1 {
		return invalidInput("Only one permissions boundary can be simulated.")
	}
	for _, text := range in.PermissionsBoundaryPolicyInputList {
		if err := sim.bound("PermissionsBoundaryPolicyInputList.1", text); err != nil {
			return err
		}
	}
	if err := sim.callerInput(in); err != nil {
		return err
	}
	if in.ResourcePolicy != "" {
		p, err := sim.add("ResourcePolicy", "resource", in.ResourcePolicy, engine.ResourcePolicy)
		if err != nil {
			return err
		}
		sim.set.Resource = p
	}
	return sim.contextInput(in.ContextEntries)
}

// callerInput finds out who calls, and whose the resources are.
func (sim *simulation) callerInput(in *simulateIn) error {
	if in.CallerArn != "" {
		caller, err := engine.ParsePrincipal(in.CallerArn)
		if err != nil || !userPattern.MatchString(in.CallerArn) {
			return invalidInput("CallerArn %s is not the ARN of an IAM user.", in.CallerArn)
		}
		sim.caller = caller
	}
	if in.ResourcePolicy != "" && !userPattern.MatchString(sim.caller.ARN) {
		return invalidInput("CallerArn must be provided when a resource policy is provided.")
	}
	sim.owner = sim.caller.Account
	if in.ResourceOwner == "" {
		return nil
	}
	owner, err := engine.ParsePrincipal(in.ResourceOwner)
	if err != nil || owner.Account == "" {
		return invalidInput("ResourceOwner %s is not the ARN of an account.", in.ResourceOwner)
	}
	sim.owner = owner.Account
	return nil
}

// run evaluates every action on every resource.
func (sim *simulation) run(in *simulateIn) (*simulateOut, error) {
	if len(in.ActionNames) == 0 {
		return nil, invalidInput("At least one action must be given.")
	}
	for _, action := range in.ActionNames {
		service, name, ok := strings.Cut(action, ":")
		if !ok || service == "" || name == "" || strings.ContainsAny(action, "*?") || len(action) > 128 {
			return nil, invalidInput("Invalid Action: %s. It must be service:Operation, without wildcards.", action)
		}
	}
	resources := in.ResourceArns
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	for _, r := range resources {
		if r != "*" && !strings.HasPrefix(r, "arn:") || len(r) > 2048 {
			return nil, invalidInput("Invalid resource ARN: %s", r)
		}
	}
	places := make([]string, len(in.ActionNames))
	for i := range places {
		places[i] = placeKey(i)
	}
	part, rest, err := page(in.paging, places, strings.Clone)
	if err != nil {
		return nil, err
	}
	out := &simulateOut{EvaluationResults: []evaluationResult{}, listed: rest}
	for _, place := range part {
		out.EvaluationResults = append(out.EvaluationResults, sim.action(in.ActionNames[placeOf(place)], resources))
	}
	return out, nil
}
