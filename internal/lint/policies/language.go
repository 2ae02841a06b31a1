package policies

import (
	"errors"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/roles/given"
)

const (
	grammar  = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html"
	elements = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html"
)

// languageRules are about the policy language.
var languageRules = []finding.Rule{syntaxRule, givenRule, charactersRule, duplicateKeyRule, quotaRule, versionRule, notActionRule, notResourceRule, notPrincipalRule, duplicateRule, coveredRule}

var (
	syntaxRule = finding.Rule{
		Code: "SLW030", Name: "policy-syntax", Severity: finding.Error, Subject: finding.Policy,
		Title: "IAM would not take the policy.", Why: "It cannot be stored, so the role stays as it was.",
		Source: grammar, Fix: "write it as the policy grammar has it; slipway policy fmt FILE says whether it is read", Requirements: []string{"R30"},
	}
	givenRule = finding.Rule{
		Code: "SLW227", Name: "roles-unreadable", Severity: finding.Error, Subject: finding.Role,
		Title:  "What describes the roles of a file is wrong, or not all there.",
		Why:    "CloudFormation or Terraform would refuse it, or what is missing is not known: what the roles may do cannot be told.",
		Source: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html",
		Fix:    "the resource as its page has it; of a plan or a dump, the whole file anew", Requirements: []string{"R30"},
	}
	duplicateKeyRule = finding.Rule{
		Code: "SLW221", Name: "duplicate-key", Severity: finding.Error, Subject: finding.Policy,
		Title: "An object of the policy has a key twice.", Why: "Most readers take the last one and drop the other without a word.",
		Source: grammar, Fix: "one key with both values", Requirements: []string{"R117"},
	}
	quotaRule = finding.Rule{
		Code: "SLW222", Name: "policy-quota", Severity: finding.Error, Subject: finding.Policy,
		Title: "The policy is longer than AWS takes, or there are too many.", Why: "IAM refuses it, so the role stays as it was.",
		Source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html",
		Fix:    "split it, or merge statements", Requirements: []string{"R118"},
	}
	versionRule = finding.Rule{
		Code: "SLW223", Name: "policy-version", Severity: finding.Info, Subject: finding.Policy,
		Title: "The policy is in the language's older version.", Why: "Policy variables such as ${aws:username} are plain text in it.",
		Source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html",
		Fix:    `"Version": "2012-10-17"`, Requirements: []string{"R30"},
	}
	notActionRule = finding.Rule{
		Code: "SLW215", Name: "allow-not-action", Severity: finding.Warning, Subject: finding.Policy,
		Title: "All actions but a few are allowed.", Why: "What AWS adds next year is allowed as well.",
		Source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notaction.html",
		Fix:    "name the actions that are allowed",
	}
	notResourceRule = finding.Rule{
		Code: "SLW216", Name: "allow-not-resource", Severity: finding.Warning, Subject: finding.Policy,
		Title: "All resources but a few are allowed.", Why: "What is made tomorrow is allowed as well.",
		Source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notresource.html",
		Fix:    "name the resources that are allowed",
	}
	notPrincipalRule = finding.Rule{
		Code: "SLW217", Name: "allow-not-principal", Severity: finding.Error, Subject: finding.Policy,
		Title: "Everybody but a few is let in.", Why: "That is everybody else of all accounts, anonymous callers among them.",
		Source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html",
		Fix:    "name whom it lets in",
	}
	duplicateRule = finding.Rule{
		Code: "SLW218", Name: "duplicate-action", Severity: finding.Info, Subject: finding.Policy,
		Title: "An action stands in the statement twice.", Why: "It does no harm, and hides from readers what there is.",
		Source: elements, Fix: "the action once: take one of the two out",
	}
	coveredRule = finding.Rule{
		Code: "SLW219", Name: "statement-covered", Severity: finding.Info, Subject: finding.Policy,
		Title: "Another statement says all that this one says.", Why: "It looks narrower than what is allowed.",
		Source: elements, Fix: "no statement, or a narrower one in the place of the other",
	}
)

// syntax reports what the reader of a policy found.
func (l *linter) syntax(p *policy, found []*iam.SyntaxError) {
	for _, e := range found {
		rule := &syntaxRule
		switch e.Code {
		case iam.CodeDuplicateKey:
			rule = &duplicateKeyRule
		case given.CodeFile:
			rule = &givenRule
		case iam.CodeQuotaSize, iam.CodeQuotaCount:
			rule = &quotaRule
		}
		f := rule.At(p.file, e.Line, e.Column, remedies[e.Code], "%s", e.Message)
		f.Role = p.holder.role
		l.found = append(l.found, f)
	}
}

// remedies say what to write, by what is wrong; where that depends on more, the rule says it.
var remedies = map[iam.Code]string{
	iam.CodeNotJSON:        "the character that JSON wants there: a comma between two values and none after the last, names and texts in double quotes, every bracket closed",
	iam.CodeNotYAML:        "YAML: two spaces deeper for what is inside, and quotes around texts with : or #",
	iam.CodeTooLarge:       "a policy for each role; IAM takes 10,240 characters at most",
	iam.CodeUnknownElement: "one of Sid, Effect, Principal, Action, Resource, Condition, NotPrincipal, NotAction, NotResource in a statement; Version, Id, Statement around them; or no line",
	iam.CodeMissingElement: `"Effect": "Allow", with Action and Resource, in every statement; "Statement": […] around them`,
	iam.CodeConflict:       "one of the two elements",
	iam.CodeWrongType:      "a text in double quotes, or a list of texts",
	iam.CodeEmpty:          "a value, or no line",
	iam.CodeNulCharacter:   "the text without it",
	iam.CodeIntrinsic:      "the policy as it is deployed, or the whole template",
	iam.CodeYAMLTag:        "one of CloudFormation's tags, or none",
	iam.CodeYAMLAlias:      "the text in place of the alias",
}

// language reports what IAM would refuse, and what of the language is better not used.
func (p *policy) language(l *linter) {
	kind := p.kind
	for _, err := range p.document.Validate(kind) {
		var e *iam.SyntaxError
		if errors.As(err, &e) {
			l.syntax(p, []*iam.SyntaxError{e})
		}
	}
	p.quota(l)
	p.version(l)
}

// covered reports statements that say nothing beside another one. Of one that matches nothing it is said already.
func (p *policy) covered() {
	for _, s := range p.statements {
		for _, o := range p.statements {
			if o != s && !s.idles && s.coveredBy(o) && (!o.coveredBy(s) || o.before(s)) {
				s.report(&coveredRule, s.Pos, "", "%s says all of it", o.label)
				break
			}
		}
	}
}

func (s *statement) before(o *statement) bool {
	return slices.Index(s.policy.statements, s) < slices.Index(s.policy.statements, o)
}

// largest is the length of a policy, in characters, beyond which it is not looked at: AWS takes none.
const largest = 40 << 10

func (p *policy) tooLarge(l *linter) bool {
	size := p.document.Size()
	if size <= largest {
		return false
	}
	f := quotaRule.At(p.file, 1, 1, "", "%d characters, and AWS takes no policy of more than 20480: it is not looked at further", size)
	f.Role = p.holder.role
	l.found = append(l.found, f)
	return true
}

// quota compares a policy that may be attached in several ways with the most that one of them takes: a managed policy, and
// all inline policies of a role together.
func (p *policy) quota(l *linter) {
	const managed, inline = 6_144, 10_240
	size := p.document.Size()
	if p.kind != iam.IdentityPolicy || p.holder.role != "" || size <= managed || p.document.HasIntrinsics() {
		return
	}
	f := quotaRule.At(p.file, 1, 1, "", "%d characters, and AWS takes %d for a managed policy, and %d for all inline policies of a role", size, managed, inline)
	if f.Role = p.holder.role; size <= inline {
		f.Severity = finding.Warning
	}
	l.found = append(l.found, f)
}

func (p *policy) version(l *linter) {
	if p.document.Version == iam.Version2012 || p.document.Intrinsic != "" || len(p.document.Statements) == 0 {
		return
	}
	if _, marked := iam.IntrinsicJSON(p.document.Version); marked {
		return
	}
	variable, at := p.variable()
	f := versionRule.At(p.file, at.Line, at.Column, "", "no Version %s", iam.Version2012)
	if variable != "" {
		f = versionRule.At(p.file, at.Line, at.Column, "", "%s is plain text: the policy has no Version %s", variable, iam.Version2012)
		f.Severity = finding.Error
	}
	f.Role = p.holder.role
	l.found = append(l.found, f)
}

// variable finds a policy variable in a document, and its place.
func (p *policy) variable() (text string, at iam.Position) {
	for _, s := range p.statements {
		for i, r := range s.Resources {
			if isVariable(r) {
				return r, s.resourceAt(i)
			}
		}
		for _, c := range s.Conditions {
			if i := slices.IndexFunc(c.Values, isVariable); i >= 0 {
				return c.Values[i], c.Pos
			}
		}
	}
	return "", p.document.Statements[0].Pos
}

func isVariable(s string) bool {
	_, marked := iam.IntrinsicJSON(s)
	return !marked && strings.Contains(s, "${")
}

// negations reports Not elements that allow, and lines that say nothing new.
func (s *statement) negations() {
	if s.Effect == iam.Allow && !s.policy.limits {
		if len(s.NotActions) > 0 {
			s.report(&notActionRule, s.Places.Action, "", "NotAction with Allow")
		}
		if len(s.NotResources) > 0 {
			s.report(&notResourceRule, s.Places.Resource, "", "NotResource with Allow")
		}
		if len(s.NotPrincipals) > 0 {
			s.report(&notPrincipalRule, s.Places.Principal, "", "NotPrincipal with Allow")
		}
	}
	seen := map[string]bool{}
	for i, a := range s.actions {
		if name := strings.ToLower(string(a.text)); seen[name] {
			s.report(&duplicateRule, s.actionAt(i), "", "%s stands there twice", a.text)
		} else {
			seen[name] = true
		}
	}
}

// coveredBy says whether another statement has every request that this one has.
func (s *statement) coveredBy(o *statement) bool {
	if s.Effect != o.Effect || len(o.Conditions) > 0 || len(s.actions) == 0 || len(s.resources) == 0 ||
		len(s.Principals)+len(s.NotPrincipals)+len(o.Principals)+len(o.NotPrincipals) > 0 {
		return false
	}
	actions := func(a action) bool {
		return slices.ContainsFunc(o.actions, func(b action) bool {
			return b.every || covers(lower(pieces(b.text)), lower(pieces(a.text)))
		})
	}
	resources := func(t text) bool {
		return slices.ContainsFunc(o.resources, func(u text) bool { return covers(pieces(u), pieces(t)) })
	}
	return !slices.ContainsFunc(s.actions, func(a action) bool { return !actions(a) }) &&
		!slices.ContainsFunc(s.resources, func(t text) bool { return !resources(t) })
}
