package shell

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

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
		if s.given && len(s.args) == 0 {
			return []value{opaque("$@")}, true
		}
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
