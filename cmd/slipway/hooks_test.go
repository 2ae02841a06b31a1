package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Hooks run around a deploy, where slipway runs; the one before may refuse it.
func TestHooks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	release := filepath.Join(dir, "slipway.yaml")
	const file = `app: shop
region: eu-west-1
accounts: {dev: "111111111111"}
record: {bucket: shop-slipway}
variables: {version: v1}
stages:
  - name: dev
    account: dev
    targets: {tags: {App: shop}}
    hooks: {before: before.sh, after: after.sh}
    steps: [{command: {name: release, script: release.sh, parameters: {Version: "${version}"}}}]
`
	for name, content := range map[string]string{
		"slipway.yaml": file, "release.sh": "true\n",
		"before.sh": "#!/bin/sh\necho \"before $SLIPWAY_COMMAND $SLIPWAY_APP/$SLIPWAY_STAGE [$SLIPWAY_VERSION] $SLIPWAY_ACTOR\" >>log\nk=AKIA; echo it says ${k}IOSFODNN7ABCDEFG >&2\nexit ${REFUSE:-0}\n",
		"after.sh":  "#!/bin/sh\necho \"after $SLIPWAY_COMMAND $SLIPWAY_VERDICT [$SLIPWAY_VERSION] ${SLIPWAY_DEPLOY:+deploy} ${SLIPWAY_COMMAND_IDS:+command} ${SLIPWAY_NODES%-*}\" >>log\nexit 9\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	server := startLocal(t, "-f", release)
	env := server.env(t, "--role", "shop-dev-Deploy")
	for _, step := range []struct {
		args   []string
		env    string
		exit   int
		stderr string
		log    string
	}{
		{[]string{"deploy"}, "REFUSE=3", 4, "the hook before the deploy refused it: before.sh: exit status 3",
			"before deploy shop/dev [v1] ann\nafter deploy refused [v1]   \n"},
		{[]string{"deploy"}, "", 0, "warning: the hook after the deploy: after.sh: exit status 9; the verdict stays",
			"before deploy shop/dev [v1] ann\nafter deploy succeeded [v1] deploy command i\n"},
		{[]string{"deploy", "--set", "version=v2"}, "", 0, "  before | it says ",
			"before deploy shop/dev [v2] ann\nafter deploy succeeded [v2] deploy command i\n"},
		{[]string{"rollback"}, "", 0, "stage dev: rollback to v1",
			"before rollback shop/dev [] ann\nafter rollback succeeded [v1] deploy command i\n"},
		{[]string{"resume", "--report-only"}, "", 0, "", ""},
	} {
		_ = os.Remove(filepath.Join(dir, "log"))
		command := slipway(t.Context(), append(step.args, "-f", release)...)
		command.Env = append(append(env[:len(env):len(env)], "USER=ann", "GITHUB_ACTOR="), step.env)
		out, _ := command.CombinedOutput()
		if got := command.ProcessState.ExitCode(); got != step.exit || !strings.Contains(string(out), step.stderr) {
			t.Errorf("%v: exit %d, want %d and %q\n%s", step.args, got, step.exit, step.stderr, out)
		}
		if strings.Contains(string(out), "IOSFODNN7ABCDEFG") {
			t.Errorf("%v: a secret was shown\n%s", step.args, out)
		}
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		if string(log) != step.log {
			t.Errorf("%v: hooks:\n got %q\nwant %q", step.args, log, step.log)
		}
	}
	if sent := server.events(t, "SendCommand"); strings.Count(sent, "\n") != 3 {
		t.Errorf("sent:\n%s", sent)
	}
	out, err := slipway(t.Context(), "deploy", "--local", "-f", release).CombinedOutput()
	if err != nil || strings.Count(string(out), "hooks are not run with --local") != 1 || strings.Contains(string(out), "it says") {
		t.Errorf("--local: %v\n%s", err, out)
	}
}
