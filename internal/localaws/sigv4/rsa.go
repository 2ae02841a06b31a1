package sigv4

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"
)

// saltLength is the length of the salt in a signature of amazon-ssm-agent.
const saltLength = 32

// VerifyRSA is [Signature.Verify] for a hybrid node of Systems Manager: the string to sign is the ordinary one, but it is
// signed with the node's own RSA key (PSS, SHA-256, a salt of 32 bytes), in base64. The access key id is the node's id.
func (s *Signature) VerifyRSA(r *http.Request, body []byte, key *rsa.PublicKey, now time.Time) error {
	if s.presigned || s.SessionToken != "" {
		return mismatch()
	}
	// The agent adds the body's hash once it has listed what it signs.
	if !slices.Contains(s.SignedHeaders, strings.ToLower(headerHash)) && r.Header.Get(headerHash) == hashHex(body) {
		r = r.Clone(r.Context())
		r.Header.Del(headerHash)
	}
	payload, err := s.check(r, body, now)
	if err != nil {
		return err
	}
	if !VerifyPSS(key, s.stringToSign(r, r.URL.RawQuery, payload), s.signature) {
		return mismatch()
	}
	return nil
}

// VerifyPSS tells whether signature is the base64 of key's RSA-PSS signature over message, as amazon-ssm-agent makes it.
func VerifyPSS(key *rsa.PublicKey, message, signature string) bool {
	raw, err := base64.StdEncoding.Strict().DecodeString(signature)
	if err != nil {
		return false
	}
	digest := sha256.Sum256([]byte(message))
	return rsa.VerifyPSS(key, crypto.SHA256, digest[:], raw, &rsa.PSSOptions{SaltLength: saltLength, Hash: crypto.SHA256}) == nil
}

// SignPSS is the signature that [VerifyPSS] verifies.
func SignPSS(key *rsa.PrivateKey, message string) (string, error) {
	digest := sha256.Sum256([]byte(message))
	raw, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: saltLength, Hash: crypto.SHA256})
	return base64.StdEncoding.EncodeToString(raw), err
}

// SignRSA is [Sign] with the key of a hybrid node.
func SignRSA(req *http.Request, body []byte, node string, key *rsa.PrivateKey, region, service string, now time.Time) error {
	req.Header.Del("Authorization")
	req.Header.Set(headerDate, now.UTC().Format(timeLayout))
	s := &Signature{
		AccessKeyID: node, Time: now.UTC().Truncate(time.Second), Region: region, Service: service,
		SignedHeaders: headersToSign(req.Header),
	}
	signature, err := SignPSS(key, s.stringToSign(req, req.URL.RawQuery, hashHex(body)))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", algorithm+
		" Credential="+node+"/"+s.scope()+", SignedHeaders="+strings.Join(s.SignedHeaders, ";")+", Signature="+signature)
	return nil
}
