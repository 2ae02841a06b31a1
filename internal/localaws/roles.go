package localaws

import "context"

// HasRole tells whether an account has a role of that name.
func (a *AWS) HasRole(ctx context.Context, account, name string) (bool, error) {
	role, err := a.iam.FindRole(ctx, account, name)
	return role != nil, err
}
