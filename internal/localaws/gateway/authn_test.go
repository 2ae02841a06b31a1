package gateway_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

// TestBadSignatureIsRefused shows AWS's error in each protocol, and that the handler was not called.
func TestBadSignatureIsRefused(t *testing.T) {
	t.Parallel()
	as := func(id, secret, token string) sigv4.Credentials {
		return sigv4.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: token}
	}
	resign := func(at time.Time, region, service string) func(*http.Request) {
		return func(r *http.Request) { sigv4.Sign(r, []byte("{}"), key, region, service, at) }
	}
	for name, tc := range map[string]struct {
		cred            sigv4.Credentials
		change          func(*http.Request)
		json, form, ec2 string
	}{
		"none":                   {key, func(r *http.Request) { r.Header.Del("Authorization") }, "MissingAuthenticationTokenException", "MissingAuthenticationToken", "MissingAuthenticationToken"},
		"unreadable":             {key, func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, "IncompleteSignatureException", "IncompleteSignature", "IncompleteSignature"},
		"unknown key":            {as("AKIANOBODY", "secret", ""), nil, "UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure"},
		"wrong secret":           {as("AKIAUSER", "wrong", ""), nil, "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure"},
		"tampered body":          {key, func(r *http.Request) { r.Body = http.NoBody; r.URL.RawQuery = "Action=Ping&Version=2011-06-15" }, "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure"},
		"old":                    {key, resign(now.Add(-16*time.Minute), "eu-west-1", "SERVICE"), "InvalidSignatureException", "SignatureDoesNotMatch", "RequestExpired"},
		"other service":          {key, resign(now, "eu-west-1", "s3"), "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure"},
		"no region":              {key, resign(now, "mars", "SERVICE"), "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure"},
		"other region than host": {key, func(r *http.Request) { r.Host = "x.us-east-2.amazonaws.com" }, "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure"},
		"session without token":  {as(session.AccessKeyID, session.SecretAccessKey, ""), nil, "UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure"},
		"other token":            {as(session.AccessKeyID, session.SecretAccessKey, "other"), nil, "UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure"},
		"token with user key":    {as("AKIAUSER", "secret", "token"), nil, "UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure"},
		"expired session":        {stale, nil, "ExpiredTokenException", "ExpiredToken", "RequestExpired"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, allowAll(t))
			want := map[string]string{"ssm": tc.json, "sts": tc.form, "ec2": tc.ec2}
			for service, code_ := range want {
				body := ""
				if service == "ssm" {
					body = "{}"
				}
				change := func(r *http.Request) {
					if tc.change == nil {
						return
					}
					tc.change(r)
					a := r.Header.Get("Authorization")
					if strings.Contains(a, "SERVICE") { // the closure cannot know the service
						at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
						if err != nil {
							t.Fatal(err)
						}
						region := strings.Split(a, "/")[2]
						sigv4.Sign(r, []byte(body), key, region, service, at)
					}
				}
				if service == "ec2" && name == "tampered body" {
					change = func(r *http.Request) { r.Body = http.NoBody; r.URL.RawQuery = "Action=Ping&Version=2016-11-15" }
				}
				got := w.ask(t, service, "Ping", body, tc.cred, change)
				if code(got) != code_ || got.Code < 400 {
					t.Errorf("%s: got %d %s, want %s", service, got.Code, code(got), code_)
				}
			}
			if n := w.handled.Load(); n != 0 {
				t.Errorf("the handler ran %d times", n)
			}
			events, err := w.log.List(t.Context(), gateway.Filter{})
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range events {
				if e.ErrorCode == "" || e.UserIdentity.ARN != "" || len(e.Slipway.Checks) != 0 {
					t.Errorf("event of an unknown caller: %+v", e)
				}
			}
			if len(events) != 3 {
				t.Errorf("%d events, want 3", len(events))
			}
		})
	}
}

func TestExpiredSignatureText(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allowAll(t))
	got := w.ask(t, "ssm", "Ping", "{}", key, func(r *http.Request) { sigv4.Sign(r, []byte("{}"), key, "eu-west-1", "ssm", now.Add(-time.Hour)) })
	want := `{"__type":"InvalidSignatureException","message":"Signature expired: 20261122T033000Z is now earlier than 20261122T041500Z (20261122T043000Z - 15 min.)"}`
	if diff := cmp.Diff(want, got.Body.String()); diff != "" {
		t.Error(diff)
	}
}

func TestRefusedRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allowAll(t))
	for name, tc := range map[string]struct {
		service, operation, body string
		change                   func(*http.Request)
		status                   int
		want                     string
	}{
		"web page":              {"ssm", "Ping", "{}", func(r *http.Request) { r.Header.Set("Origin", "http://localhost:4566") }, 403, "AccessDenied"},
		"rebound name":          {"ssm", "Ping", "{}", func(r *http.Request) { r.Host = "evil.example.com" }, 403, "AccessDenied"},
		"name that looks local": {"ssm", "Ping", "{}", func(r *http.Request) { r.Host = "127.0.0.1.example.com" }, 403, "AccessDenied"},
		"public address":        {"ssm", "Ping", "{}", func(r *http.Request) { r.Host = "8.8.8.8" }, 403, "AccessDenied"},
		"other method":          {"ssm", "Ping", "{}", func(r *http.Request) { r.Method = "PUT" }, 405, "MethodNotAllowed"},
		"unknown target":        {"ssm", "Nope", "{}", nil, 400, "UnknownOperationException"},
		"unknown service":       {"ssm", "Ping", "{}", func(r *http.Request) { r.Header.Set("X-Amz-Target", "DynamoDB_20120810.PutItem") }, 400, "UnknownOperationException"},
		"unknown action":        {"sts", "Nope", "", nil, 400, "InvalidAction"},
		"unknown EC2 action":    {"ec2", "Nope", "", nil, 400, "InvalidAction"},
		"no action":             {"sts", "", "", nil, 400, "MissingAction"},
		"not JSON":              {"ssm", "Ping", "{", nil, 400, "SerializationException"},
		"two documents":         {"ssm", "Ping", "{}{}", nil, 400, "SerializationException"},
		"wrong type":            {"ssm", "Ping", `{"Names":"a"}`, nil, 400, "SerializationException"},
		"unknown parameter":     {"ec2", "Ping", "Colour=red", nil, 400, "UnknownParameter"},
		"list as scalar":        {"sts", "Ping", "Names=a", nil, 400, "MalformedInput"},
		"scalar as list":        {"sts", "Ping", "Name.member.1=a", nil, 400, "MalformedInput"},
		"twice":                 {"sts", "Ping", "Name=a&Name=b", nil, 400, "MalformedInput"},
		"too large":             {"ssm", "Ping", `{"Name":"` + strings.Repeat("x", 1<<20) + `"}`, nil, 413, "RequestEntityTooLarge"},
		"error of the service":  {"ssm", "Fail", "{}", nil, 400, "InvalidInstanceId"},
		"failing handler":       {"sts", "Break", "", nil, 500, "InternalFailure"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := w.ask(t, tc.service, tc.operation, tc.body, key, tc.change)
			if got.Code != tc.status || code(got) != tc.want {
				t.Errorf("got %d %s, want %d %s", got.Code, code(got), tc.status, tc.want)
			}
			if strings.Contains(got.Body.String(), "fire") {
				t.Error("the client sees an internal error's text")
			}
		})
	}
}

func TestPanicIsRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allowAll(t))
	got := w.ask(t, "ec2", "Crash", "", key, nil)
	if got.Code != 500 || code(got) != "InternalFailure" || strings.Contains(got.Body.String(), "boom") {
		t.Errorf("got %d %s", got.Code, got.Body)
	}
	events, err := w.log.List(t.Context(), gateway.Filter{Name: "Crash"})
	if err != nil {
		t.Fatal(err)
	}
	if len(events) != 1 || !strings.HasPrefix(events[0].Slipway.Panic, "boom\n") {
		t.Errorf("events: %+v", events)
	}
}

func TestAnonymousOperation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, iam.PolicySet{})
	got := w.ask(t, "sts", "Hail", "Name=x", key, func(r *http.Request) { r.Header.Del("Authorization") })
	if got.Code != 200 || w.handled.Load() != 1 {
		t.Errorf("got %d %s", got.Code, got.Body)
	}
}
