package plan

import (
	"fmt"
	"slices"

	"github.com/slipway-cd/slipway/iam/catalog"
	"github.com/slipway-cd/slipway/internal/release"
)

// addTest plans a step that runs a program where slipway runs, and gives the calls that the release declares for it.
func (s *Stage) addTest(r *release.Release, of *release.Test) ([]Call, error) {
	role := s.stepRole(r, KindTest, "Lets the stage's tests call what the release declares for them; it cannot ship anything.")
	role.Subjects = nil // a second test lets the same in
	letIn(role, r.CI, s.Name)
	if own := s.own(); own != nil {
		role.From = own.ARN()
	}
	if pipeline := role.From != "" || len(role.Subjects) > 0; pipeline && r.Operators != nil {
		role.People = people(r.Operators, s.Account) // else the account's own are let in anyway
	}
	s.Tests = append(s.Tests, Test{Name: of.Name, After: len(s.Steps), Run: *newHook(&of.Run), Timeout: seconds(of.Timeout)})
	var calls []Call
	for _, p := range of.Allow {
		at := fmt.Sprintf("%s:%d:%d", r.File, p.Pos.Line, p.Pos.Column)
		c, err := s.declared(at, p.Actions[0], p.Resources)
		if err == nil {
			err = notForTests(c.Action)
		}
		if err == nil {
			err = besideRecord(r, &c, "its tests")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: test %s: %w", at, of.Name, err)
		}
		c.ID, c.Step, c.Role, c.When, c.For = of.Name, of.Name, KindTest, OnTest, needTests.sid
		c.Often, c.Reason = "as the test does", "The release declares it for its test ("+at+")."
		if i := slices.IndexFunc(calls, func(o Call) bool { return o.Action == c.Action }); i >= 0 {
			calls[i].Resources = append(calls[i].Resources, c.Resources...)
			continue
		}
		calls = append(calls, c)
	}
	return calls, nil
}

// deploying are actions with which somebody ships, becomes another or takes things down: no test does (R94).
var deploying = []string{
	"ssm:SendCommand", "ssm:StartSession", "ssm:StartAutomationExecution", "ssm:CreateDocument", "ssm:UpdateDocument",
	"ssm:UpdateDocumentDefaultVersion", "ssm:CreateAssociation", "ssm:UpdateAssociation", "lambda:UpdateFunctionCode",
	"ec2:RunInstances", "ec2:TerminateInstances", "ecs:RunTask", "codebuild:StartBuild",
	// What others live from is no test's to take away.
	"dynamodb:DeleteTable", "s3:DeleteBucket", "rds:DeleteDBInstance", "rds:DeleteDBCluster", "sqs:DeleteQueue", "sns:DeleteTopic",
}

// notForTests refuses what a test cannot need: a role for tests with it would be one more way to deploy (R94).
func notForTests(action string) error {
	a, _ := catalog.Lookup(action)
	reads := a.AccessLevel == catalog.LevelRead || a.AccessLevel == catalog.LevelList
	const instead = ", and the role of a test ships nothing and changes no permissions"
	switch {
	case reads:
		return nil
	case a.AccessLevel == catalog.LevelPermissions:
		return fmt.Errorf("%s changes permissions%s", action, instead)
	case a.Service == "iam" || a.Service == "sts" || a.Service == "organizations":
		return fmt.Errorf("%s is about who may do what%s", action, instead)
	case slices.Contains([]string{"cloudformation", "codedeploy", "codepipeline"}, a.Service) || slices.Contains(deploying, action):
		return fmt.Errorf("%s deploys%s", action, instead)
	}
	return nil
}
