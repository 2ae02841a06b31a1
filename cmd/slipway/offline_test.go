package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/testclient"
)

// talks are the commands that talk to an AWS, or are a local one. [TestR115FilesAreEnough] has a line for every other.
var talks = []string{"deploy", "resume", "rollback", "cancel", "status", "history", "lock status", "lock acquire", "lock release",
	"local up", "local env", "local events", "local snapshot", "local restore", "local reset", "local stop"}

// offline are the other commands, as they are typed in a copy of examples.
var offline = []struct {
	command, stdin, prints string
	code                   int
}{
	{command: "slipway init --yes -f new/slipway.yaml --app shop --region eu-west-1 --account dev=111111111111 --repository acme/shop", prints: "wrote"},
	{command: "slipway plan -f web/slipway.yaml", prints: "ssm:SendCommand"},
	{command: "slipway roles render -f pipeline/slipway.yaml --format json --out given", prints: "given"},
	{command: "slipway roles render -f pipeline/slipway.yaml --format cloudformation --account 111111111111", prints: "arn:aws:s3:::shop-slipway"},
	{command: "slipway roles docs -f web/slipway.yaml", prints: "ssm:GetCommandInvocation"},
	{command: "slipway roles diff -f pipeline/slipway.yaml --policies given", prints: "same"},
	{command: "slipway prove -f pipeline/slipway.yaml", prints: "proved"},
	{command: "slipway prove -f pipeline/slipway.yaml --policies given", prints: "proved"},
	{command: "slipway lint pipeline", prints: "files"},
	{command: "slipway explain SLW101", prints: "SLW101"},
	{command: "slipway ci render github -f pipeline/slipway.yaml --out slipway.yml", prints: "slipway.yml"},
	{command: "slipway ci check slipway.yml -f pipeline/slipway.yaml", prints: ""},
	{command: "slipway policy eval", stdin: "policies/requests.jsonl", prints: "decision"},
	{command: "slipway policy explain --identity policies/deploy.json --principal arn:aws:iam::111111111111:role/web-deploy " +
		"--action ssm:GetCommandInvocation --resource *", prints: "this would allow it", code: 1},
	{command: "slipway policy fmt policies/deploy.json", prints: "Statement"},
	{command: "slipway policy compare policies/deploy.json policies/deploy.json", prints: ""},
	{command: "slipway policy escalation given", prints: "reach more than they hold", code: 1},
	{command: "slipway version", prints: "slipway"},
}

// TestR115FilesAreEnough types every command that does not talk to AWS where there is no network at all, not even loopback,
// and where nothing could hold credentials.
func TestR115FilesAreEnough(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" || exec.Command("unshare", "--net", "--map-root-user", "true").Run() != nil {
		testclient.Missing(t, "unshare", "no network namespace can be made here")
	}
	dir := filepath.Join(t.TempDir(), "examples")
	if err := os.CopyFS(dir, os.DirFS("../../examples")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "new"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, o := range offline {
		if out, code := alone(t, dir, o.command, o.stdin); code != o.code || !strings.Contains(out, o.prints) {
			t.Errorf("$ %s\n%s\nexit code %d, want %d; want %q in it", o.command, out, code, o.code, o.prints)
		}
	}
	if out, code := alone(t, dir, "slipway prove -f pipeline/slipway.yaml --live", ""); code == 0 {
		t.Errorf("there is a network, or a live proof without one:\n%s", out)
	}
}

// TestR115NoCommandIsForgotten wants each command of the help in one of the two lists, and nothing else there.
func TestR115NoCommandIsForgotten(t *testing.T) {
	t.Parallel()
	out, err := slipway(t.Context(), "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(out), "\nCommands:\n")
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z]+(?: [a-z]+)?)  `).FindAllStringSubmatch(list, -1) {
		all = append(all, m[1])
	}
	known := slices.Clone(talks)
	for _, o := range offline {
		words := strings.Fields(o.command)
		name := words[1]
		if len(words) > 2 && slices.Contains(all, name+" "+words[2]) {
			name += " " + words[2]
		}
		known = append(known, name)
	}
	for _, name := range all {
		if !slices.Contains(known, name) {
			t.Errorf("does slipway %s work without a network?", name)
		}
	}
	for _, name := range known {
		if !slices.Contains(all, name) {
			t.Errorf("slipway --help does not name %s", name)
		}
	}
}

// alone runs a command line without network, credentials and home.
func alone(t *testing.T, dir, line, stdin string) (string, int) {
	t.Helper()
	self := slipway(t.Context()).Path
	command := exec.CommandContext(t.Context(), "unshare", append([]string{"--net", "--map-root-user", self}, strings.Fields(line)[1:]...)...)
	var screen bytes.Buffer
	command.Dir, command.Stdout, command.Stderr = dir, &screen, &screen
	command.Env = []string{"PATH=" + filepath.Dir(self) + ":/usr/bin:/bin", "HOME=/nonexistent"}
	if stdin != "" {
		content, err := os.ReadFile(filepath.Join(dir, stdin))
		if err != nil {
			t.Fatal(err)
		}
		command.Stdin = bytes.NewReader(content)
	}
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", line, err)
	}
	return screen.String(), command.ProcessState.ExitCode()
}
