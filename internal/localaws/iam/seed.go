package iam

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	administrator = "administrator"
	adminPolicy   = `{"Version":"2012-10-17","Statement":[{"Sid":"Everything","Effect":"Allow","Action":"*","Resource":"*"}]}`
)

// EnsureAccount makes an account with a user "administrator" who may do everything, and gives that user's access
// key: the same one every time.
func (s *Service) EnsureAccount(ctx context.Context, account string) (Keys, error) {
	if !accountPattern.MatchString(account) {
		return Keys{}, fmt.Errorf("account %q: not 12 digits", account)
	}
	var keys Keys
	err := s.write(ctx, func(q querier) error {
		if err := insertAccount(ctx, q, account); err != nil {
			return err
		}
		u, err := findUser(ctx, q, account, administrator)
		if err != nil {
			return err
		}
		if u == nil {
			if err := s.insertUser(ctx, q, &user{account: account, path: "/", name: administrator}); err != nil {
				return err
			}
			if err := insertInline(ctx, q, owner{account, "user", administrator}, "AdministratorAccess", adminPolicy); err != nil {
				return err
			}
		}
		keys, err = s.ensureKey(ctx, q, account, administrator)
		return err
	})
	if err != nil {
		return Keys{}, fmt.Errorf("make account %s: %w", account, err)
	}
	return keys, nil
}

// ensureKey gives a user's oldest active key, or makes one.
func (s *Service) ensureKey(ctx context.Context, q querier, account, user string) (Keys, error) {
	old, err := many(ctx, q, scanKey, `SELECT `+keyColumns+` FROM iam_keys WHERE account = ? AND user = ? AND active = 1 ORDER BY created, id LIMIT 1`, account, user)
	if err != nil {
		return Keys{}, err
	}
	if len(old) > 0 {
		return Keys{old[0].id, old[0].secret}, nil
	}
	k, err := s.insertKey(ctx, q, account, user)
	if err != nil {
		return Keys{}, err
	}
	return Keys{k.id, k.secret}, nil
}

// insertAccount makes an account that is not there, after all others.
func insertAccount(ctx context.Context, q querier, account string) error {
	_, err := exec(ctx, q, `INSERT OR IGNORE INTO iam_accounts (id, made) SELECT ?, 1 + coalesce(max(made), 0) FROM iam_accounts`, account)
	return err
}

// Accounts lists the accounts that exist, in the order in which they were made.
func (s *Service) Accounts(ctx context.Context) ([]string, error) {
	return many(ctx, s.db, scanText, `SELECT id FROM iam_accounts ORDER BY made, id`)
}

// RoleNames lists the names of an account's roles.
func (s *Service) RoleNames(ctx context.Context, account string) ([]string, error) {
	return many(ctx, s.db, scanText, `SELECT name FROM iam_roles WHERE account = ? ORDER BY name`, account)
}

// RoleSpec is a role to be put into the store. Documents are policies in JSON.
type RoleSpec struct {
	Account  string
	Name     string
	Path     string // / when empty
	Trust    []byte
	Policies map[string][]byte // inline, by name
	Managed  []string          // ARNs of managed policies that are there
	// Own are managed policies of the account by ARN, which are made or replaced, and attached.
	Own map[string][]byte
	// Boundary is stored as the managed policy <Name>-Boundary under the role's path.
	Boundary []byte
	// MaxSession is the longest session in seconds; 0 means an hour.
	MaxSession int
	Tags       []Tag
	// InstanceProfile asks for an instance profile of the same name and path.
	InstanceProfile bool
}

// PutRole makes a role, or replaces everything about it but its id. It refuses what IAM refuses.
func (s *Service) PutRole(ctx context.Context, spec RoleSpec) error {
	fail := func(err error) error {
		return fmt.Errorf("put role %s in account %s: %w", spec.Name, spec.Account, err)
	}
	if !accountPattern.MatchString(spec.Account) {
		return fail(fmt.Errorf("account %q: not 12 digits", spec.Account))
	}
	if err := spec.check(); err != nil {
		return fail(err)
	}
	in := &createRoleIn{RoleName: spec.Name, Path: spec.Path, AssumeRolePolicyDocument: string(spec.Trust), Tags: spec.Tags}
	if spec.MaxSession != 0 {
		in.MaxSessionDuration = &spec.MaxSession
	}
	r, err := s.newRole(spec.Account, in)
	if err != nil {
		return fail(err)
	}
	if err := s.write(ctx, func(q querier) error { return s.replaceRole(ctx, q, r, &spec) }); err != nil {
		return fail(err)
	}
	return nil
}

func (spec *RoleSpec) check() error {
	if err := checkName("roleName", spec.Name, maxRoleName); err != nil {
		return err
	}
	total := 0
	for name, document := range spec.Policies {
		if err := checkName("policyName", name, maxPolicyName); err != nil {
			return err
		}
		if err := checkIdentityPolicy(name, string(document)); err != nil {
			return fmt.Errorf("policy %s: %w", name, err)
		}
		total += size(string(document))
	}
	if total > maxRoleInline {
		return limitExceeded("PolicySize", maxRoleInline)
	}
	for arn, document := range spec.Own {
		if err := checkManaged(arn, string(document)); err != nil {
			return err
		}
	}
	if spec.Boundary != nil {
		return checkManaged("boundary", string(spec.Boundary))
	}
	return nil
}

// replacePolicy makes a managed policy of the account's own in place of the one that is there.
func (s *Service) replacePolicy(ctx context.Context, q querier, account, policy, document string) error {
	path, ok := strings.CutPrefix(policy, "arn:aws:iam::"+account+":policy/")
	if !ok {
		return fmt.Errorf("%s is not a managed policy of account %s", policy, account)
	}
	at := strings.LastIndexByte(path, '/') + 1
	p := &managedPolicy{account: account, path: "/" + path[:at], name: path[at:]}
	if err := execAll(ctx, q, []any{policy}, `DELETE FROM iam_policy_versions WHERE arn = ?`, `DELETE FROM iam_policies WHERE arn = ?`); err != nil {
		return err
	}
	return s.insertPolicy(ctx, q, p, document)
}

func (s *Service) replaceRole(ctx context.Context, q querier, r *Role, spec *RoleSpec) error {
	if err := insertAccount(ctx, q, r.Account); err != nil {
		return err
	}
	old, err := findRole(ctx, q, r.Account, r.Name)
	if err != nil {
		return err
	}
	if old != nil {
		r.ID, r.created = old.ID, old.created
		if err := s.dropRole(ctx, q, old); err != nil {
			return err
		}
	}
	if spec.Boundary != nil {
		p := &managedPolicy{account: r.Account, path: r.Path, name: boundaryName(r.Name)}
		if err := s.insertPolicy(ctx, q, p, string(spec.Boundary)); err != nil {
			return err
		}
		r.Boundary = p.arn
	}
	if err := s.insertRole(ctx, q, r); err != nil {
		return err
	}
	return s.fillRole(ctx, q, r, spec)
}

func boundaryName(role string) string { return role + "-Boundary" }

// fillRole gives a new role its policies and its instance profile.
func (s *Service) fillRole(ctx context.Context, q querier, r *Role, spec *RoleSpec) error {
	o := owner{r.Account, "role", r.Name}
	for _, name := range slices.Sorted(maps.Keys(spec.Policies)) {
		if err := insertInline(ctx, q, o, name, string(spec.Policies[name])); err != nil {
			return err
		}
	}
	own := slices.Sorted(maps.Keys(spec.Own))
	for _, a := range own {
		if err := s.replacePolicy(ctx, q, r.Account, a, string(spec.Own[a])); err != nil {
			return err
		}
	}
	for _, a := range slices.Concat(spec.Managed, own) {
		if _, err := mustPolicy(ctx, q, r.Account, a); err != nil {
			return err
		}
		if _, err := exec(ctx, q, `INSERT OR REPLACE INTO iam_attached (account, kind, owner, arn) VALUES (?, ?, ?, ?)`, o.args(a)...); err != nil {
			return err
		}
	}
	if !spec.InstanceProfile {
		return nil
	}
	return s.insertProfile(ctx, q, &profile{account: r.Account, path: r.Path, name: r.Name, role: r.Name})
}

// dropRole removes a role with everything that PutRole makes with it.
func (s *Service) dropRole(ctx context.Context, q querier, r *Role) error {
	o := owner{r.Account, "role", r.Name}
	err := execAll(ctx, q, o.args(),
		`DELETE FROM iam_inline WHERE account = ? AND kind = ? AND owner = ?`,
		`DELETE FROM iam_attached WHERE account = ? AND kind = ? AND owner = ?`)
	if err != nil {
		return err
	}
	err = execAll(ctx, q, []any{r.Account, r.Name},
		`DELETE FROM iam_roles WHERE account = ? AND name = ?`,
		`DELETE FROM iam_profiles WHERE account = ?1 AND name = ?2 AND role = ?2`)
	if err != nil {
		return err
	}
	own := arn(r.Account, "policy", r.Path, boundaryName(r.Name))
	return execAll(ctx, q, []any{own}, `DELETE FROM iam_policy_versions WHERE arn = ?`, `DELETE FROM iam_policies WHERE arn = ?`)
}

// PutOIDCProvider makes an account trust an issuer's tokens for these audiences, in place of what it trusted before.
func (s *Service) PutOIDCProvider(ctx context.Context, account, issuer string, clientIDs []string) error {
	p := &Provider{
		ARN: providerARN(account, issuer), Account: account, URL: issuer, ClientIDs: clientIDs, thumbprints: []string{}, created: s.now().Unix(),
	}
	return s.write(ctx, func(q querier) error { return insertProvider(ctx, q, p) })
}
