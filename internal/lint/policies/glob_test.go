package policies

import (
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/iam"
)

func TestMayMeet(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b text
		want bool
	}{
		{"abc", "abc", true}, {"abc", "abd", false}, {"a*", "*c", true}, {"a*b", "b*a", false}, {"?", "", false}, {"*", "", true},
		{"${X}", "anything", true}, {"shop-${X}", "web-*", false}, {"a?c", "abc", true}, {"", "", true}, {"é*", "é", true},
	} {
		if got := mayMeet(pieces(c.a), pieces(c.b)); got != c.want {
			t.Errorf("%q and %q: %v", c.a, c.b, got)
		}
		if got := mayMeet(pieces(c.b), pieces(c.a)); got != c.want {
			t.Errorf("%q and %q: %v", c.b, c.a, got)
		}
	}
}

func TestCovers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, target text
		want            bool
	}{
		{"*", "", true}, {"role/${App}-*", "role/${App}-DeployerRole", true}, {"role/${App}-*", "role/${Other}-DeployerRole", false},
		{"role/*", "role/${Any}", true}, {"a?", "a*", false}, {"a*", "a*", true}, {"ab*", "a*", false}, {"shop-*", "shop-dev-*", true},
		{"${A}", "a", false}, {"*b*", "aab", true}, {"*ab", "aabb", false},
	} {
		if got := covers(pieces(c.pattern), pieces(c.target)); got != c.want {
			t.Errorf("%q over %q: %v", c.pattern, c.target, got)
		}
	}
}

func TestTextOfIntrinsics(t *testing.T) {
	t.Parallel()
	for json, want := range map[string]text{
		`{"Ref": "AWS::Partition"}`:                                            "${AWS::Partition}",
		`{"Fn::Sub": "arn:aws:s3:::${AppId}-*"}`:                               "arn:aws:s3:::${AppId}-*",
		`{"Fn::Sub": ["a-${X}-${!aws:username}", {"X": {"Ref": "Y"}}]}`:        "a-${Y}-${aws:username}",
		`{"Fn::GetAtt": ["Role", "Arn"]}`:                                      "${Role.Arn}",
		`{"Fn::Join": [":", ["arn", "aws", {"Ref": "Service"}, "", "", "x"]]}`: "arn:aws:${Service}:::x",
		`{"Fn::ImportValue": "x"}`:                                             "${Fn::ImportValue}",
	} {
		if got := textOf(iam.Intrinsic(json)); got != want {
			t.Errorf("%s: %q, want %q", json, got, want)
		}
	}
}

func FuzzFile(f *testing.F) {
	f.Add([]byte(policyOf(allow("ssm:SendCommand", document+","+everyNode, `"Condition": {"StringEquals": {"ssm:resourceTag": "x"}}`))))
	f.Add([]byte("Statement:\n  Effect: Allow\n  Action: '*'\n  Resource: !Sub 'arn:${A}'\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, found := range File("policy.json", content) {
			if strings.ContainsAny(found.Message, "\n\x00\x1b") {
				t.Errorf("not printable: %q", found.Message)
			}
		}
	})
}

func FuzzGiven(f *testing.F) {
	f.Add([]byte("Resources:\n  Role:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument: {Statement: {Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: sts:AssumeRole}}\n"))
	f.Add([]byte(`{"RoleDetailList": [{"RoleName": "x", "Arn": "arn:aws:iam::111122223333:role/x"}]}`))
	f.Fuzz(func(_ *testing.T, content []byte) { Given("roles.yaml", content) })
}

// TestHostilePoliciesEnd: patterns that stand for millions of actions, and for millions of pairs, take moments.
func TestHostilePoliciesEnd(t *testing.T) {
	t.Parallel()
	many := func(n int, f func(i int) string, by string) string {
		list := make([]string, n)
		for i := range list {
			list[i] = f(i)
		}
		return strings.Join(list, by)
	}
	letter := func(i int) string { return string(rune('a' + i%26)) }
	for name, text := range map[string]string{
		"statements": policyOf(many(200, func(i int) string { return allow("ec2:*"+letter(i)+"*", "arn:aws:ssm:a:1:x") }, ",")),
		"actions":    policyOf(allow(many(3000, func(i int) string { return "ec2:*" + letter(i) + "*" }, ","), "arn:aws:ssm:a:1:x")),
		"resources":  policyOf(allow("ec2:*", many(2000, func(int) string { return "arn:aws:s3:::x*" }, ","))),
		"stars":      policyOf(allow("ec2:"+strings.Repeat("*a", 15000), "arn:aws:ec2:a:1:"+strings.Repeat("*a", 2000))),
		"keys":       policyOf(allow("ec2:Run*", "*", `"Condition": {"StringEquals": {`+many(500, func(i int) string { return `"aws:x` + strings.Repeat(letter(i), i%40) + `": "a*"` }, ",")+`}}`)),
		"long":       policyOf(allow("ec2:Run*", many(20000, func(int) string { return "arn:aws:s3:::x" }, ","))),
	} {
		if found := File(name+".json", []byte(text)); len(found) == 0 {
			t.Errorf("%s: nothing is found", name)
		}
	}
}
