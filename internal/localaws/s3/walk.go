package s3

import (
	"context"
	"encoding/base64"
	"math"
	"net/url"
	"strconv"
	"strings"
)

// maxList is how many entries a page has at most.
const maxList = 1000

// page is what a list operation asks for.
type page struct {
	prefix, delimiter string
	max               int
	urlEncoded        bool
	// marker is the last key, or common prefix, of the page before; id that of its last version, for lists of versions.
	marker string
	id     int64
}

// readPage reads the parameters that all list operations share.
func (q *request) readPage(maxName string) (page, error) {
	p := page{prefix: q.query.Get("prefix"), delimiter: q.query.Get("delimiter"), max: maxList}
	switch encoding := q.query.Get("encoding-type"); encoding {
	case "":
	case "url":
		p.urlEncoded = true
	default:
		return p, invalid("encoding-type", encoding, "Invalid Encoding Method specified in Request")
	}
	if text := q.query.Get(maxName); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > math.MaxInt32 {
			return p, invalid(maxName, text, "Provided "+maxName+" not an integer or within integer range")
		}
		p.max = min(n, maxList)
	}
	return p, nil
}

// text writes a key as the client wants it.
func (p page) text(s string) string {
	if !p.urlEncoded {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(s), "+", "%20"), "%2F", "/")
}

// group gives the common prefix that a key is listed as, if it is.
func (p page) group(key string) (string, bool) {
	if p.delimiter == "" {
		return "", false
	}
	i := strings.Index(key[len(p.prefix):], p.delimiter)
	if i < 0 {
		return "", false
	}
	return key[:len(p.prefix)+i+len(p.delimiter)], true
}

// found is a page of a list.
type found struct {
	objects  []*object
	prefixes []string
	// next is the marker of the next page, with the last version's id; truncated says that there is one.
	next      string
	nextID    int64
	truncated bool
}

// walker collects a page from rows in order.
type walker struct {
	page
	found
	grouped string // the common prefix that the last row went into
}

// take adds a row. more is false when the page is full and the row is on the next one.
func (w *walker) take(o *object) (more bool) {
	prefix, ok := w.group(o.key)
	if ok && (prefix == w.grouped || prefix <= w.marker) {
		return true
	}
	if len(w.objects)+len(w.prefixes) >= w.max {
		w.truncated = true
		return false
	}
	if ok {
		w.grouped, w.next, w.nextID = prefix, prefix, 0
		w.prefixes = append(w.prefixes, prefix)
		return true
	}
	w.next, w.nextID = o.key, o.id
	w.objects = append(w.objects, o)
	return true
}

// list walks over keys in order of their bytes. versions: all versions and delete markers, newest first within a key.
func (s *Service) list(ctx context.Context, b *bucket, p page, versions bool) (found, error) {
	w := &walker{page: p}
	if p.max == 0 {
		return w.found, nil
	}
	end, bounded := after(p.prefix)
	from, id := max(p.prefix, p.marker), int64(0)
	if p.marker >= p.prefix {
		id = p.id // the versions of the marker that are older; none when it is 0
	} else {
		id = math.MaxInt64
	}
	for {
		last, n, err := s.batch(ctx, b, w, versions, from, id, end, bounded)
		if err != nil || last == nil || w.truncated || n < batchSize {
			return w.found, err
		}
		from, id = last.key, last.id
		if prefix, ok := p.group(last.key); ok {
			if from, ok = after(prefix); !ok {
				return w.found, nil
			}
			id = math.MaxInt64
		}
	}
}

const batchSize = 500

const (
	currentRows = `SELECT ` + objectColumns + ` FROM s3_object WHERE bucket = ?1 AND latest = 1 AND marker = 0
		AND key >= ?2 AND (key > ?2 OR ?3 = 9223372036854775807) AND (?5 = 0 OR key < ?4) ORDER BY key LIMIT ?6`
	versionRows = `SELECT ` + objectColumns + ` FROM s3_object WHERE bucket = ?1
		AND key >= ?2 AND (key > ?2 OR id < ?3) AND (?5 = 0 OR key < ?4) ORDER BY key, id DESC LIMIT ?6`
)

// batch feeds rows to the walker, and gives the last one that it took and how many there were.
func (s *Service) batch(ctx context.Context, b *bucket, w *walker, versions bool, from string, id int64, end string, bounded bool) (*object, int, error) {
	query := currentRows
	if versions {
		query = versionRows
	}
	rows, err := s.db.QueryContext(ctx, query, b.id, from, id, end, bounded, batchSize)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = rows.Close() }()
	var last *object
	n := 0
	for ; rows.Next(); n++ {
		o, err := scanObject(rows)
		if err != nil {
			return nil, 0, err
		}
		if last = o; !w.take(o) {
			break
		}
	}
	return last, n, rows.Err()
}

// token is a marker as an opaque text, and untoken its reverse.
func token(marker string) string { return base64.RawURLEncoding.EncodeToString([]byte(marker)) }

func untoken(text string) (string, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) == 0 {
		return "", invalid("continuation-token", text, "The continuation token provided is incorrect")
	}
	return string(b), nil
}
