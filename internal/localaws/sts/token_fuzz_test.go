package sts

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"testing"
	"time"
)

var fuzzIssuer = sync.OnceValues(func() (*Issuer, error) { return NewIssuer(rand.Reader) })

// FuzzToken: nobody but the issuer makes a token that passes, and no token makes the reader panic.
func FuzzToken(f *testing.F) {
	issuer, err := fuzzIssuer()
	if err != nil {
		f.Fatal(err)
	}
	good, err := issuer.Mint(Claims{Repository: "acme/shop", Ref: "refs/heads/main", Now: time.Unix(1e9, 0)})
	if err != nil {
		f.Fatal(err)
	}
	head, _, _ := strings.Cut(good, ".")
	for _, seed := range []string{good, good + ".", head + "..", "eyJhbGciOiJub25lIn0.e30.", "a.b.c", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		c, err := unverifiedClaims(token)
		if err != nil {
			return
		}
		// Of a signature's last character some bits say nothing, and base64 passes over line breaks.
		bare := strings.NewReplacer("\r", "", "\n", "", " ", "").Replace(token)
		if _, err := issuer.Verify(context.Background(), c.Issuer, token); err == nil && (len(bare) != len(good) || bare[:len(bare)-1] != good[:len(good)-1]) {
			t.Errorf("%q passes", token)
		}
		if _, err := issuer.MintForJob(token, "a", time.Now()); err == nil {
			t.Errorf("%q is a job's token", token)
		}
		_ = c.Subject
	})
}
