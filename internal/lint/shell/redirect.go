package shell

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// redirect sends streams elsewhere; false where a file that is read is known not to be there.
func (s *state) redirect(list []*syntax.Redirect) bool {
	for _, r := range list {
		switch r.Op {
		case syntax.RdrOut, syntax.AppOut, syntax.RdrClob:
			s.aim(r.N, s.open(s.word(r.Word), r.Op == syntax.AppOut))
		case syntax.RdrAll, syntax.AppAll:
			to := s.open(s.word(r.Word), r.Op == syntax.AppAll)
			s.streams.out, s.streams.err = to, to
		case syntax.DplOut:
			switch s.word(r.Word).s {
			case "1":
				s.aim(r.N, s.streams.out)
			case "2":
				s.aim(r.N, s.streams.err)
			case "-":
				s.aim(r.N, &sink{to: toNothing})
			}
		case syntax.RdrIn:
			s.streams.in = &input{rest: s.w.content(s.word(r.Word))}
		case syntax.Hdoc, syntax.DashHdoc:
			v := value{}
			if r.Hdoc != nil {
				v = s.hereDocument(r)
			}
			s.streams.in = &input{rest: v}
		case syntax.WordHdoc:
			s.streams.in = &input{rest: cat(s.word(r.Word), text("\n"))}
		}
	}
	return true
}

// hereDocument is the text of <<EOF. One whose end is quoted is taken as it is.
func (s *state) hereDocument(r *syntax.Redirect) value {
	var v value
	for _, part := range r.Hdoc.Parts {
		v = cat(v, s.part(part, true))
	}
	if r.Op == syntax.DashHdoc {
		var b strings.Builder
		for line := range strings.Lines(v.s) {
			b.WriteString(strings.TrimLeft(line, "\t"))
		}
		v.s = b.String()
	}
	return v
}

// aim sends the stream of a number to a sink: 1 where none is written.
func (s *state) aim(number *syntax.Lit, to *sink) {
	switch {
	case number == nil || number.Value == "1":
		s.streams.out = to
	case number.Value == "2":
		s.streams.err = to
	}
}

// open is a file that is written.
func (s *state) open(name value, appends bool) *sink {
	switch name.s {
	case "/dev/null":
		return &sink{to: toNothing}
	case "/dev/stdout", "/dev/fd/1":
		return s.streams.out
	case "/dev/stderr", "/dev/fd/2":
		return s.streams.err
	case "/dev/tty":
		return &sink{to: toLog}
	}
	if _, ok := s.w.files[name.s]; !appends || !ok {
		if len(s.w.files) > 512 {
			return &sink{to: toNothing}
		}
		s.w.files[name.s] = value{}
	}
	return &sink{to: toFile, name: name.s}
}

// content of a file: what the scripts wrote, or what the repository has, or unknown.
func (w *world) content(name value) value {
	if v, ok := w.files[name.s]; ok {
		return v
	}
	if name.s == "/dev/null" {
		return value{}
	}
	if t, ok := w.sequence.read(strings.TrimPrefix(name.s, "./")); ok && name.known() {
		if len(t) < maxValue {
			return text(t)
		}
	}
	return opaque("file " + name.s)
}
