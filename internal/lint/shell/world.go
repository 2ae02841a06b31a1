package shell

import (
	"strings"
	"time"

	"mvdan.cc/sh/v3/syntax"
)

// What findings are certain of is found by running the scripts against an AWS that answers in one certain way (scenario):
// what do they do when the command failed, when it never ends, when the role may not read? A small shell carries them out
// on texts that are known in part; nothing of it reaches the machine. Where a condition cannot be decided, it goes one way
// and, in another run, the other.

// world is what the scripts of one run share.
type world struct {
	sequence *Sequence
	texts    *texts
	scenario *scenario

	// clock is what sleep and AWS's own waiting took; asked counts how often a script looked at it.
	clock time.Duration
	// took is how much of it each script took.
	took  []time.Duration
	asked int
	steps int
	// spent says that a run was given up: nothing may rest on it.
	spent bool

	files   map[string]value
	outputs map[string]value // steps.<id>.outputs.<key>, env.<key>
	env     map[string]value // from $GITHUB_ENV
	jobs    map[string]int   // exit codes of what ran in the background
	events  []*event
	// answers counts how often AWS's answer differed from that before.
	answers    int
	lastAnswer string
	// traps of interrupts, which no run gets.
	interrupts []string

	flip   int // the number of the decision that goes the other way; -1 for none
	chosen []*decision
	// never is the loop in which the run stays forever.
	never *site
	// dead are comparisons of a status with what it never is, by place.
	dead map[site]string
	// exposed are credentials in the log or in $GITHUB_ENV.
	exposed []exposure
	masked  map[string]bool
	handed  map[*event]bool // sends whose id something else was given
	// red says that a script failed; ended, that one had to be ended from outside.
	red, ended bool
}

// exposure is a place where credentials came to where they should not.
type exposure struct {
	at  site
	env bool // into $GITHUB_ENV, or the log
}

// decision is a condition that cannot be decided.
type decision struct {
	node  syntax.Node
	way   bool
	times int
}

// site is a place in a file.
type site struct {
	script       int
	file         string
	line, column int
}

// maxSteps bounds a run, maxReads how often a loop may ask, and maxDecisions how many conditions may be open.
const (
	maxSteps     = 60_000
	maxReads     = 4000
	maxDecisions = 1000
)

// step counts; false when the run is given up.
func (w *world) step() bool {
	w.steps++
	if w.steps > maxSteps {
		w.spent = true
	}
	return !w.spent
}

// pay counts work on long texts.
func (w *world) pay(bytes int) { w.steps += bytes >> 6 }

// decide says which way a condition goes that cannot be decided: yes at first, and in one other run no. One that is asked
// again and again, as in a loop, changes.
func (w *world) decide(node syntax.Node) bool {
	for _, d := range w.chosen {
		if d.node == node {
			d.times++
			return d.way == (d.times < settled-1)
		}
	}
	if len(w.chosen) > maxDecisions {
		w.spent = true
	}
	d := &decision{node: node, way: len(w.chosen) != w.flip, times: 1}
	w.chosen = append(w.chosen, d)
	return d.way
}

// event is a call of AWS that a run made.
type event struct {
	at        site
	service   string
	operation string
	flags     map[string]value
	// command that it is about: of a send its own, of a read the send's. Nil where it names none that is known.
	command *event
	// fields that a query takes; nil for the whole answer.
	fields []string
	// status that was answered, or the code of the error.
	status, err string
	// shown says that the error came to the log; looked that a script compared the status.
	shown, looked bool
	// asked says that an if looks at how it ends.
	asked bool
	// afterSend says that something was sent before.
	afterSend  bool
	made       time.Duration // the clock when it was made
	id         string        // of a send
	parameters value         // of a send
	reads      int           // of a send: how often it was asked for
	last       bool
}

func (e *event) is(service string, operations ...string) bool {
	if e.service != service {
		return false
	}
	for _, o := range operations {
		if e.operation == o {
			return true
		}
	}
	return false
}

// readsStatus says whether it asks how a command is.
func (e *event) readsStatus() bool {
	if !e.is("ssm", "get-command-invocation", "list-command-invocations", "list-commands") {
		return false
	}
	if _, named := e.flags["--command-id"]; !named && !e.afterSend { // it looks for what else is running
		return false
	}
	if e.fields == nil {
		return true
	}
	for _, f := range e.fields {
		if strings.HasPrefix(f, "Status") || f == "ResponseCode" || strings.HasSuffix(f, "Count") {
			return true
		}
	}
	return false
}

// waits says whether it is the waiter.
func (e *event) waits() bool { return e.is("ssm", "wait") }

// texts are the parsed texts of a sequence, which runs share.
type texts struct {
	parsed   map[string]*source
	relevant map[string]bool // variables on which the way of a script can depend
	assigned map[string]bool // variables that a script sets
}

// source is a text that was parsed.
type source struct {
	file   *syntax.File
	es     expressions
	name   string
	script int
	place  func(line, column int) (int, int)
	fixed  *site
}

// at is the place of a node.
func (s *source) at(n syntax.Node) site {
	if s.fixed != nil {
		return *s.fixed
	}
	line, column := int(n.Pos().Line()), int(n.Pos().Col())
	if s.place != nil {
		line, column = s.place(line, column)
	}
	return site{script: s.script, file: s.name, line: line, column: column}
}

// parse reads a text once.
func (t *texts) parse(key, content string, variant syntax.LangVariant, like source) *source {
	key = key + "\x00" + content
	if s, ok := t.parsed[key]; ok {
		return s
	}
	var s *source
	if stripped, es := withoutExpressions(content); len(content) <= maxText {
		if file, _, err := parse(stripped, variant); err == nil {
			like.file, like.es = file, es
			s = &like
			t.relevance(file)
		}
	}
	if len(t.parsed) < 256 {
		t.parsed[key] = s
	}
	return s
}
