package needs

import (
	"path"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam/catalog"
	"github.com/slipway-cd/slipway/internal/lint/pipelines"
)

const noExecutionRole = "without an execution role CloudFormation changes what the template has with the caller's permissions: slipway does not know the template"

// stacks are what sls and sam call of CloudFormation, and of the bucket that they put the package into (D3; the tools'
// sources).
var stacks = []string{
	"cloudformation:CreateChangeSet", "cloudformation:DescribeChangeSet", "cloudformation:ExecuteChangeSet", "cloudformation:DeleteChangeSet",
	"cloudformation:DescribeStacks", "cloudformation:DescribeStackEvents", "cloudformation:DescribeStackResource", "cloudformation:ListStackResources",
	"cloudformation:GetTemplate", "cloudformation:ValidateTemplate", "s3:ListBucket", "s3:GetObject", "s3:PutObject",
}

// tool adds what a tool needs, as far as that is known; false where it is none that calls AWS.
func (n *Needs) tool(a asked, c *pipelines.Call) bool {
	words := c.Strings()
	if slices.Contains([]string{"npx", "pnpx", "bunx", "yarn", "pnpm", "npm"}, path.Base(words[0])) {
		words = slices.DeleteFunc(slices.Clone(words[1:]), func(w string) bool {
			return strings.HasPrefix(w, "-") || w == "exec" || w == "run" || w == "dlx"
		})
	}
	if len(words) == 0 {
		return false
	}
	name := strings.Split(path.Base(words[0]), "@")[0]
	does := ""
	if i := slices.IndexFunc(words[1:], func(w string) bool { return !strings.HasPrefix(w, "-") }); i >= 0 {
		does = words[i+1]
	}
	a.command = strings.TrimSpace(name + " " + does)
	switch name {
	case "sls", "serverless", "osls":
		return n.framework(a, c, does, []string{"deploy", "remove", "info", "rollback"})
	case "sam":
		return n.framework(a, c, does, []string{"deploy", "delete", "sync", "package"})
	case "cdk", "aws-cdk":
		return n.cdk(a, does)
	case "terraform", "tofu", "terragrunt":
		if slices.Contains([]string{"apply", "plan", "destroy", "import", "refresh"}, does) {
			n.unknown(a, "what it calls follows from the configuration, its providers and its state: not known here")
		}
		return true
	case "pulumi", "copilot", "eb", "ecs-cli", "chalice", "zappa", "boto3", "ansible-playbook", "packer":
		n.unknown(a, "what this tool calls is not known here")
		return true
	case "slipway":
		if slices.Contains([]string{"deploy", "rollback", "resume", "status", "cancel"}, does) && !c.Has("--local") {
			n.unknown(a, "slipway prove tells what slipway needs, from the release file")
		}
		return true
	}
	return false
}

// framework adds what a tool on top of CloudFormation needs for itself.
func (n *Needs) framework(a asked, c *pipelines.Call, does string, known []string) bool {
	if !slices.Contains(known, does) {
		return true
	}
	if does != "deploy" {
		n.unknown(a, "what this command calls is not known here")
		return true
	}
	stack, exact := "*", false
	if word, ok := c.Flag("--stack-name"); ok {
		if text, is := c.Value(word); is && text != "" {
			stack, exact = text+"/*", true
		}
	}
	for _, action := range stacks {
		switch {
		case types(action, "stack"):
			n.need(a, action, exact && a.account() != "*" && a.region() != "*", "arn:aws:cloudformation:"+a.region()+":"+a.account()+":stack/"+stack)
		default:
			n.onAny(a, action)
		}
	}
	if word, ok := c.Flag("--role-arn"); ok {
		arn, is := c.Value(word)
		if !is {
			arn = "arn:aws:iam::" + a.account() + ":role/*"
		}
		n.need(a, "iam:PassRole", is, arn)
		return true
	}
	n.unknown(a, noExecutionRole)
	return true
}

// cdk adds what cdk needs: to assume the roles of its bootstrap, which do the rest (CDK, bootstrapping).
func (n *Needs) cdk(a asked, does string) bool {
	switch does {
	case "deploy", "destroy", "diff", "import":
		// uncertain: a bootstrap with a qualifier of its own names its roles otherwise.
		for _, role := range []string{"deploy", "file-publishing", "image-publishing", "lookup"} {
			n.need(a, "sts:AssumeRole", false, "arn:aws:iam::"+a.account()+":role/cdk-*-"+role+"-role-"+a.account()+"-"+a.region())
		}
	case "bootstrap":
		n.unknown(a, "it makes the roles of its bootstrap, with the caller's permissions")
	}
	return true
}

// onAny adds an action on whatever resource a run decides.
func (n *Needs) onAny(a asked, action string) {
	known, ok := catalog.Lookup(action)
	if !ok {
		n.unknown(a, action+" is no action of IAM")
		return
	}
	if len(known.Resources) == 0 {
		n.need(a, action, true, "*")
		return
	}
	var arns []string
	for _, of := range known.Resources {
		if t, ok := catalog.ResourceType(known.Service, of.Type); ok && len(t.ARNs) > 0 && (of.Required || len(known.Resources) == 1) {
			form := strings.NewReplacer("${Partition}", "aws", "${Region}", a.region(), "${Account}", a.account()).Replace(t.ARNs[0])
			arns = append(arns, placeholder.ReplaceAllString(form, "*"))
		}
	}
	if len(arns) == 0 {
		arns = []string{"arn:aws:" + strings.ToLower(known.Service) + ":" + a.region() + ":" + a.account() + ":*"}
	}
	n.need(a, action, false, arns...)
}
