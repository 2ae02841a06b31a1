// Package policies finds mistakes in IAM policies and in roles: what can never match, what allows more than it has to, what
// is missing, and what lets in whom it must not.
//
// [File] lints a policy that stands alone, [Set] the roles of a set, wherever they were read from. What AWS authorises comes
// from iam/catalog. A value that only CloudFormation knows is compared as a symbol: what depends on it is not found. The
// package is pure.
package policies

import (
	"path"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/yaml"
	"github.com/slipway-cd/slipway/internal/finding"
)

// Rules are what is looked for.
var Rules = slices.Concat(arnRules, deadRules, conditionRules, languageRules, starRules, widthRules,
	managedRules, nodeRules, stackRules, userRules, nameRules, trustRules)

// File lints a policy, a trust policy or the policy of a resource, in JSON or YAML.
func File(name string, content []byte) []finding.Finding {
	l, p := &linter{}, &policy{file: name, source: content, holder: &holder{}}
	var found []*iam.SyntaxError
	p.document, found = read(name, content)
	l.syntax(p, found)
	if p.document != nil {
		p.kind = kindOf(name, p.document)
		p.limits = p.kind == iam.ServiceControlPolicy || p.kind == iam.ResourceControlPolicy || strings.Contains(strings.ToLower(path.Base(name)), "boundary")
		p.holder.policies = []*policy{p}
		l.open(p.holder)
		l.holder(p.holder)
		l.reads(p.holder)
	}
	l.characters(name, content, p.kind)
	finding.Sort(l.found)
	return l.found
}

// linter collects what is found.
type linter struct {
	found   []finding.Finding
	holders []*holder
	sources map[string][]byte // the texts of files, by name
	types   map[string]*pattern
	// expanded counts the actions that patterns stand for: hostile ones stand for millions.
	expanded int
}

// read reads a policy; nil if it has no sensible reading.
func read(name string, content []byte) (*iam.Document, []*iam.SyntaxError) {
	options := iam.ReadOptions{Lenient: true, Intrinsics: true, Places: true}
	if yaml.IsJSON(content) {
		return iam.Read(name, content, options)
	}
	return yaml.Read(name, content, options)
}

// kindOf tells what a policy is attached to by what it says, and by the name of its file where that does not tell: nothing in
// a service control policy says that it is one.
func kindOf(name string, d *iam.Document) iam.PolicyKind {
	for i := range d.Statements {
		st := &d.Statements[i]
		if len(st.Principals)+len(st.NotPrincipals) == 0 {
			continue
		}
		if len(st.Resources)+len(st.NotResources) == 0 && slices.ContainsFunc(st.Actions, entersRole) {
			return iam.TrustPolicy
		}
		return iam.ResourcePolicy
	}
	base := strings.ToLower(path.Base(name))
	switch {
	case strings.Contains(base, "scp"), strings.Contains(base, "service-control"):
		return iam.ServiceControlPolicy
	case strings.Contains(base, "rcp"):
		return iam.ResourceControlPolicy
	}
	return iam.IdentityPolicy
}

func entersRole(action string) bool {
	return strings.HasPrefix(strings.ToLower(action), "sts:assumerole")
}
