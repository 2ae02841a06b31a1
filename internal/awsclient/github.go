package awsclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Audience is what a GitHub token for AWS is issued to.
const Audience = "sts.amazonaws.com"

// renewBefore is how long before the end of a session its credentials are replaced, so that a request that is under
// way does not lose its signature.
const renewBefore = 5 * time.Minute

// enterWithin bounds one AssumeRoleWithWebIdentity, so that a deploy's first call can be tried again.
const enterWithin = 10 * time.Second

// TokenSource gives a fresh OIDC token for an audience.
type TokenSource func(ctx context.Context, audience string) (string, error)

// GitHubToken fetches tokens from GitHub's issuer, as a job with `id-token: write` may. requestURL and requestToken
// are what the job finds in ACTIONS_ID_TOKEN_REQUEST_URL and ACTIONS_ID_TOKEN_REQUEST_TOKEN.
func GitHubToken(client *http.Client, requestURL, requestToken string) TokenSource {
	return func(ctx context.Context, audience string) (string, error) {
		u, err := url.Parse(requestURL)
		if err != nil {
			return "", fmt.Errorf("GitHub token: bad request URL: %w", err)
		}
		q := u.Query()
		q.Set("audience", audience)
		u.RawQuery = q.Encode()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
		if err != nil {
			return "", fmt.Errorf("GitHub token: %w", err)
		}
		req.Header.Set("Authorization", "Bearer "+requestToken)
		req.Header.Set("Accept", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			return "", fmt.Errorf("GitHub token: %w", err)
		}
		defer func() { _ = resp.Body.Close() }()
		return readToken(resp)
	}
}

// readToken reads the issuer's answer. What it says is never quoted: it may hold the token.
func readToken(resp *http.Response) (string, error) {
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("GitHub token: the issuer answered %s", resp.Status)
	}
	var body struct{ Value string }
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&body); err != nil {
		return "", fmt.Errorf("GitHub token: the issuer's answer is not the JSON expected: %w", err)
	}
	if body.Value == "" {
		return "", errors.New("GitHub token: the issuer's answer holds no token")
	}
	return body.Value, nil
}

// EnterGitHub gives a configuration that acts as roleARN, entered with a GitHub token. The role is assumed when
// credentials are first asked for, with a token fetched at that moment, and again shortly before they expire.
func EnterGitHub(_ context.Context, cfg aws.Config, token TokenSource, roleARN, sessionName string) (aws.Config, error) {
	if roleARN == "" || sessionName == "" {
		return aws.Config{}, errors.New("enter with a GitHub token: the role and the session need a name")
	}
	anonymous := cfg.Copy()
	// AssumeRoleWithWebIdentity is not signed: the token is the proof.
	anonymous.Credentials = aws.AnonymousCredentials{}
	client := sts.NewFromConfig(anonymous)
	enter := func(ctx context.Context) (aws.Credentials, error) {
		jwt, err := token(ctx, Audience)
		if err != nil {
			return aws.Credentials{}, err
		}
		// The credentials cache lets this call go on when the one that needed it was given up, and all that follow wait
		// for it: a connection that hangs would never be made anew.
		ctx, cancel := context.WithTimeout(ctx, enterWithin)
		defer cancel()
		out, err := client.AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{
			RoleArn: aws.String(roleARN), RoleSessionName: aws.String(sessionName), WebIdentityToken: aws.String(jwt),
		})
		if err != nil {
			return aws.Credentials{}, fmt.Errorf("assume %s with a GitHub token: %w", roleARN, err)
		}
		return sessionCredentials(out)
	}
	entered := cfg.Copy()
	entered.Credentials = aws.NewCredentialsCache(aws.CredentialsProviderFunc(enter), func(o *aws.CredentialsCacheOptions) {
		o.ExpiryWindow = renewBefore
	})
	return entered, nil
}

func sessionCredentials(out *sts.AssumeRoleWithWebIdentityOutput) (aws.Credentials, error) {
	c := out.Credentials
	if c == nil || aws.ToString(c.AccessKeyId) == "" || aws.ToString(c.SecretAccessKey) == "" {
		return aws.Credentials{}, errors.New("assume a role with a GitHub token: the answer holds no credentials")
	}
	return aws.Credentials{
		AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: aws.ToString(c.SessionToken),
		CanExpire: c.Expiration != nil, Expires: aws.ToTime(c.Expiration), Source: "GitHub",
	}, nil
}
