package s3

import (
	"context"
	"io"
	"net/http"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// putNeeds are the permissions of PutObject. Tags that cannot be read are an error later.
func putNeeds(q *request) []gateway.Access {
	tags, _ := headerTags(q.r)
	return q.createNeeds(true, tags)
}

// putObject is PutObject.
func putObject(ctx context.Context, q *request) error {
	c, err := q.checkPut()
	if err != nil {
		return err
	}
	if err := c.early(ctx, q); err != nil {
		return err
	}
	o := &object{key: q.key}
	if o.head, err = readHead(q.r); err != nil {
		return err
	}
	body, v, err := q.receive(ctx, "", maxObject)
	if err != nil {
		return err
	}
	if o.head.Checksum, err = v.finish(); err != nil {
		return withDiscarded(ctx, q, body, err)
	}
	o.head.Checksum.Kind = fullObject
	o.size, o.etag, o.pieces = body.size, v.etag(), body.pieces()
	if err := q.s.put(ctx, q.bucket, o, c, func(tx *store.Tx) error { return body.keep(ctx, tx) }); err != nil {
		return withDiscarded(ctx, q, body, err)
	}
	q.setVersion(o.version)
	h := q.w.Header()
	h.Set("Etag", quoted(o.etag))
	h.Set("X-Amz-Server-Side-Encryption", "AES256")
	o.head.Checksum.set(h)
	return q.empty(http.StatusOK)
}

// checkPut checks the headers of a request that makes an object, and gives its condition.
func (q *request) checkPut() (condition, error) {
	if err := checkHeaders(q.r); err != nil {
		return condition{}, err
	}
	if err := q.checkACL(); err != nil {
		return condition{}, err
	}
	return readCondition(q.r)
}

// receive takes the body in, hashed. keep is the algorithm of the checksum to keep; empty for the client's own, or
// CRC64NVME when it sent none, as S3 does. Nothing is verified before the verifier is asked to finish, but the framing.
func (q *request) receive(ctx context.Context, keep string, limit int64) (*staged, *verifier, error) {
	switch {
	case q.r.ContentLength < 0:
		return nil, nil, fail("MissingContentLength")
	case q.r.ContentLength > limit:
		return nil, nil, fail("EntityTooLarge")
	}
	v, err := newVerifier(q.r, keep)
	if err == nil && v.keep == "" {
		v, err = newVerifier(q.r, crc64Name)
	}
	if err != nil {
		return nil, nil, err
	}
	body, err := q.s.blobs.stage(ctx, io.TeeReader(q.r.Body, v), q.r.ContentLength)
	return body, v, err
}

// withDiscarded removes staged content after an error, which it gives back.
func withDiscarded(ctx context.Context, q *request, body *staged, err error) error {
	if failed := q.s.blobs.discard(ctx, body); failed != nil {
		q.s.onError(failed)
	}
	return err
}
