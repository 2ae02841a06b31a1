package sts_test

import (
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/slipway-cd/slipway/internal/localaws/iam"
)

// TestRevokedSessions: the policy with which AWS's console revokes the sessions of a role ("Revoking IAM role temporary
// security credentials", IAM user guide) ends those that were issued before a moment, and no others. A user's key was never
// issued as a token.
func TestRevokedSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	trust := `{"Version":"2012-10-17","Statement":[` + trusts(root, `"sts:AssumeRole"`, `{}`) + `]}`
	put := func(before time.Time) {
		t.Helper()
		deny := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:TokenIssueTime":"` +
			before.UTC().Format(time.RFC3339) + `"}}}]}`
		if err := w.iam.PutRole(t.Context(), iam.RoleSpec{Account: one, Name: "Deploy", Trust: []byte(trust),
			Policies: map[string][]byte{"use": []byte(read), "AWSRevokeOlderSessions": []byte(deny)}}); err != nil {
			t.Fatal(err)
		}
	}
	role := "arn:aws:iam::" + one + ":role/Deploy"
	put(time.Now().Add(-time.Hour))
	out, err := w.as(one).AssumeRole(t.Context(), &awssts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("early")})
	if err != nil {
		t.Fatal(err)
	}
	again := &awssts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("again")}
	if _, err := w.session(out.Credentials).AssumeRole(t.Context(), again); err != nil {
		t.Errorf("a session that is younger than the policy says: %v", err)
	}
	put(time.Now().Add(time.Hour))
	_, err = w.session(out.Credentials).AssumeRole(t.Context(), again)
	wantCode(t, err, "AccessDenied")
}

// TestClaimsHaveCases: the names of claims are what they are, and an issuer may let its users choose others.
func TestClaimsHaveCases(t *testing.T) {
	t.Parallel()
	w, f, role := foreignWorld(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	f.rotate("1", key.Public())
	token := func(more map[string]any) string {
		t.Helper()
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "1"}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		c := f.claims()
		c.Subject = "job-8"
		text, err := jwt.Signed(signer).Claims(c).Claims(more).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	for _, more := range []map[string]any{{"subject": "job-7"}, {"Sub": "job-7"}, {"SUB": "job-7"}, {"ſub": "job-7"}} {
		_, err := w.webIdentity(role, token(more))
		if err == nil || !strings.Contains(err.Error(), "AccessDenied") {
			t.Errorf("%v: %v", more, err)
		}
	}
}
