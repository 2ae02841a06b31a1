// Package ssmmessages is the control channel of the agents in the local AWS: a web socket over which commands come to a
// node as they are sent, and over which it answers.
//
// An agent creates a channel (CreateControlChannel gives it a token), opens it (OpenControlChannel, a web socket), and
// shows the token in its first message; from then on frames of package wire go to and fro. What there is to deliver,
// and what a reply means, is internal/localaws/ssm's. The data channels of Session Manager are not served.
package ssmmessages

import (
	"context"
	"crypto/rand"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/ssm"
)

// Config are the settings of a [Service]; the zero value is ready to use.
type Config struct {
	// Now is the clock of tokens and frames; nil means the real one.
	Now func() time.Time
	// Rand gives the bytes of tokens and ids; nil means crypto/rand.
	Rand io.Reader
	// Idle is how long a connection may be silent: 0 means 3 minutes. The agent pings every 54 seconds.
	Idle time.Duration
	// Connections bounds how many there may be at once: 0 means 20,000. Each takes some 30 KB.
	Connections int
	// OnError hears of what cannot be told to a node; nil is silent.
	OnError func(error)
}

// Service is the message gateway service. It is safe for concurrent use.
type Service struct {
	cfg    Config
	queue  *ssm.Service
	tokens *tokens
	// writers bounds how many connections are written to at once, and with them the copies of a command's text.
	writers chan struct{}

	mu     sync.Mutex
	closed bool
	// open are all connections, current those that have shown their token, by node.
	open     map[*connection]bool
	current  map[ssm.Node]*connection
	sweeping bool
	running  sync.WaitGroup
	ended    chan struct{} // closed by Close
}

const (
	defaultIdle        = 3 * time.Minute
	defaultConnections = 20000
	maxWriters         = 64
)

// New makes the service in front of Run Command.
func New(queue *ssm.Service, cfg Config) (*Service, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.Idle <= 0 {
		cfg.Idle = defaultIdle
	}
	if cfg.Connections <= 0 {
		cfg.Connections = defaultConnections
	}
	if cfg.OnError == nil {
		cfg.OnError = func(error) {}
	}
	t, err := newTokens(cfg.Rand)
	if err != nil {
		return nil, fmt.Errorf("ssmmessages: %w", err)
	}
	return &Service{cfg: cfg, queue: queue, tokens: t, writers: make(chan struct{}, maxWriters),
		open: map[*connection]bool{}, current: map[ssm.Node]*connection{}, ended: make(chan struct{})}, nil
}

// API is the service behind the gateway.
func (s *Service) API() gateway.Service {
	return gateway.Service{
		Name:     "ssmmessages",
		Protocol: gateway.RESTXML,
		Route:    route,
		Failure:  failure,
		Operations: []gateway.Operation{
			gateway.RawOp("CreateControlChannel", createAccess, s.create),
			gateway.RawOp("OpenControlChannel", openAccess, s.connect).Except(
				"a connection lives on when the credentials that opened it expire or lose their permission"),
		},
	}
}

const controlPath, dataPath = "/v1/control-channel/", "/v1/data-channel/"

// route finds the operation by method and path. The data channels have names too, so that the refusal tells which.
func route(r *http.Request) (string, bool) {
	verb := map[string]string{http.MethodPost: "Create", http.MethodGet: "Open"}[r.Method]
	switch {
	case verb == "":
		return "", false
	case strings.HasPrefix(r.URL.Path, controlPath):
		return verb + "ControlChannel", true
	case strings.HasPrefix(r.URL.Path, dataPath):
		return verb + "DataChannel", true
	}
	return "", false
}

// createAccess: the action has no resource types, but the keys that the credentials of an instance carry.
func createAccess(_ context.Context, c *gateway.Call, _ *http.Request) ([]gateway.Access, error) {
	return []gateway.Access{{Context: ssm.SourceKeys(c)}}, nil
}

func openAccess(context.Context, *gateway.Call, *http.Request) ([]gateway.Access, error) {
	return []gateway.Access{{}}, nil
}

// codes are this service's names for errors that the gateway names as S3 does.
// uncertain: all but AccessDeniedException, which is the one that the agent looks for.
var codes = map[string]string{
	"AccessDenied":                 "AccessDeniedException",
	"SignatureDoesNotMatch":        "InvalidSignatureException",
	"RequestTimeTooSkewed":         "InvalidSignatureException",
	"AuthorizationHeaderMalformed": "IncompleteSignatureException",
	"InvalidAccessKeyId":           "UnrecognizedClientException",
	"ExpiredToken":                 "ExpiredTokenException",
	"InvalidToken":                 "UnrecognizedClientException",
	"NotImplemented":               "UnknownOperationException",
}

// failure writes an error: an element that is named like it.
func failure(w http.ResponseWriter, requestID string, e *gateway.Error) {
	code := e.Code
	if name, ok := codes[code]; ok {
		code = name
	}
	var text strings.Builder
	_ = xml.EscapeText(&text, []byte(e.Message)) // a Builder takes everything
	h := w.Header()
	h.Set("Content-Type", "application/xml")
	h.Set("X-Amzn-RequestId", requestID)
	h.Set("X-Amzn-ErrorType", code)
	w.WriteHeader(e.HTTPStatus())
	_, _ = fmt.Fprintf(w, "<%s><Message>%s</Message></%s>", code, text.String(), code) // the client may be gone
}

// refuse is the error of a caller who is not the node.
func refuse(c *gateway.Call) error {
	return &gateway.Error{Code: "AccessDenied", Status: http.StatusForbidden, Message: "User: " + c.Caller.ARN +
		" is not authorized to perform: ssmmessages:" + c.Operation + " for another node"}
}

func invalid(message string) error {
	return &gateway.Error{Code: "ValidationException", Message: message}
}

// Close ends all connections and waits until nothing of them is left. No new ones are taken.
func (s *Service) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	close(s.ended)
	for c := range s.open {
		c.end(errClosing)
	}
	s.mu.Unlock()
	s.running.Wait()
	s.queue.Settle()
}

var errClosing = errors.New("the service is closing")
