package iam_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		kind       iam.PolicyKind
		statements string
		want       []string
	}{
		"good identity policy":  {iam.IdentityPolicy, allowAll, nil},
		"good trust policy":     {iam.TrustPolicy, trusts(aws(home)), nil},
		"good resource policy":  {iam.ResourcePolicy, to(`"*"`), nil},
		"identity as trust":     {iam.TrustPolicy, allowAll, []string{"a trust policy must not have a Resource", "statement has no Principal"}},
		"trust as identity":     {iam.IdentityPolicy, trusts(`"*"`), []string{"statement has neither Resource nor NotResource", "only a trust policy or a resource's policy may have a Principal"}},
		"no resource":           {iam.ResourcePolicy, trusts(`"*"`), []string{"statement has neither Resource nor NotResource"}},
		"Sid twice":             {iam.IdentityPolicy, denyGet + "," + denyGet, []string{`Sid "NoGet" is not unique in the policy`}},
		"no Sid twice":          {iam.IdentityPolicy, allowS3 + "," + allowSQS, nil},
		"Sid with blanks":       {iam.IdentityPolicy, `{"Sid":"a b","Effect":"Deny","Action":"*","Resource":"*"}`, []string{`Sid "a b" may only have letters and digits`}},
		"blanks in a bucket's":  {iam.ResourcePolicy, `{"Sid":"a b","Effect":"Deny","Action":"*","Resource":"*","Principal":"*"}`, nil},
		"action without vendor": {iam.IdentityPolicy, `{"Effect":"Deny","Action":["GetObject","a:b:c"],"Resource":"*"}`, []string{`action "GetObject" must be * or have the form service:Operation`, `action "a:b:c" must be * or have the form service:Operation`}},
		"resource is no ARN":    {iam.IdentityPolicy, `{"Effect":"Deny","Action":"*","Resource":"bucket/*"}`, []string{`resource "bucket/*" must be * or an ARN`}},
		"principal's wildcard":  {iam.TrustPolicy, trusts(aws("arn:aws:iam::" + home + ":user/*")), []string{`principal "arn:aws:iam::111122223333:user/*": a wildcard cannot be part of a principal`}},
		"principal is no ARN":   {iam.TrustPolicy, trusts(aws("ann")), []string{`principal "ann" must be *, an account id or an ARN`}},
		"what Compile finds":    {iam.IdentityPolicy, `{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Is":{"a:b":"c"}}}`, []string{`unknown condition operator "Is"`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := iam.Parse("p", []byte(`{"Version":"2012-10-17","Statement":[`+tt.statements+`]}`))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, err := range d.Validate(tt.kind) {
				syntax, ok := err.(*iam.SyntaxError)
				if !ok || syntax.Line != 1 {
					t.Fatalf("no place: %v", err)
				}
				got = append(got, syntax.Message)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	d := &iam.Document{Version: iam.Version2012, ID: "one", Statements: []iam.Statement{
		{
			Conditions: []iam.Condition{
				{Operator: "StringEquals", Key: "a:b", Values: []string{"x"}},
				{Operator: "Bool", Key: "a:c", Values: []string{"true"}},
				{Operator: "StringEquals", Key: "a:d", Values: []string{"y", "<&>"}},
			},
			Actions: []string{"sts:AssumeRole", "sts:TagSession"}, Effect: iam.Allow, Sid: "One",
			Principals: []iam.PrincipalPattern{
				{Kind: iam.KindService, Values: []string{"ec2.amazonaws.com"}},
				{Kind: iam.KindAWS, Values: []string{"111122223333"}},
				{Kind: iam.KindAWS, Values: []string{"444455556666"}},
			},
		},
		{Effect: iam.Deny, NotActions: []string{"iam:*"}, NotResources: []string{"arn:aws:s3:::b"}, NotPrincipals: []iam.PrincipalPattern{{Kind: iam.AnyPrincipal}}},
	}}
	const want = `{
  "Version": "2012-10-17",
  "Id": "one",
  "Statement": [
    {
      "Sid": "One",
      "Effect": "Allow",
      "Principal": {
        "Service": "ec2.amazonaws.com",
        "AWS": [
          "111122223333",
          "444455556666"
        ]
      },
      "Action": [
        "sts:AssumeRole",
        "sts:TagSession"
      ],
      "Condition": {
        "StringEquals": {
          "a:b": "x",
          "a:d": [
            "y",
            "<&>"
          ]
        },
        "Bool": {
          "a:c": "true"
        }
      }
    },
    {
      "Effect": "Deny",
      "NotPrincipal": "*",
      "NotAction": "iam:*",
      "NotResource": "arn:aws:s3:::b"
    }
  ]
}
`
	if diff := cmp.Diff(want, string(d.JSON())); diff != "" {
		t.Error(diff)
	}
	if got, want := string((&iam.Document{}).JSON()), "{\n  \"Statement\": []\n}\n"; got != want {
		t.Errorf("empty: got %q", got)
	}
}
