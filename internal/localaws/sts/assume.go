package sts

import (
	"cmp"
	"context"
	"errors"
	"regexp"
	"strings"
	"time"

	engine "github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
)

// The limits of the STS API reference. A session that is made by a session ends within an hour.
const (
	minDuration     = 900
	defaultDuration = 3600
	maxChained      = 3600
	maxPolicy       = 2048
	maxPolicyARNs   = 10
	maxExternalID   = 1224
)

var sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)

// The wire structures of AssumeRole.
type (
	policyARN struct {
		Arn string `xml:"arn"`
	}
	// sessionIn is what all AssumeRole operations take.
	sessionIn struct {
		RoleArn, RoleSessionName, Policy string
		PolicyArns                       []policyARN
		DurationSeconds                  *int
	}
	assumeRoleIn struct {
		sessionIn
		ExternalId, SourceIdentity, SerialNumber, TokenCode string
		Tags                                                []iam.Tag
		TransitiveTagKeys                                   []string
		ProvidedContexts                                    []struct{ ProviderArn, ContextAssertion string }
	}
	credentialsShape struct {
		AccessKeyId, SecretAccessKey, SessionToken string
		Expiration                                 gateway.Time
	}
	assumedRole   struct{ AssumedRoleId, Arn string }
	assumeRoleOut struct {
		Credentials      credentialsShape
		AssumedRoleUser  assumedRole
		PackedPolicySize *int
		SourceIdentity   string `xml:",omitempty"`
	}
)

// check finds what is wrong with a request before anything is looked up.
func (in *sessionIn) check() error {
	if !sessionName.MatchString(in.RoleSessionName) {
		return invalid(`1 validation error detected: Value at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]{2,64}`)
	}
	if d := in.DurationSeconds; d != nil && (*d < minDuration || *d > 43200) {
		return invalid("1 validation error detected: Value '%d' at 'durationSeconds' failed to satisfy constraint: Member must have value between 900 and 43200", *d)
	}
	if len(in.Policy) > maxPolicy || len(in.PolicyArns) > maxPolicyARNs {
		return tooLarge("The session policies are too large.")
	}
	if in.Policy == "" {
		return nil
	}
	doc, err := engine.Parse("session policy", []byte(in.Policy))
	if err != nil {
		return &gateway.Error{Code: "MalformedPolicyDocument", Message: "Syntax errors in policy. (" + err.Error() + ")"}
	}
	if errs := doc.Validate(engine.IdentityPolicy); len(errs) > 0 {
		return &gateway.Error{Code: "MalformedPolicyDocument", Message: "Syntax errors in policy. (" + errs[0].Error() + ")"}
	}
	return nil
}

// duration is how long the session may be; chained when the caller is a session itself.
func (in *sessionIn) duration(role *iam.Role, chained bool) (time.Duration, error) {
	seconds := defaultDuration
	if in.DurationSeconds != nil {
		seconds = *in.DurationSeconds
	}
	if chained && seconds > maxChained {
		return 0, invalid("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	}
	if seconds > role.MaxSession {
		return 0, invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	return time.Duration(seconds) * time.Second, nil
}

// checkAll is check with what only AssumeRole takes.
func (in *assumeRoleIn) checkAll(caller gateway.Caller) error {
	if err := in.check(); err != nil {
		return err
	}
	switch {
	case in.SerialNumber != "" || in.TokenCode != "":
		return invalid("MFA is not supported by the local AWS.")
	case in.ExternalId != "" && (!externalID.MatchString(in.ExternalId) || len(in.ExternalId) > maxExternalID):
		return invalid(`1 validation error detected: Value '%s' at 'externalId' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@:\/-]*`, in.ExternalId)
	case in.SourceIdentity != "" && (!sourceName.MatchString(in.SourceIdentity) || strings.HasPrefix(in.SourceIdentity, "aws:")):
		return invalid(`1 validation error detected: Value '%s' at 'sourceIdentity' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`, in.SourceIdentity)
	case len(in.ProvidedContexts) > 0:
		return invalid("ProvidedContexts are not supported by the local AWS.")
	}
	// A source identity stays with every further session: none can be set in its place.
	if kept := caller.SourceIdentity; kept != "" && in.SourceIdentity != "" && in.SourceIdentity != kept {
		return &gateway.Error{Code: "AccessDenied", Message: "The source identity of a session can not be changed in the sessions that it assumes", Status: 403}
	}
	return nil
}

// assumeRoleAccess demands sts:AssumeRole of the caller and of the role's trust policy, and sts:TagSession and
// sts:SetSourceIdentity of both where the request asks for these, or the caller's session hands them on.
func (s *Service) assumeRoleAccess(ctx context.Context, c *gateway.Call, in *assumeRoleIn) ([]gateway.Access, error) {
	if err := in.checkAll(c.Caller); err != nil {
		return nil, err
	}
	tags, err := newTags(in.Tags, in.TransitiveTagKeys, c.Caller)
	if err != nil {
		return nil, err
	}
	role, err := s.findRole(ctx, in.RoleArn)
	if err != nil {
		return nil, err
	}
	trust, err := trustOf(role)
	if err != nil {
		return nil, err
	}
	m := map[string][]string{"sts:RoleSessionName": {in.RoleSessionName}}
	if in.ExternalId != "" {
		m["sts:ExternalId"] = []string{in.ExternalId}
	}
	a := gateway.Access{Resource: in.RoleArn, Account: accountOf(in.RoleArn), Context: m, Trust: trust}
	return accesses(a, role, tags, cmp.Or(in.SourceIdentity, c.Caller.SourceIdentity)), nil
}

// accesses are a and, where the session gets tags or a source identity, the permissions to set these.
func accesses(a gateway.Access, role *iam.Role, tags sessionTags, source string) []gateway.Access {
	if source != "" {
		a.Context["sts:SourceIdentity"] = []string{source}
	}
	tags.conditions(a.Context)
	if role != nil {
		for _, t := range role.Tags {
			a.Context["aws:ResourceTag/"+t.Key] = []string{t.Value}
			a.Context["iam:ResourceTag/"+t.Key] = []string{t.Value}
		}
	}
	needs := []gateway.Access{a}
	if len(tags.tags) > 0 {
		a.Action = "sts:TagSession"
		needs = append(needs, a)
	}
	if source != "" {
		a.Action = "sts:SetSourceIdentity"
		needs = append(needs, a)
	}
	return needs
}

func (s *Service) assumeRole(ctx context.Context, c *gateway.Call, in *assumeRoleIn) (*assumeRoleOut, error) {
	role, err := s.findRole(ctx, in.RoleArn)
	if err != nil {
		return nil, err
	}
	if role == nil {
		return nil, &gateway.Error{Code: "AccessDenied", Message: "Access denied", Status: 403}
	}
	length, err := in.duration(role, c.Caller.RoleARN != "")
	if err != nil {
		return nil, err
	}
	tags, err := newTags(in.Tags, in.TransitiveTagKeys, c.Caller)
	if err != nil {
		return nil, err
	}
	session := &iam.Session{Role: role, Name: in.RoleSessionName, Expires: s.now().Add(length), Tags: tags.tags,
		Transitive: tags.transitive, SourceIdentity: cmp.Or(in.SourceIdentity, c.Caller.SourceIdentity)}
	size, err := s.issue(ctx, session, &in.sessionIn)
	if err != nil {
		return nil, err
	}
	return &assumeRoleOut{shape(session), assumedRole{session.UserID(), session.ARN()}, size, session.SourceIdentity}, nil
}

// issue adds the session policies that the request gives and stores the session. It gives the packed size.
func (s *Service) issue(ctx context.Context, session *iam.Session, in *sessionIn) (size *int, err error) {
	if size, err = packed(in, session.Tags); err != nil {
		return nil, err
	}
	if in.Policy != "" {
		session.Policies = append(session.Policies, in.Policy)
	}
	for _, p := range in.PolicyArns {
		text, err := s.iam.PolicyDocument(ctx, session.Role.Account, p.Arn)
		if err != nil {
			return nil, noPolicy(err, p.Arn)
		}
		session.Policies = append(session.Policies, text)
	}
	return size, s.iam.PutSession(ctx, session)
}

func shape(session *iam.Session) credentialsShape {
	return credentialsShape{session.AccessKeyID, session.SecretAccessKey, session.Token, gateway.Time{Time: session.Expires}}
}

// noPolicy is what STS says of a managed policy that IAM does not find. uncertain: the code.
func noPolicy(err error, arn string) error {
	var refused *gateway.Error
	if errors.As(err, &refused) {
		return invalid("The specified policy %s isn't valid: %s", arn, refused.Message)
	}
	return err
}
