package iam_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
)

const guide = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"

// policy compiles a policy of one line's statements; an empty text is no policy.
func policy(t *testing.T, name, statements string) *iam.Policy {
	t.Helper()
	if statements == "" {
		return nil
	}
	p, err := iam.ParsePolicy(name, []byte(`{"Version":"2012-10-17","Statement":[`+statements+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// policies are the statements of each layer.
type policies struct{ identity, boundary, session, trust, resource string }

func (p policies) compile(t *testing.T) *iam.PolicySet {
	t.Helper()
	set := &iam.PolicySet{
		Boundary: policy(t, "boundary", p.boundary),
		Trust:    policy(t, "trust", p.trust),
		Resource: policy(t, "resource", p.resource),
	}
	if p.identity != "" {
		set.Identity = []*iam.Policy{policy(t, "identity", p.identity)}
	}
	if p.session != "" {
		set.Session = []*iam.Policy{policy(t, "session", p.session)}
	}
	return set
}

var (
	user    = iam.Principal{ARN: userARN, Account: home}
	session = iam.Principal{ARN: sessionARN, RoleARN: roleARN, Account: home}
	github  = iam.Principal{Kind: iam.PrincipalFederated, ARN: provider, Account: home}
	service = iam.Principal{Kind: iam.PrincipalService, ARN: "ec2.amazonaws.com"}
)

const (
	allowAll  = `{"Effect":"Allow","Action":"*","Resource":"*"}`
	allowS3   = `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`
	allowSQS  = `{"Effect":"Allow","Action":"sqs:*","Resource":"*"}`
	denyGet   = `{"Sid":"NoGet","Effect":"Deny","Action":"s3:GetObject","Resource":"*"}`
	assumeAny = `{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}`
)

// to is a statement of a resource policy for one principal.
func to(principal string) string {
	return `{"Effect":"Allow","Action":"s3:*","Resource":"*","Principal":` + principal + `}`
}

// trusts is a statement of a trust policy for one principal.
func trusts(principal string) string {
	return `{"Effect":"Allow","Action":["sts:AssumeRole","sts:AssumeRoleWithWebIdentity"],"Principal":` + principal + `}`
}

func aws(value string) string { return `{"AWS":"` + value + `"}` }

// TestOwnerOfTheResource shows that a resource of another account is noticed even when the request does not say so.
func TestOwnerOfTheResource(t *testing.T) {
	t.Parallel()
	set := policies{identity: allowAll}.compile(t)
	tests := map[string]struct {
		resource, account string
		want              bool
	}{
		"own":                     {"arn:aws:sqs:eu-west-1:" + home + ":q", "", true},
		"in the ARN":              {"arn:aws:sqs:eu-west-1:" + other + ":q", "", false},
		"said by the request":     {"arn:aws:s3:::b", other, false},
		"the request's word wins": {"arn:aws:sqs:eu-west-1:" + other + ":q", home, true},
		"no account":              {"arn:aws:ssm:eu-west-1::document/AWS-RunShellScript", "", true},
		"AWS's own":               {"arn:aws:iam::aws:policy/ReadOnlyAccess", "", true},
		"everything":              {"*", "", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &iam.Request{Principal: iam.Principal{ARN: userARN}, Action: "a:b", Resource: tt.resource, Account: tt.account}
			if got := set.Allowed(r); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestActionsAndResources(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		statement, action, resource string
		want                        bool
	}{
		"actions have no case":         {`"Action":"SSM:sendcommand","Resource":"*"`, "ssm:SendCommand", "*", true},
		"resources have case":          {`"Action":"*","Resource":"arn:aws:s3:::B"`, "s3:GetObject", "arn:aws:s3:::b", false},
		"star spans slash and colon":   {`"Action":"*","Resource":"arn:aws:s3:::b*"`, "s3:GetObject", "arn:aws:s3:::b/x/y:z", true},
		"star is needed":               {`"Action":"*","Resource":"arn:aws:s3:::b"`, "s3:GetObject", "arn:aws:s3:::b/x", false},
		"ARN pattern is no star":       {`"Action":"*","Resource":"arn:aws:ssm:*:*:*"`, "ssm:GetCommandInvocation", "*", false},
		"star matches no resource":     {`"Action":"*","Resource":"*"`, "ssm:GetCommandInvocation", "*", true},
		"question mark":                {`"Action":"ec2:Describe?pcs","Resource":"*"`, "ec2:DescribeVpcs", "*", true},
		"NotAction, other":             {`"NotAction":"iam:*","Resource":"*"`, "ssm:SendCommand", "*", true},
		"NotAction, listed":            {`"NotAction":["s3:*","iam:*"],"Resource":"*"`, "IAM:PassRole", "*", false},
		"NotResource, other":           {`"Action":"*","NotResource":"arn:aws:s3:::b*"`, "s3:GetObject", "arn:aws:s3:::c", true},
		"NotResource, listed":          {`"Action":"*","NotResource":"arn:aws:s3:::b*"`, "s3:GetObject", "arn:aws:s3:::b/x", false},
		"NotResource, absent variable": {`"Action":"*","NotResource":"arn:aws:s3:::${aws:username}"`, "s3:GetObject", "arn:aws:s3:::b", true},
		"absent variable":              {`"Action":"*","Resource":"arn:aws:s3:::${aws:username}"`, "s3:GetObject", "arn:aws:s3:::${aws:username}", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := policies{identity: `{"Effect":"Allow",` + tt.statement + `}`}.compile(t)
			if got := set.Allowed(&iam.Request{Principal: user, Action: tt.action, Resource: tt.resource}); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// TestVersionDecidesOnVariables follows
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html.
func TestVersionDecidesOnVariables(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		version, resource string
		want              bool
	}{
		"2012, value":   {`"Version":"2012-10-17",`, "arn:aws:s3:::ann", true},
		"2012, literal": {`"Version":"2012-10-17",`, "arn:aws:s3:::${aws:username}", false},
		"2008, value":   {`"Version":"2008-10-17",`, "arn:aws:s3:::ann", false},
		"2008, literal": {`"Version":"2008-10-17",`, "arn:aws:s3:::${aws:username}", true},
		"none, literal": {``, "arn:aws:s3:::${aws:username}", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := iam.ParsePolicy("p", []byte(`{`+tt.version+
				`"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${aws:username}"}}`))
			if err != nil {
				t.Fatal(err)
			}
			set := iam.PolicySet{Identity: []*iam.Policy{p}}
			r := &iam.Request{
				Principal: user, Action: "s3:GetObject", Resource: tt.resource,
				Context: iam.NewContext(map[string][]string{"AWS:username": {"ann"}}),
			}
			if got := set.Allowed(r); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestDecisiveStatements(t *testing.T) {
	t.Parallel()
	set := policies{
		identity: allowS3 + `,{"Sid":"Get","Effect":"Allow","Action":"s3:Get*","Resource":"*"},` + allowSQS,
		boundary: `{"Sid":"Limit","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"NoPut","Effect":"Deny","Action":"s3:Put*","Resource":"*"}`,
	}.compile(t)
	ref := func(policy, statement string, index int, effect iam.Effect, column int) iam.StatementRef {
		return iam.StatementRef{
			Policy: policy, Statement: statement, Index: index, Effect: effect, Pos: iam.Position{Line: 1, Column: column},
		}
	}
	tests := map[string]iam.Decision{
		"s3:GetObject": {Outcome: iam.Allowed, Decisive: []iam.StatementRef{
			ref("identity", "0", 0, iam.Allow, 38), ref("identity", "Get", 1, iam.Allow, 88), ref("boundary", "Limit", 0, iam.Allow, 38),
		}},
		"s3:PutObject": {Outcome: iam.ExplicitlyDenied, Layer: iam.LayerBoundary, Decisive: []iam.StatementRef{
			ref("boundary", "NoPut", 1, iam.Deny, 99),
		}},
		"ssm:SendCommand": {Outcome: iam.ImplicitlyDenied, Layer: iam.LayerIdentity},
	}
	for action, want := range tests {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			got := set.Evaluate(&iam.Request{Principal: user, Action: action, Resource: "arn:aws:s3:::b"})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestStatementsAreNotShared shows that growing one decision's list leaves the policy as it is.
func TestStatementsAreNotShared(t *testing.T) {
	t.Parallel()
	set := policies{identity: allowS3}.compile(t)
	r := &iam.Request{Principal: user, Action: "s3:GetObject", Resource: "*"}
	first := set.Evaluate(r)
	_ = append(first.Decisive, iam.StatementRef{Policy: "intruder"})
	if second := set.Evaluate(r); len(second.Decisive) != 1 || second.Decisive[0].Policy != "identity" {
		t.Errorf("got %v", second.Decisive)
	}
}
