package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

var figures = flag.Bool("figures", false, "measure whole processes and print the figures, best of ten")

// TestFigures prints how long whole processes take, from their start to their end:
//
//	go test ./cmd/slipway -run '^TestFigures$' -figures -v
//
// It fails on none of them, since machines differ. What is measured is checked: a process that fails measures nothing.
func TestFigures(t *testing.T) {
	if !*figures {
		t.Skip("measured with -figures only")
	}
	binary := filepath.Join(t.TempDir(), "slipway")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	release, workflows := releaseOfTwelve(t, binary), sixtyWorkflows(t)
	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "figure\tbest of ten\tprocessor\ttarget\t")
	for _, f := range []struct {
		name, dir string
		args      []string
		exit      int
		target    time.Duration
	}{
		{"start and end: slipway version", release, []string{"version"}, 0, 0},
		{"prove 3 accounts, 12 steps, rendered roles", release, []string{"prove"}, 0, 100 * time.Millisecond},
		{"the same, roles from files, exactly", release, []string{"prove", "--policies", "roles", "--exact"}, 0, 100 * time.Millisecond},
		{"lint 60 workflow files", workflows, []string{"lint", ".github/workflows"}, 0, 300 * time.Millisecond},
	} {
		wall, processor := bestOfTen(t, binary, f.dir, f.exit, f.args...)
		target := ""
		if f.target > 0 {
			target = "≤ " + f.target.String()
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t\n", f.name, wall.Round(time.Millisecond), processor.Round(time.Millisecond), target)
	}
	if err := table.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s/%s, %d cores, %s\n%s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), out.String())
}

func bestOfTen(t *testing.T, binary, dir string, exit int, args ...string) (wall, processor time.Duration) {
	t.Helper()
	for range 10 {
		var stderr bytes.Buffer
		cmd := exec.Command(binary, args...)
		cmd.Dir, cmd.Stderr = dir, &stderr
		begin := time.Now()
		err := cmd.Run()
		took := time.Since(begin)
		if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != exit {
			t.Fatalf("%s: %v\n%s", args, err, stderr.String())
		}
		used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		if wall == 0 || took < wall {
			wall = took
		}
		if processor == 0 || used < processor {
			processor = used
		}
	}
	return wall, processor
}

// releaseOfTwelve is a folder with a release of three accounts and twelve steps, and its roles.
func releaseOfTwelve(t *testing.T, binary string) string {
	t.Helper()
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString(`app: shop
region: eu-west-1
ci:
  github: {repository: acme/shop, environments: true}
accounts: {dev: "111111111111", staging: "222222222222", prod: "333333333333"}
record: {bucket: shop-slipway, account: dev}
variables: {version: v1}
stages:
`)
	for _, stage := range []string{"dev", "staging", "prod"} {
		fmt.Fprintf(&b, "  - name: %s\n    account: %[1]s\n    targets: {tags: {App: shop, Environment: %[1]s}, min: 3}\n    steps:\n", stage)
		for _, step := range []string{"migrate", "release", "warm", "announce"} {
			fmt.Fprintf(&b, `      - command:
          name: %s
          script: step.sh
          parameters: {Version: "${version}"}
          timeout: 5m
          validate: {script: step.sh, timeout: 1m}
          output: {log-group: /shop/deploy}
`, step)
		}
	}
	write(t, filepath.Join(dir, "slipway.yaml"), b.String())
	write(t, filepath.Join(dir, "step.sh"), "#!/bin/sh\nset -eu\necho \"$Version\"\n")
	render := exec.Command(binary, "roles", "render", "--format", "json", "--out", "roles")
	render.Dir = dir
	if out, err := render.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// sixtyWorkflows are sixty files of the shapes that the examples have.
func sixtyWorkflows(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	source, err := os.ReadFile(filepath.Join("..", "..", "examples", "pipeline", "workflow.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 60 {
		write(t, filepath.Join(dir, ".github", "workflows", fmt.Sprintf("deploy-%02d.yml", i)), string(source))
	}
	return dir
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
