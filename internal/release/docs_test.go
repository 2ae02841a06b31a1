package release

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var updateDocs = flag.Bool("update-docs", false, "write docs/release-file.md anew")

// TestDocsReleaseFile keeps docs/release-file.md what the parser accepts.
func TestDocsReleaseFile(t *testing.T) {
	t.Parallel()
	const path = "../../docs/release-file.md"
	want := renderDocs(Keys())
	if *updateDocs {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/release-file.md is not what the parser accepts (go test ./internal/release -update-docs): -want +got\n%s", diff)
	}
}

func renderDocs(keys []Key) string {
	var b strings.Builder
	b.WriteString("# slipway.yaml\n\n" +
		"<!-- generated from internal/release by go test ./internal/release -update-docs -->\n\n" +
		"Every key that a release file may have. Unknown keys, wrong types and bad values are errors that point at the\n" +
		"line. `${name}` is replaced by a variable in parameters, commands and targets; `$${` is a literal `${`.\n\n" +
		"| key | type | default | meaning |\n|---|---|---|---|\n")
	for _, k := range keys {
		what := k.Type
		if k.Required {
			what += ", required"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s%s |\n", k.Path, cell(what), defaultOf(k), cell(k.Doc), example(k.Example))
	}
	b.WriteString("\n## What scripts call AWS for\n\n" +
		"A script has the node role's permissions: those that the stage declares under `permissions`. `plan`, `prove` and\n" +
		"`deploy` read the scripts as a shell would, and warn where one calls the AWS CLI for other actions:\n\n" +
		"| code | finding |\n|---|---|\n" +
		"| SLW125 | a script calls AWS for an action that the stage does not declare; the finding says what to add |\n" +
		"| SLW126 | a script calls AWS, and what it needs for that cannot be told from its text |\n\n" +
		"SLW125 compares actions, and not resources: it says nothing of a script that reads `parameter/shop/b` where\n" +
		"`ssm:GetParameter` is declared for `parameter/shop/a` only.\n")
	return b.String()
}

func cell(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, "|", `\|`), "\n", " ") }

// defaultOf is a value as one would write it, or prose.
func defaultOf(k Key) string {
	if strings.Contains(k.Default, " ") {
		return cell(k.Default)
	}
	return code(k.Default)
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + cell(s) + "`"
}

func example(s string) string {
	if s == "" {
		return ""
	}
	return " Example: " + code(s)
}
