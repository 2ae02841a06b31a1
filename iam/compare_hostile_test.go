package iam_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/iam"
)

func compareDocument(tb testing.TB, statements []iam.Statement) *iam.Policy {
	tb.Helper()
	p, err := iam.Compile(&iam.Document{Name: "hostile", Version: iam.Version2012, Statements: statements})
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// manyStatements have nothing in common but their number.
func manyStatements(n int, suffix string) (out []iam.Statement) {
	for i := range n {
		out = append(out, iam.Statement{
			Effect: iam.Allow, Actions: []string{fmt.Sprintf("s%d:Get%d*", i%100, i)},
			Resources:  []string{fmt.Sprintf("arn:aws:s%d:::bucket-%d/%s*", i%100, i, suffix)},
			Conditions: []iam.Condition{{Operator: "StringLike", Key: fmt.Sprintf("k:%d", i), Values: []string{"a*"}}},
		})
	}
	return out
}

func oneStatement(effect iam.Effect, action, resource string, conditions ...iam.Condition) []iam.Statement {
	return []iam.Statement{{Effect: effect, Actions: []string{action}, Resources: []string{resource}, Conditions: conditions}}
}

// pigeons say that one of n+1 pigeons has no hole of n, or that two share one: always true, and hard to prove.
func pigeons(n int) (out []iam.Statement) {
	key := func(pigeon, hole int) string { return fmt.Sprintf("k:%d-%d", pigeon, hole) }
	is := func(operator string, keys ...string) {
		st := oneStatement(iam.Allow, "*", "*")[0]
		for _, k := range keys {
			st.Conditions = append(st.Conditions, iam.Condition{Operator: operator, Key: k, Values: []string{"in"}})
		}
		out = append(out, st)
	}
	for p := range n + 1 {
		var keys []string
		for h := range n {
			keys = append(keys, key(p, h))
			for q := range p {
				is("ForAnyValue:StringEquals", key(p, h), key(q, h))
			}
		}
		is("ForAllValues:StringNotEquals", keys...)
	}
	return out
}

func TestCompareHostileInputEnds(t *testing.T) {
	t.Parallel()
	stars := strings.Repeat("*a", 1000) + "*"
	var values []string
	for i := range 1000 {
		values = append(values, fmt.Sprintf("s:A%d*x", i))
	}
	lists := []iam.Statement{{Effect: iam.Allow, Actions: values, Resources: values}}
	tests := map[string]struct {
		old, new []iam.Statement
		want     string // the verdicts that are right
	}{
		"10,000 statements, equal":     {manyStatements(10_000, ""), manyStatements(10_000, ""), "no more permissive"},
		"10,000 statements, narrower":  {manyStatements(10_000, ""), manyStatements(10_000, "x"), "no more permissive, cannot tell"},
		"10,000 statements, wider":     {manyStatements(10_000, "x"), manyStatements(10_000, ""), "more permissive, cannot tell"},
		"10,000 statements, all":       {manyStatements(10_000, "x"), oneStatement(iam.Allow, "*", "*"), "more permissive, cannot tell"},
		"a thousand stars":             {oneStatement(iam.Allow, "*", stars), oneStatement(iam.Allow, "*", "b"+stars), "no more permissive"},
		"a thousand stars, wider":      {oneStatement(iam.Allow, "*", "b"+stars), oneStatement(iam.Allow, "*", stars), "more permissive"},
		"a thousand stars, backwards":  {oneStatement(iam.Allow, "*", stars+"b*"), oneStatement(iam.Allow, "*", "*b"+stars), "more permissive, cannot tell"},
		"a million actions and things": {nil, lists, "more permissive"},
		"the same, allowed":            {oneStatement(iam.Allow, "s:*", "s:*"), lists, "no more permissive"},
		"question marks": {
			oneStatement(iam.Allow, "*", "*a"+strings.Repeat("?", 60)),
			oneStatement(iam.Allow, "*", "*b"+strings.Repeat("?", 60)+"*"), "more permissive, cannot tell",
		},
		"pigeons":      {pigeons(9), oneStatement(iam.Allow, "*", "*"), "no more permissive, cannot tell"},
		"few pigeons":  {pigeons(3), oneStatement(iam.Allow, "*", "*"), "no more permissive"},
		"long literal": {oneStatement(iam.Allow, "*", strings.Repeat("a", 1<<20)), oneStatement(iam.Allow, "*", strings.Repeat("a", 1<<20)+"*"), "more permissive, cannot tell"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			old, new := []*iam.Policy{compareDocument(t, tt.old)}, []*iam.Policy{compareDocument(t, tt.new)}
			start := time.Now()
			c := iam.Compare(old, new, iam.CompareOptions{})
			took := time.Since(start)
			t.Logf("%s after %s, %d additions, %d unclear", c.Verdict, took.Round(time.Millisecond), len(c.Added), len(c.Unclear))
			if took > time.Minute { // it takes about two seconds; other tests and the race detector run beside it
				t.Errorf("took %s", took)
			}
			if !strings.Contains(", "+tt.want+", ", ", "+c.Verdict.String()+", ") {
				t.Errorf("got %s, want %s", c.Verdict, tt.want)
			}
			if len(c.Added) > 100 {
				c.Added = c.Added[:100]
			}
			verifyComparison(t, c, old, new)
		})
	}
}

func BenchmarkCompare(b *testing.B) {
	before := deployRole(b).Identity
	var after []*iam.Policy
	for i, p := range before {
		d := *p.Document()
		d.Statements = append([]iam.Statement(nil), d.Statements...)
		if st := &d.Statements[i]; i == 1 { // one of thirty statements gains an action, another one a resource
			st.Actions = append([]string{"ec2:Describe*"}, st.Actions...)
		} else {
			st.Resources = append([]string{"arn:aws:ec2:eu-west-1:*:instance/i-*"}, st.Resources...)
		}
		changed, err := iam.Compile(&d)
		if err != nil {
			b.Fatal(err)
		}
		after = append(after, changed)
	}
	b.ReportAllocs()
	for b.Loop() {
		if c := iam.Compare(before, after, iam.CompareOptions{}); c.Verdict != iam.MorePermissive || len(c.Unclear) > 0 {
			b.Fatalf("%s: %v", c.Verdict, c.Unclear)
		}
	}
}
