// Package house_test holds the rules of the house: what may import what (DESIGN, "The house").
package house_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/slipway-cd/slipway/"

// mayImport lists, for a folder of the house, the folders of the house that it may import. Everybody outside of the
// library may import the library, whole; internal/policy, which is a shell around it, is held to what it prints.
var mayImport = map[string][]string{
	"internal/release":   {},
	"internal/plan":      {"internal/release", "internal/runbook"},
	"internal/roles":     {"internal/policy", "internal/release", "internal/plan"},
	"internal/proof":     {"internal/release", "internal/plan"},
	"internal/finding":   {},
	"internal/lint":      {"internal/finding", "internal/runbook", "internal/release", "internal/plan", "internal/roles", "internal/proof"},
	"internal/runbook":   {},
	"internal/record":    {},
	"internal/ci":        {"internal/release", "internal/plan", "internal/lint"},
	"internal/awsclient": {"internal/record"},
	"internal/ship":      {"internal/release", "internal/plan", "internal/record", "internal/awsclient"},
	"internal/localaws":  {"internal/localaws"},
	"internal/rehearse":  {"internal/release", "internal/plan", "internal/roles", "internal/proof", "internal/ship", "internal/localaws"},
	"internal/ui":        {"internal/release", "internal/plan", "internal/proof", "internal/record", "internal/ship"},
	"internal/cli": {"internal/release", "internal/plan", "internal/roles", "internal/proof", "internal/awsclient",
		"internal/ship", "internal/localaws", "internal/rehearse", "internal/ui", "internal/policy", "internal/record", "internal/ci", "internal/lint", "internal/finding"},
	"cmd/slipway":     {"internal/cli", "internal/localaws"},
	"internal/policy": {"iam", "iam/yaml", "iam/catalog"},
	// What tests share. Nothing but tests imports it.
	"internal/testclient": {},
	"iam":                 {},
	"iam/catalog":         {},
	"iam/yaml":            {"iam"},
	"iam/escalation":      {"iam", "iam/catalog"},
	"iam/managed":         {"iam"},
}

// library is what others could import by itself.
var library = []string{"iam", "iam/catalog", "iam/yaml", "iam/escalation", "iam/managed"}

// foreign lists the modules that a folder of the library may import; everything else is the standard library's.
var foreign = map[string][]string{"iam/yaml": {"go.yaml.in/yaml/v4"}}

// pure packages decide; they do not look at the world.
var pure = append([]string{"internal/release", "internal/plan", "internal/roles", "internal/proof", "internal/policy", "internal/record", "internal/ci", "internal/lint", "internal/finding", "internal/runbook"}, library...)

// impure are the packages, or prefixes of packages, through which the world is reached.
var impure = []string{"os", "net", "net/http", "os/exec", "os/signal", "syscall", "golang.org/x/sys/", "github.com/aws/"}

func TestImportDirections(t *testing.T) {
	t.Parallel()
	files := goFiles(t, ".")
	if len(files) < 20 {
		t.Fatalf("only %d Go files found: the walk is broken", len(files))
	}
	for _, problem := range violations(files) {
		t.Error(problem)
	}
}

// TestImportDirectionsCanFail plants one file of each kind of mistake.
func TestImportDirectionsCanFail(t *testing.T) {
	t.Parallel()
	planted := map[string][]string{
		"iam/x.go":                        {module + "internal/release"},
		"internal/plan/x.go":              {module + "internal/roles"},
		"internal/localaws/ssm/x.go":      {module + "internal/ship"},
		"internal/proof/x.go":             {"os"},
		"internal/release/x.go":           {"github.com/aws/aws-sdk-go-v2/aws"},
		"internal/localaws/gateway/y.go":  {"github.com/aws/aws-sdk-go-v2/service/ssm"},
		"internal/somewhere/else/file.go": {},
		"iam/y.go":                        {module + "iam/catalog"},
		"iam/z.go":                        {"go.yaml.in/yaml/v4"},
		"iam/yaml/x.go":                   {module + "iam/catalog"},
		"iam/yaml/y.go":                   {"go.yaml.in/yaml/v3"},
		"iam/escalation/x.go":             {module + "iam/yaml"},
		"iam/somewhere/x.go":              {},
		"internal/policy/x.go":            {module + "iam/escalation"},
		"internal/policy/y.go":            {module + "internal/plan"},
		"internal/policy/z.go":            {"os"},
	}
	for name, imports := range planted {
		if got := violations(map[string][]string{name: imports}); len(got) != 1 {
			t.Errorf("%s importing %v: got %d problems %v, want 1", name, imports, len(got), got)
		}
	}
}

func violations(files map[string][]string) []string {
	var problems []string
	for _, file := range slices.Sorted(maps.Keys(files)) {
		room := roomOf(file)
		if _, known := mayImport[room]; !known {
			problems = append(problems, fmt.Sprintf("%s: %s is not a folder of the house", file, room))
			continue
		}
		for _, path := range files[file] {
			if why := forbidden(room, path); why != "" {
				problems = append(problems, fmt.Sprintf("%s imports %s: %s", file, path, why))
			}
		}
	}
	return problems
}

func forbidden(room, path string) string {
	if inside, ok := strings.CutPrefix(path, module); ok {
		target := roomOf(inside + "/x.go")
		held := room == "internal/policy" || slices.Contains(library, room)
		if target == room || slices.Contains(mayImport[room], target) || !held && slices.Contains(library, target) {
			return ""
		}
		return room + " may not import " + target
	}
	if slices.Contains(pure, room) && matches(path, impure) {
		return room + " is pure"
	}
	host, _, _ := strings.Cut(path, "/")
	if slices.Contains(library, room) && strings.Contains(host, ".") && !slices.Contains(foreign[room], path) {
		return room + " is a library without dependencies"
	}
	if room != "internal/ship" && room != "internal/awsclient" && strings.HasPrefix(path, "github.com/aws/") {
		return "only ship and awsclient talk to AWS"
	}
	return ""
}

func matches(path string, list []string) bool {
	return slices.ContainsFunc(list, func(p string) bool {
		return path == p || strings.HasSuffix(p, "/") && strings.HasPrefix(path, p)
	})
}

// roomOf maps a file to its folder of the house.
func roomOf(file string) string {
	parts := strings.Split(filepath.ToSlash(filepath.Dir(file)), "/")
	return strings.Join(parts[:min(2, len(parts))], "/")
}

// goFiles gives the imports of every Go file that is not a test and is part of the build.
func goFiles(t *testing.T, root string) map[string][]string {
	t.Helper()
	files := map[string][]string{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && name != "." || strings.HasSuffix(filepath.ToSlash(name), "iam/catalog/internal/generate")) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		imports := []string{}
		for _, spec := range parsed.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			imports = append(imports, path)
		}
		files[filepath.ToSlash(name)] = imports
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
