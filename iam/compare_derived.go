package iam

import (
	"iter"
	"slices"
	"strings"
)

// Context keys that follow from who makes the request and from whose the resource is, in lower case
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html).
const (
	keyPrincipalARN     = "aws:principalarn"
	keyPrincipalAccount = "aws:principalaccount"
	keyPrincipalType    = "aws:principaltype"
	keyIsService        = "aws:principalisawsservice"
	keyServiceName      = "aws:principalservicename"
	keyResourceAccount  = "aws:resourceaccount"
)

var derivedKeys = []string{keyPrincipalARN, keyPrincipalAccount, keyPrincipalType, keyIsService, keyServiceName, keyResourceAccount}

// derived returns what the keys are for a caller. Web identities and anonymous users do not sign requests: little is known.
func (c *caller) derived() map[string][]string {
	p := &c.principal
	out := map[string][]string{keyResourceAccount: {c.account}}
	switch p.Kind {
	case PrincipalService:
		out[keyIsService], out[keyServiceName] = []string{"true"}, []string{p.ARN}
	case PrincipalAnonymous:
		out[keyPrincipalType] = []string{"Anonymous"}
	case PrincipalAWS:
		out[keyIsService], out[keyPrincipalAccount] = []string{"false"}, []string{p.Account}
		arn, kind := p.ARN, "User"
		switch {
		case p.isRoot():
			kind = "Account"
		case p.federatedUser():
			kind = "FederatedUser"
		case strings.Contains(arn, ":assumed-role/"):
			arn, kind = p.RoleARN, "AssumedRole"
		case strings.Contains(arn, ":role/"):
			kind = "AssumedRole"
		}
		out[keyPrincipalARN], out[keyPrincipalType] = []string{arn}, []string{kind}
	}
	return out
}

// mentions lists the derived keys that statements use, in conditions or as variables.
func mentions(statements []*sourceStatement) (out []string) {
	for _, st := range statements {
		texts := slices.Concat(st.Resources, st.NotResources)
		for i := range st.Conditions {
			texts = append(append(texts, st.Conditions[i].Values...), "${"+st.Conditions[i].Key)
		}
		for _, text := range texts {
			if !strings.Contains(text, "${") {
				continue
			}
			text = strings.ToLower(text)
			for _, key := range derivedKeys {
				if strings.Contains(text, key) && !slices.Contains(out, key) {
					out = append(out, key)
				}
			}
		}
	}
	return out
}

// derivedIn names the keys in the boxes' conditions and variables that follow from who makes the request.
func derivedIn(boxes []*box) string {
	var statements []*sourceStatement
	for _, b := range boxes {
		statements = append(statements, b.source)
	}
	return strings.Join(mentions(statements), ", ")
}

// callerKeys are the keys of which the callers that are listed have every value that the statements tell apart. Conditions
// on them are about callers, then. values is what to list callers for, by key.
func callerKeys(statements []*sourceStatement) (keys map[string]bool, values map[string][]string) {
	keys, values = map[string]bool{}, map[string][]string{}
	for _, key := range derivedKeys {
		keys[key] = key != keyResourceAccount
	}
	for _, st := range statements {
		for i := range st.Conditions {
			c := &st.Conditions[i]
			key := strings.ToLower(c.Key)
			if !keys[key] {
				continue
			}
			if keys[key] = tellsCallers(key, c, st.variables); !strings.HasSuffix(c.Operator, "Null") {
				values[key] = unique(append(values[key], c.Values...))
			}
		}
	}
	const most = 64
	for key, list := range values {
		if len(list) > most {
			keys[key] = false
		}
		if !keys[key] {
			delete(values, key)
		}
	}
	return keys, values
}

// tellsCallers says whether a condition tells apart nothing but callers that it names.
func tellsCallers(key string, c *Condition, variables bool) bool {
	operator, _ := cutSet(c.Operator)
	base := strings.TrimSuffix(operator, "IfExists")
	if variables && slices.ContainsFunc(c.Values, func(v string) bool { return strings.Contains(v, "${") }) {
		return false
	}
	if base == "Null" || key == keyIsService || key == keyPrincipalType {
		return true
	}
	if familyOf(base) != familyText || strings.HasSuffix(base, "IgnoreCase") || strings.HasPrefix(base, "Binary") {
		return false
	}
	return !slices.ContainsFunc(c.Values, func(v string) bool { return strings.ContainsAny(v, "*?") })
}

// callerCondition is the predicate of a condition on a key that follows from the caller.
func (m *model) callerCondition(src *Condition, st *sourceStatement) *predicate {
	deny := st.Effect == Deny
	name := strings.ToLower(src.Key) + " " + nameOf(src.Operator, deny, st.variables, src.Values)
	return m.intern(dimensionCaller, name, func(p *predicate) {
		probe := newProbe(src, st)
		p.members = newBitset(len(m.callers))
		if probe.broken {
			m.left = -1 // compiled policies have no such condition; give up rather than guess
			return
		}
		m.spend(compileSteps + len(m.callers)*(probeSteps+len(name)/16))
		for i := range m.callers {
			if probe.holds(NewContext(m.callers[i].derived())) {
				p.members.set(i)
			}
		}
	})
}

// signers is the predicate of callers that sign their requests with credentials of an account.
func (m *model) signers() *predicate {
	return m.intern(dimensionCaller, "signers", func(p *predicate) {
		p.members = newBitset(len(m.callers))
		for i := range m.callers {
			if m.callers[i].principal.Kind == PrincipalAWS {
				p.members.set(i)
			}
		}
	})
}

// candidates are callers for a situation: the first that it allows, then those that have what the context says about
// them. Whether a request of theirs is added is for the evaluator to say.
func (m *model) candidates(s situation, context map[string][]string) iter.Seq[caller] {
	return func(yield func(caller) bool) {
		if len(m.callers) == 0 {
			if !yield(m.user()) {
				return
			}
		} else if i, ok := m.member(s.at(dimensionCaller), len(m.callers)); !ok || !yield(m.callers[i]) {
			return
		}
		if len(m.mentioned) == 0 {
			return
		}
		for i := range m.callers {
			if m.agrees(&m.callers[i], context) && !yield(m.callers[i]) {
				return
			}
		}
		made, ok := m.madeFor(context)
		if !ok || !yield(made) || len(m.callers) == 0 || len(context[keyResourceAccount]) > 0 {
			return
		}
		// Elsewhere the caller's own policies allow everything: an account that is named lets its own in then.
		if made.account = m.home; made.account == made.principal.Account {
			made.account = elsewhere
		}
		yield(made)
	}
}

// elsewhere is an account that no caller is of.
const elsewhere = "000000000001"

// agrees says whether a caller has what a context says about it.
func (m *model) agrees(c *caller, context map[string][]string) bool {
	m.spend(probeSteps)
	has := c.derived()
	for _, key := range m.mentioned {
		if values, ok := context[key]; ok && !slices.Equal(values, has[key]) {
			return false
		}
	}
	return true
}

// madeFor makes the caller that a context describes.
func (m *model) madeFor(context map[string][]string) (caller, bool) {
	one := func(key string) string {
		if values := context[key]; len(values) == 1 {
			return values[0]
		}
		return ""
	}
	made := m.user()
	if account := one(keyPrincipalAccount); isAccountID(account) {
		made.principal = memberOf(account)
	}
	if one(keyPrincipalType) == "AssumedRole" {
		made.principal = roleSession("arn:aws:iam::" + made.principal.Account + ":role/x")
	}
	if p, err := ParsePrincipal(one(keyPrincipalARN)); err == nil && p.Kind == PrincipalAWS {
		if made.principal = p; strings.Contains(p.ARN, ":role/") {
			made.principal = roleSession(p.ARN)
		}
	}
	made.account = made.principal.Account
	if account := one(keyResourceAccount); isAccountID(account) {
		made.account = account
	}
	return made, made.account != ""
}

func memberOf(account string) Principal {
	return Principal{ARN: "arn:aws:iam::" + account + ":user/x", Account: account}
}

// user is who makes requests when no policy names a principal.
func (m *model) user() caller { return caller{memberOf(m.home), m.home} }

// contextOf is what the caller makes of a situation's context: keys that follow from the caller are not free.
func contextOf(c *caller, context map[string][]string, keys []string) Context {
	out := map[string][]string{}
	for key, values := range context {
		if len(values) > 0 {
			out[key] = values
		}
	}
	has := c.derived()
	for _, key := range keys {
		delete(out, key)
		if values := has[key]; len(values) > 0 {
			out[key] = values
		}
	}
	return NewContext(out)
}
