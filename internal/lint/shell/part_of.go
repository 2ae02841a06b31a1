package shell

import (
	"regexp"
	"strings"

	"mvdan.cc/sh/v3/pattern"
	"mvdan.cc/sh/v3/syntax"
)

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
