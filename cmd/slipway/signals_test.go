package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// signalled is a release with a script that takes its time.
func signalled(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"r.sh": script, "slipway.yaml": `app: svc
region: eu-west-1
accounts: {dev: "111111111111"}
record: {bucket: svc-record}
local: {nodes: {dev: 1}}
stages:
  - name: dev
    account: dev
    targets: {tags: {App: svc}}
    steps: [{command: {name: release, script: r.sh}}]
`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := slipway(t.Context(), "deploy", "--local", "--data", filepath.Join(dir, "data"))
	command.Dir = dir
	return command
}

// untilRuns does something once the script runs.
type untilRuns struct {
	said bytes.Buffer // not embedded: its ReadFrom would pass Write by
	do   func()
}

func (w *untilRuns) Write(p []byte) (int, error) {
	n, err := w.said.Write(p)
	if w.do != nil && strings.Contains(w.said.String(), "InProgress") {
		w.do()
		w.do = nil
	}
	return n, err
}

// TestTwoSignalsAtOnceAreOne: as timeout(1) sends them, to its child and to its group. The deploy is cancelled, and says so.
func TestTwoSignalsAtOnceAreOne(t *testing.T) {
	t.Parallel()
	command := signalled(t, "sleep 20\n")
	said := &untilRuns{}
	said.do = func() {
		for range 2 {
			if err := command.Process.Signal(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
		}
	}
	command.Stderr = said
	var exit *exec.ExitError
	if err := command.Run(); !errors.As(err, &exit) || exit.ExitCode() != 130 {
		t.Errorf("it ended with %v", err)
	}
	if text := said.said.String(); !strings.Contains(text, "stage dev: failed (interrupted)") || !strings.Contains(text, "lock released") {
		t.Errorf("it did not come to its end:\n%s", text)
	}
}

// TestADeployOutlivesItsReader: `slipway deploy 2>&1 | head` ships to the end.
func TestADeployOutlivesItsReader(t *testing.T) {
	t.Parallel()
	command := signalled(t, "echo shipped\n")
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := read.Close(); err != nil { // before the first line
		t.Fatal(err)
	}
	command.Stdout, command.Stderr = write, write
	if err := command.Run(); err != nil {
		t.Errorf("the deploy ended with %v", err)
	}
	if err := write.Close(); err != nil {
		t.Error(err)
	}
}
