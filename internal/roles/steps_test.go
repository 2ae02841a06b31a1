package roles

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
)

// ofAutomation are the roles of examples/automation, by name.
func ofAutomation(t *testing.T) map[string]Role {
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
	set, err := Render(p)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]Role{}
	for _, role := range set.Roles {
		byName[role.Name] = role
	}
	return byName
}

// TestR044AutomationTrust, and R45 and R46: only Systems Manager may assume the role, for executions of runbooks of this
// account. The source is the executions' ARN, as AWS documents it; the ARN of a document would never match.
func TestR044AutomationTrust(t *testing.T) {
	t.Parallel()
	role := ofAutomation(t)["shop-prod-Automation"]
	want := []iam.Statement{{
		Sid: "AutomationRunbooks", Effect: iam.Allow, Actions: []string{"sts:AssumeRole"},
		Principals: []iam.PrincipalPattern{{Kind: iam.KindService, Values: []string{"ssm.amazonaws.com"}}},
		Conditions: []iam.Condition{
			{Operator: "StringEquals", Key: "aws:SourceAccount", Values: []string{"333333333333"}},
			{Operator: "ArnLike", Key: "aws:SourceArn", Values: []string{"arn:aws:ssm:*:333333333333:automation-execution/*"}},
		},
	}}
	if diff := cmp.Diff(want, role.Trust.Statements); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestR051RunbooksReachTaggedNodesOnly, and R47 and R48: actions are named, and what changes nodes is on those of the stage.
func TestR051RunbooksReachTaggedNodesOnly(t *testing.T) {
	t.Parallel()
	role := ofAutomation(t)["shop-prod-Automation"]
	want := []iam.Statement{
		{Sid: "NeededByRunbook", Effect: iam.Allow, Actions: []string{"ec2:DescribeInstanceStatus"}, Resources: []string{"*"}},
		{
			Sid: "NeededByRunbookStartInstances", Effect: iam.Allow, Actions: []string{"ec2:StartInstances"},
			Resources: []string{"arn:aws:ec2:eu-west-1:333333333333:instance/*"},
			Conditions: []iam.Condition{
				{Operator: "StringEquals", Key: "aws:ResourceTag/App", Values: []string{"shop"}},
				{Operator: "StringEquals", Key: "aws:ResourceTag/Environment", Values: []string{"prod"}},
			},
		},
		{
			Sid: "NeededByRunbookInvokeFunction", Effect: iam.Allow, Actions: []string{"lambda:InvokeFunction"},
			Resources: []string{"arn:aws:lambda:eu-west-1:333333333333:function:shop-warm"},
		},
	}
	if diff := cmp.Diff(want, role.Policies[0].Document.Statements); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestR047ActionsOfRunbooksAreNamed, in the roles of both kinds of steps: no star among actions, and R45's condition always.
func TestR047ActionsOfRunbooksAreNamed(t *testing.T) {
	t.Parallel()
	set := ofAutomation(t)
	for _, name := range []string{"shop-prod-Automation", "shop-prod-Test", "shop-dev-Test"} {
		for _, p := range set[name].Policies {
			for _, st := range p.Document.Statements {
				if len(st.NotActions) > 0 || slices.ContainsFunc(st.Actions, func(a string) bool { return strings.ContainsAny(a, "*?") }) {
					t.Errorf("%s: %s allows %v", name, st.Sid, st.Actions)
				}
			}
		}
	}
}

// TestR045SourceAccount: the account that the role is in, and no other.
func TestR045SourceAccount(t *testing.T) {
	t.Parallel()
	for _, st := range ofAutomation(t)["shop-prod-Automation"].Trust.Statements {
		if !slices.ContainsFunc(st.Conditions, func(c iam.Condition) bool {
			return c.Key == "aws:SourceAccount" && c.Operator == "StringEquals" && slices.Equal(c.Values, []string{"333333333333"})
		}) {
			t.Errorf("%s: %v", st.Sid, st.Conditions)
		}
	}
}

// TestR094TestRole: exactly what the release declares, entered as the deploy role is.
func TestR094TestRole(t *testing.T) {
	t.Parallel()
	set := ofAutomation(t)
	role, deploy := set["shop-prod-Test"], set["shop-prod-Deploy"]
	want := []iam.Statement{{
		Sid: "NeededByTests", Effect: iam.Allow, Actions: []string{"dynamodb:GetItem"},
		Resources: []string{"arn:aws:dynamodb:eu-west-1:333333333333:table/shop-prod-orders"},
	}}
	if diff := cmp.Diff(want, role.Policies[0].Document.Statements); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(deploy.Trust.Statements, role.Trust.Statements); diff != "" {
		t.Errorf("the trust policy differs from the deploy role's: -want +got:\n%s", diff)
	}
}

// TestPassRoleOfRunbooks: the deploy role hands over this role, and to Systems Manager only.
func TestPassRoleOfRunbooks(t *testing.T) {
	t.Parallel()
	for _, st := range ofAutomation(t)["shop-prod-Deploy"].Policies[0].Document.Statements {
		if !slices.Contains(st.Actions, "iam:PassRole") {
			continue
		}
		want := iam.Statement{
			Sid: "PassRunbookRole", Effect: iam.Allow, Actions: []string{"iam:PassRole"},
			Resources:  []string{"arn:aws:iam::333333333333:role/slipway/shop-prod-Automation"},
			Conditions: []iam.Condition{{Operator: "StringEquals", Key: "iam:PassedToService", Values: []string{"ssm.amazonaws.com"}}},
		}
		if diff := cmp.Diff(want, st); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		return
	}
	t.Error("it may hand over no role")
}
