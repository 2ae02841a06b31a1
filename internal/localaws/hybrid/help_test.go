package hybrid_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
)

func body(b []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(b)) }

// hexSignature writes the signature of a request in hexadecimal digits.
func hexSignature(r *http.Request) {
	head, signature, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
	raw, _ := base64.StdEncoding.DecodeString(signature)
	r.Header.Set("Authorization", head+"Signature="+hex.EncodeToString(raw))
}
