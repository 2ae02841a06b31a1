package pipelines

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/lint/shell"
)

// sequence is jobs that need each other, or a build, with their scripts in the order in which they run.
type sequence struct {
	shell.Sequence
	// steps of the scripts, in the same order; nil for a build, which has none.
	steps   []*step
	program *shell.Program
	// resolved are paths of files by the names that scripts call them by, where those are not their paths from the root.
	resolved map[string]string
}

// sequences are the groups of a workflow's jobs that need each other.
func (w *workflow) sequences(r *repository) []*sequence {
	var list []*sequence
	for _, group := range w.groups() {
		q := &sequence{}
		for _, j := range group {
			q.job(j)
		}
		w.reads(q)
		w.plain(q)
		q.analyze(r)
		list = append(list, q)
	}
	return list
}

// groups parts the jobs by what they need of each other. Within a group a job stands behind those that it needs.
func (w *workflow) groups() [][]*job {
	group := map[string]int{}
	for i, j := range w.jobs {
		group[strings.ToLower(j.id)] = i
	}
	for changed := true; changed; {
		changed = false
		for _, j := range w.jobs {
			for _, need := range j.get("needs").items() {
				mine, other := group[strings.ToLower(j.id)], 0
				other, ok := group[strings.ToLower(need.text())]
				if ok && other != mine {
					low := min(mine, other)
					group[strings.ToLower(j.id)], group[strings.ToLower(need.text())], changed = low, low, true
				}
			}
		}
	}
	var list [][]*job
	for i := range w.jobs {
		var members []*job
		for _, j := range w.jobs {
			if group[strings.ToLower(j.id)] == i {
				members = append(members, j)
			}
		}
		if len(members) > 0 {
			list = append(list, inOrder(members))
		}
	}
	return list
}

// inOrder puts jobs behind those that they need. Those that need each other in a circle, which GitHub refuses, come last.
func inOrder(jobs []*job) []*job {
	var sorted []*job
	done, ours := map[string]bool{}, map[string]bool{}
	for _, j := range jobs {
		ours[strings.ToLower(j.id)] = true
	}
	for len(sorted) < len(jobs) {
		before := len(sorted)
		for _, j := range jobs {
			waits := slices.ContainsFunc(j.get("needs").items(), func(n node) bool {
				id := strings.ToLower(n.text())
				return ours[id] && !done[id]
			})
			if !waits && !done[strings.ToLower(j.id)] {
				done[strings.ToLower(j.id)] = true
				sorted = append(sorted, j)
			}
		}
		if len(sorted) == before {
			for _, j := range jobs {
				if !done[strings.ToLower(j.id)] {
					sorted = append(sorted, j)
				}
			}
			return sorted
		}
	}
	return sorted
}

// job adds the scripts of a job, or of the workflow that it calls.
func (q *sequence) job(j *job) {
	all(j.steps, func(s *step) {
		q.condition(s.scope, s.get("if").text())
		if run := s.get("run"); run.there() {
			q.Scripts = append(q.Scripts, s.script())
			q.steps = append(q.steps, s)
			return
		}
		if len(s.inside) == 0 {
			s.get("with").each(func(_, value node) { q.use(s.scope, value.text()) })
			s.get("env").each(func(_, value node) { q.use(s.scope, value.text()) })
		}
	})
	q.use(j.scope, j.get("environment", "url").text())
	if j.calls == nil {
		j.get("with").each(func(_, value node) { q.use(j.scope, value.text()) })
		return
	}
	for _, inner := range j.calls.groups() {
		for _, i := range inner {
			q.job(i)
		}
	}
}

// use notes the expressions of a text that no script reads.
func (q *sequence) use(s *scope, text string) {
	for _, e := range expressionsIn(text) {
		q.Uses = append(q.Uses, s.known(e))
	}
}

// condition notes a condition, which is an expression with and without ${{ }}.
func (q *sequence) condition(s *scope, text string) {
	if text == "" {
		return
	}
	if e, ok := single(text); ok {
		text = e
	}
	q.Uses = append(q.Uses, s.known(text))
}

// reads notes the outputs that a workflow or an action hands to callers that nobody here knows.
func (w *workflow) reads(q *sequence) {
	outputs := w.get("on", "workflow_call", "outputs")
	outputs.each(func(_, value node) { q.use(w.scope, value.get("value").text()) })
	w.scope.action.get("outputs").each(func(_, value node) { q.use(w.jobs[0].scope, value.get("value").text()) })
}

// plain notes the inputs whose values GitHub lets through only as the workflow has them: a choice, true or false, a number. One
// that another trigger takes as any text is none.
func (w *workflow) plain(q *sequence) {
	if w.caller != nil {
		return
	}
	loose, all := map[string]bool{}, map[string]bool{}
	for _, trigger := range []string{"workflow_dispatch", "workflow_call"} {
		w.get("on", trigger, "inputs").each(func(key, value node) {
			all[key.Value] = true
			loose[key.Value] = loose[key.Value] || !chosen(value)
		})
	}
	for name := range all {
		if !loose[name] {
			q.Plain = append(q.Plain, "${{ inputs."+name+" }}", "${{ github.event.inputs."+name+" }}")
		}
	}
}

// chosen says whether an input takes only values without quotes, commas and line ends.
func chosen(input node) bool {
	switch input.get("type").text() {
	case "boolean", "number":
		return true
	case "choice":
		return !slices.ContainsFunc(input.get("options").items(), func(n node) bool { return strings.ContainsAny(n.text(), "\"',\n\\$`") })
	}
	return false
}

// script is what a step hands to a shell.
func (s *step) script() shell.Script {
	text := s.get("run").scalar()
	one := shell.Script{
		File: text.source.name, Text: text.value, Name: s.id, Env: s.scope.variables(),
		When: s.when(), Tolerated: s.tolerated(), Limit: s.limit(), Place: text.placer(),
	}
	one.Interpreter, one.Errexit, one.Pipefail = s.shell()
	texts := []string{text.value}
	for _, value := range one.Env {
		texts = append(texts, value)
	}
	one.Aliases = s.scope.aliases(texts...)
	return one
}

// placer maps lines and columns of the value to those of the file.
func (sc scalar) placer() func(line, column int) (int, int) {
	starts := newSource("", []byte(sc.value)).starts
	return func(line, column int) (int, int) {
		if line < 1 || line > len(starts) {
			return sc.place(len(sc.value))
		}
		return sc.place(starts[line-1] + column - 1)
	}
}

// when says in which state of the job a step runs: by its own condition, that of its job, and of the action it is in.
func (s *step) when() shell.When {
	when := whenOf(s.get("if").text())
	for _, outer := range []shell.When{s.outer(), whenOf(s.job.get("if").text())} {
		switch {
		case outer == shell.OnSuccess:
		case when == shell.OnSuccess:
			when = outer
		case when != outer:
			when = shell.Perhaps
		}
	}
	return when
}

func (s *step) outer() shell.When {
	if s.parent == nil {
		return shell.OnSuccess
	}
	return s.parent.when()
}

// whenOf reads a condition.
func whenOf(text string) shell.When {
	if e, ok := single(text); ok {
		text = e
	}
	switch strings.ReplaceAll(text, " ", "") {
	case "", "success()", "true":
		return shell.OnSuccess
	case "always()", "!cancelled()":
		return shell.Always
	case "failure()":
		return shell.OnFailure
	}
	return shell.Perhaps
}

// tolerated says whether nothing is red where the step fails.
func (s *step) tolerated() bool {
	return s.get("continue-on-error").yes() || s.parent != nil && s.parent.tolerated()
}

// limit is the nearest timeout that is written down.
func (s *step) limit() time.Duration {
	limit := s.node.limit()
	if s.parent != nil && limit == 0 {
		return s.parent.limit()
	}
	return cmp.Or(limit, s.job.limit())
}

// shell is what a step's text is handed to, and what that does with a program that fails (workflow syntax,
// jobs.<job_id>.steps[*].shell).
func (s *step) shell() (interpreter string, errexit, pipefail bool) {
	name := s.get("shell").text()
	if name == "" && !s.scope.action.there() { // actions name theirs
		name = s.job.setting("defaults", "run", "shell").text()
	}
	switch {
	case name == "" && s.job.windows():
		return "pwsh", false, false
	case name == "" && s.job.get("container").there():
		return "sh", true, false
	case name == "":
		return "bash", true, false
	case name == "bash":
		return "bash", true, true
	case !strings.Contains(name, "{0}"):
		return name, true, false
	}
	for _, word := range strings.Fields(name)[1:] {
		errexit = errexit || word == "errexit" || strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "--") && strings.Contains(word, "e")
	}
	return path.Base(strings.Fields(name)[0]), errexit, strings.Contains(name, "pipefail")
}

// windows says whether a job runs where no shell is PowerShell.
func (j *job) windows() bool {
	on := j.get("runs-on")
	for _, label := range append(on.items(), on.get("labels").items()...) {
		if strings.HasPrefix(strings.ToLower(label.text()), "windows") {
			return true
		}
	}
	return false
}

// analyze reads the scripts, and those of the repository that they call.
func (q *sequence) analyze(r *repository) {
	q.resolved = map[string]string{}
	if r.read != nil {
		q.Read = q.reader(r)
	}
	q.program = shell.Analyze(q.Sequence)
	for i := range q.program.Calls {
		q.program.Calls[i].File = q.file(q.program.Calls[i].File)
	}
	for i := range q.program.Unread {
		q.program.Unread[i].File = q.file(q.program.Unread[i].File)
	}
}

// file is the path of a file that a script calls by a name.
func (q *sequence) file(name string) string { return cmp.Or(q.resolved[name], name) }

// reader finds scripts that steps call: by their path from the repository's root, or from where a step runs.
func (q *sequence) reader(r *repository) func(name string) ([]byte, bool) {
	folders := []string{"."}
	for _, s := range q.steps {
		folder := cmp.Or(s.get("working-directory").text(), s.job.setting("defaults", "run", "working-directory").text())
		if folder != "" && !slices.Contains(folders, path.Clean(folder)) {
			folders = append(folders, path.Clean(folder))
		}
	}
	return func(name string) ([]byte, bool) {
		for _, folder := range folders {
			if content, ok := r.read(path.Join(folder, name)); ok {
				if folder != "." {
					q.resolved[name] = path.Join(folder, name)
				}
				return content, true
			}
		}
		return nil, false
	}
}
