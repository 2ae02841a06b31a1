package s3

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// object is one version of an object, or a delete marker.
type object struct {
	id           int64
	key, version string
	latest       bool
	marker       bool
	size         int64
	etag         string // without quotes
	modified     time.Time
	head         head
	pieces       []piece // in open only
}

// head is what an object has besides its content.
type head struct {
	// Headers are those that come back as they were sent, by the names that they go out with.
	Headers  map[string]string `json:"headers,omitempty"`
	Tags     []tag             `json:"tags,omitempty"`
	Class    string            `json:"class,omitempty"` // the storage class; empty is STANDARD
	Checksum checksum          `json:"checksum,omitzero"`
	Parts    int               `json:"parts,omitempty"` // of a multipart upload; its pieces are the parts
}

// tag is a tag of an object or a bucket.
type tag struct {
	Key   string `json:"k"`
	Value string `json:"v"`
}

// nullVersion is the version of what was written while versioning was not enabled.
const nullVersion = "null"

const objectColumns = `id, key, version, latest, marker, size, etag, modified, head`

func scanObject(row interface{ Scan(...any) error }) (*object, error) {
	o := &object{}
	var modified int64
	var encoded string
	if err := row.Scan(&o.id, &o.key, &o.version, &o.latest, &o.marker, &o.size, &o.etag, &modified, &encoded); err != nil {
		return nil, err
	}
	o.modified = time.Unix(0, modified).UTC()
	if err := json.Unmarshal([]byte(encoded), &o.head); err != nil {
		return nil, fmt.Errorf("object %s: %w", o.key, err)
	}
	return o, nil
}

// findObject gives a version of an object, or with an empty version the latest, which may be a delete marker; nil when
// there is none.
func findObject(ctx context.Context, q querier, bucket int64, key, version string) (*object, error) {
	o, err := scanObject(selectObject(ctx, q, objectColumns, bucket, key, version))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return o, err
}

func selectObject(ctx context.Context, q querier, columns string, bucket int64, key, version string) *sql.Row {
	from := `SELECT ` + columns + ` FROM s3_object WHERE bucket = ? AND key = ? AND `
	if version == "" {
		return q.QueryRowContext(ctx, from+`latest = 1`, bucket, key)
	}
	return q.QueryRowContext(ctx, from+`version = ?`, bucket, key, version)
}

// withPieces are the columns of an object and its pieces, as JSON: one statement sees both as they were at one time.
const withPieces = objectColumns + `, (SELECT json_group_array(json_array(blob, size)) FROM
	(SELECT blob, size FROM s3_piece WHERE object = s3_object.id ORDER BY seq))`

// pieceScanner scans a row of withPieces.
type pieceScanner struct {
	row    *sql.Row
	pieces [][2]int64
}

// Scan scans the columns of the object, and keeps the pieces.
func (p *pieceScanner) Scan(dest ...any) error {
	var encoded string
	if err := p.row.Scan(append(dest, &encoded)...); err != nil {
		return err
	}
	return json.Unmarshal([]byte(encoded), &p.pieces)
}

// open finds an object and keeps its content readable until done, whatever is written meanwhile.
func (s *Service) open(ctx context.Context, b *bucket, key, version string) (o *object, done func(), err error) {
	s.blobs.gate.RLock()
	defer s.blobs.gate.RUnlock()
	row := &pieceScanner{row: selectObject(ctx, s.db, withPieces, b.id, key, version)}
	o, err = scanObject(row)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, func() {}, nil
	}
	if err != nil || len(row.pieces) == 0 {
		return o, func() {}, err
	}
	for _, p := range row.pieces {
		o.pieces = append(o.pieces, piece{p[0], p[1]})
	}
	s.blobs.pin(o.pieces)
	pinned := o.pieces
	return o, func() {
		if err := s.blobs.unpin(ctx, pinned); err != nil {
			s.onError(err)
		}
	}, nil
}

func piecesOf(ctx context.Context, q querier, object int64) ([]piece, error) {
	rows, err := q.QueryContext(ctx, `SELECT blob, size FROM s3_piece WHERE object = ? ORDER BY seq`, object)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var pieces []piece
	for rows.Next() {
		var p piece
		if err := rows.Scan(&p.blob, &p.size); err != nil {
			return nil, err
		}
		pieces = append(pieces, p)
	}
	return pieces, rows.Err()
}

// condition is what a write demands of what is there.
type condition struct {
	match, noneMatch string // an ETag or *; empty demands nothing
	// was says that the object that match names was there when the request came.
	was bool
}

// readCondition takes the condition out of the headers.
func readCondition(r *http.Request) (condition, error) {
	c := condition{match: r.Header.Get("If-Match"), noneMatch: r.Header.Get("If-None-Match")}
	if c.noneMatch != "" && c.noneMatch != "*" {
		return c, notImplemented("If-None-Match")
	}
	if c.match != "" && c.noneMatch != "" {
		return c, notImplemented("If-Match with If-None-Match")
	}
	return c, nil
}

// check compares the condition with the current version, which may be nil or a delete marker ("How to prevent object
// overwrites with conditional writes", S3 user guide).
func (c condition) check(current *object) error {
	there := current != nil && !current.marker
	switch {
	case c.noneMatch != "" && there:
		return fail("PreconditionFailed", detail("Condition", "If-None-Match"))
	case c.match == "":
		return nil
	case !there && c.was:
		return fail("ConditionalRequestConflict", detail("Condition", "If-Match"))
	case !there:
		return fail("NoSuchKey")
	case c.match != "*" && strings.Trim(c.match, `"`) != current.etag:
		return fail("PreconditionFailed", detail("Condition", "If-Match"))
	}
	return nil
}

// early checks the condition before a body is taken in.
func (c *condition) early(ctx context.Context, q *request) error {
	if c.match == "" && c.noneMatch == "" {
		return nil
	}
	current, err := findObject(ctx, q.s.db, q.bucket.id, q.key, "")
	if err != nil {
		return err
	}
	if err := c.check(current); err != nil {
		return err
	}
	c.was = c.match != ""
	return nil
}

// put makes o the current version of its key, if the condition holds, in one transaction, together with what also does, which may be nil. The bucket's versioning decides what becomes of the version before.
func (s *Service) put(ctx context.Context, b *bucket, o *object, c condition, also func(tx *store.Tx) error) error {
	var freed []int64
	err := s.db.Tx(ctx, func(tx *store.Tx) error {
		freed = nil
		now, err := b.again(ctx, tx)
		if err != nil {
			return err
		}
		current, err := findObject(ctx, tx, b.id, o.key, "")
		if err != nil {
			return err
		}
		if err := c.check(current); err != nil {
			return err
		}
		if also != nil {
			if err := also(tx); err != nil {
				return err
			}
		}
		freed, err = s.supersede(ctx, tx, now, o, current)
		return err
	})
	if err != nil {
		return err
	}
	s.giveUp(ctx, freed)
	return nil
}

// giveUp removes content after the answer is decided: what goes wrong with that is not the client's.
func (s *Service) giveUp(ctx context.Context, ids []int64) {
	if err := s.blobs.giveUp(ctx, ids); err != nil {
		s.onError(err)
	}
}

// supersede inserts o as the current version; freed is the content of a version that is replaced.
func (s *Service) supersede(ctx context.Context, tx *store.Tx, b *bucket, o, current *object) (freed []int64, err error) {
	o.id, o.version = s.lastObject.Add(1), nullVersion
	if b.settings.Versioning == enabled {
		if o.version, err = s.newVersion(o.id); err != nil {
			return nil, err
		}
	} else if freed, err = removeVersion(ctx, tx, b.id, o.key, nullVersion); err != nil {
		return nil, err
	}
	if current != nil {
		if _, err := tx.ExecContext(ctx, `UPDATE s3_object SET latest = 0 WHERE id = ?`, current.id); err != nil {
			return nil, err
		}
	}
	o.modified = s.now().UTC()
	encoded, err := json.Marshal(o.head)
	if err != nil {
		return nil, err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO s3_object (id, bucket, key, version, latest, marker, size, etag, modified, head)
		VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, ?)`,
		o.id, b.id, o.key, o.version, o.marker, o.size, o.etag, o.modified.UnixNano(), string(encoded))
	if err != nil {
		return nil, err
	}
	for i, p := range o.pieces {
		if _, err := tx.ExecContext(ctx, `INSERT INTO s3_piece (object, seq, blob, size) VALUES (?, ?, ?, ?)`, o.id, i, p.blob, p.size); err != nil {
			return nil, err
		}
	}
	return freed, nil
}

// removeVersion removes a version, if it is there, and gives the blobs that it referred to.
func removeVersion(ctx context.Context, tx *store.Tx, bucket int64, key, version string) ([]int64, error) {
	o, err := findObject(ctx, tx, bucket, key, version)
	if err != nil || o == nil {
		return nil, err
	}
	pieces, err := piecesOf(ctx, tx, o.id)
	if err != nil {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM s3_object WHERE id = ?`, o.id); err != nil {
		return nil, err
	}
	var freed []int64
	for _, p := range pieces {
		freed = append(freed, p.blob)
	}
	return freed, nil
}

// quoted is an ETag as HTTP has it.
func quoted(etag string) string { return `"` + etag + `"` }

// setVersion names the version in an answer; a bucket that never had versions names none.
func (q *request) setVersion(version string) {
	if q.bucket.settings.Versioning != "" && version != "" {
		q.w.Header().Set("X-Amz-Version-Id", version)
	}
}
