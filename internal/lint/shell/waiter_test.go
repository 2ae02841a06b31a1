package shell

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam/catalog"
)

// TestMappedServices: what the tables name is there, in IAM's words.
func TestMappedServices(t *testing.T) {
	t.Parallel()
	all := catalog.Services()
	for cli, prefix := range services {
		if !slices.Contains(all, prefix) {
			t.Errorf("%s: IAM has no service %s", cli, prefix)
		}
	}
	for command, actions := range operations {
		for _, a := range actions {
			if _, ok := catalog.Lookup(a); !ok {
				t.Errorf("%s: IAM has no action %s", command, a)
			}
		}
	}
	for service, byOperation := range waiters {
		for operation, names := range byOperation {
			for _, name := range names {
				if u := (use{}).waits("", service, []Word{{Text: name, Whole: true}}); u.untold != "" {
					t.Errorf("aws %s wait %s asks with %s: %s", service, name, operation, u.untold)
				}
			}
		}
	}
}

// TestR015Waiters: a waiter needs the permission to read what it waits for, and no other.
func TestR015Waiters(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"aws ssm wait command-executed --command-id x":                           {"ssm:GetCommandInvocation"},
		"aws ecs wait services-stable --cluster c":                               {"ecs:DescribeServices"},
		"aws s3api wait object-exists --bucket b --key k":                        {"s3:GetObject"},
		"aws deploy wait deployment-successful":                                  {"codedeploy:GetDeployment"},
		"aws cloudformation wait change-set-create-complete --change-set-name x": {"cloudformation:DescribeChangeSet"},
		"aws elbv2 wait target-in-service":                                       {"elasticloadbalancing:DescribeTargetHealth"},
		"aws ssm wait no-such-thing":                                             nil,
	} {
		var got []string
		for _, c := range Analyze(Sequence{Scripts: []Script{{Text: text}}}).Calls {
			actions, _ := c.Needs()
			got = append(got, actions...)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}
