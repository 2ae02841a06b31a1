package render_test

import (
	stdcmp "cmp"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/managed"
	"github.com/slipway-cd/slipway/internal/roles/render"
	"github.com/slipway-cd/slipway/internal/testclient"
)

// Terraform's own formatter changes nothing, and neither does hclwrite's.
func TestTerraformIsFormatted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, set := range sets(t) {
		files, err := render.Terraform(set, render.Options{App: name, Providers: true})
		if err != nil {
			t.Fatal(err)
		}
		for file, content := range files {
			if diff := cmp.Diff(string(content), string(hclwrite.Format(content))); diff != "" {
				t.Errorf("%s %s is not formatted:\n%s", name, file, diff)
			}
			path := filepath.Join(dir, name, filepath.FromSlash(file))
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Run("terraform fmt", func(t *testing.T) {
		cmd := exec.CommandContext(t.Context(), testclient.Find(t, "terraform"), "fmt", "-check", "-diff", "-recursive", dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("terraform fmt: %v\n%s", err, out)
		}
	})
}

// What Terraform gives IAM is the policy, to the byte: policy variables are no templates of Terraform's.
func TestTerraformPoliciesEvaluateToTheJSON(t *testing.T) {
	t.Parallel()
	for name, set := range sets(t) {
		files, err := render.Terraform(set, render.Options{App: name})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]int{}
		count := func(d *iam.Document) {
			if d != nil {
				want[inOrder(t, d)]++
			}
		}
		for _, r := range set.Roles {
			count(r.Trust)
			count(r.Boundary)
			for _, p := range r.Policies {
				count(p.Document)
			}
			for _, a := range r.Attached {
				if !strings.HasPrefix(a.ARN, managed.Prefix) {
					count(a.Document)
				}
			}
		}
		for _, u := range set.Users {
			count(u.Boundary)
			for _, p := range u.Policies {
				count(p.Document)
			}
		}
		for _, b := range set.Buckets {
			count(b.Policy)
		}
		got := map[string]int{}
		for file, content := range files {
			for _, text := range policies(t, file, content) {
				d, err := iam.Parse(file, []byte(text))
				if err != nil {
					t.Fatal(err)
				}
				got[inOrder(t, d)]++
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || len(got) < 3 {
			t.Errorf("%s (-rendered +evaluated):\n%s", name, diff)
		}
	}
}

// inOrder prints a document with its conditions in an order of their own: Terraform's jsonencode sorts keys.
func inOrder(t *testing.T, d *iam.Document) string {
	t.Helper()
	sorted := *d
	sorted.Statements = slices.Clone(d.Statements)
	for i := range sorted.Statements {
		st := &sorted.Statements[i]
		st.Conditions = slices.SortedFunc(slices.Values(st.Conditions), func(a, b iam.Condition) int {
			return stdcmp.Or(stdcmp.Compare(a.Operator, b.Operator), stdcmp.Compare(a.Key, b.Key))
		})
	}
	return string(sorted.Compact())
}

// policies evaluates the attributes of a module that are policies, as Terraform does.
func policies(t *testing.T, name string, content []byte) []string {
	t.Helper()
	file, problems := hclsyntax.ParseConfig(content, name, hcl.InitialPos)
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	context := &hcl.EvalContext{Functions: map[string]function.Function{"jsonencode": stdlib.JSONEncodeFunc}}
	var out []string
	for _, block := range file.Body.(*hclsyntax.Body).Blocks {
		for _, attribute := range []string{"policy", "assume_role_policy"} {
			a := block.Body.Attributes[attribute]
			if a == nil {
				continue
			}
			v, problems := a.Expr.Value(context)
			if problems.HasErrors() {
				t.Fatal(problems)
			}
			out = append(out, v.AsString())
		}
	}
	return out
}
