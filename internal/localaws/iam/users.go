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
	created                           int64
}

func (u *user) arn() string { return arn(u.account, "user", u.path, u.name) }

const userColumns = `account, name, path, id, boundary, created`

func scanUser(rows *sql.Rows) (*user, error) {
	var u user
	err := rows.Scan(&u.account, &u.name, &u.path, &u.id, &u.boundary, &u.created)
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

func (s *Service) insertUser(ctx context.Context, q querier, account, path, name string) (*user, error) {
	id, err := s.newID("AIDA", 21)
	if err != nil {
		return nil, err
	}
	u := &user{account: account, name: name, path: path, id: id, created: s.now().Unix()}
	_, err = exec(ctx, q, `INSERT INTO iam_users (`+userColumns+`) VALUES (?, ?, ?, ?, ?, ?)`, u.account, u.name, u.path, u.id, u.boundary, u.created)
	return u, err
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
	}
	userOut      struct{ User userShape }
	listUsersOut struct {
		Users []userShape
		listed
	}
)

func (u *user) shape() userShape { return userShape{u.path, u.name, u.id, u.arn(), at(u.created)} }

func (s *Service) userOperations() []gateway.Operation {
	return []gateway.Operation{
		gateway.Op("CreateUser", createUserAccess, s.createUser),
		gateway.Op("GetUser", s.onSelf, s.getUser),
		gateway.Op("ListUsers", onPath("user"), s.listUsers),
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
	return gateway.Access{Resource: u.arn()}, nil
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
	if len(in.Tags) > 0 || in.PermissionsBoundary != "" {
		return nil, invalid("Tags and boundaries of users are not supported by the local AWS.")
	}
	return []gateway.Access{{Resource: arn(c.Caller.Account, "user", path, in.UserName)}}, nil
}

func (s *Service) createUser(ctx context.Context, c *gateway.Call, in *createUserIn) (*userOut, error) {
	path, err := checkPath(in.Path)
	if err != nil {
		return nil, err
	}
	var out userOut
	err = s.write(ctx, func(q querier) error {
		n, err := count(ctx, q, `SELECT count(*) FROM iam_users WHERE account = ? AND name = ? COLLATE NOCASE`, c.Caller.Account, in.UserName)
		if err != nil || n > 0 {
			return orElse(err, alreadyExists("User with name %s already exists.", in.UserName))
		}
		u, err := s.insertUser(ctx, q, c.Caller.Account, path, in.UserName)
		if err != nil {
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
			out.Users = append(out.Users, u.shape())
		}
	}
	out.Users, out.listed, err = page(in.paging, out.Users, func(u userShape) string { return u.UserName })
	return out, err
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
		if err := o.mustBeBare(ctx, q); err != nil {
			return err
		}
		_, err = exec(ctx, q, `DELETE FROM iam_users WHERE account = ? AND name = ?`, o.account, o.name)
		return err
	})
}
