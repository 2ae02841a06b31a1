package s3_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slipway-cd/slipway/iam/catalog"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// statement is a policy with one statement; principal is empty for one of an identity.
func statement(effect, principal, action, resource, condition string) string {
	text := `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Action":` + action + `,"Resource":` + resource
	if principal != "" {
		text += `,"Principal":` + principal
	}
	if condition != "" {
		text += `,"Condition":` + condition
	}
	return text + `}]}`
}

const (
	everything = `["arn:aws:s3:::` + shop + `","arn:aws:s3:::` + shop + `/*"]`
	nothing    = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"ec2:*","Resource":"*"}]}`
)

// needs is every operation with the permissions that it asks for, as a request by the owner of everything.
var needs = []struct {
	name   string
	call   call
	checks []string // action and resource after arn:aws:s3:::
}{
	{"ListBuckets", call{method: "GET", path: "/"}, []string{"s3:ListAllMyBuckets *"}},
	{"CreateBucket", call{method: "PUT", path: "/new-bucket", region: "us-east-1"}, []string{"s3:CreateBucket new-bucket"}},
	{"HeadBucket", call{method: "HEAD", path: "/B"}, []string{"s3:ListBucket B"}},
	{"GetBucketLocation", call{method: "GET", path: "/B?location"}, []string{"s3:GetBucketLocation B"}},
	{"ListObjects", call{method: "GET", path: "/B?prefix=a"}, []string{"s3:ListBucket B"}},
	{"ListObjectsV2", call{method: "GET", path: "/B?list-type=2&prefix=a"}, []string{"s3:ListBucket B"}},
	{"ListObjectVersions", call{method: "GET", path: "/B?versions"}, []string{"s3:ListBucketVersions B"}},
	{"ListMultipartUploads", call{method: "GET", path: "/B?uploads"}, []string{"s3:ListBucketMultipartUploads B"}},
	{"PutObject", call{method: "PUT", path: "/B/k", body: "x"}, []string{"s3:PutObject B/k"}},
	{"PutObject", call{method: "PUT", path: "/B/k", body: "x", header: map[string]string{"X-Amz-Acl": "bucket-owner-full-control"}}, []string{"s3:PutObject B/k", "s3:PutObjectAcl B/k"}},
	{"PutObject", call{method: "PUT", path: "/B/k", body: "x", header: map[string]string{"X-Amz-Tagging": "a=b"}}, []string{"s3:PutObject B/k", "s3:PutObjectTagging B/k"}},
	{"PutObject", call{method: "PUT", path: "/B/k", body: "x", header: map[string]string{"If-Match": "*"}}, []string{"s3:PutObject B/k", "s3:GetObject B/k"}},
	{"GetObject", call{method: "GET", path: "/B/k"}, []string{"s3:GetObject B/k"}},
	{"GetObject", call{method: "GET", path: "/B/k?versionId=null"}, []string{"s3:GetObjectVersion B/k"}},
	{"GetObject", call{method: "GET", path: "/B/missing"}, []string{"s3:GetObject B/missing", "s3:ListBucket B"}},
	{"HeadObject", call{method: "HEAD", path: "/B/k"}, []string{"s3:GetObject B/k"}},
	{"CopyObject", call{method: "PUT", path: "/B/c", header: map[string]string{"X-Amz-Copy-Source": "B/k"}}, []string{"s3:GetObject B/k", "s3:PutObject B/c"}},
	{"CopyObject", call{method: "PUT", path: "/B/c", header: map[string]string{"X-Amz-Copy-Source": "B/tagged?versionId=null"}},
		[]string{"s3:GetObjectVersion B/tagged", "s3:PutObject B/c", "s3:PutObjectTagging B/c", "s3:GetObjectVersionTagging B/tagged"}},
	{"CreateMultipartUpload", call{method: "POST", path: "/B/k?uploads"}, []string{"s3:PutObject B/k"}},
	{"UploadPart", call{method: "PUT", path: "/B/k?partNumber=1&uploadId=x", body: "x"}, []string{"s3:PutObject B/k"}},
	{"UploadPartCopy", call{method: "PUT", path: "/B/c?partNumber=1&uploadId=x", header: map[string]string{"X-Amz-Copy-Source": "B/k"}}, []string{"s3:GetObject B/k", "s3:PutObject B/c"}},
	{"CompleteMultipartUpload", call{method: "POST", path: "/B/k?uploadId=x"}, []string{"s3:PutObject B/k"}},
	{"AbortMultipartUpload", call{method: "DELETE", path: "/B/k?uploadId=x"}, []string{"s3:AbortMultipartUpload B/k"}},
	{"ListParts", call{method: "GET", path: "/B/k?uploadId=x"}, []string{"s3:ListMultipartUploadParts B/k"}},
	{"GetObjectTagging", call{method: "GET", path: "/B/k?tagging"}, []string{"s3:GetObjectTagging B/k"}},
	{"PutObjectTagging", call{method: "PUT", path: "/B/k?tagging", body: "<Tagging/>"}, []string{"s3:PutObjectTagging B/k"}},
	{"PutObjectTagging", call{method: "PUT", path: "/B/k?tagging&versionId=null", body: "<Tagging/>"}, []string{"s3:PutObjectVersionTagging B/k"}},
	{"DeleteObjectTagging", call{method: "DELETE", path: "/B/k?tagging"}, []string{"s3:DeleteObjectTagging B/k"}},
	{"GetObjectAcl", call{method: "GET", path: "/B/k?acl"}, []string{"s3:GetObjectAcl B/k"}},
	{"PutObjectAcl", call{method: "PUT", path: "/B/k?acl"}, []string{"s3:PutObjectAcl B/k"}},
	{"DeleteObject", call{method: "DELETE", path: "/B/none?versionId=null"}, []string{"s3:DeleteObjectVersion B/none"}},
	{"DeleteObject", call{method: "DELETE", path: "/B/none"}, []string{"s3:DeleteObject B/none"}},
	{"DeleteObject", call{method: "DELETE", path: "/B/none", header: map[string]string{"If-Match": `"0"`}}, []string{"s3:DeleteObject B/none", "s3:GetObject B/none"}},
	{"DeleteObjects", call{method: "POST", path: "/B?delete", body: "<Delete><Object><Key>none</Key></Object></Delete>", header: map[string]string{"X-Amz-Checksum-Crc32": checksumOf("CRC32", "<Delete><Object><Key>none</Key></Object></Delete>")}}, []string{"s3:DeleteObject B/none"}},
	{"GetBucketVersioning", call{method: "GET", path: "/B?versioning"}, []string{"s3:GetBucketVersioning B"}},
	{"PutBucketVersioning", call{method: "PUT", path: "/B?versioning", body: "<x/>"}, []string{"s3:PutBucketVersioning B"}},
	{"GetBucketPolicy", call{method: "GET", path: "/B?policy"}, []string{"s3:GetBucketPolicy B"}},
	{"PutBucketPolicy", call{method: "PUT", path: "/B?policy", body: "{}"}, []string{"s3:PutBucketPolicy B"}},
	{"DeleteBucketPolicy", call{method: "DELETE", path: "/B?policy"}, []string{"s3:DeleteBucketPolicy B"}},
	{"GetBucketPolicyStatus", call{method: "GET", path: "/B?policyStatus"}, []string{"s3:GetBucketPolicyStatus B"}},
	{"GetBucketEncryption", call{method: "GET", path: "/B?encryption"}, []string{"s3:GetEncryptionConfiguration B"}},
	{"PutBucketEncryption", call{method: "PUT", path: "/B?encryption", body: "<x/>"}, []string{"s3:PutEncryptionConfiguration B"}},
	{"DeleteBucketEncryption", call{method: "DELETE", path: "/B?encryption"}, []string{"s3:PutEncryptionConfiguration B"}},
	{"GetBucketTagging", call{method: "GET", path: "/B?tagging"}, []string{"s3:GetBucketTagging B"}},
	{"PutBucketTagging", call{method: "PUT", path: "/B?tagging", body: "<x/>"}, []string{"s3:PutBucketTagging B"}},
	{"DeleteBucketTagging", call{method: "DELETE", path: "/B?tagging"}, []string{"s3:PutBucketTagging B"}},
	{"GetPublicAccessBlock", call{method: "GET", path: "/B?publicAccessBlock"}, []string{"s3:GetBucketPublicAccessBlock B"}},
	{"PutPublicAccessBlock", call{method: "PUT", path: "/B?publicAccessBlock", body: "<x/>"}, []string{"s3:PutBucketPublicAccessBlock B"}},
	{"DeletePublicAccessBlock", call{method: "DELETE", path: "/B?publicAccessBlock"}, []string{"s3:PutBucketPublicAccessBlock B"}},
	{"GetBucketOwnershipControls", call{method: "GET", path: "/B?ownershipControls"}, []string{"s3:GetBucketOwnershipControls B"}},
	{"PutBucketOwnershipControls", call{method: "PUT", path: "/B?ownershipControls", body: "<x/>"}, []string{"s3:PutBucketOwnershipControls B"}},
	{"GetBucketAcl", call{method: "GET", path: "/B?acl"}, []string{"s3:GetBucketAcl B"}},
	{"PutBucketAcl", call{method: "PUT", path: "/B?acl"}, []string{"s3:PutBucketAcl B"}},
	{"DeleteBucket", call{method: "DELETE", path: "/B"}, []string{"s3:DeleteBucket B"}},
}

// TestEveryOperationIsAuthorised: each asks for its permissions, which are actions with condition keys that AWS knows, and
// is refused without.
func TestEveryOperationIsAuthorised(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("nobody", account, nothing)
	w.do(http.MethodPut, "/"+shop+"/k", "x")
	w.do(http.MethodPut, "/"+shop+"/tagged", "x", "X-Amz-Tagging", "a=b")
	seen := map[string]bool{}
	for _, tc := range needs {
		seen[tc.name] = true
		tc.call.path = strings.Replace(tc.call.path, "/B", "/"+shop, 1)
		header := map[string]string{}
		for name, value := range tc.call.header {
			header[name] = strings.Replace(value, "B/", shop+"/", 1)
		}
		tc.call.header = header
		before := w.events(tc.name)
		denied := tc.call
		denied.who = "nobody"
		if got := w.ask(denied); got.status != http.StatusForbidden && !strings.Contains(got.body, "<Code>AccessDenied</Code>") {
			t.Errorf("%s %s without permission: %d %s", tc.name, tc.call.path, got.status, got.body)
		}
		w.ask(tc.call)
		events := w.events(tc.name)[len(before):]
		if len(events) != 2 {
			t.Errorf("%s %s: %d events", tc.name, tc.call.path, len(events))
			continue
		}
		if checks := events[0].Slipway.Checks; len(checks) == 0 || checks[0].Decision != "ImplicitlyDenied" {
			t.Errorf("%s without permission: %+v", tc.name, checks)
		}
		var got []string
		for _, c := range events[1].Slipway.Checks {
			got = append(got, c.Action+" "+strings.Replace(strings.TrimPrefix(c.Resource, "arn:aws:s3:::"), shop, "B", 1))
			knownKeys(t, c)
		}
		if diff := cmp.Diff(tc.checks, got); diff != "" {
			t.Errorf("%s %s %v: %s", tc.name, tc.call.path, tc.call.header, diff)
		}
	}
	for _, o := range w.s3.API().Operations {
		if !seen[o.Name] {
			t.Errorf("%s is not tried", o.Name)
		}
	}
}

func (w *world) events(name string) []gateway.Event {
	w.t.Helper()
	events, err := w.log.List(w.t.Context(), gateway.Filter{Name: name})
	must(w.t, err)
	return events
}

// knownKeys compares the context of a check with the service authorization reference.
func knownKeys(t *testing.T, c gateway.Check) {
	t.Helper()
	action, ok := catalog.Lookup(c.Action)
	if !ok {
		t.Errorf("AWS has no action %s", c.Action)
		return
	}
	for key := range c.Context {
		pattern := key
		if name, _, ok := strings.Cut(key, "/"); ok {
			pattern = name + "/<key>"
		}
		if !slices.ContainsFunc(action.ConditionKeys, func(k string) bool { return strings.EqualFold(k, pattern) }) {
			t.Errorf("%s has no condition key %s", c.Action, key)
		}
	}
}

// TestBucketPolicies: within an account either side is enough, across accounts both are needed, a denial always counts.
func TestBucketPolicies(t *testing.T) {
	t.Parallel()
	const getAny, anyKey = `"s3:GetObject"`, `"arn:aws:s3:::` + shop + `/*"`
	to := func(name, account string) string { return `{"AWS":"arn:aws:iam::` + account + `:user/` + name + `"}` }
	for _, tc := range []struct {
		name, who, identity, bucket string
		want                        int
	}{
		{"identity alone", "insider", statement("Allow", "", getAny, anyKey, ""), "", 200},
		{"bucket alone", "insider", nothing, statement("Allow", to("insider", account), getAny, anyKey, ""), 200},
		{"neither", "insider", nothing, statement("Allow", to("admin", account), getAny, anyKey, ""), 403},
		{"the account is delegated to", "insider", nothing, statement("Allow", `{"AWS":"`+account+`"}`, getAny, anyKey, ""), 403},
		{"denied", "insider", statement("Allow", "", getAny, anyKey, ""), statement("Deny", to("insider", account), getAny, anyKey, ""), 403},
		{"stranger, identity alone", "outsider", statement("Allow", "", getAny, anyKey, ""), "", 403},
		{"stranger, bucket alone", "outsider", nothing, statement("Allow", to("outsider", stranger), getAny, anyKey, ""), 403},
		{"stranger, both", "outsider", statement("Allow", "", getAny, anyKey, ""), statement("Allow", to("outsider", stranger), getAny, anyKey, ""), 200},
		{"stranger, by account", "outsider", statement("Allow", "", getAny, anyKey, ""), statement("Allow", `{"AWS":"`+stranger+`"}`, getAny, anyKey, ""), 200},
		{"only with TLS", "insider", nothing, statement("Allow", to("insider", account), getAny, anyKey, `{"Bool":{"aws:SecureTransport":"true"}}`), 200},
		{"only signed in the header", "insider", nothing, statement("Allow", to("insider", account), getAny, anyKey, `{"StringEquals":{"s3:authType":"REST-HEADER"}}`), 200},
		{"by the object's tag", "insider", nothing, statement("Allow", to("insider", account), getAny, anyKey, `{"StringEquals":{"s3:ExistingObjectTag/App":"shop"}}`), 200},
		{"by another tag", "insider", nothing, statement("Allow", to("insider", account), getAny, anyKey, `{"StringEquals":{"s3:ExistingObjectTag/App":"other"}}`), 403},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.user("insider", account, tc.identity)
			w.user("outsider", stranger, tc.identity)
			w.do(http.MethodPut, "/"+shop+"/k", "x", "X-Amz-Tagging", "App=shop")
			if tc.bucket != "" {
				w.do(http.MethodPut, "/"+shop+"?policy", tc.bucket)
				if got := w.get("/" + shop + "?policy"); got != tc.bucket {
					t.Errorf("the policy came back as %s", got)
				}
			}
			if got := w.ask(call{who: tc.who, method: http.MethodGet, path: "/" + shop + "/k"}); got.status != tc.want {
				t.Errorf("got %d %s, want %d", got.status, got.body, tc.want)
			}
			w.do(http.MethodDelete, "/"+shop+"?policy", "")
			if got := w.ask(call{who: "outsider", method: http.MethodGet, path: "/" + shop + "/k"}); got.status != http.StatusForbidden {
				t.Errorf("without the policy: %d", got.status)
			}
		})
	}
}

// TestConditionKeys: what policies look at in a request for S3.
func TestConditionKeys(t *testing.T) {
	t.Parallel()
	put := call{method: http.MethodPut, path: "/" + shop + "/k", body: "x"}
	with := func(c call, name, value string) call {
		c.header = map[string]string{name: value}
		return c
	}
	lists := call{method: http.MethodGet, path: "/" + shop + "?list-type=2&prefix=a/&delimiter=/&max-keys=5"}
	for _, tc := range []struct {
		condition string
		yes, no   call
	}{
		{`{"Null":{"s3:if-none-match":"false"}}`, with(put, "If-None-Match", "*"), put},
		{`{"StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control"}}`, with(put, "X-Amz-Acl", "bucket-owner-full-control"), put},
		{`{"StringEquals":{"s3:x-amz-server-side-encryption":"AES256"}}`, with(put, "X-Amz-Server-Side-Encryption", "AES256"), put},
		{`{"StringEquals":{"s3:x-amz-storage-class":"STANDARD_IA"}}`, with(put, "X-Amz-Storage-Class", "STANDARD_IA"), with(put, "X-Amz-Storage-Class", "GLACIER_IR")},
		{`{"StringEquals":{"s3:RequestObjectTag/App":"shop"}}`, with(put, "X-Amz-Tagging", "App=shop"), with(put, "X-Amz-Tagging", "App=web")},
		{`{"StringEquals":{"s3:x-amz-content-sha256":"UNSIGNED-PAYLOAD"}}`, with(put, "X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"), put},
		{`{"Bool":{"s3:ObjectCreationOperation":"true"}}`, put, call{method: http.MethodPost, path: put.path + "?uploads"}},
		{`{"StringEquals":{"s3:prefix":"a/","s3:delimiter":"/","s3:max-keys":"5"}}`, lists, call{method: http.MethodGet, path: "/" + shop + "?list-type=2"}},
		{`{"StringEquals":{"s3:ResourceAccount":"` + account + `","aws:ResourceAccount":"` + account + `"}}`, put, call{method: http.MethodPut, path: "/elsewhere/k"}},
		{`{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}`, put, call{method: http.MethodGet, path: "/", region: "us-east-1"}},
	} {
		w := newWorld(t)
		must(t, w.s3.EnsureBucket(t.Context(), stranger, region, "elsewhere"))
		w.user("limited", account, statement("Allow", "", `"s3:*"`, `"*"`, tc.condition))
		tc.yes.who, tc.no.who = "limited", "limited"
		if got := w.ask(tc.yes); got.status != http.StatusOK {
			t.Errorf("%s: got %d %s", tc.condition, got.status, got.body)
		}
		if got := w.ask(tc.no); got.status != http.StatusForbidden {
			t.Errorf("not %s: got %d %s", tc.condition, got.status, got.body)
		}
	}
}

// TestMissingObjects: only who may list the bucket hears that an object is missing.
func TestMissingObjects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("reader", account, statement("Allow", "", `"s3:GetObject*"`, everything, ""))
	w.user("lister", account, statement("Allow", "", `["s3:GetObject*","s3:ListBucket"]`, everything, ""))
	for _, path := range []string{"/k", "/k?versionId=none", "/k?tagging", "/k?acl"} {
		for who, want := range map[string]int{"reader": 403, "lister": 404} {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				if method == http.MethodHead && strings.HasSuffix(path, "g") || method == http.MethodHead && strings.HasSuffix(path, "l") {
					continue
				}
				if got := w.ask(call{who: who, method: method, path: "/" + shop + path}); got.status != want {
					t.Errorf("%s %s as %s: %d, want %d", method, path, who, got.status, want)
				}
			}
		}
	}
}

// TestAnonymous: without a signature the bucket policy alone decides, and a block of public access before it.
func TestAnonymous(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(http.MethodPut, "/"+shop+"/public/k", "x")
	w.do(http.MethodPut, "/"+shop+"/private", "x")
	public := statement("Allow", `"*"`, `["s3:GetObject","s3:PutObject"]`, `"arn:aws:s3:::`+shop+`/public/*"`, "")
	read := call{who: "-", method: http.MethodGet, path: "/" + shop + "/public/k"}
	if got := w.ask(read); got.status != http.StatusForbidden {
		t.Errorf("without a policy: %d", got.status)
	}
	if got := w.ask(call{method: http.MethodPut, path: "/" + shop + "?policy", body: public}); got.code != "AccessDenied" {
		t.Errorf("a public policy while those are blocked: %d %s", got.status, got.code)
	}
	w.do(http.MethodDelete, "/"+shop+"?publicAccessBlock", "")
	w.do(http.MethodPut, "/"+shop+"?policy", public)
	if got := w.get("/" + shop + "?policyStatus"); !strings.Contains(got, "<IsPublic>true</IsPublic>") {
		t.Errorf("status %s", got)
	}
	for _, tc := range []struct {
		call
		want int
	}{
		{read, 200},
		{call{method: http.MethodPut, path: "/" + shop + "/public/new", body: "x"}, 200},
		{call{method: http.MethodGet, path: "/" + shop + "/private"}, 403},
		{call{method: http.MethodGet, path: "/" + shop}, 403},
		{call{method: http.MethodGet, path: "/" + shop + "/public/missing"}, 403},
		{call{method: http.MethodDelete, path: "/" + shop + "/public/k"}, 403},
		{call{method: http.MethodGet, path: read.path + "?response-content-type=text/html"}, 400},
		{call{method: http.MethodGet, path: "/"}, 403},
		{call{method: http.MethodPut, path: "/new-bucket"}, 403},
		{call{method: http.MethodGet, path: read.path + "?AWSAccessKeyId=x&Signature=y&Expires=1"}, 400},
	} {
		tc.who = "-"
		if got := w.ask(tc.call); got.status != tc.want {
			t.Errorf("%s %s: got %d %s, want %d", tc.method, tc.path, got.status, got.body, tc.want)
		}
	}
	w.do(http.MethodPut, "/"+shop+"?publicAccessBlock", "<PublicAccessBlockConfiguration><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>")
	if got := w.ask(read); got.status != http.StatusForbidden {
		t.Errorf("a restricted bucket: %d", got.status)
	}
}

// TestPublicPolicies is "The meaning of public" of the user guide.
func TestPublicPolicies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(http.MethodDelete, "/"+shop+"?publicAccessBlock", "")
	for condition, want := range map[string]bool{
		"": true, `{"StringEquals":{"aws:SourceVpc":"vpc-91237329"}}`: false, `{"StringLike":{"aws:SourceVpc":"vpc-*"}}`: true,
		`{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`: false, `{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}`: true,
		`{"StringNotEquals":{"aws:SourceVpc":"vpc-91237329"}}`: true, `{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}`: false,
		`{"Bool":{"aws:SecureTransport":"true"}}`: true, `{"StringEqualsIfExists":{"aws:SourceVpc":"vpc-91237329"}}`: true,
		`{"StringEquals":{"aws:PrincipalArn":"arn:aws:iam::1:role/${aws:username}"}}`: true,
	} {
		w.do(http.MethodPut, "/"+shop+"?policy", statement("Allow", `{"AWS":"*"}`, `"s3:GetObject"`, `"arn:aws:s3:::`+shop+`/*"`, condition))
		if got := w.get("/" + shop + "?policyStatus"); strings.Contains(got, strconv.FormatBool(!want)) {
			t.Errorf("%s: %s, want %v", condition, got, want)
		}
	}
}

// TestOwnersOnly: another account may be allowed to change the policy, and may not all the same.
func TestOwnersOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(http.MethodPut, "/"+shop+"?policy", statement("Allow", `{"AWS":"`+stranger+`"}`, `"s3:*"`, everything, ""))
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
		if got := w.ask(call{who: "stranger", method: method, path: "/" + shop + "?policy", body: "{}"}); got.code != "MethodNotAllowed" {
			t.Errorf("%s: %d %s", method, got.status, got.code)
		}
	}
	if got := w.ask(call{who: "stranger", method: http.MethodGet, path: "/" + shop}); got.status != http.StatusOK {
		t.Errorf("what it may: %d %s", got.status, got.body)
	}
	if got := w.ask(call{who: "stranger", method: http.MethodGet, path: "/"}); strings.Contains(got.body, shop) {
		t.Errorf("the stranger's buckets: %s", got.body)
	}
}
