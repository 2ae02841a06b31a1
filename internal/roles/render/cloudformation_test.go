package render_test

import (
	"cmp"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/given"
	"github.com/slipway-cd/slipway/internal/roles/render"
	"github.com/slipway-cd/slipway/internal/testclient"
)

// R63, R127, R128, R53: the roles are a stack of their own, which cfn-lint has nothing to say about; nor has it about the
// templates on request.
func TestR063R127R128CfnLintIsSilent(t *testing.T) {
	t.Parallel()
	lint := testclient.Find(t, "cfn-lint")
	dir := t.TempDir()
	var args []string
	for name, set := range sets(t) {
		files, err := render.CloudFormation(set, render.Options{App: name, Providers: name == "full"})
		if err != nil {
			t.Fatal(err)
		}
		if name == "full" || name == "pipeline" {
			for _, others := range more(t, name, set) {
				maps.Copy(files, others)
			}
		}
		for file, content := range files {
			path := filepath.Join(dir, name+"-"+file)
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			args = append(args, path)
		}
	}
	slices.Sort(args)
	if len(args) < 12 {
		t.Errorf("only %d templates", len(args))
	}
	if out, err := exec.CommandContext(t.Context(), lint, args...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("cfn-lint: %v\n%s", err, out)
	}
	// The gate can fail: a planted mistake is found.
	wrong := filepath.Join(dir, "wrong.yaml")
	content := strings.Replace(string(mustRead(t, filepath.Join(dir, "web-111111111111.yaml"))), "RoleName:", "RoleNames:", 1)
	if err := os.WriteFile(wrong, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), lint, wrong).CombinedOutput(); err == nil {
		t.Errorf("cfn-lint finds nothing in a template with a wrong property: %s", out)
	}
}

func mustRead(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// R63: read back, a template has the roles that the JSON rendering has.
func TestR063TemplateReadsBackAsTheJSONDoes(t *testing.T) {
	t.Parallel()
	for name, set := range sets(t) {
		files, err := render.CloudFormation(set, render.Options{App: name})
		if err != nil {
			t.Fatal(err)
		}
		got := &roles.Set{}
		for file, content := range files {
			account := strings.TrimSuffix(file, ".yaml")
			part, findings := given.Read(file, content, given.Options{Account: account, Partition: "aws"})
			if err := given.Error(findings); err != nil {
				t.Fatal(err)
			}
			got.Roles = append(got.Roles, part.Roles...)
			got.Users = append(got.Users, part.Users...)
			got.Buckets = append(got.Buckets, part.Buckets...)
		}
		compare(t, name, set, got)
	}
}

// compare tells the difference of two sets, but for what files do not keep: reasons, places, and what readers call things.
func compare(t *testing.T, name string, want, got *roles.Set) {
	t.Helper()
	for _, s := range []*roles.Set{want, got} { // what adds to a role says nothing else of it, each reader in words of its own
		for i := range s.Roles {
			if r := &s.Roles[i]; r.Adds {
				r.Path, r.Doubts = "", nil
			}
		}
	}
	for _, g := range got.Roles { // a boundary that is only a text gets its ARN by being rendered
		i := slices.IndexFunc(want.Roles, func(r roles.Role) bool { return r.Account == g.Account && r.Name == g.Name })
		if i >= 0 && want.Roles[i].Boundary != nil && want.Roles[i].BoundaryARN == "" && strings.HasSuffix(g.BoundaryARN, g.Name+"-Boundary") {
			want.Roles[i].BoundaryARN = g.BoundaryARN
		}
	}
	for _, g := range got.Users {
		i := slices.IndexFunc(want.Users, func(u roles.User) bool { return u.Account == g.Account && u.Name == g.Name })
		if i >= 0 && want.Users[i].Boundary != nil && want.Users[i].BoundaryARN == "" && strings.HasSuffix(g.BoundaryARN, g.Name+"-Boundary") {
			want.Users[i].BoundaryARN = g.BoundaryARN
		}
	}
	options := gocmp.Options{
		cmpopts.IgnoreFields(roles.Role{}, "Purpose", "TrustNotes", "Kind"), cmpopts.IgnoreFields(roles.Policy{}, "Notes"),
		cmpopts.IgnoreFields(roles.Set{}, "Loose"), // boundaries are attached to nothing
		cmpopts.IgnoreFields(roles.User{}, "Purpose"), cmpopts.IgnoreFields(roles.Attached{}, "Notes"),
		cmpopts.IgnoreFields(roles.Bucket{}, "Notes"), cmpopts.IgnoreFields(iam.Document{}, "Name"),
		cmpopts.IgnoreTypes(iam.Position{}, iam.Places{}, roles.Place{}), cmpopts.EquateEmpty(),
		cmpopts.SortSlices(func(a, b roles.Role) bool { return cmp.Compare(a.Account+a.Name, b.Account+b.Name) < 0 }),
		cmpopts.SortSlices(func(a, b roles.Attached) bool { return a.ARN < b.ARN }),
	}
	if diff := gocmp.Diff(want, got, options); diff != "" {
		t.Errorf("%s (-rendered +read back):\n%s", name, diff)
	}
}
