package iam_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/slipway-cd/slipway/iam"
)

// The generators draw from small sets, so that statements and requests meet often.

const (
	home  = "111122223333"
	other = "444455556666"

	userARN    = "arn:aws:iam::" + home + ":user/ann"
	roleARN    = "arn:aws:iam::" + home + ":role/ci/Deploy"
	sessionARN = "arn:aws:sts::" + home + ":assumed-role/Deploy/run"
	provider   = "arn:aws:iam::" + home + ":oidc-provider/token.actions.githubusercontent.com"
)

var (
	actions   = []string{"ssm:SendCommand", "ssm:sendcommand", "SSM:*", "ssm:Get*", "ssm:?etParameter", "s3:GetObject", "*", "s3:*Object", "*:Send*"}
	resources = []string{
		"*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/${aws:username, 'all'}",
		"arn:aws:s3:::b/${*}", "arn:*:s3:*:b/a?n", "arn:aws:s3:::b/*n*/*", "arn:aws:ssm:*:" + home + ":document/*", "arn:aws:s3:::B/*",
	}
	principals = []string{"*", home, other, "arn:aws:iam::" + home + ":root", userARN, roleARN, sessionARN, "arn:aws:iam::" + home + ":user/*"}
	requested  = []string{
		"*", "arn:aws:s3:::b/ann", "arn:aws:s3:::b/ann/x", "arn:aws:s3:::b/all", "arn:aws:s3:::b/*",
		"arn:aws:ssm:eu-west-1:" + home + ":document/d",
	}
	texts = []string{"ann", "Ann", "a*", "?nn", "${aws:username}", "${k:list, 'ann'}", "", "é", "É"}
)

// The values that each family of operators takes.
var families = []struct{ operators, values []string }{
	{[]string{"StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"}, texts},
	{[]string{"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals"},
		[]string{"0", "-1", "1", "1.50", "007", "10"}},
	{[]string{"DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals"},
		[]string{"2026-01-01T00:00:00Z", "1767225600", "2026-01-01T01:00:00+01:00", "2027-01-01T00:00:00.5Z"}},
	{[]string{"Bool"}, []string{"true", "false"}},
	{[]string{"IpAddress", "NotIpAddress"}, []string{"10.0.0.0/8", "10.1.2.3", "2001:db8::/32", "2001:db8::1", "0.0.0.0/0"}},
	{[]string{"ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"}, []string{"*", "arn:aws:s3:::b", "arn:*:s3:::*", "arn:aws:sns:*:*:t?pic", "arn:aws:iam::1:user/${aws:username}"}},
}

var contextValues = []string{
	"ann", "ANN", "a*", "", "é", "É", "1", "1.5", "-1", "7", "true", "false", "10.1.2.3", "2001:db8::1", "192.0.2.1",
	"2026-01-01T00:00:00Z", "1767225600", "arn:aws:s3:::b", "arn:aws:sns:eu-west-1:1:topic", "arn:aws:iam::1:user/ann", "x",
}

var keys = []string{"aws:username", "k:one", "k:list"}

func some(t *rapid.T, label string, from []string, atLeast int) []string {
	return rapid.SliceOfN(rapid.SampledFrom(from), atLeast, 3).Draw(t, label)
}

func drawConditions(t *rapid.T) []iam.Condition {
	var out []iam.Condition
	seen := map[[2]string]bool{}
	for range rapid.SampledFrom([]int{0, 0, 1, 1, 2}).Draw(t, "conditions") {
		family := rapid.SampledFrom(families).Draw(t, "family")
		c := iam.Condition{
			Operator: rapid.SampledFrom([]string{"", "", "ForAllValues:", "ForAnyValue:"}).Draw(t, "set") +
				rapid.SampledFrom(family.operators).Draw(t, "operator") +
				rapid.SampledFrom([]string{"", "IfExists"}).Draw(t, "suffix"),
			Key:    rapid.SampledFrom(keys).Draw(t, "key"),
			Values: some(t, "values", family.values, 0),
		}
		if rapid.IntRange(0, 9).Draw(t, "null") == 0 {
			c.Operator, c.Values = "Null", some(t, "absent", []string{"true", "false"}, 1)[:1]
		}
		if id := [2]string{c.Operator, c.Key}; !seen[id] {
			seen[id] = true
			out = append(out, c)
		}
	}
	return out
}

func drawPrincipals(t *rapid.T) []iam.PrincipalPattern {
	switch rapid.IntRange(0, 5).Draw(t, "principals") {
	case 0:
		return []iam.PrincipalPattern{{Kind: iam.AnyPrincipal}}
	case 1:
		return []iam.PrincipalPattern{{Kind: iam.KindFederated, Values: []string{provider}}}
	case 2:
		return []iam.PrincipalPattern{
			{Kind: iam.KindService, Values: []string{"ec2.amazonaws.com"}},
			{Kind: iam.KindAWS, Values: some(t, "aws", principals, 1)},
		}
	default:
		return []iam.PrincipalPattern{{Kind: iam.KindAWS, Values: some(t, "aws", principals, 1)}}
	}
}

// drawStatement draws a statement of an identity policy, or of one that names its principals.
func drawStatement(t *rapid.T, attached bool) iam.Statement {
	st := iam.Statement{
		Sid:        rapid.SampledFrom([]string{"", "One", "Two"}).Draw(t, "sid"),
		Effect:     rapid.SampledFrom([]iam.Effect{iam.Allow, iam.Allow, iam.Allow, iam.Deny}).Draw(t, "effect"),
		Conditions: drawConditions(t),
	}
	if list := some(t, "actions", actions, 1); rapid.IntRange(0, 4).Draw(t, "notaction") == 0 {
		st.NotActions = list
	} else {
		st.Actions = list
	}
	if list := some(t, "resources", resources, 1); rapid.IntRange(0, 4).Draw(t, "notresource") == 0 {
		st.NotResources = list
	} else {
		st.Resources = list
	}
	if !attached {
		return st
	}
	if list := drawPrincipals(t); rapid.IntRange(0, 4).Draw(t, "notprincipal") == 0 {
		st.NotPrincipals = list
	} else {
		st.Principals = list
	}
	return st
}

func drawDocument(t *rapid.T, attached bool) *iam.Document {
	d := &iam.Document{
		Name:    "doc",
		Version: rapid.SampledFrom([]string{iam.Version2012, iam.Version2012, iam.Version2008, ""}).Draw(t, "version"),
	}
	for range rapid.IntRange(0, 4).Draw(t, "statements") {
		d.Statements = append(d.Statements, drawStatement(t, attached))
	}
	return d
}

func drawRequest(t *rapid.T) *iam.Request {
	context := map[string][]string{}
	for _, key := range keys {
		if n := rapid.SampledFrom([]int{0, 1, 1, 1, 2}).Draw(t, "values"); n > 0 {
			context[key] = rapid.SliceOfN(rapid.SampledFrom(contextValues), n, n).Draw(t, key)
		}
	}
	return &iam.Request{
		Principal: rapid.SampledFrom([]iam.Principal{
			{ARN: userARN, Account: home},
			{ARN: sessionARN, RoleARN: roleARN, Account: home},
			{ARN: sessionARN, RoleARN: roleARN, Account: home},
			{Kind: iam.PrincipalFederated, ARN: provider, Account: home},
			{Kind: iam.PrincipalService, ARN: "ec2.amazonaws.com"},
			{Kind: iam.PrincipalAnonymous},
		}).Draw(t, "principal"),
		Action:   rapid.SampledFrom([]string{"ssm:SendCommand", "ssm:GetParameter", "s3:GetObject", "S3:PutObject"}).Draw(t, "action"),
		Resource: rapid.SampledFrom(requested).Draw(t, "resource"),
		Account:  rapid.SampledFrom([]string{home, home, other}).Draw(t, "account"),
		Context:  iam.NewContext(context),
	}
}

// drawDocuments draws what applies to a request, by layer.
func drawDocuments(t *rapid.T) map[iam.Layer][]*iam.Document {
	docs := map[iam.Layer][]*iam.Document{}
	for range rapid.IntRange(1, 2).Draw(t, "identity") {
		docs[iam.LayerIdentity] = append(docs[iam.LayerIdentity], drawDocument(t, false))
	}
	for _, layer := range []iam.Layer{iam.LayerBoundary, iam.LayerSession, iam.LayerTrust, iam.LayerResource} {
		if rapid.IntRange(0, 3).Draw(t, layer.String()) == 3 {
			docs[layer] = []*iam.Document{drawDocument(t, layer >= iam.LayerTrust)}
		}
	}
	return docs
}

func compileAll(t *rapid.T, docs map[iam.Layer][]*iam.Document) *iam.PolicySet {
	compiled := map[iam.Layer][]*iam.Policy{}
	for layer, list := range docs {
		for _, d := range list {
			p, err := iam.Compile(d)
			if err != nil {
				t.Fatalf("%s: %v", d.JSON(), err)
			}
			compiled[layer] = append(compiled[layer], p)
		}
	}
	first := func(l iam.Layer) *iam.Policy {
		if len(compiled[l]) == 0 {
			return nil
		}
		return compiled[l][0]
	}
	return &iam.PolicySet{
		Identity: compiled[iam.LayerIdentity], Boundary: first(iam.LayerBoundary), Session: compiled[iam.LayerSession],
		Trust: first(iam.LayerTrust), Resource: first(iam.LayerResource),
	}
}

func TestCompiledEqualsReference(t *testing.T) {
	t.Parallel()
	seen := map[iam.Outcome]int{}
	rapid.Check(t, func(t *rapid.T) {
		docs := drawDocuments(t)
		set := compileAll(t, docs)
		for range 20 {
			seen[compareWithReference(t, docs, set, drawRequest(t))]++
		}
	})
	for _, o := range []iam.Outcome{iam.Allowed, iam.ImplicitlyDenied, iam.ExplicitlyDenied} {
		if !t.Failed() && seen[o] == 0 {
			t.Errorf("no request drawn was %s: the property shows nothing about it", o)
		}
	}
	t.Log(seen)
}

func compareWithReference(t *rapid.T, docs map[iam.Layer][]*iam.Document, set *iam.PolicySet, r *iam.Request) iam.Outcome {
	ref := reference{set: docs, limited: map[iam.Layer]bool{}, request: r}
	for layer := range docs {
		ref.limited[layer] = true
	}
	want, got := ref.outcome(), set.Evaluate(r)
	if got.Outcome != want {
		for layer, list := range docs {
			for _, d := range list {
				t.Logf("%s: %s", layer, d.JSON())
			}
		}
		t.Fatalf("got %s, reference says %s", got.Outcome, want)
	}
	if set.Allowed(r) != (want == iam.Allowed) {
		t.Fatalf("Allowed disagrees with Evaluate")
	}
	if (len(got.Decisive) == 0) != (want == iam.ImplicitlyDenied) || (got.Layer == iam.LayerNone) != (want == iam.Allowed) {
		t.Fatalf("%s with layer %s and %d decisive statements", want, got.Layer, len(got.Decisive))
	}
	return want
}

func TestAddingADenyNeverAllows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		docs, request := drawDocuments(t), drawRequest(t)
		before := compileAll(t, docs).Evaluate(request)
		for layer, list := range docs {
			deny := drawStatement(t, layer >= iam.LayerTrust)
			deny.Effect = iam.Deny
			changed := *list[0]
			changed.Statements = append(changed.Statements[:len(changed.Statements):len(changed.Statements)], deny)
			docs[layer] = append([]*iam.Document{&changed}, list[1:]...)
		}
		after := compileAll(t, docs).Evaluate(request)
		if after.Outcome == iam.Allowed && before.Outcome != iam.Allowed {
			t.Fatalf("was %s, and allowed after adding denials", before.Outcome)
		}
	})
}

func TestOrderOfStatementsIsIrrelevant(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		docs, request := drawDocuments(t), drawRequest(t)
		before := compileAll(t, docs).Evaluate(request)
		for layer, list := range docs {
			changed := *list[0]
			changed.Statements = rapid.Permutation(changed.Statements).Draw(t, "order")
			docs[layer] = append([]*iam.Document{&changed}, list[1:]...)
		}
		after := compileAll(t, docs).Evaluate(request)
		if before.Outcome != after.Outcome || before.Layer != after.Layer || len(before.Decisive) != len(after.Decisive) {
			t.Fatalf("%v became %v", before, after)
		}
	})
}

// equalDocuments compares documents, positions aside; JSON has one way to say an empty list.
var equalDocuments = cmp.Options{
	cmpopts.IgnoreTypes(iam.Position{}), cmpopts.EquateEmpty(),
}

func TestJSONReadsBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := drawDocument(t, rapid.Bool().Draw(t, "attached"))
		d.ID = rapid.SampledFrom([]string{"", `an "id" <&> \`}).Draw(t, "id")
		text := d.JSON()
		back, err := iam.Parse("doc", text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if again := back.JSON(); string(again) != string(text) {
			t.Fatalf("prints differently:\n%s\n%s", text, again)
		}
		for i := range d.Statements {
			groupByOperator(&d.Statements[i])
		}
		if diff := cmp.Diff(d, back, equalDocuments); diff != "" {
			t.Fatal(diff)
		}
	})
}

// groupByOperator puts conditions in the order that JSON has them in.
func groupByOperator(st *iam.Statement) {
	var out []iam.Condition
	for i, c := range st.Conditions {
		first := true
		for _, earlier := range st.Conditions[:i] {
			first = first && earlier.Operator != c.Operator
		}
		for _, later := range st.Conditions[i:] {
			if first && later.Operator == c.Operator {
				out = append(out, later)
			}
		}
	}
	st.Conditions = out
}
