package iam

import (
	"context"
	"errors"
	"unicode/utf8"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

func checkSession(seconds int) error {
	if seconds < minSession || seconds > maxSession {
		return invalid("1 validation error detected: Value '%d' at 'maxSessionDuration' failed to satisfy constraint: Member must have value between %d and %d", seconds, minSession, maxSession)
	}
	return nil
}

func checkDescription(text string) error {
	if utf8.RuneCountInString(text) > maxDescription {
		return invalid("1 validation error detected: Value at 'description' failed to satisfy constraint: Member must have length less than or equal to %d", maxDescription)
	}
	return nil
}

func (s *Service) updateRoleAccess(ctx context.Context, c *gateway.Call, in *updateRoleIn) ([]gateway.Access, error) {
	return s.onRole(ctx, c, &roleNameIn{in.RoleName})
}

// updateRole changes the description and the longest session, where the request has them.
func (s *Service) updateRole(ctx context.Context, c *gateway.Call, in *updateRoleIn) (*roleOut, error) {
	var out roleOut
	err := s.write(ctx, func(q querier) error {
		r, err := mustRole(ctx, q, c.Caller.Account, in.RoleName)
		if err != nil {
			return err
		}
		if in.Description != nil {
			r.Description = *in.Description
		}
		if in.MaxSessionDuration != nil && c.Operation == "UpdateRole" {
			if _, err := mustOwnRole(ctx, q, r.Account, r.Name); err != nil {
				return err
			}
			r.MaxSession = *in.MaxSessionDuration
		}
		if err := errors.Join(checkDescription(r.Description), checkSession(r.MaxSession)); err != nil {
			return err
		}
		out.Role = r.shape()
		_, err = exec(ctx, q, `UPDATE iam_roles SET description = ?, max_session = ? WHERE account = ? AND name = ?`, r.Description, r.MaxSession, r.Account, r.Name)
		return err
	})
	return &out, err
}
