package plan

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/release"
)

// shell is a node's surrounding: a directory of its own for everything, and a PATH with few programs.
type shell struct {
	home, temp, bin, node string
	env                   []string
	// sh runs the wrapper itself; empty for what the node's own #!/bin/sh is.
	sh []string
}

// newShell makes one. Without bash, its PATH holds only what the wrapper itself needs; the wrapper adds
// /usr/local/bin, so a bash there would defeat the test.
func newShell(t *testing.T, bash bool) shell {
	t.Helper()
	dir := t.TempDir()
	s := shell{home: filepath.Join(dir, "home"), temp: filepath.Join(dir, "tmp"), bin: filepath.Join(dir, "bin"),
		node: filepath.Join(dir, "node")}
	for _, d := range []string{s.home, s.temp, s.bin, s.node} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	programs := []string{"sh", "mktemp", "cat", "rm", "rmdir", "base64", "env", "sleep", "touch", "printenv", "setsid", "nohup", "find", "id", "false", "true", "dirname", "ls",
		"date", "wc", "dd", "tail", "mkdir", "flock", "cut", "grep", "getent", "chgrp", "chmod", "kill"}
	if bash {
		programs = append(programs, "bash")
	} else if _, err := os.Stat("/usr/local/bin/bash"); err == nil {
		t.Skip("this machine has a bash in /usr/local/bin, which the wrapper looks into")
	}
	for _, name := range programs {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Skipf("this machine has no %s", name)
		}
		if err := os.Symlink(path, filepath.Join(s.bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	s.env = []string{"HOME=" + s.home, "TMPDIR=" + s.temp, "PATH=" + s.bin, "SLIPWAY_NODE_DIR=" + s.node}
	return s
}

type outcome struct {
	Code           int
	Stdout, Stderr string
}

// writeExecutable writes a script while no other test forks: a child that holds the open file between its fork and its
// exec would make it busy (ETXTBSY).
func writeExecutable(t *testing.T, file, content string) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(file, []byte(content), 0o700); err != nil {
		t.Fatal(err)
	}
}

func testWrapping(file, content string, parameters ...release.Parameter) wrapping {
	return wrapping{app: "shop", stage: "dev", step: "release", name: "release", script: &release.Script{Path: file, Content: content},
		parameters: parameters, limit: time.Minute, last: true}
}

// run does as the agent does: the lines become one file, which sh -c runs.
func (s shell) run(t *testing.T, script string, parameters []release.Parameter, env ...string) outcome {
	t.Helper()
	return s.runWrapped(t, testWrapping("deploy/release.sh", script, parameters...), env...)
}

func (s shell) runWrapped(t *testing.T, w wrapping, env ...string) outcome {
	t.Helper()
	file := filepath.Join(s.home, "_script.sh")
	writeExecutable(t, file, strings.Join(wrap(w), "\n"))
	cmd := exec.Command("/bin/sh", "-c", file)
	if s.sh != nil {
		cmd = exec.Command(s.sh[0], append(s.sh[1:len(s.sh):len(s.sh)], file)...)
	}
	// Dir is not the checkout's: where that lies must not show in the script's surrounding.
	cmd.Dir, cmd.Env = s.home, append(append([]string{}, s.env...), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin = strings.NewReader("nobody may read this\n")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	left, err := os.ReadDir(s.temp)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("the wrapper left %s behind", left[0].Name())
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

func eachShell(t *testing.T, test func(t *testing.T, s shell)) {
	t.Helper()
	for name, c := range map[string]struct {
		bash bool
		sh   []string
	}{
		"bash": {bash: true}, "only sh": {}, "bash as sh": {true, []string{"bash", "--posix"}}, "dash": {true, []string{"dash"}},
		"busybox": {false, []string{"busybox", "sh"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShell(t, c.bash)
			if c.sh != nil {
				if _, err := exec.LookPath(c.sh[0]); err != nil {
					t.Skipf("this machine has no %s", c.sh[0])
				}
				if usual, err := filepath.EvalSymlinks("/bin/sh"); err == nil && filepath.Base(usual) == c.sh[0] {
					t.Skip("it is this machine's sh: the other cases run it")
				}
				s.sh = c.sh
			}
			test(t, s)
		})
	}
}

func TestR108ExitCodesThatAreOrdersToTheAgentAreRemapped(t *testing.T) {
	t.Parallel()
	eachShell(t, func(t *testing.T, s shell) {
		for code, want := range map[string]int{"0": 0, "1": 1, "3": 3, "127": 127, "143": 143} {
			if got := s.run(t, "exit "+code+"\n", nil); got.Code != want || got.Stderr != "" {
				t.Errorf("exit %s: got %+v", code, got)
			}
		}
		for _, code := range []string{"137", "168", "169", "194"} {
			got := s.run(t, "echo before\nexit "+code+"\n", nil)
			if got.Code != 1 || got.Stdout != "before\n" {
				t.Errorf("exit %s: got %+v", code, got)
			}
			if want := "slipway: the script exited with " + code + " ("; !strings.HasPrefix(got.Stderr, want) ||
				!strings.HasSuffix(got.Stderr, "; reported as 1\n") {
				t.Errorf("exit %s: stderr %q does not explain", code, got.Stderr)
			}
		}
		got := s.run(t, "kill -9 $$\n", nil)
		if got.Code != 1 || !strings.Contains(got.Stderr, "memory ran out") {
			t.Errorf("killed: got %+v", got)
		}
	})
}

func TestR020ACommandThatFailsInTheMiddleFailsTheScript(t *testing.T) {
	t.Parallel()
	eachShell(t, func(t *testing.T, s shell) {
		for _, middle := range []string{"false", `echo "$not_set_anywhere"`, "(exit 7)"} {
			got := s.run(t, "echo one\n"+middle+"\necho two\n", nil)
			if got.Code == 0 || !strings.HasPrefix(got.Stdout, "one\n") || strings.Contains(got.Stdout, "two") {
				t.Errorf("%s: got %+v", middle, got)
			}
		}
	})
	t.Run("pipe", func(t *testing.T) {
		t.Parallel()
		if got := newShell(t, true).run(t, "false | cat\necho two\n", nil); got.Code != 1 || got.Stdout != "" {
			t.Errorf("got %+v", got)
		}
	})
}

func TestR020CommandsOfASharedDocumentStopAtTheFirstFailure(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ commands, want []string }{
		"one line":       {[]string{"false; echo done"}, []string{"set -e", "false; echo done"}},
		"two":            {[]string{"a", "b"}, []string{"set -e", "a", "b"}},
		"two in one":     {[]string{"a\nb"}, []string{"set -e", "a\nb"}},
		"bash":           {[]string{"#!/bin/bash", "a"}, []string{"#!/bin/bash", "set -e", "a"}},
		"bash by env":    {[]string{"#!/usr/bin/env bash\na\nb"}, []string{"#!/usr/bin/env bash", "set -e", "a\nb"}},
		"bash by env -S": {[]string{"#!/usr/bin/env -S bash -x\na"}, []string{"#!/usr/bin/env -S bash -x", "set -e", "a"}},
		"one shebang":    {[]string{"#!/bin/dash"}, []string{"#!/bin/dash", "set -e"}},
		"not a shell":    {[]string{"#!/usr/bin/python3", "a"}, []string{"#!/usr/bin/python3", "a"}},
		"no commands":    {nil, nil},
		"only shebang":   {[]string{"#!/bin/sh\n"}, []string{"#!/bin/sh", "set -e"}},
	}
	for name, test := range tests {
		if diff := cmp.Diff(test.want, stopAtFirstFailure(test.commands)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

// TestR020CommandsRunAsTheAgentRunsThem: in one line as in several, what fails ends the script.
func TestR020CommandsRunAsTheAgentRunsThem(t *testing.T) {
	t.Parallel()
	s := newShell(t, true)
	for _, commands := range [][]string{{"false; echo done"}, {"false", "echo done"}, {"false\necho done"}, {"#!/bin/sh\nfalse; echo done"}} {
		file := filepath.Join(t.TempDir(), "_script.sh")
		writeExecutable(t, file, strings.Join(stopAtFirstFailure(commands), "\n"))
		cmd := exec.Command("/bin/sh", "-c", file)
		cmd.Env = s.env
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || len(out) > 0 {
			t.Errorf("%q: got %v, %s", commands, err, out)
		}
	}
}

func TestScriptsArriveByteForByte(t *testing.T) {
	t.Parallel()
	scripts := map[string]string{
		"quotes":                `echo "it's" 'a "quote"' ` + "`echo tick` $((1+1))\n",
		"backslashes":           `printf '%s\n' 'a\b\\c' "\$HOME"` + "\n",
		"no line end":           "echo last",
		"ends in a backslash":   `echo a \`,
		"here-document":         "cat <<'EOF'\n$HOME `x` \\ 'q'\nEOF\n",
		"our own delimiter":     "cat <<'SLIPWAY_SCRIPT'\ninside\nSLIPWAY_SCRIPT\ncat <<'SLIPWAY_SCRIPT_2'\nmore\nSLIPWAY_SCRIPT_2\n",
		"braces of a parameter": "echo '{{ Version }} {{ssm:secret}}'\n",
		"not UTF-8":             "printf '%s\\n' '\xff\xfe'\n",
		"empty":                 "",
		"only comments":         "# nothing\n\n\n",
	}
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "script")
			if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
				t.Fatal(err)
			}
			for program, bash := range map[string]bool{"bash": true, "sh": false} {
				s := newShell(t, bash)
				direct := exec.Command(program, file)
				direct.Env = s.env
				want, err := direct.Output()
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(outcome{0, string(want), ""}, s.run(t, script, nil)); diff != "" {
					t.Errorf("%s: -want +got:\n%s", program, diff)
				}
			}
			lines := wrap(testWrapping("x.sh", script))
			if strings.Contains(strings.Join(lines, "\n"), "{{") {
				t.Error("SSM would substitute a {{ in the document")
			}
		})
	}
}

func TestAScriptsOwnShebangIsHonoured(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ script, want string }{
		"env":        {"#!/usr/bin/env sh\necho ${BASH_VERSION:-none}; false; echo on\n", "none\non\n"},
		"arguments":  {"#!/bin/sh -e\necho a; false; echo b\n", "a\n"},
		"no input":   {"#!/bin/sh\ncat\necho end\n", "end\n"},
		"not shells": {"#!/bin/cat\nplain text\n", "#!/bin/cat\nplain text\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShell(t, true)
			if got := s.run(t, test.script, nil); got.Stdout != test.want {
				t.Errorf("got %+v, want %q", got, test.want)
			}
		})
	}
	if got, want := shebang("#! /opt/it's {{{x  -a  b \n"), `'/opt/it'\''s' '{''{''{x  -a  b'`; got != want {
		t.Errorf("shebang: got %s, want %s", got, want)
	}
}

func TestR114ParametersStayData(t *testing.T) {
	t.Parallel()
	values := []string{"v1", "", "; echo injected", "$(echo injected)", "`echo injected`", "a\nb", "it's", "{{ Other }}", `\`}
	parameter := release.Parameter{Name: "Version", Pattern: `^[\s\S]*$`}
	eachShell(t, func(t *testing.T, s shell) {
		for _, value := range values {
			got := s.run(t, `printf '%s' "$Version"`, []release.Parameter{parameter}, "SSM_Version="+value)
			if diff := cmp.Diff(outcome{0, value, ""}, got); diff != "" {
				t.Errorf("%q: -want +got:\n%s", value, diff)
			}
		}
		got := s.run(t, "echo ran", []release.Parameter{parameter})
		if got.Code != 1 || got.Stdout != "" || !strings.Contains(got.Stderr, "3.3.2746.0") {
			t.Errorf("an old agent with a doubtful pattern: got %+v", got)
		}
	})
}

func TestR114OldAgentsSubstituteOnlyWhatCannotLeaveItsQuotes(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		release.DefaultPattern: true,
		`^v[0-9]+$`:            true,
		`^(blue|green)$`:       true,
		`^[^/]+$`:              false,
		`^.*$`:                 false,
		`^blue|green$`:         false,
		`v[0-9]+`:              false,
		`^v[0-9]+`:             false,
		`v[0-9]+$`:             false,
		`(?m)^v$`:              false,
		`^it's$`:               false,
		`^a\s$`:                false,
		`^[!-~]*$`:             false,
		`^[{]$`:                false,
		`^($`:                  false,
	}
	for pattern, want := range tests {
		if got := quotable(pattern); got != want {
			t.Errorf("quotable(%s) = %t", pattern, got)
		}
	}
	lines := exportParameter(release.Parameter{Name: "Version"})
	want := []string{`[ -n "${SSM_Version+x}" ] || SSM_Version='{{ Version }}'`, `export Version="$SSM_Version"`}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTheScriptsSurrounding(t *testing.T) {
	t.Parallel()
	s := newShell(t, true)
	s.env = []string{"TMPDIR=" + s.temp}
	got := s.run(t, `echo "$HOME"; echo "$PATH"; cat; echo "${0##*/}"; cd /; unset OLDPWD TMPDIR; export -p | grep slipway || :`, nil)
	want := outcome{0, "/root\n/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nrelease.sh\n", ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bare: -want +got:\n%s", diff)
	}
	s = newShell(t, true)
	got = s.run(t, `echo "$HOME"; echo "$PATH"`, nil)
	if want := s.home + "\n" + s.bin + ":/usr/local/bin\n"; got.Stdout != want {
		t.Errorf("given: got %q, want %q", got.Stdout, want)
	}
}

func TestAnApplicationOutlivesTheScript(t *testing.T) {
	t.Parallel()
	eachShell(t, func(t *testing.T, s shell) {
		script := "setsid sh -c 'sleep 0.2; touch $HOME/one' >/dev/null 2>&1 &\n" +
			"nohup sh -c 'sleep 0.2; touch $HOME/two' >/dev/null 2>&1 &\necho started\n"
		begin := time.Now()
		if got := s.run(t, script, nil); got.Code != 0 || got.Stdout != "started\n" {
			t.Errorf("got %+v", got)
		}
		for _, name := range []string{"one", "two"} {
			file := filepath.Join(s.home, name)
			for time.Since(begin) < 10*time.Second {
				if _, err := os.Stat(file); err == nil {
					break
				}
				time.Sleep(20 * time.Millisecond)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("the application did not go on: %v", err)
			}
		}
	})
}

func TestOutputIsPassedOnWhileTheScriptRuns(t *testing.T) {
	t.Parallel()
	s := newShell(t, true)
	lines := wrap(testWrapping("r.sh", "echo first\nsleep 60\n"))
	file := filepath.Join(s.home, "_script.sh")
	writeExecutable(t, file, strings.Join(lines, "\n"))
	cmd := exec.Command("/bin/sh", "-c", file)
	cmd.Env = s.env
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	setGroup(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 6)
	if _, err := pipe.Read(buffer); err != nil || string(buffer) != "first\n" {
		t.Errorf("read %q, %v", buffer, err)
	}
	terminateGroup(t, cmd)
	if err := cmd.Wait(); err == nil {
		t.Error("a terminated script succeeded")
	}
	// The shell that was started may end before the wrapper, its child, has cleaned up.
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		left, err := os.ReadDir(s.temp)
		if err != nil {
			t.Fatal(err)
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after a termination %s is left", left[0].Name())
		}
	}
}

func TestWhatAKilledScriptLeftIsRemovedLater(t *testing.T) {
	t.Parallel()
	s := newShell(t, true)
	old := filepath.Join(s.temp, "slipway.aB3dE6gH")
	if err := os.Mkdir(old, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(old, "release.sh"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-96 * time.Hour)
	if err := os.Chtimes(old, long, long); err != nil {
		t.Fatal(err)
	}
	running := filepath.Join(s.temp, "slipway.running1")
	if err := os.Mkdir(running, 0o700); err != nil {
		t.Fatal(err)
	}
	// run itself fails the test when anything but what the script removes is left.
	if got := s.run(t, `rmdir "$TMPDIR/slipway.running1"`, nil); got.Code != 0 {
		t.Errorf("the directory of a running script was removed: %+v", got)
	}
}
