package sts

import (
	"context"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	engine "github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
)

// The wire structures of AssumeRoleWithWebIdentity.
type (
	webIdentityIn struct {
		sessionIn
		WebIdentityToken, ProviderId string
	}
	webIdentityOut struct {
		Credentials                 credentialsShape
		SubjectFromWebIdentityToken string
		AssumedRoleUser             assumedRole
		Provider, Audience          string
	}
)

// maxToken is the longest token that AWS takes.
const maxToken = 20000

// claims are the token's claims that STS reads. custom holds all of them, for condition keys.
type claims struct {
	jwt.Claims
	AuthorizedParty string `json:"azp"`
	custom          map[string]any
}

func (s *Service) assumeRoleWithWebIdentity(ctx context.Context, c *gateway.Call, in *webIdentityIn) (*webIdentityOut, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	if in.ProviderId != "" {
		return nil, invalid("ProviderId is for OAuth 2.0 access tokens, which are not supported.")
	}
	role, err := s.findRole(ctx, in.RoleArn)
	if err != nil {
		return nil, err
	}
	provider, token, err := s.verify(ctx, accountOf(in.RoleArn), in.WebIdentityToken, c.Time)
	if err != nil {
		return nil, err
	}
	c.Caller.Principal = engine.Principal{Kind: engine.PrincipalFederated, ARN: provider.ARN, Account: provider.Account}
	c.WebIdentity = &gateway.WebIdentity{Provider: provider.ARN, Audience: token.audience(), Subject: token.Subject}
	trust, err := trustOf(role)
	if err != nil {
		return nil, err
	}
	err = c.Authorize(ctx, gateway.Access{
		Resource: in.RoleArn, Account: provider.Account, Trust: trust, Context: token.conditions(in.RoleSessionName),
	})
	if err != nil {
		return nil, err
	}
	length, err := in.duration(role, false)
	if err != nil {
		return nil, err
	}
	session := &iam.Session{Role: role, Name: in.RoleSessionName, Expires: s.now().Add(length)}
	if err := s.issue(ctx, session, &in.sessionIn); err != nil {
		return nil, err
	}
	return &webIdentityOut{
		Credentials: shape(session), SubjectFromWebIdentityToken: token.Subject,
		AssumedRoleUser: assumedRole{session.UserID(), session.ARN()}, Provider: provider.ARN, Audience: token.audience(),
	}, nil
}

func invalidToken(message string) error {
	return &gateway.Error{Code: "InvalidIdentityToken", Message: message}
}

// verify checks a token against the providers of an account: who issued it, the signature, for whom, and when.
func (s *Service) verify(ctx context.Context, account, raw string, now time.Time) (*iam.Provider, *claims, error) {
	if len(raw) > maxToken {
		return nil, nil, invalidToken("The ID Token provided is not a valid JWT.")
	}
	// RS256 only: a token may not choose "none", nor have the public key taken for a shared secret.
	parsed, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return nil, nil, invalidToken("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	}
	var unverified jwt.Claims
	if err := parsed.UnsafeClaimsWithoutVerification(&unverified); err != nil || unverified.Issuer == "" {
		return nil, nil, invalidToken("Missing a required claim: iss")
	}
	provider, err := s.iam.Provider(ctx, account, unverified.Issuer)
	if err != nil {
		return nil, nil, err
	}
	if provider == nil || provider.URL != unverified.Issuer {
		return nil, nil, invalidToken("No OpenIDConnect provider found in your account for " + unverified.Issuer)
	}
	token, err := s.signedClaims(ctx, parsed, provider.URL)
	if err != nil {
		return nil, nil, err
	}
	return provider, token, token.check(provider, now)
}

// signedClaims verifies the signature with the issuer's key of that id.
func (s *Service) signedClaims(ctx context.Context, parsed *jwt.JSONWebToken, issuer string) (*claims, error) {
	set, err := s.keys.Keys(ctx, issuer)
	if err != nil {
		return nil, invalidToken("Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements")
	}
	for _, key := range set.Key(parsed.Headers[0].KeyID) {
		token := &claims{}
		if err := parsed.Claims(key.Key, token, &token.custom); err == nil {
			return token, nil
		}
	}
	return nil, invalidToken("The signature of the ID Token could not be verified.")
}

// check compares audience and times with what the provider and the clock say.
func (t *claims) check(p *iam.Provider, now time.Time) error {
	if t.Subject == "" {
		return invalidToken("Missing a required claim: sub")
	}
	if t.Expiry == nil {
		return invalidToken("Missing a required claim: exp")
	}
	if !slices.Contains(p.ClientIDs, t.audience()) {
		return invalidToken("Incorrect token audience")
	}
	if expires := t.Expiry.Time(); !now.Before(expires) {
		return &gateway.Error{
			Code:    "ExpiredTokenException",
			Message: "Token expired: current date/time " + stamp(now) + " must be before the expiration date/time " + stamp(expires),
		}
	}
	// uncertain: AWS does not document the code for a token from the future.
	if t.NotBefore != nil && now.Before(t.NotBefore.Time()) {
		return &gateway.Error{
			Code:    "IDPRejectedClaim",
			Message: "Token is not yet valid: current date/time " + stamp(now) + " is before " + stamp(t.NotBefore.Time()),
			Status:  403,
		}
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// audience is whom the token is for: the authorised party where it names one, as AWS has it.
func (t *claims) audience() string {
	if t.AuthorizedParty != "" {
		return t.AuthorizedParty
	}
	if len(t.Audience) == 0 {
		return ""
	}
	return t.Audience[0]
}

// conditionClaims are the claims that become condition keys, beside sub and aud, by issuer ("Available keys for AWS
// OIDC federation", IAM user guide). A trust policy that asks for any other claim is never satisfied.
var conditionClaims = map[string][]string{
	GitHubIssuer: {
		"actor", "actor_id", "enterprise_id", "environment", "job_workflow_ref", "ref", "repository", "repository_id", "workflow",
	},
}

// conditions are the context keys of the trust policy: <issuer>:sub, <issuer>:aud and the issuer's own claims.
func (t *claims) conditions(roleSession string) map[string][]string {
	prefix := issuerHost(t.Issuer) + ":"
	m := map[string][]string{
		"sts:RoleSessionName": {roleSession},
		prefix + "sub":        {t.Subject},
		prefix + "aud":        {t.audience()},
	}
	if t.AuthorizedParty != "" {
		m[prefix+"azp"] = []string{t.AuthorizedParty}
		m[prefix+"oaud"] = t.Audience
	}
	for _, name := range conditionClaims[t.Issuer] {
		if v, ok := t.custom[name].(string); ok {
			m[prefix+name] = []string{v}
		}
	}
	return m
}
