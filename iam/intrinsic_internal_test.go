package iam

import "testing"

// TestFirstIntrinsic: no place that can hold a function call is forgotten, so that none is ever compiled.
func TestFirstIntrinsic(t *testing.T) {
	t.Parallel()
	call := Intrinsic(`{"Ref":"x"}`)
	here := Position{Line: 3, Column: 5}
	there := Position{Line: 4, Column: 7}
	in := func(st Statement) *Document {
		st.Pos = here
		return &Document{Statements: []Statement{{Sid: "a", Actions: []string{"a:b"}}, st}}
	}
	tests := map[string]struct {
		document *Document
		want     Position
	}{
		"policy":             {&Document{Intrinsic: call}, Position{}},
		"Version":            {&Document{Version: call}, Position{}},
		"Id":                 {&Document{ID: call}, Position{}},
		"Statement":          {&Document{StatementIntrinsic: call}, Position{}},
		"statement":          {in(Statement{Intrinsic: call}), here},
		"Sid":                {in(Statement{Sid: call}), here},
		"Effect":             {in(Statement{Effect: Effect(call)}), here},
		"Action":             {in(Statement{Actions: []string{"a:b", call}}), here},
		"NotAction":          {in(Statement{NotActions: []string{call}}), here},
		"Resource":           {in(Statement{Resources: []string{call}}), here},
		"NotResource":        {in(Statement{NotResources: []string{call}}), here},
		"Principal":          {in(Statement{Principals: []PrincipalPattern{{Kind: call}}}), here},
		"Principal's values": {in(Statement{Principals: []PrincipalPattern{{Kind: KindAWS, Values: []string{"*", call}}}}), here},
		"NotPrincipal":       {in(Statement{NotPrincipals: []PrincipalPattern{{Kind: call}}}), here},
		"Condition":          {in(Statement{Conditions: []Condition{{Operator: call, Pos: there}}}), there},
		"operator":           {in(Statement{Conditions: []Condition{{Operator: "Bool", Key: call, Pos: there}}}), there},
		"value":              {in(Statement{Conditions: []Condition{{Operator: "Bool", Key: "a:b", Values: []string{"true", call}}}}), here},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			json, pos, found := tt.document.firstIntrinsic()
			if !found || json != `{"Ref":"x"}` || pos != tt.want {
				t.Errorf("got %q at %v (%v), want %v", json, pos, found, tt.want)
			}
		})
	}
	if json, _, found := in(Statement{Sid: "plain", Effect: Allow}).firstIntrinsic(); found {
		t.Errorf("found %q where there is none", json)
	}
}
