package pipelines

import "github.com/slipway-cd/slipway/internal/finding"

// Rules are what is looked for in workflows.
var Rules = []finding.Rule{syntaxRule, tokenRule, concurrencyRule, timeoutRule, usageRule, swallowedRule}

const workflowSyntax = "https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax"

var (
	syntaxRule = finding.Rule{
		Code: "SLW100", Name: "workflow-syntax", Severity: finding.Error, Subject: finding.Workflow,
		Title: "GitHub would not accept the workflow.", Why: "It does not run at all, and says so nowhere but on its page.",
		Source: workflowSyntax, Fix: "actionlint, and GitHub, tell the same",
	}
	tokenRule = finding.Rule{
		Code: "SLW109", Name: "token-not-permitted", Severity: finding.Error, Subject: finding.Workflow,
		Title: "A job enters AWS with GitHub's token, and may not ask for one.", Why: "Without id-token: write GitHub hands out no token, and the role cannot be assumed.",
		Source: "https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws",
		Fix:    "permissions: {id-token: write, contents: read}", Requirements: []string{"W9"},
	}
	concurrencyRule = finding.Rule{
		Code: "SLW110", Name: "no-concurrency", Severity: finding.Warning, Subject: finding.Workflow,
		Title: "Two runs could ship at the same time, or a newer run ends one that ships.", Why: "Two deploys to the same nodes interleave, and one that is ended half-way leaves them in between.",
		Source: "https://docs.github.com/en/actions/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency",
		Fix:    "concurrency: {group: deploy, cancel-in-progress: false}", Requirements: []string{"W10"},
	}
	timeoutRule = finding.Rule{
		Code: "SLW121", Name: "job-ends-first", Severity: finding.Error, Subject: finding.Workflow,
		Title: "A job or step ends before what it ships can have ended.", Why: "The job is red while the deploy goes on, and nobody learns how it ended.",
		Source: workflowSyntax, Fix: "a longer timeout-minutes, or shorter timeouts of the commands", Requirements: []string{"R121"},
	}
	usageRule = finding.Rule{
		Code: "SLW127", Name: "slipway-usage", Severity: finding.Error, Subject: finding.Workflow,
		Title: "slipway would refuse a command line.", Why: "The step fails before anything is shipped.",
		Source: workflowSyntax, Fix: "slipway --help lists the commands, and each has --help",
	}
	swallowedRule = finding.Rule{
		Code: "SLW128", Name: "failure-swallowed", Severity: finding.Error, Subject: finding.Workflow,
		Title: "A job or step succeeds although what it ships fails.", Why: "A green job is taken for a deploy that worked.",
		Source: workflowSyntax, Fix: "let the exit code through",
	}
)
