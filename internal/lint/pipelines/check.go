// Package pipelines reads what ships: GitHub workflows with the actions, reusable workflows and scripts of their repository,
// and CodeBuild's buildspecs. It finds what keeps them from telling the truth about what they ship, and from doing so with
// as little as they need.
//
// A file becomes jobs and steps (workflow.go), whose scripts become sequences for package shell (sequence.go), with every
// byte of a script at its place in the file (scalar.go). The package is pure.
package pipelines

import (
	"io/fs"
	"regexp"
	"strings"
	"time"

	"github.com/rhysd/actionlint"

	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/lint/shell"
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
	// scripts of steps, in the programs that they are parts of.
	scripts map[*step]scriptOf
	found   map[place]finding.Finding
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
	return &checker{against: a, calls: map[*step][]*shell.Call{}, scripts: map[*step]scriptOf{}, found: map[place]finding.Finding{}}
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
		c.add(&syntaxRule, Place{file, p.Line, p.Column}, remedy(p.Message), "%s", p.Message)
	}
}

// remedy says what to write, where a message of the parser tells what is wanted.
func remedy(message string) string {
	if m := missing.FindStringSubmatch(message); m != nil {
		return m[1] + ": …"
	}
	if m := expected.FindStringSubmatch(message); m != nil {
		return "one of " + m[1] + ", or no line"
	}
	if strings.Contains(message, "could not parse as YAML") {
		return "YAML: two spaces deeper for what is inside, no tabs, and quotes around texts with : or #"
	}
	return ""
}

var (
	missing  = regexp.MustCompile(`^"([\w-]+)" section is missing`)
	expected = regexp.MustCompile(`expected one of (.+)$`)
)

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
	for i, s := range q.steps {
		c.scripts[s] = scriptOf{q.program, i}
	}
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
