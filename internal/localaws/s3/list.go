package s3

import (
	"context"
	"encoding/xml"
	"strconv"
	"strings"
	"time"
)

// xmlTime is how S3 writes times in documents.
type xmlTime time.Time

// MarshalText writes milliseconds, always.
func (t xmlTime) MarshalText() ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(nil, "2006-01-02T15:04:05.000Z"), nil
}

// owner is an account, as S3 names it. uncertain: canonical user ids are derived from nothing that is public; here the
// account's number stands for one.
type owner struct{ ID string }

func canonical(account string) string { return strings.Repeat("0", 52) + account }

type listEntry struct {
	Key               string
	LastModified      xmlTime
	ETag              string
	ChecksumAlgorithm string `xml:",omitempty"`
	ChecksumType      string `xml:",omitempty"`
	Size              int64
	Owner             *owner
	StorageClass      string
}

type prefixEntry struct{ Prefix string }

// listResult is the answer of ListObjects and ListObjectsV2.
type listResult struct {
	XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	Name                  string
	Prefix                string
	Marker                *string
	NextMarker            string `xml:",omitempty"`
	StartAfter            string `xml:",omitempty"`
	ContinuationToken     string `xml:",omitempty"`
	NextContinuationToken string `xml:",omitempty"`
	KeyCount              *int
	MaxKeys               int
	Delimiter             string `xml:",omitempty"`
	EncodingType          string `xml:",omitempty"`
	IsTruncated           bool
	Contents              []listEntry
	CommonPrefixes        []prefixEntry
}

func (q *request) newList(p page, f found, owners bool) *listResult {
	out := &listResult{Name: q.bucket.name, Prefix: p.text(p.prefix), MaxKeys: p.max, Delimiter: p.text(p.delimiter),
		EncodingType: q.query.Get("encoding-type"), IsTruncated: f.truncated, CommonPrefixes: p.prefixEntries(f)}
	for _, o := range f.objects {
		e := listEntry{Key: p.text(o.key), LastModified: xmlTime(o.modified), ETag: quoted(o.etag), Size: o.size, StorageClass: o.class(),
			ChecksumAlgorithm: o.head.Checksum.Algorithm, ChecksumType: o.head.Checksum.Kind}
		if owners {
			e.Owner = &owner{canonical(q.bucket.account)}
		}
		out.Contents = append(out.Contents, e)
	}
	return out
}

func (p page) prefixEntries(f found) (entries []prefixEntry) {
	for _, prefix := range f.prefixes {
		entries = append(entries, prefixEntry{p.text(prefix)})
	}
	return entries
}

func (o *object) class() string {
	if o.head.Class == "" {
		return "STANDARD"
	}
	return o.head.Class
}

// listObjects is ListObjects, the older form.
func listObjects(ctx context.Context, q *request) error {
	p, err := q.readPage("max-keys")
	if err != nil {
		return err
	}
	p.marker = q.query.Get("marker")
	f, err := q.s.list(ctx, q.bucket, p, false)
	if err != nil {
		return err
	}
	out := q.newList(p, f, true)
	marker := p.text(p.marker)
	out.Marker = &marker
	if f.truncated && p.delimiter != "" {
		out.NextMarker = p.text(f.next)
	}
	return q.answer(out)
}

// listObjectsV2 is ListObjectsV2.
func listObjectsV2(ctx context.Context, q *request) error {
	p, err := q.readPage("max-keys")
	if err != nil {
		return err
	}
	p.marker = q.query.Get("start-after")
	if q.query.Has("continuation-token") {
		if p.marker, err = untoken(q.query.Get("continuation-token")); err != nil {
			return err
		}
	}
	f, err := q.s.list(ctx, q.bucket, p, false)
	if err != nil {
		return err
	}
	out := q.newList(p, f, q.query.Get("fetch-owner") == "true")
	count := len(out.Contents) + len(out.CommonPrefixes)
	out.KeyCount, out.StartAfter, out.ContinuationToken = &count, p.text(q.query.Get("start-after")), q.query.Get("continuation-token")
	if f.truncated {
		out.NextContinuationToken = token(f.next)
	}
	return q.answer(out)
}

type versionEntry struct {
	XMLName           xml.Name
	Key               string
	VersionId         string
	IsLatest          bool
	LastModified      xmlTime
	ETag              string `xml:",omitempty"`
	ChecksumAlgorithm string `xml:",omitempty"`
	ChecksumType      string `xml:",omitempty"`
	Size              *int64
	StorageClass      string `xml:",omitempty"`
	Owner             owner
}

type versionsResult struct {
	XMLName             xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListVersionsResult"`
	Name                string
	Prefix              string
	KeyMarker           string
	VersionIdMarker     string
	NextKeyMarker       string `xml:",omitempty"`
	NextVersionIdMarker string `xml:",omitempty"`
	MaxKeys             int
	Delimiter           string `xml:",omitempty"`
	EncodingType        string `xml:",omitempty"`
	IsTruncated         bool
	Entries             []versionEntry
	CommonPrefixes      []prefixEntry
}

// listVersions is ListObjectVersions.
func listVersions(ctx context.Context, q *request) error {
	p, err := q.readPage("max-keys")
	if err != nil {
		return err
	}
	p.marker = q.query.Get("key-marker")
	version := q.query.Get("version-id-marker")
	if version != "" {
		if p.id, err = q.versionMarker(ctx, p.marker, version); err != nil {
			return err
		}
	}
	f, err := q.s.list(ctx, q.bucket, p, true)
	if err != nil {
		return err
	}
	out := &versionsResult{Name: q.bucket.name, Prefix: p.text(p.prefix), KeyMarker: p.text(p.marker), VersionIdMarker: version,
		MaxKeys: p.max, Delimiter: p.text(p.delimiter), EncodingType: q.query.Get("encoding-type"), IsTruncated: f.truncated,
		Entries: p.versionEntries(q.bucket, f), CommonPrefixes: p.prefixEntries(f)}
	if f.truncated {
		out.NextKeyMarker = p.text(f.next)
		if f.nextID != 0 {
			out.NextVersionIdMarker = f.objects[len(f.objects)-1].version
		}
	}
	return q.answer(out)
}

func (p page) versionEntries(b *bucket, f found) (entries []versionEntry) {
	for _, o := range f.objects {
		e := versionEntry{XMLName: xml.Name{Local: "Version"}, Key: p.text(o.key), VersionId: o.version, IsLatest: o.latest,
			LastModified: xmlTime(o.modified), Owner: owner{canonical(b.account)}}
		if o.marker {
			e.XMLName.Local = "DeleteMarker"
		} else {
			e.ETag, e.Size, e.StorageClass = quoted(o.etag), &o.size, o.class()
			e.ChecksumAlgorithm, e.ChecksumType = o.head.Checksum.Algorithm, o.head.Checksum.Kind
		}
		entries = append(entries, e)
	}
	return entries
}

type bucketEntry struct {
	Name         string
	CreationDate xmlTime
	BucketRegion string
}

type bucketsResult struct {
	XMLName           xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListAllMyBucketsResult"`
	Owner             owner
	Buckets           []bucketEntry `xml:"Buckets>Bucket"`
	ContinuationToken string        `xml:",omitempty"`
	Prefix            string        `xml:",omitempty"`
}

// listBuckets is ListBuckets: the caller's own, of all regions.
func listBuckets(ctx context.Context, q *request) error {
	limit := 10000
	if text := q.query.Get("max-buckets"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > limit {
			return invalid("max-buckets", text, "max-buckets must be between 1 and 10000")
		}
		limit = n
	}
	marker, prefix := "", q.query.Get("prefix")
	if text := q.query.Get("continuation-token"); text != "" {
		var err error
		if marker, err = untoken(text); err != nil {
			return err
		}
	}
	out := &bucketsResult{Owner: owner{canonical(q.Caller.Account)}, Prefix: prefix}
	rows, err := q.s.db.QueryContext(ctx, `SELECT `+bucketColumns+` FROM s3_bucket WHERE account = ? AND name > ? ORDER BY name`,
		q.Caller.Account, marker)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		b, err := scanBucket(rows)
		if err != nil {
			return err
		}
		if region := q.query.Get("bucket-region"); !strings.HasPrefix(b.name, prefix) || region != "" && region != b.region {
			continue
		}
		if len(out.Buckets) == limit {
			out.ContinuationToken = token(out.Buckets[limit-1].Name)
			break
		}
		out.Buckets = append(out.Buckets, bucketEntry{b.name, xmlTime(b.created), b.region})
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return q.answer(out)
}
