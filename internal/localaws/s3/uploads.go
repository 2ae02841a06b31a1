package s3

import (
	"context"
	"encoding/xml"
)

type uploadEntry struct {
	Key               string
	UploadId          string
	Initiator         initiator
	Owner             owner
	StorageClass      string
	Initiated         xmlTime
	ChecksumAlgorithm string `xml:",omitempty"`
	ChecksumType      string `xml:",omitempty"`
}

type uploadsResult struct {
	XMLName            xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListMultipartUploadsResult"`
	Bucket             string
	KeyMarker          string
	UploadIdMarker     string
	NextKeyMarker      string `xml:",omitempty"`
	NextUploadIdMarker string `xml:",omitempty"`
	Prefix             string
	Delimiter          string `xml:",omitempty"`
	EncodingType       string `xml:",omitempty"`
	MaxUploads         int
	IsTruncated        bool
	Upload             []uploadEntry
	CommonPrefixes     []prefixEntry
}

// listUploads is ListMultipartUploads.
func listUploads(ctx context.Context, q *request) error {
	p, err := q.readPage("max-uploads")
	if err != nil {
		return err
	}
	p.marker = q.query.Get("key-marker")
	out := &uploadsResult{Bucket: q.bucket.name, KeyMarker: p.text(p.marker), UploadIdMarker: q.query.Get("upload-id-marker"),
		Prefix: p.text(p.prefix), Delimiter: p.text(p.delimiter), EncodingType: q.query.Get("encoding-type"), MaxUploads: p.max}
	uploads, prefixes, truncated, err := q.s.uploads(ctx, q.bucket, p, out.UploadIdMarker)
	if err != nil {
		return err
	}
	for _, u := range uploads {
		e := uploadEntry{Key: p.text(u.key), UploadId: u.id, Initiator: initiator{u.initiator, u.initiator}, Owner: owner{canonical(q.bucket.account)},
			StorageClass: (&object{head: u.head}).class(), Initiated: xmlTime(u.initiated)}
		if u.chosen {
			e.ChecksumAlgorithm, e.ChecksumType = u.algorithm, u.kind
		}
		out.Upload = append(out.Upload, e)
		out.NextKeyMarker, out.NextUploadIdMarker = p.text(u.key), u.id
	}
	out.CommonPrefixes = p.prefixEntries(found{prefixes: prefixes})
	if n := len(prefixes); n > 0 && (len(uploads) == 0 || prefixes[n-1] > uploads[len(uploads)-1].key) {
		out.NextKeyMarker, out.NextUploadIdMarker = p.text(prefixes[n-1]), ""
	}
	if out.IsTruncated = truncated; !truncated {
		out.NextKeyMarker, out.NextUploadIdMarker = "", ""
	}
	return q.answer(out)
}

// uploads are a page of the uploads of a bucket, by key and id. There are few of them: all that follow are looked at.
func (s *Service) uploads(ctx context.Context, b *bucket, p page, id string) (list []*upload, prefixes []string, truncated bool, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT `+uploadColumns+` FROM s3_upload WHERE bucket = ?1 AND substr(key, 1, length(?2)) = ?2
		AND (key > ?3 OR key = ?3 AND ?4 <> '' AND id > ?4) ORDER BY key, id`, b.id, p.prefix, p.marker, id)
	if err != nil {
		return nil, nil, false, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		u, err := scanUpload(rows)
		if err != nil {
			return nil, nil, false, err
		}
		prefix, grouped := p.group(u.key)
		if grouped && (prefix <= p.marker || len(prefixes) > 0 && prefixes[len(prefixes)-1] == prefix) {
			continue
		}
		if len(list)+len(prefixes) >= p.max {
			return list, prefixes, p.max > 0, nil
		}
		if grouped {
			prefixes = append(prefixes, prefix)
		} else {
			list = append(list, u)
		}
	}
	return list, prefixes, false, rows.Err()
}
