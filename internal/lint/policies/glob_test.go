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
