package gateway

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
)

// routeREST finds the REST service that a request is for: the one that it is signed for, or, without a signature, one
// that knows the path, if nothing in the request belongs to another protocol.
func (x *exchange) routeREST() bool {
	scope := x.scope()
	if x.protocol == JSON11 || scope == "" && (x.r.URL.Query().Has("Action") || x.r.Header.Get("Content-Type") == formType) {
		return false
	}
	x.gw.mu.RLock()
	defer x.gw.mu.RUnlock()
	for _, s := range x.gw.services {
		if s.Route == nil || scope != "" && scope != s.Name {
			continue
		}
		name, ok := s.Route(x.r)
		if !ok && scope == "" {
			continue
		}
		x.svc, x.protocol, x.call.protocol = s, RESTXML, RESTXML
		x.call.Service, x.call.Operation, x.call.Region = s.Name, name, x.region()
		x.op = s.operations[name]
		return true
	}
	return false
}

const formType = "application/x-www-form-urlencoded"

// serveREST does everything after routing for a REST service.
func (x *exchange) serveREST(ctx context.Context, w http.ResponseWriter) error {
	if err := x.read(); err != nil {
		return err
	}
	if err := x.authenticate(ctx); err != nil {
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
	x.r.Body = io.NopCloser(bytes.NewReader(x.body))
	return x.op.raw(ctx, x.call, w, x.r)
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
	doc.element("RequestId", x.call.RequestID)
	doc.buf.WriteString("</Error>")
	h := w.Header()
	h.Set("Content-Type", "application/xml")
	h.Set("X-Amz-Request-Id", x.call.RequestID)
	w.WriteHeader(e.HTTPStatus())
	if x.r.Method != http.MethodHead {
		_, _ = w.Write(doc.buf.Bytes()) // the client may be gone
	}
}
