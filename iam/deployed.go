package iam

import "slices"

// Deployed puts something known in the place of all that only CloudFormation knows: what speaks for a request (favourable), or
// against it. Whatever the values become, the policy is between the two. Statements keep their numbers and places. A document
// without such values is given back.
func (d *Document) Deployed(favourable bool) *Document {
	if !d.HasIntrinsics() {
		return d
	}
	out := *d
	if marked(out.Version) {
		out.Version = Version2012
	}
	if marked(out.ID) {
		out.ID = ""
	}
	trust := slices.ContainsFunc(d.Statements, func(st Statement) bool { return len(st.Principals)+len(st.NotPrincipals) > 0 })
	if marked(d.Intrinsic) || marked(d.StatementIntrinsic) {
		out.Intrinsic, out.StatementIntrinsic = "", ""
		// Whether it is a trust policy nobody can see: a statement that names everyone does for both.
		out.Statements = []Statement{openStatement(favourable, false), openStatement(favourable, true)}
		return &out
	}
	out.Statements = slices.Clone(d.Statements)
	for i := range out.Statements {
		pin(&out.Statements[i], favourable, trust)
	}
	return &out
}

func marked(s string) bool {
	_, ok := IntrinsicJSON(s)
	return ok
}

// openStatement is a statement that may be any.
func openStatement(favourable, everyone bool) Statement {
	st := Statement{Effect: Deny, Actions: []string{"*"}}
	if favourable {
		st.Effect = Allow
	}
	if everyone {
		st.Principals = []PrincipalPattern{{Kind: AnyPrincipal}}
	} else {
		st.Resources = []string{"*"}
	}
	return st
}

// noAction is one that no request has: a statement with it applies to nothing.
const noAction = "slipway:Never"

// pin is Deployed for one statement.
func pin(st *Statement, favourable, trust bool) {
	if marked(st.Intrinsic) || marked(string(st.Effect)) {
		pos := st.Pos
		*st = openStatement(favourable, trust)
		st.Pos = pos
		return
	}
	if marked(st.Sid) {
		st.Sid = ""
	}
	wide := (st.Effect == Allow) == favourable
	none := false
	pinList(&st.Actions, wide, &none)
	pinList(&st.Resources, wide, &none)
	pinNot(&st.NotActions, &st.Actions, wide, &none)
	pinNot(&st.NotResources, &st.Resources, wide, &none)
	pinPrincipals(st, wide, &none)
	st.Conditions = slices.Clone(st.Conditions)
	st.Conditions = slices.DeleteFunc(st.Conditions, func(c Condition) bool {
		if !marked(c.Operator) && !marked(c.Key) && !slices.ContainsFunc(c.Values, marked) {
			return false
		}
		none = none || !wide
		return true
	})
	if none {
		st.Actions, st.NotActions = []string{noAction}, nil
	}
}

// pinList pins values of which one must match: an unknown one matches what it can, or nothing.
func pinList(list *[]string, wide bool, none *bool) {
	if !slices.ContainsFunc(*list, marked) {
		return
	}
	var out []string
	for _, v := range *list {
		switch {
		case !marked(v):
			out = append(out, v)
		case wide:
			out = append(out, IntrinsicPattern(v))
		}
	}
	if *list = out; len(out) == 0 {
		*list, *none = []string{"*"}, true
	}
}

// pinNot pins values of which none may match.
func pinNot(list, positive *[]string, wide bool, none *bool) {
	if !slices.ContainsFunc(*list, marked) {
		return
	}
	*none = *none || !wide
	*list = slices.DeleteFunc(slices.Clone(*list), marked)
	if len(*list) == 0 {
		*list, *positive = nil, []string{"*"}
	}
}

// pinPrincipals pins who is meant.
func pinPrincipals(st *Statement, wide bool, none *bool) {
	unknown := func(p PrincipalPattern) bool { return marked(p.Kind) || slices.ContainsFunc(p.Values, marked) }
	if slices.ContainsFunc(st.NotPrincipals, unknown) {
		*none = *none || !wide
		st.NotPrincipals, st.Principals = nil, []PrincipalPattern{{Kind: AnyPrincipal}}
	}
	if !slices.ContainsFunc(st.Principals, unknown) {
		return
	}
	if wide {
		st.Principals = []PrincipalPattern{{Kind: AnyPrincipal}}
		return
	}
	var out []PrincipalPattern
	for _, p := range st.Principals {
		p.Values = slices.DeleteFunc(slices.Clone(p.Values), marked)
		if !marked(p.Kind) && len(p.Values) > 0 {
			out = append(out, p)
		}
	}
	if st.Principals = out; len(out) == 0 {
		st.Principals, *none = []PrincipalPattern{{Kind: AnyPrincipal}}, true
	}
}
