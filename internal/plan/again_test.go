package plan

import (
	"strings"
	"testing"
)

// TestR105APlanOfAnEarlierDeployMakesNoDocument: what was recorded is sent again as it was, or not at all.
func TestR105APlanOfAnEarlierDeployMakesNoDocument(t *testing.T) {
	t.Parallel()
	p := mustNew(t, webRelease())
	step := p.Stages[0].Steps[0]
	step.Own = &Document{Name: step.Own.Name, Hash: step.Own.Hash, Version: "3"}
	again, err := p.Again(p.Stages[0].Name, []Step{step})
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]int{}
	for _, c := range again.Stages[0].Calls {
		made[c.Action]++
		if c.Action == "ssm:CreateDocument" || c.Action == "ssm:UpdateDocument" {
			t.Errorf("the plan lists %s", c.ID)
		}
	}
	for _, action := range []string{"ssm:DescribeDocument", "ssm:SendCommand", "ssm:ListCommandInvocations"} {
		if made[action] == 0 {
			t.Errorf("the plan lists no %s", action)
		}
	}
	if _, err := p.Again("nowhere", nil); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("a stage that is not there: %v", err)
	}
}
