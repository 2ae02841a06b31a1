package escalation

import (
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// groupLimit is what bounds somebody who joins a group.
const groupLimit = "what the group's policies allow"

// compareSteps bounds the search for what a group gives and its new member has not. Beyond, it gives more.
const compareSteps = 50_000

// joinKey is the same for edges of which a walk follows only the first: a thousand groups are not told for each user.
type joinKey struct {
	from             int
	to               string
	limited, depends bool
}

// gift is what a group gives a user at most.
type gift struct {
	limit      string
	conditions []string
}

// pairKey is a user, or its policies, and the policies of a group.
type pairKey struct{ user, group string }

// memberless adds the groups of the world that nobody is in to a list of those with members.
func (f *finder) memberless(list []thing) []thing {
	listed := map[string]bool{}
	for i := range list {
		listed[list[i].arn] = true
	}
	for i := range f.world.Groups {
		if arn := f.world.Groups[i].ARN; !listed[arn] {
			listed[arn] = true
			list = append(list, thing{arn: arn, via: arn, account: accountOf(arn), tags: tagsUnknown})
		}
	}
	return list
}

// join adds an edge for each user whom a person can put into a group.
func (f *finder) join(e *Edge, t *technique, p *person, x *thing) error {
	for _, user := range f.people {
		if user.role || user.account != x.account || slices.Contains(user.Groups, x.arn) {
			continue
		}
		one := *e
		one.To, one.If = user.ARN, slices.Clone(e.If)
		if f.everything(p, user) {
			continue // another group can add nothing to that
		}
		gives, err := f.gives(&one, t, p, user, x)
		if err != nil {
			return err
		}
		if key := keyOf(p, &one); gives && !f.joined[key] {
			f.joined[key] = true
			f.edges = append(f.edges, one)
		}
	}
	if f.world.Outside {
		one := *e
		one.To, one.If, one.Outside = "arn:aws:iam::"+x.account+":user/*", slices.Clone(e.If), true
		if t.gain == gainGroup {
			one.Limit = groupLimit
		}
		f.edges = append(f.edges, one)
	}
	return nil
}

func keyOf(p *person, e *Edge) joinKey {
	return joinKey{p.index, e.To, e.Limit != "", len(e.If) > 0}
}

// everything says whether a person is known to give a user all that can be given, whatever else it depends on.
func (f *finder) everything(p, user *person) bool {
	to := user.ARN
	if user == p {
		to = rootOf(p.account)
	}
	return f.joined[joinKey{from: p.index, to: to}]
}

// gives says whether a user gets anything by being put into a group, and notes in the edge what limits it.
func (f *finder) gives(e *Edge, t *technique, p, user *person, x *thing) (bool, error) {
	if t.gain != gainGroup {
		if user != p || e.Limit != "" {
			return true, nil
		}
		return true, f.itself(e, t, p)
	}
	group := f.groups[x.arn]
	if group == nil {
		e.Limit = groupLimit // nobody knows what they are
		return true, nil
	}
	got, err := f.gift(user, group, user == p)
	if err != nil {
		return false, err
	}
	if user == p && f.nothing(user, group, true) {
		return f.rewrites(e, p, group)
	}
	if e.Limit = got.limit; got.limit == "" {
		e.need(got.conditions...)
		if user == p {
			e.To = rootOf(p.account)
		}
	}
	// Whether it gives another something is asked last: it takes longest, and of each kind of edge only the first is told.
	return user == p || !f.joined[keyOf(p, e)] && !f.nothing(user, group, false), nil
}

// gift says what a user gets at most by being in a group. Of others than the caller only groups that allow everything by
// themselves are looked at closely, since there may be thousands of both.
func (f *finder) gift(user *person, group *Group, itself bool) (out gift, err error) {
	if !itself && !f.mighty(group) {
		return gift{limit: groupLimit}, nil
	}
	key := pairKey{user.ARN, f.text(group.Policies)}
	if known, ok := f.given[key]; ok {
		return known, nil
	}
	f.work.probed++
	if out.limit, out.conditions, err = f.probed(user, gainGroup, group); err != nil {
		return gift{}, err
	}
	f.given[key] = out
	return out, nil
}

// nothing says whether a user has all that a group gives.
func (f *finder) nothing(user *person, group *Group, itself bool) bool {
	switch {
	case group.Open:
		return false
	case !itself && !f.mighty(group):
		return len(group.Policies) == 0
	}
	return f.holds(user, group)
}

// text is the same for equal policies, whatever they are called.
func (f *finder) text(policies []*iam.Policy) string {
	var b strings.Builder
	for _, p := range policies {
		id, ok := f.texts[p]
		if !ok {
			written := string(p.Document().Compact())
			if id, ok = f.ids[written]; !ok {
				id = strconv.Itoa(len(f.ids))
				f.ids[written] = id
			}
			f.texts[p] = id
		}
		b.WriteString(id + " ")
	}
	return b.String()
}

// mighty says whether a statement of a group may allow everything.
func (f *finder) mighty(group *Group) bool {
	return slices.ContainsFunc(group.Policies, func(p *iam.Policy) bool {
		return slices.ContainsFunc(p.Document().Statements, func(st iam.Statement) bool {
			return st.Effect == iam.Allow && (len(st.NotActions) > 0 || slices.ContainsFunc(st.Actions, func(a string) bool {
				return strings.ContainsAny(a, "*?") && len(strings.TrimRight(a, "*?")) <= len("iam:")
			}))
		})
	})
}

// holds says whether a user may do all that a group's policies allow.
func (f *finder) holds(user *person, group *Group) bool {
	if len(group.Policies) == 0 {
		return true
	}
	if user.Policies == nil || len(user.Policies.Identity) == 0 {
		return false
	}
	key := pairKey{f.text(user.Policies.Identity), f.text(group.Policies)}
	has, ok := f.held[key]
	if !ok {
		f.work.compared++
		found := iam.Compare(user.Policies.Identity, group.Policies, iam.CompareOptions{Steps: compareSteps})
		has = found.Verdict == iam.NoMorePermissive
		f.held[key] = has
	}
	return has
}

// rewrites says whether a person decides what a group's managed policies say: then these give it more after all.
func (f *finder) rewrites(e *Edge, p *person, group *Group) (bool, error) {
	for _, arn := range group.Attached {
		ok, err := f.add(e, p, &question{action: "iam:CreatePolicyVersion", resource: arn, account: p.account, tags: tagsUnknown})
		if !ok {
			if err != nil {
				return false, err
			}
			continue
		}
		limit, conditions, err := f.limits(p, gainAny, nil)
		if e.Limit = limit; limit == "" {
			e.To = rootOf(p.account)
			e.need(conditions...)
		}
		return true, err
	}
	return false, nil
}

// joining gives policies together with those of a group: as they are, and for the best and the worst case.
func (f *finder) joining(v *view, before *iam.PolicySet, group *Group) (all, best, worst *iam.PolicySet, err error) {
	sets := [3]iam.PolicySet{{}, *v.best, *v.worst}
	if before != nil {
		sets[0] = *before
	}
	for i := range sets {
		sets[i].Identity = slices.Clone(sets[i].Identity)
	}
	if group == nil {
		return &sets[0], &sets[1], &sets[2], nil
	}
	for _, policy := range group.Policies {
		sets[0].Identity = append(sets[0].Identity, policy)
		for i, favourable := range []bool{true, false} {
			made, err := f.doubts.policy(policy, v.knowledge, favourable)
			if err != nil {
				return nil, nil, nil, err
			}
			sets[i+1].Identity = append(sets[i+1].Identity, made)
		}
	}
	return &sets[0], &sets[1], &sets[2], nil
}
