package proof

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// openings are policies with values that only CloudFormation knows: by the policy in which all of those speak against
// a request, the one in which they speak for it. Statements have the same numbers in both.
type openings map[*iam.Policy]*iam.Policy

// compile compiles a document; one with values that only CloudFormation knows becomes two policies.
func (o openings) compile(d *iam.Document) (*iam.Policy, error) {
	if d == nil {
		return nil, nil // no document is no policy
	}
	if !d.HasIntrinsics() {
		return iam.Compile(d)
	}
	against, err := iam.Compile(d.Deployed(false))
	if err != nil {
		return nil, err
	}
	o[against], err = iam.Compile(d.Deployed(true))
	return against, err
}

// with adds the openings of further policies.
func (o openings) with(more openings) openings {
	if len(more) == 0 {
		return o
	}
	all := maps.Clone(o)
	maps.Copy(all, more)
	return all
}

// open says whether a set has policies with values that only CloudFormation knows, and gives the set in which those speak for a
// request.
func (o openings) open(set *iam.PolicySet, caller iam.Principal) (favourable *iam.PolicySet, open bool, err error) {
	out := *set
	swap := func(p *iam.Policy) *iam.Policy {
		if best := o[p]; best != nil {
			open = true
			return best
		}
		return p
	}
	out.Identity = slices.Clone(set.Identity)
	for i, p := range out.Identity {
		out.Identity[i] = swap(p)
	}
	out.Boundary, out.Trust, out.Resource = swap(set.Boundary), swap(set.Trust), swap(set.Resource)
	if out.Trust != set.Trust {
		out.Trust, err = named(out.Trust, caller)
	}
	return &out, open, err
}

// named has the statements of a trust policy that name everyone name the caller too: a web identity is never let in as part of
// everyone.
func named(p *iam.Policy, caller iam.Principal) (*iam.Policy, error) {
	d := *p.Document()
	d.Statements = slices.Clone(d.Statements)
	for i := range d.Statements {
		st := &d.Statements[i]
		if st.Effect == iam.Allow && len(st.Principals) > 0 && st.Principals[0].Kind == iam.AnyPrincipal {
			st.Principals = append(slices.Clone(st.Principals), naming(caller))
		}
	}
	return iam.Compile(&d)
}

// naming is the element of a policy that names a caller.
func naming(caller iam.Principal) iam.PrincipalPattern {
	switch caller.Kind {
	case iam.PrincipalFederated:
		return iam.PrincipalPattern{Kind: iam.KindFederated, Values: []string{caller.ARN}}
	case iam.PrincipalService:
		return iam.PrincipalPattern{Kind: iam.KindService, Values: []string{caller.ARN}}
	}
	return iam.PrincipalPattern{Kind: iam.KindAWS, Values: []string{caller.ARN}}
}

// deployed answers where values that only CloudFormation knows may take part. It is proved if it holds whatever they are.
func (q question) deployed() (answer, error) {
	a, err := q.bounded()
	if err != nil || a.verdict == Proved {
		return a, err
	}
	favourable, open, err := q.openings.open(q.set, q.request.Principal)
	if err != nil || !open {
		return a, err
	}
	best := q
	best.set = favourable
	b, err := best.bounded()
	if err != nil || b.verdict == Refuted {
		return b, err
	}
	why := "it depends on values that are only known when the template is deployed (" + strings.Join(q.openings.in(q.set), ", ") +
		"): give --parameter NAME=VALUE and --account"
	if a.verdict == Undecided && b.verdict == Undecided {
		why = b.why + "; " + why
	}
	return answer{verdict: Undecided, why: why}, nil
}

// in lists the statements of a set that have such values.
func (o openings) in(set *iam.PolicySet) (where []string) {
	for _, p := range everyPolicy(set) {
		best := o[p]
		if best == nil {
			continue
		}
		against, favourable := p.Document(), best.Document()
		for i := range against.Statements {
			if !sameStatement(&against.Statements[i], &favourable.Statements[i]) {
				where = appendNew(where, reference(refOf(favourable, i)))
			}
		}
	}
	const most = 3
	if len(where) > most {
		where = append(where[:most], fmt.Sprintf("and %d more", len(where)-most))
	}
	return where
}

func sameStatement(a, b *iam.Statement) bool {
	return a.Effect == b.Effect && slices.Equal(a.Actions, b.Actions) && slices.Equal(a.NotActions, b.NotActions) &&
		slices.Equal(a.Resources, b.Resources) && slices.Equal(a.NotResources, b.NotResources) &&
		len(a.Conditions) == len(b.Conditions) && len(a.Principals) == len(b.Principals) && len(a.NotPrincipals) == len(b.NotPrincipals)
}
