package organizations

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// world is everything that the service knows at one moment. It is not changed once it is read.
type world struct {
	organizations map[string]*organization // by id
	byAccount     map[string]*organization // every account that is in one
	memberships   map[string]*gateway.Membership
}

// organization is one organization with all that is in it.
type organization struct {
	id, management, root string
	enabled              map[string]bool // policy types
	units                map[string]*unit
	accounts             map[string]*member
	policies             map[string]*policy
	attached             map[string][]string // ids of policies, in order, by the id of root, unit or account
	tags                 map[string][]tag    // by the id of what has them
}

type unit struct{ id, parent, name string }

type member struct {
	id, parent, name, email, method string
	joined                          int64
}

type policy struct {
	id, kind, name, description, content string
	aws                                  bool
	compiled                             *iam.Policy
}

const (
	scpType = "SERVICE_CONTROL_POLICY"
	rcpType = "RESOURCE_CONTROL_POLICY"
)

// full are the policies of AWS that are attached to everything when their type is enabled, by type.
var full = map[string]*policy{
	scpType: {
		id: "p-FullAWSAccess", kind: scpType, name: "FullAWSAccess", description: "Allows access to every operation", aws: true,
		content:  `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`,
		compiled: iam.AllowAll("FullAWSAccess"),
	},
	rcpType: {
		id: "p-RCPFullAWSAccess", kind: rcpType, name: "RCPFullAWSAccess", description: "Allows access to every resource", aws: true,
		content:  `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`,
		compiled: iam.AllowEveryone("RCPFullAWSAccess"),
	},
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func readWorld(ctx context.Context, q querier) (*world, error) {
	w := &world{organizations: map[string]*organization{}, byAccount: map[string]*organization{}, memberships: map[string]*gateway.Membership{}}
	if err := w.readOrganizations(ctx, q); err != nil {
		return nil, err
	}
	if len(w.organizations) == 0 {
		return w, nil // as nearly always
	}
	if err := w.readParts(ctx, q); err != nil {
		return nil, err
	}
	for account, o := range w.byAccount {
		w.memberships[account] = o.membership(account)
	}
	return w, nil
}

// each runs scan for every row.
func each(ctx context.Context, q querier, query string, scan func(*sql.Rows) error) error {
	rows, err := q.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (w *world) readOrganizations(ctx context.Context, q querier) error {
	return each(ctx, q, `SELECT id, management, root, scp, rcp FROM org_organizations`, func(rows *sql.Rows) error {
		var scp, rcp bool
		o := &organization{
			units: map[string]*unit{}, accounts: map[string]*member{}, attached: map[string][]string{}, tags: map[string][]tag{},
			policies: map[string]*policy{full[scpType].id: full[scpType], full[rcpType].id: full[rcpType]},
		}
		if err := rows.Scan(&o.id, &o.management, &o.root, &scp, &rcp); err != nil {
			return err
		}
		o.enabled = map[string]bool{scpType: scp, rcpType: rcp}
		w.organizations[o.id] = o
		return nil
	})
}

func (w *world) readParts(ctx context.Context, q querier) error {
	err := each(ctx, q, `SELECT org, id, parent, name FROM org_units`, func(rows *sql.Rows) error {
		var org string
		var u unit
		err := rows.Scan(&org, &u.id, &u.parent, &u.name)
		if err == nil {
			w.organizations[org].units[u.id] = &u
		}
		return err
	})
	if err != nil {
		return err
	}
	err = each(ctx, q, `SELECT org, id, parent, name, email, method, joined FROM org_accounts`, func(rows *sql.Rows) error {
		var org string
		var m member
		err := rows.Scan(&org, &m.id, &m.parent, &m.name, &m.email, &m.method, &m.joined)
		if err == nil {
			w.organizations[org].accounts[m.id] = &m
			w.byAccount[m.id] = w.organizations[org]
		}
		return err
	})
	if err != nil {
		return err
	}
	err = each(ctx, q, `SELECT org, id, tags FROM org_tags`, func(rows *sql.Rows) error {
		var org, id, text string
		var tags []tag
		err := rows.Scan(&org, &id, &text)
		if err == nil {
			err = json.Unmarshal([]byte(text), &tags)
			w.organizations[org].tags[id] = tags
		}
		return err
	})
	if err != nil {
		return err
	}
	return w.readPolicies(ctx, q)
}

func (w *world) readPolicies(ctx context.Context, q querier) error {
	err := each(ctx, q, `SELECT org, id, type, name, description, content FROM org_policies`, func(rows *sql.Rows) error {
		var org string
		var p policy
		err := rows.Scan(&org, &p.id, &p.kind, &p.name, &p.description, &p.content)
		if err != nil {
			return err
		}
		if p.compiled, err = iam.ParsePolicy(p.name, []byte(p.content)); err != nil {
			return fmt.Errorf("policy %s: %w", p.id, err)
		}
		w.organizations[org].policies[p.id] = &p
		return nil
	})
	if err != nil {
		return err
	}
	return each(ctx, q, `SELECT org, target, policy FROM org_attachments ORDER BY rowid`, func(rows *sql.Rows) error {
		var org, target, policy string
		err := rows.Scan(&org, &target, &policy)
		if err == nil {
			o := w.organizations[org]
			o.attached[target] = append(o.attached[target], policy)
		}
		return err
	})
}

// parentOf gives what an account or a unit is in; empty for the root and for what is not there.
func (o *organization) parentOf(id string) string {
	if m := o.accounts[id]; m != nil {
		return m.parent
	}
	if u := o.units[id]; u != nil {
		return u.parent
	}
	return ""
}

// above lists the root, each unit, and the account or unit itself, from the top down.
func (o *organization) above(id string) []string {
	var way []string
	for ; id != ""; id = o.parentOf(id) {
		way = append(way, id)
	}
	slices.Reverse(way)
	return way
}

// path is where something is, as aws:PrincipalOrgPaths writes it: an account's is that of its parent.
func (o *organization) path(id string) string {
	return o.id + "/" + strings.Join(o.above(id), "/") + "/"
}

// membership is what lies on an account. The management account is limited by nothing ("SCPs don't affect users or roles
// in the management account", nor do RCPs its resources).
func (o *organization) membership(account string) *gateway.Membership {
	m := &gateway.Membership{Organization: o.id, Path: o.path(o.accounts[account].parent)}
	if account == o.management {
		return m
	}
	m.SCPs, m.RCPs = o.levels(scpType, account), o.levels(rcpType, account)
	return m
}

// levels are the policies of a type above an account; nil when the type is not enabled.
func (o *organization) levels(kind, account string) [][]*iam.Policy {
	if !o.enabled[kind] {
		return nil
	}
	var levels [][]*iam.Policy
	for _, id := range o.above(account) {
		level := []*iam.Policy{}
		for _, p := range o.on(id, kind) {
			level = append(level, p.compiled)
		}
		levels = append(levels, level)
	}
	return levels
}

// on lists the policies of a type that are attached to something.
func (o *organization) on(target, kind string) []*policy {
	var list []*policy
	for _, id := range o.attached[target] {
		if p := o.policies[id]; p.kind == kind {
			list = append(list, p)
		}
	}
	return list
}

// has says whether there is a root, a unit or an account of this id.
func (o *organization) has(id string) bool {
	return id == o.root || o.units[id] != nil || o.accounts[id] != nil
}

// isParent says whether accounts and units can be in it.
func (o *organization) isParent(id string) bool { return id == o.root || o.units[id] != nil }

// unitsIn and accountsIn list what is directly in a root or a unit, and everything for none, in order of their ids.
func (o *organization) unitsIn(parent string) []*unit {
	list := slices.DeleteFunc(slices.Collect(maps.Values(o.units)), func(u *unit) bool { return parent != "" && u.parent != parent })
	slices.SortFunc(list, func(a, b *unit) int { return cmp.Compare(a.id, b.id) })
	return list
}

func (o *organization) accountsIn(parent string) []*member {
	list := slices.DeleteFunc(slices.Collect(maps.Values(o.accounts)), func(m *member) bool { return parent != "" && m.parent != parent })
	slices.SortFunc(list, func(a, b *member) int { return cmp.Compare(a.id, b.id) })
	return list
}

// arn names something of the organization: kind is account, ou, root, organization or handshake/invite.
func (o *organization) arn(kind, id string) string {
	a := "arn:aws:organizations::" + o.management + ":" + kind + "/" + o.id
	if id != "" {
		a += "/" + id
	}
	return a
}

// targetARN names a root, a unit or an account.
func (o *organization) targetARN(id string) string {
	switch {
	case strings.HasPrefix(id, "r-"):
		return o.arn("root", id)
	case strings.HasPrefix(id, "ou-"):
		return o.arn("ou", id)
	}
	return o.arn("account", id)
}

func (o *organization) policyARN(p *policy) string {
	if p.aws {
		return "arn:aws:organizations::aws:policy/" + strings.ToLower(p.kind) + "/" + p.id
	}
	return o.arn("policy", strings.ToLower(p.kind)+"/"+p.id)
}
