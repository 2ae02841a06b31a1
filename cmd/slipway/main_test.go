package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/node"
	"github.com/slipway-cd/slipway/internal/localaws/store"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/rehearse"
	"github.com/slipway-cd/slipway/internal/release"
)

func TestMain(m *testing.M) {
	node.MaybeInit() // this binary is the program that the nodes re-execute
	testscript.Main(m, map[string]func(){"slipway": main, "awscall": awscall})
}

// TestScripts runs the sessions of the command line that specify it.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("REPO", repository(t))
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("GOCACHE", goCache(t)) // shared with the nodes, as examples/web declares
			return nil
		},
		RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"capture":  capture,
			"count":    count,
			"exitcode": exitCode,
			"planned":  planned,
		},
	})
}

// exitCode CODE PROGRAM ARG… runs a program and wants exactly this exit code. Its output is there for stdout and stderr
// like that of exec, and in the files stdout and stderr.
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exitcode CODE PROGRAM ARG...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%s: %v", args[1], err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// capture NAME FILE WORD sets the environment variable NAME to the word that follows WORD in FILE, at its first place,
// without the quotes and the comma of JSON.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: capture NAME FILE WORD")
	}
	words := strings.Fields(ts.ReadFile(args[1]))
	at := slices.Index(words, args[2])
	if at < 0 || at+1 == len(words) {
		ts.Fatalf("nothing follows %q in %s", args[2], args[1])
	}
	ts.Setenv(args[0], strings.Trim(words[at+1], `",`))
}

// count N PATTERN FILE wants exactly N lines of FILE to hold PATTERN, a literal.
func count(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: count N TEXT FILE")
	}
	found := 0
	for line := range strings.Lines(ts.ReadFile(args[2])) {
		if strings.Contains(line, args[1]) {
			found++
		}
	}
	if strconv.Itoa(found) != args[0] {
		ts.Fatalf("%d lines of %s hold %q, want %s", found, args[2], args[1], args[0])
	}
}

// planned FILE DATA wants every call that the local AWS in DATA recorded to be in the plan of the release FILE, and
// every call that the plan makes always to be recorded. With ! only the first: the deploy did not come to its end.
func planned(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: [!] planned FILE DATA")
	}
	source := ts.ReadFile(args[0])
	r, err := release.Parse(args[0], []byte(source), release.Options{Files: os.DirFS(filepath.Dir(args[0]))})
	ts.Check(err)
	p, err := plan.New(r)
	ts.Check(err)
	db, err := store.Open(ts.MkAbs(args[1]))
	ts.Check(err)
	defer func() { ts.Check(db.Close()) }()
	log, err := gateway.NewEventLog(db)
	ts.Check(err)
	events, err := log.List(context.Background(), gateway.Filter{})
	ts.Check(err)
	d := p.Compare(rehearse.Recorded(events), plan.Filter{})
	if neg {
		d.Missing = nil
	}
	if len(events) == 0 || !d.Empty() {
		ts.Fatalf("%d events; the calls that were made are not the calls of the plan:\n%s", len(events), d)
	}
}

func repository(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func goCache(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
