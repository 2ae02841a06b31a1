package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

const (
	eventVersion = "1.11"
	hidden       = "HIDDEN_DUE_TO_SECURITY_REASONS"
)

// WebIdentity is who called an anonymous operation, once its handler has verified the token.
type WebIdentity struct {
	Provider string // the provider's ARN
	Audience string
	Subject  string
}

// record writes the event of a request that named an operation. What did not is noise, not an API call.
func (x *exchange) record(ctx context.Context, failure *Error) {
	if x.call.Operation == "" || x.gw.cfg.Events == nil {
		return
	}
	e, err := x.event(failure)
	if err == nil {
		err = x.gw.cfg.Events.Record(ctx, e)
	}
	if err != nil {
		x.gw.cfg.OnError(fmt.Errorf("record %s:%s: %w", x.call.Service, x.call.Operation, err))
	}
}

func (x *exchange) event(failure *Error) (Event, error) {
	id, err := x.gw.newID()
	if err != nil {
		return Event{}, err
	}
	c := x.call
	e := Event{
		EventVersion:       eventVersion,
		UserIdentity:       c.identity(),
		EventTime:          c.Time.UTC(),
		EventName:          printable(c.Operation),
		AWSRegion:          c.Region,
		SourceIPAddress:    c.SourceIP,
		UserAgent:          c.UserAgent,
		RequestID:          c.RequestID,
		EventID:            id,
		EventType:          "AwsApiCall",
		RecipientAccountID: c.Caller.Account,
	}
	if c.Service != "" {
		e.EventSource = c.Service + ".amazonaws.com"
	}
	if failure != nil {
		e.ErrorCode, e.ErrorMessage = failure.Code, failure.Message
	}
	if x.input == nil {
		x.input = c.params
	}
	if x.input != nil {
		if e.RequestParameters, err = redacted(c.Service, x.input); err != nil {
			return Event{}, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e.Slipway = Trace{Checks: c.checks, Panic: x.panicked}
	e.Resources = named(c.checks)
	c.late = func(check Check) { x.recordLate(e, check) }
	return e, nil
}

// recordLate records a decision that a handler made after its answer, as an event of the service.
func (x *exchange) recordLate(e Event, check Check) {
	id, err := x.gw.newID()
	if err == nil {
		e.EventID, e.EventType, e.EventTime = id, "AwsServiceEvent", x.gw.cfg.Now().UTC()
		e.Slipway = Trace{Checks: []Check{check}}
		e.Resources = named(e.Slipway.Checks)
		err = x.gw.cfg.Events.Record(context.Background(), e)
	}
	if err != nil {
		x.gw.cfg.OnError(fmt.Errorf("record %s:%s: %w", x.call.Service, x.call.Operation, err))
	}
}

// named lists the concrete resources that were checked.
func named(checks []Check) []EventResource {
	var out []EventResource
	seen := map[string]bool{}
	for _, c := range checks {
		if seen[c.Resource] || !strings.HasPrefix(c.Resource, "arn:") || strings.HasSuffix(c.Resource, ":*") {
			continue
		}
		seen[c.Resource] = true
		r := EventResource{ARN: c.Resource}
		if parts := strings.SplitN(c.Resource, ":", 6); len(parts) == 6 {
			r.AccountID = parts[4]
		}
		out = append(out, r)
	}
	return out
}

// identity is CloudTrail's userIdentity of the caller.
func (c *Call) identity() UserIdentity {
	if w := c.WebIdentity; w != nil {
		return UserIdentity{
			Type:             "WebIdentityUser",
			PrincipalID:      w.Provider + ":" + w.Audience + ":" + w.Subject,
			UserName:         w.Subject,
			IdentityProvider: w.Provider,
		}
	}
	caller := c.Caller
	switch {
	case caller.Kind == iam.PrincipalService:
		return UserIdentity{Type: "AWSService", PrincipalID: caller.ARN}
	case caller.Kind != iam.PrincipalAWS || caller.ARN == "":
		return UserIdentity{Type: "Unknown"}
	}
	u := UserIdentity{
		Type: "IAMUser", PrincipalID: caller.UserID, ARN: caller.ARN, AccountID: caller.Account, AccessKeyID: caller.AccessKeyID,
	}
	if caller.RoleARN == "" {
		u.UserName = lastPart(caller.ARN)
		return u
	}
	u.Type = "AssumedRole"
	role, _, _ := strings.Cut(caller.UserID, ":")
	u.SessionContext = &SessionContext{
		SourceIdentity: caller.SourceIdentity,
		SessionIssuer: SessionIssuer{
			Type: "Role", PrincipalID: role, ARN: caller.RoleARN, AccountID: caller.Account, UserName: lastPart(caller.RoleARN),
		},
	}
	return u
}

func lastPart(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// secrets are the members that no event may hold, in the spelling of an event.
var secrets = map[string]bool{
	"secretAccessKey": true, "sessionToken": true, "webIdentityToken": true, "token": true, "password": true,
	"tokenCode": true, "secretString": true, "tokenValue": true, "activationCode": true,
}

// serviceSecrets are members that hold a user's data in one service: script parameters, and what scripts printed.
var serviceSecrets = map[string]map[string]bool{
	"ssm":         {"parameters": true},
	"ec2messages": {"payload": true},
}

// redacted writes an input as requestParameters: names as CloudTrail spells them, secrets hidden.
func redacted(service string, input any) (json.RawMessage, error) {
	also := serviceSecrets[service]
	e := encoder{event: true, hide: func(name string) bool { return secrets[name] || also[name] }}
	if err := e.value(reflect.ValueOf(input)); err != nil {
		return nil, err
	}
	return e.buf.Bytes(), nil
}

func hide(doc any, secret func(name string) bool) {
	switch v := doc.(type) {
	case map[string]any:
		for name, member := range v {
			if secret(name) {
				v[name] = hidden
				continue
			}
			hide(member, secret)
		}
	case []any:
		for _, member := range v {
			hide(member, secret)
		}
	}
}
