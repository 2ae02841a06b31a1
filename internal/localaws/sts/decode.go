package sts

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// Denials seals authorization messages with a key of this local AWS and opens them again. See [gateway.Sealer].
type Denials struct{ seal cipher.AEAD }

// OpenDenials takes the key that is in db, and makes one when there is none.
func OpenDenials(ctx context.Context, db *store.DB) (*Denials, error) {
	if err := db.Migrate(ctx, "sts-denials", `CREATE TABLE IF NOT EXISTS sts_denials (id INTEGER PRIMARY KEY CHECK (id = 1), key BLOB NOT NULL)`); err != nil {
		return nil, err
	}
	var key []byte
	err := db.QueryRowContext(ctx, `SELECT key FROM sts_denials`).Scan(&key)
	if errors.Is(err, sql.ErrNoRows) {
		key = make([]byte, 32)
		if _, err = rand.Read(key); err == nil {
			_, err = db.ExecContext(ctx, `INSERT INTO sts_denials (id, key) VALUES (1, ?)`, key)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the key of authorization messages: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("the key of authorization messages: %w", err)
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("the key of authorization messages: %w", err)
	}
	return &Denials{seal}, nil
}

// The document that DecodeAuthorizationMessage gives, as its API reference and the EC2 user guide show it.
type (
	items[T any] struct {
		Items []T `json:"items"`
	}
	matched struct {
		Sid string `json:"statementId"`
	}
	deniedValue struct {
		Value string `json:"value"`
	}
	deniedKey struct {
		Key    string             `json:"key"`
		Values items[deniedValue] `json:"values"`
	}
	deniedPrincipal struct {
		ID   string `json:"id"`
		Name string `json:"name,omitempty"`
		ARN  string `json:"arn"`
	}
	deniedContext struct {
		Principal  deniedPrincipal  `json:"principal"`
		Action     string           `json:"action"`
		Resource   string           `json:"resource"`
		Conditions items[deniedKey] `json:"conditions"`
	}
	deniedDocument struct {
		Allowed           bool            `json:"allowed"`
		ExplicitDeny      bool            `json:"explicitDeny"`
		MatchedStatements items[matched]  `json:"matchedStatements"`
		Failures          items[struct{}] `json:"failures"`
		Context           deniedContext   `json:"context"`
	}
)

// Seal encodes a denial.
func (d *Denials) Seal(denial gateway.Denial) (string, error) {
	doc := deniedDocument{
		ExplicitDeny: denial.ExplicitDeny, MatchedStatements: items[matched]{[]matched{}}, Failures: items[struct{}]{[]struct{}{}},
		Context: deniedContext{
			Principal: deniedPrincipal{ID: denial.PrincipalID, ARN: denial.PrincipalARN}, Action: denial.Action, Resource: denial.Resource,
			Conditions: items[deniedKey]{[]deniedKey{}},
		},
	}
	if i := strings.LastIndexByte(denial.PrincipalARN, '/'); strings.Contains(denial.PrincipalARN, ":user/") {
		doc.Context.Principal.Name = denial.PrincipalARN[i+1:]
	}
	for _, statement := range denial.Matched {
		doc.MatchedStatements.Items = append(doc.MatchedStatements.Items, matched{statement})
	}
	for _, key := range slices.Sorted(maps.Keys(denial.Conditions)) {
		one := deniedKey{Key: key, Values: items[deniedValue]{[]deniedValue{}}}
		for _, v := range denial.Conditions[key] {
			one.Values.Items = append(one.Values.Items, deniedValue{v})
		}
		doc.Context.Conditions.Items = append(doc.Context.Conditions.Items, one)
	}
	plain, err := json.Marshal(doc)
	if err != nil {
		return "", fmt.Errorf("seal an authorization message: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(d.seal.Seal(nil, nil, plain, []byte(denial.Account))), nil
}

// SetDenials has the service decode what d has sealed.
func (s *Service) SetDenials(d *Denials) { s.denials = d }

// maxMessage is the longest message that AWS takes.
const maxMessage = 10240

type (
	decodeIn  struct{ EncodedMessage string }
	decodeOut struct{ DecodedMessage string }
)

func decodeAccess(_ context.Context, _ *gateway.Call, in *decodeIn) ([]gateway.Access, error) {
	if in.EncodedMessage == "" || len(in.EncodedMessage) > maxMessage {
		return nil, invalid("1 validation error detected: Value at 'encodedMessage' failed to satisfy constraint: Member must have length between 1 and %d", maxMessage)
	}
	return []gateway.Access{{}}, nil
}

// decode opens a message of the caller's account; of another's it tells no more than of one that is none.
func (s *Service) decode(_ context.Context, c *gateway.Call, in *decodeIn) (*decodeOut, error) {
	refused := &gateway.Error{Code: "InvalidAuthorizationMessageException", Message: "Invalid authorization message"}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(in.EncodedMessage)
	if err != nil || s.denials == nil {
		return nil, refused
	}
	plain, err := s.denials.seal.Open(nil, nil, raw, []byte(c.Caller.Account))
	if err != nil {
		return nil, refused
	}
	return &decodeOut{string(plain)}, nil
}

type (
	keyInfoIn  struct{ AccessKeyId string }
	keyInfoOut struct{ Account string }
)

func keyInfoAccess(_ context.Context, _ *gateway.Call, in *keyInfoIn) ([]gateway.Access, error) {
	if n := len(in.AccessKeyId); n < 16 || n > 128 {
		return nil, invalid("1 validation error detected: Value '%s' at 'accessKeyId' failed to satisfy constraint: Member must have length between 16 and 128", in.AccessKeyId)
	}
	return []gateway.Access{{}}, nil
}

// keyInfo tells whose account a key is of, whoever asks and whether the key is active or not, as AWS does.
// uncertain: what AWS says of a key that was never made.
func (s *Service) keyInfo(ctx context.Context, _ *gateway.Call, in *keyInfoIn) (*keyInfoOut, error) {
	account, found, err := s.iam.KeyAccount(ctx, in.AccessKeyId)
	if err == nil && !found {
		err = invalid("The access key %s is not known.", in.AccessKeyId)
	}
	return &keyInfoOut{account}, err
}
