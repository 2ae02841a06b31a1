package given

import (
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/roles"
)

// The lists of GetAccountAuthorizationDetails (IAM API reference).
const (
	listUsers    = "UserDetailList"
	listGroups   = "GroupDetailList"
	listRoles    = "RoleDetailList"
	listPolicies = "Policies"
)

// isDump says whether an object is what aws iam get-account-authorization-details prints.
func isDump(root *iam.Node) bool {
	return root.Field(listUsers) != nil || root.Field(listRoles) != nil || root.Field(listGroups) != nil
}

// dump is what IAM says of an account, while it is read.
type dump struct {
	*book
}

func readDump(file string, root *iam.Node) (*roles.Set, []*iam.SyntaxError) {
	d := dump{newBook(file, "")}
	if n := root.Field("IsTruncated"); n != nil && n.Text == "true" {
		d.report(n.Pos, CodeFile, "the list is cut off (IsTruncated): it does not have everybody; without --max-items, aws iam get-account-authorization-details gives all")
	}
	for _, p := range items(root.Field(listPolicies)) {
		d.managed(&p)
	}
	for _, l := range []struct{ list, kind, name, policies string }{
		{listGroups, typeGroup, "GroupName", "GroupPolicyList"},
		{listRoles, typeRole, "RoleName", "RolePolicyList"},
		{listUsers, typeUser, "UserName", "UserPolicyList"},
	} {
		for _, n := range items(root.Field(l.list)) {
			d.holder(&n, l.kind, l.name, l.policies)
		}
	}
	set := &roles.Set{Complete: root.Field(listUsers) != nil && root.Field(listRoles) != nil && root.Field(listGroups) != nil}
	d.finish(set)
	return set, distinct(d.findings)
}

// managed reads a managed policy: its default version is the one that counts.
func (d *dump) managed(n *iam.Node) {
	arn := textOf(n, "Arn")
	if arn == "" {
		d.report(n.Pos, CodeFile, "a managed policy has no Arn")
		return
	}
	a := &roles.Attached{ARN: arn, Place: place(d.file, n.Pos)}
	d.byARN[arn] = a
	for _, v := range items(n.Field("PolicyVersionList")) {
		document := v.Field("Document")
		if isDefault := v.Field("IsDefaultVersion"); document == nil || isDefault == nil || isDefault.Text != "true" {
			continue
		}
		a.Document = d.embedded(document)
	}
	if a.Document == nil {
		a.Document = awsPolicy(arn)
	}
}

// holder reads a user, a group or a role.
func (d *dump) holder(n *iam.Node, kind, nameField, policies string) {
	arn, name := textOf(n, "Arn"), textOf(n, nameField)
	account := accountOf(arn)
	if name == "" || account == "" {
		d.report(n.Pos, CodeFile, "%s and Arn say who it is, and one of them is missing", nameField)
		return
	}
	switch d.account {
	case "":
		d.account = account
	case account:
	default:
		d.report(n.Pos, CodeFile, "%s is of account %s, and others of %s: a dump is of one account", name, account, d.account)
		return
	}
	h := &holder{kind: kind, name: name, path: textOf(n, "Path"), place: place(d.file, n.Pos)}
	if h.path == "" {
		h.path = pathIn(arn)
	}
	if trust := n.Field("AssumeRolePolicyDocument"); trust != nil {
		h.trust = d.embedded(trust)
	}
	for _, p := range items(n.Field(policies)) {
		d.inline(h, &p)
	}
	for _, a := range items(n.Field("AttachedManagedPolicies")) {
		h.attached = append(h.attached, d.policy(textOf(&a, "PolicyArn"), a.Pos))
	}
	d.bound(h, n)
	for _, g := range items(n.Field("GroupList")) {
		h.groups = append(h.groups, g.Text)
	}
	for _, p := range items(n.Field("InstanceProfileList")) {
		h.profile = true
		h.profiles = append(h.profiles, textOf(&p, "InstanceProfileName"))
	}
	if d.byName[[2]string{kind, name}] != nil {
		d.report(n.Pos, iam.CodeDuplicateKey, "%s is there twice", name)
		return
	}
	d.keep(h)
}

func (d *dump) inline(h *holder, n *iam.Node) {
	document, name := n.Field("PolicyDocument"), textOf(n, "PolicyName")
	if document == nil || name == "" {
		d.report(n.Pos, CodeFile, "a policy of %s needs PolicyName and PolicyDocument", h.name)
		return
	}
	if p := d.embedded(document); p != nil {
		h.policies = append(h.policies, roles.Policy{Name: name, Document: p, Place: place(d.file, n.Pos)})
	}
}

// bound reads the permissions boundary.
func (d *dump) bound(h *holder, n *iam.Node) {
	b := n.Field("PermissionsBoundary")
	if b == nil || b.Kind == iam.NullNode {
		return
	}
	h.bind(d.policy(textOf(b, "PermissionsBoundaryArn"), b.Pos))
}

// accountOf is the account in an ARN of IAM.
func accountOf(arn string) string {
	f := strings.SplitN(arn, ":", 6)
	if len(f) != 6 || f[2] != "iam" {
		return ""
	}
	return f[4]
}

// pathIn is the path in the ARN of a role, a user or a group.
func pathIn(arn string) string {
	first, last := strings.IndexByte(arn, '/'), strings.LastIndexByte(arn, '/')
	if first < 0 {
		return "/"
	}
	return arn[first : last+1]
}
