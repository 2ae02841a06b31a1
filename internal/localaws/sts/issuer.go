package sts

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// GitHubIssuer is the issuer of GitHub Actions' tokens.
const GitHubIssuer = "https://token.actions.githubusercontent.com"

// The times of GitHub's documented example token.
const (
	tokenLife   = 300 * time.Second
	tokenBefore = 600 * time.Second
)

// Issuer mints tokens as GitHub Actions does, with a key of its own, and is the [KeySource] for them.
// It never reaches a network: a token it minted is worth something only where its key is known.
type Issuer struct {
	key    *rsa.PrivateKey
	keyID  string
	signer jose.Signer

	randMu sync.Mutex
	rand   io.Reader
}

// NewIssuer makes an issuer with a new key.
func NewIssuer(random io.Reader) (*Issuer, error) {
	// The key itself always comes from the system: crypto/rsa takes no other source.
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make the issuer's key: %w", err)
	}
	return newIssuer(key, random)
}

func newIssuer(key *rsa.PrivateKey, random io.Reader) (*Issuer, error) {
	thumb, err := (&jose.JSONWebKey{Key: key.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("name the issuer's key: %w", err)
	}
	id := base64.RawURLEncoding.EncodeToString(thumb)
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: id}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, fmt.Errorf("use the issuer's key: %w", err)
	}
	return &Issuer{key: key, keyID: id, signer: signer, rand: random}, nil
}

// LoadOrCreate gives the issuer whose key is in db, and makes one when there is none.
func LoadOrCreate(ctx context.Context, db *store.DB, random io.Reader) (*Issuer, error) {
	err := db.Migrate(ctx, "sts", `CREATE TABLE IF NOT EXISTS sts_issuer (id INTEGER PRIMARY KEY CHECK (id = 1), key BLOB NOT NULL)`)
	if err != nil {
		return nil, err
	}
	var der []byte
	err = db.QueryRowContext(ctx, `SELECT key FROM sts_issuer`).Scan(&der)
	if errors.Is(err, sql.ErrNoRows) {
		issuer, err := NewIssuer(random)
		if err != nil {
			return nil, err
		}
		if _, err := db.ExecContext(ctx, `INSERT INTO sts_issuer (id, key) VALUES (1, ?)`, x509.MarshalPKCS1PrivateKey(issuer.key)); err != nil {
			return nil, fmt.Errorf("keep the issuer's key: %w", err)
		}
		return issuer, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the issuer's key: %w", err)
	}
	key, err := x509.ParsePKCS1PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("read the issuer's key: %w", err)
	}
	return newIssuer(key, random)
}

// Verify verifies a token of its own.
func (i *Issuer) Verify(_ context.Context, issuer, token string) ([]byte, error) {
	if issuer != GitHubIssuer {
		return nil, fmt.Errorf("keys of %s: the built-in issuer is %s", issuer, GitHubIssuer)
	}
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return nil, err
	}
	if id := parsed.Signatures[0].Header.KeyID; id != i.keyID {
		return nil, fmt.Errorf("there is no key %q", id)
	}
	return parsed.Verify(i.key.Public())
}

// Keys gives the public key for [GitHubIssuer]; no other issuer is known.
func (i *Issuer) Keys(_ context.Context, issuer string) (jose.JSONWebKeySet, error) {
	if issuer != GitHubIssuer {
		return jose.JSONWebKeySet{}, fmt.Errorf("keys of %s: the local AWS knows only %s", issuer, GitHubIssuer)
	}
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: i.key.Public(), KeyID: i.keyID, Algorithm: "RS256", Use: "sig"}}}, nil
}

// Mint signs a token for a job.
func (i *Issuer) Mint(c Claims) (string, error) {
	owner, name, ok := strings.Cut(c.Repository, "/")
	if !ok || owner == "" || name == "" {
		return "", fmt.Errorf("mint a token: repository %q is not owner/name", c.Repository)
	}
	if c.Audience == "" {
		c.Audience = "https://github.com/" + owner
	}
	id, err := i.newID()
	if err != nil {
		return "", fmt.Errorf("mint a token: %w", err)
	}
	standard := jwt.Claims{
		ID: id, Issuer: GitHubIssuer, Subject: c.Subject(), Audience: jwt.Audience{c.Audience},
		IssuedAt: jwt.NewNumericDate(c.Now), Expiry: jwt.NewNumericDate(c.Now.Add(tokenLife)), NotBefore: jwt.NewNumericDate(c.Now.Add(-tokenBefore)),
	}
	token, err := jwt.Signed(i.signer).Claims(standard).Claims(c.custom(owner)).Serialize()
	if err != nil {
		return "", fmt.Errorf("mint a token: %w", err)
	}
	return token, nil
}

func (i *Issuer) newID() (string, error) {
	id := make([]byte, 16)
	i.randMu.Lock()
	defer i.randMu.Unlock()
	_, err := io.ReadFull(i.rand, id)
	return base64.RawURLEncoding.EncodeToString(id), err
}
