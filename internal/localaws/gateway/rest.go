package gateway

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

// routeREST finds the REST service that a request is for: the one that it is signed for, or, without a signature, one
// that knows the path, if nothing in the request belongs to another protocol. Of several it is the first by name: a key of S3's
// may look like the path of another service.
func (x *exchange) routeREST() bool {
	scope := x.scope()
	if scope == "" && (x.protocol == JSON11 || x.r.URL.Query().Has("Action") || x.r.Header.Get("Content-Type") == formType) {
		return false
	}
	x.gw.mu.RLock()
	defer x.gw.mu.RUnlock()
	var found *registered
	var operation string
	for _, s := range x.gw.services {
		if s.Route == nil || scope != "" && scope != s.Name || found != nil && found.Name < s.Name {
			continue
		}
		if name, ok := s.Route(x.r); ok || scope != "" {
			found, operation = s, name
		}
	}
	if found == nil {
		return false
	}
	x.svc, x.protocol, x.call.protocol = found, RESTXML, RESTXML
	x.call.Service, x.call.Operation, x.call.Region = found.Name, operation, x.region()
	x.op = found.operations[operation]
	return true
}

const formType = "application/x-www-form-urlencoded"

// serveREST does everything after routing for a REST service.
func (x *exchange) serveREST(ctx context.Context, w http.ResponseWriter) error {
	// The body is replaced in a copy: the server looks at its own, whether a client still waits to be told to send it.
	x.r = x.r.WithContext(ctx)
	if err := x.admit(ctx, w); err != nil {
		return err
	}
	if x.op == nil || x.op.raw == nil {
		return unknownOperation(x.protocol, x.call.Operation)
	}
	if err := x.throttle(); err != nil {
		return err
	}
	if x.op.lookAt != nil {
		needs, err := x.op.lookAt(ctx, x.call, x.r)
		if err != nil {
			return err
		}
		for _, a := range needs {
			if err := x.call.Authorize(ctx, a); err != nil {
				return err
			}
		}
	}
	x.raw = true
	if !x.svc.Streaming {
		x.r.Body = io.NopCloser(bytes.NewReader(x.body))
	}
	return x.op.raw(ctx, x.call, w, x.r)
}

// admit takes the body in, or makes it ready to be read, and finds the caller.
func (x *exchange) admit(ctx context.Context, w http.ResponseWriter) error {
	if !x.svc.Streaming {
		if err := x.read(); err != nil {
			return err
		}
	} else {
		x.r.Body = &patient{ReadCloser: x.r.Body, w: http.NewResponseController(w)}
	}
	if x.svc.Unsigned && errors.Is(x.sigErr, sigv4.ErrMissing) {
		return x.admitAnyone()
	}
	return x.authenticate(ctx)
}

// admitAnyone is for a request without a signature.
func (x *exchange) admitAnyone() error {
	if x.r.URL.Query().Has("AWSAccessKeyId") {
		return &Error{Code: "InvalidRequest", Message: "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."}
	}
	x.call.Caller.Kind = anonymous
	if !x.svc.Streaming {
		return nil
	}
	payload, err := sigv4.UnsignedS3(x.r)
	if err != nil {
		return x.refused(err)
	}
	x.stream(payload)
	return nil
}

// verify checks the signature, and the body with it or while it is read.
func (x *exchange) verify(secret string) error {
	if !x.svc.Streaming {
		return x.sig.Verify(x.r, x.body, secret, x.call.Time)
	}
	payload, err := x.sig.VerifyS3(x.r, secret, x.call.Time)
	if err != nil {
		return err
	}
	x.stream(payload)
	return nil
}

// stream puts the verified content in the place of the body.
func (x *exchange) stream(p *sigv4.Payload) {
	x.r.Body = &content{Reader: p.Body, x: x}
	x.r.ContentLength, x.r.Trailer = p.Length, p.Trailer
}

// content is a body whose errors are those of the protocol.
type content struct {
	io.Reader
	x *exchange
}

func (c *content) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = c.x.unread(err)
	}
	return n, err
}

// Close leaves the connection to the server.
func (c *content) Close() error { return nil }

func (x *exchange) unread(err error) error {
	var refusal *sigv4.Refusal
	if errors.As(err, &refusal) {
		return x.refused(err)
	}
	return &Error{Code: "RequestTimeout", Message: "Your socket connection to the server was not read from or written to within the timeout period."}
}

// patience is how much of a body must come within the server's read timeout.
const patience = 1 << 20

// patient moves the deadline of the connection on while a long body makes progress.
type patient struct {
	io.ReadCloser
	w    *http.ResponseController
	left int
}

func (b *patient) Read(p []byte) (int, error) {
	if b.left <= 0 {
		// A connection that has no deadline, in a test, needs none moved.
		_ = b.w.SetReadDeadline(time.Now().Add(readTimeout))
		b.left = patience
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= n
	return n, err
}

// answer is the response of an exchange. It records the event of a raw operation when its answer begins.
type answer struct {
	http.ResponseWriter
	x *exchange
}

// begin records the event, once.
func (a *answer) begin() {
	if !a.x.raw || a.x.answered {
		return
	}
	a.x.answered = true
	a.Header().Set("X-Amz-Request-Id", a.x.call.RequestID)
	a.x.record(context.WithoutCancel(a.x.r.Context()), a.x.call.failed)
}

// WriteHeader begins the answer.
func (a *answer) WriteHeader(status int) {
	a.begin()
	a.ResponseWriter.WriteHeader(status)
}

// Write begins the answer.
func (a *answer) Write(b []byte) (int, error) {
	a.begin()
	return a.ResponseWriter.Write(b)
}

// Hijack begins the answer and takes over the connection, for a web socket.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	a.begin()
	return http.NewResponseController(a.ResponseWriter).Hijack()
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// writeRESTError answers with an error in the form of the service, or in that of S3 ("Error responses", S3 API reference).
func (x *exchange) writeRESTError(w http.ResponseWriter, e *Error) {
	if x.svc.Failure != nil {
		x.svc.Failure(w, x.call.RequestID, e)
		return
	}
	var doc xmlWriter
	doc.buf.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n<Error>")
	doc.element("Code", e.Code)
	doc.element("Message", e.Message)
	h := w.Header()
	for _, d := range e.Details {
		doc.element(d.Name, d.Value)
		if d.Name == regionDetail {
			h.Set("X-Amz-Bucket-Region", d.Value)
		}
	}
	doc.element("RequestId", x.call.RequestID)
	doc.element("HostId", x.call.RequestID)
	doc.buf.WriteString("</Error>")
	h.Set("Content-Type", "application/xml")
	h.Set("X-Amz-Request-Id", x.call.RequestID)
	w.WriteHeader(e.HTTPStatus())
	if x.r.Method != http.MethodHead {
		_, _ = w.Write(doc.buf.Bytes()) // the client may be gone
	}
}
