package shell

import (
	"hash/maphash"
	"maps"
	"slices"

	"mvdan.cc/sh/v3/syntax"
)

// state is one shell: a script, or a subshell of it.
type state struct {
	w      *world
	source *source
	vars   map[string]variable
	funcs  map[string]function
	args   []value
	// given says that whoever starts the script gives it arguments, and which they are is not known.
	given   bool
	name    string
	status  int
	traps   map[string]string
	streams streams
	// errexit and pipefail as set; checked counts the conditions that the shell is in, where errexit does not count.
	errexit, pipefail, posix bool
	checked                  int
	// asking counts the ifs whose condition is run.
	asking int
	depth  int
	// saved are the variables that local hides, a map for each function that is running.
	saved []map[string]*variable
	// caller is where the function that is running was called.
	caller *site
	pid    string
}

// variable of a shell: a text, or a list, with keys where it is an associative array.
type variable struct {
	value value
	list  []value
	keys  []string
	array bool
}

type function struct {
	body   *syntax.Stmt
	source *source
}

// streams are where a command reads and writes.
type streams struct {
	in       *input
	out, err *sink
}

// input is text that is read line by line.
type input struct{ rest value }

// sink takes what is written.
type sink struct {
	to   target
	name string // of a file
	got  value
}

type target int

const (
	toLog target = iota
	toCapture
	toFile
	toNothing
)

// flow is how a command leaves: it goes on, or leaves loops, a function or the shell.
type flow struct {
	kind  flowKind
	loops int
}

type flowKind int

const (
	goesOn flowKind = iota
	breaks
	continues
	returns
	exits
	stays // in a loop that never ends
)

var onward = flow{}

// maxShells is how deep functions, substitutions and scripts may lie in each other.
const maxShells = 48

// sub is a subshell: it sees everything and changes nothing.
func (s *state) sub() *state {
	s.w.steps += 2 + len(s.vars)>>3
	c := *s
	c.vars, c.funcs, c.traps = maps.Clone(s.vars), maps.Clone(s.funcs), nil
	c.saved = nil
	c.depth++
	return &c
}

// signature of what later commands of a loop could see.
func (s *state) signature() uint64 {
	var sum uint64
	for name, v := range s.vars {
		if !s.w.texts.relevant[name] {
			continue
		}
		s.w.pay(len(v.value.s) + 16*len(v.list))
		sum += maphash.String(seed, name+"\x00"+v.value.s)
		for i, item := range v.list {
			sum += maphash.String(seed, name) * uint64(i+3) * (maphash.String(seed, item.s) | 1)
		}
	}
	for name, v := range s.w.files {
		s.w.pay(len(v.s))
		sum += maphash.String(seed, "file\x00"+name+"\x00"+v.s)
	}
	if s.streams.in != nil {
		sum += maphash.String(seed, "in\x00"+s.streams.in.rest.s)
	}
	return sum
}

var seed = maphash.MakeSeed()

// set gives a variable a value.
func (s *state) set(name string, v value) {
	old := s.vars[name]
	old.value = v
	if old.array {
		if len(old.list) == 0 {
			old.list = []value{v}
		} else {
			old.list = slices.Clone(old.list)
			old.list[0] = v
		}
	}
	s.vars[name] = old
}

// local hides a variable until the function ends.
func (s *state) local(name string) {
	if len(s.saved) == 0 {
		return
	}
	top := s.saved[len(s.saved)-1]
	if _, done := top[name]; done {
		return
	}
	if old, ok := s.vars[name]; ok {
		top[name] = &old
	} else {
		top[name] = nil
	}
}

// restore ends a function's own variables.
func (s *state) restore() {
	top := s.saved[len(s.saved)-1]
	s.saved = s.saved[:len(s.saved)-1]
	for name, old := range top {
		if old == nil {
			delete(s.vars, name)
		} else {
			s.vars[name] = *old
		}
	}
}

// capture runs a part with its output caught.
func (s *state) capture(run func()) value {
	old := s.streams.out
	caught := &sink{to: toCapture}
	s.streams.out = caught
	run()
	s.streams.out = old
	return caught.got
}

// write puts a text where a stream leads.
func (s *state) write(to *sink, v value, at site) {
	switch to.to {
	case toCapture:
		s.w.pay(len(to.got.s))
		to.got = cat(to.got, v)
	case toFile:
		s.w.pay(len(s.w.files[to.name].s))
		s.w.files[to.name] = cat(s.w.files[to.name], v)
		s.w.toFile(to.name, v, at)
	case toLog:
		s.w.log(v, at)
	}
}

func (s *state) print(v value, at site) { s.write(s.streams.out, v, at) }
