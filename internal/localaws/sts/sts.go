// Package sts is the security token service of the local AWS: it tells callers who they are and hands out role
// sessions, to principals, to holders of an OpenID Connect token, and to EC2 for its instances.
//
// Every session goes through the role's trust policy, evaluated by the same engine as all other permissions.
// Sessions are kept by package iam, which knows their keys from then on. The tokens of an issuer that an account trusts are
// verified with keys from a [KeySource]: [Issuer] mints tokens itself and never talks to the network, [Remote] fetches the
// keys of all others.
package sts

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	engine "github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
)

// KeySource verifies the tokens of issuers. [Remote] does for all, [Issuer] for itself.
type KeySource interface {
	// Verify verifies the signature of a token with its issuer's keys, and gives the token's payload.
	Verify(ctx context.Context, issuer, token string) (payload []byte, err error)
}

// Service is the token service. It is safe for concurrent use.
type Service struct {
	iam  *iam.Service
	keys KeySource
	now  func() time.Time
	// denials opens what the gateway has sealed; nil opens nothing.
	denials *Denials
}

// New makes the token service of the accounts and roles in directory.
func New(directory *iam.Service, keys KeySource, now func() time.Time) *Service {
	return &Service{iam: directory, keys: keys, now: now}
}

// API is the STS service for [gateway.Gateway.Register].
func (s *Service) API() gateway.Service {
	return gateway.Service{
		Name:      "sts",
		Protocol:  gateway.Query,
		Version:   "2011-06-15",
		Namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
		Operations: []gateway.Operation{
			gateway.Op("GetCallerIdentity", nil, callerIdentity),
			gateway.Op("AssumeRole", s.assumeRoleAccess, s.assumeRole).
				Except("SerialNumber, TokenCode and ProvidedContexts are refused", "PackedPolicySize is an estimate"),
			gateway.AnonymousOp("AssumeRoleWithWebIdentity", s.assumeRoleWithWebIdentity),
			gateway.Op("DecodeAuthorizationMessage", decodeAccess, s.decode),
			gateway.Op("GetAccessKeyInfo", keyInfoAccess, s.keyInfo),
		},
	}
}

type (
	identityIn  struct{}
	identityOut struct{ UserId, Account, Arn string }
)

// callerIdentity needs no permission, and cannot be denied.
func callerIdentity(_ context.Context, c *gateway.Call, _ *identityIn) (*identityOut, error) {
	return &identityOut{c.Caller.UserID, c.Caller.Account, c.Caller.ARN}, nil
}

// Credentials are the keys of a role session.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
	Expires                                    time.Time
}

// buildService works with the service roles of projects.
const buildService = "codebuild.amazonaws.com"

// serviceSession is how long the credentials of an instance live.
const serviceSession = 6 * time.Hour

// IssueForService makes a session of a role for an AWS service, as EC2 does for the instances of an instance
// profile: instance is the ARN of the one that the session is for, whose id names it; of CodeBuild, that of the project. The role's trust policy must allow
// the service; otherwise the error is an AccessDenied [*gateway.Error]. The decision is the policy engine's, for the
// event log.
func (s *Service) IssueForService(ctx context.Context, roleARN, service, instance string) (Credentials, engine.Decision, error) {
	sessionName := instance[strings.LastIndexByte(instance, '/')+1:]
	conditions := map[string][]string{"sts:RoleSessionName": {sessionName}}
	deputy(conditions, service, instance)
	role, decision, err := s.trusts(ctx, roleARN, service, conditions)
	if err != nil {
		return Credentials{}, engine.Decision{}, err
	}
	if role == nil || decision.Outcome != engine.Allowed {
		return Credentials{}, decision, &gateway.Error{
			Code:    "AccessDenied",
			Message: service + " is not authorized to perform: sts:AssumeRole on resource: " + roleARN,
			Status:  http.StatusForbidden,
		}
	}
	if service == buildService { // no machine has the session
		instance = ""
	}
	session := &iam.Session{Role: role, Name: sessionName, SourceInstance: instance, Expires: s.now().Add(serviceSession)}
	if err := s.iam.PutSession(ctx, session); err != nil {
		return Credentials{}, decision, err
	}
	return Credentials{session.AccessKeyID, session.SecretAccessKey, session.Token, session.Expires}, decision, nil
}

// IssueInstanceIdentity makes the identity credentials of an EC2 instance, which say only which one it is: Systems
// Manager registers an instance and manages it by them, and no policy gives them anything. instance is its ARN.
func (s *Service) IssueInstanceIdentity(ctx context.Context, instance string) (Credentials, error) {
	session := &iam.Session{
		Role: iam.InstanceIdentityRole(accountOf(instance)), Name: instance[strings.LastIndexByte(instance, '/')+1:],
		SourceInstance: instance, Expires: s.now().Add(serviceSession),
	}
	if err := s.iam.PutSession(ctx, session); err != nil {
		return Credentials{}, err
	}
	return Credentials{session.AccessKeyID, session.SecretAccessKey, session.Token, session.Expires}, nil
}

// IsInstanceIdentity says whether a caller signed with the identity credentials of an EC2 instance.
func IsInstanceIdentity(c gateway.Caller) bool {
	return c.Kind == engine.PrincipalAWS && c.SourceInstance != "" && c.RoleARN == iam.InstanceIdentityRole(c.Account).ARN()
}

// deputy adds the keys that tell for whom a service acts, so that a trust policy can keep it from being anybody's deputy.
// Systems Manager and CodeBuild give them; EC2, for its instances, does not.
func deputy(conditions map[string][]string, service, source string) {
	if service == "ssm.amazonaws.com" || service == buildService {
		conditions["aws:SourceArn"], conditions["aws:SourceAccount"] = []string{source}, []string{accountOf(source)}
	}
}

// TrustsFor is [Service.Trusts] for a service that acts for source, an ARN.
func (s *Service) TrustsFor(ctx context.Context, roleARN, service, source string) (bool, error) {
	conditions := map[string][]string{}
	deputy(conditions, service, source)
	role, decision, err := s.trusts(ctx, roleARN, service, conditions)
	return role != nil && decision.Outcome == engine.Allowed, err
}

// Trusts says whether there is a role with this ARN and its trust policy lets service assume it.
func (s *Service) Trusts(ctx context.Context, roleARN, service string) (bool, error) {
	role, decision, err := s.trusts(ctx, roleARN, service, map[string][]string{})
	return role != nil && decision.Outcome == engine.Allowed, err
}

// trusts asks a role's trust policy about a service. The role is nil when there is none.
func (s *Service) trusts(ctx context.Context, roleARN, service string, conditions map[string][]string) (*iam.Role, engine.Decision, error) {
	role, err := s.findRole(ctx, roleARN)
	if err != nil {
		return nil, engine.Decision{}, err
	}
	trust, err := trustOf(role)
	if err != nil {
		return nil, engine.Decision{}, err
	}
	conditions["aws:PrincipalIsAWSService"], conditions["aws:PrincipalServiceName"] = []string{"true"}, []string{service}
	set := engine.PolicySet{Trust: trust}
	return role, set.Evaluate(&engine.Request{
		Principal: engine.Principal{Kind: engine.PrincipalService, ARN: service},
		Action:    "sts:AssumeRole",
		Resource:  roleARN,
		Account:   accountOf(roleARN),
		Context:   engine.NewContext(conditions),
	}), nil
}

// findRole gives the role with exactly this ARN, or nil when there is none.
func (s *Service) findRole(ctx context.Context, roleARN string) (*iam.Role, error) {
	parts := strings.SplitN(roleARN, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[1] != "aws" || parts[2] != "iam" || parts[3] != "" || !strings.HasPrefix(parts[5], "role/") {
		return nil, invalid("%s is invalid", roleARN)
	}
	role, err := s.iam.FindRole(ctx, parts[4], roleARN[strings.LastIndexByte(roleARN, '/')+1:])
	if err != nil || role == nil || role.ARN() != roleARN {
		return nil, err
	}
	return role, nil
}

// trustOf compiles a role's trust policy. Nobody is trusted by a role that does not exist: AWS denies, and does not
// tell the difference.
func trustOf(role *iam.Role) (*engine.Policy, error) {
	if role == nil {
		return engine.Compile(&engine.Document{Name: "no such role", Version: engine.Version2012})
	}
	return role.TrustPolicy()
}

func accountOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[4]
	}
	return ""
}

func invalid(format string, args ...any) error {
	return &gateway.Error{Code: "ValidationError", Message: fmt.Sprintf(format, args...)}
}
