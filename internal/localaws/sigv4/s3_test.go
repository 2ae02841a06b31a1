package sigv4_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

// TestDocumentedChunks is the example of "Signature calculations for the Authorization header: transferring payload in
// multiple chunks" in the S3 API reference, with its published signatures.
func TestDocumentedChunks(t *testing.T) {
	t.Parallel()
	doc := sigv4.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
	at := time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)
	content := strings.Repeat("a", 66560)
	body := "10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n" + content[:65536] + "\r\n" +
		"400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n" + content[65536:] + "\r\n" +
		"0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n"
	r := request(t, "PUT", "http://s3.amazonaws.com/examplebucket/chunkObject.txt", body, http.Header{
		"X-Amz-Date": {"20130524T000000Z"}, "X-Amz-Storage-Class": {"REDUCED_REDUNDANCY"}, "Content-Encoding": {"aws-chunked"},
		"X-Amz-Content-Sha256": {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}, "X-Amz-Decoded-Content-Length": {"66560"},
		"Authorization": {"AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class,Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"},
	})
	r.ContentLength = 66824
	got, err := readS3(r, doc.SecretAccessKey, at)
	if err != nil || got != content {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// readS3 verifies a request and reads its body.
func readS3(r *http.Request, secret string, at time.Time) (string, error) {
	s, err := sigv4.Parse(r)
	if err != nil {
		return "", err
	}
	p, err := s.VerifyS3(r, secret, at)
	if err != nil {
		return "", err
	}
	content, err := io.ReadAll(p.Body)
	return string(content), err
}

// TestSDKSignatureForS3: keys are signed as they are sent, encoded once.
func TestSDKSignatureForS3(t *testing.T) {
	t.Parallel()
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	for _, path := range []string{"/bucket/key", "/bucket/a%20b%2Bc", "/bucket/%C3%BC/%25/x%3Dy%26z", "/bucket//double//", "/bucket/./dot", "/"} {
		for name, value := range map[string]string{"hash": hashOf("body"), "unsigned": "UNSIGNED-PAYLOAD"} {
			r := request(t, "PUT", "http://localhost"+path, "body", http.Header{"X-Amz-Content-Sha256": {value}})
			c := aws.Credentials{AccessKeyID: cred.AccessKeyID, SecretAccessKey: cred.SecretAccessKey, SessionToken: "t//+="}
			if err := signer.SignHTTP(context.Background(), c, r, value, "s3", "eu-west-1", now); err != nil {
				t.Fatal(err)
			}
			if got, err := readS3(r, cred.SecretAccessKey, now); err != nil || got != "body" {
				t.Errorf("%s, %s: %q, %v", path, name, got, err)
			}
			ours := request(t, "PUT", "http://localhost"+path, "body", http.Header{"X-Amz-Content-Sha256": {value}})
			sigv4.Sign(ours, []byte("body"), cred, "eu-west-1", "s3", now)
			if got, err := readS3(ours, cred.SecretAccessKey, now); err != nil || got != "body" {
				t.Errorf("our own, %s, %s: %q, %v", path, name, got, err)
			}
		}
	}
}

func TestPresignedS3(t *testing.T) {
	t.Parallel()
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	r := request(t, "PUT", "http://localhost/bucket/a%20b?X-Amz-Expires=60", "", nil)
	c := aws.Credentials{AccessKeyID: cred.AccessKeyID, SecretAccessKey: cred.SecretAccessKey, SessionToken: "t/+="}
	url, _, err := signer.PresignHTTP(context.Background(), c, r, "UNSIGNED-PAYLOAD", "s3", "eu-west-1", now)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		url    string
		header http.Header
		at     time.Time
		want   error
	}{
		"good":            {url, nil, now, nil},
		"expired":         {url, nil, now.Add(61 * time.Second), sigv4.ErrExpired},
		"another key":     {strings.Replace(url, "a%20b", "a%20c", 1), nil, now, sigv4.ErrMismatch},
		"unsigned header": {url, http.Header{"X-Amz-Acl": {"public-read"}}, now, sigv4.ErrUnsignedHeader},
	} {
		if _, err := readS3(request(t, "PUT", tc.url, "any body", tc.header), cred.SecretAccessKey, tc.at); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// chunker writes aws-chunked bodies, with signatures when it has a key.
type chunker struct {
	key      []byte
	previous string
	out      strings.Builder
}

func mac(key []byte, data string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(data))
	return m.Sum(nil)
}

func newChunker(r *http.Request) *chunker {
	_, seed, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
	key := mac([]byte("AWS4"+cred.SecretAccessKey), now.Format("20060102"))
	for _, part := range []string{"eu-west-1", "s3", "aws4_request"} {
		key = mac(key, part)
	}
	return &chunker{key: key, previous: seed}
}

func (c *chunker) sign(kind, hashes string) string {
	scope := now.Format("20060102") + "/eu-west-1/s3/aws4_request"
	c.previous = hex.EncodeToString(mac(c.key, "AWS4-HMAC-SHA256-"+kind+"\n"+now.Format("20060102T150405Z")+"\n"+scope+"\n"+c.previous+"\n"+hashes))
	return c.previous
}

func (c *chunker) chunk(content string) {
	fmt.Fprintf(&c.out, "%x", len(content))
	if c.key != nil {
		c.out.WriteString(";chunk-signature=" + c.sign("PAYLOAD", hashOf("")+"\n"+hashOf(content)))
	}
	c.out.WriteString("\r\n" + content)
	if content != "" {
		c.out.WriteString("\r\n")
	}
}

func (c *chunker) trailer(name, value string) {
	c.out.WriteString(name + ":" + value + "\r\n")
	if c.key != nil {
		c.out.WriteString("x-amz-trailer-signature:" + c.sign("TRAILER", hashOf(name+":"+value+"\n")) + "\r\n")
	}
}

// chunkedRequest is signed for S3, with a body in chunks; write makes the body.
func chunkedRequest(t testing.TB, mode string, length int, header http.Header, write func(c *chunker)) *http.Request {
	t.Helper()
	r, err := http.NewRequest(http.MethodPut, "http://localhost/bucket/key", nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	r.Header.Set("X-Amz-Content-Sha256", mode)
	r.Header.Set("X-Amz-Decoded-Content-Length", strconv.Itoa(length))
	sigv4.Sign(r, nil, cred, "eu-west-1", "s3", now)
	c := &chunker{}
	if strings.HasPrefix(mode, "STREAMING-AWS4") {
		c = newChunker(r)
	}
	write(c)
	r.Body = io.NopCloser(strings.NewReader(c.out.String()))
	return r
}

func TestChunks(t *testing.T) {
	t.Parallel()
	const signed, trailed, unsigned = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	long, rest := strings.Repeat("x", 20000), "the rest"
	sum := http.Header{"X-Amz-Trailer": {"x-amz-checksum-crc32"}}
	whole := func(c *chunker) { c.chunk(long); c.chunk(rest); c.chunk("") }
	withTrailer := func(c *chunker) { whole(c); c.trailer("x-amz-checksum-crc32", "AAAAAA=="); c.out.WriteString("\r\n") }
	edit := func(write func(*chunker), old, new string) func(*chunker) {
		return func(c *chunker) {
			write(c)
			text := c.out.String()
			if !strings.Contains(text, old) {
				t.Fatalf("%q is not in the body", old)
			}
			c.out.Reset()
			c.out.WriteString(strings.Replace(text, old, new, 1))
		}
	}
	end := func(write func(*chunker)) func(*chunker) {
		return func(c *chunker) { write(c); c.out.WriteString("\r\n") }
	}
	for name, tc := range map[string]struct {
		mode   string
		header http.Header
		write  func(*chunker)
		want   error
	}{
		"signed":                               {signed, nil, end(whole), nil},
		"signed with trailer":                  {trailed, sum, withTrailer, nil},
		"unsigned":                             {unsigned, sum, withTrailer, nil},
		"unsigned without trailer":             {unsigned, nil, end(whole), nil},
		"the documentation's line ends":        {trailed, sum, edit(withTrailer, "AAAAAA==\r\n", "AAAAAA==\n\r\n"), nil},
		"changed content":                      {signed, nil, edit(end(whole), "xx", "xy"), sigv4.ErrMismatch},
		"changed last chunk":                   {signed, nil, edit(end(whole), "the", "The"), sigv4.ErrMismatch},
		"changed trailer":                      {trailed, sum, edit(withTrailer, "AAAAAA==", "AAAAAB=="), sigv4.ErrMismatch},
		"trailer without signature":            {trailed, sum, edit(withTrailer, "x-amz-trailer-signature:", "x-amz-trailer-signatory:"), sigv4.ErrIncompleteBody},
		"unsigned chunks":                      {signed, nil, func(c *chunker) { c.key = nil; whole(c); c.out.WriteString("\r\n") }, sigv4.ErrIncompleteBody},
		"another trailer":                      {unsigned, sum, edit(withTrailer, "x-amz-checksum-crc32", "x-amz-checksum-sha1"), sigv4.ErrTrailer},
		"no trailer":                           {unsigned, sum, end(whole), sigv4.ErrTrailer},
		"a trailer unannounced":                {unsigned, nil, withTrailer, sigv4.ErrTrailer},
		"a trailer announced and not expected": {signed, sum, end(whole), sigv4.ErrTrailer},
		"trailer without a colon":              {unsigned, sum, edit(withTrailer, "crc32:", "crc32="), sigv4.ErrTrailer},
		"cut":                                  {unsigned, sum, edit(withTrailer, "AAAAAA==\r\n\r\n", "AAAAAA=="), sigv4.ErrIncompleteBody},
		"no end":                               {signed, nil, whole, sigv4.ErrIncompleteBody},
		"more after the end":                   {signed, nil, end(end(whole)), sigv4.ErrIncompleteBody},
		"small chunks":                         {signed, nil, end(func(c *chunker) { c.chunk(rest); c.chunk(long); c.chunk("") }), sigv4.ErrChunkSize},
		"wrong size":                           {unsigned, sum, edit(withTrailer, "4e20\r\n", "4e21\r\n"), sigv4.ErrIncompleteBody},
		"no size":                              {unsigned, sum, edit(withTrailer, "4e20\r\n", "\r\n"), sigv4.ErrIncompleteBody},
		"negative size":                        {unsigned, sum, edit(withTrailer, "4e20\r\n", "-4e20\r\n"), sigv4.ErrIncompleteBody},
		"endless line":                         {unsigned, sum, edit(withTrailer, "4e20\r\n", strings.Repeat("0", 10000)+"4e20\r\n"), sigv4.ErrIncompleteBody},
		"less than declared":                   {signed, nil, end(func(c *chunker) { c.chunk(long); c.chunk("") }), sigv4.ErrIncompleteBody},
		"more than declared":                   {signed, nil, end(func(c *chunker) { c.chunk(long); c.chunk(long); c.chunk("") }), sigv4.ErrIncompleteBody},
		"another algorithm":                    {"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", nil, end(whole), sigv4.ErrPayloadHash},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := readS3(chunkedRequest(t, tc.mode, len(long)+len(rest), tc.header, tc.write), cred.SecretAccessKey, now)
			if !errors.Is(err, tc.want) || err == nil && got != long+rest {
				t.Errorf("%d bytes, %v, want %v", len(got), err, tc.want)
			}
		})
	}
}

func TestRefusedByS3(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*http.Request)
		want   error
	}{
		"good":             {func(*http.Request) {}, nil},
		"no hash":          {func(r *http.Request) { r.Header.Del("X-Amz-Content-Sha256") }, sigv4.ErrNoPayloadHash},
		"another hash":     {func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", hashOf("x")) }, sigv4.ErrMismatch},
		"another body":     {func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("BODY")) }, sigv4.ErrPayloadMismatch},
		"a header more":    {func(r *http.Request) { r.Header.Set("X-Amz-Acl", "public-read") }, sigv4.ErrUnsignedHeader},
		"signed twice":     {func(r *http.Request) { r.URL.RawQuery = "X-Amz-Signature=abc" }, sigv4.ErrIncomplete},
		"another query":    {func(r *http.Request) { r.URL.RawQuery = "acl" }, sigv4.ErrMismatch},
		"another path":     {func(r *http.Request) { r.URL.Path = "/bucket/other" }, sigv4.ErrMismatch},
		"no length":        {func(r *http.Request) { resignAs(r, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "") }, sigv4.ErrLength},
		"a strange length": {func(r *http.Request) { resignAs(r, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "-1") }, sigv4.ErrLength},
	} {
		r := request(t, "PUT", "http://localhost/bucket/key", "body", nil)
		sigv4.Sign(r, []byte("body"), cred, "eu-west-1", "s3", now)
		tc.change(r)
		if _, err := readS3(r, cred.SecretAccessKey, now); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

func resignAs(r *http.Request, mode, length string) {
	r.Header.Set("X-Amz-Content-Sha256", mode)
	if length != "" {
		r.Header.Set("X-Amz-Decoded-Content-Length", length)
	}
	sigv4.Sign(r, nil, cred, "eu-west-1", "s3", now)
}

// TestOtherServicesStayStrict: S3's words for a body that is not signed mean nothing elsewhere.
func TestOtherServicesStayStrict(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"} {
		r := request(t, "POST", "http://localhost/", "body", http.Header{"X-Amz-Content-Sha256": {value}})
		c := aws.Credentials{AccessKeyID: cred.AccessKeyID, SecretAccessKey: cred.SecretAccessKey}
		if err := v4.NewSigner().SignHTTP(context.Background(), c, r, value, "ssm", "eu-west-1", now); err != nil {
			t.Fatal(err)
		}
		if err := verified(r, []byte("body"), cred.SecretAccessKey, now); !errors.Is(err, sigv4.ErrMismatch) {
			t.Errorf("%s: %v", value, err)
		}
	}
}

// FuzzChunks: whatever the framing says, no content is given as complete that is not as long as declared, and none that is
// to be signed without a signature.
func FuzzChunks(f *testing.F) {
	for _, mode := range []string{"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"} {
		r := chunkedRequest(f, mode, 5, nil, func(c *chunker) { c.chunk("hello"); c.chunk(""); c.out.WriteString("\r\n") })
		body, err := io.ReadAll(r.Body)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(mode, 5, "", body)
	}
	f.Add("STREAMING-UNSIGNED-PAYLOAD-TRAILER", 1, "x-amz-checksum-crc32", []byte("1\r\na\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n"))
	f.Add("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", 0, "a,b", []byte("0;chunk-signature=\r\na:b\r\n\r\n"))
	f.Fuzz(func(t *testing.T, mode string, length int, trailer string, body []byte) {
		if !strings.HasPrefix(mode, "STREAMING-") || length > 1<<20 || strings.ContainsAny(trailer, "\r\n") {
			return
		}
		r, err := http.NewRequest(http.MethodPut, "http://localhost/bucket/key", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Amz-Content-Sha256", mode)
		r.Header.Set("X-Amz-Decoded-Content-Length", strconv.Itoa(length))
		r.Header.Set("X-Amz-Trailer", trailer)
		sigv4.Sign(r, nil, cred, "eu-west-1", "s3", now)
		r.Body = io.NopCloser(bytes.NewReader(body))
		got, err := readS3(r, cred.SecretAccessKey, now)
		if err == nil && len(got) != length {
			t.Errorf("%d bytes of %d", len(got), length)
		}
		if err == nil && strings.HasPrefix(mode, "STREAMING-AWS4") && !bytes.Contains(body, []byte("chunk-signature=")) {
			t.Errorf("content without a signature: %q", got)
		}
	})
}
