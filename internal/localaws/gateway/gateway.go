// Package gateway is the one door of the local AWS: every request of every service and account passes through it.
//
// [Gateway.ServeHTTP] takes a request through fixed steps: guard (no web pages), route (service and operation), SigV4
// verification against the [Directory], decoding into the operation's own structure, authorisation by package iam,
// the handler, and the answer in the service's wire protocol. Each request becomes an [Event], written before its
// answer is sent. Services are values: see [Service] and [Op]. They cannot go around the gateway, and the gateway
// knows nothing of what they do.
package gateway

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// Limits of the HTTP server.
const (
	maxBody       = 1 << 20
	headerTimeout = 10 * time.Second
	readTimeout   = time.Minute
	idleTimeout   = 3 * time.Minute
	maxHeader     = 64 << 10
)

// EventSink receives an event for every request, after it was answered.
type EventSink interface {
	Record(ctx context.Context, e Event) error
}

// Config is what a gateway needs from outside.
type Config struct {
	Directory Directory
	// Organizations tells who is in which organization; nil means that nobody is in one.
	Organizations Organizations
	Machines      Machines // nil knows none
	Denials       Sealer   // nil leaves EC2's denials without an encoded message
	Events        EventSink
	Now           func() time.Time
	Rand          io.Reader // makes request and event ids
	// OnError hears of what cannot be told to the client: an event that could not be recorded. May be nil.
	OnError func(error)
}

// Gateway is the one door of the local AWS. It is an http.Handler, safe for concurrent use.
type Gateway struct {
	cfg     Config
	anyHost bool
	randMu  sync.Mutex

	throttles throttles

	mu       sync.RWMutex
	services map[string]*registered // by signing name
}

// registered is a service with its operations by name.
type registered struct {
	Service
	operations map[string]*Operation
}

// New makes a gateway without services.
func New(cfg Config) *Gateway {
	if cfg.OnError == nil {
		cfg.OnError = func(error) {}
	}
	return &Gateway{cfg: cfg, services: map[string]*registered{}}
}

// AllowAnyHost has requests accepted whatever host they name, for a server that does not listen on a loopback address
// and cannot know its own names. It comes before the first request. Web pages stay refused.
func (g *Gateway) AllowAnyHost() { g.anyHost = true }

// Register puts a service behind the gateway. Two services may not share a signing name, nor a service name an
// operation twice.
func (g *Gateway) Register(s Service) error {
	r := &registered{Service: s, operations: make(map[string]*Operation, len(s.Operations))}
	for i := range s.Operations {
		op := &s.Operations[i]
		if r.operations[op.Name] != nil {
			return fmt.Errorf("register %s: operation %s is there twice", s.Name, op.Name)
		}
		r.operations[op.Name] = op
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.services[s.Name] != nil {
		return fmt.Errorf("register %s: the service is there already", s.Name)
	}
	g.services[s.Name] = r
	return nil
}

// Server is an HTTP server for the gateway with the limits that a local server needs. The caller listens and serves.
func (g *Gateway) Server() *http.Server {
	return &http.Server{
		Handler:           g,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
	}
}

// newID is a random UUID, version 4.
func (g *Gateway) newID() (string, error) {
	var b [16]byte
	g.randMu.Lock()
	_, err := io.ReadFull(g.cfg.Rand, b[:])
	g.randMu.Unlock()
	if err != nil {
		return "", fmt.Errorf("make a request id: %w", err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}
