package node

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// init makes this program a script's accomplice when it is run so: it tries to leave the sandbox and prints what it
// was able to do.
func init() {
	if len(os.Args) < 3 || os.Args[1] != "attack-for-test" {
		return
	}
	for name, attack := range map[string]func(string) error{
		"write": writeTo, "remount": remount, "setattr": setattr, "nested": nested, "trace": trace, "sysctl": sysctl, "uncover": uncover,
	} {
		if os.Args[2] == "nested" && (name == "nested" || name == "trace") {
			continue
		}
		if err := attack(os.Args[3]); err == nil {
			fmt.Println("escaped:", os.Args[2], name)
		}
	}
	fmt.Println("tried", os.Args[2])
	os.Exit(0)
}

// writeTo asks the kernel: an ordinary user could not write there anyway.
func writeTo(dir string) error {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return err
	}
	if st.Flags&unix.ST_RDONLY != 0 {
		return errors.New("it is read-only")
	}
	return nil
}

// uncover looks for what is below a mount of the node.
func uncover(string) error { return unix.Unmount("/dev", unix.MNT_DETACH) }

func remount(dir string) error {
	_ = unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND, "")
	_ = unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND, "")
	return writeTo(dir)
}

func setattr(dir string) error {
	attr := &unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY}
	_ = unix.MountSetattr(unix.AT_FDCWD, "/", unix.AT_RECURSIVE, attr)
	return writeTo(dir)
}

// sysctl opens what is the machine's root's in any user namespace.
func sysctl(string) error {
	_ = unix.Mount("proc", "/proc", "proc", 0, "")
	f, err := os.OpenFile("/proc/sys/kernel/core_pattern", os.O_WRONLY, 0)
	if err == nil {
		return f.Close()
	}
	return err
}

// nested tries the same with all rights over a namespace of its own. Where there is none to be had that is fine.
func nested(dir string) error {
	cmd := exec.Command("/proc/self/exe", "attack-for-test", "nested", dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		AmbientCaps: []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_DAC_OVERRIDE},
	}
	out, err := cmd.Output()
	fmt.Print(string(out))
	if err != nil {
		return err
	}
	return errors.New("the nested one says what it could do")
}

// trace tries to get hold of the helpers, and of what they hold.
func trace(string) error {
	pids, err := helpers()
	if err != nil {
		return err
	}
	if len(pids) == 0 {
		fmt.Println("no helper is to be seen")
	}
	for _, pid := range pids {
		if err := unix.PtraceAttach(pid); err == nil {
			return nil
		}
		if err := unix.PtraceSeize(pid); err == nil {
			return nil
		}
		for _, name := range []string{"mem", "root/etc", "cwd/etc", "fd/3", "exe", "ns/mnt", "ns/user"} {
			if f, err := os.Open(fmt.Sprintf("/proc/%d/%s", pid, name)); err == nil {
				fmt.Println("opened", name)
				return f.Close()
			}
		}
	}
	return errors.New("not traced")
}

func helpers() (pids []int, err error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err == nil && strings.HasPrefix(commandLine(pid), initName) {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// accomplice puts this program where a node's scripts find it.
func accomplice(t *testing.T, n *Node) {
	t.Helper()
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := writeExecutable(n.cfg.Dir+"/work/accomplice", self, 0o755); err != nil {
		t.Fatal(err)
	}
}

// bothLives runs a test with a process namespace and without one, as --keep has it.
func bothLives(t *testing.T, test func(t *testing.T, n *Node)) {
	t.Helper()
	for name, keep := range map[string]bool{"ends with the node": false, "kept": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := testConfig(t)
			cfg.Sandbox.Keep = keep
			n := testNode(t, cfg)
			requireSandbox(t, n)
			test(t, n)
		})
	}
}

// TestScriptsCannotUndoTheMounts: nor by way of the helper, which made them.
func TestScriptsCannotUndoTheMounts(t *testing.T) {
	t.Parallel()
	bothLives(t, func(t *testing.T, n *Node) {
		accomplice(t, n)
		got := runShell(t, n, "./accomplice attack-for-test script /usr")
		if got.Status != Success || strings.Contains(got.StandardOutput, "escaped") || !strings.Contains(got.StandardOutput, "tried script\n") {
			t.Errorf("got %+v", got)
		}
		if strings.Contains(got.StandardOutput, "no helper") {
			t.Error("nothing was there to be traced")
		}
	})
}

// TestScriptsHaveFewCapabilities compares with what the node's commands may have at most.
func TestScriptsHaveFewCapabilities(t *testing.T) {
	t.Parallel()
	bothLives(t, func(t *testing.T, n *Node) {
		var most uint64
		for _, c := range keptCapabilities {
			most |= 1 << c
		}
		got := runShell(t, n, "grep -h ^Cap /proc/self/status; grep -q "+initName+" /proc/$PPID/cmdline && cat /proc/$PPID/status || cat /proc/$(cut -d' ' -f4 /proc/$PPID/stat)/status")
		lines := 0
		for line := range strings.Lines(got.StandardOutput) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ":\t")
			if !strings.HasPrefix(name, "Cap") {
				continue
			}
			lines++
			if has, err := strconv.ParseUint(value, 16, 64); err != nil || has&^most != 0 {
				t.Errorf("%s is %s, %v", name, value, err)
			}
		}
		if lines != 10 {
			t.Errorf("got %+v", got)
		}
	})
}

// TestRootlikeWork is what installation scripts do, and must still be able to.
func TestRootlikeWork(t *testing.T) {
	t.Parallel()
	bothLives(t, func(t *testing.T, n *Node) {
		got := runShell(t, n, "set -e; cd $HOME; id -u; touch f; chmod 000 f; cat f; chown 0:0 f; mkfifo p; ln -s f l; mv f g",
			"(kill -9 $$ & ) ; sleep 1; echo no")
		if got.StandardOutput != "0\n" {
			t.Errorf("got %+v", got)
		}
	})
}

// hostHas tells whether a process with this in its command line is on the machine.
func hostHas(t *testing.T, text string) bool {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil && strings.Contains(commandLine(pid), text) {
			return true
		}
	}
	return false
}

func requireProcessNamespace(t *testing.T, n *Node) {
	t.Helper()
	requireSandbox(t, n)
	if strings.Contains(n.Limits(), "signal") {
		t.Skipf("no process namespaces on this system: %s", n.Limits())
	}
}

// TestProcessNamespace: scripts reach the processes of their node only, and all of those end with it.
func TestProcessNamespace(t *testing.T) {
	t.Parallel()
	n := testNode(t, testConfig(t))
	requireProcessNamespace(t, n)
	victim := exec.Command("sleep", "4321.25")
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := victim.Process.Kill(); err != nil {
			t.Error("the script killed a process of the machine:", err)
		}
		_ = victim.Wait() // killed
	})
	got := runShell(t, n, fmt.Sprintf("kill -9 %d 2>/dev/null && echo killed", victim.Process.Pid),
		"for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; echo; done | grep 4321.25 | grep -v grep",
		"env -i sleep 4322.25 >/dev/null 2>&1 &", "env -i setsid sleep 4323.25 >/dev/null 2>&1 &", "exit 0")
	if got.Status != Success || got.StandardOutput != "" {
		t.Errorf("got %+v", got)
	}
	for tries := 0; !hostHas(t, "4322.25") || !hostHas(t, "4323.25"); tries++ {
		if tries == 100 {
			t.Fatal("what the script started ended with it")
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if hostHas(t, "4322.25") || hostHas(t, "4323.25") {
		t.Error("what the script started went on after the node")
	}
}

// TestZombies: the process namespace has an init that waits for orphans.
func TestZombies(t *testing.T) {
	t.Parallel()
	n := testNode(t, testConfig(t))
	requireProcessNamespace(t, n)
	got := runShell(t, n, "for i in 1 2 3 4 5; do (sleep 0.1 &); done; sleep 0.5; grep -l '^State:.Z' /proc/[0-9]*/status")
	if got.StandardOutput != "" {
		t.Errorf("got %+v", got)
	}
}

// TestKeep: what goes on after a node does so until its file system is mounted anew.
func TestKeep(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.Sandbox.Keep = true
	var logged strings.Builder
	cfg.Logf = func(format string, args ...any) { fmt.Fprintf(&logged, format+"\n", args...) }
	n := testNode(t, cfg)
	requireSandbox(t, n)
	if !strings.Contains(n.Limits(), "scripts can signal all processes of this user: what they start goes on after the end") {
		t.Errorf("the limits are %q", n.Limits())
	}
	if got := runShell(t, n, "setsid sleep 4324 >/dev/null 2>&1 & exit 0"); got.Status != Success {
		t.Fatalf("got %+v", got)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	second := testNode(t, cfg)
	time.Sleep(100 * time.Millisecond)
	if left, err := Processes(cfg.Sandbox.Marker); err != nil || len(left) != 1 || left[0].Command != "sleep 4324" {
		t.Errorf("a node that runs nothing: %+v, %v", left, err)
	}
	if got := runShell(t, second, "echo on"); got.StandardOutput != "on\n" {
		t.Errorf("got %+v", got)
	}
	if left, err := Processes(cfg.Sandbox.Marker); err != nil || len(left) != 0 {
		t.Errorf("left: %+v, %v", left, err)
	}
	const want = "stopped 1 processes that an earlier run kept on this node: its file system is mounted anew\n"
	if logged.String() != want {
		t.Errorf("logged %q", logged.String())
	}
}

func TestDevices(t *testing.T) {
	t.Parallel()
	bothLives(t, func(t *testing.T, n *Node) {
		got := runShell(t, n, "ls /dev; echo x >/dev/null; head -c 3 /dev/zero | wc -c; echo in | cat /dev/stdin; echo err >/dev/stderr",
			"chmod 600 /dev/null 2>/dev/null && echo changed", "mknod $HOME/disk b 8 0 2>/dev/null && echo made; echo x >/dev/shm/x; cat /dev/shm/x")
		const want = "fd\nfull\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n3\nin\nx\n"
		if got.StandardOutput != want || !strings.HasPrefix(got.StandardError, "err\n") {
			t.Errorf("got %+v", got)
		}
		if f, err := os.OpenFile("/dev/null", os.O_WRONLY, 0); err != nil || f.Close() != nil {
			t.Error("/dev/null of the machine:", err)
		}
	})
}

func TestHide(t *testing.T) {
	t.Parallel()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	home, err := os.MkdirTemp("/var/tmp", "slipway-test-*") // an overlay covers it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(home); err != nil {
			t.Error(err)
		}
	})
	for _, dir := range []string{root + "/data", root + "/data-2", root + "/config/cache/secret", home + "/.ssh"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"/data/local.json", "/data-2/file", "/config/keys", "/config/cache/secret/key"} {
		if err := os.WriteFile(root+file, []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"/.ssh/id", "/.netrc", "/other"} {
		if err := os.WriteFile(home+file, []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(home+"/.netrc", home+"/link"); err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(t)
	cfg.Dir = root + "/data/nodes/i-1"
	t.Cleanup(func() {
		if err := Remove(root + "/data"); err != nil {
			t.Error(err)
		}
	})
	cfg.Sandbox.Caches = map[string]string{"CACHE": root + "/config/cache"}
	cfg.Sandbox.Hide = []string{root + "/data", root + "/config", root + "/config/cache/secret", home + "/.ssh",
		home + "/link", root + "/data/nodes/i-1/work", "/no/such/place"}
	n := testNode(t, cfg)
	requireSandbox(t, n)
	if strings.Contains(n.Limits(), "hidden") {
		t.Errorf("the limits are %q", n.Limits())
	}
	got := runShell(t, n, "pwd; echo mine >file; cd "+root, "ls data config config/cache config/cache/secret", "echo x >config/cache/x",
		"cat "+home+"/.netrc; ls -A "+home+"/.ssh; cat "+home+"/other; echo; touch data/x config/x 2>/dev/null || echo no",
		"umount "+root+"/config 2>/dev/null; umount -l "+home+"/.ssh 2>/dev/null; ls config "+home+"/.ssh")
	want := root + "/data/nodes/i-1/work\nconfig:\ncache\n\nconfig/cache:\nsecret\n\nconfig/cache/secret:\n\ndata:\nnodes\n" +
		"secret\nno\n" + home + "/.ssh:\n\nconfig:\ncache\n"
	if got.StandardOutput != want {
		t.Errorf("got %s\nwant %s\nstderr %s", got.StandardOutput, want, got.StandardError)
	}
	for path, want := range map[string]string{cfg.Dir + "/work/file": "mine\n", root + "/config/cache/x": "x\n"} {
		if b, err := os.ReadFile(path); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v", path, b, err)
		}
	}
}

// TestRootIsWarned: with a sandbox and without.
func TestRootIsWarned(t *testing.T) {
	t.Parallel()
	for _, direct := range []bool{false, true} {
		cfg := testConfig(t)
		cfg.Sandbox.NoNamespaces = direct
		if got := strings.Contains(testNode(t, cfg).Limits(), "slipway runs as root, and so do scripts"); got != (os.Geteuid() == 0) {
			t.Errorf("direct %t: warned %t", direct, got)
		}
	}
}

// TestRecordedOutputIsBounded: a script that prints without end does not fill the disk, and is not stopped either.
func TestRecordedOutputIsBounded(t *testing.T) {
	t.Parallel()
	n := testNode(t, testConfig(t))
	got := runShell(t, n, "head -c 70000000 /dev/zero; sleep 1; stat -c %s "+n.cfg.Dir+"/commands/$SSM_COMMAND_ID/one/*/stdout >&2", "head -c 70000000 /dev/zero")
	if got.Status != Success || strings.TrimSpace(got.StandardError) != strconv.Itoa(maxRecorded) {
		t.Errorf("got %s %d, stderr %q", got.Status, got.Code, got.StandardError)
	}
	files, err := filepath.Glob(n.cfg.Dir + "/commands/*/one/*/stdout")
	if err != nil || len(files) != 1 {
		t.Fatalf("got %q, %v", files, err)
	}
	if info, err := os.Stat(files[0]); err != nil || info.Size() != maxRecorded {
		t.Errorf("recorded: %v, %v", info.Size(), err)
	}
}
