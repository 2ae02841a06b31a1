package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/release"
)

// record plays a deploy without incident: every call as often as it is at the least, on resources as a local AWS names
// them.
func record(p *Plan, stages ...string) []Recorded {
	var recorded []Recorded
	for _, s := range p.Stages {
		if !(Filter{Stages: stages}).stage(s.Name) {
			continue
		}
		var before, after []Recorded
		for _, c := range s.Calls {
			r := recordCall(&s, c)
			before = append(before, slices.Repeat([]Recorded{r}, c.BeforeSend)...)
			after = append(after, slices.Repeat([]Recorded{r}, c.Least-c.BeforeSend)...)
		}
		slices.SortStableFunc(after, func(a, b Recorded) int { return sendFirst(a) - sendFirst(b) })
		recorded = append(recorded, slices.Concat(before, after)...)
	}
	return recorded
}

func sendFirst(r Recorded) int {
	if r.Action == "ssm:SendCommand" {
		return 0
	}
	return 1
}

func recordCall(s *Stage, c Call) Recorded {
	r := Recorded{Account: s.Account, Principal: string(c.Role), Action: c.Action}
	if role := s.role(c.Role); role != nil {
		r.Principal = role.Name
	}
	for _, resource := range c.Resources {
		switch {
		case resource.ARN == "*":
			r.Resources = append(r.Resources, "arn:aws:ssm:"+s.Region+":"+s.Account+":*")
		default:
			r.Resources = append(r.Resources, strings.Replace(resource.ARN, "instance/*", "instance/i-1234567890abcdef0", 1))
		}
	}
	return r
}

func TestR103ADeployThatDoesAsPlannedHasNoDifference(t *testing.T) {
	t.Parallel()
	for _, p := range []*Plan{mustNew(t, webRelease()), mustNew(t, trapRelease())} {
		if d := p.Compare(record(p), Filter{}); !d.Empty() || d.String() != "" {
			t.Errorf("got %s", d)
		}
	}
	p := mustNew(t, webRelease())
	if d := p.Compare(record(p, "dev"), Filter{Stages: []string{"dev"}}); !d.Empty() {
		t.Errorf("one stage: got %s", d)
	}
	if d := p.Compare(record(p, "dev"), Filter{}); len(d.Missing) == 0 {
		t.Error("a stage that was never shipped is not missing")
	}
}

func TestR103ACallOutsideThePlanIsFound(t *testing.T) {
	t.Parallel()
	p := mustNew(t, webRelease())
	base := Recorded{Account: "111111111111", Principal: "web-dev-Deploy", Action: "ssm:SendCommand", Resources: []string{
		"arn:aws:ssm:eu-west-1:111111111111:document/web-dev-release", "arn:aws:ec2:eu-west-1:111111111111:instance/i-1"}}
	tests := map[string]struct {
		change  func(*Recorded)
		filter  Filter
		outside bool
	}{
		"planned":          {func(*Recorded) {}, Filter{}, false},
		"another action":   {func(r *Recorded) { r.Action = "ssm:GetParameter" }, Filter{}, true},
		"another document": {func(r *Recorded) { r.Resources[0] += "-x" }, Filter{}, true},
		"another account":  {func(r *Recorded) { r.Account = "222222222222" }, Filter{}, true},
		"another role":     {func(r *Recorded) { r.Principal = "web-dev-Node" }, Filter{}, true},
		"another region": {func(r *Recorded) {
			r.Resources[1] = "arn:aws:ec2:us-east-1:111111111111:instance/i-1"
		}, Filter{}, true},
		"no resource":   {func(r *Recorded) { r.Resources = nil }, Filter{}, true},
		"another stage": {func(*Recorded) {}, Filter{Stages: []string{"prod"}}, true},
		"another step":  {func(*Recorded) {}, Filter{Steps: []string{"restart"}}, true},
		"a call without a permission": {func(r *Recorded) {
			r.Action, r.Resources = "sts:GetCallerIdentity", nil
		}, Filter{}, false},
		"a planned interrupt": {func(r *Recorded) {
			r.Action, r.Resources = "ssm:CancelCommand", []string{"*"}
		}, Filter{}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := base
			r.Resources = append([]string{}, base.Resources...)
			test.change(&r)
			d := p.Compare([]Recorded{r}, test.filter)
			var want []Recorded
			if test.outside {
				want = []Recorded{r}
			}
			if diff := cmp.Diff(want, d.Outside); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if test.outside && !strings.Contains(d.String(), "not in the plan: "+r.Action) {
				t.Errorf("the text does not say so:\n%s", d)
			}
		})
	}
}

func TestR103ACallThatWasNotMadeOftenEnoughIsMissing(t *testing.T) {
	t.Parallel()
	const account, role = "123456789012", "synap-live-Deploy"
	// watched adds reads such as every watch makes, after the send.
	watched := func(all []Recorded, action string) []Recorded {
		return append(all, slices.Repeat([]Recorded{{account, role, action, []string{"*"}}}, 5)...)
	}
	tests := map[string]struct {
		action string
		nth    int
		want   []string
	}{
		"the probe of results": {"ssm:GetCommandInvocation", 0, []string{"live/-/Deploy/ssm:GetCommandInvocation"}},
		"the probe of lists":   {"ssm:ListCommandInvocations", 0, []string{"live/-/Deploy/ssm:ListCommandInvocations"}},
		"the look before":      {"ssm:ListCommands", 0, []string{"live/-/Deploy/ssm:ListCommands"}},
		"an identity":          {"sts:GetCallerIdentity", 0, []string{"live/-/Deploy/sts:GetCallerIdentity"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := mustNew(t, trapRelease())
			d := p.Compare(watched(drop(record(p), test.action, test.nth), test.action), Filter{})
			var got []string
			for _, c := range d.Missing {
				got = append(got, c.ID)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if !strings.HasPrefix(d.String(), "missing: "+test.want[0]+" (") {
				t.Errorf("got %s", d)
			}
		})
	}
	p := mustNew(t, trapRelease())
	for action, id := range map[string]string{
		"ssm:GetCommandInvocation": "live/compose/Deploy/ssm:GetCommandInvocation/node-finished", "ssm:ListCommands": "live/compose/Deploy/ssm:ListCommands/always",
		"ssm:ListCommandInvocations": "live/compose/Deploy/ssm:ListCommandInvocations", "ssm:SendCommand": "live/compose/Deploy/ssm:SendCommand",
	} {
		last := 1
		if action == "ssm:SendCommand" {
			last = 0
		}
		d := p.Compare(drop(record(p), action, last), Filter{})
		if !slices.ContainsFunc(d.Missing, func(c Call) bool { return strings.HasPrefix(c.ID, id) }) {
			t.Errorf("without the last %s: got %s", action, d)
		}
	}
}

// drop leaves the nth record of an action out.
func drop(all []Recorded, action string, nth int) []Recorded {
	for i, r := range all {
		if r.Action != action {
			continue
		}
		if nth == 0 {
			return slices.Delete(slices.Clone(all), i, i+1)
		}
		nth--
	}
	return all
}

func TestR103StepsThatSendTheSameNeedARecordEach(t *testing.T) {
	t.Parallel()
	r := trapRelease()
	second := *r.Stages[0].Steps[0].Command
	second.Name = "again"
	r.Stages[0].Steps = append(r.Stages[0].Steps, release.Step{Command: &second})
	p := mustNew(t, r)
	if d := p.Compare(record(p), Filter{}); !d.Empty() {
		t.Errorf("got %s", d)
	}
	if d := p.Compare(drop(record(p), "ssm:SendCommand", 1), Filter{}); len(d.Missing) != 2 {
		t.Errorf("two steps send the same, and one send counts for both: got %s", d)
	}
}
