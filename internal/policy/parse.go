package policy

import (
	"path/filepath"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/yaml"
)

// Format is how a policy is written.
type Format string

// The formats.
const (
	JSON Format = "json"
	YAML Format = "yaml"
)

// FormatOf tells the format by the extension of the file's name, and where that does not tell by what it holds: what
// begins with a brace is JSON.
func FormatOf(name string, text []byte) Format {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".json":
		return JSON
	case ".yaml", ".yml":
		return YAML
	}
	if yaml.IsJSON(text) {
		return JSON
	}
	return YAML
}

// Parse reads a policy in either format, strictly.
func Parse(name string, text []byte) (*iam.Document, error) {
	if FormatOf(name, text) == YAML {
		return yaml.Parse(name, text)
	}
	return iam.Parse(name, text)
}
