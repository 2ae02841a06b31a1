// Package awsclient opens connections to AWS, or to whatever answers at an endpoint URL, for the rest of slipway.
//
// It finds the ambient identity, enters a role with a GitHub token, and lists EC2 instances. Besides package ship it
// is the only importer of the AWS SDK. It decides nothing: errors come back as the SDK's own, so that the caller can
// tell a denial from a broken connection.
package awsclient

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
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
	// The SDK would write warnings of its own to stderr; what is wrong comes back as an error.
	with := []func(*config.LoadOptions) error{config.WithLogger(logging.Nop{})}
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
	var absent config.SharedConfigProfileNotExistError
	if errors.As(err, &absent) {
		return aws.Config{}, &profileError{profile: absent.Profile, file: sharedConfigFile(), err: err}
	}
	if err != nil {
		return aws.Config{}, fmt.Errorf("load AWS configuration: %w", err)
	}
	return cfg, nil
}

// sharedConfigFile is where the SDK looks for profiles.
func sharedConfigFile() string {
	if env, err := config.NewEnvConfig(); err == nil && env.SharedConfigFile != "" {
		return env.SharedConfigFile
	}
	return config.DefaultSharedConfigFilename()
}

// profileError is a profile that the shared configuration files do not have.
type profileError struct {
	profile, file string
	err           error
}

func (e *profileError) Error() string {
	return fmt.Sprintf("no AWS profile %q in %s", e.profile, e.file)
}
func (e *profileError) Unwrap() error { return e.err }

// Hint says what would help.
func (e *profileError) Hint() string {
	return fmt.Sprintf("`aws configure --profile %s` adds [profile %s] to %s, or name another profile", e.profile, e.profile, e.file)
}

// NoCredentials tells that an error of a credentials provider means that there are none: the search came to its last
// place, the instance metadata service, and was not answered there.
func NoCredentials(err error) bool {
	var op *smithy.OperationError
	return errors.As(err, &op) && op.ServiceID == metadataService
}

// metadataService is how the SDK names the instance metadata service in its errors.
const metadataService = "ec2imds"
