package pipelines

import (
	"fmt"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// TestPlacesOfScalars: a word in a value of any style is found at its line and column of the file.
func TestPlacesOfScalars(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ file, want string }{
		"literal":                 {"run: |\n  one\n  two HERE\n", "3:7"},
		"literal, stripped":       {"run: |-\n  one\n  two HERE", "3:7"},
		"literal, kept":           {"run: |+\n  one\n\n  two HERE\n\n\nx: 1\n", "4:7"},
		"literal, indicator":      {"run: |2\n    one\n  two HERE\n", "3:7"},
		"literal, more indented":  {"a:\n  - run: |\n      if x; then\n        HERE\n      fi\n", "4:9"},
		"literal, empty lines":    {"run: |\n\n\n  one\n     \n  HERE\n", "6:3"},
		"literal, a comment":      {"run: | # HERE is not meant\n  one HERE\n", "2:7"},
		"literal, line ends":      {"run: |\r\n  one\r\n  HERE\r\n", "3:3"},
		"literal, anchor and tag": {"run: &a !!str |\n  one\n  HERE\n", "3:3"},
		"literal, characters":     {"run: |\n  écho „ HERE\n", "2:13"},
		"folded":                  {"run: >\n  one\n  two HERE\n", "3:7"},
		"folded, stripped":        {"run: >-\n  one\n  two HERE\n", "3:7"},
		"folded, empty lines":     {"run: >\n\n  one\n\n\n  two\n  HERE\n", "7:3"},
		"folded, more indented":   {"run: >\n  one\n    two\n    HERE\n  three\n", "4:5"},
		"folded, then back":       {"run: >\n  one\n    two\n\n  HERE\n", "5:3"},
		"folded, indicator":       {"run: >2\n     one\n  HERE\n", "3:3"},
		"plain":                   {"run: one HERE # x\n", "1:10"},
		"plain, several lines":    {"run: one\n  two\n\n  HERE\n", "4:3"},
		"single":                  {"run: 'it''s HERE'\n", "1:13"},
		"single, several lines":   {"run: 'one  \n  two HERE'\n", "2:7"},
		"double":                  {`run: "one\n\"two\" \x41\u00e9HERE"` + "\n", "1:30"},
		"double, several lines":   {"run: \"one\n\n  two \\\n  HERE\"\n", "4:3"},
		"in a flow":               {"steps: [{name: é, run: \"HERE\"}]\n", "1:26"},
		"after a byte order mark": {"\ufeffrun: HERE\n", "1:9"},
		"a line end of old":       {"a: 1\rrun: HERE\n", "1:11 not followed"},
		"nothing in front":        {"- HERE\n", "1:3"},
		"on the next line":        {"run:\n  one HERE\n", "2:7"},
	} {
		got := ""
		for _, sc := range scalars(t, tt.file) {
			if at := strings.Index(sc.value, "HERE"); at >= 0 {
				line, column := sc.place(at)
				got = fmt.Sprintf("%d:%d", line, column)
				if len(sc.bytes) == 0 {
					got += " not followed"
				}
			}
		}
		if got != tt.want {
			t.Errorf("%s: got %s, want %s", name, got, tt.want)
		}
	}
}

// scalars are all of a file.
func scalars(t testing.TB, file string) []scalar {
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(file), &root); err != nil {
		t.Skip(err)
	}
	s := newSource("x.yml", []byte(file))
	var list []scalar
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		if n.Kind == yaml.ScalarNode {
			list = append(list, newScalar(s, n.Value, n.Line, n.Column))
		}
		for _, c := range n.Content {
			walk(c)
		}
	}
	walk(&root)
	return list
}

// FuzzScalars: what is followed is followed rightly: letters of the value are where they are said to be.
func FuzzScalars(f *testing.F) {
	f.Add("run: >\n  one\n    two\n\n  three\n")
	f.Add("run: |2\n    one\n  two\n")
	f.Add("a: {b: 'it''s', c: \"x\\ty\n  z\"}")
	f.Fuzz(func(t *testing.T, file string) {
		watched(t, file)
		for _, sc := range scalars(t, file) {
			for i := 0; i < len(sc.bytes)-1; i++ {
				c := sc.value[i]
				if letter := c|0x20 >= 'a' && c|0x20 <= 'z'; letter && sc.source.content[sc.bytes[i]] != c && sc.source.content[sc.bytes[i]] != '\\' {
					t.Fatalf("byte %d of %q is said to be %q", i, sc.value, sc.source.content[sc.bytes[i]])
				}
			}
		}
	})
}
