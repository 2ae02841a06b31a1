// Package sigv4 signs and verifies HTTP requests with AWS Signature Version 4.
//
// The local AWS verifies every request with [Parse] and [Signature.Verify]; its built-in nodes sign with [Sign].
// The package follows "Create a signed AWS API request" of the IAM user guide: canonical request, string to sign,
// derived key. It knows no principals, and of the services only Amazon S3, which has exceptions: single path encoding,
// bodies that are signed in chunks or not at all, trailing checksums ([Signature.VerifyS3]). Everywhere else a body that
// was not signed is refused.
package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	algorithm   = "AWS4-HMAC-SHA256"
	timeLayout  = "20060102T150405Z"
	dateLayout  = "20060102"
	terminator  = "aws4_request"
	headerDate  = "X-Amz-Date"
	headerToken = "X-Amz-Security-Token"
	headerHash  = "X-Amz-Content-Sha256"
)

// Credentials sign a request. SessionToken is empty for long-lived keys.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
}

// Sign adds X-Amz-Date, X-Amz-Security-Token (with a session token) and Authorization to req.
// body is what will be sent; every header that req has when Sign is called is signed, but for User-Agent and those
// that a proxy may change. For s3 it adds X-Amz-Content-Sha256 too, if it is not there.
func Sign(req *http.Request, body []byte, cred Credentials, region, service string, now time.Time) {
	req.Header.Del("Authorization")
	req.Header.Set(headerDate, now.UTC().Format(timeLayout))
	if cred.SessionToken != "" {
		req.Header.Set(headerToken, cred.SessionToken)
	}
	hash := hashHex(body)
	if service == s3Service {
		if req.Header.Get(headerHash) == "" {
			req.Header.Set(headerHash, hash)
		}
		hash = req.Header.Get(headerHash)
	}
	s := &Signature{
		AccessKeyID:   cred.AccessKeyID,
		Time:          now.UTC().Truncate(time.Second),
		Region:        region,
		Service:       service,
		SignedHeaders: headersToSign(req.Header),
	}
	s.signature = s.compute(req, req.URL.RawQuery, hash, cred.SecretAccessKey)
	req.Header.Set("Authorization", algorithm+
		" Credential="+cred.AccessKeyID+"/"+s.scope()+
		", SignedHeaders="+strings.Join(s.SignedHeaders, ";")+
		", Signature="+s.signature)
}

// headersToSign lists host and the header's names in lower case, sorted, without those that change on the way.
func headersToSign(h http.Header) []string {
	names := []string{"host"}
	for name := range h {
		switch name = strings.ToLower(name); name {
		case "authorization", "connection", "content-length", "expect", "host", "transfer-encoding", "user-agent", "x-amzn-trace-id":
		default:
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// compute gives the signature, in hex, of a request whose query (without X-Amz-Signature) is rawQuery.
func (s *Signature) compute(r *http.Request, rawQuery, payloadHash, secret string) string {
	return hex.EncodeToString(sum(s.key(secret), s.stringToSign(r, rawQuery, payloadHash)))
}

// stringToSign is what a key signs: the scope, and the hash of the canonical request.
func (s *Signature) stringToSign(r *http.Request, rawQuery, payloadHash string) string {
	b := make([]byte, 0, 1024)
	b = append(append(b, r.Method...), '\n')
	b = append(append(b, s.canonicalPath(r.URL.EscapedPath())...), '\n')
	b = append(append(b, canonicalQuery(rawQuery)...), '\n')
	b = append(appendHeaders(b, r, s.SignedHeaders), '\n')
	for i, name := range s.SignedHeaders {
		if i > 0 {
			b = append(b, ';')
		}
		b = append(b, name...)
	}
	b = append(append(b, '\n'), payloadHash...)
	return algorithm + "\n" + s.Time.Format(timeLayout) + "\n" + s.scope() + "\n" + hashHex(b)
}

// key is the signing key of a secret on the signature's day.
func (s *Signature) key(secret string) []byte {
	scope := keyScope{secret, s.Time.Format(dateLayout), s.Region, s.Service}
	return keys.get(scope)
}

// keyScope is what a signing key is derived from.
type keyScope struct{ secret, date, region, service string }

// keyCache keeps signing keys: four rounds of HMAC that are the same for a day.
type keyCache struct {
	mu   sync.RWMutex
	keys map[keyScope][]byte
}

var keys keyCache

// maxKeys bounds the cache. A client has one key for each service that it uses.
const maxKeys = 1 << 14

func (c *keyCache) get(scope keyScope) []byte {
	c.mu.RLock()
	key := c.keys[scope]
	c.mu.RUnlock()
	if key != nil {
		return key
	}
	key = signingKey(scope.secret, scope.date, scope.region, scope.service)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys == nil || len(c.keys) >= maxKeys {
		c.keys = map[keyScope][]byte{}
	}
	c.keys[scope] = key
	return key
}

func (s *Signature) scope() string {
	return s.Time.Format(dateLayout) + "/" + s.Region + "/" + s.Service + "/" + terminator
}

func signingKey(secret, date, region, service string) []byte {
	key := sum([]byte("AWS4"+secret), date)
	key = sum(key, region)
	key = sum(key, service)
	return sum(key, terminator)
}

func sum(key []byte, data string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(data))
	return m.Sum(nil)
}

func hashHex(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// canonicalPath encodes the path as it was sent once more: every service but S3 signs it doubly encoded.
func (s *Signature) canonicalPath(escaped string) string {
	if s.Service == s3Service {
		return singlyEncoded(escaped)
	}
	if escaped == "" {
		return "/"
	}
	return encode(escaped, true)
}

// canonicalQuery sorts the parameters by encoded name, then by encoded value.
func canonicalQuery(raw string) string {
	if raw == "" {
		return ""
	}
	var pairs [][2]string
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		pairs = append(pairs, [2]string{encode(decode(name), false), encode(decode(value), false)})
	}
	slices.SortFunc(pairs, func(a, b [2]string) int {
		if c := strings.Compare(a[0], b[0]); c != 0 {
			return c
		}
		return strings.Compare(a[1], b[1])
	})
	out := make([]string, len(pairs))
	for i, p := range pairs {
		out[i] = p[0] + "=" + p[1]
	}
	return strings.Join(out, "&")
}

// appendHeaders writes one line a signed header: lower-case name, values trimmed, joined with commas.
func appendHeaders(b []byte, r *http.Request, signed []string) []byte {
	for _, name := range signed {
		b = append(append(b, name...), ':')
		for i, v := range headerValues(r, name) {
			if i > 0 {
				b = append(b, ',')
			}
			if strings.ContainsFunc(v, func(c rune) bool { return c <= ' ' || c >= utf8.RuneSelf }) {
				v = strings.Join(strings.Fields(v), " ")
			}
			b = append(b, v...)
		}
		b = append(b, '\n')
	}
	return b
}

// headerValues knows the two headers that net/http keeps outside the header map.
func headerValues(r *http.Request, name string) []string {
	switch name {
	case "host":
		if r.Host != "" {
			return []string{r.Host}
		}
		return []string{r.URL.Host}
	case "content-length":
		return []string{strconv.FormatInt(r.ContentLength, 10)}
	}
	return r.Header.Values(name)
}

// decode undoes percent encoding and leaves what is not validly encoded as it is. A plus sign is a space in a query.
func decode(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			b = append(b, ' ')
		case s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			b = append(b, s[i])
		}
	}
	return string(b)
}

// encode is AWS's UriEncode: everything but unreserved characters becomes %XY.
func encode(s string, keepSlash bool) string {
	const upper = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if unreserved(c) || c == '/' && keepSlash {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(upper[c>>4])
		b.WriteByte(upper[c&15])
	}
	return b.String()
}

func unreserved(c byte) bool {
	return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.' || c == '~'
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}
