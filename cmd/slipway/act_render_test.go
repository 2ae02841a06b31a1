package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/testclient"
)

// pipeline is a repository with a release that `slipway init` wrote and a workflow that `slipway ci render` wrote, and a
// local AWS that has what the release needs.
type pipeline struct {
	local
	dir string
}

// newPipeline makes one; change may edit the release file that init wrote.
func newPipeline(t *testing.T, change func(string) string) pipeline {
	t.Helper()
	p := pipeline{dir: t.TempDir()}
	p.slipway(t, "init", "--app", "shop", "--region", "eu-west-1", "--account", "dev=222222222222", "--repository", "acme/shop", "--stage", "dev")
	file := filepath.Join(p.dir, "slipway.yaml")
	content, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, []byte(change(string(content))), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	p.slipway(t, "ci", "render", "github", "--out", ".github/workflows/slipway.yml")
	p.local = startLocal(t, "-f", file)
	return p
}

func (p pipeline) slipway(t *testing.T, args ...string) {
	t.Helper()
	command := slipway(t.Context(), args...)
	command.Dir = p.dir
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("slipway %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// commit makes the folder a repository with what is in it now.
func (p pipeline) commit(t *testing.T, message string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(p.dir, ".git")); err != nil {
		p.git(t, "init", "-q", "-b", "main")
		p.git(t, "remote", "add", "origin", "https://github.com/acme/shop.git")
	}
	p.git(t, "add", ".")
	p.git(t, "-c", "user.name=slipway", "-c", "user.email=slipway@example.com", "-c", "commit.gpgsign=false", "commit", "-q", "-m", message)
}

func (p pipeline) git(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("git", append([]string{"-C", p.dir}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", args[0], err, out)
	}
	return strings.TrimSpace(string(out))
}

// act runs the workflow as GitHub would on an event. checkout does nothing: act has copied the folder already.
func (p pipeline) act(t *testing.T, event string) (string, int) {
	t.Helper()
	workflow := filepath.Join(p.dir, ".github", "workflows", "slipway.yml")
	content, err := os.ReadFile(workflow)
	if err != nil {
		t.Fatal(err)
	}
	checkout := regexp.MustCompile(`uses: (actions/checkout@[0-9a-f]{40})`).FindStringSubmatch(string(content))
	own := regexp.MustCompile(`uses: (slipway-cd/slipway@\S+)`).FindStringSubmatch(string(content))
	if checkout == nil || own == nil {
		t.Fatalf("the workflow uses no checkout, or no slipway:\n%s", content)
	}
	// Of the action only action.yml is needed, for slipway is in PATH.
	action, err := os.ReadFile(filepath.Join(repository(t), "action.yml"))
	if err != nil {
		t.Fatal(err)
	}
	nothing, slipway := t.TempDir(), t.TempDir()
	const stand = "name: checkout\ninputs: {persist-credentials: {}}\nruns: {using: composite, steps: [{run: 'true', shell: bash}]}\n"
	for dir, content := range map[string]string{nothing: stand, slipway: string(action)} {
		if err := os.WriteFile(filepath.Join(dir, "action.yml"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := p.env(t, "--github", "acme/shop", "--environment", "dev")
	args := []string{
		event, "-C", p.dir, "-W", workflow, "-P", "ubuntu-latest=-self-hosted", "--pull=false", "--no-cache-server",
		"--local-repository", checkout[1] + "=" + nothing, "--local-repository", own[1] + "=" + slipway,
	}
	for _, v := range env {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "ACTIONS_") || strings.HasPrefix(name, "AWS_") {
			args = append(args, "--env", v)
		}
	}
	command := exec.CommandContext(t.Context(), "act", args...)
	command.Env = append(env, "PATH="+os.Getenv("PATH"))
	out, _ := command.CombinedOutput()
	return string(out), command.ProcessState.ExitCode()
}

// TestRenderedWorkflowUnderAct: init, render, commit, push: the job enters the local AWS with GitHub's token through the
// role's trust policy and ships; a version that fails its validation ends red, with an annotation at the script.
func TestRenderedWorkflowUnderAct(t *testing.T) {
	t.Parallel()
	testclient.Find(t, "act")
	p := newPipeline(t, func(release string) string { return release })
	p.commit(t, "first")
	sha := p.git(t, "rev-parse", "HEAD")

	output, code := p.act(t, "pull_request")
	if code != 0 || !strings.Contains(output, "proved: the roles allow all") || strings.Contains(output, "[slipway/dev") {
		t.Errorf("a pull request: exit %d, want it to prove and nothing else:\n%s", code, output)
	}
	if sent := p.sent(t); sent != nil {
		t.Errorf("a pull request sent %v", sent)
	}

	output, code = p.act(t, "push")
	outputs := outputsOf(output)
	if code != 0 || outputs["verdict"] != "succeeded" || outputs["version"] != sha {
		t.Fatalf("a push: exit %d, outputs %v:\n%s", code, outputs, output)
	}
	commands := strings.Fields(outputs["command-ids"])
	if sent := p.sent(t); len(sent) != 2 || len(commands) != 2 || commands[0] == commands[1] || !slices.Contains(commands, outputs["command-id"]) {
		t.Errorf("the outputs say %q and %q, and there were %v", outputs["command-id"], commands, sent)
	}
	for _, command := range commands {
		if !p.watched(t, command) {
			t.Errorf("nobody read what became of %s", command)
		}
	}
	if diff := cmp.Diff([]string{"repo:acme/shop:environment:dev"}, p.entered(t)); diff != "" {
		t.Errorf("who entered (-want +got):\n%s", diff)
	}
	for _, want := range []string{"::group::dev/release: batch 1/2", "hello from shop " + sha, "### ✅ shop/dev: succeeded"} {
		if !strings.Contains(output, want) {
			t.Errorf("nothing about %q", want)
		}
	}

	p.breakHealth(t)
	p.commit(t, "second")
	output, code = p.act(t, "push")
	outputs = outputsOf(output)
	if code == 0 || outputs["verdict"] != "failed" || outputs["version"] != p.git(t, "rev-parse", "HEAD") {
		t.Errorf("a version that is not healthy: exit %d, outputs %v, want it red:\n%s", code, outputs, output)
	}
	if sent := p.sent(t); len(sent) != 3 || !p.watched(t, outputs["command-id"]) {
		t.Errorf("one command to the first node is what was to be sent: %v, and the output is %q", sent, outputs["command-id"])
	}
	if !strings.Contains(output, fmt.Sprintf("::error file=deploy/healthy.sh,line=%d,", p.lines(t, "deploy/healthy.sh"))) {
		t.Errorf("no annotation at the line of deploy/healthy.sh:\n%s", output)
	}
}

// TestSplitWorkflowUnderAct: one job enters as Trigger, sends and ends; the next enters as Verify, picks the deploy up and
// tells its verdict. Neither role can do the other's part.
func TestSplitWorkflowUnderAct(t *testing.T) {
	t.Parallel()
	testclient.Find(t, "act")
	p := newPipeline(t, func(release string) string {
		release = strings.Replace(release, "    account: dev\n", "    account: dev\n    split: true\n", 1)
		return regexp.MustCompile(`(?m)^ *rollout: .*\n`).ReplaceAllString(release, "")
	})
	p.commit(t, "first")
	output, code := p.act(t, "push")
	outputs := outputsOf(output)
	if code != 0 || outputs["verdict"] != "succeeded" || outputs["version"] != p.git(t, "rev-parse", "HEAD") {
		t.Fatalf("exit %d, outputs %v:\n%s", code, outputs, output)
	}
	for operation, role := range map[string]string{"SendCommand": "shop-dev-Trigger", "GetCommandInvocation": "shop-dev-Verify"} {
		for _, e := range p.list(t, operation) {
			if !strings.Contains(e.UserIdentity.ARN, "assumed-role/"+role+"/") {
				t.Errorf("%s by %s, want %s", operation, e.UserIdentity.ARN, role)
			}
		}
	}
	if sent := p.sent(t); len(sent) != 1 {
		t.Errorf("sent %v, want one command", sent)
	}
	verify := strings.Index(output, "[slipway/dev_verify")
	if verify < 0 || strings.Contains(output[:verify], "stage dev: succeeded") || !strings.Contains(output[verify:], "stage dev: succeeded") {
		t.Errorf("the verdict is not the second job's:\n%s", output)
	}

	p.breakHealth(t)
	p.commit(t, "second")
	output, code = p.act(t, "push")
	if outputs := outputsOf(output); code == 0 || outputs["verdict"] != "failed" {
		t.Errorf("a version that is not healthy: exit %d, outputs %v, want it red:\n%s", code, outputs, output)
	}
}

// breakHealth lets the validation fail in its last line.
func (p pipeline) breakHealth(t *testing.T) {
	t.Helper()
	file, err := os.OpenFile(filepath.Join(p.dir, "deploy", "healthy.sh"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.WriteString("false # not healthy\n")
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
}

// lines counts the lines of a file.
func (p pipeline) lines(t *testing.T, name string) int {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(p.dir, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(content), "\n")
}

// outputsOf are the outputs that act saw a step set, the last value of each.
func outputsOf(output string) map[string]string {
	outputs := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)::set-output:: ([a-z-]+)=(.*)$`).FindAllStringSubmatch(output, -1) {
		outputs[m[1]] = m[2]
	}
	return outputs
}

// sent are the comments of the commands that were sent, by the local AWS's event log.
func (p pipeline) sent(t *testing.T) []string {
	t.Helper()
	var comments []string
	for _, e := range p.list(t, "SendCommand") {
		var request struct{ Comment string }
		if err := json.Unmarshal(e.RequestParameters, &request); err != nil {
			t.Fatalf("%v in %s", err, e.RequestParameters)
		}
		comments = append(comments, request.Comment)
	}
	return comments
}

// watched says whether somebody read what became of a command.
func (p pipeline) watched(t *testing.T, command string) bool {
	t.Helper()
	return slices.ContainsFunc(p.list(t, "GetCommandInvocation"), func(e gateway.Event) bool {
		return e.ErrorCode == "" && strings.Contains(string(e.RequestParameters), command)
	})
}

// entered are the subjects of the tokens with which somebody entered.
func (p pipeline) entered(t *testing.T) []string {
	t.Helper()
	var subjects []string
	for _, e := range p.list(t, "AssumeRoleWithWebIdentity") {
		subjects = append(subjects, e.UserIdentity.UserName)
	}
	return subjects
}

func (p pipeline) list(t *testing.T, operation string) []gateway.Event {
	t.Helper()
	var events []gateway.Event
	for line := range strings.Lines(p.events(t, operation)) {
		var e gateway.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		events = append(events, e)
	}
	return events
}
