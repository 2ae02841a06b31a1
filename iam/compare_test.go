package iam_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
)

// comparePolicy compiles statements given as JSON, with single quotes for double ones.
func comparePolicy(tb testing.TB, version, statements string) *iam.Policy {
	tb.Helper()
	p, err := iam.ParsePolicy("p", []byte(strings.ReplaceAll(
		fmt.Sprintf(`{'Version': '%s', 'Statement': [%s]}`, version, statements), "'", `"`)))
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func compareTexts(tb testing.TB, old, new string, o iam.CompareOptions) iam.Comparison {
	tb.Helper()
	a, b := comparePolicy(tb, iam.Version2012, old), comparePolicy(tb, iam.Version2012, new)
	c := iam.Compare([]*iam.Policy{a}, []*iam.Policy{b}, o)
	verifyComparison(tb, c, []*iam.Policy{a}, []*iam.Policy{b})
	return c
}

// verifyComparison checks what every comparison promises: verdict and lists agree, and what is added is added.
func verifyComparison(tb testing.TB, c iam.Comparison, old, new []*iam.Policy) {
	tb.Helper()
	want := iam.NoMorePermissive
	if len(c.Added) > 0 {
		want = iam.MorePermissive
	} else if len(c.Unclear) > 0 {
		want = iam.CannotTell
	}
	if c.Verdict != want {
		tb.Errorf("verdict %s with %d additions and %d unclear", c.Verdict, len(c.Added), len(c.Unclear))
	}
	for _, a := range c.Added {
		if !compareAllowed(new, &a.Request) || compareAllowed(old, &a.Request) {
			tb.Errorf("%s %s: request is not added: %s", a.Action, a.Resource, requestText(&a.Request))
		}
	}
	for _, u := range c.Unclear {
		if u.Why == "" {
			tb.Errorf("unclear without a reason: %+v", u)
		}
	}
}

// delegating is a resource policy that leaves every decision to the identity policies of an account.
func delegating(account string) *iam.Policy {
	p, err := iam.ParsePolicy("gate", []byte(`{"Version": "2012-10-17", "Statement":
		{"Effect": "Allow", "Principal": {"AWS": "`+account+`"}, "Action": "*", "Resource": "*"}}`))
	if err != nil {
		panic(err)
	}
	return p
}

// compareAllowed evaluates as the documentation of Addition says.
func compareAllowed(policies []*iam.Policy, r *iam.Request) bool {
	attached, resources := false, false
	for _, p := range policies {
		for _, st := range p.Document().Statements {
			attached = attached || len(st.Principals)+len(st.NotPrincipals) > 0
			resources = resources || len(st.Resources)+len(st.NotResources) > 0
		}
	}
	if !attached {
		return (&iam.PolicySet{Identity: policies, Resource: delegating(r.Principal.Account)}).Allowed(r)
	}
	allowed := false
	for _, p := range policies {
		set := iam.PolicySet{Resource: p}
		if !resources {
			set = iam.PolicySet{Trust: p}
		}
		if r.Principal.Account != r.Account {
			set.Identity = []*iam.Policy{iam.AllowAll("all")}
		}
		switch set.Evaluate(r).Outcome {
		case iam.ExplicitlyDenied:
			return false
		case iam.Allowed:
			allowed = true
		}
	}
	return allowed
}

func requestText(r *iam.Request) string {
	text := r.Action + " " + r.Resource
	for _, key := range r.Context.Keys() {
		values, _ := json.Marshal(r.Context.Get(key))
		text += " " + key + "=" + string(values)
	}
	return text
}

func additions(c iam.Comparison) (out []string) {
	for _, a := range c.Added {
		out = append(out, fmt.Sprintf("%s on %s: %s", a.Action, a.Resource, requestText(&a.Request)))
	}
	for _, u := range c.Unclear {
		out = append(out, fmt.Sprintf("%s on %s unclear: %s", u.Action, u.Resource, u.Why))
	}
	return out
}

// get is an Allow of s3:GetObject on bucket b with a condition.
func get(condition string) string {
	return `{'Effect': 'Allow', 'Action': 's3:GetObject', 'Resource': 'arn:aws:s3:::b/x', 'Condition': {` + condition + `}}`
}

func statementText(effect, action, resource string) string {
	return fmt.Sprintf(`{'Effect': '%s', 'Action': '%s', 'Resource': '%s'}`, effect, action, resource)
}

// compareTest has the additions wanted; none means: no more permissive.
type compareTest struct {
	old, new string
	want     []string
}

func runCompare(t *testing.T, o iam.CompareOptions, tests map[string]compareTest) {
	t.Helper()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, additions(compareTexts(t, tt.old, tt.new, o))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCompareActionsAndResources(t *testing.T) {
	t.Parallel()
	object := statementText("Allow", "s3:GetObject", "arn:aws:s3:::b/*")
	runCompare(t, iam.CompareOptions{}, map[string]compareTest{
		"equal":     {old: object, new: object},
		"reordered": {old: object + "," + statementText("Allow", "ssm:*", "*"), new: statementText("Allow", "ssm:*", "*") + "," + object},
		"split": {
			old: `{'Effect': 'Allow', 'Action': ['a:x', 'a:y'], 'Resource': ['r', 's']}`,
			new: statementText("Allow", "a:x", "r") + "," + statementText("Allow", "a:x", "s") + "," + statementText("Allow", "a:y", "r"),
		},
		"joined": {
			old:  statementText("Allow", "a:x", "r") + "," + statementText("Allow", "a:y", "s"),
			new:  `{'Effect': 'Allow', 'Action': ['a:x', 'a:y'], 'Resource': ['r', 's']}`,
			want: []string{"a:x on s: a:x s", "a:y on r: a:y r"},
		},
		"covered by two together": {
			old: statementText("Allow", "a:x*", "*") + `,{'Effect': 'Allow', 'NotAction': 'a:xy*', 'Resource': 'r*'}`,
			new: statementText("Allow", "a:*", "r1"), // a:x…: the first; everything else: the second
		},
		"case of actions":   {old: object, new: statementText("Allow", "S3:getobject", "arn:aws:s3:::b/*")},
		"case of resources": {old: object, new: statementText("Allow", "s3:GetObject", "arn:aws:s3:::B/*"), want: []string{"s3:GetObject on arn:aws:s3:::B/*: s3:GetObject arn:aws:s3:::B/x"}},
		"narrower":          {old: object, new: statementText("Allow", "s3:GetObject", "arn:aws:s3:::b/a*z")},
		"wider resource":    {old: statementText("Allow", "s3:GetObject", "arn:aws:s3:::b/a*"), new: object, want: []string{"s3:GetObject on arn:aws:s3:::b/*: s3:GetObject arn:aws:s3:::b/x"}},
		"wider action":      {old: object, new: statementText("Allow", "s3:Get*", "arn:aws:s3:::b/*"), want: []string{"s3:Get* on arn:aws:s3:::b/*: s3:Getx arn:aws:s3:::b/x"}},
		"all":               {old: object, new: statementText("Allow", "*", "*"), want: []string{"* on *: x:x arn:aws:x:us-east-1:123456789012:x"}},
		"from nothing":      {old: statementText("Deny", "a:b", "*"), new: object, want: []string{"s3:GetObject on arn:aws:s3:::b/*: s3:GetObject arn:aws:s3:::b/x"}},
		"to nothing":        {old: object, new: statementText("Deny", "s3:GetObject", "*")},
		"deny added":        {old: statementText("Allow", "s3:*", "*"), new: statementText("Allow", "s3:*", "*") + "," + statementText("Deny", "s3:Put*", "*")},
		"deny removed": {
			old:  statementText("Allow", "s3:*", "*") + "," + statementText("Deny", "s3:Put*", "arn:aws:s3:::b/*"),
			new:  statementText("Allow", "s3:*", "*"),
			want: []string{"s3:Put* on arn:aws:s3:::b/*: s3:Putx arn:aws:s3:::b/x"},
		},
		"deny makes up for a star": {
			old: `{'Effect': 'Allow', 'NotAction': 'iam:*', 'Resource': '*'}`,
			new: statementText("Allow", "*", "*") + "," + statementText("Deny", "iam:*", "*"),
		},
		"deny does not make up for a star": {
			old:  `{'Effect': 'Allow', 'NotAction': ['iam:*', 'sts:*'], 'Resource': '*'}`,
			new:  statementText("Allow", "*", "*") + "," + statementText("Deny", "iam:*", "*"),
			want: []string{"* on *: sts:x arn:aws:sts:us-east-1:123456789012:x"},
		},
		"not action": {
			old:  `{'Effect': 'Allow', 'NotAction': ['iam:*', 'sts:*'], 'Resource': '*'}`,
			new:  `{'Effect': 'Allow', 'NotAction': 'iam:*', 'Resource': '*'}`,
			want: []string{"not iam:* on *: sts:x arn:aws:sts:us-east-1:123456789012:x"},
		},
		"not resource": {
			old:  `{'Effect': 'Allow', 'Action': 's3:GetObject', 'NotResource': ['arn:aws:s3:::a/*', 'arn:aws:s3:::b/*']}`,
			new:  `{'Effect': 'Allow', 'Action': 's3:GetObject', 'NotResource': 'arn:aws:s3:::a/*'}`,
			want: []string{"s3:GetObject on not arn:aws:s3:::a/*: s3:GetObject arn:aws:s3:::b/x"},
		},
		"question marks":      {old: statementText("Allow", "a:b", "???*"), new: statementText("Allow", "a:b", "*?*??")},
		"one more":            {old: statementText("Allow", "a:b", "????*"), new: statementText("Allow", "a:b", "arn*"), want: []string{"a:b on arn*: a:b arn"}},
		"star inside of part": {old: statementText("Allow", "a:b", "arn:aws:s3:*:*:b"), new: statementText("Allow", "a:b", "arn:aws:s3:a*b:c:b")},
		"star at the end of a part reaches further": {
			old:  statementText("Allow", "a:b", "arn:aws:s3:a*c:*:b"),
			new:  statementText("Allow", "a:b", "arn:aws:s3:a*:c:b"),
			want: []string{"a:b on arn:aws:s3:a*:c:b: a:b arn:aws:s3:a:123456789012:c:b"},
		},
	})
}

func TestCompareKnownActions(t *testing.T) {
	t.Parallel()
	runCompare(t, iam.CompareOptions{Actions: []string{"s3:GetObject", "s3:PutObject", "ssm:GetParameter"}}, map[string]compareTest{
		"an action that exists": {
			old:  statementText("Allow", "s3:GetObject", "*"),
			new:  statementText("Allow", "s3:*Object", "arn:aws:s3:::b"),
			want: []string{"s3:*Object on arn:aws:s3:::b: s3:PutObject arn:aws:s3:::b"},
		},
		"only actions that do not exist": {
			old: statementText("Allow", "s3:GetObject", "*") + "," + statementText("Allow", "s3:PutObject", "*"),
			new: `{'Effect': 'Allow', 'Action': ['s3:*', 'ec2:*'], 'Resource': '*'}`,
		},
		"not action": {
			old:  statementText("Allow", "s3:GetObject", "*"),
			new:  `{'Effect': 'Allow', 'NotAction': 's3:Put*', 'Resource': '*'}`,
			want: []string{"not s3:Put* on *: ssm:GetParameter arn:aws:ssm:us-east-1:123456789012:x"},
		},
	})
}

func TestCompareConditions(t *testing.T) {
	t.Parallel()
	const on = "s3:GetObject on arn:aws:s3:::b/x: s3:GetObject arn:aws:s3:::b/x"
	runCompare(t, iam.CompareOptions{}, map[string]compareTest{
		"added":                  {old: get(""), new: get(`'StringEquals': {'k': 'v'}`)},
		"removed":                {old: get(`'StringEquals': {'k': 'v'}`), new: get(""), want: []string{on}},
		"another value":          {old: get(`'StringEquals': {'k': 'v'}`), new: get(`'StringEquals': {'K': ['v', 'w']}`), want: []string{on + ` k=["w"]`}},
		"case of values":         {old: get(`'StringEqualsIgnoreCase': {'k': 'V'}`), new: get(`'StringEquals': {'K': ['v', 'V']}`)},
		"case, other way":        {old: get(`'StringEquals': {'k': 'v'}`), new: get(`'StringEqualsIgnoreCase': {'k': 'v'}`), want: []string{on + ` k=["V"]`}},
		"like includes like":     {old: get(`'StringLike': {'k': 'a*'}`), new: get(`'StringLike': {'k': ['a*b', 'a?c*']}`)},
		"like, wider":            {old: get(`'StringLike': {'k': 'a*b'}`), new: get(`'StringLike': {'k': 'a*'}`), want: []string{on + ` k=["ax"]`}},
		"like includes equals":   {old: get(`'StringLike': {'k': 'refs/heads/*'}`), new: get(`'StringEquals': {'k': 'refs/heads/main'}`)},
		"literal star in equals": {old: get(`'StringEquals': {'k': 'a*'}`), new: get(`'StringLike': {'k': 'a${*}'}`)},
		"negated":                {old: get(`'StringNotEquals': {'k': 'v'}`), new: get(`'StringNotEquals': {'k': ['v', 'w']}`)},
		"negated, wider":         {old: get(`'StringNotEquals': {'k': ['v', 'w']}`), new: get(`'StringNotEquals': {'k': ['v']}`), want: []string{on + ` k=["w"]`}},
		"negated, absent":        {old: get(`'StringEquals': {'k': 'v'}`), new: get(`'StringNotEquals': {'k': 'w'}`), want: []string{on}},
		"null and negated":       {old: get(`'StringNotLike': {'k': 'v*'}`), new: get(`'Null': {'k': 'true'}`)},
		"null false":             {old: get(`'StringLike': {'k': '?*'}`), new: get(`'StringLike': {'k': '*'}, 'Null': {'k': 'false'}`)},
		"if exists":              {old: get(`'StringEqualsIfExists': {'k': 'v'}`), new: get(`'StringEquals': {'k': 'v'}`)},
		"if exists, wider":       {old: get(`'StringEquals': {'k': 'v'}`), new: get(`'StringEqualsIfExists': {'k': 'v'}`), want: []string{on}},
		"by absence or value": {
			old: get(`'StringEquals': {'k': 'v'}`) + "," + get(`'Null': {'k': 'true'}`), new: get(`'StringEqualsIfExists': {'k': 'v'}`),
		},
		"two keys": {
			old:  get(`'StringEquals': {'k': 'v', 'l': 'v'}`),
			new:  get(`'StringEquals': {'k': 'v'}, 'StringLike': {'l': 'v*'}`),
			want: []string{on + ` k=["v"] l=["vx"]`},
		},
		"contradictory": {old: statementText("Allow", "a:b", "*"), new: get(`'StringEquals': {'k': 'v'}, 'StringNotEquals': {'k': 'v'}`)},
		"arn like": {
			old: get(`'ArnLike': {'k': 'arn:aws:sns:*:111122223333:*'}`), new: get(`'ArnEquals': {'k': 'arn:aws:sns:eu-*:111122223333:a:b*'}`),
		},
		"arn like, parts": {
			old:  get(`'ArnLike': {'k': 'arn:aws:sns:*:111122223333:t'}`),
			new:  get(`'StringLike': {'k': 'arn:aws:sns:*:111122223333:t'}`),
			want: []string{on + ` k=["arn:aws:sns:::111122223333:t"]`},
		},
		"arn, all":      {old: get(`'ArnLike': {'k': '*'}`), new: get(`'ArnLike': {'k': 'arn:*:*:*:*:*'}`)},
		"bool":          {old: get(`'Bool': {'k': ['true', 'false']}`), new: get(`'Bool': {'k': 'True'}`)},
		"bool, other":   {old: get(`'Bool': {'k': 'true'}`), new: get(`'Bool': {'k': 'false'}`), want: []string{on + ` k=["false"]`}},
		"bool, absent":  {old: get(`'Bool': {'k': 'true'}`), new: get(`'BoolIfExists': {'k': 'true'}`), want: []string{on}},
		"numbers":       {old: get(`'NumericLessThan': {'k': '10'}`), new: get(`'NumericLessThanEquals': {'k': '9.99'}`)},
		"numbers, gap":  {old: get(`'NumericLessThan': {'k': '10'}`) + "," + get(`'NumericGreaterThan': {'k': '10'}`), new: get(`'NumericLessThan': {'k': '20'}`), want: []string{on + ` k=["10"]`}},
		"numbers, all":  {old: get(`'NumericLessThan': {'k': '10'}`) + "," + get(`'NumericGreaterThanEquals': {'k': '10'}`), new: get(""), want: []string{on}},
		"dates":         {old: get(`'DateLessThan': {'k': '2026-01-01'}`), new: get(`'DateLessThan': {'k': '1735689600'}`)},
		"dates, later":  {old: get(`'DateLessThan': {'k': '2026-01-01'}`), new: get(`'DateLessThan': {'k': '2027-01-01T00:00:00Z'}`), want: []string{on + ` k=["2026-01-01T00:00:00Z"]`}},
		"address":       {old: get(`'IpAddress': {'k': '10.0.0.0/8'}`), new: get(`'IpAddress': {'k': ['10.1.0.0/16', '10.2.3.4']}`)},
		"address, both": {old: get(`'IpAddress': {'k': ['10.0.0.0/9', '10.128.0.0/9']}`), new: get(`'IpAddress': {'k': '10.0.0.0/8'}`)},
		"address, more": {old: get(`'IpAddress': {'k': '10.0.0.0/9'}`), new: get(`'IpAddress': {'k': '10.0.0.0/8'}`), want: []string{on + ` k=["10.128.0.0"]`}},
		"address, not":  {old: get(`'NotIpAddress': {'k': '10.0.0.0/8'}`), new: get(`'NotIpAddress': {'k': ['10.0.0.0/8', '::/0']}`)},
		"all values": {
			old: get(`'ForAllValues:StringLike': {'k': 'a*'}`), new: get(`'ForAllValues:StringEquals': {'k': ['a', 'ab']}`),
		},
		"any value": {
			old:  get(`'ForAnyValue:StringLike': {'k': 'a*'}`),
			new:  get(`'ForAnyValue:StringLike': {'k': ['a*', 'b']}`),
			want: []string{on + ` k=["b"]`},
		},
		"all and any": {
			old: get(`'ForAnyValue:StringEquals': {'k': 'a'}`) + "," + get(`'ForAnyValue:StringEquals': {'k': 'b'}`) + "," + get(`'Null': {'k': 'true'}`),
			new: get(`'ForAllValues:StringEquals': {'k': ['a', 'b']}, 'Null': {'k': 'false'}`),
		},
		"only with two values": {
			old:  get(`'ForAllValues:StringEquals': {'k': ['a']}`) + "," + get(`'ForAllValues:StringEquals': {'k': ['b']}`),
			new:  get(`'ForAllValues:StringEquals': {'k': ['a', 'b']}`),
			want: []string{on + ` k=["a","b"]`},
		},
	})
}

func TestCompareVariables(t *testing.T) {
	t.Parallel()
	home := func(resource string) string {
		return statementText("Allow", "s3:GetObject", "arn:aws:s3:::b/"+resource)
	}
	const object = "s3:GetObject arn:aws:s3:::b/"
	runCompare(t, iam.CompareOptions{}, map[string]compareTest{
		"equal":            {old: home("${aws:username}/*"), new: home("${aws:username}/*")},
		"within a star":    {old: home("*"), new: home("${aws:username}/*")},
		"equal, denied":    {old: home("*") + "," + statementText("Deny", "*", "${k}"), new: home("*") + "," + statementText("Deny", "*", "${k}")},
		"a star to a name": {old: home("${aws:username}/*"), new: home("${aws:username}/x")},
		"a slash more":     {old: home("${aws:username}*"), new: home("${aws:username}/x")},
		"two names":        {old: home("${aws:username}/${k}/*"), new: home("${aws:username}/${k}/x")},
		"from one":         {old: home("bob/*"), new: home("${aws:username}/*"), want: []string{"s3:GetObject on arn:aws:s3:::b/${aws:username}/*: " + object + `x/x aws:username=["x"]`}},
		"to one":           {old: home("${aws:username}/*"), new: home("bob/*"), want: []string{"s3:GetObject on arn:aws:s3:::b/bob/*: " + object + "bob/x"}},
		"to the only one": {
			old: home("${aws:username}"),
			new: `{'Effect': 'Allow', 'Action': 's3:GetObject', 'Resource': 'arn:aws:s3:::b/bob', 'Condition': {'StringEquals': {'aws:username': 'bob'}}}`,
		},
		"to one that is another": {
			old:  home("${aws:username}"),
			new:  `{'Effect': 'Allow', 'Action': 's3:GetObject', 'Resource': 'arn:aws:s3:::b/bob', 'Condition': {'StringEquals': {'aws:username': ['bob', 'ann']}}}`,
			want: []string{"s3:GetObject on arn:aws:s3:::b/bob: " + object + `bob aws:username=["ann"]`},
		},
		"hard to find": { // a key with several values is no variable: only that makes a difference
			old: home("${aws:username}"),
			new: `{'Effect': 'Allow', 'Action': 's3:GetObject', 'Resource': 'arn:aws:s3:::b/bob',
				'Condition': {'ForAllValues:StringEquals': {'aws:username': 'bob'}, 'Null': {'aws:username': 'false'}}}`,
			want: []string{"s3:GetObject on arn:aws:s3:::b/bob unclear: it depends on ${aws:username}: " +
				"no value that was tried shows a difference, and none can be ruled out"},
		},
		"tags": {
			old:  get(`'StringEquals': {'aws:ResourceTag/team': '${aws:PrincipalTag/team}'}`),
			new:  get(`'StringEquals': {'aws:ResourceTag/team': ['${aws:PrincipalTag/team}', 'all']}`),
			want: []string{"s3:GetObject on arn:aws:s3:::b/x: s3:GetObject arn:aws:s3:::b/x " + `aws:principaltag/team=["x"] aws:resourcetag/team=["all"]`},
		},
		"mixed": {
			old:  get(`'NumericLessThan': {'k': '10'}`),
			new:  get(`'StringLike': {'k': '1?'}`),
			want: []string{"s3:GetObject on arn:aws:s3:::b/x: s3:GetObject arn:aws:s3:::b/x " + `k=["1x"]`},
		},
	})
}

func TestCompareOldVersionHasNoVariables(t *testing.T) {
	t.Parallel()
	text := statementText("Allow", "s3:GetObject", "arn:aws:s3:::b/${aws:username}")
	old, new := comparePolicy(t, iam.Version2008, text), comparePolicy(t, iam.Version2012, text)
	c := iam.Compare([]*iam.Policy{old}, []*iam.Policy{new}, iam.CompareOptions{})
	verifyComparison(t, c, []*iam.Policy{old}, []*iam.Policy{new})
	if c.Verdict != iam.MorePermissive {
		t.Errorf("variables come to life: %s", c.Verdict)
	}
	c = iam.Compare([]*iam.Policy{new}, []*iam.Policy{old}, iam.CompareOptions{})
	verifyComparison(t, c, []*iam.Policy{new}, []*iam.Policy{old})
	if c.Verdict != iam.MorePermissive {
		t.Errorf("the text itself: %s", c.Verdict)
	}
}

func TestComparePrincipals(t *testing.T) {
	t.Parallel()
	to := func(principal string) string {
		return `{'Effect': 'Allow', 'Principal': ` + principal + `, 'Action': 's3:GetObject', 'Resource': '*'}`
	}
	const user = `{'AWS': 'arn:aws:iam::111122223333:user/ann'}`
	verdicts := map[string]struct {
		old, new string
		want     iam.CompareVerdict
		who      string
	}{
		"equal":             {to(user), to(user), iam.NoMorePermissive, ""},
		"everyone":          {to(`{'AWS': '*'}`), to(user), iam.NoMorePermissive, ""},
		"to everyone":       {to(user), to(`'*'`), iam.MorePermissive, "arn:aws:iam::123456789012:user/x"},
		"another":           {to(user), to(`{'AWS': ['arn:aws:iam::111122223333:user/ann', 'arn:aws:iam::111122223333:user/bob']}`), iam.MorePermissive, "arn:aws:iam::111122223333:user/bob"},
		"named in account":  {to(`{'AWS': '111122223333'}`), to(user), iam.MorePermissive, "arn:aws:iam::111122223333:user/ann"},
		"account as root":   {to(`{'AWS': '111122223333'}`), to(`{'AWS': 'arn:aws:iam::111122223333:root'}`), iam.NoMorePermissive, ""},
		"account and named": {to(`{'AWS': ['111122223333', 'arn:aws:iam::111122223333:user/ann']}`), to(user), iam.NoMorePermissive, ""},
		"session of a role": {to(`{'AWS': 'arn:aws:iam::111122223333:role/ci/R'}`), to(`{'AWS': 'arn:aws:sts::111122223333:assumed-role/R/s'}`), iam.NoMorePermissive, ""},
		"service":           {to(user), to(`{'Service': 'ec2.amazonaws.com'}`), iam.MorePermissive, "ec2.amazonaws.com"},
		"deny lifted": {
			to(`'*'`) + `,{'Effect': 'Deny', 'Principal': {'AWS': '111122223333'}, 'Action': '*', 'Resource': '*'}`,
			to(`'*'`), iam.MorePermissive, "arn:aws:iam::111122223333:user/x",
		},
		"not principal": {
			to(`'*'`) + `,{'Effect': 'Deny', 'NotPrincipal': {'AWS': ['111122223333', 'arn:aws:iam::111122223333:user/ann']}, 'Action': '*', 'Resource': '*'}`,
			to(user), iam.NoMorePermissive, "",
		},
	}
	for name, tt := range verdicts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := compareTexts(t, tt.old, tt.new, iam.CompareOptions{})
			if c.Verdict != tt.want {
				t.Fatalf("got %s, want %s: %v", c.Verdict, tt.want, additions(c))
			}
			if tt.who != "" && c.Added[0].Request.Principal.ARN != tt.who {
				t.Errorf("got %s, want %s", c.Added[0].Request.Principal.ARN, tt.who)
			}
		})
	}
}

func TestCompareTrust(t *testing.T) {
	t.Parallel()
	github := func(sub string) string {
		return `{'Effect': 'Allow', 'Action': 'sts:AssumeRoleWithWebIdentity',
			'Principal': {'Federated': 'arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com'},
			'Condition': {'StringEquals': {'token.actions.githubusercontent.com:aud': 'sts.amazonaws.com'},
				'StringLike': {'token.actions.githubusercontent.com:sub': '` + sub + `'}}}`
	}
	c := compareTexts(t, github("repo:acme/web:ref:refs/heads/main"), github("repo:acme/web:*"), iam.CompareOptions{})
	if len(c.Added) != 1 {
		t.Fatalf("got %+v", c)
	}
	r := c.Added[0].Request
	if got := r.Context.Get("token.actions.githubusercontent.com:sub"); !slices.Equal(got, []string{"repo:acme/web:x"}) {
		t.Errorf("subject %q", got)
	}
	if r.Principal.Kind != iam.PrincipalFederated {
		t.Errorf("principal %+v", r.Principal)
	}
	c = compareTexts(t, github("repo:acme/web:*"), github("repo:acme/web:ref:refs/heads/main"), iam.CompareOptions{})
	if c.Verdict != iam.NoMorePermissive {
		t.Errorf("narrower: %s", c.Verdict)
	}
}
