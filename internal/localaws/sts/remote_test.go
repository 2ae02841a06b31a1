package sts_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/slipway-cd/slipway/internal/localaws/sts"
)

// foreign is an issuer of its own, on HTTPS.
type foreign struct {
	*httptest.Server
	mu      sync.Mutex
	keys    jose.JSONWebKeySet
	asked   int    // how often for the keys
	issuer  string // as its configuration has it
	jwksURI string
	broken  http.HandlerFunc // answers in place of the configuration
}

func newForeign(t *testing.T) *foreign {
	t.Helper()
	f := &foreign{}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.broken != nil {
			f.broken(w, r)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": f.issuer, "jwks_uri": f.jwksURI})
	})
	mux.HandleFunc("/jwks", func(w http.ResponseWriter, _ *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.asked++
		_ = json.NewEncoder(w).Encode(f.keys)
	})
	f.Server = httptest.NewTLSServer(mux)
	t.Cleanup(f.Close)
	f.issuer, f.jwksURI = f.URL, f.URL+"/jwks"
	return f
}

// rotate has the issuer publish this key and no other.
func (f *foreign) rotate(id string, key any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keys = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key, KeyID: id, Use: "sig"}}}
}

func (f *foreign) change(edit func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	edit()
}

func (f *foreign) claims() jwt.Claims {
	now := time.Now()
	return jwt.Claims{Issuer: f.URL, Subject: "job-7", Audience: jwt.Audience{"slipway"}, IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(time.Minute))}
}

// foreignWorld is a world whose STS reaches one foreign issuer, which account one trusts.
func foreignWorld(t *testing.T) (*world, *foreign, string) {
	t.Helper()
	f := newForeign(t)
	w := newWorldWith(t, func(builtIn *sts.Issuer) sts.KeySource {
		return sts.NewRemote(map[string]sts.KeySource{sts.GitHubIssuer: builtIn}, f.Client().Transport, time.Now)
	})
	if err := w.iam.PutOIDCProvider(t.Context(), one, f.URL, []string{"slipway", "other"}); err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(f.URL, "https://")
	role := w.role(one, "Foreign", "/", trusts(`{"Federated":"arn:aws:iam::111111111111:oidc-provider/`+host+`"}`, `"sts:AssumeRoleWithWebIdentity"`,
		`{"StringEquals":{"`+host+`:sub":"job-7","`+host+`:aud":"slipway"}}`))
	return w, f, role
}

// TestForeignIssuer: the keys of an issuer that the account trusts are fetched, kept, and fetched anew when it has another.
func TestForeignIssuer(t *testing.T) {
	t.Parallel()
	w, f, role := foreignWorld(t)
	first, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	second, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	f.rotate("1", first.Public())
	old := forge(t, jose.RS256, first, "1", f.claims())
	for range 3 {
		if _, err := w.webIdentity(role, old); err != nil {
			t.Fatal(err)
		}
	}
	if f.asked != 1 {
		t.Errorf("the keys were fetched %d times", f.asked)
	}
	f.rotate("2", second.Public())
	out, err := w.webIdentity(role, forge(t, jose.ES256, second, "2", f.claims()))
	if err != nil {
		t.Fatal(err)
	}
	if *out.SubjectFromWebIdentityToken != "job-7" || *out.Audience != "slipway" || !strings.Contains(*out.Provider, ":oidc-provider/127.0.0.1:") {
		t.Errorf("got %s %s %s", *out.SubjectFromWebIdentityToken, *out.Audience, *out.Provider)
	}
	_, err = w.webIdentity(role, old)
	wantCode(t, err, "InvalidIdentityToken")
}

func TestForeignTokensRefused(t *testing.T) {
	t.Parallel()
	w, f, role := foreignWorld(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	f.rotate("1", key.Public())
	for name, tc := range map[string]struct {
		alg  jose.SignatureAlgorithm
		key  any
		id   string
		edit func(*jwt.Claims)
		want string
	}{
		"as it is":             {jose.RS256, key, "1", func(*jwt.Claims) {}, ""},
		"another subject":      {jose.RS256, key, "1", func(c *jwt.Claims) { c.Subject = "job-8" }, "AccessDenied"},
		"a client that is not": {jose.RS256, key, "1", func(c *jwt.Claims) { c.Audience = jwt.Audience{"somebody"} }, "InvalidIdentityToken"},
		"another client":       {jose.RS256, key, "1", func(c *jwt.Claims) { c.Audience = jwt.Audience{"other"} }, "AccessDenied"},
		"GitHub's name":        {jose.RS256, key, "1", func(c *jwt.Claims) { c.Issuer = sts.GitHubIssuer }, "InvalidIdentityToken"},
		"a slash more":         {jose.RS256, key, "1", func(c *jwt.Claims) { c.Issuer += "/" }, "InvalidIdentityToken"},
		"no subject":           {jose.RS256, key, "1", func(c *jwt.Claims) { c.Subject = "" }, "InvalidIdentityToken"},
		"no expiry":            {jose.RS256, key, "1", func(c *jwt.Claims) { c.Expiry = nil }, "InvalidIdentityToken"},
		"no time of issue":     {jose.RS256, key, "1", func(c *jwt.Claims) { c.IssuedAt = nil }, "InvalidIdentityToken"},
		"issued tomorrow":      {jose.RS256, key, "1", func(c *jwt.Claims) { c.IssuedAt = jwt.NewNumericDate(time.Now().Add(24 * time.Hour)) }, "IDPRejectedClaim"},
		"expired":              {jose.RS256, key, "1", func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(time.Now().Add(-time.Second)) }, "ExpiredTokenException"},
		"PS256":                {jose.PS256, key, "1", func(*jwt.Claims) {}, "InvalidIdentityToken"},
		"HS256, public key":    {jose.HS256, der, "1", func(*jwt.Claims) {}, "InvalidIdentityToken"},
		"no such key":          {jose.RS256, key, "9", func(*jwt.Claims) {}, "InvalidIdentityToken"},
	} {
		c := f.claims()
		tc.edit(&c)
		_, err := w.webIdentity(role, forge(t, tc.alg, tc.key, tc.id, c))
		if t.Run(name, func(t *testing.T) { wantCode(t, err, tc.want) }); err != nil && tc.want == "" {
			t.Error(err)
		}
	}
}

func TestForeignIssuerRefused(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		t.Error("another server was asked")
		_, _ = w.Write([]byte(`{}`))
	}))
	t.Cleanup(elsewhere.Close)
	for name, breakIt := range map[string]func(f *foreign){
		"another issuer's configuration": func(f *foreign) { f.issuer = "https://example.com" },
		"keys in the clear":              func(f *foreign) { f.jwksURI = "http://example.com/jwks" },
		"no keys":                        func(f *foreign) { f.jwksURI = "" },
		"elsewhere": func(f *foreign) {
			f.broken = func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, elsewhere.URL, http.StatusFound)
			}
		},
		"an error": func(f *foreign) {
			f.broken = func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, "no", http.StatusInternalServerError)
			}
		},
		"without an end": func(f *foreign) {
			f.broken = func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(`{"x":"` + strings.Repeat("x", 2<<20) + `"}`))
			}
		},
		"gone": func(f *foreign) { go f.CloseClientConnections(); f.Listener.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, f, role := foreignWorld(t)
			key, err := rsa.GenerateKey(rand.Reader, 2048)
			if err != nil {
				t.Fatal(err)
			}
			f.rotate("1", key.Public())
			token := forge(t, jose.RS256, key, "1", f.claims())
			f.change(func() { breakIt(f) })
			_, err = w.webIdentity(role, token)
			wantCode(t, err, "IDPCommunicationError")
		})
	}
}
