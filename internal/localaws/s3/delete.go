package s3

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// deleteNeeds are the permissions to delete one object, with the condition that the deletion has.
func (q *request) deleteNeeds(key, version, match string) []gateway.Access {
	keys := map[string][]string{}
	action := "s3:DeleteObject"
	if version != "" {
		action, keys["s3:versionid"] = "s3:DeleteObjectVersion", []string{version}
	} else if match != "" {
		keys["s3:if-match"] = []string{strings.Trim(match, `"`)}
	}
	resource := objectARN(q.bucket.name, key)
	needs := []gateway.Access{q.access(q.bucket, action, resource, keys)}
	if match != "" && match != "*" {
		// "How to perform conditional deletes", S3 user guide.
		needs = append(needs, q.access(q.bucket, "s3:GetObject", resource, nil))
	}
	return needs
}

// deleteObject is DeleteObject.
func deleteObject(ctx context.Context, q *request) error {
	if err := checkHeaders(q.r); err != nil {
		return err
	}
	gone, err := q.s.delete(ctx, q.bucket, q.key, q.version, q.r.Header.Get("If-Match"))
	if err != nil {
		return err
	}
	if gone.marker {
		q.w.Header().Set("X-Amz-Delete-Marker", "true")
	}
	if gone.version != "" {
		q.w.Header().Set("X-Amz-Version-Id", gone.version)
	}
	return q.empty(http.StatusNoContent)
}

// deletion is what a delete did: it made a delete marker, or removed a version, maybe a marker itself.
type deletion struct {
	marker  bool
	version string // empty in a bucket without versions
}

// delete removes a version, or ends an object as the bucket's versioning says, in one transaction.
func (s *Service) delete(ctx context.Context, b *bucket, key, version, match string) (deletion, error) {
	var out deletion
	var freed []int64
	err := s.db.Tx(ctx, func(tx *store.Tx) error {
		now, err := b.again(ctx, tx)
		if err != nil {
			return err
		}
		if err := checkDelete(ctx, tx, now, key, version, match); err != nil {
			return err
		}
		if version != "" {
			out, freed, err = deleteVersion(ctx, tx, now, key, version)
		} else {
			out, freed, err = s.deleteCurrent(ctx, tx, now, key)
		}
		return err
	})
	if err == nil {
		s.giveUp(ctx, freed)
	}
	return out, err
}

// checkDelete compares If-Match with the current version.
func checkDelete(ctx context.Context, tx *store.Tx, b *bucket, key, version, match string) error {
	if match == "" {
		return nil
	}
	if version != "" {
		return notImplemented("If-Match with versionId")
	}
	current, err := findObject(ctx, tx, b.id, key, "")
	switch {
	case err != nil:
		return err
	case current == nil:
		return fail("NoSuchKey", detail("Key", key))
	case current.marker || match != "*" && strings.Trim(match, `"`) != current.etag:
		return fail("PreconditionFailed", detail("Condition", "If-Match"))
	}
	return nil
}

// deleteVersion removes a version for good. The newest of the others is the current one then.
func deleteVersion(ctx context.Context, tx *store.Tx, b *bucket, key, version string) (deletion, []int64, error) {
	out := deletion{version: version}
	o, err := findObject(ctx, tx, b.id, key, version)
	if err != nil || o == nil {
		return out, nil, err
	}
	out.marker = o.marker
	freed, err := removeVersion(ctx, tx, b.id, key, version)
	if err != nil || !o.latest {
		return out, freed, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE s3_object SET latest = 1 WHERE id =
		(SELECT max(id) FROM s3_object WHERE bucket = ? AND key = ?)`, b.id, key)
	return out, freed, err
}

// deleteCurrent makes a delete marker the current version; in a bucket that never had versions the object goes.
func (s *Service) deleteCurrent(ctx context.Context, tx *store.Tx, b *bucket, key string) (deletion, []int64, error) {
	if b.settings.Versioning == "" {
		freed, err := removeVersion(ctx, tx, b.id, key, nullVersion)
		return deletion{}, freed, err
	}
	current, err := findObject(ctx, tx, b.id, key, "")
	if err != nil {
		return deletion{}, nil, err
	}
	marker := &object{key: key, marker: true}
	freed, err := s.supersede(ctx, tx, b, marker, current)
	return deletion{marker: true, version: marker.version}, freed, err
}

// deleteRequest is the body of DeleteObjects.
type deleteRequest struct {
	XMLName xml.Name `xml:"Delete"`
	Quiet   bool
	Object  []struct {
		Key              string
		VersionId        string
		ETag             string
		LastModifiedTime string
		Size             string
	}
}

type deleteResult struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ DeleteResult"`
	Deleted []deletedEntry
	Error   []deleteError
}

type deletedEntry struct {
	Key                   string
	VersionId             string `xml:",omitempty"`
	DeleteMarker          bool   `xml:",omitempty"`
	DeleteMarkerVersionId string `xml:",omitempty"`
}

type deleteError struct {
	Key       string
	VersionId string `xml:",omitempty"`
	Code      string
	Message   string
}

// maxDelete is how many objects one DeleteObjects may name.
const maxDelete = 1000

// deleteObjects is DeleteObjects. Each object is authorised by itself, and may fail by itself.
func deleteObjects(ctx context.Context, q *request) error {
	if q.r.Header.Get("Content-Md5") == "" {
		if algorithm, _, err := claimed(q.r); err != nil || algorithm == "" {
			return failf("InvalidRequest", "Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
		}
	}
	var in deleteRequest
	if err := q.decode(&in); err != nil {
		return err
	}
	if len(in.Object) == 0 || len(in.Object) > maxDelete {
		return fail("MalformedXML")
	}
	var out deleteResult
	for _, o := range in.Object {
		if o.LastModifiedTime != "" || o.Size != "" {
			return notImplemented("LastModifiedTime or Size of an object to delete")
		}
		done, err := q.deleteOne(ctx, o.Key, o.VersionId, o.ETag)
		var refused *gateway.Error
		switch {
		case errors.As(err, &refused):
			out.Error = append(out.Error, deleteError{o.Key, o.VersionId, refused.Code, refused.Message})
		case err != nil:
			return err
		case !in.Quiet:
			out.Deleted = append(out.Deleted, deletedAs(o.Key, o.VersionId, done))
		}
	}
	return q.answer(&out)
}

func (q *request) deleteOne(ctx context.Context, key, version, match string) (deletion, error) {
	if key == "" {
		return deletion{}, fail("MalformedXML")
	}
	if err := checkKey(key); err != nil {
		return deletion{}, err
	}
	for _, a := range q.deleteNeeds(key, version, match) {
		if err := q.Authorize(ctx, a); err != nil {
			return deletion{}, err
		}
	}
	return q.s.delete(ctx, q.bucket, key, version, match)
}

// deletedAs is an entry of the answer: the version that was named, and the marker that was made or removed.
func deletedAs(key, version string, d deletion) deletedEntry {
	e := deletedEntry{Key: key, VersionId: version, DeleteMarker: d.marker}
	if d.marker {
		e.DeleteMarkerVersionId = d.version
	}
	return e
}
