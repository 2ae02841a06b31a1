package policies

import (
	"encoding/json"
	"path"
	"regexp"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/managed"
	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/roles"
)

// layout is how slipway names the files of roles: <account>/<Role>/trust.json and their like.
var layout = regexp.MustCompile(`^(?:(.*)/)?([0-9]{12})/([\w+=,.@-]+)/(trust|boundary|attached|policy-[\w+=,.@-]+|managed-[\w+=,.@-]+)\.json$`)

// Folder tells whether a file is named as slipway names those of roles, and in which folder the accounts are.
func Folder(name string) (root string, ok bool) {
	m := layout.FindStringSubmatch(name)
	if m == nil {
		return "", false
	}
	return m[1], true
}

// InFolder lints the roles of a folder, given its files by name: what belongs together is looked at together. A file that is
// in the order and not among them cannot be read: more may be attached than is known.
func InFolder(files map[string][]byte, order []string) []finding.Finding {
	l := &linter{}
	l.set(l.folder(files, order), files)
	finding.Sort(l.found)
	return l.found
}

// RolesIn gives the roles of a folder, given its files by name.
func RolesIn(files map[string][]byte, order []string) *roles.Set {
	return (&linter{}).folder(files, order)
}

// folder reads the roles of a folder.
func (l *linter) folder(files map[string][]byte, order []string) *roles.Set {
	set := &roles.Set{}
	folders := map[string]*roles.Role{}
	var dirs []string
	for _, name := range order {
		m := layout.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		dir := path.Dir(name)
		if folders[dir] == nil {
			folders[dir] = &roles.Role{Account: m[2], Name: m[3], Path: plan.RolePath, Kind: roles.KindOf(m[3]), Place: roles.Place{File: name, Line: 1, Column: 1}}
			dirs = append(dirs, dir)
		}
		content, ok := files[name]
		if !ok {
			folders[dir].Doubts = append(folders[dir].Doubts, name+" cannot be read")
			continue
		}
		l.take(folders[dir], name, m[4], content)
	}
	for _, dir := range dirs {
		r := folders[dir]
		if name, ok := strings.CutPrefix(r.Name, "user-"); ok && r.Trust == nil {
			set.Users = append(set.Users, roles.User{Account: r.Account, Name: name, Policies: r.Policies, Attached: r.Attached, Boundary: r.Boundary, Place: r.Place})
			continue
		}
		set.Roles = append(set.Roles, *r)
	}
	return set
}

// take takes a file of a role's folder in.
func (l *linter) take(r *roles.Role, name, part string, content []byte) {
	place := roles.Place{File: name, Line: 1, Column: 1}
	if part == "attached" {
		var arns []string
		if err := json.Unmarshal(content, &arns); err != nil {
			l.found = append(l.found, syntaxRule.At(name, 1, 1, "", "a list of the ARNs of managed policies: %v", err))
		}
		for _, arn := range arns {
			a := roles.Attached{ARN: arn, Place: place}
			if p, ok := managed.Lookup(arn); ok {
				a.Document = p.Document()
			}
			r.Attached = append(r.Attached, a)
		}
		return
	}
	d, found := read(name, content)
	l.syntax(&policy{file: name, holder: &holder{role: r.Name}}, found)
	l.characters(name, content, iam.IdentityPolicy)
	if d == nil {
		r.Doubts = append(r.Doubts, name+" cannot be read")
		return
	}
	kind, rest, _ := strings.Cut(part, "-")
	switch kind {
	case "trust":
		r.Trust = d
	case "boundary":
		r.Boundary = d
	case "policy":
		r.Policies = append(r.Policies, roles.Policy{Name: rest, Document: d, Place: place})
	case "managed":
		r.Attached = append(r.Attached, roles.Attached{ARN: "arn:aws:iam::" + r.Account + ":policy/" + rest, Document: d, Place: place})
	}
}
