package iam

import "context"

// InstanceIdentity is the name of the role that stands behind the identity credentials of an EC2 instance. No account
// has it, it has no policies, and no other role can be named so.
const InstanceIdentity = "aws:ec2-instance"

// InstanceIdentityRole is the role of the identity credentials in an account.
func InstanceIdentityRole(account string) *Role {
	return &Role{Account: account, Name: InstanceIdentity, Path: "/", ID: account + ":" + InstanceIdentity}
}

// KeyAccount gives the account of an access key, of a user or of a session, active or not.
func (s *Service) KeyAccount(ctx context.Context, id string) (account string, found bool, err error) {
	for _, query := range []string{`SELECT account FROM iam_keys WHERE id = ?`, `SELECT account FROM iam_sessions WHERE id = ?`} {
		if found, err = one(ctx, s.db, query, []any{id}, []any{&account}); err != nil || found {
			break
		}
	}
	return account, found, err
}
