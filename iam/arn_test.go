package iam_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
)

const principalPage = guide + "reference_policies_elements_principal.html"

func TestParsePrincipal(t *testing.T) {
	t.Parallel()
	const account = "111122223333"
	tests := map[string]iam.Principal{
		account:                              {ARN: "arn:aws:iam::111122223333:root", Account: account},
		"arn:aws:iam::111122223333:root":     {ARN: "arn:aws:iam::111122223333:root", Account: account},
		"arn:aws:iam::111122223333:user/ann": {ARN: "arn:aws:iam::111122223333:user/ann", Account: account},
		"arn:aws-cn:iam::111122223333:role/ops/web": {
			ARN: "arn:aws-cn:iam::111122223333:role/ops/web", Account: account,
		},
		"arn:aws:sts::111122223333:assumed-role/web/run": {
			ARN:     "arn:aws:sts::111122223333:assumed-role/web/run",
			RoleARN: "arn:aws:iam::111122223333:role/web", Account: account,
		},
		// The session's name is freely chosen: it does not tell the user.
		"arn:aws:sts::111122223333:federated-user/ann": {
			ARN: "arn:aws:sts::111122223333:federated-user/ann", Account: account,
		},
		"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com": {
			Kind: iam.PrincipalFederated, Account: account,
			ARN: "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com",
		},
		"arn:aws:iam::111122223333:saml-provider/corp": {
			Kind: iam.PrincipalFederated, ARN: "arn:aws:iam::111122223333:saml-provider/corp", Account: account,
		},
		"accounts.google.com":            {Kind: iam.PrincipalFederated, ARN: "accounts.google.com"},
		"cognito-identity.amazonaws.com": {Kind: iam.PrincipalFederated, ARN: "cognito-identity.amazonaws.com"},
		"ec2.amazonaws.com":              {Kind: iam.PrincipalService, ARN: "ec2.amazonaws.com"},
		"ec2.amazonaws.com.cn":           {Kind: iam.PrincipalService, ARN: "ec2.amazonaws.com.cn"},
		"*":                              {Kind: iam.PrincipalAnonymous},
	}
	for text, want := range tests {
		got, err := iam.ParsePrincipal(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

func TestParsePrincipalRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "ann", "11112222333", "arn:aws:iam::111122223333:user/*", "arn:aws:iam::111122223333:user/",
		"arn:aws:iam:::user/ann", "arn:aws:iam::111122223333:group/ops", "arn:aws:sts::111122223333:assumed-role/web",
		"arn:aws:sts::111122223333:assumed-role//run", "arn:aws:s3:::bucket", "arn:aws:iam", "arn:",
	} {
		if p, err := iam.ParsePrincipal(text); err == nil {
			t.Errorf("%q: got %+v, want an error", text, p)
		}
	}
}

// TestSessionOfRoleWithPath: "When you specify a role principal", its ARN has the path, which the session's ARN has not.
// A role's name is unique in its account.
func TestSessionOfRoleWithPath(t *testing.T) {
	t.Parallel()
	caller, err := iam.ParsePrincipal("arn:aws:sts::111122223333:assumed-role/web/run")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{
		"arn:aws:iam::111122223333:role/web":       true,
		"arn:aws:iam::111122223333:role/ops/x/web": true,
		"arn:aws:iam::111122223333:role/ops/oweb":  false,
		"arn:aws:iam::111122223333:role/web/ops":   false,
		"arn:aws:iam::444455556666:role/ops/web":   false,
		"arn:aws-cn:iam::111122223333:role/a/web":  false,
		"arn:aws:iam::111122223333:user/ops/web":   false,
	}
	for named, want := range tests {
		p := compilePolicy(t, `{"Effect":"Allow","Principal":{"AWS":"`+named+`"},"Action":"s3:GetObject","Resource":"*"}`)
		r := &iam.Request{Principal: caller, Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k", Account: "111122223333"}
		if got := (&iam.PolicySet{Resource: p}).Allowed(r); got != want {
			t.Errorf("%s: a policy that names %s: got %v, want %v", principalPage, named, got, want)
		}
	}
	// Where the path is known, it must be the same.
	caller.RoleARN = "arn:aws:iam::111122223333:role/ops/web"
	p := compilePolicy(t, `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/dev/web"},"Action":"*","Resource":"*"}`)
	if (&iam.PolicySet{Resource: p}).Allowed(&iam.Request{Principal: caller, Action: "s3:GetObject", Resource: "*"}) {
		t.Error("a role with another path was taken for the caller's")
	}
}

func compilePolicy(t *testing.T, statements string) *iam.Policy {
	t.Helper()
	p, err := iam.ParsePolicy("policy", []byte(`{"Version":"2012-10-17","Statement":[`+statements+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestCompileNothing: no document is an error, not a panic.
func TestCompileNothing(t *testing.T) {
	t.Parallel()
	if p, err := iam.Compile(nil); err == nil || p != nil {
		t.Errorf("got %v, %v", p, err)
	}
}
