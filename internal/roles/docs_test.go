package roles

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/plan"
)

// R18: the table leads with both permissions and with what happens without the second; it names every star's reason.
func TestR018DocsLeadWithBothPermissions(t *testing.T) {
	t.Parallel()
	for name, sh := range shapes {
		set := mustRender(t, sh)
		got := Docs("web", set)
		golden(t, "docs-"+name+".golden", got)
		first, _, _ := strings.Cut(got, "\n## Account")
		for _, want := range []string{"`ssm:SendCommand` on | `ssm:GetCommandInvocation` on", "Granting one never grants the other", "cannot see it", "| `*` |"} {
			if !strings.Contains(first, want) {
				t.Errorf("%s: the beginning lacks %q", name, want)
			}
		}
		for _, r := range set.Roles {
			for _, p := range r.Policies {
				for _, n := range p.Notes {
					if !strings.Contains(got, cell(n.Reason)) || !strings.Contains(got, cell(n.Star)) {
						t.Errorf("%s: %s has no reason in the table", name, n.Sid)
					}
				}
			}
		}
	}
	split := Docs("web", mustRender(t, shape{split: true}))
	if !strings.Contains(split, "| web-dev-Verify | nothing: another role has it | `*` |") {
		t.Error("the roles of a split stage are not told apart")
	}
}

// Text of a release file is text in the table: it can neither end a cell nor be a link.
func TestDocsEscape(t *testing.T) {
	t.Parallel()
	p := newPlan(shape{})
	p.Stages[0].Roles[0].Purpose = "a|b\n# c <script> [x](y) `z`"
	set, err := Render(p)
	if err != nil {
		t.Fatal(err)
	}
	if got := Docs("web", set); !strings.Contains(got, "\na\\|b # c &lt;script&gt; \\[x\\](y) \\`z\\`\n") {
		t.Errorf("the purpose is not escaped:\n%s", got)
	}
	if got := code([]string{"a|b", "c`d"}); got != "`a\\|b`<br>c\\`d" {
		t.Errorf("code = %s", got)
	}
}

// A step is named where a statement is for a step.
func TestDocsNameSteps(t *testing.T) {
	t.Parallel()
	p := newPlan(shape{})
	for i := range p.Stages[0].Calls {
		if c := &p.Stages[0].Calls[i]; c.Action == "ssm:SendCommand" && c.Role == plan.KindDeploy {
			c.Step = "release"
		}
	}
	set, err := Render(p)
	if err != nil {
		t.Fatal(err)
	}
	if got := Docs("web", set); strings.Count(got, "|   | release | always |") != 1 {
		t.Errorf("the step does not stand at its statement:\n%s", got)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got, rewrite with -update):\n%s", name, diff)
	}
}
