package sigv4_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

var speedCredentials = sigv4.Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "secret", SessionToken: strings.Repeat("t", 128)}

const speedBody = `{"CommandId":"0831e1a8-a1ac-4257-a1fd-c831b48c4107","InstanceId":"i-00000000000000001"}`

func speedRequest(now time.Time) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:4510/", strings.NewReader(speedBody))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AmazonSSM.GetCommandInvocation")
	sigv4.Sign(r, []byte(speedBody), speedCredentials, "eu-west-1", "ssm", now)
	return r
}

func verify(t testing.TB, r *http.Request, now time.Time) {
	s, err := sigv4.Parse(r)
	if err == nil {
		err = s.Verify(r, []byte(speedBody), speedCredentials.SecretAccessKey, now)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestAllocations is a gate: every request is verified.
func TestAllocations(t *testing.T) {
	now := time.Now()
	r := speedRequest(now)
	if n := testing.AllocsPerRun(100, func() { verify(t, r, now) }); n > 45 {
		t.Errorf("%.0f allocations to verify a request", n)
	}
}

// TestKeysOfTwoSecrets: the key that is kept for one is not that of the other, nor that of another day.
func TestKeysOfTwoSecrets(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 23, 59, 59, 0, time.UTC)
	r := speedRequest(now)
	verify(t, r, now)
	s, err := sigv4.Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(r, []byte(speedBody), "another", now); err == nil {
		t.Error("another secret verified it")
	}
	verify(t, speedRequest(now.Add(time.Second)), now)
}

func BenchmarkVerify(b *testing.B) {
	now := time.Now()
	r := speedRequest(now)
	b.ReportAllocs()
	for b.Loop() {
		verify(b, r, now)
	}
}

func BenchmarkSign(b *testing.B) {
	now := time.Now()
	r := speedRequest(now)
	b.ReportAllocs()
	for b.Loop() {
		sigv4.Sign(r, []byte(speedBody), speedCredentials, "eu-west-1", "ssm", now)
	}
}
