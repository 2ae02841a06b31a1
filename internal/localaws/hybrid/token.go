package hybrid

import (
	"context"
	"crypto/rsa"
	"crypto/subtle"
	"errors"
	"strings"
	"time"

	engine "github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/sts"
)

// Machine gives the key of a hybrid node. See [gateway.Machines].
func (s *Service) Machine(ctx context.Context, region, id string) (*rsa.PublicKey, gateway.Caller, bool, error) {
	n, found, err := first(ctx, s.db, scanNode, `SELECT `+nodeColumns+` FROM hybrid_node WHERE id = ? AND region = ?`, id, region)
	if err != nil || !found || n.Activation == "" {
		return nil, gateway.Caller{}, false, err
	}
	key, err := parseKey(n.key)
	return key, gateway.Caller{
		Principal: engine.Principal{Kind: engine.PrincipalAnonymous, Account: n.Account}, UserID: id, SourceInstance: n.ARN(),
	}, err == nil, err
}

// instanceOf is the id of the machine that the caller is; empty when it is none.
func instanceOf(c *gateway.Call) string {
	return c.Caller.SourceInstance[strings.LastIndexByte(c.Caller.SourceInstance, '/')+1:]
}

// isMachine says whether the request was signed with a hybrid node's own key.
func isMachine(c *gateway.Call) bool {
	return c.Caller.Kind == engine.PrincipalAnonymous && c.Caller.SourceInstance != ""
}

type (
	tokenInput  struct{ Fingerprint string }
	tokenOutput struct {
		AccessKeyId, SecretAccessKey, SessionToken string
		TokenExpirationDate                        time.Time
		UpdateKeyPair                              bool
	}
)

// roleToken gives a machine that has shown its key a session of its role: the activation's, or the default host
// management role. There is no IAM action for it.
func (s *Service) roleToken(ctx context.Context, c *gateway.Call, in *tokenInput) (*tokenOutput, error) {
	if in.Fingerprint == "" {
		return nil, violated(nil, "fingerprint", "Member must not be null")
	}
	n, err := s.caller(ctx, c)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare([]byte(n.fingerprint), []byte(in.Fingerprint)) != 1 {
		return nil, fault("MachineFingerprintDoesNotMatch", "Fingerprint doesn't match")
	}
	role := n.Role
	if n.Activation == "" {
		if role, err = s.defaultHostRole(ctx, c); err != nil {
			return nil, err
		}
	}
	arn, err := s.roleARN(ctx, n.Account, role)
	if err != nil {
		return nil, err
	}
	credentials, _, err := s.sts.IssueForService(ctx, arn, service, c.Caller.SourceInstance)
	var refused *gateway.Error
	if errors.As(err, &refused) {
		return nil, fault("AccessDeniedException", "%s", refused.Message)
	}
	if err != nil {
		return nil, err
	}
	return &tokenOutput{credentials.AccessKeyID, credentials.SecretAccessKey, credentials.SessionToken, credentials.Expires, false}, nil
}

// caller is the registered machine that made a request: a hybrid node by its signature, an instance by its identity
// credentials and the proof that it has the key.
func (s *Service) caller(ctx context.Context, c *gateway.Call) (Node, error) {
	refused := fault("AccessDeniedException", "User: %s is not authorized to perform: ssm:%s", c.Caller.ARN, c.Operation)
	if !isMachine(c) && !sts.IsInstanceIdentity(c.Caller) {
		return Node{}, refused
	}
	n, found, err := s.find(ctx, c.Caller.Account, c.Region, instanceOf(c))
	if err != nil {
		return Node{}, err
	}
	if !found {
		return Node{}, fault("InvalidInstanceId", "Not existing InstanceId %s", instanceOf(c))
	}
	if isMachine(c) {
		return n, nil
	}
	key, err := parseKey(n.key)
	if err == nil && !c.KeyProof.Valid(key) {
		err = refused
	}
	return n, err
}

// defaultHostRole is the role of the account's default host management.
func (s *Service) defaultHostRole(ctx context.Context, c *gateway.Call) (string, error) {
	role, _, err := s.setting(ctx, c.Caller.Account, c.Region)
	if err == nil && role.value == noRole {
		err = fault("AccessDeniedException", "Systems Manager's instance management role is not configured for account: %s", c.Caller.Account)
	}
	return role.value, err
}

type updateKeyInput struct{ NewPublicKey, NewPublicKeyType string }

// updateKey changes the key of the calling machine, which the old one has signed for.
func (s *Service) updateKey(ctx context.Context, c *gateway.Call, in *updateKeyInput) (*struct{}, error) {
	if in.NewPublicKeyType != "Rsa" {
		return nil, violated(in.NewPublicKeyType, "newPublicKeyType", "Member must satisfy enum value set: [Rsa]")
	}
	if _, err := parseKey(in.NewPublicKey); err != nil {
		return nil, fault("InvalidPublicKey", "The public key isn't valid: %v", err)
	}
	n, err := s.caller(ctx, c)
	if err != nil {
		return nil, err
	}
	if n.key == in.NewPublicKey {
		return nil, fault("PublicKeyAlreadyRegistered", "The public key is registered for this node.")
	}
	_, err = change(ctx, s.db, `UPDATE hybrid_node SET key = ? WHERE account = ? AND region = ? AND id = ?`, in.NewPublicKey, n.Account, n.Region, n.ID)
	return &struct{}{}, err
}
