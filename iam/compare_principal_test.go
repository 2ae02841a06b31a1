package iam_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/slipway-cd/slipway/iam"
)

const secondSession = "arn:aws:sts::" + home + ":assumed-role/Other/run"

// smallCallers are principals that policies of drawAttached name, and others, in and outside of the resource's account.
func smallCallers() (out []iam.Request) {
	for _, p := range []iam.Principal{
		{ARN: userARN, Account: home},
		{ARN: "arn:aws:iam::" + home + ":user/bob", Account: home},
		{ARN: "arn:aws:iam::" + home + ":root", Account: home},
		{ARN: "arn:aws:iam::" + other + ":user/ann", Account: other},
		{ARN: "arn:aws:iam::999988887777:user/ann", Account: "999988887777"},
		{ARN: sessionARN, RoleARN: roleARN, Account: home},
		{ARN: sessionARN, RoleARN: "arn:aws:iam::" + home + ":role/Deploy", Account: home},
		{ARN: sessionARN + "2", RoleARN: roleARN, Account: home},
		{ARN: secondSession, RoleARN: "arn:aws:iam::" + home + ":role/Other", Account: home},
		{Kind: iam.PrincipalFederated, ARN: provider, Account: home},
		{Kind: iam.PrincipalService, ARN: "ec2.amazonaws.com"},
		{Kind: iam.PrincipalService, ARN: "ssm.amazonaws.com"},
		{Kind: iam.PrincipalAnonymous},
	} {
		for _, owner := range []string{p.Account, "000011112222"} {
			out = append(out, iam.Request{Principal: p, Account: owner})
		}
	}
	return out
}

// drawAttached draws a policy of a resource, or of a role's trust: statements that name principals.
func drawAttached(t *rapid.T, label string, trust bool) *iam.Policy {
	d := &iam.Document{Name: label, Version: iam.Version2012}
	for range rapid.IntRange(1, 4).Draw(t, label) {
		st := iam.Statement{
			Effect:  rapid.SampledFrom([]iam.Effect{iam.Allow, iam.Allow, iam.Deny}).Draw(t, "effect"),
			Actions: some(t, "actions", []string{"*", "a:b", "a:c", "a:*"}, 1),
		}
		if !trust {
			st.Resources = some(t, "resources", []string{"*", "r", "s"}, 1)
		}
		if list := drawPrincipals(t); rapid.IntRange(0, 3).Draw(t, "notprincipal") == 0 {
			st.NotPrincipals = list
		} else {
			st.Principals = list
		}
		d.Statements = append(d.Statements, st)
	}
	p, err := iam.Compile(d)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestComparePrincipalsAgreeWithExhaustion(t *testing.T) {
	t.Parallel()
	verdicts := map[iam.CompareVerdict]int{}
	rapid.Check(t, func(t *rapid.T) {
		trust := rapid.Bool().Draw(t, "trust")
		old, new := drawAttached(t, "old", trust), drawAttached(t, "new", trust)
		c := iam.Compare([]*iam.Policy{old}, []*iam.Policy{new}, iam.CompareOptions{})
		verifySmall(t, c, old, new)
		verdicts[c.Verdict]++
		if c.Verdict == iam.CannotTell {
			t.Fatalf("%s\n%s\ncannot tell: %v", old.Document().JSON(), new.Document().JSON(), c.Unclear)
		}
		if c.Verdict == iam.MorePermissive {
			return
		}
		for _, r := range smallCallers() {
			for _, r.Action = range []string{"a:b", "a:c", "a:d", "x:y"} {
				for _, r.Resource = range []string{"r", "s", "*"} {
					if compareAllowed([]*iam.Policy{new}, &r) && !compareAllowed([]*iam.Policy{old}, &r) {
						t.Fatalf("%s\n%s\nno more permissive, but for %s by %+v in %s",
							old.Document().JSON(), new.Document().JSON(), requestText(&r), r.Principal, r.Account)
					}
				}
			}
		}
	})
	if !t.Failed() && (verdicts[iam.NoMorePermissive] == 0 || verdicts[iam.MorePermissive] == 0) {
		t.Errorf("only %v: the property shows nothing", verdicts)
	}
}

// An account that is named lets in those of its own whom a pattern of aws:PrincipalArn means: one more is found, as somebody whose own
// policies allow it.
func TestCompareRootWithPatternsOfCallers(t *testing.T) {
	t.Parallel()
	trust := func(patterns ...string) *iam.Policy {
		p, err := iam.Compile(&iam.Document{Name: "trust", Version: iam.Version2012, Statements: []iam.Statement{{
			Effect: iam.Allow, Actions: []string{"sts:AssumeRole"},
			Principals: []iam.PrincipalPattern{{Kind: iam.KindAWS, Values: []string{"arn:aws:iam::" + home + ":root"}}},
			Conditions: []iam.Condition{{Operator: "ArnLike", Key: "aws:PrincipalArn", Values: patterns}},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	const role = "arn:aws:iam::" + home + ":role/"
	for name, test := range map[string]struct {
		old, new *iam.Policy
		want     iam.CompareVerdict
	}{
		"another role":          {trust(role + "ops/*"), trust(role+"ops/*", role+"another"), iam.MorePermissive},
		"another pattern":       {trust(role + "ops/*"), trust(role+"ops/*", role+"team/??"), iam.MorePermissive},
		"a wider pattern":       {trust(role + "ops/*"), trust(role + "*"), iam.MorePermissive},
		"a role within":         {trust(role + "ops/*"), trust(role+"ops/*", role+"ops/OnCall"), iam.NoMorePermissive},
		"one fewer":             {trust(role+"ops/*", role+"another"), trust(role + "ops/*"), iam.NoMorePermissive},
		"the same, turned":      {trust(role+"a", role+"b"), trust(role+"b", role+"a"), iam.NoMorePermissive},
		"a narrower pattern":    {trust(role + "*"), trust(role + "team/??"), iam.NoMorePermissive},
		"from nobody to a role": {trust("arn:aws:iam::" + other + ":role/x"), trust(role + "x"), iam.MorePermissive},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := iam.Compare([]*iam.Policy{test.old}, []*iam.Policy{test.new}, iam.CompareOptions{})
			if c.Verdict != test.want {
				t.Errorf("got %v, want %v: %+v", c.Verdict, test.want, c.Unclear)
			}
			for _, a := range c.Added {
				if !compareAllowed([]*iam.Policy{test.new}, &a.Request) || compareAllowed([]*iam.Policy{test.old}, &a.Request) {
					t.Errorf("the example shows nothing: %s by %+v in %s", requestText(&a.Request), a.Request.Principal, a.Request.Account)
				}
			}
		})
	}
}
