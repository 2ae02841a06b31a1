package node

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
)

func TestShell(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, n *Node) {
		tests := map[string]struct {
			lines          []string
			status         Status
			code           int
			stdout, stderr string
		}{
			"success":                     {[]string{"echo out", "echo err >&2"}, Success, 0, "out\n", "err\n"},
			"the last command decides":    {[]string{"false", "echo on"}, Success, 0, "on\n", ""},
			"failure":                     {[]string{"echo bad >&2", "exit 3"}, Failed, 3, "", "bad\nfailed to run commands: exit status 3"},
			"not found":                   {[]string{"no-such-program-anywhere 2>/dev/null"}, Failed, 127, "", "failed to run commands: exit status 127"},
			"a shebang in the first line": {[]string{"#!/bin/cat", "text"}, Success, 0, "#!/bin/cat\ntext\n", ""},
			"a shebang later":             {[]string{"", "#!/bin/cat", "echo sh"}, Success, 0, "sh\n", ""},
			"R108: 137":                   {[]string{"exit 137"}, TimedOut, 137, "", ""},
			"R108: a killed child":        {[]string{"exec 2>/dev/null", "sh -c 'kill -9 $$'", "exit $?"}, TimedOut, 137, "", ""},
			"R108: 168":                   {[]string{"exit 168"}, Success, 168, textSuccessSkip, ""},
			"R108: 169":                   {[]string{"exit 169"}, Failed, 169, textFailedSkip, "failed to run commands: exit status 169" + textFailedSkip},
			"the shell is killed":         {[]string{"kill -KILL $PPID"}, Failed, -1, "", "failed to run commands: signal: killed"},
			"an open line of stderr":      {[]string{"printf bad >&2", "exit 3"}, Failed, 3, "", "badfailed to run commands: exit status 3"},
			"no input":                    {[]string{"cat"}, Success, 0, "", ""},
			"no output":                   {nil, Success, 0, "", ""},
			"not UTF-8":                   {[]string{`printf 'a\377b'`}, Success, 0, "a\uFFFDb", ""},
		}
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				if test.lines == nil {
					test.lines = []string{}
				}
				got := runShell(t, n, test.lines...)
				if got.Status != test.status || got.Code != test.code || got.StandardOutput != test.stdout || got.StandardError != test.stderr {
					t.Errorf("got %s %d, stdout %q, stderr %q", got.Status, got.Code, got.StandardOutput, got.StandardError)
				}
			})
		}
	})
}

func TestShellOutputLimits(t *testing.T) {
	t.Parallel()
	n := testNode(t, testConfig(t))
	got := runShell(t, n, "i=0; while [ $i -lt 4000 ]; do echo 0123456789; echo abcdef >&2; i=$((i+1)); done")
	if len(got.StandardOutput) != maxStdout || !strings.HasSuffix(got.StandardOutput, cutMark) {
		t.Errorf("stdout: %d bytes", len(got.StandardOutput))
	}
	if len(got.StandardError) != maxStderr || !strings.HasSuffix(got.StandardError, cutMark) {
		t.Errorf("stderr: %d bytes", len(got.StandardError))
	}
	if len(got.Output) > maxOutput || !strings.Contains(got.Output, "----------ERROR-------") {
		t.Errorf("output: %q", got.Output)
	}
}

func TestShellTimeout(t *testing.T) {
	t.Parallel()
	doc := json.RawMessage(`{"schemaVersion":"2.2","mainSteps":[{"action":"aws:runShellScript","name":"slow","inputs":{
		"timeoutSeconds":"5","runCommand":["echo begun","sleep 60 & sleep 60","echo ended"]}}]}`)
	n := testNode(t, testConfig(t))
	began := time.Now()
	got := runDocument(t, n, doc, nil)
	if took := time.Since(began); took < 5*time.Second || took > 15*time.Second {
		t.Errorf("took %v", took)
	}
	if got.Status != TimedOut || got.Code != 137 || got.StandardOutput != "begun\n" {
		t.Errorf("got %+v", got)
	}
	assertNoProcesses(t, n)
}

// assertNoProcesses: the whole process group was killed, where processes can be listed.
func assertNoProcesses(t *testing.T, n *Node) {
	t.Helper()
	for range 40 {
		left, err := Processes(n.cfg.Sandbox.Marker)
		if err == ErrUnsupported || err == nil && len(left) == 0 {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	left, err := Processes(n.cfg.Sandbox.Marker)
	t.Errorf("processes are left: %+v, %v", left, err)
}

func TestShellCancel(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, n *Node) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		time.AfterFunc(300*time.Millisecond, cancel)
		got := n.RunDocument(ctx, Job{CommandID: "c-1", Document: shell("echo begun", "sleep 60 & wait")}, nil)
		if got.Status != Cancelled || got.Steps[0].Code != 137 || got.Steps[0].StandardOutput != "begun\n" {
			t.Errorf("got %+v", got)
		}
		assertNoProcesses(t, n)
	})
}

// TestShellBackgroundChildren: what a script leaves in the background holds its stdout, and must not hold the script.
func TestShellBackgroundChildren(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, n *Node) {
		began := time.Now()
		got := runShell(t, n, "(sleep 2; echo later; echo alive >survived) &", "sleep 120 &", "echo $! >pid", "echo done")
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("took %v", took)
		}
		if got.Status != Success || got.StandardOutput != "done\n" {
			t.Errorf("got %+v", got)
		}
		// It can still write: a closed pipe would kill it.
		for range 100 {
			if b, err := os.ReadFile(n.cfg.Dir + "/work/survived"); err == nil && string(b) == "alive\n" {
				runShell(t, n, "kill $(cat pid)")
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Error("the child died when its output was cut")
	})
}

// TestR114InjectionStaysData: with ENV_VAR a value is never shell text, whatever is in it.
func TestR114InjectionStaysData(t *testing.T) {
	t.Parallel()
	doc := json.RawMessage(`{"schemaVersion":"2.2","parameters":{"Version":{"type":"String","interpolationType":"ENV_VAR"}},
		"mainSteps":[{"action":"aws:runShellScript","name":"one","inputs":{"runCommand":["printf %s \"$SSM_Version\""]}}]}`)
	n := testNode(t, testConfig(t))
	for _, value := range []string{"; id", "$(id)", "`id`", "a\nid\n", "{{ Version }}", `"; id; "`, "'", "$HOME", "ä%s\\n"} {
		got := runDocument(t, n, doc, map[string]any{"Version": []string{value}})
		if got.StandardOutput != value {
			t.Errorf("value %q came out as %q", value, got.StandardOutput)
		}
	}
}

// TestSubstitutionIsText is the counterpart: without ENV_VAR the agent, and so this node, runs what a value says.
func TestSubstitutionIsText(t *testing.T) {
	t.Parallel()
	doc := json.RawMessage(`{"schemaVersion":"2.2","parameters":{"Version":{"type":"String"}},
		"mainSteps":[{"action":"aws:runShellScript","name":"one","inputs":{"runCommand":["echo {{ Version }}"]}}]}`)
	got := runDocument(t, testNode(t, testConfig(t)), doc, map[string]any{"Version": "v1; echo injected"})
	if got.StandardOutput != "v1\ninjected\n" {
		t.Errorf("got %q", got.StandardOutput)
	}
}

func TestShellEnvironment(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "leak")
	t.Setenv("GITHUB_TOKEN", "leak")
	cfg := testConfig(t)
	cache := t.TempDir() + "/cache/go"
	cfg.Sandbox.Caches = map[string]string{"GOCACHE": cache}
	n := testNode(t, cfg)
	got := runShell(t, n, "env", `touch "$GOCACHE/hit" "$HOME/h" "$TMPDIR/t" w`)
	if got.Status != Success || strings.Contains(got.StandardOutput, "leak") || strings.Contains(got.StandardOutput, "SECRET") {
		t.Errorf("got %s:\n%s%s", got.Status, got.StandardOutput, got.StandardError)
	}
	for _, want := range []string{
		"AWS_SSM_INSTANCE_ID=" + testInstance, "AWS_SSM_REGION_NAME=eu-west-1", "AWS_ENDPOINT_URL=http://127.0.0.1:1",
		"AWS_EC2_METADATA_DISABLED=true", "SSM_COMMAND_ID=cmd-", "GOCACHE=" + cache, "AWS_SSM_PLATFORM_NAME=Amazon Linux",
		"SLIPWAY_NODE=" + cfg.Sandbox.Marker + "/" + testInstance, "HOME=" + cfg.Dir + "/home",
	} {
		if !strings.Contains(got.StandardOutput, want) {
			t.Errorf("%s is not in the environment:\n%s", want, got.StandardOutput)
		}
	}
	for _, path := range []string{cache + "/hit", cfg.Dir + "/home/h", cfg.Dir + "/tmp/t", cfg.Dir + "/work/w"} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

func TestShellWord(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"/a/b-c_1.sh": "/a/b-c_1.sh", "/a b": "'/a b'", "it's": `'it'\''s'`, "/ü": "'/ü'"} {
		if got := shellWord(in); got != want {
			t.Errorf("shellWord(%q) = %q, want %q", in, got, want)
		}
	}
	cfg := testConfig(t)
	cfg.Dir += "/it's a (dir), with: everything"
	if got := runShell(t, testNode(t, cfg), "echo fine; pwd"); got.StandardOutput != "fine\n"+cfg.Dir+"/work\n" {
		t.Errorf("got %+v", got)
	}
}
