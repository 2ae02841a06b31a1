package iam

import (
	"context"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// The wire structures of a group's policies.
type (
	groupPolicyIn  struct{ GroupName, PolicyName, PolicyDocument string }
	groupPolicyOut struct{ GroupName, PolicyName, PolicyDocument string }
	groupAttachIn  struct{ GroupName, PolicyArn string }
)

func (s *Service) groupPolicyOperations() []gateway.Operation {
	onList := func(ctx context.Context, c *gateway.Call, in *groupListIn) ([]gateway.Access, error) {
		return s.onGroup(ctx, c, in.GroupName)
	}
	onInline := func(ctx context.Context, c *gateway.Call, in *groupPolicyIn) ([]gateway.Access, error) {
		return s.onGroup(ctx, c, in.GroupName)
	}
	onAttach := func(ctx context.Context, c *gateway.Call, in *groupAttachIn) ([]gateway.Access, error) {
		a, err := s.groupAccess(ctx, c, in.GroupName)
		return []gateway.Access{withCondition(a, "iam:PolicyARN", in.PolicyArn)}, err
	}
	return []gateway.Operation{
		gateway.Op("PutGroupPolicy", onInline, s.putGroupPolicy),
		gateway.Op("GetGroupPolicy", onInline, s.getGroupPolicy),
		gateway.Op("ListGroupPolicies", onList, s.listGroupPolicies),
		gateway.Op("DeleteGroupPolicy", onInline, s.deleteGroupPolicy),
		gateway.Op("AttachGroupPolicy", onAttach, s.attachGroupPolicy),
		gateway.Op("DetachGroupPolicy", onAttach, s.detachGroupPolicy),
		gateway.Op("ListAttachedGroupPolicies", onList, s.listAttachedGroupPolicies),
	}
}

func groupOwner(c *gateway.Call, name string) owner { return owner{c.Caller.Account, "group", name} }

func (s *Service) putGroupPolicy(ctx context.Context, c *gateway.Call, in *groupPolicyIn) (*empty, error) {
	return &empty{}, s.putInline(ctx, groupOwner(c, in.GroupName), in.PolicyName, in.PolicyDocument)
}

func (s *Service) getGroupPolicy(ctx context.Context, c *gateway.Call, in *groupPolicyIn) (*groupPolicyOut, error) {
	document, err := s.getInline(ctx, groupOwner(c, in.GroupName), in.PolicyName)
	return &groupPolicyOut{in.GroupName, in.PolicyName, encoded(document)}, err
}

func (s *Service) listGroupPolicies(ctx context.Context, c *gateway.Call, in *groupListIn) (*listNamesOut, error) {
	return s.listInline(ctx, groupOwner(c, in.GroupName), in.paging)
}

func (s *Service) deleteGroupPolicy(ctx context.Context, c *gateway.Call, in *groupPolicyIn) (*empty, error) {
	return &empty{}, s.deleteInline(ctx, groupOwner(c, in.GroupName), in.PolicyName)
}

func (s *Service) attachGroupPolicy(ctx context.Context, c *gateway.Call, in *groupAttachIn) (*empty, error) {
	return &empty{}, s.attach(ctx, groupOwner(c, in.GroupName), in.PolicyArn)
}

func (s *Service) detachGroupPolicy(ctx context.Context, c *gateway.Call, in *groupAttachIn) (*empty, error) {
	return &empty{}, s.detach(ctx, groupOwner(c, in.GroupName), in.PolicyArn)
}

func (s *Service) listAttachedGroupPolicies(ctx context.Context, c *gateway.Call, in *groupListIn) (*listAttachedOut, error) {
	return s.listAttached(ctx, groupOwner(c, in.GroupName), in.paging)
}
