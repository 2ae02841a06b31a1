package sigv4

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func machineRequest(t testing.TB, now time.Time) (*http.Request, []byte) {
	t.Helper()
	body := []byte(`{"Fingerprint":"x"}`)
	r := httptest.NewRequest(http.MethodPost, "http://ssm.eu-west-1.amazonaws.com/", bytes.NewReader(body))
	r.Header.Set("X-Amz-Target", "AmazonSSM.RequestManagedInstanceRoleToken")
	if err := SignRSA(r, body, "mi-0123456789abcdef0", rsaKey(), "eu-west-1", "ssm", now); err != nil {
		t.Fatal(err)
	}
	return r, body
}

func TestVerifyRSA(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 4, 30, 0, 0, time.UTC)
	r, body := machineRequest(t, now)
	s, err := Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	if s.AccessKeyID != "mi-0123456789abcdef0" || s.Region != "eu-west-1" || s.Service != "ssm" {
		t.Errorf("parsed %+v", s)
	}
	if err := s.VerifyRSA(r, body, &rsaKey().PublicKey, now); err != nil {
		t.Error(err)
	}
	if err := s.VerifyRSA(r, append(body, ' '), &rsaKey().PublicKey, now); err == nil {
		t.Error("another body passes")
	}
	if err := s.VerifyRSA(r, body, &rsaKey().PublicKey, now.Add(Skew+time.Second)); err == nil {
		t.Error("an old signature passes")
	}
	// The agent says the body's hash without signing that it does.
	r.Header.Set(headerHash, hashHex(body))
	if err := s.VerifyRSA(r, body, &rsaKey().PublicKey, now); err != nil {
		t.Errorf("the agent's header: %v", err)
	}
	r.Header.Set(headerHash, hashHex(nil))
	if err := s.VerifyRSA(r, body, &rsaKey().PublicKey, now); err == nil {
		t.Error("the hash of another body passes")
	}
	r.Header.Del(headerHash)
	// The signature of a machine is no HMAC, whatever the secret.
	if err := s.Verify(r, body, "", now); err == nil {
		t.Error("it passes as an HMAC")
	}
}

func FuzzVerifyRSA(f *testing.F) {
	now := time.Date(2026, 11, 22, 4, 30, 0, 0, time.UTC)
	r, _ := machineRequest(f, now)
	good := r.Header.Get("Authorization")
	f.Add(good)
	f.Add(strings.Replace(good, "Signature=", "Signature==", 1))
	f.Add("AWS4-HMAC-SHA256 Credential=mi-0/20261122/eu-west-1/ssm/aws4_request, SignedHeaders=host, Signature=AAAA")
	f.Fuzz(func(t *testing.T, header string) {
		r, body := machineRequest(t, now)
		r.Header.Set("Authorization", header)
		s, err := Parse(r)
		if err != nil {
			return
		}
		// Whoever has not the key can only say the same thing in another order: the scope and the headers are signed.
		if s.VerifyRSA(r, body, &rsaKey().PublicKey, now) == nil && (s.Region != "eu-west-1" || s.Service != "ssm") {
			t.Errorf("%q passes", header)
		}
	})
}
