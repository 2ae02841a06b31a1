package cell

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// programs makes a directory with these programs.
func programs(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFind(t *testing.T) {
	t.Parallel()
	whole, part, none := programs(t, binaries...), programs(t, binaries[:2]...), programs(t)
	for name, c := range map[string]struct{ dir, path, want string }{
		"named":             {whole, "", whole},
		"in PATH":           {"", none + ":" + part + "::" + whole, whole},
		"the first in PATH": {"", whole + ":" + programs(t, binaries...), whole},
		"named comes first": {whole, programs(t, binaries...), whole},
	} {
		if got, err := Find(c.dir, c.path); got != c.want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, c.want)
		}
	}
	_, err := Find(part, whole)
	var missing *MissingError
	if !errors.As(err, &missing) {
		t.Fatalf("a part only: got %v, want a MissingError", err)
	}
	if diff := cmp.Diff(&MissingError{Missing: binaries[2:], Looked: []string{part}}, missing); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if !strings.Contains(err.Error(), "ssm-document-worker") || !strings.Contains(missing.Hint(), "--agent-dir") {
		t.Errorf("says %v, hint %s", err, missing.Hint())
	}
}

func TestInstall(t *testing.T) {
	t.Parallel()
	from, to := programs(t, binaries...), filepath.Join(t.TempDir(), "agent")
	if err := Install(from, to); err != nil {
		t.Fatal(err)
	}
	first, err := os.Stat(filepath.Join(to, binaries[0]))
	if err != nil || first.Mode().Perm() != 0o755 {
		t.Fatalf("%v, %v", first, err)
	}
	if err := Install(from, to); err != nil {
		t.Fatal(err)
	}
	if again, err := os.Stat(filepath.Join(to, binaries[0])); err != nil || !os.SameFile(first, again) {
		t.Errorf("what is the same was copied again, %v", err)
	}
	if err := os.WriteFile(filepath.Join(from, binaries[0]), []byte("#!/bin/sh\necho newer\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Install(from, to); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(to, binaries[0])); err != nil || !strings.Contains(string(b), "newer") {
		t.Errorf("a newer agent was not installed: %q, %v", b, err)
	}
}

// TestAuthority: what it signs is trusted for AWS's names by who trusts it, and for no others.
func TestAuthority(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, err := LoadAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, authorityKey)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's mode is %v, %v, want 0600", info.Mode(), err)
	}
	again, err := LoadAuthority(dir)
	if err != nil || again.PEM != a.PEM {
		t.Errorf("another authority the second time, %v", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(a.PEM)) {
		t.Fatal("the authority's certificate cannot be read")
	}
	for _, name := range []string{"ssm.eu-west-1.amazonaws.com", "Bucket.s3.amazonaws.com"} {
		if err := connect(a, roots, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"github.com", "amazonaws.com.evil.example", "notamazonaws.com", ""} {
		if _, err := a.Certificate(&tls.ClientHelloInfo{ServerName: name}); err == nil {
			t.Errorf("%q gets a certificate", name)
		}
		made, err := a.sign(name)
		if err != nil || name == "" {
			continue
		}
		leaf, err := x509.ParseCertificate(made.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name}); err == nil {
			t.Errorf("a certificate for %s is valid", name)
		}
	}
}

// connect shakes hands as a client that trusts roots.
func connect(a *Authority, roots *x509.CertPool, name string) error {
	client, server := net.Pipe()
	defer client.Close()
	go func() {
		defer server.Close()
		_ = tls.Server(server, &tls.Config{GetCertificate: a.Certificate}).Handshake()
	}()
	return tls.Client(client, &tls.Config{RootCAs: roots, ServerName: name}).Handshake()
}

// ask makes a question.
func ask(name string, kind uint16) []byte {
	q := []byte{0xab, 0xcd, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	for label := range strings.SplitSeq(name, ".") {
		q = append(append(q, byte(len(label))), label...)
	}
	q = append(q, 0)
	q = binary.BigEndian.AppendUint16(q, kind)
	return binary.BigEndian.AppendUint16(q, classIN)
}

var names = &nameServer{aws: netip.MustParseAddr("127.0.0.1"), own: map[string]netip.Addr{"ip-10-0-0-4": netip.MustParseAddr("10.0.0.4")}}

func TestNames(t *testing.T) {
	t.Parallel()
	const typeAAAA = 28
	for name, c := range map[string]struct {
		query   []byte
		code    byte
		address []byte // nil for none
	}{
		"a service":      {ask("ssm.eu-west-1.amazonaws.com", typeA), 0, []byte{127, 0, 0, 1}},
		"a bucket":       {ask("My-Bucket.s3.eu-west-1.AMAZONAWS.com", typeA), 0, []byte{127, 0, 0, 1}},
		"the own name":   {ask("IP-10-0-0-4", typeA), 0, []byte{10, 0, 0, 4}},
		"IPv6":           {ask("ssm.eu-west-1.amazonaws.com", typeAAAA), 0, nil},
		"somebody else":  {ask("github.com", typeA), noSuchName, nil},
		"a similar name": {ask("notamazonaws.com", typeA), noSuchName, nil},
	} {
		got, err := names.answer(c.query)
		if err != nil || got[3]&15 != c.code || got[0] != 0xab || got[2]&0x80 == 0 {
			t.Errorf("%s: got % x, %v", name, got, err)
			continue
		}
		var address []byte
		if got[7] == 1 {
			address = got[len(got)-4:]
		}
		if diff := cmp.Diff(c.address, address); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

func TestNotNames(t *testing.T) {
	t.Parallel()
	whole := ask("ssm.amazonaws.com", typeA)
	for length := range len(whole) {
		if _, err := names.answer(whole[:length]); err == nil {
			t.Errorf("the first %d bytes are answered", length)
		}
	}
	loop := append(append([]byte(nil), whole[:12]...), 0xc0, 12, 0, 1, 0, 1)
	if _, err := names.answer(loop); err == nil {
		t.Error("a pointer to itself is answered")
	}
	answer := append([]byte(nil), whole...)
	answer[2] |= 0x80
	if _, err := names.answer(answer); err == nil {
		t.Error("an answer is answered")
	}
}

func FuzzNames(f *testing.F) {
	f.Add(ask("ssm.eu-west-1.amazonaws.com", typeA))
	f.Add([]byte{0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1})
	f.Fuzz(func(t *testing.T, query []byte) {
		got, err := names.answer(query)
		if err == nil && (len(got) < headerLength || got[2]&0x80 == 0 || len(got) > len(query)+16) {
			t.Errorf("% x is answered % x", query, got)
		}
	})
}

// TestResolver asks the name server with Go's own resolver, over both transports.
func TestResolver(t *testing.T) {
	t.Parallel()
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	streams, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = packets.Close(); _ = streams.Close() })
	go names.servePackets(packets)
	go names.serveStreams(streams)
	for network, address := range map[string]string{"udp": packets.LocalAddr().String(), "tcp": streams.Addr().String()} {
		dial := net.Dialer{Timeout: time.Second}
		resolver := &net.Resolver{PreferGo: true, Dial: resolverDial(dial, network, address)}
		got, err := resolver.LookupHost(t.Context(), "logs.eu-west-1.amazonaws.com.")
		if diff := cmp.Diff([]string{"127.0.0.1"}, got); diff != "" || err != nil {
			t.Errorf("%s: %v, -want +got\n%s", network, err, diff)
		}
		var dns *net.DNSError
		if _, err := resolver.LookupHost(t.Context(), "github.com."); !errors.As(err, &dns) || !dns.IsNotFound {
			t.Errorf("%s: another name: %v", network, err)
		}
	}
}

func resolverDial(dial net.Dialer, network, address string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dial.DialContext(ctx, network, address)
	}
}
