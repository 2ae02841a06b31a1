package localaws_test

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestRefusedBeforeTheBody: a client that waits to be told whether to send an object hears of a refusal at once.
func TestRefusedBeforeTheBody(t *testing.T) {
	t.Parallel()
	a := served(t, t.TempDir())
	address := strings.TrimPrefix(a.Endpoint(), "http://")
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("PUT /bucket/key HTTP/1.1\r\nHost: " + address + "\r\nContent-Length: 7\r\nExpect: 100-continue\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode < 400 {
		t.Errorf("got %s, want a refusal", answer.Status)
	}
}
