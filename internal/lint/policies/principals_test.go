package policies

import (
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/finding"
)

// TestR021R044R064R085MisspeltServices: a service that is certainly misspelt is told with what was meant; one that is only
// not known is not told.
func TestR021R044R064R085MisspeltServices(t *testing.T) {
	t.Parallel()
	const account = `"Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}}`
	trusts := func(name string) string {
		return policyOf(`{"Effect": "Allow", "Principal": {"Service": "` + name + `"}, "Action": "sts:AssumeRole", ` + account + `}`)
	}
	for wrong, tt := range map[string]struct {
		fix      string
		severity finding.Severity
	}{
		"ecs.amazonaw.com":                 {"ecs.amazonaws.com", finding.Error},
		"ssm.amazon.com":                   {"ssm.amazonaws.com", finding.Error},
		"ec2.amazonaws.co":                 {"ec2.amazonaws.com", finding.Error},
		"ec2.amzonaws.com":                 {"ec2.amazonaws.com", finding.Error},
		"lambda.aws.com":                   {"lambda.amazonaws.com", finding.Error},
		"codebuild":                        {"codebuild.amazonaws.com", finding.Error},
		"EC2.amazonaws.com":                {"ec2.amazonaws.com", finding.Error},
		"ec2.amazonaws.com ":               {"ec2.amazonaws.com", finding.Error},
		"https://ec2.amazonaws.com":        {"ec2.amazonaws.com", finding.Error},
		"lamda.amazonaws.com":              {"lambda.amazonaws.com", finding.Warning},
		"ecs-task.amazonaws.com":           {"ecs-tasks.amazonaws.com", finding.Warning},
		"codepiplne.amazonaws.com":         {"codepipeline.amazonaws.com", finding.Warning},
		"cloudfromation.amazonaws.com":     {"cloudformation.amazonaws.com", finding.Warning},
		"pod.eks.amazonaws.com":            {"pods.eks.amazonaws.com", finding.Warning},
		"state.eu-west-1.amazonaws.com":    {"states.eu-west-1.amazonaws.com", finding.Warning},
		"lamda.amazonaws.com.cn":           {"lambda.amazonaws.com.cn", finding.Warning},
		"elasticloadbalacing.amazonaws.eu": {"elasticloadbalancing.amazonaws.eu", finding.Warning},
	} {
		found := File("trust.json", []byte(trusts(wrong)))
		if f := find(t, "SLW251", found); f.Fix != tt.fix || f.Severity != tt.severity || len(found) != 1 {
			t.Errorf("%s: %v", wrong, found)
		}
	}
	for _, right := range []string{
		"ec2.amazonaws.com", "ec2.amazonaws.com.cn", "states.eu-west-1.amazonaws.com", "pods.eks.amazonaws.com", "ecs-tasks.amazonaws.com",
		"alexa-appkit.amazon.com", "quantum-ledger.amazonaws.com", "inspector3.amazonaws.com", "replicator.lambda.amazonaws.com",
		"delivery.logs.amazonaws.com", "ssm.us-iso-east-1.c2s.ic.gov", "logs.eu-isoe-west-1.amazonaws.com", "rds.amazonaws.com",
	} {
		without(t, "SLW251", File("trust.json", []byte(trusts(right))))
	}
	without(t, "SLW251", Given("t.yaml", []byte("Resources:\n  R:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument:\n        Version: '2012-10-17'\n        Statement:\n"+
		"          - {Effect: Allow, Principal: {Service: !Sub 'ec2.${AWS::URLSuffix}'}, Action: 'sts:AssumeRole'}\n")))
	passed := func(name string) string {
		return policyOf(allow("iam:PassRole", "arn:aws:iam::111122223333:role/shop", `"Condition": {"StringEquals": {"iam:PassedToService": "`+name+`"}}`))
	}
	has(t, "SLW251", passed("ecs-task.amazonaws.com"))
	silent(t, passed("ecs-tasks.amazonaws.com"))
	without(t, "SLW251", File("policy.json", []byte(policyOf(allow("iam:PassRole", "arn:aws:iam::111122223333:role/shop", `"Condition": {"StringLike": {"iam:PassedToService": "ecs*.amazonaws.com"}}`)))))
	// The policy of a resource names services as well.
	bucket := `{"Effect": "Allow", "Principal": {"Service": ["s3.amazonaws.com", "cloudtrail.amazonaw.com"]}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::shop/*"}`
	if f := has(t, "SLW251", policyOf(bucket)); !strings.Contains(f.Message, "cloudtrail.amazonaw.com") {
		t.Errorf("got %s", f.Message)
	}
}
