package iam

import (
	"context"
	"database/sql"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// profile is an instance profile: the one role that an EC2 instance gets.
type profile struct {
	account, name, path, id, role string
	created                       int64
	tags                          []Tag
}

func (p *profile) arn() string { return arn(p.account, "instance-profile", p.path, p.name) }

const profileColumns = `account, name, path, id, role, created, tags`

func scanProfile(rows *sql.Rows) (*profile, error) {
	var p profile
	err := scanTags(rows, &p.tags, &p.account, &p.name, &p.path, &p.id, &p.role, &p.created)
	return &p, err
}

// findProfile gives an instance profile, or nil when there is none.
func findProfile(ctx context.Context, q querier, account, name string) (*profile, error) {
	list, err := many(ctx, q, scanProfile, `SELECT `+profileColumns+` FROM iam_profiles WHERE account = ? AND name = ?`, account, name)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list[0], nil
}

func mustProfile(ctx context.Context, q querier, account, name string) (*profile, error) {
	p, err := findProfile(ctx, q, account, name)
	if err == nil && p == nil {
		err = noSuchEntity("Instance Profile %s cannot be found.", name)
	}
	return p, err
}

// insertProfile stores a profile; its id and its date are filled in.
func (s *Service) insertProfile(ctx context.Context, q querier, p *profile) (err error) {
	if p.id, err = s.newID("AIPA", 21); err != nil {
		return err
	}
	p.created = s.now().Unix()
	tags, err := toJSON(p.tags)
	if err != nil {
		return err
	}
	_, err = exec(ctx, q, `INSERT INTO iam_profiles (`+profileColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?)`, p.account, p.name, p.path, p.id, p.role, p.created, tags)
	return err
}

// ProfileRole gives the role of an instance profile by the profile's name.
func (s *Service) ProfileRole(ctx context.Context, account, name string) (*Role, error) {
	p, err := mustProfile(ctx, s.db, account, name)
	if err != nil {
		return nil, err
	}
	if p.role == "" {
		return nil, noSuchEntity("Instance Profile %s has no role.", name)
	}
	return mustRole(ctx, s.db, account, p.role)
}

// The wire structures of instance profiles.
type (
	profileIn       struct{ InstanceProfileName, RoleName string }
	createProfileIn struct {
		InstanceProfileName, Path string
		Tags                      []Tag
	}
	profileShape struct {
		Path, InstanceProfileName, InstanceProfileId, Arn string
		CreateDate                                        gateway.Time
		Roles                                             []roleShape
		Tags                                              []Tag `xml:",omitempty"`
	}
	profileOut      struct{ InstanceProfile profileShape }
	listProfilesOut struct {
		InstanceProfiles []profileShape
		listed
	}
)

func (p *profile) shape(ctx context.Context, q querier) (profileShape, error) {
	out := profileShape{p.path, p.name, p.id, p.arn(), at(p.created), []roleShape{}, p.tags}
	if p.role == "" {
		return out, nil
	}
	r, err := mustRole(ctx, q, p.account, p.role)
	if err == nil {
		out.Roles = append(out.Roles, r.listShape())
	}
	return out, err
}

func (s *Service) profileOperations() []gateway.Operation {
	return []gateway.Operation{
		gateway.Op("CreateInstanceProfile", createProfileAccess, s.createProfile),
		gateway.Op("GetInstanceProfile", s.onProfile, s.getProfile),
		gateway.Op("ListInstanceProfiles", onPath("instance-profile"), s.listProfiles),
		gateway.Op("DeleteInstanceProfile", s.onProfile, s.deleteProfile),
		gateway.Op("AddRoleToInstanceProfile", s.addRoleAccess, s.addRole),
		gateway.Op("RemoveRoleFromInstanceProfile", s.onProfile, s.removeRole),
		gateway.Op("ListInstanceProfilesForRole", s.onRoleList, s.listProfilesForRole),
	}
}

func (s *Service) onProfile(ctx context.Context, c *gateway.Call, in *profileIn) ([]gateway.Access, error) {
	a, err := s.profileAccess(ctx, c, in.InstanceProfileName)
	return []gateway.Access{a}, err
}

func (s *Service) profileAccess(ctx context.Context, c *gateway.Call, name string) (gateway.Access, error) {
	if err := checkName("instanceProfileName", name, maxPolicyName); err != nil {
		return gateway.Access{}, err
	}
	p, err := findProfile(ctx, s.db, c.Caller.Account, name)
	if err != nil {
		return gateway.Access{}, err
	}
	if p == nil {
		p = &profile{account: c.Caller.Account, path: "/", name: name}
	}
	return gateway.Access{Resource: p.arn(), Context: resourceTags("", p.tags)}, nil
}

func createProfileAccess(_ context.Context, c *gateway.Call, in *createProfileIn) ([]gateway.Access, error) {
	if err := checkName("instanceProfileName", in.InstanceProfileName, maxPolicyName); err != nil {
		return nil, err
	}
	path, err := checkPath(in.Path)
	if err != nil {
		return nil, err
	}
	return newEntity(arn(c.Caller.Account, "instance-profile", path, in.InstanceProfileName), "", "iam:TagInstanceProfile", in.Tags)
}

// addRoleAccess: whoever puts a role into a profile hands it to EC2, and must be allowed to.
func (s *Service) addRoleAccess(ctx context.Context, c *gateway.Call, in *profileIn) ([]gateway.Access, error) {
	needs, err := s.onProfile(ctx, c, in)
	if err != nil {
		return nil, err
	}
	pass, err := s.roleAccess(ctx, c, in.RoleName)
	if err != nil {
		return nil, err
	}
	// uncertain: whether AWS gives iam:PassedToService here. A role in an instance profile can go to EC2 only.
	pass.Action = "iam:PassRole"
	return append(needs, withCondition(pass, "iam:PassedToService", "ec2.amazonaws.com")), nil
}

func (s *Service) createProfile(ctx context.Context, c *gateway.Call, in *createProfileIn) (*profileOut, error) {
	path, err := checkPath(in.Path)
	if err != nil {
		return nil, err
	}
	var out profileOut
	err = s.write(ctx, func(q querier) error {
		n, err := count(ctx, q, `SELECT count(*) FROM iam_profiles WHERE account = ? AND name = ? COLLATE NOCASE`, c.Caller.Account, in.InstanceProfileName)
		if err != nil || n > 0 {
			return orElse(err, alreadyExists("Instance Profile %s already exists.", in.InstanceProfileName))
		}
		if err := within(ctx, q, "iam_profiles", "InstanceProfilesPerAccount", c.Caller.Account, maxProfiles); err != nil {
			return err
		}
		p := &profile{account: c.Caller.Account, path: path, name: in.InstanceProfileName, tags: in.Tags}
		if err := s.insertProfile(ctx, q, p); err != nil {
			return err
		}
		out.InstanceProfile, err = p.shape(ctx, q)
		return err
	})
	return &out, err
}

func (s *Service) getProfile(ctx context.Context, c *gateway.Call, in *profileIn) (*profileOut, error) {
	p, err := mustProfile(ctx, s.db, c.Caller.Account, in.InstanceProfileName)
	if err != nil {
		return nil, err
	}
	shape, err := p.shape(ctx, s.db)
	return &profileOut{shape}, err
}

func (s *Service) listProfiles(ctx context.Context, c *gateway.Call, in *listIn) (*listProfilesOut, error) {
	list, err := many(ctx, s.db, scanProfile, `SELECT `+profileColumns+` FROM iam_profiles WHERE account = ? ORDER BY name`, c.Caller.Account)
	if err != nil {
		return nil, err
	}
	return s.profilePage(ctx, list, in)
}

func (s *Service) listProfilesForRole(ctx context.Context, c *gateway.Call, in *roleListIn) (*listProfilesOut, error) {
	if _, err := mustRole(ctx, s.db, c.Caller.Account, in.RoleName); err != nil {
		return nil, err
	}
	list, err := profilesOf(ctx, s.db, c.Caller.Account, in.RoleName)
	if err != nil {
		return nil, err
	}
	return s.profilePage(ctx, list, &listIn{paging: in.paging})
}

func profilesOf(ctx context.Context, q querier, account, role string) ([]*profile, error) {
	return many(ctx, q, scanProfile, `SELECT `+profileColumns+` FROM iam_profiles WHERE account = ? AND role = ? ORDER BY name`, account, role)
}

func (s *Service) profilePage(ctx context.Context, list []*profile, in *listIn) (_ *listProfilesOut, err error) {
	out := &listProfilesOut{InstanceProfiles: []profileShape{}}
	for _, p := range list {
		if !strings.HasPrefix(p.path, in.PathPrefix) {
			continue
		}
		shape, err := p.shape(ctx, s.db)
		if err != nil {
			return nil, err
		}
		shape.Tags = nil // left out of lists
		out.InstanceProfiles = append(out.InstanceProfiles, shape)
	}
	out.InstanceProfiles, out.listed, err = page(in.paging, out.InstanceProfiles, func(p profileShape) string { return p.InstanceProfileName })
	return out, err
}

func (s *Service) deleteProfile(ctx context.Context, c *gateway.Call, in *profileIn) (*empty, error) {
	return &empty{}, s.write(ctx, func(q querier) error {
		p, err := mustProfile(ctx, q, c.Caller.Account, in.InstanceProfileName)
		if err != nil {
			return err
		}
		if p.role != "" {
			return deleteConflict("Cannot delete entity, must remove roles from instance profile first.")
		}
		_, err = exec(ctx, q, `DELETE FROM iam_profiles WHERE account = ? AND name = ?`, p.account, p.name)
		return err
	})
}

func (s *Service) addRole(ctx context.Context, c *gateway.Call, in *profileIn) (*empty, error) {
	return &empty{}, s.write(ctx, func(q querier) error {
		p, err := mustProfile(ctx, q, c.Caller.Account, in.InstanceProfileName)
		if err != nil {
			return err
		}
		if _, err := mustOwnRole(ctx, q, p.account, in.RoleName); err != nil {
			return err
		}
		if p.role != "" {
			return limitExceeded("InstanceSessionsPerInstanceProfile", 1)
		}
		return setProfileRole(ctx, q, p, in.RoleName)
	})
}

func (s *Service) removeRole(ctx context.Context, c *gateway.Call, in *profileIn) (*empty, error) {
	return &empty{}, s.write(ctx, func(q querier) error {
		p, err := mustProfile(ctx, q, c.Caller.Account, in.InstanceProfileName)
		if err != nil {
			return err
		}
		if p.role == "" || p.role != in.RoleName {
			return noSuchEntity("The role with name %s cannot be found.", in.RoleName)
		}
		return setProfileRole(ctx, q, p, "")
	})
}

func setProfileRole(ctx context.Context, q querier, p *profile, role string) error {
	_, err := exec(ctx, q, `UPDATE iam_profiles SET role = ? WHERE account = ? AND name = ?`, role, p.account, p.name)
	return err
}
