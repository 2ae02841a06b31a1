package iam

import (
	"context"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// The wire structures of a role's policies.
type (
	rolePolicyIn  struct{ RoleName, PolicyName, PolicyDocument string }
	rolePolicyOut struct{ RoleName, PolicyName, PolicyDocument string }
	roleListIn    struct {
		RoleName string
		paging
	}
	roleAttachIn   struct{ RoleName, PolicyArn string }
	roleBoundaryIn struct{ RoleName, PermissionsBoundary string }
)

func (s *Service) rolePolicyOperations() []gateway.Operation {
	return []gateway.Operation{
		gateway.Op("PutRolePolicy", s.onRolePolicy, s.putRolePolicy),
		gateway.Op("GetRolePolicy", s.onRolePolicy, s.getRolePolicy),
		gateway.Op("ListRolePolicies", s.onRoleList, s.listRolePolicies),
		gateway.Op("DeleteRolePolicy", s.onRolePolicy, s.deleteRolePolicy),
		gateway.Op("AttachRolePolicy", s.onRoleAttach, s.attachRolePolicy),
		gateway.Op("DetachRolePolicy", s.onRoleAttach, s.detachRolePolicy),
		gateway.Op("ListAttachedRolePolicies", s.onRoleList, s.listAttachedRolePolicies),
		gateway.Op("PutRolePermissionsBoundary", s.onRoleBoundary, s.putRoleBoundary),
		gateway.Op("DeleteRolePermissionsBoundary", s.onRole, s.deleteRoleBoundary),
	}
}

func (s *Service) onRoleList(ctx context.Context, c *gateway.Call, in *roleListIn) ([]gateway.Access, error) {
	return s.onRole(ctx, c, &roleNameIn{in.RoleName})
}

func (s *Service) onRolePolicy(ctx context.Context, c *gateway.Call, in *rolePolicyIn) ([]gateway.Access, error) {
	return s.onRole(ctx, c, &roleNameIn{in.RoleName})
}

func (s *Service) onRoleAttach(ctx context.Context, c *gateway.Call, in *roleAttachIn) ([]gateway.Access, error) {
	a, err := s.roleAccess(ctx, c, in.RoleName)
	return []gateway.Access{withCondition(a, "iam:PolicyARN", in.PolicyArn)}, err
}

// onRoleBoundary: iam:PermissionsBoundary is the boundary that the request sets, not the one that the role has.
func (s *Service) onRoleBoundary(ctx context.Context, c *gateway.Call, in *roleBoundaryIn) ([]gateway.Access, error) {
	a, err := s.roleAccess(ctx, c, in.RoleName)
	return []gateway.Access{withCondition(a, "iam:PermissionsBoundary", in.PermissionsBoundary)}, err
}

func roleOwner(c *gateway.Call, name string) owner { return owner{c.Caller.Account, "role", name} }

func (s *Service) putRolePolicy(ctx context.Context, c *gateway.Call, in *rolePolicyIn) (*empty, error) {
	return &empty{}, s.putInline(ctx, roleOwner(c, in.RoleName), in.PolicyName, in.PolicyDocument)
}

func (s *Service) getRolePolicy(ctx context.Context, c *gateway.Call, in *rolePolicyIn) (*rolePolicyOut, error) {
	document, err := s.getInline(ctx, roleOwner(c, in.RoleName), in.PolicyName)
	return &rolePolicyOut{in.RoleName, in.PolicyName, encoded(document)}, err
}

func (s *Service) listRolePolicies(ctx context.Context, c *gateway.Call, in *roleListIn) (*listNamesOut, error) {
	return s.listInline(ctx, roleOwner(c, in.RoleName), in.paging)
}

func (s *Service) deleteRolePolicy(ctx context.Context, c *gateway.Call, in *rolePolicyIn) (*empty, error) {
	return &empty{}, s.deleteInline(ctx, roleOwner(c, in.RoleName), in.PolicyName)
}

func (s *Service) attachRolePolicy(ctx context.Context, c *gateway.Call, in *roleAttachIn) (*empty, error) {
	return &empty{}, s.attach(ctx, roleOwner(c, in.RoleName), in.PolicyArn)
}

func (s *Service) detachRolePolicy(ctx context.Context, c *gateway.Call, in *roleAttachIn) (*empty, error) {
	return &empty{}, s.detach(ctx, roleOwner(c, in.RoleName), in.PolicyArn)
}

func (s *Service) listAttachedRolePolicies(ctx context.Context, c *gateway.Call, in *roleListIn) (*listAttachedOut, error) {
	return s.listAttached(ctx, roleOwner(c, in.RoleName), in.paging)
}

func (s *Service) putRoleBoundary(ctx context.Context, c *gateway.Call, in *roleBoundaryIn) (*empty, error) {
	return &empty{}, s.write(ctx, func(q querier) error {
		if _, err := mustPolicy(ctx, q, c.Caller.Account, in.PermissionsBoundary); err != nil {
			return err
		}
		return setRoleBoundary(ctx, q, c.Caller.Account, in.RoleName, in.PermissionsBoundary)
	})
}

func (s *Service) deleteRoleBoundary(ctx context.Context, c *gateway.Call, in *roleNameIn) (*empty, error) {
	return &empty{}, s.write(ctx, func(q querier) error { return setRoleBoundary(ctx, q, c.Caller.Account, in.RoleName, "") })
}

func setRoleBoundary(ctx context.Context, q querier, account, role, policyARN string) error {
	if _, err := mustOwnRole(ctx, q, account, role); err != nil {
		return err
	}
	_, err := exec(ctx, q, `UPDATE iam_roles SET boundary = ? WHERE account = ? AND name = ?`, policyARN, account, role)
	return err
}
