package policies

import (
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/finding"
)

// TestNearVariants: what is written a little differently is found as well, and its near twin is not.
func TestNearVariants(t *testing.T) {
	t.Parallel()
	const parameter = "arn:aws:ssm:eu-west-1:111122223333:parameter"
	ifExists := `"Condition": {"StringEqualsIfExists": {"ssm:resourceTag/Env": "dev"}}`
	not := func(effect, action, resource string) string {
		return policyOf(`{"Effect": "` + effect + `", "Action": "` + action + `", "NotResource": ["` + resource + `"]}`)
	}
	for name, tt := range map[string]struct{ code, bad, good string }{
		"R2 another case": {"SLW002", policyOf(allow("SSM:getcommandinvocation", document)), policyOf(allow("SSM:getcommandinvocation", "*"))},
		"R2 a pattern, by who sends": {"SLW002", policyOf(allow("ssm:SendCommand,ssm:Get*", document+","+oneNode)),
			policyOf(allow("ssm:SendCommand,ssm:Get*", document+","+oneNode), allow("ssm:GetCommandInvocation", "*"))},
		"R2 a pattern, by others":   {"", "", policyOf(allow("ssm:Get*", document))},
		"R4 an ARN of stars":        {"SLW004", policyOf(allow("ec2:TerminateInstances", "arn:aws:ec2:*:*:*")), policyOf(allow("ec2:TerminateInstances", "arn:aws:ec2:eu-west-1:111122223333:instance/i-*"))},
		"R4 stars of every service": {"SLW004", policyOf(allow("ec2:TerminateInstances", "arn:*:*:*:*:*")), policyOf(allow("ec2:DescribeInstances", "arn:*:*:*:*:*"))},
		"R4 arn:*":                  {"SLW004", policyOf(allow("ec2:TerminateInstances", "arn:*")), policyOf(statementOf("Deny", "ec2:TerminateInstances", "arn:*"))},
		"R7 what is not denied":     {"SLW007", not("Deny", "ssm:SendCommand", "arn:aws:ssm:eu-west-1:111122223333:document/AWS-RunPatchBaseline"), not("Deny", "ssm:SendCommand", "arn:aws:ssm:eu-west-1::document/AWS-RunPatchBaseline")},
		"R8 what is not denied":     {"SLW008", not("Deny", "ssm:SendCommand", "arn:aws:ssm:eu-west-1:111122223333:instance/i-1234567890abcdef0"), not("Deny", "ssm:SendCommand", oneNode)},
		"R17 tags that may lack":    {"SLW017", policyOf(allow("ssm:SendCommand", everyNode, ifExists)), policyOf(allow("ssm:SendCommand", everyNode, strings.Replace(ifExists, "IfExists", "", 1)))},
		"R31 a longer star":         {"SLW031", policyOf(allow("ssm:?*", "*")), policyOf(allow("ssm:Describe?*", "*"))},
		"R31 an ARN of stars":       {"SLW031", policyOf(allow("ssm:*", "arn:aws:ssm:*:*:*")), policyOf(allow("ssm:*", parameter+"/shop/*"))},
		"R40 a longer star":         {"SLW040", policyOf(allow("ssm:GetParameter", parameter+"/?*")), policyOf(allow("ssm:GetParameter", parameter+"/shop/?*"))},
		"R40 what is not denied":    {"SLW206", not("Deny", "ssm:GetParameter", parameter+"//shop/x"), not("Deny", "ssm:GetParameter", parameter+"/shop/x")},
		"R47 services by a pattern": {"SLW047", policyOf(allow("s*:*", "*")), policyOf(statementOf("Deny", "s*:*", "*"))},
		"R47 any service's action":  {"SLW047", policyOf(allow("*:SendCommand", "*")), policyOf(allow("ssm:SendCommand", document))},
	} {
		if tt.bad != "" {
			has(t, tt.code, tt.bad)
		}
		for _, f := range File("policy.json", []byte(tt.good)) {
			if string(f.Code) == tt.code || f.Severity == finding.Error {
				t.Errorf("%s: %v", name, f)
			}
		}
	}
	if found := File("policy.json", []byte(policyOf(allow("ssm: GetDocument", document)))); len(found) != 1 || found[0].Code != "SLW030" {
		t.Errorf("a blank in an action is told once: %v", found)
	}
}

// TestNearVariantsOfTrust: conditions that every request meets limit nothing, and neither does a Deny that is about
// something else.
func TestNearVariantsOfTrust(t *testing.T) {
	t.Parallel()
	everybody := func(condition string) string {
		return `{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole", "Condition": {` + condition + `}}`
	}
	deny := func(condition string) string {
		return `{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"},{"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole", "Condition": {` + condition + `}}`
	}
	sub := func(operator, value string) string {
		if operator == "StringEquals" {
			return strings.Replace(github(""), `:aud": "sts.amazonaws.com"`, `:aud": "sts.amazonaws.com", "token.actions.githubusercontent.com:sub": "`+value+`"`, 1)
		}
		return github(`, "` + operator + `": {"token.actions.githubusercontent.com:sub": "` + value + `"}`)
	}
	for statement, want := range map[string]string{
		everybody(`"StringLike": {"aws:PrincipalOrgID": "*"}`):                                     "SLW083",
		everybody(`"StringLike": {"aws:PrincipalOrgID": "o-*"}`):                                   "SLW083",
		everybody(`"StringLike": {"sts:ExternalId": "*"}`):                                         "SLW083",
		everybody(`"ArnLike": {"aws:PrincipalArn": "*"}`):                                          "SLW083",
		everybody(`"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}`):                        "",
		everybody(`"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/deployer"}`):               "",
		deny(`"Bool": {"aws:SecureTransport": "false"}`):                                           "SLW083",
		deny(`"StringNotEquals": {"aws:PrincipalOrgID": "o-1234567890"}`):                          "",
		service("ssm.amazonaws.com", `"StringLike": {"aws:SourceAccount": "*"}`):                   "SLW045",
		sub("StringLike", "repo:acme/shop"):                                                        "SLW244",
		sub("StringEquals", "repo:acme/shop"):                                                      "SLW244",
		sub("StringLike", "repo:acme/shop*"):                                                       "SLW240",
		sub("StringLike", "repo:acme/shop:ref:refs/heads/*"):                                       "SLW242",
		sub("StringLike", "repo:acme/shop:ref:refs/heads/release-*"):                               "",
		sub("StringLike", "repo:acme/shop:environment:*"):                                          "SLW242",
		sub("StringEquals", "repo:acme/shop:environment:prod"):                                     "",
		sub("StringEquals", "repository_owner:acme"):                                               "",
		`{"Effect": "Allow", "NotPrincipal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"}`: "SLW217",
	} {
		if got := strings.Join(codesOf(t, statement), " "); got != want {
			t.Errorf("%s: got %q, want %q", statement, got, want)
		}
	}
	find(t, "SLW248", Given("t.yaml", []byte("Resources:\n  R:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument:\n        Version: '2012-10-17'\n        Statement:\n"+
		"          - {Effect: Allow, Principal: {AWS: !Ref 'AWS::AccountId'}, Action: 'sts:AssumeRole'}\n")))
}
