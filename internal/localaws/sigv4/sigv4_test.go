package sigv4_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/google/go-cmp/cmp"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

var (
	cred = sigv4.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
	now  = time.Date(2026, 11, 22, 4, 30, 0, 0, time.UTC)
)

// shapes are requests that exercise the canonicalisation.
var shapes = map[string]struct {
	method, url, body string
	header            http.Header
}{
	"json":             {"POST", "http://127.0.0.1:4566/", `{"a":1}`, http.Header{"X-Amz-Target": {"AmazonSSM.SendCommand"}, "Content-Type": {"application/x-amz-json-1.1"}}},
	"query string":     {"GET", "http://localhost/?b=2&a=1&a=0&c", "", nil},
	"encoded query":    {"GET", "http://localhost/?k%20y=a%2Fb%2Bc%7E&%C3%A9=%e2%82%ac&z=a+b", "", nil},
	"path":             {"GET", "http://localhost/v1/control-channel/a%20b%2Fc%25d/ü", "", nil},
	"spaces in header": {"POST", "http://localhost/", "x", http.Header{"X-Thing": {"  a   b  "}}},
	"two values":       {"POST", "http://localhost/", "x", http.Header{"X-Thing": {"b", "a"}}},
	"empty value":      {"POST", "http://localhost/", "x", http.Header{"X-Thing": {""}}},
	"other port":       {"POST", "http://ssm.eu-west-1.amazonaws.com:8443/", "x", nil},
}

func request(t *testing.T, method, url, body string, header http.Header) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		r.Header = header.Clone()
	}
	return r
}

// arrive sends r over HTTP, so that it is verified as a server sees it.
func arrive(t *testing.T, r *http.Request, body string, verify func(*http.Request, []byte)) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, got *http.Request) { verify(got, []byte(body)) }))
	defer server.Close()
	r.Host = r.URL.Host
	r.URL.Host = strings.TrimPrefix(server.URL, "http://")
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
}

func verified(r *http.Request, body []byte, secret string, at time.Time) error {
	s, err := sigv4.Parse(r)
	if err != nil {
		return err
	}
	return s.Verify(r, body, secret, at)
}

func TestSignIsVerified(t *testing.T) {
	t.Parallel()
	for name, s := range shapes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, token := range []string{"", "the//token+="} {
				c := cred
				c.SessionToken = token
				r := request(t, s.method, s.url, s.body, s.header)
				sigv4.Sign(r, []byte(s.body), c, "eu-west-1", "ssm", now)
				arrive(t, r, s.body, func(got *http.Request, body []byte) {
					if err := verified(got, body, c.SecretAccessKey, now); err != nil {
						t.Errorf("token %q: %v", token, err)
					}
				})
			}
		})
	}
}

func TestSignEqualsTheSDK(t *testing.T) {
	t.Parallel()
	for name, s := range shapes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			theirs := request(t, s.method, s.url, s.body, s.header)
			theirs.ContentLength = 0 // the SDK signs the length, we do not
			sdkSign(t, theirs, s.body)
			ours := request(t, s.method, s.url, s.body, s.header)
			// The SDK rewrites the query before it signs.
			ours.URL.RawQuery = theirs.URL.RawQuery
			sigv4.Sign(ours, []byte(s.body), cred, "eu-west-1", "ssm", now)
			if diff := cmp.Diff(theirs.Header.Get("Authorization"), ours.Header.Get("Authorization")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSDKSignatureIsVerified(t *testing.T) {
	t.Parallel()
	for name, s := range shapes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := request(t, s.method, s.url, s.body, s.header)
			sdkSign(t, r, s.body)
			arrive(t, r, s.body, func(got *http.Request, body []byte) {
				if err := verified(got, body, cred.SecretAccessKey, now); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func sdkSign(t *testing.T, r *http.Request, body string) {
	t.Helper()
	hash := sha256.Sum256([]byte(body))
	c := aws.Credentials{AccessKeyID: cred.AccessKeyID, SecretAccessKey: cred.SecretAccessKey}
	if err := v4.NewSigner().SignHTTP(context.Background(), c, r, hex.EncodeToString(hash[:]), "ssm", "eu-west-1", now); err != nil {
		t.Fatal(err)
	}
}

func TestPresignedBySDK(t *testing.T) {
	t.Parallel()
	hash := sha256.Sum256(nil)
	r := request(t, "GET", "http://localhost/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Expires=60", "", nil)
	c := aws.Credentials{AccessKeyID: cred.AccessKeyID, SecretAccessKey: cred.SecretAccessKey, SessionToken: "t/+="}
	url, _, err := v4.NewSigner().PresignHTTP(context.Background(), c, r, hex.EncodeToString(hash[:]), "sts", "eu-west-1", now)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		url  string
		at   time.Time
		want error
	}{
		{"good", url, now, nil},
		{"last second", url, now.Add(time.Minute), nil},
		{"expired", url, now.Add(61 * time.Second), sigv4.ErrExpired},
		{"tampered", strings.Replace(url, "GetCallerIdentity", "GetSessionToken", 1), now, sigv4.ErrMismatch},
		{"longer", strings.Replace(url, "Expires=60", "Expires=600", 1), now, sigv4.ErrMismatch},
		{"endless", strings.Replace(url, "Expires=60", "Expires=999999999", 1), now, sigv4.ErrIncomplete},
		{"no date", strings.Replace(url, "X-Amz-Date=", "X-Amz-Dato=", 1), now, sigv4.ErrIncomplete},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if err := verified(request(t, "GET", tc.url, "", nil), nil, cred.SecretAccessKey, tc.at); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	body := []byte(`{"a":1}`)
	signed := func(change func(*http.Request)) *http.Request {
		r := request(t, "POST", "http://127.0.0.1/", string(body), http.Header{"X-Amz-Target": {"AmazonSSM.SendCommand"}})
		sigv4.Sign(r, body, cred, "eu-west-1", "ssm", now)
		change(r)
		return r
	}
	edit := func(old, new string) func(*http.Request) {
		return func(r *http.Request) {
			before := r.Header.Get("Authorization")
			after := strings.Replace(before, old, new, 1)
			if after == before {
				t.Fatalf("%q is not in %q", old, before)
			}
			r.Header.Set("Authorization", after)
		}
	}
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	nothing := func(*http.Request) {}
	for name, tc := range map[string]struct {
		change func(*http.Request)
		body   []byte
		secret string
		at     time.Time
		want   error
	}{
		"good":                   {nothing, body, cred.SecretAccessKey, now, nil},
		"15 minutes old":         {nothing, body, cred.SecretAccessKey, now.Add(sigv4.Skew), nil},
		"15 minutes early":       {nothing, body, cred.SecretAccessKey, now.Add(-sigv4.Skew), nil},
		"older":                  {nothing, body, cred.SecretAccessKey, now.Add(sigv4.Skew + time.Second), sigv4.ErrExpired},
		"earlier":                {nothing, body, cred.SecretAccessKey, now.Add(-sigv4.Skew - time.Second), sigv4.ErrExpired},
		"other secret":           {nothing, body, "other", now, sigv4.ErrMismatch},
		"tampered body":          {nothing, []byte(`{"a":2}`), cred.SecretAccessKey, now, sigv4.ErrMismatch},
		"tampered target":        {set("X-Amz-Target", "AmazonSSM.CancelCommand"), body, cred.SecretAccessKey, now, sigv4.ErrMismatch},
		"added token":            {set("X-Amz-Security-Token", "x"), body, cred.SecretAccessKey, now, sigv4.ErrMismatch},
		"added payload hash":     {set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"), body, cred.SecretAccessKey, now, sigv4.ErrMismatch},
		"other date":             {set("X-Amz-Date", "20261122T043001Z"), body, cred.SecretAccessKey, now, sigv4.ErrMismatch},
		"other day":              {set("X-Amz-Date", "20261123T043001Z"), body, cred.SecretAccessKey, now, sigv4.ErrMismatch},
		"no date":                {set("X-Amz-Date", ""), body, cred.SecretAccessKey, now, sigv4.ErrIncomplete},
		"unsigned host":          {edit("SignedHeaders=host;", "SignedHeaders="), body, cred.SecretAccessKey, now, sigv4.ErrMismatch},
		"other region":           {edit("eu-west-1", "us-east-1"), body, cred.SecretAccessKey, now, sigv4.ErrMismatch},
		"other service":          {edit("/ssm/", "/iam/"), body, cred.SecretAccessKey, now, sigv4.ErrMismatch},
		"other terminator":       {edit("aws4_request", "aws5_request"), body, cred.SecretAccessKey, now, sigv4.ErrMismatch},
		"short scope":            {edit("/eu-west-1", ""), body, cred.SecretAccessKey, now, sigv4.ErrIncomplete},
		"other algorithm":        {edit("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"), body, cred.SecretAccessKey, now, sigv4.ErrIncomplete},
		"bearer":                 {set("Authorization", "Bearer abc"), body, cred.SecretAccessKey, now, sigv4.ErrIncomplete},
		"no signature parameter": {edit(", Signature=", ", Signatur="), body, cred.SecretAccessKey, now, sigv4.ErrIncomplete},
		"twice":                  {edit("Credential=", "Credential=x, Credential="), body, cred.SecretAccessKey, now, sigv4.ErrIncomplete},
		"empty signature": {func(r *http.Request) {
			a, _, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
			r.Header.Set("Authorization", a+"Signature=")
		}, body, cred.SecretAccessKey, now, sigv4.ErrIncomplete},
		"none": {func(r *http.Request) { r.Header.Del("Authorization") }, body, cred.SecretAccessKey, now, sigv4.ErrMissing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := verified(signed(tc.change), tc.body, tc.secret, tc.at); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	r, err := http.NewRequest("POST", "http://localhost/", bytes.NewReader(nil))
	if err != nil {
		f.Fatal(err)
	}
	sigv4.Sign(r, nil, cred, "eu-west-1", "ssm", now)
	f.Add(r.Header.Get("Authorization"), "", "20261122T043000Z")
	f.Add("", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a/20261122/b/c/aws4_request&X-Amz-Signature=1&X-Amz-SignedHeaders=host&X-Amz-Date=20261122T043000Z", "")
	f.Add("AWS4-HMAC-SHA256 Credential=,=,,", "%zz&X-Amz-Signature=", "x")
	f.Fuzz(func(t *testing.T, authorization, query, date string) {
		r, err := http.NewRequest("POST", "http://localhost/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.URL.RawQuery = query
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		r.Header.Set("X-Amz-Date", date)
		s, err := sigv4.Parse(r)
		if err != nil {
			return
		}
		if s.AccessKeyID == "" || s.Region == "" || s.Service == "" || len(s.SignedHeaders) == 0 {
			t.Errorf("incomplete signature accepted: %+v", s)
		}
		if err := s.Verify(r, nil, "a secret that nobody signs with", now); err == nil {
			t.Error("a signature was forged")
		}
	})
}
