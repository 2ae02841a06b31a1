package s3

import (
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

// access is one permission on a resource of the bucket.
func (q *request) access(b *bucket, action, resource string, more map[string][]string) gateway.Access {
	context := maps.Clone(q.conditions())
	context["s3:ResourceAccount"] = []string{b.account}
	maps.Copy(context, more)
	return gateway.Access{Action: action, Resource: resource, Account: b.account, Context: context, Policy: q.s.policyFor(b, q.Caller)}
}

// onBucket is a permission on the bucket itself.
func (q *request) onBucket(action string, more map[string][]string) gateway.Access {
	return q.access(q.bucket, action, bucketARN(q.bucket.name), more)
}

// onObject is a permission on the object that the request names.
func (q *request) onObject(action string, more map[string][]string) gateway.Access {
	return q.access(q.bucket, action, objectARN(q.bucket.name, q.key), more)
}

// conditions are the keys that every request to S3 has ("Actions, resources, and condition keys for Amazon S3", service
// authorization reference).
func (q *request) conditions() map[string][]string {
	if q.common != nil {
		return q.common
	}
	q.common = map[string][]string{
		// As aws:SecureTransport: a policy that demands TLS must not fail in a rehearsal.
		"s3:TlsVersion": {"1.3"},
	}
	hash := q.r.Header.Get("X-Amz-Content-Sha256")
	switch signature, err := sigv4.Parse(q.r); {
	case err != nil:
	case signature.Presigned():
		q.common["s3:signatureversion"] = []string{"AWS4-HMAC-SHA256"}
		q.common["s3:authType"] = []string{"REST-QUERY-STRING"}
		q.common["s3:signatureAge"] = []string{strconv.FormatInt(max(0, int64(q.Time.Sub(signature.Time)/time.Millisecond)), 10)}
		if hash == "" {
			hash = "UNSIGNED-PAYLOAD"
		}
	default:
		q.common["s3:signatureversion"] = []string{"AWS4-HMAC-SHA256"}
		q.common["s3:authType"] = []string{"REST-HEADER"}
	}
	if hash != "" {
		q.common["s3:x-amz-content-sha256"] = []string{hash}
	}
	return q.common
}

// headerKeys are the condition keys that repeat a header.
var headerKeys = []string{"x-amz-acl", "x-amz-grant-full-control", "x-amz-grant-read", "x-amz-grant-read-acp", "x-amz-grant-write",
	"x-amz-grant-write-acp", "x-amz-copy-source", "x-amz-metadata-directive", "x-amz-server-side-encryption", "x-amz-storage-class",
	"x-amz-object-ownership"}

// written are the condition keys of a request that makes something.
func (q *request) written() map[string][]string {
	keys := map[string][]string{}
	for _, name := range headerKeys {
		if value := q.r.Header.Get(name); value != "" {
			keys["s3:"+name] = []string{value}
		}
	}
	return keys
}

// granted are those of them that are about access control lists.
func (q *request) granted() map[string][]string {
	keys := q.written()
	maps.DeleteFunc(keys, func(name string, _ []string) bool {
		return !strings.HasPrefix(name, "s3:x-amz-acl") && !strings.HasPrefix(name, "s3:x-amz-grant-")
	})
	return keys
}

// aclHeaders are those that set an access control list.
var aclHeaders = []string{"X-Amz-Acl", "X-Amz-Grant-Full-Control", "X-Amz-Grant-Read", "X-Amz-Grant-Read-Acp", "X-Amz-Grant-Write",
	"X-Amz-Grant-Write-Acp"}

func (q *request) setsACL() bool {
	for _, name := range aclHeaders {
		if q.r.Header.Get(name) != "" {
			return true
		}
	}
	return false
}

// tagged are the condition keys of tags that a request puts on an object.
func tagged(keys map[string][]string, tags []tag) {
	for _, t := range tags {
		keys["s3:RequestObjectTag/"+t.Key] = []string{t.Value}
		keys["s3:RequestObjectTagKeys"] = append(keys["s3:RequestObjectTagKeys"], t.Key)
	}
}

// existing are the condition keys of the object that is there.
func (q *request) existing() map[string][]string { return existing(q.object, q.version) }

// existing are the condition keys of an object's tags, if there is one, and of the version that a request names.
func existing(o *object, version string) map[string][]string {
	keys := map[string][]string{}
	if version != "" {
		keys["s3:versionid"] = []string{version}
	}
	if o != nil {
		for _, t := range o.head.Tags {
			keys["s3:ExistingObjectTag/"+t.Key] = []string{t.Value}
		}
	}
	return keys
}

// onExisting is the permission for an operation on an object that is there; with a version it is another action.
func onExisting(action, versioned string) func(*request) []gateway.Access {
	return func(q *request) []gateway.Access {
		if q.version != "" {
			return []gateway.Access{q.onObject(versioned, q.existing())}
		}
		return []gateway.Access{q.onObject(action, q.existing())}
	}
}

// bucketNeeds is the permission of an operation on the bucket.
func bucketNeeds(action string) func(*request) []gateway.Access {
	return func(q *request) []gateway.Access { return []gateway.Access{q.onBucket(action, nil)} }
}

// listNeeds is the permission to list, with the parameters that policies look at.
func listNeeds(action string) func(*request) []gateway.Access {
	return func(q *request) []gateway.Access {
		keys := map[string][]string{}
		for _, name := range []string{"prefix", "delimiter", "max-keys"} {
			if q.query.Has(name) {
				keys["s3:"+name] = []string{q.query.Get(name)}
			}
		}
		return []gateway.Access{q.onBucket(action, keys)}
	}
}

// createNeeds are the permissions of PutObject, CopyObject, and the operations of a multipart upload. creates says that
// the object is there afterwards.
func (q *request) createNeeds(creates bool, tags []tag) []gateway.Access {
	keys := q.written()
	keys["s3:ObjectCreationOperation"] = []string{strconv.FormatBool(creates)}
	for _, name := range []string{"if-match", "if-none-match"} {
		if value := q.r.Header.Get(name); value != "" && creates {
			keys["s3:"+name] = []string{strings.Trim(value, `"`)}
		}
	}
	tagged(keys, tags)
	needs := []gateway.Access{q.onObject("s3:PutObject", keys)}
	if q.setsACL() {
		needs = append(needs, q.onObject("s3:PutObjectAcl", q.granted()))
	}
	if len(tags) > 0 {
		keys := map[string][]string{}
		tagged(keys, tags)
		needs = append(needs, q.onObject("s3:PutObjectTagging", keys))
	}
	if creates && q.r.Header.Get("If-Match") != "" {
		// "How to prevent object overwrites with conditional writes", S3 user guide.
		needs = append(needs, q.onObject("s3:GetObject", q.existing()))
	}
	return needs
}
