package iam_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slipway-cd/slipway/iam"
)

// allowIf is an Allow with a condition.
func allowIf(action, operator, key, value string) string {
	return fmt.Sprintf(`{'Effect': 'Allow', 'Action': '%s', 'Resource': '*', 'Condition': {'%s': {'%s': '%s'}}}`, action, operator, key, value)
}

// TestCompareKnowsEveryConstantBeforeItAsks has a Deny that is lifted, and a constant that only a later statement mentions.
func TestCompareKnowsEveryConstantBeforeItAsks(t *testing.T) {
	t.Parallel()
	for operator, values := range map[string][2]string{
		"NumericEquals": {"1", "5"}, "DateEquals": {"2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"}, "IpAddress": {"10.0.0.0/8", "192.0.2.1"},
	} {
		get := allowIf("s3:GetObject", operator, "k", values[0])
		c := compareTexts(t, get+","+statementText("Deny", "s3:DeleteObject", "*"), get+","+allowIf("s3:ListBucket", operator, "k", values[1]), iam.CompareOptions{})
		if c.Verdict != iam.MorePermissive {
			t.Errorf("%s: %s", operator, c.Verdict)
		}
	}
}

// quantities are constants of one family and the values that tell all of them apart.
type quantities struct {
	operators, constants, values []string
}

var valueFamilies = []quantities{
	{
		[]string{"NumericEquals", "NumericLessThan", "NumericGreaterThanEquals", "NumericNotEquals"},
		[]string{"1", "2", "3.5"}, []string{"x", "0", "1", "1.5", "2", "3", "3.5", "4"},
	},
	{
		[]string{"DateEquals", "DateLessThan", "DateGreaterThanEquals"},
		[]string{"2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"},
		[]string{"x", "2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-15T00:00:00Z", "2026-02-01T00:00:00Z", "2027-01-01T00:00:00Z"},
	},
	{
		[]string{"IpAddress", "NotIpAddress"}, []string{"10.0.0.0/8", "10.1.0.0/16", "192.0.2.1", "::1/128"},
		[]string{"x", "10.0.0.1", "10.1.0.1", "11.0.0.1", "192.0.2.1", "192.0.2.2", "::1", "::2"},
	},
}

// TestCompareLiftedDeniesAgainstExhaustion draws denials that are lifted and Allows with different constants on one key.
func TestCompareLiftedDeniesAgainstExhaustion(t *testing.T) {
	t.Parallel()
	verdicts := map[iam.CompareVerdict]int{}
	actions := []string{"a:a", "a:b", "a:c"}
	rapid.Check(t, func(t *rapid.T) {
		family := rapid.SampledFrom(valueFamilies).Draw(t, "family")
		draw := func(effect string) string {
			st := allowIf(rapid.SampledFrom(append(actions, "*")).Draw(t, "action"), rapid.SampledFrom(family.operators).Draw(t, "operator"), "k",
				rapid.SampledFrom(family.constants).Draw(t, "constant"))
			return strings.Replace(st, "Allow", effect, 1)
		}
		list := func(effect string, least, most int) []string {
			var out []string
			for range rapid.IntRange(least, most).Draw(t, "number") {
				out = append(out, draw(effect))
			}
			return out
		}
		allows, denies := list("Allow", 1, 2), list("Deny", 1, 2)
		kept := rapid.IntRange(0, len(denies)).Draw(t, "kept")
		compile := func(parts ...[]string) *iam.Policy {
			return comparePolicyRapid(t, strings.Join(slices.Concat(parts...), ","))
		}
		old, new := compile(allows, denies), compile(allows, list("Allow", 1, 2), denies[:kept])
		c := iam.Compare([]*iam.Policy{old}, []*iam.Policy{new}, iam.CompareOptions{})
		verifySmall(t, c, old, new)
		verdicts[c.Verdict]++
		want := iam.NoMorePermissive
		for _, action := range actions {
			for _, v := range append([]string{""}, family.values...) {
				r := iam.Request{Principal: iam.Principal{ARN: "arn:aws:iam::123456789012:user/x", Account: "123456789012"}, Action: action, Resource: "*"}
				if v != "" {
					r.Context = iam.NewContext(map[string][]string{"k": {v}})
				}
				if compareAllowed([]*iam.Policy{new}, &r) && !compareAllowed([]*iam.Policy{old}, &r) {
					want = iam.MorePermissive
				}
			}
		}
		if want == iam.MorePermissive && c.Verdict != want || c.Verdict == iam.CannotTell {
			t.Fatalf("%s\n%s\ngot %s, want %s", old.Document().JSON(), new.Document().JSON(), c.Verdict, want)
		}
	})
	if !t.Failed() && (verdicts[iam.NoMorePermissive] == 0 || verdicts[iam.MorePermissive] == 0) {
		t.Errorf("only %v: the property shows nothing", verdicts)
	}
}

func comparePolicyRapid(t *rapid.T, statements string) *iam.Policy {
	p, err := iam.ParsePolicy("p", []byte(strings.ReplaceAll(`{'Version': '2012-10-17', 'Statement': [`+statements+`]}`, "'", `"`)))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestCompareLifted shows what each part of an old Deny opens.
func TestCompareLifted(t *testing.T) {
	t.Parallel()
	all := statementText("Allow", "*", "*")
	deny := `{'Sid': 'No', 'Effect': 'Deny', 'Action': ['kms:*', 'iam:Create*'], 'Resource': ['arn:aws:kms:*', 'arn:aws:iam::*']}`
	tests := map[string]struct {
		old, new string
		want     []string
	}{
		"removed": {deny, "", []string{
			"kms:* on arn:aws:kms:*: kms:x arn:aws:kms:us-east-1:123456789012:x",
			"kms:* on arn:aws:iam::*: kms:x arn:aws:iam::123456789012:x",
			"iam:Create* on arn:aws:kms:*: iam:Createx arn:aws:kms:us-east-1:123456789012:x",
			"iam:Create* on arn:aws:iam::*: iam:Createx arn:aws:iam::123456789012:x",
		}},
		"narrowed": {deny, statementText("Deny", "kms:*", "*"), []string{
			"iam:Create* on arn:aws:kms:*: iam:Createx arn:aws:kms:us-east-1:123456789012:x",
			"iam:Create* on arn:aws:iam::*: iam:Createx arn:aws:iam::123456789012:x",
		}},
		"wider": {deny, statementText("Deny", "*", "*"), nil},
		"of nothing that is allowed": {
			statementText("Deny", "sts:GetCallerIdentity", "*"), "", nil,
		},
	}
	for name, tt := range tests {
		old, new := all+","+tt.old, all
		if tt.new != "" {
			new += "," + tt.new
		}
		c := compareTexts(t, old, new, iam.CompareOptions{})
		if diff := cmp.Diff(tt.want, additions(c)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		for _, a := range c.Added {
			if a.Lifted == nil || a.Lifted.Effect != iam.Deny || a.Lifted.Index != 1 || a.Ref.Effect != iam.Allow || a.Ref.Index != 0 {
				t.Errorf("%s: %+v lifts %+v", name, a.Ref, a.Lifted)
			}
		}
	}
}

func TestCompareLongNumbers(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("9", 200_000)
	for name, tt := range map[string]struct {
		old, new string
		want     iam.CompareVerdict
	}{
		"equal":                {get(`'NumericLessThan': {'k': '` + long + `'}`), get(`'NumericLessThan': {'k': '` + long + `'}`), iam.NoMorePermissive},
		"long":                 {get(`'NumericLessThan': {'k': '` + long[1:] + `'}`), get(`'NumericLessThan': {'k': '` + long + `'}`), iam.MorePermissive},
		"long, narrower":       {get(`'NumericLessThan': {'k': '` + long + `'}`), get(`'NumericLessThan': {'k': '` + long[1:] + `'}`), iam.CannotTell},
		"a thousand":           {get(`'NumericLessThan': {'k': '` + long[:999] + `'}`), get(`'NumericLessThan': {'k': '` + long[:1000] + `'}`), iam.MorePermissive},
		"a thousand, narrower": {get(`'NumericLessThan': {'k': '` + long[:1000] + `'}`), get(`'NumericLessThan': {'k': '` + long[:999] + `'}`), iam.NoMorePermissive},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c := compareTexts(t, tt.old, tt.new, iam.CompareOptions{}); c.Verdict != tt.want {
				t.Errorf("got %s, want %s: %v", c.Verdict, tt.want, len(c.Unclear))
			}
		})
	}
}

// TestCompareCallerKeys has keys that follow from the caller: no request has a value that its caller does not have.
func TestCompareCallerKeys(t *testing.T) {
	t.Parallel()
	const role = "arn:aws:iam::111122223333:role/A"
	to := func(principal, condition string) string {
		return `{'Effect': 'Allow', 'Principal': ` + principal + `, 'Action': 's3:GetObject', 'Resource': '*'` + condition + `}`
	}
	where := func(operator, key, value string) string {
		return `, 'Condition': {'` + operator + `': {'` + key + `': '` + value + `'}}`
	}
	const everyone = `{'AWS': '*'}`
	for name, tt := range map[string]struct {
		old, new string
		want     iam.CompareVerdict
		who      string
	}{
		"the role, said otherwise": {to(`{'AWS': '`+role+`'}`, ""), to(everyone, where("ArnEquals", "aws:PrincipalArn", role)), iam.NoMorePermissive, ""},
		"another role": {
			to(`{'AWS': '`+role+`'}`, ""), to(everyone, where("ArnEquals", "aws:PrincipalArn", "arn:aws:iam::111122223333:role/B")),
			iam.MorePermissive, "arn:aws:sts::111122223333:assumed-role/B/x",
		},
		"an account": {
			to(`{'AWS': '`+role+`'}`, ""), to(everyone, where("StringEquals", "aws:PrincipalAccount", "444455556666")),
			iam.MorePermissive, "arn:aws:iam::444455556666:user/x",
		},
		"roles by pattern": {
			to(`{'AWS': '`+role+`'}`, ""), to(everyone, where("ArnLike", "aws:PrincipalArn", "arn:aws:iam::111122223333:role/C*")),
			iam.MorePermissive, "arn:aws:sts::111122223333:assumed-role/Cx/x",
		},
		"services": {to(everyone, ""), to(`'*'`, where("Bool", "aws:PrincipalIsAWSService", "true")), iam.MorePermissive, "example.amazonaws.com"},
		"no service is a user": {
			to(`{'Service': 'ec2.amazonaws.com'}`, ""), to(everyone, where("Bool", "aws:PrincipalIsAWSService", "true")), iam.NoMorePermissive, "",
		},
		"a type": {to(`{'AWS': '`+role+`'}`, ""), to(everyone, where("StringEquals", "aws:PrincipalType", "User")), iam.MorePermissive, "arn:aws:iam::123456789012:user/x"},
		"a pattern that only names it": {
			to(`{'AWS': '`+role+`'}`, ""), to(everyone, where("ArnLike", "aws:PrincipalArn", strings.Replace(role, "A", "?", 1))+``), iam.MorePermissive, "",
		},
	} {
		c := compareTexts(t, tt.old, tt.new, iam.CompareOptions{})
		if c.Verdict != tt.want {
			t.Errorf("%s: %s, want %s: %v", name, c.Verdict, tt.want, additions(c))
			continue
		}
		if tt.who != "" && c.Added[0].Request.Principal.ARN != tt.who {
			t.Errorf("%s: %s, want %s", name, c.Added[0].Request.Principal.ARN, tt.who)
		}
	}
}

// TestCompareIdentityCallerKeys has the same keys in policies that do not say whose they are.
func TestCompareIdentityCallerKeys(t *testing.T) {
	t.Parallel()
	c := compareTexts(t, get(`'ArnEquals': {'aws:PrincipalArn': 'arn:aws:iam::111122223333:role/A'}`), get(`'ArnEquals': {'aws:PrincipalArn': 'arn:aws:iam::111122223333:role/B'}`), iam.CompareOptions{})
	if len(c.Added) != 1 || c.Added[0].Request.Principal.ARN != "arn:aws:sts::111122223333:assumed-role/B/x" {
		t.Errorf("a role: %+v", c)
	}
	c = compareTexts(t, get(`'StringEquals': {'aws:ResourceAccount': '111122223333'}`), get(`'StringEquals': {'aws:ResourceAccount': '444455556666'}`), iam.CompareOptions{})
	if len(c.Added) != 1 || c.Added[0].Request.Account != "444455556666" {
		t.Errorf("an account: %+v", c)
	}
	c = compareTexts(t, statementText("Deny", "*", "*"), get(`'StringEquals': {'aws:PrincipalArn': 'nobody'}`), iam.CompareOptions{})
	if c.Verdict != iam.CannotTell || !strings.Contains(c.Unclear[0].Why, "aws:principalarn, which follows from who makes the request") {
		t.Errorf("nobody: %+v", c)
	}
}

// TestCompareExempt adds calls that need no permission.
func TestCompareExempt(t *testing.T) {
	t.Parallel()
	for _, action := range []string{"sts:GetCallerIdentity", "sts:getsessiontoken"} {
		if c := compareTexts(t, statementText("Allow", "a:b", "*"), statementText("Allow", action, "*"), iam.CompareOptions{}); len(c.Added)+len(c.Unclear) > 0 {
			t.Errorf("%s: %v", action, additions(c))
		}
	}
}

func TestCompareExamples(t *testing.T) {
	t.Parallel()
	options := iam.CompareOptions{
		Actions: []string{"s3:CreateBucket", "s3:GetObject", "s3:ListAllMyBuckets", "ssm:SendCommand", "x:Unknown"},
		Resources: func(action string) ([]string, bool) {
			types := map[string][]string{
				"s3:CreateBucket": {"arn:*:s3:::*"}, "s3:GetObject": {"arn:*:s3:::*/*"}, "s3:ListAllMyBuckets": nil,
				"ssm:SendCommand": {"arn:*:ssm:*:*:document/*", "arn:*:ec2:*:*:instance/*"},
			}
			patterns, known := types[action]
			return patterns, known
		},
	}
	nothing := statementText("Deny", "x:x", "*")
	allow := func(action, resource string) compareTest {
		return compareTest{old: nothing, new: statementText("Allow", action, resource)}
	}
	with := func(c compareTest, want ...string) compareTest { c.want = want; return c }
	runCompare(t, options, map[string]compareTest{
		"a document":            with(allow("ssm:*", "arn:aws:ssm:eu-west-1:111122223333:document/*"), "ssm:* on arn:aws:ssm:eu-west-1:111122223333:document/*: ssm:SendCommand arn:aws:ssm:eu-west-1:111122223333:document/x"),
		"an object":             with(allow("s3:*", "arn:aws:s3:::b/*"), "s3:* on arn:aws:s3:::b/*: s3:GetObject arn:aws:s3:::b/x"),
		"an object of a bucket": with(allow("s3:G*", "*"), "s3:G* on *: s3:GetObject arn:aws:s3:::x/x"),
		"a type that fits":      with(allow("*", "arn:aws:ec2:*:*:instance/i-1"), "* on arn:aws:ec2:*:*:instance/i-1: s3:CreateBucket arn:aws:ec2:us-east-1:123456789012:instance/i-1"),
		"only on a star":        allow("s3:ListAllMyBuckets", "arn:aws:s3:::b"),
		"on a star":             with(allow("s3:ListAll*", "*"), "s3:ListAll* on *: s3:ListAllMyBuckets *"),
		"not known":             with(allow("x:*", "y"), "x:* on y: x:Unknown y"),
		"lifted but not asked": {
			old: statementText("Allow", "s3:*", "arn:aws:s3:::b") + "," + statementText("Deny", "s3:ListAllMyBuckets", "*"),
			new: statementText("Allow", "s3:*", "arn:aws:s3:::b"),
		},
	})
	c := compareTexts(t, nothing, statementText("Allow", "s3:*", "*"), iam.CompareOptions{Steps: 1})
	if c.Verdict == iam.NoMorePermissive {
		t.Error("one step suffices for everything")
	}
}

// TestCompareTrustExample is about a role.
func TestCompareTrustExample(t *testing.T) {
	t.Parallel()
	to := func(who string) string {
		return `{'Effect': 'Allow', 'Principal': {'AWS': 'arn:aws:iam::111122223333:user/` + who + `'}, 'Action': 'sts:AssumeRole'}`
	}
	c := compareTexts(t, to("ann"), to("bob"), iam.CompareOptions{})
	if len(c.Added) != 1 || c.Added[0].Request.Resource != "arn:aws:iam::111122223333:role/x" {
		t.Errorf("%+v", c)
	}
}

// TestCompareExamplesAreReal: of keys that every request has an example has what a request may have, and its region is that of
// its resource where there is such a request.
func TestCompareExamplesAreReal(t *testing.T) {
	t.Parallel()
	const send, list = `{'Effect': 'Allow', 'Action': 'ssm:SendCommand', 'Resource': 'arn:aws:ssm:eu-west-1:111122223333:document/x'}`,
		`{'Effect': 'Allow', 'Action': 's3:ListBucket', 'Resource': 'arn:aws:s3:::x'}`
	for name, test := range map[string]struct{ allow, operator, value, want string }{
		"another region":        {send, "StringNotEquals", "us-west-2", "eu-west-1"},
		"that region":           {send, "StringEquals", "eu-west-1", "eu-west-1"},
		"none in the resource":  {list, "StringEquals", "eu-west-3", "eu-west-3"},
		"every other":           {list, "StringNotLike", "eu-*", "us-east-1"},
		"one of two allows":     {send + "," + list, "StringNotLike", "eu-*", "us-east-1"},
		"no request is like it": {send, "StringNotLike", "eu-*", "us-east-1"},
	} {
		deny := fmt.Sprintf(`{'Effect': 'Deny', 'Action': '*', 'Resource': '*', 'Condition': {'%s': {'aws:RequestedRegion': '%s'}}}`, test.operator, test.value)
		c := compareTexts(t, test.allow+","+deny, test.allow, iam.CompareOptions{})
		if len(c.Added) == 0 {
			t.Errorf("%s: nothing is added", name)
			continue
		}
		r := c.Added[0].Request
		region, got := strings.Split(r.Resource, ":")[3], r.Context.Get("aws:RequestedRegion")
		if !slices.Equal(got, []string{test.want}) || region != "" && region != test.want && name != "no request is like it" {
			t.Errorf("%s: %s on %s in %q, want %s", name, r.Action, r.Resource, got, test.want)
		}
	}
	clear := `{'Effect': 'Deny', 'Action': '*', 'Resource': '*', 'Condition': {'Bool': {'aws:SecureTransport': 'false'}}}`
	if c := compareTexts(t, send+","+clear, send, iam.CompareOptions{}); len(c.Added) != 1 || !slices.Equal(c.Added[0].Request.Context.Get("aws:SecureTransport"), []string{"false"}) {
		t.Errorf("in the clear: %+v", c.Added)
	}
}
