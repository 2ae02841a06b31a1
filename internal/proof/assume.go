package proof

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
)

// assumption proves that the pipeline's own principal may assume a role of another account. Both halves must allow it: the
// principal's own policies, and the role's trust policy. Each is asked with the other as if it allowed everything, so that
// the answer says which half is missing (R84).
func (p *stageProver) assumption(c *plan.Call, caller *plan.Role, s *subject, out *CallResult) error {
	for _, r := range c.Resources {
		target := p.roleByARN(r.ARN)
		if target == nil {
			out.Verdict, out.Why = Refuted, "the plan has no role "+r.ARN
			return nil
		}
		other := p.subjects[keyOf(target)]
		q := p.ask(c, caller, s, r.ARN, nil, true)
		q.set.Trust = iam.AllowEveryone("trust policy")
		if err := p.half(c, caller, q, r, out); err != nil {
			return err
		}
		if other == nil {
			p.otherHalf(target, c, out, answer{verdict: Refuted, why: "role " + target.Name + " is missing in account " + target.Account})
			continue
		}
		if why := other.elsewhere(target); why != "" {
			p.otherHalf(target, c, out, answer{verdict: Refuted, why: why, blocked: true})
			continue
		}
		q = p.ask(c, caller, s, r.ARN, nil, true)
		q.set = &iam.PolicySet{Identity: []*iam.Policy{iam.AllowAll("identity")}, Trust: other.trust}
		q.unknown, q.openings = other.unknownOf(true), other.openings
		if other.trust == nil && len(q.unknown) == 0 {
			p.lackOf(target).missing(c, r)
			p.otherHalf(target, c, out, answer{verdict: Refuted, why: "role " + target.Name + " has no trust policy: nobody can assume it"})
			continue
		}
		a, err := q.answer()
		if err != nil {
			return err
		}
		if a.verdict == Refuted && a.addable {
			p.lackOf(target).missing(c, r)
		}
		a.why = strings.Replace(a.why, "the role's trust policy", "the trust policy of "+target.Name, 1)
		p.otherHalf(target, c, out, a)
	}
	return nil
}

// half takes the answer about the caller's own policies.
func (p *stageProver) half(c *plan.Call, caller *plan.Role, q question, r plan.Resource, out *CallResult) error {
	a, err := q.answer()
	if err != nil {
		return err
	}
	if a.verdict == Refuted && a.addable {
		p.lackOf(caller).missing(c, r)
	}
	a.why = strings.Replace(a.why, "no policy of the role", "no policy of "+caller.Name, 1)
	out.add(a)
	return nil
}

// otherHalf takes the answer about the role that is assumed. Where only that half is missing, that role is what lacks.
func (p *stageProver) otherHalf(target *plan.Role, c *plan.Call, out *CallResult, a answer) {
	if a.verdict == Refuted {
		p.lackOf(target).lacking(c)
	}
	if a.verdict == Refuted && out.Verdict == Refuted {
		out.Why += "; and " + a.why
		return
	}
	if a.verdict != Proved && out.Verdict == Proved {
		out.Role = target.ARN()
	}
	out.add(a)
}

// roleByARN is a role of the stage; nil where it has none of the ARN.
func (p *stageProver) roleByARN(arn string) *plan.Role {
	i := slices.IndexFunc(p.stage.Roles, func(r plan.Role) bool { return r.ARN() == arn })
	if i < 0 {
		return nil
	}
	return &p.stage.Roles[i]
}

// peopleQuestions ask for each of those who may assume a role by themselves. Their own policies must allow it too; they are
// not among what is given, and taken to.
func (p *stageProver) peopleQuestions(role *plan.Role, ask func(iam.Principal, map[string][]string, knowledge) question) (questions []question) {
	for _, arn := range role.People {
		arn = strings.ReplaceAll(arn, "*", string(anyText))
		context := callContext(p.stage)
		context["aws:PrincipalArn"], context["aws:PrincipalAccount"] = []string{arn}, []string{role.Account}
		caller := iam.Principal{Kind: iam.PrincipalAWS, Account: role.Account, ARN: arn}
		if strings.Contains(arn, ":role/") {
			caller.RoleARN = arn
			caller.ARN = "arn:aws:sts::" + role.Account + ":assumed-role/" + arn[strings.LastIndexByte(arn, '/')+1:] + "/operator"
		}
		q := ask(caller, context, knowing("sts:AssumeRole", context, true))
		set := *q.set
		set.Identity = []*iam.Policy{iam.AllowAll("the policies of the person")}
		q.set = &set
		questions = append(questions, q)
	}
	return questions
}
