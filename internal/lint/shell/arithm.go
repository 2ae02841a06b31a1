package shell

import (
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// arithm computes; false where something in it is not known.
func (s *state) arithm(x syntax.ArithmExpr) (int, bool) {
	switch x := x.(type) {
	case *syntax.Word:
		return s.number(s.word(x))
	case *syntax.ParenArithm:
		return s.arithm(x.X)
	case *syntax.UnaryArithm:
		return s.unary(x)
	case *syntax.BinaryArithm:
		return s.binaryArithm(x)
	}
	return 0, false
}

// number reads a text as arithmetic does: a number, or a variable's name.
func (s *state) number(v value) (int, bool) {
	for range 4 { // a name may hold a name
		t := strings.TrimSpace(v.s)
		if t == "" {
			return 0, true
		}
		if n, err := strconv.ParseInt(t, 0, 64); err == nil {
			return int(n), true
		}
		if n, err := strconv.Atoi(strings.TrimPrefix(t, "10#")); err == nil {
			return n, true
		}
		if !isName(t) {
			return 0, false
		}
		if e, ok := s.source.es[t]; ok {
			v = s.w.expression(e, s.source.script)
			continue
		}
		var set bool
		if v, set = s.lookup(t, nil); !set {
			return 0, true
		}
	}
	return 0, false
}

func (s *state) unary(x *syntax.UnaryArithm) (int, bool) {
	n, ok := s.arithm(x.X)
	switch x.Op {
	case syntax.Not:
		return int(boolToInt(n == 0)), ok
	case syntax.Minus:
		return -n, ok
	case syntax.Plus:
		return n, ok
	case syntax.Inc, syntax.Dec:
		next := n + 1
		if x.Op == syntax.Dec {
			next = n - 1
		}
		s.assign(x.X, next, ok)
		if x.Post {
			return n, ok
		}
		return next, ok
	}
	return 0, false
}

// assign gives the variable that an expression names a number.
func (s *state) assign(x syntax.ArithmExpr, n int, ok bool) {
	w, is := x.(*syntax.Word)
	if !is {
		return
	}
	name := w.Lit()
	if len(w.Parts) == 1 {
		if p, isParam := w.Parts[0].(*syntax.ParamExp); isParam && p.Param != nil {
			name = p.Param.Value
		}
	}
	if !isName(name) {
		return
	}
	if ok {
		s.set(name, text(strconv.Itoa(n)))
	} else {
		s.set(name, opaque("arithmetic"))
	}
}

func boolToInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func (s *state) binaryArithm(x *syntax.BinaryArithm) (int, bool) {
	switch x.Op {
	case syntax.Assgn:
		n, ok := s.arithm(x.Y)
		s.assign(x.X, n, ok)
		return n, ok
	case syntax.AndArit, syntax.OrArit:
		a, ok := s.arithm(x.X)
		if !ok {
			return 0, false
		}
		if (a != 0) != (x.Op == syntax.AndArit) {
			return int(boolToInt(a != 0)), true
		}
		b, ok := s.arithm(x.Y)
		return int(boolToInt(b != 0)), ok
	case syntax.TernQuest:
		a, ok := s.arithm(x.X)
		branches, is := x.Y.(*syntax.BinaryArithm)
		if !ok || !is {
			return 0, false
		}
		if a != 0 {
			return s.arithm(branches.X)
		}
		return s.arithm(branches.Y)
	}
	a, ok := s.arithm(x.X)
	b, also := s.arithm(x.Y)
	if op, changes := changing[x.Op]; changes {
		n, fine := compute(op, a, b)
		s.assign(x.X, n, ok && also && fine)
		return n, ok && also && fine
	}
	n, fine := compute(x.Op, a, b)
	return n, ok && also && fine
}

// changing are the operators that assign as well.
var changing = map[syntax.BinAritOperator]syntax.BinAritOperator{
	syntax.AddAssgn: syntax.Add, syntax.SubAssgn: syntax.Sub, syntax.MulAssgn: syntax.Mul, syntax.QuoAssgn: syntax.Quo, syntax.RemAssgn: syntax.Rem,
}

func compute(op syntax.BinAritOperator, a, b int) (int, bool) {
	switch op {
	case syntax.Add:
		return a + b, true
	case syntax.Sub:
		return a - b, true
	case syntax.Mul:
		return a * b, true
	case syntax.Quo, syntax.Rem:
		if b == 0 {
			return 0, false
		}
		if op == syntax.Quo {
			return a / b, true
		}
		return a % b, true
	case syntax.Eql:
		return int(boolToInt(a == b)), true
	case syntax.Neq:
		return int(boolToInt(a != b)), true
	case syntax.Lss:
		return int(boolToInt(a < b)), true
	case syntax.Gtr:
		return int(boolToInt(a > b)), true
	case syntax.Leq:
		return int(boolToInt(a <= b)), true
	case syntax.Geq:
		return int(boolToInt(a >= b)), true
	case syntax.Comma:
		return b, true
	case syntax.Shl:
		return a << (uint(b) & 31), true
	}
	return 0, false
}
