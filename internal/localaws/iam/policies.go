package iam

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/slipway-cd/slipway/iam/managed"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// managedPolicy is a customer managed policy, or one of AWS's.
type managedPolicy struct {
	arn, account, name, path, id, description string
	created, updated                          int64
	version                                   int
	tags                                      []Tag
}

const policyColumns = `arn, account, name, path, id, description, created, updated, version, tags`

func scanPolicy(rows *sql.Rows) (*managedPolicy, error) {
	var p managedPolicy
	err := scanTags(rows, &p.tags, &p.arn, &p.account, &p.name, &p.path, &p.id, &p.description, &p.created, &p.updated, &p.version)
	return &p, err
}

// mustPolicy gives a policy that account may use: its own, or one of AWS's.
func mustPolicy(ctx context.Context, q querier, account, policyARN string) (*managedPolicy, error) {
	if p, ok := managed.Lookup(policyARN); ok {
		return awsPolicy(p), nil
	}
	if len(policyARN) < minARN || len(policyARN) > maxARN {
		return nil, invalid("1 validation error detected: Value at 'policyArn' failed to satisfy constraint: Member must have length between %d and %d", minARN, maxARN)
	}
	list, err := many(ctx, q, scanPolicy, `SELECT `+policyColumns+` FROM iam_policies WHERE arn = ? AND account = ?`, policyARN, account)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, noSuchEntity("Policy %s does not exist or is not attachable.", policyARN)
	}
	return list[0], nil
}

// mustOwnPolicy gives a policy of the account's own, which alone can be changed.
func mustOwnPolicy(ctx context.Context, q querier, account, policyARN string) (*managedPolicy, error) {
	p, err := mustPolicy(ctx, q, account, policyARN)
	if err == nil && p.account == "" {
		err = failure(http.StatusForbidden, "AccessDenied", "AWS managed policies cannot be changed.")
	}
	return p, err
}

func hasOwnPolicy(ctx context.Context, q querier, account, policyARN string) error {
	_, err := mustOwnPolicy(ctx, q, account, policyARN)
	return err
}

// document gives a version's text.
func (p *managedPolicy) document(ctx context.Context, q querier, version int) (string, int64, error) {
	if own, ok := managed.Lookup(p.arn); ok && version == own.Version {
		return string(own.Text), p.updated, nil
	}
	var text string
	var created int64
	found, err := one(ctx, q, `SELECT document, created FROM iam_policy_versions WHERE arn = ? AND version = ?`, []any{p.arn, version}, []any{&text, &created})
	if err == nil && !found {
		err = noSuchEntity("Policy %s version v%d does not exist or is not attachable.", p.arn, version)
	}
	return text, created, err
}

// The wire structures of managed policies.
type (
	policyShape struct {
		PolicyName, PolicyId, Arn, Path, DefaultVersionId string
		AttachmentCount, PermissionsBoundaryUsageCount    int
		IsAttachable                                      bool
		Description                                       string `xml:",omitempty"`
		CreateDate, UpdateDate                            gateway.Time
		Tags                                              []Tag `xml:",omitempty"`
	}
	policyOut      struct{ Policy policyShape }
	createPolicyIn struct {
		PolicyName, Path, PolicyDocument, Description string
		Tags                                          []Tag
	}
	policyArnIn     struct{ PolicyArn string }
	policyVersionIn struct{ PolicyArn, VersionId string }
	newVersionIn    struct {
		PolicyArn, PolicyDocument string
		SetAsDefault              bool
	}
	versionShape struct {
		Document         string `xml:",omitempty"`
		VersionId        string
		IsDefaultVersion bool
		CreateDate       gateway.Time
	}
	versionOut     struct{ PolicyVersion versionShape }
	listPoliciesIn struct {
		Scope, PathPrefix, PolicyUsageFilter string
		OnlyAttached                         bool
		paging
	}
	listPoliciesOut struct {
		Policies []policyShape
		listed
	}
)

// shape is the policy as account sees it: one of AWS's is counted in that account only.
func (p *managedPolicy) shape(ctx context.Context, q querier, account string) (policyShape, error) {
	n, err := count(ctx, q, `SELECT count(*) FROM iam_attached WHERE arn = ? AND account = ?`, p.arn, account)
	if err != nil {
		return policyShape{}, err
	}
	bounds, err := boundaryUses(ctx, q, account, p.arn)
	return policyShape{
		PolicyName: p.name, PolicyId: p.id, Arn: p.arn, Path: p.path, DefaultVersionId: "v" + strconv.Itoa(p.version),
		AttachmentCount: n, PermissionsBoundaryUsageCount: bounds, IsAttachable: true, Description: p.description,
		CreateDate: at(p.created), UpdateDate: at(p.updated), Tags: p.tags,
	}, err
}

// boundaryUses counts the users and roles of an account that have the policy for their boundary.
func boundaryUses(ctx context.Context, q querier, account, arn string) (int, error) {
	return count(ctx, q, `SELECT (SELECT count(*) FROM iam_roles WHERE account = ?1 AND boundary = ?2) +
		(SELECT count(*) FROM iam_users WHERE account = ?1 AND boundary = ?2)`, account, arn)
}

func (s *Service) policyOperations() []gateway.Operation {
	return []gateway.Operation{
		gateway.Op("CreatePolicy", createPolicyAccess, s.createPolicy),
		gateway.Op("GetPolicy", func(ctx context.Context, c *gateway.Call, in *policyArnIn) ([]gateway.Access, error) {
			return s.onPolicy(ctx, c, in.PolicyArn)
		}, s.getPolicy),
		gateway.Op("GetPolicyVersion", func(ctx context.Context, c *gateway.Call, in *policyVersionIn) ([]gateway.Access, error) {
			return s.onPolicy(ctx, c, in.PolicyArn)
		}, s.getPolicyVersion),
		gateway.Op("CreatePolicyVersion", func(ctx context.Context, c *gateway.Call, in *newVersionIn) ([]gateway.Access, error) {
			return s.onPolicy(ctx, c, in.PolicyArn)
		}, s.createPolicyVersion),
		gateway.Op("DeletePolicyVersion", func(ctx context.Context, c *gateway.Call, in *policyVersionIn) ([]gateway.Access, error) {
			return s.onPolicy(ctx, c, in.PolicyArn)
		}, s.deletePolicyVersion),
		gateway.Op("ListPolicies", func(ctx context.Context, c *gateway.Call, in *listPoliciesIn) ([]gateway.Access, error) {
			return onPath("policy")(ctx, c, &listIn{PathPrefix: in.PathPrefix})
		}, s.listPolicies),
		gateway.Op("DeletePolicy", func(ctx context.Context, c *gateway.Call, in *policyArnIn) ([]gateway.Access, error) {
			return s.onPolicy(ctx, c, in.PolicyArn)
		}, s.deletePolicy),
	}
}

// onPolicy demands the operation's own action on a policy. It is checked in the caller's account: another account's
// policy cannot be reached, and is then not found.
func (s *Service) onPolicy(ctx context.Context, c *gateway.Call, policyARN string) ([]gateway.Access, error) {
	a, err := s.policyAccess(ctx, c, policyARN)
	return []gateway.Access{a}, err
}

func (s *Service) policyAccess(ctx context.Context, c *gateway.Call, policyARN string) (gateway.Access, error) {
	if !strings.HasPrefix(policyARN, "arn:aws:iam::") || !strings.Contains(policyARN, ":policy/") {
		return gateway.Access{}, invalidInput("ARN %s is not valid.", policyARN)
	}
	p, err := mustPolicy(ctx, s.db, c.Caller.Account, policyARN)
	var none *gateway.Error
	switch {
	case errors.As(err, &none):
		return gateway.Access{Resource: policyARN}, nil // found out after the permission
	case err != nil:
		return gateway.Access{}, err
	}
	return gateway.Access{Resource: policyARN, Context: resourceTags("", p.tags)}, nil
}

func createPolicyAccess(_ context.Context, c *gateway.Call, in *createPolicyIn) ([]gateway.Access, error) {
	if err := checkName("policyName", in.PolicyName, maxPolicyName); err != nil {
		return nil, err
	}
	path, err := checkPath(in.Path)
	if err != nil {
		return nil, err
	}
	return newEntity(arn(c.Caller.Account, "policy", path, in.PolicyName), "", "iam:TagPolicy", in.Tags)
}

func checkManaged(name, document string) error {
	if size(document) > maxManaged {
		return limitExceeded("PolicySize", maxManaged)
	}
	return checkIdentityPolicy(name, document)
}

func (s *Service) createPolicy(ctx context.Context, c *gateway.Call, in *createPolicyIn) (*policyOut, error) {
	path, err := checkPath(in.Path)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(checkManaged(in.PolicyName, in.PolicyDocument), checkDescription(in.Description)); err != nil {
		return nil, err
	}
	var out policyOut
	err = s.write(ctx, func(q querier) error {
		n, err := count(ctx, q, `SELECT count(*) FROM iam_policies WHERE account = ? AND name = ? COLLATE NOCASE`, c.Caller.Account, in.PolicyName)
		if err != nil || n > 0 {
			return orElse(err, alreadyExists("A policy called %s already exists. Duplicate names are not allowed.", in.PolicyName))
		}
		if err := within(ctx, q, "iam_policies", "PoliciesPerAccount", c.Caller.Account, maxPolicies); err != nil {
			return err
		}
		p := &managedPolicy{account: c.Caller.Account, path: path, name: in.PolicyName, description: in.Description, tags: in.Tags}
		err = s.insertPolicy(ctx, q, p, in.PolicyDocument)
		if err != nil {
			return err
		}
		out.Policy, err = p.shape(ctx, q, c.Caller.Account)
		return err
	})
	return &out, err
}

// insertPolicy stores a policy with its first version; ARN, id, dates and version are filled in.
func (s *Service) insertPolicy(ctx context.Context, q querier, p *managedPolicy, document string) (err error) {
	if p.id, err = s.newID("ANPA", 21); err != nil {
		return err
	}
	p.arn, p.version = arn(p.account, "policy", p.path, p.name), 1
	p.created = s.now().Unix()
	p.updated = p.created
	tags, err := toJSON(p.tags)
	if err != nil {
		return err
	}
	_, err = exec(ctx, q, `INSERT INTO iam_policies (`+policyColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		p.arn, p.account, p.name, p.path, p.id, p.description, p.created, p.updated, p.version, tags)
	if err != nil {
		return err
	}
	return insertVersion(ctx, q, p.arn, 1, document, p.created)
}

func insertVersion(ctx context.Context, q querier, arn string, version int, document string, now int64) error {
	_, err := exec(ctx, q, `INSERT INTO iam_policy_versions (arn, version, document, created) VALUES (?, ?, ?, ?)`, arn, version, document, now)
	return err
}

func (s *Service) getPolicy(ctx context.Context, c *gateway.Call, in *policyArnIn) (*policyOut, error) {
	p, err := mustPolicy(ctx, s.db, c.Caller.Account, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	shape, err := p.shape(ctx, s.db, c.Caller.Account)
	return &policyOut{shape}, err
}

func (s *Service) getPolicyVersion(ctx context.Context, c *gateway.Call, in *policyVersionIn) (*versionOut, error) {
	number, err := in.number()
	if err != nil {
		return nil, err
	}
	p, err := mustPolicy(ctx, s.db, c.Caller.Account, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	text, created, err := p.document(ctx, s.db, number)
	return &versionOut{versionShape{encoded(text), in.VersionId, number == p.version, at(created)}}, err
}

// number is the 2 of v2.
func (in *policyVersionIn) number() (int, error) {
	n, err := strconv.Atoi(strings.TrimPrefix(in.VersionId, "v"))
	if err != nil || n < 1 || in.VersionId != "v"+strconv.Itoa(n) {
		return 0, invalid("1 validation error detected: Value at 'versionId' failed to satisfy constraint: Member must satisfy regular expression pattern: v[1-9][0-9]*")
	}
	return n, nil
}

func (s *Service) deletePolicyVersion(ctx context.Context, c *gateway.Call, in *policyVersionIn) (*empty, error) {
	number, err := in.number()
	if err != nil {
		return nil, err
	}
	return &empty{}, s.write(ctx, func(q querier) error {
		p, err := mustOwnPolicy(ctx, q, c.Caller.Account, in.PolicyArn)
		if err != nil {
			return err
		}
		if number == p.version {
			return deleteConflict("Cannot delete the default version of a policy.")
		}
		n, err := exec(ctx, q, `DELETE FROM iam_policy_versions WHERE arn = ? AND version = ?`, p.arn, number)
		if err == nil && n == 0 {
			err = noSuchEntity("Policy %s version %s does not exist or is not attachable.", p.arn, in.VersionId)
		}
		return err
	})
}

func (s *Service) createPolicyVersion(ctx context.Context, c *gateway.Call, in *newVersionIn) (*versionOut, error) {
	if err := checkManaged(nameOf(in.PolicyArn), in.PolicyDocument); err != nil {
		return nil, err
	}
	var out versionOut
	err := s.write(ctx, func(q querier) error {
		p, err := mustOwnPolicy(ctx, q, c.Caller.Account, in.PolicyArn)
		if err != nil {
			return err
		}
		var n, last int
		if _, err := one(ctx, q, `SELECT count(*), max(version) FROM iam_policy_versions WHERE arn = ?`, []any{p.arn}, []any{&n, &last}); err != nil {
			return err
		}
		if n >= maxVersions {
			return limitExceeded("VersionsPerPolicy", maxVersions)
		}
		now := s.now().Unix()
		if in.SetAsDefault {
			if _, err := exec(ctx, q, `UPDATE iam_policies SET version = ?, updated = ? WHERE arn = ?`, last+1, now, p.arn); err != nil {
				return err
			}
		}
		out.PolicyVersion = versionShape{VersionId: "v" + strconv.Itoa(last+1), IsDefaultVersion: in.SetAsDefault, CreateDate: at(now)}
		return insertVersion(ctx, q, p.arn, last+1, in.PolicyDocument, now)
	})
	return &out, err
}

func (s *Service) deletePolicy(ctx context.Context, c *gateway.Call, in *policyArnIn) (*empty, error) {
	return &empty{}, s.write(ctx, func(q querier) error {
		p, err := mustOwnPolicy(ctx, q, c.Caller.Account, in.PolicyArn)
		if err != nil {
			return err
		}
		n, err := boundaryUses(ctx, q, p.account, p.arn)
		if err != nil {
			return err
		}
		m, err := count(ctx, q, `SELECT count(*) FROM iam_attached WHERE arn = ?`, p.arn)
		if err != nil || n+m > 0 {
			return orElse(err, deleteConflict("Cannot delete a policy attached to entities."))
		}
		n, err = count(ctx, q, `SELECT count(*) FROM iam_policy_versions WHERE arn = ?`, p.arn)
		if err != nil || n > 1 {
			return orElse(err, deleteConflict("This policy has more than one version. Before you delete a policy, you must delete the policy's versions."))
		}
		return execAll(ctx, q, []any{p.arn}, `DELETE FROM iam_policy_versions WHERE arn = ?`, `DELETE FROM iam_policies WHERE arn = ?`)
	})
}
