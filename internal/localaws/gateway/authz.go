package gateway

import (
	"context"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

const anonymous = iam.PrincipalAnonymous

// Authorize is [Call.Decide] for a permission without which there is no answer: a denial is an [*Error] in AWS's words.
func (c *Call) Authorize(ctx context.Context, a Access) error {
	decision, err := c.Decide(ctx, a)
	if err != nil || decision.Outcome == iam.Allowed {
		return err
	}
	return c.denied(a, decision)
}

// Decide checks one permission, records the decision and leaves it to the handler what a denial means. It may be
// called from several goroutines and after the answer, but not inside a transaction of the store: it may read there.
func (c *Call) Decide(ctx context.Context, a Access) (iam.Decision, error) {
	policies, err := c.gw.cfg.Directory.Policies(ctx, c.Caller)
	if err != nil {
		return iam.Decision{}, err
	}
	set := *policies
	set.Trust, set.Resource = a.Trust, a.Policy
	account := c.owner(a)
	conditions := c.conditions(account)
	if set.RCPs = c.organization(conditions, account); a.RCPs != nil {
		set.RCPs = a.RCPs
	}
	maps.Copy(conditions, a.Context)
	decision := set.Evaluate(&iam.Request{
		Principal: c.Caller.Principal,
		Action:    c.action(a),
		Resource:  c.resource(a),
		Account:   account,
		Context:   iam.NewContext(conditions),
	})
	c.note(newCheck(c.action(a), c.resource(a), a.Context, decision))
	return decision, nil
}

// owner is the account whose resource is asked about: the one that the service names, or the caller's. An ARN of IAM's says
// itself whose it is, and no entity of IAM's but a role that is assumed is another account's to use.
func (c *Call) owner(a Access) string {
	if a.Account != "" {
		return a.Account
	}
	if rest, ok := strings.CutPrefix(a.Resource, "arn:aws:iam::"); ok && a.Trust == nil {
		if account, _, _ := strings.Cut(rest, ":"); len(account) == 12 {
			return account
		}
	}
	return c.Caller.Account
}

// note keeps a check for the event of this call, or for one of its own when that event is written already.
func (c *Call) note(check Check) {
	c.mu.Lock()
	late := c.late
	if late == nil {
		c.checks = append(c.checks, check)
	}
	c.mu.Unlock()
	if late != nil {
		late(check)
	}
}

func (c *Call) action(a Access) string {
	if a.Action != "" {
		return a.Action
	}
	return c.Service + ":" + c.Operation
}

// resource is the ARN that is checked. An action without resource types is checked on everything that the service
// has in this region and account.
func (c *Call) resource(a Access) string {
	if a.Resource != "" {
		return a.Resource
	}
	service, _, _ := strings.Cut(c.action(a), ":")
	return "arn:aws:" + service + ":" + c.Region + ":" + c.Caller.Account + ":*"
}

// conditions are the global condition keys of this call ("AWS global condition context keys", IAM user guide).
func (c *Call) conditions(resourceAccount string) map[string][]string {
	m := map[string][]string{
		"aws:CurrentTime":           {iso(c.Time)},
		"aws:EpochTime":             {strconv.FormatInt(c.Time.Unix(), 10)},
		"aws:SourceIp":              {c.SourceIP},
		"aws:RequestedRegion":       {c.Region},
		"aws:ViaAWSService":         {"false"},
		"aws:PrincipalIsAWSService": {strconv.FormatBool(c.Caller.Kind == iam.PrincipalService)},
		// AWS is reached over TLS only; a policy that demands it must not fail in a rehearsal.
		"aws:SecureTransport": {"true"},
	}
	if c.UserAgent != "" {
		m["aws:UserAgent"] = []string{c.UserAgent}
	}
	if resourceAccount != "" {
		m["aws:ResourceAccount"] = []string{resourceAccount}
	}
	if c.Caller.Kind == iam.PrincipalAWS {
		c.Caller.conditions(m)
	}
	return m
}

// conditions adds the keys that describe a user or a role session.
func (c *Caller) conditions(m map[string][]string) {
	m["aws:PrincipalAccount"] = []string{c.Account}
	m["aws:userid"] = []string{c.UserID}
	if c.RoleARN == "" {
		m["aws:PrincipalArn"] = []string{c.ARN}
		m["aws:PrincipalType"] = []string{"User"}
		m["aws:username"] = []string{c.ARN[strings.LastIndexByte(c.ARN, '/')+1:]}
		c.tags(m)
		return
	}
	m["aws:PrincipalArn"] = []string{c.RoleARN}
	m["aws:PrincipalType"] = []string{"AssumedRole"}
	m["aws:MultiFactorAuthPresent"] = []string{"false"}
	if !c.Issued.IsZero() {
		m["aws:TokenIssueTime"] = []string{iso(c.Issued)}
	}
	if c.SourceIdentity != "" {
		m["aws:SourceIdentity"] = []string{c.SourceIdentity}
	}
	c.tags(m)
}

// tags adds the tags of a user, or of a role and its session.
func (c *Caller) tags(m map[string][]string) {
	for key, value := range c.SessionTags {
		m["aws:PrincipalTag/"+key] = []string{value}
	}
}

// denied is the denial in AWS's words ("Troubleshoot access denied error messages", IAM user guide).
func (c *Call) denied(a Access, d iam.Decision) *Error {
	action := c.action(a)
	text := "User: " + c.Caller.ARN + " is not authorized to perform: " + action
	if c.Caller.Kind == iam.PrincipalAnonymous || c.Caller.Kind == iam.PrincipalFederated {
		text = "Not authorized to perform " + action
	} else if c.Service != "ec2" || a.Resource != "" {
		// EC2 names no resource for actions that have none.
		text += " on resource: " + c.resource(a)
	}
	if c.Caller.Kind == iam.PrincipalAWS {
		text += reason(d, action)
	}
	if c.Service == "s3" {
		return c.deniedS3(a, d)
	}
	switch c.protocol {
	case JSON11:
		return &Error{Code: "AccessDeniedException", Message: text}
	case EC2Query:
		return &Error{
			Code:    "UnauthorizedOperation",
			Message: "You are not authorized to perform this operation. " + text + c.encoded(a, d),
			Status:  http.StatusForbidden,
		}
	}
	return &Error{Code: "AccessDenied", Message: text, Status: http.StatusForbidden}
}

// deniedS3 is the denial in S3's words: it quotes the resource, and tells strangers nothing.
func (c *Call) deniedS3(a Access, d iam.Decision) *Error {
	e := &Error{Code: "AccessDenied", Message: "Access Denied", Status: http.StatusForbidden}
	if c.Caller.Kind == iam.PrincipalAWS && (a.Account == "" || a.Account == c.Caller.Account) {
		action := c.action(a)
		e.Message = "User: " + c.Caller.ARN + " is not authorized to perform: " + action + ` on resource: "` + c.resource(a) + `"` + reason(d, action)
	}
	return e
}

// layers names each layer in a denial.
var layers = map[iam.Layer]struct{ implicit, explicit string }{
	iam.LayerIdentity: {"identity-based policy", "an identity-based policy"},
	iam.LayerBoundary: {"permissions boundary", "a permissions boundary"},
	iam.LayerSession:  {"session policy", "a session policy"},
	iam.LayerTrust:    {"role trust policy", "the role trust policy"},
	iam.LayerResource: {"resource-based policy", "a resource-based policy"},
	iam.LayerSCP:      {"service control policy", "a service control policy"},
	iam.LayerRCP:      {"resource control policy", "a resource control policy"},
	iam.LayerEndpoint: {"VPC endpoint policy", "a VPC endpoint policy"},
}

func reason(d iam.Decision, action string) string {
	layer, ok := layers[d.Layer]
	if !ok {
		layer = layers[iam.LayerIdentity]
	}
	if d.Outcome == iam.ExplicitlyDenied {
		return " with an explicit deny in " + layer.explicit
	}
	return " because no " + layer.implicit + " allows the " + action + " action"
}

// newCheck is a decision as the event log keeps it.
func newCheck(action, resource string, conditions map[string][]string, d iam.Decision) Check {
	c := Check{Action: action, Resource: resource, Context: conditions, Decision: d.Outcome.String()}
	if d.Layer != iam.LayerNone {
		c.Layer = d.Layer.String()
	}
	for _, ref := range d.Decisive {
		c.Decisive = append(c.Decisive, ref.Policy+"/"+ref.Statement)
	}
	return c
}
