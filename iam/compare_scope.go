package iam

import (
	"slices"
	"strings"
)

// scope is a part of all requests that is looked at by itself.
type scope uint8

const (
	scopeAll   scope = iota
	scopeTyped       // of actions that have resource types
	scopeStar        // of actions that have none: AWS asks for them on *
)

// scoped returns the literals of a scope.
func (m *model) scoped(s scope) []literal {
	if s == scopeAll {
		return nil
	}
	typed := m.intern(dimensionAction, "typed", func(p *predicate) { p.members = m.typed })
	if s == scopeTyped {
		return []literal{newLiteral(typed, true)}
	}
	star := m.intern(dimensionResource, "star", func(p *predicate) {
		l := wordLanguage("*")
		p.strings = &stringSet{lower: l, upper: l, patterns: []string{"star"}}
	})
	return []literal{newLiteral(typed, false), newLiteral(star, true)}
}

// wordLanguage is the language of one string.
func wordLanguage(text string) *language {
	l := &language{}
	l.add([]part{{kind: partText, text: text}}, nil)
	return l
}

// choose takes over what is known about actions.
func (c *comparison) choose(o CompareOptions) {
	c.names, c.scopes = o.Actions, []scope{scopeAll}
	for _, a := range o.Actions {
		c.actions = append(c.actions, strings.ToLower(a))
	}
	if o.Resources == nil || len(o.Actions) == 0 {
		return
	}
	c.resources, c.scopes, c.typed = o.Resources, []scope{scopeTyped, scopeStar}, newBitset(len(o.Actions))
	for i, a := range o.Actions {
		if patterns, known := o.Resources(a); !known || len(patterns) > 0 {
			c.typed.set(i)
		}
	}
}

// exempt allows what needs no permission, see [Request.needsNoPermission]. A role's session cannot call
// sts:GetSessionToken, so identity policies do not add it to anybody.
func (c *comparison) exempt() *sourceStatement {
	st := &Statement{Effect: Allow, Actions: []string{"sts:GetCallerIdentity"}, Resources: []string{"*"}}
	if len(c.callers) == 0 {
		st.Actions = append(st.Actions, "sts:GetSessionToken")
	}
	return &sourceStatement{Statement: st, exempt: true}
}

// homeOf is the account that the policies mention first, or one of AWS's documentation.
func homeOf(statements []*sourceStatement) string {
	for _, st := range statements {
		for _, pattern := range slices.Concat(st.Resources, st.NotResources) {
			if account := arnAccount(pattern); isAccountID(account) {
				return account
			}
		}
	}
	return exampleAccounts[0]
}
