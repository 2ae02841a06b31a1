package s3

import (
	"context"
	"database/sql"
	"encoding/json"
	"encoding/xml"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

const (
	maxParts = 10000
	minPart  = 5 << 20 // bytes of every part but the last
)

// upload is a multipart upload that has begun.
type upload struct {
	id, key   string
	initiated time.Time
	initiator string // ARN
	head      head
	// algorithm and kind of the object's checksum; chosen says that the client named them.
	algorithm, kind string
	chosen          bool
}

// part is a part of an upload.
type part struct {
	number   int
	blob     int64
	size     int64
	etag     string
	checksum string // of the upload's algorithm
	modified time.Time
}

const uploadColumns = `id, key, initiated, initiator, head, algorithm, kind, chosen`

func scanUpload(row interface{ Scan(...any) error }) (*upload, error) {
	u := &upload{}
	var initiated int64
	var encoded string
	if err := row.Scan(&u.id, &u.key, &initiated, &u.initiator, &encoded, &u.algorithm, &u.kind, &u.chosen); err != nil {
		return nil, err
	}
	u.initiated = time.Unix(0, initiated).UTC()
	return u, json.Unmarshal([]byte(encoded), &u.head)
}

// upload finds the upload that the request names.
func (q *request) upload(ctx context.Context, from querier) (*upload, error) {
	id := q.query.Get("uploadId")
	u, err := scanUpload(from.QueryRowContext(ctx, `SELECT `+uploadColumns+` FROM s3_upload WHERE id = ? AND bucket = ? AND key = ?`,
		id, q.bucket.id, q.key))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fail("NoSuchUpload", detail("UploadId", id))
	}
	return u, err
}

// initiateNeeds are the permissions of CreateMultipartUpload.
func initiateNeeds(q *request) []gateway.Access {
	tags, _ := headerTags(q.r)
	return q.createNeeds(false, tags)
}

// partNeeds are the permissions of every step of an upload but the first.
func partNeeds(creates bool) func(*request) []gateway.Access {
	return func(q *request) []gateway.Access { return q.createNeeds(creates, nil) }
}

type initiateResult struct {
	XMLName  xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ InitiateMultipartUploadResult"`
	Bucket   string
	Key      string
	UploadId string
}

// createUpload is CreateMultipartUpload.
func createUpload(ctx context.Context, q *request) error {
	if _, err := q.checkPut(); err != nil {
		return err
	}
	u := &upload{}
	var err error
	if u.head, err = readHead(q.r); err != nil {
		return err
	}
	if err := u.chooseChecksum(q.r.Header); err != nil {
		return err
	}
	if u.id, err = q.s.newID(64); err != nil {
		return err
	}
	encoded, err := json.Marshal(u.head)
	if err != nil {
		return err
	}
	err = q.s.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := q.bucket.again(ctx, tx); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO s3_upload (id, bucket, key, initiated, initiator, head, algorithm, kind, chosen)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, u.id, q.bucket.id, q.key, q.s.now().UnixNano(), q.Caller.ARN, string(encoded), u.algorithm, u.kind, u.chosen)
		return err
	})
	if err != nil {
		return err
	}
	q.w.Header().Set("X-Amz-Server-Side-Encryption", "AES256")
	if u.chosen {
		q.w.Header().Set("X-Amz-Checksum-Algorithm", u.algorithm)
		q.w.Header().Set("X-Amz-Checksum-Type", u.kind)
	}
	return q.answer(&initiateResult{Bucket: q.bucket.name, Key: q.key, UploadId: u.id})
}

// chooseChecksum reads which checksum the object will have ("Using full object and composite checksums for multipart
// uploads", S3 user guide). Without a choice it is a CRC64NVME of the whole.
func (u *upload) chooseChecksum(h http.Header) error {
	u.algorithm, u.kind = crc64Name, fullObject
	name, kind := strings.ToUpper(h.Get("X-Amz-Checksum-Algorithm")), strings.ToUpper(h.Get("X-Amz-Checksum-Type"))
	if name == "" {
		if kind != "" {
			return failf("InvalidRequest", "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
		}
		return nil
	}
	if unserved[name] {
		return notImplemented("x-amz-checksum-algorithm")
	}
	if digests[name] == nil {
		return failf("InvalidRequest", "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")
	}
	whole, parts := polynomials[name] != 0, name != crc64Name
	switch {
	case kind == "" && parts:
		kind = composite
	case kind == "":
		kind = fullObject
	case kind != fullObject && kind != composite:
		return failf("InvalidRequest", "Value for x-amz-checksum-type header is invalid.")
	}
	if kind == fullObject && !whole || kind == composite && !parts {
		return failf("InvalidRequest", "The %s checksum type cannot be used with the %s checksum algorithm.", kind, strings.ToLower(name))
	}
	u.algorithm, u.kind, u.chosen = name, kind, true
	return nil
}

// partNumber reads the parameter.
func (q *request) partNumber() (int, error) {
	n, err := strconv.Atoi(q.query.Get("partNumber"))
	if err != nil || n < 1 || n > maxParts {
		return 0, invalid("partNumber", q.query.Get("partNumber"), "Part number must be an integer between 1 and 10000, inclusive")
	}
	return n, nil
}

// uploadPart is UploadPart.
func uploadPart(ctx context.Context, q *request) error {
	number, err := q.partNumber()
	if err != nil {
		return err
	}
	if err := checkHeaders(q.r); err != nil {
		return err
	}
	u, err := q.upload(ctx, q.s.db)
	if err != nil {
		return err
	}
	algorithm, _, err := claimed(q.r)
	if err != nil {
		return err
	}
	if u.chosen && algorithm != "" && algorithm != u.algorithm {
		return failf("InvalidRequest", "Checksum Type mismatch occurred, expected checksum Type: %s, actual checksum Type: %s",
			strings.ToLower(u.algorithm), strings.ToLower(algorithm))
	}
	body, v, err := q.receive(ctx, u.algorithm, maxObject)
	if err != nil {
		return err
	}
	sum, err := v.finish()
	if err != nil {
		return withDiscarded(ctx, q, body, err)
	}
	p := part{number: number, size: body.size, etag: v.etag(), checksum: sum.Value}
	if err := q.savePart(ctx, body, &p); err != nil {
		return err
	}
	h := q.w.Header()
	h.Set("Etag", quoted(p.etag))
	h.Set("X-Amz-Server-Side-Encryption", "AES256")
	v.given().set(h)
	return q.empty(http.StatusOK)
}

// savePart puts a part in the place of the one that had its number.
func (q *request) savePart(ctx context.Context, body *staged, p *part) error {
	if body.size > 0 {
		p.blob = body.blob
	}
	var freed []int64
	err := q.s.db.Tx(ctx, func(tx *store.Tx) error {
		freed = nil
		u, err := q.upload(ctx, tx)
		if err != nil {
			return err
		}
		var before int64
		err = tx.QueryRowContext(ctx, `SELECT blob FROM s3_part WHERE upload = ? AND number = ?`, u.id, p.number).Scan(&before)
		if err == nil {
			freed = []int64{before}
		} else if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err := body.keep(ctx, tx); err != nil {
			return err
		}
		p.modified = q.s.now().UTC()
		_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO s3_part (upload, number, blob, size, etag, checksum, modified)
			VALUES (?, ?, ?, ?, ?, ?, ?)`, u.id, p.number, p.blob, p.size, p.etag, p.checksum, p.modified.UnixNano())
		return err
	})
	if err != nil {
		return withDiscarded(ctx, q, body, err)
	}
	q.s.giveUp(ctx, freed)
	return nil
}

// partsOf are the parts of an upload after one number, in order.
func partsOf(ctx context.Context, from querier, upload string, after, limit int) ([]part, error) {
	rows, err := from.QueryContext(ctx, `SELECT number, blob, size, etag, checksum, modified FROM s3_part
		WHERE upload = ? AND number > ? ORDER BY number LIMIT ?`, upload, after, limit)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var parts []part
	for rows.Next() {
		var p part
		var modified int64
		if err := rows.Scan(&p.number, &p.blob, &p.size, &p.etag, &p.checksum, &modified); err != nil {
			return nil, err
		}
		p.modified = time.Unix(0, modified).UTC()
		parts = append(parts, p)
	}
	return parts, rows.Err()
}

// abortUpload is AbortMultipartUpload.
func abortUpload(ctx context.Context, q *request) error {
	var freed []int64
	err := q.s.db.Tx(ctx, func(tx *store.Tx) error {
		u, err := q.upload(ctx, tx)
		if err != nil {
			return err
		}
		freed, err = removeUpload(ctx, tx, u.id)
		return err
	})
	if err != nil {
		return err
	}
	q.s.giveUp(ctx, freed)
	return q.empty(http.StatusNoContent)
}

// removeUpload removes an upload and its parts, and gives the blobs that they referred to.
func removeUpload(ctx context.Context, tx *store.Tx, id string) ([]int64, error) {
	parts, err := partsOf(ctx, tx, id, 0, maxParts)
	if err != nil {
		return nil, err
	}
	var freed []int64
	for _, p := range parts {
		freed = append(freed, p.blob)
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM s3_upload WHERE id = ?`, id)
	return freed, err
}
