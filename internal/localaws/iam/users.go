package iam

import (
	"context"
	"database/sql"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// user is an IAM user as it is stored.
type user struct {
	account, name, path, id, boundary string
	tags                              []Tag
	created                           int64
}

func (u *user) arn() string { return arn(u.account, "user", u.path, u.name) }

const userColumns = `account, name, path, id, boundary, created, tags`

func scanUser(rows *sql.Rows) (*user, error) {
	var u user
	err := scanTags(rows, &u.tags, &u.account, &u.name, &u.path, &u.id, &u.boundary, &u.created)
	return &u, err
}

// findUser gives a user, or nil when there is none.
func findUser(ctx context.Context, q querier, account, name string) (*user, error) {
	users, err := many(ctx, q, scanUser, `SELECT `+userColumns+` FROM iam_users WHERE account = ? AND name = ?`, account, name)
	if err != nil || len(users) == 0 {
		return nil, err
	}
	return users[0], nil
}

func mustUser(ctx context.Context, q querier, account, name string) (*user, error) {
	u, err := findUser(ctx, q, account, name)
	if err == nil && u == nil {
		err = noSuchEntity("The user with name %s cannot be found.", name)
	}
	return u, err
}

// insertUser stores a user; its id and its date are filled in.
func (s *Service) insertUser(ctx context.Context, q querier, u *user) (err error) {
	if u.id, err = s.newID("AIDA", 21); err != nil {
		return err
	}
	u.created = s.now().Unix()
	tags, err := toJSON(u.tags)
	if err != nil {
		return err
	}
	_, err = exec(ctx, q, `INSERT INTO iam_users (`+userColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?)`, u.account, u.name, u.path, u.id, u.boundary, u.created, tags)
	return err
}

// The wire structures of users.
type (
	userNameIn   struct{ UserName string }
	createUserIn struct {
		UserName, Path, PermissionsBoundary string
		Tags                                []Tag
	}
	userShape struct {
		Path, UserName, UserId, Arn string
		CreateDate                  gateway.Time
		PermissionsBoundary         *boundary `xml:",omitempty"`
		Tags                        []Tag     `xml:",omitempty"`
	}
	updateUserIn struct{ UserName, NewPath, NewUserName string }
	userOut      struct{ User userShape }
	listUsersOut struct {
		Users []userShape
		listed
	}
)

// listShape is a user in a list: IAM leaves boundaries and tags out there.
func (u *user) listShape() userShape {
	return userShape{Path: u.path, UserName: u.name, UserId: u.id, Arn: u.arn(), CreateDate: at(u.created)}
}

func (u *user) shape() userShape {
	shape := u.listShape()
	shape.PermissionsBoundary, shape.Tags = boundaryShape(u.boundary), u.tags
	return shape
}

func (s *Service) userOperations() []gateway.Operation {
	return []gateway.Operation{
		gateway.Op("CreateUser", createUserAccess, s.createUser),
		gateway.Op("GetUser", s.onSelf, s.getUser),
		gateway.Op("ListUsers", onPath("user"), s.listUsers),
		gateway.Op("UpdateUser", s.updateUserAccess, s.updateUser),
		gateway.Op("DeleteUser", s.onUser, s.deleteUser),
	}
}

// onUser demands the operation's own action on the user, under its real path.
func (s *Service) onUser(ctx context.Context, c *gateway.Call, in *userNameIn) ([]gateway.Access, error) {
	a, err := s.userAccess(ctx, c, in.UserName)
	return []gateway.Access{a}, err
}

func (s *Service) userAccess(ctx context.Context, c *gateway.Call, name string) (gateway.Access, error) {
	if err := checkName("userName", name, maxRoleName); err != nil {
		return gateway.Access{}, err
	}
	u, err := findUser(ctx, s.db, c.Caller.Account, name)
	if err != nil {
		return gateway.Access{}, err
	}
	if u == nil {
		u = &user{account: c.Caller.Account, path: "/", name: name}
	}
	return gateway.Access{Resource: u.arn(), Context: resourceTags(u.boundary, u.tags)}, nil
}

// onSelf is onUser, where no name means the caller.
func (s *Service) onSelf(ctx context.Context, c *gateway.Call, in *userNameIn) ([]gateway.Access, error) {
	if in.UserName == "" {
		if c.Caller.RoleARN != "" {
			return nil, invalid("Must specify userName when calling with non-User credentials")
		}
		in.UserName = nameOf(c.Caller.ARN)
	}
	return s.onUser(ctx, c, in)
}

func createUserAccess(_ context.Context, c *gateway.Call, in *createUserIn) ([]gateway.Access, error) {
	if err := checkName("userName", in.UserName, maxRoleName); err != nil {
		return nil, err
	}
	path, err := checkPath(in.Path)
	if err != nil {
		return nil, err
	}
	return newEntity(arn(c.Caller.Account, "user", path, in.UserName), in.PermissionsBoundary, "iam:TagUser", in.Tags)
}

func (s *Service) createUser(ctx context.Context, c *gateway.Call, in *createUserIn) (*userOut, error) {
	path, err := checkPath(in.Path)
	if err != nil {
		return nil, err
	}
	var out userOut
	err = s.write(ctx, func(q querier) error {
		u := &user{account: c.Caller.Account, name: in.UserName, path: path, boundary: in.PermissionsBoundary, tags: in.Tags}
		if err := mustBeFree(ctx, q, "iam_users", "User", u.account, u.name, ""); err != nil {
			return err
		}
		if err := within(ctx, q, "iam_users", "UsersPerAccount", u.account, maxUsers); err != nil {
			return err
		}
		if u.boundary != "" {
			if _, err := mustPolicy(ctx, q, u.account, u.boundary); err != nil {
				return err
			}
		}
		if err := s.insertUser(ctx, q, u); err != nil {
			return err
		}
		out.User = u.shape()
		return nil
	})
	return &out, err
}

func (s *Service) getUser(ctx context.Context, c *gateway.Call, in *userNameIn) (*userOut, error) {
	u, err := mustUser(ctx, s.db, c.Caller.Account, in.UserName)
	if err != nil {
		return nil, err
	}
	return &userOut{u.shape()}, nil
}

func (s *Service) listUsers(ctx context.Context, c *gateway.Call, in *listIn) (*listUsersOut, error) {
	users, err := many(ctx, s.db, scanUser, `SELECT `+userColumns+` FROM iam_users WHERE account = ? ORDER BY name`, c.Caller.Account)
	if err != nil {
		return nil, err
	}
	out := &listUsersOut{Users: []userShape{}}
	for _, u := range users {
		if strings.HasPrefix(u.path, in.PathPrefix) {
			out.Users = append(out.Users, u.listShape())
		}
	}
	out.Users, out.listed, err = page(in.paging, out.Users, func(u userShape) string { return u.UserName })
	return out, err
}

// updateUserAccess demands the action on the user as it is and as it will be.
func (s *Service) updateUserAccess(ctx context.Context, c *gateway.Call, in *updateUserIn) ([]gateway.Access, error) {
	a, err := s.userAccess(ctx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	moved, err := movedARN(a.Resource, c.Caller.Account, "user", in.UserName, in.NewPath, in.NewUserName, maxRoleName)
	if err != nil || moved == a.Resource {
		return []gateway.Access{a}, err
	}
	return []gateway.Access{a, {Resource: moved, Context: a.Context}}, nil
}

// updateUser moves a user with all that it has; its keys stay valid.
func (s *Service) updateUser(ctx context.Context, c *gateway.Call, in *updateUserIn) (*empty, error) {
	return &empty{}, s.write(ctx, func(q querier) error {
		u, err := mustUser(ctx, q, c.Caller.Account, in.UserName)
		if err != nil {
			return err
		}
		name, path := orText(in.NewUserName, u.name), orText(in.NewPath, u.path)
		if err := mustBeFree(ctx, q, "iam_users", "User", u.account, name, u.name); err != nil {
			return err
		}
		err = execAll(ctx, q, []any{u.account, u.name, name},
			`UPDATE iam_keys SET user = ?3 WHERE account = ?1 AND user = ?2`,
			`UPDATE iam_members SET user = ?3 WHERE account = ?1 AND user = ?2`,
			`UPDATE iam_inline SET owner = ?3 WHERE account = ?1 AND kind = 'user' AND owner = ?2`,
			`UPDATE iam_attached SET owner = ?3 WHERE account = ?1 AND kind = 'user' AND owner = ?2`)
		if err != nil {
			return err
		}
		_, err = exec(ctx, q, `UPDATE iam_users SET name = ?, path = ? WHERE account = ? AND name = ?`, name, path, u.account, u.name)
		return err
	})
}

func (s *Service) deleteUser(ctx context.Context, c *gateway.Call, in *userNameIn) (*empty, error) {
	o := owner{c.Caller.Account, "user", in.UserName}
	return &empty{}, s.write(ctx, func(q querier) error {
		if _, err := mustUser(ctx, q, o.account, o.name); err != nil {
			return err
		}
		n, err := count(ctx, q, `SELECT count(*) FROM iam_keys WHERE account = ? AND user = ?`, o.account, o.name)
		if err != nil || n > 0 {
			return orElse(err, deleteConflict("Cannot delete entity, must delete access keys first."))
		}
		n, err = count(ctx, q, `SELECT count(*) FROM iam_members WHERE account = ? AND user = ?`, o.account, o.name)
		if err != nil || n > 0 {
			return orElse(err, deleteConflict("Cannot delete entity, must remove user from groups first."))
		}
		if err := o.mustBeBare(ctx, q); err != nil {
			return err
		}
		_, err = exec(ctx, q, `DELETE FROM iam_users WHERE account = ? AND name = ?`, o.account, o.name)
		return err
	})
}
