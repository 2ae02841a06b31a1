package sigv4

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Skew is how far a request's time may be from the verifier's, either way.
const Skew = 15 * time.Minute

// The classes of refusal. An error of this package is one of these, wrapped in what AWS says about it.
var (
	// ErrMissing: the request carries no signature at all.
	ErrMissing = errors.New("missing authentication token")
	// ErrIncomplete: there is a signature, but it cannot be read.
	ErrIncomplete = errors.New("incomplete signature")
	// ErrExpired: the request was signed too long ago, or too far in the future.
	ErrExpired = errors.New("signature expired")
	// ErrMismatch: the signature is not the one that the secret key gives for this request.
	ErrMismatch = errors.New("signature does not match")
)

// Refusal is a class of refusal with the message that AWS sends for it.
type Refusal struct {
	Class   error // one of the Err values of this package
	Message string
}

func (r *Refusal) Error() string { return r.Class.Error() + ": " + r.Message }

// Unwrap gives the class.
func (r *Refusal) Unwrap() error { return r.Class }

func refuse(class error, format string, args ...any) error {
	return &Refusal{Class: class, Message: fmt.Sprintf(format, args...)}
}

// Signature is what a signed request says about its own signature. Nothing of it is verified yet.
type Signature struct {
	AccessKeyID   string
	Time          time.Time
	Region        string
	Service       string
	SignedHeaders []string
	// SessionToken as sent; it is part of what is signed.
	SessionToken string

	presigned bool
	expires   time.Duration // of a presigned URL
	signature string
}

// Parse reads the signature of a request from its Authorization header, or from the query of a presigned URL.
// The error is [ErrMissing] when there is none, [ErrIncomplete] when it is malformed.
func Parse(r *http.Request) (*Signature, error) {
	if r.Header.Get("Authorization") != "" {
		return parseHeader(r)
	}
	if strings.Contains(r.URL.RawQuery, "X-Amz-Signature=") {
		return parseQuery(r)
	}
	return nil, refuse(ErrMissing, "Missing Authentication Token")
}

func parseHeader(r *http.Request) (*Signature, error) {
	if len(r.Header.Values("Authorization")) > 1 {
		return nil, refuse(ErrIncomplete, "The request has more than one Authorization header.")
	}
	fields, err := parseAuthorization(r.Header.Get("Authorization"))
	if err != nil {
		return nil, err
	}
	date := r.Header.Get(headerDate)
	if date == "" {
		date = fromHTTPDate(r.Header.Get("Date"))
	}
	if date == "" {
		return nil, refuse(ErrIncomplete, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
	}
	s := &Signature{signature: fields["Signature"], SessionToken: r.Header.Get(headerToken)}
	return s, s.fill(fields["Credential"], fields["SignedHeaders"], date)
}

// parseAuthorization splits the header's value: the algorithm, then Credential, SignedHeaders and Signature in any order.
func parseAuthorization(value string) (map[string]string, error) {
	name, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
	if name != algorithm {
		return nil, refuse(ErrIncomplete, "Unsupported AWS 'algorithm': '%.32s'.", name)
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		key, val, ok := strings.Cut(strings.TrimSpace(part), "=")
		if _, twice := fields[key]; !ok || twice {
			return nil, refuse(ErrIncomplete, "'%.64s' not a valid key=value pair (missing equal-sign) in Authorization header.", part)
		}
		fields[key] = val
	}
	for _, key := range []string{"Credential", "Signature", "SignedHeaders"} {
		if fields[key] == "" {
			return nil, refuse(ErrIncomplete, "Authorization header requires '%s' parameter.", key)
		}
	}
	if len(fields) != 3 {
		return nil, refuse(ErrIncomplete, "Authorization header has unknown parameters.")
	}
	return fields, nil
}

func parseQuery(r *http.Request) (*Signature, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, refuse(ErrIncomplete, "The query string cannot be read.")
	}
	for _, key := range []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"} {
		if len(q[key]) != 1 || q[key][0] == "" {
			return nil, refuse(ErrIncomplete, "AWS query-string parameters must include '%s' once.", key)
		}
	}
	if q.Get("X-Amz-Algorithm") != algorithm {
		return nil, refuse(ErrIncomplete, "Unsupported AWS 'algorithm': '%.32s'.", q.Get("X-Amz-Algorithm"))
	}
	s := &Signature{signature: q.Get("X-Amz-Signature"), SessionToken: q.Get(headerToken), presigned: true, expires: Skew}
	if q.Has("X-Amz-Expires") {
		seconds, err := strconv.Atoi(q.Get("X-Amz-Expires"))
		if err != nil || seconds < 1 || seconds > 7*24*3600 {
			return nil, refuse(ErrIncomplete, "X-Amz-Expires must be a number of seconds, at most a week.")
		}
		s.expires = time.Duration(seconds) * time.Second
	}
	return s, s.fill(q.Get("X-Amz-Credential"), q.Get("X-Amz-SignedHeaders"), q.Get("X-Amz-Date"))
}

// fill takes apart the credential scope and the list of headers, and checks that they fit the date.
func (s *Signature) fill(credential, signedHeaders, date string) error {
	parts := strings.Split(credential, "/")
	if len(parts) != 5 || slices.Contains(parts, "") {
		return refuse(ErrIncomplete, "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '%.128s'.", credential)
	}
	if parts[4] != terminator {
		return refuse(ErrMismatch, "Credential should be scoped with a valid terminator: 'aws4_request', not '%.32s'.", parts[4])
	}
	when, err := time.Parse(timeLayout, date)
	if err != nil {
		return refuse(ErrIncomplete, "Date must be in ISO-8601 'basic format'. Got '%.32s'.", date)
	}
	if parts[1] != when.Format(dateLayout) {
		return refuse(ErrMismatch, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%.16s' != '%s', from '%s'.", parts[1], when.Format(dateLayout), date)
	}
	s.AccessKeyID, s.Time, s.Region, s.Service = parts[0], when, parts[2], parts[3]
	s.SignedHeaders = strings.Split(signedHeaders, ";")
	if !slices.IsSorted(s.SignedHeaders) || strings.ToLower(signedHeaders) != signedHeaders {
		return refuse(ErrIncomplete, "SignedHeaders must be in lower case and sorted.")
	}
	return nil
}

func fromHTTPDate(v string) string {
	t, err := http.ParseTime(v)
	if err != nil {
		return v
	}
	return t.UTC().Format(timeLayout)
}

// Verify checks that the secret key signed r with this body, not more than [Skew] away from now.
// The error is [ErrExpired] or [ErrMismatch].
func (s *Signature) Verify(r *http.Request, body []byte, secret string, now time.Time) error {
	payload, err := s.check(r, body, now)
	if err != nil {
		return err
	}
	query := r.URL.RawQuery
	if s.presigned {
		query = withoutSignature(query)
	}
	want := s.compute(r, query, payload, secret)
	if subtle.ConstantTimeCompare([]byte(want), []byte(s.signature)) != 1 {
		return mismatch()
	}
	return nil
}

// check does all of the verification that needs no key, and gives the hash of the body.
func (s *Signature) check(r *http.Request, body []byte, now time.Time) (payload string, err error) {
	if err := s.checkTime(now.UTC()); err != nil {
		return "", err
	}
	if err := s.checkHeaders(r); err != nil {
		return "", err
	}
	payload = hashHex(body)
	// The header is a claim about the body; it is signed, so a body that was changed contradicts it.
	if claimed := r.Header.Get(headerHash); claimed != "" && claimed != payload {
		return "", mismatch()
	}
	return payload, nil
}

func mismatch() error {
	return refuse(ErrMismatch, "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
}

func (s *Signature) checkTime(now time.Time) error {
	valid := Skew
	if s.presigned {
		valid = s.expires
	}
	if oldest := now.Add(-valid); s.Time.Before(oldest.Truncate(time.Second)) {
		return refuse(ErrExpired, "Signature expired: %s is now earlier than %s (%s - %d min.)",
			s.Time.Format(timeLayout), oldest.Format(timeLayout), now.Format(timeLayout), int(valid.Minutes()))
	}
	if latest := now.Add(Skew); s.Time.After(latest) {
		return refuse(ErrExpired, "Signature not yet current: %s is still later than %s (%s + %d min.)",
			s.Time.Format(timeLayout), latest.Format(timeLayout), now.Format(timeLayout), int(Skew.Minutes()))
	}
	return nil
}

// checkHeaders demands a signature over the headers that decide what the request means.
func (s *Signature) checkHeaders(r *http.Request) error {
	must := []string{"host"}
	if !s.presigned {
		for _, name := range []string{"X-Amz-Date", "X-Amz-Security-Token"} {
			if r.Header.Get(name) != "" {
				must = append(must, strings.ToLower(name))
			}
		}
	}
	for _, name := range []string{"X-Amz-Target", "X-Amz-Content-Sha256"} {
		if r.Header.Get(name) != "" {
			must = append(must, strings.ToLower(name))
		}
	}
	for _, name := range must {
		if !slices.Contains(s.SignedHeaders, name) {
			return refuse(ErrMismatch, "'%s' must be a 'SignedHeader' in the AWS Authorization.", name)
		}
	}
	return nil
}

// withoutSignature drops X-Amz-Signature from a presigned query: it cannot sign itself.
func withoutSignature(raw string) string {
	parts := strings.Split(raw, "&")
	parts = slices.DeleteFunc(parts, func(p string) bool { return strings.HasPrefix(p, "X-Amz-Signature=") })
	return strings.Join(parts, "&")
}
