package policies

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/catalog"
	"github.com/slipway-cd/slipway/internal/finding"
)

const (
	runCommand  = "https://docs.aws.amazon.com/systems-manager/latest/userguide/run-command-setting-up.html"
	passRole    = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html"
	automations = "https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-setup-iam.html"
)

// widthRules are about single actions that allow more than they have to.
var widthRules = []finding.Rule{
	sendRule, bucketsRule, shellRule, systemsManagerRule, anyDocumentRule, parametersRule, serviceRule, everythingRule,
	passRule, stacksRule, objectsRule, rolesRule, writeParametersRule, assumeRule, passedToRule,
}

var (
	sendRule = finding.Rule{
		Code: "SLW017", Name: "send-to-any-node", Severity: finding.Warning, Subject: finding.Policy,
		Title:  "Commands may be sent to every node of the account.",
		Why:    "Who may send a command to a node is root there and holds its role, so this reaches all that any node of the account can do.",
		Source: runCommand, Fix: "name the instances, or limit them with a condition on ssm:resourceTag/<key> in a statement without documents",
		Requirements: []string{"R17", "R48"},
	}
	bucketsRule = finding.Rule{
		Code: "SLW027", Name: "objects-of-every-bucket", Severity: finding.Warning, Subject: finding.Policy,
		Title:  "Objects of every bucket may be written.",
		Why:    "The output of commands goes to one bucket, and the rest of the account's data is as open as it.",
		Source: "https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-instance-permissions.html",
		Fix:    `"Resource": "arn:aws:s3:::<bucket>/*", and "arn:aws:s3:::<bucket>" for s3:ListBucketMultipartUploads`, Requirements: []string{"R27"},
	}
	shellRule = finding.Rule{
		Code: "SLW028", Name: "free-commands", Severity: finding.Warning, Subject: finding.Policy,
		Title:  "Documents that run whatever they are given may be sent.",
		Why:    "They run as root, so whoever may send them is an administrator of the node and holds its role.",
		Source: runCommand, Fix: "send a document of your own that takes no commands, and leave AWS-RunShellScript to administrators",
		Requirements: []string{"R28"},
	}
	systemsManagerRule = finding.Rule{
		Code: "SLW031", Name: "all-of-systems-manager", Severity: finding.Warning, Subject: finding.Policy,
		Title:  "All of Systems Manager is allowed.",
		Why:    "It holds root on every node, every parameter and every document, which no pipeline needs.",
		Source: runCommand, Fix: "name the actions: slipway roles render tells which", Requirements: []string{"R31", "R47"},
	}
	anyDocumentRule = finding.Rule{
		Code: "SLW039", Name: "any-document", Severity: finding.Warning, Subject: finding.Policy,
		Title:  "Every document may be run.",
		Why:    "AWS-RunShellScript is among them, and runs whatever it is given as root.",
		Source: runCommand, Fix: "name the documents", Requirements: []string{"R17", "R28", "R39", "R47", "R48"},
	}
	parametersRule = finding.Rule{
		Code: "SLW040", Name: "every-parameter", Severity: finding.Warning, Subject: finding.Policy,
		Title:  "Every parameter of the account may be read.",
		Why:    "Parameters hold the secrets of other applications too.",
		Source: "https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-access.html",
		Fix:    `"Resource": "arn:aws:ssm:<region>:<account>:parameter/<application>/*"`, Requirements: []string{"R40"},
	}
	serviceRule = finding.Rule{
		Code: "SLW047", Name: "all-actions", Severity: finding.Warning, Subject: finding.Policy,
		Title:  "Every action of a service is allowed.",
		Why:    "It holds what deletes, what hands out permissions, and what the service will have next year.",
		Source: leastPrivilege, Fix: "name the actions", Requirements: []string{"R47"},
	}
	everythingRule = finding.Rule{
		Code: "SLW059", Name: "everything-on-everything", Severity: finding.Warning, Subject: finding.Policy,
		Title:  "Every action of a service, or of all, is allowed on everything.",
		Why:    "It holds what deletes and what hands out permissions, for all that the account has or will have.",
		Source: leastPrivilege, Fix: "name the actions and the resources", Requirements: []string{"R47", "R59"},
	}
	passRule = finding.Rule{
		Code: "SLW065", Name: "pass-any-role", Severity: finding.Warning, Subject: finding.Policy,
		Title:  "Every role of the account may be handed to a service.",
		Why:    "Who can also make a function, an instance or a stack then acts as any of these roles.",
		Source: passRole, Fix: `"Resource": "arn:aws:iam::<account>:role/<role>", "Condition": {"StringEquals": {"iam:PassedToService": "<service>.amazonaws.com"}}`,
		Requirements: []string{"R65"},
	}
	stacksRule = finding.Rule{
		Code: "SLW066", Name: "every-stack", Severity: finding.Warning, Subject: finding.Policy,
		Title:  "Every stack of the account may be changed.",
		Why:    "The stacks that guard the account, and those with the pipeline's own roles, are among them.",
		Source: "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/control-access-with-iam.html",
		Fix:    `"Resource": "arn:aws:cloudformation:<region>:<account>:stack/<application>-*/*"`, Requirements: []string{"R66"},
	}
	objectsRule = finding.Rule{
		Code: "SLW069", Name: "read-every-bucket", Severity: finding.Warning, Subject: finding.Policy,
		Title:  "Objects of every bucket may be read.",
		Why:    "A deploy reads its own artefacts, and the account's data lies in buckets as well.",
		Source: "https://docs.aws.amazon.com/AmazonS3/latest/userguide/security_iam_service-with-iam.html",
		Fix:    `"Resource": "arn:aws:s3:::<bucket>/*"`, Requirements: []string{"R27", "R69"},
	}
	rolesRule = finding.Rule{
		Code: "SLW080", Name: "change-any-role", Severity: finding.Warning, Subject: finding.Policy,
		Title:  "Every role of the account may be changed.",
		Why:    "Who can change the policies of any role can do whatever any role can, and more.",
		Source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html",
		Fix:    `"Resource": "arn:aws:iam::<account>:role/<application>-*", with a condition on iam:PermissionsBoundary`, Requirements: []string{"R80"},
	}
	writeParametersRule = finding.Rule{
		Code: "SLW081", Name: "write-every-parameter", Severity: finding.Warning, Subject: finding.Policy,
		Title:  "Every parameter of the account may be changed.",
		Why:    "Other applications believe what their parameters say.",
		Source: "https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-access.html",
		Fix:    `"Resource": "arn:aws:ssm:<region>:<account>:parameter/<application>/*"`, Requirements: []string{"R81"},
	}
	assumeRule = finding.Rule{
		Code: "SLW084", Name: "assume-any-role", Severity: finding.Warning, Subject: finding.Policy,
		Title:  "Every role that lets it may be assumed.",
		Why:    "A role that trusts the whole account, as many do, is open to this one then.",
		Source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_permissions-to-switch.html",
		Fix:    "name the roles, one for each account", Requirements: []string{"R84"},
	}
	passedToRule = finding.Rule{
		Code: "SLW208", Name: "passed-to-any-service", Severity: finding.Info, Subject: finding.Policy,
		Title:  "A role may be handed to any service that it trusts.",
		Why:    "A condition keeps the role with the one service that it is meant for, also if its trust policy comes to name another.",
		Source: passRole, Fix: `"Condition": {"StringEquals": {"iam:PassedToService": "<service>.amazonaws.com"}}`, Requirements: []string{"R65"},
	}
)

type condition = iam.Condition

// width looks for single actions that allow more than they have to.
func (s *statement) width() {
	s.wholeServices()
	s.sends()
	s.reach(&parametersRule, []string{"ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath", "ssm:GetParameterHistory"}, "ssm", "parameter")
	s.reach(&writeParametersRule, []string{"ssm:PutParameter", "ssm:DeleteParameter", "ssm:DeleteParameters", "ssm:LabelParameterVersion"}, "ssm", "parameter")
	s.objects()
	s.reach(&stacksRule, slices.Concat(stackActions, []string{"cloudformation:DeleteChangeSet", "cloudformation:ExecuteChangeSet", "cloudformation:SetStackPolicy", "cloudformation:UpdateTerminationProtection"}), "cloudformation", "stack")
	s.passes()
	s.reach(&assumeRule, []string{"sts:AssumeRole"}, "iam", "role")
	if !s.narrowed() {
		s.reach(&rolesRule, roleChanges, "iam", "role")
	}
}

// roleChanges are what makes a role hold more than it did.
var roleChanges = []string{
	"iam:AttachRolePolicy", "iam:CreateRole", "iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary",
	"iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy",
}

// wholeServices looks for service:* and *.
func (s *statement) wholeServices() {
	if s.policy.holder.kind == operator {
		return
	}
	for i, a := range s.actions {
		service, _, _ := strings.Cut(string(a.text), ":")
		if !a.every && !a.whole && !(a.unknown && a.text.known() && strings.Contains(service, "*")) {
			continue
		}
		rule, where := &serviceRule, "what the statement names"
		all := func(t text) bool { return t.star(service) }
		switch onAll := slices.ContainsFunc(s.resources, all) && !s.narrowed(); {
		case onAll && a.service == "ssm":
			rule, where = &systemsManagerRule, "everything"
		case onAll && (a.every || slices.ContainsFunc(a.list, scopable)):
			rule, where = &everythingRule, "everything"
		}
		s.report(rule, s.actionAt(i), "", "%s on %s", a.text, where)
	}
}

// present gives those of some actions that the statement's patterns stand for.
func (s *statement) present(names []string) []string {
	var found []string
	for c := range s.each() {
		if slices.Contains(names, c.String()) {
			found = append(found, c.String())
		}
	}
	return found
}

// claim takes actions out of what more general rules find.
func (s *statement) claim(names []string) {
	if s.claimed == nil {
		s.claimed = map[string]bool{}
	}
	for _, n := range names {
		s.claimed[n] = true
	}
}

// reach finds actions on all resources of a kind.
func (s *statement) reach(rule *finding.Rule, names []string, service string, kinds ...string) {
	found := s.present(names)
	i := s.wideAt(service, kinds...)
	if len(found) == 0 || i < 0 {
		return
	}
	s.claim(found)
	s.report(rule, s.resourceAt(i), "", "%s on %s", list(found), s.resources[i])
}

// freeDocuments run what they are given: commands, or scripts and documents from wherever the sender says.
var freeDocuments = []string{
	"AWS-RunShellScript", "AWS-RunPowerShellScript", "AWS-RunRemoteScript", "AWS-RunDocument",
	"AWS-ApplyAnsiblePlaybooks", "AWS-RunAnsiblePlaybook", "AWS-ApplyChefRecipes",
}

// sends looks at who may send what to which nodes, and start which runbooks.
func (s *statement) sends() {
	const send, start = "ssm:SendCommand", "ssm:StartAutomationExecution"
	runs := s.present([]string{send, "ssm:StartSession", start})
	if len(runs) == 0 {
		return
	}
	sends, told := slices.Contains(runs, send), -1
	if i := s.anyNode(); sends && i >= 0 && !s.narrowed() {
		told = i
		s.claim([]string{send, "ssm:StartSession"})
		s.report(&sendRule, s.resourceAt(i), "", "ssm:SendCommand on %s, and no condition on tags", s.resources[i])
	}
	found := false
	for i, t := range s.resources {
		name, everything := t.document()
		switch {
		case everything && !s.narrowed():
			if all := s.running(runs, name == "", i == told); len(all) > 0 && !found {
				found = true
				s.claim([]string{start})
				s.anyDocument(i, all)
			}
		case sends && s.policy.holder.kind != operator && name != "" && slices.ContainsFunc(freeDocuments, func(d string) bool { return covers(pieces(text(name)), pieces(text(d))) }):
			s.report(&shellRule, s.resourceAt(i), "", "ssm:SendCommand with %s", name)
		}
	}
}

// document is the name of the document, or of the runbook in the older form of its ARN, that a resource stands for;
// everything says that it stands for all of them, without a name where it stands for more than documents.
func (t text) document() (name string, everything bool) {
	if t == "*" {
		return "", true
	}
	parts, ok := t.arn()
	if !ok || !covers(pieces(parts[arnService]), pieces("ssm")) {
		return "", false
	}
	kind, name, _ := strings.Cut(string(parts[arnResource]), "/")
	switch {
	case onlyStars(string(parts[arnResource])):
		return "", true
	case kind == "automation-definition":
		name, _, _ = strings.Cut(name, ":") // its version
	case kind != "document":
		return "", false
	}
	return name, onlyStars(name)
}

// running are the actions of a statement that run every document: on a resource that stands for more than documents those
// that are authorised on documents first of all, without a send of which it was said already.
func (s *statement) running(runs []string, more, told bool) []string {
	return slices.DeleteFunc(slices.Clone(runs), func(a string) bool {
		return more && a == "ssm:StartSession" || told && a == "ssm:SendCommand"
	})
}

// anyDocument reports that every document may be run.
func (s *statement) anyDocument(i int, runs []string) {
	fix := ""
	if slices.Contains(runs, "ssm:StartAutomationExecution") {
		fix = `"Resource": ["` + s.written("arn:${Partition}:ssm:${Region}:${Account}:document/${Runbook}") + `", "` +
			s.written("arn:${Partition}:ssm:${Region}:${Account}:automation-execution/") + `*"]`
	}
	f := s.report(&anyDocumentRule, s.resourceAt(i), fix, "%s with %s", list(runs), s.resources[i])
	if fix != "" && len(runs) == 1 {
		f.Why, f.Source = "Every runbook of AWS and of the account is among them, and does what its role may, or whoever starts it.", automations
	}
}

// anyNode is a resource that stands for every node; -1 where there is none.
func (s *statement) anyNode() int {
	if i := s.wideAt("ec2", "instance"); i >= 0 {
		return i
	}
	return s.wideAt("ssm", "managed-instance")
}

// objects looks for objects of every bucket.
func (s *statement) objects() {
	i := s.wideAt("s3")
	if i < 0 || s.narrowed() {
		return
	}
	var found, buckets []string
	rule := &objectsRule
	for c := range s.each() {
		if c.Service != "s3" {
			continue
		}
		if !slices.ContainsFunc(c.Resources, func(r catalog.ActionResource) bool { return r.Type == "object" }) {
			buckets = append(buckets, c.String())
			continue
		}
		found = append(found, c.String())
		if writes(c) {
			rule = &bucketsRule
		}
	}
	if rule == &objectsRule && !slices.Contains(found, "s3:GetObject") {
		return
	}
	s.claim(append(found, buckets...))
	s.report(rule, s.resourceAt(i), "", "%s on %s", list(found), s.resources[i])
}

// passes looks at which roles may be handed to which services.
func (s *statement) passes() {
	const pass = "iam:PassRole"
	at := slices.IndexFunc(s.actions, func(a action) bool { return !a.whole && !a.every && a.has(pass) })
	if at < 0 {
		return
	}
	s.claim([]string{pass})
	to := slices.ContainsFunc(s.Conditions, func(c condition) bool { return strings.EqualFold(c.Key, "iam:PassedToService") })
	switch i := s.wideAt("iam", "role"); {
	case i >= 0:
		s.report(&passRule, s.resourceAt(i), "", "iam:PassRole on %s", s.resources[i])
	case !to:
		s.report(&passedToRule, s.actionAt(at), "", "iam:PassRole without a condition on iam:PassedToService")
	}
}
