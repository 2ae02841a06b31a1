package needs

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/lint/pipelines"
)

// without need nothing of AWS.
var without = []string{
	"actions/", "docker/setup-", "docker/metadata-action", "hashicorp/setup-terraform", "github/", "aws-actions/setup-sam",
	"aws-actions/amazon-ecs-render-task-definition", "opentofu/setup-opentofu",
}

// listed are the actions of IAM that known actions of GitHub need, each on resources that a run decides (their READMEs).
var listed = map[string][]string{
	"aws-actions/amazon-ecr-login":                  {"ecr:GetAuthorizationToken"},
	"aws-actions/aws-codebuild-run-build":           {"codebuild:StartBuild", "codebuild:BatchGetBuilds", "logs:GetLogEvents"},
	"aws-actions/aws-secretsmanager-get-secrets":    {"secretsmanager:GetSecretValue"},
	"aws-actions/amazon-ecs-deploy-task-definition": {"ecs:RegisterTaskDefinition", "ecs:UpdateService", "ecs:DescribeServices"},
	"aws-actions/aws-cloudformation-github-deploy": {"cloudformation:DescribeStacks", "cloudformation:CreateStack", "cloudformation:CreateChangeSet",
		"cloudformation:DescribeChangeSet", "cloudformation:DeleteChangeSet", "cloudformation:ExecuteChangeSet"},
}

// action adds what an action needs.
func (n *Needs) action(u *pipelines.Used) {
	a := asked{place: u.Place, entry: u.Entry, command: u.Name}
	actions, known := listed[u.Name]
	switch {
	case u.Name == "aws-actions/configure-aws-credentials":
		n.enters(a, u)
	case u.Name == pipelines.ActionName:
		n.unknown(a, "slipway prove tells what slipway needs, from the release file")
	case u.Name == "docker/login-action" || u.Name == "docker/build-push-action":
		n.docker(a, u)
	case known:
		for _, action := range actions {
			n.onAny(a, action)
		}
		n.more(a, u)
	case slices.ContainsFunc(without, func(p string) bool { return strings.HasPrefix(u.Name, p) }):
	case strings.Contains(strings.ToLower(u.Name), "aws"), u.Has("aws-region"), u.Has("aws_region"):
		n.unknown(a, "what this action calls is not known here")
	}
}

// more adds what a known action needs for some of its inputs.
func (n *Needs) more(a asked, u *pipelines.Used) {
	switch u.Name {
	case "aws-actions/amazon-ecs-deploy-task-definition":
		n.unknown(a, "which roles iam:PassRole is needed for stands in the task definition")
		if u.Has("codedeploy-application") {
			for _, action := range []string{"codedeploy:GetDeploymentGroup", "codedeploy:CreateDeployment", "codedeploy:GetDeployment"} {
				n.onAny(a, action)
			}
		}
		if text, _ := u.Input("run-task"); text == "true" {
			n.onAny(a, "ecs:RunTask")
			n.onAny(a, "ecs:DescribeTasks")
		}
	case "aws-actions/aws-cloudformation-github-deploy":
		if u.Has("role-arn") {
			arn, known := u.Input("role-arn")
			if !known {
				arn = "arn:aws:iam::" + a.account() + ":role/*"
			}
			n.need(a, "iam:PassRole", known, arn)
			return
		}
		n.unknown(a, noExecutionRole)
	}
}

// enters is what the action for credentials needs of the credentials that are there before it: nothing where GitHub's token
// is enough. Sessions are tagged unless it is told not to.
func (n *Needs) enters(a asked, u *pipelines.Used) {
	if !u.Has("role-to-assume") || !u.Has("aws-access-key-id") && !u.Has("role-chaining") {
		return
	}
	role, known := u.Input("role-to-assume")
	if !known {
		role = "arn:aws:iam::*:role/*"
	}
	n.need(a, "sts:AssumeRole", known, role)
	if skip, _ := u.Input("role-skip-session-tagging"); skip != "true" {
		n.need(a, "sts:TagSession", known, role)
	}
}

// docker adds what pulling and pushing images of ECR needs.
func (n *Needs) docker(a asked, u *pipelines.Used) {
	registry, _ := u.Input("registry")
	tags, _ := u.Input("tags")
	push, _ := u.Input("push")
	switch {
	case u.Name == "docker/login-action" && strings.Contains(registry, ".dkr.ecr."):
		n.onAny(a, "ecr:GetAuthorizationToken")
	case u.Name == "docker/build-push-action" && strings.Contains(tags, ".dkr.ecr.") && push == "true":
		for _, action := range []string{
			"ecr:BatchCheckLayerAvailability", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage",
		} {
			n.onAny(a, action)
		}
	}
}
