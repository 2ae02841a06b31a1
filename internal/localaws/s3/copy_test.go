package s3_test

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func checksumOf(algorithm, s string) string {
	switch algorithm {
	case "CRC32":
		return base64Of(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(s))))
	case "CRC32C":
		return base64Of(binary.BigEndian.AppendUint32(nil, crc32.Checksum([]byte(s), crc32.MakeTable(crc32.Castagnoli))))
	case "SHA1":
		sum := sha1.Sum([]byte(s))
		return base64Of(sum[:])
	case "SHA256":
		sum := sha256.Sum256([]byte(s))
		return base64Of(sum[:])
	}
	return crc64OF(s)
}

func TestCopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(http.MethodPut, "/"+shop+"?versioning", versioning("Enabled"))
	old := w.do(http.MethodPut, "/"+shop+"/a%20b", "old", "X-Amz-Meta-A", "1", "X-Amz-Tagging", "t=u", "Content-Type", "text/plain").header.Get("X-Amz-Version-Id")
	w.do(http.MethodPut, "/"+shop+"/a%20b", "new", "X-Amz-Meta-A", "2", "X-Amz-Tagging", "t=u")
	etag := `"` + md5Hex("new") + `"`
	for _, tc := range []struct {
		name   string
		header map[string]string
		want   string // status and code, or content, A and tags
	}{
		{"current", map[string]string{"X-Amz-Copy-Source": "/" + shop + "/a%20b"}, "new 2 1"},
		{"version", map[string]string{"X-Amz-Copy-Source": shop + "/a%20b?versionId=" + old}, "old 1 1"},
		{"new metadata", map[string]string{"X-Amz-Copy-Source": shop + "/a%20b", "X-Amz-Metadata-Directive": "REPLACE", "X-Amz-Meta-A": "3"}, "new 3 1"},
		{"new tags", map[string]string{"X-Amz-Copy-Source": shop + "/a%20b", "X-Amz-Tagging-Directive": "REPLACE", "X-Amz-Tagging": "a=1&b=2"}, "new 2 2"},
		{"if match", map[string]string{"X-Amz-Copy-Source": shop + "/a%20b", "X-Amz-Copy-Source-If-Match": etag}, "new 2 1"},
		{"if other", map[string]string{"X-Amz-Copy-Source": shop + "/a%20b", "X-Amz-Copy-Source-If-Match": `"0"`}, "412 PreconditionFailed"},
		{"if none match", map[string]string{"X-Amz-Copy-Source": shop + "/a%20b", "X-Amz-Copy-Source-If-None-Match": etag}, "412 PreconditionFailed"},
		{"missing", map[string]string{"X-Amz-Copy-Source": shop + "/nothing"}, "404 NoSuchKey"},
		{"no bucket", map[string]string{"X-Amz-Copy-Source": "nowhere/nothing"}, "404 NoSuchBucket"},
		{"no key", map[string]string{"X-Amz-Copy-Source": shop}, "400 InvalidArgument"},
		{"directive", map[string]string{"X-Amz-Copy-Source": shop + "/a%20b", "X-Amz-Metadata-Directive": "MERGE"}, "400 InvalidArgument"},
		{"an access point", map[string]string{"X-Amz-Copy-Source": "arn:aws:s3:eu-west-1:111111111111:accesspoint/p/object/k"}, "501 NotImplemented"},
		{"other owner", map[string]string{"X-Amz-Copy-Source": shop + "/a%20b", "X-Amz-Source-Expected-Bucket-Owner": stranger}, "403 AccessDenied"},
		{"other owner of the target", map[string]string{"X-Amz-Copy-Source": shop + "/a%20b", "X-Amz-Expected-Bucket-Owner": stranger}, "403 AccessDenied"},
	} {
		path := "/" + shop + "/copy-" + strings.ReplaceAll(tc.name, " ", "-")
		got := w.ask(call{method: http.MethodPut, path: path, header: tc.header})
		result := strconv.Itoa(got.status) + " " + got.code
		if got.status == http.StatusOK {
			o := w.do(http.MethodGet, path, "")
			result = o.body + " " + o.header.Get("X-Amz-Meta-A") + " " + o.header.Get("X-Amz-Tagging-Count")
		}
		if result != tc.want {
			t.Errorf("%s: got %s, want %s: %s", tc.name, result, tc.want, got.body)
		}
	}
	itself := w.ask(call{method: http.MethodPut, path: "/" + shop + "/a%20b", header: map[string]string{"X-Amz-Copy-Source": shop + "/a%20b"}})
	if itself.code != "InvalidRequest" {
		t.Errorf("a copy to itself: %s", itself.code)
	}
	w.do(http.MethodPut, "/"+shop+"/a%20b", "", "X-Amz-Copy-Source", shop+"/a%20b", "X-Amz-Metadata-Directive", "REPLACE", "X-Amz-Meta-A", "9")
	if got := w.do(http.MethodGet, "/"+shop+"/a%20b", ""); got.body != "new" || got.header.Get("X-Amz-Meta-A") != "9" {
		t.Errorf("itself with new metadata: %s %v", got.body, got.header)
	}
}

func TestDeleteObjects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, key := range []string{"a", "b", "c"} {
		w.do(http.MethodPut, "/"+shop+"/"+key, key)
	}
	w.user("careful", account, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:DeleteObject","Resource":["arn:aws:s3:::`+shop+`/a","arn:aws:s3:::`+shop+`/c"]},
		{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::`+shop+`/c"}]}`)
	body := `<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object><Object><Key>c</Key><ETag>"0"</ETag></Object><Object><Key>gone</Key></Object></Delete>`
	got := w.ask(call{who: "careful", method: http.MethodPost, path: "/" + shop + "?delete", body: body, header: map[string]string{"X-Amz-Checksum-Crc32": checksumOf("CRC32", body)}})
	type result struct {
		Deleted []struct{ Key string }
		Error   []struct{ Key, Code string }
	}
	r := read[result](t, got)
	if len(r.Deleted) != 1 || r.Deleted[0].Key != "a" || len(r.Error) != 3 || r.Error[0].Code != "AccessDenied" || r.Error[1].Code != "PreconditionFailed" || r.Error[2].Code != "AccessDenied" {
		t.Errorf("got %+v", r)
	}
	if got := w.ask(call{who: "stranger", method: http.MethodPost, path: "/" + shop + "?delete", body: body, header: map[string]string{"X-Amz-Checksum-Crc32": checksumOf("CRC32", body)}}); strings.Contains(got.body, "<Deleted>") {
		t.Errorf("another account: %s", got.body)
	}
	if n := w.rows("s3_object"); n != 2 {
		t.Errorf("%d objects are left, want 2", n)
	}
	quiet := `<Delete><Quiet>true</Quiet><Object><Key>b</Key></Object><Object><Key>gone</Key></Object></Delete>`
	if got := w.do(http.MethodPost, "/"+shop+"?delete", quiet, "X-Amz-Checksum-Sha1", checksumOf("SHA1", quiet)); strings.Contains(got.body, "Key") {
		t.Errorf("quiet: %s", got.body)
	}
	if got := w.ask(call{method: http.MethodPost, path: "/" + shop + "?delete", body: quiet, header: map[string]string{"X-Amz-Checksum-Crc32": checksumOf("CRC32", body)}}); got.code != "BadDigest" {
		t.Errorf("another body's checksum: %s", got.code)
	}
}

// TestCopyReadsTags: a copy reads the tags of its source by the same permission, under the same conditions, as
// GetObjectTagging does.
func TestCopyReadsTags(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("reader", account, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"},
		{"Effect":"Deny","Action":"s3:GetObjectTagging","Resource":"*","Condition":{"StringEquals":{"s3:ExistingObjectTag/secret":"yes"}}}]}`)
	w.do(http.MethodPut, "/"+shop+"/secret", "x", "X-Amz-Tagging", "secret=yes&price=7")
	w.do(http.MethodPut, "/"+shop+"/open", "x", "X-Amz-Tagging", "price=7")
	for key, want := range map[string]int{"secret": http.StatusForbidden, "open": http.StatusOK} {
		if got := w.ask(call{who: "reader", method: http.MethodGet, path: "/" + shop + "/" + key + "?tagging"}); got.status != want {
			t.Errorf("the tags of %s: %d %s", key, got.status, got.code)
		}
		source := map[string]string{"X-Amz-Copy-Source": shop + "/" + key}
		if got := w.ask(call{who: "reader", method: http.MethodPut, path: "/" + shop + "/copy", header: source}); got.status != want {
			t.Errorf("a copy of %s: %d %s", key, got.status, got.code)
		}
	}
}
