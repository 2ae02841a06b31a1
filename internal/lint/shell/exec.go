package shell

import (
	"slices"
	"strconv"

	"mvdan.cc/sh/v3/syntax"
)

// stmts runs commands one after another.
func (s *state) stmts(list []*syntax.Stmt) flow {
	for _, one := range list {
		if f := s.stmt(one); f.kind != goesOn {
			return f
		}
	}
	return onward
}

// stmt runs one command, with its redirections, and leaves the shell when it failed and errexit is set.
func (s *state) stmt(st *syntax.Stmt) flow {
	if !s.w.step() {
		return flow{kind: exits}
	}
	if st.Background {
		return s.background(st)
	}
	old := s.streams
	if !s.redirect(st.Redirs) {
		s.streams = old
		s.status = 1
		return s.errors(st)
	}
	if st.Negated {
		s.checked++
	}
	f := s.command(st.Cmd)
	if call, ok := st.Cmd.(*syntax.CallExpr); !ok || !isBareExec(call) {
		s.streams = old
	}
	if st.Negated {
		s.checked--
		if f.kind == goesOn {
			s.status = boolCode(s.status != 0)
		}
		return f
	}
	if f.kind != goesOn || s.status == 0 || !simple(st.Cmd) {
		return f
	}
	return s.errors(st)
}

// isBareExec is `exec >file`, whose redirections stay.
func isBareExec(c *syntax.CallExpr) bool {
	return len(c.Args) == 1 && c.Args[0].Lit() == "exec"
}

// errors is what comes of a command that failed.
func (s *state) errors(st *syntax.Stmt) flow {
	if s.checked > 0 {
		return onward
	}
	if handler, ok := s.traps["ERR"]; ok {
		code := s.status
		if f := s.handler(handler, "ERR"); f.kind == exits {
			return f
		}
		s.status = code
	}
	if s.errexit {
		return flow{kind: exits}
	}
	return onward
}

// simple says whether errexit looks at a command itself; of the others it looks at those inside.
func simple(c syntax.Command) bool {
	switch c := c.(type) {
	case *syntax.CallExpr, *syntax.DeclClause, *syntax.TestClause, *syntax.ArithmCmd, *syntax.LetClause, *syntax.Subshell, *syntax.TimeClause:
		return true
	case *syntax.BinaryCmd:
		return c.Op == syntax.Pipe || c.Op == syntax.PipeAll
	}
	return false
}

func boolCode(ok bool) int {
	if ok {
		return 0
	}
	return 1
}

// command runs any kind of command.
func (s *state) command(c syntax.Command) flow {
	switch c := c.(type) {
	case nil:
		s.status = 0
	case *syntax.CallExpr:
		return s.call(c)
	case *syntax.BinaryCmd:
		return s.binary(c)
	case *syntax.IfClause:
		return s.ifClause(c)
	case *syntax.WhileClause:
		return s.while(c)
	case *syntax.ForClause:
		return s.forClause(c)
	case *syntax.CaseClause:
		return s.caseClause(c)
	case *syntax.Block:
		return s.stmts(c.Stmts)
	case *syntax.Subshell:
		return s.subshell(c.Stmts)
	case *syntax.FuncDecl:
		if c.Name != nil {
			s.funcs[c.Name.Value] = function{body: c.Body, source: s.source}
		}
		s.status = 0
	case *syntax.DeclClause:
		return s.declare(c)
	case *syntax.TestClause:
		s.status = boolCode(s.testExpr(c.X, c))
	case *syntax.ArithmCmd:
		s.status = boolCode(s.truth(c.X))
	case *syntax.LetClause:
		for _, x := range c.Exprs {
			s.status = boolCode(s.truth(x))
		}
	case *syntax.TimeClause:
		if c.Stmt != nil {
			return s.stmt(c.Stmt)
		}
	default: // coproc, test declarations: nothing is known of what they do
		s.status = 0
	}
	return onward
}

// truth is an arithmetic condition.
func (s *state) truth(x syntax.ArithmExpr) bool {
	n, ok := s.arithm(x)
	if !ok {
		return s.w.decide(x)
	}
	return n != 0
}

// subshell runs commands that change nothing here. Leaving it is leaving it only.
func (s *state) subshell(list []*syntax.Stmt) flow {
	if s.depth > maxShells {
		s.w.spent = true
		return onward
	}
	c := s.sub()
	f := c.stmts(list)
	if f.kind == stays {
		return f
	}
	c.leave()
	s.status = c.status
	return onward
}

func (s *state) binary(c *syntax.BinaryCmd) flow {
	switch c.Op {
	case syntax.AndStmt, syntax.OrStmt:
		s.checked++
		f := s.stmt(c.X)
		s.checked--
		if f.kind != goesOn || (s.status == 0) != (c.Op == syntax.AndStmt) {
			return f
		}
		return s.stmt(c.Y)
	}
	return s.pipe(c)
}

// pipe runs one side after the other, each in a shell of its own.
func (s *state) pipe(c *syntax.BinaryCmd) flow {
	left := s.sub()
	caught := &sink{to: toCapture}
	left.streams.out = caught
	if c.Op == syntax.PipeAll {
		left.streams.err = caught
	}
	if f := left.stmt(c.X); f.kind == stays {
		return f
	}
	codes := left.pipeCodes(c.X)
	right := s.sub()
	right.streams.in = &input{rest: caught.got}
	right.status = 0
	if f := right.stmt(c.Y); f.kind == stays {
		return f
	}
	codes = append(codes, text(strconv.Itoa(right.status)))
	s.status = right.status
	if s.pipefail && s.status == 0 {
		s.status = left.status
	}
	s.vars["PIPESTATUS"] = variable{list: codes, array: true, value: codes[0]}
	return onward
}

// pipeCodes are the exit codes of the programs on the left of a pipe.
func (s *state) pipeCodes(st *syntax.Stmt) []value {
	if b, ok := st.Cmd.(*syntax.BinaryCmd); ok && (b.Op == syntax.Pipe || b.Op == syntax.PipeAll) {
		return slices.Clone(s.vars["PIPESTATUS"].list)
	}
	return []value{text(strconv.Itoa(s.status))}
}

// background runs a command at once, and keeps its exit code for wait.
func (s *state) background(st *syntax.Stmt) flow {
	c := s.sub()
	one := *st
	one.Background = false
	before := len(s.w.events)
	began := s.w.clock
	f := c.stmt(&one)
	c.leave()
	if f.kind == stays && slices.ContainsFunc(s.w.events[before:], func(e *event) bool { return e.readsStatus() || e.waits() }) {
		return f
	}
	pid := strconv.Itoa(4000 + len(s.w.jobs))
	s.w.jobs[pid] = c.status
	s.w.clock = max(began, s.w.clock)
	s.pid, s.status = pid, 0
	return onward
}

func (s *state) ifClause(c *syntax.IfClause) flow {
	if len(c.Cond) == 0 { // else
		return s.stmts(c.Then)
	}
	s.asking++
	f := s.condition(c.Cond)
	s.asking--
	switch {
	case f.kind != goesOn:
		return f
	case s.status == 0:
		return s.stmts(c.Then)
	case c.Else != nil:
		return s.ifClause(c.Else)
	}
	s.status = 0
	return onward
}

// condition runs commands whose failure is an answer.
func (s *state) condition(list []*syntax.Stmt) flow {
	s.checked++
	f := s.stmts(list)
	s.checked--
	return f
}

func (s *state) caseClause(c *syntax.CaseClause) flow {
	subject := s.word(c.Word)
	for i, item := range c.Items {
		if !slices.ContainsFunc(item.Patterns, func(p *syntax.Word) bool { return s.matches(subject, p, p) }) {
			continue
		}
		f := s.stmts(item.Stmts)
		for f.kind == goesOn && item.Op == syntax.Fallthrough && i+1 < len(c.Items) {
			i++
			item = c.Items[i]
			f = s.stmts(item.Stmts)
		}
		return f
	}
	s.status = 0
	return onward
}
