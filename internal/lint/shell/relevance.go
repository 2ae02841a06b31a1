package shell

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// relevance notes the variables on which the way of a script can depend: all but those that are only counted and printed.
// A loop whose relevant variables stay what they are never ends, however many rounds it counts.
func (t *texts) relevance(file *syntax.File) {
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CallExpr:
			if len(n.Args) > 0 {
				switch n.Args[0].Lit() {
				case "echo", "printf", "sleep", "true", ":":
					for _, w := range n.Args {
						t.substitutions(w)
					}
					return false
				}
			}
		case *syntax.Stmt:
			return !counts(n.Cmd)
		case *syntax.ForClause:
			if l, ok := n.Loop.(*syntax.WordIter); ok {
				t.assigned[l.Name.Value] = true
			}
		case *syntax.Assign:
			if n.Name != nil && (!n.Naked || n.Array != nil) {
				t.assigned[n.Name.Value] = true
			}
			if n.Name != nil && n.Value != nil && countsItself(n.Name.Value, n.Value) {
				return false
			}
		case *syntax.ParamExp:
			if n.Param != nil {
				t.relevant[n.Param.Value] = true
			}
		case *syntax.Word:
			for _, part := range n.Parts {
				if lit, ok := part.(*syntax.Lit); ok && isName(lit.Value) {
					t.relevant[lit.Value] = true // a name in arithmetic, or none
				}
			}
		}
		return true
	})
}

// substitutions are looked into where the words around them are only printed.
func (t *texts) substitutions(w *syntax.Word) {
	syntax.Walk(w, func(n syntax.Node) bool {
		if sub, ok := n.(*syntax.CmdSubst); ok {
			t.relevance(&syntax.File{Stmts: sub.Stmts})
			return false
		}
		return true
	})
}

// counts says whether a command only changes a counter: ((n++)), let n+=1.
func counts(c syntax.Command) bool {
	var list []syntax.ArithmExpr
	switch c := c.(type) {
	case *syntax.ArithmCmd:
		list = []syntax.ArithmExpr{c.X}
	case *syntax.LetClause:
		list = c.Exprs
	}
	for _, x := range list {
		switch x := x.(type) {
		case *syntax.UnaryArithm:
			if x.Op != syntax.Inc && x.Op != syntax.Dec {
				return false
			}
		case *syntax.BinaryArithm:
			if !strings.HasSuffix(x.Op.String(), "=") || x.Op == syntax.Eql || x.Op == syntax.Neq || x.Op == syntax.Leq || x.Op == syntax.Geq {
				return false
			}
		default:
			return false
		}
	}
	return len(list) > 0
}

// countsItself is n=$((n+1)) and n=$(expr $n + 1): what n is goes into n alone.
func countsItself(name string, w *syntax.Word) bool {
	if len(w.Parts) != 1 {
		return false
	}
	switch w.Parts[0].(type) {
	case *syntax.ArithmExp, *syntax.CmdSubst:
	default:
		return false
	}
	only := true
	syntax.Walk(w, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.ParamExp:
			only = only && n.Param != nil && n.Param.Value == name
		case *syntax.CallExpr:
			only = only && len(n.Args) > 0 && n.Args[0].Lit() == "expr"
		case *syntax.Lit:
			only = only && (!isName(n.Value) || n.Value == name || n.Value == "expr")
		}
		return only
	})
	return only
}

// isName says whether a text could be a variable's name.
func isName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
