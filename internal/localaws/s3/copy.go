package s3

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"hash"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// source is what a copy reads.
type source struct {
	bucket       *bucket
	key, version string
	object       *object
}

// readSource finds what X-Amz-Copy-Source names, authorised; it stays readable until the request is done.
func (q *request) readSource(ctx context.Context) (*source, error) {
	src, err := q.nameSource(ctx)
	if err != nil {
		return nil, err
	}
	var done func()
	if src.object, done, err = q.s.open(ctx, src.bucket, src.key, src.version); err != nil {
		return nil, err
	}
	before := q.done
	q.done = func() { done(); before() }
	if err := q.authorizeSource(ctx, src); err != nil {
		return nil, err
	}
	switch {
	case src.object.marker && src.version != "":
		return nil, failf("InvalidRequest", "The source of a copy request may not specifically refer to a delete marker by version id.")
	case src.object.marker:
		return nil, fail("NoSuchKey", detail("Key", src.key))
	case precondition(q.r.Header, copySource+"-", src.object) != 0:
		return nil, fail("PreconditionFailed")
	}
	return src, nil
}

func (q *request) nameSource(ctx context.Context) (*source, error) {
	text := q.r.Header.Get(copySource)
	path, query, _ := strings.Cut(text, "?")
	path, err := url.PathUnescape(path)
	name, key, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	version, hasVersion := strings.CutPrefix(query, "versionId=")
	if err != nil || !ok || name == "" || key == "" || query != "" && !hasVersion {
		return nil, invalid("x-amz-copy-source", text, "You can only specify a copy source header for copy requests.")
	}
	if strings.HasPrefix(name, "arn:") {
		return nil, notImplemented("x-amz-copy-source")
	}
	b, err := findBucket(ctx, q.s.db, name)
	if errors.Is(err, errNoBucket) {
		return nil, fail("NoSuchBucket", detail("BucketName", name))
	}
	if err != nil {
		return nil, err
	}
	if want := q.r.Header.Get("X-Amz-Source-Expected-Bucket-Owner"); want != "" && want != b.account {
		return nil, fail("AccessDenied")
	}
	return &source{bucket: b, key: key, version: version}, nil
}

// authorizeSource asks for the permission to read the source; who may not list its bucket does not hear what is missing.
func (q *request) authorizeSource(ctx context.Context, src *source) error {
	if err := q.Authorize(ctx, q.onSource(src, "s3:GetObject", "s3:GetObjectVersion")); err != nil {
		return err
	}
	if src.object != nil {
		return nil
	}
	if err := q.Authorize(ctx, q.access(src.bucket, "s3:ListBucket", bucketARN(src.bucket.name), nil)); err != nil {
		return err
	}
	if src.version != "" {
		return fail("NoSuchVersion", detail("Key", src.key), detail("VersionId", src.version))
	}
	return fail("NoSuchKey", detail("Key", src.key))
}

// onSource is a permission on the source; with a version it is another action.
func (q *request) onSource(src *source, action, versioned string) gateway.Access {
	if src.version != "" {
		action = versioned
	}
	return q.access(src.bucket, action, objectARN(src.bucket.name, src.key), existing(src.object, src.version))
}

type copyResult struct {
	XMLName           xml.Name
	LastModified      xmlTime
	ETag              string
	ChecksumCRC32     string `xml:",omitempty"`
	ChecksumCRC32C    string `xml:",omitempty"`
	ChecksumCRC64NVME string `xml:",omitempty"`
	ChecksumSHA1      string `xml:",omitempty"`
	ChecksumSHA256    string `xml:",omitempty"`
	ChecksumType      string `xml:",omitempty"`
}

func (r *copyResult) setChecksum(c checksum) {
	fields := map[string]*string{crc32Name: &r.ChecksumCRC32, crc32cName: &r.ChecksumCRC32C, crc64Name: &r.ChecksumCRC64NVME,
		sha1Name: &r.ChecksumSHA1, sha256Name: &r.ChecksumSHA256}
	if field := fields[c.Algorithm]; field != nil {
		*field, r.ChecksumType = c.Value, c.Kind
	}
}

// copyObject is CopyObject. The copy shares the content of its source.
func copyObject(ctx context.Context, q *request) error {
	c, err := q.checkPut()
	if err != nil {
		return err
	}
	src, err := q.readSource(ctx)
	if err != nil {
		return err
	}
	o, err := q.copyOf(src)
	if err != nil {
		return err
	}
	if err := q.authorizeCopy(ctx, src, o); err != nil {
		return err
	}
	if src.object.size > maxObject {
		return failf("InvalidRequest", "The specified copy source is larger than the maximum allowable size for a copy source: %d", int64(maxObject))
	}
	if err := q.digest(ctx, src.object, o); err != nil {
		return err
	}
	if err := q.s.put(ctx, q.bucket, o, c, nil); err != nil {
		return err
	}
	q.setVersion(o.version)
	if src.bucket.settings.Versioning != "" {
		q.w.Header().Set("X-Amz-Copy-Source-Version-Id", src.object.version)
	}
	q.w.Header().Set("X-Amz-Server-Side-Encryption", "AES256")
	out := &copyResult{XMLName: xml.Name{Space: namespace, Local: "CopyObjectResult"}, LastModified: xmlTime(o.modified), ETag: quoted(o.etag)}
	out.setChecksum(o.head.Checksum)
	return q.answer(out)
}

// copyOf is the object that a copy makes, by the directives for its metadata and tags.
func (q *request) copyOf(src *source) (*object, error) {
	o := &object{key: q.key, size: src.object.size, pieces: src.object.pieces, head: src.object.head}
	sent, err := readHead(q.r)
	if err != nil {
		return nil, err
	}
	metadata, err := directive(q.r, "X-Amz-Metadata-Directive")
	if err != nil {
		return nil, err
	}
	tagging, err := directive(q.r, "X-Amz-Tagging-Directive")
	if err != nil {
		return nil, err
	}
	if metadata {
		o.head.Headers = sent.Headers
	}
	if tagging {
		o.head.Tags = sent.Tags
	}
	class := q.r.Header.Get("X-Amz-Storage-Class")
	o.head.Class, o.head.Parts = sent.Class, 0
	itself := src.bucket.id == q.bucket.id && src.key == q.key && src.version == ""
	if itself && !metadata && class == "" && q.r.Header.Get("X-Amz-Server-Side-Encryption") == "" {
		return nil, failf("InvalidRequest", "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.")
	}
	return o, nil
}

// directive says whether what was sent replaces what the source has.
func directive(r *http.Request, name string) (replace bool, err error) {
	switch value := r.Header.Get(name); value {
	case "", "COPY":
		return false, nil
	case "REPLACE":
		return true, nil
	default:
		return false, invalid(strings.ToLower(name), value, "Unknown directive.")
	}
}

// authorizeCopy asks for the permissions to write the copy, and for its tags to read those of the source.
func (q *request) authorizeCopy(ctx context.Context, src *source, o *object) error {
	needs := q.createNeeds(true, o.head.Tags)
	if len(src.object.head.Tags) > 0 && q.r.Header.Get("X-Amz-Tagging-Directive") != "REPLACE" {
		needs = append(needs, q.onSource(src, "s3:GetObjectTagging", "s3:GetObjectVersionTagging"))
	}
	for _, a := range needs {
		if err := q.Authorize(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// digest gives the copy its ETag and checksum. Those of a multipart upload are about its parts, which a copy has not: they
// are made anew from the content.
func (q *request) digest(ctx context.Context, from, o *object) error {
	wanted := strings.ToUpper(q.r.Header.Get("X-Amz-Checksum-Algorithm"))
	if unserved[wanted] || wanted != "" && digests[wanted] == nil {
		return notImplemented("x-amz-checksum-algorithm")
	}
	if wanted == "" {
		wanted = o.head.Checksum.Algorithm
	}
	if wanted == "" {
		wanted = crc64Name
	}
	if from.head.Parts == 0 && wanted == from.head.Checksum.Algorithm {
		o.etag = from.etag
		return nil
	}
	sum, md := digests[wanted](), md5.New()
	reader := &content{ctx: ctx, db: q.s.db, pieces: from.pieces, length: from.size}
	if _, err := io.Copy(io.MultiWriter(sum, md), reader); err != nil {
		return err
	}
	o.etag, o.head.Checksum = hex.EncodeToString(md.Sum(nil)), checksum{wanted, encode(sum), fullObject}
	return nil
}

// uploadPartCopy is UploadPartCopy.
func uploadPartCopy(ctx context.Context, q *request) error {
	number, err := q.partNumber()
	if err != nil {
		return err
	}
	if err := checkHeaders(q.r); err != nil {
		return err
	}
	src, err := q.readSource(ctx)
	if err != nil {
		return err
	}
	if err := q.authorizeAll(ctx, q.createNeeds(false, nil)); err != nil {
		return err
	}
	u, err := q.upload(ctx, q.s.db)
	if err != nil {
		return err
	}
	sel, err := copyRange(q.r.Header.Get(copySource+"-Range"), src.object.size)
	if err != nil {
		return err
	}
	if sel.length > maxObject {
		return fail("EntityTooLarge")
	}
	md, sum := md5.New(), digests[u.algorithm]()
	reader := &content{ctx: ctx, db: q.s.db, pieces: src.object.pieces, offset: sel.offset, length: sel.length}
	body, err := q.s.blobs.stage(ctx, io.TeeReader(reader, io.MultiWriter(md, sum)), sel.length)
	if err != nil {
		return err
	}
	return q.answerPartCopy(ctx, u, src, body, &part{number: number, size: body.size, etag: hex.EncodeToString(md.Sum(nil))}, sum)
}

func (q *request) answerPartCopy(ctx context.Context, u *upload, src *source, body *staged, p *part, sum hash.Hash) error {
	p.checksum = encode(sum)
	if err := q.savePart(ctx, body, p); err != nil {
		return err
	}
	if src.bucket.settings.Versioning != "" {
		q.w.Header().Set("X-Amz-Copy-Source-Version-Id", src.object.version)
	}
	q.w.Header().Set("X-Amz-Server-Side-Encryption", "AES256")
	out := &copyResult{XMLName: xml.Name{Space: namespace, Local: "CopyPartResult"}, LastModified: xmlTime(p.modified), ETag: quoted(p.etag)}
	if u.chosen {
		out.setChecksum(checksum{Algorithm: u.algorithm, Value: p.checksum})
	}
	return q.answer(out)
}

// copyRange reads X-Amz-Copy-Source-Range, which must be within the source.
func copyRange(text string, size int64) (selection, error) {
	if text == "" {
		return selection{length: size}, nil
	}
	sel, err := parseRange(text, size)
	from, to, _ := strings.Cut(strings.TrimPrefix(text, "bytes="), "-")
	if err != nil || !sel.partial || from == "" || to == "" {
		return sel, invalid("x-amz-copy-source-range", text, "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy")
	}
	if want, err := parseRange(text, 1<<62); err != nil || want.length != sel.length {
		return sel, invalid("x-amz-copy-source-range", text, "Range specified is not valid for source object")
	}
	return sel, nil
}

func (q *request) authorizeAll(ctx context.Context, needs []gateway.Access) error {
	for _, a := range needs {
		if err := q.Authorize(ctx, a); err != nil {
			return err
		}
	}
	return nil
}
