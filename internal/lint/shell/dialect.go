package shell

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// bashOnly is something in a script that dash does not know; empty where there is none, or where a first line names another
// shell.
func bashOnly(script string) string {
	if strings.HasPrefix(script, "#!") {
		return ""
	}
	file, err := parseAs(readable(script), syntax.LangBash)
	if err != nil {
		return ""
	}
	what := ""
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CallExpr:
			words := wordsOf(n)
			switch {
			case len(words) > 1 && words[0] == "set" && slices.Contains(words, "pipefail"):
				what = "set -o pipefail"
			case len(words) > 1 && words[0] == "source":
				what = "source"
			}
		case *syntax.TestClause:
			what = "[["
		case *syntax.ArrayExpr:
			what = "an array"
		case *syntax.ProcSubst:
			what = "<("
		case *syntax.ArithmCmd:
			what = "(("
		case *syntax.Redirect:
			if n.Op == syntax.WordHdoc {
				what = "<<<"
			}
		}
		return what == ""
	})
	return what
}

// readable is a script in which names stand for what is not known.
func readable(script string) string {
	return strings.NewReplacer(string(opens), "_", string(closes), "_", "${{", "__", "}}", "_").Replace(script)
}
