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
	return field(root, listUsers) != nil || field(root, listRoles) != nil || field(root, listGroups) != nil
}

// dump is what IAM says of an account, while it is read.
type dump struct {
	*book
}

func readDump(file string, root *iam.Node) (*roles.Set, []*iam.SyntaxError) {
	d := dump{newBook(file, "")}
	if n := field(root, "IsTruncated"); n != nil && n.Text == "true" {
		d.report(n.Pos, iam.CodeWrongValue, "the list is cut off (IsTruncated): it does not have everybody; without --max-items, aws iam get-account-authorization-details gives all")
	}
	for _, p := range items(field(root, listPolicies)) {
		d.managed(&p)
	}
	for _, l := range []struct{ list, kind, name, policies string }{
		{listGroups, typeGroup, "GroupName", "GroupPolicyList"},
		{listRoles, typeRole, "RoleName", "RolePolicyList"},
		{listUsers, typeUser, "UserName", "UserPolicyList"},
	} {
		for _, n := range items(field(root, l.list)) {
			d.holder(&n, l.kind, l.name, l.policies)
		}
	}
	set := &roles.Set{Complete: field(root, listUsers) != nil && field(root, listRoles) != nil && field(root, listGroups) != nil}
	d.finish(set)
	return set, distinct(d.findings)
}

// managed reads a managed policy: its default version is the one that counts.
func (d *dump) managed(n *iam.Node) {
	arn := textOf(n, "Arn")
	if arn == "" {
		d.report(n.Pos, iam.CodeMissingElement, "a managed policy has no Arn")
		return
	}
	a := &roles.Attached{ARN: arn, Place: place(d.file, n.Pos)}
	d.byARN[arn] = a
	for _, v := range items(field(n, "PolicyVersionList")) {
		document := field(&v, "Document")
		if isDefault := field(&v, "IsDefaultVersion"); document == nil || isDefault == nil || isDefault.Text != "true" {
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
		d.report(n.Pos, iam.CodeMissingElement, "%s and Arn say who it is, and one of them is missing", nameField)
		return
	}
	switch d.account {
	case "":
		d.account = account
	case account:
	default:
		d.report(n.Pos, iam.CodeWrongValue, "%s is of account %s, and others of %s: a dump is of one account", name, account, d.account)
		return
	}
	h := &holder{kind: kind, name: name, path: textOf(n, "Path"), place: place(d.file, n.Pos)}
	if h.path == "" {
		h.path = pathIn(arn)
	}
	if trust := field(n, "AssumeRolePolicyDocument"); trust != nil {
		h.trust = d.embedded(trust)
	}
	for _, p := range items(field(n, policies)) {
		d.inline(h, &p)
	}
	for _, a := range items(field(n, "AttachedManagedPolicies")) {
		h.attached = append(h.attached, d.policy(textOf(&a, "PolicyArn"), a.Pos))
	}
	d.bound(h, n)
	for _, g := range items(field(n, "GroupList")) {
		h.groups = append(h.groups, g.Text)
	}
	for _, p := range items(field(n, "InstanceProfileList")) {
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
	document, name := field(n, "PolicyDocument"), textOf(n, "PolicyName")
	if document == nil || name == "" {
		d.report(n.Pos, iam.CodeMissingElement, "a policy of %s needs PolicyName and PolicyDocument", h.name)
		return
	}
	if p := d.embedded(document); p != nil {
		h.policies = append(h.policies, roles.Policy{Name: name, Document: p, Place: place(d.file, n.Pos)})
	}
}

// bound reads the permissions boundary.
func (d *dump) bound(h *holder, n *iam.Node) {
	b := field(n, "PermissionsBoundary")
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
