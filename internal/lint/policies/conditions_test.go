package policies

import (
	"slices"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/finding"
)

// TestPrefixesOfBuckets: conditions on s3:prefix as the user guide of S3 writes them carry nothing, and a star that
// StringEquals takes for a letter does.
func TestPrefixesOfBuckets(t *testing.T) {
	t.Parallel()
	list := func(conditions string) string {
		return policyOf(allow("s3:ListBucket", "arn:aws:s3:::shop", `"Condition": {`+conditions+`}`))
	}
	for _, right := range []string{
		`"StringEquals": {"s3:prefix": ["", "home/"], "s3:delimiter": ["/"]}`,
		`"StringLike": {"s3:prefix": ["", "home/", "home/${aws:username}/*"]}`,
		`"ForAnyValue:StringLike": {"s3:prefix": ["home/*"]}, "NumericLessThanEquals": {"s3:max-keys": "10"}`,
		`"StringEqualsIfExists": {"s3:prefix": "home/"}`,
		`"StringEquals": {"s3:prefix": "a${*}b/"}`,
	} {
		silent(t, list(right))
	}
	for wrong, fix := range map[string]string{
		`"StringEquals": {"s3:prefix": ["", "home/*"]}`:               "StringLike",
		`"ForAnyValue:StringEquals": {"s3:prefix": "home/*"}`:         "ForAnyValue:StringLike",
		`"StringEqualsIgnoreCaseIfExists": {"S3:Prefix": "home/*"}`:   "StringLikeIfExists",
		`"StringNotEquals": {"s3:prefix": ["home/${aws:username}*"]}`: "StringNotLike",
	} {
		if f := has(t, "SLW212", list(wrong)); f.Fix != fix {
			t.Errorf("%s: fix %s, want %s", wrong, f.Fix, fix)
		}
	}
}

// TestWhatIsOfNoUseToTheActions: an ARN of no type at all is worse than one of a type that other actions have, which does no
// harm where it allows.
func TestWhatIsOfNoUseToTheActions(t *testing.T) {
	t.Parallel()
	const function, none = "arn:aws:lambda:eu-west-1:111122223333:function:shop", "arn:aws:lambda:eu-west-1:111122223333:funktion:shop"
	for _, tt := range []struct {
		effect, resource string
		want             finding.Severity
	}{{"Allow", function, finding.Info}, {"Allow", none, finding.Warning}, {"Deny", function, finding.Warning}} {
		if f := has(t, "SLW214", policyOf(statementOf(tt.effect, "ssm:SendCommand", document+","+oneNode+","+tt.resource))); f.Severity != tt.want {
			t.Errorf("%s %s: %s", tt.effect, tt.resource, f.Severity)
		}
	}
	const transform = "arn:aws:cloudformation:eu-west-1:aws:transform/Serverless-2016-10-31"
	silent(t, policyOf(allow("cloudformation:CreateChangeSet", transform+",arn:aws:cloudformation:eu-west-1:111122223333:stack/shop-*/*")))
	has(t, "SLW205", policyOf(allow("cloudformation:DescribeStacks", transform)))
	if f := has(t, "SLW074", policyOf(allow("ssm:CreateOpsItem", "arn:aws:ssm:eu-west-1:111122223333:opsitem/*"))); f.Severity != finding.Info {
		t.Errorf("AWS's own policies have it: %s", f.Severity)
	}
}

// TestKeysOfOtherActions: what certainly has no such key is told apart from what the reference may have left out.
func TestKeysOfOtherActions(t *testing.T) {
	t.Parallel()
	tagged := `"Condition": {"StringEquals": {"ssm:resourceTag/App": "shop"}}`
	for actions, want := range map[string]string{
		"ssm:GetCommandInvocation":                      "warning ssm:GetCommandInvocation;",
		"kms:DescribeKey":                               "info kms:DescribeKey;",
		"ssm:GetCommandInvocation,kms:DescribeKey":      "info kms:DescribeKey;warning ssm:GetCommandInvocation;",
		"elasticloadbalancing:DescribeLoadBalancers":    "",
		"aws-marketplace:Subscribe,ssm:StartSession":    "",
		"ssm:SendCommand,ssm:GetCommandInvocation":      "warning ssm:GetCommandInvocation;",
		"ssm:SendCommand,elasticloadbalancing:AddTags*": "",
	} {
		var got []string
		for _, f := range File("policy.json", []byte(policyOf(allow(actions, "*", tagged)))) {
			if f.Code == "SLW210" {
				got = append(got, string(f.Severity)+" "+strings.Fields(f.Message)[5]+";")
			}
		}
		slices.Sort(got)
		if text := strings.Join(got, ""); text != want {
			t.Errorf("%s: got %q, want %q", actions, text, want)
		}
	}
}
