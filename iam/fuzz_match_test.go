package iam_test

import (
	"testing"
	"unicode/utf8"

	"github.com/slipway-cd/slipway/iam"
)

// fuzzable says whether the texts are what a request or a policy can hold, and short enough for the slow reference.
func fuzzable(texts ...string) bool {
	for _, s := range texts {
		if len(s) > 200 || !utf8.ValidString(s) {
			return false
		}
	}
	return true
}

// compareOne compiles a policy of one statement, which the compiler may refuse, and compares with the reference.
func compareOne(t *testing.T, version string, st iam.Statement, r *iam.Request) {
	t.Helper()
	docs := documents{iam.LayerIdentity: {{{Name: "fuzz", Version: version, Statements: []iam.Statement{st}}}}}
	set, err := compileDocuments(docs)
	if err != nil {
		return
	}
	compareWithReference(t, docs, set, r)
}

func versionOf(old bool) string {
	if old {
		return iam.Version2008
	}
	return iam.Version2012
}

func FuzzResource(f *testing.F) {
	f.Add("arn:aws:s3:::b/*n?", "arn:aws:s3:::b/ann", "ann", false, false)
	f.Add("arn:aws:*:b:c*:**:${k:one}*", "arn:aws:s3:x:b:cc:d:ann", "ann", true, false)
	f.Add("arn:a*b:*:${k:one}?:*", "arn:ab:x:y:z", "y:", false, false)
	f.Add("arn:*s:s*3:*1:a:b*?c:*:x", "arn:aws:s3:s3:1:a:bbc:c:x:x", "", false, true)
	f.Add("arn:?:*é*:É*", "arn:a:É:é", "", false, false)
	f.Add("arn:*?*x*:?y*:*z", "arn:aax:xy:::z", "", false, false)
	f.Fuzz(func(t *testing.T, pattern, resource, value string, not, old bool) {
		if !fuzzable(pattern, resource, value) || pattern == "" {
			t.Skip()
		}
		st := iam.Statement{Effect: iam.Allow, Actions: []string{"*"}, Resources: []string{pattern}}
		if not {
			st.Resources, st.NotResources = nil, st.Resources
		}
		compareOne(t, versionOf(old), st, &iam.Request{
			Principal: drawnCallers[0], Action: "a:b", Resource: resource, Account: home,
			Context: iam.NewContext(map[string][]string{"k:one": {value}}),
		})
	})
}

func FuzzARN(f *testing.F) {
	f.Add("arn:aws:s3:::b/*", "arn:aws:s3:::b/ann", "ann", uint8(0))
	f.Add("arn:*:${k:one}::*:x:y*", "arn:aws:s3:::x:y:z", "s3", uint8(1))
	f.Add("${k:one}:*", "arn:aws:s3:::x", "arn:aws:s3", uint8(2))
	f.Add("*", "arn:aws:s3", "", uint8(3))
	operators := families[len(families)-1].operators
	f.Fuzz(func(t *testing.T, pattern, arn, value string, which uint8) {
		if !fuzzable(pattern, arn, value) {
			t.Skip()
		}
		compareCondition(t, operators[int(which)%len(operators)], pattern, []string{arn}, value, which >= 128)
	})
}

// compareCondition compares a statement with one condition on k:list, under both effects.
func compareCondition(t *testing.T, operator, want string, has []string, variable string, old bool) {
	t.Helper()
	for _, effect := range []iam.Effect{iam.Allow, iam.Deny} {
		compareOne(t, versionOf(old), iam.Statement{
			Effect: effect, Actions: []string{"*"}, Resources: []string{"*"},
			Conditions: []iam.Condition{{Operator: operator, Key: "k:list", Values: []string{want}}},
		}, &iam.Request{
			Principal: drawnCallers[0], Action: "a:b", Resource: "*", Account: home,
			Context: iam.NewContext(map[string][]string{"k:list": has, "k:one": {variable}}),
		})
	}
}

func FuzzVariables(f *testing.F) {
	f.Add("home/${k:one}/*", "home/ann/x", "ann", uint8(0))
	f.Add("${k:none, 'all'}${*}${?}${$}{k:one}", "all*?${k:one}", "x", uint8(1))
	f.Add("${ K:One }$${k:one}", "É$é", "é", uint8(4))
	f.Add("${k:list,'}'}", "}", "", uint8(2))
	f.Add("${k:none,' '}*\u212a", " k", "", uint8(132))
	operators := families[0].operators
	f.Fuzz(func(t *testing.T, pattern, value, variable string, which uint8) {
		if !fuzzable(pattern, value, variable) {
			t.Skip()
		}
		compareCondition(t, operators[int(which)%len(operators)], pattern, []string{value}, variable, which >= 128)
	})
}

func FuzzCondition(f *testing.F) {
	f.Add(uint8(8), uint8(0), "1.50", "1.5", "")
	f.Add(uint8(14), uint8(3), "2026-01-01T00:00:00Z", "1767225600", "2026")
	f.Add(uint8(21), uint8(1), "::ffff:10.0.0.0/104", "10.1.2.3", "::1")
	f.Add(uint8(22), uint8(2), "10.0.0.0/8", "::ffff:10.1.2.3", "x")
	f.Add(uint8(19), uint8(5), "TRUE", "false", "True")
	f.Add(uint8(0), uint8(0), "true", "", "")
	operators := allOperators()
	f.Fuzz(func(t *testing.T, which, form uint8, want, first, second string) {
		if !fuzzable(want, first, second) {
			t.Skip()
		}
		operator := []string{"", "ForAllValues:", "ForAnyValue:"}[form%3] + operators[int(which)%len(operators)]
		if form%2 == 1 {
			operator += "IfExists"
		}
		has := []string{first, second}[:form/6%3]
		compareCondition(t, operator, want, has, first, form >= 128)
	})
}
