package iam

import "strings"

// covers says whether action, resource and conditions of a statement in a layer match the request.
func (st *statement) covers(e *evaluation, l Layer) bool {
	return st.action(e) && st.resource(e, l) && st.condition(e)
}

// action matches the request's action, which need not be in the statement's filter.
func (st *statement) action(e *evaluation) bool {
	return st.matches(matchAny(st.actions, e.request.Action, Context{}), st.notAction)
}

// resource matches the request's resource. A statement without a Resource element (a trust policy's)
// matches every resource.
func (st *statement) resource(e *evaluation, l Layer) bool {
	if !st.hasResource {
		return true
	}
	r := e.request
	result := matchAny(st.resources, r.Resource, r.Context)
	if result == matchNo && st.completed != nil && st.completes(l) {
		result = matchAny(st.completed, r.Resource, r.Context)
	}
	return st.matches(result, st.notResource)
}

// matches turns the answer of an element's patterns into that of the element. not: it is NotAction or NotResource. What is
// unclear does not give access: an Allow does not match, a Deny does.
func (st *statement) matches(result matching, not bool) bool {
	if result == matchUnclear {
		return st.deny
	}
	return (result == matchYes) != not
}

// completes says whether incomplete ARNs count as completed in a layer: in identity policies they do. Elsewhere AWS does not
// say so, or refuses them, and they count where that denies.
func (st *statement) completes(l Layer) bool {
	return l == LayerIdentity || l == LayerBoundary || st.deny != st.notResource
}

func (st *statement) condition(e *evaluation) bool {
	for i := range st.conditions {
		if !st.conditions[i].holds(e.request.Context) {
			return false
		}
	}
	return true
}

// matching is the result of a match: unclear where AWS does not say, or where it would take too long.
type matching uint8

const (
	matchNo matching = iota
	matchYes
	matchUnclear
)

// matchAny says whether any of the patterns matches.
func matchAny(globs []glob, s string, c Context) matching {
	result := matchNo
	for i := range globs {
		g := &globs[i]
		switch {
		case !g.mayMatch(s):
		case g.shape == shapeGeneral && g.beginsLike(s) && g.unclear(s, c):
			result = matchUnclear
		case g.match(s, c):
			return matchYes
		}
	}
	return result
}

// filter tells which actions a statement has nothing to say about, without looking at the statement.
type filter struct {
	services hashSet // that its actions are of
	names    hashSet // actions that it names in full
	heads    hashSet // how the operations begin that it names with wildcards
}

// headLength is how many letters of an operation are its head: enough to tell Get from List.
const headLength = 3

// passes says whether the statement may match an action. The filter of an action is made by [filterOf].
func (f *filter) passes(action *filter) bool {
	return f.services&action.services != 0 && (f.names&action.names|f.heads&action.heads) != 0
}

var passesAll = filter{anyHash, anyHash, anyHash}

func (f filter) union(g filter) filter {
	return filter{f.services | g.services, f.names | g.names, f.heads | g.heads}
}

// hashSet is a set of texts as a mask of their hashes: what is not in it is certainly not in the set.
type hashSet uint64

const anyHash = ^hashSet(0)

// filterOf returns the filter of an action, and of a pattern the one that all actions pass which match it.
func filterOf(action string) filter {
	f := filter{services: anyHash, heads: anyHash}
	sum, head := uint32(0), -1 // head is how much of the operation has been read, once the colon has
	for i := 0; i < len(action); i++ {
		switch c := action[i]; {
		case c == '*' || c == '?':
			return f // heads says enough: it has what came before, or everything
		case c == ':' && head < 0:
			f.services, head = 1<<(sum%64), 0
			continue
		default:
			sum = sum*31 + uint32(lower(c))
		}
		if head >= 0 {
			if head++; head == headLength {
				f.heads = 1 << (sum >> 3 % 64)
			}
		}
	}
	f.names = 1 << (sum >> 3 % 64)
	return f
}

// namesOnly drops the heads of an action that a statement names in full.
func (f filter) namesOnly() filter {
	if f.names != 0 {
		f.heads = 0
	}
	return f
}

// ofService says whether an action is one of the service.
func ofService(action, service string) bool {
	n := len(service)
	return len(action) > n && action[n] == ':' && strings.EqualFold(action[:n], service)
}
