package policies

import (
	"strings"
	"testing"
)

// TestR027R070FormsOfResources: what a fix says to write has the type that requests for the action have, and the partition,
// region, account, bucket and log group that the policy has.
func TestR027R070FormsOfResources(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ actions, resources, want string }{
		"a bucket":            {"s3:ListBucket", "arn:aws:s3:::shop/*", "arn:aws:s3:::shop"},
		"objects":             {"s3:PutObject", "arn:aws:s3:::shop", "arn:aws:s3:::shop/*"},
		"GovCloud":            {"s3:ListBucket", "arn:aws-us-gov:s3:::shop/*", "arn:aws-us-gov:s3:::shop"},
		"China":               {"ssm:GetParameter", "arn:aws-cn:ssm:cn-north-1:111122223333:document/x", "arn:aws-cn:ssm:cn-north-1:111122223333:parameter/<parameter-name-without-leading-slash>"},
		"a document":          {"ssm:SendCommand", "arn:aws:ssm:eu-west-1:111122223333:parameter/x", "arn:aws:ssm:eu-west-1:111122223333:document/<document-name>"},
		"a runbook":           {"ssm:StartAutomationExecution", "arn:aws:ssm:eu-west-1:111122223333:parameter/x", "arn:aws:ssm:eu-west-1:111122223333:document/<document-name>"},
		"an instance":         {"ec2:StartInstances", "arn:aws:ec2:eu-west-1:111122223333:volume/x", "arn:aws:ec2:eu-west-1:111122223333:instance/<instance-id>"},
		"a table":             {"dynamodb:Query", "arn:aws:dynamodb:eu-west-1:111122223333:shop", "arn:aws:dynamodb:eu-west-1:111122223333:table/<table-name>"},
		"a stream of a group": {"logs:PutLogEvents", "arn:aws:logs:eu-west-1:111122223333:log-group:shop", "arn:aws:logs:eu-west-1:111122223333:log-group:shop:log-stream:*"},
	} {
		if f := has(t, "SLW205", policyOf(allow(tt.actions, tt.resources))); f.Fix != tt.want || strings.Contains(f.Message, "${") {
			t.Errorf("%s: %s; fix %s, want %s", name, f.Message, f.Fix, tt.want)
		}
	}
}

// TestFixesHaveNoPlaceholdersOfTheReference: ${Partition} in a policy is no variable that IAM knows.
func TestFixesHaveNoPlaceholdersOfTheReference(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		other, want string
	}{
		{"arn:aws:s3:::shop/*", "arn:aws:ssm:<region>:<account>:document/<document-name>"},
		{"arn:aws-cn:s3:::shop/*", "arn:aws-cn:ssm:<region>:<account>:document/<document-name>"},
		{"arn:aws-us-gov:ec2:us-gov-west-1:111122223333:instance/i-1234567890abcdef0", "arn:aws-us-gov:ssm:us-gov-west-1:111122223333:document/<document-name>"},
	} {
		f := has(t, "SLW004", policyOf(allow("ssm:DeleteDocument", "*"), allow("ec2:StopInstances,s3:GetObject", tt.other)))
		if f.Fix != `"Resource": "`+tt.want+`" for ssm:DeleteDocument` {
			t.Errorf("%s: fix %s", tt.other, f.Fix)
		}
	}
	if f := has(t, "SLW040", policyOf(allow("ssm:GetParameter", "arn:aws-cn:ssm:cn-north-1:111122223333:parameter/*"))); !strings.Contains(f.Fix, "arn:aws-cn:ssm:") {
		t.Errorf("fix %s", f.Fix)
	}
	template := "Resources:\n  P:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n      PolicyDocument:\n        Version: '2012-10-17'\n        Statement:\n" +
		"          - {Effect: Allow, Action: 'ssm:DeleteDocument', Resource: '*'}\n" +
		"          - {Effect: Allow, Action: 'ssm:GetDocument', Resource: !Sub 'arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:document/shop'}\n"
	f := find(t, "SLW004", Given("template.yaml", []byte(template)))
	if want := `"Resource": "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:document/<document-name>" for ssm:DeleteDocument`; f.Fix != want {
		t.Errorf("fix %s, want %s", f.Fix, want)
	}
}
