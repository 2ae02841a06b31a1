package node

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// init makes this program what runs in an enclosure when it is run so: it tells what it finds there.
func init() {
	if len(os.Args) < 2 || os.Args[1] != "enclosed-for-test" {
		return
	}
	for _, address := range os.Args[2:] {
		conn, err := net.DialTimeout("tcp", address, 2*time.Second)
		if err != nil {
			fmt.Println(address, "is not reached")
			continue
		}
		greeting, err := io.ReadAll(conn)
		fmt.Println(address, "says", string(greeting), err)
	}
	for _, path := range []string{"/etc/resolv.conf", "/etc/hosts", "/etc/amazon/ssm/x"} {
		content, err := os.ReadFile(path)
		fmt.Printf("%s: %q %v\n", path, content, err != nil)
	}
	host, _ := os.Hostname()
	l, err := net.Listen("tcp", "0.0.0.0:80")
	fmt.Println(host, os.Getpid() < 100, os.Geteuid(), l != nil, err, len(os.Environ()))
	os.Exit(7)
}

// enclosed starts this program, with arguments, in an enclosure, and answers hello on its port.
func enclosed(t *testing.T, args ...string) (*Enclosure, *os.File) {
	t.Helper()
	cfg := testConfig(t)
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	mounted := filepath.Join(cfg.Dir, "program")
	if err := os.MkdirAll(mounted, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := writeExecutable(filepath.Join(mounted, "self"), self, 0o755); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	e, err := Enclose(EnclosureConfig{
		InstanceID: testInstance, Dir: cfg.Dir, Sandbox: cfg.Sandbox, HostName: "ip-10-0-0-4", Address: "10.0.0.4",
		Files:  map[string]string{"/etc/resolv.conf": "nameserver 169.254.169.253\n", "/etc/hosts": "10.0.0.4 ip-10-0-0-4\n"},
		Absent: []string{"/etc/amazon"}, Mounts: [][2]string{{mounted, "/run/program"}},
		Ports: []Port{{"tcp", "169.254.169.254:80"}},
		Argv:  append([]string{"/run/program/self"}, args...), Log: log,
	})
	if errors.Is(err, ErrNoEnclosure) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	l, err := net.FileListener(e.Ports[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(); _ = closeAll(e.Ports) })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "hello")
			_ = conn.Close()
		}
	}()
	return e, log
}

// TestEnclosure: a program finds the machine that it is given, and nothing of another but what this process answers.
func TestEnclosure(t *testing.T) {
	t.Parallel()
	outside, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = outside.Close() })
	e, log := enclosed(t, "enclosed-for-test", "169.254.169.254:80", outside.Addr().String(), "1.1.1.1:443", "169.254.169.254:443")
	if err := e.Wait(); err == nil || err.Error() != "exit status 7" {
		t.Errorf("it ended with %v, want 7", err)
	}
	got, err := os.ReadFile(log.Name())
	if err != nil {
		t.Fatal(err)
	}
	want := "169.254.169.254:80 says hello <nil>\n" + outside.Addr().String() + " is not reached\n1.1.1.1:443 is not reached\n" +
		"169.254.169.254:443 is not reached\n/etc/resolv.conf: \"nameserver 169.254.169.253\\n\" false\n" +
		"/etc/hosts: \"10.0.0.4 ip-10-0-0-4\\n\" false\n/etc/amazon/ssm/x: \"\" true\nip-10-0-0-4 true 0 true <nil> 1\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestEnclosureEnds with everything in it, also what began a session of its own.
func TestEnclosureEnds(t *testing.T) {
	t.Parallel()
	e, _ := enclosed(t, "sleeps-for-test", "4321.75")
	waitUntil(t, "the sleeper is there", func() bool { return hostHas(t, "sleeps-for-test") && hostHas(t, "sleep 4321.75") })
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "the sleeper is gone", func() bool { return !hostHas(t, "sleep 4321.75") })
	if err := e.Wait(); err == nil || err.Error() != "the cell ended" {
		t.Errorf("the wait ended with %v", err)
	}
}

// init makes this program one that leaves a daemon behind when it is run so.
func init() {
	if len(os.Args) < 3 || os.Args[1] != "sleeps-for-test" {
		return
	}
	daemon := exec.Command("sleep", os.Args[2])
	daemon.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := daemon.Start(); err != nil {
		fmt.Println(err)
	}
	time.Sleep(time.Hour)
}

func waitUntil(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not within 10 s: " + what)
		}
	}
}

// TestNetworkMessages: what the kernel refuses is told.
func TestNetworkMessages(t *testing.T) {
	t.Parallel()
	if got := attribute(3, []byte("eth0\x00")); len(got) != 12 || got[0] != 9 || !strings.HasPrefix(string(got[4:]), "eth0") {
		t.Errorf("got % x, want 9 bytes in 12", got)
	}
	if err := netlink(0xffff, nil); err == nil {
		t.Error("a message of no kind is accepted")
	}
	if err := bringUp("no-such-interfa"); err == nil {
		t.Error("an interface that is not there is brought up")
	}
	c := &cellSetup{Address: "::1"}
	if _, err := c.network(); err == nil {
		t.Error("an IPv6 address is accepted")
	}
}

// TestTrialsOfTheKilled: what a process that was killed while it tried the sandbox has left is gone with the next one.
func TestTrialsOfTheKilled(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	left := filepath.Join(cfg.Dir, trialPrefix+"1", "var", "work")
	if err := os.MkdirAll(left, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(left, 0); err != nil { // as overlay file systems have it
		t.Fatal(err)
	}
	requireSandbox(t, testNode(t, cfg))
	if found, err := filepath.Glob(filepath.Join(cfg.Dir, trialPrefix+"*")); len(found) > 0 || err != nil {
		t.Errorf("left: %v, %v", found, err)
	}
}
