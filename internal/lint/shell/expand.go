package shell

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/pattern"
	"mvdan.cc/sh/v3/syntax"
)

// word is a word as one text, as in an assignment or between quotes.
func (s *state) word(w *syntax.Word) value {
	if w == nil {
		return value{}
	}
	var v value
	for _, part := range w.Parts {
		v = cat(v, s.part(part, false))
	}
	s.w.pay(len(v.s))
	return v
}

// fields are words as arguments of a command: what is not quoted is split, and lists are spread.
func (s *state) fields(words []*syntax.Word) []value {
	var list []value
	for _, w := range words {
		for _, braced := range braces(w) {
			list = append(list, s.split(braced)...)
			if s.w.steps++; len(list) > maxFields || s.w.steps > maxSteps {
				s.w.spent = true
				return list[:min(len(list), maxFields)]
			}
		}
	}
	return list
}

// maxFields bounds the words of one command.
const maxFields = 4096

// split makes one word the fields that it stands for.
func (s *state) split(w *syntax.Word) []value {
	var list []value
	var last value
	open := false // last is a field that goes on
	put := func(vs []value) {
		for i, v := range vs {
			if i > 0 || !open {
				if open {
					list = append(list, last)
				}
				last, open = v, true
				continue
			}
			last = cat(last, v)
		}
	}
	for _, part := range w.Parts {
		switch p := part.(type) {
		case *syntax.DblQuoted:
			if spread, ok := s.spread(p); ok {
				put(spread)
				continue
			}
			put([]value{s.part(p, false)})
		case *syntax.ParamExp, *syntax.CmdSubst:
			v := s.part(p, false)
			s.w.pay(4 * len(v.s))
			fields := v.fields()
			if at := strings.IndexAny(v.s, " \t\n"); at == 0 && open {
				list, open = append(list, last), false
			}
			put(fields)
		default:
			put([]value{s.part(p, false)})
		}
	}
	if open {
		list = append(list, last)
	}
	return list
}

// spread is "$@" and "${list[@]}", alone between quotes.
func (s *state) spread(q *syntax.DblQuoted) ([]value, bool) {
	if len(q.Parts) != 1 {
		return nil, false
	}
	p, ok := q.Parts[0].(*syntax.ParamExp)
	if !ok || p.Param == nil || p.Length {
		return nil, false
	}
	if p.Param.Value == "@" {
		return s.slice(s.args, p, 1), true
	}
	if all(p.Index) == "@" {
		if p.Excl {
			return s.indices(p.Param.Value), true
		}
		return s.slice(s.vars[p.Param.Value].list, p, 0), true
	}
	return nil, false
}

// slice takes ${list[@]:1} apart.
func (s *state) slice(list []value, p *syntax.ParamExp, base int) []value {
	if p.Slice == nil {
		return list
	}
	n, ok := s.arithm(p.Slice.Offset)
	if !ok {
		return list
	}
	return list[max(0, min(n-base, len(list))):]
}

// all is the @ or * of ${list[@]}.
func all(x syntax.ArithmExpr) string {
	if w, ok := x.(*syntax.Word); ok {
		if lit := w.Lit(); lit == "@" || lit == "*" {
			return lit
		}
	}
	return ""
}

func (s *state) indices(name string) []value {
	v := s.vars[name]
	var list []value
	for i := range v.list {
		if v.keys != nil {
			list = append(list, text(v.keys[i]))
		} else {
			list = append(list, text(strconv.Itoa(i)))
		}
	}
	return list
}

// braces is {1..30} and {a,b}, as words of their own.
func braces(w *syntax.Word) []*syntax.Word {
	if !slices.ContainsFunc(w.Parts, func(p syntax.WordPart) bool {
		lit, ok := p.(*syntax.Lit)
		return ok && strings.Contains(lit.Value, "{")
	}) {
		return []*syntax.Word{w}
	}
	lit := w.Lit()
	if m := sequence.FindStringSubmatch(lit); m != nil {
		from, _ := strconv.Atoi(m[1])
		to, _ := strconv.Atoi(m[2])
		step := 1
		if m[3] != "" {
			step, _ = strconv.Atoi(m[3])
		}
		var list []*syntax.Word
		for _, n := range count(from, to, max(1, step)) {
			list = append(list, &syntax.Word{Parts: []syntax.WordPart{&syntax.Lit{ValuePos: w.Pos(), ValueEnd: w.End(), Value: strconv.Itoa(n)}}})
		}
		return list
	}
	return []*syntax.Word{w}
}

var sequence = regexp.MustCompile(`^\{(-?\d{1,9})\.\.(-?\d{1,9})(?:\.\.(\d{1,9}))?\}$`)

// count is the numbers from one to another, of which there are not too many.
func count(from, to, step int) []int {
	var list []int
	if step == 0 {
		return nil
	}
	if from > to && step > 0 {
		step = -step
	}
	for n := from; (step > 0 && n <= to || step < 0 && n >= to) && len(list) < maxFields; n += step {
		list = append(list, n)
	}
	return list
}

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
		if w, ok := x.(*syntax.Word); ok {
			return slices.Index(held.keys, s.word(w).s)
		}
		return -1
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

// cut is ${name:offset:length}.
func (s *state) cut(v value, p *syntax.Slice) value {
	from, ok := s.arithm(p.Offset)
	if !ok || !v.known() {
		return opaque("part of "+v.s, v.from...)
	}
	if from < 0 {
		from += len(v.s)
	}
	from = max(0, min(from, len(v.s)))
	end := len(v.s)
	if p.Length != nil {
		if n, ok := s.arithm(p.Length); ok && n >= 0 {
			end = min(end, from+n)
		}
	}
	v.s = v.s[from:end]
	return v
}

// replace is ${name/x/y}.
func (s *state) replace(v value, p *syntax.Replace) value {
	orig, with := s.word(p.Orig), s.word(p.With)
	if !v.known() || !orig.known() || strings.ContainsAny(orig.s, `*?[\`) {
		return opaque("changed "+v.s, v.from...).with(with.from)
	}
	n := 1
	if p.All {
		n = -1
	}
	if orig.s != "" {
		v.s = strings.Replace(v.s, orig.s, with.s, n)
	}
	return v.with(with.from)
}

// expansion is ${name:-default}, ${name%suffix} and their like.
func (s *state) expansion(name string, v value, set bool, e *syntax.Expansion) value {
	has := set
	switch e.Op {
	case syntax.DefaultUnsetOrNull, syntax.AlternateUnsetOrNull, syntax.AssignUnsetOrNull, syntax.ErrorUnsetOrNull:
		has = set && v.s != ""
	}
	switch e.Op {
	case syntax.DefaultUnset, syntax.DefaultUnsetOrNull:
		if has {
			return v
		}
		return s.word(e.Word)
	case syntax.AlternateUnset, syntax.AlternateUnsetOrNull:
		if !has {
			return value{}
		}
		return s.word(e.Word)
	case syntax.AssignUnset, syntax.AssignUnsetOrNull:
		if !has {
			v = s.word(e.Word)
			s.set(name, v)
		}
		return v
	case syntax.ErrorUnset, syntax.ErrorUnsetOrNull:
		return v // given by who starts it
	case syntax.UpperAll, syntax.LowerAll:
		if v.known() && e.Op == syntax.UpperAll {
			v.s = strings.ToUpper(v.s)
		} else if v.known() {
			v.s = strings.ToLower(v.s)
		}
		return v
	}
	return s.trim(v, e)
}

// trim takes a prefix or suffix away that has a form.
func (s *state) trim(v value, e *syntax.Expansion) value {
	s.w.pay(len(v.s) * 16)
	form := s.word(e.Word)
	mode := pattern.Mode(0)
	if e.Op == syntax.RemSmallPrefix || e.Op == syntax.RemSmallSuffix {
		mode |= pattern.Shortest
	}
	expr, err := pattern.Regexp(form.s, mode)
	if err != nil || !v.known() || !form.known() || len(v.s) > 4096 {
		return opaque("part of "+v.s, v.from...)
	}
	switch e.Op {
	case syntax.RemSmallPrefix, syntax.RemLargePrefix:
		if re, err := regexp.Compile("^(?:" + expr + ")"); err == nil {
			v.s = strings.TrimPrefix(v.s, re.FindString(v.s))
		}
		return v
	case syntax.RemSmallSuffix, syntax.RemLargeSuffix:
		return s.suffix(v, expr, e.Op == syntax.RemSmallSuffix)
	}
	return opaque("part of "+v.s, v.from...)
}

// suffix takes the shortest or longest end away that has the form.
func (s *state) suffix(v value, expr string, shortest bool) value {
	re, err := regexp.Compile("^(?:" + strings.TrimPrefix(expr, "(?U)") + ")$")
	if err != nil {
		return opaque("part of "+v.s, v.from...)
	}
	for i := range len(v.s) + 1 {
		at := i
		if shortest {
			at = len(v.s) - i
		}
		if re.MatchString(v.s[at:]) {
			v.s = v.s[:at]
			return v
		}
	}
	return v
}
