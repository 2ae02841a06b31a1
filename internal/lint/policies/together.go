package policies

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/finding"
)

// userRules are about users of IAM in a pipeline, nameRules about names of applications.
var (
	userRules = []finding.Rule{keysRule, targetUserRule, ciUserRule}
	nameRules = []finding.Rule{accountRule, driftRule, ownStackRule, openPrefixRule, stageRule, prefixRule, toolsRule, sendOnlyRule}
)

const (
	longLived = "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#bp-workloads-use-roles"
	prefixes  = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html"
	accounts  = "https://docs.aws.amazon.com/whitepapers/latest/organizing-your-aws-environment/deployments-ou.html"
)

var (
	keysRule = finding.Rule{
		Code: "SLW033", Name: "long-lived-keys", Severity: finding.Warning, Subject: finding.Role,
		Title:  "Commands are sent, or stacks deployed, with keys that never expire.",
		Why:    "They lie in files and settings, work from everywhere, and nobody sees who else has them.",
		Source: longLived, Fix: "a role that the pipeline enters with a token of its own, and people with their sign-in", Requirements: []string{"R33"},
	}
	targetUserRule = finding.Rule{
		Code: "SLW086", Name: "user-in-target-account", Severity: finding.Warning, Subject: finding.Role,
		Title:  "A user of the pipeline lives in an account that is deployed to.",
		Why:    "Each such account has its own keys to keep then; one user in a tools account, or none, is enough.",
		Source: longLived, Fix: "OIDC, or one user in the tools account that assumes the deployer role here", Requirements: []string{"R86"},
	}
	ciUserRule = finding.Rule{
		Code: "SLW089", Name: "pipeline-user", Severity: finding.Warning, Subject: finding.Role,
		Title:  "A pipeline enters with the keys of a user.",
		Why:    "They are stored where the pipeline runs and never expire; a token of the pipeline's own lives for minutes.",
		Source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc.html",
		Fix:    "an OIDC provider, and a trust policy that names the repository", Requirements: []string{"R33", "R89"},
	}
	accountRule = finding.Rule{
		Code: "SLW062", Name: "account-without-role", Severity: finding.Warning, Subject: finding.Role,
		Title:  "One account lacks a deploy role that others have.",
		Why:    "The pipeline ends at that account, where nothing can be deployed.",
		Source: serviceRole, Fix: "deploy both roles to every target account: slipway roles render", Requirements: []string{"R62", "R95"},
	}
	driftRule = finding.Rule{
		Code: "SLW095", Name: "role-differs-by-account", Severity: finding.Warning, Subject: finding.Role,
		Title:  "One role differs from that of the same name in another account.",
		Why:    "What works in one stage fails in the next, or is allowed there and was never tried.",
		Source: serviceRole, Fix: "render the roles of all accounts from one release", Requirements: []string{"R95"},
	}
	ownStackRule = finding.Rule{
		Code: "SLW063", Name: "workload-with-deploy-roles", Severity: finding.Warning, Subject: finding.Role,
		Title:  "A template has both the roles that deploy it and what they deploy.",
		Why:    "The stack cannot be made before its roles exist, and an update of it can change them.",
		Source: serviceRole, Fix: "a stack of its own for the roles, deployed before and by somebody else", Requirements: []string{"R63"},
	}
	openPrefixRule = finding.Rule{
		Code: "SLW071", Name: "prefix-without-end", Severity: finding.Warning, Subject: finding.Role,
		Title:  "The prefix of an application has no end.",
		Why:    "It covers every application whose name begins in the same way.",
		Source: prefixes, Fix: "<application>-*", Requirements: []string{"R71", "R73"},
	}
	stageRule = finding.Rule{
		Code: "SLW072", Name: "stage-in-application", Severity: finding.Warning, Subject: finding.Role,
		Title:  "The name of the application has a stage in it.",
		Why:    "Tools append the stage to the end of what they make, so the prefix matches nothing of theirs, or another stage's.",
		Source: prefixes, Fix: "a name without the stage: the account tells it", Requirements: []string{"R72"},
	}
	prefixRule = finding.Rule{
		Code: "SLW073", Name: "application-is-prefix", Severity: finding.Warning, Subject: finding.Role,
		Title:  "The name of one application is the beginning of another's.",
		Why:    "Its roles may change all that the other one has in the account.",
		Source: prefixes, Fix: "names of which none begins with another and a hyphen", Requirements: []string{"R73"},
	}
	toolsRule = finding.Rule{
		Code: "SLW082", Name: "tools-in-target-account", Severity: finding.Info, Subject: finding.Role,
		Title:  "The pipeline lives in an account that it deploys to.",
		Why:    "What is deployed there can reach the pipeline that deploys to all others.",
		Source: accounts, Fix: "an account of its own for the tools", Requirements: []string{"R82"},
	}
)

// role looks at somebody with all that is attached.
func (l *linter) role(h *holder) {
	l.quotas(h)
	l.managed(h)
	l.node(h)
	l.reads(h)
	l.deployer(h)
	l.pipelineRoles(h)
	l.data(h)
	l.counterparts(h)
	l.user(h)
	l.names(h)
}

// user looks at a user of a pipeline.
func (l *linter) user(h *holder) {
	if h.kind != user {
		return
	}
	switch {
	case h.holds("ssm:SendCommand"), slices.ContainsFunc(stackActions, h.holds):
		l.atRole(&keysRule, h, "", "it may send commands or deploy, with keys that never expire")
	case h.holds("sts:AssumeRole"):
		l.atRole(&ciUserRule, h, "", "it assumes roles, with keys that never expire")
	default:
		return
	}
	if l.target(h.account) {
		l.atRole(&targetUserRule, h, "", "the account has roles to deploy with")
	}
}

// target says whether an account is deployed to: it has an execution role, or a deployer's.
func (l *linter) target(account string) bool {
	return slices.ContainsFunc(l.holders, func(h *holder) bool {
		return h.account == account && h.given != nil && (h.kind == execution || strings.HasSuffix(h.role, deployerSuffix))
	})
}

// application is the name of the application that a deploy role is for; empty where its name does not tell.
func (h *holder) application() string {
	for _, suffix := range []string{deployerSuffix, executionSuffix} {
		if name, ok := strings.CutSuffix(h.role, suffix); ok && h.given != nil {
			return name
		}
	}
	return ""
}

// stages are words by which stages are called.
var stages = []string{"dev", "development", "test", "testing", "qa", "uat", "stage", "staging", "preprod", "prod", "production"}

// names looks at the name of an application.
func (l *linter) names(h *holder) {
	app := h.application()
	if app == "" {
		return
	}
	for _, word := range strings.FieldsFunc(app, func(r rune) bool { return r == '-' || r == '_' || r == '.' }) {
		if slices.Contains(stages, strings.ToLower(word)) {
			l.atRole(&stageRule, h, "", "the application is called %s", app)
			break
		}
	}
	for s := range h.own() {
		s.openPrefix(app)
	}
}

// openPrefix reports a resource that is the application's name and a star.
func (s *statement) openPrefix(app string) {
	for i, t := range s.resources {
		parts, ok := t.arn()
		if !ok {
			continue
		}
		for _, word := range strings.FieldsFunc(string(parts[arnResource]), func(r rune) bool { return r == '/' || r == ':' }) {
			if word == app+"*" {
				s.report(&openPrefixRule, s.resourceAt(i), strings.Replace(string(t), app+"*", app+"-*", 1), "%s covers every application that begins with %s", t, app)
			}
		}
	}
}

// together looks at all roles at once.
func (l *linter) together() {
	l.accounts()
	for _, h := range l.holders {
		if h.kind == build && l.target(h.account) {
			l.atRole(&toolsRule, h, "", "the account has roles to deploy with as well")
		}
		app := h.application()
		if app == "" || strings.HasSuffix(h.role, executionSuffix) && l.named(h.account, app+deployerSuffix) {
			continue // told once for both roles
		}
		for _, o := range l.holders {
			if other := o.application(); o.account == h.account && strings.HasPrefix(other, app+"-") {
				l.atRole(&prefixRule, h, "", "%s-* covers the application %s", app, other)
				break
			}
		}
	}
}

func (l *linter) named(account, role string) bool {
	return slices.ContainsFunc(l.holders, func(h *holder) bool { return h.given != nil && h.account == account && h.role == role })
}

// accounts looks at the deploy roles of an application in all of its accounts.
func (l *linter) accounts() {
	seen := map[string]bool{}
	for i, h := range l.holders {
		app := h.application()
		if app == "" {
			continue
		}
		for j, o := range l.holders {
			if o.application() != app || o.account == h.account {
				continue
			}
			if o.role == h.role && i < j && !seen["differs "+o.account+o.role] {
				seen["differs "+o.account+o.role] = l.differs(h, o)
			}
			if !l.named(o.account, h.role) && !seen[o.account+h.role] {
				seen[o.account+h.role] = true
				l.atRole(&accountRule, o, "", "account %s has no %s, which account %s has", o.account, h.role, h.account)
			}
		}
	}
}

// differs reports policies of a role that are not, but for accounts and regions, those of the same role in another account.
func (l *linter) differs(h, o *holder) bool {
	there := map[string]string{}
	for _, p := range h.policies {
		if p.kind == iam.IdentityPolicy {
			there[p.name] = p.anywhere()
		}
	}
	var names []string
	for _, p := range o.policies {
		if p.kind != iam.IdentityPolicy {
			continue
		}
		if there[p.name] != p.anywhere() {
			names = append(names, p.name)
		}
		delete(there, p.name)
	}
	names = append(names, slices.Sorted(maps.Keys(there))...)
	if len(names) > 0 {
		l.atRole(&driftRule, o, "", "%s: not as in account %s", list(names), h.account)
	}
	return len(names) > 0
}

var accountOrRegion = regexp.MustCompile(`\b[0-9]{12}\b|\b[a-z]{2}(-[a-z]+)+-[0-9]\b`)

// anywhere is the policy's text without what may differ from account to account.
func (p *policy) anywhere() string {
	return accountOrRegion.ReplaceAllString(string(p.document.Compact()), "")
}
