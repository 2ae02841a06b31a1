package s3

import (
	"net/http"
	"net/url"
	"strings"
)

const (
	copySource  = "X-Amz-Copy-Source"
	metaPrefix  = "x-amz-meta-"
	maxMetadata = 2 << 10 // bytes of user metadata, names and values
	maxObject   = 5 << 30 // bytes of one PUT
)

// keptHeaders come back with the object as they were sent.
var keptHeaders = []string{"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Type", "Expires"}

// refusedHeaders ask for what is not there.
var refusedHeaders = []string{
	"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id", "X-Amz-Server-Side-Encryption-Context",
	"X-Amz-Server-Side-Encryption-Bucket-Key-Enabled",
	"X-Amz-Server-Side-Encryption-Customer-Algorithm", "X-Amz-Server-Side-Encryption-Customer-Key",
	"X-Amz-Copy-Source-Server-Side-Encryption-Customer-Algorithm",
	"X-Amz-Object-Lock-Mode", "X-Amz-Object-Lock-Retain-Until-Date", "X-Amz-Object-Lock-Legal-Hold",
	"X-Amz-Website-Redirect-Location", "X-Amz-Write-Offset-Bytes", "X-Amz-Mfa", "X-Amz-Rename-Source",
	"X-Amz-If-Match-Last-Modified-Time", "X-Amz-If-Match-Size",
}

// storageClasses are recorded; those that would have to be restored before they can be read are not served.
var storageClasses = map[string]bool{"STANDARD": true, "REDUCED_REDUNDANCY": true, "STANDARD_IA": true, "ONEZONE_IA": true,
	"INTELLIGENT_TIERING": true, "GLACIER_IR": true, "GLACIER": false, "DEEP_ARCHIVE": false, "OUTPOSTS": false, "SNOW": false,
	"EXPRESS_ONEZONE": false}

// checkHeaders refuses what cannot be honoured.
func checkHeaders(r *http.Request) error {
	for _, name := range refusedHeaders {
		if r.Header.Get(name) != "" {
			return notImplemented(strings.ToLower(name))
		}
	}
	switch encryption := r.Header.Get("X-Amz-Server-Side-Encryption"); encryption {
	case "", "AES256":
	case "aws:kms", "aws:kms:dsse", "aws:fsx":
		return notImplemented("x-amz-server-side-encryption")
	default:
		return invalid("x-amz-server-side-encryption", encryption, "The encryption method specified is not supported")
	}
	if class := r.Header.Get("X-Amz-Storage-Class"); class != "" {
		served, known := storageClasses[class]
		if !known {
			return fail("InvalidStorageClass", detail("StorageClassRequested", class))
		}
		if !served {
			return notImplemented("x-amz-storage-class")
		}
	}
	return nil
}

// checkACL refuses an access control list, which no bucket has: the owner's full control is enforced ("Controlling
// ownership of objects", S3 user guide).
func (q *request) checkACL() error {
	for _, name := range aclHeaders[1:] {
		if q.r.Header.Get(name) != "" {
			return fail("AccessControlListNotSupported")
		}
	}
	switch acl := q.r.Header.Get("X-Amz-Acl"); acl {
	case "", "bucket-owner-full-control":
		return nil
	case "private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read", "bucket-owner-read", "log-delivery-write":
		return fail("AccessControlListNotSupported")
	default:
		return invalid("x-amz-acl", acl, "")
	}
}

// readHead takes what belongs to a new object out of the headers.
func readHead(r *http.Request) (head, error) {
	h := head{Headers: map[string]string{}}
	for _, name := range keptHeaders {
		if value := r.Header.Get(name); value != "" {
			h.Headers[name] = value
		}
	}
	if encoding := withoutChunked(h.Headers["Content-Encoding"]); encoding != "" {
		h.Headers["Content-Encoding"] = encoding
	} else {
		delete(h.Headers, "Content-Encoding")
	}
	size := 0
	for name, values := range r.Header {
		// The names of user metadata are kept in lower case ("Working with object metadata", S3 user guide).
		if name = strings.ToLower(name); strings.HasPrefix(name, metaPrefix) {
			h.Headers[name] = strings.Join(values, ",")
			size += len(name) - len(metaPrefix) + len(h.Headers[name])
		}
	}
	if size > maxMetadata {
		return h, fail("MetadataTooLarge")
	}
	if class := r.Header.Get("X-Amz-Storage-Class"); class != "STANDARD" {
		h.Class = class
	}
	var err error
	h.Tags, err = headerTags(r)
	return h, err
}

// withoutChunked takes aws-chunked, which is about the request only, out of a Content-Encoding.
func withoutChunked(encoding string) string {
	var kept []string
	for part := range strings.SplitSeq(encoding, ",") {
		if part = strings.TrimSpace(part); part != "" && !strings.EqualFold(part, "aws-chunked") {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, ",")
}

// headerTags reads X-Amz-Tagging, which is a query string.
func headerTags(r *http.Request) ([]tag, error) {
	text := r.Header.Get("X-Amz-Tagging")
	if text == "" {
		return nil, nil
	}
	values, err := url.ParseQuery(text)
	if err != nil {
		return nil, invalid("x-amz-tagging", text, "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.")
	}
	var tags []tag
	for key, list := range values {
		if len(list) != 1 {
			return nil, invalid("x-amz-tagging", text, "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.")
		}
		tags = append(tags, tag{key, list[0]})
	}
	return tags, checkTags(tags, maxObjectTags)
}
