package s3_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestHosts: the bucket in the host's name and in the path are one, and no name is served that could be somebody else's.
func TestHosts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dotted := "shop.artifacts"
	must(t, w.s3.EnsureBucket(t.Context(), account, region, dotted))
	w.do(http.MethodPut, "/"+shop+"/dir/k", "x")
	w.do(http.MethodPut, "/"+dotted+"/dir/k", "x")
	for _, tc := range []struct {
		host, path string
		status     int
	}{
		{"127.0.0.1:4566", "/" + shop + "/dir/k", 200},
		{"localhost:4566", "/" + shop + "/dir/k", 200},
		{"s3.localhost:4566", "/" + shop + "/dir/k", 200},
		{shop + ".localhost:4566", "/dir/k", 200},
		{shop + ".s3.localhost:4566", "/dir/k", 200},
		{"s3.eu-west-1.amazonaws.com", "/" + shop + "/dir/k", 200},
		{"s3-eu-west-1.amazonaws.com", "/" + shop + "/dir/k", 200},
		{"s3.amazonaws.com", "/" + shop + "/dir/k", 200},
		{"s3.dualstack.eu-west-1.amazonaws.com", "/" + shop + "/dir/k", 200},
		{shop + ".s3.eu-west-1.amazonaws.com", "/dir/k", 200},
		{shop + ".s3-eu-west-1.amazonaws.com", "/dir/k", 200},
		{shop + ".s3.amazonaws.com", "/dir/k", 200},
		{shop + ".s3.dualstack.eu-west-1.amazonaws.com", "/dir/k", 200},
		{dotted + ".s3.eu-west-1.amazonaws.com:443", "/dir/k", 200},
		{strings.ToUpper(shop) + ".S3.amazonaws.com", "/dir/k", 200},
		{shop + ".s3.eu-west-1.amazonaws.com", "/" + shop + "/dir/k", 404},
		{shop + ".127.0.0.1", "/dir/k", 403},
		{shop + ".example.com", "/dir/k", 403},
		{shop + ".s3.eu-west-1.amazonaws.com.example.com", "/dir/k", 403},
		{shop + ".localhost.example.com", "/dir/k", 403},
		{"evillocalhost", "/dir/k", 403},
	} {
		if got := w.ask(call{method: http.MethodGet, path: tc.path, host: tc.host}); got.status != tc.status {
			t.Errorf("%s%s: got %d %s, want %d", tc.host, tc.path, got.status, got.body, tc.status)
		}
	}
}

// TestRegions: a bucket is in one region, and says which.
func TestRegions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tc := range []struct {
		name string
		call
		want string
	}{
		{"object", call{method: http.MethodGet, path: "/" + shop + "/k", region: "us-east-1"}, "PermanentRedirect"},
		{"list", call{method: http.MethodGet, path: "/" + shop, region: "eu-central-1"}, "PermanentRedirect"},
		{"global host", call{method: http.MethodGet, path: "/k", host: shop + ".s3.amazonaws.com", region: "us-east-1"}, "AuthorizationHeaderMalformed"},
		{"host of a region", call{method: http.MethodGet, path: "/k", host: shop + ".s3.us-east-2.amazonaws.com", region: "eu-west-1"}, "AuthorizationHeaderMalformed"},
		{"no region", call{method: http.MethodGet, path: "/" + shop + "/k", region: "mars"}, "AuthorizationHeaderMalformed"},
		{"location", call{method: http.MethodGet, path: "/" + shop + "?location", region: "us-east-1"}, ""},
	} {
		got := w.ask(tc.call)
		if got.code != tc.want {
			t.Errorf("%s: got %d %s, want %s", tc.name, got.status, got.body, tc.want)
		}
		if strings.HasPrefix(tc.want, "Permanent") && (got.header.Get("X-Amz-Bucket-Region") != region || got.status != http.StatusMovedPermanently) {
			t.Errorf("%s: %d, region %q", tc.name, got.status, got.header.Get("X-Amz-Bucket-Region"))
		}
		if tc.want == "AuthorizationHeaderMalformed" && !strings.Contains(got.body, "<Region>") {
			t.Errorf("%s: no region in %s", tc.name, got.body)
		}
	}
	head := w.ask(call{method: http.MethodHead, path: "/" + shop, region: "us-east-1"})
	if head.status != http.StatusMovedPermanently || head.header.Get("X-Amz-Bucket-Region") != region || head.body != "" {
		t.Errorf("HEAD: %+v", head)
	}
	w.user("nobody", account, nothing)
	if got := w.ask(call{who: "nobody", method: http.MethodHead, path: "/" + shop}); got.status != http.StatusForbidden || got.header.Get("X-Amz-Bucket-Region") != region {
		t.Errorf("HEAD without permission: %+v", got)
	}
	if got := w.ask(call{method: http.MethodPut, path: "/first-bucket", region: "us-east-1"}); got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := w.ask(call{method: http.MethodPut, path: "/first-bucket", region: "us-east-1"}); got.status != http.StatusOK {
		t.Errorf("again in us-east-1: %d %s", got.status, got.body)
	}
	frankfurt := "<CreateBucketConfiguration><LocationConstraint>eu-central-1</LocationConstraint></CreateBucketConfiguration>"
	if got := w.ask(call{method: http.MethodPut, path: "/second-bucket", region: "us-east-1", body: frankfurt}); got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.body)
	}
	for name, want := range map[string]string{"first-bucket": "", "second-bucket": "eu-central-1", shop: "eu-west-1"} {
		got := w.do(http.MethodGet, "/"+name+"?location", "")
		if !strings.Contains(got.body, ">"+want+"</LocationConstraint>") {
			t.Errorf("%s: %s", name, got.body)
		}
	}
	if err := w.s3.EnsureBucket(t.Context(), stranger, region, shop); err == nil {
		t.Error("another account was given a bucket that is there")
	}
	if err := w.s3.EnsureBucket(t.Context(), account, "us-east-1", shop); err == nil {
		t.Error("a bucket was in two regions")
	}
}

// FuzzRoute: no request makes the route panic, and what it takes without a signature names a bucket.
func FuzzRoute(f *testing.F) {
	api := newWorld(f).s3.API()
	for _, seed := range [][3]string{
		{"GET", "127.0.0.1", "/bucket/key?acl"}, {"PUT", "bucket.s3.amazonaws.com", "/?policy"}, {"POST", "localhost", "/bucket?delete"},
		{"GET", "a.s3.s3.eu-west-1.amazonaws.com", "/%2F%00//x?uploadId=&partNumber=1"}, {"DELETE", ".s3.amazonaws.com", "//"}, {"HEAD", ".localhost", "/%C3"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	names := map[string]bool{}
	for _, o := range api.Operations {
		names[o.Name] = true
	}
	f.Fuzz(func(t *testing.T, method, host, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || method == "" || strings.ContainsAny(method, " \t\r\n") {
			return
		}
		r := httptest.NewRequest(http.MethodGet, "http://localhost/", nil)
		r.Method, r.Host, r.URL = method, host, u
		name, ok := api.Route(r)
		if ok && name != "ListBuckets" && strings.Trim(u.Path, "/") == "" && !strings.Contains(host, ".") {
			t.Errorf("%s %s%s is taken as %s without a bucket", method, host, target, name)
		}
		if name == "PutObject" && method != http.MethodPut || name == "DeleteObject" && method != http.MethodDelete {
			t.Errorf("%s is %s", method, name)
		}
	})
}

// FuzzQuery: whatever the query and the body of a request are, there is an answer, and never an internal failure.
func FuzzQuery(f *testing.F) {
	w := newWorld(f)
	w.do(http.MethodPut, "/"+shop+"/k", "content")
	for _, seed := range [][3]string{
		{"GET", "/k?versionId=null&partNumber=1", ""}, {"GET", "?list-type=2&max-keys=1&start-after=a&prefix=k&delimiter=/", ""}, {"GET", "?versions&key-marker=k", ""},
		{"GET", "?list-type=2&continuation-token=aw", ""}, {"POST", "/k?uploads", ""}, {"PUT", "/k?tagging", "<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>"},
		{"POST", "?delete", "<Delete><Object><Key>x</Key></Object></Delete>"}, {"PUT", "?policy", `{"Version":"2012-10-17","Statement":[]}`},
		{"PUT", "?versioning", "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"}, {"GET", "?uploads&max-uploads=0", ""},
		{"POST", "/k?uploadId=x", "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>"}, {"PUT", "/k", "body"},
		{"PUT", "?encryption", "<ServerSideEncryptionConfiguration><Rule/></ServerSideEncryptionConfiguration>"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, method, rest, body string) {
		target := "/" + shop + rest
		if _, err := url.ParseRequestURI(target); err != nil || strings.ContainsAny(method, " \t\r\n\x00") || method == "" {
			return
		}
		if r, err := http.NewRequest(method, "http://127.0.0.1"+target, nil); err != nil || r.URL.Fragment != "" {
			return
		}
		// What a server could not read as the line of a request reaches no handler, and httptest panics on it.
		if _, err := http.ReadRequest(bufio.NewReader(strings.NewReader(method + " " + target + " HTTP/1.0\r\n\r\n"))); err != nil {
			return
		}
		inside := *w
		inside.t = t
		if got := inside.ask(call{method: method, path: target, body: body, header: map[string]string{"Content-Md5": md5Base64(body)}}); got.status >= 500 && got.status != http.StatusNotImplemented {
			t.Errorf("%s %s: %d %s", method, target, got.status, got.body)
		}
	})
}
