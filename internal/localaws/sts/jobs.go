package sts

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// jobIssuer is the issuer of the tokens with which jobs ask for ID tokens. No account can trust it: it is no URL.
const jobIssuer = "slipway job"

// jobClaims are the claims of such a token.
type jobClaims struct {
	jwt.Claims
	Job Claims `json:"job"`
}

// JobToken makes the token with which a workflow job asks for its ID tokens (ACTIONS_ID_TOKEN_REQUEST_TOKEN). It says
// which job that is, so that whoever has it gets that job's tokens and no others.
func (i *Issuer) JobToken(job Claims, expires time.Time) (string, error) {
	if err := job.Check(); err != nil {
		return "", err
	}
	job.Now = time.Time{}
	token, err := jwt.Signed(i.signer).Claims(jobClaims{jwt.Claims{Issuer: jobIssuer, Expiry: jwt.NewNumericDate(expires)}, job}).Serialize()
	if err != nil {
		return "", fmt.Errorf("make a job's token: %w", err)
	}
	return token, nil
}

// errNoJob says that a token was not made by [Issuer.JobToken] of this issuer. What the library makes of it helps nobody.
var errNoJob = errors.New("the bearer token is not one that slipway local env --github gave")

// MintForJob gives the ID token for the job that token is of, for an audience.
func (i *Issuer) MintForJob(token, audience string, now time.Time) (string, error) {
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return "", errNoJob
	}
	var c jobClaims
	if err := parsed.Claims(i.key.Public(), &c); err != nil {
		return "", errNoJob
	}
	if err := c.ValidateWithLeeway(jwt.Expected{Issuer: jobIssuer, Time: now}, 0); err != nil {
		return "", fmt.Errorf("the bearer token of a job: %w", err)
	}
	c.Job.Audience, c.Job.Now = audience, now
	return i.Mint(c.Job)
}
