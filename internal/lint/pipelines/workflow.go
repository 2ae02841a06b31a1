package pipelines

import (
	"path"
	"strings"
	"time"
)

// Bounds of what is followed: files that call each other, and steps that come together that way.
const (
	maxCalls = 10 // GitHub nests workflows ten deep (reusing workflow configurations), and actions the same
	maxSteps = 20_000
	maxJobs  = 500
)

// repository reads files that pipelines refer to.
type repository struct {
	read func(name string) ([]byte, bool)
	// files that were parsed already.
	files map[string]node
	// steps that may still be looked at.
	left int
	// over says that there were more.
	over bool
}

// file parses a file of the repository; one that is not there, or is no YAML, is empty.
func (r *repository) file(name string) node {
	if n, ok := r.files[name]; ok {
		return n
	}
	n := node{}
	if r.read != nil {
		if content, ok := r.read(name); ok {
			n, _ = read(name, content)
		}
	}
	r.files[name] = n
	return n
}

// workflow is a file with jobs.
type workflow struct {
	node
	scope  *scope
	caller *job // the job that calls it; nil where GitHub starts it
	jobs   []*job
}

// job is a job of a workflow, with its steps in their order, those of actions of the repository among them.
type job struct {
	node
	id       string
	key      node
	workflow *workflow
	scope    *scope
	steps    []*step
	calls    *workflow // the workflow of the repository that it calls
}

// step is a step of a job or an action.
type step struct {
	node
	job    *job
	scope  *scope
	parent *step  // the step that uses the action which this one is part of
	id     string // its name in scripts' sequences
	uses   string // the action, without its version
	inside []*step
}

// readWorkflow makes a workflow of a file.
func (r *repository) readWorkflow(n node, s *scope, caller *job, depth int) *workflow {
	w := &workflow{node: n, scope: s, caller: caller}
	s.workflow = w
	s.env = append(s.env, environment{n.get("env"), s})
	n.get("jobs").each(func(key, value node) {
		if len(w.jobs) == maxJobs {
			r.over = true
			return
		}
		j := &job{node: value, id: key.Value, key: key, workflow: w}
		j.scope = s.inner(value.get("env"))
		j.scope.job, j.scope.prefix = j, s.prefix+strings.ToLower(key.Value)+"--"
		w.jobs = append(w.jobs, j)
		j.steps = r.readSteps(value.get("steps"), j, nil, j.scope, depth)
		if name, ok := strings.CutPrefix(value.get("uses").text(), "./"); ok && depth < maxCalls {
			if called := r.file(path.Clean(name)); called.isMap() {
				j.calls = r.readWorkflow(called, j.scope.called(value, called), j, depth+1)
			}
		}
	})
	return w
}

// readSteps makes steps of a list, and of those of the actions that they use.
func (r *repository) readSteps(list node, j *job, parent *step, s *scope, depth int) []*step {
	if !list.there() {
		return nil
	}
	var steps []*step
	for _, n := range list.items() {
		if r.left--; r.left < 0 {
			r.over = true
			return steps
		}
		one := &step{node: n, job: j, parent: parent, scope: s.inner(n.get("env"))}
		if id := n.get("id").text(); id != "" {
			one.id = s.prefix + strings.ToLower(id)
			s.steps[strings.ToLower(id)] = one
		}
		one.uses, _, _ = strings.Cut(n.get("uses").text(), "@")
		one.inside = r.readAction(one, s, depth)
		steps = append(steps, one)
	}
	return steps
}

// readAction makes the steps of an action of the repository.
func (r *repository) readAction(s *step, outer *scope, depth int) []*step {
	folder, ok := strings.CutPrefix(s.get("uses").text(), "./")
	if !ok || depth >= maxCalls {
		return nil
	}
	for _, name := range []string{"action.yml", "action.yaml"} {
		if a := r.file(path.Join(folder, name)); a.isMap() {
			inner := s.scope.ofAction(s, a, outer)
			return r.readSteps(a.get("runs", "steps"), s.job, s, inner, depth+1)
		}
	}
	return nil
}

// all goes through steps and those inside of them.
func all(steps []*step, do func(*step)) {
	for _, s := range steps {
		do(s)
		all(s.inside, do)
	}
}

// every goes through the jobs of a workflow, and of those that it calls.
func (w *workflow) every(do func(*job)) {
	for _, j := range w.jobs {
		do(j)
		if j.calls != nil {
			j.calls.every(do)
		}
	}
}

// setting is what a job says, or its workflow where it says nothing.
func (j *job) setting(names ...string) node {
	if n := j.get(names...); n.there() {
		return n
	}
	return j.workflow.get(names...)
}

// input is an input of a step that uses an action, as it is written.
func (s *step) input(name string) node { return s.get("with", name) }

// limit is a timeout-minutes; 0 where there is none, or only a run knows it.
func (n node) limit() time.Duration {
	minutes, ok := number(n.get("timeout-minutes").text())
	if !ok {
		return 0
	}
	return time.Duration(minutes * float64(time.Minute))
}

// triggers says whether a workflow is started by an event.
func (w *workflow) triggers(event string) bool {
	on := w.get("on")
	if !on.isMap() {
		for _, n := range on.items() {
			if n.text() == event {
				return true
			}
		}
		return false
	}
	key, _ := on.entry(event)
	return key.there()
}

// onlyCalled says whether other workflows alone start this one: it has what they have.
func (w *workflow) onlyCalled() bool {
	on := w.get("on")
	if on.isMap() {
		return len(on.Content) == 2 && on.Content[0].Value == "workflow_call"
	}
	list := on.items()
	return len(list) == 1 && list[0].text() == "workflow_call"
}
