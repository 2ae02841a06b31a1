package proof

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// answer decides about a question with all that may be unknown: values of condition keys, nodes, and whole policies.
func (q question) answer() (answer, error) {
	a, err := q.deployed()
	if err != nil || len(q.unknown) == 0 {
		return a, err
	}
	if a.verdict == Refuted {
		open := q
		if open.set, err = q.opened(); err != nil {
			return answer{}, err
		}
		if best, err := open.deployed(); err != nil || best.verdict == Refuted {
			return a, err
		}
	}
	// A policy that nobody has read may deny as well as allow.
	return answer{verdict: Undecided, why: joinWhy(a.verdict, a.why, depends(q.unknown))}, nil
}

// opened is the question's policies if those that are unknown allowed everything.
func (q question) opened() (_ *iam.PolicySet, err error) {
	set := *q.set
	set.Identity = slices.Clone(set.Identity)
	for _, u := range q.unknown {
		switch u.Layer {
		case iam.LayerBoundary: // a boundary gives nothing
		case iam.LayerResource:
			set.Resource = iam.AllowEveryone(u.What)
		case iam.LayerTrust:
			if set.Trust, err = named(iam.AllowEveryone(u.What), q.request.Principal); err != nil {
				return nil, err
			}
		default:
			set.Identity = append(set.Identity, iam.AllowAll(u.What))
		}
	}
	return &set, nil
}

// joinWhy puts what is unknown about policies behind what else is unknown; why a known policy does not allow it is no
// reason any more.
func joinWhy(v Verdict, why, depends string) string {
	if v == Undecided && why != "" {
		return why + "; " + depends
	}
	return depends
}

// depends says on which policies an answer depends, and how to give them.
func depends(unknown []Unknown) string {
	var what, why, give []string
	for _, u := range unknown {
		if u.Why != "" {
			why, give = appendNew(why, u.Why), appendNew(give, u.Give)
			continue
		}
		what, give = appendNew(what, u.What), appendNew(give, u.Give)
	}
	if len(what) > 0 {
		why = append([]string{"it depends on " + strings.Join(what, " and ") + ", whose text is not known"}, why...)
	}
	text := strings.Join(why, "; ")
	if give = slices.DeleteFunc(give, func(s string) bool { return s == "" }); len(give) > 0 {
		text += ": " + strings.Join(give, "; ")
	}
	return text
}

// unknownOf lists the unknown policies that a question about a role's own calls, or about entering it, depends on.
func (s *subject) unknownOf(entry bool) (list []Unknown) {
	for _, u := range s.role.Unknown {
		if (u.Layer == iam.LayerTrust) == entry {
			list = append(list, u)
		}
	}
	return list
}
