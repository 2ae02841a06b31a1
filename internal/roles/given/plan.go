package given

import (
	"regexp"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/roles"
)

// isPlan says whether an object is what terraform show -json prints of a plan (Terraform, "JSON Output Format").
func isPlan(root *iam.Node) bool {
	return root.Field("planned_values") != nil && root.Field("format_version") != nil
}

// tfResource is a resource as it will be.
type tfResource struct {
	address, kind string
	module        string    // the address of its module, without instances: module.a.module.b
	index         string    // the instance's key within count or for_each, as it is written; empty without
	values        *iam.Node // what is known of it
	unknown       *iam.Node // true where a value is known after apply only; nil when nothing is said
	expressions   *iam.Node // what its values are made of; nil when nothing is said
	pos           iam.Position
}

// tfPlan is a plan of Terraform while it is read.
type tfPlan struct {
	*book
	resources []*tfResource
	byPlain   map[string][]*tfResource   // by address without instance
	policies  map[string]*roles.Attached // aws_iam_policy, by address
}

func readPlan(file string, root *iam.Node, o Options) (*roles.Set, []*iam.SyntaxError) {
	p := &tfPlan{book: newBook(file, o.Account), byPlain: map[string][]*tfResource{}, policies: map[string]*roles.Attached{}}
	unknown := map[string]*iam.Node{}
	for _, c := range items(root.Field("resource_changes")) {
		unknown[textOf(&c, "address")] = c.Field("change").Field("after_unknown")
	}
	expressions := map[string]*iam.Node{}
	configured(root.Field("configuration").Field("root_module"), "", expressions)
	p.list(root.Field("planned_values").Field("root_module"), unknown, expressions)
	p.read()
	set := &roles.Set{}
	p.buckets(set)
	p.whole(root, set)
	p.finish(set)
	return set, distinct(p.findings)
}

// whole looks whether the plan has everything (Terraform, "JSON Output Format": errored, complete). One that failed has what was
// planned before; one that is not complete, because of -target or what is deferred, leaves changes to another plan.
func (p *tfPlan) whole(root *iam.Node, set *roles.Set) {
	if n := root.Field("errored"); n != nil && n.Text == "true" {
		p.report(n.Pos, CodeFile, "the plan failed (errored), and does not have everything: mend what terraform plan says, and plan again")
		return
	}
	n := root.Field("complete")
	if n == nil || n.Kind != iam.BoolNode || n.Text != "false" {
		return
	}
	const doubt = "the plan is not complete (-target, or deferred changes): what the rest changes it does not say"
	for _, h := range p.holders {
		h.doubts = append(h.doubts, doubt)
	}
	for i := range set.Buckets {
		set.Buckets[i].Doubts = append(set.Buckets[i].Doubts, doubt)
	}
}

// configured gathers the expressions of a module's resources, by address without instances.
func configured(module *iam.Node, prefix string, to map[string]*iam.Node) {
	for _, r := range items(module.Field("resources")) {
		to[prefix+textOf(&r, "address")] = r.Field("expressions")
	}
	calls := module.Field("module_calls")
	if calls == nil {
		return
	}
	for i := range calls.Fields {
		c := &calls.Fields[i]
		configured(c.Value.Field("module"), prefix+"module."+c.Name+".", to)
	}
}

var instance = regexp.MustCompile(`\[[^\]]*\]`)

// list gathers the managed resources of a module and of those within it.
func (p *tfPlan) list(module *iam.Node, unknown, expressions map[string]*iam.Node) {
	for _, n := range items(module.Field("resources")) {
		if textOf(&n, "mode") != "managed" {
			continue
		}
		r := &tfResource{
			address: textOf(&n, "address"), kind: textOf(&n, "type"), values: n.Field("values"), pos: n.Pos,
		}
		plain := instance.ReplaceAllString(r.address, "")
		r.unknown, r.expressions = unknown[r.address], expressions[plain]
		r.module = strings.TrimSuffix(plain, r.kind+"."+textOf(&n, "name"))
		if at := strings.LastIndexByte(r.address, '['); at >= 0 && strings.HasSuffix(r.address, "]") {
			r.index = r.address[at:]
		}
		p.resources = append(p.resources, r)
		p.byPlain[plain] = append(p.byPlain[plain], r)
	}
	for _, m := range items(module.Field("child_modules")) {
		p.list(&m, unknown, expressions)
	}
}

// tfHolders are the resources that carry policies.
var tfHolders = map[string]string{"aws_iam_role": typeRole, "aws_iam_user": typeUser, "aws_iam_group": typeGroup}

// read makes of resources who there is, and what they carry.
func (p *tfPlan) read() {
	for _, r := range p.resources {
		if r.kind == "aws_iam_policy" {
			p.managed(r)
		}
	}
	for _, r := range p.resources {
		if kind := tfHolders[r.kind]; kind != "" {
			p.holder(r, kind)
		}
	}
	for _, r := range p.resources {
		p.attach(r)
	}
	for _, r := range p.resources {
		p.exclude(r)
	}
}

// isUnknown says whether a value is known after apply only.
func (r *tfResource) isUnknown(name string) bool {
	n := r.unknown.Field(name)
	return n != nil && n.Kind == iam.BoolNode && n.Text == "true"
}

// open is the mark of a value of a resource that is known after apply only.
func (r *tfResource) open(name string) string {
	return iam.Intrinsic(`{"Ref":` + string((&iam.Node{Text: r.address + "." + name}).Compact()) + `}`)
}

// arn is an ARN that Terraform makes of a path and a name.
func (p *tfPlan) arn(r *tfResource, kind string) string {
	if arn := textOf(r.values, "arn"); arn != "" {
		return arn
	}
	path, name := textOf(r.values, "path"), textOf(r.values, "name")
	if p.account == "" || name == "" || r.isUnknown("path") {
		return r.open("arn")
	}
	if path == "" {
		path = "/"
	}
	return "arn:aws:iam::" + p.account + ":" + kind + path + name
}

// managed reads a managed policy. Where its text is known after apply, it is one whose text nobody gave.
func (p *tfPlan) managed(r *tfResource) {
	a := &roles.Attached{ARN: p.arn(r, "policy"), Place: place(p.file, r.pos)}
	p.policies[r.address] = a
	if n := r.values.Field("policy"); n != nil && n.Kind == iam.StringNode {
		a.Document = p.embedded(n)
	}
	if _, marked := iam.IntrinsicJSON(a.ARN); !marked {
		p.byARN[a.ARN] = a
	}
}

// holder reads a role, a user or a group, with what stands in it.
func (p *tfPlan) holder(r *tfResource, kind string) {
	h := &holder{kind: kind, name: textOf(r.values, "name"), path: textOf(r.values, "path"), place: place(p.file, r.pos)}
	if h.name == "" {
		h.name, h.unnamed = r.open("name"), true
	}
	switch {
	case r.isUnknown("path"):
		h.path = r.open("path")
	case h.path == "":
		h.path = "/"
	}
	if kind == typeRole {
		switch n := r.values.Field("assume_role_policy"); {
		case n != nil && n.Kind == iam.StringNode:
			h.trust = p.embedded(n)
		default:
			h.doubts = append(h.doubts, "its trust policy is known after apply")
		}
	}
	p.inline(h, r)
	p.arns(h, r)
	p.boundary(h, r)
	if p.byName[[2]string{kind, h.name}] != nil {
		p.report(r.pos, iam.CodeDuplicateKey, "%s: another resource has the name %s", r.address, Shown(h.name))
		return
	}
	p.keep(h)
}

// inline reads the blocks inline_policy. As a whole they are unknown of every role that is new and has none of them, since the
// provider would read them back; of a block that is written only its parts are.
// uncertain: dynamic blocks, whose number is known after apply only, look the same, and nothing else in a plan tells of them.
func (p *tfPlan) inline(h *holder, r *tfResource) {
	if r.isUnknown("inline_policy") && r.expressions.Field("inline_policy") != nil {
		h.doubts = append(h.doubts, "its inline policies are known after apply")
		return
	}
	for _, n := range items(r.values.Field("inline_policy")) {
		if text := n.Field("policy"); text != nil && text.Kind == iam.StringNode && text.Text != "" {
			p.add(h, textOf(&n, "name"), text)
		}
	}
	for _, n := range items(r.unknown.Field("inline_policy")) {
		if u := n.Field("policy"); u != nil && u.Text == "true" {
			h.doubts = append(h.doubts, "the text of one of its inline policies is known after apply")
		}
	}
}

func (p *tfPlan) add(h *holder, name string, text *iam.Node) {
	if d := p.embedded(text); d != nil {
		h.policies = append(h.policies, roles.Policy{Name: name, Document: d, Place: place(p.file, text.Pos)})
	}
}

func (p *tfPlan) arns(h *holder, r *tfResource) {
	list := r.values.Field("managed_policy_arns")
	for _, n := range items(list) {
		if n.Kind == iam.StringNode {
			h.attached = append(h.attached, p.policy(n.Text, n.Pos))
		}
	}
	// Where nothing is written, Terraform itself does not know what others attach: it is none of this plan's.
	if r.expressions.Field("managed_policy_arns") == nil {
		return
	}
	u := r.unknown.Field("managed_policy_arns")
	if u == nil || u.Kind == iam.BoolNode && u.Text != "true" || u.Kind == iam.ListNode && !strings.Contains(string(u.Compact()), "true") {
		return
	}
	found, sure := p.meant(r, "managed_policy_arns", "aws_iam_policy")
	aside := &holder{}
	for _, t := range found {
		p.give(aside, t)
	}
	if sure {
		h.attached = append(h.attached, aside.attached...)
		return
	}
	h.perhaps(aside)
	h.doubts = append(h.doubts, "its managed policies are known after apply")
}

func (p *tfPlan) boundary(h *holder, r *tfResource) {
	arn := textOf(r.values, "permissions_boundary")
	if r.isUnknown("permissions_boundary") {
		if t := p.reference(r, "permissions_boundary", "aws_iam_policy"); t != nil && p.policies[t.address].Document != nil {
			h.boundary, h.bound = p.policies[t.address].Document, p.policies[t.address].ARN
			return
		}
		h.doubts = append(h.doubts, "its permissions boundary is known after apply")
		return
	}
	if arn == "" {
		return
	}
	h.bind(p.policy(arn, r.pos))
}

// give attaches a managed policy of the plan.
func (p *tfPlan) give(h *holder, r *tfResource) {
	h.attached = append(h.attached, *p.policies[r.address])
}
