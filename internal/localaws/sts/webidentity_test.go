package sts_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
	"github.com/slipway-cd/slipway/internal/localaws/sts"
)

const federated = `{"Federated":"arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com"}`

// job is a workflow job as trusted by the tests.
func job() sts.Claims {
	return sts.Claims{
		Repository: "acme/web", Environment: "dev", Ref: "refs/heads/main", Actor: "bo", SHA: "c0ffee", EventName: "push",
		Audience: "sts.amazonaws.com", Now: time.Now(),
	}
}

// trusting puts a role that trusts job, and makes account one trust the issuer.
func (w *world) trusting() string {
	w.t.Helper()
	if err := w.iam.PutOIDCProvider(w.t.Context(), one, sts.GitHubIssuer, []string{"sts.amazonaws.com"}); err != nil {
		w.t.Fatal(err)
	}
	return w.role(one, "web-dev-Deploy", "/slipway/", trusts(federated, `"sts:AssumeRoleWithWebIdentity"`, `{"StringEquals":{
		"token.actions.githubusercontent.com:aud":"sts.amazonaws.com","token.actions.githubusercontent.com:sub":"repo:acme/web:environment:dev"}}`))
}

func (w *world) webIdentity(role, token string) (*awssts.AssumeRoleWithWebIdentityOutput, error) {
	return w.client("", "", "").AssumeRoleWithWebIdentity(w.t.Context(), &awssts.AssumeRoleWithWebIdentityInput{
		RoleArn: &role, RoleSessionName: aws.String("run-1"), WebIdentityToken: &token,
	})
}

func (w *world) mint(c sts.Claims) string {
	w.t.Helper()
	token, err := w.issuer.Mint(c)
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

func TestWebIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	role := w.trusting()
	token := w.mint(job())
	out, err := w.webIdentity(role, token)
	if err != nil {
		t.Fatal(err)
	}
	const subject = "repo:acme/web:environment:dev"
	if *out.SubjectFromWebIdentityToken != subject || *out.Audience != "sts.amazonaws.com" {
		t.Errorf("answer %+v", out)
	}
	if diff := cmp.Diff(one+" arn:aws:sts::111111111111:assumed-role/web-dev-Deploy/run-1", w.identity(w.session(out.Credentials))); diff != "" {
		t.Error(diff)
	}
	events, err := w.log.List(t.Context(), gateway.Filter{Name: "AssumeRoleWithWebIdentity"})
	if err != nil {
		t.Fatal(err)
	}
	e := events[0]
	if e.UserIdentity.Type != "WebIdentityUser" || e.UserIdentity.UserName != subject || e.RecipientAccountID != one {
		t.Errorf("identity %+v in %s", e.UserIdentity, e.RecipientAccountID)
	}
	if len(e.Slipway.Checks) != 1 || e.Slipway.Checks[0].Action != "sts:AssumeRoleWithWebIdentity" || e.Slipway.Checks[0].Resource != role {
		t.Errorf("checks %+v", e.Slipway.Checks)
	}
	if strings.Contains(string(e.RequestParameters), token) {
		t.Error("the event holds the token")
	}
}

// forge signs claims with another method or key than the issuer's.
func forge(t *testing.T, alg jose.SignatureAlgorithm, key any, keyID string, c jwt.Claims) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", keyID))
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(c).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestWebIdentityRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	role := w.trusting()
	elsewhere := w.role(two, "web-dev-Deploy", "/slipway/", trusts(federated, `"sts:AssumeRoleWithWebIdentity"`, `{}`))
	with := func(change func(*sts.Claims)) string {
		c := job()
		change(&c)
		return w.mint(c)
	}
	keys, err := w.issuer.Keys(t.Context(), sts.GitHubIssuer)
	if err != nil {
		t.Fatal(err)
	}
	public := keys.Keys[0]
	own, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(public.Key)
	if err != nil {
		t.Fatal(err)
	}
	good := jwt.Claims{
		Issuer: sts.GitHubIssuer, Subject: "repo:acme/web:environment:dev", Audience: jwt.Audience{"sts.amazonaws.com"},
		Expiry: jwt.NewNumericDate(time.Now().Add(time.Minute)),
	}
	foreign := good
	foreign.Issuer = "https://example.com"
	payload, err := json.Marshal(good)
	if err != nil {
		t.Fatal(err)
	}
	raw := base64.RawURLEncoding
	unsigned := raw.EncodeToString([]byte(`{"alg":"none","kid":"`+public.KeyID+`"}`)) + "." + raw.EncodeToString(payload) + "."
	valid := w.mint(job())
	for name, tc := range map[string]struct{ role, token, want string }{
		"wrong audience":         {role, with(func(c *sts.Claims) { c.Audience = "https://github.com/acme" }), "InvalidIdentityToken"},
		"wrong environment":      {role, with(func(c *sts.Claims) { c.Environment = "prod" }), "AccessDenied"},
		"wrong repository":       {role, with(func(c *sts.Claims) { c.Repository = "evil/web" }), "AccessDenied"},
		"immutable subject":      {role, with(func(c *sts.Claims) { c.OwnerID, c.RepositoryID = "1", "2" }), "AccessDenied"},
		"smuggled subject":       {role, with(func(c *sts.Claims) { c.Repository, c.Environment = "acme/web:environment:dev", "" }), "AccessDenied"},
		"expired":                {role, with(func(c *sts.Claims) { c.Now = time.Now().Add(-301 * time.Second) }), "ExpiredTokenException"},
		"not yet valid":          {role, with(func(c *sts.Claims) { c.Now = time.Now().Add(700 * time.Second) }), "IDPRejectedClaim"},
		"other issuer":           {role, forge(t, jose.RS256, own, public.KeyID, foreign), "InvalidIdentityToken"},
		"other key":              {role, forge(t, jose.RS256, own, public.KeyID, good), "InvalidIdentityToken"},
		"other key id":           {role, forge(t, jose.RS256, own, "x", good), "InvalidIdentityToken"},
		"alg none":               {role, unsigned, "InvalidIdentityToken"},
		"HS256 with public key":  {role, forge(t, jose.HS256, der, public.KeyID, good), "InvalidIdentityToken"},
		"changed":                {role, changePayload(t, valid), "InvalidIdentityToken"},
		"not a token":            {role, "hello.there.you", "InvalidIdentityToken"},
		"account without issuer": {elsewhere, valid, "InvalidIdentityToken"},
		"no such role":           {role + "x", valid, "AccessDenied"},
		"valid":                  {role, valid, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := w.webIdentity(tc.role, tc.token)
			wantCode(t, err, tc.want)
			if tc.want == "AccessDenied" && !strings.Contains(err.Error(), "Not authorized to perform sts:AssumeRoleWithWebIdentity") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// changePayload replaces a claim and keeps the signature.
func changePayload(t *testing.T, token string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(payload), "refs/heads/main", "refs/heads/evil", 1)))
	return strings.Join(parts, ".")
}

// TestGitHubClaims shows which claims a trust policy can ask for.
func TestGitHubClaims(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.trusting()
	for name, tc := range map[string]struct{ condition, want string }{
		"repository":        {`{"StringEquals":{"token.actions.githubusercontent.com:repository":"acme/web","token.actions.githubusercontent.com:ref":"refs/heads/main"}}`, ""},
		"other repository":  {`{"StringEquals":{"token.actions.githubusercontent.com:repository":"acme/api"}}`, "AccessDenied"},
		"claim AWS ignores": {`{"StringEquals":{"token.actions.githubusercontent.com:sha":"c0ffee"}}`, "AccessDenied"},
		"session name":      {`{"StringLike":{"sts:RoleSessionName":"run-*"}}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			role := w.role(one, "Claims", "/", trusts(federated, `"sts:AssumeRoleWithWebIdentity"`, tc.condition))
			_, err := w.webIdentity(role, w.mint(job()))
			wantCode(t, err, tc.want)
		})
	}
}

// TestR106BothSubjectForms: the subject is immutable when the ids are given.
func TestR106BothSubjectForms(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]sts.Claims{
		"repo:acme/web:environment:dev":        {Repository: "acme/web", Environment: "dev", Ref: "refs/heads/main"},
		"repo:acme/web:environment:a%3Ab":      {Repository: "acme/web", Environment: "a:b"},
		"repo:acme/web:ref:refs/heads/main":    {Repository: "acme/web", Ref: "refs/heads/main", EventName: "push"},
		"repo:acme/web:pull_request":           {Repository: "acme/web", Ref: "refs/pull/1/merge", EventName: "pull_request"},
		"repo:acme@12/web@34:ref:refs/tags/v1": {Repository: "acme/web", OwnerID: "12", RepositoryID: "34", Ref: "refs/tags/v1"},
		"repo:acme@12/web@34:environment:prod": {Repository: "acme/web", OwnerID: "12", RepositoryID: "34", Environment: "prod"},
	} {
		if got := c.Subject(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestIssuerSurvivesARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keyID := func() string {
		db, err := store.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		issuer, err := sts.LoadOrCreate(context.Background(), db, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys, err := issuer.Keys(t.Context(), sts.GitHubIssuer)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := issuer.Keys(t.Context(), "https://example.com"); err == nil {
			t.Error("keys for another issuer")
		}
		return keys.Keys[0].KeyID
	}
	if first, second := keyID(), keyID(); first != second {
		t.Errorf("key %s became %s", first, second)
	}
}
