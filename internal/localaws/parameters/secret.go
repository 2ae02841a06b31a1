package parameters

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// defaultKey is the AWS managed key of Systems Manager: the only one that there is.
const defaultKey = "alias/aws/ssm"

// secret is a value that no event of a request may show. Requests are written to the event log as JSON.
type secret string

// MarshalJSON hides the value.
func (secret) MarshalJSON() ([]byte, error) { return []byte(`"HIDDEN_DUE_TO_SECURITY_REASONS"`), nil }

// keyARN is the ARN of the managed key. Its id follows from where it is.
func keyARN(at space) string {
	sum := sha256.Sum256([]byte("aws/ssm/" + at.account + "/" + at.region))
	return fmt.Sprintf("arn:aws:kms:%s:%s:key/%x-%x-%x-%x-%x", at.region, at.account, sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// keyPolicy is the policy of the managed key, which admits everybody of its account who comes through Systems Manager
// ("AWS managed keys", KMS developer guide). An explicit denial of kms:Decrypt elsewhere still denies.
func keyPolicy(at space) (*iam.Policy, error) {
	return iam.ParsePolicy("alias/aws/ssm", fmt.Appendf(nil, `{"Version":"2012-10-17","Statement":[{"Sid":"ThroughSystemsManager",
		"Effect":"Allow","Principal":{"AWS":"*"},"Action":["kms:Encrypt","kms:Decrypt","kms:GenerateDataKey"],"Resource":"*",
		"Condition":{"StringEquals":{"kms:CallerAccount":%q,"kms:ViaService":"ssm.%s.amazonaws.com"}}}]}`, at.account, at.region))
}

// keyAccess is the permission to use the managed key for a parameter.
func keyAccess(action string, at space, name string) (gateway.Access, error) {
	policy, err := keyPolicy(at)
	if err != nil {
		return gateway.Access{}, err
	}
	return gateway.Access{Action: action, Resource: keyARN(at), Account: at.account, Policy: policy, Context: map[string][]string{
		"kms:CallerAccount": {at.account}, "kms:ViaService": {"ssm." + at.region + ".amazonaws.com"},
		"kms:EncryptionContext:PARAMETER_ARN": {arn(at, name)}, "kms:EncryptionContextKeys": {"PARAMETER_ARN"},
	}}, nil
}

// mayUseKey demands the permission to use the managed key.
func mayUseKey(ctx context.Context, c *gateway.Call, action, name string) error {
	a, err := keyAccess(action, spaceOf(c), name)
	if err != nil {
		return err
	}
	return c.Authorize(ctx, a)
}

// sealer gives the cipher of an account in a region. Its key is made with the first secret.
func (s *Service) sealer(ctx context.Context, tx *store.Tx, at space) (cipher.AEAD, error) {
	fresh := make([]byte, 32)
	if _, err := io.ReadFull(s.rand, fresh); err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO parameters_key (account, region, secret) VALUES (?,?,?) ON CONFLICT DO NOTHING`,
		at.account, at.region, fresh); err != nil {
		return nil, fmt.Errorf("store a key: %w", err)
	}
	return loadSealer(ctx, tx, at)
}

func loadSealer(ctx context.Context, q querier, at space) (cipher.AEAD, error) {
	var key []byte
	err := q.QueryRowContext(ctx, `SELECT secret FROM parameters_key WHERE account = ? AND region = ?`, at.account, at.region).Scan(&key)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("the key of account %s in %s is missing", at.account, at.region)
	}
	if err != nil {
		return nil, fmt.Errorf("read a key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// seal encrypts a value for one parameter: elsewhere it cannot be opened.
func (s *Service) seal(ctx context.Context, tx *store.Tx, at space, name, value string) (string, error) {
	aead, err := s.sealer(ctx, tx, at)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, aead.NonceSize())
	if _, err := io.ReadFull(s.rand, nonce); err != nil {
		return "", fmt.Errorf("encrypt: %w", err)
	}
	return base64.StdEncoding.EncodeToString(aead.Seal(nonce, nonce, []byte(value), []byte(arn(at, name)))), nil
}

// open decrypts what seal has made.
func (s *Service) open(ctx context.Context, at space, name, sealed string) (string, error) {
	aead, err := loadSealer(ctx, s.db, at)
	if err != nil {
		return "", err
	}
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil || len(raw) < aead.NonceSize() {
		return "", fmt.Errorf("decrypt parameter: %w", errors.Join(err, errors.New("what is stored is no ciphertext")))
	}
	plain, err := aead.Open(nil, raw[:aead.NonceSize()], raw[aead.NonceSize():], []byte(arn(at, name)))
	if err != nil {
		return "", fmt.Errorf("decrypt parameter: %w", err)
	}
	return string(plain), nil
}
