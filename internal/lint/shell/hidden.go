package shell

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// swallowed finds the calls of a script whose exit code does not become the script's, and says what takes it away. What a
// script looks at ($?, if) is left to it: only what hides a failure for certain is found.
func swallowed(file *syntax.File, errexit, pipefail bool) map[*syntax.CallExpr]string {
	hidden := map[*syntax.CallExpr]string{}
	hide := func(node syntax.Node, why string) {
		syntax.Walk(node, func(n syntax.Node) bool {
			if call, ok := n.(*syntax.CallExpr); ok && hidden[call] == "" {
				hidden[call] = why
			}
			return !substitutes(n)
		})
	}
	pipefail = pipefail || setsPipefail(file) || slices.ContainsFunc(file.Stmts, asksForCode)
	syntax.Walk(file, func(node syntax.Node) bool {
		n, ok := node.(*syntax.BinaryCmd)
		switch {
		case !ok:
		case n.Op == syntax.OrStmt && succeeds(n.Y):
			hide(n.X, "what follows || succeeds")
		case n.Op == syntax.Pipe && !pipefail:
			hide(n.X, "a pipe has the exit code of its last program, without pipefail")
		}
		return !substitutes(node)
	})
	for _, stmt := range file.Stmts {
		if stmt.Negated && stmt.Cmd != nil {
			hide(stmt.Cmd, "! turns it round")
		}
	}
	for _, stmt := range unwatched(file, errexit) {
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

// wordsOf are the words of a call as they are written; none of anything else.
func wordsOf(node syntax.Node) []string {
	call, ok := node.(*syntax.CallExpr)
	if !ok {
		return nil
	}
	words := make([]string, len(call.Args))
	for i, word := range call.Args {
		words[i] = expressions(nil).wordOf(word).Written
	}
	return words
}

// unwatched are the calls after which a script goes on when they fail, and never asks for an exit code: those that errexit
// does not guard, but for the last.
func unwatched(file *syntax.File, errexit bool) []syntax.Node {
	var found []syntax.Node
	last := -1 // that asks
	for i := len(file.Stmts) - 1; i >= 0 && last < 0; i-- {
		if asksForCode(file.Stmts[i]) {
			last = i
		}
	}
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
		if !errexit && i < len(file.Stmts)-1 && i >= last {
			found = append(found, stmt.Cmd)
		}
	}
	return found
}

// shortOption says whether a word, -eo or +e, has this letter.
func shortOption(word, sign string, letter rune) bool {
	return strings.HasPrefix(word, sign) && !strings.HasPrefix(word, "--") && strings.ContainsRune(word, letter)
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
