package shell

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"mvdan.cc/sh/v3/syntax"
)

// call runs a simple command.
func (s *state) call(c *syntax.CallExpr) flow {
	if len(c.Args) == 0 {
		s.status = 0
		for _, a := range c.Assigns {
			s.assignment(a)
		}
		return onward
	}
	before := s.status
	s.status = 0
	args := s.fields(c.Args)
	for _, a := range c.Assigns { // for the command alone
		s.environmentOf(a)
	}
	s.status = before
	if len(args) == 0 {
		s.status = 0
		return onward
	}
	return s.invoke(c, args)
}

// environmentOf sees what a command gets in its environment.
func (s *state) environmentOf(a *syntax.Assign) {
	if a.Value != nil {
		s.word(a.Value)
	}
}

// assignment is name=value, name+=value, name[i]=value or name=(list). Its exit code is that of the last $(…) in it.
func (s *state) assignment(a *syntax.Assign) {
	if a.Name == nil {
		return
	}
	name := a.Name.Value
	held := s.vars[name]
	switch {
	case a.Array != nil:
		s.array(name, a)
	case a.Value == nil && a.Naked:
	case a.Index != nil:
		s.element(name, a)
	default:
		v := s.word(a.Value)
		if a.Append && !held.array {
			v = cat(held.value, v)
		}
		if name == "SECONDS" {
			if n, err := strconv.Atoi(v.s); err == nil {
				v = text(strconv.Itoa(n - int(s.w.clock/time.Second)))
			}
		}
		s.set(name, v)
	}
}

// array is name=(a b) and name+=(c).
func (s *state) array(name string, a *syntax.Assign) {
	held := variable{array: true}
	if old := s.vars[name]; a.Append || old.keys != nil {
		held.keys = slices.Clone(old.keys)
		if a.Append {
			held.list = slices.Clone(old.list)
		} else if old.keys != nil {
			held.keys = []string{}
		}
	}
	var words []value
	for _, e := range a.Array.Elems {
		if held.keys != nil && e.Index != nil {
			held.put(s.key(e.Index), s.word(e.Value))
		} else if e.Value != nil {
			words = append(words, s.fields([]*syntax.Word{e.Value})...)
		}
	}
	if held.keys == nil {
		held.list = append(held.list, words...)
	} else {
		held.pairs(words)
	}
	s.keep(name, held)
}

// put gives a key of an associative array its value.
func (v *variable) put(key string, val value) {
	if i := slices.Index(v.keys, key); i >= 0 {
		v.list[i] = val
		return
	}
	v.keys, v.list = append(v.keys, key), append(v.list, val)
}

// pairs are the words of an associative array without [key]=: a key, its value, the next key.
func (v *variable) pairs(words []value) {
	for pair := range slices.Chunk(words, 2) {
		val := value{}
		if len(pair) == 2 {
			val = pair[1]
		}
		v.put(pair[0].s, val)
	}
}

// key is the text between the brackets of an associative array: the parser takes web-1 for a subtraction.
func (s *state) key(x syntax.ArithmExpr) string {
	switch x := x.(type) {
	case *syntax.Word:
		return s.word(x).s
	case *syntax.BinaryArithm:
		return s.key(x.X) + x.Op.String() + s.key(x.Y)
	case *syntax.UnaryArithm:
		if x.Post {
			return s.key(x.X) + x.Op.String()
		}
		return x.Op.String() + s.key(x.X)
	case *syntax.ParenArithm:
		return "(" + s.key(x.X) + ")"
	default:
		return ""
	}
}

// element is name[i]=value.
func (s *state) element(name string, a *syntax.Assign) {
	held := s.vars[name]
	held.list, held.array = slices.Clone(held.list), true
	v := s.word(a.Value)
	if held.keys != nil {
		held.keys = slices.Clone(held.keys)
		held.put(s.key(a.Index), v)
		s.keep(name, held)
		return
	}
	i, ok := s.arithm(a.Index)
	if !ok || i < 0 || i > maxFields {
		i = len(held.list)
	}
	for len(held.list) <= i {
		held.list = append(held.list, value{})
	}
	held.list[i] = v
	s.keep(name, held)
}

func (s *state) keep(name string, v variable) {
	if len(v.list) > maxFields {
		s.w.spent = true
		return
	}
	s.vars[name] = v
}

// declare is local, export, declare and readonly: their exit code is 0, whatever a $(…) in them did.
func (s *state) declare(c *syntax.DeclClause) flow {
	assoc := false
	for _, a := range c.Args {
		if a.Name == nil {
			if a.Value != nil {
				assoc = assoc || strings.HasPrefix(a.Value.Lit(), "-") && strings.Contains(a.Value.Lit(), "A")
			}
			continue
		}
		if c.Variant.Value == "local" || (c.Variant.Value == "declare" || c.Variant.Value == "typeset") && len(s.saved) > 0 {
			s.local(a.Name.Value)
			if a.Naked && a.Value == nil {
				s.vars[a.Name.Value] = variable{}
			}
		}
		if assoc {
			s.vars[a.Name.Value] = variable{array: true, keys: []string{}}
		}
		s.assignment(a)
	}
	s.status = 0
	return onward
}

// invoke finds out what a command is: a function, one of the shell's own, the AWS CLI, a script, or anything else.
func (s *state) invoke(c *syntax.CallExpr, args []value) flow {
	name := args[0].s
	if f, ok := s.funcs[name]; ok {
		return s.function(f, c, args)
	}
	return s.program(c, args)
}

// program runs a command that is no function.
func (s *state) program(c *syntax.CallExpr, args []value) flow {
	name := args[0].s
	if run, ok := builtins[name]; ok {
		return run(s, c, args)
	}
	if stripped := s.unwrapped(args); len(stripped) < len(args) {
		return s.wrapped(c, args, stripped)
	}
	base := path.Base(name)
	if run, ok := tools[base]; ok {
		return run(s, c, args)
	}
	if slices.Contains(shells, base) {
		return s.startShell(c, args)
	}
	if f, ok := s.startFile(name, args, c); ok {
		return f
	}
	return s.anything(c, args)
}

// unwrapped drops sudo, env, timeout and their like from the front.
func (s *state) unwrapped(args []value) []value {
	words := make([]Word, len(args))
	for i, a := range args {
		words[i] = Word{Text: a.s, Whole: a.known(), Written: a.s}
	}
	rest := withoutPrefix(words)
	if len(rest) > 0 && len(rest) < len(args) && rest[len(rest)-1].Written == words[len(words)-1].Written {
		return args[len(args)-len(rest):]
	}
	return args
}

// wrapped runs what another command starts. timeout ends it with 124.
func (s *state) wrapped(c *syntax.CallExpr, args, rest []value) flow {
	if path.Base(args[0].s) == "xargs" {
		return s.xargs(c, args, rest)
	}
	if s.depth > maxShells {
		s.w.spent = true
		return onward
	}
	began := s.w.clock
	child := s.sub()
	f := child.program(c, rest)
	s.status = child.status
	if path.Base(args[0].s) != "timeout" {
		if f.kind == stays {
			return f
		}
		return onward
	}
	limit, ok := duration(args, rest)
	if f.kind == stays || ok && s.w.clock-began > limit {
		s.w.never, s.w.clock = nil, began+limit
		s.status = 124
	}
	return onward
}

// duration is the limit of timeout.
func duration(args, rest []value) (time.Duration, bool) {
	if i := len(args) - len(rest) - 1; i > 0 {
		return seconds(args[i].s)
	}
	return 0, false
}

// seconds reads 30, 30s, 5m, 1h, 0.5.
func seconds(t string) (time.Duration, bool) {
	unit := time.Second
	for suffix, u := range map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour} {
		if cut, ok := strings.CutSuffix(t, suffix); ok {
			t, unit = cut, u
			break
		}
	}
	n, err := strconv.ParseFloat(t, 64)
	if err != nil || n < 0 || n > 1e7 {
		return 0, false
	}
	return time.Duration(n * float64(unit)), true
}

// xargs runs a command with the lines of its input.
func (s *state) xargs(c *syntax.CallExpr, args, rest []value) flow {
	mark := ""
	for i, a := range args[:len(args)-len(rest)] {
		if a.s == "-I" && i+1 < len(args) {
			mark = args[i+1].s
		} else if m, ok := strings.CutPrefix(a.s, "-I"); ok {
			mark = m
		}
	}
	in := s.readAll()
	lists := [][]value{in.fields()}
	if mark != "" {
		lists = nil
		for _, l := range in.lines() {
			lists = append(lists, []value{l})
		}
	}
	code := 0
	for _, list := range lists[:min(len(lists), 20)] {
		call := slices.Clone(rest)
		if mark != "" {
			for i, a := range call {
				if !list[0].known() && slices.Contains(shells, path.Base(rest[0].s)) {
					break // sh -c '… {} …': what the text does can be read with the mark in it
				}
				call[i] = value{s: strings.ReplaceAll(a.s, mark, list[0].s), from: a.from}.with(list[0].from)
			}
		} else {
			call = append(call, list...)
		}
		child := s.sub()
		if f := child.program(c, call); f.kind == stays {
			return f
		}
		if child.status != 0 {
			code = 123
		}
	}
	s.status = code
	return onward
}
