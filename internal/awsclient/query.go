package awsclient

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// queryService is a service that speaks the Query protocol, for which slipway has a client of its own.
type queryService struct {
	id      string // as the SDK's configuration names it
	signing string // as signatures name it
	region  string // that signatures name
	host    string // AWS's own endpoint; empty where there is none
}

// sendQuery signs a form and sends it, once.
func sendQuery(ctx context.Context, cfg aws.Config, s queryService, now time.Time, body string) (*http.Response, error) {
	endpoint, err := s.endpoint(ctx, cfg)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s endpoint %s: %w", s.id, endpoint, err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	if cfg.Credentials == nil {
		return nil, errors.New(s.id + ": no credentials")
	}
	creds, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("get credentials: %w", err)
	}
	sum := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(ctx, creds, req, hex.EncodeToString(sum[:]), s.signing, s.region, now); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	client := cfg.HTTPClient
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, &smithyhttp.RequestSendError{Err: err}
	}
	return resp, nil
}

// serviceEndpoints is how the SDK's configuration sources tell the endpoint of one service
// (AWS_ENDPOINT_URL_EC2 and its like in the shared configuration files).
type serviceEndpoints interface {
	GetServiceBaseEndpoint(ctx context.Context, sdkID string) (string, bool, error)
}

func (s queryService) endpoint(ctx context.Context, cfg aws.Config) (string, error) {
	for _, source := range cfg.ConfigSources {
		e, ok := source.(serviceEndpoints)
		if !ok {
			continue
		}
		u, found, err := e.GetServiceBaseEndpoint(ctx, s.id)
		if err != nil {
			return "", fmt.Errorf("%s endpoint: %w", s.id, err)
		}
		if found {
			return withPath(u), nil
		}
	}
	if base := aws.ToString(cfg.BaseEndpoint); base != "" {
		return withPath(base), nil
	}
	if s.host == "" {
		return "", errors.New(s.id + " endpoint: no region")
	}
	return "https://" + s.host + "/", nil
}

// withPath ends a bare URL with the slash that is signed.
func withPath(endpoint string) string { return strings.TrimSuffix(endpoint, "/") + "/" }
