package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestR035Live: prove and roles diff read the roles that AWS has, and change nothing; what may not be read is undecided.
func TestR035Live(t *testing.T) {
	t.Parallel()
	release := filepath.Join(t.TempDir(), "slipway.yaml")
	const file = `app: shop
region: eu-west-1
accounts: {dev: "111111111111"}
stages:
  - name: dev
    account: dev
    targets: {tags: {App: shop}}
    steps: [{command: {name: release, script: release.sh}}]
`
	for path, content := range map[string]string{release: file, filepath.Join(filepath.Dir(release), "release.sh"): "true\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	server := startLocal(t, "-f", release)
	run := func(code int, env []string, args ...string) string {
		t.Helper()
		command := slipway(t.Context(), append(args, "-f", release)...)
		command.Env = env
		out, err := command.CombinedOutput()
		if command.ProcessState == nil || command.ProcessState.ExitCode() != code {
			t.Errorf("%v: want exit code %d: %v\n%s", args, code, err, out)
		}
		return string(out)
	}
	admin := server.env(t)
	if out := run(0, admin, "prove", "--live"); !strings.Contains(out, "proved") {
		t.Error(out)
	}
	if out := run(0, admin, "roles", "diff", "--live"); !strings.Contains(out, "same: ") {
		t.Error(out)
	}
	for _, action := range []string{"PutRolePolicy", "CreateRole", "UpdateAssumeRolePolicy", "AttachRolePolicy"} {
		if events := server.events(t, action); strings.Contains(events, action) {
			t.Error("something was changed")
		}
	}
	// A role that may not read: nothing is proved, and nothing is refuted, since nothing was read.
	out := run(3, server.env(t, "--role", "shop-dev-Deploy"), "prove", "--live")
	if !strings.Contains(strings.Join(strings.Fields(out), " "), "it could not be read: operation error IAM: GetRole") {
		t.Error(out)
	}
}
