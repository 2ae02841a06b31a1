package s3

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"net/http"
	"strconv"
	"strings"
)

// The checksum algorithms, as the API names them ("Checking object integrity", S3 user guide).
const (
	crc32Name     = "CRC32"
	crc32cName    = "CRC32C"
	crc64Name     = "CRC64NVME"
	sha1Name      = "SHA1"
	sha256Name    = "SHA256"
	fullObject    = "FULL_OBJECT"
	composite     = "COMPOSITE"
	checksumStart = "X-Amz-Checksum-"
	algorithmName = "X-Amz-Sdk-Checksum-Algorithm"
)

const crc64NVME = 0x9a6c9329ac4bc9b5 // the polynomial, reversed

var (
	crc32c    = crc32.MakeTable(crc32.Castagnoli)
	crc64nvme = crc64.MakeTable(crc64NVME)
)

// digests make the checksum of each algorithm that is served.
var digests = map[string]func() hash.Hash{
	crc32Name:  func() hash.Hash { return crc32.NewIEEE() },
	crc32cName: func() hash.Hash { return crc32.New(crc32c) },
	crc64Name:  func() hash.Hash { return crc64.New(crc64nvme) },
	sha1Name:   sha1.New,
	sha256Name: sha256.New,
}

// unserved are the algorithms that S3 has and this one has not.
var unserved = map[string]bool{"SHA512": true, "MD5": true, "XXHASH64": true, "XXHASH3": true, "XXHASH128": true}

// checksum is the checksum of an object or a part.
type checksum struct {
	Algorithm string `json:"algorithm,omitempty"`
	Value     string `json:"value,omitempty"`
	Kind      string `json:"kind,omitempty"` // fullObject or composite; empty for a part
}

func (c checksum) header() string { return checksumStart + c.Algorithm }

// set writes the checksum into the header of an answer.
func (c checksum) set(h http.Header) {
	if c.Algorithm == "" {
		return
	}
	h.Set(c.header(), c.Value)
	if c.Kind != "" {
		h.Set("X-Amz-Checksum-Type", c.Kind)
	}
}

// claimed finds the one checksum that a request gives for its body, in a header or, trailing, after the body.
func claimed(r *http.Request) (algorithm string, trailing bool, err error) {
	names := map[string]bool{}
	for name := range r.Header {
		names[strings.ToUpper(name)] = false
	}
	for _, name := range strings.Split(r.Header.Get("X-Amz-Trailer"), ",") {
		names[strings.ToUpper(strings.TrimSpace(name))] = true
	}
	for name, after := range names {
		found, ok := strings.CutPrefix(name, strings.ToUpper(checksumStart))
		switch {
		case !ok || digests[found] == nil && !unserved[found]:
			continue
		case unserved[found]:
			return "", false, notImplemented(strings.ToLower(name))
		case algorithm != "":
			return "", false, failf("InvalidRequest", "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
		}
		algorithm, trailing = found, after
	}
	wanted := strings.ToUpper(r.Header.Get(algorithmName))
	switch {
	case wanted == "" || wanted == algorithm:
		return algorithm, trailing, nil
	case algorithm == "":
		return "", false, failf("InvalidRequest", "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.")
	}
	return "", false, failf("InvalidRequest", "Value for x-amz-sdk-checksum-algorithm header is invalid.")
}

// verifier hashes a body while it is read and compares it with every digest that the client has given.
type verifier struct {
	r         *http.Request
	algorithm string // that the client has a checksum of; empty when it has none
	trailing  bool
	keep      string // the algorithm of the checksum that is wanted
	md5       hash.Hash
	sums      map[string]hash.Hash
}

// newVerifier prepares for the body of r. keep is an algorithm whose checksum is wanted whatever the client sent; empty for
// the client's own.
func newVerifier(r *http.Request, keep string) (*verifier, error) {
	v := &verifier{r: r, keep: keep, md5: md5.New(), sums: map[string]hash.Hash{}}
	var err error
	if v.algorithm, v.trailing, err = claimed(r); err != nil {
		return nil, err
	}
	if v.keep == "" {
		v.keep = v.algorithm
	}
	for _, name := range []string{v.algorithm, v.keep} {
		if name != "" && v.sums[name] == nil {
			v.sums[name] = digests[name]()
		}
	}
	if given := r.Header.Get("Content-Md5"); given != "" {
		if sum, err := base64.StdEncoding.DecodeString(given); err != nil || len(sum) != md5.Size {
			return nil, fail("InvalidDigest", detail("Content-MD5", given))
		}
	}
	return v, nil
}

// Write takes the next bytes of the body.
func (v *verifier) Write(p []byte) (int, error) {
	v.md5.Write(p)
	for _, sum := range v.sums {
		sum.Write(p)
	}
	return len(p), nil
}

// etag is the MD5 of what was read, as S3 writes it, without quotes.
func (v *verifier) etag() string { return hex.EncodeToString(v.md5.Sum(nil)) }

// finish compares, after the end of the body, and gives the checksum that is wanted.
func (v *verifier) finish() (checksum, error) {
	if given := v.r.Header.Get("Content-Md5"); given != "" && given != encode(v.md5) {
		return checksum{}, fail("BadDigest", detail("ExpectedDigest", given), detail("CalculatedDigest", encode(v.md5)))
	}
	if v.algorithm != "" {
		given := v.r.Header.Get(checksumStart + v.algorithm)
		if v.trailing {
			given = v.r.Trailer.Get(checksumStart + v.algorithm)
		}
		sum := v.sums[v.algorithm]
		if raw, err := base64.StdEncoding.DecodeString(given); err != nil || len(raw) != sum.Size() {
			return checksum{}, failf("InvalidRequest", "Value for %s header is invalid.", strings.ToLower(checksumStart+v.algorithm))
		}
		if given != encode(sum) {
			return checksum{}, failf("BadDigest", "The %s you specified did not match the calculated checksum.", v.algorithm)
		}
	}
	if v.keep == "" {
		return checksum{}, nil
	}
	return checksum{Algorithm: v.keep, Value: encode(v.sums[v.keep])}, nil
}

// given is the checksum that the client sent, for the answer; call it after finish.
func (v *verifier) given() checksum {
	if v.algorithm == "" {
		return checksum{}
	}
	return checksum{Algorithm: v.algorithm, Value: encode(v.sums[v.algorithm])}
}

func encode(h hash.Hash) string { return base64.StdEncoding.EncodeToString(h.Sum(nil)) }

// compositeOf is the checksum of the parts' checksums.
func compositeOf(algorithm string, parts []part) (checksum, error) {
	sum := digests[algorithm]()
	for _, p := range parts {
		raw, err := base64.StdEncoding.DecodeString(p.checksum)
		if err != nil {
			return checksum{}, err
		}
		sum.Write(raw)
	}
	return checksum{algorithm, encode(sum) + "-" + strconv.Itoa(len(parts)), composite}, nil
}

// wholeOf is the checksum of an object from those of its parts, which only a CRC can give.
func wholeOf(algorithm string, parts []part) (checksum, error) {
	var crc uint64
	var width int
	for _, p := range parts {
		raw, err := base64.StdEncoding.DecodeString(p.checksum)
		if err != nil {
			return checksum{}, err
		}
		width = len(raw)
		next := binary.BigEndian.Uint64(append(make([]byte, 8-width), raw...))
		crc = combine(crc, next, p.size, polynomials[algorithm], width*8)
	}
	raw := binary.BigEndian.AppendUint64(nil, crc)
	return checksum{algorithm, base64.StdEncoding.EncodeToString(raw[8-width:]), fullObject}, nil
}

// polynomials of the CRCs, reversed.
var polynomials = map[string]uint64{crc32Name: crc32.IEEE, crc32cName: crc32.Castagnoli, crc64Name: crc64NVME}

// combine gives the CRC of two texts in a row from the CRC of each and the second one's length: appending n zero bytes to
// a text is a linear map of its CRC, made here by squaring the map of one zero bit.
func combine(first, second uint64, length int64, polynomial uint64, width int) uint64 {
	step := make([]uint64, width) // the map, by columns
	step[0] = polynomial
	for i := 1; i < width; i++ {
		step[i] = 1 << (i - 1)
	}
	for range 3 { // bits to bytes
		step = square(step)
	}
	for ; length > 0; length >>= 1 {
		if length&1 == 1 {
			first = apply(step, first)
		}
		step = square(step)
	}
	return first ^ second
}

func apply(m []uint64, v uint64) (out uint64) {
	for i := 0; v != 0; i, v = i+1, v>>1 {
		if v&1 == 1 {
			out ^= m[i]
		}
	}
	return out
}

func square(m []uint64) []uint64 {
	out := make([]uint64, len(m))
	for i, column := range m {
		out[i] = apply(m, column)
	}
	return out
}
