package iam

import "context"

// owner is a user, a group or a role as the holder of policies: IAM has the same operations for all.
type owner struct{ account, kind, name string }

func (o owner) args(more ...any) []any { return append([]any{o.account, o.kind, o.name}, more...) }

// must gives AWS's error when the owner does not exist.
func (o owner) must(ctx context.Context, q querier) (err error) {
	switch o.kind {
	case "role":
		_, err = mustRole(ctx, q, o.account, o.name)
	case "group":
		_, err = mustGroup(ctx, q, o.account, o.name)
	default:
		_, err = mustUser(ctx, q, o.account, o.name)
	}
	return err
}

// mustChange is must, and gives AWS's error when the owner is a role that only AWS may change.
func (o owner) mustChange(ctx context.Context, q querier) error {
	if o.kind == "role" {
		_, err := mustOwnRole(ctx, q, o.account, o.name)
		return err
	}
	return o.must(ctx, q)
}

// inlineLimits and attachQuotas are what IAM takes of each kind of owner.
var (
	inlineLimits = map[string]int{"role": maxRoleInline, "user": maxUserInline, "group": maxGroupInline}
	attachQuotas = map[string]string{"role": "PoliciesPerRole", "user": "PoliciesPerUser", "group": "PoliciesPerGroup"}
)

// mustBeBare gives AWS's error when the owner still has policies and so cannot be deleted.
func (o owner) mustBeBare(ctx context.Context, q querier) error {
	n, err := count(ctx, q, `SELECT count(*) FROM iam_attached WHERE account = ? AND kind = ? AND owner = ?`, o.args()...)
	if err != nil || n > 0 {
		return orElse(err, deleteConflict("Cannot delete entity, must detach all policies first."))
	}
	n, err = count(ctx, q, `SELECT count(*) FROM iam_inline WHERE account = ? AND kind = ? AND owner = ?`, o.args()...)
	if err != nil || n > 0 {
		return orElse(err, deleteConflict("Cannot delete entity, must delete policies first."))
	}
	return nil
}

func (s *Service) putInline(ctx context.Context, o owner, name, document string) error {
	if err := checkName("policyName", name, maxPolicyName); err != nil {
		return err
	}
	if err := checkIdentityPolicy(name, document); err != nil {
		return err
	}
	return s.write(ctx, func(q querier) error {
		if err := o.mustChange(ctx, q); err != nil {
			return err
		}
		others, err := many(ctx, q, scanText, `SELECT document FROM iam_inline WHERE account = ? AND kind = ? AND owner = ? AND name <> ?`, o.args(name)...)
		if err != nil {
			return err
		}
		total := size(document)
		for _, other := range others {
			total += size(other)
		}
		limit := inlineLimits[o.kind]
		if total > limit {
			return failure(409, "LimitExceeded", "Maximum policy size of %d bytes exceeded for %s %s", limit, o.kind, o.name)
		}
		return insertInline(ctx, q, o, name, document)
	})
}

func insertInline(ctx context.Context, q querier, o owner, name, document string) error {
	_, err := exec(ctx, q, `INSERT OR REPLACE INTO iam_inline (account, kind, owner, name, document) VALUES (?, ?, ?, ?, ?)`, o.args(name, document)...)
	return err
}

func (s *Service) getInline(ctx context.Context, o owner, name string) (document string, err error) {
	if err := o.must(ctx, s.db); err != nil {
		return "", err
	}
	found, err := one(ctx, s.db, `SELECT document FROM iam_inline WHERE account = ? AND kind = ? AND owner = ? AND name = ?`, o.args(name), []any{&document})
	if err == nil && !found {
		err = noInline(o, name)
	}
	return document, err
}

func noInline(o owner, name string) error {
	return noSuchEntity("The %s policy with name %s cannot be found.", o.kind, name)
}

func (s *Service) listInline(ctx context.Context, o owner, p paging) (*listNamesOut, error) {
	if err := o.must(ctx, s.db); err != nil {
		return nil, err
	}
	names, err := many(ctx, s.db, scanText, `SELECT name FROM iam_inline WHERE account = ? AND kind = ? AND owner = ? ORDER BY name`, o.args()...)
	if err != nil {
		return nil, err
	}
	out := &listNamesOut{}
	out.PolicyNames, out.listed, err = page(p, names, func(name string) string { return name })
	return out, err
}

func (s *Service) deleteInline(ctx context.Context, o owner, name string) error {
	return s.write(ctx, func(q querier) error {
		if err := o.mustChange(ctx, q); err != nil {
			return err
		}
		n, err := exec(ctx, q, `DELETE FROM iam_inline WHERE account = ? AND kind = ? AND owner = ? AND name = ?`, o.args(name)...)
		if err == nil && n == 0 {
			err = noInline(o, name)
		}
		return err
	})
}

func (s *Service) attach(ctx context.Context, o owner, policyARN string) error {
	return s.write(ctx, func(q querier) error {
		if err := o.mustChange(ctx, q); err != nil {
			return err
		}
		if _, err := mustPolicy(ctx, q, o.account, policyARN); err != nil {
			return err
		}
		n, err := count(ctx, q, `SELECT count(*) FROM iam_attached WHERE account = ? AND kind = ? AND owner = ? AND arn <> ?`, o.args(policyARN)...)
		if err != nil || n >= maxAttached {
			return orElse(err, limitExceeded(attachQuotas[o.kind], maxAttached))
		}
		_, err = exec(ctx, q, `INSERT OR REPLACE INTO iam_attached (account, kind, owner, arn) VALUES (?, ?, ?, ?)`, o.args(policyARN)...)
		return err
	})
}

func (s *Service) detach(ctx context.Context, o owner, policyARN string) error {
	return s.write(ctx, func(q querier) error {
		if err := o.mustChange(ctx, q); err != nil {
			return err
		}
		n, err := exec(ctx, q, `DELETE FROM iam_attached WHERE account = ? AND kind = ? AND owner = ? AND arn = ?`, o.args(policyARN)...)
		if err == nil && n == 0 {
			err = noSuchEntity("Policy %s was not found.", policyARN)
		}
		return err
	})
}

func (s *Service) listAttached(ctx context.Context, o owner, p paging) (*listAttachedOut, error) {
	if err := o.must(ctx, s.db); err != nil {
		return nil, err
	}
	arns, err := many(ctx, s.db, scanText, `SELECT arn FROM iam_attached WHERE account = ? AND kind = ? AND owner = ? ORDER BY arn`, o.args()...)
	if err != nil {
		return nil, err
	}
	out := &listAttachedOut{AttachedPolicies: []attachedPolicy{}}
	for _, a := range arns {
		out.AttachedPolicies = append(out.AttachedPolicies, attachedPolicy{nameOf(a), a})
	}
	out.AttachedPolicies, out.listed, err = page(p, out.AttachedPolicies, func(a attachedPolicy) string { return a.PolicyArn })
	return out, err
}

// The wire structures that users, groups and roles share.
type (
	attachedPolicy  struct{ PolicyName, PolicyArn string }
	listAttachedOut struct {
		AttachedPolicies []attachedPolicy
		listed
	}
	listNamesOut struct {
		PolicyNames []string
		listed
	}
)
