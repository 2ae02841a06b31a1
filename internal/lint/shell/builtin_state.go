package shell

import (
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// set changes options, or the arguments.
func set(s *state, _ *syntax.CallExpr, args []value) flow {
	s.status = 0
	for i := 1; i < len(args); i++ {
		w := args[i].s
		switch {
		case w == "--":
			s.args = args[i+1:]
			return onward
		case strings.HasPrefix(w, "-") || strings.HasPrefix(w, "+"):
			on := w[0] == '-'
			if strings.Contains(w, "e") {
				s.errexit = on
			}
			if strings.HasSuffix(w, "o") && i+1 < len(args) {
				i++
				s.option(args[i].s, on)
			}
		}
	}
	return onward
}

func (s *state) option(name string, on bool) {
	switch name {
	case "errexit":
		s.errexit = on
	case "pipefail":
		s.pipefail = on
	}
}

func shift(s *state, _ *syntax.CallExpr, args []value) flow {
	n := 1
	if len(args) > 1 {
		n, _ = strconv.Atoi(args[1].s)
	}
	s.status = boolCode(n <= len(s.args) || s.given)
	s.args = s.args[min(max(n, 0), len(s.args)):]
	return onward
}

func trap(s *state, _ *syntax.CallExpr, args []value) flow {
	s.status = 0
	if len(args) < 3 {
		return onward
	}
	if s.traps == nil {
		s.traps = map[string]string{}
	}
	for _, signal := range args[2:] {
		name := strings.TrimPrefix(strings.ToUpper(signal.s), "SIG")
		if name == "0" {
			name = "EXIT"
		}
		switch {
		case args[1].s == "-":
			delete(s.traps, name)
		case name == "EXIT" || name == "ERR":
			s.traps[name] = args[1].s
		}
		if name != "ERR" && args[1].s != "-" {
			s.w.interrupts = append(s.w.interrupts, args[1].s)
			if f, ok := s.funcs[args[1].s]; ok {
				s.w.interrupts = append(s.w.interrupts, printed(f.body))
			}
		}
	}
	return onward
}

// printed is a command as text.
func printed(st *syntax.Stmt) string {
	var b strings.Builder
	if syntax.NewPrinter().Print(&b, st) != nil {
		return ""
	}
	return b.String()
}

// wait gives the code of a job that it names; of all together it is 0.
func wait(s *state, _ *syntax.CallExpr, args []value) flow {
	s.status = 0
	for _, a := range args[1:] {
		if code, ok := s.w.jobs[a.s]; ok {
			s.status = code
		} else if a.s == "-n" {
			for _, code := range s.w.jobs {
				s.status = max(s.status, code)
			}
		}
	}
	return onward
}

func jobs(s *state, c *syntax.CallExpr, _ []value) flow {
	var list []string
	for pid := range s.w.jobs {
		list = append(list, pid)
	}
	slices.Sort(list)
	s.status = 0
	for _, pid := range list {
		s.print(text(pid+"\n"), s.source.at(c))
	}
	return onward
}

func eval(s *state, c *syntax.CallExpr, args []value) flow {
	v := joined(args[1:])
	at := s.source.at(c)
	s.status = 0
	if !v.known() || s.depth > maxShells {
		return onward
	}
	source := s.w.texts.parse("eval\x00"+at.file, v.s, syntax.LangBash, source{name: at.file, script: at.script, fixed: &at})
	if source == nil {
		s.status = 1
		return onward
	}
	old := s.source
	s.source = source
	s.depth++
	f := s.stmts(source.file.Stmts)
	s.depth--
	s.source = old
	return f
}

// include runs a file in this shell.
func include(s *state, c *syntax.CallExpr, args []value) flow {
	s.status = 0
	if len(args) < 2 || s.depth > maxShells {
		return onward
	}
	content, ok := s.w.sequence.read(args[1].s)
	if !ok {
		return s.anything(c, args)
	}
	source := s.w.texts.parse("source\x00"+args[1].s+"\x00"+strconv.Itoa(s.source.script), content, syntax.LangBash, source{name: strings.TrimPrefix(args[1].s, "./"), script: s.source.script})
	if source == nil {
		s.status = 1
		return onward
	}
	old, oldArgs := s.source, s.args
	s.source = source
	if len(args) > 2 {
		s.args = args[2:]
	}
	s.depth++
	f := s.stmts(source.file.Stmts)
	s.depth--
	s.source, s.args = old, oldArgs
	if f.kind == returns {
		return onward
	}
	return f
}

// read takes a line. What is not known is one line.
func read(s *state, _ *syntax.CallExpr, args []value) flow {
	var names []string
	list := ""
	for i := 1; i < len(args); i++ {
		switch a := args[i].s; {
		case a == "-a":
			i++
			if i < len(args) {
				list = args[i].s
			}
		case strings.HasPrefix(a, "-"):
			if slices.Contains([]string{"-p", "-d", "-t", "-n", "-u", "-N"}, a) {
				i++
			}
		default:
			names = append(names, a)
		}
	}
	line, ok := s.line()
	s.status = boolCode(ok)
	if list != "" {
		s.keep(list, variable{array: true, list: line.fields()})
		return onward
	}
	if len(names) == 0 {
		names = []string{"REPLY"}
	}
	fields := line.fields()
	for i, name := range names {
		switch {
		case !isName(name):
		case len(names) == 1:
			s.set(name, line)
		case i == len(names)-1:
			s.set(name, joined(fields[min(i, len(fields)):]))
		case i < len(fields):
			s.set(name, fields[i])
		default:
			s.set(name, value{})
		}
	}
	return onward
}

// line takes one line off the input.
func (s *state) line() (value, bool) {
	in := s.streams.in
	if in == nil || in.rest.s == "" {
		return value{}, false
	}
	lines := splitOutside(in.rest.s, func(b byte) bool { return b == '\n' })
	v := value{s: lines[0], from: in.rest.from}
	in.rest.s = strings.TrimPrefix(in.rest.s[len(lines[0]):], "\n")
	return v, true
}

func mapfile(s *state, _ *syntax.CallExpr, args []value) flow {
	s.status = 0
	name := args[len(args)-1].s
	if isName(name) && len(args) > 1 {
		s.keep(name, variable{array: true, list: s.readAll().lines()})
	}
	return onward
}

func unset(s *state, _ *syntax.CallExpr, args []value) flow {
	s.status = 0
	for _, a := range args[1:] {
		if isName(a.s) {
			s.vars[a.s] = variable{}
		}
	}
	return onward
}

// declareWords is export and its like where the parser takes them for any command.
func declareWords(s *state, _ *syntax.CallExpr, args []value) flow {
	for _, a := range args[1:] {
		name, rest, ok := strings.Cut(a.s, "=")
		if !isName(name) {
			continue
		}
		if args[0].s == "local" {
			s.local(name)
		}
		if ok {
			s.set(name, value{s: rest, from: a.from})
		}
	}
	s.status = 0
	return onward
}

// execute is exec: redirections that stay, or a command in the place of the shell.
func execute(s *state, c *syntax.CallExpr, args []value) flow {
	s.status = 0
	if len(args) < 2 {
		return onward
	}
	if f := s.program(c, args[1:]); f.kind == stays {
		return f
	}
	return flow{kind: exits}
}

// commandOf is command: with -v it asks whether there is one.
func commandOf(s *state, c *syntax.CallExpr, args []value) flow {
	if len(args) > 1 && strings.HasPrefix(args[1].s, "-") {
		return known(s, c, args)
	}
	if len(args) < 2 {
		return onward
	}
	return s.program(c, args[1:])
}

// known asks whether there is a program. The usual ones are there.
func known(s *state, _ *syntax.CallExpr, _ []value) flow {
	s.status = 0
	return onward
}
