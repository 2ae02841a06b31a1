package organizations

import (
	"context"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// The wire structures of organizations and roots.
type (
	empty      struct{}
	typeStatus struct{ Type, Status string }

	organizationShape struct {
		Id, Arn, FeatureSet                                   string
		MasterAccountArn, MasterAccountId, MasterAccountEmail string
		AvailablePolicyTypes                                  []typeStatus
	}
	organizationOut struct{ Organization organizationShape }
	createIn        struct{ FeatureSet string }

	rootShape struct {
		Id, Arn, Name string
		PolicyTypes   []typeStatus
	}
	listRootsOut struct {
		Roots []rootShape
		listed
	}
	policyTypeIn struct{ RootId, PolicyType string }
	rootOut      struct{ Root rootShape }
)

func (o *organization) shape() organizationShape {
	return organizationShape{
		Id: o.id, Arn: o.arn("organization", ""), FeatureSet: "ALL", MasterAccountId: o.management,
		MasterAccountArn: o.arn("account", o.management), MasterAccountEmail: o.accounts[o.management].email,
		AvailablePolicyTypes: []typeStatus{{scpType, "ENABLED"}, {rcpType, "ENABLED"}},
	}
}

func (o *organization) rootShape() rootShape {
	shape := rootShape{Id: o.root, Arn: o.arn("root", o.root), Name: "Root", PolicyTypes: []typeStatus{}}
	for _, kind := range []string{rcpType, scpType} {
		if o.enabled[kind] {
			shape.PolicyTypes = append(shape.PolicyTypes, typeStatus{kind, "ENABLED"})
		}
	}
	return shape
}

func (s *Service) organizationOperations() []gateway.Operation {
	onRoot := func(ctx context.Context, c *gateway.Call, in *policyTypeIn) ([]gateway.Access, error) {
		needs, err := on(s, func(in *policyTypeIn) []string { return []string{"RootId", in.RootId} })(ctx, c, in)
		if err != nil {
			return nil, err
		}
		needs[0].Context = map[string][]string{"organizations:PolicyType": {in.PolicyType}}
		return needs, nil
	}
	return []gateway.Operation{
		gateway.Op("CreateOrganization", nothing[createIn], s.createOrganization).
			Except("FeatureSet CONSOLIDATED_BILLING is refused", "no service-linked role is made"),
		gateway.Op("DescribeOrganization", nothing[empty], func(_ context.Context, c *gateway.Call, _ *empty) (*organizationOut, error) {
			o, err := s.mine(c)
			if err != nil {
				return nil, err
			}
			return &organizationOut{o.shape()}, nil
		}),
		gateway.Op("DeleteOrganization", nothing[empty], s.deleteOrganization),
		gateway.Op("ListRoots", nothing[paging], func(_ context.Context, c *gateway.Call, in *paging) (*listRootsOut, error) {
			o, err := s.managed(c)
			if err != nil {
				return nil, err
			}
			out := &listRootsOut{}
			out.Roots, out.listed, err = page(*in, []rootShape{o.rootShape()}, func(r rootShape) string { return r.Id })
			return out, err
		}),
		gateway.Op("EnablePolicyType", onRoot, s.enableType).Except("only SERVICE_CONTROL_POLICY and RESOURCE_CONTROL_POLICY; all others are refused"),
		gateway.Op("DisablePolicyType", onRoot, s.disableType),
	}
}

func (s *Service) createOrganization(ctx context.Context, c *gateway.Call, in *createIn) (*organizationOut, error) {
	if in.FeatureSet != "" && in.FeatureSet != "ALL" {
		return nil, invalid("UNSUPPORTED_FEATURE_SET: the local AWS has organizations with all features only.")
	}
	if _, err := s.create(ctx, c.Caller.Account); err != nil {
		return nil, err
	}
	o, err := s.mine(c)
	if err != nil {
		return nil, err
	}
	return &organizationOut{o.shape()}, nil
}

// create makes an organization with its root. No policy type is enabled.
func (s *Service) create(ctx context.Context, management string) (id string, err error) {
	if id, err = s.newID("o-", 10); err != nil {
		return "", err
	}
	root, err := s.newID("r-", 4)
	if err != nil {
		return "", err
	}
	return id, s.change(ctx, func(tx *store.Tx, w *world) error {
		if w.byAccount[management] != nil {
			return failure("AlreadyInOrganizationException", "The provided account is already a member of an organization.")
		}
		err := exec(ctx, tx, `INSERT INTO org_organizations (id, management, root, scp, rcp) VALUES (?, ?, ?, 0, 0)`, id, management, root)
		if err != nil {
			return err
		}
		o := &organization{id: id, root: root}
		return s.join(ctx, tx, o, &member{id: management, name: "management", email: emailOf(management), method: "INVITED"})
	})
}

// emailOf is the address of an account that was made without one.
func emailOf(account string) string { return "root@" + account + ".example.com" }

// join puts an account under the root, with the policies of AWS on it.
func (s *Service) join(ctx context.Context, tx *store.Tx, o *organization, m *member) error {
	err := exec(ctx, tx, `INSERT INTO org_accounts (id, org, parent, name, email, method, joined) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		m.id, o.id, o.root, m.name, m.email, m.method, s.config.Now().UnixMilli())
	if err != nil {
		return err
	}
	return attachFull(ctx, tx, o, m.id)
}

// attachFull attaches the policy of AWS of every type that is enabled.
func attachFull(ctx context.Context, tx *store.Tx, o *organization, target string) error {
	for kind, enabled := range o.enabled {
		if !enabled {
			continue
		}
		if err := attach(ctx, tx, o, full[kind].id, target); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) deleteOrganization(ctx context.Context, c *gateway.Call, _ *empty) (*empty, error) {
	return &empty{}, s.change(ctx, func(tx *store.Tx, w *world) error {
		o, err := w.managed(c)
		if err != nil {
			return err
		}
		if len(o.accounts) > 1 || len(o.units) > 0 || len(o.policies) > len(full) {
			return failure("OrganizationNotEmptyException", "To delete an organization you must first remove all member accounts (except the master), delete all organizational units (OUs), and delete all policies.")
		}
		for _, table := range []string{"org_accounts", "org_attachments", "org_requests", "org_handshakes", "org_tags"} {
			if err := exec(ctx, tx, `DELETE FROM `+table+` WHERE org = ?`, o.id); err != nil {
				return err
			}
		}
		return exec(ctx, tx, `DELETE FROM org_organizations WHERE id = ?`, o.id)
	})
}

func checkType(kind string) error {
	if full[kind] == nil {
		return invalid("INVALID_ENUM_POLICY_TYPE: the local AWS has SERVICE_CONTROL_POLICY and RESOURCE_CONTROL_POLICY only.")
	}
	return nil
}

// typeColumns are where it is kept whether a type is enabled.
var typeColumns = map[string]string{scpType: "scp", rcpType: "rcp"}

func (s *Service) enableType(ctx context.Context, c *gateway.Call, in *policyTypeIn) (*rootOut, error) {
	return s.setType(ctx, c, in, func(tx *store.Tx, o *organization) error {
		if o.enabled[in.PolicyType] {
			return failure("PolicyTypeAlreadyEnabledException", "The specified policy type is already enabled.")
		}
		return enable(ctx, tx, o, in.PolicyType)
	})
}

// enable enables a policy type, and attaches AWS's policy of that type to everything.
func enable(ctx context.Context, tx *store.Tx, o *organization, kind string) error {
	if err := exec(ctx, tx, `UPDATE org_organizations SET `+typeColumns[kind]+` = 1 WHERE id = ?`, o.id); err != nil {
		return err
	}
	targets := []string{o.root}
	for _, u := range o.unitsIn("") {
		targets = append(targets, u.id)
	}
	for _, m := range o.accountsIn("") {
		targets = append(targets, m.id)
	}
	for _, target := range targets {
		if err := attach(ctx, tx, o, full[kind].id, target); err != nil {
			return err
		}
	}
	return nil
}

// disableType detaches all policies of the type: they are not attached again when it is enabled again.
func (s *Service) disableType(ctx context.Context, c *gateway.Call, in *policyTypeIn) (*rootOut, error) {
	return s.setType(ctx, c, in, func(tx *store.Tx, o *organization) error {
		if !o.enabled[in.PolicyType] {
			return failure("PolicyTypeNotEnabledException", "This operation can be performed only for enabled policy types.")
		}
		for _, p := range o.policies {
			if p.kind != in.PolicyType {
				continue
			}
			if err := exec(ctx, tx, `DELETE FROM org_attachments WHERE org = ? AND policy = ?`, o.id, p.id); err != nil {
				return err
			}
		}
		return exec(ctx, tx, `UPDATE org_organizations SET `+typeColumns[in.PolicyType]+` = 0 WHERE id = ?`, o.id)
	})
}

func (s *Service) setType(ctx context.Context, c *gateway.Call, in *policyTypeIn, f func(*store.Tx, *organization) error) (*rootOut, error) {
	if err := checkType(in.PolicyType); err != nil {
		return nil, err
	}
	err := s.change(ctx, func(tx *store.Tx, w *world) error {
		o, err := w.managed(c)
		if err != nil {
			return err
		}
		if in.RootId != o.root {
			return failure("RootNotFoundException", "You specified a root that does not exist.")
		}
		return f(tx, o)
	})
	if err != nil {
		return nil, err
	}
	o, err := s.managed(c)
	if err != nil {
		return nil, err
	}
	return &rootOut{o.rootShape()}, nil
}
