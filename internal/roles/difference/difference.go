// Package difference says in what two sets of roles differ: what a role may do in one and not in the other, with a request
// that shows it, who may assume it, and what limits it. It compares what policies mean, never their text.
//
// The package is pure. What cannot be told, for want of a text or of a value that only a deploy knows, is said and is
// never taken for equal.
package difference

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/policy"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/given"
)

// Verdict is the answer about one role, or about all.
type Verdict string

// The verdicts.
const (
	Same      Verdict = "same"
	Different Verdict = "different"
	Undecided Verdict = "undecided"
)

// Result is the difference between two sets.
type Result struct {
	Verdict Verdict `json:"verdict"`
	// Want and Have name the two sides.
	Want string `json:"want"`
	Have string `json:"have"`
	// Roles are all that were compared, by account and name; users and the policies of buckets among them.
	Roles []Role `json:"roles"`
}

// The kinds of what is compared, beside roles.
const (
	kindUser   = "user"
	kindBucket = "bucket"
)

// Role is the difference of one role, of a user of IAM, or of the policy of a bucket.
type Role struct {
	// Kind is empty for a role; else user or bucket.
	Kind    string  `json:"kind,omitempty"`
	Account string  `json:"account"`
	Name    string  `json:"name"`
	Verdict Verdict `json:"verdict"`
	// Missing says that only the wanted side has it, Extra that only the other has.
	Missing bool `json:"missing,omitempty"`
	Extra   bool `json:"extra,omitempty"`
	// More is what it may do and should not, Less what it should and may not.
	More []Access `json:"more,omitempty"`
	Less []Access `json:"less,omitempty"`
	// Other tells differences of other kinds: its path, its boundary.
	Other []string `json:"other,omitempty"`
	// Unclear says why something cannot be told.
	Unclear []string `json:"unclear,omitempty"`
	// Place is where the role was read from.
	Place string `json:"place,omitempty"`
}

// Access is a difference with a request that shows it.
type Access struct {
	// Kind is policies, trust, boundary or bucket.
	Kind string `json:"kind"`
	// Text says what is allowed, as the statement that allows it has it; or denied, as Denied has it.
	Text      string       `json:"text"`
	Statement policy.Place `json:"statement"`
	// Denied is the Deny statement of the other side that makes the difference, where one does.
	Denied *policy.Place `json:"denied,omitempty"`
	// Bounded says that a permissions boundary takes it away all the same.
	Bounded bool           `json:"bounded,omitempty"`
	Request policy.Request `json:"request"`
}

// Options say what counts.
type Options struct {
	// Want and Have name the two sides, for people.
	Want, Have string
	// Extra says which roles of the other side count although nobody wants them; nil: all of them.
	Extra func(r *roles.Role) bool
	// AnyAction counts actions that AWS does not have, too, which is faster.
	AnyAction bool
	// NoUsers says that the other side was not asked for users.
	NoUsers bool
}

// Compare compares what roles there are with those that are wanted.
// The error is about what they have: a role that is there twice, a policy that does not compile.
func Compare(want, have *roles.Set, o Options) (*Result, error) {
	if err := Twice(have); err != nil {
		return nil, err
	}
	out := &Result{Verdict: Same, Want: o.Want, Have: o.Have}
	open := slices.ContainsFunc(have.Roles, func(r roles.Role) bool { return isOpen(r.Name) })
	for i := range want.Roles {
		w := &want.Roles[i]
		h := find(have.Roles, w.Account, w.Name)
		if h == nil {
			out.add(missing(w, have.Roles, open))
			continue
		}
		r, err := compare(w, h, policy.CompareOptions{AnyAction: o.AnyAction})
		if err != nil {
			return nil, fmt.Errorf("role %s in account %s: %w", w.Name, w.Account, err)
		}
		out.add(r)
	}
	for i := range have.Roles {
		h := &have.Roles[i]
		if find(want.Roles, h.Account, h.Name) == nil && !isOpen(h.Name) && (o.Extra == nil || o.Extra(h)) {
			out.add(Role{Account: h.Account, Name: h.Name, Verdict: Different, Extra: true, Place: placeText(h.Place)})
		}
	}
	if err := out.users(want, have, o); err != nil {
		return nil, err
	}
	if err := out.buckets(want, have, o); err != nil {
		return nil, err
	}
	slices.SortStableFunc(out.Roles, func(a, b Role) int {
		return cmp.Or(strings.Compare(a.Account, b.Account), strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name))
	})
	return out, nil
}

// missing is a role that is not there, or that may be one whose name only a deploy knows.
func missing(w *roles.Role, have []roles.Role, open bool) Role {
	r := Role{Account: w.Account, Name: w.Name, Verdict: Different, Missing: true}
	for i := range have {
		if h := &have[i]; open && h.Account == w.Account && isOpen(h.Name) && given.Fits(h.Name, w.Name) {
			r.Verdict, r.Missing = Undecided, false
			r.Unclear = append(r.Unclear, fmt.Sprintf("it may be the role at %s, whose name is only known when that is deployed: %s",
				placeText(h.Place), given.Shown(h.Name)))
		}
	}
	return r
}

func (r *Result) add(role Role) {
	r.Roles = append(r.Roles, role)
	if role.Verdict == Different || role.Verdict == Undecided && r.Verdict == Same {
		r.Verdict = role.Verdict
	}
}

func find(list []roles.Role, account, name string) *roles.Role {
	i := slices.IndexFunc(list, func(r roles.Role) bool { return r.Account == account && r.Name == name })
	if i < 0 {
		return nil
	}
	return &list[i]
}

func isOpen(s string) bool {
	_, open := iam.IntrinsicJSON(s)
	return open
}

// The exit codes.
const (
	exitSame      = 0
	exitDifferent = 1
	exitUndecided = 3
)

// Exit is the exit code: 0 same, 1 different, 3 undecided.
func (r *Result) Exit() int {
	switch r.Verdict {
	case Same:
		return exitSame
	case Undecided:
		return exitUndecided
	}
	return exitDifferent
}

func placeText(p roles.Place) string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}
