package escalation

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/catalog"
)

// filler stands in names for what the caller chooses.
const filler = "outside"

// region stands for a region that the caller chooses.
const region = "us-east-1"

type chosenKey struct {
	person         int
	action, typeOf string
}

// choice is a call on a resource that the caller chooses.
type choice struct {
	call       Call
	conditions []string
	ok         bool
}

// choose asks whether there is a resource on which a person may make a call, and notes it in the edge.
func (f *finder) choose(e *Edge, p *person, action, typeOf string) (bool, error) {
	key := chosenKey{p.index, action, typeOf}
	c, ok := f.chosen[key]
	if !ok {
		for _, resource := range p.choices(action, typeOf) {
			call, conditions, ok, err := f.ask(p, &question{action: action, resource: resource.arn, tags: tagsUnknown})
			if err != nil {
				return false, err
			}
			call.Resource = resource.shown()
			if ok && (!c.ok || len(conditions) < len(c.conditions)) {
				c = choice{call, conditions, true}
			}
		}
		f.chosen[key] = c
	}
	if !c.ok {
		return false, nil
	}
	call := c.call
	if slices.ContainsFunc(e.Calls, func(other Call) bool { return other.Action == action && other.Resource == call.Resource }) {
		return true, nil
	}
	e.Calls = append(e.Calls, call)
	e.need(c.conditions...)
	return true, nil
}

// jointChoice is several calls on one resource that the caller chooses.
type jointChoice struct {
	calls      []Call
	conditions []string
}

// chooseJoint asks whether there is one resource on which a person may make all further calls of a technique, and
// notes them in the edge.
func (f *finder) chooseJoint(e *Edge, t *technique, p *person) (bool, error) {
	key := t.name + " " + p.ARN
	best, ok := f.joint[key]
	if !ok {
		for _, resource := range p.choices(t.then[0][0], t.thenType) {
			c, err := f.askJoint(t, p, resource)
			if err != nil {
				return false, err
			}
			if c.calls != nil && (best.calls == nil || len(c.conditions) < len(best.conditions)) {
				best = c
			}
		}
		f.joint[key] = best
	}
	e.Calls = append(e.Calls, best.calls...)
	e.need(best.conditions...)
	return best.calls != nil, nil
}

// askJoint asks about the first alternative of each further call; there are no calls if one of them is denied.
func (f *finder) askJoint(t *technique, p *person, resource example) (c jointChoice, err error) {
	var e Edge
	for _, alternatives := range t.then {
		ok, err := f.add(&e, p, &question{action: alternatives[0], resource: resource.arn, account: p.account, tags: tagsUnknown})
		if err != nil || !ok {
			return jointChoice{}, err
		}
		e.Calls[len(e.Calls)-1].Resource = resource.shown()
	}
	return jointChoice{e.Calls, e.If}, nil
}

// example is a resource that a pattern means.
type example struct {
	arn, pattern string
	// general says that it was not made from a policy's pattern; literal, that the pattern means nothing else.
	general, literal bool
}

// choices lists resources that might be chosen for an action: one of each of its types, and one for each pattern of
// the person's policies.
func (p *person) choices(action, typeOf string) []example {
	key := chosenKey{p.index, action, typeOf}
	if _, ok := p.made[key]; !ok {
		p.made[key] = slices.DeleteFunc(p.makeChoices(action, typeOf), func(x example) bool {
			return strings.HasPrefix(action, "ssm:Update") && slices.Contains(p.Documents, x.arn)
		})
	}
	return p.made[key]
}

func (p *person) makeChoices(action, typeOf string) []example {
	a, ok := catalog.Lookup(action)
	if !ok || len(a.Resources) == 0 {
		return []example{{arn: "*", pattern: "*", general: true}}
	}
	var list []example
	for _, r := range a.Resources {
		t, ok := catalog.ResourceType(a.Service, r.Type)
		if !ok || typeOf != "" && r.Type != typeOf {
			continue
		}
		for _, pattern := range t.ARNs {
			pattern = strings.NewReplacer("${Partition}", "aws", "${Region}", region, "${Account}", p.account).Replace(pattern)
			list = append(list, example{arn: replaceVariables(pattern, func(string) string { return filler }), pattern: pattern, general: true})
		}
	}
	for _, pattern := range p.patterns(action) {
		x := p.example(pattern)
		isType := func(general example) bool { return general.general && sameType(general.arn, x.arn) }
		known := func(other example) bool { return other.arn == x.arn }
		if slices.ContainsFunc(list, isType) && !slices.ContainsFunc(list, known) {
			list = append(list, x)
		}
	}
	return list
}

// sameType compares service and kind of two ARNs: what comes before the first slash or colon of the resource.
func sameType(a, b string) bool { return kindOf(a) == kindOf(b) }

func kindOf(arn string) string {
	fields := strings.SplitN(arn, ":", 6)
	if len(fields) < 6 {
		return arn
	}
	kind := fields[5]
	if i := strings.IndexAny(kind, "/:"); i >= 0 {
		kind = kind[:i+1]
	} else {
		kind = "" // S3's buckets and the like have no kind
	}
	return fields[2] + ":" + kind
}

// patterns lists the resource patterns of the Allow statements that may be about an action's service. Those of
// boundaries and guardrails count as well: they may be what narrows a lone star.
func (p *person) patterns(action string) (list []string) {
	service, _, _ := strings.Cut(action, ":")
	about := func(pattern string) bool {
		s, _, _ := strings.Cut(pattern, ":")
		return strings.EqualFold(s, service) || strings.ContainsAny(s, "*?")
	}
	for _, policy := range everyPolicy(p.Policies, nil) {
		for _, st := range policy.Document().Statements {
			if st.Effect != iam.Allow || len(st.NotActions) == 0 && !slices.ContainsFunc(st.Actions, about) {
				continue
			}
			for _, r := range st.Resources {
				if !slices.Contains(list, r) {
					list = append(list, r)
				}
			}
		}
	}
	return list
}

// example makes a resource that a pattern means.
func (p *person) example(pattern string) example {
	context := iam.NewContext(p.context)
	text := replaceVariables(pattern, func(key string) string {
		if values := context.Get(key); len(values) == 1 {
			return values[0]
		}
		return "*"
	})
	x := example{pattern: text, literal: !strings.ContainsAny(text, "*?")}
	fields := strings.SplitN(text, ":", 6)
	for i := range fields {
		if i < 5 && strings.ContainsAny(fields[i], "*?") {
			fields[i] = [...]string{"arn", "aws", "iam", region, p.account}[i]
		}
		fields[i] = strings.NewReplacer("*", filler, "?", "x").Replace(fields[i])
	}
	x.arn = strings.Join(fields, ":")
	return x
}
