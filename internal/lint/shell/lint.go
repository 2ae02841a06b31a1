// Package shell reads shell scripts: which programs they start, which calls of AWS they make, what comes of the results
// (R98), and what of it a release does not declare (R125).
//
// Scripts are parsed, never searched. What a script does by other ways than the AWS CLI is not seen, and what cannot be
// told apart is said to be so. The package is pure.
package shell

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam/catalog"
	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
)

var (
	undeclaredRule = finding.Rule{
		Code: "SLW125", Name: "script-undeclared-call", Severity: finding.Warning, Subject: finding.Release,
		Title:  "A script of the release calls AWS, and its stage does not declare what it needs.",
		Why:    "The node role is rendered from what is declared, so the call is denied on the node.",
		Source: "https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-instance-permissions.html",
		Fix:    "declare it under permissions in the stage", Requirements: []string{"R125"},
	}
	untoldRule = finding.Rule{
		Code: "SLW126", Name: "script-untold-call", Severity: finding.Info, Subject: finding.Release,
		Title:  "A script of the release calls AWS, and what it needs for that cannot be told from the file.",
		Why:    "Neither a proof nor a rehearsal of the rest says that the node role allows it.",
		Source: "https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-instance-permissions.html",
		Fix:    "see that the stage's permissions hold what it needs", Requirements: []string{"R125"},
	}
)

// Scripts holds the scripts of a release against the permissions that its stages declare for them. p is its plan, or that
// of one stage: of the other stages nothing is told then. A script that several stages use is found once, with the stages
// that lack something.
func Scripts(r *release.Release, p *plan.Plan) []finding.Finding {
	var found []*undeclared
	for i := range r.Stages {
		stage := &r.Stages[i]
		declared, planned := declaredBy(p, stage.Name)
		if !planned {
			continue
		}
		for _, s := range scriptsOf(r, stage) {
			for _, u := range s.uses() {
				found = note(found, s, u, stage.Name, declared)
			}
		}
	}
	findings := make([]finding.Finding, len(found))
	for i, u := range found {
		findings[i] = u.finding()
	}
	finding.Sort(findings)
	return findings
}

// undeclared is a use of AWS that stages do not declare.
type undeclared struct {
	file   string
	use    use
	lacks  []string // actions
	stages []string
}

// note adds what a use lacks in a stage to what was found.
func note(found []*undeclared, s script, u use, stage string, declared map[string]bool) []*undeclared {
	var lacks []string
	for _, action := range u.actions {
		if !declared[action] && !slices.Contains(lacks, action) {
			lacks = append(lacks, action)
		}
	}
	if len(lacks) == 0 && u.untold == "" {
		return found
	}
	for _, f := range found {
		if f.file == s.file && f.use.line == u.line && f.use.column == u.column && slices.Equal(f.lacks, lacks) {
			if !slices.Contains(f.stages, stage) {
				f.stages = append(f.stages, stage)
			}
			return found
		}
	}
	return append(found, &undeclared{file: s.file, use: u, lacks: lacks, stages: []string{stage}})
}

func (u *undeclared) finding() finding.Finding {
	if unread := u.use.unread; unread != nil {
		return unread.In(u.file, u.use.line, u.use.column)
	}
	if u.use.untold != "" {
		return untoldRule.At(u.file, u.use.line, u.use.column, "", "%s: %s", u.use.command, u.use.untold)
	}
	does := "does"
	if len(u.stages) > 1 {
		does = "do"
	}
	var entries []string
	for _, action := range u.lacks {
		entries = append(entries, "{actions: ["+action+"], resources: ["+formOf(action)+"]}")
	}
	return undeclaredRule.At(u.file, u.use.line, u.use.column, "permissions: ["+strings.Join(entries, ", ")+"] in the stage",
		"%s needs %s, which stage %s %s not declare: the node role will not allow it",
		u.use.command, strings.Join(u.lacks, " and "), strings.Join(u.stages, ", "), does)
}

// formOf shows what a resource of an action looks like in the release file.
func formOf(action string) string {
	a, ok := catalog.Lookup(action)
	if !ok || len(a.Resources) == 0 {
		return `"*"`
	}
	t, _ := catalog.ResourceType(a.Service, a.Resources[len(a.Resources)-1].Type)
	if len(t.ARNs) == 0 {
		return "…"
	}
	parts := strings.SplitN(t.ARNs[0], ":", 6)
	form := parts[len(parts)-1]
	for {
		before, rest, ok := strings.Cut(form, "${")
		if !ok {
			return form
		}
		_, after, _ := strings.Cut(rest, "}")
		form = before + "…" + after
	}
}

// declaredBy is the set of actions that a stage declares for its scripts; planned is false where the plan is without it.
func declaredBy(p *plan.Plan, stage string) (declared map[string]bool, planned bool) {
	i := slices.IndexFunc(p.Stages, func(s plan.Stage) bool { return s.Name == stage })
	if i < 0 {
		return nil, false
	}
	declared = map[string]bool{}
	for _, c := range p.Stages[i].Calls {
		if c.When == plan.OnScript {
			declared[c.Action] = true
		}
	}
	return declared, true
}

// script is shell text of a release.
type script struct {
	file    string
	content string
	// line is where the text begins, where it is not a file of its own.
	line int
}

func scriptsOf(r *release.Release, stage *release.Stage) []script {
	var list []script
	for _, step := range stage.Steps {
		c := step.Command
		if c == nil {
			continue
		}
		of := []*release.Script{c.Script, c.Stop, c.Install, c.Start, c.Validate}
		if c.Rollout != nil {
			of = append(of, c.Rollout.Validate)
		}
		for _, s := range of {
			if s != nil {
				list = append(list, script{file: s.Path, content: s.Content})
			}
		}
		if len(c.Commands) > 0 {
			list = append(list, script{file: r.File, content: strings.Join(c.Commands, "\n"), line: step.Pos.Line})
		}
	}
	return list
}
