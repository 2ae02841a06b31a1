package pipelines

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/lint/shell"
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
func (c *checker) needs(j *job) {
	for _, need := range j.get("needs").items() {
		known := slices.ContainsFunc(j.workflow.jobs, func(o *job) bool { return strings.EqualFold(o.id, need.text()) })
		if !known && !strings.Contains(need.text(), "${{") {
			c.add(&syntaxRule, need.place(), "name a job of this workflow, or leave it out",
				"job %q needs %q, which is no job of this workflow", j.id, need.text())
		}
	}
}

// usage finds command lines that slipway would refuse, as far as they are known before a run.
func (c *checker) usage(s *step) {
	for _, call := range c.calls[s] {
		if len(call.Words) < 2 || call.Words[0].Text != "slipway" {
			continue
		}
		if err := c.refused(call); err != nil {
			c.add(&usageRule, placeOf(call), "slipway --help lists the commands, and each has --help", "slipway would refuse %q: %v",
				strings.Join(call.Strings(), " "), err)
		}
	}
}

// refused says why slipway would refuse a command line; nil where it would not, or where only a run knows.
func (c *checker) refused(call *shell.Call) error {
	if c.against.Usage != nil && call.Literal() {
		if err := c.against.Usage(call.Strings()[1:]); err != nil {
			return err
		}
	}
	stage, ok := call.Flag("--stage")
	if !ok || c.against.Plan == nil || !stage.Whole || stage.Text == "" || !c.sameRelease(call) {
		return nil
	}
	if !slices.ContainsFunc(c.against.Plan.Stages, func(s plan.Stage) bool { return s.Name == stage.Text }) {
		return fmt.Errorf("%s has no stage %q", c.against.File, stage.Text)
	}
	return nil
}

// sameRelease says whether a command line is about the release that the workflow is held against. One that names no file
// may run in that release's folder.
func (c *checker) sameRelease(call *shell.Call) bool {
	for _, flag := range []string{"-f", "--file"} {
		if file, ok := call.Flag(flag); ok && path.Clean(file.Written) != path.Clean(c.against.File) {
			return false
		}
	}
	return true
}

// ofAction is the command line that slipway's own action makes of its inputs.
func ofAction(s *step) *shell.Call {
	at := s.place()
	call := &shell.Call{File: at.File, Line: at.Line, Column: at.Column, Words: []shell.Word{wordOf("slipway")}}
	command := strings.Fields(s.input("command").text())
	if len(command) == 0 {
		command = []string{"deploy"}
	}
	for _, w := range command {
		call.Words = append(call.Words, wordOf(w))
	}
	for _, flag := range []string{"file", "stage", "policies"} {
		if value := s.input(flag).text(); value != "" {
			call.Words = append(call.Words, wordOf("--"+flag), wordOf(value))
		}
	}
	for _, w := range strings.Fields(expression.ReplaceAllString(s.input("args").text(), "${{}}")) {
		call.Words = append(call.Words, wordOf(w))
	}
	return call
}

func wordOf(text string) shell.Word {
	before, _, filled := strings.Cut(text, "${{")
	return shell.Word{Text: before, Whole: !filled, Written: text}
}
