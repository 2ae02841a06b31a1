// Package pipelines reads what ships: GitHub workflows with the actions, reusable workflows and scripts of their repository,
// and CodeBuild's buildspecs. It finds what keeps them from telling the truth about what they ship, and from doing so with
// as little as they need.
//
// A file becomes jobs and steps (workflow.go), whose scripts become sequences for package shell (sequence.go), with every
// byte of a script at its place in the file (scalar.go). The package is pure.
package pipelines

import (
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/rhysd/actionlint"

	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/lint/shell"
	"github.com/slipway-cd/slipway/internal/plan"
)

// defaultJob is GitHub's timeout of a job that names none.
const defaultJob = 360 * time.Minute

// ActionName is slipway's own action.
const ActionName = "slipway-cd/slipway"

// configure is AWS's own action for credentials.
const configure = "aws-actions/configure-aws-credentials"

// checker goes through one file.
type checker struct {
	against Against
	// calls of AWS and all else that a step starts.
	calls map[*step][]*shell.Call
	found map[place]finding.Finding
}

// place tells findings apart: one place has a finding once, whichever way leads there.
type place struct {
	Place
	code finding.Code
}

// Check finds what keeps a GitHub workflow from telling the truth about what it ships. In files of the repository it finds
// what the workflow makes of them; nil where there is none.
func Check(file string, content []byte, a Against, files fs.FS) []finding.Finding {
	c := newChecker(a)
	root, err := read(file, content)
	c.syntax(file, content, root, err)
	if root.isMap() {
		c.workflow(newRepository(files), root)
	}
	return c.list()
}

func newChecker(a Against) *checker {
	return &checker{against: a, calls: map[*step][]*shell.Call{}, found: map[place]finding.Finding{}}
}

// list is what was found, in the order of places.
func (c *checker) list() []finding.Finding {
	list := make([]finding.Finding, 0, len(c.found))
	for _, f := range c.found {
		list = append(list, f)
	}
	finding.Sort(list)
	return list
}

// newRepository reads files by their path from the root.
func newRepository(files fs.FS) *repository {
	r := &repository{files: map[string]node{}, left: maxSteps}
	if files != nil {
		r.read = func(name string) ([]byte, bool) {
			if !fs.ValidPath(name) {
				return nil, false
			}
			content, err := fs.ReadFile(files, name)
			return content, err == nil
		}
	}
	return r
}

// newer is what the parser does not know, and GitHub takes since May 2026: concurrency: {queue: max}.
// https://docs.github.com/en/actions/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency
const newer = `unexpected key "queue" for "concurrency" section`

// syntax tells what GitHub would not accept. The parser does not know anchors, which GitHub takes by now.
func (c *checker) syntax(file string, content []byte, root node, err error) {
	if err == nil && hasAliases(root.Node) {
		return
	}
	_, problems := actionlint.Parse(content)
	for _, p := range problems {
		if strings.HasPrefix(p.Message, newer) {
			continue
		}
		c.add(&syntaxRule, Place{file, p.Line, p.Column}, "", "%s", p.Message)
	}
}

func (c *checker) workflow(r *repository, root node) {
	w := r.readWorkflow(root, &scope{}, nil, 0)
	for _, q := range w.sequences(r) {
		c.sequence(q)
	}
	c.ownCalls(w)
	w.every(c.job)
	c.ofSteps(w)
	if r.over {
		c.add(&syntaxRule, root.place(), "split it", "it has more steps, with those of the actions that it uses, than are looked at")
	}
}

// sequence notes what the scripts of a sequence call, and what is wrong with them.
func (c *checker) sequence(q *sequence) {
	for i := range q.program.Calls {
		call := &q.program.Calls[i]
		if len(q.steps) > 0 {
			s := q.steps[call.Script]
			c.calls[s] = append(c.calls[s], call)
		}
	}
	for _, f := range q.program.Findings() {
		f.File = q.file(f.File)
		c.put(f)
	}
	c.ofCalls(q)
}

// ownCalls notes what slipway's own action calls.
func (c *checker) ownCalls(w *workflow) {
	w.every(func(j *job) {
		all(j.steps, func(s *step) {
			if s.uses == ActionName {
				c.calls[s] = []*shell.Call{ofAction(s)}
			}
		})
	})
}

func (c *checker) add(rule *finding.Rule, at Place, fix, format string, args ...any) {
	c.put(rule.At(at.File, at.Line, at.Column, fix, format, args...))
}

func (c *checker) put(f finding.Finding) {
	at := place{Place{f.File, f.Line, f.Column}, f.Code}
	if _, known := c.found[at]; !known {
		c.found[at] = f
	}
}

func placeOf(c *shell.Call) Place { return Place{c.File, c.Line, c.Column} }

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

func (e *errand) add(line int, what string, limit time.Duration) {
	e.limit += limit
	e.parts = append(e.parts, part{line, what, limit})
}

// with adds another step's.
func (e *errand) with(o errand) {
	e.ships, e.waits, e.token = e.ships || o.ships, e.waits || o.waits, e.token || o.token
	e.limit += o.limit
	e.parts = append(e.parts, o.parts...)
}

// takes says what takes how long: "slipway deploy may take 16m".
func (e errand) takes() string {
	var parts []string
	what := ""
	for _, p := range e.parts {
		if p.limit > 0 {
			what = p.what
			parts = append(parts, fmt.Sprintf("%s in the step of line %d up to %s", p.what, p.line, plan.Clock(p.limit)))
		}
	}
	if len(parts) == 1 {
		return fmt.Sprintf("%s may take %s for delivery and execution", what, plan.Clock(e.limit))
	}
	return fmt.Sprintf("what it ships may take %s for delivery and execution (%s)", plan.Clock(e.limit), strings.Join(parts, ", "))
}

func (c *checker) job(j *job) {
	c.needs(j)
	c.verdicts(j)
	all(j.steps, c.usage)
	whole := errand{}
	for _, s := range j.steps {
		whole.with(c.timed(s))
	}
	if whole.waits && whole.limit > 0 {
		c.timeout(j.get("timeout-minutes"), j.key, "the job", whole)
	}
	if whole.ships {
		c.concurrency(j)
	}
	if whole.token {
		c.token(j)
	}
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
			"%s has a timeout that only a run knows: %s", who, e.takes())
		return
	case !job.there():
		return
	}
	if limit >= e.limit {
		return
	}
	c.add(&timeoutRule, at.place(), fmt.Sprintf("timeout-minutes: %d, or shorter timeouts of the commands", plan.JobMinutes(e.limit)),
		"%s ends after %s, and %s: what was shipped would go on unwatched", who, plan.Clock(limit), e.takes())
}

// errand reads one step.
func (c *checker) errand(s *step) errand {
	var e errand
	if s.uses == configure {
		e.token = s.input("role-to-assume").text() != "" && s.input("aws-access-key-id").text() == ""
	}
	reads := false
	for _, call := range c.calls[s] {
		c.slipway(&e, s, call)
		if call.Runs("aws", "ssm", "send-command") {
			e.ships = true
			e.add(s.place().Line, "aws ssm send-command", sendLimit(call))
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
		e.add(s.place().Line, strings.Join(call.Strings()[:2], " "), c.limit(call))
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
