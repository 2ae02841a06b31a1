//go:build unix

package cli

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// started is a program of a test, in a folder of its own.
func started(t *testing.T, script string) (p program, said *[]string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "smoke.sh"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	said = new([]string)
	return program{path: "smoke.sh", folder: dir, env: os.Environ(), limit: time.Minute, whole: true,
		tell: func(line string) { *said = append(*said, line) }}, said
}

// TestWhatAProgramLeavesBehind: it has an end, and everything that it started ends with it.
func TestWhatAProgramLeavesBehind(t *testing.T) {
	t.Parallel()
	const child = "#!/bin/sh\n%trap% sleep 300 >/dev/null 2>&1 &\necho $! >child\n"
	for name, c := range map[string]struct {
		script string
		limit  time.Duration
		cancel bool
		err    string
	}{
		"after success":       {child, time.Minute, false, ""},
		"after failure":       {child + "exit 7\n", time.Minute, false, "exit status 7"},
		"its time is over":    {child + "sleep 300\n", time.Second, false, "smoke.sh was not done after 1s, and was ended"},
		"interrupted":         {child + "sleep 300\n", time.Minute, true, "context canceled"},
		"deaf to SIGTERM":     {strings.Replace(child, "%trap%", "trap '' TERM;", 1) + "sleep 300\n", time.Second, false, "was ended"},
		"with an open output": {"#!/bin/sh\nsleep 300 &\necho $! >child\n", time.Minute, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _ := started(t, strings.Replace(c.script, "%trap% ", "", 1))
			p.limit = c.limit
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.cancel {
				time.AfterFunc(time.Second, cancel)
			}
			began := time.Now()
			err := p.run(ctx)
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("ended with %v, want %q", err, c.err)
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("took %s", took)
			}
			gone(t, filepath.Join(p.folder, "child"))
		})
	}
}

// gone waits until a process is none any more.
func gone(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid := 0
	for _, digit := range strings.TrimSpace(string(text)) {
		pid = pid*10 + int(digit-'0')
	}
	if pid < 2 {
		t.Fatalf("no child: %q", text)
	}
	for range 100 {
		if syscall.Kill(pid, 0) != nil || zombie(string(text)) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("its child %d lives on", pid)
}

// zombie says of a process that it has ended, and that nobody asked for its exit code: there may be no init here that does.
func zombie(pid string) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", strings.TrimSpace(pid), "stat"))
	return err == nil && strings.Contains(string(stat), ") Z ")
}

// TestProgramsThatCannotBeStarted are no success.
func TestProgramsThatCannotBeStarted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(path string) error
		err    string
	}{
		"missing":        {os.Remove, "no such file"},
		"not executable": {func(path string) error { return os.Chmod(path, 0o600) }, "permission denied"},
		"no interpreter": {func(path string) error { return os.WriteFile(path, []byte("#!/no/such/shell\n"), 0o600) }, "no such file"},
		"no program":     {func(path string) error { return os.WriteFile(path, []byte("\x00\x01"), 0o600) }, "format error"},
		"a folder":       {func(path string) error { _ = os.Remove(path); return os.Mkdir(path, 0o700) }, "permission denied"},
		"killed":         {func(path string) error { return os.WriteFile(path, []byte("#!/bin/sh\nkill -9 $$\n"), 0o600) }, "signal: killed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _ := started(t, "#!/bin/sh\n")
			if err := c.change(filepath.Join(p.folder, "smoke.sh")); err != nil {
				t.Fatal(err)
			}
			if err := p.run(t.Context()); (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("ended with %v, want %q", err, c.err)
			}
		})
	}
}

// TestAProgramMayPrintMuch: all of it is told, in parts that are bounded.
func TestAProgramMayPrintMuch(t *testing.T) {
	t.Parallel()
	p, said := started(t, "#!/bin/sh\nhead -c 50000000 /dev/zero | tr '\\0' x\necho\necho end\n")
	longest, all, last := 0, 0, ""
	p.tell = func(line string) { longest, all, last = max(longest, len(line)), all+len(line), line }
	if err := p.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if all != 50_000_003 || last != "end" || longest > longestHookLine+64<<10 || len(*said) > 0 {
		t.Errorf("%d bytes in lines of %d, the last %q", all, longest, last)
	}
}
