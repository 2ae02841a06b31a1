package given

import (
	"slices"

	"github.com/slipway-cd/slipway/internal/roles"
)

// exclusive is a resource that takes from somebody what it does not list.
type exclusive struct {
	whom, kind string // the attribute that names whom, and the kind of those
	list       string // the attribute that lists what stays
	made       string // the resources that it may refer to there
}

// exclusives are such resources of Terraform's AWS provider ("Exclusive Relationship Management Resources").
var exclusives = map[string]exclusive{
	"aws_iam_role_policies_exclusive":            {"role_name", typeRole, "policy_names", "aws_iam_role_policy"},
	"aws_iam_user_policies_exclusive":            {"user_name", typeUser, "policy_names", "aws_iam_user_policy"},
	"aws_iam_group_policies_exclusive":           {"group_name", typeGroup, "policy_names", "aws_iam_group_policy"},
	"aws_iam_role_policy_attachments_exclusive":  {"role_name", typeRole, "policy_arns", "aws_iam_policy"},
	"aws_iam_user_policy_attachments_exclusive":  {"user_name", typeUser, "policy_arns", "aws_iam_policy"},
	"aws_iam_group_policy_attachments_exclusive": {"group_name", typeGroup, "policy_arns", "aws_iam_policy"},
}

// exclude notes what a resource takes away. When that happens, the plan does not say: in which order two resources are made that
// do not refer to each other, nobody knows, and what is left is only certain once the plan was applied again. So whoever has what
// is not listed is in doubt, and nothing is proved by it.
func (p *tfPlan) exclude(r *tfResource) {
	x, ok := exclusives[r.kind]
	if !ok {
		return
	}
	stays, sure := p.staying(r, &x)
	for _, c := range p.named(r, x.whom, x.kind) {
		h := c.holder
		if !sure {
			h.doubts = append(h.doubts, "which policies "+r.address+" leaves to it is known after apply")
		}
		if x.list == "policy_names" {
			h.excludeInline(r, stays, sure)
			continue
		}
		h.excludeAttached(r, stays, sure)
		if c.sure {
			p.attachListed(h, r)
		}
	}
}

// staying lists the names, or ARNs, that a resource leaves; sure says that it has no others.
func (p *tfPlan) staying(r *tfResource, x *exclusive) (stays []string, sure bool) {
	for _, n := range items(r.values.Field(x.list)) {
		stays = append(stays, n.Text)
	}
	if !p.anyUnknown(r, x.list) {
		return stays, r.values.Field(x.list) != nil
	}
	found, sure := p.meant(r, x.list, x.made)
	for _, t := range found {
		if a := p.policies[t.address]; a != nil {
			stays = append(stays, a.ARN)
		} else if name := textOf(t.values, "name"); name != "" {
			stays = append(stays, name)
		} else {
			sure = false // which of the policies without a name it is, nobody knows
		}
	}
	return stays, sure
}

// excludeInline puts the inline policies in doubt that are not listed. What they deny is then not certain.
func (h *holder) excludeInline(r *tfResource, stays []string, sure bool) {
	var left []roles.Policy
	for _, p := range h.policies {
		if !slices.Contains(stays, p.Name) {
			if sure {
				h.doubts = append(h.doubts, "its policy "+p.Name+" is not among those that "+r.address+" leaves to it")
			}
			if p.Document = allowances(p.Document); p.Document == nil {
				continue
			}
		}
		left = append(left, p)
	}
	h.policies = left
}

// excludeAttached does so with managed policies.
func (h *holder) excludeAttached(r *tfResource, stays []string, sure bool) {
	var left []roles.Attached
	for _, a := range h.attached {
		if !slices.Contains(stays, a.ARN) {
			if sure {
				h.doubts = append(h.doubts, "the attached policy "+Shown(a.ARN)+" is not among those that "+r.address+" leaves to it")
			}
			known := a.Document != nil
			if a.Document = allowances(a.Document); a.Document == nil && known {
				continue
			}
		}
		left = append(left, a)
	}
	h.attached = left
}

// attachListed attaches what a resource lists, and nothing else attaches.
func (p *tfPlan) attachListed(h *holder, r *tfResource) {
	for _, n := range items(r.values.Field("policy_arns")) {
		if !slices.ContainsFunc(h.attached, func(a roles.Attached) bool { return a.ARN == n.Text }) && n.Text != "" {
			h.attached = append(h.attached, p.policy(n.Text, n.Pos))
		}
	}
}
