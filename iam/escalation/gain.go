package escalation

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// gain is what a change of a principal's policies can give it at most.
type gain uint8

const (
	gainAny       gain = iota // a policy that allows everything, beside its own
	gainReplace               // the same, perhaps in place of its own
	gainRewritten             // the same, and nothing that its own deny
	gainOwn                   // its own policies, without the boundary
	gainUndenied              // its own policies, without what they deny
	gainGroup                 // the policies of a group
	gainNew                   // it is new: a policy that allows everything, and no boundary
)

// The keys of conditions that name a managed policy which a call is about.
const (
	keyPolicyARN = "iam:PolicyARN"
	keyBoundary  = "iam:PermissionsBoundary"
)

// administrator is AWS's managed policy that allows everything.
const administrator = "arn:aws:iam::aws:policy/AdministratorAccess"

// probe is a call that only somebody who can have everything in an account may make.
type probe struct{ action, resource string }

// probes are what it takes to become every role of the account.
func (p *person) probes() []probe {
	arn := "arn:aws:iam::" + p.account + ":role/" + filler
	return []probe{{"iam:CreateRole", arn}, {"iam:PutRolePolicy", arn}, {"iam:UpdateAssumeRolePolicy", arn}}
}

// limits says what a change can give a principal: nothing limits it when limit is empty; otherwise limit names what
// does. Conditions are what this depends on.
// The group is the one that [gainGroup] is about.
func (f *finder) limits(p *person, g gain, group *Group) (limit string, conditions []string, err error) {
	if g != gainReplace {
		return f.probed(p, g, group)
	}
	limit, conditions, err = f.probed(p, gainAny, nil)
	if limit == "" || err != nil {
		return limit, conditions, err
	}
	// A Deny is no limit for whoever can write another policy in its place. Which policies are inline, and can be
	// overwritten, the world does not say.
	still, conditions, err := f.probed(p, gainRewritten, nil)
	if still != "" || err != nil {
		return limit, nil, err
	}
	return "", append(conditions, "the policy that denies the rest can be replaced"), nil
}

// probed is limits for one state of the principal's policies.
func (f *finder) probed(p *person, g gain, group *Group) (limit string, conditions []string, err error) {
	v, err := f.view(p, tagsUnknown.with(keyPolicyARN, keyBoundary))
	if err != nil {
		return "", nil, err
	}
	before, best, worst := p.Policies, v.best, v.worst
	if g == gainGroup {
		if before, best, worst, err = f.joining(v, before, group); err != nil {
			return "", nil, err
		}
	}
	if best, err = changed(best, g); err != nil {
		return "", nil, err
	}
	if worst, err = changed(worst, g); err != nil {
		return "", nil, err
	}
	for _, x := range p.probes() {
		r := &iam.Request{
			Principal: p.session, Action: x.action, Resource: x.resource, Account: p.account, Context: iam.NewContext(p.context),
		}
		decision := best.Evaluate(r)
		if decision.Outcome != iam.Allowed {
			return limitText(best, g, r), nil, nil
		}
		if against := worst.Evaluate(r); against.Outcome != iam.Allowed {
			for _, c := range v.reasons(before, nil, slices.Concat(decision.Decisive, against.Decisive)) {
				if !slices.Contains(conditions, c) {
					conditions = append(conditions, c)
				}
			}
		}
	}
	return "", conditions, nil
}

// changed gives the policies of a principal after a change.
func changed(s *iam.PolicySet, g gain) (*iam.PolicySet, error) {
	out := *s
	out.Identity = slices.Clone(s.Identity)
	switch g {
	case gainNew:
		out.Identity, out.Boundary, out.Session, out.Endpoint = []*iam.Policy{iam.AllowAll(assumed)}, nil, nil, nil
	case gainAny:
		out.Identity = append(out.Identity, iam.AllowAll(assumed))
	case gainOwn:
		out.Boundary = nil
	case gainUndenied, gainRewritten:
		for i, p := range out.Identity {
			allowing, err := undenied(p)
			if err != nil {
				return nil, err
			}
			out.Identity[i] = allowing
		}
		if g == gainRewritten {
			out.Identity = append(out.Identity, iam.AllowAll(assumed))
		}
	}
	return &out, nil
}

// undenied gives a policy without its Deny statements.
func undenied(p *iam.Policy) (*iam.Policy, error) {
	document := *p.Document()
	if !slices.ContainsFunc(document.Statements, func(st iam.Statement) bool { return st.Effect == iam.Deny }) {
		return p, nil
	}
	document.Statements = slices.Clone(document.Statements)
	for i := range document.Statements {
		if st := &document.Statements[i]; st.Effect == iam.Deny {
			st.Actions, st.NotActions = []string{never}, nil
		}
	}
	out, err := iam.Compile(&document)
	if err != nil {
		return nil, fmt.Errorf("%s: without what it denies: %w", p.Name, err)
	}
	return out, nil
}

// exceeds says whether a principal's policies may allow more than its boundary lets through.
func (f *finder) exceeds(p *person) bool {
	if known, ok := f.exceeding[p]; ok {
		return known
	}
	more := false
	if s := p.Policies; s != nil && s.Boundary != nil && len(s.Identity) > 0 {
		more = iam.Compare([]*iam.Policy{s.Boundary}, s.Identity, iam.CompareOptions{Steps: compareSteps}).Verdict != iam.NoMorePermissive
	}
	f.exceeding[p] = more
	return more
}

// limitText names each layer that alone would deny a request. There is one, for the request is denied.
func limitText(s *iam.PolicySet, g gain, r *iam.Request) string {
	if g == gainGroup {
		return groupLimit
	}
	own := "what its policies do not deny"
	if g == gainOwn || g == gainUndenied {
		own = "what its own policies allow"
	}
	all := []*iam.Policy{iam.AllowAll(assumed)}
	layers := []struct {
		name string
		set  iam.PolicySet
	}{
		{own, iam.PolicySet{Identity: s.Identity}},
		{"what its boundary allows", iam.PolicySet{Identity: all, Boundary: s.Boundary}},
		{"what its session policies allow", iam.PolicySet{Identity: all, Session: s.Session}},
		{"what service control policies allow", iam.PolicySet{Identity: all, SCPs: s.SCPs}},
		{"what the endpoint's policy allows", iam.PolicySet{Identity: all, Endpoint: s.Endpoint}},
	}
	var names []string
	for i := range layers {
		if layers[i].set.Evaluate(r).Outcome != iam.Allowed {
			names = append(names, layers[i].name)
		}
	}
	return strings.Join(names, " and ")
}

// with gives knowledge of the same tags, and of further condition keys.
func (t tagged) with(keys ...string) tagged {
	t.also = slices.Clone(t.also)
	for _, key := range keys {
		key = strings.ToLower(key)
		t.also = append(t.also, key)
		t.name += " +" + key
	}
	return t
}

// named asks a call about the policies that the caller could name in it: one that allows everything
// first, then any other, then those that the caller's policies name. limit lists them when the first is not allowed.
func (f *finder) named(e *Edge, key string, p *person, q *question) (limit string, ok bool, err error) {
	general := []string{"arn:aws:iam::" + p.account + ":policy/*", "arn:aws:iam::aws:policy/*"}
	var limits []string
	for _, candidates := range [][]string{{administrator}, general, p.namedIn(key)} {
		for _, pattern := range candidates {
			one := *q
			one.tags = q.tags.with(key)
			one.context = map[string][]string{}
			for name, values := range q.context {
				one.context[name] = values
			}
			arn := strings.NewReplacer("*", filler, "?", "x").Replace(pattern)
			one.context[key] = []string{arn}
			call, conditions, may, err := f.ask(p, &one)
			if err != nil {
				return "", false, err
			}
			if !may {
				continue
			}
			if len(limits) == 0 {
				e.Calls = append(e.Calls, call)
				e.need(conditions...)
			}
			limits = append(limits, pattern)
			written, err := f.writes(e, p, arn)
			if err != nil || pattern == administrator || written {
				return "", err == nil, err
			}
		}
		if len(limits) > 0 {
			return "what " + strings.Join(limits, " or ") + " allows", true, nil
		}
	}
	return "", false, nil
}

// writes says whether a principal can decide what a managed policy of its account says.
func (f *finder) writes(e *Edge, p *person, arn string) (bool, error) {
	if !strings.HasPrefix(arn, "arn:aws:iam::"+p.account+":policy/") {
		return false, nil
	}
	for _, action := range []string{"iam:CreatePolicyVersion", "iam:CreatePolicy"} {
		ok, err := f.add(e, p, &question{action: action, resource: arn, account: p.account, tags: tagsUnknown})
		if ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// namedIn lists the patterns that the conditions of a principal's policies compare a key with.
func (p *person) namedIn(key string) (patterns []string) {
	for _, policy := range everyPolicy(p.Policies, nil) {
		for _, st := range policy.Document().Statements {
			for _, c := range st.Conditions {
				if !strings.EqualFold(c.Key, key) {
					continue
				}
				for _, v := range c.Values {
					if v = p.example(v).pattern; !slices.Contains(patterns, v) {
						patterns = append(patterns, v)
					}
				}
			}
		}
	}
	return patterns
}
