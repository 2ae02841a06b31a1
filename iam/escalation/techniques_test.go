package escalation

import (
	"slices"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/iam/catalog"
)

// TestR116TechniquesAreOfAWS: every action exists, and acts on what the table says.
func TestR116TechniquesAreOfAWS(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for i := range techniques {
		x := &techniques[i]
		if names[x.name] {
			t.Errorf("%s: the name is taken twice", x.name)
		}
		names[x.name] = true
		if x.action == "" && len(x.then) == 0 {
			t.Errorf("%s: has neither an action nor a service", x.name)
		}
		if x.action != "" {
			a, ok := catalog.Lookup(x.action)
			if !ok {
				t.Errorf("%s: AWS has no action %s", x.name, x.action)
			}
			want := map[object]string{onRole: "role", onUser: "user", onPolicy: "policy", onBoundary: "policy", onGroup: "group", onSAML: "saml-provider", onNode: "instance"}[x.object]
			if !slices.ContainsFunc(a.Resources, func(r catalog.ActionResource) bool { return r.Type == want }) {
				t.Errorf("%s: %s does not act on a %s", x.name, x.action, want)
			}
		}
		for _, action := range slices.Concat(x.then...) {
			if _, ok := catalog.Lookup(action); !ok {
				t.Errorf("%s: AWS has no action %s", x.name, action)
			}
		}
	}
}

// TestR116SourcesAreTheActionsPages: each source is AWS's page about the call that matters.
func TestR116SourcesAreTheActionsPages(t *testing.T) {
	t.Parallel()
	for i := range techniques {
		x := &techniques[i]
		action := x.action
		if x.service != "" || action == "" {
			action = x.then[0][0]
		}
		_, name, _ := strings.Cut(action, ":")
		if !strings.HasPrefix(x.source, "https://docs.aws.amazon.com/") || !strings.HasSuffix(x.source, "/API_"+name+".html") {
			t.Errorf("%s: %s is not the page of %s", x.name, x.source, action)
		}
	}
}

// notInReference are calls that take a role, of which the service authorization reference does not say that they need
// iam:PassRole.
var notInReference = map[string]bool{
	"ssm:CreateAssociation":       true, // its parameter AutomationAssumeRole
	"glue:CreateDevEndpoint":      true, // its parameter RoleArn
	"datapipeline:CreatePipeline": true, // the roles are in the definition that is put next
}

// harmless are calls that hand over a role and run nothing that the caller chooses.
var harmless = map[string]bool{
	"ec2:CreateFlowLogs": true, "ec2:EnableFastLaunch": true, // the service's own work
	"lambda:CreateCapacityProvider": true, "ecs:CreateCapacityProvider": true, "ecs:UpdateCapacityProvider": true, // likewise
	"cloudformation:DeleteStack": true, "cloudformation:ContinueUpdateRollback": true, "cloudformation:RollbackStack": true, // no template
	"glue:CreateCrawler": true, "glue:UpdateCrawler": true, // reads what it is pointed at
	"ssm:CreateDocument": true, // starting its automation asks for iam:PassRole again
}

// TestR116PassingActionsTakeRoles: the service authorization reference says so.
func TestR116PassingActionsTakeRoles(t *testing.T) {
	t.Parallel()
	for i := range techniques {
		x := &techniques[i]
		if x.action != passRole {
			continue
		}
		a, ok := catalog.Lookup(x.then[0][0])
		if says := slices.Contains(a.DependentActions, passRole); !ok || says == notInReference[x.then[0][0]] {
			t.Errorf("%s: the reference says %v about iam:PassRole", x.then[0][0], says)
		}
	}
}

// TestR116EveryPassingActionOfACoreServiceIsConsidered: what the reference lists with iam:PassRole is in the table, or was looked at
// and runs nothing of the caller's.
func TestR116EveryPassingActionOfACoreServiceIsConsidered(t *testing.T) {
	t.Parallel()
	considered := map[string]bool{}
	for i := range techniques {
		for _, a := range slices.Concat(techniques[i].then...) {
			considered[a] = true
		}
	}
	for _, service := range []string{"ec2", "lambda", "cloudformation", "ssm", "codebuild", "ecs", "glue", "states", "scheduler"} {
		for _, name := range catalog.Actions(service) {
			a, _ := catalog.Lookup(service + ":" + name)
			if slices.Contains(a.DependentActions, passRole) && !considered[a.String()] && !harmless[a.String()] {
				t.Errorf("%s takes a role and is not in the table", a)
			}
		}
	}
}
