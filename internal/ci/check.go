package ci

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rhysd/actionlint"

	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/plan"
)

// defaultJob is GitHub's timeout of a job that names none.
const defaultJob = 360 * time.Minute

// checker goes through one workflow.
type checker struct {
	file     string
	plan     *plan.Plan // nil where no release is known
	against  Against
	workflow *actionlint.Workflow
	findings []finding.Finding
}

// Check finds what keeps a GitHub workflow from telling the truth about what it ships: timeouts below those of the
// commands, no concurrency, no permission to ask for a token, exit codes that get lost, command lines that slipway refuses.
func Check(file string, content []byte, a Against) []finding.Finding {
	workflow, problems := actionlint.Parse(content)
	c := &checker{file: file, plan: a.Plan, against: a, workflow: workflow}
	for _, problem := range problems {
		c.findings = append(c.findings, syntaxRule.At(file, problem.Line, problem.Column, "", "%s", problem.Message))
	}
	if workflow == nil {
		return c.findings
	}
	for _, id := range slices.Sorted(maps.Keys(workflow.Jobs)) {
		c.job(workflow.Jobs[id])
	}
	finding.Sort(c.findings)
	return c.findings
}

func (c *checker) add(rule *finding.Rule, at *actionlint.Pos, fix, format string, args ...any) {
	line, column := 1, 1
	if at != nil {
		line, column = at.Line, at.Col
	}
	c.findings = append(c.findings, rule.At(c.file, line, column, fix, format, args...))
}

// errand is what a step has to do with a deploy.
type errand struct {
	ships bool          // something is sent
	waits bool          // the step ends only when what was sent has ended
	token bool          // it enters with GitHub's token
	limit time.Duration // how long what was sent may take
	parts []part
}

// part is one program of an errand, and what it takes of the time.
type part struct {
	line  int
	what  string
	limit time.Duration
}

func (e *errand) add(what string, limit time.Duration) {
	e.limit += limit
	e.parts = append(e.parts, part{what: what, limit: limit})
}

// takes says what takes how long: "slipway deploy may take 16m".
func (e errand) takes() string {
	var parts []string
	what := ""
	for _, p := range e.parts {
		if p.limit > 0 {
			what = p.what
			parts = append(parts, fmt.Sprintf("%s in the step of line %d up to %s", p.what, p.line, clock(p.limit)))
		}
	}
	if len(parts) == 1 {
		return fmt.Sprintf("%s may take %s for delivery and execution", what, clock(e.limit))
	}
	return fmt.Sprintf("what it ships may take %s for delivery and execution (%s)", clock(e.limit), strings.Join(parts, ", "))
}

func (c *checker) job(job *actionlint.Job) {
	c.needs(job)
	c.usage(job)
	c.verdicts(job)
	whole := errand{}
	for _, step := range job.Steps {
		e := c.errand(step)
		for i := range e.parts {
			e.parts[i].line = step.Pos.Line
		}
		if e.waits && e.limit > 0 {
			c.timeout(step.TimeoutMinutes, nil, "the step", e)
		}
		whole.ships, whole.waits, whole.token = whole.ships || e.ships, whole.waits || e.waits, whole.token || e.token
		whole.limit += e.limit
		whole.parts = append(whole.parts, e.parts...)
	}
	if whole.waits && whole.limit > 0 {
		c.timeout(job.TimeoutMinutes, job.Pos, "the job", whole)
	}
	if whole.ships {
		c.concurrency(job)
	}
	if whole.token {
		c.token(job)
	}
}

// timeout compares a timeout-minutes with what runs under it. Without one a job has GitHub's own; a step has the job's.
func (c *checker) timeout(written *actionlint.Float, job *actionlint.Pos, who string, e errand) {
	limit, at := defaultJob, job
	switch {
	case written != nil && written.Expression != nil:
		c.add(&timeoutRule, written.Pos, fmt.Sprintf("write a number, at least %d", minutes(e.limit)),
			"%s has a timeout that only a run knows: %s", who, e.takes())
		return
	case written != nil:
		limit, at = time.Duration(written.Value*float64(time.Minute)), written.Pos
	case job == nil:
		return
	}
	if limit >= e.limit {
		return
	}
	c.add(&timeoutRule, at, fmt.Sprintf("timeout-minutes: %d, or shorter timeouts of the commands", minutes(e.limit)),
		"%s ends after %s, and %s: what was shipped would go on unwatched", who, clock(limit), e.takes())
}

func (c *checker) concurrency(job *actionlint.Job) {
	group := job.Concurrency
	if group == nil {
		group = c.workflow.Concurrency
	}
	switch {
	case group == nil:
		c.add(&concurrencyRule, job.Pos, "concurrency: {group: deploy-"+job.ID.Value+", cancel-in-progress: false}",
			"job %q ships, and two runs of it can ship at the same time", job.ID.Value)
	case group.CancelInProgress != nil && group.CancelInProgress.Value:
		c.add(&concurrencyRule, group.Pos, "cancel-in-progress: false",
			"job %q ships, and a newer run ends it half-way", job.ID.Value)
	}
}

func (c *checker) token(job *actionlint.Job) {
	permissions, at := job.Permissions, job.Pos
	if permissions == nil {
		permissions = c.workflow.Permissions
	}
	if permissions != nil {
		at = permissions.Pos
		if all := permissions.All; all != nil && all.Value == "write-all" {
			return
		}
		if scope := permissions.Scopes["id-token"]; scope != nil && scope.Value != nil && scope.Value.Value == "write" {
			return
		}
	}
	c.add(&tokenRule, at, "permissions: {id-token: write, contents: read}",
		"job %q enters AWS with GitHub's token, and may not ask for one", job.ID.Value)
}

// errand reads one step.
func (c *checker) errand(step *actionlint.Step) errand {
	if action, name := uses(step); action != nil {
		return c.action(action, name)
	}
	var e errand
	reads := false
	for _, program := range programs(step) {
		c.slipway(&e, program)
		if program.runs("aws", "ssm", "send-command") {
			e.ships = true
			e.add("aws ssm send-command", sendLimit(program))
		}
		reads = reads || program.runs("aws", "ssm", "get-command-invocation") ||
			program.runs("aws", "ssm", "list-command-invocations") || program.runs("aws", "ssm", "wait")
	}
	e.waits = e.waits || e.ships && reads
	return e
}

// action is what a step with an action does.
func (c *checker) action(action *actionlint.ExecAction, name string) errand {
	var e errand
	switch name {
	case "aws-actions/configure-aws-credentials":
		e.token = input(action, "role-to-assume") != "" && input(action, "aws-access-key-id") == ""
	case ActionName:
		c.slipway(&e, ofAction(action))
	}
	return e
}

// ofAction is the command line that slipway's own action makes of its inputs.
func ofAction(action *actionlint.ExecAction) invocation {
	words := []string{"slipway"}
	if words = append(words, strings.Fields(input(action, "command"))...); len(words) == 1 {
		words = append(words, "deploy")
	}
	for _, flag := range []string{"file", "stage", "policies"} {
		if value := input(action, flag); value != "" {
			words = append(words, "--"+flag, value)
		}
	}
	if action.Args != nil { // the parser keeps this input apart: actions in containers have one of their own of this name
		words = append(words, strings.Fields(action.Args.Value)...)
	}
	return invocation{words: words, literal: !slices.ContainsFunc(words, func(w string) bool { return strings.Contains(w, "${{") || w == "}}" })}
}

// slipway adds what one of slipway's own commands does.
func (c *checker) slipway(e *errand, program invocation) {
	sends := program.runs("slipway", "deploy") || program.runs("slipway", "rollback")
	if !sends && !program.runs("slipway", "resume") || program.has("--local") || c.plan == nil {
		return
	}
	e.ships = e.ships || sends
	if !program.has("--detach") {
		e.waits = true
		e.add(strings.Join(program.words[:2], " "), c.limit(program))
	}
	e.token = e.token || c.tokens() && !program.has("--profile")
}

// limit is how long the stages that a command is about may take.
func (c *checker) limit(program invocation) time.Duration {
	var total time.Duration
	stage, _ := program.flag("--stage")
	for i := range c.plan.Stages {
		if s := &c.plan.Stages[i]; stage == "" || stage == s.Name {
			total += Limit(s)
		}
	}
	return total
}

// tokens says whether the release's roles are entered with GitHub's token.
func (c *checker) tokens() bool {
	for _, s := range c.plan.Stages {
		for _, call := range s.Calls {
			if call.Role == plan.KindGitHub {
				return true
			}
		}
	}
	return false
}
