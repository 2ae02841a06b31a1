package sts

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json" // knows a claim by its exact name only, and none twice
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
		PackedPolicySize            *int
		Provider, Audience          string
		SourceIdentity              string `xml:",omitempty"`
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
	tags, source, err := token.sessionTags()
	if err != nil {
		return nil, err
	}
	a := gateway.Access{Resource: in.RoleArn, Account: provider.Account, Trust: trust, Context: token.conditions(in.RoleSessionName)}
	for _, need := range accesses(a, role, tags, source) {
		if err := c.Authorize(ctx, need); err != nil {
			return nil, err
		}
	}
	return s.webSession(ctx, in, role, token, &iam.Session{Tags: tags.tags, Transitive: tags.transitive, SourceIdentity: source}, provider.ARN)
}

// webSession makes the session of a token that was let in.
func (s *Service) webSession(ctx context.Context, in *webIdentityIn, role *iam.Role, token *claims, session *iam.Session, provider string) (*webIdentityOut, error) {
	length, err := in.duration(role, false)
	if err != nil {
		return nil, err
	}
	session.Role, session.Name, session.Expires = role, in.RoleSessionName, s.now().Add(length)
	size, err := s.issue(ctx, session, &in.sessionIn)
	if err != nil {
		return nil, err
	}
	return &webIdentityOut{
		Credentials: shape(session), SubjectFromWebIdentityToken: token.Subject, PackedPolicySize: size,
		AssumedRoleUser: assumedRole{session.UserID(), session.ARN()}, Provider: provider, Audience: token.audience(), SourceIdentity: session.SourceIdentity,
	}, nil
}

func invalidToken(message string) error {
	return &gateway.Error{Code: "InvalidIdentityToken", Message: message}
}

// algorithms are those that AWS takes. A token may not choose "none", nor have the public key taken for a shared secret.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.ES384, jose.ES512}

// verify checks a token against the providers of an account: who issued it, the signature, for whom, and when.
func (s *Service) verify(ctx context.Context, account, raw string, now time.Time) (*iam.Provider, *claims, error) {
	unverified, err := unverifiedClaims(raw)
	if err != nil {
		return nil, nil, err
	}
	provider, err := s.iam.Provider(ctx, account, unverified.Issuer)
	if err != nil {
		return nil, nil, err
	}
	if provider == nil || provider.URL != unverified.Issuer {
		return nil, nil, invalidToken("No OpenIDConnect provider found in your account for " + unverified.Issuer)
	}
	token, err := s.signedClaims(ctx, raw, provider.URL)
	if err != nil {
		return nil, nil, err
	}
	return provider, token, token.check(provider, now)
}

// unverifiedClaims reads what a token says of itself, to find out whose keys to verify it with.
func unverifiedClaims(raw string) (*jwt.Claims, error) {
	notJWT := invalidToken("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	if len(raw) > maxToken {
		return nil, notJWT
	}
	parsed, err := jwt.ParseSigned(raw, algorithms)
	if err != nil {
		return nil, notJWT
	}
	var c jwt.Claims
	if err := parsed.UnsafeClaimsWithoutVerification(&c); err != nil {
		return nil, notJWT
	}
	if c.Issuer == "" {
		return nil, invalidToken("Missing a required claim: iss")
	}
	return &c, nil
}

// signedClaims verifies the signature with the issuer's keys.
func (s *Service) signedClaims(ctx context.Context, raw, issuer string) (*claims, error) {
	payload, err := s.keys.Verify(ctx, issuer, raw)
	switch {
	case errors.Is(err, errUnreachable):
		return nil, &gateway.Error{Code: "IDPCommunicationError", Message: "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity documentation for requirements"}
	case err != nil:
		return nil, invalidToken("The signature of the ID Token could not be verified.")
	}
	token := &claims{}
	if json.Unmarshal(payload, token) != nil || json.Unmarshal(payload, &token.custom) != nil {
		return nil, invalidToken("The claims of the ID Token cannot be read.")
	}
	return token, nil
}

// check compares audience and times with what the provider and the clock say.
func (t *claims) check(p *iam.Provider, now time.Time) error {
	if t.Subject == "" {
		return invalidToken("Missing a required claim: sub")
	}
	if t.Expiry == nil {
		return invalidToken("Missing a required claim: exp")
	}
	if t.IssuedAt == nil {
		return invalidToken("Missing a required claim: iat")
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
	return t.notFuture(now)
}

// leeway is how far the clock of an issuer may go ahead. uncertain: AWS's is not documented.
const leeway = 5 * time.Minute

// notFuture refuses a token from the future. uncertain: AWS does not document the code.
func (t *claims) notFuture(now time.Time) error {
	from := t.IssuedAt.Time().Add(-leeway)
	if t.NotBefore != nil && t.NotBefore.Time().After(from) {
		from = t.NotBefore.Time()
	}
	if !now.Before(from) {
		return nil
	}
	return &gateway.Error{
		Code: "IDPRejectedClaim", Status: 403,
		Message: "Token is not yet valid: current date/time " + stamp(now) + " is before " + stamp(from),
	}
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
