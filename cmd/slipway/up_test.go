package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// up is a `slipway local up` that the test ends itself.
type up struct {
	local
	command *exec.Cmd
	said    string // its stderr's name
	exports string
}

// startUp starts one on a data directory and waits until it has printed how to reach it.
func startUp(t *testing.T, dir, data string, args ...string) *up {
	t.Helper()
	u := &up{local: local{data: filepath.Join(dir, data)}, said: filepath.Join(t.TempDir(), "stderr")}
	stderr, err := os.Create(u.said)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stderr.Close() }()
	program := slipway(t.Context(), append([]string{"local", "up", "--listen", "127.0.0.1:0", "--data", u.data}, args...)...)
	// Interrupts are ignored at first, as in what a script starts in the background.
	u.command = exec.CommandContext(t.Context(), "sh", append([]string{"-c", `trap '' INT; exec "$@"`, "sh", program.Path}, program.Args[1:]...)...)
	u.command.Dir, u.command.Stderr = dir, stderr
	stdout, err := u.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := u.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = u.command.Process.Kill() })
	var out bytes.Buffer
	for one := make([]byte, 1); !strings.HasSuffix(out.String(), "unset AWS_PROFILE\n"); {
		if _, err := io.ReadFull(stdout, one); err != nil {
			t.Fatalf("slipway local up ended before it was up: %v\n%s", err, u.stderr(t))
		}
		out.Write(one)
	}
	u.exports = out.String()
	return u
}

func (u *up) stderr(t *testing.T) string {
	t.Helper()
	said, err := os.ReadFile(u.said)
	if err != nil {
		t.Fatal(err)
	}
	return string(said)
}

// interrupt sends what Ctrl-C sends.
func (u *up) interrupt(t *testing.T) {
	t.Helper()
	if err := u.command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
}

// stop ends it and wants that to succeed.
func (u *up) stop(t *testing.T) {
	t.Helper()
	u.interrupt(t)
	if err := u.command.Wait(); err != nil {
		t.Fatalf("slipway local up: %v\n%s", err, u.stderr(t))
	}
}

// await waits until its stderr holds text.
func (u *up) await(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(u.stderr(t), text); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never said %q:\n%s", text, u.stderr(t))
		}
	}
}

// fails runs slipway and wants this exit code and these texts on stderr.
func fails(t *testing.T, dir string, code int, want []string, args ...string) {
	t.Helper()
	command := slipway(t.Context(), args...)
	var stderr bytes.Buffer
	command.Dir, command.Stderr = dir, &stderr
	err := command.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != code {
		t.Errorf("slipway %s: %v, want exit code %d:\n%s", strings.Join(args, " "), err, code, &stderr)
	}
	for _, text := range want {
		if !strings.Contains(stderr.String(), text) {
			t.Errorf("slipway %s: nothing about %q:\n%s", strings.Join(args, " "), text, &stderr)
		}
	}
}

// TestUpOnKeptState: what a first start made, and nothing of starts that failed before it, is there at the next, which says
// so and refuses flags that would change it.
func TestUpOnKeptState(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	fails(t, dir, 1, []string{"address already in use", "--listen 127.0.0.1:0"}, "local", "up", "--data", "d", "--nodes", "1", "--listen", taken.Addr().String())
	fails(t, dir, 2, []string{"ssm:Nothing"}, "local", "up", "--data", "d", "--nodes", "1", "--listen", "127.0.0.1:0", "--throttle", "ssm:Nothing=1")

	first := startUp(t, dir, "d", "--nodes", "2")
	fails(t, dir, 1, []string{"another local AWS is using", "it is at http://127.0.0.1:", "slipway local env --data d"}, "local", "up", "--data", "d", "--listen", "127.0.0.1:0")
	fails(t, dir, 2, []string{"no role nope in account 111111111111", "it has sandpit-dev-Deploy, sandpit-dev-Node"}, "local", "env", "--data", "d", "--role", "nope")
	fails(t, dir, 2, []string{"no account 222222222222", "it has 111111111111"}, "local", "env", "--data", "d", "--account", "222222222222")
	first.stop(t)
	banner := lines(first.stderr(t), "  account 111111111111, us-east-1: roles ")
	if strings.Count(banner, "i-") != 2 {
		t.Errorf("the first start tells of other nodes than two: %q", banner)
	}

	for flag, value := range map[string]string{"--nodes": "2", "--policies": ".", "--set": "version=1"} {
		fails(t, dir, 2, []string{flag}, "local", "up", "--data", "d", "--listen", "127.0.0.1:0", flag, value)
	}
	second := startUp(t, dir, "d")
	second.stop(t)
	if got := lines(second.stderr(t), "  account "); got != banner {
		t.Errorf("the kept state is told as %q, want %q", got, banner)
	}
}

// lines are those of text that start with prefix.
func lines(text, prefix string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, prefix) {
			out.WriteString(line)
		}
	}
	return out.String()
}

// TestEnvWithoutPermission: who may not read a data directory is told so, not to start a local AWS there.
func TestEnvWithoutPermission(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o000); err != nil {
		t.Fatal(err)
	}
	command := slipway(t.Context(), "local", "env", "--data", "d")
	command.Dir = dir
	out, err := command.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "permission denied") || strings.Contains(string(out), "hint:") {
		t.Errorf("%v, want it denied without a hint:\n%s", err, out)
	}
}

const stubbedRelease = `app: shop
region: us-east-1
accounts: {dev: "111111111111"}
local: {nodes: {dev: 1}, stubs: [docker]}
stages:
  - name: dev
    account: dev
    targets: {tags: {App: shop}}
    steps: [{command: {name: release, script: ok.sh}}]
`

// TestStubsAreKept: what the release of the first start says about its nodes counts at a start without it.
func TestStubsAreKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{"shop.yaml": stubbedRelease, "ok.sh": "echo ok\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	startUp(t, dir, "d", "-f", "shop.yaml").stop(t)
	second := startUp(t, dir, "d")
	second.send(t, "docker run shop; sleep 317.2818")
	pattern := filepath.Join(second.data, "nodes", "*", "stubs.log")
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if logs, _ := filepath.Glob(pattern); len(logs) == 1 {
			if log, _ := os.ReadFile(logs[0]); strings.Contains(string(log), "docker run shop") {
				break
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("docker was not recorded:\n%s", second.stderr(t))
		}
	}
	if strings.Contains(second.stderr(t), "is not known in") {
		t.Errorf("it says that it does not know the stubs:\n%s", second.stderr(t))
	}
	second.interrupt(t)
	second.await(t, "Ctrl-C again")
	second.interrupt(t)
	_ = second.command.Wait() // 1, for the command that it cuts off
}
