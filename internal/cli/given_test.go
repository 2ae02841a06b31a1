package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// run runs a command line of slipway in this process.
func run(t *testing.T, args ...string) (code int, output string) {
	t.Helper()
	var out bytes.Buffer
	code = Main(context.Background(), Process{
		Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, Getenv: func(string) string { return "" },
	})
	return code, out.String()
}

func example(name string) string {
	return filepath.Join("..", "..", "examples", name, "slipway.yaml")
}

// changed renders the roles of an example as CloudFormation, and changes a text in the template of an account.
func changed(t *testing.T, name, account, old, new string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	if code, out := run(t, "roles", "render", "-f", example(name), "--format", "cloudformation", "--out", folder); code != exitOK {
		t.Fatal(out)
	}
	file := filepath.Join(folder, account+".yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("the template has no %q", old)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), old, new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

const webAccount = "111111111111"

// TestR035WhatATemplateLeavesOpen: a template in which something is another, or unknown, is never proved.
func TestR035WhatATemplateLeavesOpen(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		old, new string
		args     []string
		code     int
		text     string
	}{
		"as it is rendered": {"Path: /slipway/", "Path: /slipway/", nil, exitOK, "proved"},
		"another path":      {"Path: /slipway/", "Path: /", nil, 1, "has the path / and should have /slipway/"},
		"an unknown path":   {"Path: /slipway/", "Path: !ImportValue x", nil, 3, `its path, and with it its ARN, is only known when it is deployed: {"Fn::ImportValue":"x"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := changed(t, "web", webAccount, test.old, test.new)
			code, out := run(t, append([]string{"prove", "-f", example("web"), "--policies", folder}, test.args...)...)
			if code != test.code || !strings.Contains(strings.Join(strings.Fields(out), " "), test.text) {
				t.Errorf("exit code %d, want %d with %q:\n%s", code, test.code, test.text, out)
			}
		})
	}
}
