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
		for _, h := range p.named(r, l.attribute, l.kind) {
			p.attachTo(h, r)
		}
	}
}

func (p *tfPlan) attachTo(h *holder, r *tfResource) {
	switch r.kind {
	case "aws_iam_role_policy", "aws_iam_user_policy", "aws_iam_group_policy":
		if n := field(r.values, "policy"); n != nil && n.Kind == iam.StringNode {
			p.add(h, textOf(r.values, "name"), n)
		} else {
			h.doubts = append(h.doubts, "the text of "+r.address+" is known after apply")
		}
	case "aws_iam_instance_profile":
		h.profile = true
	case "aws_iam_user_group_membership":
		for _, g := range items(field(r.values, "groups")) {
			h.groups = append(h.groups, g.Text)
		}
		if field(r.values, "groups") == nil {
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

// named finds whom an attribute names: by the names that are known, or by what the attribute refers to.
func (p *tfPlan) named(r *tfResource, attribute, kind string) (list []*holder) {
	for _, n := range items(field(r.values, attribute)) {
		if n.Kind == iam.StringNode && n.Text != "" {
			list = append(list, p.holderNamed(kind, n.Text, r))
		}
	}
	if len(list) > 0 || !p.anyUnknown(r, attribute) {
		return list
	}
	for _, t := range p.references(r, attribute) {
		if t.kind != tfTypes[kind] {
			continue
		}
		name := textOf(t.values, "name")
		if name == "" {
			name = t.open("name")
		}
		if h := p.byName[[2]string{kind, name}]; h != nil {
			list = append(list, h)
		}
	}
	const most = 3
	if len(list) == 0 && len(p.maybe[kind]) < most {
		p.maybe[kind] = append(p.maybe[kind], "whether it has what "+r.address+" gives is known after apply")
	}
	return list
}

// anyUnknown says whether something of an attribute is known after apply only.
func (p *tfPlan) anyUnknown(r *tfResource, attribute string) bool {
	u := field(r.unknown, attribute)
	return u != nil && strings.Contains(string(u.Compact()), "true")
}

// holderNamed finds somebody by name. Whom the plan does not make is known by name only.
func (p *tfPlan) holderNamed(kind, name string, r *tfResource) *holder {
	if h := p.byName[[2]string{kind, name}]; h != nil {
		return h
	}
	h := &holder{
		kind: kind, name: name, place: place(p.file, r.pos),
		doubts: []string{"the plan only adds to it, and does not say what else it has"},
	}
	p.keep(h)
	return h
}

// reference finds the one resource of a type that an attribute refers to; nil where that is none, or cannot be told.
func (p *tfPlan) reference(r *tfResource, attribute, kind string) *tfResource {
	var found []*tfResource
	for _, t := range p.references(r, attribute) {
		if t.kind == kind {
			found = append(found, t)
		}
	}
	if len(found) != 1 {
		return nil
	}
	return found[0]
}

// references finds the resources that an attribute refers to. Of several instances that is the one whose key is written, or
// the one with the key of the resource itself, where that goes over the same keys; else which one is meant cannot be told.
func (p *tfPlan) references(r *tfResource, attribute string) (list []*tfResource) {
	refs := items(field(field(r.expressions, attribute), "references"))
	own := slices.ContainsFunc(refs, func(n iam.Node) bool {
		return n.Text == "each.key" || n.Text == "each.value" || n.Text == "count.index"
	})
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
		if n := field(r.values, "policy"); n != nil && n.Kind == iam.StringNode && n.Text != "" {
			b.Policy = p.embedded(n)
		} else {
			b.Doubts = []string{"the text of " + r.address + " is known after apply"}
		}
		set.Buckets = append(set.Buckets, b)
	}
}
