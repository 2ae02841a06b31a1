package ci

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/rhysd/actionlint"

	"github.com/slipway-cd/slipway/internal/plan"
)

// Against is what a workflow is held against besides itself.
type Against struct {
	// Plan is what slipway's own steps ship; nil where there is no release, and then only steps with the AWS CLI are timed.
	Plan *plan.Plan
	// File is the plan's release file, as a job would name it.
	File string
	// Usage says what slipway would refuse of its arguments; nil where nobody can tell.
	Usage func(arguments []string) error
}

// needs finds jobs that wait for one which does not exist: GitHub would not start the workflow.
func (c *checker) needs(job *actionlint.Job) {
	for _, need := range job.Needs {
		// Ids are told apart without regard to case, and the parser keeps them in small letters.
		if c.workflow.Jobs[strings.ToLower(need.Value)] == nil && !expression.MatchString(need.Value) {
			c.add(&syntaxRule, need.Pos, "name a job of this workflow, or leave it out",
				"job %q needs %q, which is no job of this workflow", job.ID.Value, need.Value)
		}
	}
}

// usage finds command lines that slipway would refuse, as far as they are known before a run.
func (c *checker) usage(job *actionlint.Job) {
	for _, step := range job.Steps {
		for _, program := range c.commands(job, step) {
			if len(program.words) < 2 || program.words[0] != "slipway" {
				continue
			}
			if err := c.refused(program); err != nil {
				c.add(&usageRule, step.Pos, "slipway --help lists the commands, and each has --help", "slipway would refuse %q: %v",
					strings.Join(program.words, " "), err)
			}
		}
	}
}

// refused says why slipway would refuse a command line; nil where it would not, or where only a run knows.
func (c *checker) refused(program invocation) error {
	if c.against.Usage != nil && program.literal {
		if err := c.against.Usage(program.words[1:]); err != nil {
			return err
		}
	}
	stage, ok := program.flag("--stage")
	if !ok || c.plan == nil || strings.ContainsAny(stage, "$`*") || strings.Contains(stage, placeholder) || stage == "" || !c.sameRelease(program) {
		return nil
	}
	if !slices.ContainsFunc(c.plan.Stages, func(s plan.Stage) bool { return s.Name == stage }) {
		return fmt.Errorf("%s has no stage %q", c.against.File, stage)
	}
	return nil
}

// sameRelease says whether a command line is about the release that the workflow is held against. One that names no file
// may run in that release's folder.
func (c *checker) sameRelease(program invocation) bool {
	for _, flag := range []string{"-f", "--file"} {
		if file, ok := program.flag(flag); ok && path.Clean(file) != path.Clean(c.against.File) {
			return false
		}
	}
	return true
}
