package iam

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// The wire structures of the versions and the users of managed policies.
type (
	policyListIn struct {
		PolicyArn string
		paging
	}
	listVersionsOut struct {
		Versions []versionShape
		listed
	}
	entitiesIn struct {
		PolicyArn, EntityFilter, PathPrefix, PolicyUsageFilter string
		paging
	}
	policyGroup struct{ GroupName, GroupId string }
	policyUser  struct{ UserName, UserId string }
	policyRole  struct{ RoleName, RoleId string }
	entitiesOut struct {
		PolicyGroups []policyGroup
		PolicyUsers  []policyUser
		PolicyRoles  []policyRole
		listed
	}
)

func (s *Service) policyVersionOperations() []gateway.Operation {
	return []gateway.Operation{
		gateway.Op("ListPolicyVersions", func(ctx context.Context, c *gateway.Call, in *policyListIn) ([]gateway.Access, error) {
			return s.onPolicy(ctx, c, in.PolicyArn)
		}, s.listVersions).Except("of a policy of AWS only the default version is there"),
		gateway.Op("SetDefaultPolicyVersion", func(ctx context.Context, c *gateway.Call, in *policyVersionIn) ([]gateway.Access, error) {
			return s.onPolicy(ctx, c, in.PolicyArn)
		}, s.setDefaultVersion),
		gateway.Op("ListEntitiesForPolicy", func(ctx context.Context, c *gateway.Call, in *entitiesIn) ([]gateway.Access, error) {
			return s.onPolicy(ctx, c, in.PolicyArn)
		}, s.listEntities),
	}
}

// versions lists a policy's versions, the newest first. Documents stay out.
func (p *managedPolicy) versions(ctx context.Context, q querier) ([]versionShape, error) {
	if p.account == "" {
		return []versionShape{{VersionId: "v" + strconv.Itoa(p.version), IsDefaultVersion: true, CreateDate: at(p.updated)}}, nil
	}
	return many(ctx, q, func(rows *sql.Rows) (versionShape, error) {
		var number int
		var created int64
		err := rows.Scan(&number, &created)
		return versionShape{VersionId: "v" + strconv.Itoa(number), IsDefaultVersion: number == p.version, CreateDate: at(created)}, err
	}, `SELECT version, created FROM iam_policy_versions WHERE arn = ? ORDER BY version DESC`, p.arn)
}

func (s *Service) listVersions(ctx context.Context, c *gateway.Call, in *policyListIn) (*listVersionsOut, error) {
	p, err := mustPolicy(ctx, s.db, c.Caller.Account, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	versions, err := p.versions(ctx, s.db)
	if err != nil {
		return nil, err
	}
	place := func(v versionShape) string { // orders the newest first
		n := slices.IndexFunc(versions, func(w versionShape) bool { return w.VersionId == v.VersionId })
		return strconv.Itoa(1000 + n)
	}
	out := &listVersionsOut{}
	out.Versions, out.listed, err = page(in.paging, slices.Clone(versions), place)
	return out, err
}

func (s *Service) setDefaultVersion(ctx context.Context, c *gateway.Call, in *policyVersionIn) (*empty, error) {
	number, err := in.number()
	if err != nil {
		return nil, err
	}
	return &empty{}, s.write(ctx, func(q querier) error {
		p, err := mustOwnPolicy(ctx, q, c.Caller.Account, in.PolicyArn)
		if err != nil {
			return err
		}
		if _, _, err := p.document(ctx, q, number); err != nil {
			return err
		}
		_, err = exec(ctx, q, `UPDATE iam_policies SET version = ?, updated = ? WHERE arn = ?`, number, s.now().Unix(), p.arn)
		return err
	})
}

// user of a policy: an entity that it is attached to, or whose boundary it is.
type policyEntity struct{ kind, name, path, id string }

func scanEntity(rows *sql.Rows) (e policyEntity, err error) {
	err = rows.Scan(&e.kind, &e.name, &e.path, &e.id)
	return e, err
}

// entitiesOf lists who a policy is attached to and whose boundary it is, in order of kind and name.
func entitiesOf(ctx context.Context, q querier, account, arn, usage string) ([]policyEntity, error) {
	var list []policyEntity
	for _, k := range []struct{ kind, table string }{{"group", "iam_groups"}, {"role", "iam_roles"}, {"user", "iam_users"}} {
		uses := map[string]string{
			"PermissionsPolicy":   `name IN (SELECT owner FROM iam_attached WHERE account = ?1 AND kind = '` + k.kind + `' AND arn = ?2)`,
			"PermissionsBoundary": `boundary = ?2`,
		}
		where := uses[usage]
		switch {
		case k.kind == "group" && usage == "PermissionsBoundary":
			continue
		case k.kind == "group":
			where = uses["PermissionsPolicy"]
		case usage == "":
			where = "(" + uses["PermissionsPolicy"] + " OR " + uses["PermissionsBoundary"] + ")"
		}
		found, err := many(ctx, q, scanEntity, `SELECT '`+k.kind+`', name, path, id FROM `+k.table+` WHERE account = ?1 AND `+where+` ORDER BY name`, account, arn)
		if err != nil {
			return nil, err
		}
		list = append(list, found...)
	}
	return list, nil
}

func (in *entitiesIn) check() error {
	if !slices.Contains([]string{"", "User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"}, in.EntityFilter) {
		return invalid("1 validation error detected: Value at 'entityFilter' failed to satisfy constraint: Member must satisfy enum value set: [User, Role, Group, LocalManagedPolicy, AWSManagedPolicy]")
	}
	if !slices.Contains([]string{"", "PermissionsPolicy", "PermissionsBoundary"}, in.PolicyUsageFilter) {
		return invalid("1 validation error detected: Value at 'policyUsageFilter' failed to satisfy constraint: Member must satisfy enum value set: [PermissionsPolicy, PermissionsBoundary]")
	}
	return nil
}

func (s *Service) listEntities(ctx context.Context, c *gateway.Call, in *entitiesIn) (*entitiesOut, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	p, err := mustPolicy(ctx, s.db, c.Caller.Account, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	list, err := entitiesOf(ctx, s.db, c.Caller.Account, p.arn, in.PolicyUsageFilter)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(e policyEntity) bool {
		return in.EntityFilter != "" && !strings.EqualFold(in.EntityFilter, e.kind) || !strings.HasPrefix(e.path, in.PathPrefix)
	})
	out := &entitiesOut{PolicyGroups: []policyGroup{}, PolicyUsers: []policyUser{}, PolicyRoles: []policyRole{}}
	if list, out.listed, err = page(in.paging, list, func(e policyEntity) string { return e.kind + "/" + e.name }); err != nil {
		return nil, err
	}
	for _, e := range list {
		switch e.kind {
		case "group":
			out.PolicyGroups = append(out.PolicyGroups, policyGroup{e.name, e.id})
		case "user":
			out.PolicyUsers = append(out.PolicyUsers, policyUser{e.name, e.id})
		case "role":
			out.PolicyRoles = append(out.PolicyRoles, policyRole{e.name, e.id})
		}
	}
	return out, nil
}
