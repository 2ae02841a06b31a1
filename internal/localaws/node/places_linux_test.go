package node

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// preciousFile is a file outside of all nodes; intact says that it is all there is in its directory.
func preciousFile(t *testing.T) (path string, intact func()) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, func() {
		t.Helper()
		entries, err := os.ReadDir(filepath.Dir(path))
		if err != nil || len(entries) != 1 {
			t.Errorf("there is %v, %v", entries, err)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != "mine" {
			t.Errorf("the file is %q, %v", b, err)
		}
	}
}

// TestScriptsCannotMoveTheNodesFiles: what the node itself writes and removes, outside of the sandbox, is where the node
// made it. A new node of the same directory clears the guards.
func TestScriptsCannotMoveTheNodesFiles(t *testing.T) {
	t.Parallel()
	for _, place := range []string{"guards", "messages", "replies", "commands", "tmp", "overlay"} {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			precious, intact := preciousFile(t)
			cfg := testConfig(t)
			n := testNode(t, cfg)
			requireSandbox(t, n)
			got := runShell(t, n, "cd .. && mv "+place+" away; rm -rf "+place+"; ln -s "+filepath.Dir(precious)+" "+place+"; test -h "+place+" && echo moved")
			if strings.Contains(got.StandardOutput, "moved") {
				t.Errorf("got %+v", got)
			}
			again := testNode(t, cfg)
			runShell(t, again, "echo again")
			intact()
		})
	}
}

// TestScriptsCannotMoveTheNextStep: a step may write where the next one's script and output are going to be.
func TestScriptsCannotMoveTheNextStep(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]string{
		"its directory": `rm -rf "$next" && mkdir -p "$(dirname "$next")" && ln -s "$(dirname PRECIOUS)" "$next"`,
		"its script":    `mkdir -p "$next" && ln -s PRECIOUS "$next/_script.sh"`,
		"its output":    `mkdir -p "$next" && ln -s PRECIOUS "$next/stdout" && ln -s PRECIOUS "$next/stderr"`,
		"a pipe":        `mkdir -p "$next" && mkfifo "$next/_script.sh" "$next/stdout"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			precious, intact := preciousFile(t)
			n := testNode(t, testConfig(t))
			step := func(name string, lines ...string) map[string]any {
				return map[string]any{"action": "aws:runShellScript", "name": name, "inputs": map[string]any{"runCommand": lines}}
			}
			doc, err := json.Marshal(map[string]any{"schemaVersion": "2.2", "mainSteps": []any{
				step("one", `next=$(dirname "$0" | sed s/one/two/)`, strings.ReplaceAll(plant, "PRECIOUS", precious), "echo planted"),
				step("two", "echo second"),
			}})
			if err != nil {
				t.Fatal(err)
			}
			r := n.RunDocument(t.Context(), Job{CommandID: "cmd-planted", Document: doc}, nil)
			if len(r.Steps) != 2 || !strings.Contains(r.Steps[0].StandardOutput, "planted") {
				t.Fatalf("got %+v", r)
			}
			if name != "its directory" && r.Steps[1].StandardOutput != "second\n" {
				t.Errorf("got %+v", r.Steps[1])
			}
			intact()
		})
	}
}

// TestForeignDirectory: a directory that somebody else has made may have links in it.
func TestForeignDirectory(t *testing.T) {
	t.Parallel()
	for _, place := range []string{"guards", "messages", "overlay", StubLog} {
		precious, intact := preciousFile(t)
		cfg := testConfig(t)
		to := filepath.Dir(precious)
		if place == StubLog {
			to = precious
		}
		if err := os.Symlink(to, filepath.Join(cfg.Dir, place)); err != nil {
			t.Fatal(err)
		}
		if n, err := New(cfg); err == nil {
			t.Errorf("%s: a node was made", place)
			_ = n.Close()
		}
		intact()
	}
}
