package policies

import (
	"slices"
	"strings"
	"unicode"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/catalog"
	"github.com/slipway-cd/slipway/internal/finding"
)

const actionsReference = "https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html"

// deadRules are about what matches nothing.
var deadRules = []finding.Rule{readRule, resourcelessRule, actionRule, patternRule, serviceWideRule, misfitRule, doubleSlashRule, idleRule, mostlyRule}

var (
	readRule = finding.Rule{
		Code: "SLW002", Name: "read-never-allowed", Severity: finding.Error, Subject: finding.Policy,
		Title:  "Reading the result of a command is allowed on resources that it does not have.",
		Why:    "IAM only supports * here, so the command is sent and its result can never be read: the deploy goes on, and its job cannot tell.",
		Source: ssmReference, Fix: `"Resource": "*", in a statement of its own`, Requirements: []string{"R2", "R74"},
	}
	resourcelessRule = finding.Rule{
		Code: "SLW074", Name: "resourceless-action", Severity: finding.Warning, Subject: finding.Policy,
		Title:  "An action without resource types stands on resources.",
		Why:    "Its requests are authorised on * only, so the statement does nothing for it.",
		Source: actionsReference, Fix: `"Resource": "*", in a statement of its own`, Requirements: []string{"R67", "R74"},
	}
	actionRule = finding.Rule{
		Code: "SLW200", Name: "no-such-action", Severity: finding.Warning, Subject: finding.Policy,
		Title:  "AWS has no such action.",
		Why:    "IAM takes any name, so a misspelt one is allowed, or denied, to nobody, and nothing says so.",
		Source: actionsReference, Fix: "the action's name as AWS writes it, or no line", Requirements: []string{"R30"},
	}
	patternRule = finding.Rule{
		Code: "SLW201", Name: "pattern-of-no-action", Severity: finding.Warning, Subject: finding.Policy,
		Title:  "No action of AWS begins so.",
		Why:    "The pattern matches nothing, so what it was meant for is not allowed, or not denied.",
		Source: actionsReference, Fix: "no line, or the actions that were meant", Requirements: []string{"R30"},
	}
	serviceWideRule = finding.Rule{
		Code: "SLW203", Name: "undocumented-form", Severity: finding.Info, Subject: finding.Policy,
		Title:  "An action without resource types stands on the ARN that AWS's denials name.",
		Why:    "It works as far as is known, but no page of AWS says so, and * is the documented form.",
		Source: actionsReference, Fix: `"Resource": "*"`, Requirements: []string{"R2"},
	}
	misfitRule = finding.Rule{
		Code: "SLW205", Name: "no-resource-for-action", Severity: finding.Warning, Subject: finding.Policy,
		Title:  "None of the statement's resources is of a type that the action has.",
		Why:    "The statement never matches a request for the action.",
		Source: actionsReference, Fix: "add a resource of its type", Requirements: []string{"R27", "R70"},
	}
	doubleSlashRule = finding.Rule{
		Code: "SLW206", Name: "double-slash", Severity: finding.Error, Subject: finding.Policy,
		Title:  "The ARN of a parameter has two slashes.",
		Why:    "The slash that a parameter's name begins with is not written twice in its ARN, so this one matches nothing.",
		Source: "https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-access.html",
		Fix:    "arn:aws:ssm:<region>:<account>:parameter/production/app/*", Requirements: []string{"R40"},
	}
	idleRule = finding.Rule{
		Code: "SLW214", Name: "resource-of-no-action", Severity: finding.Warning, Subject: finding.Policy,
		Title:  "None of the statement's actions has resources of this type.",
		Why:    "The ARN matches nothing, so what it was meant for is not allowed, or not denied.",
		Source: actionsReference, Fix: "no line, or the ARN that was meant",
	}
	mostlyRule = finding.Rule{
		Code: "SLW220", Name: "pattern-mostly-resourceless", Severity: finding.Info, Subject: finding.Policy,
		Title:  "Most actions that a pattern stands for have no resource types, and it stands on resources.",
		Why:    "It looks as if it allowed them, and their requests are authorised on * only.",
		Source: actionsReference, Fix: "name the actions that are needed, those without resource types in a statement with *", Requirements: []string{"R74"},
	}
)

// dead looks for actions that are none, and for actions and resources of a statement that have nothing to do with each other.
func (s *statement) dead() {
	for i, pattern := range s.NotActions {
		s.exists(expand(pattern), s.actionAt(i))
	}
	for i, a := range s.actions {
		if s.exists(a, s.actionAt(i)) && len(s.resources) > 0 && s.policy.kind != iam.ResourcePolicy {
			s.applies(a, s.actionAt(i))
		}
	}
	s.doubleSlashes()
	s.idle()
}

// exists reports a pattern that stands for no action.
func (s *statement) exists(a action, at iam.Position) bool {
	switch {
	case strings.ContainsFunc(string(a.text), unicode.IsSpace): // IAM refuses it: SLW030
	case a.every || a.unknown || len(a.list) > 0:
		return true
	case a.wild && known(a.service):
		s.report(&patternRule, at, "", "%s matches no action as of %s", a.text, asOf())
	case a.wild:
		s.report(&patternRule, at, suggest(a.service, catalog.Services(), "%s"), "AWS has no service %s as of %s", a.service, asOf())
	case known(a.service):
		_, name, _ := strings.Cut(string(a.text), ":")
		s.report(&actionRule, at, suggest(name, catalog.Actions(a.service), a.service+":%s"), "AWS has no action %s as of %s", a.text, asOf())
	default:
		s.report(&actionRule, at, suggest(a.service, catalog.Services(), "%s"), "AWS has no service %s as of %s", a.service, asOf())
	}
	return false
}

// asOf is the month of the reference that the catalog was made from.
func asOf() string {
	_, date := catalog.Source()
	return date[:min(len(date), len("2006-01"))]
}

func known(service string) bool { return catalog.Actions(service) != nil }

// applies reports an action that none of the statement's resources can be about.
func (s *statement) applies(a action, at iam.Position) {
	if len(a.list) == 0 || a.whole {
		return
	}
	resourceless, misfits, effective := s.judge(a)
	switch {
	case len(resourceless) == len(a.list):
		s.resourceless(a, resourceless[0], at)
	case a.wild && s.readsNothing(resourceless):
		s.report(&readRule, at, "", "%s on %s: %s is among it, and IAM only supports * there", a.text, s.resources[0], readers[0]).Severity = finding.Warning
	case effective == 0 && len(misfits) > 0:
		c := misfits[0]
		s.report(&misfitRule, at, s.form(c), "%s is authorised on %s", a.text, list(s.allForms(c)))
	case 2*len(resourceless) > len(a.list):
		s.report(&mostlyRule, at, "", "%d of the %d actions that %s stands for have no resource types, %s among them", len(resourceless), len(a.list), a.text, resourceless[0])
	}
}

// judge divides the actions of a pattern into those without resource types, those whose types are not among the statement's
// resources, and the others, among them those that another statement allows.
func (s *statement) judge(a action) (resourceless, misfits []catalog.Action, effective int) {
	for _, c := range a.list {
		switch {
		case s.takes(c), s.elsewhere(c):
			effective++
		case !scopable(c):
			resourceless = append(resourceless, c)
		default:
			misfits = append(misfits, c)
		}
	}
	return resourceless, misfits, effective
}

// elsewhere says whether another statement of the same effect may match requests for an action.
func (s *statement) elsewhere(c catalog.Action) bool {
	const most = 20
	others := s.policy.holder.about(c.String())
	return slices.ContainsFunc(others[:min(len(others), most)], func(o *statement) bool {
		return o != s && o.Effect == s.Effect && len(o.Conditions) == 0 && o.takes(c)
	})
}

// readers are the actions by which the sender of a command learns what became of it.
var readers = []string{"ssm:GetCommandInvocation", "ssm:ListCommandInvocations", "ssm:ListCommands"}

// readsNothing says whether a pattern seems to let the sender of a command read its result, and does not.
func (s *statement) readsNothing(resourceless []catalog.Action) bool {
	return s.allows() && s.policy.holder.holds("ssm:SendCommand") &&
		slices.ContainsFunc(resourceless, func(c catalog.Action) bool { return c.String() == readers[0] }) &&
		!slices.ContainsFunc(s.resources, func(t text) bool {
			parts, _ := t.arn()
			return strings.HasPrefix(string(parts[arnResource]), "parameter")
		})
}

func (s *statement) resourceless(a action, c catalog.Action, at iam.Position) {
	if c.String() == "s3:ListAllMyBuckets" && slices.ContainsFunc(s.resources, func(t text) bool { return t.wide("s3") }) {
		return // the user guide of S3 has it so, beside s3:GetBucketLocation
	}
	if slices.ContainsFunc(s.resources, func(t text) bool { return t.serviceWide(c) }) {
		s.report(&serviceWideRule, at, "", "%s has no resource types: the documented form is *", a.text)
		return
	}
	if s.Effect == iam.Deny {
		s.report(&resourcelessRule, at, "", "%s has no resource types: it is not denied on %s", a.text, s.resources[0])
		return
	}
	if slices.Contains(readers, c.String()) {
		s.report(&readRule, at, "", "%s on %s: IAM only supports * here", a.text, s.resources[0])
		return
	}
	f := s.report(&resourcelessRule, at, "", "%s has no resource types: it is not allowed on %s", a.text, s.resources[0])
	switch creates := strings.HasPrefix(c.Name, "Create") && writes(c); {
	case creates && slices.ContainsFunc(s.resources, func(t text) bool { return t.created(c) }):
		f.Severity = finding.Info
	case creates && c.Service == "cloudfront": // tried, and told by many
		f.Severity = finding.Error
		f.Why = "Its requests are authorised on * only, so what it was to create is never created."
	}
}

// created says whether a resource may be what an action creates. uncertain: AWS's own managed policies allow some actions on
// what they create for which the reference has no type.
func (t text) created(c catalog.Action) bool {
	plain := strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(string(t)))
	return strings.Contains(plain, strings.ToLower(strings.TrimPrefix(c.Name, "Create")))
}

// serviceWide says whether a resource is, or covers, the ARN that a service's denials name for an action without resource
// types: arn:aws:ssm:eu-west-1:111122223333:*, or for log groups log-group::log-stream:.
func (t text) serviceWide(c catalog.Action) bool {
	parts, ok := t.arn()
	if !ok {
		return false
	}
	if !covers(pieces(parts[arnService]), pieces(text(c.Service))) {
		// uncertain: AWS's own AmazonSSMAutomationRole has this action on sessions, and the reference has no type for it.
		return c.String() == "ssmmessages:OpenDataChannel" && parts[arnService] == "ssm"
	}
	return parts[arnResource] == "*" || parts[arnResource] == "/*" || c.String() == "logs:DescribeLogGroups" && covers(pieces(parts[arnResource]), pieces("log-group::log-stream:"))
}

// doubleSlashes reports parameters whose ARN has one slash too many.
func (s *statement) doubleSlashes() {
	for i, t := range s.named() {
		parts, ok := t.arn()
		name, double := strings.CutPrefix(string(parts[arnResource]), "parameter//")
		if ok && double && parts[arnService] == "ssm" {
			right := parts
			right[arnResource] = text("parameter/" + strings.TrimLeft(name, "/"))
			s.replace(s.report(&doubleSlashRule, s.resourceAt(i), joined(right), "%s", t), t, right)
		}
	}
}

// idle reports resources that none of the statement's actions can be about, where others are of use.
func (s *statement) idle() {
	types, ok := s.typesOf()
	if !ok || s.policy.kind == iam.ResourcePolicy || s.everything() || !slices.ContainsFunc(types, s.takesType) {
		return
	}
	for i, t := range s.resources {
		of := s.shapes()[i]
		used := slices.ContainsFunc(types, func(arn string) bool { return of.fits(s.linter.typed(arn)) }) || s.wideEnough(t)
		if !used && !slices.ContainsFunc(s.linter.found, func(f finding.Finding) bool { return s.isAt(f, i) }) {
			f := s.report(&idleRule, s.resourceAt(i), "", "%s is no resource of %s", t, list(patternsOf(s.actions)))
			if s.Effect == iam.Allow && s.typeOfService(i) { // it is one of others, and does no harm
				f.Severity = finding.Info
			}
		}
	}
}

// typeOfService says whether a resource is one of any action of its service.
func (s *statement) typeOfService(resource int) bool {
	parts, _ := s.resources[resource].arn()
	service, of := string(parts[arnService]), s.shapes()[resource]
	if slices.Contains(halfKnown, service) {
		return true
	}
	return slices.ContainsFunc(catalog.Actions(service), func(name string) bool {
		c, _ := catalog.Lookup(service + ":" + name)
		return slices.ContainsFunc(arnsOf(c), func(arn string) bool { return of.fits(s.linter.typed(arn)) })
	})
}

// wideEnough says whether a resource is what denials name for one of the statement's actions without resource types.
func (s *statement) wideEnough(t text) bool {
	return slices.ContainsFunc(s.actions, func(a action) bool {
		return slices.ContainsFunc(a.list, func(c catalog.Action) bool { return !scopable(c) && t.serviceWide(c) })
	})
}

// isAt says whether something else was found about a resource already.
func (s *statement) isAt(f finding.Finding, resource int) bool {
	at := s.resourceAt(resource)
	return f.File == s.policy.file && f.Line == at.Line && f.Column == at.Column
}

func patternsOf(actions []action) []string {
	patterns := make([]string, len(actions))
	for i, a := range actions {
		patterns[i] = string(a.text)
	}
	return patterns
}
