package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestGuards(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	for _, program := range []string{"systemctl", "docker"} {
		if err := writeExecutable(filepath.Join(bin, program), []byte("#!/bin/sh\necho really "+program+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, direct := range map[string]bool{"sandbox": false, "direct": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := testConfig(t)
			cfg.Sandbox.NoNamespaces = direct
			cfg.Sandbox.Path = bin + ":" + os.Getenv("PATH")
			cfg.Sandbox.Guards = []string{"systemctl", "docker", "reboot"}
			cfg.Sandbox.Allow = []string{"docker"}
			n := testNode(t, cfg)
			got := runShell(t, n, "systemctl restart web")
			if got.Code != 126 || !strings.Contains(got.StandardError, "slipway: systemctl is refused on a built-in node: it would act on this machine. Declare it in the release file, under local.allow ") {
				t.Errorf("got %+v", got)
			}
			// In a sandbox, /tmp is another, but what PATH needs of the machine's is there.
			if got := runShell(t, n, "docker ps"); got.StandardOutput != "really docker\n" {
				t.Errorf("allowed: got %+v", got)
			}
			if got := runShell(t, n, bin+"/systemctl"); !direct && n.Limits() == "" && got.Code != 126 {
				t.Errorf("by its full path: got %+v", got)
			}
		})
	}
}

// TestGuardsCoverFullPaths: a script that does not go through PATH is refused as well, inside a sandbox.
func TestGuardsCoverFullPaths(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.Sandbox.Guards = []string{"sleep"} // any program that every system has
	covered := locate("sleep", cfg.Sandbox.Path)
	if len(covered) == 0 {
		t.Skip("sleep is a link to another program on this system")
	}
	n := testNode(t, cfg)
	requireSandbox(t, n)
	if got := runShell(t, n, covered[0]+" 0"); got.Code != 126 || !strings.Contains(got.StandardError, "sleep is refused") {
		t.Errorf("got %+v", got)
	}
}

func TestStubsRecord(t *testing.T) {
	t.Parallel()
	for name, direct := range map[string]bool{"sandbox": false, "direct": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := testConfig(t)
			cfg.Sandbox.NoNamespaces = direct
			cfg.Sandbox.Guards = []string{"systemctl", "docker"}
			cfg.Sandbox.Stubs = []string{"docker"}
			n := testNode(t, cfg)
			got := runShell(t, n, "docker compose up -d 'a  b;id'")
			if got.Status != Success || !strings.Contains(got.StandardError, "slipway: recorded, not run: docker compose up -d a  b;id") {
				t.Errorf("got %+v", got)
			}
			b, err := os.ReadFile(filepath.Join(cfg.Dir, StubLog))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(string(b), " "+cfg.Dir+"/work: docker compose up -d a  b;id\n") || strings.Count(string(b), "\n") != 1 {
				t.Errorf("the record is %q", b)
			}
		})
	}
}

// TestStubsRecordForEveryUser: a script with run-as is another user of the node, whose calls are recorded as well.
func TestStubsRecordForEveryUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	program := "sleep"
	cfg := testConfig(t)
	cfg.Sandbox.Guards, cfg.Sandbox.Stubs = []string{program}, []string{program}
	n := testNode(t, cfg)
	requireSandbox(t, n)
	path := locate(program, cfg.Sandbox.Path)
	if len(path) == 0 {
		t.Skip("sleep is a link to another program on this system")
	}
	got := runShell(t, n, "cd /; setpriv --reuid 65534 --regid 65534 --clear-groups "+path[0]+" 7")
	if got.Status != Success {
		t.Errorf("got %+v", got)
	}
	calls, err := StubCalls(cfg.Dir, time.Time{})
	if err != nil || len(calls) != 1 || calls[0] != program+" 7" {
		t.Errorf("recorded %q, %v", calls, err)
	}
}

func TestGuardsAreRenewed(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.Sandbox.NoNamespaces = true
	cfg.Sandbox.Guards = []string{"slipway-test-program"}
	if got := runShell(t, testNode(t, cfg), "slipway-test-program"); got.Code != 126 {
		t.Errorf("got %+v", got)
	}
	cfg.Sandbox.Allow = cfg.Sandbox.Guards
	if got := runShell(t, testNode(t, cfg), "slipway-test-program 2>/dev/null"); got.Code != 127 {
		t.Errorf("got %+v", got)
	}
}

func TestBadSandbox(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"guard with a path":  func(c *Config) { c.Sandbox.Guards = []string{"../docker"} },
		"guard with a quote": func(c *Config) { c.Sandbox.Guards = []string{"a'b"} },
		"marker":             func(c *Config) { c.Sandbox.Marker = "a/b" },
		"relative cache":     func(c *Config) { c.Sandbox.Caches = map[string]string{"GOCACHE": "cache"} },
		"cache is a file":    func(c *Config) { c.Sandbox.Caches = map[string]string{"GOCACHE": file} },
		"cache's variable":   func(c *Config) { c.Sandbox.Caches = map[string]string{"A=B": t.TempDir()} },
		"instance id":        func(c *Config) { c.InstanceID = "../i-1" },
		"no directory":       func(c *Config) { c.Dir = "" },
		"no credentials":     func(c *Config) { c.Credentials = nil },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t)
			change(&cfg)
			if n, err := New(cfg); err == nil {
				t.Errorf("was taken: %+v", n.cfg)
			}
		})
	}
}

func TestSandboxIsReadOnly(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	n := testNode(t, testConfig(t))
	requireSandbox(t, n)
	for _, place := range []string{"/", "/usr", "/usr/bin", "/dev", outside} {
		if got := runShell(t, n, "echo x 2>/dev/null >"+place+"/slipway-was-here && echo written"); got.StandardOutput != "" && place != outside {
			t.Errorf("%s: got %+v", place, got)
		}
		if _, err := os.Stat(place + "/slipway-was-here"); err == nil {
			t.Errorf("%s is not read-only", place)
		}
	}
	got := runShell(t, n, "mount -o remount,rw /usr 2>/dev/null; touch /usr/slipway-was-here")
	if got.Status != Failed {
		t.Errorf("after a remount: got %+v", got)
	}
	// A program of its own namespace makes another one, but what is read-only is locked there.
	got = runShell(t, n, "unshare -Urm sh -c 'mount -o remount,bind,rw /usr && touch /usr/slipway-was-here'")
	if got.Status == Success {
		t.Errorf("in a namespace within: got %+v", got)
	}
	if got := runShell(t, n, "ls -A /run; ls /run/docker.sock /run/systemd/private"); !strings.Contains(got.StandardError, "No such file") {
		t.Errorf("/run: got %+v", got)
	}
}

func TestSandboxOverlayPersists(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	n := testNode(t, cfg)
	requireSandbox(t, n)
	if strings.Contains(n.Limits(), "stay read-only") {
		t.Skipf("no overlays on this system: %s", n.Limits())
	}
	script := []string{"set -e", "mkdir -p /opt/slipway-test /srv/slipway-test", "echo v1 >/opt/slipway-test/version",
		"echo mine >/etc/new", "mv -f /etc/new /etc/hostname", "echo 1 >/run/app.pid", "rm -f /etc/group",
		"echo x >/usr/local/bin/slipway-test", "mkdir /var/lib/slipway-test", "echo x >/root/slipway-test", "cat /opt/slipway-test/version"}
	if got := runShell(t, n, script...); got.StandardOutput != "v1\n" {
		t.Fatalf("got %+v", got)
	}
	if _, err := os.Stat("/opt/slipway-test"); err == nil {
		t.Fatal("/opt of the machine was written to")
	}
	const look = "cat /opt/slipway-test/version /etc/hostname /run/app.pid; ls /etc/group"
	const want = "v1\nmine\n1\n"
	if got := runShell(t, n, look); got.StandardOutput != want {
		t.Errorf("the next command: got %+v", got)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if got := runShell(t, testNode(t, cfg), look); got.StandardOutput != want {
		t.Errorf("after the node began again: got %+v", got)
	}
}

// TestSandboxHelperDies: the node starts another helper, and the script that ran is not said to have succeeded.
func TestSandboxHelperDies(t *testing.T) {
	t.Parallel()
	n := testNode(t, testConfig(t))
	requireSandbox(t, n)
	got := runShell(t, n, "p=$PPID", "grep -q "+initName+" /proc/$p/cmdline || p=$(cut -d' ' -f4 /proc/$p/stat)", "kill -9 $p; sleep 30")
	if got.Status != Failed || !strings.Contains(got.StandardError, "sandbox ended while the script ran") {
		t.Errorf("got %+v", got)
	}
	assertNoProcesses(t, n)
	if got := runShell(t, n, "echo again"); got.StandardOutput != "again\n" {
		t.Errorf("got %+v", got)
	}
}

// TestSandboxClosedWhileAScriptRuns is also what happens when slipway is killed: nothing goes on unwatched.
func TestSandboxClosedWhileAScriptRuns(t *testing.T) {
	t.Parallel()
	n := testNode(t, testConfig(t))
	requireSandbox(t, n)
	time.AfterFunc(300*time.Millisecond, func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	if got := runShell(t, n, "sleep 60"); got.Status != Failed {
		t.Errorf("got %+v", got)
	}
	assertNoProcesses(t, n)
	if got := runShell(t, n, "echo again"); got.Status != Failed || !strings.Contains(got.StandardError, "the node is closed") {
		t.Errorf("got %+v", got)
	}
}

func TestRemove(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "node")
	if err := os.MkdirAll(dir+"/overlay/etc/work/work", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/overlay/etc/work/file", nil, 0); err != nil {
		t.Fatal(err)
	}
	for _, sub := range []string{"/overlay/etc/work/work", "/overlay/etc/work"} {
		if err := os.Chmod(dir+sub, 0); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the second time there is nothing
		if err := Remove(dir); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
}
