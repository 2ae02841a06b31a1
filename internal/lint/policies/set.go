package policies

import (
	"path"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/managed"
	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/given"
)

// Given lints a file that has roles: a template of CloudFormation, a plan of Terraform, what IAM says of an account.
func Given(name string, content []byte) []finding.Finding {
	l := &linter{}
	set, found := given.Read(name, content, given.Options{})
	l.syntax(&policy{file: name, holder: &holder{}}, found)
	l.resources(name, content)
	if set != nil {
		l.set(set, map[string][]byte{name: content})
	}
	finding.Sort(l.found)
	return l.found
}

// Set lints roles, users and policies, each by itself and all together.
func Set(set *roles.Set) []finding.Finding {
	l := &linter{}
	l.set(set, nil)
	finding.Sort(l.found)
	return l.found
}

// set lints a set; sources are the texts of its files, where they are known.
func (l *linter) set(set *roles.Set, sources map[string][]byte) {
	l.sources = sources
	for i := range set.Roles {
		l.holders = append(l.holders, l.ofRole(&set.Roles[i]))
	}
	for i := range set.Users {
		l.holders = append(l.holders, l.ofUser(&set.Users[i]))
	}
	for i := range set.Loose {
		p := &set.Loose[i]
		h := &holder{place: p.Place}
		h.policies = l.with(h, iam.IdentityPolicy, p.Name, p.Document, p.Place)
		l.holders = append(l.holders, h)
	}
	for _, b := range set.Buckets {
		if b.Policy == nil {
			continue
		}
		h := &holder{}
		h.policies = l.with(h, iam.ResourcePolicy, b.Name, b.Policy, roles.Place{})
		l.holders = append(l.holders, h)
	}
	for _, h := range l.holders {
		l.open(h)
	}
	for _, h := range l.holders {
		l.role(h)
		l.holder(h)
	}
	l.together()
}

func (l *linter) ofRole(r *roles.Role) *holder {
	h := &holder{role: string(textOf(r.Name)), account: r.Account, path: string(textOf(r.Path)), kind: kindOfRole(r), place: r.Place,
		attached: r.Attached, given: r, doubtful: len(r.Doubts) > 0}
	h.policies = l.with(h, iam.TrustPolicy, "", r.Trust, r.Place)
	l.gather(h, r.Policies, r.Boundary)
	return h
}

func (l *linter) ofUser(u *roles.User) *holder {
	h := &holder{role: string(textOf(u.Name)), account: u.Account, path: string(textOf(u.Path)), kind: user, place: u.Place,
		attached: u.Attached, doubtful: len(u.Doubts) > 0}
	if operatorName.MatchString(h.role) {
		h.kind = operator
	}
	l.gather(h, u.Policies, u.Boundary)
	return h
}

// gather takes in what is attached to somebody.
func (l *linter) gather(h *holder, inline []roles.Policy, boundary *iam.Document) {
	for _, p := range inline {
		h.policies = append(h.policies, l.with(h, iam.IdentityPolicy, p.Name, p.Document, p.Place)...)
	}
	for _, a := range h.attached {
		if a.Document == nil {
			h.doubtful = true
			continue
		}
		list := l.with(h, iam.ManagedPolicy, policyName(a.ARN), a.Document, a.Place)
		list[0].foreign = ofAWS(a.ARN)
		h.policies = append(h.policies, list...)
	}
	for _, p := range l.with(h, iam.ManagedPolicy, "", boundary, h.place) {
		p.limits = true
		h.policies = append(h.policies, p)
	}
}

// with is a policy of somebody, in a list; none where its text is not known. Documents of a file are named by it.
func (l *linter) with(h *holder, kind iam.PolicyKind, name string, d *iam.Document, place roles.Place) []*policy {
	if d == nil {
		return nil
	}
	p := &policy{document: d, kind: kind, holder: h, name: string(textOf(name)), file: place.File}
	if len(d.Statements) > 0 && d.Statements[0].Pos != (iam.Position{}) && d.Name != "" {
		p.file = d.Name
	}
	p.source = l.sources[p.file]
	return []*policy{p}
}

// policyName is the last part of a managed policy's ARN.
func policyName(arn string) string { return path.Base(string(textOf(arn))) }

// ofAWS says whether a managed policy is AWS's own.
func ofAWS(arn string) bool {
	parts, ok := textOf(arn).arn()
	return ok && parts[arnAccount] == "aws" || strings.HasPrefix(arn, managed.Prefix)
}

// atRole adds a finding about a role as a whole.
func (l *linter) atRole(r *finding.Rule, h *holder, fix, format string, args ...any) *finding.Finding {
	f := r.At(h.place.File, h.place.Line, h.place.Column, fix, "role "+h.role+": "+format, args...)
	if h.kind == user {
		f = r.At(h.place.File, h.place.Line, h.place.Column, fix, "user "+h.role+": "+format, args...)
	}
	f.Role = h.role
	l.found = append(l.found, f)
	return &l.found[len(l.found)-1]
}

// quotas compares what somebody has with what AWS takes all together. Policies by themselves are compared elsewhere.
func (l *linter) quotas(h *holder) {
	if h.role == "" {
		return
	}
	a := iam.Attachments{Name: h.role, Holder: iam.RolePolicy, ManagedCount: len(h.attached)}
	if h.given == nil {
		a.Holder = iam.UserPolicy
	}
	for _, p := range h.policies {
		if p.kind == iam.IdentityPolicy {
			a.Inline = append(a.Inline, p.document)
		}
	}
	for _, e := range a.Quotas() {
		l.atRole(&quotaRule, h, "", "%s", e.Message)
	}
}

// holds says whether somebody is allowed an action, on whatever resource.
func (h *holder) holds(action string) bool {
	return slices.ContainsFunc(h.about(action), func(s *statement) bool { return s.allows() })
}

// allows says whether a statement gives permissions to who has it.
func (s *statement) allows() bool {
	return s.Effect == iam.Allow && !s.policy.limits && s.policy.kind != iam.TrustPolicy && s.policy.kind != iam.ResourcePolicy
}
