package proof

import (
	"slices"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
)

func operators(r *release.Release) {
	r.Operators = &release.Operators{Roles: []string{"ops/OnCall"}, Users: []string{"alice"}, PermissionSets: []string{"Operators"}}
}

// TestR124OperatorsHaveARoleOfTheirOwn: what is rendered for them is proved; they can send what was shipped, and publish nothing;
// nobody but them enters.
func TestR124OperatorsHaveARoleOfTheirOwn(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]*plan.Plan{
		"one role": webPlan(t, recorded, operators), "split": webPlan(t, recorded, split, operators), "builds": webPlan(t, recorded, builds, operators),
	} {
		given, buckets := rendered(t, p)
		r := proveWith(t, p, given, buckets)
		if err := r.Escalate(p, given); err != nil {
			t.Fatal(err)
		}
		if r.Verdict != Proved {
			t.Errorf("%s: %s", name, r.Text())
		}
		held := map[string]bool{}
		i := slices.IndexFunc(given, func(r Role) bool { return strings.HasSuffix(r.Name, "-Operator") })
		for _, d := range given[i].Policies {
			for _, st := range d.Statements {
				for _, a := range st.Actions {
					held[a] = true
				}
			}
		}
		for action, want := range map[string]bool{
			"ssm:SendCommand": true, "ssm:CancelCommand": true, "ssm:GetCommandInvocation": true, "s3:GetObject": true, "s3:PutObject": true,
			"ssm:CreateDocument": false, "ssm:UpdateDocument": false, "sts:AssumeRole": false,
		} {
			if held[action] != want {
				t.Errorf("%s: %s held: %t", name, action, held[action])
			}
		}
		// Another permission set's role is not let in, nor is anybody when the trust names none of them.
		others := slices.Clone(given)
		others[i].Trust = document(t, "trust.json", strings.NewReplacer("_Operators_", "_Readers_").Replace(string(others[i].Trust.JSON())))
		if c := resultOf(t, proveWith(t, p, others, buckets), "dev/-/People/sts:AssumeRole"); c.Verdict != Refuted {
			t.Errorf("%s: another permission set: %+v", name, c)
		}
	}
}

// TestR124NobodyElseIsAnOperator: the end of the name of a permission set's role is random, and a name that goes on is another's.
func TestR124NobodyElseIsAnOperator(t *testing.T) {
	t.Parallel()
	given, _ := rendered(t, webPlan(t, recorded, operators))
	role := given[slices.IndexFunc(given, func(r Role) bool { return strings.HasSuffix(r.Name, "-Operator") })]
	trust, err := iam.Compile(role.Trust)
	if err != nil {
		t.Fatal(err)
	}
	const path = "aws-reserved/sso.amazonaws.com/eu-west-2/AWSReservedSSO_"
	for name, want := range map[string]bool{
		"ops/OnCall": true, path + "Operators_1234567890abcdef": true,
		"OnCall": false, path + "Operators_Admin_1234567890abcdef": false, path + "Operators2_1234567890abcdef": false,
	} {
		arn := "arn:aws:iam::" + role.Account + ":role/" + name
		request := iam.Request{
			Principal: iam.Principal{Kind: iam.PrincipalAWS, Account: role.Account, RoleARN: arn, ARN: "arn:aws:sts::" + role.Account + ":assumed-role/" + name + "/me"},
			Action:    "sts:AssumeRole", Resource: "arn:aws:iam::" + role.Account + ":role/" + role.Name,
			Context: iam.NewContext(map[string][]string{"aws:PrincipalArn": {arn}, "aws:PrincipalAccount": {role.Account}}),
		}
		set := iam.PolicySet{Identity: []*iam.Policy{iam.AllowAll("the policies of the person")}, Trust: trust}
		if got := set.Evaluate(&request).Outcome == iam.Allowed; got != want {
			t.Errorf("%s is an operator: %t", name, got)
		}
	}
}

// TestR124OperatorsRunTheTestsThatAreLeft: a resume runs tests, so that the same people may enter the role that is for those, and it
// lets in nobody else; where the release names no pipeline, the account's own are let in anyway.
func TestR124OperatorsRunTheTestsThatAreLeft(t *testing.T) {
	t.Parallel()
	tested := func(r *release.Release) {
		r.Stages[0].Steps = append(r.Stages[0].Steps, release.Step{Test: &release.Test{Name: "smoke", Run: release.Hook{Path: "smoke.sh", Content: "#!/bin/sh\n"}}})
	}
	noCI := func(r *release.Release) { r.CI = release.CI{} }
	const id = "dev/-/People/sts:AssumeRole/test"
	for name, p := range map[string]*plan.Plan{
		"tokens": webPlan(t, recorded, operators, tested), "builds": webPlan(t, recorded, builds, operators, tested),
		"the account's own": webPlan(t, recorded, noCI, operators, tested),
	} {
		given, buckets := rendered(t, p)
		result := proveWith(t, p, given, buckets)
		if err := result.Escalate(p, given); err != nil {
			t.Fatal(err)
		}
		if result.Verdict != Proved {
			t.Errorf("%s: %s", name, result.Text())
		}
		if name == "the account's own" {
			continue
		}
		i := slices.IndexFunc(given, func(r Role) bool { return strings.HasSuffix(r.Name, "-Test") })
		others := slices.Clone(given)
		others[i].Trust = document(t, "trust.json", strings.NewReplacer("_Operators_", "_Readers_").Replace(string(others[i].Trust.JSON())))
		if c := resultOf(t, proveWith(t, p, others, buckets), id); c.Verdict != Refuted {
			t.Errorf("%s: another permission set: %+v", name, c)
		}
	}
}
