package ssm

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// fromNanos undoes [nanos].
func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// nanos is how times are stored.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// pageToken hides where the next page begins.
func pageToken(position string) string {
	return base64.RawURLEncoding.EncodeToString([]byte("1:" + position))
}

// pagePosition undoes [pageToken]; an empty token is the first page.
func pagePosition(token string) (string, error) {
	if token == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	position, ok := strings.CutPrefix(string(raw), "1:")
	if err != nil || !ok || position == "" {
		return "", fault("InvalidNextToken", "The specified token isn't valid.")
	}
	return position, nil
}

// pageNumber is [pagePosition] for positions that are numbers; the first page begins at first.
func pageNumber(token string, first int64) (int64, error) {
	position, err := pagePosition(token)
	if err != nil || position == "" {
		return first, err
	}
	n, err := strconv.ParseInt(position, 10, 64)
	if err != nil {
		return 0, fault("InvalidNextToken", "The specified token isn't valid.")
	}
	return n, nil
}

// limitOr is an optional MaxResults.
func limitOr(value *int, otherwise int) int {
	if value == nil {
		return otherwise
	}
	return *value
}
