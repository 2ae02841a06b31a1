package release

import (
	"cmp"
	"encoding/json"
	"path"
	"strings"
)

type rolesFile struct {
	path     located[string]
	boundary located[boundaryFile]
}

type boundaryFile struct{ name, policy located[string] }

var (
	rolePath = rule{
		is: "a path of IAM, which begins and ends with a slash", example: "/team/",
		pattern: expr(`^/(?:[A-Za-z0-9._-]{1,64}/){0,7}$`),
	}
	managedName = rule{
		is: "the name of a managed policy, with its path if it has one", example: "team/Boundary",
		pattern: expr(`^(?:[A-Za-z0-9._-]{1,64}/){0,7}[A-Za-z0-9_+=,.@-]{1,128}$`),
	}
	policyFile = rule{is: "the path of a policy in JSON", example: "boundary.json", check: notBlank}
)

var rolesTable = mapping[rolesFile]{
	label: "roles", example: "{path: /team/}",
	fields: []field[rolesFile]{
		optional("path", text(rolePath), func(r *rolesFile) *located[string] { return &r.path }, DefaultRolePath,
			"The path of IAM of every role and user that slipway renders, and of the roles' managed policies; that of ci.users' policy is /managed/."),
		optional("boundary", boundaryTable.typ(), func(r *rolesFile) *located[boundaryFile] { return &r.boundary }, "none",
			"The permissions boundary of every role: a managed policy that is in each account already."),
	},
}

var boundaryTable = mapping[boundaryFile]{
	label: "boundary", example: "{name: Boundary, policy: boundary.json}",
	fields: []field[boundaryFile]{
		required("name", text(managedName), func(b *boundaryFile) *located[string] { return &b.name },
			"The name of the managed policy, the same in each account, with its path if it has one."),
		required("policy", text(policyFile), func(b *boundaryFile) *located[string] { return &b.policy },
			"A file with the policy's text, in JSON, beside the release file or in a folder below: the proof needs it."),
	},
}

// roles is what the rendered roles have in common.
func (b *builder) roles() Roles {
	f := b.file.roles.value
	r := Roles{Path: cmp.Or(f.path.value, DefaultRolePath)}
	if !f.boundary.ok() {
		return r
	}
	written := f.boundary.value.policy
	content, problem, hint := readScript(b.files, written.value)
	if problem == "" && !json.Valid([]byte(content)) {
		problem, hint = "is not JSON", "slipway policy fmt shows what is wrong with it"
	}
	if problem != "" && written.ok() {
		b.errorf(written.node, hint, "policy %s %s", quote(written.value), problem)
	}
	r.Boundary = &Boundary{Name: f.boundary.value.name.value, File: written.value, Content: content}
	return r
}

// ownedRole refuses roles to which nobody can attach a policy (IAM user guide, "Service-linked roles"; IAM Identity Center
// user guide, "Referencing permission sets").
func ownedRole(name string) (problem, hint string) {
	for _, prefix := range []string{"aws-service-role/", "aws-reserved/"} {
		if strings.HasPrefix(name, prefix) {
			return "the roles under " + prefix + " are AWS's, and take no policies of others", "name a role of the account's own"
		}
	}
	return "", ""
}

// stageRole are the ends of the names of roles that slipway renders for a stage.
var stageRole = expr(`^-(?:Deploy|Trigger|Verify|Node|Automation|Operator|Test)$`)

// nodeRole refuses a role that slipway renders itself: nodes that carry what ships to them are one principal with it (R22).
func (b *builder) nodeRole(role located[string]) {
	name := path.Base(role.value)
	for _, s := range b.file.stages.value {
		rest, own := strings.CutPrefix(name, b.file.app.value+"-"+s.value.name.value)
		if own && b.file.app.ok() && s.value.name.ok() && stageRole.MatchString(rest) || name == b.file.app.value+"-CodeBuildRole" {
			b.errorf(role.node, "leave node-role out, and slipway renders a role for the nodes", "node-role %s is a role that slipway renders", quote(role.value))
			return
		}
	}
}
