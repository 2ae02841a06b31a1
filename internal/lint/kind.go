package lint

import (
	"bytes"
	"path"
	"strings"
)

// Kind is what a file is, told by its content first and by its name where that does not tell.
type Kind string

// The kinds of files. A file of none of them is not linted, and `slipway lint` says so where it was named.
const (
	KindNone     Kind = ""
	KindWorkflow Kind = "workflow"
)

// KindOf tells what a file is.
func KindOf(f File) Kind {
	switch path.Ext(f.Name) {
	case ".yml", ".yaml":
		if hasKey(f.Content, "jobs") && hasKey(f.Content, "on") {
			return KindWorkflow
		}
	}
	return KindNone
}

// hasKey says whether a YAML text has a key at its top level.
func hasKey(content []byte, key string) bool {
	for line := range bytes.Lines(content) {
		text := strings.TrimRight(string(line), "\r\n")
		if name, _, ok := strings.Cut(text, ":"); ok && strings.Trim(name, `"'`) == key {
			return true
		}
	}
	return false
}
