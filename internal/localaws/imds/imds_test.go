package imds_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/localaws/imds"
)

// source is an instance whose answers a test sets.
type source struct {
	instance imds.Instance
	role     imds.Credentials
	identity imds.Credentials
	err      error
}

func (s *source) Instance(context.Context) (imds.Instance, error)           { return s.instance, s.err }
func (s *source) RoleCredentials(context.Context) (imds.Credentials, error) { return s.role, s.err }
func (s *source) IdentityCredentials(context.Context) (imds.Credentials, error) {
	return s.identity, s.err
}

var launched = time.Date(2026, 11, 22, 4, 30, 0, 0, time.UTC)

func newSource() *source {
	return &source{
		instance: imds.Instance{ID: "i-0123456789abcdef0", Account: "111111111111", Region: "eu-west-1", Zone: "eu-west-1b", ImageID: "ami-1",
			Type: "t3.micro", Architecture: "x86_64", PrivateIP: "10.0.0.4", HostName: "ip-10-0-0-4.eu-west-1.compute.internal", Launched: launched,
			ProfileARN: "arn:aws:iam::111111111111:instance-profile/node", ProfileID: "AIPA1", RoleName: "node"},
		role: imds.Credentials{AccessKeyID: "ASIA1", SecretAccessKey: "secret", Token: "token", Issued: launched, Expires: launched.Add(6 * time.Hour)},
	}
}

// service is the metadata service of a source, with a clock.
type service struct {
	t       *testing.T
	handler http.Handler
	now     time.Time
	errs    []error
}

func newService(t *testing.T, s imds.Source) *service {
	t.Helper()
	v := &service{t: t, now: launched}
	h, err := imds.New(s, func() time.Time { return v.now }, bytes.NewReader(make([]byte, 32)), func(err error) { v.errs = append(v.errs, err) })
	if err != nil {
		t.Fatal(err)
	}
	v.handler = h
	return v
}

// do makes a request; headers are name, value, …
func (v *service) do(method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://169.254.169.254"+path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	v.handler.ServeHTTP(w, r)
	return w
}

const (
	ttl   = "X-aws-ec2-metadata-token-ttl-seconds"
	token = "X-aws-ec2-metadata-token"
)

func (v *service) session() string {
	v.t.Helper()
	w := v.do(http.MethodPut, "/latest/api/token", ttl, "60")
	if w.Code != http.StatusOK || w.Header().Get(ttl) != "60" {
		v.t.Fatalf("no token: %d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestSessions(t *testing.T) {
	t.Parallel()
	v := newService(t, newSource())
	good := v.session()
	for name, c := range map[string]struct {
		method, path string
		headers      []string
		want         int
	}{
		"a session":         {http.MethodGet, "/latest/meta-data/instance-id", []string{token, good}, 200},
		"no token":          {http.MethodGet, "/latest/meta-data/instance-id", nil, 401},
		"a bad token":       {http.MethodGet, "/latest/meta-data/instance-id", []string{token, "AAAA" + good[4:]}, 401},
		"not a token":       {http.MethodGet, "/latest/meta-data/instance-id", []string{token, "x"}, 401},
		"HEAD":              {http.MethodHead, "/latest/meta-data/instance-id", []string{token, good}, 200},
		"POST":              {http.MethodPost, "/latest/meta-data/instance-id", []string{token, good}, 405},
		"an item not there": {http.MethodGet, "/latest/meta-data/spot", []string{token, good}, 404},
		"a version":         {http.MethodGet, "/2000-01-01/meta-data/instance-id", []string{token, good}, 404},
		"a web page":        {http.MethodGet, "/latest/meta-data/instance-id", []string{token, good, "Origin", "http://evil.example"}, 403},
		"no TTL":            {http.MethodPut, "/latest/api/token", nil, 400},
		"TTL 0":             {http.MethodPut, "/latest/api/token", []string{ttl, "0"}, 400},
		"a long TTL":        {http.MethodPut, "/latest/api/token", []string{ttl, "21601"}, 400},
		"a proxy":           {http.MethodPut, "/latest/api/token", []string{ttl, "60", "X-Forwarded-For", "10.0.0.9"}, 403},
		"a page's token":    {http.MethodPut, "/latest/api/token", []string{ttl, "60", "Origin", "http://evil.example"}, 403},
		"GET of a token":    {http.MethodGet, "/latest/api/token", []string{ttl, "60"}, 405},
	} {
		if w := v.do(c.method, c.path, c.headers...); w.Code != c.want {
			t.Errorf("%s: got %d, want %d", name, w.Code, c.want)
		}
	}
	v.now = v.now.Add(61 * time.Second)
	if w := v.do(http.MethodGet, "/latest/meta-data/instance-id", token, good); w.Code != 401 {
		t.Errorf("an expired token: got %d, want 401", w.Code)
	}
}

// TestKeysAreEachServices: a token of one instance is none of another.
func TestKeysAreEachServices(t *testing.T) {
	t.Parallel()
	a := newService(t, newSource())
	key := bytes.Repeat([]byte{1}, 32)
	h, err := imds.New(newSource(), func() time.Time { return launched }, bytes.NewReader(key), func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	b := &service{t: t, handler: h}
	if w := b.do(http.MethodGet, "/latest/meta-data/instance-id", token, a.session()); w.Code != 401 {
		t.Errorf("got %d, want 401", w.Code)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	s := newSource()
	s.instance.TokensOptional = true
	v := newService(t, s)
	if w := v.do(http.MethodGet, "/latest/meta-data/instance-id"); w.Code != 200 {
		t.Errorf("version 1: got %d, want 200", w.Code)
	}
	if w := v.do(http.MethodGet, "/latest/meta-data/instance-id", token, "x"); w.Code != 401 {
		t.Errorf("version 1 with a bad token: got %d, want 401", w.Code)
	}
	s.instance.Disabled = true
	if w := v.do(http.MethodPut, "/latest/api/token", ttl, "60"); w.Code != 403 {
		t.Errorf("disabled: got %d, want 403", w.Code)
	}
	s.err = errors.New("the database is gone")
	if w := v.do(http.MethodGet, "/latest/meta-data/instance-id"); w.Code != 500 || len(v.errs) != 1 {
		t.Errorf("a source that fails: got %d, %v, want 500 and the error told", w.Code, v.errs)
	}
}

func TestItems(t *testing.T) {
	t.Parallel()
	s := newSource()
	s.instance.Tags = map[string]string{"App": "web", "a/b": "c"}
	v := newService(t, s)
	session := v.session()
	for path, want := range map[string]string{
		"meta-data/instance-id":                    "i-0123456789abcdef0",
		"meta-data/ami-id":                         "ami-1",
		"meta-data/placement/region":               "eu-west-1",
		"meta-data/placement/availability-zone":    "eu-west-1b",
		"meta-data/placement/availability-zone-id": "euw1-az2",
		"meta-data/placement/":                     "availability-zone\navailability-zone-id\nregion",
		"meta-data/placement":                      "availability-zone\navailability-zone-id\nregion",
		"meta-data/mac":                            "06:78:9a:bc:de:f0",
		"meta-data/network/interfaces/macs/":       "06:78:9a:bc:de:f0/",
		"meta-data/iam/security-credentials/":      "node",
		"meta-data/iam/security-credentials":       "node",
		"meta-data/tags/instance":                  "App\na/b",
		"meta-data/tags/instance/a/b":              "c",
		"meta-data/local-ipv4":                     "10.0.0.4",
		"dynamic/":                                 "instance-identity/",
		"":                                         "dynamic/\nmeta-data/",
	} {
		if w := v.do(http.MethodGet, "/latest/"+path, token, session); w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: got %d %q, want %q", path, w.Code, w.Body, want)
		}
	}
	for _, path := range []string{"user-data", "meta-data/identity-credentials/ec2/security-credentials/ec2-instance",
		"meta-data/iam/security-credentials/other", "dynamic/instance-identity/pkcs7"} {
		if w := v.do(http.MethodGet, "/latest/"+path, token, session); w.Code != 404 {
			t.Errorf("%s: got %d, want 404", path, w.Code)
		}
	}
}

// TestCredentials in the shape that the SDKs read.
func TestCredentials(t *testing.T) {
	t.Parallel()
	s := newSource()
	s.identity = imds.Credentials{AccessKeyID: "ASIA2", SecretAccessKey: "s", Token: "t", Issued: launched, Expires: launched}
	v := newService(t, s)
	session := v.session()
	read := func(path string) (m map[string]string) {
		w := v.do(http.MethodGet, "/latest/meta-data/"+path, token, session)
		if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil {
			t.Errorf("%s: %d %s: %v", path, w.Code, w.Body, err)
		}
		return m
	}
	if diff := cmp.Diff(map[string]string{"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": "ASIA1", "SecretAccessKey": "secret", "Token": "token",
		"LastUpdated": "2026-11-22T04:30:00Z", "Expiration": "2026-11-22T10:30:00Z"}, read("iam/security-credentials/node")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if got := read("identity-credentials/ec2/security-credentials/ec2-instance")["AccessKeyId"]; got != "ASIA2" {
		t.Errorf("the identity credentials are %q", got)
	}
	if got := read("iam/info")["InstanceProfileArn"]; got != s.instance.ProfileARN {
		t.Errorf("the profile is %q", got)
	}
	s.role = imds.Credentials{Denied: "EC2 cannot assume the role node", Issued: launched}
	if diff := cmp.Diff(map[string]string{"Code": "AssumeRoleUnauthorizedAccess", "Message": "EC2 cannot assume the role node",
		"LastUpdated": "2026-11-22T04:30:00Z"}, read("iam/security-credentials/node")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	s.instance.ProfileARN, s.instance.RoleName = "", ""
	for _, path := range []string{"iam/info", "iam/security-credentials/", "iam/security-credentials/node"} {
		if w := v.do(http.MethodGet, "/latest/meta-data/"+path, token, session); w.Code != 404 {
			t.Errorf("%s without a profile: got %d, want 404", path, w.Code)
		}
	}
}

// TestIdentityDocument is read by SDKs that look for their region.
func TestIdentityDocument(t *testing.T) {
	t.Parallel()
	v := newService(t, newSource())
	w := v.do(http.MethodGet, "/latest/dynamic/instance-identity/document", token, v.session())
	for _, want := range []string{`"region": "eu-west-1"`, `"instanceId": "i-0123456789abcdef0"`, `"accountId": "111111111111"`, `"pendingTime": "2026-11-22T04:30:00Z"`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in %s", want, w.Body)
		}
	}
}
