package proof

import (
	"slices"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
)

// TestR084WhichHalfIsMissing: a pipeline that enters from an account of its own needs a policy there and a trust policy here.
// The proof names the half that is missing, and what to add to it.
func TestR084WhichHalfIsMissing(t *testing.T) {
	t.Parallel()
	for name, ci := range map[string]struct {
		set  func(*release.Release)
		kind plan.RoleKind
	}{"builds": {builds, plan.KindCodeBuild}, "users": {users, plan.KindUser}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := webPlan(t, ci.set)
			own, _ := p.Stages[0].Role(ci.kind)
			id := "dev/-/" + string(ci.kind) + "/sts:AssumeRole"
			all, buckets := rendered(t, p)
			if r := proveWith(t, p, all, buckets); r.Verdict != Proved {
				t.Fatalf("what is rendered is not proved:\n%s", r.Text())
			}
			logs := own.Kind == plan.KindCodeBuild // CodeBuild writes the log of a build with the same role
			without := func(change func(*Role)) *Result {
				given := slices.Clone(all)
				for i := range given {
					change(&given[i])
				}
				return proveWith(t, p, given, buckets)
			}
			caller := without(func(r *Role) {
				if r.Name == own.Name {
					r.Policies = nil
				}
			})
			if c := resultOf(t, caller, id); c.Verdict != Refuted || c.Role != own.ARN() || !strings.Contains(c.Why, "no policy of "+own.Name) ||
				strings.Contains(c.Why, "trust policy") || caller.Roles[0].Role != own.ARN() || !adds(&caller.Roles[0], "AssumeDeployRoles") ||
				adds(&caller.Roles[0], "WriteBuildLog") != logs || len(caller.Roles[0].Add) != map[bool]int{false: 1, true: 2}[logs] {
				t.Errorf("without the caller's half: %+v\n%s", c, caller.Text())
			}
			trust := without(func(r *Role) {
				if r.Name == "web-dev-Deploy" {
					r.Trust = document(t, "trust.json", `{"Version": "2012-10-17", "Statement": [{"Sid": "Other", "Effect": "Allow",
						"Principal": {"AWS": "arn:aws:iam::999999999999:role/other"}, "Action": "sts:AssumeRole"}]}`)
				}
			})
			if c := resultOf(t, trust, id); c.Verdict != Refuted || !strings.HasSuffix(c.Role, "/web-dev-Deploy") ||
				!strings.Contains(c.Why, "the trust policy of web-dev-Deploy") || strings.Contains(c.Why, "no policy of") ||
				len(trust.Roles) != 1 || len(trust.Roles[0].Trust) != 1 {
				t.Errorf("without the role's half: %+v\n%s", c, trust.Text())
			}
			both := without(func(r *Role) {
				if r.Name == own.Name {
					r.Policies = nil
				}
				if r.Name == "web-dev-Deploy" {
					r.Trust = nil
				}
			})
			if c := resultOf(t, both, id); !strings.Contains(c.Why, "no policy of") || !strings.Contains(c.Why, "no trust policy") {
				t.Errorf("without both: %+v", c)
			}
		})
	}
}

// TestR083OthersOfTheToolsAccountAreRefused: neither another role there nor one of the same name elsewhere
// enters.
func TestR083OthersOfTheToolsAccountAreRefused(t *testing.T) {
	t.Parallel()
	p := webPlan(t, builds)
	all, _ := rendered(t, p)
	for _, r := range all {
		if r.Name != "web-dev-Deploy" {
			continue
		}
		trust, err := iam.Compile(r.Trust)
		if err != nil {
			t.Fatal(err)
		}
		set := &iam.PolicySet{Identity: []*iam.Policy{iam.AllowAll("everything")}, Trust: trust}
		for arn, want := range map[string]bool{
			"arn:aws:iam::999999999999:role/slipway/web-CodeBuildRole": true, "arn:aws:iam::999999999999:role/slipway/other": false,
			"arn:aws:iam::111111111111:role/slipway/web-CodeBuildRole": false,
		} {
			account := strings.Split(arn, ":")[4]
			got := set.Allowed(&iam.Request{
				Principal: iam.Principal{Kind: iam.PrincipalAWS, Account: account, RoleARN: arn,
					ARN: strings.Replace(arn, ":iam:", ":sts:", 1)},
				Action: "sts:AssumeRole", Resource: "arn:aws:iam::111111111111:role/slipway/web-dev-Deploy", Account: "111111111111",
			})
			if got != want {
				t.Errorf("%s enters: %t", arn, got)
			}
		}
	}
}

// TestR116ThePipelinesOwnPrincipalReachesWhatThePlanSays: that it assumes the stages' roles is no escalation.
func TestR116ThePipelinesOwnPrincipalReachesWhatThePlanSays(t *testing.T) {
	t.Parallel()
	for name, ci := range map[string]func(*release.Release){"builds": builds, "users": users} {
		p := webPlan(t, twoStages, ci)
		given, buckets := rendered(t, p)
		r := proveWith(t, p, given, buckets)
		if err := r.Escalate(p, given); err != nil {
			t.Fatal(err)
		}
		if r.Verdict != Proved {
			t.Errorf("%s: %v\n%s", name, pathsOf(r), r.Text())
		}
	}
}

func proveWith(t *testing.T, p *plan.Plan, given []Role, buckets []Bucket) *Result {
	t.Helper()
	r, err := Prove(p, given, buckets...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestR084ATrustPolicyThatADeployDecides: whom a role lets in may be known only when its template is deployed.
func TestR084ATrustPolicyThatADeployDecides(t *testing.T) {
	t.Parallel()
	p := webPlan(t, builds)
	for principal, want := range map[string]Verdict{
		`{"Fn::ImportValue": "builds"}`:                                       Undecided,
		`"arn:aws:iam::999999999999:role/another"`:                            Refuted,
		`{"Fn::Sub": "arn:aws:iam::${Tools}:role/slipway/web-CodeBuildRole"}`: Undecided,
	} {
		all, buckets := rendered(t, p)
		d, findings := iam.Read("trust.json", []byte(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": `+principal+`},
			"Action": ["sts:AssumeRole", "sts:TagSession"]}]}`), iam.ReadOptions{Intrinsics: true})
		if len(findings) > 0 {
			t.Fatal(findings)
		}
		for i := range all {
			if all[i].Name == "web-dev-Deploy" {
				all[i].Trust = d
			}
		}
		if c := resultOf(t, proveWith(t, p, all, buckets), "dev/-/"+string(plan.KindCodeBuild)+"/sts:AssumeRole"); c.Verdict != want {
			t.Errorf("%s: %s (%s), want %s", principal, c.Verdict, c.Why, want)
		}
	}
}

// adds says whether a statement with a Sid is what a role lacks.
func adds(r *Lack, sid string) bool {
	return slices.ContainsFunc(r.Add, func(s Statement) bool { return strings.Contains(s.JSON, `"`+sid+`"`) })
}

// TestR085TheLogOfABuild: CodeBuild writes it with the service role, in the account and region of the project, and no build
// comes to its first command without. What its console writes is proved, and the log group's ARN as it stands is nothing that
// AWS asks for.
func TestR085TheLogOfABuild(t *testing.T) {
	t.Parallel()
	const group = "arn:aws:logs:eu-west-1:999999999999:log-group:/aws/codebuild/web-deploy"
	elsewhere := func(r *release.Release) { builds(r); r.Region = "" }
	const regions = `, "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}`
	for name, test := range map[string]struct {
		release              func(*release.Release)
		resource, conditions string
		want                 Verdict
	}{
		"as the console writes it": {builds, `["` + group + `", "` + group + `:*"]`, "", Proved},
		"its streams":              {builds, `"` + group + `:*"`, regions, Proved},
		"everything":               {builds, `"*"`, "", Proved},
		"the group alone":          {builds, `"` + group + `"`, "", Refuted},
		"another project":          {builds, `"` + group + `2:*"`, "", Refuted},
		"a stage's account":        {builds, `"arn:aws:logs:eu-west-1:111111111111:log-group:/aws/codebuild/web-deploy:*"`, "", Refuted},
		"the account it is in":     {builds, `"*"`, `, "Condition": {"StringEquals": {"aws:ResourceAccount": "999999999999"}}`, Proved},
		"the account of a stage":   {builds, `"*"`, `, "Condition": {"StringEquals": {"aws:ResourceAccount": "111111111111"}}`, Refuted},
		"one of any region":        {elsewhere, `"` + group + `:*"`, "", Undecided},
		"any region":               {elsewhere, `"arn:aws:logs:*:999999999999:log-group:/aws/codebuild/web-deploy:*"`, "", Proved},
		"a region that is unknown": {elsewhere, `"*"`, regions, Undecided},
	} {
		p := webPlan(t, test.release)
		given, buckets := rendered(t, p)
		own, _ := p.Stages[0].Role(plan.KindCodeBuild)
		for i := range given {
			if given[i].Name == own.Name {
				given[i].Policies = []*iam.Document{document(t, "policy.json", `{"Version": "2012-10-17", "Statement": [
					{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"},
					{"Effect": "Allow", "Action": "logs:*", "Resource": `+test.resource+test.conditions+`}]}`)}
			}
		}
		r := proveWith(t, p, given, buckets)
		for _, action := range []string{"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"} {
			if c := resultOf(t, r, "dev/-/CodeBuildRole/"+action); c.Verdict != test.want {
				t.Errorf("%s: %s is %s (%s), want %s", name, action, c.Verdict, c.Why, test.want)
			}
		}
	}
}
