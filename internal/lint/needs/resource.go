package needs

import (
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam/catalog"
	"github.com/slipway-cd/slipway/internal/lint/pipelines"
	"github.com/slipway-cd/slipway/internal/lint/policies"
	"github.com/slipway-cd/slipway/internal/lint/shell"
)

var placeholder = regexp.MustCompile(`\$\{([A-Za-z0-9]+)\}`)

// flagsOf are the options of the AWS CLI that name a resource, by the placeholder in its ARN, where the option is not the
// placeholder's own name in small letters with hyphens.
var flagsOf = map[string][]string{
	"ParameterNameWithoutLeadingSlash": {"--name", "--names", "--path"}, "FunctionName": {"--function-name"},
	"LogGroupName": {"--log-group-name", "--log-group-identifier"}, "DocumentName": {"--document-name", "--name"},
	"ClusterName": {"--cluster", "--cluster-name", "--name"}, "ServiceName": {"--service", "--services", "--service-name"},
	"RepositoryName": {"--repository-name", "--repository-names"}, "StackName": {"--stack-name"}, "TableName": {"--table-name"},
	"SecretId": {"--secret-id"}, "StateMachineName": {"--state-machine-arn"}, "QueueName": {"--queue-name"}, "TopicName": {"--topic-arn"},
	"ProjectName": {"--project-name"}, "DistributionId": {"--distribution-id", "--id"}, "RoleNameWithPath": {"--role-name"},
	"ApplicationName": {"--application-name"}, "DeploymentGroupName": {"--deployment-group-name"}, "InstanceId": {"--instance-ids", "--instance-id"},
	"TaskDefinitionFamilyName": {"--task-definition"}, "GroupFriendlyName": {"--auto-scaling-group-name"},
}

// named are the resources of an action that a command line names, with * for what it does not. Of several types those
// count that every request has, and those that are named.
func named(a asked, c *pipelines.Call, action catalog.Action) (resources []string, exact bool) {
	exact = true
	for _, of := range action.Resources {
		t, ok := catalog.ResourceType(action.Service, of.Type)
		if !ok || len(t.ARNs) == 0 {
			continue
		}
		arns, told := fill(a, c, t)
		if told == nothing && !of.Required && len(action.Resources) > 1 {
			continue
		}
		for _, arn := range arns {
			if !slices.Contains(resources, arn) {
				resources = append(resources, arn)
			}
		}
		exact = exact && told == whole
	}
	if len(resources) == 0 {
		return []string{"arn:aws:" + strings.ToLower(action.Service) + ":" + a.region() + ":" + a.account() + ":*"}, false
	}
	return resources, exact
}

// told is how much of a resource's name a command line tells.
type told int

const (
	nothing told = iota
	part
	whole
)

// fill writes the ARNs of a resource type, with what the command line names.
func fill(a asked, c *pipelines.Call, t catalog.Resource) (arns []string, is told) {
	form := strings.NewReplacer("${Partition}", "aws", "${Region}", a.region(), "${Account}", a.account(), "${AccountId}", a.account()).Replace(t.ARNs[0])
	holes := placeholder.FindAllStringSubmatch(form, -1)
	values := [][]string{}
	is = whole
	named := 0
	for _, hole := range holes {
		texts, known := lookup(c, hole[1])
		if len(texts) > 0 {
			named++
		}
		if !known || len(texts) == 0 {
			is = part
			texts = []string{"*"}
		}
		values = append(values, texts)
	}
	if len(holes) > 0 && named == 0 {
		is = nothing
	}
	arns = []string{form}
	for i, hole := range holes {
		var next []string
		for _, arn := range arns {
			for _, text := range values[i] {
				if strings.HasPrefix(text, "arn:") {
					next = append(next, text)
				} else {
					next = append(next, strings.Replace(arn, hole[0], strings.TrimPrefix(text, "/"), 1))
				}
			}
		}
		arns = next[:min(len(next), 20)]
	}
	if is == whole && slices.ContainsFunc(arns, func(s string) bool { return strings.Contains(s, "*") }) {
		is = part
	}
	return arns, is
}

// lookup finds the options that name what stands in an ARN for a placeholder.
func lookup(c *pipelines.Call, name string) (texts []string, known bool) {
	flags := flagsOf[name]
	if flags == nil {
		flags = []string{"--" + policies.Kebab(name)}
	}
	known = true
	for _, flag := range flags {
		for _, word := range values(c, flag) {
			text, ok := c.Value(word)
			if !ok || text == "" {
				known = false
				continue
			}
			texts = append(texts, text)
		}
		if len(texts) > 0 || !known {
			break
		}
	}
	return texts, known
}

// values are the words that follow an option, up to the next one.
func values(c *pipelines.Call, flag string) []shell.Word {
	for i, w := range c.Words {
		if value, ok := strings.CutPrefix(w.Written, flag+"="); ok {
			return []shell.Word{{Text: strings.TrimPrefix(w.Text, flag+"="), Whole: w.Whole, Written: value}}
		}
		if w.Text != flag || !w.Whole {
			continue
		}
		rest := c.Words[i+1:]
		if end := slices.IndexFunc(rest, func(w shell.Word) bool { return strings.HasPrefix(w.Written, "--") }); end >= 0 {
			rest = rest[:end]
		}
		return rest
	}
	return nil
}
