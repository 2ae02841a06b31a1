package policy

import "strings"

// members walks over the members of an object: more is false at its end, and after an error, which is then in err.
// The text need not be known to be JSON; what more has passed over is.
type members struct {
	scanner
	name, value string
	first, done bool
	err         error
}

// membersOf begins a walk over the members of an object.
func membersOf(text string) members {
	m := members{scanner: scanner{src: text}, first: true}
	m.space()
	if m.next() == '{' {
		m.at++
	} else {
		m.err = m.errorf("expected an object, found %s", m.found())
	}
	return m
}

func (m *members) more() bool {
	if m.err != nil || m.done {
		return false
	}
	if m.done, m.err = m.separator('}', m.first); m.done || m.err != nil {
		return false
	}
	m.first = false
	m.space()
	start := m.at
	if m.err = m.key(); m.err != nil {
		return false
	}
	name := m.src[start:m.at]
	name = name[:strings.LastIndexByte(name, '"')+1]
	if m.name, m.err = unquote(name); m.err != nil {
		return false
	}
	m.value, m.err = m.scanner.value(1)
	return m.err == nil
}

// items returns the texts of a list's elements.
func items(text string) ([]string, error) {
	if text[0] != '[' {
		return nil, wrongType("a list", text)
	}
	s := scanner{src: text, at: 1}
	list := []string{}
	for first := true; ; first = false {
		if done, err := s.separator(']', first); done || err != nil {
			return list, err
		}
		v, err := s.value(0)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
}
