package organizations

import (
	"context"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

const maxUnitDepth = 5

// The wire structures of organizational units and of what is in what.
type (
	tag       struct{ Key, Value string }
	unitShape struct{ Id, Arn, Name, Path string }
	unitOut   struct{ OrganizationalUnit unitShape }
	newUnitIn struct {
		ParentId, Name string
		Tags           []tag
	}
	unitIn       struct{ OrganizationalUnitId string }
	updateUnitIn struct {
		OrganizationalUnitId string
		Name                 *string
	}
	parentIn struct {
		ParentId string
		paging
	}
	listUnitsOut struct {
		OrganizationalUnits []unitShape
		listed
	}
	childIn struct {
		ChildId string
		paging
	}
	typed          struct{ Id, Type string }
	listParentsOut struct {
		Parents []typed
		listed
	}
	childrenIn struct {
		ParentId, ChildType string
		paging
	}
	childrenOut struct {
		Children []typed
		listed
	}
)

func (o *organization) unitShape(u *unit) unitShape {
	return unitShape{u.id, o.targetARN(u.id), u.name, o.path(u.id)}
}

func (s *Service) unitOperations() []gateway.Operation {
	return []gateway.Operation{
		gateway.Op("CreateOrganizationalUnit", withTags(on(s, func(in *newUnitIn) []string { return []string{"ParentId", in.ParentId} }),
			func(in *newUnitIn) []tag { return in.Tags }), s.createUnit),
		gateway.Op("DescribeOrganizationalUnit", on(s, func(in *unitIn) []string { return []string{"OrganizationalUnitId", in.OrganizationalUnitId} }), s.describeUnit),
		gateway.Op("UpdateOrganizationalUnit", on(s, func(in *updateUnitIn) []string { return []string{"OrganizationalUnitId", in.OrganizationalUnitId} }), s.updateUnit),
		gateway.Op("DeleteOrganizationalUnit", on(s, func(in *unitIn) []string { return []string{"OrganizationalUnitId", in.OrganizationalUnitId} }), s.deleteUnit),
		gateway.Op("ListOrganizationalUnitsForParent", on(s, func(in *parentIn) []string { return []string{"ParentId", in.ParentId} }), s.listUnits),
		gateway.Op("ListParents", on(s, func(in *childIn) []string { return []string{"ChildId", in.ChildId} }), s.listParents),
		gateway.Op("ListChildren", on(s, func(in *childrenIn) []string { return []string{"ParentId", in.ParentId} }), s.listChildren),
	}
}

func noParent() error {
	return failure("ParentNotFoundException", "You specified a parent that does not exist.")
}

func noUnit() error {
	return failure("OrganizationalUnitNotFoundException", "You specified an organizational unit that does not exist.")
}

func (s *Service) createUnit(ctx context.Context, c *gateway.Call, in *newUnitIn) (*unitOut, error) {
	if in.Name == "" || len(in.Name) > 128 {
		return nil, invalid("MAX_LENGTH_EXCEEDED: the name of a unit has 1 to 128 characters.")
	}
	random, err := s.newID("", 8)
	if err != nil {
		return nil, err
	}
	var id string
	err = s.change(ctx, func(tx *store.Tx, w *world) error {
		o, err := w.managed(c)
		if err != nil {
			return err
		}
		if !o.isParent(in.ParentId) {
			return noParent()
		}
		if len(o.above(in.ParentId)) > maxUnitDepth {
			return constraint("OU_DEPTH_LIMIT_EXCEEDED", "organizational units may be %d levels deep.", maxUnitDepth)
		}
		if err := o.mustBeOnlyUnit(in.ParentId, in.Name, ""); err != nil {
			return err
		}
		id = "ou-" + o.root[len("r-"):] + "-" + random
		if err := exec(ctx, tx, `INSERT INTO org_units (id, org, parent, name) VALUES (?, ?, ?, ?)`, id, o.id, in.ParentId, in.Name); err != nil {
			return err
		}
		if err := attachFull(ctx, tx, o, id); err != nil {
			return err
		}
		return putTags(ctx, tx, o, id, in.Tags)
	})
	if err != nil {
		return nil, err
	}
	return s.describeUnit(ctx, c, &unitIn{id})
}

// mustBeOnlyUnit gives AWS's error when the parent has another unit of that name.
func (o *organization) mustBeOnlyUnit(parent, name, self string) error {
	for _, u := range o.unitsIn(parent) {
		if u.name == name && u.id != self {
			return failure("DuplicateOrganizationalUnitException", "An organizational unit with the same name exists under this parent.")
		}
	}
	return nil
}

func (s *Service) describeUnit(_ context.Context, c *gateway.Call, in *unitIn) (*unitOut, error) {
	o, err := s.managed(c)
	if err != nil {
		return nil, err
	}
	u := o.units[in.OrganizationalUnitId]
	if u == nil {
		return nil, noUnit()
	}
	return &unitOut{o.unitShape(u)}, nil
}

func (s *Service) updateUnit(ctx context.Context, c *gateway.Call, in *updateUnitIn) (*unitOut, error) {
	err := s.change(ctx, func(tx *store.Tx, w *world) error {
		o, err := w.managed(c)
		if err != nil {
			return err
		}
		u := o.units[in.OrganizationalUnitId]
		if u == nil {
			return noUnit()
		}
		if in.Name == nil {
			return nil
		}
		if err := o.mustBeOnlyUnit(u.parent, *in.Name, u.id); err != nil {
			return err
		}
		return exec(ctx, tx, `UPDATE org_units SET name = ? WHERE id = ?`, *in.Name, u.id)
	})
	if err != nil {
		return nil, err
	}
	return s.describeUnit(ctx, c, &unitIn{in.OrganizationalUnitId})
}

func (s *Service) deleteUnit(ctx context.Context, c *gateway.Call, in *unitIn) (*empty, error) {
	return &empty{}, s.change(ctx, func(tx *store.Tx, w *world) error {
		o, err := w.managed(c)
		if err != nil {
			return err
		}
		if o.units[in.OrganizationalUnitId] == nil {
			return noUnit()
		}
		if len(o.unitsIn(in.OrganizationalUnitId)) > 0 || len(o.accountsIn(in.OrganizationalUnitId)) > 0 {
			return failure("OrganizationalUnitNotEmptyException", "You must first remove all accounts and child OUs from this OU.")
		}
		if err := exec(ctx, tx, `DELETE FROM org_attachments WHERE org = ? AND target = ?`, o.id, in.OrganizationalUnitId); err != nil {
			return err
		}
		if err := putTags(ctx, tx, o, in.OrganizationalUnitId, nil); err != nil {
			return err
		}
		return exec(ctx, tx, `DELETE FROM org_units WHERE id = ?`, in.OrganizationalUnitId)
	})
}

func (s *Service) listUnits(_ context.Context, c *gateway.Call, in *parentIn) (*listUnitsOut, error) {
	o, err := s.managed(c)
	if err != nil {
		return nil, err
	}
	if !o.isParent(in.ParentId) {
		return nil, noParent()
	}
	out := &listUnitsOut{OrganizationalUnits: []unitShape{}}
	for _, u := range o.unitsIn(in.ParentId) {
		out.OrganizationalUnits = append(out.OrganizationalUnits, o.unitShape(u))
	}
	out.OrganizationalUnits, out.listed, err = page(in.paging, out.OrganizationalUnits, func(u unitShape) string { return u.Id })
	return out, err
}

func (s *Service) listParents(_ context.Context, c *gateway.Call, in *childIn) (*listParentsOut, error) {
	o, err := s.managed(c)
	if err != nil {
		return nil, err
	}
	parent := o.parentOf(in.ChildId)
	if parent == "" {
		return nil, failure("ChildNotFoundException", "You specified a child that does not exist.")
	}
	kind := "ORGANIZATIONAL_UNIT"
	if parent == o.root {
		kind = "ROOT"
	}
	return &listParentsOut{Parents: []typed{{parent, kind}}}, nil
}

func (s *Service) listChildren(_ context.Context, c *gateway.Call, in *childrenIn) (*childrenOut, error) {
	o, err := s.managed(c)
	if err != nil {
		return nil, err
	}
	if !o.isParent(in.ParentId) {
		return nil, noParent()
	}
	out := &childrenOut{Children: []typed{}}
	switch in.ChildType {
	case "ACCOUNT":
		for _, m := range o.accountsIn(in.ParentId) {
			out.Children = append(out.Children, typed{m.id, in.ChildType})
		}
	case "ORGANIZATIONAL_UNIT":
		for _, u := range o.unitsIn(in.ParentId) {
			out.Children = append(out.Children, typed{u.id, in.ChildType})
		}
	default:
		return nil, invalid("INVALID_ENUM: ChildType is ACCOUNT or ORGANIZATIONAL_UNIT.")
	}
	out.Children, out.listed, err = page(in.paging, out.Children, func(t typed) string { return t.Id })
	return out, err
}
