package iam

import (
	"context"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// The wire structures of a user's policies.
type (
	userPolicyIn  struct{ UserName, PolicyName, PolicyDocument string }
	userPolicyOut struct{ UserName, PolicyName, PolicyDocument string }
	userListIn    struct {
		UserName string
		paging
	}
	userAttachIn struct{ UserName, PolicyArn string }
)

func (s *Service) userPolicyOperations() []gateway.Operation {
	return []gateway.Operation{
		gateway.Op("PutUserPolicy", s.onUserPolicy, s.putUserPolicy),
		gateway.Op("GetUserPolicy", s.onUserPolicy, s.getUserPolicy),
		gateway.Op("ListUserPolicies", s.onUserList, s.listUserPolicies),
		gateway.Op("DeleteUserPolicy", s.onUserPolicy, s.deleteUserPolicy),
		gateway.Op("AttachUserPolicy", s.onUserAttach, s.attachUserPolicy),
		gateway.Op("DetachUserPolicy", s.onUserAttach, s.detachUserPolicy),
		gateway.Op("ListAttachedUserPolicies", s.onUserList, s.listAttachedUserPolicies),
	}
}

func (s *Service) onUserList(ctx context.Context, c *gateway.Call, in *userListIn) ([]gateway.Access, error) {
	return s.onUser(ctx, c, &userNameIn{in.UserName})
}

func (s *Service) onUserPolicy(ctx context.Context, c *gateway.Call, in *userPolicyIn) ([]gateway.Access, error) {
	return s.onUser(ctx, c, &userNameIn{in.UserName})
}

func (s *Service) onUserAttach(ctx context.Context, c *gateway.Call, in *userAttachIn) ([]gateway.Access, error) {
	a, err := s.userAccess(ctx, c, in.UserName)
	return []gateway.Access{withPolicy(a, in.PolicyArn)}, err
}

func userOwner(c *gateway.Call, name string) owner { return owner{c.Caller.Account, "user", name} }

func (s *Service) putUserPolicy(ctx context.Context, c *gateway.Call, in *userPolicyIn) (*empty, error) {
	return &empty{}, s.putInline(ctx, userOwner(c, in.UserName), in.PolicyName, in.PolicyDocument)
}

func (s *Service) getUserPolicy(ctx context.Context, c *gateway.Call, in *userPolicyIn) (*userPolicyOut, error) {
	document, err := s.getInline(ctx, userOwner(c, in.UserName), in.PolicyName)
	return &userPolicyOut{in.UserName, in.PolicyName, encoded(document)}, err
}

func (s *Service) listUserPolicies(ctx context.Context, c *gateway.Call, in *userListIn) (*listNamesOut, error) {
	return s.listInline(ctx, userOwner(c, in.UserName), in.paging)
}

func (s *Service) deleteUserPolicy(ctx context.Context, c *gateway.Call, in *userPolicyIn) (*empty, error) {
	return &empty{}, s.deleteInline(ctx, userOwner(c, in.UserName), in.PolicyName)
}

func (s *Service) attachUserPolicy(ctx context.Context, c *gateway.Call, in *userAttachIn) (*empty, error) {
	return &empty{}, s.attach(ctx, userOwner(c, in.UserName), in.PolicyArn)
}

func (s *Service) detachUserPolicy(ctx context.Context, c *gateway.Call, in *userAttachIn) (*empty, error) {
	return &empty{}, s.detach(ctx, userOwner(c, in.UserName), in.PolicyArn)
}

func (s *Service) listAttachedUserPolicies(ctx context.Context, c *gateway.Call, in *userListIn) (*listAttachedOut, error) {
	return s.listAttached(ctx, userOwner(c, in.UserName), in.paging)
}
