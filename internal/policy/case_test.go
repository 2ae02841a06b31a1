package policy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/policy"
)

func compiled(t *testing.T, name, text string) *iam.Policy {
	t.Helper()
	p, err := iam.ParsePolicy(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestAskFillsIn fills in what AWS always sets, by kind of principal
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html,
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable).
func TestAskFillsIn(t *testing.T) {
	t.Parallel()
	const (
		account = "111122223333"
		bucket  = "arn:aws:s3:::b/k"
	)
	signed := func(kind, arn string) []string {
		return []string{"aws:PrincipalArn=" + arn, "aws:PrincipalAccount=" + account, "aws:PrincipalType=" + kind}
	}
	direct := []string{"aws:PrincipalIsAWSService=false", "aws:ViaAWSService=false"}
	join := func(lists ...[]string) (all []string) {
		for _, list := range lists {
			all = append(all, list...)
		}
		return all
	}
	own := []string{"aws:ResourceAccount=" + account}
	for name, c := range map[string]struct {
		q    policy.Question
		want []string
	}{
		"user": {
			policy.Question{Principal: "arn:aws:iam::111122223333:user/team/ann", Resource: bucket},
			join(signed("User", "arn:aws:iam::111122223333:user/team/ann"), []string{"aws:username=ann"}, direct, own),
		},
		"role": {
			policy.Question{Principal: "arn:aws:iam::111122223333:role/Deploy", Resource: bucket},
			join(signed("AssumedRole", "arn:aws:iam::111122223333:role/Deploy"), direct, own),
		},
		"role session": {
			policy.Question{Principal: session, Resource: bucket},
			join(signed("AssumedRole", "arn:aws:iam::111122223333:role/Deploy"), direct, own),
		},
		"federated user": {
			policy.Question{Principal: "arn:aws:sts::111122223333:federated-user/ann", Resource: bucket},
			join(signed("FederatedUser", "arn:aws:sts::111122223333:federated-user/ann"), direct, own),
		},
		"root user": {
			policy.Question{Principal: account, Resource: bucket},
			join(signed("Account", "arn:aws:iam::111122223333:root"), direct, own),
		},
		"service": {
			policy.Question{Principal: "cloudtrail.amazonaws.com", Resource: bucket, Account: account},
			join([]string{"aws:PrincipalIsAWSService=true", "aws:PrincipalServiceName=cloudtrail.amazonaws.com"}, own),
		},
		"anonymous":    {policy.Question{Principal: "*", Resource: bucket}, []string{"aws:PrincipalType=Anonymous"}},
		"web identity": {policy.Question{Principal: "accounts.google.com", Resource: bucket}, nil},
		"given keys, in any case": {
			policy.Question{Principal: user, Resource: bucket, Context: map[string][]string{"AWS:UserName": {"bob"}, "aws:viaawsservice": {"true"}}},
			join(signed("User", user), []string{"aws:PrincipalIsAWSService=false"}, own),
		},
		"region and account of the resource": {
			policy.Question{Principal: "*", Resource: "arn:aws:sqs:eu-west-1:444455556666:q"},
			[]string{"aws:PrincipalType=Anonymous", "aws:ResourceAccount=444455556666", "aws:RequestedRegion=eu-west-1"},
		},
	} {
		c.q.Action = "s3:GetObject"
		asked, err := policy.Ask(c.q, iam.PolicySet{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, f := range asked.Filled {
			got = append(got, f.Key+"="+f.Value)
			if values := asked.Request.Context.Get(f.Key); len(values) != 1 || values[0] != f.Value {
				t.Errorf("%s: %s is %v in the request", name, f.Key, values)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestAskErrors(t *testing.T) {
	t.Parallel()
	good := policy.Question{Principal: user, Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k"}
	for name, c := range map[string]struct {
		change func(*policy.Question)
		want   string
	}{
		"principal":   {func(q *policy.Question) { q.Principal = "ann" }, `principal "ann"`},
		"action":      {func(q *policy.Question) { q.Action = "GetObject" }, `action: "GetObject" is not service:Operation`},
		"account":     {func(q *policy.Question) { q.Account = "12" }, `account: "12"`},
		"resource":    {func(q *policy.Question) { q.Resource = "b/k" }, `resource: "b/k" is neither an ARN nor *`},
		"no resource": {func(q *policy.Question) { q.Resource = "" }, "arn:aws:s3:::${BucketName}/${ObjectName}"},
	} {
		q := good
		c.change(&q)
		if _, err := policy.Ask(q, iam.PolicySet{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}

// TestAskUnscopable evaluates on * what AWS authorises on nothing else, whatever resource was named.
func TestAskUnscopable(t *testing.T) {
	t.Parallel()
	q := policy.Question{Principal: user, Action: "ssm:GetCommandInvocation", Resource: "arn:aws:ec2:eu-west-1:111122223333:instance/i-1"}
	narrow := compiled(t, "narrow", `{"Statement":{"Effect":"Allow","Action":"ssm:*","Resource":"arn:aws:ec2:*:*:instance/*"}}`)
	asked, err := policy.Ask(q, iam.PolicySet{Identity: []*iam.Policy{narrow}})
	if err != nil {
		t.Fatal(err)
	}
	report, err := policy.Explain(asked)
	if err != nil {
		t.Fatal(err)
	}
	if report.Allowed() || report.Request.Resource != "*" || len(report.Notes) != 1 || !strings.Contains(report.Notes[0], "IAM only supports * here") {
		t.Errorf("got %+v", report)
	}
	if len(report.Remedies) != 1 || !strings.Contains(string(report.Remedies[0].Statement), `"Resource": "*"`) {
		t.Errorf("remedies %+v", report.Remedies)
	}
}

// TestAskDoesNotChangeWhatItIsGiven shares one tree of policies between two questions.
func TestAskDoesNotChangeWhatItIsGiven(t *testing.T) {
	t.Parallel()
	given := iam.PolicySet{RCPs: [][]*iam.Policy{make([]*iam.Policy, 0, 4)}}
	q := policy.Question{Principal: user, Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k"}
	for range 2 {
		if _, err := policy.Ask(q, given); err != nil {
			t.Fatal(err)
		}
	}
	if len(given.RCPs[0]) != 0 || given.RCPs[0][:1][0] != nil {
		t.Errorf("the level has become %v", given.RCPs[0][:1])
	}
}

// TestExplainTakesRemedies adds what a report says would allow the request, and wants it allowed.
func TestExplainTakesRemedies(t *testing.T) {
	t.Parallel()
	boundary := compiled(t, "boundary", `{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`)
	scp := compiled(t, "scp", `{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`)
	given := iam.PolicySet{Boundary: boundary, SCPs: [][]*iam.Policy{{iam.AllowAll("root")}, {scp}}}
	q := policy.Question{Principal: user, Action: "sqs:SendMessage", Resource: "arn:aws:sqs:eu-west-1:111122223333:q"}
	asked, err := policy.Ask(q, given)
	if err != nil {
		t.Fatal(err)
	}
	report, err := policy.Explain(asked)
	if err != nil {
		t.Fatal(err)
	}
	if report.Allowed() || report.Layer != "identity" || len(report.Remedies) == 0 {
		t.Fatalf("got %+v", report)
	}
	for _, r := range report.Remedies {
		p := compiled(t, "remedy", `{"Version":"2012-10-17","Statement":`+string(r.Statement)+`}`)
		switch r.Layer {
		case "identity":
			given.Identity = append(given.Identity, p)
		case "boundary":
			given.Boundary = p
		case "resource":
			given.Resource = p
		case "scp":
			given.SCPs[*r.Level] = append(given.SCPs[*r.Level], p)
		default:
			t.Errorf("a remedy for %s", r.Layer)
		}
	}
	if asked, err = policy.Ask(q, given); err != nil {
		t.Fatal(err)
	}
	if again, err := policy.Explain(asked); err != nil || !again.Allowed() {
		t.Errorf("with the remedies: %+v %v", again, err)
	}
}

func TestClosest(t *testing.T) {
	t.Parallel()
	for action, want := range map[string][]string{
		"ssm:SendComand":       {"ssm:SendCommand"},
		"SSM:sendcomand":       {"ssm:SendCommand"},
		"smm:SendCommand":      {"ssm:SendCommand"},
		"s3:GetObjectt":        {"s3:GetObject"},
		"nonsense:Whatever":    nil,
		"ssm:Zzzzzzzzzzzzzzzz": nil,
	} {
		got := policy.Closest(action)
		if len(want) == 0 && len(got) == 0 {
			continue
		}
		if len(got) == 0 || len(got) > 3 || got[0] != want[0] {
			t.Errorf("%s: got %v, want %v first", action, got, want)
		}
	}
}
