package s3

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// completeRequest is the body of CompleteMultipartUpload.
type completeRequest struct {
	XMLName xml.Name `xml:"CompleteMultipartUpload"`
	Part    []completedPart
}

type completedPart struct {
	PartNumber        int
	ETag              string
	ChecksumCRC32     string
	ChecksumCRC32C    string
	ChecksumCRC64NVME string
	ChecksumSHA1      string
	ChecksumSHA256    string
}

// checksum is what the client says the part's checksum is.
func (p completedPart) checksum(algorithm string) string {
	return map[string]string{crc32Name: p.ChecksumCRC32, crc32cName: p.ChecksumCRC32C, crc64Name: p.ChecksumCRC64NVME,
		sha1Name: p.ChecksumSHA1, sha256Name: p.ChecksumSHA256}[algorithm]
}

type completeResult struct {
	XMLName           xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CompleteMultipartUploadResult"`
	Location          string
	Bucket            string
	Key               string
	ETag              string
	ChecksumCRC32     string `xml:",omitempty"`
	ChecksumCRC32C    string `xml:",omitempty"`
	ChecksumCRC64NVME string `xml:",omitempty"`
	ChecksumSHA1      string `xml:",omitempty"`
	ChecksumSHA256    string `xml:",omitempty"`
	ChecksumType      string `xml:",omitempty"`
}

func (r *completeResult) setChecksum(c checksum) {
	fields := map[string]*string{crc32Name: &r.ChecksumCRC32, crc32cName: &r.ChecksumCRC32C, crc64Name: &r.ChecksumCRC64NVME,
		sha1Name: &r.ChecksumSHA1, sha256Name: &r.ChecksumSHA256}
	if field := fields[c.Algorithm]; field != nil {
		*field, r.ChecksumType = c.Value, c.Kind
	}
}

// completeUpload is CompleteMultipartUpload: the parts become the object's pieces, nothing is copied.
func completeUpload(ctx context.Context, q *request) error {
	var in completeRequest
	if err := q.decode(&in); err != nil {
		return err
	}
	if len(in.Part) == 0 || len(in.Part) > maxParts {
		return fail("MalformedXML")
	}
	c, err := readCondition(q.r)
	if err != nil {
		return err
	}
	o := &object{key: q.key}
	var unused []int64
	err = q.s.put(ctx, q.bucket, o, c, func(tx *store.Tx) error {
		unused, err = q.assemble(ctx, tx, o, in.Part)
		return err
	})
	if err != nil {
		return err
	}
	q.s.giveUp(ctx, unused)
	q.setVersion(o.version)
	q.w.Header().Set("X-Amz-Server-Side-Encryption", "AES256")
	out := &completeResult{Location: "http://" + q.r.Host + q.r.URL.EscapedPath(), Bucket: q.bucket.name, Key: q.key, ETag: quoted(o.etag)}
	out.setChecksum(o.head.Checksum)
	return q.answer(out)
}

// assemble makes the object of the parts that the client names, and ends the upload. unused is the content of the others.
func (q *request) assemble(ctx context.Context, tx *store.Tx, o *object, wanted []completedPart) (unused []int64, err error) {
	u, err := q.upload(ctx, tx)
	if err != nil {
		return nil, err
	}
	stored, err := partsOf(ctx, tx, u.id, 0, maxParts)
	if err != nil {
		return nil, err
	}
	parts, err := choose(u, stored, wanted)
	if err != nil {
		return nil, err
	}
	o.head = u.head
	o.head.Parts = len(parts)
	if o.head.Checksum, err = u.checksum(parts); err != nil {
		return nil, err
	}
	if err := q.checkWhole(u, o, parts); err != nil {
		return nil, err
	}
	sum := md5.New()
	for _, p := range parts {
		raw, err := hex.DecodeString(p.etag)
		if err != nil {
			return nil, fmt.Errorf("etag of a part: %w", err)
		}
		sum.Write(raw)
		o.pieces = append(o.pieces, piece{p.blob, p.size})
	}
	o.etag = hex.EncodeToString(sum.Sum(nil)) + "-" + strconv.Itoa(len(parts))
	return removeUpload(ctx, tx, u.id)
}

// choose checks the parts that the client names against those that are there.
func choose(u *upload, stored []part, wanted []completedPart) ([]part, error) {
	byNumber := make(map[int]part, len(stored))
	for _, p := range stored {
		byNumber[p.number] = p
	}
	for i := range wanted[1:] {
		if wanted[i+1].PartNumber <= wanted[i].PartNumber {
			return nil, fail("InvalidPartOrder")
		}
	}
	var parts []part
	for i, w := range wanted {
		p, ok := byNumber[w.PartNumber]
		given := w.checksum(u.algorithm)
		switch {
		case !ok || strings.Trim(w.ETag, `"`) != p.etag, given != "" && given != p.checksum:
			return nil, fail("InvalidPart", detail("PartNumber", strconv.Itoa(w.PartNumber)), detail("ETag", w.ETag))
		case given == "" && u.chosen && u.kind == composite:
			return nil, failf("InvalidRequest", "The upload was created using a %s checksum. The complete request must include the checksum for each part. It was missing for part %d in the request.",
				strings.ToLower(u.algorithm), w.PartNumber)
		case i < len(wanted)-1 && p.size < minPart:
			return nil, fail("EntityTooSmall", detail("ProposedSize", strconv.FormatInt(p.size, 10)), detail("PartNumber", strconv.Itoa(w.PartNumber)))
		}
		parts = append(parts, p)
	}
	return parts, nil
}

func (u *upload) checksum(parts []part) (checksum, error) {
	if u.kind == composite {
		return compositeOf(u.algorithm, parts)
	}
	return wholeOf(u.algorithm, parts)
}

// checkWhole compares what the client says of the whole object: its size and its checksum.
func (q *request) checkWhole(u *upload, o *object, parts []part) error {
	for _, p := range parts {
		o.size += p.size
	}
	if text := q.r.Header.Get("X-Amz-Mp-Object-Size"); text != "" && text != strconv.FormatInt(o.size, 10) {
		return failf("InvalidRequest", "The provided 'x-amz-mp-object-size' header value does not match what was computed.")
	}
	if kind := q.r.Header.Get("X-Amz-Checksum-Type"); kind != "" && !strings.EqualFold(kind, u.kind) {
		return failf("InvalidRequest", "The upload was created using the %s checksum mode. The complete request must use the same checksum mode.", u.kind)
	}
	given := q.r.Header.Get(o.head.Checksum.header())
	if value, _, _ := strings.Cut(o.head.Checksum.Value, "-"); given != "" && given != o.head.Checksum.Value && given != value {
		return failf("BadDigest", "The %s you specified did not match the calculated checksum.", strings.ToLower(u.algorithm))
	}
	return nil
}

type partsResult struct {
	XMLName              xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListPartsResult"`
	Bucket               string
	Key                  string
	UploadId             string
	Initiator            initiator
	Owner                owner
	StorageClass         string
	PartNumberMarker     int
	NextPartNumberMarker int
	MaxParts             int
	IsTruncated          bool
	ChecksumAlgorithm    string `xml:",omitempty"`
	ChecksumType         string `xml:",omitempty"`
	Part                 []partEntry
}

type initiator struct{ ID, DisplayName string }

type partEntry struct {
	PartNumber        int
	LastModified      xmlTime
	ETag              string
	Size              int64
	ChecksumCRC32     string `xml:",omitempty"`
	ChecksumCRC32C    string `xml:",omitempty"`
	ChecksumCRC64NVME string `xml:",omitempty"`
	ChecksumSHA1      string `xml:",omitempty"`
	ChecksumSHA256    string `xml:",omitempty"`
}

// count reads a parameter that is a number between 0 and most.
func (q *request) count(name string, otherwise, most int) (int, error) {
	text := q.query.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, invalid(name, text, "Provided "+name+" not an integer or within integer range")
	}
	return min(n, most), nil
}

// listParts is ListParts.
func listParts(ctx context.Context, q *request) error {
	u, err := q.upload(ctx, q.s.db)
	if err != nil {
		return err
	}
	limit, err := q.count("max-parts", maxList, maxList)
	if err != nil {
		return err
	}
	marker, err := q.count("part-number-marker", 0, maxParts)
	if err != nil {
		return err
	}
	parts, err := partsOf(ctx, q.s.db, u.id, marker, limit+1)
	if err != nil {
		return err
	}
	out := &partsResult{Bucket: q.bucket.name, Key: q.key, UploadId: u.id, Initiator: initiator{u.initiator, u.initiator},
		Owner: owner{canonical(q.bucket.account)}, StorageClass: (&object{head: u.head}).class(), PartNumberMarker: marker, MaxParts: limit}
	if u.chosen {
		out.ChecksumAlgorithm, out.ChecksumType = u.algorithm, u.kind
	}
	if len(parts) > limit {
		parts, out.IsTruncated = parts[:limit], true
	}
	for _, p := range parts {
		e := partEntry{PartNumber: p.number, LastModified: xmlTime(p.modified), ETag: quoted(p.etag), Size: p.size}
		fields := map[string]*string{crc32Name: &e.ChecksumCRC32, crc32cName: &e.ChecksumCRC32C, crc64Name: &e.ChecksumCRC64NVME,
			sha1Name: &e.ChecksumSHA1, sha256Name: &e.ChecksumSHA256}
		*fields[u.algorithm] = p.checksum
		out.Part, out.NextPartNumberMarker = append(out.Part, e), p.number
	}
	return q.answer(out)
}

// noContent answers 204.
func (q *request) noContent() error { return q.empty(http.StatusNoContent) }
