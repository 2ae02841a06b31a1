package plan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// record plays a deploy without incident: every Always call, on resources as a local AWS names them.
func record(p *Plan, stages ...string) []Recorded {
	var recorded []Recorded
	for _, s := range p.Stages {
		if (Filter{Stages: stages}).stage(s.Name) {
			for _, c := range s.Calls {
				if c.When == Always {
					recorded = append(recorded, recordCall(&s, c))
				}
			}
		}
	}
	return recorded
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

func TestR103AnAlwaysCallThatWasNotMadeIsMissing(t *testing.T) {
	t.Parallel()
	p := mustNew(t, trapRelease())
	all := record(p)
	for i, left := range all {
		if left.Action == "ssm:GetCommandInvocation" {
			all = append(all[:i:i], all[i+1:]...)
			break
		}
	}
	d := p.Compare(all, Filter{})
	if len(d.Missing) != 1 || d.Missing[0].ID != "live/-/Deploy/ssm:GetCommandInvocation" ||
		!strings.HasPrefix(d.String(), "never made: live/-/Deploy/ssm:GetCommandInvocation (") {
		t.Errorf("got %s", d)
	}
}
