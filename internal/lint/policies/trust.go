package policies

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/finding"
)

// entry is one principal that a trust policy lets in.
type entry struct {
	*statement
	kind  string
	value text
}

// trust looks at who is let in by a trust policy.
func (p *policy) trust() {
	if p.kind != iam.TrustPolicy {
		return
	}
	var all []entry
	denies := false
	for _, s := range p.statements {
		denies = denies || s.Effect == iam.Deny && s.deniesOthers()
		if s.Effect == iam.Allow {
			all = append(all, s.entries()...)
		}
	}
	for _, e := range all {
		e.wrongAction()
		switch e.kind {
		case iam.KindFederated:
			e.federated()
		case iam.KindService:
			e.service()
		case iam.KindAWS, iam.AnyPrincipal:
			e.anybody(denies, onlyServices(all))
			e.untagged(all)
		}
	}
	together(all, denies)
	p.missing(all)
}

// elsewise are condition keys that say nothing of who it is.
var elsewise = []string{
	"aws:securetransport", "aws:requestedregion", "aws:useragent", "aws:currenttime", "aws:epochtime", "aws:tokenissuetime",
	"aws:multifactorauthage", "sts:rolesessionname", "sts:sourceidentity",
}

// deniesOthers says whether a statement that denies may keep out all but a few.
func (s *statement) deniesOthers() bool {
	return len(s.NotPrincipals) > 0 || slices.ContainsFunc(s.Conditions, func(c condition) bool { return !slices.Contains(elsewise, strings.ToLower(c.Key)) })
}

// entries are the principals of a statement that names an action by which a role is entered.
func (s *statement) entries() []entry {
	if !s.names("sts:AssumeRole") && !s.names("sts:AssumeRoleWithWebIdentity") && !s.names("sts:AssumeRoleWithSAML") {
		return nil
	}
	var all []entry
	for _, p := range s.Principals {
		if p.Kind == iam.AnyPrincipal {
			all = append(all, entry{s, p.Kind, "*"})
		}
		for _, v := range p.Values {
			all = append(all, entry{s, p.Kind, textOf(v)})
		}
	}
	return all
}

// names says whether one of the statement's actions stands for an action.
func (s *statement) names(action string) bool {
	for _, a := range s.actions {
		if a.every {
			return true
		}
		for _, c := range a.list {
			if strings.EqualFold(c.String(), action) {
				return true
			}
		}
	}
	return false
}

// limitedBy gives the statement's conditions that not every request meets.
func (s *statement) limitedBy() []test {
	return slices.DeleteFunc(s.wants(), test.holdsAnyway)
}

// wants gives the statement's conditions that a request without their key does not meet.
func (s *statement) wants() []test {
	var tests []test
	for _, c := range s.Conditions {
		if _, marked := iam.IntrinsicJSON(c.Operator); marked || len(c.Values) == 0 {
			tests = append(tests, test{condition: c}) // nobody knows: it may limit
			continue
		}
		if t := testOf(c); !t.holdsWithout {
			tests = append(tests, t)
		}
	}
	return tests
}

// holdsAnyway says whether every value of the key, or every value that there is, meets the condition.
func (t test) holdsAnyway() bool {
	if !strings.HasSuffix(t.base, "Like") && !strings.HasPrefix(t.base, "Arn") {
		return false
	}
	return slices.ContainsFunc(t.Values, func(v string) bool {
		return onlyWild(v) || v == "arn:*" || t.key == "aws:principalorgid" && v == "o-*"
	})
}

// limited says whether the statement has a condition that not every request meets; of keys, whose names are in lower case,
// if there are any.
func (s *statement) limited(keys ...string) bool {
	return slices.ContainsFunc(s.limitedBy(), func(t test) bool {
		return len(keys) == 0 || t.key == "" || slices.Contains(keys, t.key)
	})
}

func (e entry) at() iam.Position { return e.Places.Principal }

// wrongAction finds principals that enter with another action than those that the statement allows.
func (e entry) wrongAction() {
	want := "sts:AssumeRole"
	value := string(e.value)
	switch {
	case e.kind == iam.KindFederated && strings.Contains(value, ":saml-provider/"):
		want = "sts:AssumeRoleWithSAML"
	case e.kind == iam.KindFederated && (strings.Contains(value, ":oidc-provider/") || e.value.known()):
		want = "sts:AssumeRoleWithWebIdentity"
	case e.kind == iam.KindFederated, e.kind == iam.KindCanonicalUser, value == "*":
		return
	}
	if e.names(want) {
		return
	}
	e.report(&wrongActionRule, e.actionAt(0), want, "%s enters with %s, which the statement does not allow", e.value, want)
}

// onlyServices says whether nobody but a service belongs into the role: whoever else is let in is told as such.
func onlyServices(all []entry) bool {
	return slices.ContainsFunc(all, func(e entry) bool {
		return e.kind == iam.KindService && len(worksWith([]entry{e}, e.policy.holder.kind)) > 0
	})
}

// anybody finds trust in everybody, and in everybody of an account, unless the account is told for another reason.
func (e entry) anybody(denies, told bool) {
	root := strings.HasSuffix(string(e.value), ":root") || accountID.MatchString(string(e.value)) || e.value == "${AWS::AccountId}"
	switch {
	case denies || e.limited():
	case e.value == "*":
		e.report(&everybodyRule, e.at(), "", "every principal of every account may assume the role")
	case root && !told:
		f := e.report(&wholeAccountRule, e.at(), "", "%s is every principal of that account whom its own policies allow it", e.value)
		if e.own() {
			f.Severity = finding.Info
		}
	}
}

// own says whether the account is the role's own, whose administrators decide about it in any case.
func (e entry) own() bool {
	parts, ok := e.value.arn()
	account := e.policy.holder.account
	if ok && account != "" {
		return string(parts[arnAccount]) == account
	}
	return string(e.value) == account || strings.Contains(string(e.value), "${AWS::AccountId}") || ok && account == "" && e.Sid == ownAccountSid
}

// ownAccountSid is that of slipway's own statement where a release names no pipeline. A template does not say which account it
// is for.
const ownAccountSid = "OwnAccount"

var (
	accountID     = regexp.MustCompile(`^[0-9]{12}$`)
	pipelineUser  = regexp.MustCompile(`(?i):user/.*(github|actions)`)
	accountFolder = regexp.MustCompile(`(^|/)[0-9]{12}/([^/]+)/trust\.json$`)
)

// untagged finds users of pipelines whose sessions may not be tagged, which configure-aws-credentials does.
func (e entry) untagged(all []entry) {
	if !pipelineUser.MatchString(string(e.value)) || !e.names("sts:AssumeRole") {
		return
	}
	for _, s := range e.policy.statements {
		about := slices.ContainsFunc(s.Principals, func(p iam.PrincipalPattern) bool {
			return slices.ContainsFunc(p.Values, func(v string) bool { return textOf(v) == e.value })
		})
		if s.Effect == iam.Allow && about && s.names("sts:TagSession") {
			return
		}
	}
	e.report(&tagSessionRule, e.actionAt(0), `"Action": ["sts:AssumeRole", "sts:TagSession"]`, "%s may assume the role and not tag the session", e.value)
}

// missing finds roles that their own service cannot assume, by what their names say they are for.
func (p *policy) missing(all []entry) {
	name := p.holder.role
	if m := accountFolder.FindStringSubmatch(p.file); name == "" && m != nil {
		name = m[2]
	}
	name = path.Base(name)
	trusts := func(services ...string) bool {
		return slices.ContainsFunc(all, func(e entry) bool {
			return e.value == "*" || !e.value.known() ||
				e.kind == iam.KindService && e.names("sts:AssumeRole") && slices.Contains(services, serviceName(e.value))
		})
	}
	if len(p.statements) == 0 {
		return
	}
	s := p.statements[0]
	if (p.holder.kind == node || strings.HasSuffix(name, "-Node")) && !trusts("ec2", "ssm") {
		s.report(&nodeTrustRule, iam.Position{}, "", "nothing lets EC2 hand %s to an instance", nameOr(name, "the role"))
	}
	if (p.holder.kind == build || strings.HasSuffix(name, "CodeBuildRole")) && !trusts("codebuild") {
		s.report(&buildTrustRule, iam.Position{}, "", "nothing lets CodeBuild work with %s", nameOr(name, "the role"))
	}
}

func nameOr(name, otherwise string) string {
	if name == "" || name == "." {
		return otherwise
	}
	return name
}

const (
	trustPage     = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html"
	deputyPage    = "https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html"
	automatePage  = "https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-setup-iam.html"
	servicePage   = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html"
	practicesPage = "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html"
)

// trustRules are about who may assume a role.
var trustRules = slices.Concat([]finding.Rule{
	everybodyRule, wholeAccountRule, wrongActionRule, tagSessionRule, nodeTrustRule, buildTrustRule, principalRule,
}, serviceRules, federatedRules)

var (
	everybodyRule = finding.Rule{
		Code: "SLW083", Name: "everybody-may-assume", Severity: finding.Error, Subject: finding.Trust,
		Title:  "A role can be assumed from any account.",
		Why:    "Whoever has an account of AWS can become the role; nothing in the role's own account is asked.",
		Source: trustPage, Fix: "name the pipeline's role, user or identity provider", Requirements: []string{"R83"},
	}
	wholeAccountRule = finding.Rule{
		Code: "SLW248", Name: "whole-account-may-assume", Severity: finding.Warning, Subject: finding.Trust,
		Title:  "A role trusts a whole account.",
		Why:    "Everybody whom a policy of that account allows sts:AssumeRole on the role can become it, not only the pipeline.",
		Source: trustPage, Fix: "name the pipeline's role or user, or add a condition on aws:PrincipalArn", Requirements: []string{"R83"},
	}
	wrongActionRule = finding.Rule{
		Code: "SLW247", Name: "enters-with-another-action", Severity: finding.Error, Subject: finding.Trust,
		Title:  "A principal enters with another action than the statement allows.",
		Why:    "Tokens of identity providers enter with AssumeRoleWithWebIdentity or AssumeRoleWithSAML, everybody else with AssumeRole: nobody gets in.",
		Source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_request.html", Fix: "the action that such principals call",
		Requirements: []string{"R19"},
	}
	tagSessionRule = finding.Rule{
		Code: "SLW088", Name: "session-not-taggable", Severity: finding.Warning, Subject: finding.Trust,
		Title:  "A pipeline's user may not tag the sessions that it makes.",
		Why:    "aws-actions/configure-aws-credentials tags its sessions unless told not to, and is denied without sts:TagSession on both sides.",
		Source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html",
		Fix:    "allow sts:TagSession too, or set role-skip-session-tagging", Requirements: []string{"R88"},
	}
	nodeTrustRule = finding.Rule{
		Code: "SLW021", Name: "node-role-without-ec2", Severity: finding.Error, Subject: finding.Trust,
		Title:  "EC2 cannot hand a node role to an instance.",
		Why:    "The instance gets no credentials, so its agent never reports and no command reaches it.",
		Source: "https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-instance-permissions.html",
		Fix:    `allow "Service": "ec2.amazonaws.com" to sts:AssumeRole`, Requirements: []string{"R21"},
	}
	buildTrustRule = finding.Rule{
		Code: "SLW085", Name: "build-role-without-codebuild", Severity: finding.Warning, Subject: finding.Trust,
		Title:  "CodeBuild cannot work with a build role.",
		Why:    "Its builds fail before their first command.",
		Source: "https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html",
		Fix:    `allow "Service": "codebuild.amazonaws.com" to sts:AssumeRole`, Requirements: []string{"R85"},
	}
)
