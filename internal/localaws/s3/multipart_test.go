package s3_test

import (
	"fmt"
	"hash/crc64"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const partSize = 5 << 20

// begin starts an upload and gives its id.
func (w *world) begin(path string, header ...string) string {
	w.t.Helper()
	return text(w.do(http.MethodPost, path+"?uploads", "", header...), "UploadId")
}

// part uploads a part and gives its ETag.
func (w *world) part(path, id string, n int, content string) string {
	w.t.Helper()
	return w.do(http.MethodPut, fmt.Sprintf("%s?partNumber=%d&uploadId=%s", path, n, id), content).header.Get("Etag")
}

func completion(parts ...string) string {
	var b strings.Builder
	b.WriteString("<CompleteMultipartUpload>")
	for i := 0; i < len(parts); i += 2 {
		b.WriteString("<Part><PartNumber>" + parts[i] + "</PartNumber><ETag>" + parts[i+1] + "</ETag></Part>")
	}
	return b.String() + "</CompleteMultipartUpload>"
}

func TestMultipart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/" + shop + "/dir/k"
	content := pattern(2*partSize + 100)
	parts := []string{content[:partSize], content[partSize : 2*partSize], content[2*partSize:]}
	id := w.begin(path, "Content-Type", "text/plain", "X-Amz-Meta-A", "b", "X-Amz-Tagging", "t=u")
	if got := w.ask(call{method: http.MethodGet, path: path}); got.code != "NoSuchKey" {
		t.Errorf("an object before its upload has ended: %s", got.code)
	}
	w.part(path, id, 2, "to be replaced")
	var list []string
	for _, n := range []int{3, 1, 2} {
		list = append(list, strconv.Itoa(n), w.part(path, id, n, parts[n-1]))
	}
	w.part(path, id, 9, "not wanted")
	list = []string{list[2], list[3], list[4], list[5], list[0], list[1]}
	done := w.do(http.MethodPost, path+"?uploadId="+id, completion(list...))
	if etag := text(done, "ETag"); !strings.HasSuffix(etag, "-3&#34;") {
		t.Errorf("etag %s", etag)
	}
	got := w.do(http.MethodGet, path, "", "X-Amz-Checksum-Mode", "ENABLED")
	if got.body != content || got.header.Get("Content-Type") != "text/plain" || got.header.Get("X-Amz-Meta-A") != "b" || got.header.Get("X-Amz-Tagging-Count") != "1" {
		t.Errorf("%d bytes, %v", len(got.body), got.header)
	}
	if diff := cmp.Diff(crc64OF(content), got.header.Get("X-Amz-Checksum-Crc64nvme")); diff != "" {
		t.Errorf("checksum of the whole: %s", diff)
	}
	second := w.do(http.MethodGet, path+"?partNumber=2", "")
	if second.body != parts[1] || second.status != http.StatusPartialContent || second.header.Get("X-Amz-Mp-Parts-Count") != "3" {
		t.Errorf("part 2: %d, %d bytes", second.status, len(second.body))
	}
	across := w.do(http.MethodGet, path, "", "Range", fmt.Sprintf("bytes=%d-%d", partSize-3, 2*partSize+3))
	if across.body != content[partSize-3:2*partSize+4] {
		t.Error("a range over three parts is not right")
	}
	if chunks := w.rows("s3_chunk"); chunks != 5+5+1 || w.rows("s3_part") != 0 || w.rows("s3_upload") != 0 {
		t.Errorf("%d rows of content, %d of parts", chunks, w.rows("s3_part"))
	}
	if got := w.ask(call{method: http.MethodPost, path: path + "?uploadId=" + id, body: completion(list...)}); got.code != "NoSuchUpload" {
		t.Errorf("completed twice: %s", got.code)
	}
	// A copy is one piece of text again, with an ETag of its own.
	w.do(http.MethodPut, "/"+shop+"/copy", "", "X-Amz-Copy-Source", shop+"/dir/k")
	if got := w.do(http.MethodGet, "/"+shop+"/copy", ""); got.body != content || got.header.Get("Etag") != `"`+md5Hex(content)+`"` {
		t.Errorf("copy: %d bytes, %s", len(got.body), got.header.Get("Etag"))
	}
	w.do(http.MethodDelete, path, "")
	if w.get("/"+shop+"/copy") != content {
		t.Error("the copy went with its source")
	}
	w.do(http.MethodDelete, "/"+shop+"/copy", "")
	if n := w.rows("s3_chunk"); n != 0 {
		t.Errorf("%d rows of content are left", n)
	}
}

func crc64OF(s string) string {
	sum := crc64.Checksum([]byte(s), crc64.MakeTable(0x9a6c9329ac4bc9b5))
	b := make([]byte, 8)
	for i := range b {
		b[i] = byte(sum >> (56 - 8*i))
	}
	return base64Of(b)
}

func TestMultipartRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/" + shop + "/k"
	id := w.begin(path)
	one, two := w.part(path, id, 1, "short"), w.part(path, id, 2, "x")
	lower := strings.ToLower
	for _, tc := range []struct {
		name, body string
		header     [2]string
		want       string
	}{
		{"short part", completion("1", one, "2", two), [2]string{}, "EntityTooSmall"},
		{"order", completion("2", two, "1", one), [2]string{}, "InvalidPartOrder"},
		{"twice", completion("1", one, "1", one), [2]string{}, "InvalidPartOrder"},
		{"no such part", completion("3", one), [2]string{}, "InvalidPart"},
		{"other etag", completion("1", two), [2]string{}, "InvalidPart"},
		{"no parts", completion(), [2]string{}, "MalformedXML"},
		{"not XML", "parts", [2]string{}, "MalformedXML"},
		{"size", completion("1", one), [2]string{"X-Amz-Mp-Object-Size", "7"}, "InvalidRequest"},
		{"checksum", completion("1", one), [2]string{"X-Amz-Checksum-Crc64nvme", "AAAAAAAAAAA="}, "BadDigest"},
		{"checksum of a part", strings.Replace(completion("1", one), "</Part>", "<ChecksumCRC64NVME>AAAAAAAAAAA=</ChecksumCRC64NVME></Part>", 1), [2]string{}, "InvalidPart"},
		{"condition", completion("1", one), [2]string{"If-Match", `"0"`}, "NoSuchKey"},
	} {
		got := w.ask(call{method: http.MethodPost, path: path + "?uploadId=" + id, body: tc.body, header: map[string]string{tc.header[0]: tc.header[1]}})
		if tc.header[0] == "" {
			got = w.ask(call{method: http.MethodPost, path: path + "?uploadId=" + id, body: tc.body})
		}
		if got.code != tc.want {
			t.Errorf("%s: got %d %s, want %s", lower(tc.name), got.status, got.code, tc.want)
		}
	}
	if w.rows("s3_object") != 0 || w.rows("s3_part") != 2 {
		t.Error("what was refused changed something")
	}
	w.do(http.MethodPut, path, "there")
	got := w.ask(call{method: http.MethodPost, path: path + "?uploadId=" + id, body: completion("1", one), header: map[string]string{"If-None-Match": "*"}})
	if got.status != http.StatusPreconditionFailed {
		t.Errorf("If-None-Match: %d", got.status)
	}
	w.do(http.MethodDelete, path+"?uploadId="+id, "")
	if w.rows("s3_part") != 0 || w.rows("s3_chunk") != 1 {
		t.Errorf("%d parts and %d rows of content after the abort", w.rows("s3_part"), w.rows("s3_chunk"))
	}
}

// TestChecksumTypes: the checksum of the whole is what the whole's would be, that of the parts is named with their number.
func TestChecksumTypes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	content := pattern(partSize + 1000)
	for name, want := range map[string]string{
		"CRC32 FULL_OBJECT": "", "CRC32C FULL_OBJECT": "", "CRC64NVME FULL_OBJECT": "", "CRC32 COMPOSITE": "-2", "SHA256 COMPOSITE": "-2",
	} {
		algorithm, kind, _ := strings.Cut(name, " ")
		path := "/" + shop + "/" + algorithm + kind
		header := "X-Amz-Checksum-" + algorithm
		w.do(http.MethodPut, path, content, header, checksumOf(algorithm, content))
		whole := w.do(http.MethodHead, path, "", "X-Amz-Checksum-Mode", "ENABLED").header.Get(header)
		id := w.begin(path, "X-Amz-Checksum-Algorithm", algorithm, "X-Amz-Checksum-Type", kind)
		var body strings.Builder
		for i, part := range []string{content[:partSize], content[partSize:]} {
			got := w.do(http.MethodPut, fmt.Sprintf("%s?partNumber=%d&uploadId=%s", path, i+1, id), part, header, checksumOf(algorithm, part))
			fmt.Fprintf(&body, "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag><Checksum%s>%s</Checksum%s></Part>", i+1, got.header.Get("Etag"), algorithm, got.header.Get(header), algorithm)
		}
		w.do(http.MethodPost, path+"?uploadId="+id, "<CompleteMultipartUpload>"+body.String()+"</CompleteMultipartUpload>")
		got := w.do(http.MethodHead, path, "", "X-Amz-Checksum-Mode", "ENABLED")
		sum := got.header.Get(header)
		if got.header.Get("X-Amz-Checksum-Type") != kind || (sum == whole) != (want == "") || !strings.HasSuffix(sum, want) {
			t.Errorf("%s: %q of the upload, %q of the whole", name, sum, whole)
		}
	}
	for header, value := range map[string]string{"SHA1": "FULL_OBJECT", "CRC64NVME": "COMPOSITE", "SHA256": "NONE", "MD4": "COMPOSITE"} {
		got := w.ask(call{method: http.MethodPost, path: "/" + shop + "/k?uploads", header: map[string]string{"X-Amz-Checksum-Algorithm": header, "X-Amz-Checksum-Type": value}})
		if got.code != "InvalidRequest" {
			t.Errorf("%s %s: %s", header, value, got.code)
		}
	}
	id := w.begin("/"+shop+"/k", "X-Amz-Checksum-Algorithm", "CRC32")
	got := w.ask(call{method: http.MethodPut, path: "/" + shop + "/k?partNumber=1&uploadId=" + id, body: "x", header: map[string]string{"X-Amz-Checksum-Sha1": checksumOf("SHA1", "x")}})
	if got.code != "InvalidRequest" {
		t.Errorf("a part with another checksum: %s", got.code)
	}
}

func TestListUploads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, key := range []string{"a", "a", "b/1", "b/2", "c"} {
		w.begin("/" + shop + "/" + key)
	}
	type uploads struct {
		Upload                            []struct{ Key, UploadId string }
		CommonPrefixes                    []struct{ Prefix string }
		IsTruncated                       bool
		NextKeyMarker, NextUploadIdMarker string
	}
	var keys []string
	next := ""
	for range 10 {
		page := read[uploads](t, w.do(http.MethodGet, "/"+shop+"?uploads&max-uploads=2"+next, ""))
		for _, u := range page.Upload {
			keys = append(keys, u.Key)
		}
		if !page.IsTruncated {
			break
		}
		next = "&key-marker=" + page.NextKeyMarker + "&upload-id-marker=" + page.NextUploadIdMarker
	}
	if diff := cmp.Diff([]string{"a", "a", "b/1", "b/2", "c"}, keys); diff != "" {
		t.Error(diff)
	}
	grouped := read[uploads](t, w.do(http.MethodGet, "/"+shop+"?uploads&delimiter=/&prefix=b", ""))
	if len(grouped.Upload) != 0 || len(grouped.CommonPrefixes) != 1 || grouped.CommonPrefixes[0].Prefix != "b/" {
		t.Errorf("grouped: %+v", grouped)
	}
	id := read[uploads](t, w.do(http.MethodGet, "/"+shop+"?uploads&prefix=c", "")).Upload[0].UploadId
	for n := 1; n <= 3; n++ {
		w.part("/"+shop+"/c", id, n, strings.Repeat("x", n))
	}
	type parts struct {
		Part []struct {
			PartNumber, Size int
			ETag             string
		}
		IsTruncated          bool
		NextPartNumberMarker int
	}
	page := read[parts](t, w.do(http.MethodGet, "/"+shop+"/c?max-parts=2&uploadId="+id, ""))
	rest := read[parts](t, w.do(http.MethodGet, "/"+shop+"/c?part-number-marker=2&uploadId="+id, ""))
	if len(page.Part) != 2 || !page.IsTruncated || page.NextPartNumberMarker != 2 || len(rest.Part) != 1 || rest.Part[0].Size != 3 || rest.IsTruncated {
		t.Errorf("%+v, %+v", page, rest)
	}
}

func TestPartCopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	content := pattern(partSize + 3000)
	w.do(http.MethodPut, "/"+shop+"/source", content)
	path := "/" + shop + "/k"
	id := w.begin(path)
	at := func(n int) string { return fmt.Sprintf("%s?partNumber=%d&uploadId=%s", path, n, id) }
	one := w.do(http.MethodPut, at(1), "", "X-Amz-Copy-Source", "/"+shop+"/source", "X-Amz-Copy-Source-Range", fmt.Sprintf("bytes=0-%d", partSize-1))
	two := w.do(http.MethodPut, at(2), "", "X-Amz-Copy-Source", shop+"/source", "X-Amz-Copy-Source-Range", fmt.Sprintf("bytes=%d-%d", partSize, partSize+2999))
	for _, bad := range []string{"bytes=0-99999999", "bytes=5-", "bytes=-5", "bytes=99999999-99999999", "0-1"} {
		got := w.ask(call{method: http.MethodPut, path: at(3), header: map[string]string{"X-Amz-Copy-Source": shop + "/source", "X-Amz-Copy-Source-Range": bad}})
		if got.code != "InvalidArgument" {
			t.Errorf("%s: %d %s", bad, got.status, got.code)
		}
	}
	unescape := strings.NewReplacer("&#34;", `"`).Replace
	w.do(http.MethodPost, path+"?uploadId="+id, completion("1", unescape(text(one, "ETag")), "2", unescape(text(two, "ETag"))))
	if w.get(path) != content {
		t.Error("the copy of two parts is not the source")
	}
}
