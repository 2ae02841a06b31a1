package s3_test

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

// trailed is a PUT as current SDKs send it over TLS: unsigned chunks, and the checksum after them.
func (w *world) trailed(path, content, name, value string) answer {
	w.t.Helper()
	r := w.request(call{method: http.MethodPut, path: path, header: map[string]string{
		"X-Amz-Content-Sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "X-Amz-Decoded-Content-Length": strconv.Itoa(len(content)),
		"X-Amz-Trailer": name, "Content-Encoding": "aws-chunked", "X-Amz-Sdk-Checksum-Algorithm": strings.ToUpper(strings.TrimPrefix(name, "x-amz-checksum-"))}})
	sigv4.Sign(r, nil, sigv4.Credentials{AccessKeyID: "admin", SecretAccessKey: "secret"}, region, "s3", w.clock.now())
	var body strings.Builder
	for rest := content; rest != ""; {
		n := min(len(rest), 64<<10)
		fmt.Fprintf(&body, "%x\r\n%s\r\n", n, rest[:n])
		rest = rest[n:]
	}
	body.WriteString("0\r\n" + name + ":" + value + "\r\n\r\n")
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body.String())), int64(body.Len())
	return w.serve(r)
}

// TestTrailingChecksums: a body is kept if the checksum that comes after it is its own, and not otherwise.
func TestTrailingChecksums(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, size := range []int{0, 100, 1<<20 + 100<<10} {
		content := pattern(size)
		for _, algorithm := range []string{"CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"} {
			path, name := "/"+shop+"/"+algorithm, "x-amz-checksum-"+strings.ToLower(algorithm)
			for value, want := range map[string]string{checksumOf(algorithm, content+"x"): "BadDigest", "AAAA": "InvalidRequest", "": "InvalidRequest"} {
				if got := w.trailed(path, content, name, value); got.code != want {
					t.Errorf("%s of %d bytes is %q: got %d %s, want %s", algorithm, size, value, got.status, got.code, want)
				}
			}
			if n := w.rows("s3_object") + w.rows("s3_chunk"); n != 0 {
				t.Errorf("%s: %d rows of what was refused", algorithm, n)
			}
			sum := checksumOf(algorithm, content)
			if got := w.trailed(path, content, name, sum); got.status != http.StatusOK {
				t.Fatalf("%s of %d bytes: %d %s", algorithm, size, got.status, got.body)
			}
			got := w.do(http.MethodGet, path, "", "X-Amz-Checksum-Mode", "ENABLED")
			if got.body != content || got.header.Get("Content-Encoding") != "" || got.header.Get("X-Amz-Checksum-"+algorithm) != sum {
				t.Errorf("%s of %d bytes: %d bytes, %v", algorithm, size, len(got.body), got.header)
			}
			w.do(http.MethodDelete, path, "")
		}
	}
	if got := w.trailed("/"+shop+"/k", "x", "x-amz-checksum-sha512", "AAAA"); got.code != "NotImplemented" {
		t.Errorf("an algorithm that is not served: %d %s", got.status, got.code)
	}
}
