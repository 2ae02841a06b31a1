package iam

// covers says whether action, resource and conditions of a statement match the request.
func (st *statement) covers(e *evaluation) bool {
	return st.action(e) && st.resource(e) && st.condition(e)
}

func (st *statement) action(e *evaluation) bool {
	if st.services&e.service == 0 {
		return st.notAction // none of the patterns can match
	}
	return matchAny(st.actions, e.request.Action, Context{}) != st.notAction
}

// resource matches the request's resource. A statement without a Resource element (a trust policy's)
// matches every resource.
func (st *statement) resource(e *evaluation) bool {
	return !st.hasResource || matchAny(st.resources, e.request.Resource, e.request.Context) != st.notResource
}

func (st *statement) condition(e *evaluation) bool {
	for i := range st.conditions {
		if !st.conditions[i].holds(e.request.Context) {
			return false
		}
	}
	return true
}

func matchAny(globs []glob, s string, c Context) bool {
	for i := range globs {
		if g := &globs[i]; g.mayMatch(s) && g.match(s, c) {
			return true
		}
	}
	return false
}

// serviceSet is a set of services as a mask of their hashes: what is not in it is certainly not in the set.
type serviceSet uint64

const everyService = ^serviceSet(0)

// serviceOf returns the set that holds the service of an action, and of an action pattern: every service
// when a wildcard comes before the colon.
func serviceOf(action string) serviceSet {
	sum := byte(0)
	for i := 0; i < len(action); i++ {
		switch c := action[i]; c {
		case ':':
			return 1 << (sum % 64)
		case '*', '?':
			return everyService
		default:
			sum = sum*7 + lower(c)
		}
	}
	return everyService
}
