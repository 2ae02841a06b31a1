package awsclient

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// ForEndpoint gives a configuration for what answers at an endpoint URL, and nothing else: profiles, FIPS endpoints,
// certificate bundles and the other settings of this machine's AWS tools have no say in it.
func ForEndpoint(endpointURL, region string, credentials aws.CredentialsProvider) Config {
	return aws.Config{
		Region: region, BaseEndpoint: aws.String(endpointURL), Credentials: credentials,
		HTTPClient: awshttp.NewBuildableClient(),
	}
}
