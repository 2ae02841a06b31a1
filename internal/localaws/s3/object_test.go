package s3_test

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

func md5Hex(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

// TestRoundTrip puts and gets content of sizes around a row's, whole and in ranges.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, size := range []int{0, 1, 1000, 1<<20 - 1, 1 << 20, 1<<20 + 1, 3<<20 + 17} {
		content := pattern(size)
		path := "/" + shop + "/size/" + strconv.Itoa(size)
		put := w.do(http.MethodPut, path, content)
		if got := put.header.Get("Etag"); got != `"`+md5Hex(content)+`"` {
			t.Errorf("%d bytes: etag %s", size, got)
		}
		got := w.do(http.MethodGet, path, "")
		if got.body != content || got.header.Get("Content-Length") != strconv.Itoa(size) {
			t.Errorf("%d bytes: got %d", size, len(got.body))
		}
		head := w.do(http.MethodHead, path, "")
		if head.body != "" || head.header.Get("Content-Length") != strconv.Itoa(size) {
			t.Errorf("%d bytes: HEAD has %d bytes and says %s", size, len(head.body), head.header.Get("Content-Length"))
		}
		for _, r := range [][2]int{{0, 0}, {0, 10}, {1<<20 - 1, 1 << 20}, {1 << 20, 2<<20 + 5}, {size - 1, size - 1}} {
			if r[0] < 0 || r[1] >= size {
				continue
			}
			got := w.do(http.MethodGet, path, "", "Range", fmt.Sprintf("bytes=%d-%d", r[0], r[1]))
			if got.status != http.StatusPartialContent || got.body != content[r[0]:r[1]+1] ||
				got.header.Get("Content-Range") != fmt.Sprintf("bytes %d-%d/%d", r[0], r[1], size) {
				t.Errorf("%d bytes, %v: %d, %d bytes, %s", size, r, got.status, len(got.body), got.header.Get("Content-Range"))
			}
		}
	}
}

func TestRange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/" + shop + "/k"
	w.do(http.MethodPut, path, "0123456789")
	for header, want := range map[string]string{
		"bytes=2-4": "206 234", "bytes=7-": "206 789", "bytes=-3": "206 789", "bytes=-30": "206 0123456789", "bytes=0-99": "206 0123456789",
		"bytes=10-": "416 InvalidRange", "bytes=-0": "416 InvalidRange", "bytes=5-2": "200 0123456789", "bytes=0-1,3-4": "200 0123456789",
		"bytes=x-2": "200 0123456789", "lines=1-2": "200 0123456789", "bytes=--2": "200 0123456789", "bytes=99999999999999999999-": "200 0123456789",
	} {
		got := w.ask(call{method: http.MethodGet, path: path, header: map[string]string{"Range": header}})
		text := strconv.Itoa(got.status) + " " + got.body
		if got.status >= 400 {
			text = strconv.Itoa(got.status) + " " + got.code
		}
		if text != want {
			t.Errorf("%s: got %s, want %s", header, text, want)
		}
	}
}

// TestHeaders: what belongs to an object comes back, and what a request overrides does not stay.
func TestHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/" + shop + "/k%20%2B%C3%BC/x"
	sent := map[string]string{"Content-Type": "text/plain", "Cache-Control": "no-store", "Content-Disposition": "inline", "Content-Language": "de",
		"Expires": "Thu, 01 Dec 2027 16:00:00 GMT", "X-Amz-Meta-Colour": "blue", "Content-Encoding": "aws-chunked,gzip", "X-Amz-Tagging": "a=1&b=%20",
		"X-Amz-Storage-Class": "STANDARD_IA"}
	var list []string
	for name, value := range sent {
		list = append(list, name, value)
	}
	w.do(http.MethodPut, path, "x", list...)
	sent["Content-Encoding"], sent["X-Amz-Tagging"] = "gzip", ""
	got := w.do(http.MethodHead, path, "")
	for name, want := range sent {
		if got.header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.header.Get(name), want)
		}
	}
	if got.header.Get("X-Amz-Tagging-Count") != "2" || got.header.Get("Last-Modified") != "Sun, 22 Nov 2026 04:30:00 GMT" {
		t.Errorf("got %v", got.header)
	}
	over := w.do(http.MethodGet, path+"?response-content-type=application%2Fzip&response-content-disposition=attachment", "")
	if over.header.Get("Content-Type") != "application/zip" || over.header.Get("Content-Disposition") != "attachment" {
		t.Errorf("overridden: %v", over.header)
	}
}

func TestConditionalReads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/" + shop + "/k"
	w.do(http.MethodPut, path, "x")
	etag := `"` + md5Hex("x") + `"`
	before, after := "Sun, 22 Nov 2026 04:29:00 GMT", "Sun, 22 Nov 2026 04:31:00 GMT"
	for _, tc := range []struct {
		name   string
		header map[string]string
		want   int
	}{
		{"match", map[string]string{"If-Match": etag}, 200},
		{"no match", map[string]string{"If-Match": `"0"`}, 412},
		{"none match", map[string]string{"If-None-Match": etag}, 304},
		{"other", map[string]string{"If-None-Match": `"0"`}, 200},
		{"modified", map[string]string{"If-Modified-Since": before}, 200},
		{"not modified", map[string]string{"If-Modified-Since": after}, 304},
		{"unmodified", map[string]string{"If-Unmodified-Since": after}, 200},
		{"not unmodified", map[string]string{"If-Unmodified-Since": before}, 412},
		{"a match outweighs the time", map[string]string{"If-Match": etag, "If-Unmodified-Since": before}, 200},
		{"the etag outweighs the time", map[string]string{"If-None-Match": etag, "If-Modified-Since": before}, 304},
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			if got := w.ask(call{method: method, path: path, header: tc.header}); got.status != tc.want || got.status == 304 && got.body != "" {
				t.Errorf("%s %s: got %d, want %d", method, tc.name, got.status, tc.want)
			}
		}
	}
}

// TestConditionalWrites is the table of "How to prevent object overwrites with conditional writes" and "How to perform
// conditional deletes" of the user guide.
func TestConditionalWrites(t *testing.T) {
	t.Parallel()
	etag := `"` + md5Hex("old") + `"`
	for _, tc := range []struct {
		name, state, method string
		header              [2]string
		want                string
	}{
		{"create", "absent", "PUT", [2]string{"If-None-Match", "*"}, "200 "},
		{"create what is there", "present", "PUT", [2]string{"If-None-Match", "*"}, "412 PreconditionFailed"},
		{"create what was deleted", "marker", "PUT", [2]string{"If-None-Match", "*"}, "200 "},
		{"none match of an etag", "present", "PUT", [2]string{"If-None-Match", etag}, "501 NotImplemented"},
		{"replace", "present", "PUT", [2]string{"If-Match", etag}, "200 "},
		{"replace without quotes", "present", "PUT", [2]string{"If-Match", strings.Trim(etag, `"`)}, "200 "},
		{"replace another", "present", "PUT", [2]string{"If-Match", `"0"`}, "412 PreconditionFailed"},
		{"replace nothing", "absent", "PUT", [2]string{"If-Match", etag}, "404 NoSuchKey"},
		{"replace what was deleted", "marker", "PUT", [2]string{"If-Match", etag}, "404 NoSuchKey"},
		{"delete", "present", "DELETE", [2]string{"If-Match", etag}, "204 "},
		{"delete whatever it is", "present", "DELETE", [2]string{"If-Match", "*"}, "204 "},
		{"delete another", "present", "DELETE", [2]string{"If-Match", `"0"`}, "412 PreconditionFailed"},
		{"delete nothing", "absent", "DELETE", [2]string{"If-Match", "*"}, "404 NoSuchKey"},
		{"delete what was deleted", "marker", "DELETE", [2]string{"If-Match", "*"}, "412 PreconditionFailed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			path := "/" + shop + "/k"
			if tc.state != "absent" {
				w.do(http.MethodPut, path, "old")
			}
			if tc.state == "marker" {
				w.do(http.MethodPut, "/"+shop+"?versioning", versioning("Enabled"))
				w.do(http.MethodDelete, path, "")
			}
			rows := w.rows("s3_object")
			got := w.ask(call{method: tc.method, path: path, body: map[string]string{"PUT": "new"}[tc.method], header: map[string]string{tc.header[0]: tc.header[1]}})
			if text := strconv.Itoa(got.status) + " " + got.code; text != tc.want {
				t.Errorf("got %s, want %s: %s", text, tc.want, got.body)
			}
			if got.status >= 300 && w.rows("s3_object") != rows {
				t.Error("what was refused changed something")
			}
		})
	}
}

func versioning(status string) string {
	return "<VersioningConfiguration><Status>" + status + "</Status></VersioningConfiguration>"
}

// TestOneWinner: of fifty writers who each want to be the first, one is.
func TestOneWinner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, size := range []int{10, 1<<20 + 10} { // in one row, and staged
		path := "/" + shop + "/lock-" + strconv.Itoa(size)
		var won, lost atomic.Int32
		var winner atomic.Value
		var all sync.WaitGroup
		for i := range 50 {
			body := fmt.Sprintf("%03d", i) + pattern(size)
			all.Go(func() {
				got := w.ask(call{method: http.MethodPut, path: path, body: body, header: map[string]string{"If-None-Match": "*"}})
				switch {
				case got.status == http.StatusOK:
					won.Add(1)
					winner.Store(body)
				case got.status == http.StatusPreconditionFailed:
					lost.Add(1)
				default:
					t.Errorf("%d %s", got.status, got.body)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 || lost.Load() != 49 {
			t.Errorf("%d won and %d lost, want 1 and 49", won.Load(), lost.Load())
		}
		if w.get(path) != winner.Load() {
			t.Error("the object is not the winner's")
		}
	}
	if got := w.rows("s3_chunk"); got != 1+2 {
		t.Errorf("%d rows of content, want those of the winners", got)
	}
}

// slowBody is a body that does something before it is read.
type slowBody struct {
	io.Reader
	before func()
}

func (b *slowBody) Read(p []byte) (int, error) {
	if b.before != nil {
		b.before()
		b.before = nil
	}
	return b.Reader.Read(p)
}

// TestConflict: what happens to an object between the beginning and the end of a conditional write decides how it fails.
func TestConflict(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		header, value string
		meanwhile     func(w *world, path string)
		want          string
	}{
		"deleted":    {"If-Match", md5Hex("old"), func(w *world, path string) { w.do(http.MethodDelete, path, "") }, "409 ConditionalRequestConflict"},
		"replaced":   {"If-Match", md5Hex("old"), func(w *world, path string) { w.do(http.MethodPut, path, "other") }, "412 PreconditionFailed"},
		"made":       {"If-None-Match", "*", func(w *world, path string) { w.do(http.MethodPut, path, "other") }, "412 PreconditionFailed"},
		"the bucket": {"", "", func(w *world, path string) { w.do(http.MethodDelete, path, ""); w.do(http.MethodDelete, "/"+shop, "") }, "404 NoSuchBucket"},
		"another's bucket": {"", "", func(w *world, path string) {
			w.do(http.MethodDelete, path, "")
			w.do(http.MethodDelete, "/"+shop, "")
			must(t, w.s3.EnsureBucket(t.Context(), stranger, region, shop))
		}, "404 NoSuchBucket"},
	} {
		for _, size := range []int{10, 2 << 20} {
			w := newWorld(t)
			path := "/" + shop + "/k"
			if tc.header != "If-None-Match" {
				w.do(http.MethodPut, path, "old")
			}
			content := pattern(size)
			r := w.request(call{method: http.MethodPut, path: path, body: content})
			if tc.header != "" {
				r.Header.Set(tc.header, tc.value)
			}
			sigv4.Sign(r, []byte(content), sigv4.Credentials{AccessKeyID: "admin", SecretAccessKey: "secret"}, region, "s3", w.clock.now())
			r.Body = io.NopCloser(&slowBody{r.Body, func() { tc.meanwhile(w, path) }})
			got := w.serve(r)
			if text := strconv.Itoa(got.status) + " " + got.code; text != tc.want {
				t.Errorf("%s, %d bytes: got %s, want %s", name, size, text, tc.want)
			}
			if chunks, objects := w.rows("s3_chunk"), w.rows("s3_object"); chunks != objects {
				t.Errorf("%s, %d bytes: %d rows of content for %d objects", name, size, chunks, objects)
			}
		}
	}
}

// TestCompareAndSwap: writers that each read, and replace what they read, lose nobody's write.
func TestCompareAndSwap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/" + shop + "/counter"
	w.do(http.MethodPut, path, "0")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for done := 0; done < 5; {
				got := w.do(http.MethodGet, path, "")
				n, err := strconv.Atoi(got.body)
				if err != nil {
					t.Error(err)
					return
				}
				swap := w.ask(call{method: http.MethodPut, path: path, body: strconv.Itoa(n + 1), header: map[string]string{"If-Match": got.header.Get("Etag")}})
				if swap.status == http.StatusOK {
					done++
				} else if swap.status != http.StatusPreconditionFailed {
					t.Errorf("%d %s", swap.status, swap.body)
					return
				}
			}
		})
	}
	all.Wait()
	if got := w.get(path); got != "40" {
		t.Errorf("counted to %s, want 40", got)
	}
}

// TestReadersSeeWhole: an object that is replaced or deleted while somebody reads it is read to its end.
func TestReadersSeeWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/" + shop + "/k"
	versions := []string{strings.Repeat("a", 3<<20), strings.Repeat("b", 2<<20), strings.Repeat("c", 10)}
	w.do(http.MethodPut, path, versions[0])
	stop := make(chan struct{})
	var readers sync.WaitGroup
	var reads atomic.Int32
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				got := w.ask(call{method: http.MethodGet, path: path})
				reads.Add(1)
				if got.status == http.StatusOK && got.body != versions[0] && got.body != versions[1] && got.body != versions[2] {
					t.Errorf("read %d bytes of nothing that was written", len(got.body))
					return
				}
			}
		})
	}
	for i := range 30 {
		if i%5 == 4 {
			w.do(http.MethodDelete, path, "")
			continue
		}
		w.do(http.MethodPut, path, versions[i%3])
	}
	close(stop)
	readers.Wait()
	w.do(http.MethodDelete, path, "")
	if n := w.rows("s3_chunk"); n != 0 {
		t.Errorf("%d rows of content are left", n)
	}
	t.Logf("%d reads", reads.Load())
}

func TestDigests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sum := md5.Sum([]byte("hello\n"))
	good := base64.StdEncoding.EncodeToString(sum[:])
	for _, tc := range []struct {
		name, header, value, want string
	}{
		{"md5", "Content-MD5", good, "200 "},
		{"wrong md5", "Content-MD5", base64.StdEncoding.EncodeToString(make([]byte, 16)), "400 BadDigest"},
		{"no md5", "Content-MD5", "hello", "400 InvalidDigest"},
		{"crc32", "X-Amz-Checksum-Crc32", "NjowIA==", "200 "},
		{"wrong crc32", "X-Amz-Checksum-Crc32", "AAAAAA==", "400 BadDigest"},
		{"short crc32", "X-Amz-Checksum-Crc32", "AAAA", "400 InvalidRequest"},
		{"crc32c", "X-Amz-Checksum-Crc32c", "+Cyf2w==", "400 BadDigest"},
		{"sha1", "X-Amz-Checksum-Sha1", "9XL+IpJ/Gn4bu4JgHTM8Bl/9ERY=", "400 BadDigest"},
		{"sha256", "X-Amz-Checksum-Sha256", "WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM=", "200 "},
		{"wrong sha256", "X-Amz-Checksum-Sha256", base64.StdEncoding.EncodeToString(make([]byte, 32)), "400 BadDigest"},
		{"unknown to us", "X-Amz-Checksum-Sha512", "AAAA", "501 NotImplemented"},
		{"announced only", "X-Amz-Sdk-Checksum-Algorithm", "CRC32", "400 InvalidRequest"},
		{"another hash of the body", "X-Amz-Content-Sha256", strings.Repeat("0", 64), "400 XAmzContentSHA256Mismatch"},
		{"no hash of the body", "X-Amz-Content-Sha256", "sha256", "400 InvalidArgument"},
		{"unsigned body", "X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD", "200 "},
	} {
		got := w.ask(call{method: http.MethodPut, path: "/" + shop + "/k", body: "hello\n", header: map[string]string{tc.header: tc.value}})
		if text := strconv.Itoa(got.status) + " " + got.code; text != tc.want {
			t.Errorf("%s: got %s, want %s: %s", tc.name, text, tc.want, got.body)
		}
		if got.status != http.StatusOK {
			if n := w.rows("s3_object"); n != 0 {
				t.Errorf("%s: an object was stored", tc.name)
			}
		}
		w.do(http.MethodDelete, "/"+shop+"/k", "")
	}
	if n := w.rows("s3_chunk"); n != 0 {
		t.Errorf("%d rows of content are left", n)
	}
}

// TestChecksumIsKept: without one of the client's an object gets a CRC64NVME.
func TestChecksumIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	put := w.do(http.MethodPut, "/"+shop+"/k", "123456789")
	const check = "rosUhgp5mIg=" // AE8B14860A799888, the check value of the algorithm
	if got := put.header.Get("X-Amz-Checksum-Crc64nvme"); got != check || put.header.Get("X-Amz-Checksum-Type") != "FULL_OBJECT" {
		t.Errorf("put: %q", got)
	}
	if got := w.do(http.MethodHead, "/"+shop+"/k", "").header.Get("X-Amz-Checksum-Crc64nvme"); got != "" {
		t.Errorf("a checksum that nobody asked for: %q", got)
	}
	if got := w.do(http.MethodHead, "/"+shop+"/k", "", "X-Amz-Checksum-Mode", "ENABLED").header.Get("X-Amz-Checksum-Crc64nvme"); got != check {
		t.Errorf("head: %q", got)
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bucket, path := "/"+shop, "/"+shop+"/k"
	w.do(http.MethodPut, path, "zero")
	w.do(http.MethodPut, bucket+"?versioning", versioning("Enabled"))
	one := w.do(http.MethodPut, path, "one").header.Get("X-Amz-Version-Id")
	two := w.do(http.MethodPut, path, "two").header.Get("X-Amz-Version-Id")
	deleted := w.do(http.MethodDelete, path, "")
	marker := deleted.header.Get("X-Amz-Version-Id")
	if one == "" || two == one || marker == "" || deleted.header.Get("X-Amz-Delete-Marker") != "true" {
		t.Fatalf("versions %q %q %q", one, two, marker)
	}
	for version, want := range map[string]string{"null": "zero", one: "one", two: "two"} {
		if got := w.get(path + "?versionId=" + version); got != want {
			t.Errorf("version %s: %s, want %s", version, got, want)
		}
	}
	gone := w.ask(call{method: http.MethodGet, path: path})
	if gone.code != "NoSuchKey" || gone.header.Get("X-Amz-Delete-Marker") != "true" || gone.header.Get("X-Amz-Version-Id") != marker {
		t.Errorf("a deleted object: %+v", gone)
	}
	if got := w.ask(call{method: http.MethodGet, path: path + "?versionId=" + marker}); got.code != "MethodNotAllowed" {
		t.Errorf("a delete marker: %+v", got)
	}
	// The marker removed, the object is there again; its current version removed, the one before is.
	w.do(http.MethodDelete, path+"?versionId="+marker, "")
	if got := w.get(path); got != "two" {
		t.Errorf("without the marker: %s", got)
	}
	w.do(http.MethodDelete, path+"?versionId="+two, "")
	if got := w.get(path); got != "one" {
		t.Errorf("without version two: %s", got)
	}
	// Suspended, the null version is replaced and the others stay.
	w.do(http.MethodPut, bucket+"?versioning", versioning("Suspended"))
	if got := w.do(http.MethodPut, path, "null again").header.Get("X-Amz-Version-Id"); got != "null" {
		t.Errorf("version %q while suspended", got)
	}
	if got := w.get(path+"?versionId=null") + w.get(path+"?versionId="+one); got != "null againone" {
		t.Errorf("got %s", got)
	}
	if got := w.rows("s3_object"); got != 2 {
		t.Errorf("%d versions, want 2", got)
	}
}

func TestListVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(http.MethodPut, "/"+shop+"?versioning", versioning("Enabled"))
	for _, key := range []string{"a", "b/1", "b/2", "c"} {
		for range 3 {
			w.do(http.MethodPut, "/"+shop+"/"+key, "x")
		}
	}
	w.do(http.MethodDelete, "/"+shop+"/c", "")
	type list struct {
		Version, DeleteMarker []struct {
			Key, VersionId string
			IsLatest       bool
		}
		CommonPrefixes                     []struct{ Prefix string }
		IsTruncated                        bool
		NextKeyMarker, NextVersionIdMarker string
	}
	all := read[list](t, w.do(http.MethodGet, "/"+shop+"?versions", ""))
	if len(all.Version) != 12 || len(all.DeleteMarker) != 1 || !all.DeleteMarker[0].IsLatest || all.Version[9].IsLatest || !all.Version[0].IsLatest {
		t.Errorf("got %+v", all)
	}
	seen, pages, marker := 0, 0, ""
	for {
		page := read[list](t, w.do(http.MethodGet, "/"+shop+"?versions&max-keys=2"+marker, ""))
		seen += len(page.Version) + len(page.DeleteMarker)
		if pages++; !page.IsTruncated || pages > 20 {
			break
		}
		marker = "&key-marker=" + page.NextKeyMarker + "&version-id-marker=" + page.NextVersionIdMarker
	}
	if seen != 13 || pages != 7 {
		t.Errorf("%d versions on %d pages, want 13 on 7", seen, pages)
	}
	// A list goes on after a version that is gone.
	first := read[list](t, w.do(http.MethodGet, "/"+shop+"?versions&max-keys=2", ""))
	marker = "&key-marker=" + first.NextKeyMarker + "&version-id-marker=" + first.NextVersionIdMarker
	w.do(http.MethodDelete, "/"+shop+"/a?versionId="+first.NextVersionIdMarker, "")
	if rest := read[list](t, w.do(http.MethodGet, "/"+shop+"?versions"+marker, "")); len(rest.Version)+len(rest.DeleteMarker) != 11 {
		t.Errorf("%d versions after one that is gone, want 11", len(rest.Version)+len(rest.DeleteMarker))
	}
	grouped := read[list](t, w.do(http.MethodGet, "/"+shop+"?versions&delimiter=/", ""))
	if len(grouped.Version) != 5 || len(grouped.CommonPrefixes) != 1 || grouped.CommonPrefixes[0].Prefix != "b/" {
		t.Errorf("grouped: %+v", grouped)
	}
}

// list is an answer of ListObjects and ListObjectsV2.
type list struct {
	Contents              []struct{ Key string }
	CommonPrefixes        []struct{ Prefix string }
	IsTruncated           bool
	NextMarker            string
	NextContinuationToken string
	KeyCount              int
}

func (l list) names() (all []string) {
	for _, c := range l.Contents {
		all = append(all, c.Key)
	}
	for _, p := range l.CommonPrefixes {
		all = append(all, p.Prefix)
	}
	return all
}

func TestLists(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, key := range []string{"a", "a/", "a/1", "a/2/x", "a/2/y", "b", "b-c", "z/%C3%BC", "z/%00"} {
		w.do(http.MethodPut, "/"+shop+"/"+key, "x")
	}
	for query, want := range map[string][]string{
		"":                       {"a", "a/", "a/1", "a/2/x", "a/2/y", "b", "b-c"},
		"&prefix=a/":             {"a/", "a/1", "a/2/x", "a/2/y"},
		"&prefix=a/&delimiter=":  {"a/", "a/1", "a/2/x", "a/2/y"},
		"&delimiter=/":           {"a", "b", "b-c", "a/", "z/"},
		"&delimiter=/&prefix=a":  {"a", "a/"},
		"&delimiter=/&prefix=a/": {"a/", "a/1", "a/2/"},
		"&delimiter=-":           {"a", "a/", "a/1", "a/2/x", "a/2/y", "b", "b-"},
		"&start-after=a/2/x":     {"a/2/y", "b", "b-c"},
		"&prefix=nothing":        nil,
		"&max-keys=0":            nil,
	} {
		got := read[list](t, w.do(http.MethodGet, "/"+shop+"?list-type=2&encoding-type=url"+query, "")).names()
		if query == "" || query == "&delimiter=-" || strings.HasPrefix(query, "&start") {
			want = append(want[:len(want):len(want)], "z/%00", "z/%C3%BC")
			if query == "&delimiter=-" { // objects first
				want = []string{"a", "a/", "a/1", "a/2/x", "a/2/y", "b", "z/%00", "z/%C3%BC", "b-"}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
}

// TestPages: pages of any size show every key and prefix once, in both forms of the list.
func TestPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 40 {
		w.do(http.MethodPut, fmt.Sprintf("/%s/dir%d/file%02d", shop, i%7, i), "x")
	}
	w.do(http.MethodPut, "/"+shop+"/top", "x")
	for _, delimiter := range []string{"", "&delimiter=/"} {
		whole := read[list](t, w.do(http.MethodGet, "/"+shop+"?list-type=2"+delimiter, ""))
		for _, form := range []string{"list-type=2", "x-id=ListObjects"} {
			for size := 1; size < 10; size++ {
				var contents, prefixes []string
				next := ""
				for range 60 {
					page := read[list](t, w.do(http.MethodGet, fmt.Sprintf("/%s?%s%s&max-keys=%d%s", shop, form, delimiter, size, next), ""))
					names := page.names()
					contents, prefixes = append(contents, names[:len(page.Contents)]...), append(prefixes, names[len(page.Contents):]...)
					if len(names) > size {
						t.Fatalf("%d entries on a page of %d", len(names), size)
					}
					if !page.IsTruncated {
						break
					}
					if next = "&continuation-token=" + page.NextContinuationToken; form != "list-type=2" {
						next = "&marker=" + page.NextMarker
						if page.NextMarker == "" {
							next = "&marker=" + names[len(names)-1]
						}
					}
				}
				if diff := cmp.Diff(whole.names(), append(contents, prefixes...)); diff != "" {
					t.Fatalf("%s%s, pages of %d: %s", form, delimiter, size, diff)
				}
			}
		}
	}
}

// TestPersists: what was answered is there after the database was opened anew; content of an upload that broke off is not.
func TestPersists(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := newWorldIn(t, dir)
	content := pattern(2<<20 + 5)
	w.do(http.MethodPut, "/"+shop+"/k", content)
	_, err := w.db.ExecContext(t.Context(), `INSERT INTO s3_chunk (blob, seq, data) VALUES (99, 0, 'left behind')`)
	must(t, err)
	must(t, w.db.Close())
	again := newWorldIn(t, dir)
	if again.get("/"+shop+"/k") != content {
		t.Error("the object is another one")
	}
	if n := again.rows("s3_chunk"); n != 3 {
		t.Errorf("%d rows of content, want 3", n)
	}
	again.clock.advance(time.Second)
	again.do(http.MethodPut, "/"+shop+"/l", content)
	if again.get("/"+shop+"/k") != content || again.get("/"+shop+"/l") != content {
		t.Error("a new object overwrote an old one")
	}
}
