package shell

import (
	"slices"

	"mvdan.cc/sh/v3/syntax"
)

// loop is what repeats in a loop: whether there is another round, and its body.
type loop struct {
	node syntax.Node
	more func() (bool, flow)
	body []*syntax.Stmt
	// counted loops end by themselves.
	counted bool
}

// run repeats until the loop is left. One whose rounds are all alike, with AWS saying the same each time, never ends.
func (s *state) run(l loop) flow {
	var before round
	for rounds := 0; ; rounds++ {
		if !s.w.step() {
			return flow{kind: exits}
		}
		now := s.round()
		if rounds > changesFor && !l.counted && now == before {
			return s.forever(l)
		}
		before = now
		more, f := l.more()
		if f.kind != goesOn || !more {
			return f
		}
		f = s.stmts(l.body)
		if f.kind == breaks || f.kind == continues {
			if f.loops > 1 {
				f.loops--
				return f
			}
			if f.kind == breaks {
				return onward
			}
			f = onward
		}
		if f.kind != goesOn {
			return f
		}
	}
}

// changesFor is how many rounds AWS's answers may take to change in a scenario.
const changesFor = 3

// round is what tells one round of a loop from the next.
type round struct {
	signature      uint64
	asked, answers int
	decided        int
}

func (s *state) round() round {
	r := round{signature: s.signature(), asked: s.w.asked, answers: s.w.answers}
	if s.w.scenario.timed {
		r.asked += int(s.w.clock)
	}
	for _, d := range s.w.chosen {
		r.decided += min(d.times, settled) // one that went both ways leads nowhere
	}
	return r
}

// settled is how often a condition was asked for when it has gone both ways.
const settled = 5

// forever is what comes of a loop without an end: where it asks for a status the script stays in it; any other waits for
// something that this shell knows nothing of.
func (s *state) forever(l loop) flow {
	end := s.source.at(l.node)
	if slices.ContainsFunc(s.w.events, func(e *event) bool { return (e.readsStatus() || e.waits()) && e.last }) {
		s.w.never = &end
		return flow{kind: stays}
	}
	s.status = 0
	return onward
}

func (s *state) while(c *syntax.WhileClause) flow {
	s.w.newLoop()
	return s.run(loop{node: c, body: c.Do, more: func() (bool, flow) {
		f := s.condition(c.Cond)
		more := (s.status == 0) != c.Until
		if !more {
			s.status = 0
		}
		return more, f
	}})
}

// newLoop makes calls that were before it not count as its own.
func (w *world) newLoop() {
	for _, e := range w.events {
		e.last = false
	}
}

func (s *state) forClause(c *syntax.ForClause) flow {
	s.w.newLoop()
	switch l := c.Loop.(type) {
	case *syntax.CStyleLoop:
		if l.Init != nil {
			s.arithm(l.Init)
		}
		first := true
		return s.run(loop{node: c, body: c.Do, more: func() (bool, flow) {
			if !first && l.Post != nil {
				s.arithm(l.Post)
			}
			first = false
			return l.Cond == nil || s.truth(l.Cond), onward
		}})
	case *syntax.WordIter:
		items := s.args
		if l.InPos.IsValid() {
			items = s.fields(l.Items)
		}
		i := 0
		return s.run(loop{node: c, body: c.Do, counted: true, more: func() (bool, flow) {
			if i >= len(items) {
				s.status = 0
				return false, onward
			}
			s.set(l.Name.Value, items[i])
			i++
			return true, onward
		}})
	}
	return onward
}
