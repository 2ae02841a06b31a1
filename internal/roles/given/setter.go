package given

import (
	"cmp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/roles"
)

// setter makes roles of the resources of a template.
type setter struct {
	*template
	resolver *resolver
	macros   string // a doubt about everything
	holders  []*holder
	byName   map[[2]string]*holder      // by kind and name
	managed  map[string]*roles.Attached // by logical id
	byARN    map[string]*roles.Attached // the same, by ARN
	carried  map[string]bool            // the ARNs of managed policies that somebody carries
	maybe    map[string][]string        // doubts about everybody of a kind
	joined   int                        // policies that users have from groups
}

// holder is what carries policies: a role, a user, or a group, whose policies are its users'.
type holder struct {
	resource *resource // nil for one that the template only names
	kind     string
	name     string // text, or an [iam.Intrinsic]
	path     string
	trust    *iam.Document
	policies []roles.Policy
	attached []roles.Attached
	boundary *iam.Document
	profile  bool
	groups   []string
	doubts   []string
	place    roles.Place
}

func (s *setter) set() *roles.Set {
	s.managed, s.byARN = map[string]*roles.Attached{}, map[string]*roles.Attached{}
	s.byName, s.carried, s.maybe = map[[2]string]*holder{}, map[string]bool{}, map[string][]string{}
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
	s.finish(set)
	return set
}

// property resolves a property of a resource; nil where it is not there.
func (s *setter) property(x *resource, name string) *iam.Node {
	n := field(x.properties, name)
	if n == nil {
		return nil
	}
	v := s.resolver.value(n)
	if isNoValue(&v) {
		return nil
	}
	return &v
}

// string is a property that is text, or a function that gives some.
func (s *setter) string(x *resource, name string) string {
	n := s.property(x, name)
	if n == nil {
		return ""
	}
	v, ok := stringOf(n)
	if !ok {
		s.report(n.Pos, iam.CodeWrongType, "%s of %s must be a string, found %s", name, x.id, n.Kind)
	}
	return v
}

// document reads a policy that is a value within the template.
func (s *setter) document(n *iam.Node) *iam.Document {
	d, findings := iam.FromNode(s.file, n, iam.ReadOptions{Intrinsics: true, Places: true})
	s.findings = append(s.findings, findings...)
	return d
}

func (s *setter) readManaged(x *resource) {
	a := &roles.Attached{ARN: iam.Intrinsic(`{"Ref":` + string((&iam.Node{Text: x.id}).Compact()) + `}`), Place: place(s.file, x.pos)}
	if arn, ok := s.arn(s.resolver, x); ok {
		a.ARN = arn.Text
	}
	s.managed[x.id], s.byARN[a.ARN] = a, a
	n := s.property(x, "PolicyDocument")
	if n == nil {
		s.report(x.pos, iam.CodeMissingElement, "managed policy %s has no PolicyDocument", x.id)
		return
	}
	a.Document = s.document(n)
}

// readHolder reads a role, a user or a group with what stands in it.
func (s *setter) readHolder(x *resource) {
	h := &holder{resource: x, kind: x.kind, place: place(s.file, x.pos)}
	name, path := s.nameOf(s.resolver, x), s.pathOf(s.resolver, x)
	var ok bool
	if h.name, ok = stringOf(&name); !ok {
		s.report(name.Pos, iam.CodeWrongType, "%s of %s must be a string, found %s", nameProperty[x.kind], x.id, name.Kind)
	}
	if h.path, ok = stringOf(&path); !ok {
		s.report(path.Pos, iam.CodeWrongType, "Path of %s must be a string, found %s", x.id, path.Kind)
	}
	if x.doubt != "" {
		h.doubts = append(h.doubts, x.doubt)
	}
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

func (s *setter) keep(h *holder) {
	s.holders = append(s.holders, h)
	s.byName[[2]string{h.kind, h.name}] = h
	for _, a := range h.attached {
		s.carried[a.ARN] = true
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
		name, doc := field(item, "PolicyName"), field(item, "PolicyDocument")
		if name == nil || doc == nil {
			if _, _, call := callOf(item); call {
				h.doubts = append(h.doubts, "one of its inline policies is known only when the template is deployed")
			} else {
				s.report(item.Pos, iam.CodeMissingElement, "a policy of %s needs PolicyName and PolicyDocument", x.id)
			}
			continue
		}
		s.add(h, name, doc)
	}
}

func (s *setter) add(h *holder, name, doc *iam.Node) {
	p := roles.Policy{Document: s.document(doc), Place: place(s.file, name.Pos)}
	var ok bool
	if p.Name, ok = stringOf(name); !ok {
		s.report(name.Pos, iam.CodeWrongType, "PolicyName must be a string, found %s", name.Kind)
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
			s.report(n.Items[i].Pos, iam.CodeWrongType, "an ARN must be a string, found %s", n.Items[i].Kind)
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
	if a := s.byARN[arn]; a != nil {
		return *a, true
	}
	return roles.Attached{ARN: arn, Document: awsPolicy(arn), Place: place(s.file, n.Pos)}, true
}

func (s *setter) boundary(h *holder, x *resource) {
	n := s.property(x, "PermissionsBoundary")
	if n == nil {
		return
	}
	a, ok := s.policyAt(n)
	if !ok {
		s.report(n.Pos, iam.CodeWrongType, "PermissionsBoundary of %s must be a string, found %s", x.id, n.Kind)
		return
	}
	if h.boundary = a.Document; a.Document == nil {
		h.doubts = append(h.doubts, unknownBoundary(a.ARN))
	}
}

func unknownBoundary(arn string) string {
	return "the text of its permissions boundary " + Shown(arn) + " is not given"
}

// Shown prints a text that may be an [iam.Intrinsic].
func Shown(s string) string {
	if json, ok := iam.IntrinsicJSON(s); ok {
		return json
	}
	return s
}

// finish puts the roles and users into the set, in the order of the template.
func (s *setter) finish(set *roles.Set) {
	for _, h := range s.holders {
		h.doubts = append(h.doubts, s.maybe[h.kind]...)
		if s.macros != "" {
			h.doubts = append(h.doubts, s.macros)
		}
		slices.SortStableFunc(h.policies, func(a, b roles.Policy) int { return cmp.Compare(a.Name, b.Name) })
		switch h.kind {
		case typeRole:
			set.Roles = append(set.Roles, h.role(s.options.Account))
		case typeUser:
			s.join(h)
			set.Users = append(set.Users, h.user(s.options.Account))
		}
	}
}

// maxJoined bounds what users have from groups, all together: far more than IAM takes, and far less than memory.
const maxJoined = 100_000

// join gives a user the policies of its groups.
func (s *setter) join(h *holder) {
	for _, name := range h.groups {
		g := s.byName[[2]string{typeGroup, name}]
		if g == nil {
			h.doubts = append(h.doubts, "the policies of its group "+Shown(name)+" are not given")
			continue
		}
		if s.joined += len(g.policies) + len(g.attached) + len(g.doubts); s.joined > maxJoined {
			s.report(iam.Position{Line: h.place.Line, Column: h.place.Column}, iam.CodeTooLarge, "users have more than %d policies from groups", maxJoined)
			return
		}
		h.policies, h.attached = append(h.policies, g.policies...), append(h.attached, g.attached...)
		h.doubts = append(h.doubts, g.doubts...)
	}
}

func (h *holder) role(account string) roles.Role {
	return roles.Role{
		Account: account, Name: h.name, Path: h.path, Kind: KindOfRole(h.name), Trust: h.trust, Policies: h.policies,
		Attached: h.attached, Boundary: h.boundary, InstanceProfile: h.profile, Doubts: h.doubts, Place: h.place,
	}
}

func (h *holder) user(account string) roles.User {
	return roles.User{
		Account: account, Name: h.name, Path: h.path, Policies: h.policies, Attached: h.attached, Boundary: h.boundary,
		Groups: h.groups, Doubts: h.doubts, Place: h.place,
	}
}

// KindOfRole finds the kind that the name of a role of slipway ends with; empty where it ends with none.
func KindOfRole(name string) plan.RoleKind {
	for _, k := range []plan.RoleKind{plan.KindDeploy, plan.KindTrigger, plan.KindVerify, plan.KindNode} {
		if strings.HasSuffix(name, "-"+string(k)) {
			return k
		}
	}
	return ""
}
