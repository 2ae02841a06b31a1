package iam

import (
	"context"

	"github.com/slipway-cd/slipway/internal/localaws/ec2"
)

// InstanceProfile finds an instance profile by its name, for EC2. Its role is empty when it has none.
func (s *Service) InstanceProfile(ctx context.Context, account, name string) (found ec2.Profile, ok bool, err error) {
	p, err := findProfile(ctx, s.db, account, name)
	if err != nil || p == nil {
		return ec2.Profile{}, false, err
	}
	found = ec2.Profile{ARN: p.arn(), ID: p.id}
	if p.role == "" {
		return found, true, nil
	}
	r, err := mustRole(ctx, s.db, account, p.role)
	if err != nil {
		return ec2.Profile{}, false, err
	}
	found.RoleARN = r.ARN()
	return found, true, nil
}
