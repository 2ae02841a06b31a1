package iam

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// UserSpec is a user to be put into the store. Documents are policies in JSON.
type UserSpec struct {
	Account, Name, Path string
	Policies            map[string][]byte // inline, by name
	Managed             []string          // ARNs of managed policies that are there
	// Own are managed policies of the account by ARN, which are made or replaced, and attached.
	Own map[string][]byte
}

// PutUser makes a user with exactly these policies, or gives them to the one that is there, and gives an access key of its:
// the same one every time. It refuses what IAM refuses.
func (s *Service) PutUser(ctx context.Context, spec UserSpec) (Keys, error) {
	var keys Keys
	err := spec.check()
	if err == nil {
		err = s.write(ctx, func(q querier) error {
			if err := s.replaceUser(ctx, q, &spec); err != nil {
				return err
			}
			keys, err = s.ensureKey(ctx, q, spec.Account, spec.Name)
			return err
		})
	}
	if err != nil {
		return Keys{}, fmt.Errorf("put user %s in account %s: %w", spec.Name, spec.Account, err)
	}
	return keys, nil
}

// UserKeys gives an access key of a user.
func (s *Service) UserKeys(ctx context.Context, account, name string) (keys Keys, err error) {
	err = s.write(ctx, func(q querier) error {
		if _, err := mustUser(ctx, q, account, name); err != nil {
			return err
		}
		keys, err = s.ensureKey(ctx, q, account, name)
		return err
	})
	return keys, err
}

func (spec *UserSpec) check() error {
	if !accountPattern.MatchString(spec.Account) {
		return fmt.Errorf("account %q: not 12 digits", spec.Account)
	}
	if err := checkName("userName", spec.Name, maxRoleName); err != nil {
		return err
	}
	for name, document := range spec.Policies {
		if err := checkName("policyName", name, maxPolicyName); err != nil {
			return err
		}
		if err := checkIdentityPolicy(name, string(document)); err != nil {
			return fmt.Errorf("policy %s: %w", name, err)
		}
	}
	for arn, document := range spec.Own {
		if err := checkManaged(arn, string(document)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) replaceUser(ctx context.Context, q querier, spec *UserSpec) error {
	if err := insertAccount(ctx, q, spec.Account); err != nil {
		return err
	}
	old, err := findUser(ctx, q, spec.Account, spec.Name)
	if err != nil {
		return err
	}
	if old == nil {
		if err := s.insertUser(ctx, q, &user{account: spec.Account, path: spec.Path, name: spec.Name}); err != nil {
			return err
		}
	}
	o := owner{spec.Account, "user", spec.Name}
	err = execAll(ctx, q, o.args(),
		`DELETE FROM iam_inline WHERE account = ? AND kind = ? AND owner = ?`,
		`DELETE FROM iam_attached WHERE account = ? AND kind = ? AND owner = ?`)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(spec.Policies)) {
		if err := insertInline(ctx, q, o, name, string(spec.Policies[name])); err != nil {
			return err
		}
	}
	own := slices.Sorted(maps.Keys(spec.Own))
	for _, a := range own {
		if err := s.replacePolicy(ctx, q, spec.Account, a, string(spec.Own[a])); err != nil {
			return err
		}
	}
	for _, a := range slices.Concat(spec.Managed, own) {
		if _, err := mustPolicy(ctx, q, spec.Account, a); err != nil {
			return err
		}
		if _, err := exec(ctx, q, `INSERT OR REPLACE INTO iam_attached (account, kind, owner, arn) VALUES (?, ?, ?, ?)`, o.args(a)...); err != nil {
			return err
		}
	}
	return nil
}
