package iam

import (
	"slices"
	"strings"
)

// caller is who makes a request, and the account that owns the resource. A policy that names principals is compared for
// every principal that is named and for some that are not; for users and roles both in the owner's account, where they
// have no policies of their own, and outside of it, where theirs allow everything.
type caller struct {
	principal Principal
	account   string
}

// Accounts of AWS's documentation, for principals that no policy names.
var exampleAccounts = []string{"123456789012", "111122223333", "444455556666", "777788889999", "999999999999", "210987654321"}

// callersFor lists the callers that the statements tell apart; none when no statement names a principal. keys are those that
// callers have every value of, see callerKeys. home is an account that may own the resource.
func callersFor(statements []*sourceStatement, home string) (out []caller, keys map[string]bool) {
	var named []PrincipalPattern
	for _, st := range statements {
		named = append(append(named, st.Principals...), st.NotPrincipals...)
	}
	if len(named) == 0 {
		return nil, nil
	}
	keys, wanted := callerKeys(statements)
	named = append(named,
		PrincipalPattern{Kind: KindAWS, Values: wanted[keyPrincipalARN]},
		PrincipalPattern{Kind: KindAWS, Values: wanted[keyPrincipalAccount]},
		PrincipalPattern{Kind: KindService, Values: wanted[keyServiceName]},
	)
	values := map[string][]string{}
	accounts := map[string]bool{}
	for _, p := range named {
		for _, v := range p.Values {
			if v != AnyPrincipal && !slices.Contains(values[p.Kind], v) {
				values[p.Kind] = append(values[p.Kind], v)
			}
			if id := arnAccount(v + ":"); id != "" {
				accounts[id] = true
			} else if isAccountID(v) {
				accounts[v] = true
			}
		}
	}
	var free []string
	for _, id := range exampleAccounts {
		if !accounts[id] {
			free = append(free, id)
		}
	}
	return everyCaller(values, accounts, free, home), keys
}

// everyCaller makes the callers: those of accounts that are not named first, because they say most about a policy.
func everyCaller(values map[string][]string, accounts map[string]bool, free []string, home string) (out []caller) {
	free = append(free, "000000000000", "000000000001")
	seen := map[Principal]bool{}
	add := func(list ...Principal) {
		for _, p := range list {
			if seen[p] {
				continue
			}
			seen[p] = true
			owner := p.Account
			if owner == "" {
				owner = home
			}
			if out = append(out, caller{p, owner}); p.Kind == PrincipalAWS {
				other := home
				if other == p.Account {
					other = free[1]
				}
				out = append(out, caller{p, other})
			}
		}
	}
	add(members(free[0])...)
	add(Principal{Kind: PrincipalAnonymous})
	for _, id := range sortedKeys(accounts) {
		add(members(id)...)
	}
	for _, v := range append(slices.Clone(values[KindAWS]), values[KindCanonicalUser]...) {
		add(namedPrincipals(v, values[KindAWS])...)
	}
	for _, v := range append(values[KindService], "example.amazonaws.com") {
		add(Principal{Kind: PrincipalService, ARN: v})
	}
	for _, v := range append(values[KindFederated], "arn:aws:iam::"+free[0]+":oidc-provider/example.com") {
		add(Principal{Kind: PrincipalFederated, ARN: v, Account: arnAccount(v)})
	}
	return out
}

func sortedKeys(set map[string]bool) (out []string) {
	for k := range set {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// members are a user, a role's session, a federated user and the root user of an account, whom no policy names.
func members(account string) []Principal {
	iam := "arn:aws:iam::" + account + ":"
	return []Principal{
		{ARN: iam + "user/x", Account: account}, roleSession(iam + "role/x"), {ARN: iam + "root", Account: account},
		{ARN: "arn:aws:sts::" + account + ":federated-user/x", RoleARN: iam + "user/x", Account: account},
	}
}

// roleSession is a session of a role.
func roleSession(role string) Principal {
	account := arnAccount(role)
	return Principal{
		ARN:     strings.Join([]string{"arn:aws:sts:", account, "assumed-role/" + lastSegment(role) + "/x"}, ":"),
		RoleARN: role, Account: account,
	}
}

// lastSegment is what stands behind the last slash.
func lastSegment(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// namedPrincipals are those that a value of a Principal element can mean: a role is its sessions, and a session that is
// named may be one of a role that is named, too.
func namedPrincipals(value string, others []string) (out []Principal) {
	account := arnAccount(value)
	self := Principal{ARN: value, Account: account}
	switch {
	case isAccountID(value):
		return nil // see members
	case strings.Contains(value, ":role/"):
		return []Principal{roleSession(value), self}
	case strings.Contains(value, ":assumed-role/"):
		name, _, _ := strings.Cut(value[strings.Index(value, ":assumed-role/")+len(":assumed-role/"):], "/")
		roles := []string{"arn:aws:iam::" + account + ":role/" + name}
		for _, role := range others {
			if strings.Contains(role, ":role/") && arnAccount(role) == account && lastSegment(role) == name {
				roles = append(roles, role)
			}
		}
		for _, role := range roles {
			out = append(out, Principal{ARN: value, RoleARN: role, Account: account})
		}
		return out
	}
	return []Principal{self}
}

// callerPredicate is what a statement's Principal or NotPrincipal says. It differs with the effect.
func (m *model) callerPredicate(st *sourceStatement) *predicate {
	patterns := []string{string(st.Effect)}
	for i, list := range [][]PrincipalPattern{st.Principals, st.NotPrincipals} {
		for _, p := range list {
			for _, v := range append([]string{""}, p.Values...) {
				patterns = append(patterns, string(rune('0'+i))+p.Kind+" "+v)
			}
		}
	}
	return m.intern(dimensionCaller, nameOf("principal", false, false, patterns), func(p *predicate) { p.caller = st })
}

// callersOf asks the evaluator to whom a statement applies: it gets a policy that says nothing but who.
func (m *model) callersOf(p *predicate) bitset {
	st := p.caller
	all := []string{"*"}
	policy, err := Compile(&Document{Name: "caller", Version: Version2012, Statements: []Statement{{
		Effect: st.Effect, Principals: st.Principals, NotPrincipals: st.NotPrincipals, Actions: all, Resources: all,
	}}})
	if err != nil {
		m.left = -1 // compiled policies have no such principals; give up rather than guess
		return nil
	}
	applies := Allowed
	if st.Effect == Deny {
		applies = ExplicitlyDenied
	}
	set := newBitset(len(m.callers))
	for i := range m.callers {
		if !m.spend(8 * (1 + len(policy.statements[0].principals))) {
			return nil
		}
		r := m.callers[i].request("x:x", "*")
		if m.policySet(policy, &r).Evaluate(&r).Outcome == applies {
			set.set(i)
		}
	}
	p.members = set
	return set
}

func (c *caller) request(action, resource string) Request {
	return Request{Principal: c.principal, Account: c.account, Action: action, Resource: resource}
}

var allowAll = AllowAll("AllowAll")

// policySet puts a policy where it is evaluated for a request of the comparison, see [Addition].
func (m *model) policySet(p *Policy, r *Request) *PolicySet {
	set := &PolicySet{Resource: p}
	if m.trust {
		set = &PolicySet{Trust: p}
	}
	if r.Principal.Kind == PrincipalAWS && r.Principal.account() != r.Account {
		set.Identity = []*Policy{allowAll}
	}
	return set
}
