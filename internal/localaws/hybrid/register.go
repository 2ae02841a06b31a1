package hybrid

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"

	engine "github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
	"github.com/slipway-cd/slipway/internal/localaws/sts"
)

type (
	registerInput struct {
		ActivationCode, ActivationId, Fingerprint, IamRole string
		PublicKey, PublicKeyType                           string
		Tags                                               []tag
	}
	registerOutput struct{ InstanceId string }
)

// The sizes of a node's key. The agent makes RSA keys of 2048 bits.
const (
	minKeyBits = 2048
	maxKeyBits = 8192
	maxKeyText = 4096
	maxPrint   = 256
)

func (in *registerInput) check() error {
	switch {
	case in.Fingerprint == "":
		return violated(nil, "fingerprint", "Member must not be null")
	case len(in.Fingerprint) > maxPrint:
		return violated(in.Fingerprint, "fingerprint", "Member must have length less than or equal to 256")
	case in.PublicKey == "":
		return violated(nil, "publicKey", "Member must not be null")
	case in.PublicKeyType != "" && in.PublicKeyType != "Rsa":
		return violated(in.PublicKeyType, "publicKeyType", "Member must satisfy enum value set: [Rsa]")
	case in.IamRole != "":
		return fault("ValidationException", "IamRole is not honoured by the local AWS.")
	}
	if _, err := parseKey(in.PublicKey); err != nil {
		return fault("InvalidPublicKey", "The public key isn't valid: %v", err)
	}
	return checkTags(in.Tags)
}

// parseKey reads a node's public key: base64 of a PKIX structure.
func parseKey(text string) (*rsa.PublicKey, error) {
	if len(text) > maxKeyText {
		return nil, errors.New("too long")
	}
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("not base64")
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, errors.New("not a PKIX public key")
	}
	key, ok := parsed.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%T is not an RSA key", parsed)
	}
	if bits := key.N.BitLen(); bits < minKeyBits || bits > maxKeyBits {
		return nil, fmt.Errorf("it has %d bits", bits)
	}
	return key, nil
}

// registerAccess: who holds an activation's code needs no permission, nor does an instance that registers itself.
func registerAccess(_ context.Context, c *gateway.Call, in *registerInput) ([]gateway.Access, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	if c.Caller.Kind == engine.PrincipalAnonymous || sts.IsInstanceIdentity(c.Caller) {
		return nil, nil
	}
	keys := map[string][]string{}
	for _, t := range in.Tags {
		keys["aws:RequestTag/"+t.Key] = []string{t.Value}
		keys["aws:TagKeys"] = append(keys["aws:TagKeys"], t.Key)
	}
	return []gateway.Access{{Context: keys}}, nil
}

func (s *Service) register(ctx context.Context, c *gateway.Call, in *registerInput) (*registerOutput, error) {
	if in.ActivationId == "" && sts.IsInstanceIdentity(c.Caller) {
		return s.registerInstance(ctx, c, in)
	}
	b, err := s.random(9)
	if err != nil {
		return nil, err
	}
	id := "mi-0" + fmt.Sprintf("%x", b)[:16]
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		a, err := s.use(ctx, tx, c, in)
		if err != nil {
			return err
		}
		tags := map[string]string{}
		for _, t := range append(a.tags, in.Tags...) {
			tags[t.Key] = t.Value
		}
		n := Node{ID: id, Account: a.account, Region: a.region, Activation: a.id, Role: a.role, Name: a.name, Tags: tags}
		c.Caller.Account, c.Region = a.account, a.region // for the event
		return s.insert(ctx, tx, n, in)
	})
	return &registerOutput{id}, err
}

// use takes one registration of the activation that the request holds the code of. The region is the activation's: a
// request without a signature need not name one, but may not name another.
func (s *Service) use(ctx context.Context, tx *store.Tx, c *gateway.Call, in *registerInput) (activation, error) {
	a, found, err := first(ctx, tx, scanActivation, `SELECT `+activationColumns+` FROM hybrid_activation WHERE id = ?`, in.ActivationId)
	if err != nil {
		return activation{}, err
	}
	switch {
	case !found || subtle.ConstantTimeCompare(a.code, hashOf(in.ActivationCode)) != 1,
		c.RegionGiven && c.Region != a.region,
		c.Caller.Account != "" && c.Caller.Account != a.account:
		return activation{}, fault("InvalidActivation", "The activation isn't valid.")
	case !s.now().Before(a.expires):
		return activation{}, fault("ActivationExpired", "The activation has expired.")
	case a.registrations >= a.limit:
		return activation{}, fault("RegistrationLimitExceeded", "The activation has been used %d times.", a.registrations)
	}
	_, err = change(ctx, tx, `UPDATE hybrid_activation SET registrations = registrations + 1 WHERE id = ?`, a.id)
	return a, err
}

func (s *Service) insert(ctx context.Context, q querier, n Node, in *registerInput) error {
	tags, err := encode(n.Tags)
	if err != nil {
		return err
	}
	_, err = change(ctx, q, `INSERT INTO hybrid_node (`+nodeColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		n.Account, n.Region, n.ID, n.Activation, n.Role, n.Name, in.Fingerprint, in.PublicKey, s.now().Unix(), tags)
	return err
}

// registerInstance keeps the key of an EC2 instance, which shows by its identity credentials which one it is.
func (s *Service) registerInstance(ctx context.Context, c *gateway.Call, in *registerInput) (*registerOutput, error) {
	id := instanceOf(c)
	if in.Fingerprint != id {
		return nil, fault("AccessDeniedException", "The fingerprint of an EC2 instance is its own id.")
	}
	if _, err := s.instances.Instance(ctx, c.Caller.Account, c.Region, id); errors.Is(err, ec2.ErrNotFound) {
		return nil, fault("InvalidInstanceId", "Not existing InstanceId %s", id)
	} else if err != nil {
		return nil, err
	}
	return &registerOutput{id}, s.db.Tx(ctx, func(tx *store.Tx) error {
		old, found, err := first(ctx, tx, scanNode, `SELECT `+nodeColumns+` FROM hybrid_node WHERE account = ? AND region = ? AND id = ?`,
			c.Caller.Account, c.Region, id)
		switch {
		case err != nil:
			return err
		case found && !bytes.Equal([]byte(old.key), []byte(in.PublicKey)):
			return fault("InstanceAlreadyRegistered", "The instance %s is registered with another key.", id)
		case found:
			return nil
		}
		return s.insert(ctx, tx, Node{ID: id, Account: c.Caller.Account, Region: c.Region, Tags: map[string]string{}}, in)
	})
}
