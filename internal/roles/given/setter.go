package given

import (
	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/roles"
)

// setter makes roles of the resources of a template.
type setter struct {
	*template
	resolver *resolver
	macros   string                     // a doubt about everything
	managed  map[string]*roles.Attached // by logical id
}

func (s *setter) set() *roles.Set {
	s.managed = map[string]*roles.Attached{}
	for _, x := range s.resources {
		s.look(x)
	}
	for _, x := range s.resources {
		if x.kind == typeManaged {
			s.readManaged(x)
		}
	}
	for _, x := range s.resources {
		switch x.kind {
		case typeRole, typeUser, typeGroup:
			s.readHolder(x)
		}
	}
	set := &roles.Set{}
	for _, x := range s.resources {
		switch x.kind {
		case typeManaged:
			s.attachManaged(set, x)
		case typePolicy, typeRoleInto, typeUserInto, typeGroupInto:
			s.attachInline(set, x)
		case typeProfile:
			s.profiles(x)
		case typeMembers:
			s.members(x)
		case typeBucketPol:
			s.bucket(set, x)
		}
	}
	if s.macros != "" {
		for _, h := range s.holders {
			h.doubts = append(h.doubts, s.macros)
		}
		for i := range set.Buckets {
			set.Buckets[i].Doubts = append(set.Buckets[i].Doubts, s.macros)
		}
	}
	s.finish(set)
	return set
}

// property resolves a property of a resource; nil where it is not there.
func (s *setter) property(x *resource, name string) *iam.Node {
	n := x.properties.Field(name)
	if n == nil {
		return nil
	}
	v := s.resolver.value(n)
	if isNoValue(&v) {
		return nil
	}
	return &v
}

func (s *setter) readManaged(x *resource) {
	a := &roles.Attached{ARN: iam.Intrinsic(`{"Ref":` + string((&iam.Node{Text: x.id}).Compact()) + `}`), Place: place(s.file, x.pos)}
	if arn, ok := s.arn(s.resolver, x); ok {
		a.ARN = arn.Text
	}
	s.managed[x.id], s.byARN[a.ARN] = a, a
	n := s.property(x, "PolicyDocument")
	if n == nil {
		s.report(x.pos, CodeFile, "managed policy %s has no PolicyDocument", x.id)
		return
	}
	a.Document = s.document(n)
}

// readHolder reads a role, a user or a group with what stands in it.
func (s *setter) readHolder(x *resource) {
	h := &holder{kind: x.kind, place: place(s.file, x.pos)}
	name, path := s.nameOf(s.resolver, x), s.pathOf(s.resolver, x)
	h.unnamed = s.property(x, nameProperty[x.kind]) == nil
	var ok bool
	if h.name, ok = stringOf(&name); !ok {
		s.report(name.Pos, CodeFile, "%s of %s must be a string, found %s", nameProperty[x.kind], x.id, name.Kind)
	}
	if h.path, ok = stringOf(&path); !ok {
		s.report(path.Pos, CodeFile, "Path of %s must be a string, found %s", x.id, path.Kind)
	}
	h.doubts = append(h.doubts, x.doubts()...)
	if n := s.property(x, "AssumeRolePolicyDocument"); n != nil {
		h.trust = s.document(n)
	}
	s.inline(h, x)
	s.arns(h, x)
	s.boundary(h, x)
	s.keep(h)
	for _, g := range items(s.property(x, "Groups")) {
		if name, ok := s.nameIn(&g); ok {
			h.groups = append(h.groups, name)
		}
	}
}

// nameIn is the name that an item of a list gives, of something whose Ref is its name.
func (s *setter) nameIn(n *iam.Node) (string, bool) {
	if call, argument, ok := callOf(n); ok && call == "Ref" {
		if x := s.byID[argument.Text]; x != nil {
			name := s.nameOf(s.resolver, x)
			return stringOf(&name)
		}
	}
	return stringOf(n)
}

// inline reads the policies that are written within a role, a user or a group.
func (s *setter) inline(h *holder, x *resource) {
	n := s.property(x, "Policies")
	if n == nil {
		return
	}
	if n.Kind != iam.ListNode {
		h.doubts = append(h.doubts, "its inline policies are known only when the template is deployed")
		return
	}
	for i := range n.Items {
		item := &n.Items[i]
		name, doc := item.Field("PolicyName"), item.Field("PolicyDocument")
		if name == nil || doc == nil {
			if _, _, call := callOf(item); call {
				h.doubts = append(h.doubts, "one of its inline policies is known only when the template is deployed")
			} else {
				s.report(item.Pos, CodeFile, "a policy of %s needs PolicyName and PolicyDocument", x.id)
			}
			continue
		}
		s.add(h, name, doc)
	}
}

func (s *setter) add(h *holder, name, doc *iam.Node) {
	s.put(h, name, s.document(doc))
}

func (s *setter) put(h *holder, name *iam.Node, d *iam.Document) {
	p := roles.Policy{Document: d, Place: place(s.file, name.Pos)}
	var ok bool
	if p.Name, ok = stringOf(name); !ok {
		s.report(name.Pos, CodeFile, "PolicyName must be a string, found %s", name.Kind)
	}
	if p.Document != nil {
		h.policies = append(h.policies, p)
	}
}

// arns reads the managed policies that a role, a user or a group names.
func (s *setter) arns(h *holder, x *resource) {
	n := s.property(x, "ManagedPolicyArns")
	if n == nil {
		return
	}
	if n.Kind != iam.ListNode {
		h.doubts = append(h.doubts, "its managed policies are known only when the template is deployed")
		return
	}
	for i := range n.Items {
		if a, ok := s.policyAt(&n.Items[i]); ok {
			h.attached = append(h.attached, a)
		} else {
			s.report(n.Items[i].Pos, CodeFile, "an ARN must be a string, found %s", n.Items[i].Kind)
		}
	}
}

// policyAt finds the managed policy that a value names: one of the template, one of AWS, or one that is not known here.
func (s *setter) policyAt(n *iam.Node) (roles.Attached, bool) {
	if call, argument, ok := callOf(n); ok && call == "Ref" && s.managed[argument.Text] != nil {
		a := *s.managed[argument.Text]
		return a, true
	}
	arn, ok := stringOf(n)
	if !ok {
		return roles.Attached{}, false
	}
	return s.policy(arn, n.Pos), true
}

func (s *setter) boundary(h *holder, x *resource) {
	n := s.property(x, "PermissionsBoundary")
	if n == nil {
		return
	}
	a, ok := s.policyAt(n)
	if !ok {
		s.report(n.Pos, CodeFile, "PermissionsBoundary of %s must be a string, found %s", x.id, n.Kind)
		return
	}
	h.bind(a)
}
