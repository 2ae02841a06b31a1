package node

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// serveForTest makes this program a small server when a test's command runs it so.
func serveForTest() {
	if len(os.Args) < 2 || os.Args[1] != "serve-for-test" {
		return
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		os.Exit(1)
	}
	fmt.Println(l.Addr())
	time.Sleep(time.Minute)
	os.Exit(0)
}

func TestProcessesAndStop(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		if _, err := Processes("x"); !errors.Is(err, ErrUnsupported) {
			t.Errorf("got %v", err)
		}
		t.Skip("processes are listed on Linux")
	}
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	bothWays(t, func(t *testing.T, n *Node) {
		if err := writeExecutable(n.cfg.Dir+"/work/server", self, 0o755); err != nil {
			t.Fatal(err)
		}
		marker := n.cfg.Sandbox.Marker
		got := runShell(t, n, "setsid nohup ./server serve-for-test >addr 2>&1 &",
			"sh -c 'trap \"\" TERM; while :; do sleep 1; done' >/dev/null 2>&1 &",
			"while ! grep -q : addr; do sleep 0.05; done; cat addr")
		if got.Status != Success {
			t.Fatalf("got %+v", got)
		}
		found, err := Processes(marker)
		if err != nil {
			t.Fatal(err)
		}
		addr := strings.TrimSpace(got.StandardOutput)
		if !hasServer(found, addr) {
			t.Errorf("no process that listens at %s in %+v", addr, found)
		}
		if other, err := Processes(marker + "x"); err != nil || len(other) != 0 {
			t.Errorf("another marker: %+v, %v", other, err)
		}
		if err := Stop(t.Context(), marker, 200*time.Millisecond); err != nil {
			t.Error(err)
		}
		if left, err := Processes(marker); err != nil || len(left) != 0 {
			t.Errorf("left: %+v, %v", left, err)
		}
	})
}

func hasServer(found []Process, addr string) bool {
	for _, p := range found {
		if len(p.Listening) == 1 && p.Listening[0] == addr && p.InstanceID == testInstance && p.Command == "./server serve-for-test" {
			return true
		}
	}
	return false
}
