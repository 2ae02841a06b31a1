package proof

import (
	"slices"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/iam"
)

func TestAnActionThatAWSDoesNotHaveIsTold(t *testing.T) {
	t.Parallel()
	const otherSentence = "granting one never grants the other"
	tests := map[string]struct {
		statements, nearest string
	}{
		"misspelt": {`{"Sid": "Read", "Effect": "Allow", "Action": "ssm:GetComandInvocation", "Resource": "*"}`,
			"statement Read in policy-extra.json:1:41 allows ssm:GetComandInvocation, which is no action of AWS; did you mean ssm:GetCommandInvocation?"},
		"misspelt among others": {`{"Sid": "Read", "Effect": "Allow", "Action": ["ssm:ListCommandInvocations", "ssm:getcommandinvocatoin"], "Resource": "*"}`,
			"statement Read in policy-extra.json:1:41 allows ssm:getcommandinvocatoin, which is no action of AWS; did you mean ssm:GetCommandInvocation?"},
		"the service misspelt": {`{"Sid": "Read", "Effect": "Allow", "Action": "smm:GetCommandInvocation", "Resource": "*"}`,
			"statement Read in policy-extra.json:1:41 allows smm:GetCommandInvocation, which is no action of AWS; did you mean ssm:GetCommandInvocation?"},
		"near another action": {`{"Sid": "Read", "Effect": "Allow", "Action": "ssm:GetCommandInvocationz", "Resource": "*"},
			{"Effect": "Allow", "Action": "ssm:GetComandInvocations", "Resource": "*"}`,
			"allows ssm:GetCommandInvocationz, which is no action of AWS; did you mean ssm:GetCommandInvocation?"},
		"near nothing": {`{"Sid": "Read", "Effect": "Allow", "Action": "ssm:GetCommandInvocationResultsAndEverythingElse", "Resource": "*"}`,
			"EverythingElse, which is no action of AWS"},
		"a pattern":             {`{"Sid": "Read", "Effect": "Allow", "Action": "ssm:GetComandInvocatio?", "Resource": "*"}`, otherSentence},
		"an action of AWS":      {`{"Sid": "Read", "Effect": "Allow", "Action": "ssm:GetAutomationExecution", "Resource": "*"}`, otherSentence},
		"misspelt in a refusal": {`{"Sid": "Read", "Effect": "Deny", "Action": "ssm:GetComandInvocation", "Resource": "*"}`, otherSentence},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			roles := deployWith(t, test.statements)
			d := roles[0].Policies[0]
			for i := range d.Statements {
				d.Statements[i].Actions = slices.DeleteFunc(d.Statements[i].Actions, func(a string) bool { return a == "ssm:GetCommandInvocation" })
			}
			d.Statements = slices.DeleteFunc(d.Statements, func(st iam.Statement) bool { return len(st.Actions) == 0 })
			c := resultOf(t, prove(t, trapPlan(t), roles), getInvocation)
			if c.Verdict != Refuted || len(c.Nearest) == 0 || len(c.Nearest) > maxNearest || !strings.Contains(c.Nearest[0], test.nearest) {
				t.Errorf("got %+v", c)
			}
			if test.nearest != otherSentence && len(c.Nearest) > 1 && strings.HasPrefix(c.Nearest[1], "statement Read in") {
				t.Errorf("the statement is told twice: %q", c.Nearest)
			}
			if test.nearest != otherSentence && strings.Contains(c.Nearest[0], otherSentence) {
				t.Errorf("it is taken for an action: %s", c.Nearest[0])
			}
		})
	}
}

// TestStatementsForARoleThatDiffersInTheAccount: the given role allows everything, and AWS denies all the same.
func TestStatementsForARoleThatDiffersInTheAccount(t *testing.T) {
	t.Parallel()
	const principal = "arn:aws:sts::123456789012:assumed-role/synap-live-Deploy/run-7"
	full := prove(t, trapPlan(t), trapRoles(t, "policy-full.json"))
	if got := full.Statements(principal, "ssm:GetCommandInvocation"); !strings.Contains(got, `"PollDeployStatus"`) {
		t.Errorf("the Sid has a number, or is missing:\n%s", got)
	}
	roles := trapRoles(t, "policy-full.json")
	for i := range roles[0].Policies[0].Statements {
		st := &roles[0].Policies[0].Statements[i]
		st.Actions = slices.DeleteFunc(st.Actions, func(a string) bool { return a == "ssm:CancelCommand" })
	}
	part := prove(t, trapPlan(t), roles)
	got := part.Statements(principal, "ssm:GetCommandInvocation")
	if !strings.Contains(got, `"PollDeployStatus"`) || !strings.Contains(got, `"ssm:CancelCommand"`) || strings.Count(got, `"Sid"`) != 2 {
		t.Errorf("where the role lacks something else, that too is needed, and the denied action:\n%s", got)
	}
	if got := part.Statements(principal, "ssm:CancelCommand"); strings.Count(got, `"Sid"`) != 1 {
		t.Errorf("got:\n%s", got)
	}
}
