package node

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	MaybeInit()
	serveForTest()
	os.Exit(m.Run())
}

const testInstance = "i-0123456789abcdef0"

// testConfig is a node's with a directory that is removed as users' are.
func testConfig(t testing.TB) Config {
	t.Helper()
	dir, err := os.MkdirTemp(t.TempDir(), "node-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := Remove(dir); err != nil {
			t.Error(err)
		}
	})
	return Config{
		InstanceID: testInstance,
		Region:     "eu-west-1",
		Endpoint:   "http://127.0.0.1:1",
		Dir:        dir,
		Credentials: func(context.Context) (Credentials, error) {
			return Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "secret", SessionToken: "token"}, nil
		},
		Sandbox: Sandbox{Path: os.Getenv("PATH"), Marker: "test-" + filepath.Base(filepath.Dir(filepath.Dir(dir))) + filepath.Base(dir)},
		Logf:    t.Logf,
	}
}

func testNode(t testing.TB, cfg Config) *Node {
	t.Helper()
	n, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// shell is a document of one step.
func shell(lines ...string) json.RawMessage {
	b, err := json.Marshal(map[string]any{
		"schemaVersion": "2.2",
		"mainSteps": []any{map[string]any{
			"action": runShellScript, "name": "one", "inputs": map[string]any{"runCommand": lines},
		}},
	})
	if err != nil {
		panic(err)
	}
	return b
}

func runShell(t *testing.T, n *Node, lines ...string) StepResult {
	t.Helper()
	return runDocument(t, n, shell(lines...), nil)
}

var lastCommand atomic.Int64

func runDocument(t *testing.T, n *Node, doc json.RawMessage, parameters map[string]any) StepResult {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	id := fmt.Sprintf("cmd-%d", lastCommand.Add(1))
	r := n.RunDocument(ctx, Job{CommandID: id, Document: doc, Parameters: parameters}, nil)
	if len(r.Steps) != 1 {
		t.Fatalf("got %d steps, trace %q", len(r.Steps), r.Trace)
	}
	return r.Steps[0]
}

// bothWays runs a test inside a sandbox, where there is one, and directly.
func bothWays(t *testing.T, test func(t *testing.T, n *Node)) {
	t.Helper()
	for name, direct := range map[string]bool{"sandbox": false, "direct": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := testConfig(t)
			cfg.Sandbox.NoNamespaces = direct
			n := testNode(t, cfg)
			if !direct {
				requireSandbox(t, n)
			}
			test(t, n)
		})
	}
}

func requireSandbox(t *testing.T, n *Node) {
	t.Helper()
	if strings.Contains(n.Limits(), "directly on this machine") {
		t.Skipf("no sandbox on this system: %s", n.Limits())
	}
}
