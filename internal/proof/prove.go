package proof

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
)

// Prove evaluates every call of a plan against the given roles, and on buckets of other accounts against the given
// policies of those. A planned role that is not given is refuted as missing. The error is about what is given: a policy
// that does not compile, a role or a bucket given twice.
func Prove(p *plan.Plan, given []Role, buckets ...Bucket) (*Result, error) {
	subjects, err := compileRoles(given)
	if err != nil {
		return nil, err
	}
	policies, err := compileBuckets(buckets)
	if err != nil {
		return nil, err
	}
	result := &Result{Verdict: Proved, Unseen: unseen(given), statements: map[string]string{}}
	for i := range p.Stages {
		prover := stageProver{stage: &p.Stages[i], subjects: subjects, buckets: policies, result: result}
		if err := prover.prove(); err != nil {
			return nil, fmt.Errorf("stage %s: %w", p.Stages[i].Name, err)
		}
		for j := range p.Stages[i].Steps {
			step := &p.Stages[i].Steps[j]
			if text := step.RolloutText(); text != "" {
				result.Rollouts = append(result.Rollouts, fmt.Sprintf("stage %s, step %s: %s", p.Stages[i].Name, step.Name, text))
			}
		}
	}
	return result, nil
}

// stageProver proves the calls of one stage.
type stageProver struct {
	stage    *plan.Stage
	subjects map[roleKey]*subject
	buckets  *buckets
	result   *Result
	lacks    map[string]*lack // by the name of the role
}

func (p *stageProver) prove() error {
	p.lacks = map[string]*lack{}
	for i := range p.stage.Calls {
		c := &p.stage.Calls[i]
		role := p.roleOf(c)
		if role == nil {
			return fmt.Errorf("call %s: the plan has no role for it", c.ID)
		}
		if err := p.call(c, role, p.subjects[keyOf(role)], p.lackOf(role)); err != nil {
			return fmt.Errorf("call %s: %w", c.ID, err)
		}
	}
	for i := range p.stage.Roles {
		if l := p.lacks[p.stage.Roles[i].Name]; l != nil && l.any() {
			p.result.Roles = append(p.result.Roles, l.summary(p.needed(&p.stage.Roles[i])))
		}
	}
	p.remember()
	return nil
}

// lackOf gathers what a role lacks for the stage.
func (p *stageProver) lackOf(role *plan.Role) *lack {
	if p.lacks[role.Name] == nil {
		p.lacks[role.Name] = newLack(role, p.subjects[keyOf(role)])
	}
	return p.lacks[role.Name]
}

// remember keeps the statements for everything that the stage's roles need.
func (p *stageProver) remember() {
	for i := range p.stage.Roles {
		role := &p.stage.Roles[i]
		lack := newLack(role, p.subjects[keyOf(role)])
		for j := range p.stage.Calls {
			if c := &p.stage.Calls[j]; concerns(c, role) || into(c, role) {
				lack.need(c)
			}
		}
		p.result.remember(lack)
	}
}

// roleOf is the role whose policies decide about a call: the caller's own, or the one that is assumed.
func (p *stageProver) roleOf(c *plan.Call) *plan.Role {
	for i := range p.stage.Roles {
		if concerns(c, &p.stage.Roles[i]) {
			return &p.stage.Roles[i]
		}
	}
	return nil
}

func concerns(c *plan.Call, role *plan.Role) bool {
	if c.Role.Enters() {
		return into(c, role)
	}
	return c.Role == role.Kind
}

// into says whether a call assumes a role, or tags the session of one.
func into(c *plan.Call, role *plan.Role) bool {
	return (c.Role.Enters() || c.Role.Shared()) &&
		slices.ContainsFunc(c.Resources, func(r plan.Resource) bool { return r.ARN == role.ARN() })
}

// needed lists the calls that a role's own policies must allow.
func (p *stageProver) needed(role *plan.Role) []string {
	var actions []string
	for _, c := range p.stage.Calls {
		if c.Role == role.Kind && !c.NoPermission && !slices.Contains(actions, c.Action) {
			actions = append(actions, c.Action)
		}
	}
	return actions
}

// call proves one call, and notes in missing what the role lacks for it.
func (p *stageProver) call(c *plan.Call, role *plan.Role, s *subject, missing *lack) error {
	out := CallResult{
		ID: c.ID, Stage: p.stage.Name, Step: c.Step, Principal: p.principalName(c, role), Role: role.ARN(),
		Action: c.Action, Verdict: Proved, When: c.When, Reason: c.Reason,
	}
	for _, r := range c.Resources {
		out.Resources = append(out.Resources, r.ARN)
	}
	switch {
	case s == nil:
		out.Verdict, out.Why = Refuted, "role "+role.Name+" is missing in account "+role.Account
	case s.elsewhere(role) != "":
		out.Verdict, out.Why, out.Blocked = Refuted, s.elsewhere(role), true
	case c.NoPermission:
	case c.Role.Enters():
		if err := p.entry(c, role, s, &out, missing); err != nil {
			return err
		}
	case c.Assumes():
		if err := p.assumption(c, role, s, &out); err != nil {
			return err
		}
	default:
		if err := p.own(c, role, s, &out, missing); err != nil {
			return err
		}
	}
	if out.Verdict == Refuted && out.Role == role.ARN() {
		missing.lacking(c)
	}
	p.result.Calls = append(p.result.Calls, out)
	p.result.Verdict = p.result.Verdict.worse(out.Verdict)
	return nil
}

// principalName is who makes a call, for people.
func (p *stageProver) principalName(c *plan.Call, role *plan.Role) string {
	switch c.Role {
	case plan.KindGitHub, plan.KindGitLab:
		return role.Provider()
	case plan.KindPeople:
		return "operators"
	case plan.KindEC2, plan.KindSSM, plan.KindBuilds:
		return c.Role.Service()
	}
	return role.ARN()
}

// entry proves that a web identity or a service may assume a role.
func (p *stageProver) entry(c *plan.Call, role *plan.Role, s *subject, out *CallResult, missing *lack) error {
	if s.trust == nil && len(s.unknownOf(true)) == 0 {
		out.Verdict, out.Why = Refuted, "role "+role.Name+" has no trust policy: nobody can assume it"
		missing.missing(c, c.Resources[0])
		return nil
	}
	questions := p.entryQuestions(c, role, s)
	if len(questions) == 0 {
		out.Verdict, out.Why = Refuted, "the plan names no token subject that may assume the role"
		return nil
	}
	for _, q := range questions {
		a, err := q.answer()
		if err != nil {
			return err
		}
		out.add(a)
		if a.verdict == Refuted && a.addable {
			missing.missing(c, c.Resources[0])
		}
	}
	return nil
}

func (p *stageProver) entryQuestions(c *plan.Call, role *plan.Role, s *subject) []question {
	ask := func(principal iam.Principal, context map[string][]string, known knowledge) question {
		return question{
			set: s.entry(), doubt: doubt{known: known, action: c.Action}, unknown: s.unknownOf(true), openings: s.openings, display: role.ARN(),
			request: iam.Request{
				Principal: principal, Action: c.Action, Resource: role.ARN(), Account: role.Account,
				Context: iam.NewContext(context),
			},
		}
	}
	if c.Role == plan.KindGitHub || c.Role == plan.KindGitLab {
		var questions []question
		for _, subject := range role.Subjects {
			context := tokenContext(p.stage, role, subject)
			federated := iam.Principal{Kind: iam.PrincipalFederated, ARN: role.Provider()}
			questions = append(questions, ask(federated, context, knowing(c.Action, context, true)))
		}
		return questions
	}
	if c.Role == plan.KindPeople {
		return p.peopleQuestions(role, ask)
	}
	context := callContext(p.stage)
	context["aws:PrincipalIsAWSService"], context["aws:ResourceAccount"] = []string{"true"}, []string{role.Account}
	sourced := role.Source != "" && c.Role != plan.KindEC2
	if sourced {
		context["aws:SourceAccount"] = []string{role.Account}
		context["aws:SourceArn"] = []string{strings.ReplaceAll(role.Source, "*", string(anyText))}
	}
	known := knowing(c.Action, context, true)
	return []question{ask(iam.Principal{Kind: iam.PrincipalService, ARN: c.Role.Service()}, context, func(key string) bool {
		// uncertain: which source keys EC2 sends when it hands out a role for an instance.
		return known(key) && (sourced || !sourceKey(key))
	})}
}

// own proves that a role's policies allow a call of its own.
func (p *stageProver) own(c *plan.Call, role *plan.Role, s *subject, out *CallResult, missing *lack) error {
	var standing []string
	for _, r := range c.Resources {
		a, err := p.resource(c, role, s, r)
		if err != nil {
			return err
		}
		if a.verdict == Proved && c.Action == "ssm:SendCommand" {
			a.warnings = append(a.warnings, p.onBehalf(role, s, c, r)...)
		}
		out.add(a)
		if a.verdict != Proved {
			standing = append(standing, r.ARN)
		}
		if a.verdict == Refuted && a.addable {
			missing.missing(c, r)
		}
	}
	if len(standing) > 0 {
		out.Resources = standing
	}
	return nil
}

// add takes an answer about one of a call's resources.
func (out *CallResult) add(a answer) {
	if a.verdict.worse(out.Verdict) == a.verdict && a.verdict != out.Verdict {
		// The worst answer is told; the others are consequences or less.
		out.Why, out.Nearest, out.Blocked = a.why, a.nearest, a.blocked
	}
	out.Verdict = out.Verdict.worse(a.verdict)
	for _, w := range a.warnings {
		if !slices.Contains(out.Warnings, w) {
			out.Warnings = append(out.Warnings, w)
		}
	}
}
