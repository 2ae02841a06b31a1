package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// docsRun is an example of docs/policy.md: the exit code, the commands and what they print. In what they print … stands
// for anything on a line that may change without making the page wrong.
var docsRun = regexp.MustCompile("(?s)<!-- run exit=(\\d+) -->\n```sh\n(.*?)```\n```text\n(.*?)```")

// TestDocsPolicy runs the examples of docs/policy.md in a copy of examples/policies.
func TestDocsPolicy(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	runs := docsRun.FindAllStringSubmatch(string(page), -1)
	if want := strings.Count(string(page), "<!-- run "); len(runs) != want || want < 4 {
		t.Fatalf("%d examples of %d can be run", len(runs), want)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.FromSlash("../../examples/policies"))); err != nil {
		t.Fatal(err)
	}
	for _, run := range runs {
		command := exec.CommandContext(t.Context(), "sh", "-ec", run[2])
		command.Dir = dir
		out, err := command.CombinedOutput()
		code := 0
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			code = exit.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		if strconv.Itoa(code) != run[1] {
			t.Errorf("%sexit code %d, want %s", run[2], code, run[1])
		}
		if !docsPattern(run[3]).Match(out) {
			t.Errorf("%swant\n%sgot\n%s", run[2], run[3], out)
		}
	}
}

// docsPattern matches a text in which … stands for anything on a line.
func docsPattern(text string) *regexp.Regexp {
	return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(text), "…", "[^\n]+") + "$")
}
