package gateway

import (
	"encoding/json"
	"time"
)

// Event is a CloudTrail record of one request, with slipway's own member that says how it was authorised.
// See "CloudTrail record contents" in the CloudTrail user guide.
type Event struct {
	EventVersion       string          `json:"eventVersion"`
	UserIdentity       UserIdentity    `json:"userIdentity"`
	EventTime          time.Time       `json:"eventTime"`
	EventSource        string          `json:"eventSource"` // ssm.amazonaws.com
	EventName          string          `json:"eventName"`
	AWSRegion          string          `json:"awsRegion"`
	SourceIPAddress    string          `json:"sourceIPAddress"`
	UserAgent          string          `json:"userAgent,omitempty"`
	ErrorCode          string          `json:"errorCode,omitempty"`
	ErrorMessage       string          `json:"errorMessage,omitempty"`
	RequestParameters  json.RawMessage `json:"requestParameters"` // null when the input could not be read
	ResponseElements   json.RawMessage `json:"responseElements"`  // always null: answers may hold secrets
	RequestID          string          `json:"requestID"`
	EventID            string          `json:"eventID"`
	EventType          string          `json:"eventType"`
	RecipientAccountID string          `json:"recipientAccountId,omitempty"`
	Resources          []EventResource `json:"resources,omitempty"`
	Slipway            Trace           `json:"slipway"`
	// Seq orders the events of a log, from 1; it is set by [EventLog.List].
	Seq int64 `json:"-"`
}

// UserIdentity is CloudTrail's userIdentity element.
type UserIdentity struct {
	Type             string          `json:"type"` // IAMUser, AssumedRole, WebIdentityUser, AWSService, Unknown
	PrincipalID      string          `json:"principalId,omitempty"`
	ARN              string          `json:"arn,omitempty"`
	AccountID        string          `json:"accountId,omitempty"`
	AccessKeyID      string          `json:"accessKeyId,omitempty"`
	UserName         string          `json:"userName,omitempty"`
	IdentityProvider string          `json:"identityProvider,omitempty"`
	SessionContext   *SessionContext `json:"sessionContext,omitempty"`
}

// SessionContext names the role behind a session.
type SessionContext struct {
	SessionIssuer  SessionIssuer `json:"sessionIssuer"`
	SourceIdentity string        `json:"sourceIdentity,omitempty"`
}

// SessionIssuer is the role that issued a session.
type SessionIssuer struct {
	Type        string `json:"type"` // Role
	PrincipalID string `json:"principalId,omitempty"`
	ARN         string `json:"arn"`
	AccountID   string `json:"accountId"`
	UserName    string `json:"userName"`
}

// EventResource is a resource that the request named.
type EventResource struct {
	ARN       string `json:"ARN"`
	AccountID string `json:"accountId,omitempty"`
}

// Trace is how the gateway came to its answer.
type Trace struct {
	Checks []Check `json:"checks,omitempty"`
	// Panic is what a handler died of; the client saw InternalFailure.
	Panic string `json:"panic,omitempty"`
}

// Check is one permission that was asked for, and the decision.
type Check struct {
	Action   string              `json:"action"`
	Resource string              `json:"resource"`
	Context  map[string][]string `json:"context,omitempty"` // the keys that the resource added
	Decision string              `json:"decision"`          // Allowed, ImplicitlyDenied, ExplicitlyDenied
	Layer    string              `json:"layer,omitempty"`   // identity, boundary, session, trust, resource
	// Decisive names the statements that allowed or denied, as policy/statement.
	Decisive []string `json:"decisive,omitempty"`
}
