package gateway_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

// restWorld is a world with a REST service "rest": GET /things/NAME reads a thing, GET /broken fails late.
func restWorld(t *testing.T, policies iam.PolicySet) *world {
	t.Helper()
	w := newWorld(t, policies)
	resource := func(_ context.Context, _ *gateway.Call, r *http.Request) ([]gateway.Access, error) {
		return []gateway.Access{{Action: "s3:GetObject", Resource: "arn:aws:s3:::" + strings.TrimPrefix(r.URL.Path, "/things/")}}, nil
	}
	err := w.gw.Register(gateway.Service{
		Name: "rest", Protocol: gateway.RESTXML,
		Route: func(r *http.Request) (string, bool) {
			switch {
			case strings.HasPrefix(r.URL.Path, "/things/"):
				return "GetThing", true
			case r.URL.Path == "/broken":
				return "Broken", true
			}
			return "", false
		},
		Operations: []gateway.Operation{
			gateway.RawOp("GetThing", resource, func(_ context.Context, c *gateway.Call, out http.ResponseWriter, r *http.Request) error {
				w.handled.Add(1)
				body, err := io.ReadAll(r.Body)
				if err != nil {
					return err
				}
				c.Describe(map[string]string{"thing": r.URL.Path, "secretAccessKey": "x"})
				if r.URL.Query().Has("missing") {
					c.Fail(&gateway.Error{Code: "NoSuchThing", Message: "no"})
					out.WriteHeader(http.StatusNotFound)
				}
				_, err = out.Write(append([]byte("thing "), body...))
				return err
			}),
			gateway.RawOp("Broken", nil, func(context.Context, *gateway.Call, http.ResponseWriter, *http.Request) error {
				return io.ErrUnexpectedEOF
			}),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// get asks the REST service; an empty key signs nothing.
func (w *world) get(t *testing.T, path string, cred sigv4.Credentials) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:4566"+path, nil)
	if cred.AccessKeyID != "" {
		sigv4.Sign(r, nil, cred, "eu-west-1", "rest", now)
	}
	rec := httptest.NewRecorder()
	w.gw.ServeHTTP(rec, r)
	return rec
}

func TestREST(t *testing.T) {
	t.Parallel()
	only := iam.PolicySet{Identity: []*iam.Policy{policy(t,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::mine"}]}`)}}
	wrong := key
	wrong.SecretAccessKey = "guessed"
	for name, tc := range map[string]struct {
		path   string
		cred   sigv4.Credentials
		status int
		want   string // in the body
		event  string // the error code of the event
	}{
		"served":         {"/things/mine", key, http.StatusOK, "thing ", ""},
		"own error":      {"/things/mine?missing", key, http.StatusNotFound, "thing ", "NoSuchThing"},
		"denied":         {"/things/yours", key, http.StatusForbidden, "<Code>AccessDenied</Code>", "AccessDenied"},
		"unsigned":       {"/things/mine", sigv4.Credentials{}, http.StatusForbidden, "<Code>AccessDenied</Code>", "AccessDenied"},
		"wrong key":      {"/things/mine", wrong, http.StatusForbidden, "<Code>SignatureDoesNotMatch</Code>", "SignatureDoesNotMatch"},
		"expired":        {"/things/mine", stale, http.StatusBadRequest, "<Code>ExpiredToken</Code>", "ExpiredToken"},
		"unknown path":   {"/elsewhere", key, http.StatusNotImplemented, "<Code>NotImplemented</Code>", "none"},
		"handler breaks": {"/broken", key, http.StatusInternalServerError, "<Code>InternalFailure</Code>", "InternalFailure"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := restWorld(t, only)
			got := w.get(t, tc.path, tc.cred)
			if got.Code != tc.status || !strings.Contains(got.Body.String(), tc.want) {
				t.Errorf("got %d %s, want %d with %q", got.Code, got.Body, tc.status, tc.want)
			}
			events, err := w.log.List(t.Context(), gateway.Filter{})
			if err != nil {
				t.Fatal(err)
			}
			if tc.event == "none" {
				if len(events) != 0 {
					t.Errorf("%d events of a request that named nothing", len(events))
				}
				return
			}
			if len(events) != 1 || events[0].ErrorCode != tc.event {
				t.Fatalf("got events %+v, want one with error %q", events, tc.event)
			}
			served := tc.event == "" || tc.event == "NoSuchThing"
			if hidden := strings.Contains(string(events[0].RequestParameters), `"secretAccessKey":"HIDDEN`); served != hidden {
				t.Errorf("parameters %s", events[0].RequestParameters)
			}
			if served != (w.handled.Load() == 1) {
				t.Errorf("handled %d times", w.handled.Load())
			}
		})
	}
}
