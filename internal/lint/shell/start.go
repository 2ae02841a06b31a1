package shell

import (
	"path"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// function runs a function.
func (s *state) function(f function, c *syntax.CallExpr, args []value) flow {
	if s.depth > maxShells {
		s.w.spent = true
		return onward
	}
	oldArgs, oldSource, oldGiven, oldCaller := s.args, s.source, s.given, s.caller
	at := s.site(c)
	s.caller = &at
	s.args, s.source, s.given = args[1:], f.source, false
	s.depth++
	s.saved = append(s.saved, map[string]*variable{})
	left := s.stmt(f.body)
	s.restore()
	s.depth--
	s.args, s.source, s.given, s.caller = oldArgs, oldSource, oldGiven, oldCaller
	if left.kind == returns {
		return onward
	}
	return left
}

// site is the place of a command. One that is handed on as "$@" stands where the function is called.
func (s *state) site(c *syntax.CallExpr) site {
	if s.caller != nil && handsOn(c) {
		return *s.caller
	}
	return s.source.at(c)
}

// handsOn says whether "$@" is among the words of a command.
func handsOn(c *syntax.CallExpr) bool {
	for _, w := range c.Args {
		if len(w.Parts) != 1 {
			continue
		}
		q, ok := w.Parts[0].(*syntax.DblQuoted)
		if !ok || len(q.Parts) != 1 {
			continue
		}
		if p, ok := q.Parts[0].(*syntax.ParamExp); ok && p.Param != nil && p.Param.Value == "@" {
			return true
		}
	}
	return false
}

// startShell is bash -c 'text', or a script.
func (s *state) startShell(c *syntax.CallExpr, args []value) flow {
	words := make([]Word, len(args)-1)
	for i, a := range args[1:] {
		words[i] = Word{Text: a.s, Whole: a.known()}
	}
	script, file, options := argumentOf(words)
	child := s.sub()
	child.errexit, child.pipefail, child.posix = strings.Contains(options, "e"), false, path.Base(args[0].s) == "sh"
	if script != nil {
		at := s.source.at(c)
		if !script.Whole {
			return s.anything(c, args)
		}
		return s.runText(child, "sh -c", script.Text, source{name: s.source.name, script: s.source.script, fixed: &at}, nil)
	}
	if file != "" {
		if text, ok := s.w.sequence.read(file); ok {
			return s.runText(child, file, text, source{name: path.Clean(file), script: s.source.script}, after(args, file))
		}
	}
	if in := s.streams.in; file == "" && in != nil && in.rest.known() { // a here document
		at := s.source.at(c)
		return s.runText(child, "stdin", in.rest.s, source{name: s.source.name, script: s.source.script, fixed: &at}, nil)
	}
	return s.anything(c, args)
}

// after are the arguments behind the script's name.
func after(args []value, file string) []value {
	for i, a := range args {
		if a.s == file {
			return args[i+1:]
		}
	}
	return nil
}

// startFile runs a script of the repository that is called by its path.
func (s *state) startFile(name string, args []value, _ *syntax.CallExpr) (flow, bool) {
	if !strings.Contains(name, "/") {
		return onward, false
	}
	text, ok := s.w.sequence.read(name)
	if !ok {
		return onward, false
	}
	if _, isShell := variantOf("", text); !isShell {
		return onward, false
	}
	child := s.sub()
	first, _, _ := strings.Cut(text, "\n")
	_, options, _ := strings.Cut(first, " -")
	child.errexit, child.pipefail = strings.HasPrefix(first, "#!") && strings.Contains(options, "e"), false
	return s.runText(child, name, text, source{name: path.Clean(name), script: s.source.script}, args[1:]), true
}

// runText runs a text in another shell.
func (s *state) runText(child *state, name, content string, like source, args []value) flow {
	variant, ok := variantOf("", content)
	if !ok || s.depth > maxShells {
		s.status = 0
		return onward
	}
	source := s.w.texts.parse(name+"\x00"+strconv.Itoa(like.script)+"\x00"+like.key(), content, variant, like)
	if source == nil {
		s.status = 2
		return onward
	}
	child.source, child.args, child.name, child.traps = source, args, name, map[string]string{}
	child.checked, child.given, child.caller = 0, false, nil
	f := child.stmts(source.file.Stmts)
	if f.kind == stays {
		return f
	}
	child.leave()
	s.status = child.status
	return onward
}

// key tells texts apart that stand at different places.
func (s *source) key() string {
	if s.fixed == nil {
		return s.name
	}
	return s.fixed.file + "\x00" + strconv.Itoa(s.fixed.line) + "\x00" + strconv.Itoa(s.fixed.column)
}

// readAll takes the rest of the input.
func (s *state) readAll() value {
	if s.streams.in == nil {
		return value{}
	}
	v := s.streams.in.rest
	s.streams.in.rest = value{}
	return v
}

// anything is a program of which nothing is known: it works, and prints what only it knows. Where a script asks how it
// ended, it goes both ways.
func (s *state) anything(c *syntax.CallExpr, args []value) flow {
	v := opaque(joined(args).s).with(joined(args).from).with(s.readAll().from)
	for _, o := range v.origins(ofSend) {
		s.w.handed[o.event] = true
	}
	s.status = 0
	if s.checked > 0 {
		s.status = boolCode(s.w.decide(c))
	}
	s.print(v, s.source.at(c))
	return onward
}
