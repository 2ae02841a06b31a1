package iam

import (
	"context"
	"database/sql"
	"net/http"
	"strings"

	engine "github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// Role is a role as it is stored.
type Role struct {
	Account, Name, Path string
	ID                  string // AROA…
	Trust               string // the trust policy
	Boundary            string // ARN of the boundary; empty for none
	Description         string
	MaxSession          int // seconds
	Tags                []Tag
	created             int64
}

// ARN of the role.
func (r *Role) ARN() string { return arn(r.Account, "role", r.Path, r.Name) }

// TrustPolicy compiles the trust policy.
func (r *Role) TrustPolicy() (*engine.Policy, error) {
	return engine.ParsePolicy("trust policy of "+r.Name, []byte(r.Trust))
}

const roleColumns = `account, name, path, id, trust, boundary, description, max_session, tags, created`

func scanRole(rows *sql.Rows) (*Role, error) {
	var r Role
	var tags string
	if err := rows.Scan(&r.Account, &r.Name, &r.Path, &r.ID, &r.Trust, &r.Boundary, &r.Description, &r.MaxSession, &tags, &r.created); err != nil {
		return nil, err
	}
	return &r, fromJSON(tags, &r.Tags)
}

// findRole gives a role, or nil when there is none.
func findRole(ctx context.Context, q querier, account, name string) (*Role, error) {
	roles, err := many(ctx, q, scanRole, `SELECT `+roleColumns+` FROM iam_roles WHERE account = ? AND name = ?`, account, name)
	if err != nil || len(roles) == 0 {
		return nil, err
	}
	return roles[0], nil
}

// mustRole is findRole with AWS's error for none.
func mustRole(ctx context.Context, q querier, account, name string) (*Role, error) {
	r, err := findRole(ctx, q, account, name)
	if err == nil && r == nil {
		err = noSuchEntity("The role with name %s cannot be found.", name)
	}
	return r, err
}

// mustOwnRole is mustRole for a change: a service-linked role is AWS's.
func mustOwnRole(ctx context.Context, q querier, account, name string) (*Role, error) {
	r, err := mustRole(ctx, q, account, name)
	if err == nil && strings.HasPrefix(r.Path, linkedPath) {
		err = failure(http.StatusBadRequest, "UnmodifiableEntity", "Cannot perform the operation on the protected role '%s' - this role is only modifiable by AWS", name)
	}
	return r, err
}

// Role gives a role, and NoSuchEntity as a [*gateway.Error] when there is none.
func (s *Service) Role(ctx context.Context, account, name string) (*Role, error) {
	return mustRole(ctx, s.db, account, name)
}

// FindRole gives a role, or nil when there is none.
func (s *Service) FindRole(ctx context.Context, account, name string) (*Role, error) {
	return findRole(ctx, s.db, account, name)
}

func (s *Service) insertRole(ctx context.Context, q querier, r *Role) error {
	tags, err := toJSON(r.Tags)
	if err != nil {
		return err
	}
	_, err = exec(ctx, q, `INSERT INTO iam_roles (`+roleColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.Account, r.Name, r.Path, r.ID, r.Trust, r.Boundary, r.Description, r.MaxSession, tags, r.created)
	return err
}

// The wire structures of roles.
type (
	roleNameIn struct{ RoleName string }
	boundary   struct{ PermissionsBoundaryType, PermissionsBoundaryArn string }
	roleShape  struct {
		Path, RoleName, RoleId, Arn string
		CreateDate                  gateway.Time
		AssumeRolePolicyDocument    string
		Description                 string    `xml:",omitempty"`
		MaxSessionDuration          int       `xml:",omitempty"`
		PermissionsBoundary         *boundary `xml:",omitempty"`
		Tags                        []Tag     `xml:",omitempty"`
		RoleLastUsed                *roleUse
	}
	roleOut      struct{ Role roleShape }
	createRoleIn struct {
		RoleName, Path, AssumeRolePolicyDocument, Description, PermissionsBoundary string
		MaxSessionDuration                                                         *int
		Tags                                                                       []Tag
	}
	listIn struct {
		PathPrefix string
		paging
	}
	listRolesOut struct {
		Roles []roleShape
		listed
	}
	trustIn      struct{ RoleName, PolicyDocument string }
	updateRoleIn struct {
		RoleName           string
		Description        *string
		MaxSessionDuration *int
	}
	// empty has no result element, and emptyResult an empty one, as the service model wants it.
	empty       struct{}
	emptyResult struct{ _ struct{} }
)

func (r *Role) shape() roleShape {
	shape := roleShape{
		Path: r.Path, RoleName: r.Name, RoleId: r.ID, Arn: r.ARN(), CreateDate: at(r.created),
		AssumeRolePolicyDocument: encoded(r.Trust), Description: r.Description, MaxSessionDuration: r.MaxSession, Tags: r.Tags,
	}
	shape.PermissionsBoundary = boundaryShape(r.Boundary)
	return shape
}

// listShape is a role in a list: IAM leaves boundaries and tags out there.
func (r *Role) listShape() roleShape {
	shape := r.shape()
	shape.PermissionsBoundary, shape.Tags = nil, nil
	return shape
}

func boundaryShape(arn string) *boundary {
	if arn == "" {
		return nil
	}
	return &boundary{"Policy", arn}
}

func (s *Service) roleOperations() []gateway.Operation {
	return []gateway.Operation{
		gateway.Op("CreateRole", s.createRoleAccess, s.createRole),
		gateway.Op("GetRole", s.onRole, s.getRole),
		gateway.Op("UpdateRole", s.updateRoleAccess, func(ctx context.Context, c *gateway.Call, in *updateRoleIn) (*emptyResult, error) {
			_, err := s.updateRole(ctx, c, in)
			return &emptyResult{}, err
		}),
		gateway.Op("UpdateRoleDescription", s.updateRoleAccess, s.updateRole),
		gateway.Op("ListRoles", onPath("role"), s.listRoles),
		gateway.Op("DeleteRole", s.onRole, s.deleteRole),
		gateway.Op("UpdateAssumeRolePolicy", func(ctx context.Context, c *gateway.Call, in *trustIn) ([]gateway.Access, error) {
			return s.onRole(ctx, c, &roleNameIn{in.RoleName})
		}, s.updateTrust),
	}
}

// onRole demands the operation's own action on the role, under its real path.
func (s *Service) onRole(ctx context.Context, c *gateway.Call, in *roleNameIn) ([]gateway.Access, error) {
	a, err := s.roleAccess(ctx, c, in.RoleName)
	return []gateway.Access{a}, err
}

// roleAccess is the access to a role; one that does not exist is checked as if it had no path.
func (s *Service) roleAccess(ctx context.Context, c *gateway.Call, name string) (gateway.Access, error) {
	if err := checkName("roleName", name, maxRoleName); err != nil {
		return gateway.Access{}, err
	}
	r, err := findRole(ctx, s.db, c.Caller.Account, name)
	if err != nil {
		return gateway.Access{}, err
	}
	if r == nil {
		return gateway.Access{Resource: arn(c.Caller.Account, "role", "/", name)}, nil
	}
	return gateway.Access{Resource: r.ARN(), Context: resourceTags(r.Boundary, r.Tags)}, nil
}

// onPath demands the operation's own action on a kind of entity under a path prefix, for List operations.
func onPath(kind string) func(context.Context, *gateway.Call, *listIn) ([]gateway.Access, error) {
	return func(_ context.Context, c *gateway.Call, in *listIn) ([]gateway.Access, error) {
		prefix := in.PathPrefix
		if prefix == "" {
			prefix = "/"
		}
		if !strings.HasPrefix(prefix, "/") || len(prefix) > maxPath {
			return nil, invalid("The specified value for pathPrefix is invalid.")
		}
		return []gateway.Access{{Resource: arn(c.Caller.Account, kind, prefix, "")}}, nil
	}
}

func (s *Service) createRoleAccess(_ context.Context, c *gateway.Call, in *createRoleIn) ([]gateway.Access, error) {
	if err := checkName("roleName", in.RoleName, maxRoleName); err != nil {
		return nil, err
	}
	path, err := checkPath(in.Path)
	if err != nil {
		return nil, err
	}
	return newEntity(arn(c.Caller.Account, "role", path, in.RoleName), in.PermissionsBoundary, "iam:TagRole", in.Tags)
}

func (s *Service) createRole(ctx context.Context, c *gateway.Call, in *createRoleIn) (*roleOut, error) {
	r, err := s.newRole(c.Caller.Account, in)
	if err != nil {
		return nil, err
	}
	err = s.write(ctx, func(q querier) error {
		if err := mustBeFree(ctx, q, "iam_roles", "Role", r.Account, r.Name, ""); err != nil {
			return err
		}
		if err := within(ctx, q, "iam_roles", "RolesPerAccount", r.Account, maxRoles); err != nil {
			return err
		}
		if err := checkPrincipals(ctx, q, r.Trust); err != nil {
			return err
		}
		if r.Boundary != "" {
			if _, err := mustPolicy(ctx, q, r.Account, r.Boundary); err != nil {
				return err
			}
		}
		return s.insertRole(ctx, q, r)
	})
	if err != nil {
		return nil, err
	}
	return &roleOut{r.shape()}, nil
}

// orElse gives err, or other when there is none.
func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

func (s *Service) newRole(account string, in *createRoleIn) (*Role, error) {
	path, err := checkPath(in.Path)
	if err != nil {
		return nil, err
	}
	// Service control policies do not limit service-linked roles: nobody may make a role under their path.
	if strings.HasPrefix(path, linkedPath) {
		return nil, invalid("The path %s is reserved for service-linked roles.", linkedPath)
	}
	if in.AssumeRolePolicyDocument == "" {
		return nil, invalid("1 validation error detected: Value null at 'assumeRolePolicyDocument' failed to satisfy constraint: Member must not be null")
	}
	if err := checkTrustPolicy(in.AssumeRolePolicyDocument); err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	session := defaultSession
	if in.MaxSessionDuration != nil {
		session = *in.MaxSessionDuration
	}
	if err := checkSession(session); err != nil {
		return nil, err
	}
	if err := checkDescription(in.Description); err != nil {
		return nil, err
	}
	id, err := s.newID("AROA", 21)
	if err != nil {
		return nil, err
	}
	return &Role{
		Account: account, Name: in.RoleName, Path: path, ID: id, Trust: in.AssumeRolePolicyDocument, Boundary: in.PermissionsBoundary,
		Description: in.Description, MaxSession: session, Tags: in.Tags, created: s.now().Unix(),
	}, nil
}

func (s *Service) getRole(ctx context.Context, c *gateway.Call, in *roleNameIn) (*roleOut, error) {
	r, err := mustRole(ctx, s.db, c.Caller.Account, in.RoleName)
	if err != nil {
		return nil, err
	}
	shape := r.shape()
	shape.RoleLastUsed, err = s.roleUse(ctx, r)
	return &roleOut{shape}, err
}

func (s *Service) listRoles(ctx context.Context, c *gateway.Call, in *listIn) (*listRolesOut, error) {
	roles, err := many(ctx, s.db, scanRole, `SELECT `+roleColumns+` FROM iam_roles WHERE account = ? ORDER BY name`, c.Caller.Account)
	if err != nil {
		return nil, err
	}
	out := &listRolesOut{Roles: []roleShape{}}
	for _, r := range roles {
		if strings.HasPrefix(r.Path, in.PathPrefix) {
			out.Roles = append(out.Roles, r.listShape())
		}
	}
	out.Roles, out.listed, err = page(in.paging, out.Roles, func(r roleShape) string { return r.RoleName })
	return out, err
}

func (s *Service) updateTrust(ctx context.Context, c *gateway.Call, in *trustIn) (*empty, error) {
	if err := checkTrustPolicy(in.PolicyDocument); err != nil {
		return nil, err
	}
	return &empty{}, s.write(ctx, func(q querier) error {
		if _, err := mustOwnRole(ctx, q, c.Caller.Account, in.RoleName); err != nil {
			return err
		}
		if err := checkPrincipals(ctx, q, in.PolicyDocument); err != nil {
			return err
		}
		_, err := exec(ctx, q, `UPDATE iam_roles SET trust = ? WHERE account = ? AND name = ?`, in.PolicyDocument, c.Caller.Account, in.RoleName)
		return err
	})
}

func (s *Service) deleteRole(ctx context.Context, c *gateway.Call, in *roleNameIn) (*empty, error) {
	o := owner{c.Caller.Account, "role", in.RoleName}
	return &empty{}, s.write(ctx, func(q querier) error {
		if _, err := mustOwnRole(ctx, q, o.account, o.name); err != nil {
			return err
		}
		n, err := count(ctx, q, `SELECT count(*) FROM iam_profiles WHERE account = ? AND role = ?`, o.account, o.name)
		if err != nil || n > 0 {
			return orElse(err, deleteConflict("Cannot delete entity, must remove roles from instance profile first."))
		}
		if err := o.mustBeBare(ctx, q); err != nil {
			return err
		}
		_, err = exec(ctx, q, `DELETE FROM iam_roles WHERE account = ? AND name = ?`, o.account, o.name)
		return err
	})
}
