// Package dial opens a control channel of ssmmessages from the side of the node, as amazon-ssm-agent does.
package dial

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
	"github.com/slipway-cd/slipway/internal/localaws/ssmmessages/wire"
)

// Config says who opens a channel, and where.
type Config struct {
	HTTP         *http.Client
	Endpoint     string // http://127.0.0.1:4510
	Region       string
	Instance     string // whose channel
	Credentials  sigv4.Credentials
	AgentVersion string
	UserAgent    string
	Now          func() time.Time
	// RequestID is a UUID.
	RequestID string
}

// Refused is an answer of the service that is no channel.
type Refused struct {
	Operation string
	Status    int
	Body      string // its first bytes
}

func (e *Refused) Error() string {
	return fmt.Sprintf("%s: HTTP %d: %s", e.Operation, e.Status, e.Body)
}

// BadCredentials tells whether other credentials may help.
func (e *Refused) BadCredentials() bool {
	return strings.Contains(e.Body, "<ExpiredTokenException>") || strings.Contains(e.Body, "<UnrecognizedClientException>")
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 10

// Open makes a channel and opens it. An answer that is none of one is [*Refused].
func Open(ctx context.Context, c Config) (*websocket.Conn, error) {
	token, err := c.create(ctx)
	if err != nil {
		return nil, err
	}
	url := c.url() + "?role=subscribe&stream=input"
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("OpenControlChannel: %w", err)
	}
	c.sign(r, nil)
	socket, resp, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: c.HTTP, HTTPHeader: r.Header})
	if err != nil && resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // what there is of it
		return nil, &Refused{"OpenControlChannel", resp.StatusCode, string(body)}
	}
	if err != nil {
		return nil, fmt.Errorf("OpenControlChannel: %w", err)
	}
	hello, err := json.Marshal(wire.OpenControlChannel{MessageSchemaVersion: "1.0", RequestId: c.RequestID, TokenValue: token,
		AgentVersion: c.AgentVersion, PlatformType: "linux"})
	if err == nil {
		err = socket.Write(ctx, websocket.MessageText, hello)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("OpenControlChannel: %w", err), socket.CloseNow())
	}
	return socket, nil
}

func (c *Config) url() string {
	return strings.TrimSuffix(c.Endpoint, "/") + "/v1/control-channel/" + c.Instance
}

func (c *Config) sign(r *http.Request, body []byte) {
	r.Header.Set("User-Agent", c.UserAgent)
	sigv4.Sign(r, body, c.Credentials, c.Region, "ssmmessages", c.Now())
}

// create asks for a token.
func (c *Config) create(ctx context.Context) (string, error) {
	body, err := json.Marshal(map[string]string{"MessageSchemaVersion": "1.0", "RequestId": c.RequestID})
	if err != nil {
		return "", fmt.Errorf("CreateControlChannel: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url(), bytes.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("CreateControlChannel: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	c.sign(r, body)
	resp, err := c.HTTP.Do(r)
	if err != nil {
		return "", fmt.Errorf("CreateControlChannel: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return "", fmt.Errorf("CreateControlChannel: read the answer: %w", err)
	}
	if resp.StatusCode != http.StatusCreated {
		return "", &Refused{"CreateControlChannel", resp.StatusCode, string(answer)}
	}
	var out struct{ TokenValue string }
	if err := xml.Unmarshal(answer, &out); err != nil {
		return "", fmt.Errorf("CreateControlChannel: read the answer: %w", err)
	}
	if out.TokenValue == "" {
		return "", errors.New("CreateControlChannel: the answer has no token")
	}
	return out.TokenValue, nil
}
