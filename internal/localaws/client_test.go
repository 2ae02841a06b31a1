package localaws_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

// caller signs requests to a local AWS as one principal in one region, in whatever protocol a service has.
type caller struct {
	endpoint string
	region   string
	cred     sigv4.Credentials
	services map[string]gateway.Service
	// change alters a request after it was signed; nil leaves it.
	change func(*http.Request)
}

// callerOf is the administrator of an account, which is made if it is not there.
func callerOf(t testing.TB, aws *localaws.AWS, account, region string) caller {
	t.Helper()
	keys, err := aws.EnsureAccount(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	services := map[string]gateway.Service{}
	for _, s := range aws.Services() {
		services[s.Name] = s
	}
	return caller{endpoint: aws.Endpoint(), region: region, services: services,
		cred: sigv4.Credentials{AccessKeyID: keys.AccessKeyID, SecretAccessKey: keys.SecretAccessKey}}
}

// answer is what came back.
type answer struct {
	status int
	code   string // of an error
	body   string
	header http.Header
}

var xmlCode = regexp.MustCompile(`<Code>([^<]+)</Code>`)

// ask calls an operation of a JSON service with a JSON body, of a Query service with a form.
func (c caller) ask(t testing.TB, service, operation, body string) answer {
	t.Helper()
	s, ok := c.services[service]
	if !ok {
		t.Fatalf("no service %s", service)
	}
	header := http.Header{}
	switch s.Protocol {
	case gateway.JSON11:
		header.Set("X-Amz-Target", s.Target+"."+operation)
		header.Set("Content-Type", "application/x-amz-json-1.1")
	case gateway.Query, gateway.EC2Query:
		form := url.Values{"Action": {operation}, "Version": {s.Version}}.Encode()
		body = strings.TrimSuffix(form+"&"+body, "&")
		header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	default:
		t.Fatalf("%s is a REST service: use send", service)
	}
	return c.send(t, http.MethodPost, "/", service, header, body)
}

// send signs and sends any request.
func (c caller) send(t testing.TB, method, path, service string, header http.Header, body string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, c.endpoint+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	sigv4.Sign(request, []byte(body), c.cred, c.region, service, time.Now())
	if c.change != nil {
		c.change(request)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := answer{status: response.StatusCode, code: response.Header.Get("X-Amzn-Errortype"), body: string(content), header: response.Header}
	if m := xmlCode.FindSubmatch(content); m != nil && out.code == "" {
		out.code = string(m[1])
	}
	return out
}

// must is ask for a call that has to succeed.
func (c caller) must(t testing.TB, service, operation, body string) string {
	t.Helper()
	got := c.ask(t, service, operation, body)
	if got.status != http.StatusOK {
		t.Fatalf("%s %s: %d %s", service, operation, got.status, got.body)
	}
	return got.body
}

// decode reads a JSON answer.
func decode[T any](t testing.TB, body string) T {
	t.Helper()
	var v T
	if err := json.NewDecoder(bytes.NewReader([]byte(body))).Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return v
}
