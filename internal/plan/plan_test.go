package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam/catalog"
	"github.com/slipway-cd/slipway/internal/release"
)

var update = flag.Bool("update", false, "write the golden files anew")

// webRelease ships a script with validation to tagged nodes, in one stage with one role and in one split stage.
func webRelease() *release.Release {
	stage := func(name, account string, split bool) release.Stage {
		return release.Stage{
			Name: name, AccountID: account, Region: "eu-west-1", Split: split,
			Targets: release.Targets{
				Tags: []release.Tag{{Key: "App", Values: []string{"web"}}, {Key: "Environment", Values: []string{name, "all"}}},
				Min:  3,
			},
			Steps: []release.Step{{Command: &release.Command{
				Name:       "release",
				Script:     &release.Script{Path: "deploy/release.sh", Content: "install \"$Version\"\n", Timeout: 4 * time.Minute},
				Validate:   &release.Script{Path: "validate.sh", Content: "curl -f localhost\n", Timeout: time.Minute},
				Parameters: []release.Parameter{{Name: "Version", Value: "v1"}},
			}}},
		}
	}
	return &release.Release{
		File: "slipway.yaml", App: "web", Region: "eu-west-1",
		CI:     release.CI{GitHub: &release.GitHub{Repository: "acme/web", Environments: true}},
		Stages: []release.Stage{stage("dev", "111111111111", false), stage("prod", "222222222222", true)},
	}
}

// trapRelease is D0's pipeline: AWS-RunShellScript on one instance.
func trapRelease() *release.Release {
	return &release.Release{
		File: "slipway.yaml", App: "synap", Region: "us-east-1",
		CI: release.CI{GitHub: &release.GitHub{Repository: "acme/synap", Environments: true}},
		Stages: []release.Stage{{
			Name: "live", AccountID: "123456789012", Region: "us-east-1",
			Targets: release.Targets{Instances: []string{"i-1234567890abcdef0"}, Min: 1},
			Steps: []release.Step{{Command: &release.Command{
				Name: "compose", Document: "AWS-RunShellScript", Timeout: 5 * time.Minute,
				Commands: []string{"cd /opt/app && docker compose up -d"},
			}}},
		}},
	}
}

// fleetRelease rolls out in batches to an Auto Scaling group, with everything else that a stage can have, and keeps its
// record in another account.
func fleetRelease() *release.Release {
	script := func(name string) *release.Script {
		return &release.Script{Path: "deploy/" + name + ".sh", Content: "echo " + name + "\n", Timeout: time.Minute}
	}
	return &release.Release{
		File: "slipway.yaml", App: "shop", Region: "eu-west-1",
		Record: &release.Record{Bucket: "shop-slipway", AccountID: "999999999999", Region: "eu-central-1", Lease: release.DefaultLease},
		Stages: []release.Stage{{
			Name: "prod", AccountID: "111111111111", Region: "eu-west-1", Split: true, OnFailure: release.Rollback,
			Targets: release.Targets{AutoScalingGroup: "shop-web", Min: 4},
			Permissions: []release.Permission{
				{Actions: []string{"ssm:GetParameter"}, Resources: []string{"parameter/shop/*"}, Pos: release.Position{Line: 9, Column: 7}},
			},
			Steps: []release.Step{
				{Command: &release.Command{Name: "migrate", Script: script("migrate"), Once: true}},
				{Command: &release.Command{
					Name: "release", Stop: script("stop"), Install: script("install"), Start: script("start"),
					Validate: script("validate"),
					Rollout: &release.Rollout{
						Batches: []string{"1", "25%", "100%"}, Pause: 30 * time.Second, Validate: script("healthy"),
						MaxFailures: "10%", MinHealthy: "50%", Alarm: "shop errors",
					},
					Output: &release.Output{LogGroup: "/shop/deploy", Bucket: "shop-logs", Prefix: "prod"},
				}},
			},
		}},
	}
}

func mustNew(t *testing.T, r *release.Release) *Plan {
	t.Helper()
	p, err := New(r)
	if err != nil {
		t.Fatal(err)
	}
	return p
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

func TestR103ThePlanListsEveryCall(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*release.Release{"web": webRelease(), "trap": trapRelease(), "fleet": fleetRelease()} {
		p := mustNew(t, r)
		text := p.Text()
		golden(t, name+".txt", text)
		for _, line := range strings.Split(text, "\n") {
			if len([]rune(line)) > textWidth {
				t.Errorf("%s: longer than %d columns: %s", name, textWidth, line)
			}
		}
		out, err := json.MarshalIndent(p, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".json", string(out)+"\n")
	}
}

func TestEveryCallIsComplete(t *testing.T) {
	t.Parallel()
	for _, r := range []*release.Release{webRelease(), trapRelease(), fleetRelease()} {
		seen := map[string]bool{}
		for _, s := range mustNew(t, r).Stages {
			for _, c := range s.Calls {
				if seen[c.ID] {
					t.Errorf("%s: the ID is not unique", c.ID)
				}
				seen[c.ID] = true
				if c.Reason == "" || !strings.HasSuffix(c.Reason, ".") || c.Often == "" || c.When == "" || len(c.Resources) == 0 {
					t.Errorf("%s: incomplete: %+v", c.ID, c)
				}
				checkAgainstCatalog(t, c)
				sid, why := c.Purpose(false)
				if !c.NoPermission && why == "" {
					t.Errorf("%s: no purpose for %s (Sid %s)", c.ID, c.Action, sid)
				}
			}
		}
	}
}

// checkAgainstCatalog holds a call's resources against what AWS authorises the action on.
func checkAgainstCatalog(t *testing.T, c Call) {
	t.Helper()
	action, ok := catalog.Lookup(c.Action)
	if !ok {
		t.Errorf("%s: AWS has no such action", c.ID)
		return
	}
	for _, r := range c.Resources {
		_, unscopable := catalog.Unscopable(c.Action)
		if unscopable != (r.ARN == "*") {
			t.Errorf("%s: on %s, but unscopable is %t", c.ID, r.ARN, unscopable)
		}
		known := slices.ContainsFunc(action.Resources, func(a catalog.ActionResource) bool { return a.Type == r.Type })
		if r.ARN != "*" && !known {
			t.Errorf("%s: AWS does not authorise it on the type %q", c.ID, r.Type)
		}
	}
}

func TestR001SendCommandIsOnTheDocumentAndTheNodesOnly(t *testing.T) {
	t.Parallel()
	r := trapRelease()
	r.Stages[0].Targets.Instances = append(r.Stages[0].Targets.Instances, "mi-1234567890abcdef0")
	want := []Resource{ // R7, R8
		{ARN: "arn:aws:ssm:us-east-1::document/AWS-RunShellScript", Type: "document"},
		{ARN: "arn:aws:ec2:us-east-1:123456789012:instance/i-1234567890abcdef0", Type: "instance"},
		{ARN: "arn:aws:ssm:us-east-1:123456789012:managed-instance/mi-1234567890abcdef0", Type: "managed-instance"},
	}
	c := call(t, mustNew(t, r), "live/compose/Deploy/ssm:SendCommand")
	if diff := cmp.Diff(want, c.Resources); diff != "" {
		t.Errorf("by id: -want +got:\n%s", diff)
	}
	want = []Resource{
		{ARN: "arn:aws:ssm:eu-west-1:111111111111:document/web-dev-release", Type: "document"},
		{ARN: "arn:aws:ec2:eu-west-1:111111111111:instance/*", Type: "instance", Tags: []Tag{
			{Key: "App", Values: []string{"web"}}, {Key: "Environment", Values: []string{"dev", "all"}},
		}},
	}
	c = call(t, mustNew(t, webRelease()), "dev/release/Deploy/ssm:SendCommand")
	if diff := cmp.Diff(want, c.Resources); diff != "" {
		t.Errorf("by tags: -want +got:\n%s", diff)
	}
}

func call(t *testing.T, p *Plan, id string) Call {
	t.Helper()
	for _, s := range p.Stages {
		for _, c := range s.Calls {
			if c.ID == id {
				return c
			}
		}
	}
	t.Fatalf("the plan has no call %s", id)
	return Call{}
}

func TestR016SplitRolesShareNoCallButTheirEntry(t *testing.T) {
	t.Parallel()
	p := mustNew(t, webRelease())
	calls := map[RoleKind][]string{}
	for _, c := range p.Stages[1].Calls {
		if !slices.Contains(calls[c.Role], c.Action) {
			calls[c.Role] = append(calls[c.Role], c.Action)
		}
	}
	want := map[RoleKind][]string{
		KindTrigger: {"sts:GetCallerIdentity", "ssm:DescribeDocument", "ssm:CreateDocument", "ssm:UpdateDocument",
			"ssm:ListDocumentVersions", "ssm:SendCommand"},
		KindVerify: {"sts:GetCallerIdentity", "ec2:DescribeInstances", "ssm:DescribeInstanceInformation",
			"ssm:GetCommandInvocation", "ssm:ListCommandInvocations", "ssm:ListCommands", "ssm:CancelCommand"},
		KindDeploy: nil,
	}
	for kind, actions := range want {
		if diff := cmp.Diff(actions, calls[kind]); diff != "" {
			t.Errorf("%s: -want +got:\n%s", kind, diff)
		}
	}
}

func TestR034NodesAndPermissionsAreReadBeforeTheSend(t *testing.T) {
	t.Parallel()
	for _, r := range []*release.Release{webRelease(), trapRelease(), fleetRelease()} {
		for _, s := range mustNew(t, r).Stages {
			first := map[string]int{}
			for i, c := range s.Calls {
				if _, ok := first[c.Action]; !ok && c.When == Always {
					first[c.Action] = i
				}
			}
			for _, action := range []string{"ec2:DescribeInstances", "ssm:DescribeInstanceInformation", "ssm:GetCommandInvocation",
				"ssm:ListCommandInvocations", "ssm:ListCommands"} {
				if i, ok := first[action]; !ok || i > first["ssm:SendCommand"] {
					t.Errorf("stage %s: %s is not always made before the send", s.Name, action)
				}
			}
		}
	}
}

func TestManagedNodesAreNotLookedForInEC2(t *testing.T) {
	t.Parallel()
	r := trapRelease()
	r.Stages[0].Targets.Instances = []string{"mi-1234567890abcdef0"}
	for _, c := range mustNew(t, r).Stages[0].Calls {
		if c.Action == "ec2:DescribeInstances" || c.Role == KindEC2 {
			t.Errorf("%s in the plan", c.ID)
		}
	}
}

func TestWithoutCINobodyEnters(t *testing.T) {
	t.Parallel()
	r := webRelease()
	r.CI = release.CI{}
	for _, s := range mustNew(t, r).Stages {
		for _, role := range s.Roles {
			if role.Subjects != nil {
				t.Errorf("%s trusts %v", role.Name, role.Subjects)
			}
		}
		for _, c := range s.Calls {
			if c.Role == KindGitHub {
				t.Errorf("%s in the plan", c.ID)
			}
		}
	}
}

func TestR106TokenSubjects(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		github release.GitHub
		want   string
	}{
		"environment": {release.GitHub{Repository: "a/b", Environments: true}, "repo:a/b:environment:dev"},
		"main":        {release.GitHub{Repository: "a/b"}, "repo:a/b:ref:refs/heads/main"},
		"branch":      {release.GitHub{Repository: "a/b", Branch: "x/y"}, "repo:a/b:ref:refs/heads/x/y"},
		"immutable": {release.GitHub{Repository: "a/b", OwnerID: "1", RepositoryID: "2", Environments: true},
			"repo:a@1/b@2:environment:dev"},
	}
	for name, test := range tests {
		if diff := cmp.Diff([]string{test.want}, subjectsOf(&test.github, "dev")); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

func TestR109BothTimeoutsFollowFromOne(t *testing.T) {
	t.Parallel()
	tests := []struct {
		limit               time.Duration
		delivery, execution int
	}{
		{5 * time.Second, 30, 5}, {45 * time.Second, 45, 45}, {10 * time.Minute, 300, 600},
		{1500 * time.Millisecond, 30, 2}, {0, 300, 600},
	}
	for _, test := range tests {
		r := trapRelease()
		r.Stages[0].Steps[0].Command.Timeout = test.limit
		step := mustNew(t, r).Stages[0].Steps[0]
		got := []int{step.DeliveryTimeout, step.ExecutionTimeout}
		if diff := cmp.Diff([]int{test.delivery, test.execution}, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", test.limit, diff)
		}
	}
	step := mustNew(t, webRelease()).Stages[0].Steps[0]
	if step.ExecutionTimeout != 300 || !cmp.Equal(step.ScriptSteps, []string{"release", "validate"}) {
		t.Errorf("script and validation: got %+v", step)
	}
}

func TestR029TheDocumentTakesNoFreeFormCommands(t *testing.T) {
	t.Parallel()
	doc := mustNew(t, webRelease()).Stages[0].Steps[0].Own
	sum := sha256.Sum256([]byte(doc.Content))
	if doc.Hash != hex.EncodeToString(sum[:]) || doc.Name != "web-dev-release" {
		t.Errorf("got %s with hash %s", doc.Name, doc.Hash)
	}
	var content document
	if err := json.Unmarshal([]byte(doc.Content), &content); err != nil {
		t.Fatal(err)
	}
	for name, p := range content.Parameters {
		if !strings.HasPrefix(p.AllowedPattern, "^") || !strings.HasSuffix(p.AllowedPattern, "$") || p.InterpolationType != "ENV_VAR" {
			t.Errorf("parameter %s: %+v", name, p)
		}
	}
	if len(content.MainSteps) != 2 || content.MainSteps[0].Inputs.OnFailure != "exit" ||
		content.MainSteps[0].Inputs.TimeoutSeconds != "240" || content.MainSteps[1].Name != "validate" {
		t.Errorf("steps: %+v", content.MainSteps)
	}
}

func TestAnEqualReleaseMakesEqualBytes(t *testing.T) {
	t.Parallel()
	want := mustNew(t, webRelease())
	for range 20 {
		if diff := cmp.Diff(want, mustNew(t, webRelease())); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	}
}

func TestNewRefusesWhatSSMWouldRefuse(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*release.Release, *release.Command)
		want   string
	}{
		"too long": {func(_ *release.Release, c *release.Command) {
			c.Script.Content = strings.Repeat("echo 'a line of a script'\n", 3000)
		}, "SSM takes 65536"},
		"too long with its parameters": {func(_ *release.Release, c *release.Command) {
			c.Parameters[0].Value = strings.Repeat("v", maxDocument)
		}, "SSM takes 65536"},
		"short name":    {func(_ *release.Release, c *release.Command) { c.Name = "web" }, "4 to 128"},
		"named so":      {func(_ *release.Release, c *release.Command) { c.Name = "validate" }, "rename the command"},
		"reserved":      {func(r *release.Release, _ *release.Command) { r.App = "aws-web" }, "reserves names"},
		"long name":     {func(r *release.Release, _ *release.Command) { r.App = strings.Repeat("a", 120) }, "3 to 128"},
		"bad parameter": {func(_ *release.Release, c *release.Command) { c.Parameters[0].Name = "a b" }, "environment variable"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := webRelease()
			test.change(r, r.Stages[0].Steps[0].Command)
			_, err := New(r)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "stage dev: step ") {
				t.Errorf("got %v, want …%s…", err, test.want)
			}
		})
	}
	r := webRelease()
	r.Stages[0].Steps[0] = release.Step{}
	if _, err := New(r); err == nil {
		t.Error("a step of an unknown kind was planned as nothing")
	}
}

func TestOnlyGivesOneStage(t *testing.T) {
	t.Parallel()
	p := mustNew(t, webRelease())
	one, err := p.Only("prod")
	if err != nil || len(one.Stages) != 1 || one.Stages[0].Name != "prod" || len(p.Stages) != 2 {
		t.Errorf("got %+v, %v", one, err)
	}
	if _, err := p.Only("live"); err == nil || !strings.Contains(err.Error(), "dev, prod") {
		t.Errorf("the error does not name the stages: %v", err)
	}
	for i, want := range [][2]RoleKind{{KindDeploy, KindDeploy}, {KindTrigger, KindVerify}} {
		send, watch := p.Stages[i].Pipeline()
		if got := [2]RoleKind{send, watch}; got != want {
			t.Errorf("%s: got %v, want %v", p.Stages[i].Name, got, want)
		}
	}
	role, ok := p.Stages[0].Role(KindNode)
	if _, other := p.Stages[0].Role(KindVerify); !ok || other || role.Name != "web-dev-Node" {
		t.Errorf("got %+v, %t, %t", role, ok, other)
	}
}
