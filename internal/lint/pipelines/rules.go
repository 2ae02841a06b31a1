package pipelines

import "github.com/slipway-cd/slipway/internal/finding"

// Rules are what is looked for in workflows.
var Rules = []finding.Rule{
	syntaxRule, tokenRule, concurrencyRule, timeoutRule, usageRule, swallowedRule, staticKeysRule, openDocumentRule, stagesRule,
	keysForAllRule, noRoleRule, injectedRule, noOutputRule, keyInFileRule, afterFailureRule,
}

const workflowSyntax = "https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax"

var (
	syntaxRule = finding.Rule{
		Code: "SLW100", Name: "workflow-syntax", Severity: finding.Error, Subject: finding.Workflow,
		Title: "GitHub would not accept the workflow.", Why: "It does not run at all, and says so nowhere but on its page.",
		Source: workflowSyntax, Fix: "write what the syntax page has for this key, or take the line out",
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
	staticKeysRule = finding.Rule{
		Code: "SLW129", Name: "static-keys", Severity: finding.Warning, Subject: finding.Workflow,
		Title: "A pipeline enters AWS with the access key of a user.", Why: "Who reads it once has it until somebody deletes it; a role that is entered with the pipeline's own token has nothing to read.",
		Source:       "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#bp-workloads-use-roles",
		Fix:          "permissions: {id-token: write, contents: read}, and aws-actions/configure-aws-credentials with role-to-assume in place of keys",
		Requirements: []string{"R33", "R89", "W9"},
	}
	openDocumentRule = finding.Rule{
		Code: "SLW140", Name: "open-document-sent", Severity: finding.Info, Subject: finding.Script,
		Title: "A pipeline sends a document that runs whatever it is sent.", Why: "AWS-RunShellScript and its like run any command as root, so the permission to send them is the whole node.",
		Source: "https://docs.aws.amazon.com/systems-manager/latest/userguide/run-command-setting-up.html",
		Fix:    "a document of its own, with the commands in it and patterns for its parameters: slipway makes one of deploy/release.sh", Requirements: []string{"R17", "R28"},
	}
	stagesRule = finding.Rule{
		Code: "SLW141", Name: "stages-out-of-order", Severity: finding.Warning, Subject: finding.Workflow,
		Title: "A later stage does not wait for an earlier one.", Why: "What breaks the first stage is in the last one at the same moment.",
		Source: workflowSyntax, Fix: "needs: the job of the stage before", Requirements: []string{"R90"},
	}
	keysForAllRule = finding.Rule{
		Code: "SLW142", Name: "credentials-outlive-their-stage", Severity: finding.Warning, Subject: finding.Workflow,
		Title: "Credentials are there for steps or jobs that they are not for.", Why: "A step of one stage can act in another's account, and any action in the job can read them.",
		Source: "https://docs.github.com/en/actions/reference/security/secure-use",
		Fix:    "a job a stage, each with a role of its own, and keys in the env of the one step that needs them", Requirements: []string{"R91"},
	}
	noRoleRule = finding.Rule{
		Code: "SLW143", Name: "no-execution-role", Severity: finding.Warning, Subject: finding.Script,
		Title: "A stack is deployed without an execution role.", Why: "CloudFormation then uses the caller's credentials, so the pipeline's role needs every permission that any resource needs.",
		Source: "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html",
		Fix:    "pass the execution role", Requirements: []string{"R93"},
	}
	injectedRule = finding.Rule{
		Code: "SLW144", Name: "script-injection", Severity: finding.Error, Subject: finding.Workflow,
		Title: "Text that a stranger writes becomes part of a script.", Why: "GitHub puts it into the script before a shell reads it, so a title with $(…) is run, with the job's credentials.",
		Source: "https://docs.github.com/en/actions/concepts/security/script-injections",
		Fix:    "hand it in by env",
	}
	noOutputRule = finding.Rule{
		Code: "SLW145", Name: "no-output-destination", Severity: finding.Info, Subject: finding.Script,
		Title: "The output of a command is kept nowhere.", Why: "Run Command keeps the first 24,000 characters of it, and the error is at the end.",
		Source: "https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-rc-setting-up-cwlogs.html",
		Fix:    "--cloud-watch-output-config CloudWatchOutputEnabled=true,CloudWatchLogGroupName=/shop/deploy", Requirements: []string{"R58"},
	}
	keyInFileRule = finding.Rule{
		Code: "SLW146", Name: "key-in-file", Severity: finding.Error, Subject: finding.Any,
		Title: "An access key is written in a file of the repository.", Why: "Everybody who can read the repository, now or in its history, has the key.",
		Source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/security-creds-programmatic-access.html",
		Fix:    "delete the key in IAM, and enter with a role", Requirements: []string{"R33"},
	}
	afterFailureRule = finding.Rule{
		Code: "SLW150", Name: "ships-after-failure", Severity: finding.Warning, Subject: finding.Workflow,
		Title: "A buildspec ships in post_build, which also runs when the build failed.", Why: "What did not build, or did not pass its tests, is deployed, or what was there before is deployed anew.",
		Source: "https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details-phases.html",
		Fix:    `on-failure: ABORT in the build phase, or [ "$CODEBUILD_BUILD_SUCCEEDING" = 1 ] || exit 1 as the first command of post_build`, Requirements: []string{"R90"},
	}
)
