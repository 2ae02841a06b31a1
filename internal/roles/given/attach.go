package given

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/roles"
)

// attachManaged attaches a managed policy of the template to those that it names.
func (s *setter) attachManaged(set *roles.Set, x *resource) {
	a, attached := s.managed[x.id], false
	given := *a
	given.Document = x.surely(a.Document)
	s.each(x, func(h *holder) {
		attached = true
		if given.Document != nil || a.Document == nil {
			h.attached = append(h.attached, given)
		}
		h.doubt(x)
	})
	if attached || a.Document == nil || s.carried[a.ARN] {
		return
	}
	set.Loose = append(set.Loose, roles.Policy{Name: x.id, Document: a.Document, Place: a.Place})
}

// attachInline puts a policy that is a resource by itself into those that it names.
func (s *setter) attachInline(set *roles.Set, x *resource) {
	doc, name := s.property(x, "PolicyDocument"), s.property(x, "PolicyName")
	if doc == nil || name == nil {
		s.report(x.pos, CodeFile, "policy %s needs PolicyName and PolicyDocument", x.id)
		return
	}
	attached, d := false, s.document(doc)
	s.each(x, func(h *holder) {
		attached = true
		s.put(h, name, x.surely(d))
		h.doubt(x)
	})
	if d != nil && !attached {
		set.Loose = append(set.Loose, roles.Policy{Name: x.id, Document: d, Place: place(s.file, x.pos)})
	}
}

// doubt passes on that a policy may not exist, or say something else.
func (h *holder) doubt(x *resource) {
	for _, d := range x.doubts() {
		h.doubts = append(h.doubts, "of its policy "+x.id+", "+d)
	}
}

// surely is a policy without what it denies, where it may not exist: what it denies is then not certain. What it allows stays,
// since whoever carries it is in doubt, and nothing is proved by it. Nil where nothing is left.
func (x *resource) surely(d *iam.Document) *iam.Document {
	if len(x.doubts()) == 0 {
		return d
	}
	return allowances(d)
}

// allowances is a policy without what it denies; nil where nothing is left.
func allowances(d *iam.Document) *iam.Document {
	if d == nil {
		return nil
	}
	out := *d
	out.Statements = slices.DeleteFunc(slices.Clone(d.Statements), func(st iam.Statement) bool { return st.Effect != iam.Allow })
	if len(out.Statements) == 0 {
		return nil
	}
	return &out
}

// lists are the properties by which a policy names those who carry it.
var lists = []struct{ property, kind string }{
	{"Roles", typeRole}, {"Users", typeUser}, {"Groups", typeGroup},
	{"RoleName", typeRole}, {"UserName", typeUser}, {"GroupName", typeGroup},
}

// each goes over those that a policy names.
func (s *setter) each(x *resource, f func(*holder)) {
	for _, l := range lists {
		if x.macro != "" { // which may name more
			s.unsure(l.kind, x.macro)
		}
		n := s.property(x, l.property)
		for _, item := range items(n) {
			h, known := s.holder(l.kind, &item)
			if known {
				f(h)
				continue
			}
			s.perhaps(l.kind, x, &item)
		}
	}
}

// holder finds who is named. Somebody whom the template does not make is known by name only.
func (s *setter) holder(kind string, n *iam.Node) (*holder, bool) {
	name, ok := s.nameIn(n)
	if !ok {
		s.report(n.Pos, CodeFile, "a name must be a string, found %s", n.Kind)
		return nil, false
	}
	if h := s.byName[[2]string{kind, name}]; h != nil {
		return h, true
	}
	if _, marked := iam.IntrinsicJSON(name); marked {
		return nil, false
	}
	h := &holder{
		kind: kind, name: name, place: place(s.file, n.Pos), adds: true, doubts: []string{"the template " + roles.OnlyAdds},
	}
	s.keep(h)
	return h, true
}

// perhaps notes that a policy may be attached to anybody of a kind.
func (s *setter) perhaps(kind string, x *resource, n *iam.Node) {
	name, _ := stringOf(n)
	s.unsure(kind, "whether it has what "+x.id+" gives depends on "+Shown(name))
}

// profiles notes which roles instances carry.
func (s *setter) profiles(x *resource) {
	for _, item := range items(s.property(x, "Roles")) {
		if name, ok := s.nameIn(&item); ok {
			if h := s.byName[[2]string{typeRole, name}]; h != nil {
				h.profile = true
			}
		}
	}
}

// members notes whom a resource adds to a group.
func (s *setter) members(x *resource) {
	group := s.property(x, "GroupName")
	if group == nil {
		return
	}
	name, ok := s.nameIn(group)
	if !ok {
		return
	}
	for _, item := range items(s.property(x, "Users")) {
		if h, known := s.holder(typeUser, &item); known {
			h.groups = append(h.groups, name)
		} else {
			s.perhaps(typeUser, x, &item)
		}
	}
}

// bucket reads the policy of a bucket.
func (s *setter) bucket(set *roles.Set, x *resource) {
	doc, bucket := s.property(x, "PolicyDocument"), s.property(x, "Bucket")
	if doc == nil || bucket == nil {
		s.report(x.pos, CodeFile, "bucket policy %s needs Bucket and PolicyDocument", x.id)
		return
	}
	name, ok := s.nameIn(bucket)
	if !ok {
		s.report(bucket.Pos, CodeFile, "Bucket of %s must be a string, found %s", x.id, bucket.Kind)
	}
	if d := s.document(doc); d != nil {
		set.Buckets = append(set.Buckets, roles.Bucket{Account: s.options.Account, Name: strings.TrimSpace(name), Policy: d, Doubts: x.doubts(), Place: place(s.file, x.pos)})
	}
}
