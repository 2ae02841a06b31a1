package ci

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rhysd/actionlint"
	"mvdan.cc/sh/v3/syntax"
)

// shell is what a step's shell does with a program that fails.
type shell struct {
	errexit  bool // the script ends there, with that exit code
	pipefail bool // also where the program is not the last of a pipe
}

// shellOf is how GitHub starts a shell: by a name it gives options of its own, and what contains {0} it takes as it is.
func shellOf(name string) shell {
	switch {
	case name == "bash":
		return shell{errexit: true, pipefail: true}
	case !strings.Contains(name, "{0}"):
		return shell{errexit: true}
	}
	s := shell{pipefail: strings.Contains(name, "pipefail")}
	for _, word := range strings.Fields(name)[1:] {
		s.errexit = s.errexit || word == "errexit" || shortOption(word, "-", 'e')
	}
	return s
}

// shortOption says whether a word, -eo or +e, has this letter.
func shortOption(word, sign string, letter rune) bool {
	return strings.HasPrefix(word, sign) && !strings.HasPrefix(word, "--") && strings.ContainsRune(word, letter)
}

// swallowed finds the calls of a script whose exit code does not become the script's, and says what takes it away. What a
// script looks at ($?, if) is left to it: only what hides a failure for certain is found.
func swallowed(file *syntax.File, s shell) map[*syntax.CallExpr]string {
	hidden := map[*syntax.CallExpr]string{}
	hide := func(node syntax.Node, why string) {
		syntax.Walk(node, func(n syntax.Node) bool {
			if call, ok := n.(*syntax.CallExpr); ok && hidden[call] == "" {
				hidden[call] = why
			}
			return !substitutes(n)
		})
	}
	s.pipefail = s.pipefail || setsPipefail(file) || slices.ContainsFunc(file.Stmts, asksForCode)
	syntax.Walk(file, func(node syntax.Node) bool {
		n, ok := node.(*syntax.BinaryCmd)
		switch {
		case !ok:
		case n.Op == syntax.OrStmt && succeeds(n.Y):
			hide(n.X, "what follows || succeeds")
		case n.Op == syntax.Pipe && !s.pipefail:
			hide(n.X, "a pipe has the exit code of its last program, without pipefail")
		}
		return !substitutes(node)
	})
	for _, stmt := range file.Stmts {
		if stmt.Negated && stmt.Cmd != nil {
			hide(stmt.Cmd, "! turns it round")
		}
	}
	for _, stmt := range unwatched(file, s.errexit) {
		hide(stmt, "the script goes on after it, without errexit")
	}
	return hidden
}

// substitutes says whether a node is $(…): its output is what the script goes by.
func substitutes(node syntax.Node) bool {
	_, ok := node.(*syntax.CmdSubst)
	return ok
}

// setsPipefail says whether a script sets the option anywhere.
func setsPipefail(file *syntax.File) bool {
	found := false
	syntax.Walk(file, func(node syntax.Node) bool {
		if words := wordsOf(node); len(words) > 0 && words[0] == "set" && slices.Contains(words, "pipefail") {
			found = true
		}
		return !found
	})
	return found
}

// wordsOf are the words of a call; none of anything else.
func wordsOf(node syntax.Node) []string {
	call, ok := node.(*syntax.CallExpr)
	if !ok {
		return nil
	}
	words := make([]string, len(call.Args))
	for i, word := range call.Args {
		words[i] = textOf(word.Parts)
	}
	return words
}

// unwatched are the calls after which a script goes on when they fail, and never asks for an exit code: those that errexit
// does not guard, but for the last.
func unwatched(file *syntax.File, errexit bool) []syntax.Node {
	var found []syntax.Node
	for i, stmt := range file.Stmts {
		words := wordsOf(stmt.Cmd)
		if len(words) == 0 {
			continue
		}
		if words[0] == "set" {
			for _, word := range words[1:] {
				errexit = (errexit || word == "errexit" || shortOption(word, "-", 'e')) && !shortOption(word, "+", 'e')
			}
		}
		rest := file.Stmts[i+1:]
		if !errexit && len(rest) > 0 && !slices.ContainsFunc(rest, asksForCode) {
			found = append(found, stmt.Cmd)
		}
	}
	return found
}

// asksForCode says whether a statement looks at the exit code of what came before it.
func asksForCode(stmt *syntax.Stmt) bool {
	found := false
	syntax.Walk(stmt, func(node syntax.Node) bool {
		if p, ok := node.(*syntax.ParamExp); ok && p.Param != nil && (p.Param.Value == "?" || p.Param.Value == "PIPESTATUS") {
			found = true
		}
		return !found
	})
	return found
}

// succeeds says whether a statement is known to end with 0.
func succeeds(stmt *syntax.Stmt) bool {
	if stmt == nil || stmt.Negated {
		return false
	}
	switch c := stmt.Cmd.(type) {
	case *syntax.Block:
		return len(c.Stmts) > 0 && !leaves(c) && succeeds(c.Stmts[len(c.Stmts)-1])
	case *syntax.Subshell:
		return len(c.Stmts) > 0 && !leaves(c) && succeeds(c.Stmts[len(c.Stmts)-1])
	}
	words := wordsOf(stmt.Cmd)
	if len(words) == 0 {
		return false
	}
	switch words[0] {
	case "true", ":":
		return true
	case "echo", "printf": // into a file, another step may read it
		return !slices.ContainsFunc(stmt.Redirs, func(r *syntax.Redirect) bool { return r.Op == syntax.RdrOut || r.Op == syntax.AppOut })
	case "exit", "return":
		return len(words) == 2 && words[1] == "0"
	}
	return false
}

// leaves says whether a list may end before its end.
func leaves(node syntax.Node) bool {
	found := false
	syntax.Walk(node, func(n syntax.Node) bool {
		if words := wordsOf(n); len(words) > 0 && slices.Contains([]string{"exit", "return", "exec", "false"}, words[0]) {
			found = len(words) != 2 || words[1] != "0"
		}
		return !found
	})
	return found
}

// ships says whether a program ships, or tells what became of what was shipped: its exit code is the verdict.
func (i invocation) ships() bool {
	if i.runs("aws", "ssm", "send-command") {
		return true
	}
	own := i.runs("slipway", "deploy") || i.runs("slipway", "rollback") || i.runs("slipway", "resume")
	return own && !i.has("--local") && !i.has("--help")
}

// verdicts finds what keeps a job that ships from failing when that failed.
func (c *checker) verdicts(job *actionlint.Job) {
	shipping := false
	for _, step := range job.Steps {
		what := ""
		for _, program := range c.commands(job, step) {
			if !program.ships() {
				continue
			}
			what = strings.Join(program.words[:2], " ")
			if program.hidden != "" {
				c.add(&swallowedRule, step.Pos, "let its exit code be the step's",
					"the step succeeds where %s does not: %s", what, program.hidden)
			}
		}
		shipping = shipping || what != ""
		if soft := step.ContinueOnError; what != "" && soft != nil && soft.Value && !judged(job, step) {
			c.add(&swallowedRule, soft.Pos, "leave continue-on-error out", "the job succeeds where %s does not: continue-on-error", what)
		}
	}
	if soft := job.ContinueOnError; shipping && soft != nil && soft.Value {
		c.add(&swallowedRule, soft.Pos, "leave continue-on-error out", "the workflow succeeds where job %q, which ships, does not: continue-on-error", job.ID.Value)
	}
}

// judged says whether another step looks at how this one ended.
func judged(job *actionlint.Job, step *actionlint.Step) bool {
	if step.ID == nil {
		return false
	}
	outcome := fmt.Sprintf("steps.%s.outcome", step.ID.Value)
	return slices.ContainsFunc(job.Steps, func(other *actionlint.Step) bool {
		run, _ := other.Exec.(*actionlint.ExecRun)
		return other.If != nil && strings.Contains(other.If.Value, outcome) ||
			run != nil && run.Run != nil && strings.Contains(run.Run.Value, outcome)
	})
}

// commands are the programs that a step starts: those of its script, or slipway where it uses slipway's own action.
func (c *checker) commands(job *actionlint.Job, step *actionlint.Step) []invocation {
	if action, name := uses(step); name == ActionName {
		return []invocation{ofAction(action)}
	}
	run, ok := step.Exec.(*actionlint.ExecRun)
	if !ok || run.Run == nil {
		return nil
	}
	name := ""
	switch {
	case run.Shell != nil:
		name = run.Shell.Value
	case job.Defaults != nil && job.Defaults.Run != nil && job.Defaults.Run.Shell != nil:
		name = job.Defaults.Run.Shell.Value
	case c.workflow.Defaults != nil && c.workflow.Defaults.Run != nil && c.workflow.Defaults.Run.Shell != nil:
		name = c.workflow.Defaults.Run.Shell.Value
	}
	return invocationsOf(run.Run.Value, shellOf(name))
}
