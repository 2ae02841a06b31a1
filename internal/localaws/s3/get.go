package s3

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// overrides are the query parameters of GetObject that replace a header of the answer.
var overrides = map[string]string{
	"response-cache-control": "Cache-Control", "response-content-disposition": "Content-Disposition",
	"response-content-encoding": "Content-Encoding", "response-content-language": "Content-Language",
	"response-content-type": "Content-Type", "response-expires": "Expires",
}

// getObject is GetObject and HeadObject.
func getObject(ctx context.Context, q *request) error {
	if err := q.checkRead(); err != nil {
		return err
	}
	o := q.object
	if o.marker {
		return q.deleted()
	}
	q.setVersion(o.version)
	switch status := precondition(q.r.Header, "", o); status {
	case http.StatusNotModified:
		q.w.Header().Set("Etag", quoted(o.etag))
		q.w.Header().Set("Last-Modified", o.modified.Format(http.TimeFormat))
		return q.empty(status)
	case http.StatusPreconditionFailed:
		return fail("PreconditionFailed")
	}
	sel, err := q.selected(o)
	if err != nil {
		return err
	}
	q.writeHead(o, sel)
	status := http.StatusOK
	if sel.partial {
		status = http.StatusPartialContent
	}
	q.w.WriteHeader(status)
	if q.r.Method == http.MethodHead {
		return nil
	}
	reader := &content{ctx: ctx, db: q.s.db, pieces: o.pieces, offset: sel.offset, length: sel.length}
	return copied(io.CopyBuffer(plainWriter{q.w}, reader, make([]byte, min(max(sel.length, 512), 64<<10))))
}

// plainWriter hides that a response could read from a file.
type plainWriter struct{ io.Writer }

// copied is the error of a copy to the client, without those of the client's connection.
func copied(_ int64, err error) error {
	var reading *readError
	if errors.As(err, &reading) {
		return err
	}
	return nil
}

// checkRead checks what a read asks for besides the object.
func (q *request) checkRead() error {
	if q.r.Header.Get("X-Amz-Server-Side-Encryption-Customer-Algorithm") != "" {
		return notImplemented("x-amz-server-side-encryption-customer-algorithm")
	}
	for name := range overrides {
		if q.query.Has(name) && q.Caller.AccessKeyID == "" {
			return failf("InvalidRequest", "Request specific response headers cannot be used for anonymous GET requests.")
		}
	}
	return nil
}

// deleted is the answer about a delete marker: as if there were no object, unless the request names the marker.
func (q *request) deleted() error {
	q.w.Header().Set("X-Amz-Delete-Marker", "true")
	q.w.Header().Set("X-Amz-Version-Id", q.object.version)
	if q.version != "" {
		q.w.Header().Set("Last-Modified", q.object.modified.Format(http.TimeFormat))
		return fail("MethodNotAllowed", detail("Method", q.r.Method), detail("ResourceType", "DeleteMarker"))
	}
	return fail("NoSuchKey", detail("Key", q.key))
}

// precondition evaluates the conditional headers that begin with prefix, in the order of RFC 7232: 0 when they hold.
func precondition(h http.Header, prefix string, o *object) int {
	match, none := h.Get(prefix+"If-Match"), h.Get(prefix+"If-None-Match")
	modified := o.modified.Truncate(time.Second)
	switch {
	case match != "":
		if !matches(match, o.etag) {
			return http.StatusPreconditionFailed
		}
	default:
		if since, err := http.ParseTime(h.Get(prefix + "If-Unmodified-Since")); err == nil && modified.After(since) {
			return http.StatusPreconditionFailed
		}
	}
	switch {
	case none != "":
		if matches(none, o.etag) {
			return http.StatusNotModified
		}
	default:
		if since, err := http.ParseTime(h.Get(prefix + "If-Modified-Since")); err == nil && !modified.After(since) {
			return http.StatusNotModified
		}
	}
	return 0
}

// matches compares an ETag with the list of a header.
func matches(list, etag string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if one = strings.TrimSpace(one); one == "*" || strings.Trim(strings.TrimPrefix(one, "W/"), `"`) == etag {
			return true
		}
	}
	return false
}

// selection is which bytes of an object a request wants.
type selection struct {
	offset, length int64
	partial        bool
	part           int // the part that was asked for by number; 0 otherwise
}

// selected reads Range and partNumber.
func (q *request) selected(o *object) (selection, error) {
	if !q.query.Has("partNumber") {
		return parseRange(q.r.Header.Get("Range"), o.size)
	}
	n, err := strconv.Atoi(q.query.Get("partNumber"))
	switch {
	case err != nil || n < 1 || n > maxParts:
		return selection{}, invalid("partNumber", q.query.Get("partNumber"), "Part number must be an integer between 1 and 10000, inclusive")
	case q.r.Header.Get("Range") != "":
		return selection{}, failf("InvalidRequest", "Cannot specify both Range header and partNumber query parameter")
	case n == 1 && o.head.Parts == 0:
		return selection{length: o.size, partial: true, part: 1}, nil
	case n > o.head.Parts || n > len(o.pieces):
		return selection{}, fail("InvalidPartNumber")
	}
	s := selection{length: o.pieces[n-1].size, partial: true, part: n}
	for _, p := range o.pieces[:n-1] {
		s.offset += p.size
	}
	return s, nil
}

// parseRange reads a Range header. One that is not understood, or has several ranges, is ignored.
func parseRange(text string, size int64) (selection, error) {
	whole := selection{length: size}
	spec, ok := strings.CutPrefix(strings.TrimSpace(text), "bytes=")
	from, to, dash := strings.Cut(spec, "-")
	if !ok || !dash || strings.Contains(spec, ",") {
		return whole, nil
	}
	first, errFirst := position(from)
	last, errLast := position(to)
	switch {
	case from == "" && errLast == nil: // the last so many bytes
		first, last = max(0, size-last), size-1
	case errFirst != nil || errLast != nil && to != "" || to != "" && last < first:
		return whole, nil
	case to == "" || last >= size:
		last = size - 1
	}
	if first < 0 || first >= size || last < first {
		return whole, fail("InvalidRange", detail("RangeRequested", text), detail("ActualObjectSize", strconv.FormatInt(size, 10)))
	}
	return selection{offset: first, length: last - first + 1, partial: true}, nil
}

// position is a number of a range, without a sign.
func position(text string) (int64, error) {
	n, err := strconv.ParseUint(text, 10, 63)
	return int64(n), err
}

// writeHead writes the headers of an object.
func (q *request) writeHead(o *object, sel selection) {
	h := q.w.Header()
	for name, value := range o.head.Headers {
		h[name] = []string{value} // user metadata is in lower case
	}
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "binary/octet-stream")
	}
	for parameter, name := range overrides {
		if value := q.query.Get(parameter); value != "" {
			h.Set(name, value)
		}
	}
	h.Set("Accept-Ranges", "bytes")
	h.Set("Etag", quoted(o.etag))
	h.Set("Last-Modified", o.modified.Format(http.TimeFormat))
	h.Set("Content-Length", strconv.FormatInt(sel.length, 10))
	h.Set("X-Amz-Server-Side-Encryption", "AES256")
	if o.head.Class != "" {
		h.Set("X-Amz-Storage-Class", o.head.Class)
	}
	if n := len(o.head.Tags); n > 0 {
		h.Set("X-Amz-Tagging-Count", strconv.Itoa(n))
	}
	if sel.part > 0 && o.head.Parts > 0 {
		h.Set("X-Amz-Mp-Parts-Count", strconv.Itoa(o.head.Parts))
	}
	if sel.partial && o.size > 0 {
		h.Set("Content-Range", "bytes "+strconv.FormatInt(sel.offset, 10)+"-"+strconv.FormatInt(sel.offset+sel.length-1, 10)+
			"/"+strconv.FormatInt(o.size, 10))
	} else if strings.EqualFold(q.r.Header.Get("X-Amz-Checksum-Mode"), "ENABLED") {
		o.head.Checksum.set(h)
	}
}

// readNeeds are the permissions of GetObject and HeadObject.
func readNeeds(q *request) []gateway.Access {
	return onExisting("s3:GetObject", "s3:GetObjectVersion")(q)
}
