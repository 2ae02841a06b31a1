package shell

import (
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// part is one part of a word as text.
func (s *state) part(part syntax.WordPart, quoted bool) value {
	switch p := part.(type) {
	case *syntax.Lit:
		return s.literal(unquote(p.Value, quoted))
	case *syntax.SglQuoted:
		if p.Dollar {
			return s.literal(escapes(p.Value))
		}
		return s.literal(p.Value)
	case *syntax.DblQuoted:
		var v value
		for _, inner := range p.Parts {
			v = cat(v, s.part(inner, true))
		}
		return v
	case *syntax.ParamExp:
		return s.param(p)
	case *syntax.CmdSubst:
		return s.substitute(p)
	case *syntax.ArithmExp:
		if n, ok := s.arithm(p.X); ok {
			return text(strconv.Itoa(n))
		}
		return opaque("arithmetic")
	case *syntax.ProcSubst:
		return s.process(p)
	case *syntax.ExtGlob:
		return text(p.Op.String() + p.Pattern.Value + ")")
	}
	return opaque("?")
}

// unquote takes backslashes away, as they count between quotes or outside.
func unquote(text string, quoted bool) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		next := text[i+1]
		if quoted && !strings.ContainsRune("$`\"\\\n", rune(next)) {
			b.WriteByte('\\')
			continue
		}
		if next != '\n' {
			b.WriteByte(next)
		}
		i++
	}
	return b.String()
}

// escapes are those of $'…' that scripts use.
func escapes(text string) string {
	return strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\t`, "\t", `\'`, "'", `\"`, `"`, `\r`, "\r").Replace(text)
}

// literal is written text, with GitHub's expressions filled in.
func (s *state) literal(written string) value {
	if len(s.source.es) == 0 {
		return text(written)
	}
	var v value
	s.source.es.split(written, func(t string) { v = cat(v, text(t)) }, func(e string) { v = cat(v, s.w.expression(e, s.source.script)) })
	return v
}

// substitute is $(…): what the commands print. Its shell has no errexit, but where it is dash.
func (s *state) substitute(p *syntax.CmdSubst) value {
	if s.depth > maxShells {
		s.w.spent = true
		return value{}
	}
	if len(p.Stmts) == 1 && p.Stmts[0].Cmd == nil && len(p.Stmts[0].Redirs) == 1 && p.Stmts[0].Redirs[0].Op == syntax.RdrIn { // $(<file)
		s.status = 0
		return s.w.content(s.word(p.Stmts[0].Redirs[0].Word)).trimmed()
	}
	c := s.sub()
	c.errexit = s.errexit && s.posix
	caught := &sink{to: toCapture}
	c.streams.out = caught
	f := c.stmts(p.Stmts)
	if f.kind != stays {
		c.leave()
	}
	s.status = c.status
	return caught.got.trimmed()
}

// process is <(…) and >(…): a file with what the commands print.
func (s *state) process(p *syntax.ProcSubst) value {
	c := s.sub()
	got := c.capture(func() { c.stmts(p.Stmts) })
	name := "/dev/fd/" + strconv.Itoa(int(p.OpPos.Offset()))
	s.w.files[name] = got
	return text(name)
}

// param is $name and its longer forms.
func (s *state) param(p *syntax.ParamExp) value {
	if p.Param == nil {
		return opaque("?")
	}
	name := p.Param.Value
	v, set := s.lookup(name, p.Index)
	switch {
	case p.Length && all(p.Index) != "":
		return text(strconv.Itoa(len(s.vars[name].list)))
	case p.Length:
		if !v.known() {
			return opaque("length of " + name)
		}
		return text(strconv.Itoa(len(v.s)))
	case p.Excl && all(p.Index) != "":
		return joined(s.indices(name))
	case p.Excl:
		if v.known() && isName(v.s) {
			v, _ = s.lookup(v.s, nil)
			return v
		}
		return opaque("!" + name)
	case p.Slice != nil:
		return s.cut(v, p.Slice)
	case p.Repl != nil:
		return s.replace(v, p.Repl)
	case p.Exp != nil:
		return s.expansion(name, v, set, p.Exp)
	}
	return v
}

// lookup is the value of a variable, and whether it has one. What no script sets may come from the environment.
func (s *state) lookup(name string, index syntax.ArithmExpr) (value, bool) {
	if v, ok := s.special(name); ok {
		return v, true
	}
	held, ok := s.vars[name]
	if !ok {
		v, given := s.w.environment(name, s.source.script)
		return v, given
	}
	switch at := all(index); {
	case at != "":
		return joined(held.list), true
	case index == nil && held.array:
		if len(held.list) == 0 {
			return value{}, false
		}
		return held.list[0], true
	case index != nil:
		if i := s.index(held, index); i >= 0 && i < len(held.list) {
			return held.list[i], true
		}
		if !held.array {
			return held.value, true
		}
		return value{}, false
	}
	return held.value, true
}

// index finds an element.
func (s *state) index(held variable, x syntax.ArithmExpr) int {
	if held.keys != nil {
		return slices.Index(held.keys, s.key(x))
	}
	n, ok := s.arithm(x)
	if !ok {
		return 0
	}
	if n < 0 {
		n += len(held.list)
	}
	return n
}

// special are the parameters that the shell itself keeps.
func (s *state) special(name string) (value, bool) {
	switch name {
	case "?":
		return text(strconv.Itoa(s.status)), true
	case "#":
		if s.given {
			return opaque("$#"), true
		}
		return text(strconv.Itoa(len(s.args))), true
	case "@", "*":
		return joined(s.args), true
	case "0":
		return text(s.name), true
	case "!":
		return text(s.pid), true
	case "$", "BASHPID":
		return text("3999"), true
	case "SECONDS":
		if held, ok := s.vars["SECONDS"]; ok { // SECONDS=0 begins to count anew
			return s.w.since(held.value), true
		}
		return s.w.since(text("0")), true
	case "RANDOM", "EPOCHREALTIME":
		return opaque(name), true
	case "EPOCHSECONDS":
		return text(strconv.Itoa(s.w.now())), true
	}
	if n, err := strconv.Atoi(name); err == nil && n > 0 {
		if n <= len(s.args) {
			return s.args[n-1], true
		}
		if s.given {
			return opaque("$" + name), true
		}
		return value{}, true
	}
	return value{}, false
}

func joined(list []value) value {
	var v value
	for i, one := range list {
		if i > 0 {
			v = cat(v, text(" "))
		}
		v = cat(v, one)
	}
	return v
}
