package policies

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/finding"
)

// The keys by which a service says for whom it acts.
var sourceKeys = []string{"aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths"}

// serviceName is the name of a service in its principal, without the region that some have: ssm.eu-west-1.amazonaws.com.
func serviceName(principal text) string {
	name, _, _ := strings.Cut(string(principal), ".")
	return name
}

// service finds what is missing where a service is let in.
func (e entry) service() {
	if right, certain := meant(string(e.value)); certain && right != string(e.value) {
		return // it is no service
	}
	switch serviceName(e.value) {
	case "ssm":
		e.documentAsSource()
		if !e.limited("aws:sourceaccount") {
			e.report(&sourceAccountRule, e.at(), `"StringEquals": {"aws:SourceAccount": "<account>"}`, "%s is let in for whatever account it acts for", e.value)
		}
	case "cloudformation":
		if !e.limited(sourceKeys...) {
			e.report(&anySourceRule, e.at(), `"StringEquals": {"aws:SourceAccount": "<account>"}`, "%s is let in for whatever account it acts for", e.value)
		}
	}
}

// documentAsSource finds a document where Systems Manager names the execution.
func (e entry) documentAsSource() {
	for _, t := range e.limitedBy() {
		if t.key != "aws:sourcearn" {
			continue
		}
		for _, v := range t.Values {
			parts, ok := textOf(v).arn()
			if !ok || parts[arnService] != "ssm" {
				continue
			}
			resource := string(parts[arnResource])
			if strings.HasPrefix(resource, "document/") || strings.HasPrefix(resource, "automation-definition/") {
				right := parts
				right[arnRegion], right[arnResource] = "*", "automation-execution/*"
				e.report(&documentSourceRule, t.Pos, `"aws:SourceArn": "`+joined(right)+`"`, "%s is a document: it is never the source", textOf(v))
			}
		}
	}
}

// together finds principals that do not belong into one role. Of everybody it is said already.
func together(all []entry, denies bool) {
	var services []entry
	for _, e := range all {
		known := e.kind == iam.KindService && e.value.known()
		if known && !slices.ContainsFunc(services, func(o entry) bool { return serviceName(o.value) == serviceName(e.value) }) {
			services = append(services, e)
		}
	}
	for _, e := range all {
		switch with := worksWith(services, e.policy.holder.kind); {
		case e.kind == iam.KindService, e.value == "*" && !denies && !e.limited():
		case slices.Contains(with, "CloudFormation"):
			e.report(&executionRule, e.at(), "", "%s may assume a role that %s works with", e.value, strings.Join(with, " and "))
		case len(with) > 0:
			e.report(&automationRule, e.at(), "", "%s may assume a role that Systems Manager works with", e.value)
		}
	}
	several(services)
}

// worksWith are the services that make it wrong for anybody else to enter the role. Of a node's it is said otherwise: SLW022.
func worksWith(services []entry, of kind) []string {
	var list []string
	for _, e := range services {
		switch name := serviceName(e.value); {
		case name == "cloudformation":
			list = append(list, "CloudFormation")
		case name == "ssm" && of != node:
			list = append(list, "Systems Manager")
		}
	}
	slices.Sort(list)
	return list
}

// several finds a role that more than one service works with.
func several(services []entry) {
	names := make([]string, len(services))
	for i, e := range services {
		names[i] = serviceName(e.value)
	}
	has := func(name string) int { return slices.Index(names, name) }
	if ec2, ssm := has("ec2"), has("ssm"); ec2 >= 0 && ssm >= 0 {
		if services[ssm].automations() && services[ssm].policy.holder.given == nil { // with its policies it is SLW042
			services[max(ec2, ssm)].report(&bothRule, services[max(ec2, ssm)].at(), "",
				"instances carry the role, and Systems Manager works with it")
		}
		names[ssm] = names[ec2] // one finding for both
	}
	if lambda := has("lambda"); lambda >= 0 && has("edgelambda") >= 0 { // a function at the edge needs both
		names[has("edgelambda")] = "lambda"
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) > 1 {
		last := services[len(services)-1]
		last.report(&severalRule, last.at(), "", "%s work with one role", list(names))
	}
}

// automations says whether Systems Manager is let in for automations, and not for machines outside of EC2, whose roles it
// hands out as well.
func (e entry) automations() bool {
	return slices.ContainsFunc(e.limitedBy(), func(t test) bool {
		return t.key == "aws:sourcearn" && slices.ContainsFunc(t.Values, func(v string) bool {
			return strings.Contains(string(textOf(v)), ":automation-execution/")
		})
	})
}

var serviceRules = []finding.Rule{
	bothRule, automationRule, sourceAccountRule, documentSourceRule, severalRule, executionRule, anySourceRule,
}

var (
	bothRule = finding.Rule{
		Code: "SLW250", Name: "instances-and-automations", Severity: finding.Warning, Subject: finding.Trust,
		Title:  "One role is for instances and for automations.",
		Why:    "Every script on an instance can then do what the automation may, and an automation what the instance may.",
		Source: automatePage, Requirements: []string{"R42", "R22"},
		Fix: "a role for each; for machines outside of EC2, a condition on aws:SourceArn arn:aws:ssm:<region>:<account>:*",
	}
	automationRule = finding.Rule{
		Code: "SLW044", Name: "automation-role-trusts-others", Severity: finding.Warning, Subject: finding.Trust,
		Title:  "Others than Systems Manager may assume an automation's role.",
		Why:    "They can do what the runbook may without running it, so what the runbook checks and logs is bypassed.",
		Source: automatePage, Fix: `only "Service": "ssm.amazonaws.com"`, Requirements: []string{"R44"},
	}
	sourceAccountRule = finding.Rule{
		Code: "SLW045", Name: "automation-for-any-account", Severity: finding.Warning, Subject: finding.Trust,
		Title:  "A role lets Systems Manager in whatever account it acts for.",
		Why:    "Without aws:SourceAccount the service can be made a deputy: somebody else's automation could be run with the role.",
		Source: automatePage, Fix: "a condition on aws:SourceAccount", Requirements: []string{"R45"},
	}
	documentSourceRule = finding.Rule{
		Code: "SLW046", Name: "document-as-source", Severity: finding.Error, Subject: finding.Trust,
		Title:  "A condition wants a document as aws:SourceArn.",
		Why:    "Systems Manager gives the ARN of the execution, so the condition never holds and no automation can assume the role.",
		Source: automatePage, Fix: "arn:aws:ssm:*:<account>:automation-execution/*", Requirements: []string{"R46"},
	}
	severalRule = finding.Rule{
		Code: "SLW057", Name: "several-services", Severity: finding.Warning, Subject: finding.Trust,
		Title:  "Several services work with one role.",
		Why:    "Each of them can do what any of them needs.",
		Source: practicesPage, Fix: "a role for each service", Requirements: []string{"R57"},
	}
	executionRule = finding.Rule{
		Code: "SLW064", Name: "execution-role-trusts-others", Severity: finding.Warning, Subject: finding.Trust,
		Title:  "Others than CloudFormation may assume its execution role.",
		Why:    "Who assumes it changes resources directly, without a stack that records and rolls back; the split into two roles is void.",
		Source: servicePage, Fix: `only "Service": "cloudformation.amazonaws.com"`, Requirements: []string{"R64"},
	}
	anySourceRule = finding.Rule{
		Code: "SLW249", Name: "service-for-any-account", Severity: finding.Info, Subject: finding.Trust,
		Title:  "A role lets a service in whatever account it acts for.",
		Why:    "A condition on aws:SourceAccount keeps the service from being anybody else's deputy.",
		Source: deputyPage, Fix: "a condition on aws:SourceAccount", Requirements: []string{"R64"},
	}
)
