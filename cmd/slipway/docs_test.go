package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/testclient"
)

// TestDocsApplyRoles runs the commands of docs/github-actions.md with the real AWS CLI against a local AWS: the roles
// that they make let the example deploy.
func TestDocsApplyRoles(t *testing.T) {
	t.Parallel()
	testclient.Find(t, "aws")
	page, err := os.ReadFile("../../docs/github-actions.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(page), "<!-- apply-roles -->\n```sh\n")
	commands, _, ended := strings.Cut(rest, "```")
	if !ok || !ended {
		t.Fatal("docs/github-actions.md has no commands that apply the roles")
	}
	const release = "../../examples/two-roles-trap/slipway.yaml"
	server := startLocal(t, "-f", release)
	admin := server.env(t)
	for _, role := range []string{"synap-live-Deploy", "synap-live-Node"} {
		forget(t, admin, role)
	}
	dir := t.TempDir()
	if out, err := slipway(t.Context(), "roles", "render", "-f", release, "--format", "json", "--out", filepath.Join(dir, "roles")).CombinedOutput(); err != nil {
		t.Fatalf("roles render: %v\n%s", err, out)
	}
	script := filepath.Join(dir, "apply.sh")
	if err := os.WriteFile(script, []byte("cd "+dir+"\n"+commands), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, code := run(t, admin, "sh", "-e", script); code != 0 {
		t.Fatalf("the commands of docs/github-actions.md: exit %d\n%s", code, out)
	}
	command := slipway(t.Context(), "deploy", "-f", release)
	command.Env = server.env(t, "--role", "synap-live-Deploy")
	if out, err := command.CombinedOutput(); err != nil || !strings.Contains(string(out), "stage live: succeeded") {
		t.Errorf("a deploy with the roles that were made: %v\n%s", err, out)
	}
}

// forget deletes a role that the local AWS was started with.
func forget(t *testing.T, env []string, role string) {
	t.Helper()
	policy, profile := strings.ToLower(role[strings.LastIndex(role, "-")+1:]), role
	steps := [][]string{
		{"delete-role-policy", "--role-name", role, "--policy-name", policy},
		{"delete-role", "--role-name", role},
	}
	if policy == "node" {
		steps = append([][]string{
			{"remove-role-from-instance-profile", "--instance-profile-name", profile, "--role-name", role},
			{"delete-instance-profile", "--instance-profile-name", profile},
		}, steps...)
	}
	for _, step := range steps {
		if out, code := run(t, env, "aws", append([]string{"iam"}, step...)...); code != 0 {
			t.Fatalf("aws iam %s: %s", strings.Join(step, " "), out)
		}
	}
}
