package pipelines

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/slipway-cd/slipway/internal/lint/shell"
)

// ships says whether a program ships, or tells what became of what was shipped: its exit code is the verdict.
func ships(c *shell.Call) bool {
	if c.Runs("aws", "ssm", "send-command") {
		return true
	}
	own := c.Runs("slipway", "deploy") || c.Runs("slipway", "rollback") || c.Runs("slipway", "resume")
	return own && !c.Has("--local") && !c.Has("--help")
}

// verdicts finds what keeps a job that ships from failing when that failed.
func (c *checker) verdicts(j *job) {
	shipping, watched := false, false
	all(j.steps, func(s *step) { watched = watched || !s.tolerated() && watches(c.calls[s]) != "" })
	all(j.steps, func(s *step) {
		what := ""
		for _, call := range c.calls[s] {
			if !ships(call) {
				continue
			}
			what = strings.Join(call.Strings()[:2], " ")
			if call.Hidden != "" {
				c.add(&swallowedRule, placeOf(call), "let its exit code be the step's",
					"the step succeeds where %s does not: %s", what, call.Hidden)
			}
		}
		shipping = shipping || what != ""
		if !watched {
			what = cmp.Or(what, watches(c.calls[s]))
		}
		for outer := s; what != "" && outer != nil; outer = outer.parent {
			if soft := outer.get("continue-on-error"); soft.yes() && !judged(j, outer) {
				c.add(&swallowedRule, soft.place(), "leave continue-on-error out", "the job succeeds where %s does not: continue-on-error", what)
			}
		}
	})
	if soft := j.get("continue-on-error"); shipping && soft.yes() {
		c.add(&swallowedRule, soft.place(), "leave continue-on-error out", "the workflow succeeds where job %q, which ships, does not: continue-on-error", j.id)
	}
}

// watches names the call by which a step learns how a command ended, where it does nothing but that: its exit code is the
// verdict then.
func watches(calls []*shell.Call) string {
	for _, call := range calls {
		if call.Runs("aws", "ssm", "wait") || call.Runs("aws", "ssm", "get-command-invocation") {
			return "aws ssm " + call.Operation
		}
	}
	return ""
}

// judged says whether another step looks at how this one ended.
func judged(j *job, s *step) bool {
	id := s.get("id").text()
	if id == "" {
		return false
	}
	outcome, found := fmt.Sprintf("steps.%s.outcome", id), false
	all(j.steps, func(other *step) {
		texts := []string{other.get("if").text(), other.get("run").text()}
		other.get("env").each(func(_, value node) { texts = append(texts, value.text()) })
		found = found || strings.Contains(strings.Join(texts, "\n"), outcome)
	})
	return found
}
