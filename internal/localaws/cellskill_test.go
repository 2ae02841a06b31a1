package localaws_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/node"
)

// holdsCells is set for the process that [TestKilledCells] kills, to what the script in its cell sleeps for.
const holdsCells = "SLIPWAY_TEST_HOLDS_CELLS"

// TestHoldsCells is what that process does.
func TestHoldsCells(t *testing.T) {
	seconds := os.Getenv(holdsCells)
	if seconds == "" {
		t.Skip("this is a part of TestKilledCells")
	}
	w := startNodes(t, genuineAgent(t))
	_, r, err := w.command(t, step{role: wholeRole, commands: []string{"setsid sleep " + seconds + " & exec sleep " + seconds}, timeout: "600"})
	t.Errorf("the script ended: %+v, %v", r, err)
}

// TestKilledCells kills a local AWS, which has no time to end its cells: all that was in them ends with it.
func TestKilledCells(t *testing.T) {
	t.Parallel()
	agent := genuineAgent(t)
	seconds := "4000." + strconv.FormatInt(time.Now().UnixNano()%1e9, 10)
	dir := t.TempDir() // of the child's own directories, which it cannot remove
	t.Cleanup(func() {
		if err := node.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	child := exec.Command(os.Args[0], "-test.run", "^TestHoldsCells$", "-test.v")
	child.Env = append(os.Environ(), holdsCells+"="+seconds, "SLIPWAY_SSM_AGENT_DIR="+agent, "TMPDIR="+dir)
	var said bytes.Buffer
	child.Stdout, child.Stderr = &said, &said
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = child.Wait() // it is killed
		close(ended)
	}()
	deadline := time.Now().Add(60 * time.Second)
	for sleepers(t, seconds) < 2 {
		select {
		case <-ended:
			if bytes.Contains(said.Bytes(), []byte("no cells here")) {
				t.Skip("no cells here")
			}
			t.Fatalf("it ended: %s", said.Bytes())
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			_ = child.Process.Kill()
			t.Fatalf("the script does not run: %s", said.Bytes())
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-ended
	for deadline := time.Now().Add(30 * time.Second); sleepers(t, seconds) > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d processes of the cell go on", sleepers(t, seconds))
		}
	}
}

// sleepers counts the processes that sleep for so long.
func sleepers(t *testing.T, seconds string) (n int) {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range lines {
		content, err := os.ReadFile(path)
		if err == nil && bytes.Equal(content, []byte("sleep\x00"+seconds+"\x00")) {
			n++
		}
	}
	return n
}
