package ci

import (
	"bufio"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rhysd/actionlint"
	"go.yaml.in/yaml/v4"
)

// actionFile is action.yml, as far as the tests look at it.
type actionFile struct {
	Name    string
	Inputs  map[string]struct{ Description string }
	Outputs map[string]struct{ Description, Value string }
	Runs    struct {
		Using string
		Steps []struct {
			ID, Shell, Run string
			Env            map[string]string
		}
	}
}

func readAction(t *testing.T) (actionFile, string) {
	t.Helper()
	content, err := os.ReadFile("../../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	var a actionFile
	if err := yaml.Unmarshal(content, &a); err != nil {
		t.Fatal(err)
	}
	return a, string(content)
}

func TestAction(t *testing.T) {
	t.Parallel()
	a, _ := readAction(t)
	if diff := cmp.Diff(slices.Sorted(slices.Values(Outputs)), slices.Sorted(maps.Keys(a.Outputs))); diff != "" {
		t.Errorf("outputs (-rendered +action.yml):\n%s", diff)
	}
	for _, name := range Outputs {
		if want := "${{ steps.slipway.outputs." + name + " }}"; a.Outputs[name].Value != want {
			t.Errorf("output %s is %q, want %q", name, a.Outputs[name].Value, want)
		}
	}
	if a.Runs.Using != "composite" || len(a.Runs.Steps) != 2 {
		t.Fatalf("runs %+v", a.Runs)
	}
	for _, step := range a.Runs.Steps {
		if step.Shell != "bash" || len(programs(step.Run)) == 0 {
			t.Errorf("step %s: no bash script", step.ID)
		}
		for _, never := range []string{"${{", "set -x", "eval "} {
			if strings.Contains(step.Run, never) {
				t.Errorf("step %s: %q in its script", step.ID, never)
			}
		}
	}
}

// TestActionMetadata lets actionlint hold the workflows of all renderings against action.yml, as an action of their own
// repository.
func TestActionMetadata(t *testing.T) {
	t.Parallel()
	_, content := readAction(t)
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "action.yml"), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	project, err := actionlint.NewProject(root)
	if err != nil {
		t.Fatal(err)
	}
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{WorkingDir: root})
	if err != nil {
		t.Fatal(err)
	}
	lint := func(workflow string) []*actionlint.Error {
		problems, err := linter.Lint("w.yml", []byte(workflow), project)
		if err != nil {
			t.Fatal(err)
		}
		return problems
	}
	for _, tt := range renderings {
		here := strings.ReplaceAll(rendered(t, tt.source, tt.options), action(tt.options.Action), "./")
		if problems := lint(here); len(problems) > 0 {
			t.Errorf("%s: %v", tt.name, problems)
		}
		for _, wrong := range []string{"          fil: x\n          file:", "          file:"} {
			planted := strings.Replace(here, "          file:", wrong, 1)
			if problems := lint(planted); (len(problems) > 0) != strings.Contains(wrong, "fil:") {
				t.Errorf("%s: an input that action.yml does not have: %v", tt.name, problems)
			}
		}
	}
}

// TestActionWords runs the action's script with a program that tells its arguments.
func TestActionWords(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		env  map[string]string
		want []string
	}{
		"only a command": {map[string]string{"COMMAND": "prove"}, []string{"prove"}},
		"two words":      {map[string]string{"COMMAND": "lock status"}, []string{"lock", "status"}},
		"everything": {
			map[string]string{
				"COMMAND": "deploy", "FILE": "my shop/slipway.yaml", "STAGE": "dev", "POLICIES": "roles",
				"SET": "version=v1\ncolour=it's \"red\" $(id) `id`\n", "ARGS": "--detach  --keep\n-o json\n",
			},
			[]string{"deploy", "-f", "my shop/slipway.yaml", "--stage", "dev", "--policies", "roles", "--set", "version=v1",
				"--set", "colour=it's \"red\" $(id) `id`", "--detach", "--keep", "-o", "json"},
		},
	} {
		command := actionCommand(t, "#!/bin/sh\nfor word; do echo \"$word\"; done\nexit 3\n", tt.env)
		out, err := command.Output()
		if got := strings.Split(strings.TrimSpace(string(out)), "\n"); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
		if err == nil || command.ProcessState.ExitCode() != 3 {
			t.Errorf("%s: %v, want the program's exit code 3", name, err)
		}
	}
}

// actionCommand is the action's last step with a slipway of the test's own.
func actionCommand(t *testing.T, slipway string, env map[string]string) *exec.Cmd {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("the action's scripts are for bash, and there is none")
	}
	a, _ := readAction(t)
	step := a.Runs.Steps[1]
	dir := t.TempDir()
	for name, content := range map[string]string{"slipway": slipway, "step.sh": step.Run} {
		writeProgram(t, filepath.Join(dir, name), content)
	}
	// As GitHub starts it.
	command := exec.Command(bash, "--noprofile", "--norc", "-eo", "pipefail", filepath.Join(dir, "step.sh"))
	command.Env = append(os.Environ(), "SLIPWAY="+filepath.Join(dir, "slipway"))
	for name := range step.Env {
		if name != "SLIPWAY" {
			command.Env = append(command.Env, name+"="+env[strings.TrimPrefix(name, "SLIPWAY_")])
		}
	}
	return command
}

// TestR101ActionHandsSignalsOn: GitHub signals the step's own process when a job is cancelled. slipway must be it.
func TestR101ActionHandsSignalsOn(t *testing.T) {
	t.Parallel()
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		command := actionCommand(t, "#!/bin/sh\ntrap 'echo cancelled; exit 130' INT TERM\necho up\nwhile :; do sleep 0.05; done\n",
			map[string]string{"COMMAND": "deploy"})
		stdout, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(stdout)
		if !lines.Scan() || lines.Text() != "up" {
			t.Fatalf("it said %q", lines.Text())
		}
		if err := command.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if !lines.Scan() || lines.Text() != "cancelled" {
			t.Errorf("%s did not reach slipway: %q", signal, lines.Text())
		}
		if _ = command.Wait(); command.ProcessState.ExitCode() != 130 {
			t.Errorf("%s: exit code %d, want 130", signal, command.ProcessState.ExitCode())
		}
	}
}

// TestActionFindsSlipway: the one in PATH, unless a version is wanted; without Go there is a way out in the message.
func TestActionFindsSlipway(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("the action's scripts are for bash, and there is none")
	}
	a, _ := readAction(t)
	const fakeGo = "#!/bin/sh\necho \"$GOBIN $*\"\n"
	for name, tt := range map[string]struct {
		programs map[string]string
		version  string
		code     int
		output   string // of the step
		said     string
	}{
		"in PATH":        {map[string]string{"slipway": "#!/bin/sh\n"}, "", 0, "path=DIR/slipway", ""},
		"built":          {map[string]string{"go": fakeGo, "mkdir": ""}, "", 0, "path=DIR/temp/slipway-bin/slipway", " build -C DIR/source -trimpath -buildvcs=false -o DIR/temp/slipway-bin/slipway ./cmd/slipway"},
		"a version":      {map[string]string{"go": fakeGo, "mkdir": "", "slipway": "#!/bin/sh\n"}, "v1.2.3", 0, "path=DIR/temp/slipway-bin/slipway", "DIR/temp/slipway-bin install github.com/slipway-cd/slipway/cmd/slipway@v1.2.3"},
		"nothing":        {nil, "", 2, "", "::error title=slipway::there is no slipway and no Go in PATH"},
		"go that fails":  {map[string]string{"go": "#!/bin/sh\nexit 7\n", "mkdir": ""}, "", 7, "", ""},
		"a bad version!": {map[string]string{"go": fakeGo, "mkdir": ""}, "v1; id", 0, "path=DIR/temp/slipway-bin/slipway", "slipway@v1; id"},
	} {
		dir := t.TempDir()
		for program, content := range programsOf(t, tt.programs) {
			writeProgram(t, filepath.Join(dir, program), content)
		}
		output := filepath.Join(dir, "output")
		command := exec.Command(bash, "--noprofile", "--norc", "-eo", "pipefail", "-c", a.Runs.Steps[0].Run)
		command.Env = []string{"PATH=" + dir, "GITHUB_OUTPUT=" + output, "GITHUB_PATH=" + filepath.Join(dir, "path"), "RUNNER_TEMP=" + filepath.Join(dir, "temp"),
			"SLIPWAY_VERSION=" + tt.version, "SLIPWAY_SOURCE=" + filepath.Join(dir, "source")}
		out, _ := command.CombinedOutput()
		set, _ := os.ReadFile(output)
		if command.ProcessState.ExitCode() != tt.code {
			t.Errorf("%s: exit code %d, want %d: %s", name, command.ProcessState.ExitCode(), tt.code, out)
		}
		if got := strings.TrimSpace(strings.ReplaceAll(string(set), dir, "DIR")); got != tt.output {
			t.Errorf("%s: output %q, want %q", name, got, tt.output)
		}
		if !strings.Contains(strings.ReplaceAll(string(out), dir, "DIR"), tt.said) {
			t.Errorf("%s: it said %q, want %q", name, out, tt.said)
		}
	}
}

// programsOf are scripts; an empty one stands for the program of this machine.
func programsOf(t *testing.T, programs map[string]string) map[string]string {
	t.Helper()
	scripts := map[string]string{}
	for name, content := range programs {
		if content == "" {
			path, err := exec.LookPath(name)
			if err != nil {
				t.Fatal(err)
			}
			content = "#!/bin/sh\nexec " + path + " \"$@\"\n"
		}
		scripts[name] = content
	}
	return scripts
}

// writeProgram writes a program that is run right after. No fork meanwhile: a child that holds the open file until its exec
// would make it busy (ETXTBSY).
func writeProgram(t *testing.T, name, content string) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(name, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
}
