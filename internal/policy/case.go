package policy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/catalog"
)

// Question is one request as the flags of `slipway policy explain` describe it.
type Question struct {
	Principal, Action string
	Resource          string // empty: *, for an action without resource types
	Account           string // of the resource; empty: the one in its ARN, or the principal's
	Context           map[string][]string
}

// Case is a request with the policies that apply to it.
type Case struct {
	Policies *iam.PolicySet
	Request  *iam.Request
	Filled   []Filled // what the question did not say, and how it was taken
	Notes    []string // about the request itself
	Line     bool     // the request was given as a line of eval
}

// Filled is a context key that was filled in.
type Filled struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Ask makes a case of a question and the policies that were given for it: a role's own policy may be given as Trust or
// as Resource, RCPs without RCPFullAWSAccess, and a root user without its rights. Context keys that AWS always sets and
// that follow from the question are filled in where it does not give them.
func Ask(q Question, given iam.PolicySet) (*Case, error) {
	if err := checkAction(q.Action); err != nil {
		return nil, fmt.Errorf("action: %w", err)
	}
	if err := checkAccount(q.Account); err != nil {
		return nil, fmt.Errorf("account: %w", err)
	}
	p, err := iam.ParsePrincipal(q.Principal)
	if err != nil {
		return nil, err
	}
	c := &Case{Request: &iam.Request{Principal: p, Action: q.Action, Account: q.Account}}
	if err := c.resource(q); err != nil {
		return nil, err
	}
	if err := checkSet(&given); err != nil {
		return nil, err
	}
	c.context(q)
	given.RCPs = withFullAccess(given.RCPs)
	b := bundle{given: given}
	c.Policies, err = b.set(isRoot(p), assumesRole(q.Action, c.Request.Resource))
	return c, err
}

// resource takes the resource of the question, or * where the action has no other.
func (c *Case) resource(q Question) error {
	c.Request.Resource = "*"
	reason, unscopable := catalog.Unscopable(q.Action)
	switch {
	case q.Resource == "" && unscopable:
		return nil
	case q.Resource == "" && !known(q.Action):
		return unknownAction(q.Action)
	case q.Resource == "":
		return fmt.Errorf("a resource is missing%s", resourceTypes(q.Action))
	case unscopable && q.Resource != "*":
		c.Notes = append(c.Notes, reason+"; the request was taken to be for *, not for "+q.Resource)
		return nil
	}
	if err := checkResource(q.Resource); err != nil {
		return fmt.Errorf("resource: %w", err)
	}
	c.Request.Resource = q.Resource
	return nil
}

func known(action string) bool {
	_, ok := catalog.Lookup(action)
	return ok
}

// unknownAction says that an action does not exist, and which do that are spelt like it.
func unknownAction(action string) error {
	meant := ""
	if closest := Closest(action); len(closest) > 0 {
		meant = ": did you mean " + strings.Join(closest, ", ") + "?"
	}
	return errors.New(noAction(action) + meant)
}

// resourceTypes lists the ARN patterns that an action is authorised on.
func resourceTypes(action string) string {
	a, _ := catalog.Lookup(action)
	var patterns []string
	for _, t := range a.Resources {
		if r, ok := catalog.ResourceType(a.Service, t.Type); ok && len(r.ARNs) > 0 {
			patterns = append(patterns, strings.Replace(r.ARNs[0], "${Partition}", "aws", 1))
		}
	}
	const most = 4
	switch {
	case len(patterns) == 0:
		return ""
	case len(patterns) > most:
		patterns = append(patterns[:most], "…")
	}
	return ": " + a.String() + " acts on " + strings.Join(patterns, ", ")
}

// context fills in what AWS always sets and follows from the request
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html).
func (c *Case) context(q Question) {
	values := map[string][]string{}
	given := map[string]bool{}
	for key, list := range q.Context {
		values[key] = list
		given[strings.ToLower(key)] = true
	}
	c.Request.Context = iam.NewContext(values)
	rolePath(c.Request) // before aws:PrincipalArn is filled in without the path
	for _, f := range append(principalKeys(c.Request.Principal), resourceKeys(c.Request)...) {
		if f.Value == "" || given[strings.ToLower(f.Key)] {
			continue
		}
		values[f.Key] = []string{f.Value}
		c.Filled = append(c.Filled, f)
	}
	c.Request.Context = iam.NewContext(values)
}

// principalKeys are the keys that follow from who makes a signed request. An anonymous request and one of a web
// identity are not signed.
func principalKeys(p iam.Principal) []Filled {
	switch p.Kind {
	case iam.PrincipalAWS:
	case iam.PrincipalService:
		return []Filled{{"aws:PrincipalIsAWSService", "true"}, {"aws:PrincipalServiceName", p.ARN}}
	case iam.PrincipalAnonymous:
		return []Filled{{"aws:PrincipalType", "Anonymous"}}
	default:
		return nil
	}
	arn, kind, name := p.ARN, "", ""
	_, resource, _ := strings.Cut(arn, p.Account+":")
	switch {
	case strings.HasPrefix(resource, "assumed-role/"):
		arn, kind = p.RoleARN, "AssumedRole" // the role's ARN, not the session's
	case strings.HasPrefix(resource, "role/"):
		kind = "AssumedRole"
	case strings.HasPrefix(resource, "federated-user/"):
		kind = "FederatedUser"
	case strings.HasPrefix(resource, "user/"):
		kind, name = "User", arn[strings.LastIndexByte(arn, '/')+1:]
	case resource == "root":
		kind = "Account"
	}
	return []Filled{
		{"aws:PrincipalArn", arn}, {"aws:PrincipalAccount", p.Account}, {"aws:PrincipalType", kind},
		{"aws:username", name}, {"aws:PrincipalIsAWSService", "false"}, {"aws:ViaAWSService", "false"},
	}
}

// resourceKeys are the keys that follow from what a request is for.
func resourceKeys(r *iam.Request) []Filled {
	fields := strings.SplitN(r.Resource, ":", 6)
	region, owner := "", ""
	if len(fields) == 6 {
		region, owner = fields[3], fields[4]
	}
	if r.Account != "" {
		owner = r.Account
	}
	if owner == "" {
		owner = r.Principal.Account // as the engine takes it
	}
	return []Filled{{"aws:ResourceAccount", owner}, {"aws:RequestedRegion", region}}
}
