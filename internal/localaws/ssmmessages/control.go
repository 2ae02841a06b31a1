package ssmmessages

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"strings"

	"github.com/coder/websocket"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/ssm"
)

// ownNode is the node that a channel is for, which must be the caller.
func ownNode(c *gateway.Call, r *http.Request) (ssm.Node, error) {
	id := strings.TrimPrefix(r.URL.Path, controlPath)
	if !ssm.IsNode(c, id) {
		return ssm.Node{}, refuse(c)
	}
	return ssm.Node{Account: c.Caller.Account, Region: c.Region, Instance: id}, nil
}

type createInput struct{ MessageSchemaVersion, RequestId string }

type createOutput struct {
	XMLName              xml.Name `xml:"CreateControlChannelOutput"`
	MessageSchemaVersion string
	TokenValue           string
}

// schemaVersion is the one that there is.
const schemaVersion = "1.0"

// create gives a node a token.
func (s *Service) create(_ context.Context, c *gateway.Call, w http.ResponseWriter, r *http.Request) error {
	n, err := ownNode(c, r)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return invalid("The request body cannot be read.")
	}
	var in createInput
	if err := json.Unmarshal(body, &in); err != nil {
		return invalid("The request body is not JSON.")
	}
	c.Describe(map[string]string{"ChannelId": n.Instance, "RequestId": in.RequestId})
	if in.MessageSchemaVersion != schemaVersion || len(in.RequestId) < 16 {
		return invalid("MessageSchemaVersion must be " + schemaVersion + ", and RequestId have 16 characters or more.")
	}
	out := createOutput{MessageSchemaVersion: schemaVersion}
	if out.TokenValue, err = s.tokens.make(n, s.cfg.Now()); err != nil {
		return err
	}
	text, err := xml.Marshal(out)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write(text) // the node may be gone
	return nil
}

// connect takes a node's web socket over.
func (s *Service) connect(_ context.Context, c *gateway.Call, w http.ResponseWriter, r *http.Request) error {
	n, err := ownNode(c, r)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	c.Describe(map[string]string{"ChannelId": n.Instance, "Role": query.Get("role"), "Stream": query.Get("stream")})
	if query.Get("role") != "subscribe" || query.Get("stream") != "input" {
		return invalid("A control channel has role=subscribe and stream=input.")
	}
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") || r.ProtoMajor != 1 {
		return &gateway.Error{Code: "ValidationException", Message: "A control channel is a web socket.", Status: http.StatusUpgradeRequired}
	}
	conn := &connection{s: s, node: n, opened: make(chan struct{})}
	if err := s.add(conn); err != nil {
		return err
	}
	conn.socket, err = websocket.Accept(w, r, &websocket.AcceptOptions{OnPingReceived: conn.pinged})
	if err != nil {
		s.remove(conn) // the answer is written already
		close(conn.opened)
		s.running.Done()
		return nil
	}
	conn.socket.SetReadLimit(maxFrame)
	close(conn.opened)
	// Not in this goroutine: what the HTTP server keeps of the request would be kept as long as the connection.
	go conn.serve()
	return nil
}

// add counts a connection that is about to be made.
func (s *Service) add(c *connection) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.open) >= s.cfg.Connections {
		return &gateway.Error{Code: "ThrottlingException", Message: "There are too many connections.", Status: http.StatusTooManyRequests}
	}
	c.heard()
	s.open[c] = true
	s.running.Add(1)
	s.beginSweep()
	return nil
}

func (s *Service) remove(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
	if s.current[c.node] == c {
		delete(s.current, c.node)
	}
}

// enter makes c the connection of its node, and gives the one that was.
func (s *Service) enter(c *connection) (before *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before = s.current[c.node]
	s.current[c.node] = c
	return before
}
