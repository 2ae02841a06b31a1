package awsclient

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Config is the SDK's configuration, under a name that callers can use without importing the SDK.
type Config = aws.Config

// Nobody has no credentials, and looks for none: for a configuration whose role is entered with a token.
var Nobody aws.CredentialsProvider = aws.AnonymousCredentials{}

// Keys are long-lived credentials.
func Keys(accessKeyID, secretAccessKey string) aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(accessKeyID, secretAccessKey, "")
}

// SessionKeys are the credentials of a role session.
func SessionKeys(accessKeyID, secretAccessKey, sessionToken string) aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(accessKeyID, secretAccessKey, sessionToken)
}

// EnterRole gives a configuration that acts as roleARN, assumed by cfg's own identity when credentials are first
// asked for.
func EnterRole(_ context.Context, cfg Config, roleARN, sessionName string) Config {
	assume := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), roleARN, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = sessionName
	})
	entered := cfg.Copy()
	entered.Credentials = aws.NewCredentialsCache(assume, func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = renewBefore })
	return entered
}
