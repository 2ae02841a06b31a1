package rehearse

import (
	"context"
	"fmt"
	"strings"

	"github.com/slipway-cd/slipway/iam/managed"
	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
	"github.com/slipway-cd/slipway/internal/localaws/sts"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/roles"
)

// users puts the users of a set into their accounts.
func users(ctx context.Context, aws *localaws.AWS, set *roles.Set) error {
	for _, user := range set.Users {
		if _, err := aws.EnsureAccount(ctx, user.Account); err != nil {
			return fmt.Errorf("account %s: %w", user.Account, err)
		}
		spec := iam.UserSpec{Account: user.Account, Name: user.Name, Path: user.Path, Policies: map[string][]byte{}, Own: map[string][]byte{}}
		for _, policy := range user.Policies {
			spec.Policies[policy.Name] = policy.Document.JSON()
		}
		for _, a := range user.Attached {
			if strings.HasPrefix(a.ARN, managed.Prefix) || a.Document == nil {
				spec.Managed = append(spec.Managed, a.ARN)
			} else {
				spec.Own[a.ARN] = a.Document.JSON()
			}
		}
		if _, err := aws.PutUser(ctx, spec); err != nil {
			return err
		}
	}
	return nil
}

// Own gives the credentials of a pipeline's own principal, from which it enters the stages' roles: a build of CodeBuild has
// those of its service role, and a user keys, without a session token. ok is false for a stage whose pipeline has none.
func Own(ctx context.Context, aws *localaws.AWS, stage *plan.Stage) (c sts.Credentials, ok bool, err error) {
	if own, ok := stage.Role(plan.KindCodeBuild); ok {
		c, err := aws.BuildCredentials(ctx, own.ARN(), strings.ReplaceAll(own.Source, "*", stage.Region))
		if err != nil {
			return sts.Credentials{}, true, fmt.Errorf("CodeBuild enters %s: %w", own.ARN(), err)
		}
		return c, true, nil
	}
	own, ok := stage.Role(plan.KindUser)
	if !ok {
		return sts.Credentials{}, false, nil
	}
	keys, err := aws.UserKeys(ctx, own.Account, own.Name)
	if err != nil {
		return sts.Credentials{}, true, fmt.Errorf("the keys of user %s: %w", own.Name, err)
	}
	return sts.Credentials{AccessKeyID: keys.AccessKeyID, SecretAccessKey: keys.SecretAccessKey}, true, nil
}
