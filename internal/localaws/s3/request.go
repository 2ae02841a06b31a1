package s3

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// operation is one operation of S3.
type operation struct {
	name string
	// needs are the permissions, for the bucket and the object that the request names. nil: serve authorises.
	needs func(q *request) []gateway.Access
	serve func(ctx context.Context, q *request) error
	// bare operations need no bucket that exists.
	bare bool
	// current operations are about an object that exists, of which needs may look at the tags.
	current bool
	// streams: serve reads the body. All others get a short one, verified.
	streams bool
	// anywhere: it does not matter which region the request is signed for.
	anywhere bool
	except   []string
}

// request is one request on its way through an operation.
type request struct {
	*gateway.Call
	s     *Service
	w     http.ResponseWriter
	r     *http.Request
	query url.Values

	name, key string // of the bucket and of the object, as the request has them
	version   string // the versionId; empty when the request names none
	bucket    *bucket
	// object is the one that a current operation is about; nil when there is none. It stays readable until done.
	object *object
	done   func()
	body   []byte
	common map[string][]string // condition keys
}

// maxDocument bounds the body of every operation that does not stream: ten thousand parts have room.
const maxDocument = 4 << 20

// serve is an operation behind the gateway.
func (s *Service) serve(o operation) gateway.Operation {
	return gateway.RawOp(o.name, nil, func(ctx context.Context, c *gateway.Call, w http.ResponseWriter, r *http.Request) error {
		q := &request{Call: c, s: s, w: w, r: r, query: r.URL.Query(), done: func() {}}
		err := o.run(ctx, q)
		q.done()
		return err
	}).Except(o.except...)
}

// run finds what the request is about, authorises it, takes the body in and serves it.
func (o operation) run(ctx context.Context, q *request) error {
	if err := o.find(ctx, q); err != nil {
		return err
	}
	if o.needs != nil {
		for _, a := range o.needs(q) {
			if err := q.Authorize(ctx, a); err != nil {
				return err
			}
		}
	}
	if o.current && o.needs != nil && q.object == nil {
		return q.missing(ctx)
	}
	if !o.streams {
		if err := q.readBody(); err != nil {
			return err
		}
	}
	return o.serve(ctx, q)
}

func (o operation) find(ctx context.Context, q *request) error {
	var err error
	if q.name, q.key, err = address(q.r); err != nil {
		return fail("InvalidURI")
	}
	q.describe()
	if err := checkKey(q.key); err != nil {
		return err
	}
	if q.query.Has("versionId") {
		if q.version = q.query.Get("versionId"); q.version == "" {
			return invalid("versionId", "", "Version id cannot be the empty string")
		}
	}
	if o.bare {
		return nil
	}
	if err := q.findBucket(ctx, o.anywhere); err != nil || !o.current {
		return err
	}
	q.object, q.done, err = q.s.open(ctx, q.bucket, q.key, q.version)
	return err
}

// describe says in the event what the request is about, as CloudTrail does.
func (q *request) describe() {
	params := map[string]string{"Host": q.r.Host}
	for name, value := range map[string]string{"bucketName": q.name, "key": q.key, "versionId": q.query.Get("versionId"),
		"uploadId": q.query.Get("uploadId"), "x-amz-acl": q.r.Header.Get("X-Amz-Acl")} {
		if value != "" {
			params[name] = value
		}
	}
	q.Describe(params)
}

// findBucket finds the bucket, which must be in the region that the request is signed for, and belong to whom the caller
// expects it to. uncertain: whether a caller without any permission hears that a bucket does not exist; here everybody
// does, as anonymous callers do on AWS.
func (q *request) findBucket(ctx context.Context, anywhere bool) error {
	b, err := findBucket(ctx, q.s.db, q.name)
	if errors.Is(err, errNoBucket) {
		if !validBucketName(q.name) {
			return fail("InvalidBucketName", detail("BucketName", q.name))
		}
		return fail("NoSuchBucket", detail("BucketName", q.name))
	}
	if err != nil {
		return err
	}
	if q.key == "" {
		q.w.Header().Set("X-Amz-Bucket-Region", b.region) // also in front of a denial: clients find the region by it
	}
	if b.region != q.Region && !anywhere && q.Caller.AccessKeyID != "" {
		return q.elsewhere(b)
	}
	if want := q.r.Header.Get("X-Amz-Expected-Bucket-Owner"); want != "" && want != b.account {
		return fail("AccessDenied")
	}
	q.bucket = b
	return nil
}

// elsewhere is the error for a bucket of another region. The global host name of a bucket leads to its region, which then
// finds the signature wrong; every other host is in the region that was signed for, and sends the client on.
func (q *request) elsewhere(b *bucket) error {
	host, _, _ := strings.Cut(strings.ToLower(q.r.Host), ":")
	if host == b.name+".s3.amazonaws.com" {
		return gateway.WrongRegion(q.r, q.Region, b.region)
	}
	return fail("PermanentRedirect", detail("Endpoint", b.name+".s3."+b.region+".amazonaws.com"), detail("Bucket", b.name),
		detail("Region", b.region))
}

// missing is the error for an object that is not there: only who may list the bucket is told so ("GetObject", S3 API
// reference, on permissions).
func (q *request) missing(ctx context.Context) error {
	if err := q.Authorize(ctx, q.onBucket("s3:ListBucket", nil)); err != nil {
		return err
	}
	if q.version != "" {
		return fail("NoSuchVersion", detail("Key", q.key), detail("VersionId", q.version))
	}
	return fail("NoSuchKey", detail("Key", q.key))
}

// readBody takes a short body in, and checks the digests that came with it.
func (q *request) readBody() error {
	v, err := newVerifier(q.r, "")
	if err != nil {
		return err
	}
	body, err := io.ReadAll(io.LimitReader(io.TeeReader(q.r.Body, v), maxDocument+1))
	if err != nil {
		return err
	}
	if len(body) > maxDocument {
		return fail("MaxMessageLengthExceeded")
	}
	q.body = body
	_, err = v.finish()
	return err
}

// decode reads the XML document of the body into a structure, whose XMLName says how it must begin.
func (q *request) decode(into any) error {
	if len(q.body) == 0 {
		return fail("MissingRequestBodyError")
	}
	if err := xml.NewDecoder(bytes.NewReader(q.body)).Decode(into); err != nil {
		return fail("MalformedXML")
	}
	return nil
}

const namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

// answer writes an XML document. doc is a structure with an XMLName in S3's namespace.
func (q *request) answer(doc any) error {
	body, err := xml.Marshal(doc)
	if err != nil {
		return err
	}
	q.w.Header().Set("Content-Type", "application/xml")
	q.w.WriteHeader(http.StatusOK)
	_, err = q.w.Write(append([]byte(xml.Header), body...))
	return gone(err)
}

// gone forgets that an answer could not be written: the client is not there any more, and nothing is wrong here.
func gone(error) error { return nil }

// empty is an answer without a body.
func (q *request) empty(status int) error {
	q.w.WriteHeader(status)
	return nil
}
