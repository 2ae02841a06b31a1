package localaws

import (
	"context"

	"github.com/slipway-cd/slipway/internal/localaws/iam"
)

// accounts is what Organizations asks of this AWS.
type accounts struct{ aws *AWS }

// Accounts lists the accounts that exist.
func (a accounts) Accounts(ctx context.Context) ([]string, error) { return a.aws.iam.Accounts(ctx) }

// Make makes an account with an administrator, as every account here, and the role that AWS makes with an account of an
// organization.
func (a accounts) Make(ctx context.Context, account, role, management string) error {
	if _, err := a.aws.EnsureAccount(ctx, account); err != nil {
		return err
	}
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + management + `:root"},"Action":"sts:AssumeRole"}]}`
	return a.aws.PutRole(ctx, iam.RoleSpec{
		Account: account, Name: role, Trust: []byte(trust), Managed: []string{"arn:aws:iam::aws:policy/AdministratorAccess"},
	})
}

// Organize puts accounts into the organization of a management account, and makes both where they are not there.
func (a *AWS) Organize(ctx context.Context, management string, members ...string) error {
	if _, err := a.EnsureAccount(ctx, management); err != nil {
		return err
	}
	if _, err := a.orgs.EnsureOrganization(ctx, management); err != nil {
		return err
	}
	for _, account := range members {
		if _, err := a.EnsureAccount(ctx, account); err != nil {
			return err
		}
		if err := a.orgs.Join(ctx, management, account); err != nil {
			return err
		}
	}
	return nil
}

// AttachSCP attaches a service control policy to an account that [AWS.Organize] made a member. A policy of that name
// gets this document in place of what it had.
func (a *AWS) AttachSCP(ctx context.Context, account, name string, document []byte) error {
	return a.orgs.AttachSCP(ctx, account, name, document)
}
