package given

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/roles"
)

// tfTypes are the resources of Terraform by type of CloudFormation.
var tfTypes = map[string]string{typeRole: "aws_iam_role", typeUser: "aws_iam_user", typeGroup: "aws_iam_group"}

// attachments say, of the resources that attach something, in which attributes they name whom.
var attachments = map[string][]struct{ attribute, kind string }{
	"aws_iam_role_policy":             {{"role", typeRole}},
	"aws_iam_user_policy":             {{"user", typeUser}},
	"aws_iam_group_policy":            {{"group", typeGroup}},
	"aws_iam_role_policy_attachment":  {{"role", typeRole}},
	"aws_iam_user_policy_attachment":  {{"user", typeUser}},
	"aws_iam_group_policy_attachment": {{"group", typeGroup}},
	"aws_iam_policy_attachment":       {{"roles", typeRole}, {"users", typeUser}, {"groups", typeGroup}},
	"aws_iam_instance_profile":        {{"role", typeRole}},
	"aws_iam_user_group_membership":   {{"user", typeUser}},
	"aws_iam_group_membership":        {{"users", typeUser}},
}

// attach gives those whom a resource names what it attaches.
func (p *tfPlan) attach(r *tfResource) {
	for _, l := range attachments[r.kind] {
		for _, c := range p.named(r, l.attribute, l.kind) {
			if c.sure {
				p.attachTo(c.holder, r)
				continue
			}
			// Attached aside, so that what it denies can be left out: it is not certain.
			aside := &holder{}
			p.attachTo(aside, r)
			c.holder.perhaps(aside)
			c.holder.doubts = append(c.holder.doubts, whether(r))
		}
	}
}

func whether(r *tfResource) string {
	return "whether it has what " + r.address + " gives is known after apply"
}

// perhaps gives a holder what it may have.
func (h *holder) perhaps(other *holder) {
	for _, p := range other.policies {
		if p.Document = allowances(p.Document); p.Document != nil {
			h.policies = append(h.policies, p)
		}
	}
	for _, a := range other.attached {
		known := a.Document != nil
		if a.Document = allowances(a.Document); a.Document != nil || !known {
			h.attached = append(h.attached, a)
		}
	}
	h.groups, h.doubts = append(h.groups, other.groups...), append(h.doubts, other.doubts...)
	h.profile = h.profile || other.profile
}

func (p *tfPlan) attachTo(h *holder, r *tfResource) {
	switch r.kind {
	case "aws_iam_role_policy", "aws_iam_user_policy", "aws_iam_group_policy":
		if n := r.values.Field("policy"); n != nil && n.Kind == iam.StringNode {
			p.add(h, textOf(r.values, "name"), n)
		} else {
			h.doubts = append(h.doubts, "the text of "+r.address+" is known after apply")
		}
	case "aws_iam_instance_profile":
		h.profile = true
	case "aws_iam_user_group_membership":
		for _, g := range items(r.values.Field("groups")) {
			if g.Kind == iam.StringNode {
				h.groups = append(h.groups, g.Text)
			}
		}
		if r.values.Field("groups") == nil || p.anyUnknown(r, "groups") {
			h.doubts = append(h.doubts, "its groups are known after apply")
		}
	case "aws_iam_group_membership":
		h.groups = append(h.groups, textOf(r.values, "group"))
	default:
		p.attachPolicy(h, r)
	}
}

// attachPolicy attaches the managed policy that an attachment names.
func (p *tfPlan) attachPolicy(h *holder, r *tfResource) {
	if arn := textOf(r.values, "policy_arn"); arn != "" {
		h.attached = append(h.attached, p.policy(arn, r.pos))
		return
	}
	if t := p.reference(r, "policy_arn", "aws_iam_policy"); t != nil {
		p.give(h, t)
		return
	}
	h.attached = append(h.attached, roles.Attached{ARN: r.open("policy_arn"), Place: place(p.file, r.pos)})
}

// candidate is somebody whom an attribute names, or may name.
type candidate struct {
	holder *holder
	sure   bool
}

// named finds whom an attribute names: by the names that are known, and by what the attribute refers to for those that are not.
func (p *tfPlan) named(r *tfResource, attribute, kind string) (list []candidate) {
	for _, n := range items(r.values.Field(attribute)) {
		if n.Kind == iam.StringNode && n.Text != "" {
			list = append(list, candidate{p.holderNamed(kind, n.Text, r), true})
		}
	}
	if !p.anyUnknown(r, attribute) {
		return list
	}
	found, sure := p.meant(r, attribute, tfTypes[kind])
	for _, t := range found {
		name := textOf(t.values, "name")
		if name == "" {
			name = t.open("name")
		}
		h := p.byName[[2]string{kind, name}]
		if h == nil {
			sure = false
			continue
		}
		if !slices.ContainsFunc(list, func(c candidate) bool { return c.holder == h }) {
			list = append(list, candidate{h, sure})
		}
	}
	if !sure {
		p.unsure(kind, whether(r))
	}
	return list
}

// meant finds the resources of a type that stand for what is unknown of an attribute, without those whose names it has. sure says
// that it can have no others and has all of these: a plan does not tell a choice between two from both, nor a text besides.
func (p *tfPlan) meant(r *tfResource, attribute, kind string) (list []*tfResource, sure bool) {
	known := items(r.values.Field(attribute))
	sure = true
	for _, t := range p.references(r, attribute) {
		if t.kind != kind {
			continue
		}
		name := textOf(t.values, "name")
		if !slices.ContainsFunc(known, func(n iam.Node) bool { return name != "" && n.Text == name }) {
			list = append(list, t)
		}
	}
	for _, ref := range items(r.expressions.Field(attribute).Field("references")) {
		sure = sure && (ref.Text == kind || strings.HasPrefix(ref.Text, kind+".") || isOwn(ref.Text))
	}
	return list, sure && len(list) > 0 && len(list) == unknownIn(r.unknown.Field(attribute), attribute)
}

// isOwn says whether a reference is to the key of the resource itself.
func isOwn(ref string) bool { return ref == "each.key" || ref == "each.value" || ref == "count.index" }

// manyValued are the attributes that have several values.
var manyValued = []string{"roles", "users", "groups", "managed_policy_arns", "policy_names", "policy_arns"}

// unknownIn counts the unknown values of an attribute; none of a list of which even the length is unknown.
func unknownIn(u *iam.Node, attribute string) (count int) {
	if u != nil && u.Kind == iam.BoolNode && slices.Contains(manyValued, attribute) {
		return 0
	}
	for _, n := range items(u) {
		if n.Kind == iam.BoolNode && n.Text == "true" {
			count++
		}
	}
	return count
}

// anyUnknown says whether something of an attribute is known after apply only.
func (p *tfPlan) anyUnknown(r *tfResource, attribute string) bool {
	u := r.unknown.Field(attribute)
	return u != nil && strings.Contains(string(u.Compact()), "true")
}

// holderNamed finds somebody by name. Whom the plan does not make is known by name only.
func (p *tfPlan) holderNamed(kind, name string, r *tfResource) *holder {
	if h := p.byName[[2]string{kind, name}]; h != nil {
		return h
	}
	h := &holder{
		kind: kind, name: name, place: place(p.file, r.pos), adds: true, doubts: []string{"the plan " + roles.OnlyAdds},
	}
	p.keep(h)
	return h
}

// reference finds the one resource of a type that an attribute refers to; nil where that is none, or cannot be told.
func (p *tfPlan) reference(r *tfResource, attribute, kind string) *tfResource {
	found, sure := p.meant(r, attribute, kind)
	if len(found) != 1 || !sure {
		return nil
	}
	return found[0]
}

// references finds the resources that an attribute refers to. Of several instances that is the one whose key is written, or
// the one with the key of the resource itself, where that goes over the same keys; else which one is meant cannot be told.
func (p *tfPlan) references(r *tfResource, attribute string) (list []*tfResource) {
	refs := items(r.expressions.Field(attribute).Field("references"))
	own := slices.ContainsFunc(refs, func(n iam.Node) bool { return isOwn(n.Text) })
	for _, ref := range refs {
		parts := strings.SplitN(instance.ReplaceAllString(ref.Text, ""), ".", 3)
		if len(parts) < 2 {
			continue
		}
		index := instance.FindString(ref.Text)
		if index == "" && own {
			index = r.index
		}
		instances := slices.Clone(p.byPlain[r.module+parts[0]+"."+parts[1]])
		instances = slices.DeleteFunc(instances, func(t *tfResource) bool {
			return parent(t.address) != parent(r.address) || t.index != index && t.index != ""
		})
		for _, t := range instances {
			if !slices.Contains(list, t) {
				list = append(list, t)
			}
		}
	}
	return list
}

// parent is the module instance that an address is in.
func parent(address string) string {
	at := strings.LastIndex(address, "module.")
	if at < 0 {
		return ""
	}
	rest := address[at+len("module."):]
	if dot := strings.IndexByte(instance.ReplaceAllStringFunc(rest, blank), '.'); dot >= 0 {
		return address[:at+len("module.")+dot]
	}
	return address
}

// blank hides what stands in brackets.
func blank(s string) string { return strings.Repeat("x", len(s)) }

// buckets reads the policies of buckets.
func (p *tfPlan) buckets(set *roles.Set) {
	for _, r := range p.resources {
		if r.kind != "aws_s3_bucket_policy" {
			continue
		}
		b := roles.Bucket{Account: p.account, Name: textOf(r.values, "bucket"), Place: place(p.file, r.pos)}
		if t := p.reference(r, "bucket", "aws_s3_bucket"); b.Name == "" && t != nil {
			b.Name = textOf(t.values, "bucket")
		}
		if b.Name == "" {
			b.Name = r.open("bucket")
		}
		if n := r.values.Field("policy"); n != nil && n.Kind == iam.StringNode && n.Text != "" {
			b.Policy = p.embedded(n)
		} else {
			b.Doubts = []string{"the text of " + r.address + " is known after apply"}
		}
		set.Buckets = append(set.Buckets, b)
	}
}
