package lint

import (
	"bytes"
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/lint/policies"
)

// Kind is what a file is, told by its content, and by its name where that does not tell.
type Kind string

// The kinds of files. A file of none of them is not linted, and `slipway lint` says so where it was named.
const (
	KindNone     Kind = ""
	KindWorkflow Kind = "workflow"        // of GitHub
	KindAction   Kind = "action"          // of GitHub: action.yml
	KindBuild    Kind = "buildspec"       // of CodeBuild
	KindScript   Kind = "script"          // shell
	KindRelease  Kind = "release"         // slipway.yaml
	KindDocument Kind = "document"        // of Systems Manager
	KindPolicy   Kind = "policy"          // one policy, or one trust policy, in JSON or YAML
	KindTemplate Kind = "template"        // of CloudFormation
	KindPlan     Kind = "terraform plan"  // terraform show -json
	KindAccount  Kind = "account details" // aws iam get-account-authorization-details
)

// Promising says whether a file's name lets one expect a kind that lint knows, so that it is worth being read.
func Promising(name string) bool {
	return slices.Contains([]string{".yml", ".yaml", ".json", ".sh", ".bash", ".template"}, path.Ext(name))
}

// KindOf tells what a file is, in whatever encoding.
func KindOf(f File) Kind {
	f.Content = plain(f.Content)
	if _, ok := policies.Folder(f.Name); ok {
		return KindPolicy
	}
	if bytes.IndexByte(f.Content, 0) >= 0 && !bytes.HasPrefix(f.Content, []byte("{")) { // no text
		return KindNone
	}
	if bytes.HasPrefix(f.Content, []byte("#!")) {
		line, _, _ := bytes.Cut(f.Content, []byte("\n"))
		if bytes.HasSuffix(bytes.TrimSpace(line), []byte("sh")) || bytes.Contains(line, []byte("sh ")) {
			return KindScript
		}
		return KindNone
	}
	switch path.Ext(f.Name) {
	case ".sh", ".bash":
		return KindScript
	case ".json":
		if kind := kindOfKeys(keysOfJSON(f.Content)); kind != KindNone || !brokenPolicy(f.Content) {
			return kind
		}
		return KindPolicy
	case ".yml", ".yaml", ".template":
		if text := bytes.TrimSpace(f.Content); len(text) > 0 && text[0] == '{' {
			if keys := keysOfJSON(f.Content); len(keys) > 0 {
				return kindOfKeys(keys)
			}
		}
		return kindOfKeys(keysOfYAML(f.Content))
	}
	return KindNone
}

func kindOfKeys(keys []string) Kind {
	has := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(n string) bool { return !slices.Contains(keys, n) })
	}
	switch {
	case has("jobs") && (has("on") || has("true")):
		return KindWorkflow
	case has("app", "stages"):
		return KindRelease
	case has("runs"):
		return KindAction
	case has("phases") && has("version"):
		return KindBuild
	case has("schemaVersion"):
		return KindDocument
	case has("Resources"):
		return KindTemplate
	case has("Statement"):
		return KindPolicy
	case has("RoleDetailList") || has("UserDetailList"):
		return KindAccount
	case has("terraform_version", "planned_values"), has("terraform_version", "resource_changes"):
		return KindPlan
	}
	return KindNone
}

// keysOfYAML gives the keys at the top level of a block mapping, without reading the rest.
func keysOfYAML(content []byte) []string {
	var keys []string
	for line := range bytes.Lines(content) {
		if len(line) == 0 || strings.ContainsRune(" \t#-\r\n", rune(line[0])) {
			continue
		}
		if name, _, ok := strings.Cut(string(line), ":"); ok {
			keys = append(keys, strings.Trim(strings.TrimSpace(name), `"'`))
		}
	}
	return keys
}

// keysOfJSON gives the keys at the top level of an object; those before the first mistake in one that is none.
func keysOfJSON(content []byte) []string {
	d := json.NewDecoder(bytes.NewReader(content))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	var keys []string
	for d.More() {
		t, err := d.Token()
		if err != nil {
			break
		}
		if key, ok := t.(string); ok {
			keys = append(keys, key)
		}
		var skipped json.RawMessage
		if d.Decode(&skipped) != nil {
			break
		}
	}
	return keys
}

// brokenPolicy says whether a text that is no JSON was to be a policy: one with a mistake before its statements is no reason
// to pass it over.
func brokenPolicy(content []byte) bool {
	return !json.Valid(content) && bytes.Contains(content, []byte(`"Statement"`)) && bytes.Contains(content, []byte(`"Effect"`)) &&
		!bytes.Contains(content, []byte(`"Resources"`))
}
