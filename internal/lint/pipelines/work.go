package pipelines

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"github.com/slipway-cd/slipway/internal/lint/shell"
)

// Work is what a pipeline starts, in the order in which it may run: programs, and actions of others.
type Work struct {
	Calls   []Call
	Actions []Used
	// Unread are scripts that no shell would take.
	Unread []shell.Unread
}

// Entry is how a step has entered AWS, as far as files tell.
type Entry struct {
	// Job that the step belongs to; empty for a build.
	Job string
	// Role is the ARN of the role that was assumed last; empty where files do not tell which.
	Role string
	// Region that calls go to; empty where files do not tell it.
	Region string
}

// Call is a program that a step or a build starts.
type Call struct {
	*shell.Call
	Entry
	value func(shell.Word) (string, bool)
}

// Value is a word as far as files tell it: variables that have a constant value are filled in.
func (c *Call) Value(w shell.Word) (text string, known bool) { return c.value(w) }

// Used is an action, not of the repository, that a step uses.
type Used struct {
	Entry
	Place Place
	// Name without the version: aws-actions/amazon-ecr-login.
	Name string
	with node
	in   *scope
}

// Input is an input of the action as far as files tell it; known is false where only a run knows it.
func (a *Used) Input(name string) (text string, known bool) {
	return a.in.fixed(a.with.get(name).text())
}

// Has says whether an input is given.
func (a *Used) Has(name string) bool { return a.with.get(name).text() != "" }

// WorkOf reads a workflow, an action or a buildspec. The error says why a file is none of them.
func WorkOf(file string, content []byte, files fs.FS) (*Work, error) {
	root, err := read(file, content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	r, w := newRepository(files), &Work{}
	switch {
	case root.get("jobs").isMap():
		w.workflow(r, r.readWorkflow(root, &scope{}, nil, 0))
	case root.get("runs", "steps").there():
		w.workflow(r, r.readAlone(root))
	case root.get("phases").isMap():
		w.sequence(readBuild(r, root).sequence, nil)
	default:
		return nil, fmt.Errorf("%s: %w", file, errors.New("neither a workflow, nor an action of steps, nor a buildspec"))
	}
	if r.over {
		return nil, fmt.Errorf("%s: it has more steps, with those of the actions that it uses, than are looked at", file)
	}
	return w, nil
}

// workflow adds what the jobs of a workflow start.
func (w *Work) workflow(r *repository, of *workflow) {
	entries := map[*step]Entry{}
	of.every(func(j *job) { w.actions(j, entries) })
	for _, q := range of.sequences(r) {
		w.sequence(q, entries)
	}
}

// actions adds the actions of a job, and notes how each step has entered AWS.
func (w *Work) actions(j *job, entries map[*step]Entry) {
	at := Entry{Job: j.id}
	all(j.steps, func(s *step) {
		if region, ok := s.region(); ok {
			at.Region = region
		}
		entries[s] = at
		if s.uses == "" || strings.HasPrefix(s.uses, "./") {
			return
		}
		w.Actions = append(w.Actions, Used{Entry: at, Place: s.place(), Name: s.uses, with: s.get("with"), in: s.scope})
		if s.uses == configure {
			role, known := s.scope.fixed(s.input("role-to-assume").text())
			at.Role = ""
			if known && roleARN.MatchString(role) {
				at.Role = role
			}
			if region, known := s.scope.fixed(s.input("aws-region").text()); known {
				at.Region = region
			}
		}
	})
}

var roleARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/`)

// region is that of a step's environment.
func (s *step) region() (string, bool) {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if region, ok := s.scope.variable(name); ok && region != "" {
			return region, true
		}
	}
	return "", false
}

// sequence adds the programs of scripts.
func (w *Work) sequence(q *sequence, entries map[*step]Entry) {
	for i := range q.program.Calls {
		call := &q.program.Calls[i]
		one := Call{Call: call}
		var s *step
		if len(q.steps) > 0 {
			s = q.steps[call.Script]
			one.Entry = entries[s]
		}
		one.value = func(word shell.Word) (string, bool) { return value(q, s, call, word) }
		w.Calls = append(w.Calls, one)
	}
	w.Unread = append(w.Unread, q.program.Unread...)
}

// RoleName is the name of a role by its ARN, without its path; empty where there is none.
func RoleName(arn string) string {
	if arn == "" {
		return ""
	}
	return path.Base(arn)
}
