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
	userAttachIn   struct{ UserName, PolicyArn string }
	userBoundaryIn struct{ UserName, PermissionsBoundary string }
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
		gateway.Op("PutUserPermissionsBoundary", s.onUserBoundary, s.putUserBoundary),
		gateway.Op("DeleteUserPermissionsBoundary", s.onUser, s.deleteUserBoundary),
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
	return []gateway.Access{withCondition(a, "iam:PolicyARN", in.PolicyArn)}, err
}

// onUserBoundary: iam:PermissionsBoundary is the boundary that the request sets, not the one that the user has.
func (s *Service) onUserBoundary(ctx context.Context, c *gateway.Call, in *userBoundaryIn) ([]gateway.Access, error) {
	a, err := s.userAccess(ctx, c, in.UserName)
	return []gateway.Access{withCondition(a, "iam:PermissionsBoundary", in.PermissionsBoundary)}, err
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

func (s *Service) putUserBoundary(ctx context.Context, c *gateway.Call, in *userBoundaryIn) (*empty, error) {
	return &empty{}, s.write(ctx, func(q querier) error {
		if _, err := mustPolicy(ctx, q, c.Caller.Account, in.PermissionsBoundary); err != nil {
			return err
		}
		return setUserBoundary(ctx, q, c.Caller.Account, in.UserName, in.PermissionsBoundary)
	})
}

func (s *Service) deleteUserBoundary(ctx context.Context, c *gateway.Call, in *userNameIn) (*empty, error) {
	return &empty{}, s.write(ctx, func(q querier) error { return setUserBoundary(ctx, q, c.Caller.Account, in.UserName, "") })
}

func setUserBoundary(ctx context.Context, q querier, account, user, policyARN string) error {
	if _, err := mustUser(ctx, q, account, user); err != nil {
		return err
	}
	_, err := exec(ctx, q, `UPDATE iam_users SET boundary = ? WHERE account = ? AND name = ?`, policyARN, account, user)
	return err
}
