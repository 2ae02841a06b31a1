package escalation

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// create finds the edges by a technique that makes its object.
func (f *finder) create(t *technique) error {
	for _, p := range f.people {
		for _, x := range f.created(t, p) {
			e := Edge{From: p.ARN, To: x.to[0], Kind: t.kind, Technique: t.name, Via: x.via, Source: t.source}
			var ok bool
			var err error
			if t.joins {
				ok, err = f.madeCalls(&e, t, p, &x)
			} else {
				ok, err = f.makes(&e, t, p, &x)
			}
			switch {
			case err != nil:
				return err
			case !ok:
				continue
			case !t.joins:
				f.edges = append(f.edges, e)
				continue
			}
			if err := f.join(&e, t, p, &x); err != nil {
				return err
			}
		}
	}
	return nil
}

// makes asks about all calls of a technique that makes its object: without a boundary, or else with one of those that
// the principal's policies name, which then limits the new one.
func (f *finder) makes(e *Edge, t *technique, p *person, x *thing) (bool, error) {
	limit, conditions, err := f.limits(p, t.gain, nil)
	if err != nil {
		return false, err
	}
	for _, boundary := range append([]string{""}, p.namedIn(keyBoundary)...) {
		one, y := *e, *x
		one.Limit, y.tags = limit, x.tags.with(keyBoundary)
		if boundary != "" {
			y.context = map[string][]string{keyBoundary: {strings.NewReplacer("*", filler, "?", "x").Replace(boundary)}}
			one.Limit = "what " + boundary + " allows"
		}
		if ok, err := f.madeCalls(&one, t, p, &y); err != nil || !ok {
			if err != nil {
				return false, err
			}
			continue
		}
		*e = one
		if e.Limit != "" {
			e.To, e.Outside = x.shown, true
		}
		e.need(conditions...)
		return true, nil
	}
	return false, nil
}

// madeCalls asks about the calls that make something, give it permissions and act as it.
func (f *finder) madeCalls(e *Edge, t *technique, p *person, x *thing) (ok bool, err error) {
	for _, alternatives := range slices.Concat([][]string{{t.action}}, t.then) {
		ok = false
		for _, action := range alternatives {
			if ok, err = f.madeCall(e, t, p, x, action); ok || err != nil {
				break
			}
		}
		if !ok || err != nil {
			return false, err
		}
	}
	for i := range e.Calls {
		if e.Calls[i].Resource == x.arn {
			e.Calls[i].Resource = x.shown
		}
	}
	return true, nil
}

func (f *finder) madeCall(e *Edge, t *technique, p *person, x *thing, action string) (ok bool, err error) {
	q := t.question(x)
	q.action = action
	switch action {
	case "sts:AssumeRole": // its trust policy is the caller's
		if q.trust, err = trusting(p.ARN); err != nil {
			return false, err
		}
	case "iam:AttachRolePolicy", "iam:AttachUserPolicy", "iam:AttachGroupPolicy":
		limit, ok, err := f.named(e, keyPolicyARN, p, q)
		if e.Limit == "" {
			e.Limit = limit
		}
		return ok, err
	}
	return f.add(e, p, q)
}

// created lists the roles or users that a principal could make itself: they have what it gives to them. The calls
// after the first are about the one that it made.
func (f *finder) created(t *technique, p *person) (list []thing) {
	for _, x := range p.choices(t.action, objectTypes[t.object]) {
		fields := strings.SplitN(x.arn, ":", 6)
		if len(fields) < 6 || fields[4] != p.account || f.lists(t, x.arn) {
			continue
		}
		list = append(list, thing{
			arn: x.arn, account: p.account, to: []string{rootOf(p.account)}, via: x.shown(), shown: x.shown(), tags: tagsUnknown, outside: true,
		})
	}
	return list
}

// providers lists the SAML providers that roles of the world trust, with these roles: whoever decides what a provider
// says signs in as any of them. What a condition asks of the assertion, the provider asserts.
func (f *finder) providers() (list []thing, err error) {
	for _, p := range f.people {
		if p.Trust == nil {
			continue
		}
		open, err := f.doubts.policy(p.Trust, knowledge{name: "nothing", known: func(string) bool { return false }}, true)
		if err != nil {
			return nil, err
		}
		for _, arn := range samlOf(p.Trust) {
			principal, err := iam.ParsePrincipal(arn)
			if err != nil {
				continue // a pattern, or not an ARN: no provider has that name
			}
			r := &iam.Request{Principal: principal, Action: "sts:AssumeRoleWithSAML", Resource: p.ARN, Account: p.account, Context: iam.NewContext(nil)}
			if (&iam.PolicySet{Trust: open}).Evaluate(r).Outcome != iam.Allowed {
				continue
			}
			i := slices.IndexFunc(list, func(x thing) bool { return x.arn == arn })
			if i < 0 {
				i = len(list)
				list = append(list, thing{arn: arn, via: arn, account: accountOf(arn), tags: tagsUnknown})
			}
			list[i].to = append(list[i].to, p.ARN)
		}
	}
	return list, nil
}

// samlOf lists the SAML providers that the statements of a trust policy name.
func samlOf(trust *iam.Policy) (arns []string) {
	for _, st := range trust.Document().Statements {
		for _, p := range st.Principals {
			for _, v := range p.Values {
				if p.Kind == iam.KindFederated && strings.Contains(v, ":saml-provider/") && !slices.Contains(arns, v) {
					arns = append(arns, v)
				}
			}
		}
	}
	return arns
}
