package gateway

import (
	"maps"

	"github.com/slipway-cd/slipway/iam"
)

// Denial is what an authorization message tells of a denied request, to those who may decode it.
type Denial struct {
	Account      string // the caller's
	ExplicitDeny bool
	Matched      []string // the statements that denied, as policy/statement
	PrincipalID  string
	PrincipalARN string
	Action       string
	Resource     string
	Conditions   map[string][]string
}

// Sealer encodes denials so that only sts:DecodeAuthorizationMessage can read them. The local STS is one.
type Sealer interface {
	Seal(d Denial) (string, error)
}

// encoded is what EC2 adds to a denial: the encoded authorization message. Empty when nobody seals it.
func (c *Call) encoded(a Access, d iam.Decision) string {
	if c.gw.cfg.Denials == nil {
		return ""
	}
	conditions := c.conditions(c.owner(a))
	maps.Copy(conditions, a.Context)
	message, err := c.gw.cfg.Denials.Seal(Denial{
		Account: c.Caller.Account, ExplicitDeny: d.Outcome == iam.ExplicitlyDenied,
		Matched:     newCheck(c.action(a), c.resource(a), nil, d).Decisive,
		PrincipalID: c.Caller.UserID, PrincipalARN: c.Caller.ARN, Action: c.action(a), Resource: c.resource(a), Conditions: conditions,
	})
	if err != nil {
		c.gw.cfg.OnError(err)
		return ""
	}
	return " Encoded authorization failure message: " + message
}
