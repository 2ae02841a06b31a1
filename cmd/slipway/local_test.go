package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const nobodysRelease = `app: shop
region: us-east-1
accounts: {dev: "111111111111"}
stages:
  - name: dev
    account: dev
    targets: {tags: {App: nobody-has-this}}
    steps: [{command: {name: release, script: ok.sh}}]
`

// TestTargetThatMatchesNothing deploys with credentials from the environment to a local AWS that has no such node:
// refused, and nothing is sent.
func TestTargetThatMatchesNothing(t *testing.T) {
	t.Parallel()
	server := startLocal(t, "--nodes", "1")
	dir := t.TempDir()
	for name, content := range map[string]string{"slipway.yaml": nobodysRelease, "ok.sh": "echo ok\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	command := slipway(t.Context(), "deploy", "-f", filepath.Join(dir, "slipway.yaml"))
	command.Env = server.env(t)
	out, err := command.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 4 || !strings.Contains(string(out), "the target matches nothing") {
		t.Errorf("%v, want exit 4 and why:\n%s", err, out)
	}
	if events := server.events(t, "SendCommand"); events != "" {
		t.Errorf("something was sent:\n%s", events)
	}
}

// events are the events of one operation.
func (l local) events(t *testing.T, operation string) string {
	t.Helper()
	out, err := slipway(t.Context(), "local", "events", "--data", l.data, "--name", operation).Output()
	if err != nil {
		t.Fatalf("slipway local events: %v", err)
	}
	return string(out)
}
