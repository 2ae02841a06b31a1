package release

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"
	"go.yaml.in/yaml/v4"
)

// resolved is the printed schema, read again.
func resolved(t *testing.T) *jsonschema.Resolved {
	t.Helper()
	data, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	r, err := schema.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// plainValue turns a node into what JSON would have; numbers only where they are small.
func plainValue(n *yaml.Node) any {
	switch n.Kind {
	case yaml.DocumentNode:
		return plainValue(n.Content[0])
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			m[n.Content[i].Value] = plainValue(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			list = append(list, plainValue(item))
		}
		return list
	}
	var value any
	if n.ShortTag() == "!!int" && len(n.Value) < 4 || n.ShortTag() == "!!bool" {
		if json.Unmarshal([]byte(n.Value), &value) == nil {
			return value
		}
	}
	return n.Value
}

func read(t *testing.T, src []byte) any {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal(src, &n); err != nil {
		t.Fatal(err)
	}
	return plainValue(&n)
}

func TestSchemaAcceptsGoodFiles(t *testing.T) {
	t.Parallel()
	schema := resolved(t)
	for path, src := range sources(t, "good") {
		if err := schema.Validate(read(t, src)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// What can be seen at one place of the file, the schema sees too.
func TestSchemaRefusesBadFiles(t *testing.T) {
	t.Parallel()
	schema := resolved(t)
	for _, name := range []string{
		"unknown-keys", "missing-keys", "missing-in-stage", "wrong-types", "app-shape", "account-short", "region-shape",
		"instances-51", "tag-values-six", "min-zero", "timeout-text", "document-other", "step-name-short", "local-range",
	} {
		src := sources(t, "bad")[filepath.Join("testdata", "bad", name+".yaml")]
		if err := schema.Validate(read(t, src)); err == nil {
			t.Errorf("%s: the schema accepts it", name)
		}
	}
}

// Every key that the tables know is documented once, and the schema has the same ones.
func TestKeysAreDocumented(t *testing.T) {
	t.Parallel()
	var paths []string
	for _, key := range Keys() {
		if key.Doc == "" || !strings.HasSuffix(key.Doc, ".") || key.Type == "" {
			t.Errorf("%s: type %q, doc %q: want both, the doc as sentences", key.Path, key.Type, key.Doc)
		}
		if slices.Contains(paths, key.Path) {
			t.Errorf("%s is there twice", key.Path)
		}
		paths = append(paths, key.Path)
	}
	for _, want := range []string{
		"app", "ci.github.owner-id", "stages[].targets.tags", "stages[].steps[].command.parameters.<name>.pattern",
		"stages[].steps[].command.validate.timeout",
	} {
		if !slices.Contains(paths, want) {
			t.Errorf("%s is missing", want)
		}
	}
}

func TestSuggestions(t *testing.T) {
	t.Parallel()
	known := []string{"targets", "name", "needs", "account", "region"}
	tests := map[string]string{
		"target": "targets", "tragets": "targets", "Targets": "targets", "acount": "account", "regoin": "region",
		"need": "needs", "colour": "", "": "", "x": "", strings.Repeat("targets", 1000): "",
	}
	got := map[string]string{}
	for written := range tests {
		got[written] = Nearest(written, known)
	}
	if diff := cmp.Diff(tests, got); diff != "" {
		t.Errorf("suggestions (-want +got):\n%s", diff)
	}
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	good := []string{
		DefaultPattern, `^$`, `^v[0-9]+$`, `^(?:dev|prod)$`, `^(dev|prod)$`, `^[a-z]{1,40}(\.[a-z]+)*$`, `^\d+$`, `^[\w.-]+$`,
		`^[ -!#%&()*+,\-./0-9:;<=>?@A-Z]+$`,
	}
	bad := []string{
		``, `a`, `^a`, `a$`, `^a|b$`, `^.*$`, `^[^a]$`, `^\S+$`, `^\W$`, `^[$]$`, "^a\n$", `^\n$`,
		`^[a-z'"]+$`, `(?m)^a$`, `(?i)^a$`, `^(?i:k)$`,
		`^[[:alpha:]]$`, `^[a-z&&b]$`, `^(?P<x>a)$`, `^a{1001}$`, `^(?=a)$`, `^\x60$`, `^a\$`, `^{$`,
	}
	for _, pattern := range good {
		if problem, _ := safePattern(pattern); problem != "" {
			t.Errorf("%q: %s, want it accepted", pattern, problem)
		}
	}
	for _, pattern := range bad {
		if problem, _ := safePattern(pattern); problem == "" {
			t.Errorf("%q: accepted, want it refused", pattern)
		}
	}
}
