package pipelines

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/lint/shell"
	"github.com/slipway-cd/slipway/internal/plan"
)

// scriptOf is a step's script, by its number in a program.
type scriptOf struct {
	program *shell.Program
	number  int
}

// errand is what a step has to do with a deploy.
type errand struct {
	ships bool          // something is sent
	waits bool          // the step ends only when what was sent has ended
	token bool          // it enters with GitHub's token
	limit time.Duration // how long what was sent may take
	sent  time.Duration // the part of it that the AWS CLI sent
	parts []part
	steps []*step
	// bounded says that the limit is that of the scripts, which give up before what they sent has to end.
	bounded bool
}

// part is one program of an errand, and what it takes of the time.
type part struct {
	at    Place // of the step
	what  string
	limit time.Duration
}

func (e *errand) add(at Place, what string, limit time.Duration) {
	e.limit += limit
	e.parts = append(e.parts, part{at, what, limit})
}

// with adds another step's.
func (e *errand) with(o errand) {
	e.ships, e.waits, e.token = e.ships || o.ships, e.waits || o.waits, e.token || o.token
	e.limit, e.sent = e.limit+o.limit, e.sent+o.sent
	e.parts, e.steps = append(e.parts, o.parts...), append(e.steps, o.steps...)
}

// takes says what takes how long: "slipway deploy may take 16m". A step of another file than the one that it is said of is
// named with its file.
func (e errand) takes(file string) string {
	if e.bounded {
		return fmt.Sprintf("its scripts wait up to %s for what they send", plan.Clock(e.limit))
	}
	list := slices.DeleteFunc(slices.Clone(e.parts), func(p part) bool { return p.limit == 0 })
	if len(list) == 1 && list[0].at.File == file {
		return fmt.Sprintf("%s may take %s for delivery and execution", list[0].what, plan.Clock(e.limit))
	}
	var parts []string
	for _, p := range list {
		where := fmt.Sprintf("line %d", p.at.Line)
		if p.at.File != file {
			where += " of " + p.at.File
		}
		parts = append(parts, fmt.Sprintf("%s in the step of %s up to %s", p.what, where, plan.Clock(p.limit)))
	}
	return fmt.Sprintf("what it ships may take %s for delivery and execution (%s)", plan.Clock(e.limit), strings.Join(parts, ", "))
}

// timed is the errand of a step and those inside of it, each held against its own timeout.
func (c *checker) timed(s *step) errand {
	e := c.errand(s)
	for _, inner := range s.inside {
		e.with(c.timed(inner))
	}
	if e.waits && e.limit > 0 {
		c.timeout(s.get("timeout-minutes"), node{}, "the step", e)
	}
	return e
}

// timeout compares a timeout-minutes with what runs under it. Without one a job has GitHub's own; a step has the job's.
func (c *checker) timeout(written, job node, who string, e errand) {
	limit, at := defaultJob, job
	minutes, ok := number(written.text())
	switch {
	case ok:
		limit, at = time.Duration(minutes*float64(time.Minute)), written
	case written.there():
		c.add(&timeoutRule, written.place(), fmt.Sprintf("write a number, at least %d", plan.JobMinutes(e.limit)),
			"%s has a timeout that only a run knows: %s", who, e.takes(written.place().File))
		return
	case !job.there():
		return
	}
	if limit >= e.limit {
		return
	}
	if e = c.waited(e); limit >= e.limit {
		return
	}
	c.add(&timeoutRule, at.place(), fmt.Sprintf("timeout-minutes: %d, or shorter timeouts of the commands", plan.JobMinutes(e.limit)),
		"%s ends after %s, and %s: what was shipped would go on unwatched", who, plan.Clock(limit), e.takes(at.place().File))
}

// errand reads one step.
func (c *checker) errand(s *step) errand {
	e := errand{steps: []*step{s}}
	if s.uses == configure {
		e.token = s.input("role-to-assume").text() != "" && s.input("aws-access-key-id").text() == ""
	}
	reads := false
	for _, call := range c.calls[s] {
		c.slipway(&e, s, call)
		if call.Runs("aws", "ssm", "send-command") {
			e.ships = true
			limit := call.MayTake()
			e.add(s.place(), "aws ssm send-command", limit)
			e.sent += limit
		}
		reads = reads || call.Runs("aws", "ssm", "get-command-invocation") ||
			call.Runs("aws", "ssm", "list-command-invocations") || call.Runs("aws", "ssm", "wait")
	}
	e.waits = e.waits || e.ships && reads
	return e
}

// slipway adds what one of slipway's own commands does.
func (c *checker) slipway(e *errand, s *step, call *shell.Call) {
	sends := call.Runs("slipway", "deploy") || call.Runs("slipway", "rollback")
	if !sends && !call.Runs("slipway", "resume") || call.Has("--local") || c.against.Plan == nil {
		return
	}
	e.ships = e.ships || sends
	if !call.Has("--detach") {
		e.waits = true
		e.add(s.place(), strings.Join(call.Strings()[:2], " "), c.limit(call))
	}
	e.token = e.token || c.tokens() && !call.Has("--profile")
}

// limit is how long the stages that a command is about may take.
func (c *checker) limit(call *shell.Call) time.Duration {
	var total time.Duration
	stage, _ := call.Flag("--stage")
	for i := range c.against.Plan.Stages {
		if s := &c.against.Plan.Stages[i]; stage.Written == "" || stage.Written == s.Name {
			total += s.Limit()
		}
	}
	return total
}

// tokens says whether the release's roles are entered with GitHub's token.
func (c *checker) tokens() bool {
	for _, s := range c.against.Plan.Stages {
		for _, call := range s.Calls {
			if call.Role == plan.KindGitHub {
				return true
			}
		}
	}
	return false
}

// waited is an errand with no more than its scripts wait for: a script that gives up by itself ends before what it sent, and
// what nothing can be said of takes no time for certain.
func (c *checker) waited(e errand) errand {
	longest, known := c.longest(e.steps)
	switch {
	case e.sent == 0:
	case !known:
		e.limit -= e.sent
	case longest < e.sent:
		e.limit, e.bounded = e.limit-e.sent+longest, true
	}
	return e
}

// longest is how long the scripts of steps take together at most, where all that they send takes as long as it may.
func (c *checker) longest(steps []*step) (most time.Duration, known bool) {
	runs := map[*shell.Program][]time.Duration{}
	for _, s := range steps {
		one, ok := c.scripts[s]
		if !ok {
			continue
		}
		durations := one.program.Durations()
		if runs[one.program] == nil {
			runs[one.program] = make([]time.Duration, len(durations))
		}
		for i, took := range durations {
			runs[one.program][i] += took[one.number]
			most, known = max(most, runs[one.program][i]), true
		}
	}
	return most, known
}
