package shell

import (
	"slices"
	"strings"
)

// value is text that a script works with, and what it came of.
type value struct {
	s    string
	from []*origin
}

// origin is where a text came from, as far as findings ask for it.
type origin struct {
	kind kind
	// event is the call whose answer it is, for ids, answers and errors.
	event *event
	// field of the answer: Status, StatusDetails, CommandId; empty for all of it.
	field string
	// name of a secret.
	name string
}

// kind is what an origin is.
type kind int

const (
	ofSend       kind = iota // a command id, or the whole answer of SendCommand
	ofRead                   // what a read said
	ofError                  // what the AWS CLI wrote to stderr
	ofSecret                 // ${{ secrets.NAME }}
	ofCredential             // what AssumeRole gave
)

// Text that is not known stands between these two, with a name: equal names are equal texts.
const (
	opens  = '\x01'
	closes = '\x02'
)

// opaque is text of which only a name is known. It is not empty.
func opaque(name string, from ...*origin) value {
	name = strings.Map(func(r rune) rune {
		if r == opens || r == closes {
			return -1
		}
		return r
	}, name)
	if len(name) > maxName {
		name = name[:maxName]
	}
	return value{s: string(opens) + name + string(closes), from: from}
}

// maxName bounds names of unknown texts, maxValue what a variable may hold.
const (
	maxName  = 4 << 10
	maxValue = 64 << 10
)

func text(s string) value { return value{s: s} }

// known says whether all of the text is.
func (v value) known() bool { return strings.IndexByte(v.s, opens) < 0 }

// with adds origins.
func (v value) with(from []*origin) value {
	for _, o := range from {
		if !slices.Contains(v.from, o) && len(v.from) < 16 {
			v.from = append(slices.Clip(v.from), o)
		}
	}
	return v
}

// cat puts texts one behind the other.
func cat(a, b value) value {
	if len(a.s)+len(b.s) > maxValue {
		return opaque("too long").with(a.from).with(b.from)
	}
	return value{s: a.s + b.s, from: a.from}.with(b.from)
}

// origins of one kind.
func (v value) origins(k kind) []*origin {
	var list []*origin
	for _, o := range v.from {
		if o.kind == k {
			list = append(list, o)
		}
	}
	return list
}

// trimmed is the text as $(…) gives it.
func (v value) trimmed() value {
	v.s = strings.TrimRight(v.s, "\n")
	return v
}

// fields splits at white space, but not inside of what is unknown.
func (v value) fields() []value {
	var list []value
	for _, f := range splitOutside(v.s, func(b byte) bool { return b == ' ' || b == '\t' || b == '\n' }) {
		if f != "" {
			list = append(list, value{s: f, from: v.from})
		}
	}
	return list
}

// lines of the text.
func (v value) lines() []value {
	if v.s == "" {
		return nil
	}
	var list []value
	for _, l := range splitOutside(strings.TrimSuffix(v.s, "\n"), func(b byte) bool { return b == '\n' }) {
		list = append(list, value{s: l, from: v.from})
	}
	return list
}

// splitOutside splits at bytes that stand in what is known.
func splitOutside(s string, at func(byte) bool) []string {
	var list []string
	inside, begin := false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == opens:
			inside = true
		case s[i] == closes:
			inside = false
		case !inside && at(s[i]):
			list = append(list, s[begin:i])
			begin = i + 1
		}
	}
	return append(list, s[begin:])
}
