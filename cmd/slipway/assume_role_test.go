package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// --assume-role-arn: whoever has credentials that may do nothing but assume the role ships as it.
func TestAssumeRole(t *testing.T) {
	t.Parallel()
	release := filepath.Join(t.TempDir(), "slipway.yaml")
	const file = `app: shop
region: eu-west-1
accounts: {dev: "111111111111"}
record: {bucket: shop-slipway}
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
	for _, line := range []string{"deploy", "status", "resume"} {
		command := slipway(t.Context(), line, "-f", release, "--assume-role-arn", "arn:aws:iam::111111111111:role/slipway/shop-dev-Deploy")
		command.Env = server.env(t)
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", line, err, out)
		}
	}
	sent := server.events(t, "SendCommand")
	if strings.Count(sent, "\n") != 1 || !strings.Contains(sent, "shop-dev-Deploy") {
		t.Errorf("not sent as the role:\n%s", sent)
	}
	command := slipway(t.Context(), "deploy", "-f", release, "--assume-role-arn", "arn:aws:iam::111111111111:role/nobody")
	command.Env = server.env(t)
	out, err := command.CombinedOutput()
	if err == nil || command.ProcessState.ExitCode() != 4 || !strings.Contains(string(out), "role/nobody") {
		t.Errorf("a role that is not there: %v\n%s", err, out)
	}
}
