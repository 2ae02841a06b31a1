package pipelines

import (
	"io/fs"

	"github.com/slipway-cd/slipway/internal/finding"
)

// Action finds what is wrong with an action of GitHub's that is made of steps, whoever uses it.
func Action(file string, content []byte, a Against, files fs.FS) []finding.Finding {
	c := newChecker(a)
	root, err := read(file, content)
	if err != nil {
		c.add(&syntaxRule, Place{file, 1, 1}, "", "GitHub would not read it: %s", err)
		return c.list()
	}
	if root.get("runs", "using").text() != "composite" {
		return nil
	}
	r := newRepository(files)
	w := r.readAlone(root)
	j := w.jobs[0]
	for _, q := range w.sequences(r) {
		c.sequence(q)
	}
	c.ownCalls(w)
	c.verdicts(j)
	all(j.steps, c.usage)
	for _, s := range j.steps {
		c.timed(s)
	}
	c.ofSteps(w)
	return c.list()
}

// readAlone makes a workflow of one job of an action.
func (r *repository) readAlone(root node) *workflow {
	w := &workflow{node: node{source: root.source}, scope: &scope{action: root}}
	j := &job{node: root.get("runs"), key: root, workflow: w}
	j.scope = (&scope{workflow: w, action: root}).inner(node{source: root.source})
	j.scope.job = j
	j.steps = r.readSteps(j.get("steps"), j, nil, j.scope, 1)
	w.jobs = []*job{j}
	return w
}
