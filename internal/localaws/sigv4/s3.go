package sigv4

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The values of X-Amz-Content-Sha256 that are no hash ("Authenticating requests: using the Authorization header",
// S3 API reference).
const (
	unsignedPayload          = "UNSIGNED-PAYLOAD"
	streamingSigned          = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	streamingSignedTrailer   = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	streamingUnsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

	s3Service     = "s3"
	headerDecoded = "X-Amz-Decoded-Content-Length"
	headerTrailer = "X-Amz-Trailer"
)

// The classes of refusal that only Amazon S3 has.
var (
	// ErrUnsignedHeader: a header that must be signed is not.
	ErrUnsignedHeader = errors.New("header is not signed")
	// ErrNoPayloadHash: the request does not say how its body is signed.
	ErrNoPayloadHash = errors.New("no payload hash")
	// ErrPayloadHash: what X-Amz-Content-Sha256 says is neither a hash nor a known word.
	ErrPayloadHash = errors.New("invalid payload hash")
	// ErrPayloadMismatch: the body is not the one that was signed.
	ErrPayloadMismatch = errors.New("payload hash does not match")
	// ErrLength: the length of the body is not declared.
	ErrLength = errors.New("length is missing")
	// ErrIncompleteBody: the body is not framed as it should be, or shorter or longer than declared.
	ErrIncompleteBody = errors.New("incomplete body")
	// ErrChunkSize: a chunk that is not the last one is too small.
	ErrChunkSize = errors.New("chunk too small")
	// ErrTrailer: the trailing headers are not those that were announced, or cannot be read.
	ErrTrailer = errors.New("malformed trailer")
)

// Payload is the body of a request to Amazon S3, without its framing. It is verified while it is read: whoever has not
// seen io.EOF knows nothing about it. Errors of Body that are not of the connection are a [*Refusal].
type Payload struct {
	Body io.Reader
	// Length of the content in bytes; -1 when it is not declared.
	Length int64
	// Trailer has the trailing headers once Body is at its end; nil when none were announced.
	Trailer http.Header
}

// VerifyS3 checks that the secret key signed the head of r, by the rules of Amazon S3, and gives its body, which is
// verified while it is read. Parse has found the signature. The error is a [*Refusal].
func (s *Signature) VerifyS3(r *http.Request, secret string, now time.Time) (*Payload, error) {
	if err := s.checkTime(now.UTC()); err != nil {
		return nil, err
	}
	claimed, err := s.payloadHash(r)
	if err != nil {
		return nil, err
	}
	if err := s.checkS3Headers(r); err != nil {
		return nil, err
	}
	query := r.URL.RawQuery
	if s.presigned {
		query = withoutSignature(query)
	} else if strings.Contains(query, "X-Amz-Signature=") {
		return nil, refuse(ErrIncomplete, "Only one auth mechanism allowed.")
	}
	want := s.compute(r, query, claimed, secret)
	if subtle.ConstantTimeCompare([]byte(want), []byte(s.signature)) != 1 {
		return nil, mismatch()
	}
	return open(r, claimed, &chunkSigner{key: s.key(secret), time: s.Time.Format(timeLayout), scope: s.scope(), previous: s.signature})
}

// Presigned says that the signature stands in the query of a URL.
func (s *Signature) Presigned() bool { return s.presigned }

// UnsignedS3 gives the body of a request to Amazon S3 that nobody signed. A hash that it claims is verified all the same.
func UnsignedS3(r *http.Request) (*Payload, error) {
	claimed := r.Header.Get(headerHash)
	if claimed == "" {
		claimed = unsignedPayload
	}
	if claimed == streamingSigned || claimed == streamingSignedTrailer {
		return nil, refuse(ErrPayloadHash, "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, or a valid sha256 value.")
	}
	return open(r, claimed, nil)
}

// payloadHash is what is signed for the body.
func (s *Signature) payloadHash(r *http.Request) (string, error) {
	claimed := r.Header.Get(headerHash)
	if claimed == "" && s.presigned {
		// The query was parsed without an error when the signature was found.
		if claimed = r.URL.Query().Get(headerHash); claimed == "" {
			claimed = unsignedPayload
		}
	}
	if claimed == "" {
		return "", refuse(ErrNoPayloadHash, "Missing required header for this request: x-amz-content-sha256")
	}
	return claimed, nil
}

// checkS3Headers demands a signature over the host and over every header of Amazon's.
func (s *Signature) checkS3Headers(r *http.Request) error {
	if !slices.Contains(s.SignedHeaders, "host") {
		return refuse(ErrMismatch, "'host' must be a 'SignedHeader' in the AWS Authorization.")
	}
	var must []string
	for name := range r.Header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-amz-") {
			must = append(must, name)
		}
	}
	for _, name := range must {
		if !slices.Contains(s.SignedHeaders, name) {
			return refuse(ErrUnsignedHeader, "There were headers present in the request which were not signed: %.64s", name)
		}
	}
	return nil
}

// open gives the content of a body that is framed and signed as claimed says.
func open(r *http.Request, claimed string, signer *chunkSigner) (*Payload, error) {
	switch claimed {
	case unsignedPayload:
		return &Payload{Body: plainBody{r.Body, nil, nil}, Length: r.ContentLength}, nil
	case streamingSigned, streamingSignedTrailer:
		return openChunked(r, signer, claimed == streamingSignedTrailer)
	case streamingUnsignedTrailer:
		return openChunked(r, nil, true)
	}
	want, err := hex.DecodeString(claimed)
	if err != nil || len(want) != sha256.Size {
		return nil, refuse(ErrPayloadHash, "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.")
	}
	return &Payload{Body: plainBody{r.Body, sha256.New(), want}, Length: r.ContentLength}, nil
}

// plainBody is a body without framing, and its hash if it was signed.
type plainBody struct {
	src  io.Reader
	sum  hash.Hash // nil when nobody said what the body is
	want []byte
}

func (b plainBody) Read(p []byte) (int, error) {
	n, err := b.src.Read(p)
	if b.sum != nil {
		b.sum.Write(p[:n])
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = incomplete()
	case errors.Is(err, io.EOF) && b.sum != nil && subtle.ConstantTimeCompare(b.sum.Sum(nil), b.want) != 1:
		err = refuse(ErrPayloadMismatch, "The provided 'x-amz-content-sha256' header does not match what was computed.")
	}
	return n, err
}

func incomplete() error {
	return refuse(ErrIncompleteBody, "The request body terminated unexpectedly")
}

// decodedLength is the declared length of a framed body's content.
func decodedLength(r *http.Request) (int64, error) {
	n, err := strconv.ParseInt(r.Header.Get(headerDecoded), 10, 64)
	if err != nil || n < 0 {
		return 0, refuse(ErrLength, "You must provide the Content-Length HTTP header.")
	}
	return n, nil
}

// announced are the names of the trailing headers that a request says it will send.
func announced(r *http.Request) []string {
	var names []string
	for _, value := range r.Header.Values(headerTrailer) {
		for name := range strings.SplitSeq(value, ",") {
			if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// singlyEncoded is the canonical path of Amazon S3: the key, encoded once, whatever the client left unencoded.
func singlyEncoded(escaped string) string {
	if escaped == "" {
		return "/"
	}
	if plain, err := url.PathUnescape(escaped); err == nil {
		return encode(plain, true)
	}
	return escaped // no key; its signature will be the least of its problems
}
