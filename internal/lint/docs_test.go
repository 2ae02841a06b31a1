package lint

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/finding"
)

var updateDocs = flag.Bool("update-docs", false, "write docs/findings.md")

const findingsHead = `# Findings

What ` + "`slipway lint`" + `, ` + "`slipway ci check`" + ` and ` + "`slipway prove`" + ` find, by code. This page is generated from the rules:
` + "`go test ./internal/lint -run TestDocs -update-docs`" + `; ` + "`slipway explain CODE`" + ` prints the same.

Severity: an **error** does not work, tells an untruth, or lets in whom it must not; a **warning** is too much, or fragile; an
**info** is worth a look. Codes stay what they are. What is meant to be so is ignored by a comment with its reason, above the
line or behind it, ` + "`# slipway:ignore SLW004 the list action takes nothing else`" + `, or for a whole file with
` + "`# slipway:ignore-file`" + `; in files that take no comments, such as JSON, by a baseline (` + "`slipway lint --write-baseline FILE`" + `).

`

// TestDocs: docs/findings.md lists every rule.
func TestDocs(t *testing.T) {
	t.Parallel()
	const file = "../../docs/findings.md"
	want := findingsHead + finding.Markdown(Rules())
	if *updateDocs {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is not what the rules say; -update-docs writes it:\n%s", file, diff)
	}
	for _, r := range Rules() {
		if strings.Count(string(got), "\n## "+string(r.Code)+"\n") != 1 {
			t.Errorf("%s is not there once", r.Code)
		}
	}
}

// TestFixesAreSaid: a fix tells what to write; that there should be nothing says how, too.
func TestFixesAreSaid(t *testing.T) {
	t.Parallel()
	for _, r := range Rules() {
		if r.Fix == "" || r.Fix == "no line" || r.Fix == "nothing" {
			t.Errorf("%s: nobody knows what to write: %q", r.Code, r.Fix)
		}
	}
}
