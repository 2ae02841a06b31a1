package iam

import (
	"context"
	"database/sql"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// group is an IAM group as it is stored.
type group struct {
	account, name, path, id string
	created                 int64
}

func (g *group) arn() string { return arn(g.account, "group", g.path, g.name) }

const groupColumns = `account, name, path, id, created`

func scanGroup(rows *sql.Rows) (*group, error) {
	var g group
	err := rows.Scan(&g.account, &g.name, &g.path, &g.id, &g.created)
	return &g, err
}

// findGroup gives a group, or nil when there is none.
func findGroup(ctx context.Context, q querier, account, name string) (*group, error) {
	groups, err := many(ctx, q, scanGroup, `SELECT `+groupColumns+` FROM iam_groups WHERE account = ? AND name = ?`, account, name)
	if err != nil || len(groups) == 0 {
		return nil, err
	}
	return groups[0], nil
}

func mustGroup(ctx context.Context, q querier, account, name string) (*group, error) {
	g, err := findGroup(ctx, q, account, name)
	if err == nil && g == nil {
		err = noSuchEntity("The group with name %s cannot be found.", name)
	}
	return g, err
}

// groupsOf lists the groups of a user by their names.
func groupsOf(ctx context.Context, q querier, account, user string) ([]*group, error) {
	return many(ctx, q, scanGroup, `SELECT g.account, g.name, g.path, g.id, g.created FROM iam_members m
		JOIN iam_groups g ON g.account = m.account AND g.name = m.groupname WHERE m.account = ? AND m.user = ? ORDER BY g.name`, account, user)
}

// The wire structures of groups.
type (
	groupNameIn   struct{ GroupName string }
	createGroupIn struct{ GroupName, Path string }
	updateGroupIn struct{ GroupName, NewPath, NewGroupName string }
	memberIn      struct{ GroupName, UserName string }
	groupListIn   struct {
		GroupName string
		paging
	}
	groupShape struct {
		Path, GroupName, GroupId, Arn string
		CreateDate                    gateway.Time
	}
	groupOut    struct{ Group groupShape }
	getGroupOut struct {
		Group groupShape
		Users []userShape
		listed
	}
	listGroupsOut struct {
		Groups []groupShape
		listed
	}
)

func (g *group) shape() groupShape {
	return groupShape{g.path, g.name, g.id, g.arn(), at(g.created)}
}

func (s *Service) groupOperations() []gateway.Operation {
	onGroup := func(ctx context.Context, c *gateway.Call, in *groupNameIn) ([]gateway.Access, error) {
		return s.onGroup(ctx, c, in.GroupName)
	}
	onMember := func(ctx context.Context, c *gateway.Call, in *memberIn) ([]gateway.Access, error) {
		return s.onGroup(ctx, c, in.GroupName)
	}
	return []gateway.Operation{
		gateway.Op("CreateGroup", createGroupAccess, s.createGroup),
		gateway.Op("GetGroup", func(ctx context.Context, c *gateway.Call, in *groupListIn) ([]gateway.Access, error) {
			return s.onGroup(ctx, c, in.GroupName)
		}, s.getGroup),
		gateway.Op("ListGroups", onPath("group"), s.listGroups),
		gateway.Op("UpdateGroup", s.updateGroupAccess, s.updateGroup),
		gateway.Op("DeleteGroup", onGroup, s.deleteGroup),
		gateway.Op("AddUserToGroup", onMember, s.addMember),
		gateway.Op("RemoveUserFromGroup", onMember, s.removeMember),
		gateway.Op("ListGroupsForUser", s.onUserList, s.listGroupsForUser),
	}
}

func (s *Service) onGroup(ctx context.Context, c *gateway.Call, name string) ([]gateway.Access, error) {
	a, err := s.groupAccess(ctx, c, name)
	return []gateway.Access{a}, err
}

// groupAccess is the access to a group; one that does not exist is checked as if it had no path.
func (s *Service) groupAccess(ctx context.Context, c *gateway.Call, name string) (gateway.Access, error) {
	if err := checkName("groupName", name, maxGroupName); err != nil {
		return gateway.Access{}, err
	}
	g, err := findGroup(ctx, s.db, c.Caller.Account, name)
	if err != nil {
		return gateway.Access{}, err
	}
	if g == nil {
		g = &group{account: c.Caller.Account, path: "/", name: name}
	}
	return gateway.Access{Resource: g.arn()}, nil
}

func createGroupAccess(_ context.Context, c *gateway.Call, in *createGroupIn) ([]gateway.Access, error) {
	if err := checkName("groupName", in.GroupName, maxGroupName); err != nil {
		return nil, err
	}
	path, err := checkPath(in.Path)
	return []gateway.Access{{Resource: arn(c.Caller.Account, "group", path, in.GroupName)}}, err
}

func (s *Service) createGroup(ctx context.Context, c *gateway.Call, in *createGroupIn) (*groupOut, error) {
	path, err := checkPath(in.Path)
	if err != nil {
		return nil, err
	}
	id, err := s.newID("AGPA", 21)
	if err != nil {
		return nil, err
	}
	g := &group{account: c.Caller.Account, name: in.GroupName, path: path, id: id, created: s.now().Unix()}
	err = s.write(ctx, func(q querier) error {
		if err := mustBeFree(ctx, q, "iam_groups", "Group", g.account, g.name, ""); err != nil {
			return err
		}
		if err := within(ctx, q, "iam_groups", "GroupsPerAccount", g.account, maxGroups); err != nil {
			return err
		}
		_, err := exec(ctx, q, `INSERT INTO iam_groups (`+groupColumns+`) VALUES (?, ?, ?, ?, ?)`, g.account, g.name, g.path, g.id, g.created)
		return err
	})
	return &groupOut{g.shape()}, err
}

// mustBeFree gives AWS's error when the name is taken, in whatever case, by another entity than the one named self.
func mustBeFree(ctx context.Context, q querier, table, kind, account, name, self string) error {
	n, err := count(ctx, q, `SELECT count(*) FROM `+table+` WHERE account = ? AND name = ? COLLATE NOCASE AND name <> ?`, account, name, self)
	if err != nil || n > 0 {
		return orElse(err, alreadyExists("%s with name %s already exists.", kind, name))
	}
	return nil
}

// within gives AWS's error when an account has no room for one more row in a table.
func within(ctx context.Context, q querier, table, quota, account string, limit int) error {
	n, err := count(ctx, q, `SELECT count(*) FROM `+table+` WHERE account = ?`, account)
	if err != nil || n >= limit {
		return orElse(err, limitExceeded(quota, limit))
	}
	return nil
}

func (s *Service) getGroup(ctx context.Context, c *gateway.Call, in *groupListIn) (*getGroupOut, error) {
	g, err := mustGroup(ctx, s.db, c.Caller.Account, in.GroupName)
	if err != nil {
		return nil, err
	}
	users, err := many(ctx, s.db, scanUser, `SELECT `+userColumns+` FROM iam_users WHERE account = ?1 AND name IN
		(SELECT user FROM iam_members WHERE account = ?1 AND groupname = ?2) ORDER BY name`, g.account, g.name)
	if err != nil {
		return nil, err
	}
	out := &getGroupOut{Group: g.shape(), Users: []userShape{}}
	for _, u := range users {
		out.Users = append(out.Users, u.listShape())
	}
	out.Users, out.listed, err = page(in.paging, out.Users, func(u userShape) string { return u.UserName })
	return out, err
}

func (s *Service) listGroups(ctx context.Context, c *gateway.Call, in *listIn) (*listGroupsOut, error) {
	groups, err := many(ctx, s.db, scanGroup, `SELECT `+groupColumns+` FROM iam_groups WHERE account = ? ORDER BY name`, c.Caller.Account)
	if err != nil {
		return nil, err
	}
	return groupPage(groups, in.PathPrefix, in.paging)
}

func (s *Service) listGroupsForUser(ctx context.Context, c *gateway.Call, in *userListIn) (*listGroupsOut, error) {
	if _, err := mustUser(ctx, s.db, c.Caller.Account, in.UserName); err != nil {
		return nil, err
	}
	groups, err := groupsOf(ctx, s.db, c.Caller.Account, in.UserName)
	if err != nil {
		return nil, err
	}
	return groupPage(groups, "", in.paging)
}

func groupPage(groups []*group, prefix string, p paging) (out *listGroupsOut, err error) {
	out = &listGroupsOut{Groups: []groupShape{}}
	for _, g := range groups {
		if strings.HasPrefix(g.path, prefix) {
			out.Groups = append(out.Groups, g.shape())
		}
	}
	out.Groups, out.listed, err = page(p, out.Groups, func(g groupShape) string { return g.GroupName })
	return out, err
}

// updateGroupAccess demands the action on the group as it is and as it will be.
func (s *Service) updateGroupAccess(ctx context.Context, c *gateway.Call, in *updateGroupIn) ([]gateway.Access, error) {
	a, err := s.groupAccess(ctx, c, in.GroupName)
	if err != nil {
		return nil, err
	}
	moved, err := movedARN(a.Resource, c.Caller.Account, "group", in.GroupName, in.NewPath, in.NewGroupName, maxGroupName)
	if err != nil || moved == a.Resource {
		return []gateway.Access{a}, err
	}
	return []gateway.Access{a, {Resource: moved}}, nil
}

// movedARN is the ARN of a user or a group once it has another path or name.
func movedARN(old, account, kind, name, newPath, newName string, limit int) (string, error) {
	path := strings.TrimSuffix(strings.TrimPrefix(old, arn(account, kind, "", "")), name)
	if newPath != "" {
		var err error
		if path, err = checkPath(newPath); err != nil {
			return "", err
		}
	}
	if newName != "" {
		if err := checkName("new"+strings.ToUpper(kind[:1])+kind[1:]+"Name", newName, limit); err != nil {
			return "", err
		}
		name = newName
	}
	return arn(account, kind, path, name), nil
}

func (s *Service) updateGroup(ctx context.Context, c *gateway.Call, in *updateGroupIn) (*empty, error) {
	return &empty{}, s.write(ctx, func(q querier) error {
		g, err := mustGroup(ctx, q, c.Caller.Account, in.GroupName)
		if err != nil {
			return err
		}
		name, path := orText(in.NewGroupName, g.name), orText(in.NewPath, g.path)
		if err := mustBeFree(ctx, q, "iam_groups", "Group", g.account, name, g.name); err != nil {
			return err
		}
		err = execAll(ctx, q, []any{g.account, g.name, name},
			`UPDATE iam_members SET groupname = ?3 WHERE account = ?1 AND groupname = ?2`,
			`UPDATE iam_inline SET owner = ?3 WHERE account = ?1 AND kind = 'group' AND owner = ?2`,
			`UPDATE iam_attached SET owner = ?3 WHERE account = ?1 AND kind = 'group' AND owner = ?2`)
		if err != nil {
			return err
		}
		_, err = exec(ctx, q, `UPDATE iam_groups SET name = ?, path = ? WHERE account = ? AND name = ?`, name, path, g.account, g.name)
		return err
	})
}

// orText gives the first text that is not empty.
func orText(first, second string) string {
	if first != "" {
		return first
	}
	return second
}

func (s *Service) deleteGroup(ctx context.Context, c *gateway.Call, in *groupNameIn) (*empty, error) {
	o := owner{c.Caller.Account, "group", in.GroupName}
	return &empty{}, s.write(ctx, func(q querier) error {
		if err := o.must(ctx, q); err != nil {
			return err
		}
		n, err := count(ctx, q, `SELECT count(*) FROM iam_members WHERE account = ? AND groupname = ?`, o.account, o.name)
		if err != nil || n > 0 {
			return orElse(err, deleteConflict("Cannot delete entity, must remove users from group first."))
		}
		if err := o.mustBeBare(ctx, q); err != nil {
			return err
		}
		_, err = exec(ctx, q, `DELETE FROM iam_groups WHERE account = ? AND name = ?`, o.account, o.name)
		return err
	})
}

func (s *Service) addMember(ctx context.Context, c *gateway.Call, in *memberIn) (*empty, error) {
	account := c.Caller.Account
	return &empty{}, s.write(ctx, func(q querier) error {
		if _, err := mustGroup(ctx, q, account, in.GroupName); err != nil {
			return err
		}
		if _, err := mustUser(ctx, q, account, in.UserName); err != nil {
			return err
		}
		n, err := count(ctx, q, `SELECT count(*) FROM iam_members WHERE account = ? AND user = ? AND groupname <> ?`, account, in.UserName, in.GroupName)
		if err != nil || n >= maxGroupsOfUser {
			return orElse(err, limitExceeded("GroupsPerUser", maxGroupsOfUser))
		}
		_, err = exec(ctx, q, `INSERT OR REPLACE INTO iam_members (account, groupname, user) VALUES (?, ?, ?)`, account, in.GroupName, in.UserName)
		return err
	})
}

func (s *Service) removeMember(ctx context.Context, c *gateway.Call, in *memberIn) (*empty, error) {
	account := c.Caller.Account
	return &empty{}, s.write(ctx, func(q querier) error {
		if _, err := mustGroup(ctx, q, account, in.GroupName); err != nil {
			return err
		}
		if _, err := mustUser(ctx, q, account, in.UserName); err != nil {
			return err
		}
		n, err := exec(ctx, q, `DELETE FROM iam_members WHERE account = ? AND groupname = ? AND user = ?`, account, in.GroupName, in.UserName)
		if err == nil && n == 0 {
			err = noSuchEntity("User %s is not in group %s.", in.UserName, in.GroupName)
		}
		return err
	})
}
