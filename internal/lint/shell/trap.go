package shell

import (
	"time"

	"mvdan.cc/sh/v3/syntax"
)

// sleep lets time pass.
func (w *world) sleep(d time.Duration) { w.clock += max(0, min(d, 48*time.Hour)) }

// handler runs the text of a trap.
func (s *state) handler(handler, signal string) flow {
	old := s.traps[signal]
	delete(s.traps, signal)
	source := s.w.texts.parse("trap", handler, syntax.LangBash, source{name: s.source.name, script: s.source.script, place: s.source.place, fixed: s.source.fixed})
	if source == nil || s.depth > maxShells {
		return onward
	}
	was := s.source
	s.source = source
	s.depth++
	f := s.stmts(source.file.Stmts)
	s.depth--
	s.source = was
	if f.kind != exits && s.traps != nil {
		s.traps[signal] = old
	}
	return f
}

// leave ends a shell: its EXIT trap runs.
func (s *state) leave() {
	handler, ok := s.traps["EXIT"]
	if !ok {
		return
	}
	code := s.status
	if f := s.handler(handler, "EXIT"); f.kind != exits {
		s.status = code
	}
}
