package roles

import (
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
)

// A plan that least privilege cannot serve is refused, and the message says what is wrong with it.
func TestRenderRefuses(t *testing.T) {
	t.Parallel()
	add := func(action string, resources ...plan.Resource) func(*plan.Stage) {
		return func(s *plan.Stage) {
			s.Calls = append(s.Calls, call(plan.KindDeploy, action, plan.Always, resources))
		}
	}
	tests := map[string]struct {
		change func(*plan.Stage)
		want   string
	}{
		"a star on a scopable action": {add("ssm:SendCommand", plan.Resource{ARN: "*"}), "AWS scopes it to bucket, document, instance, managed-instance"},
		"an ARN on an unscopable one": {add("ssm:GetCommandInvocation", plan.Resource{ARN: ec2ARN + nodeID, Type: "instance"}), "only * ever matches"},
		"a wildcard action":           {add("ssm:Get*", plan.Resource{ARN: "*"}), "is not an action"},
		"a misspelt action":           {add("ssm:sendCommand", plan.Resource{ARN: ownDoc, Type: "document"}), "is not an action"},
		"an unknown action":           {add("ssm:SendComand", plan.Resource{ARN: "*"}), "is not an action"},
		"a resource of another type":  {add("ssm:GetDocument", plan.Resource{ARN: ec2ARN + nodeID, Type: "instance"}), "AWS scopes it to document"},
		"a pattern without tags":      {add("ssm:SendCommand", plan.Resource{ARN: ec2ARN + "*", Type: "instance"}), "a pattern without tags"},
		"a policy variable":           {add("ssm:GetDocument", plan.Resource{ARN: ownDoc + "${aws:username}", Type: "document"}), "policy variables"},
		"no resource":                 {add("ssm:GetDocument"), "no resource"},
		"a tag without values":        {add("ssm:SendCommand", plan.Resource{ARN: ec2ARN + "*", Type: "instance", Tags: []plan.Tag{{Key: "App"}}}), "without values"},
		"a variable in a tag": {
			add("ssm:SendCommand", plan.Resource{ARN: ec2ARN + "*", Type: "instance", Tags: []plan.Tag{{Key: "App", Values: []string{"${aws:username}"}}}}),
			"policy variable",
		},
		"no subject":       {func(s *plan.Stage) { s.Roles[0].Subjects = nil }, "every repository could"},
		"nobody enters":    {func(s *plan.Stage) { s.Calls = s.Calls[1:] }, "no call by which they enter"},
		"an unknown entry": {func(s *plan.Stage) { s.Calls[0].Role = plan.KindVerify }, "not supported"},
		"a node that no service hands out": {func(s *plan.Stage) {
			for i := range s.Calls {
				if s.Calls[i].Role == plan.KindEC2 {
					s.Calls = append(s.Calls[:i], s.Calls[i+1:]...)
					return
				}
			}
		}, "no call by which a service hands it to nodes"},
		"two roles of one name": {func(s *plan.Stage) { s.Roles = append(s.Roles, s.Roles[0]) }, "another stage has a role of this name"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlan(shape{})
			tt.change(&p.Stages[0])
			set, err := Render(p)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one about %q", err, tt.want)
			}
			if set != nil {
				t.Error("a set came with the error")
			}
		})
	}
}

// The proof of the print can fail: a value that JSON cannot carry is not lost silently.
func TestRereadFindsADifference(t *testing.T) {
	t.Parallel()
	doc := func(action, resource string) *iam.Document {
		return &iam.Document{Name: "p", Version: iam.Version2012, Statements: []iam.Statement{
			{Sid: "S", Effect: iam.Allow, Actions: []string{action}, Resources: []string{resource}},
		}}
	}
	if err := reread(doc("ssm:SendCommand", "*")); err != nil {
		t.Errorf("a good document: %v", err)
	}
	if reread(doc("ssm:SendCommand", "arn:aws:ssm:\xff")) == nil {
		t.Error("a value that is not UTF-8: no error")
	}
	if reread(doc("", "*")) == nil {
		t.Error("an empty action: no error")
	}
}
