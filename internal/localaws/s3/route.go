package s3

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// route finds the operation that a request means, by host, path, method and query ("Amazon S3 REST API"). It gives
// names of operations that are not served too; the gateway refuses those. ok is false when a request that is not signed may
// be for another service as well.
func route(r *http.Request) (string, bool) {
	name, key, err := address(r)
	if err != nil {
		return "", false
	}
	query := r.URL.Query()
	switch {
	case isControl(r):
		return "", false
	case name == "":
		if r.Method == http.MethodGet && key == "" {
			return "ListBuckets", onlyOf(query, "prefix", "max-buckets", "continuation-token", "bucket-region", "x-id")
		}
		return "", false
	case key == "":
		return bucketOperation(r.Method, query), validBucketName(name)
	}
	return objectOperation(r, query), validBucketName(name)
}

// onlyOf says that a query has no other parameters than these.
func onlyOf(query url.Values, names ...string) bool {
	for name := range query {
		if !slices.Contains(names, name) {
			return false
		}
	}
	return true
}

// isControl tells S3 Control, which clients sign with the same name, from S3.
func isControl(r *http.Request) bool {
	return r.Header.Get("X-Amz-Account-Id") != "" && strings.HasPrefix(r.URL.Path, "/v20180820/")
}

// address gives the bucket, from the host or the path, and the key.
func address(r *http.Request) (bucket, key string, err error) {
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/")
	if bucket = hostBucket(r.Host); bucket == "" {
		bucket, path, _ = strings.Cut(path, "/")
		if bucket, err = url.PathUnescape(bucket); err != nil {
			return "", "", err
		}
	}
	key, err = url.PathUnescape(path)
	return bucket, key, err
}

// hostBucket is the bucket in the name of the host ("Virtual hosting of general purpose buckets", S3 user guide), or below
// localhost; empty when the path has it.
func hostBucket(host string) string {
	host, _, _ = strings.Cut(strings.ToLower(host), ":")
	if bucket, ok := strings.CutSuffix(host, ".localhost"); ok {
		if bucket == "s3" {
			return ""
		}
		return strings.TrimSuffix(bucket, ".s3")
	}
	rest, ok := strings.CutSuffix(host, ".amazonaws.com")
	if !ok {
		return ""
	}
	// The label of the service is the last one that is written like s3: a bucket's name may have one as well.
	labels := strings.Split(rest, ".")
	for i := len(labels) - 1; i > 0 && i >= len(labels)-3; i-- {
		if labels[i] == "s3" || strings.HasPrefix(labels[i], "s3-") && regionName.MatchString(labels[i][3:]) {
			return strings.Join(labels[:i], ".")
		}
	}
	return ""
}

// subresources are the query parameters that make another operation of a request for a bucket, with the noun in that
// operation's name.
var subresources = []struct{ parameter, noun string }{
	{"abac", "BucketAbac"},
	{"accelerate", "BucketAccelerateConfiguration"},
	{"acl", "BucketAcl"},
	{"analytics", "BucketAnalyticsConfiguration"},
	{"cors", "BucketCors"},
	{"encryption", "BucketEncryption"},
	{"intelligent-tiering", "BucketIntelligentTieringConfiguration"},
	{"inventory", "BucketInventoryConfiguration"},
	{"lifecycle", "BucketLifecycleConfiguration"},
	{"location", "BucketLocation"},
	{"logging", "BucketLogging"},
	{"metadataConfiguration", "BucketMetadataConfiguration"},
	{"metadataTable", "BucketMetadataTableConfiguration"},
	{"metrics", "BucketMetricsConfiguration"},
	{"notification", "BucketNotificationConfiguration"},
	{"object-lock", "ObjectLockConfiguration"},
	{"ownershipControls", "BucketOwnershipControls"},
	{"policy", "BucketPolicy"},
	{"policyStatus", "BucketPolicyStatus"},
	{"publicAccessBlock", "PublicAccessBlock"},
	{"replication", "BucketReplication"},
	{"requestPayment", "BucketRequestPayment"},
	{"tagging", "BucketTagging"},
	{"versioning", "BucketVersioning"},
	{"website", "BucketWebsite"},
}

// verbs begin the name of an operation on a subresource.
var verbs = map[string]string{http.MethodGet: "Get", http.MethodPut: "Put", http.MethodDelete: "Delete"}

func bucketOperation(method string, query url.Values) string {
	for _, sub := range subresources {
		if query.Has(sub.parameter) {
			if verb, ok := verbs[method]; ok {
				return verb + sub.noun
			}
			return ""
		}
	}
	switch {
	case method == http.MethodPost && query.Has("delete"):
		return "DeleteObjects"
	case method == http.MethodGet && query.Has("uploads"):
		return "ListMultipartUploads"
	case method == http.MethodGet && query.Has("versions"):
		return "ListObjectVersions"
	case method == http.MethodGet && query.Has("session"):
		return "CreateSession"
	case method == http.MethodGet && query.Get("list-type") == "2":
		return "ListObjectsV2"
	}
	return map[string]string{http.MethodGet: "ListObjects", http.MethodHead: "HeadBucket", http.MethodPut: "CreateBucket",
		http.MethodDelete: "DeleteBucket"}[method]
}

// objectSubresources are those of a request for an object.
var objectSubresources = []struct{ parameter, noun string }{
	{"acl", "ObjectAcl"},
	{"attributes", "ObjectAttributes"},
	{"encryption", "ObjectEncryption"},
	{"legal-hold", "ObjectLegalHold"},
	{"retention", "ObjectRetention"},
	{"tagging", "ObjectTagging"},
	{"torrent", "ObjectTorrent"},
	{"renameObject", "RenamedObject"},
	{"annotation", "ObjectAnnotation"},
}

func objectOperation(r *http.Request, query url.Values) string {
	for _, sub := range objectSubresources {
		if query.Has(sub.parameter) {
			if verb, ok := verbs[r.Method]; ok {
				return verb + sub.noun
			}
			return ""
		}
	}
	if query.Has("uploadId") {
		return uploadOperation(r, query)
	}
	copies := r.Header.Get(copySource) != ""
	switch {
	case r.Method == http.MethodPost && query.Has("uploads"):
		return "CreateMultipartUpload"
	case r.Method == http.MethodPost && query.Has("restore"):
		return "RestoreObject"
	case r.Method == http.MethodPost && query.Has("select"):
		return "SelectObjectContent"
	case r.Method == http.MethodPut && query.Has("append"), r.Method == http.MethodPut && query.Has("partNumber"):
		return ""
	case r.Method == http.MethodPut && copies:
		return "CopyObject"
	}
	return map[string]string{http.MethodGet: "GetObject", http.MethodHead: "HeadObject", http.MethodPut: "PutObject",
		http.MethodDelete: "DeleteObject"}[r.Method]
}

func uploadOperation(r *http.Request, query url.Values) string {
	switch {
	case r.Method == http.MethodGet:
		return "ListParts"
	case r.Method == http.MethodPost:
		return "CompleteMultipartUpload"
	case r.Method == http.MethodDelete:
		return "AbortMultipartUpload"
	case r.Method == http.MethodPut && query.Has("partNumber") && r.Header.Get(copySource) != "":
		return "UploadPartCopy"
	case r.Method == http.MethodPut && query.Has("partNumber"):
		return "UploadPart"
	}
	return ""
}
