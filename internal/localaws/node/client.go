package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

// Time limits of requests. GetMessages is held by the server for up to 18 s.
const (
	callTimeout = 10 * time.Second
	pollTimeout = 20 * time.Second
)

const userAgent = agentName + "/" + agentVersion + " (slipway built-in node)"

// maxAnswer bounds an answer: a few messages of at most 64 KB each.
const maxAnswer = 4 << 20

// api is a service of JSON 1.1.
type api struct{ signing, target string }

var (
	ssmAPI      = api{"ssm", "AmazonSSM"}
	messagesAPI = api{"ec2messages", "EC2WindowsMessageDeliveryService"}
)

// apiError is an error that the service answered.
type apiError struct {
	Operation, Code, Message string
	Status                   int
}

func (e *apiError) Error() string {
	return fmt.Sprintf("%s: %s: %s (HTTP %d)", e.Operation, e.Code, e.Message, e.Status)
}

// badCredentials tells whether other credentials may help.
func (e *apiError) badCredentials() bool {
	return e.Code == "ExpiredTokenException" || e.Code == "UnrecognizedClientException"
}

// final tells whether the same request will be refused again: not for a missing permission, which may come back.
func (e *apiError) final() bool {
	return e.Status == http.StatusBadRequest && !e.badCredentials() &&
		!strings.Contains(e.Code, "AccessDenied") && !strings.Contains(e.Code, "Throttling")
}

// client makes signed requests with the node's credentials, which it renews when half their life is over.
type client struct {
	cfg *Config

	mu      sync.Mutex
	cred    Credentials
	renewAt time.Time
	known   bool
}

func newClient(cfg *Config) *client { return &client{cfg: cfg} }

// credentials gives valid ones. A failed renewal is no failure while the old ones last.
func (c *client) credentials(ctx context.Context) (Credentials, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.cfg.Now()
	if c.known && (c.cred.Expires.IsZero() || now.Before(c.renewAt)) {
		return c.cred, nil
	}
	cred, err := c.cfg.Credentials(ctx)
	if err != nil {
		if c.known && now.Before(c.cred.Expires) {
			c.cfg.Logf("renew the credentials: %v", err)
			return c.cred, nil
		}
		return Credentials{}, fmt.Errorf("obtain credentials: %w", err)
	}
	c.cred, c.known = cred, true
	c.renewAt = now.Add(cred.Expires.Sub(now) / 2)
	return cred, nil
}

// forget drops credentials that the service refused, unless newer ones are there already.
func (c *client) forget(refused Credentials) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cred.AccessKeyID == refused.AccessKeyID {
		c.known = false
	}
}

// call makes a request; refused credentials are renewed once.
func (c *client) call(ctx context.Context, a api, operation string, timeout time.Duration, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	for again := true; ; again = false {
		cred, err := c.credentials(ctx)
		if err != nil {
			return err
		}
		err = c.once(ctx, a, operation, body, cred, out)
		var refusal *apiError
		if !again || !errors.As(err, &refusal) || !refusal.badCredentials() {
			return err
		}
		c.forget(cred)
	}
}

func (c *client) once(ctx context.Context, a api, operation string, body []byte, cred Credentials, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.cfg.Endpoint, "/")+"/", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", a.target+"."+operation)
	req.Header.Set("User-Agent", userAgent)
	sigv4.Sign(req, body, sigv4.Credentials{
		AccessKeyID: cred.AccessKeyID, SecretAccessKey: cred.SecretAccessKey, SessionToken: cred.SessionToken,
	}, c.cfg.Region, a.signing, c.cfg.Now())
	resp, err := c.cfg.HTTP.Do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%s: read the answer: %w", operation, err)
	}
	if resp.StatusCode != http.StatusOK {
		return errorOf(operation, resp.StatusCode, answer)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s: read the answer: %w", operation, err)
	}
	return nil
}

// errorOf reads JSON 1.1's error, whose type may carry a namespace and whose message has two spellings.
func errorOf(operation string, status int, answer []byte) *apiError {
	var e struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if json.Unmarshal(answer, &e) != nil || e.Type == "" {
		e.Type, e.Message = "UnreadableError", head(string(answer), 200)
	}
	_, code, namespaced := strings.Cut(e.Type, "#")
	if !namespaced {
		code = e.Type
	}
	return &apiError{Operation: operation, Code: code, Message: e.Message, Status: status}
}
