package organizations

import (
	"context"
	"encoding/base64"
	"fmt"
	"regexp"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

func failure(code, format string, args ...any) error {
	return &gateway.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error {
	return failure("InvalidInputException", format, args...)
}

// constraint is AWS's error for a quota or a rule, with the reason that its Reason member has.
func constraint(reason, format string, args ...any) error {
	return failure("ConstraintViolationException", "%s: %s", reason, fmt.Sprintf(format, args...))
}

func notInUse() error {
	return failure("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
}

// mine gives the organization of the caller, who must be in one.
func (s *Service) mine(c *gateway.Call) (*organization, error) {
	o := s.world.Load().byAccount[c.Caller.Account]
	if o == nil {
		return nil, notInUse()
	}
	return o, nil
}

// managed gives the organization of the caller, who must be in its management account.
func (w *world) managed(c *gateway.Call) (*organization, error) {
	o := w.byAccount[c.Caller.Account]
	switch {
	case o == nil:
		return nil, notInUse()
	case o.management != c.Caller.Account:
		return nil, failure("AccessDeniedException", "You don't have permissions to access this resource.")
	}
	return o, nil
}

func (s *Service) managed(c *gateway.Call) (*organization, error) { return s.world.Load().managed(c) }

// idPatterns are those of the service model, for what an operation may act on.
var idPatterns = map[string]*regexp.Regexp{
	"TargetId":               regexp.MustCompile(`^(r-[0-9a-z]{4,32}|\d{12}|ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})$`),
	"ParentId":               regexp.MustCompile(`^(r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})$`),
	"ChildId":                regexp.MustCompile(`^(\d{12}|ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})$`),
	"OrganizationalUnitId":   regexp.MustCompile(`^ou-[0-9a-z]{4,32}-[a-z0-9]{8,32}$`),
	"RootId":                 regexp.MustCompile(`^r-[0-9a-z]{4,32}$`),
	"AccountId":              regexp.MustCompile(`^\d{12}$`),
	"PolicyId":               regexp.MustCompile(`^p-[0-9a-zA-Z_]{8,128}$`),
	"CreateAccountRequestId": regexp.MustCompile(`^car-[a-z0-9]{8,32}$`),
	"HandshakeId":            regexp.MustCompile(`^h-[0-9a-z]{8,32}$`),
}

func checkID(field, id string) error {
	if !idPatterns[field].MatchString(id) {
		return invalid("INVALID_PATTERN: You provided a value for %s that does not match its pattern.", field)
	}
	return nil
}

// nothing is the access of an operation without resource types.
func nothing[In any](context.Context, *gateway.Call, *In) ([]gateway.Access, error) {
	return []gateway.Access{{Resource: "*"}}, nil
}

// on makes the access check of an operation that acts on ids: field and value in turn, as ids gives them.
func on[In any](s *Service, ids func(*In) []string) func(context.Context, *gateway.Call, *In) ([]gateway.Access, error) {
	return func(_ context.Context, c *gateway.Call, in *In) ([]gateway.Access, error) {
		list := ids(in)
		o := s.world.Load().byAccount[c.Caller.Account]
		if o == nil {
			o = &organization{id: "*", management: c.Caller.Account} // found out after the permission
		}
		var needs []gateway.Access
		for i := 0; i < len(list); i += 2 {
			if err := checkID(list[i], list[i+1]); err != nil {
				return nil, err
			}
			needs = append(needs, gateway.Access{Resource: o.targetARN(list[i+1])})
		}
		return needs, nil
	}
}

// onPolicy is the access to a policy, and to the target that it is attached to or detached from.
func (s *Service) onPolicy(c *gateway.Call, policyID, target string) ([]gateway.Access, error) {
	if err := checkID("PolicyId", policyID); err != nil {
		return nil, err
	}
	o := s.world.Load().byAccount[c.Caller.Account]
	if o == nil {
		o = &organization{id: "*", management: c.Caller.Account}
	}
	p := o.policies[policyID]
	if p == nil {
		return append([]gateway.Access{{Resource: o.arn("policy", "*/"+policyID)}}, o.targetAccess(target, nil)...), nil
	}
	conditions := map[string][]string{"organizations:PolicyType": {p.kind}}
	needs := []gateway.Access{{Resource: o.policyARN(p), Context: conditions}}
	return append(needs, o.targetAccess(target, conditions)...), nil
}

func (o *organization) targetAccess(target string, conditions map[string][]string) []gateway.Access {
	if target == "" {
		return nil
	}
	return []gateway.Access{{Resource: o.targetARN(target), Context: conditions}}
}

// paging is what every List operation takes, and listed what it answers beside its list.
type (
	paging struct {
		NextToken  string
		MaxResults *int
	}
	listed struct {
		NextToken string `json:",omitempty"`
	}
)

const pageSize = 20

// page cuts a list, which is in order of its keys, down to the page that was asked for.
func page[T any](p paging, all []T, key func(T) string) ([]T, listed, error) {
	size := pageSize
	if p.MaxResults != nil {
		size = *p.MaxResults
	}
	if size < 1 || size > pageSize {
		return nil, listed{}, invalid("MAX_LIMIT_EXCEEDED: MaxResults must be between 1 and %d.", pageSize)
	}
	from := 0
	if p.NextToken != "" {
		last, err := base64.RawURLEncoding.DecodeString(p.NextToken)
		if err != nil {
			return nil, listed{}, invalid("INVALID_NEXT_TOKEN: The NextToken is not valid.")
		}
		for from < len(all) && key(all[from]) <= string(last) {
			from++
		}
	}
	all = all[from:]
	if len(all) <= size {
		return all, listed{}, nil
	}
	return all[:size], listed{base64.RawURLEncoding.EncodeToString([]byte(key(all[size-1])))}, nil
}
