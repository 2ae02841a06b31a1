package policies

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/catalog"
	"github.com/slipway-cd/slipway/internal/finding"
)

const serviceRole = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html"

// stackRules are about the two roles by which stacks are deployed.
var stackRules = []finding.Rule{noExecutionRule, deployerActsRule, counterpartRule, roleArnRule, pipelineRolesRule, dataRule}

var (
	noExecutionRule = finding.Rule{
		Code: "SLW061", Name: "deployer-without-execution-role", Severity: finding.Warning, Subject: finding.Role,
		Title:  "A role deploys stacks, and may hand CloudFormation no role.",
		Why:    "CloudFormation then acts with the deployer's own permissions, so a pipeline that is taken over has all that the stacks need.",
		Source: serviceRole, Fix: "a role that only cloudformation.amazonaws.com may assume, and iam:PassRole on it for this one", Requirements: []string{"R61"},
	}
	deployerActsRule = finding.Rule{
		Code: "SLW068", Name: "deployer-acts-itself", Severity: finding.Warning, Subject: finding.Role,
		Title:  "A role that deploys stacks may change resources by itself.",
		Why:    "Only CloudFormation has to, with its own role: what a pipeline can destroy without a template, whoever takes it over can.",
		Source: serviceRole, Fix: "move it to the execution role", Requirements: []string{"R68"},
	}
	roleArnRule = finding.Rule{
		Code: "SLW093", Name: "stack-without-role", Severity: finding.Info, Subject: finding.Role,
		Title:  "Stacks may be made and changed without the execution role.",
		Why:    "A call that does not pass the role acts with the caller's permissions, or with those of whatever role the stack had before.",
		Source: serviceRole, Fix: `"Condition": {"ArnEquals": {"cloudformation:RoleArn": "<the execution role>"}} on CreateStack, UpdateStack, DeleteStack and CreateChangeSet`,
		Requirements: []string{"R93"},
	}
	pipelineRolesRule = finding.Rule{
		Code: "SLW096", Name: "changes-pipeline-roles", Severity: finding.Error, Subject: finding.Role,
		Title:  "A role may change or pass the roles of the pipeline itself.",
		Why:    "A template that is deployed with it can give the pipeline, and with it whoever wrote the template, every permission of the account.",
		Source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html#access_policies_boundaries-delegate",
		Fix:    "the pipeline's roles under a path of their own and a Deny on it, or a condition on iam:PermissionsBoundary", Requirements: []string{"R53", "R96"},
	}
	dataRule = finding.Rule{
		Code: "SLW097", Name: "data-in-execution-role", Severity: finding.Info, Subject: finding.Role,
		Title:  "CloudFormation's role may use what it deploys.",
		Why:    "Making a table does not need its items, nor a function that it is called: a template could read or change the application's data.",
		Source: leastPrivilege, Fix: "remove it, unless a custom resource of the stack needs it", Requirements: []string{"R97"},
	}
)

// stackActions make, change or remove stacks.
var stackActions = []string{"cloudformation:CreateChangeSet", "cloudformation:CreateStack", "cloudformation:DeleteStack", "cloudformation:UpdateStack"}

// deployer looks at a role that deploys stacks.
func (l *linter) deployer(h *holder) {
	if h.kind != deploy && h.kind != build && h.kind != user || !slices.ContainsFunc(stackActions, h.holds) {
		return
	}
	if !h.doubtful && !h.holds("iam:PassRole") {
		l.atRole(&noExecutionRule, h, "", "it holds cloudformation:%s, and not iam:PassRole", strings.TrimPrefix(stackActions[slices.IndexFunc(stackActions, h.holds)], "cloudformation:"))
	}
	for s := range h.own() {
		s.deployerActs()
		s.withoutRole()
	}
}

// deployerServices are those whose resources a pipeline changes itself: stacks, the bucket of its artefacts, its images,
// commands and parameters, and the roles that it assumes and passes.
var deployerServices = []string{"cloudformation", "s3", "ssm", "sts", "ecr", "ecr-public", "kms", "logs", "codebuild", "codepipeline", "codedeploy"}

func (s *statement) deployerActs() {
	var acts []catalog.Action
	for c := range s.each() {
		if writes(c) && !slices.Contains(deployerServices, c.Service) && c.String() != "iam:PassRole" {
			acts = append(acts, c)
		}
	}
	if len(acts) == 0 {
		return
	}
	i := slices.IndexFunc(s.actions, func(a action) bool { return a.has(acts[0].String()) })
	s.report(&deployerActsRule, s.actionAt(i), "", "%s", list(namesOf(acts)))
}

func (s *statement) withoutRole() {
	found := s.present(stackActions)
	named := slices.ContainsFunc(s.Conditions, func(c condition) bool { return strings.EqualFold(c.Key, "cloudformation:RoleArn") })
	if len(found) == 0 || named {
		return
	}
	i := slices.IndexFunc(s.actions, func(a action) bool { return slices.ContainsFunc(found, a.has) })
	s.report(&roleArnRule, s.actionAt(i), "", "%s without a condition on cloudformation:RoleArn", list(found))
}

// takeovers are what makes a role one's own.
var takeovers = []string{
	"iam:AttachRolePolicy", "iam:DeleteRolePermissionsBoundary", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:PassRole",
	"iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy",
}

// pipelineRoles looks for statements by which somebody may change the roles of the pipeline, or pass them.
func (l *linter) pipelineRoles(h *holder) {
	if h.kind == operator || h.given == nil {
		return
	}
	for s := range h.own() {
		if !s.bounded() {
			l.takesOver(h, s)
		}
	}
}

// bounded says whether a statement is about roles with a permissions boundary only, or hands roles to one service.
func (s *statement) bounded() bool {
	return slices.ContainsFunc(s.Conditions, func(c condition) bool {
		return strings.EqualFold(c.Key, "iam:PermissionsBoundary") || strings.EqualFold(c.Key, "iam:PassedToService")
	})
}

func (l *linter) takesOver(h *holder, s *statement) {
	for i, t := range s.resources {
		var names []string
		var actions []string
		for _, o := range l.holders {
			if o.account != h.account || !o.ofPipeline() || !t.coversRole(o) {
				continue
			}
			may := slices.DeleteFunc(s.present(takeovers), func(a string) bool { return h.denied(a, o) })
			if o != h && o.kind == execution {
				may = slices.DeleteFunc(may, func(a string) bool { return a == "iam:PassRole" && h.kind == deploy })
			}
			if len(may) > 0 {
				names, actions = append(names, o.role), may
			}
		}
		if len(names) > 0 {
			s.report(&pipelineRolesRule, s.resourceAt(i), "", "%s covers %s: %s", t, list(names), list(actions))
			return
		}
	}
}

// ofPipeline says whether a role is one by which a pipeline works.
func (h *holder) ofPipeline() bool {
	return h.given != nil && (h.kind == execution || h.kind == deploy || h.kind == build) &&
		(h.kind == execution || strings.HasSuffix(h.role, deployerSuffix) || slices.ContainsFunc(stackActions, h.holds) || h.kind == build)
}

// coversRole says whether a resource of a policy certainly stands for a role.
func (t text) coversRole(h *holder) bool {
	if t == "*" {
		return true
	}
	parts, ok := t.arn()
	if !ok || parts[arnService] != "iam" && parts[arnService] != "*" {
		return false
	}
	path := h.path
	if path == "" {
		path = "/"
	}
	return covers(pieces(parts[arnResource]), pieces(text("role"+path+h.role)))
}

// denied says whether a statement without conditions denies an action on a role.
func (h *holder) denied(action string, on *holder) bool {
	return slices.ContainsFunc(h.about(action), func(s *statement) bool {
		return s.Effect == iam.Deny && len(s.Conditions) == 0 && slices.ContainsFunc(s.resources, func(t text) bool { return t.coversRole(on) })
	})
}

// dataActions read or change what resources hold, or use them.
var dataActions = []string{
	"dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:GetRecords",
	"dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:UpdateItem", "events:PutEvents", "kinesis:GetRecords", "kinesis:PutRecord", "kinesis:PutRecords", "lambda:InvokeFunction",
	"logs:FilterLogEvents", "logs:GetLogEvents", "logs:PutLogEvents",
	"s3:DeleteObject", "s3:GetObject", "s3:PutObject", "secretsmanager:GetSecretValue", "sns:Publish",
	"sqs:ReceiveMessage", "sqs:SendMessage", "states:StartExecution",
}

// data looks for what an execution role does not need for making things.
func (l *linter) data(h *holder) {
	if h.kind != execution {
		return
	}
	for s := range h.own() {
		if found := s.present(dataActions); len(found) > 0 {
			i := slices.IndexFunc(s.actions, func(a action) bool { return slices.ContainsFunc(found, a.has) })
			s.report(&dataRule, s.actionAt(i), "", "%s", list(found))
		}
	}
}
