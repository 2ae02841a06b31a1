package iam_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
)

// TestDeployed: whatever a value that only CloudFormation knows becomes, the policy allows no more than the favourable one and no
// less than the other.
func TestDeployed(t *testing.T) {
	t.Parallel()
	const ask = "arn:aws:s3:::shop-prod/x"
	for name, test := range map[string]struct {
		statement       string
		best, worst     iam.Outcome
		action, request string
	}{
		"no value":               {`{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}`, iam.Allowed, iam.Allowed, "s3:GetObject", ask},
		"a part fits":            {`{"Effect":"Allow","Action":"s3:GetObject","Resource":{"Fn::Sub":"arn:aws:s3:::shop-${Stage}/*"}}`, iam.Allowed, iam.ImplicitlyDenied, "s3:GetObject", ask},
		"a part cannot fit":      {`{"Effect":"Allow","Action":"s3:GetObject","Resource":{"Fn::Sub":"arn:aws:s3:::web-${Stage}/*"}}`, iam.ImplicitlyDenied, iam.ImplicitlyDenied, "s3:GetObject", ask},
		"joined":                 {`{"Effect":"Allow","Action":"s3:GetObject","Resource":{"Fn::Join":["",["arn:aws:s3:::shop-",{"Ref":"Stage"},"/x"]]}}`, iam.Allowed, iam.ImplicitlyDenied, "s3:GetObject", ask},
		"one of two is known":    {`{"Effect":"Allow","Action":"s3:GetObject","Resource":["arn:aws:s3:::shop-prod/*",{"Ref":"Other"}]}`, iam.Allowed, iam.Allowed, "s3:GetObject", ask},
		"a denial":               {`{"Effect":"Deny","Action":"s3:*","Resource":{"Ref":"Bucket"}},{"Effect":"Allow","Action":"*","Resource":"*"}`, iam.Allowed, iam.ExplicitlyDenied, "s3:GetObject", ask},
		"all but":                {`{"Effect":"Allow","Action":"s3:GetObject","NotResource":{"Ref":"Bucket"}}`, iam.Allowed, iam.ImplicitlyDenied, "s3:GetObject", ask},
		"a condition":            {`{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":{"Ref":"Org"}}}}`, iam.Allowed, iam.ImplicitlyDenied, "s3:GetObject", ask},
		"an effect":              {`{"Effect":{"Ref":"Effect"},"Action":"s3:GetObject","Resource":"*"},{"Effect":"Allow","Action":"*","Resource":"*"}`, iam.Allowed, iam.ExplicitlyDenied, "s3:GetObject", ask},
		"a whole statement":      {`{"Fn::If":["A",{"Ref":"B"},{"Ref":"C"}]},{"Effect":"Allow","Action":"*","Resource":"*"}`, iam.Allowed, iam.ExplicitlyDenied, "s3:GetObject", ask},
		"a dynamic reference":    {`{"Effect":"Allow","Action":"s3:GetObject","Resource":{"Fn::Join":["",["arn:aws:s3:::{{resolve:ssm:name}}/x"]]}}`, iam.Allowed, iam.ImplicitlyDenied, "s3:GetObject", ask},
		"a variable of policies": {`{"Effect":"Allow","Action":"s3:GetObject","Resource":{"Fn::Sub":"arn:aws:s3:::${B}/${!aws:username}"}}`, iam.ImplicitlyDenied, iam.ImplicitlyDenied, "s3:GetObject", ask},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, findings := iam.Read("p.json", []byte(`{"Version":"2012-10-17","Statement":[`+test.statement+`]}`), iam.ReadOptions{Intrinsics: true})
			if len(findings) > 0 {
				t.Fatal(findings[0])
			}
			got := map[bool]iam.Outcome{}
			for _, favourable := range []bool{true, false} {
				p, err := iam.Compile(d.Deployed(favourable))
				if err != nil {
					t.Fatal(err)
				}
				set := iam.PolicySet{Identity: []*iam.Policy{p}}
				got[favourable] = set.Evaluate(&iam.Request{
					Principal: iam.Principal{ARN: "arn:aws:iam::111122223333:role/r", Account: "111122223333"}, Account: "111122223333",
					Action: test.action, Resource: test.request,
				}).Outcome
			}
			if diff := cmp.Diff(map[bool]iam.Outcome{true: test.best, false: test.worst}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// FuzzDeployed: a document that can be read can be compiled whatever a deploy makes of it, and favourable is never less.
func FuzzDeployed(f *testing.F) {
	for _, seed := range []string{
		`{"Statement":[{"Effect":"Allow","Action":{"Ref":"A"},"Resource":{"Fn::Sub":"a${b}c${!d}{{resolve:x}}"}}]}`,
		`{"Statement":{"Effect":"Deny","Principal":{"AWS":{"Ref":"A"}},"NotAction":[{"Ref":"A"}],"Condition":{"StringEquals":{"Ref":"A"}}}}`,
		`{"Statement":{"Fn::If":["A","B","C"]}}`, `{"Fn::Transform":{}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, findings := iam.Read("p.json", text, iam.ReadOptions{Intrinsics: true})
		if len(findings) > 0 {
			return
		}
		for _, favourable := range []bool{true, false} {
			out := d.Deployed(favourable)
			if out.HasIntrinsics() {
				t.Fatalf("a value is left: %s", out.JSON())
			}
			if d.Intrinsic == "" && d.StatementIntrinsic == "" && len(out.Statements) != len(d.Statements) {
				t.Fatal("a statement has another number")
			}
		}
	})
}
