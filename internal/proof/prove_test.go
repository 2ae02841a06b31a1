package proof

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
)

var update = flag.Bool("update", false, "write the golden files anew")

const trapAccount = "123456789012"

// trapPlan is D0's pipeline: AWS-RunShellScript on one instance, from GitHub Actions.
func trapPlan(t *testing.T, change ...func(*release.Release)) *plan.Plan {
	t.Helper()
	return newPlan(t, &release.Release{
		File: "slipway.yaml", App: "synap", Region: "us-east-1",
		CI: release.CI{GitHub: &release.GitHub{Repository: "acme/synap", Environments: true}},
		Stages: []release.Stage{{
			Name: "live", AccountID: trapAccount, Region: "us-east-1",
			Targets: release.Targets{Instances: []string{"i-1234567890abcdef0"}, Min: 1},
			Steps: []release.Step{{Command: &release.Command{
				Name: "compose", Document: "AWS-RunShellScript", Timeout: 5 * time.Minute,
				Commands: []string{"cd /opt/app && docker compose up -d"},
			}}},
		}},
	}, change...)
}

// webPlan ships a script to tagged nodes; with split, as two roles.
func webPlan(t *testing.T, change ...func(*release.Release)) *plan.Plan {
	t.Helper()
	return newPlan(t, &release.Release{
		File: "slipway.yaml", App: "web", Region: "eu-west-1",
		CI: release.CI{GitHub: &release.GitHub{Repository: "acme/web", Environments: true}},
		Stages: []release.Stage{{
			Name: "dev", AccountID: "111111111111", Region: "eu-west-1",
			Targets: release.Targets{
				Tags: []release.Tag{{Key: "App", Values: []string{"web"}}, {Key: "Env", Values: []string{"dev", "all"}}}, Min: 3,
			},
			Steps: []release.Step{{Command: &release.Command{
				Name: "release", Script: &release.Script{Path: "release.sh", Content: "true\n", Timeout: time.Minute},
			}}},
		}},
	}, change...)
}

func split(r *release.Release) { r.Stages[0].Split = true }

// The pipelines that are not GitHub's.
func builds(r *release.Release) {
	r.CI = release.CI{CodeBuild: &release.CodeBuild{Project: "web-deploy", Account: "tools", AccountID: "999999999999"}}
}

func users(r *release.Release) {
	r.CI = release.CI{Users: &release.Users{Account: "tools", AccountID: "999999999999"}}
}

func gitlab(r *release.Release) {
	r.CI = release.CI{GitLab: &release.GitLab{Project: "acme/web", Branch: "main", Tags: "v*", Host: "gitlab.com"}}
}

func newPlan(t *testing.T, r *release.Release, change ...func(*release.Release)) *plan.Plan {
	t.Helper()
	for _, f := range change {
		f(r)
	}
	p, err := plan.New(r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func document(t *testing.T, name, src string) *iam.Document {
	t.Helper()
	d, err := iam.Parse(name, []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func testdata(t *testing.T, name string) *iam.Document {
	t.Helper()
	src, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return document(t, filepath.Base(name), string(src))
}

// trapRoles are the roles of D0's pipeline with one of its two policies.
func trapRoles(t *testing.T, deploy string) []Role {
	t.Helper()
	return []Role{
		{Account: trapAccount, Name: "synap-live-Deploy", Path: plan.RolePath, Trust: testdata(t, "trust-github.json"),
			Policies: []*iam.Document{testdata(t, deploy)}},
		{Account: trapAccount, Name: "synap-live-Node", Path: plan.RolePath, Trust: testdata(t, "trust-ec2.json"),
			Policies: []*iam.Document{testdata(t, "policy-node.json")}},
	}
}

func prove(t *testing.T, p *plan.Plan, roles []Role) *Result {
	t.Helper()
	r, err := Prove(p, roles)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func resultOf(t *testing.T, r *Result, id string) CallResult {
	t.Helper()
	for _, c := range r.Calls {
		if c.ID == id {
			return c
		}
	}
	t.Fatalf("no result for %s", id)
	return CallResult{}
}

// granted are roles that hold exactly what Prove asks for, starting from nothing.
func granted(t *testing.T, p *plan.Plan) []Role {
	t.Helper()
	var roles []Role
	for _, s := range p.Stages {
		for _, r := range s.Roles {
			roles = append(roles, Role{Account: r.Account, Name: r.Name, Path: r.Path, User: r.Kind == plan.KindUser})
		}
	}
	lacks := map[string]Lack{}
	for _, l := range prove(t, p, roles).Roles {
		lacks[roleName(l.Role)] = l
	}
	for i := range roles {
		l := lacks[roles[i].Name]
		roles[i].Policies = []*iam.Document{policyOf(t, "policy-"+roles[i].Name+".json", l.Add)}
		roles[i].Trust = policyOf(t, "trust-"+roles[i].Name+".json", l.Trust)
	}
	return roles
}

func policyOf(t *testing.T, name string, statements []Statement) *iam.Document {
	t.Helper()
	var texts []string
	for _, st := range statements {
		texts = append(texts, st.JSON)
	}
	return document(t, name, `{"Version": "2012-10-17", "Statement": [`+strings.Join(texts, ",\n")+`]}`)
}

func TestTheStatementsToAddProveThePlan(t *testing.T) {
	t.Parallel()
	managed := func(r *release.Release) {
		r.Stages[0].Targets.Instances = append(r.Stages[0].Targets.Instances, "mi-1234567890abcdef0")
	}
	branch := func(r *release.Release) { r.CI.GitHub.Environments = false }
	plans := map[string]*plan.Plan{
		"trap": trapPlan(t), "web": webPlan(t), "split": webPlan(t, split), "managed nodes": trapPlan(t, managed),
		"branch": webPlan(t, branch), "no CI": webPlan(t, func(r *release.Release) { r.CI = release.CI{} }),
		"builds": webPlan(t, builds), "users": webPlan(t, users), "users, split": webPlan(t, split, users), "gitlab": webPlan(t, gitlab),
		"workflow": webPlan(t, func(r *release.Release) {
			*r.CI.GitHub = release.GitHub{Repository: "acme/web", Branch: "main", Tags: "v*", Workflow: "acme/ci/.github/workflows/d.yml@refs/tags/v*"}
		}),
	}
	for name, p := range plans {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			roles := granted(t, p)
			if r := prove(t, p, roles); r.Verdict != Proved || r.Exit() != 0 || len(r.Roles) != 0 {
				t.Errorf("got:\n%s", r.Text())
			}
			for _, role := range roles {
				for _, d := range role.Policies {
					if errs := d.Validate(iam.IdentityPolicy); len(errs) > 0 {
						t.Errorf("%s: %v", d.Name, errs)
					}
				}
			}
		})
	}
}

func TestR078RemovingAnyStatementRefutes(t *testing.T) {
	t.Parallel()
	p := webPlan(t, split)
	for i, role := range granted(t, p) {
		for j := range role.Policies[0].Statements {
			roles := granted(t, p)
			d := roles[i].Policies[0]
			removed := d.Statements[j]
			d.Statements = slices.Delete(d.Statements, j, j+1)
			r := prove(t, p, roles)
			if r.Verdict != Refuted || len(r.Roles) != 1 || len(r.Roles[0].Add) != 1 {
				t.Errorf("without %s: got:\n%s", removed.Sid, r.Text())
				continue
			}
			got := policyOf(t, "x", r.Roles[0].Add).Statements[0]
			got.Pos, removed.Pos = iam.Position{}, iam.Position{}
			for k := range got.Conditions {
				got.Conditions[k].Pos, removed.Conditions[k].Pos = iam.Position{}, iam.Position{}
			}
			if diff := cmp.Diff(removed, got); diff != "" {
				t.Errorf("the statement to add is not the one that was removed: -want +got:\n%s", diff)
			}
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (go test -update writes it anew): -want +got:\n%s", name, diff)
	}
}

func TestR015TheTrapIsFoundFromFilesAlone(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	r := prove(t, trapPlan(t), trapRoles(t, "policy-incomplete.json"))
	if d := time.Since(begin); d > time.Second {
		t.Errorf("took %s", d)
	}
	if r.Exit() != 1 {
		t.Errorf("exit %d", r.Exit())
	}
	golden(t, "incomplete.txt", r.Text())
	for _, line := range strings.Split(r.Text(), "\n") {
		if len([]rune(line)) > textWidth && !strings.Contains(line, "arn:") {
			t.Errorf("longer than %d columns: %s", textWidth, line)
		}
	}
	full := prove(t, trapPlan(t), trapRoles(t, "policy-full.json"))
	if full.Exit() != 0 {
		t.Errorf("D0's full policy: exit %d", full.Exit())
	}
	golden(t, "full.txt", full.Text())
}
