package plan

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/slipway-cd/slipway/internal/release"
)

// TestR022NoRenderedRoleIsANodeRole: a release refuses each role that slipway renders as its node-role, those of new kinds, too.
func TestR022NoRenderedRoleIsANodeRole(t *testing.T) {
	t.Parallel()
	// Not roles that slipway renders: web identities, services, people, and a user.
	others := []RoleKind{KindGitHub, KindGitLab, KindEC2, KindSSM, KindBuilds, KindPeople, KindUser}
	kinds := everyKind(t)
	for _, kind := range kinds {
		name := "shop-dev-" + string(kind)
		if kind.Shared() {
			name = "shop-" + string(kind)
		}
		src := "app: shop\nregion: eu-west-1\nci: {github: {repository: acme/shop, environments: true}}\naccounts: {dev: \"222222222222\"}\nstages:\n" +
			"  - name: dev\n    account: dev\n    targets: {tags: {App: shop}, node-role: " + name + "}\n    steps:\n" +
			"      - command: {name: release, script: release.sh}\n"
		_, err := release.Parse("slipway.yaml", []byte(src), release.Options{Files: fstest.MapFS{"release.sh": {Data: []byte("true\n")}}})
		refused := err != nil && strings.Contains(err.Error(), "is a role that slipway renders")
		if refused == slices.Contains(others, kind) || !refused && err != nil {
			t.Errorf("%s: refused as a node-role: %t: %v", name, refused, err)
		}
	}
	for _, kind := range others {
		if !slices.Contains(kinds, kind) {
			t.Errorf("%s was not found in the source", kind)
		}
	}
}

// everyKind reads the constants of [RoleKind] in the source.
func everyKind(t *testing.T) (kinds []RoleKind) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "types.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			if of, ok := spec.Type.(*ast.Ident); ok && of.Name == "RoleKind" {
				name, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				kinds = append(kinds, RoleKind(name))
			}
		}
		return true
	})
	return kinds
}
