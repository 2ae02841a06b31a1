package ci

import (
	"regexp"
	"strings"

	"github.com/rhysd/actionlint"
	"mvdan.cc/sh/v3/syntax"
)

// invocation is one program that a script starts: its words, with quotes taken away. A word, or a part of one, that is
// only known when the script runs is kept as it is written: $NAME.
type invocation struct {
	words   []string
	literal bool   // every word is known before the script runs
	hidden  string // why its exit code does not become the script's; empty where it may
}

// placeholder stands for an expression of GitHub's.
const placeholder = "EXPRESSION"

// expression is GitHub's own substitution, which happens before a shell sees the script.
var expression = regexp.MustCompile(`\$\{\{.*?\}\}`)

// invocations lists the programs of a script, in its order. A script that no shell would take has none.
func invocations(script string) []invocation { return invocationsOf(script, shellOf("bash")) }

func invocationsOf(script string, s shell) []invocation {
	script = expression.ReplaceAllString(script, placeholder)
	file, err := syntax.NewParser().Parse(strings.NewReader(script), "")
	if err != nil {
		return nil
	}
	var found []invocation
	hidden := swallowed(file, s)
	syntax.Walk(file, func(node syntax.Node) bool {
		call, ok := node.(*syntax.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		one := invocation{words: wordsOf(call), literal: true, hidden: hidden[call]}
		for i, word := range call.Args {
			one.literal = one.literal && isLiteral(word.Parts) && !strings.Contains(one.words[i], placeholder)
		}
		found = append(found, one)
		return true
	})
	return found
}

// isLiteral says whether a word is written out. One that a shell would make several words of is not.
func isLiteral(parts []syntax.WordPart) bool {
	for _, part := range parts {
		switch p := part.(type) {
		case *syntax.Lit:
			if strings.ContainsAny(p.Value, "*?[{~\\") {
				return false
			}
		case *syntax.SglQuoted:
		case *syntax.DblQuoted:
			for _, inner := range p.Parts {
				if lit, ok := inner.(*syntax.Lit); !ok || strings.Contains(lit.Value, "\\") {
					return false
				}
			}
		default:
			return false
		}
	}
	return true
}

func textOf(parts []syntax.WordPart) string {
	var b strings.Builder
	for _, part := range parts {
		switch p := part.(type) {
		case *syntax.Lit:
			b.WriteString(strings.ReplaceAll(p.Value, "\\\n", ""))
		case *syntax.SglQuoted:
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			b.WriteString(textOf(p.Parts))
		case *syntax.ParamExp:
			if p.Param != nil {
				b.WriteString("$" + p.Param.Value)
			}
		}
	}
	return b.String()
}

// runs says whether it is this program with these first words.
func (i invocation) runs(program string, words ...string) bool {
	if len(i.words) <= len(words) {
		return false
	}
	name := i.words[0][strings.LastIndex(i.words[0], "/")+1:]
	for n, word := range words {
		if i.words[n+1] != word {
			return false
		}
	}
	return name == program
}

// flag gives the value of a flag, written --name value or --name=value.
func (i invocation) flag(name string) (value string, ok bool) {
	for n, word := range i.words {
		if rest, found := strings.CutPrefix(word, name+"="); found {
			return rest, true
		}
		if word == name && n+1 < len(i.words) {
			return i.words[n+1], true
		}
		if word == name {
			return "", true
		}
	}
	return "", false
}

// has says whether a flag is given, with or without a value.
func (i invocation) has(name string) bool {
	_, ok := i.flag(name)
	return ok
}

// programs are those of a step; none where it uses an action.
func programs(step *actionlint.Step) []invocation {
	run, ok := step.Exec.(*actionlint.ExecRun)
	if !ok || run.Run == nil {
		return nil
	}
	return invocations(run.Run.Value)
}

// input gives an input of a step that uses an action.
func input(action *actionlint.ExecAction, name string) string {
	in := action.Inputs[name]
	if in == nil || in.Value == nil {
		return ""
	}
	return in.Value.Value
}

// uses gives the action of a step, and its name without the version; nil where the step runs a script.
func uses(step *actionlint.Step) (*actionlint.ExecAction, string) {
	action, ok := step.Exec.(*actionlint.ExecAction)
	if !ok || action.Uses == nil {
		return nil, ""
	}
	name, _, _ := strings.Cut(action.Uses.Value, "@")
	return action, name
}
