package s3

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

const (
	maxObjectTags = 10
	maxBucketTags = 50
)

// checkTags follows "Tagging objects" (S3 user guide).
func checkTags(tags []tag, most int) error {
	seen := map[string]bool{}
	if len(tags) > most {
		if most == maxObjectTags {
			return failf("BadRequest", "Object tags cannot be greater than %d", most)
		}
		return failf("BadRequest", "Bucket tag count cannot be greater than %d", most)
	}
	for _, t := range tags {
		switch {
		case t.Key == "" || utf8.RuneCountInString(t.Key) > 128 || strings.IndexFunc(t.Key, notInTag) >= 0:
			return failf("InvalidTag", "The TagKey you have provided is invalid")
		case utf8.RuneCountInString(t.Value) > 256 || strings.IndexFunc(t.Value, notInTag) >= 0:
			return failf("InvalidTag", "The TagValue you have provided is invalid")
		case strings.HasPrefix(t.Key, "aws:"):
			return failf("InvalidTag", "System tags cannot be added/updated by requester")
		case seen[t.Key]:
			return failf("InvalidTag", "Cannot provide multiple Tags with the same key")
		}
		seen[t.Key] = true
	}
	return nil
}

func notInTag(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsSpace(r) && !strings.ContainsRune("+-=._:/@", r)
}

type taggingDocument struct {
	XMLName xml.Name   `xml:"http://s3.amazonaws.com/doc/2006-03-01/ Tagging"`
	Tags    []tagEntry `xml:"TagSet>Tag"`
}

type tagEntry struct{ Key, Value string }

// taggingRequest is a taggingDocument of any namespace, as clients send it.
type taggingRequest struct {
	XMLName xml.Name   `xml:"Tagging"`
	Tags    []tagEntry `xml:"TagSet>Tag"`
}

func (q *request) decodeTags(most int) ([]tag, error) {
	var in taggingRequest
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	var tags []tag
	for _, t := range in.Tags {
		tags = append(tags, tag(t))
	}
	return tags, checkTags(tags, most)
}

func (q *request) answerTags(tags []tag) error {
	out := &taggingDocument{}
	for _, t := range tags {
		out.Tags = append(out.Tags, tagEntry(t))
	}
	return q.answer(out)
}

// notMarker refuses an operation on a delete marker.
func (q *request) notMarker() error {
	if q.object.marker {
		return q.deleted()
	}
	q.setVersion(q.object.version)
	return nil
}

// getObjectTags is GetObjectTagging.
func getObjectTags(_ context.Context, q *request) error {
	if err := q.notMarker(); err != nil {
		return err
	}
	return q.answerTags(q.object.head.Tags)
}

// putObjectTags is PutObjectTagging. Its permission depends on the tags in the body, so it authorises here.
func putObjectTags(ctx context.Context, q *request) error {
	tags, err := q.decodeTags(maxObjectTags)
	if err != nil {
		// Who may not do it at all hears that first.
		if denied := q.authorizeAll(ctx, q.taggingNeeds(nil)); denied != nil {
			return denied
		}
		return err
	}
	if err := q.authorizeAll(ctx, q.taggingNeeds(tags)); err != nil {
		return err
	}
	return q.setTags(ctx, tags, http.StatusOK)
}

func (q *request) taggingNeeds(tags []tag) []gateway.Access {
	keys := q.existing()
	tagged(keys, tags)
	if q.version != "" {
		return []gateway.Access{q.onObject("s3:PutObjectVersionTagging", keys)}
	}
	return []gateway.Access{q.onObject("s3:PutObjectTagging", keys)}
}

// deleteObjectTags is DeleteObjectTagging.
func deleteObjectTags(ctx context.Context, q *request) error {
	return q.setTags(ctx, nil, http.StatusNoContent)
}

func (q *request) setTags(ctx context.Context, tags []tag, status int) error {
	if q.object == nil {
		return q.missing(ctx)
	}
	if err := q.notMarker(); err != nil {
		return err
	}
	err := q.s.db.Tx(ctx, func(tx *store.Tx) error {
		o, err := findObject(ctx, tx, q.bucket.id, q.key, q.object.version)
		if err != nil {
			return err
		}
		if o == nil || o.id != q.object.id {
			return fail("NoSuchKey", detail("Key", q.key))
		}
		o.head.Tags = tags
		encoded, err := json.Marshal(o.head)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE s3_object SET head = ? WHERE id = ?`, string(encoded), o.id)
		return err
	})
	if err != nil {
		return err
	}
	return q.empty(status)
}

// getBucketTags is GetBucketTagging.
func getBucketTags(_ context.Context, q *request) error {
	if len(q.bucket.settings.Tags) == 0 {
		return fail("NoSuchTagSet", detail("BucketName", q.name))
	}
	return q.answerTags(q.bucket.settings.Tags)
}

// putBucketTags is PutBucketTagging.
func putBucketTags(ctx context.Context, q *request) error {
	tags, err := q.decodeTags(maxBucketTags)
	if err != nil {
		return err
	}
	return q.configure(ctx, http.StatusNoContent, func(s *settings) error { s.Tags = tags; return nil })
}

// deleteBucketTags is DeleteBucketTagging.
func deleteBucketTags(ctx context.Context, q *request) error {
	return q.configure(ctx, http.StatusNoContent, func(s *settings) error { s.Tags = nil; return nil })
}

// configure changes the bucket's settings and answers with status.
func (q *request) configure(ctx context.Context, status int, change func(*settings) error) error {
	if err := q.s.configure(ctx, q.bucket, change); err != nil {
		return err
	}
	return q.empty(status)
}
