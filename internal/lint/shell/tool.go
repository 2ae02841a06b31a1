package shell

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"mvdan.cc/sh/v3/syntax"
)

// tools are programs whose doings scripts rest on when they follow a command.
var tools map[string]run

func init() { // they run each other
	tools = map[string]run{
		"aws": aws, "sleep": sleep, "date": date, "seq": seq, "cat": concatenate, "tee": tee, "grep": grep, "egrep": grep, "fgrep": grep, "jq": jq,
		"tr": tr, "cut": through, "head": head, "tail": tail, "sort": through, "uniq": through, "sed": through, "awk": through, "wc": wc,
		"expr": expr, "basename": base, "dirname": through, "mktemp": mktemp, "rm": rm, "touch": touch, "mkdir": succeed, "chmod": succeed,
		"base64": through, "column": through, "rev": through, "xxd": through,
	}
}

func sleep(s *state, _ *syntax.CallExpr, args []value) flow {
	s.status = 0
	for _, a := range args[1:] {
		if d, ok := seconds(a.s); ok {
			s.w.sleep(d)
		} else {
			s.w.sleep(5 * time.Second)
		}
	}
	return onward
}

// date gives the time as a number where it is asked for one, and else a text.
func date(s *state, c *syntax.CallExpr, args []value) flow {
	s.status = 0
	v := opaque("date")
	plain := !slices.ContainsFunc(args[1:], func(a value) bool { return strings.HasPrefix(a.s, "-d") || strings.HasPrefix(a.s, "--date") })
	if plain && slices.ContainsFunc(args[1:], func(a value) bool { return a.s == "+%s" }) {
		v = text(strconv.Itoa(s.w.now()))
	}
	s.print(cat(v, text("\n")), s.source.at(c))
	return onward
}

func seq(s *state, c *syntax.CallExpr, args []value) flow {
	s.status = 0
	var n []int
	for _, a := range args[1:] {
		i, err := strconv.Atoi(a.s)
		switch {
		case strings.HasPrefix(a.s, "-") && err != nil:
			continue
		case err != nil: // not known how many
			i = 3
		}
		n = append(n, i)
	}
	from, step, to := 1, 1, 0
	switch len(n) {
	case 1:
		to = n[0]
	case 2:
		from, to = n[0], n[1]
	case 3:
		from, step, to = n[0], n[1], n[2]
	}
	if from > to && step > 0 {
		return onward
	}
	var b strings.Builder
	for _, i := range count(from, to, step) {
		b.WriteString(strconv.Itoa(i) + "\n")
	}
	s.print(text(b.String()), s.source.at(c))
	return onward
}

// operandsOf are the arguments that are no options.
func operandsOf(args []value) []value {
	return slices.DeleteFunc(slices.Clone(args), func(a value) bool { return strings.HasPrefix(a.s, "-") && a.s != "-" })
}

func concatenate(s *state, c *syntax.CallExpr, args []value) flow {
	s.status = 0
	files := operandsOf(args[1:])
	if len(files) == 0 {
		s.print(s.readAll(), s.source.at(c))
	}
	for _, f := range files {
		if f.s == "-" {
			s.print(s.readAll(), s.source.at(c))
			continue
		}
		s.print(s.w.content(f), s.source.at(c))
	}
	return onward
}

func tee(s *state, c *syntax.CallExpr, args []value) flow {
	s.status = 0
	v := s.readAll()
	appends := slices.ContainsFunc(args, func(a value) bool { return a.s == "-a" || a.s == "--append" })
	for _, f := range operandsOf(args[1:]) {
		s.write(s.open(f, appends), v, s.source.at(c))
	}
	s.print(v, s.source.at(c))
	return onward
}
