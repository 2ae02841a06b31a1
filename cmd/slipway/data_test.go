package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// TestUpAfterAFailedStart: a start that came to nothing does not stand in the way of the next one.
func TestUpAfterAFailedStart(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(t *testing.T, dir string){
		"refused": func(t *testing.T, dir string) {
			out, err := slipway(t.Context(), "local", "up", "--nodes", "0", "--data", dir, "--listen", "127.0.0.1:0", "--throttle", "ssm:Nothing=1").CombinedOutput()
			if err == nil || !strings.Contains(string(out), "does not serve it") {
				t.Fatalf("got %v: %s", err, out)
			}
		},
		"an empty state": func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, store.File), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			fail(t, dir)
			env := startLocalOn(t, dir, "--nodes", "0").env(t)
			if !strings.Contains(strings.Join(env, "\n"), "AWS_ACCESS_KEY_ID=") {
				t.Errorf("no keys: %v", env)
			}
		})
	}
}
