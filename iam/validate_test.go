package iam_test

import (
	"strings"
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
		"a repository's policy": {iam.ResourcePolicy, `{"Effect":"Allow","Action":["ecr:BatchGetImage","ECR:GetDownloadUrlForLayer"],"Principal":"*"}`, nil},
		"a repository's and more": {iam.ResourcePolicy, `{"Effect":"Allow","Action":["ecr:BatchGetImage","s3:GetObject"],"Principal":"*"}`,
			[]string{"statement has neither Resource nor NotResource"}},
		"a repository's action for an identity": {iam.IdentityPolicy, `{"Effect":"Allow","Action":"ecr:BatchGetImage"}`, []string{"statement has neither Resource nor NotResource"}},
		"a REST API's policy":                   {iam.ResourcePolicy, `{"Effect":"Allow","Action":"execute-api:Invoke","Principal":"*","Resource":"execute-api:/*"}`, nil},
		"a REST API's form elsewhere":           {iam.ResourcePolicy, `{"Effect":"Allow","Action":"s3:GetObject","Principal":"*","Resource":"execute-api:/*"}`, []string{`resource "execute-api:/*" must be * or an ARN`}},
		"Sid twice":                             {iam.IdentityPolicy, denyGet + "," + denyGet, []string{`Sid "NoGet" is not unique in the policy`}},
		"no Sid twice":                          {iam.IdentityPolicy, allowS3 + "," + allowSQS, nil},
		"Sid with blanks":                       {iam.IdentityPolicy, `{"Sid":"a b","Effect":"Deny","Action":"*","Resource":"*"}`, []string{`Sid "a b" may only have letters and digits`}},
		"blanks in a bucket's":                  {iam.ResourcePolicy, `{"Sid":"a b","Effect":"Deny","Action":"*","Resource":"*","Principal":"*"}`, nil},
		"action without vendor":                 {iam.IdentityPolicy, `{"Effect":"Deny","Action":["GetObject","a:b:c"],"Resource":"*"}`, []string{`action "GetObject" must be * or have the form service:Operation`, `action "a:b:c" must be * or have the form service:Operation`}},
		"resource is no ARN":                    {iam.IdentityPolicy, `{"Effect":"Deny","Action":"*","Resource":"bucket/*"}`, []string{`resource "bucket/*" must be * or an ARN`}},
		"principal's wildcard":                  {iam.TrustPolicy, trusts(aws("arn:aws:iam::" + home + ":user/*")), []string{`principal "arn:aws:iam::111122223333:user/*": a wildcard cannot be part of a principal`}},
		"principal is no ARN":                   {iam.TrustPolicy, trusts(aws("ann")), []string{`principal "ann" must be *, an account id or an ARN`}},
		"all that Compile finds": {
			iam.IdentityPolicy, `{"Effect":"Deny","Action":["a:b","ä:b"],"Resource":["*","arn:${","${}"],"Condition":{"Is":{"a:b":"c"},"NumericEquals":{"a:b":"x"},"Null":{"a:B":"true","a:b":"true"}}},` +
				`{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"a:b":"c"}}}`,
			[]string{
				`action "ä:b" has a character that no action has`, `resource "arn:${": policy variable is not closed: "${"`,
				`resource "${}": policy variable has no usable name: "${}"`,
				`unknown condition operator "Is"`, `NumericEquals on a:b: "x" is not a number`, `duplicate condition: Null on a:b is given twice`,
				`Bool on a:b: "c" is neither true nor false`, `resource "${}" must be * or an ARN`,
			},
		},
		"what Compile finds": {iam.IdentityPolicy, `{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Is":{"a:b":"c"}}}`, []string{`unknown condition operator "Is"`}},
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

// TestR117PlacesOfCheck: findings stand where their element or condition stands, and values that only CloudFormation knows
// do not hide the others.
func TestR117PlacesOfCheck(t *testing.T) {
	t.Parallel()
	src := `{"Version": "2012-10-17", "Statement": [{
  "Effect": "Deny", "Principal": {"AWS": "*"},
  "Action": "ä:b",
  "Resource": [{"Ref": "x"}, "${"],
  "Condition": {
    "Is": {"a:b": {"Ref": "y"}, "a:c": "x"},
    "Null": {"a:b": "true",
      "A:B": "false"}}
}]}`
	d, findings := iam.Read("p", []byte(src), iam.ReadOptions{Intrinsics: true, Places: true})
	if len(findings) > 0 {
		t.Fatal(findings[0])
	}
	var got []string
	for _, err := range d.Check() {
		got = append(got, err.Error())
	}
	want := []string{
		`p:3:13: action "ä:b" has a character that no action has`, `p:4:15: resource "${": policy variable is not closed: "${"`,
		`p:6:33: unknown condition operator "Is"`, `p:8:7: duplicate condition: Null on A:B is given twice`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestCheckAgreesWithCompile: nothing is found where Compile finds nothing, and something where it does.
func TestCheckAgreesWithCompile(t *testing.T) {
	t.Parallel()
	star := []string{"*"}
	for name, d := range map[string]*iam.Document{
		"empty":         {},
		"version":       {Version: "2013"},
		"effect":        {Statements: []iam.Statement{{Effect: "Perhaps", Actions: star}}},
		"no action":     {Statements: []iam.Statement{{Effect: iam.Allow}}},
		"both":          {Statements: []iam.Statement{{Effect: iam.Allow, Actions: star, Resources: star, NotResources: star}}},
		"principal":     {Statements: []iam.Statement{{Effect: iam.Allow, Actions: star, Principals: []iam.PrincipalPattern{{Kind: "Robot"}}}}},
		"service":       {Statements: []iam.Statement{{Effect: iam.Allow, Actions: star, Principals: []iam.PrincipalPattern{{Kind: iam.KindService, Values: star}}}}},
		"condition":     {Statements: []iam.Statement{{Effect: iam.Allow, Actions: star, Conditions: []iam.Condition{{Operator: "Bool"}}}}},
		"kelvin's sign": {Statements: []iam.Statement{{Effect: iam.Allow, Actions: star, Conditions: []iam.Condition{{Operator: "Bool", Key: "a:k"}, {Operator: "Bool", Key: "a:\u212a"}}}}},
		"good":          {Statements: []iam.Statement{{Effect: iam.Allow, Actions: star, Resources: star}}},
	} {
		_, err := iam.Compile(d)
		if errs := d.Check(); (err == nil) != (len(errs) == 0) {
			t.Errorf("%s: Compile says %v, Check %v", name, err, errs)
		}
	}
}

// TestCheckIsBounded: as many findings as a person reads, in about linear time.
func TestCheckIsBounded(t *testing.T) {
	t.Parallel()
	d, err := iam.Parse("p", []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["`+strings.Repeat(`ä","`, 100_000)+`a:b"],"Resource":"x"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	errs := d.Check()
	if len(errs) != 101 || !strings.Contains(errs[100].Error(), "more than 100 findings") {
		t.Errorf("got %d findings", len(errs))
	}
	if got := len(d.Validate(iam.IdentityPolicy)); got != 101 {
		t.Errorf("Validate gives %d findings", got)
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
