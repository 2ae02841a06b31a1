package escalation

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// technique finds the edges by one technique between those who are in the world.
func (f *finder) technique(t *technique) error {
	if t.made {
		return f.create(t)
	}
	groups := map[string][]thing{}
	var order []string
	for _, x := range f.things(t) {
		if t.service != "" {
			// Most roles are for no service, or for another one.
			answer, err := f.service(t.service, &x)
			if err != nil {
				return err
			}
			if !answer.ok {
				continue
			}
		}
		if groups[x.tags.name] == nil {
			order = append(order, x.tags.name)
		}
		groups[x.tags.name] = append(groups[x.tags.name], x)
	}
	for _, name := range order {
		if err := f.group(t, groups[name]); err != nil {
			return err
		}
	}
	return nil
}

// group asks who can make the technique's call on things of whose tags equally much is known, and looks closer at those
// who can.
func (f *finder) group(t *technique, things []thing) error {
	subjects := make([]iam.Subject, len(f.people))
	for i, p := range f.people {
		v, err := f.view(p, things[0].tags)
		if err != nil {
			return err
		}
		subjects[i] = iam.Subject{Principal: p.session, Policies: v.best, Context: p.context}
	}
	if t.action == "" {
		return f.each(t, things, func(int, int) bool { return true })
	}
	calls := make([]iam.Call, len(things))
	for i := range things {
		q := t.question(&things[i])
		q.context["aws:ResourceAccount"] = []string{q.account}
		// Callers know different keys: here all of a trust policy's are taken to be unknown, and edge looks again.
		trust, err := f.doubts.policy(q.trust, knowledge{name: "nothing", known: func(string) bool { return false }}, true)
		if err != nil {
			return err
		}
		calls[i] = iam.Call{Action: q.action, Resource: q.resource, Account: q.account, Context: q.context, Trust: trust}
	}
	return f.each(t, things, iam.WhoCan(subjects, calls).Allowed)
}

func (f *finder) each(t *technique, things []thing, may func(person, thing int) bool) error {
	for i, p := range f.people {
		for j := range things {
			if !may(i, j) {
				continue
			}
			if err := f.edge(t, p, &things[j]); err != nil {
				return err
			}
		}
	}
	return nil
}

// question is the technique's own call on a thing.
func (t *technique) question(x *thing) *question {
	q := &question{action: t.action, resource: x.arn, account: x.account, tags: x.tags, context: map[string][]string{}}
	for key, values := range x.context {
		q.context[key] = values
	}
	if t.action == passRole {
		q.context["iam:PassedToService"] = []string{t.service}
	}
	if t.assumes {
		q.trust = x.trust
	}
	return q
}

// edge adds the edges by a technique from a person to whomever a thing leads, if every call that it needs is allowed.
func (f *finder) edge(t *technique, p *person, x *thing) error {
	// But for sts:AssumeRole, everything here acts on the caller's own account.
	if p.account != x.account && !t.assumes {
		return nil
	}
	e := Edge{From: p.ARN, Kind: t.kind, Technique: t.name, Via: x.via, Source: t.source, Outside: x.outside}
	steps := []func(*Edge, *technique, *person, *thing) (bool, error){f.trustedStep, f.serviceStep, f.ownStep, f.furtherSteps}
	for _, step := range steps {
		if ok, err := step(&e, t, p, x); !ok || err != nil {
			return err
		}
	}
	for _, unless := range []string{t.unless, x.unless} {
		if unless != "" {
			e.need(unless)
		}
	}
	return f.reach(&e, t, p, x)
}

// reach adds an edge for each whom a thing leads to.
func (f *finder) reach(e *Edge, t *technique, p *person, x *thing) error {
	if t.joins {
		return f.join(e, t, p, x)
	}
	for _, to := range x.to {
		if to == p.ARN && t.kind != Change || t.object == onBoundary && !f.exceeds(f.byARN[to]) {
			continue
		}
		one := *e
		one.To, one.If = to, slices.Clone(e.If)
		one.Outside = f.byARN[to] == nil && (x.outside || strings.HasSuffix(to, "*"))
		if to == p.ARN && e.Limit == "" {
			if err := f.itself(&one, t, p); err != nil {
				return err
			}
		}
		f.edges = append(f.edges, one)
	}
	return nil
}

// itself says what a principal can give itself: everything in the account, or what something limits.
func (f *finder) itself(e *Edge, t *technique, p *person) error {
	limit, conditions, err := f.limits(p, t.gain, nil)
	if err != nil {
		return err
	}
	if e.Limit = limit; limit == "" {
		e.To = rootOf(p.account)
		e.need(conditions...)
	}
	return nil
}

func (e *Edge) need(conditions ...string) {
	for _, c := range conditions {
		if !slices.Contains(e.If, c) {
			e.If = append(e.If, c)
		}
	}
}

// add asks whether a person may make a call, and notes it in the edge.
func (f *finder) add(e *Edge, p *person, q *question) (bool, error) {
	call, conditions, ok, err := f.ask(p, q)
	if !ok || err != nil {
		return false, err
	}
	e.Calls = append(e.Calls, call)
	e.need(conditions...)
	return true, nil
}

// ownStep is the technique's own call.
func (f *finder) ownStep(e *Edge, t *technique, p *person, x *thing) (bool, error) {
	if t.action == "" {
		return true, nil
	}
	if t.assumes && x.trust == nil {
		return false, nil // nobody can assume it
	}
	if t.assumes && x.outside {
		e.need("its trust policy allows it")
	}
	var ok bool
	var err error
	if t.names == "" {
		ok, err = f.add(e, p, t.question(x))
	} else {
		e.Limit, ok, err = f.named(e, t.names, p, t.question(x))
	}
	if ok && x.outside {
		e.Calls[0].Resource = x.shown
	}
	return ok, err
}

// trustedStep says whether a person could assume a role whose trust policy it writes itself.
func (f *finder) trustedStep(_ *Edge, t *technique, p *person, x *thing) (bool, error) {
	if !t.trusted {
		return true, nil
	}
	trust, err := trusting(p.ARN)
	if err != nil {
		return false, err
	}
	_, _, ok, err := f.ask(p, &question{action: "sts:AssumeRole", resource: x.arn, account: x.account, trust: trust, tags: x.tags})
	return ok, err
}

// serviceStep says whether the technique's service may have the role.
func (f *finder) serviceStep(e *Edge, t *technique, _ *person, x *thing) (bool, error) {
	if t.service == "" {
		return true, nil
	}
	if x.outside {
		e.need(t.service + " may assume it")
		return true, nil
	}
	answer, err := f.service(t.service, x)
	e.need(answer.conditions...)
	return answer.ok, err
}

// service asks whether a service may assume a role of the world.
func (f *finder) service(name string, x *thing) (choice, error) {
	key := serviceKey{name, x.arn}
	if answer, ok := f.services[key]; ok {
		return answer, nil
	}
	v := view{knowledge: knowledge{name: "service", known: func(key string) bool {
		return key == "aws:principalisawsservice" || key == "aws:sourceaccount"
	}}}
	best, err := f.doubts.policy(x.trust, v.knowledge, true)
	if err != nil {
		return choice{}, err
	}
	worst, err := f.doubts.policy(x.trust, v.knowledge, false)
	if err != nil {
		return choice{}, err
	}
	r := &iam.Request{
		Principal: iam.Principal{Kind: iam.PrincipalService, ARN: name}, Action: "sts:AssumeRole", Resource: x.arn, Account: x.account,
		Context: iam.NewContext(map[string][]string{"aws:PrincipalIsAWSService": {"true"}, "aws:SourceAccount": {x.account}}),
	}
	decision, against := (&iam.PolicySet{Trust: best}).Evaluate(r), (&iam.PolicySet{Trust: worst}).Evaluate(r)
	answer := choice{ok: decision.Outcome == iam.Allowed}
	if answer.ok && against.Outcome != iam.Allowed {
		answer.conditions = v.reasons(nil, x.trust, slices.Concat(decision.Decisive, against.Decisive))
	}
	f.services[key] = answer
	return answer, nil
}

// furtherSteps are the calls that come after the technique's own.
func (f *finder) furtherSteps(e *Edge, t *technique, p *person, x *thing) (bool, error) {
	if t.joint {
		return f.chooseJoint(e, t, p)
	}
	for _, alternatives := range t.then {
		found := false
		for _, action := range alternatives {
			var err error
			if t.same {
				q := t.question(x)
				q.action = action
				found, err = f.add(e, p, q)
			} else {
				found, err = f.choose(e, p, action, t.thenType)
			}
			if err != nil {
				return false, err
			}
			if found {
				break
			}
		}
		if !found {
			return false, nil
		}
	}
	return true, nil
}
