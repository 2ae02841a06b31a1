package iam

import (
	"context"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

func (s *Service) listPolicies(ctx context.Context, c *gateway.Call, in *listPoliciesIn) (*listPoliciesOut, error) {
	out := &listPoliciesOut{Policies: []policyShape{}}
	list, err := s.policiesIn(ctx, c.Caller.Account, in.Scope)
	if err != nil {
		return nil, err
	}
	for _, p := range list {
		shape, err := p.shape(ctx, s.db, c.Caller.Account)
		if err != nil {
			return nil, err
		}
		shape.Tags, shape.Description = nil, "" // left out of lists
		if strings.HasPrefix(p.path, in.PathPrefix) && in.wants(&shape) {
			out.Policies = append(out.Policies, shape)
		}
	}
	out.Policies, out.listed, err = page(in.paging, out.Policies, func(p policyShape) string { return p.Arn })
	return out, err
}

// policiesIn lists the policies of a scope (All, AWS or Local) in order of their ARNs.
func (s *Service) policiesIn(ctx context.Context, account, scope string) (list []*managedPolicy, err error) {
	switch scope {
	case "", "All", "AWS", "Local":
	default:
		return nil, invalid("1 validation error detected: Value at 'scope' failed to satisfy constraint: Member must satisfy enum value set: [All, AWS, Local]")
	}
	if scope != "AWS" {
		if list, err = many(ctx, s.db, scanPolicy, `SELECT `+policyColumns+` FROM iam_policies WHERE account = ?`, account); err != nil {
			return nil, err
		}
	}
	if scope != "Local" {
		list = append(list, listAWSPolicies()...)
	}
	slices.SortFunc(list, func(a, b *managedPolicy) int { return strings.Compare(a.arn, b.arn) })
	return list, nil
}

func (in *listPoliciesIn) wants(p *policyShape) bool {
	used := map[string]int{"PermissionsPolicy": p.AttachmentCount, "PermissionsBoundary": p.PermissionsBoundaryUsageCount, "": p.AttachmentCount + p.PermissionsBoundaryUsageCount}
	return used[in.PolicyUsageFilter] > 0 || !in.OnlyAttached && in.PolicyUsageFilter == ""
}
