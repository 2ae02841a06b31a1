// Package lint finds in files what keeps a release from being shipped truthfully, or its roles from being as small as they
// could be: in pipelines and the scripts that they run, in policies and roles, and in Systems Manager documents.
//
// The linters are the packages below this one; each exports its Rules. [Run] tells files apart by what is in them, gives
// each to the linters that know it, and leaves out what a comment in the file, with its reason, says is meant to be so. The
// package is pure: files in, findings out; it reads only the file system that it is handed.
package lint

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/ci"
	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/lint/shell"
)

// File is a file to lint.
type File struct {
	// Name as on the command line, with slashes.
	Name    string
	Content []byte
}

// Input is what is linted, and what it is held against.
type Input struct {
	Files []File
	// Repository is where workflows find actions, reusable workflows and the scripts that they call: the folder that has
	// .git or .github. Names in it are relative to it. Nil where there is none.
	Repository fs.FS
	// Pipelines says what workflows are held against besides themselves.
	Pipelines ci.Against
}

// Rules are all rules, by code.
func Rules() []finding.Rule {
	rules := slices.Concat(ci.Rules, shell.Rules)
	slices.SortFunc(rules, func(a, b finding.Rule) int { return strings.Compare(string(a.Code), string(b.Code)) })
	return rules
}

// Run lints files. The findings are in the order of their places.
func Run(in Input) []finding.Finding {
	var found []finding.Finding
	for _, f := range in.Files {
		found = append(found, in.lint(f)...)
	}
	finding.Sort(found)
	return found
}

// lint gives one file to the linters that know its kind.
func (in Input) lint(f File) []finding.Finding {
	if KindOf(f) == KindWorkflow {
		return ci.Check(f.Name, f.Content, in.Pipelines)
	}
	return nil
}
