package shell

import (
	"time"

	"mvdan.cc/sh/v3/syntax"
)

// scenario is how AWS answers in a run. answer is the status, or the error, of the n-th read of a command, so long after it
// was sent; neither: there is no invocation yet.
type scenario struct {
	name                     string
	answer                   func(n int, since time.Duration) (status, err string)
	sendDenied, assumeDenied bool
	// timed says that answers change as time goes by.
	timed bool
	// longest says that commands run as long as they may, and then succeed.
	longest bool
}

// always answers the same.
func always(status string) func(int, time.Duration) (string, string) {
	return func(int, time.Duration) (string, string) { return status, "" }
}

// first answers one thing twice, and then another.
func first(status, then string) func(int, time.Duration) (string, string) {
	return func(n int, _ time.Duration) (string, string) {
		if n < 2 {
			return status, ""
		}
		return then, ""
	}
}

// The scenarios. What is found is what a script does in one of them and should not.
var (
	allWell    = &scenario{name: "success", answer: always("Success")}
	slow       = &scenario{name: "slow", answer: first("InProgress", "Success")}
	fails      = &scenario{name: "failed", answer: always("Failed")}
	timedOut   = &scenario{name: "timed out", answer: always("TimedOut")}
	cancelled  = &scenario{name: "cancelled", answer: always("Cancelled")}
	cancelling = &scenario{name: "cancelling", answer: first("Cancelling", "Cancelled")}
	delayed    = &scenario{name: "delayed", answer: first("Delayed", "Success")}
	nothingYet = &scenario{name: "nothing yet", answer: first("", "Success")}
	unending   = &scenario{name: "unending", answer: always("InProgress")}
	refuses    = &scenario{name: "denied", answer: func(int, time.Duration) (string, string) { return "", denied }}
	unsent     = &scenario{name: "send denied", answer: always("Success"), sendDenied: true}
	unassumed  = &scenario{name: "assume denied", answer: always("Success"), assumeDenied: true}
	lasting    = &scenario{name: "five minutes", timed: true, answer: func(_ int, since time.Duration) (string, string) {
		if since < 5*time.Minute {
			return "InProgress", ""
		}
		return "Success", ""
	}}
	early = &scenario{name: "asked at once", answer: func(n int, since time.Duration) (string, string) {
		if n < 1 && since < 2*time.Second {
			return "", notYet
		}
		return "Success", ""
	}}
)

// maxFlips bounds the runs in which a condition goes the other way.
const maxFlips = 10

// runs are what came of a scenario: one run, and one more for each condition that could not be decided. Runs that were
// given up are not among them.
func (p *prober) runs(c *scenario) []*world {
	if list, ok := p.done[c]; ok {
		return list
	}
	w := p.run(c, -1)
	list := []*world{w}
	for i := range min(len(w.chosen), maxFlips) {
		list = append(list, p.run(c, i))
	}
	var sure []*world
	for _, w := range list {
		if !w.spent {
			sure = append(sure, w)
		}
	}
	p.done[c] = sure
	return sure
}

// prober runs scripts in scenarios.
type prober struct {
	program  *Program
	sequence *Sequence
	texts    *texts
	done     map[*scenario][]*world
	budget   int
}

// maxProbe bounds the steps of all runs of a sequence together.
const maxProbe = 500_000

func newProber(s *Sequence) *prober {
	p := &prober{sequence: s, done: map[*scenario][]*world{}, budget: maxProbe,
		texts: &texts{parsed: map[string]*source{}, relevant: map[string]bool{}, assigned: map[string]bool{}}}
	for i := range s.Scripts { // what is assigned anywhere is known before anything runs
		p.source(i)
	}
	return p
}

// source is a script's text, parsed.
func (p *prober) source(i int) (*source, syntax.LangVariant) {
	s := &p.sequence.Scripts[i]
	variant, ok := variantOf(s.Interpreter, s.Text)
	if !ok {
		return nil, 0
	}
	return p.texts.parse("script\x00"+string(rune('a'+i%1000))+s.Name+s.File, s.Text, variant, source{name: s.File, script: i, place: s.Place}), variant
}

// run runs the scripts once.
func (p *prober) run(c *scenario, flip int) *world {
	w := &world{sequence: p.sequence, texts: p.texts, scenario: c, flip: flip, files: map[string]value{}, outputs: map[string]value{}, env: map[string]value{},
		jobs: map[string]int{}, dead: map[site]string{}, masked: map[string]bool{}, handed: map[*event]bool{}, took: make([]time.Duration, len(p.sequence.Scripts))}
	if p.budget <= 0 {
		w.spent = true
		return w
	}
	failed := false
	for i := range p.sequence.Scripts {
		s := &p.sequence.Scripts[i]
		source, variant := p.source(i)
		if source == nil || s.When == OnSuccess && failed || s.When == OnFailure && !failed || s.When == Perhaps && !w.decide(source.file) {
			continue
		}
		began := w.clock
		code := w.script(s, source, variant)
		w.took[i] = w.clock - began
		if w.never != nil && s.Limit == 0 || w.spent {
			break
		}
		if w.never != nil { // it is ended from outside
			w.never, code, w.ended = nil, 1, true
		}
		w.red = w.red || code != 0
		failed = failed || code != 0 && !s.Tolerated
		w.finish(s)
	}
	p.budget -= w.steps
	return w
}

// script runs one script, and gives its exit code.
func (w *world) script(s *Script, source *source, variant syntax.LangVariant) int {
	log := &sink{to: toLog}
	st := &state{w: w, source: source, vars: map[string]variable{}, funcs: map[string]function{}, traps: map[string]string{}, name: s.File,
		errexit: s.Errexit, pipefail: s.Pipefail, posix: variant == syntax.LangPOSIX, given: w.sequence.Printed, streams: streams{out: log, err: log}}
	f := st.stmts(source.file.Stmts)
	if f.kind != stays {
		st.leave()
	}
	return st.status
}
