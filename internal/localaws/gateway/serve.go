package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

// exchange is one HTTP request and what the gateway has found out about it so far.
type exchange struct {
	gw       *Gateway
	r        *http.Request
	body     []byte
	form     url.Values // of a Query request
	protocol Protocol
	sig      *sigv4.Signature
	sigErr   error
	svc      *registered // nil when no service fits
	op       *Operation  // nil when the service does not have it
	call     *Call
	input    any  // nil until decoded
	foreign  bool // signed for a service that is not served
	panicked string
	raw      bool // the operation answers by itself
	answered bool // and has begun to
}

// ServeHTTP takes a request through guard, routing, authentication, decoding, authorisation and the handler,
// records it and answers it in the service's protocol.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, err := g.newID()
	if err != nil {
		g.cfg.OnError(err)
		http.Error(w, "no randomness", http.StatusInternalServerError)
		return
	}
	x := &exchange{gw: g, r: r, call: &Call{
		RequestID: id,
		Time:      g.cfg.Now(),
		SourceIP:  sourceIP(r.RemoteAddr),
		UserAgent: r.UserAgent(),
		KeyProof:  KeyProof{r.Header.Get("Authorization"), r.Header.Get("SSM-AsymmetricKeyAuthorization")},
		gw:        g,
	}}
	w = &answer{ResponseWriter: w, x: x}
	out, failure := x.run(r.Context(), w)
	if x.raw && failure == nil && !x.answered {
		w.WriteHeader(http.StatusOK)
	}
	if x.answered {
		return
	}
	var body []byte
	if failure == nil {
		body, failure = x.encodeResult(out)
	}
	// Recorded first: whoever has the answer finds the event.
	x.answered = true
	x.record(context.WithoutCancel(r.Context()), failure)
	if failure != nil {
		x.writeError(w, failure)
		return
	}
	x.send(w, http.StatusOK, body)
}

// run does everything up to the answer. Whatever goes wrong comes back as an [*Error].
func (x *exchange) run(ctx context.Context, w http.ResponseWriter) (out any, failure *Error) {
	defer func() {
		if p := recover(); p != nil {
			x.panicked = fmt.Sprintf("%v\n%s", p, debug.Stack())
			out, failure = nil, internalFailure()
		}
	}()
	out, err := x.steps(ctx, w)
	if err == nil {
		return out, nil
	}
	if errors.As(err, &failure) {
		return nil, failure
	}
	if ctx.Err() == nil { // otherwise the client has gone, and nothing is wrong
		x.gw.cfg.OnError(fmt.Errorf("%s:%s: %w", x.call.Service, x.call.Operation, err))
	}
	return nil, internalFailure()
}

func (x *exchange) steps(ctx context.Context, w http.ResponseWriter) (any, error) {
	x.protocol = guessProtocol(x.r)
	if err := x.gw.Guard(x.r); err != nil {
		return nil, err
	}
	x.sig, x.sigErr = sigv4.Parse(x.r)
	if x.routeREST() {
		return nil, x.serveREST(ctx, w)
	}
	if err := x.read(); err != nil {
		return nil, err
	}
	if err := x.route(); err != nil {
		return nil, err
	}
	if err := x.authenticate(ctx); err != nil {
		return nil, err
	}
	if x.op == nil {
		return nil, unknownOperation(x.protocol, x.call.Operation)
	}
	if err := x.throttle(); err != nil {
		return nil, err
	}
	input := x.op.input()
	if err := x.decode(input); err != nil {
		return nil, err
	}
	x.input = input
	if x.op.access != nil {
		needs, err := x.op.access(ctx, x.call, input)
		if err != nil {
			return nil, err
		}
		for _, a := range needs {
			if err := x.call.Authorize(ctx, a); err != nil {
				return nil, err
			}
		}
	}
	return x.op.handle(ctx, x.call, input)
}

// bodyLimit is the limit of the service that the request is signed for: others are not known before the body is read.
func (x *exchange) bodyLimit() int {
	x.gw.mu.RLock()
	defer x.gw.mu.RUnlock()
	if s := x.gw.services[x.scope()]; s != nil && s.MaxBody > 0 {
		return s.MaxBody
	}
	return maxBody
}

// read takes the body in, up to the limit.
func (x *exchange) read() error {
	limit := x.bodyLimit()
	body, err := io.ReadAll(io.LimitReader(x.r.Body, int64(limit)+1))
	if err != nil {
		return malformed(x.protocol, "The request body cannot be read.")
	}
	if len(body) > limit {
		return &Error{Code: "RequestEntityTooLarge", Message: fmt.Sprintf("The request is larger than %d MB.", limit>>20), Status: http.StatusRequestEntityTooLarge}
	}
	x.body = body
	return nil
}

func (x *exchange) decode(input any) error {
	if x.protocol == JSON11 {
		return decodeJSON(x.body, input)
	}
	return decodeForm(x.form, x.protocol, input)
}

func sourceIP(remote string) string {
	if host, _, err := net.SplitHostPort(remote); err == nil {
		return host
	}
	return remote
}

// iso is how AWS writes times in XML and in condition keys.
func iso(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
