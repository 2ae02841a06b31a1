package difference

import (
	"fmt"
	"slices"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/policy"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/given"
)

// users compares the users of IAM: they carry policies as roles do.
func (r *Result) users(want, have *roles.Set, o Options) error {
	for i := range want.Users {
		w := &want.Users[i]
		at := slices.IndexFunc(have.Users, func(u roles.User) bool { return u.Account == w.Account && u.Name == w.Name })
		if at < 0 {
			r.add(missingUser(w, have.Users, o))
			continue
		}
		found, err := compare(asRole(w), asRole(&have.Users[at]), policy.CompareOptions{AnyAction: o.AnyAction})
		if err != nil {
			return fmt.Errorf("user %s in account %s: %w", w.Name, w.Account, err)
		}
		found.Kind = kindUser
		r.add(found)
	}
	return nil
}

// missingUser is a user that is not there, that nobody looked for, or that may be one whose name only a deploy knows.
func missingUser(w *roles.User, have []roles.User, o Options) Role {
	r := Role{Kind: kindUser, Account: w.Account, Name: w.Name, Verdict: Different, Missing: true}
	if o.NoUsers {
		r.Verdict, r.Missing, r.Unclear = Undecided, false, []string{"users are not read from there: give them with --policies"}
	}
	for i := range have {
		if h := &have[i]; h.Account == w.Account && isOpen(h.Name) && given.Fits(h.Name, w.Name) {
			r.Verdict, r.Missing = Undecided, false
			r.Unclear = append(r.Unclear, fmt.Sprintf("it may be the user at %s, whose name is only known when that is deployed: %s",
				placeText(h.Place), given.Shown(h.Name)))
		}
	}
	return r
}

func asRole(u *roles.User) *roles.Role {
	return &roles.Role{Account: u.Account, Name: u.Name, Path: u.Path, Policies: u.Policies, Attached: u.Attached, Boundary: u.Boundary,
		Doubts: u.Doubts, Place: u.Place}
}

// buckets compares the policies of buckets.
func (r *Result) buckets(want, have *roles.Set, o Options) error {
	for i := range want.Buckets {
		w := &want.Buckets[i]
		at := slices.IndexFunc(have.Buckets, func(b roles.Bucket) bool { return b.Account == w.Account && b.Name == w.Name })
		out := Role{Kind: kindBucket, Account: w.Account, Name: w.Name, Verdict: Same}
		if at < 0 {
			// Neither account dumps nor AWS are asked for it, and a template may leave its name open.
			out.Verdict = Undecided
			out.Unclear = []string{fmt.Sprintf("nobody gave it: write it as %s/bucket-%s.json", w.Account, w.Name)}
			r.add(out)
			continue
		}
		h := &have.Buckets[at]
		out.Place, out.Unclear = placeText(h.Place), slices.Clone(h.Doubts)
		if h.Policy != nil {
			err := out.kind(kindBucket, []*iam.Document{w.Policy}, []*iam.Document{h.Policy}, [2]*iam.Document{}, policy.CompareOptions{AnyAction: o.AnyAction})
			if err != nil {
				return fmt.Errorf("the policy of bucket %s in account %s: %w", w.Name, w.Account, err)
			}
		}
		out.decide()
		r.add(out)
	}
	return nil
}

// Twice finds a role or a user that is there twice: which of them counts nobody can tell. The error names it and both places.
func Twice(s *roles.Set) error {
	seen := map[[3]string]string{}
	check := func(kind, account, name string, at roles.Place) error {
		key := [3]string{kind, account, name}
		if first, there := seen[key]; there {
			return fmt.Errorf("%s %s in account %s is given twice: %s, and %s", kind, given.Shown(name), account, first, placeText(at))
		}
		if !isOpen(name) {
			seen[key] = placeText(at)
		}
		return nil
	}
	for i := range s.Roles {
		r := &s.Roles[i]
		if err := check("role", r.Account, r.Name, r.Place); err != nil {
			return err
		}
	}
	for i := range s.Users {
		u := &s.Users[i]
		if err := check(kindUser, u.Account, u.Name, u.Place); err != nil {
			return err
		}
	}
	return nil
}
