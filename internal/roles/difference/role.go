package difference

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/policy"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/given"
)

// compare compares one role.
func compare(want, have *roles.Role, o policy.CompareOptions) (Role, error) {
	r := Role{Account: want.Account, Name: want.Name, Verdict: Same, Place: placeText(have.Place)}
	r.path(want, have)
	if want.Adds {
		return r, r.extension(want, have, o)
	}
	if want.InstanceProfile && !have.InstanceProfile {
		r.Other = append(r.Other, "it has no instance profile, with which instances carry it")
	}
	if (want.Boundary == nil) != (have.Boundary == nil) && !boundaryDoubt(have) {
		r.Other = append(r.Other, boundaryText(want.Boundary != nil))
	}
	r.Unclear = append(r.Unclear, want.Doubts...)
	r.doubts(have)
	for _, kind := range []struct {
		name       string
		want, have []*iam.Document
	}{
		{"policies", r.identity(want), r.identity(have)},
		{"trust", optional(want.Trust), optional(have.Trust)},
		{"boundary", optional(want.Boundary), optional(have.Boundary)},
	} {
		if kind.name == "boundary" && (want.Boundary == nil || have.Boundary == nil) {
			continue // told already
		}
		if err := r.kind(kind.name, kind.want, kind.have, [2]*iam.Document{want.Boundary, have.Boundary}, o); err != nil {
			return r, err
		}
	}
	r.decide()
	return r, nil
}

func (r *Role) path(want, have *roles.Role) {
	switch {
	case want.Path == have.Path || have.Path == "": // where it is not said there is a doubt that says so
	case isOpen(have.Path):
		r.Unclear = append(r.Unclear, "its path is only known when it is deployed: "+given.Shown(have.Path))
	default:
		r.Other = append(r.Other, fmt.Sprintf("its path is %s and should be %s: its ARN is another one", given.Shown(have.Path), want.Path))
	}
}

// extension compares a role that others made with what it must be allowed besides (R123). What it may do beyond that, and whom
// it lets in, is its owner's.
func (r *Role) extension(want, have *roles.Role, o policy.CompareOptions) error {
	if have.Boundary != nil || boundaryDoubt(have) {
		r.Unclear = append(r.Unclear, "it has a permissions boundary, which may keep it from what the release's policy allows: slipway prove says so")
	}
	r.doubts(have)
	err := r.kind("policies", r.identity(want), r.identity(have), [2]*iam.Document{}, o)
	r.More = nil
	r.decide()
	return err
}

// doubts notes what is not known of a role, with what to give.
func (r *Role) doubts(have *roles.Role) {
	for _, d := range have.Doubts {
		if given.IsBoundaryDoubt(d) {
			d += ": " + given.GiveBoundary
		}
		r.Unclear = append(r.Unclear, d)
	}
}

// decide makes one verdict of all that was found.
func (r *Role) decide() {
	switch {
	case len(r.More)+len(r.Less)+len(r.Other) > 0:
		r.Verdict = Different
	case len(r.Unclear) > 0:
		r.Verdict = Undecided
	}
}

// boundaryDoubt says whether there is a boundary whose text nobody gave.
func boundaryDoubt(r *roles.Role) bool {
	return r.Boundary == nil && slices.ContainsFunc(r.Doubts, given.IsBoundaryDoubt)
}

func boundaryText(wanted bool) string {
	if wanted {
		return "it has no permissions boundary, and should have one"
	}
	return "it has a permissions boundary, and should have none: what that does not allow it may not do"
}

// identity lists a role's own policies, and notes those whose text is unknown.
func (r *Role) identity(role *roles.Role) (list []*iam.Document) {
	for _, p := range role.Policies {
		list = append(list, p.Document)
	}
	for _, a := range role.Attached {
		if a.Document == nil {
			r.Unclear = append(r.Unclear, "the text of the attached policy "+given.Shown(a.ARN)+" is not given")
			continue
		}
		list = append(list, a.Document)
	}
	return list
}

func optional(d *iam.Document) []*iam.Document {
	if d == nil {
		return nil
	}
	return []*iam.Document{d}
}

// kind compares all policies of one kind, both ways. Within are the boundaries of both sides.
func (r *Role) kind(name string, want, have []*iam.Document, within [2]*iam.Document, o policy.CompareOptions) error {
	if same(want, have) {
		return nil
	}
	for _, d := range slices.Concat(want, have) {
		if d.HasIntrinsics() {
			r.Unclear = append(r.Unclear, fmt.Sprintf("its %s have values that are only known when %s is deployed: give --parameter NAME=VALUE and --account", name, d.Name))
			return nil
		}
	}
	w, err := compileAll(want)
	if err != nil {
		return err
	}
	h, err := compileAll(have)
	if err != nil {
		return err
	}
	more, err := r.added(name, w, h, within[1], o)
	if err != nil {
		return err
	}
	less, err := r.added(name, h, w, within[0], o)
	r.More, r.Less = append(r.More, more...), append(r.Less, less...)
	return err
}

// same is a quick answer for policies that say the same in the same words.
func same(a, b []*iam.Document) bool {
	return slices.EqualFunc(a, b, func(x, y *iam.Document) bool { return bytes.Equal(x.Compact(), y.Compact()) })
}

func compileAll(list []*iam.Document) ([]*iam.Policy, error) {
	out := make([]*iam.Policy, 0, len(list))
	for _, d := range list {
		p, err := iam.Compile(d)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// added is what the new policies allow and the old ones do not; boundary is that of whoever has the new ones.
func (r *Role) added(kind string, old, new []*iam.Policy, boundary *iam.Document, o policy.CompareOptions) (list []Access, err error) {
	found, err := policy.Compare(policy.Side{Policies: old}, policy.Side{Policies: new}, o)
	if err != nil {
		return nil, err
	}
	for _, a := range found.Added {
		access := Access{Kind: kind, Text: accessText(&a), Statement: a.Statement, Denied: a.Lifted, Request: a.Request}
		if access.Bounded, err = bounded(kind, &a, boundary); err != nil {
			return nil, err
		}
		list = append(list, access)
	}
	for _, u := range found.Unclear {
		r.Unclear = append(r.Unclear, fmt.Sprintf("%s, %s: %s", kind, u.Statement, u.Why))
	}
	return list, nil
}
