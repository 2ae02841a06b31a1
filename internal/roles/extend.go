package roles

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
)

// OnlyAdds ends the doubt about a role that something only adds to.
const OnlyAdds = "only adds to it, and does not say what else it has"

// extend renders what a role that is there already must be allowed besides: managed policies to attach to it, and no role. Its
// inline policies and its trust are its owner's.
func extend(stage *plan.Stage, r plan.Role) (Role, error) {
	policy, err := permissions(stage, r)
	if err != nil {
		return Role{}, err
	}
	out := Role{
		Account: r.Account, Name: r.Name, Path: r.Path, Kind: r.Kind, Purpose: r.Purpose, Adds: true,
		Doubts: []string{"the release " + OnlyAdds + ": give it with --policies, or read it with --live"},
	}
	whole := part{statements: policy.Document.Statements, notes: policy.Notes}
	if sizeOf(whole.statements) <= maxManaged {
		out.Attached = []Attached{whole.attached(&out, r.Extension, nil)}
		return out, check(&out)
	}
	out.Policies = []Policy{policy}
	if err := out.spread(r.Extension); err != nil {
		return Role{}, err
	}
	return out, check(&out)
}

// Join puts what only adds to a role to the rest of that role, where both are there.
func (s *Set) Join() {
	var out []Role
	for _, r := range s.Roles {
		_, open := iam.IntrinsicJSON(r.Name)
		i := slices.IndexFunc(out, func(o Role) bool { return !open && o.Account == r.Account && o.Name == r.Name && (o.Adds || r.Adds) })
		if i < 0 {
			out = append(out, r)
			continue
		}
		if out[i].Adds && !r.Adds {
			out[i], r = r, out[i]
		}
		out[i].join(&r)
	}
	s.Roles = out
}

// join takes over what another adds. Its text of a policy is the one that counts: it is what will be there.
func (r *Role) join(more *Role) {
	r.Policies, r.Attached, r.Doubts = slices.Clone(r.Policies), slices.Clone(r.Attached), slices.Clone(r.Doubts)
	for _, p := range more.Policies {
		r.Policies = slices.DeleteFunc(r.Policies, func(o Policy) bool { return o.Name == p.Name })
		r.Policies = append(r.Policies, p)
	}
	for _, a := range more.Attached {
		i := slices.IndexFunc(r.Attached, func(o Attached) bool { return o.ARN == a.ARN })
		switch {
		case i < 0:
			r.Attached = append(r.Attached, a)
		case a.Document != nil:
			r.Attached[i] = a
		}
	}
	for _, d := range more.Doubts {
		if !strings.Contains(d, OnlyAdds) || r.Adds {
			r.Doubts = add(r.Doubts, d)
		}
	}
}

// Extends adopts a role that was read as one that is there already, and that the release adds to. A folder that has no trust
// policy of it has only what is added.
func (r *Role) Extends(planned plan.Role) {
	r.Kind = planned.Kind
	if r.Trust == nil && !r.Adds {
		r.Adds = true
		r.Doubts = append(slices.Clone(r.Doubts), fmt.Sprintf("the folder %s, without a %s, %s", r.Place.File, trustName, OnlyAdds))
	}
}
