package shell

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// grep looks for a text or an expression.
func grep(s *state, c *syntax.CallExpr, args []value) flow {
	flags, form, files := "", value{}, []value{}
	has := false
	for i := 1; i < len(args); i++ {
		a := args[i]
		switch {
		case a.s == "-e" && i+1 < len(args):
			i++
			form, has = args[i], true
		case strings.HasPrefix(a.s, "--"):
			flags += long[a.s]
		case strings.HasPrefix(a.s, "-") && len(a.s) > 1:
			flags += a.s[1:]
		case !has:
			form, has = a, true
		default:
			files = append(files, a)
		}
	}
	var in value
	if len(files) == 0 {
		in = s.readAll()
	}
	for _, f := range files {
		in = cat(in, s.w.content(f))
	}
	s.looksFor(in, form, c)
	if args[0].s == "fgrep" {
		flags += "F"
	}
	s.grep(c, in, form, flags)
	return onward
}

var long = map[string]string{"--quiet": "q", "--silent": "q", "--fixed-strings": "F", "--extended-regexp": "E", "--ignore-case": "i", "--invert-match": "v", "--count": "c", "--only-matching": "o", "--word-regexp": "w", "--line-regexp": "x"}

// looksFor notes what a status is looked through for.
func (s *state) looksFor(in, form value, c *syntax.CallExpr) {
	for _, word := range strings.FieldsFunc(form.s, func(r rune) bool { return strings.ContainsRune(`^$()|\`, r) }) {
		s.note(in, text(word), c)
	}
}

func (s *state) grep(c *syntax.CallExpr, in, form value, flags string) {
	expr := form.s
	switch {
	case strings.Contains(flags, "F"):
		expr = regexp.QuoteMeta(expr)
	case !strings.ContainsAny(flags, "EP"):
		expr = basic(expr)
	}
	if strings.Contains(flags, "i") {
		expr = "(?i)" + expr
	}
	if strings.Contains(flags, "w") {
		expr = `\b(?:` + expr + `)\b`
	}
	if strings.Contains(flags, "x") {
		expr = `^(?:` + expr + `)$`
	}
	s.w.pay(16 * (len(expr) + len(in.s)))
	re, err := regexp.Compile(expr)
	if err != nil || len(expr) > 1000 || !form.known() {
		s.status = boolCode(s.w.decide(c))
		s.found(c, opaque("grep", in.from...), flags)
		return
	}
	out := value{from: in.from}
	matched := false
	for _, l := range in.lines() {
		hit := re.MatchString(l.s)
		if !hit && !l.known() && !l.hasNoOther(form.s) {
			hit = s.w.decide(c)
		}
		if hit == strings.Contains(flags, "v") {
			continue
		}
		matched = true
		if strings.Contains(flags, "o") {
			l.s = re.FindString(l.s)
		}
		out = cat(out, cat(l, text("\n")))
	}
	s.status = boolCode(matched)
	s.found(c, out, flags)
}

// found prints what grep found.
func (s *state) found(c *syntax.CallExpr, out value, flags string) {
	switch {
	case strings.Contains(flags, "q"):
	case strings.Contains(flags, "c"):
		s.print(value{s: strconv.Itoa(len(out.lines())) + "\n", from: out.from}, s.source.at(c))
	default:
		s.print(out, s.source.at(c))
	}
}

// basic makes a basic regular expression an extended one.
func basic(e string) string {
	return strings.NewReplacer(`\|`, "|", `\(`, "(", `\)`, ")", "(", `\(`, ")", `\)`, "|", `\|`, `\+`, "+", `\?`, "?").Replace(e)
}

// tr knows how to change case and to delete; anything else gives what is not known.
func tr(s *state, c *syntax.CallExpr, args []value) flow {
	s.status = 0
	v := s.readAll()
	operands := operandsOf(args[1:])
	deletes := len(operands) < len(args)-1
	set := ""
	if len(operands) > 0 {
		set = escapes(operands[0].s)
	}
	switch {
	case deletes && strings.IndexFunc(set, func(r rune) bool { return r == '[' || r == '-' }) < 0:
		v.s = strings.Map(func(r rune) rune {
			if strings.ContainsRune(set, r) {
				return -1
			}
			return r
		}, v.s)
	case !deletes && len(operands) == 2 && len(set) == 1 && len(escapes(operands[1].s)) == 1:
		v.s = strings.ReplaceAll(v.s, set, escapes(operands[1].s))
	case deletes && operands != nil && operands[0].s == "[:space:]":
		v.s = strings.Join(strings.Fields(v.s), "")
	default:
		v = changed(v, "tr")
	}
	s.print(v, s.source.at(c))
	return onward
}

// changed is a text of which only is known where it is from. Nothing stays nothing.
func changed(v value, by string) value {
	if v.s == "" {
		return v
	}
	return cat(opaque(by+" "+v.s, v.from...), text("\n"))
}

// through changes each line in a way that is not followed, but for the usual ways to one word of a line.
func through(s *state, c *syntax.CallExpr, args []value) flow {
	s.status = 0
	in := s.readAll()
	name := path.Base(args[0].s)
	if in.s == "" && name != "awk" && len(operandsOf(args[1:])) > 0 && name != "sed" && name != "cut" && name != "tr" {
		in = s.w.content(operandsOf(args[1:])[0])
	}
	words := operandsOf(args[1:])
	switch {
	case name == "sort" || name == "uniq":
	case name == "awk" && len(words) == 1 && words[0].s == "{print $1}" && !slices.ContainsFunc(args, func(a value) bool { return strings.HasPrefix(a.s, "-F") }):
		out := value{from: in.from}
		for _, l := range in.lines() {
			if f := l.fields(); len(f) > 0 {
				out = cat(out, cat(f[0], text("\n")))
			}
		}
		in = out
	case name == "sed" && len(words) == 1 && (words[0].s == `s/"//g` || words[0].s == `s/^"//;s/"$//`):
		in.s = strings.ReplaceAll(in.s, `"`, "")
	default:
		in = changed(in, name)
	}
	s.print(in, s.source.at(c))
	return onward
}

func head(s *state, c *syntax.CallExpr, args []value) flow { return s.some(c, args, true) }
func tail(s *state, c *syntax.CallExpr, args []value) flow { return s.some(c, args, false) }

// some prints the first or last lines.
func (s *state) some(c *syntax.CallExpr, args []value, first bool) flow {
	s.status = 0
	n := 10
	in := s.readAll()
	for _, a := range args[1:] {
		if i, err := strconv.Atoi(strings.TrimLeft(a.s, "-n")); err == nil {
			n = i
		} else if !strings.HasPrefix(a.s, "-") {
			in = s.w.content(a)
		}
	}
	lines := in.lines()
	if n = min(max(n, 0), len(lines)); first {
		lines = lines[:n]
	} else {
		lines = lines[len(lines)-n:]
	}
	for _, l := range lines {
		s.print(cat(l, text("\n")), s.source.at(c))
	}
	return onward
}

func wc(s *state, c *syntax.CallExpr, args []value) flow {
	s.status = 0
	in := s.readAll()
	n, counted := 0, true
	switch {
	case slices.ContainsFunc(args, func(a value) bool { return a.s == "-l" }):
		n = len(in.lines())
	case slices.ContainsFunc(args, func(a value) bool { return a.s == "-w" }):
		n = len(in.fields())
	default:
		counted = false
	}
	v := value{s: strconv.Itoa(n) + "\n", from: in.from}
	if !counted || !in.known() {
		v = opaque("wc", in.from...)
	}
	s.print(v, s.source.at(c))
	return onward
}

// expr computes with two numbers.
func expr(s *state, c *syntax.CallExpr, args []value) flow {
	s.status = 0
	v := opaque("expr")
	if len(args) == 4 {
		a, ok := s.number(args[1])
		b, also := s.number(args[3])
		op, known := map[string]syntax.BinAritOperator{"+": syntax.Add, "-": syntax.Sub, "*": syntax.Mul, "/": syntax.Quo, "%": syntax.Rem,
			"<": syntax.Lss, ">": syntax.Gtr, "=": syntax.Eql, "<=": syntax.Leq, ">=": syntax.Geq}[args[2].s]
		if n, fine := compute(op, a, b); ok && also && known && fine {
			v = text(strconv.Itoa(n))
			s.status = boolCode(n != 0)
		}
	}
	s.print(cat(v, text("\n")), s.source.at(c))
	return onward
}

func base(s *state, c *syntax.CallExpr, args []value) flow {
	s.status = 0
	if len(args) > 1 {
		s.print(value{s: path.Base(args[1].s) + "\n", from: args[1].from}, s.source.at(c))
	}
	return onward
}

func mktemp(s *state, c *syntax.CallExpr, _ []value) flow {
	s.status = 0
	at := s.source.at(c)
	name := "/tmp/made." + strconv.Itoa(at.line) + "." + strconv.Itoa(at.column)
	if len(s.w.files) < 512 {
		s.w.files[name] = value{}
	}
	s.print(text(name+"\n"), at)
	return onward
}

func rm(s *state, _ *syntax.CallExpr, args []value) flow {
	s.status = 0
	for _, a := range operandsOf(args[1:]) {
		delete(s.w.files, a.s)
	}
	return onward
}

func touch(s *state, _ *syntax.CallExpr, args []value) flow {
	s.status = 0
	for _, a := range operandsOf(args[1:]) {
		s.open(a, true)
	}
	return onward
}
