package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/testclient"
)

// TestTheTrapUnderAct runs D0's workflow, its loop made honest, with act and aws-actions/configure-aws-credentials: the
// job asks the built-in issuer for its token and gets in through the role's trust policy.
func TestTheTrapUnderAct(t *testing.T) {
	t.Parallel()
	testclient.Find(t, "act")
	testclient.Find(t, "aws")
	testclient.Find(t, "node")
	action := checkout(t)
	server := startLocal(t, "-f", "../../examples/two-roles-trap/slipway.yaml", "--policies", "../../examples/two-roles-trap/policies")
	admin := server.env(t)
	awaitNode(t, admin)

	output, code := server.act(t, action, "acme/synap", "live")
	denied := "(AccessDeniedException) when calling the GetCommandInvocation operation: User: arn:aws:sts::123456789012:assumed-role/" + trapRole + "/GitHubActions"
	if code == 0 || !strings.Contains(output, "Command ID: ") || !strings.Contains(output, denied) {
		t.Errorf("without the permission to poll: exit %d, want it to fail and to say why:\n%s", code, output)
	}
	if out, code := run(t, admin, "aws", "iam", "put-role-policy", "--role-name", trapRole, "--policy-name", "deploy", "--policy-document", fullPolicy); code != 0 {
		t.Fatalf("put-role-policy: %s", out)
	}
	if output, code = server.act(t, action, "acme/synap", "live"); code != 0 || !strings.Contains(output, "Deploy succeeded") {
		t.Errorf("with it: exit %d, want success:\n%s", code, output)
	}
	if diff := cmp.Diff([]string{
		"AssumeRoleWithWebIdentity repo:acme/synap:environment:live", "GetCallerIdentity", "SendCommand", "GetCommandInvocation AccessDeniedException",
		"AssumeRoleWithWebIdentity repo:acme/synap:environment:live", "GetCallerIdentity", "SendCommand", "GetCommandInvocation",
	}, server.pipeline(t)); diff != "" {
		t.Errorf("the calls of the two runs (-want +got):\n%s", diff)
	}
	stubs, err := os.ReadFile(filepath.Join(server.data, "nodes", trapInstance, "stubs.log"))
	if err != nil || strings.Count(string(stubs), "docker compose up -d") != 2 {
		t.Errorf("both runs deployed: %v\n%s", err, stubs)
	}

	// The job of another environment does not get in.
	output, code = server.act(t, action, "acme/synap", "dev")
	if code == 0 || !strings.Contains(output, "Not authorized to perform sts:AssumeRoleWithWebIdentity") || strings.Contains(output, "Command ID: ") {
		t.Errorf("from another environment: exit %d, want it refused:\n%s", code, output)
	}
}

// checkout is the folder of aws-actions/configure-aws-credentials, which the variable SLIPWAY_CONFIGURE_AWS_CREDENTIALS
// names: a checkout of one of its releases, with dist/.
func checkout(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("SLIPWAY_CONFIGURE_AWS_CREDENTIALS")
	if _, err := os.Stat(filepath.Join(dir, "dist", "index.js")); err == nil && dir != "" {
		return dir
	}
	testclient.Missing(t, "configure-aws-credentials", "SLIPWAY_CONFIGURE_AWS_CREDENTIALS names no checkout of aws-actions/configure-aws-credentials")
	return ""
}

// act runs the workflow as a job of a repository, on this machine and not in a container.
func (l local) act(t *testing.T, action, repository, environment string) (string, int) {
	t.Helper()
	dir := t.TempDir()
	content, err := os.ReadFile(filepath.Join("testdata", "d0", "workflow.yml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "workflow.yml"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	// act takes GITHUB_SHA and the like, which the action wants, from the repository that the workflow is in.
	for _, args := range [][]string{
		{"init", "-q", "-b", "main"}, {"remote", "add", "origin", "https://github.com/" + repository + ".git"}, {"add", "."},
		{"-c", "user.name=slipway", "-c", "user.email=slipway@example.com", "-c", "commit.gpgsign=false", "commit", "-q", "-m", "deploy"},
	} {
		if out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", args[0], err, out)
		}
	}
	env := l.env(t, "--github", repository, "--environment", environment)
	args := []string{
		"push", "-C", dir, "-W", filepath.Join(dir, "workflow.yml"), "-P", "ubuntu-latest=-self-hosted", "--pull=false", "--no-cache-server",
		"--local-repository", "aws-actions/configure-aws-credentials@v4=" + action,
		// act cannot run the post step of an action that is not in the workspace.
		"--env", "AWS_SKIP_CLEANUP_STEP=true",
	}
	for _, v := range env {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "ACTIONS_") || strings.HasPrefix(name, "AWS_") {
			args = append(args, "--env", v)
		}
	}
	return run(t, env, "act", args...)
}

// pipeline lists the calls of the role's sessions, and how they got in, from the event log; polls that were repeated once.
func (l local) pipeline(t *testing.T) []string {
	t.Helper()
	out, err := slipway(t.Context(), "local", "events", "--data", l.data).Output()
	if err != nil {
		t.Fatalf("slipway local events: %v", err)
	}
	var calls []string
	for line := range strings.Lines(string(out)) {
		var e gateway.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		who := e.UserIdentity
		if who.Type != "WebIdentityUser" && !strings.Contains(who.ARN, "assumed-role/"+trapRole+"/") {
			continue
		}
		call := strings.Join(slices.DeleteFunc([]string{e.EventName, who.UserName, e.ErrorCode}, func(s string) bool { return s == "" }), " ")
		if len(calls) == 0 || calls[len(calls)-1] != call {
			calls = append(calls, call)
		}
	}
	return calls
}
