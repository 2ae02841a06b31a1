package iam_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/slipway-cd/slipway/iam"
)

// The small world in which everything can be tried out: patterns and values over few letters.
var (
	smallPatterns  = []string{"*", "a", "b", "A", "a*", "*b", "*a*", "?", "?a", "ab", "a?*", "??*", "*a?", "b*b"}
	smallResources = append([]string{"arn:a*:b", "arn:a*b:*", "arn:*a:?", "arn:*:*:*:*:*", "arn:*b:a*", "arn:?*", "arn:?b:*", "${*}", "a${?}"}, smallPatterns...)
	smallTexts     = []string{"", "a", "b", "A", "a*", "*b", "?", "ab", "a?*", "*", "${*}", "é*", "É"}
	smallARNs      = []string{"*", "a:::::*", "a:?::::b", "*:::::b*", "a*:*:*:*:*:a"}
	smallNumbers   = []string{"1", "2", "3.0"}
)

// words lists all strings over an alphabet up to a length, the empty one not.
func words(alphabet string, length int) (out []string) {
	last := []string{""}
	for range length {
		var next []string
		for _, w := range last {
			for _, r := range alphabet {
				next = append(next, w+string(r))
			}
		}
		out, last = append(out, next...), next
	}
	return out
}

var (
	smallActions  = words("abc", 3)
	smallRequests = func() []string {
		out := append(words("abcA", 2), "*", "aab", "bab", "a?")
		for _, w := range words("ab:", 4) {
			out = append(out, "arn:"+w)
		}
		return append(out, "arn:::::", "arn:aa:b", "arn:a::b:b:c")
	}()
	smallValues = [][]string{
		nil, {""}, {"a"}, {"b"}, {"A"}, {"aa"}, {"ab"}, {"ba"}, {"*"}, {"é"}, {"É"}, {"éa"}, {"c"}, {"true"}, {"FALSE"}, {"a:::::b"},
		{"a::::::a"}, {"a:b::::b"}, {"", ""}, {"a", "b"}, {"a", ""}, {"a", "a"}, {"b", "ab"}, {"c", "a"}, {"é", "c"},
		{"a:::::b", "a"}, {"true", "false"}, {"true", "c"},
	}
	smallQuantities = [][]string{
		nil, {""}, {"x"}, {"0"}, {"1"}, {"1.5"}, {"2"}, {"2.5"}, {"3"}, {"4"}, {"1", "2"}, {"x", "3"}, {"", ""}, {"0", ""}, {"4", "1.5"},
	}
)

func drawSmallCondition(t *rapid.T) iam.Condition {
	kind := rapid.IntRange(0, 9).Draw(t, "kind")
	c := iam.Condition{Key: "k"}
	var operators, values []string
	switch {
	case kind == 0:
		return iam.Condition{Operator: "Null", Key: "k", Values: []string{rapid.SampledFrom([]string{"true", "false"}).Draw(t, "null")}}
	case kind == 1:
		operators, values = []string{"Bool"}, []string{"true", "false", "True"}
	case kind <= 3:
		operators, values = []string{"ArnLike", "ArnNotEquals"}, smallARNs
	case kind <= 5:
		c.Key = "n"
		operators = []string{"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericGreaterThanEquals"}
		values = smallNumbers
	default:
		operators = []string{"StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"}
		values = smallTexts
	}
	c.Operator = rapid.SampledFrom([]string{"", "", "", "ForAllValues:", "ForAnyValue:"}).Draw(t, "set") +
		rapid.SampledFrom(operators).Draw(t, "operator") + rapid.SampledFrom([]string{"", "", "IfExists"}).Draw(t, "suffix")
	c.Values = rapid.SliceOfN(rapid.SampledFrom(values), 1, 2).Draw(t, "values")
	return c
}

func drawSmallStatement(t *rapid.T) iam.Statement {
	st := iam.Statement{Effect: rapid.SampledFrom([]iam.Effect{iam.Allow, iam.Allow, iam.Deny}).Draw(t, "effect")}
	list := func(label string, from []string) []string {
		return rapid.SliceOfN(rapid.SampledFrom(from), 1, 2).Draw(t, label)
	}
	if rapid.IntRange(0, 3).Draw(t, "notaction") == 0 {
		st.NotActions = list("actions", smallPatterns)
	} else {
		st.Actions = list("actions", smallPatterns)
	}
	if rapid.IntRange(0, 3).Draw(t, "notresource") == 0 {
		st.NotResources = list("resources", smallResources)
	} else {
		st.Resources = list("resources", smallResources)
	}
	for range rapid.SampledFrom([]int{0, 0, 1, 1, 2}).Draw(t, "conditions") {
		c := drawSmallCondition(t)
		if !slices.ContainsFunc(st.Conditions, func(o iam.Condition) bool { return o.Operator == c.Operator && o.Key == c.Key }) {
			st.Conditions = append(st.Conditions, c)
		}
	}
	return st
}

func drawSmallPolicy(t *rapid.T, label string) *iam.Policy {
	d := &iam.Document{Name: label, Version: iam.Version2012, Statements: rapid.SliceOfN(rapid.Custom(drawSmallStatement), 1, 4).Draw(t, label)}
	p, err := iam.Compile(d)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// drawChanged draws another policy: one that has nothing to do with the first, or the first with one element changed.
func drawChanged(t *rapid.T, p *iam.Policy) *iam.Policy {
	if rapid.IntRange(0, 2).Draw(t, "unrelated") == 0 {
		return drawSmallPolicy(t, "new")
	}
	d := *p.Document()
	d.Statements = slices.Clone(d.Statements)
	st := &d.Statements[rapid.IntRange(0, len(d.Statements)-1).Draw(t, "changed")]
	other := drawSmallStatement(t)
	switch rapid.IntRange(0, 4).Draw(t, "element") {
	case 0:
		st.Actions, st.NotActions = other.Actions, other.NotActions
	case 1:
		st.Resources, st.NotResources = other.Resources, other.NotResources
	case 2:
		st.Conditions = other.Conditions
	case 3:
		d.Statements = append(d.Statements, other)
	default:
		*st = other
	}
	changed, err := iam.Compile(&d)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

// smallContexts are those that the policies can tell apart.
func smallContexts(policies ...*iam.Policy) (out []iam.Context) {
	used := map[string]bool{}
	for _, p := range policies {
		for _, st := range p.Document().Statements {
			for _, c := range st.Conditions {
				used[c.Key] = true
			}
		}
	}
	ks, ns := [][]string{nil}, [][]string{nil}
	if used["k"] {
		ks = smallValues
	}
	if used["n"] {
		ns = smallQuantities
	}
	for _, k := range ks {
		for _, n := range ns {
			out = append(out, iam.NewContext(map[string][]string{"k": k, "n": n}))
		}
	}
	return out
}

// representatives keeps one word for each way in which the policies' patterns match.
func representatives(candidates []string, policies []*iam.Policy, request func(string) iam.Request, lists func(*iam.Statement) []string) (out []string) {
	var probes []*iam.PolicySet
	for _, p := range policies {
		for i := range p.Document().Statements {
			for _, pattern := range lists(&p.Document().Statements[i]) {
				probes = append(probes, patternProbe(pattern, request("").Action == ""))
			}
		}
	}
	seen := map[string]bool{}
	for _, w := range candidates {
		r := request(w)
		if r.Action == "" {
			r.Action = "x"
		}
		var key strings.Builder
		for _, probe := range probes {
			key.WriteByte('0' + byte(probe.Evaluate(&r).Outcome))
		}
		if !seen[key.String()] {
			seen[key.String()] = true
			out = append(out, w)
		}
	}
	return out
}

func patternProbe(pattern string, resource bool) *iam.PolicySet {
	st := iam.Statement{Effect: iam.Allow, Actions: []string{pattern}, Resources: []string{"*"}}
	if resource {
		st.Actions, st.Resources = st.Resources, st.Actions
	}
	p, err := iam.Compile(&iam.Document{Version: iam.Version2012, Statements: []iam.Statement{st}})
	if err != nil {
		return &iam.PolicySet{}
	}
	return &iam.PolicySet{Identity: []*iam.Policy{p}}
}

// counterexample tries everything in the small world.
func counterexample(old, new *iam.Policy) *iam.Request {
	both := []*iam.Policy{old, new}
	who := iam.Principal{ARN: "arn:aws:iam::123456789012:user/x", Account: "123456789012"}
	acts := representatives(smallActions, both, func(w string) iam.Request {
		return iam.Request{Principal: who, Account: who.Account, Action: w, Resource: "*"}
	}, func(st *iam.Statement) []string { return append(slices.Clone(st.Actions), st.NotActions...) })
	things := representatives(smallRequests, both, func(w string) iam.Request {
		return iam.Request{Principal: who, Account: who.Account, Resource: w}
	}, func(st *iam.Statement) []string { return append(slices.Clone(st.Resources), st.NotResources...) })
	before, after := iam.PolicySet{Identity: []*iam.Policy{old}}, iam.PolicySet{Identity: []*iam.Policy{new}}
	contexts := smallContexts(old, new)
	for _, action := range acts {
		for _, resource := range things {
			for _, context := range contexts {
				r := iam.Request{Principal: who, Account: who.Account, Action: action, Resource: resource, Context: context}
				if after.Allowed(&r) && !before.Allowed(&r) {
					return &r
				}
			}
		}
	}
	return nil
}

func TestCompareAgreesWithExhaustion(t *testing.T) {
	t.Parallel()
	verdicts := map[iam.CompareVerdict]int{}
	rapid.Check(t, func(t *rapid.T) {
		old := drawSmallPolicy(t, "old")
		new := drawChanged(t, old)
		c := iam.Compare([]*iam.Policy{old}, []*iam.Policy{new}, iam.CompareOptions{})
		verifySmall(t, c, old, new)
		verdicts[c.Verdict]++
		if c.Verdict == iam.CannotTell {
			t.Fatalf("%s\n%s\ncannot tell: %v", old.Document().JSON(), new.Document().JSON(), c.Unclear)
		}
		if r := counterexample(old, new); r != nil && c.Verdict == iam.NoMorePermissive {
			t.Fatalf("%s\n%s\nno more permissive, but for %s", old.Document().JSON(), new.Document().JSON(), requestText(r))
		}
	})
	if !t.Failed() && (verdicts[iam.NoMorePermissive] == 0 || verdicts[iam.MorePermissive] == 0) {
		t.Errorf("only %v: the property shows nothing", verdicts)
	}
	t.Log(verdicts)
}

// verifySmall is verifyComparison for rapid.
func verifySmall(t *rapid.T, c iam.Comparison, old, new *iam.Policy) {
	for _, a := range c.Added {
		if !compareAllowed([]*iam.Policy{new}, &a.Request) || compareAllowed([]*iam.Policy{old}, &a.Request) {
			t.Fatalf("%s\n%s\nnot added: %s", old.Document().JSON(), new.Document().JSON(), requestText(&a.Request))
		}
	}
}

func TestCompareIsReflexive(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := drawSmallPolicy(t, "p")
		d := *p.Document()
		d.Statements = rapid.Permutation(d.Statements).Draw(t, "order")
		again, err := iam.Compile(&d)
		if err != nil {
			t.Fatal(err)
		}
		if c := iam.Compare([]*iam.Policy{p}, []*iam.Policy{again}, iam.CompareOptions{}); c.Verdict != iam.NoMorePermissive {
			t.Fatalf("%s\n%v", d.JSON(), additions(c))
		}
	})
}

func TestCompareIsTransitive(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawSmallPolicy(t, "a"), drawSmallPolicy(t, "b"), drawSmallPolicy(t, "c")
		noMore := func(old, new *iam.Policy) bool {
			return iam.Compare([]*iam.Policy{old}, []*iam.Policy{new}, iam.CompareOptions{}).Verdict == iam.NoMorePermissive
		}
		if noMore(a, b) && noMore(b, c) && !noMore(a, c) {
			t.Fatalf("%s\n%s\n%s", a.Document().JSON(), b.Document().JSON(), c.Document().JSON())
		}
	})
}

// TestCompareAnythingIsSafe uses the policies of the evaluator's own properties, with variables and all kinds of values:
// whatever the answer, it is not contradicted by requests that are drawn.
func TestCompareAnythingIsSafe(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		old, err := iam.Compile(drawDocument(t, false))
		if err != nil {
			t.Fatal(err)
		}
		new, err := iam.Compile(drawDocument(t, false))
		if err != nil {
			t.Fatal(err)
		}
		c := iam.Compare([]*iam.Policy{old}, []*iam.Policy{new}, iam.CompareOptions{})
		verifySmall(t, c, old, new)
		before, after := iam.PolicySet{Identity: []*iam.Policy{old}}, iam.PolicySet{Identity: []*iam.Policy{new}}
		for range 20 {
			r := drawRequest(t)
			r.Principal, r.Account = iam.Principal{ARN: "arn:aws:iam::123456789012:user/x", Account: "123456789012"}, "123456789012"
			if c.Verdict == iam.NoMorePermissive && after.Allowed(r) && !before.Allowed(r) {
				t.Fatalf("%s\n%s\nno more permissive, but for %s", old.Document().JSON(), new.Document().JSON(), requestText(r))
			}
		}
	})
}
