package plan

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/release"
)

// born is when a process began, as the node's lock has it.
func born(t *testing.T, pid int) string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Skip("this machine has no /proc")
	}
	return strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))[19]
}

func (s shell) state() string { return filepath.Join(s.node, "shop.node") }

func (s shell) locked(t *testing.T, format string, args ...any) {
	t.Helper()
	if err := os.WriteFile(s.state(), fmt.Appendf(nil, format+"\n", args...), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestR111TheNodesLock(t *testing.T) {
	t.Parallel()
	eachShell(t, func(t *testing.T, s shell) {
		free := func(why string, env ...string) {
			t.Helper()
			begin := time.Now()
			got := s.run(t, "echo ran", nil, env...)
			if got.Code != 0 || got.Stdout != "ran\n" {
				t.Errorf("%s: got %+v", why, got)
			}
			if waited := time.Since(begin); waited > 20*time.Second {
				t.Errorf("%s: took %s", why, waited)
			}
		}
		free("nobody has it")
		s.locked(t, "other 4194300 77 9999999999 shop/dev/release")
		free("its owner was killed")
		s.locked(t, "other %d 77 9999999999 shop/dev/release", os.Getpid())
		free("its owner's number is another process's by now")
		s.locked(t, "other 0 0 %d shop/dev/release", time.Now().Add(-time.Second).Unix())
		free("its owner sent no other step in time")
		s.locked(t, "mine 0 0 %d shop/dev/release", time.Now().Add(time.Hour).Unix())
		free("an earlier step of the same command has it", "SSM_COMMAND_ID=mine")
		s.locked(t, "half a li")
		free("it cannot be read")

		w := testWrapping("deploy/release.sh", "echo ran")
		s.locked(t, "other 0 0 %d shop/dev/release", time.Now().Add(2*time.Second).Unix())
		if got := s.runWrapped(t, w); got.Stdout != "slipway: waiting for another deploy on this node (shop/dev/release, command other)\nran\n" {
			t.Errorf("between two steps of another command: got %+v", got)
		}
		s.locked(t, "other %d %s 9999999999 shop/dev/release", os.Getpid(), born(t, os.Getpid()))
		w.limit = 4 * time.Second
		got := s.runWrapped(t, w)
		if got.Code != 1 || strings.Contains(got.Stdout, "ran") || !strings.Contains(got.Stderr, "slipway: NODE_LOCKED: another deploy still has this node after 2 s (shop/dev/release, command other): nothing was run\n") {
			t.Errorf("another command runs: got %+v", got)
		}
		w.app = "blog"
		if got := s.runWrapped(t, w); got.Stdout != "ran\n" {
			t.Errorf("another app runs: got %+v", got)
		}
	})
}

func TestR111TheLockIsGivenBackOrKept(t *testing.T) {
	t.Parallel()
	eachShell(t, func(t *testing.T, s shell) {
		for _, c := range []struct {
			script string
			last   bool
			kept   bool
		}{{"true", true, false}, {"true", false, true}, {"exit 3", false, false}, {"exit 137", false, false}} {
			w := testWrapping("deploy/release.sh", c.script)
			w.last = c.last
			s.runWrapped(t, w, "SSM_COMMAND_ID=mine")
			state, err := os.ReadFile(s.state())
			if err != nil {
				t.Fatal(err)
			}
			if kept := strings.HasPrefix(string(state), "mine 0 0 "); kept != c.kept || !kept && len(state) > 0 {
				t.Errorf("%s, last %t: the state is %q", c.script, c.last, state)
			}
		}
		log, err := os.ReadFile(filepath.Join(s.node, "slipway.log"))
		if err != nil || strings.Count(string(log), " shop/dev/release release command mine exit ") != 4 || !strings.Contains(string(log), "exit 3\n") {
			t.Errorf("the node's log: %q, %v", log, err)
		}
	})
}

func TestR111AKilledScriptDoesNotBlockTheNextDeploy(t *testing.T) {
	t.Parallel()
	s := newShell(t, true)
	file := filepath.Join(s.home, "_script.sh")
	writeExecutable(t, file, strings.Join(wrap(testWrapping("r.sh", "touch $HOME/begun\nsleep 60\n")), "\n"))
	cmd := exec.Command("/bin/sh", "-c", file)
	cmd.Env = append(s.env, "SSM_COMMAND_ID=killed")
	setGroup(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(s.home, "begun")); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it does not begin")
		}
	}
	if state, err := os.ReadFile(s.state()); err != nil || !strings.HasPrefix(string(state), "killed ") {
		t.Errorf("the state is %q, %v", state, err)
	}
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	left, _ := filepath.Glob(filepath.Join(s.temp, "slipway.*"))
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.run(t, "echo ran", nil); got.Stdout != "ran\n" {
		t.Errorf("got %+v", got)
	}
}

func TestANodeWithoutFlockSaysSo(t *testing.T) {
	t.Parallel()
	s := newShell(t, true)
	if err := os.Remove(filepath.Join(s.bin, "flock")); err != nil {
		t.Fatal(err)
	}
	if got := s.run(t, "echo ran", nil); got.Stdout != "ran\n" || !strings.Contains(got.Stderr, "has no flock") {
		t.Errorf("got %+v", got)
	}
}

func TestTheLineWhereAScriptFailed(t *testing.T) {
	t.Parallel()
	s := newShell(t, true)
	at := func(line, code int) string {
		return fmt.Sprintf("slipway: at deploy/release.sh:%d: exit code %d\n", line, code)
	}
	for name, test := range map[string]struct{ script, want string }{
		"a command":             {"echo one\nfalse\n", at(2, 1)},
		"a pipe":                {"echo one\n\ntrue | sh -c 'exit 7' | cat\n", at(3, 7)},
		"a function":            {"f() {\n  true\n  false\n}\necho\nf\n", at(3, 1)},
		"a subshell":            {"true\n(exit 5)\n", at(2, 5)},
		"its own shebang":       {"#!/bin/bash\nset -e\n\nfalse\n", at(4, 1)},
		"by env":                {"#!/usr/bin/env bash\nset -e\nfalse\n", at(3, 1)},
		"an exit":               {"false || true\nexit 3\n", ""},
		"where set -e is off":   {"set +e\nfalse\nexit 1\n", ""},
		"a failure that was ok": {"if false; then :; fi\n! true\nx=$(false) || true\necho fine\n", ""},
		"a child bash":          {"bash -c 'false; true'\nbash -c 'echo ${BASH_ENV-unset}' >&2\nexit 4\n", ""},
	} {
		if got := s.run(t, test.script, nil); got.Stderr != test.want {
			t.Errorf("%s: got %+v, want %q", name, got, test.want)
		}
	}
	other := filepath.Join(s.home, "lib.sh")
	if err := os.WriteFile(other, []byte("\nfalse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := s.run(t, ". $HOME/lib.sh\n", nil); got.Stderr != "slipway: at "+other+":2: exit code 1\n" {
		t.Errorf("a sourced file: got %+v", got)
	}
}

func TestR112TheEndOfALongOutput(t *testing.T) {
	t.Parallel()
	eachShell(t, func(t *testing.T, s shell) {
		got := s.run(t, "i=0; while [ $i -lt 3000 ]; do echo \"line $i of many\"; i=$((i+1)); done\necho the error >&2\nexit 9\n", nil)
		if got.Code != 9 || strings.Count(got.Stdout, "\n") != 3001 || !strings.HasSuffix(got.Stdout, "line 2999 of many\nthe error\n") {
			t.Errorf("code %d, %d bytes, not in one stream: …%q", got.Code, len(got.Stdout), got.Stdout[max(len(got.Stdout)-100, 0):])
		}
		if !strings.HasPrefix(got.Stderr, "slipway: the last 7000 bytes:\n") || !strings.HasSuffix(got.Stderr, "line 2999 of many\nthe error\n\n") || len(got.Stderr) > 7200 {
			t.Errorf("%d bytes of the end: %.100q", len(got.Stderr), got.Stderr)
		}
		if got := s.run(t, "echo short; exit 1", nil); got.Stderr != "" {
			t.Errorf("a short output: %+v", got)
		}
	})
}

// TestR112TheEndOfAScriptThatIsTimedOut: the agent kills it, and then nothing more can be said.
func TestR112TheEndOfAScriptThatIsTimedOut(t *testing.T) {
	t.Parallel()
	s := newShell(t, true)
	w := testWrapping("r.sh", "i=0; while [ $i -lt 3000 ]; do echo \"line $i of many\"; i=$((i+1)); done\nexec sleep 60\n")
	w.limit = 8 * time.Second
	file := filepath.Join(s.home, "_script.sh")
	writeExecutable(t, file, strings.Join(wrap(w), "\n"))
	cmd := exec.Command("/bin/sh", "-c", file)
	cmd.Env = s.env
	var stderr strings.Builder
	cmd.Stderr = &stderr
	setGroup(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(w.limit)
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	if got := stderr.String(); !strings.HasPrefix(got, "slipway: the last 7000 bytes:\n") || !strings.Contains(got, "line 2999 of many\n") {
		t.Errorf("stderr is %.100q", got)
	}
}

func TestADaemonThatHoldsTheOutput(t *testing.T) {
	t.Parallel()
	eachShell(t, func(t *testing.T, s shell) {
		begin := time.Now()
		got := s.run(t, "(n=0; while [ $n -lt 40 ]; do echo tick; sleep 0.1; n=$((n+1)); done; touch $HOME/lives) &\necho started\n", nil)
		if took := time.Since(begin); got.Code != 0 || !strings.HasPrefix(got.Stdout, "started\n") && !strings.Contains(got.Stdout, "tick") || took > 30*time.Second {
			t.Errorf("got %+v after %s", got, took)
		}
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			if _, err := os.Stat(filepath.Join(s.home, "lives")); err == nil {
				return
			}
			if time.Now().After(deadline) {
				t.Fatal("the daemon died")
			}
		}
	})
}

func TestUsersAndDirectories(t *testing.T) {
	t.Parallel()
	eachShell(t, func(t *testing.T, s shell) {
		w := func(user, where string) wrapping {
			w := testWrapping("deploy/release.sh", "echo $HOME; pwd")
			w.script.RunAs, w.script.WorkingDirectory = user, where
			return w
		}
		if got := s.runWrapped(t, w("", "/usr")); got.Stdout != s.home+"\n/usr\n" {
			t.Errorf("got %+v", got)
		}
		got := s.runWrapped(t, w("", "/no/such/place"))
		if got.Code != 1 || got.Stdout != "" || got.Stderr != "slipway: DIRECTORY_MISSING: the working directory /no/such/place is not there, or cannot be entered\n" {
			t.Errorf("got %+v", got)
		}
		got = s.runWrapped(t, w("no-such-user", ""))
		if got.Code != 1 || got.Stdout != "" || got.Stderr != "slipway: USER_MISSING: there is no user no-such-user on this node (run-as)\n" {
			t.Errorf("got %+v", got)
		}
		applets := len(s.sh) > 0 && s.sh[0] == "busybox"       // it has a su of its own, whatever PATH says
		if me, err := user.Current(); err == nil && !applets { // PATH has none of the programs that could do it
			got = s.runWrapped(t, w(otherThan(me.Username), ""))
			want := "slipway: USER_DENIED: " + me.Username + " cannot become " + otherThan(me.Username) + " here: none of runuser, setpriv and su does it\n"
			if got.Code != 1 || got.Stdout != "" || got.Stderr != want {
				t.Errorf("got %+v", got)
			}
		}
		got = s.runWrapped(t, w("no-such-user", ""), "SLIPWAY_ONE_USER=1")
		if got.Code != 0 || !strings.HasPrefix(got.Stdout, "slipway: this node has one user only: the script runs as ") {
			t.Errorf("got %+v", got)
		}
	})
}

// otherThan is a user that every machine has, and that is not this one.
func otherThan(me string) string {
	if me == "root" {
		return "nobody"
	}
	return "root"
}

// TestRunAs wants a script to run as its user by whatever program the node has for it.
func TestRunAs(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	for _, by := range []string{"runuser", "setpriv", "su"} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			s := newShell(t, true)
			path, err := exec.LookPath(by)
			if err != nil {
				t.Skipf("this machine has no %s", by)
			}
			if err := os.Symlink(path, filepath.Join(s.bin, by)); err != nil {
				t.Fatal(err)
			}
			// The user must come to the programs of the test's PATH.
			for dir := s.bin; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
				if err := os.Chmod(dir, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			w := testWrapping("deploy/release.sh", "id -un; echo \"$USER $Version\"; false")
			w.script.RunAs, w.parameters = "nobody", []release.Parameter{{Name: "Version"}}
			got := s.runWrapped(t, w, "SSM_Version=v1 and more")
			if got.Code != 1 || got.Stdout != "nobody\nnobody v1 and more\n" || got.Stderr != "slipway: at deploy/release.sh:1: exit code 1\n" {
				t.Errorf("got %+v", got)
			}
		})
	}
}
