package documents

import (
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/catalog"
	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/runbook"
)

// File is a document with its name.
type File struct {
	Name    string
	Content []byte
}

// Against holds runbooks against the roles that they name, where those are given (R43): what the role lacks for a step is
// reported at the step, and what it allows for none at the runbook's role. What is not known is not reported: roles with
// policies that nobody gave, runbooks that nobody can read, roles that several runbooks share.
func Against(files []File, given *roles.Set) []finding.Finding {
	users := map[string][]use{}
	for _, f := range files {
		doc, err := runbook.Parse(f.Content)
		if err != nil || doc.Type != runbook.Automation {
			continue
		}
		if account, name, at := roleOf(doc); name != "" {
			users[name] = append(users[name], use{f.Name, account, doc, at})
		}
	}
	var found []finding.Finding
	for i := range given.Roles {
		role := &given.Roles[i]
		own := slices.DeleteFunc(slices.Clone(users[role.Name]), func(u use) bool {
			return role.Account != "" && digits.MatchString(u.account) && u.account != role.Account
		})
		for _, u := range own {
			found = append(found, u.lacks(role)...)
		}
		found = append(found, surplus(role, own)...)
	}
	return found
}

// use is a runbook that runs with a role.
type use struct {
	file, account string
	doc           *runbook.Document
	at            *runbook.Node // where the role is named
}

// digits are an account that is written out; {{ global:ACCOUNT_ID }} is whichever the runbook runs in.
var digits = regexp.MustCompile(`^[0-9]{12}$`)

// roleOf is the account and the name of the role that a runbook runs with, where the document says it: assumeRole itself, or the default of its
// parameter.
func roleOf(doc *runbook.Document) (account, name string, at *runbook.Node) {
	at = doc.AssumeRole
	if at == nil {
		return "", "", nil
	}
	if m := whole.FindStringSubmatch(at.Text); m != nil {
		p := doc.Parameter(m[1])
		if p == nil || p.Default == nil {
			return "", "", nil
		}
		at = p.Default
	}
	owner, path, ok := strings.Cut(at.Text, ":role/")
	if !ok {
		return "", "", nil
	}
	return owner[strings.LastIndex(owner, ":")+1:], path[strings.LastIndex(path, "/")+1:], at
}

// documentsOf are the policies of a role; whole is false where the text of one is unknown.
func documentsOf(role *roles.Role) (list []*iam.Document, whole bool) {
	if len(role.Doubts) > 0 {
		return nil, false
	}
	for _, p := range role.Policies {
		list = append(list, p.Document)
	}
	for _, a := range role.Attached {
		if a.Document == nil {
			return nil, false
		}
		list = append(list, a.Document)
	}
	return list, true
}

// lacks reports what a step needs that no statement allows, on whatever resource.
func (u use) lacks(role *roles.Role) []finding.Finding {
	policies, whole := documentsOf(role)
	if !whole {
		return nil
	}
	var found []finding.Finding
	var said []string
	for _, need := range u.doc.Needs().List {
		if need.Sure != runbook.Needed || allows(policies, need.Action) || slices.Contains(said, need.Action) {
			continue
		}
		said = append(said, need.Action)
		f := roleLacks.At(u.file, need.Step.At.Line, need.Step.At.Column, "allow "+need.Action+" in role "+role.Name,
			"step %s (%s) needs %s, which role %s does not allow", need.Step.Name, need.Step.Action, need.Action, role.Name)
		f.Source, f.Role = need.Source, role.Name
		found = append(found, f)
	}
	return found
}

// allows says whether a statement may allow an action. A pattern that cannot be told apart, or everything but some actions, may.
func allows(policies []*iam.Document, action string) bool {
	for _, d := range policies {
		for _, s := range d.Statements {
			if s.Effect == iam.Allow && (len(s.NotActions) > 0 || slices.ContainsFunc(s.Actions, func(p string) bool { return matches(p, action) })) {
				return true
			}
		}
	}
	return false
}

// matches compares an action with a pattern as IAM does: * and ?, in any case.
func matches(pattern, action string) bool {
	pattern, action = strings.ToLower(pattern), strings.ToLower(action)
	star, mark, i, j := -1, 0, 0, 0
	for j < len(action) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, mark = i, j
			i++
		case i < len(pattern) && (pattern[i] == '?' || pattern[i] == action[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[i:], "*") == ""
}

// surplus reports what a role allows that no runbook needs which runs with it.
func surplus(role *roles.Role, users []use) []finding.Finding {
	policies, whole := documentsOf(role)
	if len(users) == 0 || !whole {
		return nil
	}
	for _, u := range users {
		if len(u.doc.Needs().Undecided) > 0 {
			return nil
		}
	}
	var more []string
	for _, d := range policies {
		for _, s := range d.Statements {
			for _, pattern := range s.Actions {
				if s.Effect == iam.Allow && !needed(pattern, users) && !slices.Contains(more, pattern) {
					more = append(more, pattern)
				}
			}
		}
	}
	if len(more) == 0 {
		return nil
	}
	first := users[0]
	f := roleHasMore.At(first.file, first.at.Line, first.at.Column, "take "+strings.Join(more, ", ")+" out of role "+role.Name,
		"role %s allows %s, which no step of the runbook needs", role.Name, strings.Join(more, ", "))
	f.Role = role.Name
	return []finding.Finding{f}
}

// needed says whether everything that a pattern of actions allows is needed. One with a wildcard allows more than its use.
func needed(pattern string, users []use) bool {
	covered := func(action string) bool {
		return slices.ContainsFunc(users, func(u use) bool { _, ok := u.doc.Needs().Of(action); return ok })
	}
	if !strings.ContainsAny(pattern, "*?") {
		return covered(pattern)
	}
	service, _, ok := strings.Cut(pattern, ":")
	if !ok || strings.ContainsAny(service, "*?") {
		return false
	}
	for _, name := range catalog.Actions(service) {
		if matches(pattern, service+":"+name) && !covered(service+":"+name) {
			return false
		}
	}
	return true
}
