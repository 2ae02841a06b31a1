package roles

import (
	"slices"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
)

// realPlan is made by package plan: a script on tagged nodes, and a split stage with a shared document on named ones.
func realPlan(t *testing.T) *plan.Plan {
	t.Helper()
	p, err := plan.New(&release.Release{
		App: "web", Region: region,
		CI: release.CI{GitHub: &release.GitHub{Repository: "acme/web", Environments: true}},
		Stages: []release.Stage{
			{
				Name: "dev", AccountID: account,
				Targets: release.Targets{Tags: []release.Tag{{Key: "App", Values: []string{"web"}}}, Min: 1},
				Steps: []release.Step{{Command: &release.Command{
					Name: "release", Script: &release.Script{Path: "release.sh", Content: "true\n", Timeout: time.Minute},
				}}},
			},
			{
				Name: "prod", AccountID: "222222222222", Split: true,
				Targets: release.Targets{Instances: []string{nodeID, "mi-0123456789abcdef0"}},
				Steps: []release.Step{{Command: &release.Command{
					Name: "restart", Document: "AWS-RunShellScript", Commands: []string{"true"},
				}}},
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func everyPlan(t *testing.T) map[string]*plan.Plan {
	t.Helper()
	plans := map[string]*plan.Plan{"made by package plan": realPlan(t)}
	for name, sh := range shapes {
		plans[name] = newPlan(sh)
	}
	return plans
}

// R103, R5: every call of the plan is allowed by the role that makes it.
func TestR103EveryPlannedCallIsAllowed(t *testing.T) {
	t.Parallel()
	for name, p := range everyPlan(t) {
		set, err := Render(p)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		checked := 0
		for i := range p.Stages {
			for _, c := range p.Stages[i].Calls {
				r := set.named(p.Stages[i].Account, p.App+"-"+p.Stages[i].Name+"-"+string(c.Role))
				if r == nil || c.NoPermission {
					continue
				}
				for _, res := range c.Resources {
					checked++
					if !r.allows(t, c.Action, res.ARN, tagContext(res.Tags)) {
						t.Errorf("%s: call %s on %s is denied", name, c.ID, res.ARN)
					}
				}
			}
		}
		if checked < 20 {
			t.Errorf("%s: only %d resources of calls were checked", name, checked)
		}
	}
}

// R113: every action on every resource of every statement is needed: without it a call of the plan is denied.
func TestR113EveryGrantIsNeeded(t *testing.T) {
	t.Parallel()
	for name, p := range everyPlan(t) {
		set, err := Render(p)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range p.Stages {
			for _, pr := range p.Stages[i].Roles {
				r := set.named(pr.Account, pr.Name)
				for _, st := range r.Policies[0].Document.Statements {
					for _, a := range st.Actions {
						for _, res := range st.Resources {
							if !planned(&p.Stages[i], r.Kind, a, res) {
								t.Errorf("%s: %s %s grants %s on %s, which no call needs", name, r.Name, st.Sid, a, res)
							}
						}
					}
				}
			}
		}
	}
}

func planned(s *plan.Stage, kind plan.RoleKind, action, arn string) bool {
	return slices.ContainsFunc(s.Calls, func(c plan.Call) bool {
		return c.Role == kind && c.Action == action &&
			slices.ContainsFunc(c.Resources, func(r plan.Resource) bool { return r.ARN == arn })
	})
}

// One purpose does not let an action onto the resources of another.
func TestMergeKeepsResourcesApart(t *testing.T) {
	t.Parallel()
	p := newPlan(shape{})
	s := &p.Stages[0]
	other := []plan.Resource{{ARN: ownDoc + "-other", Type: "document"}}
	s.Calls = append(s.Calls, call(plan.KindDeploy, "ssm:DescribeDocument", plan.Always, other))
	set, err := Render(p)
	if err != nil {
		t.Fatal(err)
	}
	r := set.role(t, plan.KindDeploy)
	if !r.allows(t, "ssm:DescribeDocument", other[0].ARN, nil) || r.allows(t, "ssm:UpdateDocument", other[0].ARN, nil) {
		t.Error("a document that is only read can be changed, or cannot be read")
	}
	var sids []string
	for _, st := range r.Policies[0].Document.Statements {
		if slices.Contains(sids, st.Sid) {
			t.Errorf("Sid %s stands twice", st.Sid)
		}
		sids = append(sids, st.Sid)
	}
}

// R106: both forms of the subject are trusted as the plan gives them, exactly.
func TestR106SubjectsAsThePlanHasThem(t *testing.T) {
	t.Parallel()
	p := newPlan(shape{})
	const immutable = "repo:acme@12/web@34:environment:dev"
	p.Stages[0].Roles[0].Subjects = []string{immutable}
	set, err := Render(p)
	if err != nil {
		t.Fatal(err)
	}
	r := set.role(t, plan.KindDeploy)
	enters := func(sub string) bool {
		return r.enters(t, iam.Principal{Kind: iam.PrincipalFederated, ARN: github, Account: account}, "sts:AssumeRoleWithWebIdentity",
			map[string][]string{plan.Issuer + ":aud": {plan.Audience}, plan.Issuer + ":sub": {sub}})
	}
	if !enters(immutable) || enters(subject) {
		t.Errorf("immutable form enters: %t, plain form: %t", enters(immutable), enters(subject))
	}
}

func tagContext(tags []plan.Tag) map[string][]string {
	context := map[string][]string{}
	for _, tag := range tags {
		context["ssm:resourceTag/"+tag.Key] = tag.Values[:1]
	}
	return context
}

func (s *Set) named(account, name string) *Role {
	for i := range s.Roles {
		if s.Roles[i].Account == account && s.Roles[i].Name == name {
			return &s.Roles[i]
		}
	}
	return nil
}
