// Package lint finds in files what keeps a release from being shipped truthfully, or its roles from being as small as they
// could be: in pipelines and the scripts that they run, in policies and roles, and in Systems Manager documents.
//
// The linters are the packages below this one; each exports its Rules. [Run] tells files apart by what is in them, gives
// each to the linters that know it, and leaves out what a comment in the file, with its reason, says is meant to be so. The
// package is pure: files in, findings out; it reads only the file system that it is handed.
package lint

import (
	"io/fs"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/lint/documents"
	"github.com/slipway-cd/slipway/internal/lint/needs"
	"github.com/slipway-cd/slipway/internal/lint/pipelines"
	"github.com/slipway-cd/slipway/internal/lint/policies"
	"github.com/slipway-cd/slipway/internal/lint/shell"
	"github.com/slipway-cd/slipway/internal/roles"
)

// File is a file to lint.
type File struct {
	// Name in the repository, with slashes; one that lies elsewhere as the user named it.
	Name    string
	Content []byte
}

// Input is what is linted, and what it is held against.
type Input struct {
	Files []File
	// Repository is where workflows find actions, reusable workflows and the scripts that they call: the folder that has
	// .git or .github. Nil where there is none. What is found in its files is reported by their names in it.
	Repository fs.FS
	// Pipelines says what workflows are held against besides themselves.
	Pipelines pipelines.Against
	// Roles that pipelines are held against, and the name of the role of jobs that do not tell theirs. Nil: none are given.
	Roles *roles.Set
	Role  string
	// Set are values of the variables of the release file that pipelines are held against.
	Set map[string]string
}

// tables are the rules of each linter.
var tables = [][]finding.Rule{
	pipelines.Rules,
	needs.Rules,
	shell.Rules,
	policies.Rules,
	documents.Rules,
	releaseRules,
	finding.Rules,
	encodingRules,
}

// Rules are all rules, by code.
func Rules() []finding.Rule {
	rules := slices.Concat(tables...)
	slices.SortFunc(rules, func(a, b finding.Rule) int { return strings.Compare(string(a.Code), string(b.Code)) })
	return rules
}

// RuleOf finds a rule by its code or its name.
func RuleOf(name string) (finding.Rule, bool) {
	for _, r := range Rules() {
		if strings.EqualFold(string(r.Code), name) || r.Name == name {
			return r, true
		}
	}
	return finding.Rule{}, false
}

// Run lints files. What it reports is in the order of places, and each thing once, also where several files lead to it.
func Run(in Input) finding.Report {
	var report finding.Report
	codes := map[finding.Code]bool{}
	for _, r := range Rules() {
		codes[r.Code] = true
	}
	byFile := in.findings()
	for _, name := range slices.Sorted(maps.Keys(byFile)) {
		content, _ := in.Content(name)
		left, ignored := finding.Ignore(name, content, byFile[name], func(c finding.Code) bool { return codes[c] })
		report.Findings, report.Ignored = append(report.Findings, left...), append(report.Ignored, ignored...)
	}
	finding.Sort(report.Findings)
	return report
}

// findings gives what was found by the file that has it, every linted file among them.
func (in Input) findings() map[string][]finding.Finding {
	lists := make([][]finding.Finding, len(in.Files))
	var wait sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, f := range in.Files {
		wait.Add(1)
		slots <- struct{}{}
		go func() {
			defer func() { <-slots; wait.Done() }()
			lists[i] = in.lint(f)
		}()
	}
	wait.Wait()
	type place struct {
		file         string
		line, column int
		code         finding.Code
		message      string
	}
	byFile, seen := map[string][]finding.Finding{}, map[place]bool{}
	for _, f := range in.Files {
		byFile[f.Name] = nil
	}
	for _, f := range slices.Concat(lists...) {
		at := place{f.File, f.Line, f.Column, f.Code, f.Message}
		if !seen[at] {
			seen[at] = true
			byFile[f.File] = append(byFile[f.File], f)
		}
	}
	return byFile
}

// Content is the text of a file that is linted, or that lies in the repository; ok is false for any other.
func (in Input) Content(name string) (content []byte, ok bool) {
	for _, f := range in.Files {
		if f.Name == name {
			return f.Content, true
		}
	}
	if in.Repository == nil || !fs.ValidPath(name) {
		return nil, false
	}
	content, err := fs.ReadFile(in.Repository, name)
	return content, err == nil
}

// policy lints a policy. One in a folder of roles is looked at with the others of the folder, once for all.
func (in Input) policy(f File) []finding.Finding {
	root, ok := policies.Folder(f.Name)
	if !ok {
		return policies.File(f.Name, f.Content)
	}
	var names []string
	contents := map[string][]byte{}
	for _, o := range in.Files {
		if other, ok := policies.Folder(o.Name); ok && other == root {
			names = append(names, o.Name)
			if utf16Order(o.Content) == nil { // its own finding says so, and what is missing here is known to be missing
				contents[o.Name] = o.Content
			}
		}
	}
	if names[0] != f.Name {
		return nil
	}
	return policies.InFolder(contents, names)
}

// lint gives one file to the linters that know its kind.
func (in Input) lint(f File) []finding.Finding {
	kind := KindOf(f)
	if kind != KindNone && utf16Order(f.Content) != nil {
		found := []finding.Finding{encodingRule.At(f.Name, 1, 1, "", "this is UTF-16, and was not looked at")}
		if _, ok := policies.Folder(f.Name); ok {
			found = append(found, in.policy(f)...) // it may be the one that stands for its folder
		}
		return found
	}
	switch kind {
	case KindWorkflow:
		return append(pipelines.Check(f.Name, f.Content, in.Pipelines, in.Repository), in.held(f)...)
	case KindAction:
		return pipelines.Action(f.Name, f.Content, in.Pipelines, in.Repository)
	case KindBuild:
		return append(pipelines.Build(f.Name, f.Content, in.Pipelines, in.Repository), in.held(f)...)
	case KindPolicy:
		return append(in.policy(f), policies.Subjects(f.Name, f.Content, in.subjects())...)
	case KindTemplate:
		return append(policies.Given(f.Name, f.Content), documents.Template(f.Name, f.Content)...)
	case KindPlan, KindAccount:
		return policies.Given(f.Name, f.Content)
	case KindDocument:
		return append(documents.Lint(f.Name, f.Content), in.runbooks(f)...)
	case KindRelease:
		return append(in.release(f), pipelines.Keys(f.Name, f.Content)...)
	case KindScript:
		return append(in.script(f), pipelines.Keys(f.Name, f.Content)...)
	}
	return nil
}

// script lints a script by itself. What it prints may be read by whatever calls it.
func (in Input) script(f File) []finding.Finding {
	read := func(name string) ([]byte, bool) { return in.Content(name) }
	return shell.Analyze(shell.Sequence{Scripts: []shell.Script{{File: f.Name, Text: string(f.Content)}}, Read: read, Printed: true}).Findings()
}

// held are the findings of a pipeline that is held against the roles that are given.
func (in Input) held(f File) []finding.Finding {
	if in.Roles == nil {
		return nil
	}
	n, err := needs.Of(f.Name, f.Content, in.Repository)
	if err != nil {
		return nil // the linter of pipelines says so
	}
	return n.Prove(in.Roles, in.Role)
}

// subjects are those of the tokens by which the release's roles are entered; none where there is no release.
func (in Input) subjects() (list []string) {
	if in.Pipelines.Plan == nil {
		return nil
	}
	for _, stage := range in.Pipelines.Plan.Stages {
		for _, role := range stage.Roles {
			list = append(list, role.Subjects...)
		}
	}
	return list
}
