package lint

import (
	"errors"
	"io/fs"
	"path"
	"slices"

	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/lint/shell"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
)

var releaseRules = []finding.Rule{wrongRule}

var wrongRule = finding.Rule{
	Code: "SLW120", Name: "release-file-wrong", Severity: finding.Error, Subject: finding.Release,
	Title:  "The release file is not one that slipway takes.",
	Why:    "Nothing can be planned, proved or shipped with it.",
	Source: "https://github.com/slipway-cd/slipway/blob/main/docs/release-file.md",
	Fix:    "write what the page has for this key, or take the line out", Requirements: []string{"R119"},
}

// release lints a release file, and the scripts that it names.
func (in Input) release(f File) []finding.Finding {
	folder := path.Dir(f.Name)
	options := release.Options{}
	if in.Repository != nil && fs.ValidPath(folder) {
		files, err := fs.Sub(in.Repository, folder)
		if err == nil {
			options.Files = files
		}
	}
	if f.Name == in.Pipelines.File {
		options.Set = in.Set
	}
	r, err := release.Parse(f.Name, f.Content, options)
	if err != nil {
		return wrong(f, err)
	}
	p, err := plan.New(r)
	if err != nil {
		return []finding.Finding{wrongRule.At(f.Name, 1, 1, "", "%v", err)}
	}
	found := shell.Scripts(r, p)
	for i := range found {
		if found[i].File != f.Name { // a script, named from the release file's folder
			found[i].File = path.Join(folder, found[i].File)
		}
	}
	return found
}

// wrong turns the errors of a release file into findings. A variable that gets its value from --set is none.
func wrong(f File, err error) []finding.Finding {
	var list release.Errors
	if !errors.As(err, &list) {
		return []finding.Finding{wrongRule.At(f.Name, 1, 1, "", "%v", err)}
	}
	list = slices.DeleteFunc(slices.Clone(list), func(e *release.Error) bool { return e.Unset != "" })
	found := make([]finding.Finding, len(list))
	for i, e := range list {
		found[i] = wrongRule.At(f.Name, e.Line, e.Column, finding.Printable(e.Hint), "%s", e.Message)
	}
	return found
}
