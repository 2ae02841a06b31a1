package roles

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
)

// large is a plan whose deploy role sends to so many nodes by id, and reads so many parameters.
func large(nodes, parameters int) *plan.Plan {
	p := newPlan(shape{})
	s := &p.Stages[0]
	for i := range s.Calls {
		for n := range nodes {
			if s.Calls[i].Action == "ssm:SendCommand" {
				s.Calls[i].Resources = append(s.Calls[i].Resources, plan.Resource{ARN: fmt.Sprintf("%si-%017x", ec2ARN, n), Type: "instance"})
			}
		}
	}
	for n := range parameters {
		s.Calls = append(s.Calls, call(plan.KindDeploy, "logs:GetLogEvents", plan.Always, []plan.Resource{
			{ARN: fmt.Sprintf("arn:aws:logs:eu-west-1:111111111111:log-group:/web/%050d:log-stream:x", n), Type: "log-stream"}}))
	}
	return p
}

func names(list []Attached) []string {
	var out []string
	for _, a := range list {
		out = append(out, a.Name())
	}
	return out
}

// R118, R77: what is too large for inline policies is split into managed ones, a service's statements together, and allows
// what it allowed before.
func TestR118PoliciesAreSplitByService(t *testing.T) {
	t.Parallel()
	p := large(120, 50)
	set, err := Render(p)
	if err != nil {
		t.Fatal(err)
	}
	r := set.role(t, plan.KindDeploy)
	want := []string{"web-dev-Deploy-ssm", "web-dev-Deploy-ssm-2", "web-dev-Deploy-ec2", "web-dev-Deploy-logs"}
	if diff := cmp.Diff(want, names(r.Attached)); diff != "" || len(r.Policies) > 0 {
		t.Errorf("the policies (-want +got), with %d inline:\n%s", len(r.Policies), diff)
	}
	for _, a := range r.Attached {
		if n := a.Document.Size(); n > 6144 {
			t.Errorf("%s has %d characters", a.Name(), n)
		}
		if len(a.Notes) != len(a.Document.Statements) {
			t.Errorf("%s has %d notes for %d statements", a.Name(), len(a.Notes), len(a.Document.Statements))
		}
		for _, st := range a.Document.Statements {
			if NoteOf(a.Notes, st.Sid).Reason == "" {
				t.Errorf("%s: %s has no reason", a.Name(), st.Sid)
			}
		}
	}
	holder := *r
	for _, a := range r.Attached {
		holder.Policies = append(holder.Policies, Policy{Document: a.Document})
	}
	count := 0
	for _, c := range p.Stages[0].Calls {
		if c.Role != plan.KindDeploy || c.NoPermission {
			continue
		}
		for _, res := range c.Resources {
			if count++; !holder.allows(t, c.Action, res.ARN, nil) {
				t.Errorf("%s on %s is denied", c.Action, res.ARN)
			}
		}
	}
	if count < 150 {
		t.Errorf("only %d accesses were looked at", count)
	}
	if holder.allows(t, "ssm:SendCommand", ec2ARN+"i-ffffffffffffffff0", nil) {
		t.Error("a node that the plan does not name can be sent to")
	}
}

// R118: a small change moves nothing but what it is about.
func TestR118SplitIsStable(t *testing.T) {
	t.Parallel()
	deploy := func(nodes, parameters int) map[string]string {
		set, err := Render(large(nodes, parameters))
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for _, a := range set.role(t, plan.KindDeploy).Attached {
			out[a.Name()] = string(a.Document.JSON())
		}
		return out
	}
	before := deploy(120, 50)
	if diff := cmp.Diff(before, deploy(120, 50)); diff != "" {
		t.Errorf("rendered twice:\n%s", diff)
	}
	after := deploy(121, 50)
	for name, text := range before {
		if changed := after[name] != text; changed != (name == "web-dev-Deploy-ssm-2") {
			t.Errorf("one node more: %s changed: %t", name, changed)
		}
	}
	after = deploy(120, 51)
	for name, text := range before {
		if changed := after[name] != text; changed != (name == "web-dev-Deploy-logs") {
			t.Errorf("one log stream more: %s changed: %t", name, changed)
		}
	}
}

// R118: many services are merged in their order; what does not fit even so is named with its sizes.
func TestR118MergeAndRefuse(t *testing.T) {
	t.Parallel()
	r := &Role{Account: account, Name: "R", Path: "/slipway/"}
	p := Policy{Name: "p", Document: &iam.Document{Version: iam.Version2012}}
	for n := range 12 {
		p.Document.Statements = append(p.Document.Statements, iam.Statement{Sid: fmt.Sprintf("S%d", n), Effect: iam.Allow,
			Actions: []string{fmt.Sprintf("s%d:Get", n)}, Resources: []string{"arn:aws:x:::" + strings.Repeat("a", 900)}})
		p.Notes = append(p.Notes, Note{Sid: fmt.Sprintf("S%d", n), Reason: "r"})
	}
	r.Policies = []Policy{p}
	if err := r.fit(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"R-s0-s1-s2-s3-s4-s5", "R-s6-s7-s8-s9-s10-s11"}, names(r.Attached)); diff != "" {
		t.Errorf("12 services (-want +got):\n%s", diff)
	}
	var all []iam.Statement
	for _, a := range r.Attached {
		all = append(all, a.Document.Statements...)
	}
	if !slices.EqualFunc(all, p.Document.Statements, func(a, b iam.Statement) bool { return a.Sid == b.Sid }) {
		t.Error("merged in another order")
	}
	if _, err := Render(large(2000, 0)); err == nil || !strings.Contains(err.Error(), "and a role takes 10") {
		t.Errorf("2000 instance ids: %v", err)
	}
	giant := &Role{Name: "R", Policies: []Policy{{Document: &iam.Document{Statements: []iam.Statement{{Sid: "Giant", Effect: iam.Allow,
		Actions: []string{"s3:GetObject"}, Resources: []string{strings.Repeat("a", 11_000)}}}}}}}
	if err := giant.fit(); err == nil || !strings.Contains(err.Error(), "statement Giant has 11") {
		t.Errorf("a giant resource: %v", err)
	}
	subjects := newPlan(shape{})
	for n := range 50 {
		s := &subjects.Stages[0].Roles[0]
		s.Subjects = append(s.Subjects, fmt.Sprintf("repo:acme/web:environment:environment-%020d", n))
	}
	if _, err := Render(subjects); err == nil || !strings.Contains(err.Error(), "AWS takes 2048 for a trust policy") {
		t.Errorf("50 subjects: %v", err)
	}
}
