package sigv4

import (
	"bufio"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const (
	// minChunk is the smallest chunk that may be followed by another.
	minChunk = 8192
	// maxLine bounds the line that begins a chunk, and a trailing header.
	maxLine = 4096

	signaturePrefix  = "chunk-signature="
	trailerSignature = "x-amz-trailer-signature"
)

// chunkSigner makes the chain of signatures over the chunks of a body ("Signature calculations: transferring payload in
// multiple chunks", S3 API reference).
type chunkSigner struct {
	key         []byte
	time, scope string
	previous    string
}

// next is the signature of the next link: a chunk, or the trailer.
func (s *chunkSigner) next(kind, hashes string) string {
	s.previous = hex.EncodeToString(sum(s.key, algorithm+"-"+kind+"\n"+s.time+"\n"+s.scope+"\n"+s.previous+"\n"+hashes))
	return s.previous
}

func (s *chunkSigner) chunk(hashed []byte) string {
	return s.next("PAYLOAD", hashHex(nil)+"\n"+hex.EncodeToString(hashed))
}

func (s *chunkSigner) trailer(lines string) string { return s.next("TRAILER", hashHex([]byte(lines))) }

// chunkedBody takes the aws-chunked framing off a body and verifies what it says.
type chunkedBody struct {
	src      *bufio.Reader
	signer   *chunkSigner // nil when the chunks are not signed
	trailing bool
	names    []string // of the announced trailing headers
	trailer  http.Header

	left      int64 // of the content of this chunk
	declared  int64 // of the content of all chunks that are to come
	chunks    int
	size      int64     // of this chunk
	signature string    // of this chunk, as sent
	content   hash.Hash // of this chunk
	err       error
}

func openChunked(r *http.Request, signer *chunkSigner, trailing bool) (*Payload, error) {
	length, err := decodedLength(r)
	if err != nil {
		return nil, err
	}
	b := &chunkedBody{src: bufio.NewReaderSize(r.Body, maxLine), signer: signer, trailing: trailing, names: announced(r),
		declared: length, content: sha256.New()}
	if !trailing && len(b.names) > 0 {
		return nil, badTrailer()
	}
	if trailing {
		b.trailer = http.Header{}
	}
	return &Payload{Body: b, Length: length, Trailer: b.trailer}, nil
}

// Read gives content until the last chunk and the trailer are verified.
func (b *chunkedBody) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, b.err
	}
	for b.err == nil && b.left == 0 {
		b.err = b.advance()
	}
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.src.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if b.signer != nil {
		b.content.Write(p[:n])
	}
	if err != nil {
		b.err = cut(err)
	}
	return n, nil
}

// cut is what a connection that ended in the middle of a body is to the client.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return incomplete()
	}
	return err
}

// advance ends the chunk that was read and begins the next. It is io.EOF after the last one.
func (b *chunkedBody) advance() error {
	if b.chunks > 0 {
		if err := b.endChunk(); err != nil {
			return err
		}
	}
	line, err := b.line()
	if err != nil {
		return err
	}
	if err := b.begin(line); err != nil {
		return err
	}
	if b.size > 0 {
		return nil
	}
	return b.finish()
}

// endChunk is the line end after a chunk's content, and its signature.
func (b *chunkedBody) endChunk() error {
	line, err := b.line()
	if err != nil {
		return err
	}
	if line != "" {
		return incomplete()
	}
	return b.verifyChunk()
}

func (b *chunkedBody) verifyChunk() error {
	if b.signer == nil {
		return nil
	}
	want := b.signer.chunk(b.content.Sum(nil))
	b.content.Reset()
	return equal(want, b.signature)
}

func equal(want, got string) error {
	if subtle.ConstantTimeCompare([]byte(want), []byte(got)) != 1 {
		return mismatch()
	}
	return nil
}

// begin reads the line that begins a chunk: its size in hexadecimal, and its signature when chunks are signed.
func (b *chunkedBody) begin(line string) error {
	digits, rest, more := strings.Cut(line, ";")
	size, err := strconv.ParseInt(digits, 16, 64)
	if err != nil || size < 0 || digits[0] == '+' || digits[0] == '-' || more != (b.signer != nil) {
		return incomplete()
	}
	if b.signer != nil {
		signature, ok := strings.CutPrefix(rest, signaturePrefix)
		if !ok {
			return incomplete()
		}
		b.signature = signature
	}
	if b.chunks > 0 && size > 0 && b.size < minChunk {
		return refuse(ErrChunkSize, "Only the last chunk is allowed to have a size less than 8192 bytes")
	}
	if size > b.declared {
		return incomplete()
	}
	b.chunks++
	b.size, b.left = size, size
	b.declared -= size
	return nil
}

// finish verifies what follows the content. It is io.EOF when all is well.
func (b *chunkedBody) finish() error {
	if b.declared != 0 {
		return incomplete()
	}
	if err := b.verifyChunk(); err != nil {
		return err
	}
	if b.trailing {
		if err := b.readTrailer(); err != nil {
			return err
		}
	} else if line, err := b.line(); err != nil || line != "" {
		return incomplete()
	}
	if _, err := b.src.ReadByte(); !errors.Is(err, io.EOF) {
		return incomplete()
	}
	return io.EOF
}

// readTrailer reads the trailing headers up to the empty line; those of signed chunks are signed too.
func (b *chunkedBody) readTrailer() error {
	var lines strings.Builder
	var names []string
	for signature := ""; ; {
		line, err := b.line()
		if err != nil {
			return err
		}
		name, value, ok := strings.Cut(line, ":")
		name = strings.ToLower(strings.TrimSpace(name))
		value = strings.TrimSpace(value)
		switch {
		case line == "" && b.signer != nil && signature == "" && len(names) > 0:
			// The documentation's example has an empty line in front of the signature.
		case line == "":
			return b.endTrailer(names, lines.String(), signature)
		case !ok || len(names) >= 16:
			return badTrailer()
		case name == trailerSignature && b.signer != nil && signature == "":
			signature = value
		default:
			names = append(names, name)
			lines.WriteString(name + ":" + value + "\n")
			b.trailer.Add(name, value)
		}
	}
}

func (b *chunkedBody) endTrailer(names []string, lines, signature string) error {
	slices.Sort(names)
	if !slices.Equal(names, b.names) {
		return badTrailer()
	}
	if b.signer == nil {
		return nil
	}
	return equal(b.signer.trailer(lines), signature)
}

func badTrailer() error {
	return refuse(ErrTrailer, "The request contained trailing data that was not well-formed or did not conform to our published schema.")
}

// line reads up to a line end, which is not part of it.
func (b *chunkedBody) line() (string, error) {
	line, err := b.src.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", incomplete()
	case err != nil:
		return "", cut(err)
	}
	return strings.TrimSuffix(string(line[:len(line)-1]), "\r"), nil
}
