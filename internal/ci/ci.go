// Package ci renders the pipelines that run slipway, and finds what is wrong with pipelines that others wrote.
//
// A pipeline is derived from the release and its plan: its stages become jobs, their timeouts the jobs' timeouts, and
// the repository or branch that the roles trust what starts them. Scaffolding (`slipway init`) lives here too: what a
// workflow that is there already tells, and the first files of a release. The package is pure: text in, text out.
package ci

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
)

// Options are what a rendering needs besides the release.
type Options struct {
	// File is the release file as a job names it, from the root of the repository.
	File string
	// Policies is the folder of the roles that are proved, from the root of the repository; empty for rendered ones.
	Policies string
	// Set are values of variables. The variable version is set by the pipeline itself.
	Set map[string]string
	// Action is what slipway's own action is pinned to: a commit, or a tag. Empty for the tag of the major version.
	Action string
	// Module is the version that CodeBuild installs; empty for latest.
	Module string
	// Tags is a pattern of tags whose push deploys, in place of pushes to the branch.
	Tags string
}

// versionVariable is the variable that a pipeline sets to what it ships: the commit, or the tag.
const versionVariable = "version"

// job is what one stage needs of a pipeline.
type job struct {
	stage *plan.Stage
	needs []string // stages
	// split gives the stage two jobs: one that sends, and one that watches.
	split bool
	// whole says why a stage with two roles has one job all the same; empty where it has not.
	whole string
	limit time.Duration
}

// newJobs joins what the release and the plan say of each stage.
func newJobs(r *release.Release, p *plan.Plan) []job {
	jobs := make([]job, 0, len(p.Stages))
	for i := range p.Stages {
		s := &p.Stages[i]
		at := slices.IndexFunc(r.Stages, func(rs release.Stage) bool { return rs.Name == s.Name })
		if at < 0 {
			continue
		}
		j := job{stage: s, needs: r.Stages[at].Needs, split: r.Stages[at].Split, limit: s.Limit()}
		if j.split && !onceSent(s) {
			j.split, j.whole = false, "more than one command is sent, and somebody must see how one ends before the next: one job, with both roles"
		}
		jobs = append(jobs, j)
	}
	return jobs
}

// onceSent says whether a stage is shipped with one command, which nobody has to follow: deploy --detach takes nothing else.
func onceSent(s *plan.Stage) bool {
	if len(s.Steps) != 1 {
		return false
	}
	step := &s.Steps[0]
	none := len(step.Rollout.Batches) == 0 && step.Rollout.Pause == 0 && step.Rollout.MaxFailures == "" &&
		step.Rollout.MinHealthy == "" && step.Rollout.Alarm == ""
	return none && !step.Once && step.Check == nil
}

// Error is what keeps a release from having a pipeline, and what would help.
type Error struct{ message, hint string }

func (e *Error) Error() string { return e.message }

// Hint says what would help.
func (e *Error) Hint() string { return e.hint }

// checkSet refuses values that a pipeline could not carry as they are.
func checkSet(set map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if strings.Contains(set[name], "${{") || strings.ContainsAny(set[name], "\n\r") {
			return &Error{fmt.Sprintf("--set %s: a workflow would take the value for an expression, or for several lines", name),
				"give the variable a plain value, or a default in the release file"}
		}
	}
	return nil
}

// constants are the --set of the rendering but for version, as name=value, sorted.
func constants(set map[string]string) []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if name != versionVariable {
			lines = append(lines, name+"="+set[name])
		}
	}
	return lines
}

// header tells where a rendered file comes from.
func header(b *strings.Builder, kind, file string) {
	again := "slipway ci render " + kind
	if file != "slipway.yaml" {
		again += " -f " + file
	}
	fmt.Fprintf(b, "# Made by `%s` from %s: change it there, and render again.\n", again, file)
}
