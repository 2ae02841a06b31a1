package ci

import (
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rhysd/actionlint"
	"go.yaml.in/yaml/v4"

	"github.com/slipway-cd/slipway/internal/lint/pipelines"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/testclient"
)

const someCommit = "0123456789abcdef0123456789abcdef01234567"

// renderings are all kinds of releases, each as a workflow.
var renderings = []struct {
	name, source string
	options      Options
}{
	{"one", oneStage, Options{File: "slipway.yaml", Action: someCommit}},
	{"three", threeStages, Options{File: "ship/slipway.yaml", Policies: "roles"}},
	{"split", splitStage, Options{File: "slipway.yaml", Action: someCommit, Set: map[string]string{"colour": `it's "red": yes`, "version": "v9"}}},
	{"record", splitRollout, Options{File: "slipway.yaml", Action: someCommit}},
	{"tags", oneStage, Options{File: "slipway.yaml", Action: "v1.2.3", Tags: "v*"}},
}

func TestGitHub(t *testing.T) {
	t.Parallel()
	for _, tt := range renderings {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := rendered(t, tt.source, tt.options)
			golden(t, tt.name+".yml", got)
			if problems := linted(t, got); len(problems) > 0 {
				t.Errorf("actionlint: %v", problems)
			}
			_, p := planned(t, tt.source, nil)
			if findings := pipelines.Check("w.yml", []byte(got), pipelines.Against{Plan: p}, nil); len(findings) > 0 {
				t.Errorf("slipway lint: %v", findings)
			}
		})
	}
}

// rendered is a workflow whose variables have values that only matter to scripts.
func rendered(t *testing.T, source string, o Options) string {
	t.Helper()
	r, p := planned(t, source, nil)
	got, err := GitHub(r, p, o)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// linted runs actionlint's own rules, without the programs that it can call.
func linted(t *testing.T, workflow string) []*actionlint.Error {
	t.Helper()
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{WorkingDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	problems, err := linter.Lint("w.yml", []byte(workflow), nil)
	if err != nil {
		t.Fatal(err)
	}
	return problems
}

// TestActionlintCanFail: what lints the renderings finds a job that is needed and not there.
func TestActionlintCanFail(t *testing.T) {
	t.Parallel()
	broken := strings.Replace(rendered(t, oneStage, Options{File: "slipway.yaml"}), "needs: [prove_roles]", "needs: [nobody]", 1)
	if problems := linted(t, broken); len(problems) == 0 {
		t.Error("a planted mistake passes actionlint")
	}
}

// TestActionlintProgram runs the newest actionlint, whose library does not build beside our YAML.
func TestActionlintProgram(t *testing.T) {
	t.Parallel()
	program := testclient.Find(t, "actionlint")
	for _, tt := range renderings {
		command := exec.Command(program, "-no-color", "-pyflakes=", "-")
		command.Stdin = strings.NewReader(rendered(t, tt.source, tt.options))
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", tt.name, err, out)
		}
	}
}

// TestPinsAreCommits: every action of a rendering but slipway's own at a tag is pinned to a commit with its version.
func TestPinsAreCommits(t *testing.T) {
	t.Parallel()
	for _, tt := range renderings {
		for line := range strings.Lines(rendered(t, tt.source, tt.options)) {
			_, used, ok := strings.Cut(line, "uses: ")
			if !ok {
				continue
			}
			_, pin, _ := strings.Cut(strings.TrimSpace(used), "@")
			at, version, _ := strings.Cut(pin, " # ")
			own := strings.HasPrefix(used, ActionName+"@") && (at == tt.options.Action || at == "v1")
			if !own && (!commit.MatchString(at) || version == "") {
				t.Errorf("%s: %s is not pinned", tt.name, used)
			}
		}
	}
}

func TestReleasesWithoutAPipeline(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		kind, source string
		options      Options
		want         string
	}{
		"no GitHub":             {"github", withoutGitHub, Options{}, "no ci.github"},
		"access keys":           {"github", withKeys, Options{}, "the release has ci.users: its user has access keys"},
		"tags and a branch":     {"github", threeStages, Options{Tags: "v*"}, "let only a branch in"},
		"an expression":         {"github", oneStage, Options{Set: map[string]string{"version": "${{ secrets.X }}"}}, "take the value for an expression"},
		"several lines":         {"codebuild", withoutGitHub, Options{Set: map[string]string{"colour": "a\nb"}}, "several lines"},
		"CodeBuild with GitHub": {"codebuild", oneStage, Options{}, "let no builds of CodeBuild in"},
		"CodeBuild, split":      {"codebuild", strings.Replace(withoutGitHub, "account: dev", "account: dev\n    split: true", 1), Options{}, "is split"},
	} {
		r, p := planned(t, tt.source, nil)
		var err error
		if tt.kind == "github" {
			_, err = GitHub(r, p, tt.options)
		} else {
			_, err = CodeBuild(r, p, tt.options)
		}
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Error(), tt.want) || e.Hint() == "" {
			t.Errorf("%s: got %v, want %q and a hint", name, err, tt.want)
		}
	}
}

func TestCodeBuild(t *testing.T) {
	t.Parallel()
	r, p := planned(t, withoutGitHub, nil)
	files, err := CodeBuild(r, p, Options{File: "ship/slipway.yaml", Policies: "roles", Module: "v1.2.3", Set: map[string]string{"colour": "it's red: yes"}})
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, len(files))
	for _, file := range files {
		names = append(names, file.Name)
		golden(t, file.Name, file.Content)
		buildspecCommands(t, file.Content)
	}
	if !slices.Equal(names, []string{"buildspec-dev.yml", "buildspec-prod.yml"}) {
		t.Errorf("files %v", names)
	}
}

// buildspecCommands reads a buildspec back and wants bash to take each of its commands.
func buildspecCommands(t *testing.T, content string) {
	t.Helper()
	var spec struct {
		Version string `yaml:"version"`
		Phases  map[string]struct {
			Commands []string `yaml:"commands"`
		} `yaml:"phases"`
	}
	if err := yaml.Unmarshal([]byte(content), &spec); err != nil {
		t.Fatal(err)
	}
	for name, phase := range spec.Phases {
		for _, command := range phase.Commands {
			if len(programs(command)) == 0 {
				t.Errorf("%s: no shell takes %q", name, command)
			}
		}
	}
	if spec.Version != "0.2" || len(spec.Phases["build"].Commands) != 2 {
		t.Errorf("buildspec = %+v", spec)
	}
}

// TestR121TimeoutOfARendering: a job may take as long as its commands' delivery and execution, and its margin.
func TestR121TimeoutOfARendering(t *testing.T) {
	t.Parallel()
	step := func(change func(*plan.Step)) plan.Step {
		s := plan.Step{DeliveryTimeout: 60, ExecutionTimeout: 240, MaxConcurrency: "100%"}
		change(&s)
		return s
	}
	for name, tt := range map[string]struct {
		min  int
		step plan.Step
		want time.Duration
	}{
		"all at once":           {20, step(func(*plan.Step) {}), 5 * time.Minute},
		"two at a time":         {5, step(func(s *plan.Step) { s.MaxConcurrency = "2" }), 15 * time.Minute},
		"a quarter at a time":   {20, step(func(s *plan.Step) { s.MaxConcurrency = "25%" }), 25 * time.Minute}, // of 21 nodes
		"once":                  {20, step(func(s *plan.Step) { s.Once, s.MaxConcurrency = true, "1" }), 5 * time.Minute},
		"one, a quarter, rest":  {4, step(func(s *plan.Step) { s.Rollout.Batches = []string{"1", "25%", "100%"} }), 15 * time.Minute},
		"thirds, of any fleet":  {1, step(func(s *plan.Step) { s.Rollout.Batches = []string{"33%"} }), 30 * time.Minute}, // of six nodes
		"five at a time of ten": {10, step(func(s *plan.Step) { s.Rollout.Batches = []string{"5"} }), 10 * time.Minute},
		"a pause and a check": {1, step(func(s *plan.Step) {
			s.Rollout.Batches, s.Rollout.Pause, s.Check = []string{"1"}, 60, &plan.Step{DeliveryTimeout: 30, ExecutionTimeout: 30}
		}), 7 * time.Minute},
		"a check and no batches": {1, step(func(s *plan.Step) { s.Check = &plan.Step{DeliveryTimeout: 30, ExecutionTimeout: 30} }), 6 * time.Minute},
		"a quarter may be away":  {20, step(func(s *plan.Step) { s.Rollout.MinHealthy = "75%" }), 25 * time.Minute}, // of 21 nodes
		"two may be away of six": {6, step(func(s *plan.Step) { s.Rollout.Batches, s.Rollout.MinHealthy = []string{"1", "100%"}, "4" }), 20 * time.Minute},
		"three stay, of any":     {1, step(func(s *plan.Step) { s.Rollout.MinHealthy = "3" }), 20 * time.Minute},
		"none may be away":       {4, step(func(s *plan.Step) { s.Rollout.MinHealthy = "100%" }), 5 * time.Minute},
		"more batches than many": {1, step(func(s *plan.Step) { s.Rollout.Batches = []string{"1%"} }), 995 * time.Minute}, // of 199 nodes
	} {
		s := plan.Stage{Targets: plan.Targets{Min: tt.min}, Steps: []plan.Step{tt.step}}
		if got := s.Limit(); got != tt.want {
			t.Errorf("%s: got %s, want %s", name, got, tt.want)
		}
	}
	back := plan.Stage{Targets: plan.Targets{Min: 1}, Steps: []plan.Step{step(func(*plan.Step) {})}, OnFailure: "rollback"}
	if got := back.Limit(); got != 10*time.Minute {
		t.Errorf("a rollback takes time as well: got %s", got)
	}
	if got := plan.JobMinutes(5*time.Minute + time.Second); got != 21 {
		t.Errorf("minutes are rounded up: got %d, want 21", got)
	}
}

func TestDrift(t *testing.T) {
	t.Parallel()
	due := rendered(t, oneStage, Options{File: "slipway.yaml", Action: someCommit})
	for name, tt := range map[string]struct {
		change func(string) string
		want   string
	}{
		"none":      {func(s string) string { return s }, ""},
		"line ends": {func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }, ""},
		"a raised pin": {func(s string) string {
			return strings.Replace(s, checkout.String(), "actions/checkout@"+someCommit+" # v9", 1)
		}, ""},
		"another day":         {func(s string) string { return strings.Replace(s, pinned, "2030-01-01", 1) }, ""},
		"another action":      {func(s string) string { return strings.Replace(s, "actions/checkout", "nobody/checkout", 1) }, "w.yml:15: "},
		"a shorter timeout":   {func(s string) string { return strings.Replace(s, "timeout-minutes: 31", "timeout-minutes: 5", 1) }, "there:     timeout-minutes: 5"},
		"a line at its end":   {func(s string) string { return s + "(nothing)" }, "due:"},
		"nothing at all":      {func(string) string { return "" }, "w.yml:1: "},
		"another indentation": {func(s string) string { return strings.Replace(s, "  push:", "   push:", 1) }, "w.yml:6: "},
	} {
		got := Drift("w.yml", tt.change(due), due)
		if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}
