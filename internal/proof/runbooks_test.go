package proof

import (
	"os"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
)

// automationPlan is the plan of examples/automation's stage prod.
func automationPlan(t *testing.T) *plan.Plan {
	t.Helper()
	const dir = "../../examples/automation"
	src, err := os.ReadFile(dir + "/slipway.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r, err := release.Parse("slipway.yaml", src, release.Options{Files: os.DirFS(dir)})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.New(r)
	if err != nil {
		t.Fatal(err)
	}
	only, err := p.Only("prod")
	if err != nil {
		t.Fatal(err)
	}
	return only
}

// ofRunbook gives what the runbook's role is found to be allowed with a policy.
func ofRunbook(t *testing.T, p *plan.Plan, statements string) map[string]CallResult {
	t.Helper()
	policy, err := iam.Parse("policy", []byte(`{"Version": "2012-10-17", "Statement": [`+statements+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	result, err := Prove(p, []Role{{Account: "333333333333", Name: "shop-prod-Automation", Path: plan.RolePath, Policies: []*iam.Document{policy}}})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]CallResult{}
	for _, c := range result.Calls {
		if strings.HasSuffix(c.Role, "-Automation") {
			found[c.Action] = c
		}
	}
	return found
}

// TestR048RunbooksOnTaggedNodes: what starts instances by a tag that the stage's nodes have is proved, by another refuted,
// and by ids undecided, for which node it will be nobody knows.
func TestR048RunbooksOnTaggedNodes(t *testing.T) {
	t.Parallel()
	p := automationPlan(t)
	const start = `{"Effect": "Allow", "Action": "ec2:StartInstances", "Resource": "arn:aws:ec2:eu-west-1:333333333333:instance/%s"%c}`
	tests := map[string]struct {
		id, condition string
		want          Verdict
	}{
		"the stage's tag":  {"*", `, "Condition": {"StringEquals": {"aws:ResourceTag/Environment": "prod"}}`, Proved},
		"by EC2's key":     {"*", `, "Condition": {"StringEquals": {"ec2:ResourceTag/Environment": "prod"}}`, Proved},
		"another stage's":  {"*", `, "Condition": {"StringEquals": {"aws:ResourceTag/Environment": "dev"}}`, Refuted},
		"Run Command's":    {"*", `, "Condition": {"StringEquals": {"ssm:resourceTag/Environment": "prod"}}`, Refuted},
		"a node by its id": {"i-0123456789abcdef0", "", Undecided},
		"any node":         {"*", "", Proved},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := ofRunbook(t, p, strings.NewReplacer("%s", tt.id, "%c", tt.condition).Replace(start))
			if got := found["ec2:StartInstances"]; got.Verdict != tt.want {
				t.Errorf("%s: %s, want %s", got.Verdict, got.Why, tt.want)
			}
			if got := found["lambda:InvokeFunction"]; got.Verdict != Refuted {
				t.Errorf("what the role does not allow is %s", got.Verdict)
			}
		})
	}
}

// TestR046DocumentAsSource: a trust policy with the ARN of a document as its source lets no runbook work with the role.
func TestR046DocumentAsSource(t *testing.T) {
	t.Parallel()
	p := automationPlan(t)
	for source, want := range map[string]Verdict{
		"arn:aws:ssm:*:333333333333:automation-execution/*":          Proved,
		"arn:aws:ssm:eu-west-1:333333333333:document/shop-prod-warm": Refuted,
		"arn:aws:ssm:*:111111111111:automation-execution/*":          Refuted,
	} {
		trust, err := iam.Parse("trust", []byte(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
			"Principal": {"Service": "ssm.amazonaws.com"}, "Condition": {"ArnLike": {"aws:SourceArn": "`+source+`"}}}]}`))
		if err != nil {
			t.Fatal(err)
		}
		result, err := Prove(p, []Role{{Account: "333333333333", Name: "shop-prod-Automation", Path: plan.RolePath, Trust: trust}})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range result.Calls {
			if strings.HasSuffix(c.Role, "-Automation") && c.Action == "sts:AssumeRole" && c.Verdict != want {
				t.Errorf("%s: %s (%s), want %s", source, c.Verdict, c.Why, want)
			}
		}
	}
}

// TestR116RunbooksOfOthers: starting the release's own runbook is what the plan is for; starting any is a way to the roles
// of others.
func TestR116RunbooksOfOthers(t *testing.T) {
	t.Parallel()
	p := automationPlan(t)
	for resource, want := range map[string]bool{
		"arn:aws:ssm:eu-west-1:333333333333:document/shop-prod-warm": false,
		"arn:aws:ssm:eu-west-1:333333333333:document/*":              true,
		"arn:aws:ssm:eu-west-1:333333333333:document/others":         true,
	} {
		policy, err := iam.Parse("policy", []byte(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ssm:StartAutomationExecution",
			"Resource": ["`+resource+`", "arn:aws:ssm:eu-west-1:333333333333:automation-execution/*"]}]}`))
		if err != nil {
			t.Fatal(err)
		}
		given := []Role{{Account: "333333333333", Name: "shop-prod-Deploy", Path: plan.RolePath, Policies: []*iam.Document{policy}}}
		result, err := Prove(p, given)
		if err != nil {
			t.Fatal(err)
		}
		if err := result.Escalate(p, given); err != nil {
			t.Fatal(err)
		}
		if got := len(result.Escalations) > 0; got != want {
			t.Errorf("%s: %v", resource, result.Escalations)
		}
	}
}
