package shell

import (
	"path"
	"slices"
	"strings"
	"time"

	"mvdan.cc/sh/v3/syntax"

	"github.com/slipway-cd/slipway/internal/finding"
)

// Script is shell text that runs as a whole: a step of a workflow, a phase of a build, a file.
type Script struct {
	// File that the text stands in, as findings name it.
	File string
	// Text as it is written. GitHub's expressions, ${{ … }}, stay in it: they are read here.
	Text string
	// Name is the step's id: what the script writes to $GITHUB_OUTPUT is steps.<Name>.outputs.<key> to those after it.
	Name string
	// Interpreter that the text is handed to: bash, sh, pwsh, python. Empty: what its first line says, or bash. A script
	// of another language than the shell is not read.
	Interpreter string
	// Errexit and Pipefail say how the shell is started: GitHub starts `bash -e {0}` where a step names no shell, and
	// `bash --noprofile --norc -eo pipefail {0}` for `shell: bash`.
	Errexit, Pipefail bool
	// Place maps a line and a column of Text, from 1 and in bytes, to those of File. Nil: Text is File.
	Place func(line, column int) (int, int)
	// Env is the environment as far as it is written down. Values may hold expressions.
	Env map[string]string
	// Aliases are other names of expressions: inputs.id → steps.send.outputs.id. Keys and values without ${{ }}.
	Aliases map[string]string
	// When the script runs, by the job's or build's state before it.
	When When
	// Tolerated is continue-on-error: what comes after it runs although it failed, and nothing is red.
	Tolerated bool
	// Limit after which it is ended from outside (timeout-minutes, of the step or the job); 0 where none is written down.
	Limit time.Duration
}

// When says in which state of its job a script runs.
type When string

// A script runs after success unless it says otherwise (`if: always()`, `if: failure()`).
const (
	OnSuccess When = ""
	Always    When = "always"
	OnFailure When = "failure"
	// Perhaps is any other condition: it may be left out, and nothing that is certain rests on it.
	Perhaps When = "perhaps"
)

// Sequence is a job, a build, or several jobs that need each other: its scripts run one after another and see each
// other's $GITHUB_OUTPUT and $GITHUB_ENV.
type Sequence struct {
	Scripts []Script
	// Read gives scripts of the repository that one of these calls or sources, by their path from its root; nil: none.
	Read func(path string) ([]byte, bool)
	// Printed says that something may read what the scripts print: a file on its own, which others may call.
	Printed bool
	// Uses are expressions that something other than these scripts reads: outputs of a job, inputs of an action.
	Uses []string
	// Plain are expressions, ${{ inputs.n }}, whose values hold no quotes, commas or line ends, whoever gives them.
	Plain []string
}

// Program is what scripts do.
type Program struct {
	// Calls are all programs that are started, in the order of the text, whichever way the scripts take.
	Calls []Call
	// Unread are scripts in which a shell would find an error, and those that are too large.
	Unread []Unread

	found []finding.Finding
	texts int // that were read
	// prober runs the scripts; nil where they make no calls that anything can be said of.
	prober *prober
}

// Findings are what is wrong with the scripts, in the order of their places.
func (p *Program) Findings() []finding.Finding { return p.found }

// Analyze reads scripts.
func Analyze(s Sequence) *Program {
	p := &Program{}
	for i := range s.Scripts {
		p.read(&reader{sequence: &s, script: i, text: s.Scripts[i].Text, file: s.Scripts[i].File, place: s.Scripts[i].Place}, &s.Scripts[i])
	}
	for i := range p.Unread {
		p.found = append(p.found, p.Unread[i].finding())
	}
	p.found = append(p.found, p.probe(&s)...)
	finding.Sort(p.found)
	return p
}

// probe runs the scripts in the scenarios, where they make calls that anything can be said of.
func (p *Program) probe(s *Sequence) []finding.Finding {
	if !slices.ContainsFunc(p.Calls, func(c Call) bool { return c.Service == "ssm" || c.Service == "sts" }) {
		return nil
	}
	p.prober = newProber(s)
	p.prober.program = p
	return p.prober.judge()
}

// variantOf tells which shell reads a script, by its interpreter or its first line; false where it is none.
func variantOf(interpreter, text string) (syntax.LangVariant, bool) {
	if interpreter == "" {
		first, _, _ := strings.Cut(text, "\n")
		line, ok := strings.CutPrefix(first, "#!")
		if !ok {
			return syntax.LangBash, true
		}
		interpreter = line
	}
	for _, word := range strings.Fields(interpreter) {
		switch path.Base(word) {
		case "sh", "dash", "ash":
			return syntax.LangPOSIX, true
		case "bash":
			return syntax.LangBash, true
		case "ksh", "mksh":
			return syntax.LangMirBSDKorn, true
		}
	}
	return 0, false
}
