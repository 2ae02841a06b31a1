package sts

import (
	"cmp"
	"context"
	"regexp"
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
	maxTags         = 50
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
	}
	credentialsShape struct {
		AccessKeyId, SecretAccessKey, SessionToken string
		Expiration                                 gateway.Time
	}
	assumedRole   struct{ AssumedRoleId, Arn string }
	assumeRoleOut struct {
		Credentials     credentialsShape
		AssumedRoleUser assumedRole
		SourceIdentity  string `xml:",omitempty"`
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
		return &gateway.Error{Code: "PackedPolicyTooLarge", Message: "The session policies are too large."}
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

// assumeRoleAccess demands sts:AssumeRole of the caller and of the role's trust policy, and sts:TagSession and
// sts:SetSourceIdentity of both where the request asks for these, or the caller brings a source identity along.
func (s *Service) assumeRoleAccess(ctx context.Context, c *gateway.Call, in *assumeRoleIn) ([]gateway.Access, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	if in.SerialNumber != "" || in.TokenCode != "" {
		return nil, invalid("MFA is not supported by the local AWS.")
	}
	if len(in.Tags) > maxTags {
		return nil, invalid("1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to %d", maxTags)
	}
	// A source identity stays with every further session: none can be set in its place.
	kept := c.Caller.SourceIdentity
	if kept != "" && in.SourceIdentity != "" && in.SourceIdentity != kept {
		return nil, &gateway.Error{Code: "AccessDenied", Message: "The source identity of a session can not be changed in the sessions that it assumes", Status: 403}
	}
	role, err := s.findRole(ctx, in.RoleArn)
	if err != nil {
		return nil, err
	}
	trust, err := trustOf(role)
	if err != nil {
		return nil, err
	}
	a := gateway.Access{Resource: in.RoleArn, Account: accountOf(in.RoleArn), Context: in.conditions(role, kept), Trust: trust}
	needs := []gateway.Access{a}
	for _, extra := range []struct {
		action string
		needed bool
	}{{"sts:TagSession", len(in.Tags) > 0}, {"sts:SetSourceIdentity", cmp.Or(in.SourceIdentity, kept) != ""}} {
		if extra.needed {
			a.Action = extra.action
			needs = append(needs, a)
		}
	}
	return needs, nil
}

// conditions are the keys that the request, the caller's source identity and the role add.
func (in *assumeRoleIn) conditions(role *iam.Role, kept string) map[string][]string {
	m := map[string][]string{"sts:RoleSessionName": {in.RoleSessionName}}
	if in.ExternalId != "" {
		m["sts:ExternalId"] = []string{in.ExternalId}
	}
	if source := cmp.Or(in.SourceIdentity, kept); source != "" {
		m["sts:SourceIdentity"] = []string{source}
	}
	if len(in.TransitiveTagKeys) > 0 {
		m["sts:TransitiveTagKeys"] = in.TransitiveTagKeys
	}
	for _, t := range in.Tags {
		m["aws:RequestTag/"+t.Key] = []string{t.Value}
		m["aws:TagKeys"] = append(m["aws:TagKeys"], t.Key)
	}
	if role != nil {
		for _, t := range role.Tags {
			m["aws:ResourceTag/"+t.Key] = []string{t.Value}
			m["iam:ResourceTag/"+t.Key] = []string{t.Value}
		}
	}
	return m
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
	session := &iam.Session{Role: role, Name: in.RoleSessionName, Expires: s.now().Add(length), Tags: map[string]string{},
		SourceIdentity: cmp.Or(in.SourceIdentity, c.Caller.SourceIdentity)}
	// uncertain: which tags of the first session are transitive is not kept; none is handed on.
	for _, t := range in.Tags {
		session.Tags[t.Key] = t.Value
	}
	if err := s.issue(ctx, session, &in.sessionIn); err != nil {
		return nil, err
	}
	return &assumeRoleOut{shape(session), assumedRole{session.UserID(), session.ARN()}, session.SourceIdentity}, nil
}

// issue adds the session policies that the request gives and stores the session.
func (s *Service) issue(ctx context.Context, session *iam.Session, in *sessionIn) error {
	if in.Policy != "" {
		session.Policies = append(session.Policies, in.Policy)
	}
	for _, p := range in.PolicyArns {
		text, err := s.iam.PolicyDocument(ctx, session.Role.Account, p.Arn)
		if err != nil {
			return err
		}
		session.Policies = append(session.Policies, text)
	}
	return s.iam.PutSession(ctx, session)
}

func shape(session *iam.Session) credentialsShape {
	return credentialsShape{session.AccessKeyID, session.SecretAccessKey, session.Token, gateway.Time{Time: session.Expires}}
}
