// Package awsclient opens connections to AWS, or to whatever answers at an endpoint URL, for the rest of slipway.
//
// It finds the ambient identity, enters a role with a GitHub token, and lists EC2 instances. Besides package ship it
// is the only importer of the AWS SDK. It decides nothing: errors come back as the SDK's own, so that the caller can
// tell a denial from a broken connection.
package awsclient

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
)

// Options says where to connect. Empty fields are taken from where every AWS tool takes them: the environment, the
// shared configuration files, the machine's role.
type Options struct {
	Region, Profile string
	// EndpointURL takes the place of AWS's own endpoints, for every service.
	EndpointURL string
	// HTTPClient carries the requests; nil means the SDK's default.
	HTTPClient aws.HTTPClient
	// Credentials, when set, take the place of the ambient identity.
	Credentials aws.CredentialsProvider
}

// Load gives the configuration for the ambient identity, changed by the options. It makes no request: whether there
// are credentials at all is known when they are first asked for.
func Load(ctx context.Context, o Options) (aws.Config, error) {
	var with []func(*config.LoadOptions) error
	if o.Region != "" {
		with = append(with, config.WithRegion(o.Region))
	}
	if o.Profile != "" {
		with = append(with, config.WithSharedConfigProfile(o.Profile))
	}
	if o.EndpointURL != "" {
		with = append(with, config.WithBaseEndpoint(o.EndpointURL))
	}
	if o.HTTPClient != nil {
		with = append(with, config.WithHTTPClient(o.HTTPClient))
	}
	if o.Credentials != nil {
		with = append(with, config.WithCredentialsProvider(o.Credentials))
	}
	cfg, err := config.LoadDefaultConfig(ctx, with...)
	if err != nil {
		return aws.Config{}, fmt.Errorf("load AWS configuration: %w", err)
	}
	return cfg, nil
}
